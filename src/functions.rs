//! HTTP for the Functions host, served by warp: the four functions, each in a file of its own, and `GET /`.
//!
//! Reads the request's body, runs each invocation as a task of its own, and stops gracefully. No function's own decisions
//! belong here. <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

use std::collections::BTreeSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;
use warp::Filter;

use crate::delivery::DeliveryService;
use crate::delivery::deadlines::with_deadline;
use crate::notifications::device::AppName;
use crate::storage::installations::Installations;
use crate::storage::instances::Instances;
use crate::storage::maintenance::Maintenance;
use crate::storage::store::Store;

pub mod counters;
mod cross_site;
mod event_grid_trigger;
mod fleet;
mod http_response;
mod installations;
pub mod invocation;
mod maintenance;
pub mod misconfigured;
mod routes;
mod status;
pub mod unknown_path;

use counters::Counters;
use http_response::{
    HttpResponse, StatusCode, error_response, forbidden, internal_error, json_response, method_not_allowed,
};
use misconfigured::Misconfigured;
use routes::{Route, route};
use unknown_path::UnknownPaths;

/// What the functions need.
#[derive(Debug)]
pub struct Service {
    /// Delivers events.
    pub delivery_service: DeliveryService,
    /// Removes what has expired.
    pub maintenance: Maintenance,
    /// The registered devices.
    pub installations: Arc<Installations>,
    /// Where everything is kept.
    pub store: Arc<Store>,
    /// The apps that an installation may name.
    pub apps: BTreeSet<AppName>,
    /// What the function `Status` reports.
    pub counters: Arc<Counters>,
    /// What all processes counted.
    pub instances: Instances,
    /// What was logged about paths that no function has.
    pub unknown_paths: UnknownPaths,
    /// What the settings say, for people and without secrets.
    pub settings: String,
    /// Where everything is kept, for people.
    pub store_name: String,
    /// Whether `Host` has to be a name of this computer, so that no web page can use the handler.
    pub loopback_names_only: bool,
    /// The name of this instance.
    pub instance: String,
    /// When it started.
    pub started: Instant,
    /// How long an invocation may take.
    pub deadline: Duration,
    /// What time it is.
    pub clock: Clock,
}

/// What answers the host.
#[derive(Debug)]
pub enum Front {
    /// The functions.
    Functions(Box<Service>),
    /// The faults of the settings.
    Misconfigured(Misconfigured),
}

/// Tells the time of the day. A test sets it.
pub struct Clock(Box<dyn Fn() -> DateTime<Utc> + Send + Sync>);

/// A body may hold a full batch of events twice, as data and as metadata.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// Serves on `listener` until `stop` completes; then accepts no more connections and finishes the requests in flight.
pub async fn serve(front: Arc<Front>, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let longest = front.deadline() + Duration::from_secs(1);
    let invocations = TaskTracker::new();
    let respond = {
        let (front, invocations) = (Arc::clone(&front), invocations.clone());
        move |body, route| respond(Arc::clone(&front), invocations.clone(), body, route)
    };
    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        stop.await;
        tracing::info!("stopping: finishing what is in flight");
        let _ = stopping.send(());
    };
    let routes = route(front.loopback_names_only());
    let served = warp::serve(warp::body::stream().and(routes).then(respond)).incoming(listener).graceful(stop).run();
    let reporting = front.clone();
    let reports = tokio::spawn(async move { reporting.report_counts().await });
    let finished = async {
        served.await;
        // An invocation is finished even if the host has closed its connection.
        invocations.close();
        invocations.wait().await;
    };
    let too_late = async {
        let _ = stopped.await;
        sleep(longest).await;
    };
    tokio::select! {
        () = finished => {}
        () = too_late => tracing::warn!("stopped before everything in flight was finished"),
    }
    reports.abort();
    front.report_last_counts().await;
}

