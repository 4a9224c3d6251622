//! HTTP for the Functions host: the four functions, each in a file of its own, and `GET /`. No function's own decisions
//! belong here. <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::delivery::DeliveryService;
use crate::notifications::device::AppName;
use crate::server::http_response;
use crate::server::{self, BodyError, Front, Request};
use crate::storage::installations::Installations;
use crate::storage::instances::Instances;
use crate::storage::maintenance::Maintenance;
use crate::storage::store::Store;

pub mod admission;
pub mod counters;
mod cross_site;
mod event_grid_trigger;
mod fleet;
mod installations;
pub mod invocation;
mod maintenance;
pub mod misconfigured;
mod routes;
mod status;
pub mod unknown_path;

use counters::Counters;
use http_response::{HttpResponse, StatusCode, error_response, json_response, method_not_allowed, unavailable};
use misconfigured::Misconfigured;
pub use routes::{Method, has_check};
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
pub enum HostFront {
    /// The functions.
    Functions(Box<Service>),
    /// The faults of the settings.
    Misconfigured(Misconfigured),
}

/// Tells the time of the day. A test sets it.
pub struct Clock(Box<dyn Fn() -> DateTime<Utc> + Send + Sync>);

/// Serves on `listener` until `stop` completes; then accepts no more connections and finishes the requests in flight.
pub async fn serve(front: Arc<HostFront>, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let routes = route(front.loopback_names_only());
    server::serve(Arc::clone(&front), routes, listener, stop).await;
    if let HostFront::Functions(service) = &*front {
        service.report_last_counts().await;
    }
}

impl HostFront {
    /// Whether `Host` has to be a name of this computer. The faults of the settings are told inside Azure only.
    fn loopback_names_only(&self) -> bool {
        matches!(self, Self::Functions(service) if service.loopback_names_only)
    }
}

impl Front for HostFront {
    type Route = Route;

    fn deadline(&self) -> Duration {
        match self {
            Self::Functions(service) => service.deadline,
            Self::Misconfigured(_) => misconfigured::LONGEST,
        }
    }

    fn now(&self) -> DateTime<Utc> {
        match self {
            Self::Functions(service) => service.clock.now(),
            Self::Misconfigured(misconfigured) => misconfigured.clock.now(),
        }
    }

    fn without_body(&self, error: BodyError) -> HttpResponse {
        match error {
            BodyError::TooLarge => json_response(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": error.to_string() })),
            BodyError::NoRoom => unavailable(&error.to_string()),
            BodyError::Incomplete => error_response(StatusCode::BAD_REQUEST, "BadRequest", &error.to_string()),
            BodyError::Late => error_response(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", &error.to_string()),
        }
    }

    async fn answer(&self, Request { route, body, began, now }: Request<Route>) -> HttpResponse {
        match self {
            Self::Functions(service) => service.call(route, &body, began, now).await,
            Self::Misconfigured(misconfigured) => misconfigured.answer(route, began),
        }
    }

    async fn background(&self) {
        match self {
            Self::Functions(service) => service.report_counts().await,
            Self::Misconfigured(_) => std::future::pending().await,
        }
    }
}

impl Clock {
    /// A clock that shows what `time` returns.
    pub fn new(time: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Box::new(time))
    }

    /// What it shows.
    pub fn now(&self) -> DateTime<Utc> {
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
            Route::CrossSite(cause) => cause.response(),
            Route::OtherMethod(allowed) => method_not_allowed(allowed),
            Route::Unknown(unknown) => self.unknown_paths.answer(&unknown, began),
        }
    }
}
