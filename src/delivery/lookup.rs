//! Reads what has to be known before an event is sent: whether it was handled, and which devices should get it.

use std::pin::pin;
use std::sync::Arc;

use super::chat_message_update::ChatMessageUpdate;
use super::code::Code;
use super::deadlines::with_deadline;
use super::explanation::Explanation;
use super::outcome::Outcome;
use super::{DeliveryAttempt, DeliveryService, EventOutcome};
use crate::events::recipient::Recipient;
use crate::events::{Event, EventData};
use crate::notifications::device::Device;
use crate::storage::ledger::{Entry, EventKey, MessageVersion};
use crate::storage::store::StoreError;
use chrono::{DateTime, TimeDelta, Utc};

/// Within this time after a chat event, no edit or deletion of the message can have been handled before it.
const VERSION_READ_AFTER: TimeDelta = TimeDelta::seconds(5);

impl DeliveryService {
    /// The recipient's devices that should get the event and have not got it yet.
    pub(super) async fn devices_to_serve(
        &self,
        attempt: DeliveryAttempt<'_>,
        event: &Event<'_>,
        key: &EventKey,
        entry: &mut Entry,
        message: Option<&ChatMessageUpdate<'_>>,
        handled: Option<MessageVersion>,
    ) -> Result<Arc<[Device]>, EventOutcome> {
        // A replay is for the devices of the dead letter, whatever the ledger says.
        let only = attempt.replay.map(|replay| &replay.only).filter(|only| !only.is_empty());
        let repeated = |entry: &Entry, version: Option<MessageVersion>| {
            let outdone = message.and_then(|message| message.superseded_by(version));
            let code = if entry.complete { Some(Code::AlreadyDelivered) } else { outdone };
            let code = code.filter(|_| only.is_none());
            code.map_or(Ok(()), |code| Err(EventOutcome::with(Outcome::Duplicate, code)))
        };
        repeated(entry, handled)?;
        let (elsewhere, version, devices) = self.look_up(attempt, event, key, message).await?;
        entry.merge(&elsewhere);
        repeated(entry, version)?;

        let nobody = |code| Err(EventOutcome::with(Outcome::NoDevice, code));
        if event.recipient.is_none() {
            return nobody(Code::NoRecipient);
        }
        if event.is_own_action() {
            return nobody(Code::OwnAction);
        }
        let left_out = |device: &Device| why_left_out(device, event, attempt.now);
        let is_meant = |device: &Device| only.is_none_or(|only| only.contains(&*device.installation_id));
        let is_left = |device: &Device| {
            left_out(device).is_none() && (only.is_some() || !entry.settled.contains(&*device.installation_id))
        };
        let is_served = |device: &Device| is_meant(device) && is_left(device);
        if devices.iter().all(is_served) && !devices.is_empty() {
            return Ok(devices);
        }
        let why_nobody = devices.iter().filter(|device| is_meant(device)).find_map(left_out);
        let devices: Arc<[Device]> = devices.iter().filter(|device| is_served(device)).cloned().collect();
        if !devices.is_empty() {
            return Ok(devices);
        }
        // Devices that an earlier attempt did not reach may be deleted by now; then it reached all that are left.
        if !entry.settled.is_empty() && only.is_none() {
            entry.complete = true;
            return Err(EventOutcome::with(Outcome::Duplicate, Code::AlreadyDelivered));
        }
        nobody(why_nobody.unwrap_or(Code::NoInstallation))
    }

    /// The devices from the cache. For a call, and if the cache has no device to push to, the store is read.
    fn recent_devices(
        &self,
        attempt: DeliveryAttempt<'_>,
        event: &Event<'_>,
        recipient: &Recipient,
    ) -> Option<Arc<[Device]>> {
        if attempt.replay.is_some() || matches!(event.data, EventData::IncomingCall(_)) {
            return None;
        }
        let devices = self.installations.recent_devices_of(recipient)?;
        let is_wanted = |device: &Device| why_left_out(device, event, attempt.now).is_none();
        devices.iter().any(is_wanted).then_some(devices)
    }

    /// Reads ledger, message version and devices in one round trip to the store.
    async fn look_up(
        &self,
        attempt: DeliveryAttempt<'_>,
        event: &Event<'_>,
        key: &EventKey,
        message: Option<&ChatMessageUpdate<'_>>,
    ) -> Result<(Entry, Option<MessageVersion>, Arc<[Device]>), EventOutcome> {
        if let Some(device) = attempt.explanation.and_then(Explanation::device_in_place) {
            return Ok((Entry::default(), None, [device.clone()].into()));
        }
        let now = attempt.now;
        let found = pin!(async {
            let version = async {
                match message {
                    Some(message) if event.time.is_none_or(|time| now - time > VERSION_READ_AFTER) => {
                        self.ledger.read_version(message.key).await
                    }
                    _ => Ok(None),
                }
            };
            let devices = async {
                let Some(recipient) = &event.recipient else { return Ok(Arc::default()) };
                match self.recent_devices(attempt, event, recipient) {
                    Some(devices) => Ok(devices),
                    None => self.installations.devices_of(recipient, now).await.inspect_err(|error| {
                        if matches!(error, StoreError::Unreadable(_)) {
                            self.installations.repair_later(recipient);
                        }
                    }),
                }
            };
            tokio::try_join!(self.ledger.read(key), version, devices)
        });
        match with_deadline(attempt.deadlines.deadline, found).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(failed(&StoreError::Late)),
        }
    }
}

/// Why a device is not to get an event. One whose `pushChannel` was reported as dead may still ring.
fn why_left_out(device: &Device, event: &Event<'_>, now: DateTime<Utc>) -> Option<Code> {
    let is_mute = device.handle.is_none() && !matches!(event.data, EventData::IncomingCall(_));
    let left_out = device.preferences.left_out(event, now).map(Code::from);
    left_out.or(is_mute.then_some(Code::NoPushChannel))
}

fn failed(error: &StoreError) -> EventOutcome {
    tracing::error!("{error}");
    EventOutcome::because(Outcome::Failed, Code::from(error), error.to_string())
}
