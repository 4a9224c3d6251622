//! `acs-push replay`: sends dead letters again, those in the store or those in Event Grid's own dead-letter files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::pin;

use chrono::Utc;
use futures_util::stream::TryStreamExt;

use crate::commands::events_file::{EventsFile, EventsFileError};
use crate::delivery::outcome::DeliveryResult;
use crate::delivery::{DeliveryService, ReplayOptions};
use crate::events::RawEvent;
use crate::storage::store::StoreError;

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file has no events.
    #[error(transparent)]
    File(#[from] EventsFileError),
}

/// Sends every dead letter of the store again, and removes those that are settled. Old events expire unless `force`d. Prints a
/// line for each letter; returns how many are left.
pub async fn letters(
    delivery_service: &DeliveryService,
    force: bool,
    mut print_line: impl FnMut(&str),
) -> Result<usize, ReplayError> {
    let letters = &delivery_service.dead_letters;
    let (mut left, mut failed) = (0, 0);
    let mut keys = pin!(letters.keys());
    while let Some(key) = keys.try_next().await? {
        let letter = match letters.read(&key).await {
            Ok(Some(letter)) => letter,
            Ok(None) => continue,
            // The whole store fails.
            Err(error @ StoreError::Azure(_)) => return Err(error.into()),
            // Do not stop: the letters after it would expire meanwhile.
            Err(error) => {
                print_line(&format!("{key}: {error}; skipped"));
                failed += 1;
                continue;
            }
        };
        let replay = ReplayOptions { force, only: letter.installations.iter().cloned().collect() };
        let (delivery, results) = delivery_service.replay(RawEvent::Json(&letter.event), &replay, Utc::now()).await;
        print_line(&summary(&key, &delivery));
        let unreached = results.unreached();
        let stored = if delivery.outcome.is_settled() && unreached.is_empty() {
            letters.remove(&key).await
        } else {
            left += 1;
            // The devices that got it now must not get it again.
            if delivery.delivered > 0 {
                letters.rewrite(&key, &letter.for_installations(unreached)).await
            } else {
                Ok(())
            }
        };
        if let Err(error) = stored {
            print_line(&format!("{key}: {error}; it may be sent again by the next replay"));
            failed += 1;
        }
    }
    Ok(left + failed)
}

/// Delivers the events of files; returns how many are left.
pub async fn files(
    delivery_service: &DeliveryService,
    force: bool,
    files: &[PathBuf],
    mut print_line: impl FnMut(&str),
) -> Result<usize, ReplayError> {
    let mut left = 0;
    for file in files {
        let each = async |number: usize, raw_event: RawEvent<'_>| {
            let replay = ReplayOptions { force, only: BTreeSet::new() };
            let (delivery, _) = delivery_service.replay(raw_event, &replay, Utc::now()).await;
            print_line(&summary(&format!("{} event {number}", file.display()), &delivery));
            left += usize::from(!delivery.outcome.is_settled());
        };
        EventsFile::read(file)?.for_each(each).await?;
    }
    Ok(left)
}

fn summary(what: &str, delivery: &DeliveryResult) -> String {
    let reason = delivery.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("{what}: {}{reason}, {} of {} devices", delivery.outcome.name(), delivery.delivered, delivery.devices)
}
