//! The settings of hubs: `NOTIFICATION_HUB_…`, for the default app and for others by name. An unknown name that begins with
//! `NOTIFICATION_` is a fault that suggests the nearest known one.

use std::collections::{BTreeMap, BTreeSet};

use super::{SettingsReader, portal};
use crate::notifications::device::AppName;
use crate::push::hub::connection_string::ConnectionString;

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
    /// Its connection strings: one or two.
    pub connection_strings: Vec<ConnectionString>,
    /// The one that may Manage, for its feedback.
    pub manage: Option<ConnectionString>,
}

impl HubSettings {
    fn new(name: String, connection_strings: &ConnectionStrings) -> Self {
        let ConnectionStrings { first, second, manage } = connection_strings;
        let mut hub = Self { name, connection_strings: first.iter().chain(second).cloned().collect(), manage: None };
        // Another hub's, or another namespace's, is not for this one.
        hub.manage = manage.clone().filter(|manage| hub.mismatch(manage).is_none());
        hub
    }

    /// Why a key is not for this hub, if that shows.
    fn mismatch(&self, key: &ConnectionString) -> Option<&'static str> {
        let endpoint = &self.connection_strings.first()?.endpoint;
        let is_other_hub = key.entity_path.as_ref().is_some_and(|path| !path.eq_ignore_ascii_case(&self.name));
        if key.endpoint != *endpoint {
            Some("is for another namespace than the hub: expected a rule of the hub's namespace")
        } else if is_other_hub {
            Some("has the EntityPath of another hub: expected a rule of this hub, or of its namespace")
        } else {
            None
        }
    }

    /// Whether it is that hub: of the same name, in the same namespace.
    fn is(&self, other: &Self) -> bool {
        let endpoint = |hub: &Self| hub.connection_strings.first().map(|first| first.endpoint.clone());
        self.name.eq_ignore_ascii_case(&other.name) && endpoint(self) == endpoint(other)
    }

    /// Whether certificates are needed to reach it.
    pub fn is_secure(&self) -> bool {
        self.connection_strings.iter().any(|connection_string| connection_string.endpoint.scheme() == "https")
    }
}

const CONNECTION_STRING: &str = "CONNECTION_STRING";
const SECONDARY: &str = "SECONDARY_CONNECTION_STRING";
const MANAGE: &str = "MANAGE_CONNECTION_STRING";
const NAME: &str = "NAME";
/// Stands before the ending of a setting of the VoIP hub.
const VOIP: &str = "VOIP_";

/// The suffixes of an app's settings, the longer ones first.
const SUFFIXES: [&str; 8] = [
    "VOIP_SECONDARY_CONNECTION_STRING",
    "VOIP_MANAGE_CONNECTION_STRING",
    "VOIP_CONNECTION_STRING",
    "VOIP_NAME",
    SECONDARY,
    MANAGE,
    CONNECTION_STRING,
    NAME,
];

/// What stands in for the name of a hub.
const NOT_SET: &str = "(not set)";

/// Words that cannot be app names.
const RESERVED_APP_NAMES: [&str; 3] = ["VOIP", "SECONDARY", "MANAGE"];

/// What each of these settings begins with.
pub(super) const PREFIX: &str = "NOTIFICATION_HUB_";

/// The other setting that begins as all of ours do that begin with `NOTIFICATION_`.
const CONTENT: &str = "NOTIFICATION_CONTENT";

