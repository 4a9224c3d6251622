//! Requests that a web page sent, from a browser on the computer that the handler runs on: they are refused.
//!
//! A browser adds `Origin` to what a page writes to another site. A page cannot set `X-Azure-Functions-InvocationId` there: the
//! browser would first ask with `OPTIONS`, and nothing here allows it. The Functions host sets it on all requests, also on those
//! of callers that it forwards with their own `Host` and `Origin`. A page whose own name was made to point to this computer (DNS
//! rebinding) needs no `Origin`; its `Host` is that name.

use std::future::ready;
use std::net::{Ipv4Addr, Ipv6Addr};

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::host::Authority;

use super::http_response::{HttpResponse, StatusCode, error_response};

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CrossSite {
    /// Its `Host` is no name of this computer.
    #[error(
        "Host: expected localhost, 127.0.0.1 or [::1], because the settings say that this is a developer's computer \
         (AZURE_FUNCTIONS_ENVIRONMENT or FUNCTIONS_CORETOOLS_ENVIRONMENT): ask for one of these, or let the tunnel or proxy \
         rewrite Host"
    )]
    Host,
    /// It has an `Origin`, and the host did not send it.
    #[error(
        "Origin: expected none without X-Azure-Functions-InvocationId: a web page cannot use the handler itself; send the \
         request to the Functions host"
    )]
    Origin,
}

impl CrossSite {
    /// 403.
    pub fn response(self) -> HttpResponse {
        error_response(StatusCode::FORBIDDEN, "Forbidden", &self.to_string())
    }
}

/// Takes the requests to refuse, and rejects all others. With `loopback_names_only`, `Host` has to be a name of this computer.
pub fn cross_site(loopback_names_only: bool) -> BoxedFilter<(CrossSite,)> {
    let checks_host = move || ready(if loopback_names_only { Ok(()) } else { Err(warp::reject::not_found()) });
    // One that cannot be read is no name of this computer.
    let host = warp::host::optional().or(warp::any().map(|| None)).unify();
    let other_host = warp::any().and_then(checks_host).untuple_one().and(host).and_then(|host: Option<Authority>| {
        let is_own = host.is_some_and(|host| is_loopback(host.host()));
        ready(if is_own { Err(warp::reject::not_found()) } else { Ok(CrossSite::Host) })
    });
    let from_functions_host = warp::header::value("x-azure-functions-invocationid");
    let from_functions_host = from_functions_host.map(|_| true).or(warp::any().map(|| false)).unify();
    let origin = warp::header::value("origin").and(from_functions_host).and_then(|_, from_functions_host: bool| {
        ready(if from_functions_host { Err(warp::reject::not_found()) } else { Ok(CrossSite::Origin) })
    });
    // Boxed, or the type of all routes becomes too long for the compiler.
    other_host.or(origin).unify().boxed()
}

/// Whether a name, or an address as URLs write it, is this computer's own everywhere.
fn is_loopback(host: &str) -> bool {
    let ipv6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || ipv6.and_then(|host| host.parse::<Ipv6Addr>().ok()).is_some_and(|address| address.is_loopback())
}
