//! Reads all settings from names and values.
//!
//! Only `main` reads the process environment. All faults are reported at once, and none shows a value that may be secret.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;

use crate::events::EventType;
use crate::events::event_filter::EventFilter;
use crate::events::subject_filter::SubjectFilter;
use crate::log;
use crate::notifications::Texts;
use crate::notifications::device::{AppName, ContentMode};
use crate::storage::installations::Limits;
use crate::storage::store::azure::Container;

mod config_error;
mod hubs;
mod host_environment;
mod local_settings;
mod names;
mod pasted;
mod portal;
mod storage;
mod summary;
mod webhook;

pub use config_error::ConfigError;
use config_error::Fault;
pub use host_environment::AzureInstance;
use host_environment::HostEnvironment;
pub use hubs::{AppSettings, HubSettings};
pub use local_settings::with_file;
use pasted::Mistake;
pub use webhook::{EntraSettings, WebhookSettings};

/// All settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// The port on 127.0.0.1 that the host calls.
    pub port: u16,
    /// What the webhook needs, if that is what is to be served.
    pub webhook: Option<WebhookSettings>,
    /// The default app's hubs.
    pub default_app: AppSettings,
    /// The other apps' hubs.
    pub apps: BTreeMap<AppName, AppSettings>,
    /// Which events are handled.
    pub event_filter: EventFilter,
    /// Which store to use.
    pub store: StoreChoice,
    /// The most that a notification shows.
    pub content: ContentMode,
    /// What notifications say.
    pub texts: Arc<Texts>,
    /// The notifications file, if there is one.
    pub texts_file: Option<String>,
    /// Limits of the register.
    pub limits: Limits,
    /// How long an invocation may take.
    pub deadline: Duration,
    /// Requests that may be in flight to one hub.
    pub max_in_flight: usize,
    /// On a developer's computer: whether `Host` has to be one of its own names.
    pub loopback_names_only: bool,
    /// Which log lines are written.
    pub log_filter: String,
    /// The name of this instance.
    pub instance: String,
    /// Warnings: these values are allowed, but probably not intended.
    pub warnings: Vec<String>,
}

/// Which store to use.
#[derive(Debug, Clone)]
pub enum StoreChoice {
    /// In this process.
    Memory,
    /// In a folder.
    Folder(PathBuf),
    /// In a folder that does not exist, for who only looks: an empty store.
    NoFolder(PathBuf),
    /// In Azure Blob.
    Azure(Container),
}

/// Reads settings and collects what is wrong with them.
struct SettingsReader {
    values: BTreeMap<String, String>,
    /// Variables whose value was not UTF-8; `values` has them with U+FFFD.
    not_utf8: BTreeSet<String>,
    /// The names of all settings that were read, set or not.
    asked: RefCell<BTreeSet<String>>,
    faults: Vec<Fault>,
    /// Whether the default app's hub has to be set.
    needs_hub: bool,
    /// Whether the webhook is to be served.
    for_webhook: bool,
}

