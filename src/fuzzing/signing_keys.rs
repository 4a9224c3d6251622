//! The document with a tenant's keys, which its authority answers with.

use secrecy::SecretString;
use serde_json::{Value, json};

use super::token::{assert_told, claims, entra, modulus, sign};
use super::{assert_one_line, block_on};

/// Keys that one document is asked for.
const MOST_KEYS: usize = 3;

/// A token is accepted only if the document has the key that signed it, under the id that the token names.
pub fn check(data: &[u8]) {
    // Stands for the modulus of the key that signs.
    let data = String::from_utf8_lossy(data).replace("{N}", &modulus());
    let entra = match entra(data.as_bytes()) {
        Ok(entra) => entra,
        Err(error) => return assert_one_line(error),
    };
    // A member that is not read may hold what no `Value` can.
    let Ok(document) = serde_json::from_str::<Value>(&data) else { return };
    let Some(keys) = document["keys"].as_array() else { return };
    for key in keys.iter().take(MOST_KEYS) {
        let Some(id) = key["kid"].as_str() else { continue };
        let header = json!({"alg": "RS256", "kid": id}).to_string();
        match block_on(entra.verify(&SecretString::from(sign(&header, &claims())))) {
            Ok(()) => {
                let is_signer = |key: &Value| key["kid"] == id && key["n"] == modulus() && key["e"] == "AQAB";
                assert!(keys.iter().any(is_signer), "the document has no such key");
            }
            Err(error) => assert_told(&error),
        }
    }
}