/// Reads the body and runs the function as a task of its own: it goes on if the host closes the connection, and a panic fails
/// this invocation only.
async fn respond<B: Buf, E>(
    front: Arc<Front>,
    invocations: TaskTracker,
    body: impl Stream<Item = Result<B, E>>,
    route: Route,
) -> HttpResponse {
    // Both clocks are read at the same moment: an event's remaining lifetime is added to the start of its invocation.
    let (began, now) = (Instant::now(), front.now());
    let body = match with_deadline(began + front.deadline(), pin!(read(pin!(body)))).await {
        Ok(Ok(body)) => body,
        Ok(Err(response)) => return response,
        Err(_) => {
            return error_response(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", "the body did not arrive in time");
        }
    };
    let response = invocations.spawn(async move { front.answer(route, &body, began, now).await });
    // The panic handler has written place and cause to standard error.
    response.await.unwrap_or_else(|_| internal_error("unexpected error; see the log"))
}

impl Front {
    /// How long an invocation may take.
    fn deadline(&self) -> Duration {
        match self {
            Self::Functions(service) => service.deadline,
            Self::Misconfigured(_) => misconfigured::LONGEST,
        }
    }

    /// Whether `Host` has to be a name of this computer. The faults of the settings are told inside Azure only.
    fn loopback_names_only(&self) -> bool {
        matches!(self, Self::Functions(service) if service.loopback_names_only)
    }

    fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Functions(service) => service.clock.now(),
            Self::Misconfigured(misconfigured) => misconfigured.clock.now(),
        }
    }

    async fn report_counts(&self) {
        if let Self::Functions(service) = self {
            service.report_counts().await;
        }
    }

    async fn report_last_counts(&self) {
        if let Self::Functions(service) = self {
            service.report_last_counts().await;
        }
    }

    async fn answer(&self, route: Route, body: &[u8], began: Instant, now: DateTime<Utc>) -> HttpResponse {
        match self {
            Self::Functions(service) => service.call(route, body, began, now).await,
            Self::Misconfigured(misconfigured) => misconfigured.answer(route, began),
        }
    }
}

impl Clock {
    /// A clock that shows what `time` returns.
    pub fn new(time: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Box::new(time))
    }

    fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

impl Service {
    /// Runs the function that the request is for.
    async fn call(&self, route: Route, body: &[u8], began: Instant, now: DateTime<Utc>) -> HttpResponse {
        match route {
            Route::EventGridTrigger(traceparent) => {
                self.event_grid_trigger(body, began, now, traceparent.as_deref()).await
            }
            Route::Root => json_response(StatusCode::OK, &json!({ "status": "ready" })),
            Route::Maintenance => Box::pin(self.maintenance(now)).await,
            Route::Status(false) => Box::pin(self.status(now)).await,
            Route::Status(true) => Box::pin(self.check()).await,
            Route::Installation(method, id) => match urlencoding::decode(&id) {
                Ok(id) => Box::pin(self.installation(method, &id, body, now)).await,
                Err(_) => {
                    error_response(StatusCode::BAD_REQUEST, "InvalidInstallation", "installationId: expected UTF-8")
                }
            },
            Route::CrossSite(cause) => forbidden(cause),
            Route::OtherMethod(allowed) => method_not_allowed(allowed),
            Route::Unknown(unknown) => self.unknown_paths.answer(&unknown, began),
        }
    }
}

/// Reads a body, with or without `Content-Length`. One that is too large is read to its end all the same, so that the host
/// gets a response instead of a broken connection.
async fn read<B: Buf, E>(mut body: impl Stream<Item = Result<B, E>> + Unpin) -> Result<Bytes, HttpResponse> {
    let (mut only, mut joined) = (Bytes::new(), Vec::new());
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let mut chunk =
            chunk.map_err(|_| error_response(StatusCode::BAD_REQUEST, "BadRequest", "the body is incomplete"))?;
        length += chunk.remaining();
        if length > MAX_BODY_BYTES {
            (only, joined) = Default::default();
        } else if length == chunk.remaining() {
            // Nearly every body is one chunk, which needs no copy.
            only = chunk.copy_to_bytes(length);
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&only);
            }
            joined.put(chunk);
        }
    }
    if length > MAX_BODY_BYTES {
        return Err(json_response(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "the body is larger than 8 MiB" })));
    }
    Ok(if joined.is_empty() { only } else { joined.into() })
}
