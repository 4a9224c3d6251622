//! The page at `/`, which shows notifications as phones would, and the controls below `/_emulator/`. No hub name begins
//! with an underscore. The files of the page are in `emulator/page/`; what a push means for a phone is decided there.

mod assets;
mod commands;
mod events;
mod guard;
mod samples;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;

use crate::http::{Response, response};
use crate::options::Page;
use crate::service::Namespace;

pub(crate) const PREFIX: &str = "/_emulator/";

/// Answers `/` and the paths below [`PREFIX`].
pub(crate) async fn handle(namespace: &Arc<Namespace>, mut request: Request<Incoming>) -> Response {
    if let Err(error) = guard::check(request.headers()) {
        return response::text(StatusCode::FORBIDDEN, format!("{error}\n"));
    }
    // For tools that wait until a server answers; hyper leaves the body out.
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let path = request.uri().path();
    match (request.method(), path) {
        (&Method::GET, "/") if accepts_html(&request) => assets::front_page(),
        (&Method::GET, "/_emulator/setup") => setup(namespace),
        (&Method::GET, "/_emulator/events") => events::stream(Arc::clone(namespace), request.headers()),
        (&Method::POST, "/_emulator/samples") => samples::post(&namespace.page, request.into_body()).await,
        (&Method::GET, _) if path.starts_with(assets::PREFIX) => assets::file(path),
        _ => commands::handle(namespace, request).await,
    }
}

/// True for a browser. curl gets plain text.
fn accepts_html(request: &Request<Incoming>) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// What the page loads before the first request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Setup<'a> {
    hubs: Vec<SetupHub<'a>>,
    #[serde(flatten)]
    page: &'a Page,
}

/// A hub and a connection string for it, if there is one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetupHub<'a> {
    name: &'a str,
    connection_string: Option<String>,
}

fn setup(namespace: &Namespace) -> Response {
    let hub = |name| SetupHub { name, connection_string: namespace.connection_string_of(name) };
    let hubs = namespace.hubs.iter().map(|options| hub(options.name.as_str())).collect();
    response::json(&Setup { hubs, page: &namespace.page })
}
