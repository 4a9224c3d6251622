//! Delivers an event: filters it, finds the recipient's devices, sends to them, and records the outcome.
//!
//! The only module that knows both events and hubs. HTTP statuses, JSON and the hubs' protocol do not belong here.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::events::event_filter::EventFilter;
use crate::events::recipient::Recipient;
use crate::events::{Event, EventData, EventGridEvent, EventType, RawEvent};
use crate::notifications::device::{ContentMode, Device};
use crate::notifications::{Audience, Notification, Texts};
use crate::storage::dead_letters::DeadLetters;
use crate::storage::feedback::FeedbackReadings;
use crate::storage::installations::Installations;
use crate::storage::ledger::{Entry, EventKey, Ledger};

mod alert_cause;
pub mod clock;
pub mod code;
mod event_outcome;
pub mod explanation;
mod lookup;
mod chat_message_update;
mod dead_handles;
pub mod outcome;
mod send_job;
mod record;
mod resend;
pub mod sending;
mod status;
pub mod deadlines;

use chat_message_update::ChatMessageUpdate;
use clock::ClockCheck;
use code::Code;
use deadlines::{Deadlines, with_deadline};
use event_outcome::EventOutcome;
use explanation::Explanation;
use outcome::{DeliveryResult, Outcome};
use sending::{DeviceResults, Hubs};

/// Everything that a delivery needs.
#[derive(Debug)]
pub struct DeliveryService {
    /// Which events are handled.
    pub event_filter: EventFilter,
    /// The most that a notification may show.
    pub content: ContentMode,
    /// What notifications say, and which types are pushed.
    pub texts: Arc<Texts>,
    /// How long an invocation may take.
    pub deadline: Duration,
    /// The hubs of every app.
    pub hubs: Hubs,
    /// The registered devices.
    pub installations: Arc<Installations>,
    /// Whether the clock is right.
    pub clock: ClockCheck,
    /// Which devices got which event.
    pub ledger: Ledger,
    /// Events that can never succeed.
    pub dead_letters: DeadLetters,
    /// How far the hubs' feedback was read.
    pub feedback: FeedbackReadings,
}

/// One event and the conditions under which it is delivered.
#[derive(Clone, Copy)]
struct DeliveryAttempt<'a> {
    raw_event: RawEvent<'a>,
    deadlines: Deadlines,
    now: DateTime<Utc>,
    /// Its id, once it is read.
    id: Option<&'a str>,
    /// The trace of its invocation.
    trace: Option<&'a str>,
    replay: Option<&'a ReplayOptions>,
    explanation: Option<&'a Explanation>,
}

/// How a dead letter's event is sent again.
#[derive(Debug)]
pub struct ReplayOptions {
    /// Whether it is sent even if it has expired.
    pub force: bool,
    /// The installations that it did not reach; empty if it failed before its devices were looked up.
    pub only: BTreeSet<String>,
}

/// An event that was processed: its outcome, the result of each device, and its ledger entry.
#[derive(Debug)]
struct ProcessedEvent {
    event_outcome: EventOutcome,
    results: DeviceResults,
    /// What a repeat of the event has to know.
    remembered: Option<(EventKey, Entry)>,
}

/// Event Grid's largest batch. No more events than this are processed at the same time.
const MAX_CONCURRENT_EVENTS: usize = 5000;

