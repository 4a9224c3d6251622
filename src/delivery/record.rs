//! What is written down of an event: dead letters, and what other instances have to know at once.

use std::time::Duration;

use tokio::time::{sleep, timeout_at};

use super::message::MessageAtHand;
use super::outcome::Outcome;
use super::sending::Sendings;
use super::times::Times;
use super::{Attempt, Deliveries, Ended};
use crate::storage::dead_letters::DeadLetter;
use crate::storage::ledger::{Entry, EventKey};
use crate::storage::store::StoreError;

/// What nothing repeats when it fails is tried so often.
const TRIES: u32 = 3;
const AGAIN_AFTER: Duration = Duration::from_millis(200);

impl Deliveries {
    /// Keeps the event for the devices that were refused for good. Where it cannot be kept, they count as failed.
    pub(super) async fn keep_refused(&self, attempt: Attempt<'_>, sendings: &mut Sendings) {
        let Some((_, refusal)) = sendings.refused.first() else { return };
        let letter = DeadLetter {
            hub_status: refusal.status,
            tracking_id: refusal.tracking_id.clone(),
            installations: sendings.refused.iter().map(|(id, _)| id.to_string()).collect(),
            ..DeadLetter::new(refusal.reason.clone(), attempt.given, attempt.now)
        };
        if !self.keep(attempt, &letter).await {
            sendings.failed.extend(sendings.refused.drain(..).map(|(id, _)| id));
        }
    }

    /// Keeps an event that can never succeed. Where it cannot be kept it fails, so that it comes again.
    pub(super) async fn keep_hopeless(&self, attempt: Attempt<'_>, ended: Ended) -> Ended {
        let reason = ended.reason.as_deref().unwrap_or_default().to_owned();
        let kept = self.keep(attempt, &DeadLetter::new(reason, attempt.given, attempt.now)).await;
        if kept { ended } else { Ended::with(Outcome::Failed, "the dead letter could not be stored") }
    }

    /// Says whether the letter is kept; one that is replayed is already, and a dry run keeps none.
    async fn keep(&self, attempt: Attempt<'_>, letter: &DeadLetter) -> bool {
        if attempt.replay.is_some() || attempt.is_dry_run() {
            return true;
        }
        tracing::warn!("dead letter: {}", letter.reason);
        in_time(attempt.times, 1, || self.dead_letters.keep(letter)).await
    }

    /// Writes what other instances must know at once: whom a call rang, and how far a repeat came.
    pub(super) async fn write_down(&self, attempt: Attempt<'_>, key: &EventKey, entry: &Entry) {
        if entry.is_worth_storing() && !attempt.is_dry_run() {
            in_time(attempt.times, TRIES, || self.ledger.write(key, entry)).await;
        }
    }

    /// Writes how a chat message changed, which other instances must know at once, too.
    pub(super) async fn write_down_version(&self, attempt: Attempt<'_>, message: &MessageAtHand) {
        if !attempt.is_dry_run() {
            in_time(attempt.times, TRIES, || self.ledger.write_version(&message.key, message.version)).await;
        }
    }
}

/// Whether the store took it in time, when it was asked so often at most.
async fn in_time<W>(times: Times, tries: u32, write: impl Fn() -> W) -> bool
where
    W: Future<Output = Result<(), StoreError>>,
{
    for left in (0..tries).rev() {
        match timeout_at(times.written_by(), write()).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tell(&error),
            Err(_) => {
                tracing::error!("the store does not answer");
                return false;
            }
        }
        if left > 0 {
            sleep(AGAIN_AFTER).await;
        }
    }
    false
}

/// Tells an operator what the store said. What is behind an answer of Azure stays unsaid: it may name a blob, whose name
/// stands for a person.
pub(super) fn tell(error: &StoreError) {
    let cause = if let StoreError::Folder(cause) = error { Some(tracing::field::display(cause)) } else { None };
    tracing::error!(cause, "{error}");
}
