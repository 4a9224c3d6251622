//! The story of an event: from what the host handed over to what its recipient's devices got.
//!
//! What comes in and what goes out meet here only. No HTTP status, no JSON of anybody, no word of how a hub is asked.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use crate::events::event_filter::Wanted;
use crate::events::recipient::Recipient;
use crate::events::{Event, EventGridEvent, EventType, Given, Happening};
use crate::notifications::device::{ContentMode, Device};
use crate::notifications::{Audience, Notification, Texts};
use crate::storage::dead_letters::DeadLetters;
use crate::storage::installations::Installations;
use crate::storage::ledger::{Entry, EventKey, Ledger};

mod alert_cause;
pub mod explanation;
mod lookup;
mod message;
pub mod outcome;
mod parcel;
mod record;
pub mod sending;
pub mod times;

use explanation::Explanation;
use message::MessageAtHand;
use outcome::{Delivery, Outcome};
use record::tell;
use sending::{Hubs, Sendings};
use times::{Times, until};

/// Everything that a delivery needs.
#[derive(Debug)]
pub struct Deliveries {
    /// What is wanted.
    pub wanted: Wanted,
    /// The most that a notification may show.
    pub content: ContentMode,
    /// What notifications say, and which types are pushed.
    pub texts: Arc<Texts>,
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

/// What goes for everything that is done about one event.
#[derive(Clone, Copy)]
struct Attempt<'a> {
    given: Given<'a>,
    times: Times,
    now: DateTime<Utc>,
    replay: Option<&'a Replay>,
    explanation: Option<&'a Explanation>,
}

/// A dead letter's event once more.
#[derive(Debug)]
pub struct Replay {
    /// Whether it is sent however old it is.
    pub force: bool,
    /// The installations that it did not reach; empty for one that was hopeless before anybody was looked up.
    pub only: BTreeSet<String>,
}

/// How an event ended.
#[derive(Debug)]
struct Ended {
    outcome: Outcome,
    reason: Option<Cow<'static, str>>,
}

/// What came of an event.
#[derive(Debug)]
struct Came {
    ended: Ended,
    sendings: Sendings,
    /// What a repeat has to know.
    remembered: Option<(EventKey, Entry)>,
}

/// Event Grid's largest batch. So many events are under way at a time, whatever is posted.
const LARGEST_BATCH: usize = 5000;

