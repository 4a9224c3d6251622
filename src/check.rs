//! Checks what can be seen from here without a push: files, settings, keys of hubs, the store, and with a login what Azure knows.
//! Each check is one line: good, a fault with its fix, or why it cannot be seen and where to look instead.
//!
//! The words of a cause are those of the log, from the same code.

use serde::Serialize;

mod azure;
mod feedback;
mod files;
mod hubs;
mod store;
mod unseen;

pub use azure::{ArmAddress, ArmAddressError, AzureApp, SiteId, SiteIdError};
pub use files::{AppFolder, AppFolderError};

use crate::delivery::sending::Hubs;
use crate::storage::store::Store;

/// All checks.
#[derive(Debug, Serialize)]
pub struct Report {
    ok: bool,
    checks: Vec<Check>,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    name: String,
    state: State,
    rests_on: Source,
    text: String,
    fix: Option<String>,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Fault,
    Unseen,
}

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Source {
    #[serde(rename = "files")]
    Files,
    #[serde(rename = "settings")]
    Settings,
    #[serde(rename = "Send key")]
    SendKey,
    #[serde(rename = "Manage key")]
    ManageKey,
    #[serde(rename = "store")]
    Store,
    #[serde(rename = "Azure login")]
    AzureLogin,
}

impl Report {
    /// The checks of a program whose settings are right: what they say is `settings`.
    pub async fn of(folder: Option<&AppFolder>, settings: &str, store_name: &str, hubs: &Hubs, store: &Store) -> Self {
        let mut checks = folder.map(AppFolder::checks).unwrap_or_default();
        checks.push(Check::ok("settings", Source::Settings, settings));
        checks.extend(hubs::checks(hubs).await);
        checks.extend(feedback::checks(hubs).await);
        checks.push(store::check(store_name, store).await);
        checks.extend(unseen::checks());
        Self::new(checks)
    }

    /// The checks of a program whose settings have these faults: nothing else can be looked at.
    pub fn of_faults(folder: Option<&AppFolder>, faults: &[String]) -> Self {
        let mut checks = folder.map(AppFolder::checks).unwrap_or_default();
        checks.extend(faults.iter().map(|fault| {
            let fix = "correct the setting; docs/settings.md has each with its form";
            Check::fault("settings", Source::Settings, fault, fix)
        }));
        let why = "the settings have faults";
        checks.push(Check::unseen("hubs", Source::SendKey, why));
        checks.push(Check::unseen("store", Source::Store, why));
        checks.extend(unseen::checks());
        Self::new(checks)
    }

    fn new(checks: Vec<Check>) -> Self {
        Self { ok: checks.iter().all(|check| check.state != State::Fault), checks }
    }

    /// The same with what the login of the Azure CLI showed, in place of what cannot be seen without one. `Err` is the check of a
    /// login that shows nothing.
    #[must_use]
    pub fn with_azure(mut self, seen: Result<Vec<Check>, Check>) -> Self {
        match seen {
            Ok(seen) => {
                self.checks.retain(|check| check.rests_on != Source::AzureLogin);
                self.checks.extend(seen);
            }
            Err(no_login) => self.checks.push(no_login),
        }
        Self::new(self.checks)
    }

    /// How many faults there are.
    pub fn faults(&self) -> usize {
        self.checks.iter().filter(|check| check.state == State::Fault).count()
    }

    /// One line for each check, as a person reads it.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.checks.iter().map(|Check { name, state, text, fix, .. }| {
            let sign = match state {
                State::Ok => '✔',
                State::Fault => '✖',
                State::Unseen => '–',
            };
            let fix = fix.as_deref().map(|fix| format!(" → {fix}")).unwrap_or_default();
            format!("{sign} {name}: {text}{fix}")
        })
    }
}

impl Check {
    fn ok(name: impl Into<String>, rests_on: Source, text: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Ok, rests_on, text: text.into(), fix: None }
    }

    fn fault(name: impl Into<String>, rests_on: Source, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Fault, rests_on, text: text.into(), fix: Some(fix.into()) }
    }

    fn unseen(name: impl Into<String>, rests_on: Source, text: impl Into<String>) -> Self {
        Self { name: name.into(), state: State::Unseen, rests_on, text: text.into(), fix: None }
    }
}
