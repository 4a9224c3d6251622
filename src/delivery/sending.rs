//! Sends a notification to a recipient's devices: chooses hub and payload for each, and groups those that get the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::alert_cause::AlertCause;
use super::code::Code;
use super::deadlines::Deadlines;
use super::explanation::Explanation;
use super::send_job::{Cause, DeviceResult, JobKind, NextStep, Refusal, SendJob};
use crate::notifications::device::{AppName, Device, DeviceHandle};
use crate::notifications::{Audience, Call, Effect, Notification};
use crate::push::hub::Hub;
use crate::push::payload::{Payload, PayloadFormat};

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

/// The results of all devices.
#[derive(Debug, Default)]
pub struct DeviceResults {
    /// Installations for which a hub accepted.
    pub accepted: Vec<Arc<str>>,
    /// Installations for which a hub refused for good.
    pub refused: Vec<(Arc<str>, Refusal)>,
    /// Installations for which a repeat may succeed.
    pub failed: Vec<Arc<str>>,
    /// Why, of the last one that failed.
    pub failure: Option<Cause>,
    /// Why alerts were sent instead of a call, each cause once.
    pub alert_causes: Vec<AlertCause>,
    /// The hubs' ids of the requests.
    pub tracking: Vec<String>,
    /// How many requests were sent.
    pub requests: u32,
    /// The time from the first request to the last response.
    pub hub_time: Duration,
}

impl Hubs {
    /// The hubs of an app; `None` is the default one.
    pub fn of(&self, app: Option<&AppName>) -> Option<&AppHubs> {
        match app {
            None => Some(&self.default),
            Some(app) => self.apps.get(app),
        }
    }

    /// Whether any app has a hub for calls on iOS.
    pub fn rings_iphones(&self) -> bool {
        std::iter::once(&self.default).chain(self.apps.values()).any(|hubs| hubs.voip.is_some())
    }

    /// Every hub, with whose and which it is, for people.
    pub fn named(&self) -> Vec<(String, &Hub)> {
        let others = self.apps.iter().map(|(app, hubs)| (format!("app {}, ", app.as_str()), hubs));
        let apps = std::iter::once((String::new(), &self.default)).chain(others);
        let named = apps.flat_map(|(app, hubs)| {
            let voip = hubs.voip.iter().map(|hub| (format!("{app}VoIP hub"), hub)).collect::<Vec<_>>();
            std::iter::once((format!("{app}hub"), &hubs.main)).chain(voip)
        });
        named.collect()
    }
}

/// Sends to all devices concurrently; those that get the same payload share one request.
pub async fn send_all<'a>(
    hubs: &Hubs,
    devices: &[Device],
    audience: impl Fn(&Device) -> Audience,
    notification: impl Fn(Audience) -> Notification<'a>,
    deadlines: Deadlines,
    explanation: Option<&Explanation>,
) -> DeviceResults {
    // Nearly always there is one.
    let mut notifications: Vec<(Audience, Notification<'_>)> = Vec::with_capacity(1);
    for audience in devices.iter().map(&audience) {
        if notifications.iter().all(|(to, _)| *to != audience) {
            notifications.push((audience, notification(audience)));
        }
    }
    let recipient = |device| {
        let audience = audience(device);
        let mut known = notifications.iter().filter(|(to, _)| *to == audience);
        let (_, notification) = known.next().expect("it was made for each audience");
        (device, audience, notification)
    };
    let (mut results, mut outbox) = (DeviceResults::default(), Outbox::new(hubs));
    for device in devices {
        match outbox.add(recipient(device)) {
            Ok(None) => {}
            Ok(Some(cause)) => results.add_alert_cause(device, cause, explanation),
            Err(refusal) => results.add(&[device], DeviceResult::Refused(refusal)),
        }
    }
    let began = Instant::now();
    let (mut waiting, mut under_way) = (Vec::new(), FuturesUnordered::new());
    loop {
        waiting.extend(outbox.take());
        // Nearly every event is one request, which needs no task of its own.
        let only = if waiting.len() == 1 && under_way.is_empty() { waiting.pop() } else { None };
        let answered = match only {
            Some(job) => Some(job.send(deadlines, explanation).await),
            None => {
                under_way.extend(waiting.drain(..).map(|job| job.send(deadlines, explanation)));
                under_way.next().await
            }
        };
        let Some((job, answer)) = answered else { return results };
        results.requests += answer.as_ref().map_or_else(|failure| failure.requests, |sent| sent.requests);
        if results.requests > 0 {
            results.hub_time = began.elapsed();
        }
        match job.next_step(answer) {
            NextStep::Done(result) => results.add(&job.devices, result),
            NextStep::SendOneByOne => waiting.extend(job.one_by_one()),
            NextStep::SendAlertInstead(error) => {
                for device in job.devices {
                    results.add_alert_cause(device, AlertCause::VoipHubRefused(error.clone()), explanation);
                    if let Err(refusal) = outbox.add_alert(recipient(device)) {
                        results.add(&[device], DeviceResult::Refused(refusal));
                    }
                }
            }
        }
    }
}

/// A device and its notification.
type Recipient<'a, 'n> = (&'a Device, Audience, &'n Notification<'n>);

/// Jobs that wait to be sent: one for all devices that get the same payload from the same hub.
struct Outbox<'a> {
    hubs: &'a Hubs,
    /// The payloads so far; `None` if one cannot be made, or is too large.
    payloads: Vec<(PayloadKind, Audience, Option<Arc<Payload>>)>,
    jobs: Vec<SendJob<'a>>,
}

/// The kind of a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PayloadKind {
    /// A call.
    Call(PayloadFormat),
    /// Everything else.
    Notification(PayloadFormat),
}

