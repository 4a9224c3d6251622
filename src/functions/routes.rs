//! Which function a request is for: paths and methods, by warp. Like the host's routes, paths are case-insensitive.

use std::convert::Infallible;
use std::future::ready;

use warp::http::HeaderValue;
use warp::path::{FullPath, end, param};
use warp::{Filter, Rejection};

use super::cross_site::{CrossSite, cross_site};
use super::unknown_path::UnknownPath;

/// The function that a request is for.
#[derive(Debug)]
pub enum Route {
    /// None: a web page sent it.
    CrossSite(CrossSite),
    /// `GET /`: whether the handler is ready.
    Root,
    /// The function of that name, with the header `traceparent`.
    EventGridTrigger(Option<String>),
    /// The function of that name.
    Maintenance,
    /// The function of that name, and whether it is to check everything.
    Status(bool),
    /// An installation, by its id, percent-encoded as in the path.
    Installation(Method, String),
    /// A function that takes these methods only.
    OtherMethod(&'static str),
    /// No function.
    Unknown(UnknownPath),
}

/// The operation on an installation.
#[derive(Debug)]
pub enum Method {
    /// Show it.
    Get,
    /// Write it.
    Put,
    /// Remove it.
    Delete,
}

/// Finds the route of a request. It never rejects one. `Host` may have to be a name of this computer.
pub fn route(loopback_names_only: bool) -> impl Filter<Extract = (Route,), Error = Infallible> + Clone {
    let event_grid_trigger = segment("EventGridTrigger").and(end());
    let maintenance = segment("Maintenance").and(end());
    let status = segment("api").and(segment("status")).and(end());
    let installation = segment("api").and(segment("installations")).and(param()).and(end());

    cross_site(loopback_names_only)
        .map(Route::CrossSite)
        // The most frequent request first.
        .or(event_grid_trigger.and(warp::post()).and(traceparent()).map(Route::EventGridTrigger))
        .unify()
        .or(event_grid_trigger.map(|| Route::OtherMethod("POST")))
        .unify()
        .or(end().map(|| Route::Root))
        .unify()
        .or(maintenance.and(warp::post()).map(|| Route::Maintenance))
        .unify()
        .or(maintenance.map(|| Route::OtherMethod("POST")))
        .unify()
        .or(status.and(warp::get()).and(asks_for_check()).map(Route::Status))
        .unify()
        .or(status.map(|| Route::OtherMethod("GET")))
        .unify()
        .or(installation.and(warp::get()).map(|id| Route::Installation(Method::Get, id)))
        .unify()
        .or(installation.and(warp::put()).map(|id| Route::Installation(Method::Put, id)))
        .unify()
        .or(installation.and(warp::delete()).map(|id| Route::Installation(Method::Delete, id)))
        .unify()
        .or(installation.map(|_: String| Route::OtherMethod("GET, PUT, DELETE")))
        .unify()
        .or(warp::method().and(warp::path::full()).map(|method: warp::http::Method, path: FullPath| {
            Route::Unknown(UnknownPath::new(method.as_str(), path.as_str()))
        }))
        .unify()
}

/// The header of that name, if it is a text.
fn traceparent() -> impl Filter<Extract = (Option<String>,), Error = Infallible> + Copy {
    let text = |value: HeaderValue| value.to_str().ok().map(str::to_owned);
    warp::header::value("traceparent").map(text).or(warp::any().map(|| None)).unify()
}

/// Whether the query has the word `check`.
fn asks_for_check() -> impl Filter<Extract = (bool,), Error = Infallible> + Copy {
    warp::query::raw().map(|query: String| has_check(&query)).or(warp::any().map(|| false)).unify()
}

/// Whether a query has the word `check`: then `Status` examines instead of counting.
pub fn has_check(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "check" && value != "false")
}

/// A segment of a path, in any case.
fn segment(word: &'static str) -> impl Filter<Extract = (), Error = Rejection> + Copy {
    let is_word = move |found: String| {
        ready(if found.eq_ignore_ascii_case(word) { Ok(()) } else { Err(warp::reject::not_found()) })
    };
    param().and_then(is_word).untuple_one()
}
