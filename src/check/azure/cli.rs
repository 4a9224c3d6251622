//! An access token of the Azure CLI's login, as the store gets its own through `object_store`, which asks for storage only.

use std::process::{Command, Output};

use secrecy::SecretString;
use serde::Deserialize;
use tokio::task::spawn_blocking;
use url::Url;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: SecretToken,
}

/// A token that was never a plain `String` of ours.
#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretToken(SecretString);

impl From<String> for SecretToken {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// A token for `address`. `Err` tells why there is none.
pub async fn token(address: &Url) -> Result<SecretString, String> {
    let resource = address.to_string();
    let output = match spawn_blocking(move || run(&resource)).await {
        Ok(output) => output,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    let output = output.map_err(|error| format!("az cannot be run ({error})"))?;
    if !output.status.success() {
        return Err(last_line(&output.stderr));
    }
    let token: Token = serde_json::from_slice(&output.stdout).map_err(|_| "az printed no accessToken".to_owned())?;
    Ok(token.access_token.0)
}

fn run(resource: &str) -> std::io::Result<Output> {
    // On Windows it is a script.
    let (program, first) = if cfg!(windows) { ("cmd", &["/C", "az"][..]) } else { ("az", &[][..]) };
    let words = ["account", "get-access-token", "--output", "json", "--resource", resource];
    Command::new(program).args(first).args(words).output()
}

/// The Azure CLI's own words: warnings come before the error.
fn last_line(stderr: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("az failed without a word");
    line.trim().chars().take(LONGEST).collect()
}
