//! What a request is for, and what its sender shows of himself, by warp.

use std::convert::Infallible;

use secrecy::SecretString;
use warp::Filter;
use warp::http::{HeaderMap, Method as HttpMethod};
use warp::path::FullPath;

use crate::functions::{Method, has_check};

/// A request without its body.
#[derive(Debug)]
pub struct Route {
    /// What it is for.
    pub target: Target,
    /// What its sender shows.
    pub credentials: Credentials,
}

/// What a request is for.
#[derive(Debug)]
pub enum Target {
    /// Event Grid posts events.
    Deliveries(DeliveryHeaders),
    /// A sender of `CloudEvents` asks whether it may post; with the origin that it names.
    Handshake(Option<String>),
    /// An installation, by its id, percent-encoded as in the path.
    Installation(Method, String),
    /// The counters of this process; or the checks, if the query asks for them.
    Status(bool),
    /// The same and more, for Prometheus.
    Metrics,
    /// Whether the process is there.
    Health,
    /// Whether it should get requests.
    Readiness,
    /// A path that takes these methods only.
    OtherMethod(&'static str),
    /// Another path.
    Unknown,
}

/// The headers of a delivery that matter.
#[derive(Debug)]
pub struct DeliveryHeaders {
    /// `aeg-event-type`.
    pub kind: Option<String>,
    /// `Content-Encoding`.
    pub encoding: Option<String>,
    /// `traceparent`.
    pub traceparent: Option<String>,
}

/// A bearer token, and a key.
#[derive(Debug)]
pub struct Credentials {
    /// From `Authorization`.
    pub token: Option<SecretString>,
    /// From `x-functions-key`, or else from the query's `code`.
    pub key: Option<SecretString>,
}

/// Finds the route of a request. It never rejects one.
pub fn route() -> impl Filter<Extract = (Route,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method().and(warp::path::full()).and(query).and(warp::header::headers_cloned()).map(Route::of)
}

impl Route {
    #[expect(clippy::needless_pass_by_value, reason = "warp hands these over")]
    fn of(method: HttpMethod, path: FullPath, query: String, headers: HeaderMap) -> Self {
        Self {
            target: Target::of(&method, path.as_str(), &query, &headers),
            credentials: Credentials::of(&query, &headers),
        }
    }

    /// The route of a request in parts; `None` where HTTP could not carry them.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn of_parts<'a>(
        method: &str,
        path: &str,
        query: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Option<Self> {
        let headers: HeaderMap =
            headers.map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?))).collect::<Option<_>>()?;
        let method = method.parse().ok()?;
        Some(Self { target: Target::of(&method, path, query, &headers), credentials: Credentials::of(query, &headers) })
    }
}

impl Target {
    fn of(method: &HttpMethod, path: &str, query: &str, headers: &HeaderMap) -> Self {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        match (method.as_str(), lower.as_slice()) {
            ("POST", ["webhooks", "eventgrid"]) => Self::Deliveries(DeliveryHeaders {
                kind: text(headers, "aeg-event-type"),
                encoding: text(headers, "content-encoding"),
                traceparent: text(headers, "traceparent"),
            }),
            ("OPTIONS", ["webhooks", "eventgrid"]) => Self::Handshake(text(headers, "webhook-request-origin")),
            (_, ["webhooks", "eventgrid"]) => Self::OtherMethod("POST, OPTIONS"),
            ("GET", ["api", "installations", _]) => Self::Installation(Method::Get, segments[2].to_owned()),
            ("PUT", ["api", "installations", _]) => Self::Installation(Method::Put, segments[2].to_owned()),
            ("DELETE", ["api", "installations", _]) => Self::Installation(Method::Delete, segments[2].to_owned()),
            (_, ["api", "installations", _]) => Self::OtherMethod("GET, PUT, DELETE"),
            ("GET", ["api", "status"]) => Self::Status(has_check(query)),
            ("GET", ["metrics"]) => Self::Metrics,
            ("GET" | "HEAD", ["healthz"]) => Self::Health,
            ("GET" | "HEAD", ["readyz"]) => Self::Readiness,
            (_, ["api", "status"] | ["metrics"] | ["healthz"] | ["readyz"]) => Self::OtherMethod("GET"),
            _ => Self::Unknown,
        }
    }
}

impl Credentials {
    fn of(query: &str, headers: &HeaderMap) -> Self {
        let token = text(headers, "authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
        });
        let in_query = || {
            let code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
            code.map(|(_, value)| value.into_owned())
        };
        let key = text(headers, "x-functions-key").or_else(in_query);
        Self { token: token.map(SecretString::from), key: key.map(SecretString::from) }
    }
}

/// The header of that name, if it is a text.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
