//! Who may use the page and the controls: this machine, and no web page but the emulator's own.
//!
//! A page of a stranger in the same browser can send requests to loopback. It can't read the answers, unless it had its
//! own name resolve to 127.0.0.1 (DNS rebinding): then `Host` is that name. What it sends in spite of that has its
//! `Origin`. See <https://fetch.spec.whatwg.org/#origin-header>.

use std::net::IpAddr;

use hyper::HeaderMap;
use hyper::header::{HOST, ORIGIN};
use hyper::http::uri::Authority;

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stranger {
    #[error("the emulator answers to localhost and loopback addresses only; check the Host header")]
    Host,
    #[error("the emulator does not answer to pages of others; check the Origin header")]
    Origin,
}

pub(super) fn check(headers: &HeaderMap) -> Result<(), Stranger> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(HOST).unwrap_or_default();
    let authority: Authority = host.parse().map_err(|_| Stranger::Host)?;
    if !is_loopback(authority.host()) {
        return Err(Stranger::Host);
    }
    match text(ORIGIN) {
        Some(origin) if origin.strip_prefix("http://") != Some(host) => Err(Stranger::Origin),
        Some(_) | None => Ok(()),
    }
}

/// Whether `host`, as it stands in a URL, can be no machine but this one.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