/// Reads all hubs. Where something is missing, what is returned is a stand-in beside a fault.
pub(super) fn read(
    settings: &mut SettingsReader,
    warnings: &mut Vec<String>,
) -> (AppSettings, BTreeMap<AppName, AppSettings>) {
    let mut apps = BTreeSet::new();
    let ours: Vec<String> = settings.values.keys().filter(|name| is_ours(name)).cloned().collect();
    for name in ours {
        match Name::of(&name) {
            Name::App(app) => drop(apps.insert(app)),
            Name::Known => {}
            Name::Unknown => {
                let nearest = nearest(&name, &apps);
                settings.fault(&name, format!("unknown setting; did you mean {nearest}?"));
            }
        }
    }
    let own = ConnectionStrings::read(settings, "");
    if settings.get(&setting("", CONNECTION_STRING)).is_none() && settings.needs_hub {
        let missing = setting("", CONNECTION_STRING);
        let expected = "is required: expected Endpoint=sb://NAMESPACE.servicebus.windows.net/;SharedAccessKeyName=RULE;SharedAccessKey=KEY";
        settings.fault(&missing, format!("{expected}{}", portal::where_it_may_be(settings, &missing)));
    }
    let default = app_settings(settings, "", &own, warnings);
    let others = apps.into_iter().map(|app| {
        let prefix = format!("{}_", app.as_str().to_ascii_uppercase());
        let connection_strings = ConnectionStrings::read(settings, &prefix).or(&own);
        (app, app_settings(settings, &prefix, &connection_strings, warnings))
    });
    let others = others.collect();
    (default, others)
}

/// Whether a name is taken for ours, so that an unknown one is a fault.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("NOTIFICATION_")
}

/// Whether it is the name of a setting, be it of an app that has no others.
pub(super) fn is_known(name: &str) -> bool {
    !matches!(Name::of(name), Name::Unknown)
}

/// What a name that begins with `NOTIFICATION_` is.
enum Name {
    Known,
    App(AppName),
    Unknown,
}

impl Name {
    fn of(name: &str) -> Self {
        if name == CONTENT || SUFFIXES.iter().any(|ending| name == setting("", ending)) {
            return Self::Known;
        }
        let Some(rest) = name.strip_prefix(PREFIX) else { return Self::Unknown };
        let app = SUFFIXES.iter().find_map(|ending| rest.strip_suffix(ending)?.strip_suffix('_'));
        let is_upper = |app: &&str| !app.bytes().any(|byte| byte.is_ascii_lowercase());
        match app.filter(is_upper).and_then(AppName::parse) {
            Some(app) if !is_near_no_app(&app) => Self::App(app),
            Some(_) | None => Self::Unknown,
        }
    }
}

/// One edit, or one swapped pair, is taken for a slip: an app can be called something else.
fn is_near_no_app(app: &AppName) -> bool {
    RESERVED_APP_NAMES.iter().any(|word| strsim::osa_distance(&app.as_str().to_ascii_uppercase(), word) <= 1)
}

fn setting(prefix: &str, ending: &str) -> String {
    format!("{PREFIX}{prefix}{ending}")
}

fn nearest(name: &str, apps: &BTreeSet<AppName>) -> String {
    let prefixes = apps.iter().map(|app| format!("{}_", app.as_str().to_ascii_uppercase()));
    let prefixes: Vec<String> = prefixes.chain([String::new()]).collect();
    let hub_settings = prefixes.iter().flat_map(|prefix| SUFFIXES.map(|ending| setting(prefix, ending)));
    let known = hub_settings.chain([CONTENT.to_owned()]);
    known.min_by_key(|known| strsim::osa_distance(known, name)).unwrap_or_default()
}

/// The first and the second way into hubs, and the one to their feedback.
#[derive(Clone)]
struct ConnectionStrings {
    first: Option<ConnectionString>,
    second: Option<ConnectionString>,
    manage: Option<ConnectionString>,
}

impl ConnectionStrings {
    fn read(settings: &mut SettingsReader, prefix: &str) -> Self {
        let mut parse = |ending| {
            let name = setting(prefix, ending);
            let parsed = ConnectionString::parse(settings.get(&name)?);
            parsed.map_err(|error| settings.fault(&name, error.to_string())).ok()
        };
        Self { first: parse(CONNECTION_STRING), second: parse(SECONDARY), manage: parse(MANAGE) }
    }

