//! The story of an event: from what the host handed over to what its recipient's devices got.
//!
//! What comes in and what goes out meet here only. No HTTP status, no JSON of anybody, no word of how a hub is asked.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::dead_letters::{DeadLetter, DeadLetters, without_call_context};
use crate::device::{ContentMode, Device};
use crate::event::{Event, EventGridEvent, EventType, Given, Happening, TypeName};
use crate::installations::Installations;
use crate::ledger::{Entry, EventKey, Ledger, MessageVersion};
use crate::notification::Notification;
use crate::recipient::Recipient;
use crate::store::StoreError;
use crate::wanted::Wanted;

mod message;
pub mod outcome;
pub mod sending;

use message::MessageAtHand;
use outcome::{Delivery, Outcome};
use sending::{Hubs, Sendings, Times};

/// Everything that a delivery needs.
#[derive(Debug)]
pub struct Deliveries {
    /// What is wanted.
    pub wanted: Wanted,
    /// The most that a notification may show.
    pub content: ContentMode,
    /// How long an invocation may take.
    pub deadline: Duration,
    /// Where pushes go.
    pub hubs: Hubs,
    /// Who has which devices.
    pub installations: Arc<Installations>,
    /// Who was served already.
    pub ledger: Ledger,
    /// Where hopeless events go.
    pub dead_letters: DeadLetters,
}

/// How an event ended.
#[derive(Debug)]
struct Ended {
    outcome: Outcome,
    reason: Option<Cow<'static, str>>,
}

/// What came of an event: its end, what the hubs said, and what a repeat has to know.
type Came = (Ended, Sendings, Option<(EventKey, Entry)>);

/// Kept of the deadline for writing down what happened.
const KEPT_FOR_STORE: Duration = Duration::from_secs(2);

/// A younger chat event cannot have been overtaken by its own edit or deletion.
const OVERTAKEN_AFTER: TimeDelta = TimeDelta::seconds(5);

impl Deliveries {
    /// Delivers the events of one invocation, each on its own. When one of them failed, the host will be asked to repeat
    /// all of them, so who was served is written down first.
    pub async fn deliver_all(&self, events: Vec<Given<'_>>, now: DateTime<Utc>) -> Vec<Delivery> {
        let answer_by = Instant::now() + self.deadline;
        let times = Times { deadline: answer_by - KEPT_FOR_STORE, expires_at: None };
        let delivered = join_all(events.into_iter().map(|given| self.deliver(given, times, now))).await;
        let (deliveries, remembered): (Vec<_>, Vec<_>) = delivered.into_iter().unzip();
        if deliveries.iter().any(|delivery| delivery.outcome == Outcome::Failed) {
            let writes = remembered.iter().flatten().map(|(key, entry)| self.ledger.write(key, entry));
            match timeout_at(answer_by, join_all(writes)).await {
                Ok(written) => written.into_iter().filter_map(Result::err).for_each(|error| tell(&error)),
                Err(_) => tracing::error!("the store did not take in time who was served: a repeat may push twice"),
            }
        }
        deliveries
    }

    /// Delivers one event; also returns what a repeat of it has to know.
    async fn deliver(
        &self,
        given: Given<'_>,
        times: Times,
        now: DateTime<Utc>,
    ) -> (Delivery, Option<(EventKey, Entry)>) {
        let started = Instant::now();
        let envelope = EventGridEvent::parse(given);
        let decided = match &envelope {
            Ok(envelope) => self.wanted_event(envelope, now).map(|(event, left)| {
                let key = key_of(envelope, &event);
                (event, left, key)
            }),
            Err(error) => Err(Ended::with(Outcome::DeadLettered, format!("not_an_event: {error}"))),
        };
        let (ended, sendings, remembered) = match decided {
            Ok((event, left, key)) => {
                let expires_at = left.and_then(|left| left.to_std().ok()).map(|left| Instant::now() + left);
                self.deliver_to_recipient(given, &event, key, Times { expires_at, ..times }, now).await
            }
            Err(ended) if ended.outcome == Outcome::DeadLettered => {
                (self.keep_hopeless(given, ended, times, now).await, Sendings::default(), None)
            }
            Err(ended) => (ended, Sendings::default(), None),
        };
        let delivery = Delivery {
            event: envelope.as_ref().ok().map(|envelope| shortened(&envelope.id)),
            type_name: envelope.as_ref().ok().map(|envelope| shortened(&envelope.type_name)),
            outcome: ended.outcome,
            reason: ended.reason.map(Cow::into_owned),
            devices: sendings.count(),
            delivered: sendings.accepted.len(),
            refused: sendings.refused.len(),
            failed: sendings.failed,
            ms: started.elapsed().as_millis(),
            tracking: sendings.tracking,
        };
        (delivery, remembered)
    }