impl Config {
    /// Reads the settings among the variables given. A setting that is not UTF-8 is a fault.
    pub fn from_vars<N, V>(vars: impl IntoIterator<Item = (N, V)>) -> Result<Self, ConfigError>
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        Self::read(SettingsReader::new(vars.into_iter().map(|(name, value)| (name.into(), value.into()))))
    }

    /// The same for a command that asks no hub: it need not be set.
    pub fn without_hub(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, ConfigError> {
        Self::read(SettingsReader { needs_hub: false, ..SettingsReader::new(vars.into_iter()) })
    }

    fn read(mut settings: SettingsReader) -> Result<Self, ConfigError> {
        let mut warnings = Vec::new();
        let (default_app, apps) = hubs::read(&mut settings, &mut warnings);
        let host = HostEnvironment::of(&settings);
        let webhook = settings.for_webhook.then(|| webhook::read(&mut settings, &mut warnings));
        let config = Self {
            webhook,
            port: settings.number("FUNCTIONS_CUSTOMHANDLER_PORT", 3000, 0..=65535),
            default_app,
            apps,
            event_filter: EventFilter {
                subjects: settings.subjects(),
                event_types: settings.event_types(&mut warnings),
                expire: settings.boolean("EXPIRE_EVENTS", !host.on_laptop),
            },
            store: storage::read(&mut settings, &host, &mut warnings),
            content: settings.content(),
            texts: Arc::new(settings.texts()),
            texts_file: settings.get("NOTIFICATIONS_FILE").map(str::to_owned),
            limits: Limits {
                per_user: settings.number("INSTALLATIONS_PER_USER", 20, 1..=1000),
                per_number: settings.number("INSTALLATIONS_PER_NUMBER", 200, 1..=1000),
                time_to_live: TimeDelta::days(settings.number("INSTALLATION_TTL_DAYS", 60, 1..=3650)),
            },
            deadline: Duration::from_secs(settings.number("DELIVERY_DEADLINE_SECONDS", 20, 5..=28)),
            max_in_flight: settings.number("HUB_MAX_IN_FLIGHT", 64, 1..=10_000),
            loopback_names_only: host.on_laptop && !host.in_azure(),
            log_filter: settings.log_filter(),
            instance: settings.instance(host),
            warnings,
        };
        settings.explain_faults();
        let near_names = names::warnings(&settings);
        if settings.faults.is_empty() {
            return Ok(Self { warnings: [near_names, config.warnings].concat(), ..config });
        }
        let store_is_at_fault = settings.faults.iter().any(|fault| fault.setting == "STORE");
        let store = Some(Box::new(config.store)).filter(|_| !store_is_at_fault);
        Err(ConfigError { faults: settings.faults, near_names, store })
    }

    /// The same for a command that needs nothing stored: a folder that does not exist is not created.
    pub fn without_new_folder(mut self) -> Self {
        if let StoreChoice::Folder(path) = &self.store
            && !path.exists()
        {
            self.store = StoreChoice::NoFolder(path.clone());
        }
        self
    }

    /// The same for an explanation: no event expires, and where no hub is set, there is one for alerts and one for calls.
    pub fn for_explanation(mut self) -> Self {
        self.event_filter.expire = false;
        let AppSettings { main, voip } = &mut self.default_app;
        if main.connection_strings.is_empty() && voip.is_none() {
            *voip = Some(main.clone());
        }
        self
    }

    /// Whether certificates are needed to reach a hub, the store or the authority of bearer tokens.
    pub fn needs_certificates(&self) -> bool {
        let entra = self.webhook.as_ref().and_then(|webhook| webhook.entra.as_ref());
        let is_entra_secure = entra.is_some_and(|entra| entra.authority.scheme() == "https");
        let apps = self.apps.values().chain([&self.default_app]);
        let mut hubs = apps.flat_map(|app| app.voip.iter().chain([&app.main]));
        is_entra_secure
            || hubs.any(HubSettings::is_secure)
            || matches!(&self.store, StoreChoice::Azure(container) if container.account.is_secure())
    }
}

impl Config {
    /// The settings in one line, without secrets.
    pub fn summary(&self) -> impl fmt::Display + '_ {
        summary::Summary(self)
    }
}

impl SettingsReader {
    fn new(vars: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let (mut values, mut not_utf8) = (BTreeMap::new(), BTreeSet::new());
        for (name, value) in vars {
            let name = name.to_string_lossy().into_owned();
            if value.to_str().is_none() {
                not_utf8.insert(name.clone());
            }
            let value = pasted::clean(&name, &value.to_string_lossy());
            if !value.is_empty() {
                values.insert(name, value);
            }
        }
        Self { values, not_utf8, asked: RefCell::default(), faults: Vec::new(), needs_hub: true, for_webhook: false }
    }

