//! Direct Send: one payload to one device handle, or to many, through Azure Notification Hubs' REST API.
//!
//! It uses the program's one HTTP client, and knows nothing of events or notifications.
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>

use std::sync::Mutex;
use std::time::Duration;

use chrono::Utc;
use reqwest::header::HeaderValue;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::client::{Client, RequestError};
use crate::notifications::device::{DeviceHandle, Platform};
use crate::push::payload::Payload;

pub mod credentials;
pub mod response;
mod batch;
pub mod connection_string;
mod detail;
mod error;
pub mod feedback;
mod health;
mod key_check;
mod permits;
mod request;
pub mod retry;
mod sas;

use batch::{BatchSupport, MIN_HANDLES};
use connection_string::ConnectionString;
use credentials::{HubCredentials, KeyChange};
pub use error::SendError;
use health::HubHealth;
pub use health::HubStatus;
pub use key_check::KeyAnswer;
use permits::{Permits, SendPermit};
pub use request::DirectSend;
use request::Request;
use response::HubResponse;
use retry::Retry;

/// One hub: its address, its keys, and what limits the traffic to it.
#[derive(Debug)]
pub struct Hub {
    name: String,
    client: Client,
    credentials: HubCredentials,
    permits: Permits,
    /// Until when it is throttling.
    paused_until: Mutex<Option<Instant>>,
    batch_support: BatchSupport,
    health: HubHealth,
    feedback: Option<feedback::FeedbackSource>,
}

/// The hub accepted it. Whether the push service delivered it is not in the response.
#[derive(Debug, Clone)]
pub struct SendSuccess {
    /// The hub's id of the request, for its support.
    pub tracking_id: Option<String>,
    /// How many requests it took.
    pub requests: u32,
}

/// The last attempt failed.
#[derive(Debug)]
pub struct SendFailure {
    /// Why.
    pub error: SendError,
    /// The hub's id of the request, for its support.
    pub tracking_id: Option<String>,
    /// How many requests were sent.
    pub requests: u32,
    /// The hub's own words for the last refusal, without what may come from event or device.
    pub detail: Option<String>,
}

/// The requests of one Direct Send so far.
#[derive(Default)]
struct Requests {
    /// How many were sent.
    sent: u32,
    /// The hub's id of the last one that has one.
    tracking_id: Option<String>,
    /// The hub's own words for the last refusal.
    detail: Option<String>,
    /// Why the next one is sent, after the first.
    error: Option<SendError>,
}

/// A `Retry-After` pauses the hub for every invocation, but not for longer than this.
const MAX_PAUSE: Duration = Duration::from_secs(60);
const PAUSE_JITTER: Duration = Duration::from_millis(200);

impl Hub {
    /// A hub of that name, reached by the first connection string, or by the second when the first is refused.
    pub fn new(name: &str, connection_strings: &[ConnectionString], max_in_flight: usize, client: Client) -> Self {
        Self {
            name: name.to_owned(),
            client,
            credentials: HubCredentials::new(name, connection_strings),
            permits: Permits::new(max_in_flight),
            paused_until: Mutex::new(None),
            batch_support: BatchSupport::default(),
            health: HubHealth::default(),
            feedback: None,
        }
    }

    /// The hub's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it does.
    pub fn status(&self) -> HubStatus {
        let (now, clock) = (Instant::now(), Utc::now());
        let paused_until = *self.paused_until.lock().expect("nothing panics while it is held");
        HubStatus {
            paused_until: paused_until.filter(|until| *until > now).map(|until| clock + (until - now)),
            last_error: self.health.last_error(),
            uses_second_key: self.credentials.uses_second(),
            retries: self.health.retries(),
        }
    }

    /// Logs an error that affects every device, once a minute for each kind.
    pub fn log_error(&self, error: &SendError) {
        let Some(more) = self.health.log_due(error, Instant::now()) else { return };
        // A hub may lack the credentials of one platform only.
        if !matches!(error, SendError::NoPlatformCredentials(_)) {
            self.health.begin_trouble();
        }
        let (host, more) = (self.credentials.key(self.credentials.preferred()).host(), (more > 0).then_some(more));
        tracing::error!(hub = self.name, host, more_since_the_last_line = more, "{error}");
    }

    /// How many of `handles`, in their order, go into each request: one, unless there are many and the hub takes batches.
    pub fn batch_sizes(&self, payload: &Payload, handles: &[&DeviceHandle]) -> Vec<usize> {
        if handles.len() < MIN_HANDLES || !self.batch_support.is_supported() {
            return vec![1; handles.len()];
        }
        batch::batch_sizes(payload, handles)
    }

