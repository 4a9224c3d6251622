//! `acs-push forget`: removes everything that the store holds of a user or a number, and tells what it was.

use std::collections::BTreeSet;
use std::pin::pin;

use chrono::Utc;
use futures_util::stream::TryStreamExt;
use serde_json::Value;

use super::installations::{shown, without_limits};
use super::{CommandError, LetterId, Output, Person, Undone, Workplace, dead_letters};
use crate::delivery::explanation::{masked, without_controls};
use crate::events::recipient::Recipient;
use crate::storage::dead_letters::{DeadLetter, DeadLetters};
use crate::storage::installations::{Holding, Holdings};
use crate::storage::store::StoreError;

const LEDGER: &str = "  kept       ledger entries and markers hold hashes only and end within 25 hours; the traces of what was deleted, too,
             and Maintenance removes them after ten minutes";

/// A dead letter that has to do with the person.
struct Letter {
    key: String,
    letter: DeadLetter,
    /// It is about others, too: only these installations go from it.
    rest: Option<BTreeSet<String>>,
}

/// Tells what is held of a person, and removes it unless it is a dry run.
pub async fn forget(
    place: Workplace<'_>,
    Person(recipient): &Person,
    dry_run: bool,
    output: &mut Output,
) -> Result<Undone, CommandError> {
    let (register, now) = (without_limits(place), Utc::now());
    let letters = &place.service.delivery_service.dead_letters;
    let holdings = register.holdings_of(recipient, |read| output.progress(read, "installations read")).await?;
    let gone =
        holdings.installations.iter().filter(|holding| !holding.stays).map(|holding| holding.id.clone()).collect();
    let (about, unreadable) = letters_about(letters, recipient, &gone, output).await?;

    output.print(&masked(recipient));
    tell(recipient, &holdings, &about, dry_run, output);
    if !dry_run {
        register.forget(recipient, &holdings, now, |done| output.progress(done, "installations")).await?;
        for (done, Letter { key, letter, rest }) in about.into_iter().enumerate() {
            output.progress(done, "dead letters");
            match rest {
                Some(rest) => letters.rewrite(&key, &letter.for_installations(rest)).await?,
                None => letters.remove(&key).await?,
            }
        }
        place.service.delivery_service.ledger.forget_installations(&gone).await?;
    }
    Ok(Undone {
        count: holdings.unreadable + unreadable,
        what: "documents cannot be read, and may hold something of the person",
    })
}

fn tell(recipient: &Recipient, holdings: &Holdings, about: &[Letter], dry_run: bool, output: &mut Output) {
    let (delete, change) = if dry_run { ("delete", "change") } else { ("deleted", "changed") };
    for Holding { id, installation, stays, .. } in &holdings.installations {
        let id = without_controls(id);
        output.print(&match (installation, stays) {
            (Some(installation), false) => {
                let (platform, handle) = (installation.platform.name(), shown(installation.handle.as_ref()));
                format!("  {delete:<9}  installation {id}: {platform} at {handle}")
            }
            (Some(_), true) => format!("  {change:<9}  installation {id}: it stays without the number"),
            (None, _) => format!("  {delete:<9}  traces of an older form of installation {id}"),
        });
    }
    for Letter { key, letter, rest } in about {
        let what = if rest.is_some() { change } else { delete };
        output.print(&format!("  {what:<9}  dead letter {}", dead_letters::line(LetterId::of(key), letter)));
    }
    if holdings.installations.is_empty() && about.is_empty() {
        output.print("  nothing    no installation and no dead letter");
    }
    let held = holdings.installations.iter().filter_map(|holding| holding.installation.as_ref());
    let numbers: BTreeSet<_> = held.flat_map(|installation| &installation.phone_numbers).collect();
    if matches!(recipient, Recipient::User(_)) && !numbers.is_empty() {
        let numbers: Vec<_> = numbers.into_iter().map(|number| masked(&Recipient::Number(number.clone()))).collect();
        output.print(&format!(
            "  hint       the installations had {}: forget it, too, if it is the user's alone",
            numbers.join(", ")
        ));
    }
    output.print(LEDGER);
    if dry_run {
        output.print("  dry run    nothing was changed");
    }
}

/// The dead letters that mention the person, or wait for installations that are gone with the person. Also how many cannot be read.
async fn letters_about(
    letters: &DeadLetters,
    recipient: &Recipient,
    gone: &BTreeSet<String>,
    output: &mut Output,
) -> Result<(Vec<Letter>, usize), StoreError> {
    let (mut about, mut unreadable, mut read) = (Vec::new(), 0, 0);
    let mut keys = pin!(letters.keys());
    while let Some(key) = keys.try_next().await? {
        read += 1;
        output.progress(read, "dead letters read");
        let letter = match letters.read(&key).await {
            Ok(Some(letter)) => letter,
            Ok(None) => continue,
            Err(StoreError::Unreadable(_) | StoreError::NewerFormat { .. }) => {
                unreadable += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        let rest: BTreeSet<String> = letter.installations.iter().filter(|id| !gone.contains(*id)).cloned().collect();
        if mentions(&letter, recipient) || (rest.is_empty() && !letter.installations.is_empty()) {
            about.push(Letter { key, letter, rest: None });
        } else if rest.len() < letter.installations.len() {
            about.push(Letter { key, letter, rest: Some(rest) });
        }
    }
    Ok((about, unreadable))
}

/// Whether the person's raw id or number stands anywhere in the letter's event, be it as the sender.
fn mentions(letter: &DeadLetter, recipient: &Recipient) -> bool {
    match serde_json::from_str::<Value>(letter.event.get()) {
        Ok(event) => is_in(&event, recipient),
        // Deeper than any event.
        Err(_) => stands_in(letter.event.get(), recipient),
    }
}

fn is_in(value: &Value, recipient: &Recipient) -> bool {
    match value {
        Value::String(text) => stands_in(text, recipient),
        Value::Number(number) => stands_in(&number.to_string(), recipient),
        Value::Array(elements) => elements.iter().any(|element| is_in(element, recipient)),
        Value::Object(members) => {
            members.iter().any(|(name, value)| stands_in(name, recipient) || is_in(value, recipient))
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// Whether it stands there whole, and not as a part of another id or number.
fn stands_in(text: &str, recipient: &Recipient) -> bool {
    let value = recipient.as_str();
    let goes_on = |letter: char| match recipient {
        Recipient::User(_) => letter.is_alphanumeric() || letter == '-' || letter == '_',
        Recipient::Number(_) => letter.is_ascii_digit(),
    };
    text.match_indices(value).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + value.len()..]);
        !before.ends_with(goes_on) && !after.starts_with(goes_on)
    })
}
