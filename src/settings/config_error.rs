//! All faults of the settings, which are reported at once, one line each.

use std::fmt;

use super::StoreChoice;

/// All faults of the settings.
#[derive(Debug, Clone)]
pub struct ConfigError {
    pub(super) faults: Vec<Fault>,
    /// Names that are nearly those of settings.
    pub(super) near_names: Vec<String>,
    /// The store that was asked for, where that was not the fault.
    pub(super) store: Option<Box<StoreChoice>>,
}

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) setting: String,
    pub(super) problem: String,
}

impl ConfigError {
    /// A fault that shows only when the setting is used.
    pub fn new(setting: &str, problem: impl Into<String>) -> Self {
        let fault = Fault { setting: setting.to_owned(), problem: problem.into() };
        Self { faults: vec![fault], near_names: Vec::new(), store: None }
    }

    /// Warnings about names that are nearly those of settings: what is missing may stand there.
    pub fn warnings(&self) -> &[String] {
        &self.near_names
    }

    /// Adds the faults that show when the store is opened: all faults are reported at once.
    pub fn with_store_faults(mut self, open: impl FnOnce(&StoreChoice) -> Option<Self>) -> Self {
        let more = self.store.as_deref().and_then(open);
        self.faults.extend(more.into_iter().flat_map(|more| more.faults));
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> =
            self.faults.iter().map(|fault| format!("{}: {}", fault.setting, fault.problem)).collect();
        formatter.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigError {}
