//! HTTP for Event Grid itself, without the Functions host: its deliveries and handshakes, the same installations and status as
//! the functions have, and what an operator of containers expects. `acs-push serve --webhook` runs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::functions::Service;
use crate::server::http_response::{
    HttpResponse, StatusCode, error_response, json_response, method_not_allowed, unavailable,
};
use crate::server::{self, BodyError, Front, Request};
use crate::settings::WebhookSettings;
use crate::storage::lease::Lease;

mod access;
mod deliveries;
pub mod entra;
mod handshake;
mod metrics;
pub mod routes;
mod shared_keys;
mod timer;

use access::Access;
use metrics::Metrics;
use routes::{Route, Target, route};

/// Everything that the webhook needs.
#[derive(Debug)]
pub struct Webhook {
    service: Box<Service>,
    access: Access,
    metrics: Metrics,
    /// Which process runs Maintenance.
    lease: Lease,
    stopping: AtomicBool,
}

/// A load balancer needs this long to see that it should send nothing more.
const UNREADY_BEFORE_STOP: Duration = Duration::from_secs(5);

/// A probe does not wait longer.
const LONGEST_PROBE: Duration = Duration::from_secs(2);

/// Serves on `listener` until `stop` completes; then accepts no more connections and finishes the requests in flight.
pub async fn serve(webhook: Webhook, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let webhook = Arc::new(webhook);
    server::serve(Arc::clone(&webhook), route(), listener, stop).await;
    webhook.service.report_last_counts().await;
}

impl Webhook {
    /// The webhook of a program.
    pub fn new(service: Box<Service>, settings: &WebhookSettings, client: Client) -> Self {
        let lease = Lease::new(Arc::clone(&service.store), "maintenance");
        let metrics = Metrics::new(&service);
        Self { access: Access::new(settings, client), metrics, lease, service, stopping: AtomicBool::new(false) }
    }

    /// Whether a load balancer should send requests here: the store answers, and this process is not about to stop.
    async fn readiness(&self) -> HttpResponse {
        let problem = if self.stopping.load(Ordering::Relaxed) {
            Some("this process is stopping".to_owned())
        } else {
            match timeout(LONGEST_PROBE, self.service.store.answers()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the store did not answer in time".to_owned()),
            }
        };
        match problem {
            None => json_response(StatusCode::OK, &json!({ "status": "ready" })),
            Some(problem) => json_response(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": problem })),
        }
    }
}

impl Front for Webhook {
    type Route = Route;

    fn deadline(&self) -> Duration {
        self.service.deadline
    }

    fn now(&self) -> DateTime<Utc> {
        self.service.clock.now()
    }

    async fn admit(&self, route: &Route) -> Result<(), HttpResponse> {
        self.access.check(route).await
    }

    fn without_body(&self, error: BodyError) -> HttpResponse {
        match error {
            BodyError::TooLarge => error_response(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", &error.to_string()),
            // Event Grid does not repeat what is answered with 400.
            BodyError::NoRoom | BodyError::Incomplete | BodyError::Late => unavailable(&error.to_string()),
        }
    }

    async fn answer(&self, Request { route, body, began, now }: Request<Route>) -> HttpResponse {
        match route.target {
            Target::Deliveries(headers) => self.deliveries(&body, &headers, began, now).await,
            Target::Handshake(origin) => handshake::allow(origin),
            Target::Installation(method, id) => match urlencoding::decode(&id) {
                Ok(id) => Box::pin(self.service.installation(method, &id, &body, now)).await,
                Err(_) => {
                    error_response(StatusCode::BAD_REQUEST, "InvalidInstallation", "installationId: expected UTF-8")
                }
            },
            Target::Status(false) => Box::pin(self.service.status(now)).await,
            Target::Status(true) => Box::pin(self.service.check()).await,
            Target::Metrics => self.metrics.response(&self.service),
            Target::Health => json_response(StatusCode::OK, &json!({ "status": "up" })),
            Target::Readiness => Box::pin(self.readiness()).await,
            Target::OtherMethod(allowed) => method_not_allowed(allowed),
            Target::Unknown => error_response(
                StatusCode::NOT_FOUND,
                "NotFound",
                "expected /webhooks/eventgrid, /api/installations/ID, /api/status, /metrics, /healthz or /readyz",
            ),
        }
    }

    async fn background(&self) {
        tokio::join!(self.maintain(), self.service.report_counts());
    }

    async fn before_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        sleep(UNREADY_BEFORE_STOP).await;
    }
}
