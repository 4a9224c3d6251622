//! Protects page and controls from web pages of other origins.
//!
//! A foreign web page in the same browser can send requests to loopback, with its own `Origin`. It can read the answers
//! only if its host name resolves to 127.0.0.1 (DNS rebinding), and then `Host` is that name. See
//! <https://fetch.spec.whatwg.org/#origin-header>.

use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;

use crate::options::is_loopback;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum GuardError {
    #[error("the header Host must be localhost or a loopback address")]
    Host,
    #[error("the header Origin must be the emulator's own origin")]
    Origin,
}

pub(super) fn check(headers: &HeaderMap) -> Result<(), GuardError> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    let authority: Authority = host.parse().map_err(|_| GuardError::Host)?;
    if !is_loopback(authority.host()) {
        return Err(GuardError::Host);
    }
    match text(ORIGIN) {
        Some(origin) if !["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host)) => {
            Err(GuardError::Origin)
        }
        Some(_) | None => Ok(()),
    }
}
