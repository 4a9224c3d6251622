//! Verifies the SAS token in the `Authorization` header.
//!
//! The official clients differ in the scheme, letter case, hex case, parameter order and final slash of the address that
//! they sign, and all of them work. So the signature is verified over the raw text of `sr`, and only host and path of `sr`
//! are compared with the request.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/common-concepts#create-sas-security-token>

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::http::request::Parts;
use sha2::Sha256;

use crate::http::{ServiceError, path_after, percent_decode};
use crate::options::Rule;

/// The parts of a request that matter for its authorization, and the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct AuthContext<'a> {
    /// The `Authorization` header.
    pub(super) authorization: Option<&'a str>,
    /// The `Host` header.
    pub(super) host: &'a str,
    /// The raw path of the request.
    pub(super) path: &'a str,
    /// Unix time in seconds.
    pub(super) now: u64,
}

impl<'a> AuthContext<'a> {
    /// Those of a request at this moment.
    pub(super) fn of(head: &'a Parts) -> Self {
        let text = |name| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            authorization: text(AUTHORIZATION),
            host: text(HOST).unwrap_or_default(),
            path: head.uri.path(),
            now: since_1970.as_secs(),
        }
    }
}

/// The rule whose key signed the token. The checks are in the order in which the service refuses.
pub(super) fn verify<'r>(
    context: AuthContext<'_>,
    rules: impl IntoIterator<Item = &'r Rule>,
) -> Result<&'r Rule, ServiceError> {
    let token = context.authorization.ok_or(ServiceError::MissingToken)?;
    let token = Token::parse(token).ok_or(ServiceError::MalformedToken)?;
    let rule = rules
        .into_iter()
        .filter(|rule| rule.name == token.rule)
        .find(|rule| [&rule.primary_key, &rule.secondary_key].iter().any(|key| token.is_signed_with(key)))
        .ok_or(ServiceError::InvalidSignature)?;
    if token.expiry <= context.now {
        return Err(ServiceError::ExpiredToken);
    }
    if !is_audience_of(&percent_decode(token.resource), context.host, context.path) {
        return Err(ServiceError::InvalidAudience);
    }
    Ok(rule)
}

/// The four parts of a token. `resource` and `expiry_text` are raw, because they were signed in this form.
struct Token<'a> {
    resource: &'a str,
    expiry_text: &'a str,
    expiry: u64,
    signature: Vec<u8>,
    rule: String,
}

impl<'a> Token<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let parameters = header.strip_prefix("SharedAccessSignature ")?;
        let value = |name: &str| {
            let pairs = parameters.split('&').filter_map(|pair| pair.trim().split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let expiry_text = value("se")?;
        // A signature that is not base64 is an invalid one; the token is not malformed.
        let signature = STANDARD.decode(percent_decode(value("sig")?)).unwrap_or_default();
        Some(Self {
            resource: value("sr")?,
            expiry_text,
            expiry: expiry_text.parse().ok()?,
            signature,
            rule: percent_decode(value("skn")?),
        })
    }

    /// The key is the text of `SharedAccessKey` itself, not decoded from base64.
    fn is_signed_with(&self, key: &str) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
        mac.update(self.resource.as_bytes());
        mac.update(b"\n");
        mac.update(self.expiry_text.as_bytes());
        mac.verify_slice(&self.signature).is_ok()
    }
}

/// Whether the decoded audience is the request's host with a prefix of its path. Scheme, port and query are ignored, and a
/// loopback name is every host.
fn is_audience_of(audience: &str, host: &str, path: &str) -> bool {
    let audience = audience.split_once("://").map_or(audience, |(_scheme, rest)| rest);
    let audience = audience.split(['?', '#']).next().unwrap_or_default();
    let (authority, prefix) = audience.split_at(audience.find('/').unwrap_or(audience.len()));
    let name = |authority: &str| authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let same_host = name(authority) == name(host) || ["127.0.0.1", "localhost"].contains(&&*name(authority));
    same_host && path_after(&percent_decode(path), prefix.trim_end_matches('/')).is_some()
}

#[cfg(test)]
mod tests;
