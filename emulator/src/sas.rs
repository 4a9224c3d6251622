//! Verifies the `Authorization` header of a request: a shared access signature.
//!
//! The official clients disagree about scheme, letter case, hex case, parameter order and final
//! slash of what they sign, and all of them work. So the signature is checked over the raw `sr`
//! text as received, and only its host and path are compared with the request. Nothing here signs.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/common-concepts#create-sas-security-token>

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::http::request::Parts;
use sha2::Sha256;

use crate::address::{decode, rest_after};
use crate::options::Rule;
use crate::wording::Refusal;

/// What a token is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    /// The `Authorization` header.
    pub(crate) authorization: Option<&'a str>,
    /// The `Host` header.
    pub(crate) host: &'a str,
    /// The raw path of the request.
    pub(crate) path: &'a str,
    /// Unix time in seconds.
    pub(crate) now: u64,
}

impl<'a> Claim<'a> {
    /// What a request claims at this moment.
    pub(crate) fn of(head: &'a Parts) -> Self {
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

/// The one of these rules whose key signed the token. The order of the checks is the order of the
/// answers.
pub(crate) fn verify<'r>(claim: Claim<'_>, rules: impl IntoIterator<Item = &'r Rule>) -> Result<&'r Rule, Refusal> {
    let token = Token::parse(claim.authorization.ok_or(Refusal::MissingToken)?).ok_or(Refusal::MalformedToken)?;
    let rule = rules
        .into_iter()
        .filter(|rule| rule.name == token.rule)
        .find(|rule| [&rule.primary_key, &rule.secondary_key].iter().any(|key| token.is_signed_with(key)))
        .ok_or(Refusal::InvalidSignature)?;
    if token.expiry <= claim.now {
        return Err(Refusal::ExpiredToken);
    }
    if !covers(&decode(token.resource), claim.host, claim.path) {
        return Err(Refusal::InvalidAudience);
    }
    Ok(rule)
}

/// The four parts of a token. `resource` and `expiry_text` stay raw: they are what was signed.
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
        // A signature that is no base64 can't match; it makes the token invalid, not malformed.
        let signature = STANDARD.decode(decode(value("sig")?)).unwrap_or_default();
        Some(Self {
            resource: value("sr")?,
            expiry_text,
            expiry: expiry_text.parse().ok()?,
            signature,
            rule: decode(value("skn")?),
        })
    }

    /// The key is the UTF-8 text of `SharedAccessKey` as it stands, not decoded from base64.
    fn is_signed_with(&self, key: &str) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return false };
        mac.update(self.resource.as_bytes());
        mac.update(b"\n");
        mac.update(self.expiry_text.as_bytes());
        mac.verify_slice(&self.signature).is_ok()
    }
}

/// Whether the decoded audience is the request's host and a prefix of its path. Scheme, port and
/// query are not compared; loopback names are all the same host.
fn covers(audience: &str, host: &str, path: &str) -> bool {
    let audience = audience.split_once("://").map_or(audience, |(_scheme, rest)| rest);
    let audience = audience.split(['?', '#']).next().unwrap_or_default();
    let (authority, prefix) = audience.split_at(audience.find('/').unwrap_or(audience.len()));
    let name = |authority: &str| authority.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let same_host = name(authority) == name(host) || ["127.0.0.1", "localhost"].contains(&&*name(authority));
    same_host && rest_after(&decode(path), prefix.trim_end_matches('/')).is_some()
}

#[cfg(test)]
mod tests;
