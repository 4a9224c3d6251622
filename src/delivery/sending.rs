//! From a recipient's devices to what the hubs said, device by device.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::explanation::Explanation;
use crate::device::{AppName, Device, DeviceHandle};
use crate::hub::{DirectSend, Hub, SendError, SendFailure, Sent};
use crate::notification::{Audience, Effect, Notification};
use crate::payload::{Form, Payload};

/// Every app's hubs.
#[derive(Debug)]
pub struct Hubs {
    /// The default app's.
    pub default: AppHubs,
    /// The other apps', by name.
    pub apps: BTreeMap<AppName, AppHubs>,
}

/// The hubs of one app. `apns-topic` belongs to a hub, so calls on iOS have their own.
#[derive(Debug)]
pub struct AppHubs {
    /// For alerts, background pushes and FCM.
    pub main: Hub,
    /// For calls on iOS.
    pub voip: Option<Hub>,
}

/// What became of the devices.
#[derive(Debug, Default)]
pub struct Sendings {
    /// Installations for which a hub accepted.
    pub accepted: BTreeSet<String>,
    /// Installations for which a hub refused for good.
    pub refused: BTreeMap<String, Refusal>,
    /// Installations that a repeat can still reach.
    pub failed: BTreeSet<String>,
    /// Why, of the last one that was refused or failed.
    pub reason: Option<String>,
    /// The hubs' ids of the requests.
    pub tracking: Vec<String>,
}

/// What a hub said to a device that it refused for good.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub reason: String,
    /// The hub's status, where it was asked.
    pub status: Option<u16>,
    /// The hub's id of the request.
    pub tracking_id: Option<String>,
}

/// When a sending has to be over.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// When all attempts have to be over.
    pub deadline: Instant,
    /// When the event stops being worth another attempt, if ever.
    pub expires_at: Option<Instant>,
}

/// What became of one device.
enum Sending {
    Accepted(Sent),
    Refused(Refusal),
    Failed(SendFailure),
    Expired,
}

const ATTEMPT_LIMIT: Duration = Duration::from_secs(8);
const CALL_ATTEMPT_LIMIT: Duration = Duration::from_secs(4);

/// Sends to all devices at once, to each what its audience gets.
pub async fn send_all<'a>(
    hubs: &Hubs,
    devices: &[Device],
    audience: impl Fn(&Device) -> Audience,
    notification: impl Fn(Audience) -> Notification<'a>,
    times: Times,
    explanation: Option<&Explanation>,
) -> Sendings {
    let kind = |device: &Device| (Form::of(device), audience(device));
    let served: Vec<_> = devices.iter().map(|device| (device, kind(device))).collect();
    // Many devices share one notification, and payloads.
    let mut notifications = BTreeMap::new();
    let mut payloads = BTreeMap::new();
    for (_, (form, audience)) in &served {
        let notification = notifications.entry(*audience).or_insert_with(|| notification(*audience));
        payloads.entry((*form, *audience)).or_insert_with(|| Payloads::of(notification, *form));
    }
    let sent = served.iter().map(async |(device, kind)| {
        let sending = send(hubs, device, &payloads[kind], times, explanation).await;
        (*device, sending)
    });
    let mut under_way: FuturesUnordered<_> = sent.collect();
    let mut sendings = Sendings::default();
    while let Some((device, sending)) = under_way.next().await {
        sendings.add(device, sending);
    }
    sendings
}

/// What one kind of device gets.
struct Payloads {
    /// `None` is one that cannot be made small enough.
    main: Option<Payload>,
    /// A call's own, for iOS.
    voip: Option<Payload>,
    call: bool,
}

impl Payloads {
    fn of(notification: &Notification<'_>, form: Form) -> Self {
        Self {
            main: Payload::new(notification, form).ok(),
            voip: if form == Form::Apns { Payload::voip(notification) } else { None },
            call: matches!(notification.effect, Effect::Ring(_)),
        }
    }
}

