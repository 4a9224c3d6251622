//! The running namespace: its hubs and rules, what it keeps, and the scripts. What all connections
//! and the emulator's handle share; it takes no part in HTTP.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use crate::budget::Spending;
use crate::devices::Devices;
use crate::fault::Script;
use crate::feedback::Feedback;
use crate::installations::Installations;
use crate::options::{HubOptions, Mode, Options, Rule};
use crate::page::Page;
use crate::record::Record;
use crate::sas::{self, Claim};
use crate::telemetry::Telemetry;
use crate::wording::Refusal;

#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) port: u16,
    pub(crate) hubs: Vec<HubOptions>,
    pub(crate) mode: Mode,
    pub(crate) page: Page,
    pub(crate) record: Record,
    pub(crate) script: Script,
    pub(crate) devices: Devices,
    pub(crate) spending: Spending,
    pub(crate) telemetry: Telemetry,
    pub(crate) feedback: Feedback,
    pub(crate) installations: Installations,
    pub(crate) batch_in_location: bool,
    clock_skew: Duration,
    rules: RwLock<Vec<Rule>>,
}

impl Namespace {
    /// `port` is the one that was bound, which `options` may leave open.
    pub(crate) fn new(options: Options, port: u16) -> Self {
        Self {
            port,
            hubs: options.hubs,
            mode: options.mode,
            page: options.page,
            record: Record::new(),
            script: Script::default(),
            devices: Devices::default(),
            spending: Spending::default(),
            telemetry: Telemetry::new(options.telemetry_delay),
            feedback: Feedback::new(),
            installations: Installations::default(),
            batch_in_location: options.batch_in_location,
            clock_skew: options.clock_skew,
            rules: RwLock::new(options.rules),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The first rule with its primary key, as the portal would show it.
    pub(crate) fn connection_string(&self) -> String {
        let url = self.url();
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let Rule { name, primary_key, .. } = rules.first().cloned().unwrap_or_default();
        format!("Endpoint={url}/;SharedAccessKeyName={name};SharedAccessKey={primary_key}")
    }

    /// The rule whose token was shown.
    pub(crate) fn authorize(&self, claim: Claim<'_>) -> Result<Rule, Refusal> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let now = claim.now.saturating_sub(self.clock_skew.as_secs());
        sas::verify(Claim { now, ..claim }, &rules).cloned()
    }

    /// Replaces the keys of a rule; says whether there is one of that name.
    pub(crate) fn set_keys(&self, rule: &str, primary: &str, secondary: &str) -> bool {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let Some(rule) = rules.iter_mut().find(|candidate| candidate.name == rule) else {
            return false;
        };
        rule.primary_key = primary.to_owned();
        rule.secondary_key = secondary.to_owned();
        true
    }
}
