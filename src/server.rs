//! HTTP towards the Functions host, by warp: what each function answers, and the table from an outcome to a status.
//!
//! <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers>

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;
use warp::Filter;
use warp::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use warp::http::{Response, StatusCode};

use crate::counters::Counters;
use crate::delivery::Deliveries;
use crate::delivery::outcome::{Delivery, Outcome};
use crate::delivery::times::until;
use crate::device::{AppName, Platform};
use crate::installations::{Installation, InstallationError, Installations, Put, ShownInstallation, Submitted};
use crate::invocation::{InvocationError, InvocationRequest, InvocationResponse};
use crate::log;
use crate::maintenance::Maintenance;
use crate::store::{StoreError, to_its_end};

mod routes;

use routes::{Method, Route, route};

/// What the requests are answered from.
#[derive(Debug)]
pub struct Service {
    /// For events.
    pub deliveries: Deliveries,
    /// For the timer.
    pub maintenance: Maintenance,
    /// For registrations.
    pub installations: Arc<Installations>,
    /// The apps that an installation may name.
    pub apps: BTreeSet<AppName>,
    /// For the status.
    pub counters: Arc<Counters>,
    /// What tells this instance from others.
    pub instance: String,
    /// When it started.
    pub started: Instant,
    /// How long an invocation may take.
    pub deadline: Duration,
}

type Answer = Response<Bytes>;

/// What is told of a PUT.
#[derive(Serialize)]
struct PutAnswer<'a> {
    #[serde(flatten)]
    installation: ShownInstallation<'a>,
    /// What it lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// An iPhone that could ring, if it had a handle for that.
const NO_VOIP_HANDLE: &str =
    "without voipPushChannel, the device's PushKit token, it gets calls as alerts and does not ring";

/// A body may hold a full batch of events twice over, as data and as metadata.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// Answers on `listener` until `stop` is over; then accepts nothing more and finishes what is in flight.
pub async fn serve(service: Arc<Service>, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
    let longest = service.deadline + Duration::from_secs(1);
    let invocations = TaskTracker::new();
    let respond = {
        let invocations = invocations.clone();
        move |body, route| respond(Arc::clone(&service), invocations.clone(), body, route)
    };
    let (stopping, stopped) = oneshot::channel();
    let stop = async move {
        stop.await;
        tracing::info!("stopping: finishing what is in flight");
        let _ = stopping.send(());
    };
    let served = warp::serve(warp::body::stream().and(route()).then(respond)).incoming(listener).graceful(stop).run();
    let finished = async {
        served.await;
        // What the host no longer waits for is finished all the same.
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
}

/// Reads the body and answers. What was begun then is a task of its own: it goes on when the host hangs up, and a panic fails it
/// alone.
async fn respond<B: Buf, E>(
    service: Arc<Service>,
    invocations: TaskTracker,
    body: impl Stream<Item = Result<B, E>>,
    route: Route,
) -> Answer {
    // One moment on both clocks: what is left of an event's time is added to when its invocation began.
    let (began, now) = (Instant::now(), Utc::now());
    let body = match until(began + service.deadline, pin!(read(pin!(body)))).await {
        Ok(Ok(body)) => body,
        Ok(Err(answer)) => return answer,
        Err(_) => return error(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", "the body did not come in time"),
    };
    let answered = invocations.spawn(async move { service.answer(route, &body, began, now).await });
    // Where and why it panicked stands on standard error.
    answered.await.unwrap_or_else(|_| failure("an unexpected fault; see the log"))
}

impl Service {
    async fn answer(&self, route: Route, body: &[u8], began: Instant, now: DateTime<Utc>) -> Answer {
        match route {
            Route::EventGridTrigger => self.event_grid_trigger(body, began, now).await,
            Route::Root => json_answer(StatusCode::OK, &json!({ "status": "ready" })),
            Route::Maintenance => Box::pin(self.maintenance()).await,
            Route::Status => self.status(),
            Route::Installation(method, id) => match urlencoding::decode(&id) {
                Ok(id) => Box::pin(self.installation(method, &id, body)).await,
                Err(_) => error(StatusCode::BAD_REQUEST, "InvalidInstallation", "installationId: expected UTF-8"),
            },
            Route::OtherMethod(allowed) => not_allowed(allowed),
            Route::Unknown => error(StatusCode::NOT_FOUND, "NotFound", "no function has this path"),
        }
    }

    async fn event_grid_trigger(&self, body: &[u8], began: Instant, now: DateTime<Utc>) -> Answer {
        let request = InvocationRequest::parse(body);
        let events = match request
            .as_ref()
            .map_err(InvocationError::to_string)
            .and_then(|request| request.events().map_err(|error| error.to_string()))
        {
            Ok(events) => events,
            Err(problem) => {
                self.counters.reject();
                tracing::warn!("not an invocation: {problem}");
                return json_answer(StatusCode::BAD_REQUEST, &json!({ "error": problem }));
            }
        };
        let mut in_flight = self.counters.receive(events.len());
        let deliveries = self.deliveries.deliver_all(&events, began, now).await;
        deliveries.iter().for_each(|delivery| in_flight.settle(delivery.outcome));
        let status = status_of(&deliveries);
        if status.is_success() {
            return invocation_answer(InvocationResponse::with_logs(deliveries.iter().map(Delivery::line)));
        }
        // The host drops the logs of an invocation that failed.
        deliveries.iter().for_each(|delivery| log::line(&delivery.line()));
        let failed: Vec<_> = deliveries.iter().filter(|delivery| delivery.outcome == Outcome::Failed).collect();
        let reason = failed.first().and_then(|delivery| delivery.reason.as_deref()).unwrap_or_default();
        failure(&format!("{} of {} events failed: {reason}", failed.len(), deliveries.len()))
    }

    async fn maintenance(&self) -> Answer {
        match self.maintenance.run(Utc::now()).await {
            Ok(removed) => {
                invocation_answer(InvocationResponse::with_logs([json!({ "maintenance": removed }).to_string()]))
            }
            Err(error) => {
                tracing::error!("maintenance: {error}");
                failure(&error.to_string())
            }
        }
    }

    async fn installation(&self, method: Method, id: &str, body: &[u8]) -> Answer {
        let (installations, id, now) = (Arc::clone(&self.installations), id.to_owned(), Utc::now());
        match method {
            Method::Get => {
                let found = self.in_time(async move { installations.get(&id, now).await }).await;
                found.map(|found| match found {
                    Some(installation) => json_answer(StatusCode::OK, &ShownInstallation::new(&installation, &[])),
                    None => error(StatusCode::NOT_FOUND, "NotFound", "no installation has this id"),
                })
            }
            Method::Put => match Submitted::parse(&id, body, |app| self.apps.contains(app)) {
                Ok(installation) => {
                    let stored = installation.clone();
                    let put = self.in_time(async move { installations.put(&stored, now).await }).await;
                    put.map(|put| self.put_answer(&installation, &put))
                }
                Err(faults @ InstallationError(_)) => {
                    Ok(error(StatusCode::BAD_REQUEST, "InvalidInstallation", &faults.to_string()))
                }
            },
            Method::Delete => {
                let deleted = self.in_time(async move { installations.delete(&id, now).await }).await;
                deleted.map(|()| answer(StatusCode::NO_CONTENT, Bytes::new()))
            }
        }
        .unwrap_or_else(|answer| answer)
    }

    fn put_answer(&self, installation: &Installation, put: &Put) -> Answer {
        for other in &put.evicted {
            tracing::warn!(installation = other, "evicted: its user or number has too many installations");
        }
        let status = if put.created { StatusCode::CREATED } else { StatusCode::OK };
        let lacks_voip_handle = installation.platform == Platform::Apns && installation.voip_handle.is_none();
        let can_ring = || self.deliveries.hubs.of(installation.app.as_ref()).is_some_and(|hubs| hubs.voip.is_some());
        let hint = (lacks_voip_handle && can_ring()).then_some(NO_VOIP_HANDLE);
        json_answer(status, &PutAnswer { installation: ShownInstallation::new(installation, &put.evicted), hint })
    }

    /// Waits for the register as long as an invocation may take. A change goes on to its end all the same.
    async fn in_time<T: Send + 'static>(
        &self,
        change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, Answer> {
        let problem = match timeout(self.deadline, to_its_end(change)).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(store_error)) => store_error.to_string(),
            Err(_) => "the store does not answer".to_owned(),
        };
        tracing::error!("installations: {problem}");
        Err(error(StatusCode::SERVICE_UNAVAILABLE, "StoreUnavailable", &problem))
    }

    fn status(&self) -> Answer {
        let counts = self.counters.counts();
        let status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "instance": self.instance,
            "uptime_seconds": self.started.elapsed().as_secs(),
            "received": counts.received,
            "in_flight": counts.in_flight,
            "outcomes": counts.outcomes(),
            "rejected": counts.rejected,
        });
        json_answer(StatusCode::OK, &status)
    }
}