impl<'a> Outbox<'a> {
    fn new(hubs: &'a Hubs) -> Self {
        Self { hubs, payloads: Vec::new(), jobs: Vec::new() }
    }

    /// Adds the call or the alert for a device. Returns the cause if it is an alert instead of a call.
    fn add(&mut self, recipient: Recipient<'a, '_>) -> Result<Option<AlertCause>, Refusal> {
        let (device, _, notification) = recipient;
        let hubs = self.hubs_of(device)?;
        let Effect::Ring(call) = &notification.effect else { return self.add_alert(recipient).map(|()| None) };
        match self.add_call(recipient, call, hubs) {
            Ok(()) => Ok(None),
            Err(cause) => self.add_alert(recipient).map(|()| Some(cause)),
        }
    }

    /// Adds the call, if the device can ring.
    fn add_call(&mut self, recipient: Recipient<'a, '_>, call: &Call<'_>, hubs: &'a AppHubs) -> Result<(), AlertCause> {
        let (device, _, notification) = recipient;
        let format = PayloadFormat::of(device, notification);
        let (hub, handle) = match format {
            PayloadFormat::Apns => {
                let hub = hubs.voip.as_ref().ok_or(AlertCause::NoVoipHub)?;
                (hub, device.voip_handle.as_ref().ok_or(AlertCause::NoVoipHandle)?)
            }
            // Its only handle: without it, the installation was deleted.
            PayloadFormat::FcmAndroid(_) => (&hubs.main, device.handle.as_ref().ok_or(AlertCause::NoVoipHandle)?),
            PayloadFormat::FcmIos => return Err(AlertCause::FcmTokenOnIos),
        };
        if let Err(defect) = call.context {
            return Err(defect.into());
        }
        let payload = self.payload(PayloadKind::Call(format), recipient).ok_or(AlertCause::CallTooLarge)?;
        let is_voip = format == PayloadFormat::Apns;
        let is_default_hub = !is_voip && device.app.is_none();
        self.put(
            hub,
            payload,
            JobKind { is_call: true, has_alert_fallback: is_voip, is_default_hub },
            (device, handle),
        );
        Ok(())
    }

    /// Adds the alert or background push for a device.
    fn add_alert(&mut self, recipient: Recipient<'a, '_>) -> Result<(), Refusal> {
        let (device, _, notification) = recipient;
        let hub = &self.hubs_of(device)?.main;
        let handle = device.handle.as_ref();
        let handle =
            handle.ok_or_else(|| Refusal::not_sent(Code::NoPushChannel, "the device has no pushChannel any more"))?;
        let payload = self.payload(PayloadKind::Notification(PayloadFormat::of(device, notification)), recipient);
        let payload = payload.ok_or_else(|| Refusal::not_sent(Code::PayloadTooLarge, "payload too large"))?;
        let is_call = matches!(notification.effect, Effect::Ring(_));
        let kind = JobKind { is_call, has_alert_fallback: false, is_default_hub: device.app.is_none() };
        self.put(hub, payload, kind, (device, handle));
        Ok(())
    }