impl DeliveryService {
    /// Delivers the events of one invocation, each on its own. If one of them failed, Event Grid will repeat all of them,
    /// so the ledger entries of all are written first. `trace` is the invocation's.
    pub async fn deliver_all(
        &self,
        events: &[RawEvent<'_>],
        began: Instant,
        now: DateTime<Utc>,
        trace: Option<&str>,
    ) -> Vec<DeliveryResult> {
        let deadlines = Deadlines::of_invocation(began, self.deadline);
        let deliver = |raw_event| {
            self.deliver(DeliveryAttempt {
                raw_event,
                deadlines,
                now,
                id: None,
                trace,
                replay: None,
                explanation: None,
            })
        };
        let mut delivered = Vec::with_capacity(events.len());
        for batch in events.chunks(MAX_CONCURRENT_EVENTS) {
            match batch {
                // Nearly every invocation has one event.
                [raw_event] => delivered.push(Box::pin(deliver(*raw_event)).await),
                _ => delivered.extend(join_all(batch.iter().copied().map(deliver)).await),
            }
        }
        if delivered.iter().any(|(delivery, _)| delivery.outcome == Outcome::Failed) {
            let remembered = delivered.iter().filter_map(|(_, processed)| processed.remembered.as_ref());
            let writes = join_all(remembered.map(|(key, entry)| self.ledger.write(key, entry)));
            match timeout_at(deadlines.answered_by(), writes).await {
                Ok(written) => written.into_iter().filter_map(Result::err).for_each(|error| tracing::error!("{error}")),
                Err(_) => tracing::error!("the ledger was not written in time: a repeat may be pushed twice"),
            }
        }
        delivered.into_iter().map(|(delivery, _)| delivery).collect()
    }

    /// Sends a dead letter's event to the installations that it did not reach; also returns what came of each device. With the
    /// explanation of a dry run, nothing is sent.
    pub async fn replay(
        &self,
        raw_event: RawEvent<'_>,
        replay: &ReplayOptions,
        explanation: Option<&Explanation>,
        now: DateTime<Utc>,
    ) -> (DeliveryResult, DeviceResults) {
        let deadlines = Deadlines::of_invocation(Instant::now(), self.deadline);
        let (delivery, processed) = self
            .deliver(DeliveryAttempt {
                raw_event,
                deadlines,
                now,
                id: None,
                trace: None,
                replay: Some(replay),
                explanation,
            })
            .await;
        (delivery, processed.results)
    }

    async fn deliver(&self, attempt: DeliveryAttempt<'_>) -> (DeliveryResult, ProcessedEvent) {
        let envelope = EventGridEvent::parse(attempt.raw_event);
        let id = envelope.as_ref().ok().map(|envelope| truncated(&envelope.id));
        let named = DeliveryAttempt { id: id.as_deref(), ..attempt };
        let decided = match &envelope {
            Ok(envelope) => self.filter_and_read(envelope, attempt).map(|(event, left)| {
                let recipient = event.recipient.as_ref().map(Recipient::as_str).unwrap_or_default();
                let key = self.ledger.event_key(&envelope.source, &envelope.id, recipient);
                (event, left, key)
            }),
            Err(error) => Err(EventOutcome::no_event(Code::NotAnEvent, error)),
        };
        let mut processed = match decided {
            Ok((event, left, key)) => {
                let expires_at = left.and_then(|left| left.to_std().ok()).map(|left| attempt.deadlines.began + left);
                let deadlines = Deadlines { expires_at, ..attempt.deadlines };
                self.deliver_to_recipient(DeliveryAttempt { deadlines, ..named }, &event, key).await
            }
            Err(event_outcome) if event_outcome.outcome == Outcome::DeadLettered => {
                self.dead_letter_event(named, event_outcome).await.into()
            }
            Err(event_outcome) => event_outcome.into(),
        };
        let envelope = envelope.as_ref().ok();
        let time = envelope.and_then(|envelope| envelope.time);
        let trace = envelope.and_then(|envelope| envelope.trace.as_deref());
        let delivery = DeliveryResult {
            event: id,
            type_name: envelope.map(|envelope| truncated(&envelope.type_name)),
            outcome: processed.event_outcome.outcome,
            code: processed.event_outcome.code,
            devices: processed.results.count(),
            delivered: processed.results.accepted.len(),
            refused: processed.results.refused.len(),
            failed: processed.results.failed.len(),
            ms: attempt.deadlines.began.elapsed().as_millis() as u64,
            age_ms: time.map(|time| (attempt.now - time).num_milliseconds()),
            attempts: processed.results.requests,
            hub_ms: processed.results.hub_time.as_millis() as u64,
            reason: processed.event_outcome.reason.take().map(Cow::into_owned),
            trace: trace.or(attempt.trace).map(str::to_owned),
            tracking: std::mem::take(&mut processed.results.tracking),
        };
        (delivery, processed)
    }

    /// Decides what needs no look-up: subject, type, age, malformed data, content. Returns the event and its remaining
    /// lifetime.
    fn filter_and_read<'a>(
        &self,
        envelope: &EventGridEvent<'a>,
        attempt: DeliveryAttempt<'_>,
    ) -> Result<(Event<'a>, Option<TimeDelta>), EventOutcome> {
        attempt.explain(|explanation| explanation.envelope(envelope, attempt.now));
        if !self.event_filter.subjects.accepts(&envelope.subject) {
            return Err(EventOutcome::with(Outcome::Filtered, Code::Subject));
        }
        if !self.event_filter.accepts_type(&envelope.type_name) {
            return Err(EventOutcome::with(Outcome::Filtered, Code::EventType));
        }
        let Some(event_type) = EventType::from_full_name(&envelope.type_name) else {
            return Err(EventOutcome::with(Outcome::Ignored, Code::UnpushedType));
        };
        if !self.texts.is_on(event_type) {
            return Err(EventOutcome::with(Outcome::Ignored, Code::SwitchedOff));
        }
        if let Some(time) = envelope.time.filter(|_| attempt.replay.is_none()) {
            self.clock.note_event(attempt.deadlines.began, attempt.now, time);
        }
        let lifetime = self.texts.time_to_live(event_type);
        let left = self.event_filter.time_left(lifetime, envelope.time, attempt.now);
        let left = left.filter(|_| !attempt.replay.is_some_and(|replay| replay.force));
        if left.is_some_and(|left| left <= TimeDelta::zero()) {
            return Err(match self.clock.fault() {
                None => EventOutcome::with(Outcome::Expired, Code::TooOld),
                Some(fault) => EventOutcome::because(Outcome::Expired, Code::TooOld, format!("too_old: {fault}")),
            });
        }
        let event =
            Event::read(envelope, event_type).map_err(|error| EventOutcome::no_event(Code::Malformed, &error))?;
        attempt.explain(|explanation| explanation.event(&event, lifetime, left));
        match event.ignore_reason() {
            Some(reason) => Err(EventOutcome::with(Outcome::Ignored, reason.into())),
            None => Ok((event, left)),
        }
    }