    /// What is decided before anything is looked up: subject, type, age, form, content. With the event comes what is left
    /// of its time.
    fn wanted_event<'a>(
        &self,
        envelope: &EventGridEvent<'a>,
        now: DateTime<Utc>,
    ) -> Result<(Event<'a>, Option<TimeDelta>), Ended> {
        if !self.wanted.subjects.accepts(&envelope.subject) {
            return Err(Ended::with(Outcome::Filtered, "subject"));
        }
        if !self.wanted.has_type(&envelope.type_name) {
            return Err(Ended::with(Outcome::Filtered, "event_type"));
        }
        let event_type = match EventType::named(&envelope.type_name) {
            TypeName::Pushed(event_type) => event_type,
            TypeName::SwitchedOff => return Err(Ended::with(Outcome::Ignored, "switched_off")),
            TypeName::Unpushed => return Err(Ended::with(Outcome::Ignored, "unpushed_type")),
        };
        let left = self.wanted.time_left(event_type, envelope.time, now);
        if left.is_some_and(|left| left <= TimeDelta::zero()) {
            return Err(Ended::with(Outcome::Expired, "too_old"));
        }
        let event = Event::read(envelope, event_type)
            .map_err(|error| Ended::with(Outcome::DeadLettered, format!("malformed: {error}")))?;
        match event.not_worth_a_push() {
            Some(reason) => Err(Ended::with(Outcome::Ignored, reason)),
            None => Ok((event, left)),
        }
    }

    /// Delivers unless that was done before, and remembers how far it came.
    async fn deliver_to_recipient(
        &self,
        given: Given<'_>,
        event: &Event<'_>,
        key: EventKey,
        times: Times,
        now: DateTime<Utc>,
    ) -> Came {
        let recent = self.ledger.recent(&key);
        // Whoever comes with the same event meanwhile waits here, and then finds it delivered.
        let Ok(mut entry) = timeout_at(times.deadline, recent.lock()).await else {
            return (Ended::with(Outcome::Failed, "the same event is still under way"), Sendings::default(), None);
        };
        let message = MessageAtHand::of(event);
        let (ended, sendings) = match self.devices_to_serve(event, &key, &mut entry, message.as_ref(), times, now).await
        {
            Err(ended) => (ended, Sendings::default()),
            Ok(devices) => {
                let mode = |device: &Device| device.content.map_or(self.content, |content| content.max(self.content));
                let notification = |mode| Notification::new(event, mode, now);
                let mut sendings = sending::send_all(&self.hubs, &devices, mode, notification, times).await;
                self.keep_refused(given, &mut sendings, times, now).await;
                let ended = Ended::after(&sendings, &mut entry);
                self.write_down(event, &key, &entry, message.as_ref(), times).await;
                (ended, sendings)
            }
        };
        let remembered = entry.is_worth_keeping().then(|| (key, entry.clone()));
        (ended, sendings, remembered)
    }

    /// The recipient's devices that are still to be served, if any.
    async fn devices_to_serve(
        &self,
        event: &Event<'_>,
        key: &EventKey,
        entry: &mut Entry,
        message: Option<&MessageAtHand>,
        times: Times,
        now: DateTime<Utc>,
    ) -> Result<Vec<Device>, Ended> {
        let repeated = |entry: &Entry, version: Option<MessageVersion>| {
            let outdone = message.and_then(|message| message.outdone_by(version));
            let reason = if entry.complete { Some("already_delivered") } else { outdone };
            reason.map_or(Ok(()), |reason| Err(Ended::with(Outcome::Duplicate, reason)))
        };
        repeated(entry, message.and_then(|message| self.ledger.recent_version(&message.key)))?;
        let (elsewhere, version, devices) = self.look_up(event, key, message, times, now).await?;
        entry.merge(&elsewhere);
        repeated(entry, version)?;

        let nobody = |reason| Err(Ended::with(Outcome::NoDevice, reason));
        if event.recipient.is_none() {
            return nobody("no_recipient");
        }
        if event.is_own_action() {
            return nobody("own_action");
        }
        if devices.is_empty() {
            return nobody("no_installation");
        }
        let mut devices = devices;
        devices.retain(|device| !event.thread_id().is_some_and(|thread| device.has_muted(thread)));
        if devices.is_empty() {
            return nobody("muted");
        }
        devices.retain(|device| !entry.settled.contains(&device.installation_id));
        if devices.is_empty() {
            return Err(Ended::with(Outcome::Duplicate, "already_delivered"));
        }
        Ok(devices)
    }

    /// Everything that has to be known of an event, in one round trip to the store.
    async fn look_up(
        &self,
        event: &Event<'_>,
        key: &EventKey,
        message: Option<&MessageAtHand>,
        times: Times,
        now: DateTime<Utc>,
    ) -> Result<(Entry, Option<MessageVersion>, Vec<Device>), Ended> {
        let version = async {
            match message {
                Some(message) if event.time.is_none_or(|time| now - time > OVERTAKEN_AFTER) => {
                    self.ledger.read_version(&message.key).await
                }
                _ => Ok(None),
            }
        };
        let devices = async {
            match &event.recipient {
                Some(recipient) => self.installations.devices_of(recipient, now).await,
                None => Ok(Vec::new()),
            }
        };
        let found = async { tokio::try_join!(self.ledger.read(key), version, devices) };
        match timeout_at(times.deadline, found).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tell(&error);
                Err(Ended::with(Outcome::Failed, error.to_string()))
            }
            Err(_) => Err(Ended::with(Outcome::Failed, "the store does not answer")),
        }
    }

    /// Keeps the event for the devices that were refused for good. Where it cannot be kept, they count as failed.
    async fn keep_refused(&self, given: Given<'_>, sendings: &mut Sendings, times: Times, now: DateTime<Utc>) {
        if sendings.refused.is_empty() {
            return;
        }
        let reason = sendings.reason.clone().unwrap_or_default();
        if !self.keep(given, reason, sendings, times, now).await {
            sendings.failed += sendings.refused.len();
            sendings.refused.clear();
        }
    }

    /// Keeps an event that can never succeed. Where it cannot be kept it fails, so that it comes again.
    async fn keep_hopeless(&self, given: Given<'_>, ended: Ended, times: Times, now: DateTime<Utc>) -> Ended {
        let reason = ended.reason.as_deref().unwrap_or_default().to_owned();
        if self.keep(given, reason, &Sendings::default(), times, now).await {
            return ended;
        }
        Ended { outcome: Outcome::Failed, ..ended }
    }

    async fn keep(
        &self,
        given: Given<'_>,
        reason: String,
        sendings: &Sendings,
        times: Times,
        now: DateTime<Utc>,
    ) -> bool {
        tracing::warn!("dead letter: {reason}");
        let letter = DeadLetter {
            reason,
            hub_status: sendings.refused_status,
            tracking_id: sendings.tracking.last().cloned(),
            installations: sendings.refused.iter().cloned().collect(),
            stored_at: now,
            event: without_call_context(given),
        };
        in_time(times, self.dead_letters.keep(&letter)).await
    }

    /// Writes what other instances must know at once: whom a call rang, and how a chat message changed.
    async fn write_down(
        &self,
        event: &Event<'_>,
        key: &EventKey,
        entry: &Entry,
        message: Option<&MessageAtHand>,
        times: Times,
    ) {
        if matches!(event.happening, Happening::IncomingCall(_)) && entry.is_worth_keeping() {
            in_time(times, self.ledger.write(key, entry)).await;
        }
        if let Some(message) = message.filter(|_| entry.complete) {
            self.ledger.remember_version(&message.key, message.version);
            if message.is_change {
                in_time(times, self.ledger.write_version(&message.key, message.version)).await;
            }
        }
    }
}

