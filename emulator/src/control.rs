//! The emulator's own controls: the front page as text, and below `/_emulator/` the record and the
//! faults. The page of the phones is in `page`. Nothing here imitates the service, and no hub name
//! can begin with an underscore.

use std::fmt::Write as _;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::Error as _;

use crate::address::query_value;
use crate::answer::{self, Response};
use crate::fault::{Action, Fault};
use crate::namespace::Namespace;

pub(crate) const PREFIX: &str = "/_emulator/";

/// More than any script needs.
const MAX_SCRIPT: usize = 1 << 20;

pub(crate) async fn handle(namespace: &Namespace, request: Request<Incoming>) -> Response {
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/") => answer::text(StatusCode::OK, front_page(namespace)),
        (&Method::GET, "/_emulator/requests") => requests(namespace, query),
        (&Method::DELETE, "/_emulator/requests") => {
            namespace.record.clear();
            answer::done()
        }
        (&Method::GET, "/_emulator/faults") => answer::json(&namespace.script.left()),
        (&Method::POST, "/_emulator/faults") => add_faults(namespace, body).await,
        (&Method::DELETE, "/_emulator/faults") => {
            namespace.script.clear();
            answer::done()
        }
        (_, "/" | "/_emulator/requests" | "/_emulator/faults") => {
            answer::text(StatusCode::METHOD_NOT_ALLOWED, "no such method here; see GET /\n")
        }
        _ => answer::text(StatusCode::NOT_FOUND, "no such page; see GET /\n"),
    }
}

fn requests(namespace: &Namespace, query: &str) -> Response {
    let accepted = query_value(query, "accepted").is_some_and(|value| value == "true");
    let requests = if accepted { namespace.record.accepted() } else { namespace.record.requests() };
    let mut response = answer::json(&requests);
    response.headers_mut().insert("x-total", namespace.record.total().into());
    response
}

async fn add_faults(namespace: &Namespace, body: Incoming) -> Response {
    let refused = |text: String| answer::text(StatusCode::BAD_REQUEST, text + "\n");
    let bytes = match Limited::new(body, MAX_SCRIPT).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => return refused(format!("can't read the faults: {error}")),
    };
    match parse(&bytes) {
        Ok(faults) => {
            for fault in faults {
                namespace.script.add(fault);
            }
            answer::done()
        }
        Err(error) => refused(format!("not a fault or an array of faults: {error}")),
    }
}

/// One fault or an array; all of them or none.
fn parse(bytes: &[u8]) -> serde_json::Result<Vec<Fault>> {
    // Two steps instead of an untagged enum, whose errors say nothing.
    let json: serde_json::Value = serde_json::from_slice(bytes)?;
    let faults = if json.is_array() { Vec::<Fault>::deserialize(json)? } else { vec![Fault::deserialize(json)?] };
    faults.iter().try_for_each(check)?;
    Ok(faults)
}

fn check(fault: &Fault) -> serde_json::Result<()> {
    let wrong = |text: String| Err(serde_json::Error::custom(text));
    if let Some(percent) = fault.percent.filter(|percent| *percent > 100) {
        return wrong(format!("percent must be 0 to 100, not {percent}"));
    }
    let Action::Status { status, retry_after, headers, .. } = &fault.action else {
        return Ok(());
    };
    if !(200..=599).contains(status) {
        return wrong(format!("status must be 200 to 599, not {status}"));
    }
    let retry_after = retry_after.iter().map(|value| ("Retry-After", value.as_str()));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in headers.chain(retry_after) {
        if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
            return wrong(format!("{name:?}: {value:?} is not an HTTP header"));
        }
    }
    Ok(())
}

fn front_page(namespace: &Namespace) -> String {
    let mut page = String::from("Notification Hubs emulator; in a browser, this page shows the phones\n\nHubs\n");
    for hub in &namespace.hubs {
        let bundle_id = hub.bundle_id.as_deref().unwrap_or("no bundle id");
        // Writing to a String can't fail.
        let _ = writeln!(page, "  {} ({:?}, {bundle_id})", hub.name, hub.tier);
    }
    let connection_string = namespace.connection_string();
    let _ = write!(page, "\nConnection string\n  {connection_string}\n{ENDPOINTS}");
    page
}

const ENDPOINTS: &str = "
Controls
  GET    /_emulator/requests[?accepted=true]   what was received, as JSON; x-total counts all
  DELETE /_emulator/requests                   forget it
  GET    /_emulator/faults                     what is left of the scripted faults
  POST   /_emulator/faults                     add one fault or an array of them
  DELETE /_emulator/faults                     forget them
  GET    /_emulator/events                     what is received from now on, as server-sent events
";