    /// Each falls back by itself.
    fn or(self, fallback: &Self) -> Self {
        Self {
            // A secondary key of another hub does not open this one.
            second: self.second.or_else(|| fallback.second.clone().filter(|_| self.first.is_none())),
            first: self.first.or_else(|| fallback.first.clone()),
            manage: self.manage.or_else(|| fallback.manage.clone()),
        }
    }

    /// The hub that the first one names.
    fn entity_path(&self) -> Option<String> {
        self.first.as_ref()?.entity_path.clone()
    }
}

fn app_settings(
    settings: &mut SettingsReader,
    prefix: &str,
    connection_strings: &ConnectionStrings,
    warnings: &mut Vec<String>,
) -> AppSettings {
    let name = hub_name(settings, &setting(prefix, NAME)).or(connection_strings.entity_path());
    // A connection string that cannot be read is a fault of its own, and may name the hub.
    let may_be_named =
        settings.get(&setting(prefix, CONNECTION_STRING)).is_some_and(|text| text.contains("EntityPath="))
            && connection_strings.first.is_none();
    let is_missing = settings.needs_hub && settings.get(&setting(prefix, NAME)).is_none();
    if name.is_none() && !may_be_named && is_missing {
        let missing = setting(prefix, NAME);
        let hint = portal::where_it_may_be(settings, &missing);
        settings.fault(&missing, format!("is required: expected the hub's name{hint}"));
    }
    let main = HubSettings::new(name.unwrap_or_else(|| NOT_SET.to_owned()), connection_strings);
    check_manage(settings, prefix, connection_strings, &main);
    let voip = voip_hub(settings, &format!("{prefix}{VOIP}"), connection_strings, warnings);
    if voip.as_ref().is_some_and(|voip| voip.is(&main)) {
        let alerts = setting(prefix, NAME);
        let problem = format!("is the same hub as {alerts}: expected another one, whose bundle id ends in .voip");
        settings.fault(&setting(prefix, "VOIP_NAME"), problem);
    }
    AppSettings { main, voip }
}

/// A Send rule of a hub opens that hub only, so the VoIP hub can have its own connection string; the default is the app's.
fn voip_hub(
    settings: &mut SettingsReader,
    prefix: &str,
    of_app: &ConnectionStrings,
    warnings: &mut Vec<String>,
) -> Option<HubSettings> {
    let own = ConnectionStrings::read(settings, prefix);
    let name = hub_name(settings, &setting(prefix, NAME)).or(own.entity_path());
    let set = [(CONNECTION_STRING, &own.first), (SECONDARY, &own.second), (MANAGE, &own.manage)];
    if name.is_none()
        && let Some((ending, _)) = set.into_iter().find(|(_, own)| own.is_some())
    {
        warnings.push(format!(
            "{}: is not used without {}; calls on iOS are sent as alerts",
            setting(prefix, ending),
            setting(prefix, NAME)
        ));
    }
    let connection_strings = own.or(of_app);
    let hub = HubSettings::new(name?, &connection_strings);
    check_manage(settings, prefix, &connection_strings, &hub);
    Some(hub)
}

/// The feedback of another hub would be about other devices.
fn check_manage(
    settings: &mut SettingsReader,
    prefix: &str,
    connection_strings: &ConnectionStrings,
    hub: &HubSettings,
) {
    let name = setting(prefix, MANAGE);
    let own = connection_strings.manage.as_ref().filter(|_| settings.get(&name).is_some());
    if let Some(mismatch) = own.and_then(|own| hub.mismatch(own)) {
        settings.fault(&name, mismatch);
    }
}

fn hub_name(settings: &mut SettingsReader, setting: &str) -> Option<String> {
    let name = settings.get(setting)?.to_owned();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
    let fits = name.len() <= 265 && name.bytes().all(allowed) && !name.starts_with('/') && !name.ends_with('/');
    if !fits {
        settings.fault(setting, "expected a hub's name: letters, digits, '-', '.', '_' and '/', 265 at most");
    }
    fits.then_some(name)
}