/// All events that tell somebody of one call are one: it rings once.
fn key_of(envelope: &EventGridEvent<'_>, event: &Event<'_>) -> EventKey {
    match (&event.happening, &event.recipient) {
        (Happening::IncomingCall(call), Some(Recipient::User(callee))) if !call.correlation_id.is_empty() => {
            EventKey::of_call(&call.correlation_id, callee.as_str())
        }
        _ => EventKey::of_event(&envelope.source, &envelope.id),
    }
}

/// Whether the store took it, within half of the time that is kept for it: the rest is for the ledger.
async fn in_time(times: Times, write: impl Future<Output = Result<(), StoreError>>) -> bool {
    match timeout_at(times.deadline + KEPT_FOR_STORE / 2, write).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tell(&error);
            false
        }
        Err(_) => {
            tracing::error!("the store does not answer");
            false
        }
    }
}

impl Ended {
    fn with(outcome: Outcome, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome, reason: Some(reason.into()) }
    }

    /// The end after what the hubs said, which the entry comes to know.
    fn after(sendings: &Sendings, entry: &mut Entry) -> Self {
        entry.delivered |= !sendings.accepted.is_empty();
        entry.settled.extend(sendings.accepted.iter().chain(&sendings.refused).cloned());
        let (outcome, reason) = if sendings.failed > 0 {
            (Outcome::Failed, sendings.reason.clone().map(Cow::Owned))
        } else if entry.delivered {
            (Outcome::Delivered, None)
        } else if !sendings.refused.is_empty() {
            (Outcome::DeadLettered, sendings.reason.clone().map(Cow::Owned))
        } else {
            (Outcome::Expired, Some("too_old".into()))
        };
        entry.complete = matches!(outcome, Outcome::Delivered | Outcome::DeadLettered);
        Self { outcome, reason }
    }
}

/// Ids and types come from outside: a line stays a line of bearable length.
fn shortened(text: &str) -> String {
    text.chars().take(256).collect()
}

fn tell(error: &StoreError) {
    tracing::error!(cause = std::error::Error::source(error).map(tracing::field::display), "{error}");
}
