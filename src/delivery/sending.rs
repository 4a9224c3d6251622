//! From a recipient's devices to what the hubs said: which hub, which payload, and who gets the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::alert_cause::AlertCause;
use super::deadlines::Deadlines;
use super::explanation::Explanation;
use super::send_job::{DeviceResult, JobKind, NextStep, Refusal, SendJob};
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

/// What became of the devices.
#[derive(Debug, Default)]
pub struct DeviceResults {
    /// Installations for which a hub accepted.
    pub accepted: Vec<Arc<str>>,
    /// Installations for which a hub refused for good.
    pub refused: Vec<(Arc<str>, Refusal)>,
    /// Installations that a repeat can still reach.
    pub failed: Vec<Arc<str>>,
    /// Why, of the last one that was refused or failed.
    pub reason: Option<String>,
    /// Why alerts took the place of a call, each cause once.
    pub alert_causes: Vec<AlertCause>,
    /// The hubs' ids of the requests.
    pub tracking: Vec<String>,
}

impl Hubs {
    /// The hubs of an app; `None` is the default one.
    pub fn of(&self, app: Option<&AppName>) -> Option<&AppHubs> {
        match app {
            None => Some(&self.default),
            Some(app) => self.apps.get(app),
        }
    }
}

/// Sends to all devices at once, to each what its audience gets, and in one request to those that get the same.
pub async fn send_all<'a>(
    hubs: &Hubs,
    devices: &[Device],
    audience: impl Fn(&Device) -> Audience,
    notification: impl Fn(Audience) -> Notification<'a>,
    deadlines: Deadlines,
    explanation: Option<&Explanation>,
) -> DeviceResults {
    // Nearly always one.
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
    let (mut waiting, mut under_way) = (Vec::new(), FuturesUnordered::new());
    loop {
        waiting.extend(outbox.take());
        // The usual event is one request, which needs no task of its own.
        let only = if waiting.len() == 1 && under_way.is_empty() { waiting.pop() } else { None };
        let answered = match only {
            Some(job) => Some(job.send(deadlines, explanation).await),
            None => {
                under_way.extend(waiting.drain(..).map(|job| job.send(deadlines, explanation)));
                under_way.next().await
            }
        };
        let Some((job, answer)) = answered else { return results };
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

/// A device, and what it is to be told.
type Recipient<'a, 'n> = (&'a Device, Audience, &'n Notification<'n>);

/// What waits to be sent: one job for all that get the same from the same hub.
struct Outbox<'a> {
    hubs: &'a Hubs,
    /// What was made so far; `None` is what cannot be made, or not small enough.
    payloads: Vec<(PayloadKind, Audience, Option<Arc<Payload>>)>,
    jobs: Vec<SendJob<'a>>,
}

/// What a payload was made as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PayloadKind {
    /// A call as such.
    Call(PayloadFormat),
    /// Everything else.
    Notification(PayloadFormat),
}

impl<'a> Outbox<'a> {
    fn new(hubs: &'a Hubs) -> Self {
        Self { hubs, payloads: Vec::new(), jobs: Vec::new() }
    }

    /// Adds what is best for a device. Where that is an alert in place of a call, it says why.
    fn add(&mut self, recipient: Recipient<'a, '_>) -> Result<Option<AlertCause>, Refusal> {
        let (device, _, notification) = recipient;
        let hubs = self.hubs_of(device)?;
        let Effect::Ring(call) = &notification.effect else { return self.add_alert(recipient).map(|()| None) };
        match self.add_call(recipient, call, hubs) {
            Ok(()) => Ok(None),
            Err(cause) => self.add_alert(recipient).map(|()| Some(cause)),
        }
    }

    /// Adds the call itself, where the device can ring.
    fn add_call(&mut self, recipient: Recipient<'a, '_>, call: &Call<'_>, hubs: &'a AppHubs) -> Result<(), AlertCause> {
        let (device, ..) = recipient;
        let format = PayloadFormat::of(device);
        let (hub, handle) = match format {
            PayloadFormat::Apns => {
                let hub = hubs.voip.as_ref().ok_or(AlertCause::NoVoipHub)?;
                (hub, device.voip_handle.as_ref().ok_or(AlertCause::NoVoipHandle)?)
            }
            PayloadFormat::FcmAndroid => (&hubs.main, &device.handle),
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

    /// Adds what goes to a device's ordinary handle.
    fn add_alert(&mut self, recipient: Recipient<'a, '_>) -> Result<(), Refusal> {
        let (device, _, notification) = recipient;
        let hub = &self.hubs_of(device)?.main;
        let payload = self.payload(PayloadKind::Notification(PayloadFormat::of(device)), recipient);
        let payload = payload.ok_or_else(|| Refusal::not_sent("payload too large"))?;
        let is_call = matches!(notification.effect, Effect::Ring(_));
        let kind = JobKind { is_call, has_alert_fallback: false, is_default_hub: device.app.is_none() };
        self.put(hub, payload, kind, (device, &device.handle));
        Ok(())
    }

    fn hubs_of(&self, device: &Device) -> Result<&'a AppHubs, Refusal> {
        self.hubs.of(device.app.as_ref()).ok_or_else(|| {
            tracing::error!(
                "a device names an app without a hub: set NOTIFICATION_HUB_<APP>_NAME or have it register anew"
            );
            Refusal::not_sent("no hub for the device's app")
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

    /// Everything that waits, by requests.
    fn take(&mut self) -> impl Iterator<Item = SendJob<'a>> + use<'a> {
        std::mem::take(&mut self.jobs).into_iter().flat_map(SendJob::into_requests)
    }
}

/// Whether a hub cannot tell two payloads apart.
fn is_same_payload(one: &Payload, other: &Payload) -> bool {
    one.platform == other.platform && one.headers == other.headers && one.body == other.body
}

impl DeviceResults {
    /// All devices that something became of, those for which the event grew too old left out.
    pub fn count(&self) -> usize {
        self.accepted.len() + self.refused.len() + self.failed.len()
    }

    /// The installations that it did not reach.
    pub fn unreached(&self) -> BTreeSet<String> {
        self.refused.iter().map(|(id, _)| id).chain(&self.failed).map(ToString::to_string).collect()
    }

    /// The installations that need nothing more.
    pub fn settled(&self) -> impl Iterator<Item = &str> {
        self.accepted.iter().chain(self.refused.iter().map(|(id, _)| id)).map(|id| &**id)
    }

    /// Adds why a device gets an alert in place of a call.
    fn add_alert_cause(&mut self, device: &Device, cause: AlertCause, explanation: Option<&Explanation>) {
        if let Some(explanation) = explanation {
            explanation.alert_in_place_of_call(device, &cause);
        }
        if !self.alert_causes.contains(&cause) {
            self.alert_causes.push(cause);
        }
    }

    /// Adds what became of the devices of one request.
    fn add(&mut self, devices: &[&Device], result: DeviceResult) {
        let ids = devices.iter().map(|device| Arc::clone(&device.installation_id));
        match result {
            DeviceResult::Accepted(sent) => {
                self.tracking.extend(sent.tracking_id);
                self.accepted.extend(ids);
            }
            DeviceResult::Refused(refusal) => {
                self.reason = Some(refusal.reason.clone());
                self.tracking.extend(refusal.tracking_id.clone());
                self.refused.extend(ids.map(|id| (id, refusal.clone())));
            }
            DeviceResult::Failed(failure) => {
                self.reason = Some(failure.error.to_string());
                self.tracking.extend(failure.tracking_id);
                self.failed.extend(ids);
            }
            DeviceResult::Expired => {}
        }
    }
}
