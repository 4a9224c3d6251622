//! Sends dead letters again whose hub, an app's own, refused its key or was not found: as soon as an operator has mended that,
//! and as long as the events are worth it.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use chrono::{DateTime, Utc};
use futures_util::stream::TryStreamExt;
use tokio::time::Instant;

use super::outcome::Outcome;
use super::{DeliveryService, ReplayOptions};
use crate::events::RawEvent;
use crate::storage::dead_letters::DeadLetter;
use crate::storage::store::StoreError;

/// What became of the letters.
#[derive(Debug, Default)]
pub struct Resent {
    /// How many were delivered.
    pub delivered: u64,
    /// How many could not be read, or not be removed.
    pub failed: u64,
}

impl DeliveryService {
    /// Sends the letters that wait for a hub, until the time is over. The first that a hub refuses again ends this for that hub.
    pub async fn resend(&self, until: Instant, now: DateTime<Utc>) -> Result<Resent, StoreError> {
        let mut resent = Resent::default();
        let (mut refusing, mut delivered) = (BTreeSet::new(), BTreeMap::<String, u64>::new());
        let mut keys = pin!(self.dead_letters.keys_waiting_for_hub());
        while let Some(key) = keys.try_next().await? {
            if Instant::now() >= until {
                break;
            }
            let letter = match self.dead_letters.read(&key).await {
                Ok(Some(letter)) => letter,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!("{error}");
                    resent.failed += 1;
                    continue;
                }
            };
            let hub = letter.refusing_hub.clone().unwrap_or_default();
            if refusing.contains(&hub) {
                continue;
            }
            match self.resend_one(&key, letter, now).await {
                Ok(Outcome::Delivered) => *delivered.entry(hub).or_default() += 1,
                Ok(Outcome::Failed) => drop(refusing.insert(hub)),
                Ok(_) => {}
                Err(error) => {
                    tracing::error!("{error}");
                    resent.failed += 1;
                }
            }
        }
        for (hub, letters) in &delivered {
            tracing::info!(hub, letters, "the hub takes its key again: its dead letters were sent");
        }
        resent.delivered = delivered.values().sum();
        Ok(resent)
    }

    /// Sends one. `Failed` is one that the hub did not take this time either.
    async fn resend_one(&self, key: &str, letter: DeadLetter, now: DateTime<Utc>) -> Result<Outcome, StoreError> {
        let options = ReplayOptions { force: false, only: letter.installations.iter().cloned().collect() };
        let (delivery, results) = self.replay(RawEvent::Json(&letter.event), &options, None, now).await;
        let unreached = results.unreached();
        if delivery.outcome.is_settled() && unreached.is_empty() {
            self.dead_letters.remove(key).await?;
            return Ok(delivery.outcome);
        }
        if results.refusing_hub().is_some() || delivery.outcome == Outcome::Failed {
            // The devices that got it now must not get it again.
            if delivery.delivered > 0 {
                self.dead_letters.rewrite(key, &letter.for_installations(unreached)).await?;
            }
            return Ok(Outcome::Failed);
        }
        // It has expired, or was refused for another reason: it waits for an operator.
        let letter = if unreached.is_empty() { letter } else { letter.for_installations(unreached) };
        self.dead_letters.stop_waiting(key, letter).await?;
        Ok(delivery.outcome)
    }
}
