//! The settings of hubs: `NOTIFICATION_HUB_…`, for the default app and for others by name, and what to do about a name
//! that is none of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Settings;
use crate::device::AppName;
use crate::hub::connection_string::ConnectionString;

/// The hubs of one app.
#[derive(Debug, Clone)]
pub struct AppSettings {
    /// For alerts, background pushes and FCM.
    pub main: HubSettings,
    /// For calls on iOS.
    pub voip: Option<HubSettings>,
}

/// One hub.
#[derive(Debug, Clone)]
pub struct HubSettings {
    /// Its name within the namespace.
    pub name: String,
    /// The ways into it: one, or two.
    pub connection_strings: Vec<ConnectionString>,
}

impl HubSettings {
    /// Whether certificates are needed to reach it.
    pub fn is_secure(&self) -> bool {
        self.connection_strings.iter().any(|connection_string| connection_string.endpoint.scheme() == "https")
    }
}

const CONNECTION_STRING: &str = "CONNECTION_STRING";
const SECONDARY: &str = "SECONDARY_CONNECTION_STRING";
const NAME: &str = "NAME";
const VOIP_NAME: &str = "VOIP_NAME";

/// What an app's settings end with. The longer ones first: each is a name of its own.
const ENDINGS: [&str; 4] = [SECONDARY, CONNECTION_STRING, VOIP_NAME, NAME];

/// Words that stand where an app's name would.
const NO_APPS: [&str; 2] = ["VOIP", "SECONDARY"];

const OTHERS: [&str; 2] = ["NOTIFICATION_CONTENT", "NOTIFICATIONS_FILE"];

/// Reads all hubs. Where something is missing, what is returned is a stand-in beside a fault.
pub(super) fn read(settings: &mut Settings) -> (AppSettings, BTreeMap<AppName, AppSettings>) {
    let mut apps = BTreeSet::new();
    let names: Vec<String> = settings.values.keys().filter(|name| name.starts_with("NOTIFICATION")).cloned().collect();
    for name in names {
        match Name::of(&name) {
            Name::App(app) => drop(apps.insert(app)),
            Name::Known => {}
            Name::Unknown => {
                let nearest = nearest(&name, &apps);
                settings.fault(&name, format!("is no setting: expected {nearest}, perhaps"));
            }
        }
    }
    let fallback = connection_strings(settings, "", &ConnectionStrings::default());
    if settings.get(&setting("", CONNECTION_STRING)).is_none() {
        let expected = "is required: expected Endpoint=sb://NAMESPACE.servicebus.windows.net/;SharedAccessKeyName=RULE;SharedAccessKey=KEY";
        settings.fault(&setting("", CONNECTION_STRING), expected);
    }
    let default = app_settings(settings, "", &fallback);
    let others = apps.into_iter().map(|app| {
        let prefix = format!("{}_", app.as_str().to_ascii_uppercase());
        let connection_strings = connection_strings(settings, &prefix, &fallback);
        (app, app_settings(settings, &prefix, &connection_strings))
    });
    let others = others.collect();
    (default, others)
}

/// What a name that begins with `NOTIFICATION` is.
enum Name {
    Known,
    App(AppName),
    Unknown,
}

impl Name {
    fn of(name: &str) -> Self {
        if OTHERS.contains(&name) || ENDINGS.iter().any(|ending| name == setting("", ending)) {
            return Self::Known;
        }
        let Some(rest) = name.strip_prefix("NOTIFICATION_HUB_") else { return Self::Unknown };
        let app = ENDINGS.iter().find_map(|ending| rest.strip_suffix(ending)?.strip_suffix('_'));
        let is_upper = |app: &&str| !app.bytes().any(|byte| byte.is_ascii_lowercase());
        match app.filter(is_upper).and_then(AppName::parse) {
            // A word within two edits of these is taken for a slip: an app can be called something else.
            Some(app)
                if NO_APPS.iter().any(|word| strsim::osa_distance(&app.as_str().to_ascii_uppercase(), word) <= 2) =>
            {
                Self::Unknown
            }
            Some(app) => Self::App(app),
            None => Self::Unknown,
        }
    }
}

fn setting(prefix: &str, ending: &str) -> String {
    format!("NOTIFICATION_HUB_{prefix}{ending}")
}

fn nearest(name: &str, apps: &BTreeSet<AppName>) -> String {
    let prefixes = apps.iter().map(|app| format!("{}_", app.as_str().to_ascii_uppercase()));
    let prefixes: Vec<String> = prefixes.chain([String::new()]).collect();
    let hub_settings = prefixes.iter().flat_map(|prefix| ENDINGS.map(|ending| setting(prefix, ending)));
    let known = hub_settings.chain(OTHERS.map(str::to_owned));
    known.min_by_key(|known| strsim::osa_distance(known, name)).unwrap_or_default()
}

/// The first and the second way into an app's hubs.
#[derive(Default, Clone)]
struct ConnectionStrings {
    first: Option<ConnectionString>,
    second: Option<ConnectionString>,
}

/// Each falls back by itself.
fn connection_strings(settings: &mut Settings, prefix: &str, fallback: &ConnectionStrings) -> ConnectionStrings {
    let mut parse = |ending| {
        let name = setting(prefix, ending);
        let parsed = ConnectionString::parse(settings.get(&name)?);
        parsed.map_err(|error| settings.fault(&name, error.to_string())).ok()
    };
    let (first, second) = (parse(CONNECTION_STRING), parse(SECONDARY));
    ConnectionStrings {
        // A second way into somebody else's hub is none into this one.
        second: second.or_else(|| fallback.second.clone().filter(|_| first.is_none())),
        first: first.or_else(|| fallback.first.clone()),
    }
}

fn app_settings(settings: &mut Settings, prefix: &str, connection_strings: &ConnectionStrings) -> AppSettings {
    let ConnectionStrings { first, second } = connection_strings;
    let entity_path = first.as_ref().and_then(|first| first.entity_path.clone());
    let name = hub_name(settings, &setting(prefix, NAME)).or(entity_path);
    if name.is_none() && settings.get(&setting(prefix, NAME)).is_none() {
        settings.fault(&setting(prefix, NAME), "is required: expected the hub's name");
    }
    let hub = |name| HubSettings { name, connection_strings: first.iter().chain(second).cloned().collect() };
    let voip = hub_name(settings, &setting(prefix, VOIP_NAME)).map(hub);
    AppSettings { main: hub(name.unwrap_or_default()), voip }
}

fn hub_name(settings: &mut Settings, setting: &str) -> Option<String> {
    let name = settings.get(setting)?.to_owned();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    let fits = name.len() <= 265 && name.bytes().all(allowed) && !name.starts_with('/') && !name.ends_with('/');
    if !fits {
        settings.fault(setting, "expected a hub's name: letters, digits, '-', '.', '_' and '/', 265 at most");
    }
    fits.then_some(name)
}