impl Deliveries {
    /// Delivers the events of one invocation, each on its own. When one of them failed, the host will be asked to repeat
    /// all of them, so who was served is written down first.
    pub async fn deliver_all(&self, events: &[Given<'_>], began: Instant, now: DateTime<Utc>) -> Vec<Delivery> {
        let times = Times::of_invocation(began, self.deadline);
        let deliver = |given| self.deliver(Attempt { given, times, now, replay: None, explanation: None });
        let mut delivered = Vec::with_capacity(events.len());
        for batch in events.chunks(LARGEST_BATCH) {
            match batch {
                // The usual invocation.
                [given] => delivered.push(Box::pin(deliver(*given)).await),
                _ => delivered.extend(join_all(batch.iter().copied().map(deliver)).await),
            }
        }
        if delivered.iter().any(|(delivery, _)| delivery.outcome == Outcome::Failed) {
            let remembered = delivered.iter().filter_map(|(_, came)| came.remembered.as_ref());
            let writes = join_all(remembered.map(|(key, entry)| self.ledger.write(key, entry)));
            match timeout_at(times.answered_by(), writes).await {
                Ok(written) => written.into_iter().filter_map(Result::err).for_each(|error| tell(&error)),
                Err(_) => tracing::error!("the store did not take in time who was served: a repeat may push twice"),
            }
        }
        delivered.into_iter().map(|(delivery, _)| delivery).collect()
    }

    /// Sends a dead letter's event to the installations that it did not reach; also returns those it did not reach now.
    pub async fn replay(&self, given: Given<'_>, replay: &Replay, now: DateTime<Utc>) -> (Delivery, BTreeSet<String>) {
        let times = Times::of_invocation(Instant::now(), self.deadline);
        let (delivery, came) =
            self.deliver(Attempt { given, times, now, replay: Some(replay), explanation: None }).await;
        (delivery, came.sendings.unreached())
    }

    async fn deliver(&self, attempt: Attempt<'_>) -> (Delivery, Came) {
        let envelope = EventGridEvent::parse(attempt.given);
        let decided = match &envelope {
            Ok(envelope) => self.wanted_event(envelope, attempt).map(|(event, left)| {
                let recipient = event.recipient.as_ref().map(Recipient::as_str).unwrap_or_default();
                let key = self.ledger.key_of_event(&envelope.source, &envelope.id, recipient);
                (event, left, key)
            }),
            Err(error) => Err(Ended::with(Outcome::DeadLettered, format!("not_an_event: {error}"))),
        };
        let mut came = match decided {
            Ok((event, left, key)) => {
                let expires_at = left.and_then(|left| left.to_std().ok()).map(|left| attempt.times.began + left);
                let times = Times { expires_at, ..attempt.times };
                self.deliver_to_recipient(Attempt { times, ..attempt }, &event, key).await
            }
            Err(ended) if ended.outcome == Outcome::DeadLettered => self.keep_hopeless(attempt, ended).await.into(),
            Err(ended) => ended.into(),
        };
        let delivery = Delivery {
            event: envelope.as_ref().ok().map(|envelope| shortened(&envelope.id)),
            type_name: envelope.as_ref().ok().map(|envelope| shortened(&envelope.type_name)),
            outcome: came.ended.outcome,
            reason: came.ended.reason.take().map(Cow::into_owned),
            devices: came.sendings.count(),
            delivered: came.sendings.accepted.len(),
            refused: came.sendings.refused.len(),
            failed: came.sendings.failed.len(),
            ms: attempt.times.began.elapsed().as_millis() as u64,
            tracking: std::mem::take(&mut came.sendings.tracking),
        };
        (delivery, came)
    }

    /// What is decided before anything is looked up: subject, type, age, form, content. With the event comes what is left
    /// of its time.
    fn wanted_event<'a>(
        &self,
        envelope: &EventGridEvent<'a>,
        attempt: Attempt<'_>,
    ) -> Result<(Event<'a>, Option<TimeDelta>), Ended> {
        attempt.explain(|explanation| explanation.envelope(envelope, attempt.now));
        if !self.wanted.subjects.accepts(&envelope.subject) {
            return Err(Ended::with(Outcome::Filtered, "subject"));
        }
        if !self.wanted.has_type(&envelope.type_name) {
            return Err(Ended::with(Outcome::Filtered, "event_type"));
        }
        let Some(event_type) = EventType::named(&envelope.type_name) else {
            return Err(Ended::with(Outcome::Ignored, "unpushed_type"));
        };
        if !self.texts.is_on(event_type) {
            return Err(Ended::with(Outcome::Ignored, "switched_off"));
        }
        let lifetime = self.texts.time_to_live(event_type);
        let left = self.wanted.time_left(lifetime, envelope.time, attempt.now);
        let left = left.filter(|_| !attempt.replay.is_some_and(|replay| replay.force));
        if left.is_some_and(|left| left <= TimeDelta::zero()) {
            return Err(Ended::with(Outcome::Expired, "too_old"));
        }
        let event = Event::read(envelope, event_type)
            .map_err(|error| Ended::with(Outcome::DeadLettered, format!("malformed: {error}")))?;
        attempt.explain(|explanation| explanation.event(&event, lifetime, left));
        match event.not_worth_a_push() {
            Some(reason) => Err(Ended::with(Outcome::Ignored, reason)),
            None => Ok((event, left)),
        }
    }