    fn hubs_of(&self, device: &Device) -> Result<&'a AppHubs, Refusal> {
        self.hubs.of(device.app.as_ref()).ok_or_else(|| {
            tracing::error!(
                "a device names an app without a hub: set NOTIFICATION_HUB_<APP>_NAME or register the device again"
            );
            Refusal::not_sent(Code::NoHubForApp, "no hub for the device's app")
        })
    }

    /// The payload, made once for each audience. Audiences for whom it is the same share one: a withdrawal, say, has no
    /// language.
    fn payload(&mut self, made: PayloadKind, (_, audience, notification): Recipient<'_, '_>) -> Option<Arc<Payload>> {
        let known = self.payloads.iter().find(|(as_what, to, _)| (*as_what, *to) == (made, audience));
        if let Some((_, _, payload)) = known {
            return payload.clone();
        }
        let payload = match made {
            PayloadKind::Call(format) => Payload::call(notification, format),
            PayloadKind::Notification(format) => Payload::new(notification, format).ok(),
        };
        let payload = payload.map(|payload| {
            let mut others = self.payloads.iter().filter_map(|(_, _, other)| other.as_ref());
            others.find(|other| is_same_payload(other, &payload)).map_or_else(|| Arc::new(payload), Arc::clone)
        });
        self.payloads.push((made, audience, payload.clone()));
        payload
    }

    fn put(
        &mut self,
        hub: &'a Hub,
        payload: Arc<Payload>,
        kind: JobKind,
        (device, handle): (&'a Device, &'a DeviceHandle),
    ) {
        let goes_with = |job: &&mut SendJob<'_>| std::ptr::eq(job.hub, hub) && Arc::ptr_eq(&job.payload, &payload);
        match self.jobs.iter_mut().find(goes_with) {
            Some(job) => job.add(device, handle),
            None => self.jobs.push(SendJob { hub, payload, devices: vec![device], handles: vec![handle], kind }),
        }
    }

    /// Takes all jobs, one for each request.
    fn take(&mut self) -> impl Iterator<Item = SendJob<'a>> + use<'a> {
        std::mem::take(&mut self.jobs).into_iter().flat_map(SendJob::into_requests)
    }
}

/// Whether two payloads are equal for a hub.
fn is_same_payload(one: &Payload, other: &Payload) -> bool {
    one.platform == other.platform && one.headers == other.headers && one.body == other.body
}

impl DeviceResults {
    /// All devices, without those for which the event expired.
    pub fn count(&self) -> usize {
        self.accepted.len() + self.refused.len() + self.failed.len()
    }

    /// The installations that it did not reach.
    pub fn unreached(&self) -> BTreeSet<String> {
        self.refused.iter().map(|(id, _)| id).chain(&self.failed).map(ToString::to_string).collect()
    }

    /// An app's hub that refused its key or was not found.
    pub fn refusing_hub(&self) -> Option<&str> {
        self.refused.iter().find_map(|(_, refusal)| refusal.refusing_hub.as_deref())
    }

    /// The installations that need nothing more.
    pub fn settled(&self) -> impl Iterator<Item = &str> {
        self.accepted.iter().chain(self.refused.iter().map(|(id, _)| id)).map(|id| &**id)
    }

    /// Adds why a device gets an alert instead of a call.
    fn add_alert_cause(&mut self, device: &Device, cause: AlertCause, explanation: Option<&Explanation>) {
        if let Some(explanation) = explanation {
            explanation.alert_in_place_of_call(device, &cause);
        }
        if !self.alert_causes.contains(&cause) {
            self.alert_causes.push(cause);
        }
    }

    /// Adds the result of the devices of one request.
    fn add(&mut self, devices: &[&Device], result: DeviceResult) {
        let ids = devices.iter().map(|device| Arc::clone(&device.installation_id));
        match result {
            DeviceResult::Accepted(sent) => {
                self.tracking.extend(sent.tracking_id);
                self.accepted.extend(ids);
            }
            DeviceResult::Refused(refusal) => {
                self.tracking.extend(refusal.tracking_id.clone());
                self.refused.extend(ids.map(|id| (id, refusal.clone())));
            }
            DeviceResult::Failed(cause, tracking_id) => {
                self.failure = Some(cause);
                self.tracking.extend(tracking_id);
                self.failed.extend(ids);
            }
            DeviceResult::Expired => {}
        }
    }
}