    /// Sends, with retries, until the hub accepts it or refuses it for good, or until the deadline.
    pub async fn send(&self, direct_send: &DirectSend<'_>) -> Result<SendSuccess, SendFailure> {
        let request = Request::new(direct_send, fastrand::u128(..));
        let mut attempts = 0;
        let mut requests = Requests::default();
        loop {
            let error = match self.acquire_permit(direct_send).await {
                Ok(_permit) => {
                    attempts += 1;
                    match self.attempt(direct_send, &request, &mut requests).await {
                        Ok(sent) => return Ok(sent),
                        Err(error) => {
                            self.health.note(&error, Utc::now());
                            error
                        }
                    }
                }
                Err(error) => error,
            };
            // The first connection that is lost was idle for too long. The deadline may cut off a later attempt before the hub could
            // answer.
            let is_lost = error == SendError::ConnectionLost && attempts > 1;
            let is_cut_off = requests.error.is_some() && Instant::now() >= direct_send.deadline;
            let is_silent = error == SendError::Timeout && !is_cut_off;
            let tells_of_hub = is_lost || is_silent || matches!(error, SendError::NoConnection(_));
            if tells_of_hub {
                self.log_error(&error);
            }
            let error = match requests.error.take() {
                // An attempt that ended at the deadline has a less useful error than the one before it.
                Some(before) if error == SendError::Timeout && Instant::now() >= direct_send.deadline => before,
                Some(_) | None => error,
            };
            let next = match error.retry(attempts, fastrand::f64()) {
                Retry::After(wait) => Instant::now() + wait,
                Retry::Never => return Err(requests.failed(error)),
            };
            if next >= direct_send.deadline {
                return Err(requests.failed(error));
            }
            requests.error = Some(error);
            sleep_until(next).await;
        }
    }