    /// Delivers the event unless it was delivered before, and records which devices got it.
    async fn deliver_to_recipient(
        &self,
        attempt: DeliveryAttempt<'_>,
        event: &Event<'_>,
        key: EventKey,
    ) -> ProcessedEvent {
        let under_way = || {
            let reason = "the same event or message is still being delivered";
            EventOutcome::because(Outcome::Failed, Code::UnderWay, reason).into()
        };
        let deadline = attempt.deadlines.deadline;
        let message = ChatMessageUpdate::of(event);
        // A repeat of this event, or another version of the message, waits until these are released.
        let Ok(mut entry) = with_deadline(deadline, pin!(self.ledger.lock_event(&key))).await else {
            return under_way();
        };
        let mut handled = None;
        if let Some(message) = &message {
            let Ok(held) = with_deadline(deadline, pin!(self.ledger.lock_message(message.key))).await else {
                return under_way();
            };
            handled = Some(held);
        }

        let (was_complete, was_unwritten) = (entry.complete, entry.is_unwritten);
        let version = handled.as_ref().and_then(|handled| **handled);
        let found = self.devices_to_serve(attempt, event, &key, &mut entry, message.as_ref(), version).await;
        // An earlier attempt may have reached all devices, or the rest may have been deleted since.
        let mut is_repeat = entry.complete && !was_complete;
        let (event_outcome, results) = match found {
            Err(event_outcome) => (event_outcome, DeviceResults::default()),
            Ok(devices) => {
                is_repeat = entry.is_worth_storing();
                let audience = |device: &Device| Audience::of(device, self.content, &self.texts, event, attempt.now);
                devices.iter().for_each(|device| attempt.explain(|told| told.device(device, audience(device))));
                let lifetime = self.texts.time_to_live(event.event_type);
                let at = attempt.notified_at(event, lifetime);
                let notification = |audience| {
                    let notification = Notification::new(event, &self.texts, audience, at);
                    attempt.explain(|told| told.notification(&notification, audience));
                    notification
                };
                let mut results = sending::send_all(
                    &self.hubs,
                    &devices,
                    audience,
                    notification,
                    attempt.deadlines,
                    attempt.explanation,
                )
                .await;
                self.dead_letter_refused(attempt, &mut results).await;
                (EventOutcome::after(&results, &mut entry), results)
            }
        };
        let mut is_written = true;
        if let (Some(message), Some(handled)) = (&message, &mut handled)
            && entry.complete
        {
            if !was_complete {
                **handled = Some(message.version);
            }
            if message.is_change && (!was_complete || was_unwritten) {
                is_written &= self.write_message_version(attempt, message).await;
            }
        }
        let has_rung = matches!(event.data, EventData::IncomingCall(_)) && results.count() > 0;
        if is_repeat || has_rung || was_unwritten {
            is_written &= self.write_ledger_entry(attempt, &key, &entry).await;
        }
        // A repeat that comes to this instance makes up for it.
        entry.is_unwritten = !is_written;
        let remembered = entry.is_worth_storing().then(|| (key, entry.clone()));
        ProcessedEvent { event_outcome, results, remembered }
    }
}

impl From<EventOutcome> for ProcessedEvent {
    fn from(event_outcome: EventOutcome) -> Self {
        Self { event_outcome, results: DeviceResults::default(), remembered: None }
    }
}

/// Ids and types come from outside, so they are cut before they are logged.
fn truncated(text: &str) -> String {
    if text.len() <= 256 { text.to_owned() } else { text.chars().take(256).collect() }
}
