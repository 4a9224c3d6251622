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
    rules: RwLock<Vec<HeldRule>>,
}

/// A rule, and what it opens.
#[derive(Debug)]
struct HeldRule {
    /// The one hub that it opens; `None` is every hub.
    hub: Option<String>,
    rule: Rule,
}

impl HeldRule {
    /// Whether its keys are of use at that hub; `None` is a hub that does not exist.
    fn opens(&self, hub: Option<&str>) -> bool {
        self.hub.is_none() || self.hub.as_deref() == hub
    }

    /// `NAME`, or `HUB/NAME` for a rule of one hub.
    fn full_name(&self) -> String {
        self.hub.as_ref().map_or_else(|| self.rule.name.clone(), |hub| format!("{hub}/{}", self.rule.name))
    }
}

impl Namespace {
    /// `port` is the one that was bound, which `options` may leave open.
    pub(crate) fn new(options: Options, port: u16) -> Self {
        let mut hubs = options.hubs;
        let mut rules: Vec<_> = options.rules.into_iter().map(|rule| HeldRule { hub: None, rule }).collect();
        for hub in &mut hubs {
            // Keys rotate: they are held in one place.
            let own = std::mem::take(&mut hub.rules).into_iter();
            rules.extend(own.map(|rule| HeldRule { hub: Some(hub.name.clone()), rule }));
        }
        Self {
            port,
            hubs,
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
            rules: RwLock::new(rules),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.authority())
    }

    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The first rule of all with its primary key, as the portal would show it.
    pub(crate) fn connection_string(&self) -> String {
        self.connection_string_by(|_| true).unwrap_or_default()
    }

    /// The same for the first rule that opens the hub, those of the namespace before its own. `None`
    /// when there is none.
    pub(crate) fn connection_string_of(&self, hub: &str) -> Option<String> {
        self.connection_string_by(|held| held.opens(Some(hub)))
    }

    fn connection_string_by(&self, is_it: impl Fn(&HeldRule) -> bool) -> Option<String> {
        let url = self.url();
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let Rule { name, primary_key, .. } = &rules.iter().find(|held| is_it(held))?.rule;
        Some(format!("Endpoint={url}/;SharedAccessKeyName={name};SharedAccessKey={primary_key}"))
    }

    /// The rule whose token was shown, among those that open the hub.
    pub(crate) fn authorize(&self, claim: Claim<'_>, hub: Option<&str>) -> Result<Rule, Refusal> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let now = claim.now.saturating_sub(self.clock_skew.as_secs());
        let rules = rules.iter().filter(|held| held.opens(hub)).map(|held| &held.rule);
        sas::verify(Claim { now, ..claim }, rules).cloned()
    }

    /// Replaces the keys of a rule, by its full name; says whether there is one.
    pub(crate) fn set_keys(&self, rule: &str, primary: &str, secondary: &str) -> bool {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let Some(HeldRule { rule, .. }) = rules.iter_mut().find(|held| held.full_name() == rule) else {
            return false;
        };
        rule.primary_key = primary.to_owned();
        rule.secondary_key = secondary.to_owned();
        true
    }
}
