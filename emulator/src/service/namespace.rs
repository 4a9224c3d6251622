//! The state of a running emulator, shared by all connections and the `Emulator`: hubs, rules, record, scripted faults and
//! devices, and the state of the resources.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use hyper::http::request::Parts;

use super::sas::{self, AuthContext};
use super::throttle::Throttle;
use crate::faults::FaultScript;
use crate::http::ServiceError;
use crate::options::{FrontEnd, HubOptions, Mode, Options, Page, Rule};
use crate::platforms::DeviceStates;
use crate::record::Record;
use crate::resources::feedback::Feedback;
use crate::resources::installations::Installations;
use crate::resources::registrations::Registrations;
use crate::resources::telemetry::Telemetry;

#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) port: u16,
    tls: bool,
    pub(crate) hubs: Vec<HubOptions>,
    pub(crate) mode: Mode,
    pub(crate) page: Page,
    pub(crate) record: Record,
    pub(crate) faults: FaultScript,
    pub(crate) devices: DeviceStates,
    pub(crate) throttle: Throttle,
    pub(crate) telemetry: Telemetry,
    pub(crate) feedback: Feedback,
    pub(crate) installations: Installations,
    pub(crate) registrations: Registrations,
    pub(crate) front_end: FrontEnd,
    pub(crate) batch_in_location: bool,
    clock_skew: Duration,
    rules: RwLock<Vec<ScopedRule>>,
}

/// A rule and where it is valid.
#[derive(Debug)]
struct ScopedRule {
    /// The one hub on which it is valid; `None` means every hub.
    hub: Option<String>,
    rule: Rule,
}

impl ScopedRule {
    /// Whether it is valid on `hub`; `None` stands for a hub that does not exist.
    fn is_valid_on(&self, hub: Option<&str>) -> bool {
        self.hub.is_none() || self.hub.as_deref() == hub
    }

    /// `NAME`, or `HUB/NAME` for a rule of one hub.
    fn full_name(&self) -> String {
        self.hub.as_ref().map_or_else(|| self.rule.name.clone(), |hub| format!("{hub}/{}", self.rule.name))
    }
}

impl Namespace {
    /// `port` is the bound port; `options.port` may be 0.
    pub(crate) fn new(options: Options, port: u16) -> Self {
        let mut hubs = options.hubs;
        let mut rules: Vec<_> = options.rules.into_iter().map(|rule| ScopedRule { hub: None, rule }).collect();
        for hub in &mut hubs {
            // Moved, so that `set_keys` has one place to change.
            let own = std::mem::take(&mut hub.rules).into_iter();
            rules.extend(own.map(|rule| ScopedRule { hub: Some(hub.name.clone()), rule }));
        }
        Self {
            port,
            tls: options.tls,
            hubs,
            mode: options.mode,
            page: options.page,
            record: Record::new(),
            faults: FaultScript::default(),
            devices: DeviceStates::default(),
            throttle: Throttle::default(),
            telemetry: Telemetry::new(options.telemetry_delay),
            feedback: Feedback::new(),
            installations: Installations::default(),
            registrations: Registrations::default(),
            front_end: options.front_end,
            batch_in_location: options.batch_in_location,
            clock_skew: options.clock_skew,
            rules: RwLock::new(rules),
        }
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The connection string of the first rule, with its primary key.
    pub(crate) fn connection_string(&self) -> String {
        self.connection_string_where(|_| true).unwrap_or_default()
    }

    /// The same for the first rule that is valid on `hub`; rules of the namespace come before its own. `None` when there
    /// is no such rule.
    pub(crate) fn connection_string_of(&self, hub: &str) -> Option<String> {
        self.connection_string_where(|rule| rule.is_valid_on(Some(hub)))
    }

    fn connection_string_where(&self, matches: impl Fn(&ScopedRule) -> bool) -> Option<String> {
        let url = self.url();
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let Rule { name, primary_key, .. } = &rules.iter().find(|rule| matches(rule))?.rule;
        Some(format!("Endpoint={url}/;SharedAccessKeyName={name};SharedAccessKey={primary_key}"))
    }

    /// The rule that signed the request's token, among those that are valid on `hub`.
    pub(super) fn authorize(&self, head: &Parts, hub: Option<&str>) -> Result<Rule, ServiceError> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let context = AuthContext::of(head);
        let now = context.now.saturating_sub(self.clock_skew.as_secs());
        let rules = rules.iter().filter(|rule| rule.is_valid_on(hub)).map(|scoped| &scoped.rule);
        sas::verify(AuthContext { now, ..context }, rules).cloned()
    }

    /// Replaces the keys of a rule, named `NAME` or `HUB/NAME`. Returns whether the rule exists.
    pub(crate) fn set_keys(&self, rule: &str, primary: &str, secondary: &str) -> bool {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let Some(ScopedRule { rule, .. }) = rules.iter_mut().find(|scoped| scoped.full_name() == rule) else {
            return false;
        };
        rule.primary_key = primary.to_owned();
        rule.secondary_key = secondary.to_owned();
        true
    }
}
