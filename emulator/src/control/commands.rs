//! The controls: the record, the scripted faults and the device states over HTTP, and the front page as text.

use std::error::Error;
use std::fmt::Write as _;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, StatusCode};

use crate::faults::Fault;
use crate::http::{Response, query_value, response};
use crate::service::Namespace;

/// The largest accepted body.
const MAX_BODY_BYTES: usize = 1 << 20;

pub(super) async fn handle(namespace: &Namespace, request: Request<Incoming>) -> Response {
    let (head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/") => response::text(StatusCode::OK, front_page(namespace)),
        (&Method::GET, "/_emulator/requests") => requests(namespace, query),
        (&Method::DELETE, "/_emulator/requests") => {
            namespace.record.clear();
            response::no_content()
        }
        (&Method::GET, "/_emulator/faults") => response::json(&namespace.faults.remaining()),
        (&Method::POST, "/_emulator/faults") => add_faults(namespace, body).await,
        (&Method::DELETE, "/_emulator/faults") => {
            namespace.faults.clear();
            response::no_content()
        }
        (&Method::GET, "/_emulator/devices") => response::json(&namespace.devices.all()),
        (&Method::POST, "/_emulator/devices") => set_devices(namespace, body).await,
        (&Method::DELETE, "/_emulator/devices") => {
            namespace.devices.clear();
            response::no_content()
        }
        (_, "/" | "/_emulator/requests" | "/_emulator/faults" | "/_emulator/devices") => {
            response::text(StatusCode::METHOD_NOT_ALLOWED, "this method is not supported here; see GET /\n")
        }
        _ => response::text(StatusCode::NOT_FOUND, "there is no such page; see GET /\n"),
    }
}

fn requests(namespace: &Namespace, query: &str) -> Response {
    let accepted = query_value(query, "accepted").is_some_and(|value| value == "true");
    let requests = if accepted { namespace.record.accepted() } else { namespace.record.requests() };
    let mut response = response::json(&requests);
    response.headers_mut().insert("x-total", namespace.record.total().into());
    response
}

async fn add_faults(namespace: &Namespace, body: Incoming) -> Response {
    let faults = match read(body).await {
        Ok(text) => Fault::from_json(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("can't read the faults: {error}")),
    };
    no_content_or_error(faults.map(|faults| faults.into_iter().for_each(|fault| namespace.faults.add(fault))))
}

async fn set_devices(namespace: &Namespace, body: Incoming) -> Response {
    no_content_or_error(match read(body).await {
        Ok(text) => namespace.devices.set_from_json(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("can't read the devices: {error}")),
    })
}

fn no_content_or_error(result: Result<(), String>) -> Response {
    match result {
        Ok(()) => response::no_content(),
        Err(error) => response::text(StatusCode::BAD_REQUEST, error + "\n"),
    }
}

async fn read(body: Incoming) -> Result<Bytes, Box<dyn Error + Send + Sync>> {
    Ok(Limited::new(body, MAX_BODY_BYTES).collect().await?.to_bytes())
}

fn front_page(namespace: &Namespace) -> String {
    let mut page = String::from("Notification Hubs emulator. A browser shows phones here.\n\nHubs\n");
    for hub in &namespace.hubs {
        let bundle_id = hub.bundle_id.as_deref().unwrap_or("no bundle id");
        // Writing to a String can't fail.
        let _ = writeln!(page, "  {} ({:?}, {bundle_id})", hub.name, hub.tier);
        let connection_string = namespace.connection_string_of(&hub.name);
        let _ = writeln!(page, "    {}", connection_string.as_deref().unwrap_or("no rule is valid on this hub"));
    }
    page + ENDPOINTS
}

const ENDPOINTS: &str = "
Controls
  GET    /_emulator/requests[?accepted=true]   the received requests as JSON; x-total counts all
  DELETE /_emulator/requests                   clear them
  GET    /_emulator/faults                     the scripted faults that are not used up
  POST   /_emulator/faults                     add one fault or an array of them
  DELETE /_emulator/faults                     remove them
  GET    /_emulator/devices                    the devices that are not healthy
  POST   /_emulator/devices                    set the state of one device or an array of them
  DELETE /_emulator/devices                    make all devices healthy
  GET    /_emulator/events                     the received requests, live, as server-sent events
";