    /// Delivers unless that was done before, and remembers how far it came.
    async fn deliver_to_recipient(&self, attempt: Attempt<'_>, event: &Event<'_>, key: EventKey) -> Came {
        let under_way = || Ended::with(Outcome::Failed, "the same event or message is still under way").into();
        let deadline = attempt.times.deadline;
        let message = MessageAtHand::of(event);
        // Whoever comes with the same event meanwhile, or with another version of the message, waits for these.
        let Ok(mut entry) = until(deadline, pin!(self.ledger.lock_event(&key))).await else { return under_way() };
        let mut handled = None;
        if let Some(message) = &message {
            let Ok(held) = until(deadline, pin!(self.ledger.lock_message(&message.key))).await else {
                return under_way();
            };
            handled = Some(held);
        }

        let was_complete = entry.complete;
        let version = handled.as_ref().and_then(|handled| **handled);
        let found = self.devices_to_serve(attempt, event, &key, &mut entry, message.as_ref(), version).await;
        // An earlier attempt may have left nobody, or its devices may have gone since.
        let mut is_repeat = entry.complete && !was_complete;
        let (ended, sendings) = match found {
            Err(ended) => (ended, Sendings::default()),
            Ok(devices) => {
                is_repeat = entry.is_worth_storing();
                let audience = |device: &Device| Audience::of(device, self.content, &self.texts, event.event_type);
                devices.iter().for_each(|device| attempt.explain(|told| told.device(device, audience(device))));
                let notification = |audience| Notification::new(event, &self.texts, audience, attempt.now);
                let mut sendings =
                    sending::send_all(&self.hubs, &devices, audience, notification, attempt.times, attempt.explanation)
                        .await;
                self.keep_refused(attempt, &mut sendings).await;
                (Ended::after(&sendings, &mut entry), sendings)
            }
        };
        if let (Some(message), Some(handled)) = (&message, &mut handled)
            && entry.complete
            && !was_complete
        {
            **handled = Some(message.version);
            if message.is_change {
                self.write_down_version(attempt, message).await;
            }
        }
        if is_repeat || (matches!(event.happening, Happening::IncomingCall(_)) && sendings.count() > 0) {
            self.write_down(attempt, &key, &entry).await;
        }
        let remembered = entry.is_worth_storing().then(|| (key, entry.clone()));
        Came { ended, sendings, remembered }
    }
}

impl From<Ended> for Came {
    fn from(ended: Ended) -> Self {
        Self { ended, sendings: Sendings::default(), remembered: None }
    }
}

impl Ended {
    fn with(outcome: Outcome, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome, reason: Some(reason.into()) }
    }

    /// The end after what the hubs said, which the entry comes to know.
    fn after(sendings: &Sendings, entry: &mut Entry) -> Self {
        entry.delivered |= !sendings.accepted.is_empty();
        let (outcome, reason) = if !sendings.failed.is_empty() {
            (Outcome::Failed, sendings.reason.clone().map(Cow::Owned))
        } else if entry.delivered {
            (Outcome::Delivered, None)
        } else if !sendings.refused.is_empty() {
            (Outcome::DeadLettered, sendings.reason.clone().map(Cow::Owned))
        } else {
            (Outcome::Expired, Some("too_old".into()))
        };
        let reasons = reason.into_iter().chain(sendings.alert_causes.iter().map(|cause| cause.to_string().into()));
        let reason = reasons.reduce(|reasons, reason| reasons + "; " + reason);
        entry.complete = matches!(outcome, Outcome::Delivered | Outcome::DeadLettered);
        if entry.complete {
            // Who they were does not matter any more.
            entry.settled.clear();
        } else {
            entry.settled.extend(sendings.settled().map(str::to_owned));
        }
        Self { outcome, reason }
    }
}

/// Ids and types come from outside: a line stays a line of bearable length.
fn shortened(text: &str) -> String {
    if text.len() <= 256 { text.to_owned() } else { text.chars().take(256).collect() }
}
