//! The emulator's own controls: the front page as text, and below `/_emulator/` the record and the
//! scripts. The page of the phones is in `page`. Nothing here imitates the service, and no hub name
//! can begin with an underscore.

use std::error::Error;
use std::fmt::Write as _;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};

use crate::address::query_value;
use crate::answer::{self, Response};
use crate::fault::Fault;
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
        (&Method::GET, "/_emulator/devices") => answer::json(&namespace.devices.all()),
        (&Method::POST, "/_emulator/devices") => set_devices(namespace, body).await,
        (&Method::DELETE, "/_emulator/devices") => {
            namespace.devices.clear();
            answer::done()
        }
        (_, "/" | "/_emulator/requests" | "/_emulator/faults" | "/_emulator/devices") => {
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
    let faults = match script(body).await {
        Ok(text) => Fault::from_json(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("can't read the faults: {error}")),
    };
    done_or_refused(faults.map(|faults| faults.into_iter().for_each(|fault| namespace.script.add(fault))))
}

async fn set_devices(namespace: &Namespace, body: Incoming) -> Response {
    done_or_refused(match script(body).await {
        Ok(text) => namespace.devices.set_from_json(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("can't read the devices: {error}")),
    })
}

fn done_or_refused(outcome: Result<(), String>) -> Response {
    match outcome {
        Ok(()) => answer::done(),
        Err(error) => answer::text(StatusCode::BAD_REQUEST, error + "\n"),
    }
}

async fn script(body: Incoming) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    Ok(Limited::new(body, MAX_SCRIPT).collect().await?.to_bytes())
}

fn front_page(namespace: &Namespace) -> String {
    let mut page = String::from("Notification Hubs emulator; in a browser, this page shows the phones\n\nHubs\n");
    for hub in &namespace.hubs {
        let bundle_id = hub.bundle_id.as_deref().unwrap_or("no bundle id");
        // Writing to a String can't fail.
        let _ = writeln!(page, "  {} ({:?}, {bundle_id})", hub.name, hub.tier);
        let connection_string = namespace.connection_string_of(&hub.name);
        let _ = writeln!(page, "    {}", connection_string.as_deref().unwrap_or("no rule opens it"));
    }
    page + ENDPOINTS
}

const ENDPOINTS: &str = "
Controls
  GET    /_emulator/requests[?accepted=true]   what was received, as JSON; x-total counts all
  DELETE /_emulator/requests                   forget it
  GET    /_emulator/faults                     what is left of the scripted faults
  POST   /_emulator/faults                     add one fault or an array of them
  DELETE /_emulator/faults                     forget them
  GET    /_emulator/devices                    the devices that are not healthy
  POST   /_emulator/devices                    say how a device is, or an array of them
  DELETE /_emulator/devices                    let all be healthy
  GET    /_emulator/events                     what is received, live, as server-sent events
";
