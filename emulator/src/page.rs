//! The page at `/`: what was pushed, as phones would show it. Its files, the events that keep it live, and posting of
//! samples. What a push means to a phone is decided by the page itself, in `emulator/page/`.

mod assets;
mod events;
mod guard;
mod options;
mod samples;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::ACCEPT;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;

pub(crate) use events::EventStream;
pub use options::{Page, Phone, Sample};

use crate::answer::{self, Response};
use crate::control;
use crate::namespace::Namespace;
use crate::server::Fate;

/// Answers `/` and everything below `/_emulator/`, after a look at who asks.
pub(crate) async fn handle(namespace: &Arc<Namespace>, mut request: Request<Incoming>) -> Fate {
    if let Err(stranger) = guard::check(request.headers()) {
        return Fate::Answer(answer::text(StatusCode::FORBIDDEN, format!("{stranger}\n")));
    }
    // hyper leaves the body out; tools that wait for a server ask like this.
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
    }
    let path = request.uri().path();
    let answer = match (request.method(), path) {
        (&Method::GET, "/") if wants_html(&request) => assets::front_page(),
        (&Method::GET, "/_emulator/setup") => setup(namespace),
        (&Method::GET, "/_emulator/events") => {
            let events = events::stream(Arc::clone(namespace), request.headers());
            return Fate::Stream(events);
        }
        (&Method::POST, "/_emulator/samples") => samples::post(&namespace.page, request.into_body()).await,
        (&Method::GET, _) if path.starts_with(assets::PREFIX) => assets::file(path),
        _ => control::handle(namespace, request).await,
    };
    Fate::Answer(answer)
}

/// A browser says so; curl does not, and gets text.
fn wants_html(request: &Request<Incoming>) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// What the page has to know before the first request.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Setup<'a> {
    hubs: Vec<SetupHub<'a>>,
    #[serde(flatten)]
    page: &'a Page,
}

/// A hub, and a way into it if there is one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SetupHub<'a> {
    name: &'a str,
    connection_string: Option<String>,
}

fn setup(namespace: &Namespace) -> Response {
    let hub = |name| SetupHub { name, connection_string: namespace.connection_string_of(name) };
    let hubs = namespace.hubs.iter().map(|options| hub(options.name.as_str())).collect();
    answer::json(&Setup { hubs, page: &namespace.page })
}