async fn send(
    hubs: &Hubs,
    device: &Device,
    payloads: &Payloads,
    times: Times,
    explanation: Option<&Explanation>,
) -> Sending {
    let call = payloads.call;
    let is_default = device.app.is_none();
    let hubs = match &device.app {
        None => Some(&hubs.default),
        Some(app) => hubs.apps.get(app),
    };
    let Some(hubs) = hubs else {
        tracing::error!(
            "a device names an app without a hub: set NOTIFICATION_HUB_<APP>_NAME or have it register anew"
        );
        return Sending::Refused(Refusal::unasked("no hub for the device's app"));
    };
    if let (Some(hub), Some(handle), Some(payload)) = (&hubs.voip, &device.voip_handle, &payloads.voip) {
        match ask(hub, device, &direct_send(handle, payload, call, times), explanation).await {
            Ok(sent) => return Sending::Accepted(sent),
            // A wrong VoIP hub must not cost the call: an alert takes its place.
            Err(failure) if is_setup(&failure.error) => complain(hub, &failure.error),
            Err(failure) => return Sending::of(failure, false),
        }
    }
    let Some(payload) = &payloads.main else { return Sending::Refused(Refusal::unasked("payload too large")) };
    match ask(&hubs.main, device, &direct_send(&device.handle, payload, call, times), explanation).await {
        Ok(sent) => Sending::Accepted(sent),
        Err(failure) => {
            if is_setup(&failure.error) {
                complain(&hubs.main, &failure.error);
            }
            Sending::of(failure, is_default)
        }
    }
}

/// Asks the hub, and tells what it said. A dry run takes it for granted.
async fn ask(
    hub: &Hub,
    device: &Device,
    direct_send: &DirectSend<'_>,
    explanation: Option<&Explanation>,
) -> Result<Sent, SendFailure> {
    let Some(explanation) = explanation else { return hub.send(direct_send).await };
    let answer = if explanation.is_dry_run() { Ok(Sent { tracking_id: None }) } else { hub.send(direct_send).await };
    explanation.sending(device, hub.name(), direct_send, &answer);
    answer
}

fn direct_send<'a>(handle: &'a DeviceHandle, payload: &'a Payload, call: bool, times: Times) -> DirectSend<'a> {
    let attempt_limit = if call { CALL_ATTEMPT_LIMIT } else { ATTEMPT_LIMIT };
    DirectSend { handle, payload, urgent: call, attempt_limit, deadline: times.deadline, expires_at: times.expires_at }
}

/// Whether the hub itself is set up wrongly, so that an operator can mend it.
fn is_setup(error: &SendError) -> bool {
    matches!(error, SendError::Unauthorized | SendError::Forbidden | SendError::NotFound | SendError::NoCredentials)
}

fn complain(hub: &Hub, error: &SendError) {
    if hub.is_news(error) {
        tracing::error!(hub = hub.name(), "{error}");
    }
}

impl Sending {
    /// What a failure means for the device. Only the default hub's wrong set-up is worth a repeat: another one must not
    /// hold up the events of everybody else.
    fn of(failure: SendFailure, is_default_hub: bool) -> Self {
        match &failure.error {
            SendError::Unauthorized | SendError::Forbidden | SendError::NotFound if !is_default_hub => {
                Self::Refused(failure.into())
            }
            SendError::BadRequest | SendError::TooLarge | SendError::Refused(_) => Self::Refused(failure.into()),
            SendError::Expired => Self::Expired,
            SendError::Unauthorized
            | SendError::Forbidden
            | SendError::NotFound
            | SendError::NoCredentials
            | SendError::Throttled { .. }
            | SendError::Unavailable { .. }
            | SendError::NoConnection
            | SendError::ConnectionLost
            | SendError::NoAnswer
            | SendError::Paused
            | SendError::OutOfTime => Self::Failed(failure),
        }
    }
}

impl Sendings {
    /// All devices that something became of, those for which the event grew too old left out.
    pub fn count(&self) -> usize {
        self.accepted.len() + self.refused.len() + self.failed.len()
    }

    /// The installations that it did not reach.
    pub fn unreached(&self) -> BTreeSet<String> {
        self.refused.keys().chain(&self.failed).cloned().collect()
    }

    fn add(&mut self, device: &Device, sending: Sending) {
        let id = device.installation_id.clone();
        match sending {
            Sending::Accepted(sent) => {
                self.tracking.extend(sent.tracking_id);
                self.accepted.insert(id);
            }
            Sending::Refused(refusal) => {
                self.reason = Some(refusal.reason.clone());
                self.tracking.extend(refusal.tracking_id.clone());
                self.refused.insert(id, refusal);
            }
            Sending::Failed(failure) => {
                self.reason = Some(failure.error.to_string());
                self.tracking.extend(failure.tracking_id);
                self.failed.insert(id);
            }
            Sending::Expired => {}
        }
    }
}

impl Refusal {
    /// No hub was asked.
    fn unasked(reason: &str) -> Self {
        Self { reason: reason.to_owned(), status: None, tracking_id: None }
    }
}

impl From<SendFailure> for Refusal {
    fn from(failure: SendFailure) -> Self {
        Self { reason: failure.error.to_string(), status: failure.error.status(), tracking_id: failure.tracking_id }
    }
}