    /// The value of a setting.
    fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.of_platform(name)
    }

    /// The value of a variable that nobody sets by hand.
    fn of_platform(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Where the value of a setting that was read is recognisably something else, that is its one fault.
    fn explain_faults(&mut self) {
        let asked = self.asked.borrow().clone();
        for name in asked {
            let mistake = |value: &String| match self.not_utf8.contains(&name) {
                true => Some(Mistake::NotUtf8),
                false => Mistake::of(&name, value),
            };
            if let Some(mistake) = self.values.get(&name).and_then(mistake) {
                self.faults.retain(|fault| fault.setting != name);
                self.fault(&name, mistake.to_string());
            }
        }
    }

    fn fault(&mut self, setting: &str, problem: impl Into<String>) {
        self.faults.push(Fault { setting: setting.to_owned(), problem: problem.into() });
    }

    /// A whole number within `range`; `default` when it is not set or wrong.
    fn number<T: FromStr + PartialOrd + fmt::Display + Copy>(
        &mut self,
        name: &str,
        default: T,
        range: std::ops::RangeInclusive<T>,
    ) -> T {
        let Some(value) = self.get(name) else { return default };
        match value.parse::<T>() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                self.fault(name, format!("expected a whole number from {} to {}", range.start(), range.end()));
                default
            }
        }
    }

    fn boolean(&mut self, name: &str, default: bool) -> bool {
        let Some(value) = self.get(name) else { return default };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => {
                self.fault(name, "expected true or false");
                default
            }
        }
    }

    fn subjects(&mut self) -> SubjectFilter {
        const DEFAULT: &str = "phonenumber/,user/,thread/,caller/";
        SubjectFilter::parse(self.get("SUBJECT_PREFIXES").unwrap_or(DEFAULT)).unwrap_or_else(|| {
            self.fault("SUBJECT_PREFIXES", format!("expected at least one prefix, such as {DEFAULT}"));
            SubjectFilter::parse(DEFAULT).expect("the default has prefixes")
        })
    }

    fn event_types(&mut self, warnings: &mut Vec<String>) -> Option<Vec<String>> {
        const NAMESPACE: &str = "Microsoft.Communication.";
        let list = self.get("EVENT_TYPES")?;
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let types: Vec<String> =
            names.map(|name| if name.contains('.') { name.to_owned() } else { format!("{NAMESPACE}{name}") }).collect();
        let unpushed = types.iter().filter(|name| EventType::from_full_name(name).is_none());
        warnings.extend(unpushed.map(|name| format!("EVENT_TYPES: {name} is never pushed")));
        if types.is_empty() {
            self.fault("EVENT_TYPES", "expected at least one type, such as SMSReceived,ChatMessageReceived");
        }
        Some(types)
    }

    fn content(&mut self) -> ContentMode {
        let Some(value) = self.get("NOTIFICATION_CONTENT") else { return ContentMode::Full };
        ContentMode::parse(value).unwrap_or_else(|| {
            self.fault("NOTIFICATION_CONTENT", "expected full, sender or hidden");
            ContentMode::Full
        })
    }

    /// The texts of the notifications file over the built-in ones; each mistake in it is a fault of its own.
    fn texts(&mut self) -> Texts {
        const NAME: &str = "NOTIFICATIONS_FILE";
        let read = self.get(NAME).map(|path| (path.to_owned(), read_text(Path::new(path))));
        let texts = match &read {
            None => Texts::new(None),
            Some((_, Ok(source))) => Texts::new(Some(source)),
            Some((path, Err(error))) => {
                let problem = format!("{path} cannot be read ({error}): expected a file of UTF-8 text, 1 MiB at most");
                self.fault(NAME, problem);
                Texts::new(None)
            }
        };
        texts.unwrap_or_else(|mistakes| {
            let path = read.map(|(path, _)| path).unwrap_or_default();
            mistakes.iter().for_each(|mistake| self.fault(NAME, format!("{path} {mistake}")));
            Texts::new(None).expect("the built-in texts have no mistakes")
        })
    }

    fn log_filter(&mut self) -> String {
        let directives = self.get("RUST_LOG").unwrap_or("info").split(',').map(str::trim);
        let filter = directives.collect::<Vec<_>>().join(",");
        if !log::is_filter(&filter) {
            self.fault("RUST_LOG", "expected error, warn, info, debug or trace, or acs_push=LEVEL");
        }
        filter
    }

    fn instance(&self, host: HostEnvironment) -> String {
        let of_worker = || self.of_platform("FUNCTIONS_CUSTOMHANDLER_WORKER_ID").map(str::to_owned);
        // In a container every process has the number 1.
        let of_container = || self.of_platform("HOSTNAME").filter(|_| self.for_webhook).map(str::to_owned);
        let known = host.azure_instance.or_else(of_worker).or_else(of_container);
        known.unwrap_or_else(|| format!("process-{}", std::process::id()))
    }
}

/// The text of a file, 1 MiB at most: a device, or a log named by mistake, may have no end.
fn read_text(path: &Path) -> io::Result<String> {
    const LONGEST: u64 = 1024 * 1024;
    let mut text = String::new();
    match File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)? {
        read if read as u64 > LONGEST => Err(io::ErrorKind::FileTooLarge.into()),
        _ => Ok(text),
    }
}
