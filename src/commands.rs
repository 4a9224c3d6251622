//! The commands that do their work without the Functions host: events, dead letters, installations, a person.

use crate::functions::Service;
use crate::storage::store::StoreError;

mod arguments;
mod check;
mod dead_letters;
mod events_file;
mod forget;
mod input;
mod installations;
mod output;
mod replay;
mod send;

pub use arguments::{LetterId, Person};
pub use check::CheckCommand;
pub use dead_letters::DeadLettersCommand;
pub use events_file::{EventsFile, EventsFileError};
pub use input::{Input, InputError};
pub use installations::InstallationsCommand;
pub use output::Output;
pub use send::{ExampleDevice, LocaleArgument, SendCommand};

/// What to do, with all that was given for it.
#[derive(Debug)]
pub enum Command {
    /// Deliver events, and explain each.
    Send(SendCommand),
    /// Send dead letters again.
    Replay {
        /// The events of these files instead of the store's dead letters.
        files: Vec<EventsFile>,
        /// Send what has expired, too.
        force: bool,
        /// Send and write nothing.
        dry_run: bool,
    },
    /// Look at dead letters, or remove them.
    DeadLetters(DeadLettersCommand),
    /// Look at installations, or change them.
    Installations(InstallationsCommand),
    /// Remove everything of a person.
    Forget {
        /// Who.
        person: Person,
        /// Change nothing.
        dry_run: bool,
    },
}

/// What a command works on.
#[derive(Debug, Clone, Copy)]
pub struct Workplace<'a> {
    /// The parts of the program.
    pub service: &'a Service,
}

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was given is wrong.
    #[error("{0}")]
    BadInput(String),
    /// A change could not be made.
    #[error("{0}")]
    Unavailable(String),
}

/// What a command left undone: how much, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// How much.
    pub count: usize,
    /// To be read after the number.
    pub what: &'static str,
}

impl Command {
    /// Whether a hub is asked.
    pub fn needs_hub(&self) -> bool {
        match self {
            Self::Send(send) => !send.dry_run,
            Self::Replay { dry_run, .. } => !dry_run,
            Self::DeadLetters(_) | Self::Installations(_) | Self::Forget { .. } => false,
        }
    }

    /// Whether the store is written where it was empty.
    pub fn fills_store(&self) -> bool {
        self.needs_hub() || matches!(self, Self::Installations(InstallationsCommand::Put { .. }))
    }

    /// Whether events are explained and not sent.
    pub fn is_explanation(&self) -> bool {
        matches!(self, Self::Send(SendCommand { dry_run: true, .. }))
    }

    /// Whether nothing of the store is used.
    pub fn needs_no_store(&self) -> bool {
        matches!(self, Self::Send(SendCommand { device: Some(_), .. }))
    }

    /// Does it. Returns what is left undone.
    pub async fn run(self, place: Workplace<'_>, output: &mut Output) -> Result<Undone, CommandError> {
        match self {
            Self::Send(command) => Ok(send::send(place, command, output).await),
            Self::Replay { files, force, dry_run } => replay::replay(place, &files, force, dry_run, output).await,
            Self::DeadLetters(command) => dead_letters::run(place, command, output).await,
            Self::Installations(command) => installations::run(place, command, output).await,
            Self::Forget { person, dry_run } => forget::forget(place, &person, dry_run, output).await,
        }
    }
}
