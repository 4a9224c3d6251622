//! `acs-push replay`: sends dead letters again, those in the store or those in Event Grid's own dead-letter files.

use std::collections::BTreeSet;
use std::pin::pin;

use chrono::Utc;
use futures_util::stream::TryStreamExt;

use super::{CommandError, EventsFile, Output, Undone, Workplace};
use crate::delivery::explanation::Explanation;
use crate::delivery::outcome::DeliveryResult;
use crate::delivery::{DeliveryService, ReplayOptions};
use crate::events::RawEvent;
use crate::storage::store::StoreError;

/// Sends every dead letter of the store again, or the events of `files` if there are any. Old events expire unless `force`d. Prints
/// a line for each.
pub async fn replay(
    place: Workplace<'_>,
    files: &[EventsFile],
    force: bool,
    dry_run: bool,
    output: &mut Output,
) -> Result<Undone, CommandError> {
    let delivery_service = &place.service.delivery_service;
    let count = match files {
        [] => match letters(delivery_service, force, dry_run, output).await? {
            (0, _) => {
                output.print(&format!("no dead letters in the store ({})", place.service.store_name));
                0
            }
            (_, left) => left,
        },
        files => replay_files(delivery_service, force, dry_run, files, output).await,
    };
    let what = if dry_run { "would not be settled" } else { "not settled" };
    Ok(Undone { count, what })
}

/// Sends the dead letters of the store, and removes those that are settled. Returns how many there were, and how many are left.
async fn letters(
    delivery_service: &DeliveryService,
    force: bool,
    dry_run: bool,
    output: &mut Output,
) -> Result<(usize, usize), StoreError> {
    let letters = &delivery_service.dead_letters;
    let (mut all, mut left) = (0, 0);
    let mut keys = pin!(letters.keys());
    while let Some(key) = keys.try_next().await? {
        output.progress(all, "dead letters");
        let letter = match letters.read(&key).await {
            Ok(Some(letter)) => letter,
            Ok(None) => continue,
            // The whole store fails.
            Err(error @ StoreError::Azure(_)) => return Err(error),
            // Do not stop: the letters after it would expire meanwhile.
            Err(error) => {
                output.print(&format!("{key}: {error}; skipped"));
                (all, left) = (all + 1, left + 1);
                continue;
            }
        };
        all += 1;
        let replay = ReplayOptions { force, only: letter.installations.iter().cloned().collect() };
        let explanation = dry_run.then(|| Explanation::new(true));
        let raw_event = RawEvent::Json(&letter.event);
        let (delivery, results) = delivery_service.replay(raw_event, &replay, explanation.as_ref(), Utc::now()).await;
        output.print(&summary(&key, &delivery, dry_run));
        let unreached = results.unreached();
        let is_settled = delivery.outcome.is_settled() && unreached.is_empty();
        let stored = match (is_settled, dry_run) {
            (_, true) => Ok(()),
            (true, false) => letters.remove(&key).await,
            // The devices that got it now must not get it again.
            (false, false) if delivery.delivered > 0 => {
                letters.rewrite(&key, &letter.for_installations(unreached)).await
            }
            (false, false) => Ok(()),
        };
        left += usize::from(!is_settled || stored.is_err());
        if let Err(error) = stored {
            output.print(&format!("{key}: {error}; the next replay may send it again"));
        }
    }
    Ok((all, left))
}

/// Delivers the events of files; returns how many are left.
async fn replay_files(
    delivery_service: &DeliveryService,
    force: bool,
    dry_run: bool,
    files: &[EventsFile],
    output: &mut Output,
) -> usize {
    let mut left = 0;
    for file in files {
        let each = async |number: usize, raw_event: RawEvent<'_>| {
            output.progress(number, "events");
            let replay = ReplayOptions { force, only: BTreeSet::new() };
            let explanation = dry_run.then(|| Explanation::new(true));
            let (delivery, _) = delivery_service.replay(raw_event, &replay, explanation.as_ref(), Utc::now()).await;
            output.print(&summary(&format!("{} event {number}", file.name()), &delivery, dry_run));
            left += usize::from(!delivery.outcome.is_settled());
        };
        if file.for_each(each).await == 0 {
            output.print(&format!("{}: no events", file.name()));
        }
    }
    left
}

fn summary(what: &str, delivery: &DeliveryResult, dry_run: bool) -> String {
    let reason = delivery.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let (delivered, devices) = (delivery.delivered, delivery.devices);
    let dry = if dry_run { "; dry run: nothing was sent" } else { "" };
    format!("{what}: {}{reason}, {delivered} of {devices} devices{dry}", delivery.outcome.name())
}
