//! `acs-push dead-letters`: lists, shows and removes the store's dead letters.

use std::pin::pin;

use futures_util::stream::TryStreamExt;

use super::{CommandError, LetterId, Output, Undone, Workplace};
use crate::delivery::explanation::{pretty_json, without_controls};
use crate::events::{EventGridEvent, RawEvent};
use crate::storage::dead_letters::{DeadLetter, DeadLetters};
use crate::storage::store::StoreError;

/// What to do with dead letters.
#[derive(Debug)]
pub enum DeadLettersCommand {
    /// Print a line for each.
    List,
    /// Print these, or all if there are none.
    Show(Vec<LetterId>),
    /// Remove these.
    Drop(Vec<LetterId>),
    /// Remove all.
    DropAll,
}

/// Does it. What is left are letters that are not there, or cannot be read.
pub async fn run(
    place: Workplace<'_>,
    command: DeadLettersCommand,
    output: &mut Output,
) -> Result<Undone, CommandError> {
    let letters = &place.service.delivery_service.dead_letters;
    let mut problems = 0;
    let keys = match &command {
        DeadLettersCommand::Show(ids) if !ids.is_empty() => ids.iter().map(LetterId::key).collect(),
        DeadLettersCommand::Drop(ids) => ids.iter().map(LetterId::key).collect(),
        DeadLettersCommand::List | DeadLettersCommand::Show(_) | DeadLettersCommand::DropAll => {
            all_keys(letters, output).await?
        }
    };
    if keys.is_empty() {
        output.print(&format!("no dead letters in the store ({})", place.service.store_name));
    }
    for (done, key) in keys.iter().enumerate() {
        output.progress(done, "dead letters");
        let id = LetterId::of(key);
        let is_done = match (&command, letters.read(key).await) {
            (_, Ok(None)) => Err("there is no such dead letter".to_owned()),
            (DeadLettersCommand::List, Ok(Some(letter))) => {
                output.print(&line(id, &letter));
                Ok(())
            }
            (DeadLettersCommand::Show(_), Ok(Some(letter))) => {
                output.print(&shown(id, &letter));
                Ok(())
            }
            // One that cannot be read can be removed all the same.
            (
                DeadLettersCommand::Drop(_) | DeadLettersCommand::DropAll,
                Ok(Some(_)) | Err(StoreError::Unreadable(_) | StoreError::NewerFormat { .. }),
            ) => {
                letters.remove(key).await?;
                output.print(&format!("{id}: dropped"));
                Ok(())
            }
            (_, Err(error @ (StoreError::Unreadable(_) | StoreError::NewerFormat { .. }))) => Err(error.to_string()),
            (_, Err(error)) => return Err(error.into()),
        };
        if let Err(problem) = is_done {
            output.print(&format!("{id}: {problem}"));
            problems += 1;
        }
    }
    Ok(Undone { count: problems, what: "not there, or not to be read" })
}

async fn all_keys(letters: &DeadLetters, output: &mut Output) -> Result<Vec<String>, StoreError> {
    let (mut found, mut keys) = (Vec::new(), pin!(letters.keys()));
    while let Some(key) = keys.try_next().await? {
        found.push(key);
        output.progress(found.len(), "dead letters found");
    }
    Ok(found)
}

/// What a letter is about, without anything of a person.
pub(super) fn line(id: &str, letter: &DeadLetter) -> String {
    let event = EventGridEvent::parse(RawEvent::Json(&letter.event));
    let type_name = event.as_ref().map_or("no event", |event| event.type_name.as_ref());
    let devices = match letter.installations.len() {
        0 => String::new(),
        devices => format!("; {devices} devices"),
    };
    without_controls(&format!("{id}  {type_name}  {}{devices}", letter.reason))
}

/// The whole letter, with its event.
fn shown(id: &str, letter: &DeadLetter) -> String {
    let json = serde_json::to_vec(letter).expect("it is a struct of texts, numbers and JSON");
    let json = pretty_json(&json).unwrap_or_else(|| String::from_utf8_lossy(&json).into_owned());
    let lines = json.lines().map(without_controls);
    std::iter::once(format!("dead letter {id}")).chain(lines).collect::<Vec<_>>().join("\n")
}