/// The one decision about an invocation's status: a failure asks Event Grid to send all of its events again.
fn status_of(deliveries: &[Delivery]) -> StatusCode {
    let needs_repeat = |delivery: &Delivery| match delivery.outcome {
        Outcome::Failed => true,
        Outcome::Filtered
        | Outcome::Ignored
        | Outcome::Expired
        | Outcome::Duplicate
        | Outcome::NoDevice
        | Outcome::Delivered
        | Outcome::DeadLettered => false,
    };
    if deliveries.iter().any(needs_repeat) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

/// Reads a body of either kind, with and without a length. One that is too large is read to its end all the same, so
/// that the host sees the answer instead of a broken connection.
async fn read<B: Buf, E>(mut body: impl Stream<Item = Result<B, E>> + Unpin) -> Result<Bytes, Answer> {
    let (mut only, mut joined) = (Bytes::new(), Vec::new());
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| error(StatusCode::BAD_REQUEST, "BadRequest", "the body broke off"))?;
        length += chunk.remaining();
        if length > LARGEST_BODY {
            (only, joined) = Default::default();
        } else if length == chunk.remaining() {
            // The usual body comes as one chunk, which is taken as it is.
            only = chunk.copy_to_bytes(length);
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&only);
            }
            joined.put(chunk);
        }
    }
    if length > LARGEST_BODY {
        return Err(json_answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": "the body is larger than 8 MiB" })));
    }
    Ok(if joined.is_empty() { only } else { joined.into() })
}

fn invocation_answer(response: InvocationResponse) -> Answer {
    answer(StatusCode::OK, response.into_json().into())
}

fn failure(problem: &str) -> Answer {
    json_answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": problem }))
}

fn error(status: StatusCode, code: &str, message: &str) -> Answer {
    json_answer(status, &json!({ "error": { "code": code, "message": message } }))
}

fn not_allowed(allowed: &str) -> Answer {
    let mut answer = error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", &format!("expected {allowed}"));
    if let Ok(value) = allowed.parse() {
        answer.headers_mut().insert(ALLOW, value);
    }
    answer
}

fn json_answer(status: StatusCode, value: &impl serde::Serialize) -> Answer {
    answer(status, serde_json::to_vec(value).expect("texts, numbers and lists always serialize").into())
}

fn answer(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
