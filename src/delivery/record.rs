//! Writes dead letters, and the ledger entries that other instances have to know at once.

use std::time::Duration;

use tokio::time::{sleep, timeout_at};

use super::chat_message_update::ChatMessageUpdate;
use super::code::Code;
use super::deadlines::Deadlines;
use super::outcome::Outcome;
use super::send_job::Cause;
use super::sending::DeviceResults;
use super::{DeliveryAttempt, DeliveryService, EventOutcome};
use crate::storage::dead_letters::DeadLetter;
use crate::storage::ledger::{Entry, EventKey};
use crate::storage::store::StoreError;

/// A write that nothing else repeats is tried this often.
const WRITE_ATTEMPTS: u32 = 3;
const WRITE_RETRY_DELAY: Duration = Duration::from_millis(200);

impl DeliveryService {
    /// Stores a dead letter for the devices that were refused for good. If that fails, they count as failed.
    pub(super) async fn dead_letter_refused(&self, attempt: DeliveryAttempt<'_>, results: &mut DeviceResults) {
        let Some((_, refusal)) = results.refused.first() else { return };
        let letter = DeadLetter {
            hub_status: refusal.status,
            hub_detail: refusal.detail.clone(),
            tracking_id: refusal.tracking_id.clone(),
            refusing_hub: results.refusing_hub().map(str::to_owned),
            installations: results.refused.iter().map(|(id, _)| id.to_string()).collect(),
            ..DeadLetter::new(refusal.cause.reason.clone(), attempt.raw_event, attempt.now)
        };
        if let Err(error) = self.store_dead_letter(attempt, &letter).await {
            results.failed.extend(results.refused.drain(..).map(|(id, _)| id));
            results.failure = Some(Cause { code: Code::DeadLetterNotStored, reason: not_stored(&error) });
        }
    }

    /// Stores an event that can never succeed as a dead letter. If that fails, the event fails, so Event Grid repeats it.
    pub(super) async fn dead_letter_event(
        &self,
        attempt: DeliveryAttempt<'_>,
        event_outcome: EventOutcome,
    ) -> EventOutcome {
        let reason = event_outcome.reason.as_deref().unwrap_or_default().to_owned();
        match self.store_dead_letter(attempt, &DeadLetter::new(reason, attempt.raw_event, attempt.now)).await {
            Ok(()) => event_outcome,
            Err(error) => EventOutcome::because(Outcome::Failed, Code::DeadLetterNotStored, not_stored(&error)),
        }
    }

    /// A replayed letter is stored already, and a dry run stores none.
    async fn store_dead_letter(&self, attempt: DeliveryAttempt<'_>, letter: &DeadLetter) -> Result<(), StoreError> {
        if attempt.replay.is_some() || attempt.is_dry_run() {
            return Ok(());
        }
        let installations = (!letter.installations.is_empty()).then(|| letter.installations.join(","));
        let (event, detail) = (attempt.id, letter.hub_detail.as_deref());
        tracing::warn!(event, installations, hub_detail = detail, "dead letter: {}", letter.reason);
        write_with_retries(attempt.deadlines, 1, || self.dead_letters.keep(letter)).await
    }

    /// Writes what other instances must know at once: which devices a call rang, and which a repeat reached. Says whether there
    /// is nothing left to be written.
    pub(super) async fn write_ledger_entry(&self, attempt: DeliveryAttempt<'_>, key: &EventKey, entry: &Entry) -> bool {
        if !entry.is_worth_storing() || attempt.is_dry_run() {
            return true;
        }
        // Its error is in the log. The delivery itself is done.
        write_with_retries(attempt.deadlines, WRITE_ATTEMPTS, || self.ledger.write(key, entry)).await.is_ok()
    }

    /// Writes the version of an edited or deleted chat message, for other instances. Says whether there is nothing left to be
    /// written.
    pub(super) async fn write_message_version(
        &self,
        attempt: DeliveryAttempt<'_>,
        message: &ChatMessageUpdate<'_>,
    ) -> bool {
        if attempt.is_dry_run() {
            return true;
        }
        let write = || self.ledger.write_version(message.key, message.version);
        write_with_retries(attempt.deadlines, WRITE_ATTEMPTS, write).await.is_ok()
    }
}

fn not_stored(error: &StoreError) -> String {
    format!("the dead letter could not be stored: {error}")
}

/// Tries a write at most `tries` times, as long as there is time. Each error is logged; the last one is returned.
async fn write_with_retries<W>(deadlines: Deadlines, tries: u32, write: impl Fn() -> W) -> Result<(), StoreError>
where
    W: Future<Output = Result<(), StoreError>>,
{
    let mut left = tries;
    loop {
        // Boxed: most events write nothing, and each would have the size of a write.
        let written = timeout_at(deadlines.written_by(), Box::pin(write())).await.unwrap_or(Err(StoreError::Late));
        let Err(error) = written else { return Ok(()) };
        tracing::error!("{error}");
        left -= 1;
        if left == 0 || matches!(error, StoreError::Late) {
            return Err(error);
        }
        sleep(WRITE_RETRY_DELAY).await;
    }
}