    /// Waits until a request may be sent: the hub is not paused, a permit is free, the event has not expired.
    async fn acquire_permit(&self, direct_send: &DirectSend<'_>) -> Result<SendPermit<'_>, SendError> {
        loop {
            let paused_until = *self.paused_until.lock().expect("nothing panics while it is held");
            if let Some(until) = paused_until.filter(|until| *until > Instant::now()) {
                if until >= direct_send.deadline {
                    return Err(SendError::Paused);
                }
                // Jitter: not all requests at the same moment.
                sleep_until(until + PAUSE_JITTER.mul_f64(fastrand::f64())).await;
            }
            let permit = match self.permits.try_acquire(direct_send.urgent) {
                Some(permit) => Some(permit),
                None => timeout_at(direct_send.deadline, self.permits.acquire(direct_send.urgent)).await.ok(),
            };
            let now = Instant::now();
            let permit = permit.filter(|_| now < direct_send.deadline).ok_or(SendError::DeadlineReached)?;
            if direct_send.expires_at.is_some_and(|at| at <= now) {
                return Err(SendError::Expired);
            }
            // While this request waited for its permit, the response to another may have paused the hub.
            let paused_until = *self.paused_until.lock().expect("nothing panics while it is held");
            if paused_until.is_none_or(|until| until <= now) {
                return Ok(permit);
            }
        }
    }

    /// One attempt. After a 401 it makes a new SAS token once, and then tries the other key.
    async fn attempt(
        &self,
        direct_send: &DirectSend<'_>,
        request: &Request<'_>,
        requests: &mut Requests,
    ) -> Result<SendSuccess, SendError> {
        let first = self.credentials.preferred();
        let other = self.credentials.other(first);
        let before = requests.error.clone();
        let mut refused = false;
        for key in [Some(first), Some(first), other, other].into_iter().flatten() {
            let now = Instant::now();
            let authorization = self.credentials.key(key).authorization(now, Utc::now);
            let limit = direct_send.deadline.min(now + direct_send.attempt_timeout);
            requests.sent += 1;
            if requests.sent > 1 {
                self.health.count_retry();
            }
            let hub_response = self.exchange(request, key, &authorization, limit).await;
            let again = if refused { Some(&SendError::Unauthorized) } else { before.as_ref() };
            self.log_request(requests.sent, again, now, &hub_response);
            let hub_response = hub_response?;
            requests.detail = hub_response.detail(&direct_send.payload.body);
            requests.tracking_id = hub_response.tracking_id.clone().or(requests.tracking_id.take());
            if hub_response.status == 401 {
                let ahead = self.credentials.key(key).renew(&authorization, hub_response.server_time, Utc::now());
                if let Some(seconds) = ahead {
                    tracing::warn!(
                        hub = self.name,
                        seconds,
                        "this computer's clock differs from the hub's; SAS tokens follow the hub's clock"
                    );
                }
                refused = true;
                continue;
            }
            match self.credentials.accepted(key) {
                Some(KeyChange::ToSecond) => tracing::warn!(
                    hub = self.name,
                    "the hub refused the first connection string; the secondary one is used"
                ),
                Some(KeyChange::ToFirst) => {
                    tracing::info!(hub = self.name, "the first connection string is used again");
                }
                None => {}
            }
            return match self.error(&hub_response, request.is_batch(), direct_send.payload.platform) {
                Some(error) => Err(error),
                None => Ok(SendSuccess { tracking_id: hub_response.tracking_id, requests: requests.sent }),
            };
        }
        Err(SendError::Unauthorized)
    }

    /// One line for each request: which attempt it was, why it was made again, and what came of it after which time.
    fn log_request(
        &self,
        attempt: u32,
        again: Option<&SendError>,
        began: Instant,
        result: &Result<HubResponse, SendError>,
    ) {
        let ms = began.elapsed().as_millis() as u64;
        let again = again.map(tracing::field::display);
        let status = result.as_ref().ok().map(|hub_response| hub_response.status);
        let error = result.as_ref().err().map(tracing::field::display);
        tracing::debug!(hub = self.name, status, error, ms, attempt, again, "request to the hub");
    }

    /// The error that a response stands for, if it is one, and what it means for the whole hub.
    fn error(&self, hub_response: &HubResponse, is_batch: bool, platform: Platform) -> Option<SendError> {
        let Some(error) = hub_response.error(is_batch, platform) else {
            if self.health.end_trouble() {
                tracing::info!(hub = self.name, "the hub accepts requests again");
            }
            return None;
        };
        if let Some(wait) = hub_response.retry_after
            && matches!(error, SendError::Throttled { .. } | SendError::Unavailable { .. })
        {
            self.pause(wait);
        }
        if error == SendError::BatchNotSupported && self.batch_support.mark_unsupported() {
            tracing::warn!(hub = self.name, "{error}; for the next hour each device gets a request of its own");
        }
        Some(error)
    }

    fn pause(&self, asked: Duration) {
        let wait = asked.min(MAX_PAUSE);
        let until = Instant::now() + wait;
        let mut paused_until = self.paused_until.lock().expect("nothing panics while it is held");
        if paused_until.is_none_or(|before| before <= Instant::now()) {
            self.health.begin_trouble();
            let (wait, asked) = (wait.as_secs_f64(), (asked > wait).then_some(asked.as_secs_f64()));
            let asked = asked.map(|asked| format!("; its Retry-After asks for {asked} s")).unwrap_or_default();
            tracing::warn!(hub = self.name, "hub is throttling; sends paused for {wait} s{asked}");
        }
        *paused_until = Some(paused_until.map_or(until, |before| before.max(until)));
    }

    /// One request and its answer.
    async fn exchange(
        &self,
        request: &Request<'_>,
        key: usize,
        authorization: &HeaderValue,
        limit: Instant,
    ) -> Result<HubResponse, SendError> {
        let request = request.signed(self.credentials.key(key), authorization.clone()).ok_or(SendError::BadRequest)?;
        self.exchange_request(request, limit).await
    }

    async fn exchange_request(&self, request: reqwest::Request, limit: Instant) -> Result<HubResponse, SendError> {
        let response = match timeout_at(limit, self.client.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(RequestError::Connect(error))) => return Err(SendError::NoConnection(error)),
            Ok(Err(RequestError::Lost(_))) => return Err(SendError::ConnectionLost),
            Err(_) => return Err(SendError::Timeout),
        };
        let hub_response = HubResponse::from_head(response.status(), response.headers(), Utc::now);
        // Usually the body is empty; a boxed future keeps this one small.
        if response.content_length() == Some(0) {
            Ok(hub_response)
        } else {
            Ok(Box::pin(hub_response.read(response, limit)).await)
        }
    }
}

impl Requests {
    fn failed(self, error: SendError) -> SendFailure {
        SendFailure { error, tracking_id: self.tracking_id, requests: self.sent, detail: self.detail }
    }
}
