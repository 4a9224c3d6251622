//! How hubs and store do, for `Status`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::code::Code;
use super::sending::Hubs;
use crate::push::hub::Hub;
use crate::storage::instances::HubReport;

/// How one hub does.
#[derive(Debug, Serialize)]
pub struct HubStatus<'a> {
    hub: &'a str,
    /// Whose hub it is; the default app has no name.
    app: Option<&'a str>,
    /// Whether it is the one for calls on iOS.
    voip: bool,
    /// Until when nothing is sent, because it is throttling.
    paused_until: Option<DateTime<Utc>>,
    /// The connection string in use: `first` or `second`.
    key: &'static str,
    last_error: Option<LastError>,
}

/// The last error of a hub.
#[derive(Debug, Serialize)]
struct LastError {
    at: DateTime<Utc>,
    code: Code,
    reason: String,
}

impl Hubs {
    /// How every hub does.
    pub fn status(&self) -> Vec<HubStatus<'_>> {
        let others = self.apps.iter().map(|(app, hubs)| (Some(app.as_str()), hubs));
        let apps = std::iter::once((None, &self.default)).chain(others);
        apps.flat_map(|(app, hubs)| {
            let voip = hubs.voip.iter().map(move |hub| HubStatus::of(hub, app, true));
            std::iter::once(HubStatus::of(&hubs.main, app, false)).chain(voip)
        })
        .collect()
    }
}

impl Hubs {
    /// The same in short, for the store.
    pub fn reports(&self) -> Vec<HubReport> {
        let report = |status: HubStatus<'_>| {
            let (last_error, at) = status.last_error.map(|error| (error.reason, error.at)).unzip();
            HubReport { hub: status.hub.to_owned(), last_error, at, paused_until: status.paused_until }
        };
        self.status().into_iter().map(report).collect()
    }
}

/// What a monitoring system asks about a hub.
#[derive(Debug, Default)]
pub struct HubLoad {
    /// Whether nothing is sent, because it is throttling.
    pub is_paused: bool,
    /// How many requests were sent again.
    pub retries: u64,
}

impl Hubs {
    /// The load of the hubs, by name. Hubs of one name in several namespaces count together.
    pub fn loads(&self) -> BTreeMap<&str, HubLoad> {
        let apps = self.apps.values().chain([&self.default]);
        let mut loads = BTreeMap::<&str, HubLoad>::new();
        for hub in apps.flat_map(|hubs| hubs.voip.iter().chain([&hubs.main])) {
            let (status, load) = (hub.status(), loads.entry(hub.name()).or_default());
            load.is_paused |= status.paused_until.is_some();
            load.retries += status.retries;
        }
        loads
    }
}

impl<'a> HubStatus<'a> {
    fn of(hub: &'a Hub, app: Option<&'a str>, voip: bool) -> Self {
        let status = hub.status();
        let last_error =
            status.last_error.map(|(at, error)| LastError { at, code: Code::from(&error), reason: error.to_string() });
        Self {
            hub: hub.name(),
            app,
            voip,
            paused_until: status.paused_until,
            key: if status.uses_second_key { "second" } else { "first" },
            last_error,
        }
    }
}
