//! Connection strings of a hub and of a storage account.

use secrecy::ExposeSecret;
use tokio::time::Instant;
use url::Url;

use super::{NOW, assert_one_line};
use crate::client::Client;
use crate::push::hub::connection_string::ConnectionString;
use crate::push::hub::credentials::HubCredentials;
use crate::storage::store::Store;
use crate::storage::store::azure::{Container, Credential, connection_string};

/// Stands for a key in the inputs.
const PLACE: &str = "{KEY}";
const KEY: &str = "cGxhbnRlZC1rZXktMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The string as one of a hub, and as one of a storage account.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let text = text.replace(PLACE, KEY);
    check_hub(&text);
    check_storage(&text);
}

fn check_hub(text: &str) {
    let parsed = match ConnectionString::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => return assert_told(&error.to_string()),
    };
    let ConnectionString { endpoint, rule, key, .. } = &parsed;
    assert!(["http", "https"].contains(&endpoint.scheme()) && endpoint.has_host() && endpoint.path() == "/");
    assert!(endpoint.username().is_empty() && endpoint.password().is_none() && endpoint.query().is_none());
    for value in [rule, key.expose_secret()] {
        assert!((1..=256).contains(&value.chars().count()));
    }
    if key.expose_secret() == KEY && text.matches(KEY).count() == 1 {
        assert!(!format!("{parsed:?}").contains(KEY), "Debug shows the key");
    }
    let credentials = HubCredentials::new("hub", std::slice::from_ref(&parsed));
    let authorization = credentials.key(0).authorization(Instant::now(), || NOW);
    assert!(authorization.as_bytes().starts_with(b"SharedAccessSignature sr=http"));
    assert!(authorization.is_sensitive(), "Debug shows the token");
}

fn check_storage(text: &str) {
    let (account, credential) = match connection_string::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => return assert_told(&error.to_string()),
    };
    let endpoint = Url::parse(&account.endpoint).expect("an endpoint is an address");
    assert!(["http", "https"].contains(&endpoint.scheme()) && endpoint.has_host() && endpoint.query().is_none());
    assert!(endpoint.username().is_empty() && endpoint.password().is_none() && !account.endpoint.ends_with('/'));
    assert!(!format!("{credential:?}").contains(KEY), "Debug shows the key");
    assert!(matches!(credential, Credential::Key(_) | Credential::Signature(_)));
    let name = "container".to_owned();
    let opened = Store::azure(&Container { name, account, credential }, Client::without_certificates());
    if let Err(error) = opened {
        assert!(!error.to_string().contains(KEY), "an error shows the key");
    }
}

/// An error says what is expected, and nothing of the key.
fn assert_told(error: &str) {
    assert_one_line(error);
    assert!(
        ["expected ", "another value than ", "copy the key again"].iter().any(|right| error.contains(right)),
        "{error}"
    );
    assert!(!error.contains(&KEY[..16]), "an error shows the key");
}
