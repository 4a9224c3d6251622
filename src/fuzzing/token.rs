//! A bearer token: a line with its header, and the lines of its claims, which the tenant's key signs; or a token as it is.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use super::block_on;
use crate::client::Client;
use crate::settings::EntraSettings;
use crate::webhook::entra::{Entra, TokenError};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const AUDIENCE: &str = "api://acs-push";
const ROLE: &str = "AzureEventGridSecureWebhookSubscriber";
const KEY_ID: &str = "first";
const SKEW_SECONDS: f64 = 300.0;

/// A key that signs for tests only.
static KEY: LazyLock<RsaKeyPair> = LazyLock::new(|| {
    RsaKeyPair::from_der(include_bytes!("../../tests/handler/webhook/first.der")).expect("it is a key")
});

static ENTRA: LazyLock<Entra> = LazyLock::new(|| {
    let keys = json!({"keys": [{"kty": "RSA", "kid": KEY_ID, "n": modulus(), "e": "AQAB"}]}).to_string();
    entra(keys.as_bytes()).expect("it is a document of keys")
});

/// What verifies tokens with the keys of a document.
pub fn entra(keys: &[u8]) -> Result<Entra, &'static str> {
    let authority = format!("https://login.microsoftonline.com/{TENANT}");
    let settings = EntraSettings {
        authority: Url::parse(&authority).expect("it is an address"),
        audiences: vec![AUDIENCE.to_owned()],
        role: ROLE.to_owned(),
    };
    Entra::with_keys(settings, Client::without_certificates(), keys)
}

/// The public key's modulus, as in such a document.
pub fn modulus() -> String {
    let RsaPublicKeyComponents::<Vec<u8>> { n, .. } = KEY.public().into();
    BASE64_URL_SAFE_NO_PAD.encode(n)
}

/// A token is accepted only if the tenant signed it for this program, for now and with the role.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let accepted = verify(text);
    assert!(!accepted, "nobody signed this");
    let (header, claims) = text.split_once('\n').unwrap_or((text, ""));
    let token = sign(header, claims);
    if verify(&token) {
        assert!(is_right(header, claims), "accepted: {header} {claims}");
        let changed = if token.ends_with('A') { "Q" } else { "A" };
        assert!(!verify(&format!("{}{changed}", &token[..token.len() - 1])), "a wrong signature");
    }
}

/// A token that the tenant signed.
pub fn sign(header: &str, claims: &str) -> String {
    let message = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
    let mut signature = vec![0; KEY.public().modulus_len()];
    let signed = KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature);
    signed.expect("any message can be signed");
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// Claims that are right.
pub fn claims() -> String {
    let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
    json!({"exp": 4_102_444_800_u64, "nbf": 1_600_000_000, "aud": AUDIENCE, "iss": issuer, "roles": [ROLE]}).to_string()
}

/// Whether a token is accepted.
fn verify(token: &str) -> bool {
    match block_on(ENTRA.verify(&SecretString::from(token))) {
        Ok(()) => true,
        Err(error) => {
            assert_told(&error);
            false
        }
    }
}

/// One of few sentences, in which nothing of the token is.
pub fn assert_told(error: &TokenError) {
    let told = error.to_string();
    assert!(told.starts_with("the bearer token ") && told.len() < 200 && told.is_ascii(), "{told}");
}

/// The same by plain words.
fn is_right(header: &str, claims: &str) -> bool {
    let (header, claims): (Value, Value) = match (serde_json::from_str(header), serde_json::from_str(claims)) {
        (Ok(header), Ok(claims)) => (header, claims),
        _ => return false,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let has = |name: &str, wanted: &dyn Fn(&str) -> bool| match &claims[name] {
        Value::String(text) => wanted(text),
        Value::Array(values) => values.iter().any(|value| value.as_str().is_some_and(wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    let number = |name: &str| match &claims[name] {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    header["alg"] == "RS256"
        && header["kid"] == KEY_ID
        && number("exp").is_some_and(|exp| exp + SKEW_SECONDS + 1.0 >= now)
        && number("nbf").is_some_and(|nbf| nbf - SKEW_SECONDS - 1.0 <= now)
        && has("aud", &|audience| audience == AUDIENCE)
        && has("iss", &|issuer| issuer.contains(TENANT))
        && has("roles", &|role| role == ROLE)
}
