//! Builds all parts of the program from its settings.

use std::ffi::OsString;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::check::{AppFolder, AzureApp, Report};
use crate::client::Client;
use crate::commands::{CheckCommand, Command, CommandError, Output, Undone, Workplace};
use crate::delivery::DeliveryService;
use crate::delivery::clock::ClockCheck;
use crate::delivery::sending::{AppHubs, Hubs};
use crate::functions::counters::Counters;
use crate::functions::misconfigured::Misconfigured;
use crate::functions::unknown_path::UnknownPaths;
use crate::functions::{self, Clock, HostFront, Service};
use crate::push::hub::Hub;
use crate::settings::{AppSettings, AzureInstance, Config, ConfigError, HubSettings, StoreChoice, WebhookSettings};
use crate::storage::dead_letters::DeadLetters;
use crate::storage::feedback::FeedbackReadings;
use crate::storage::installations::Installations;
use crate::storage::instances::Instances;
use crate::storage::ledger::Ledger;
use crate::storage::maintenance::Maintenance;
use crate::storage::store::Store;
use crate::webhook::{self, Webhook};

#[cfg(test)]
mod tests;

/// The custom handler: everything that answers the Functions host, or Event Grid itself.
#[derive(Debug)]
pub struct Handler {
    pub(crate) service: Box<Service>,
    client: Client,
    /// What the webhook needs, if that is what is served.
    webhook: Option<WebhookSettings>,
}

impl Handler {
    /// Builds the handler. A store that cannot be opened is a fault of the setting `STORE`. Log lines are written if
    /// [`crate::init_log`] was called.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let client = if config.needs_certificates() { Client::new() } else { Client::without_certificates() };
        Ok(Self::on(Arc::new(open(&config.store, &client)?), client, config))
    }

    /// The same handler by another clock. Keys of hubs, waits and the store keep this computer's.
    pub fn with_clock(mut self, time: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        self.service.clock = Clock::new(time);
        self
    }

    /// The handler on a store that is open.
    pub(crate) fn on(store: Arc<Store>, client: Client, config: &Config) -> Self {
        let installations = Arc::new(Installations::new(Arc::clone(&store), config.limits));
        let hub = |hub: &HubSettings| {
            Hub::new(&hub.name, &hub.connection_strings, config.max_in_flight, client.clone())
                .with_feedback(hub.manage.as_ref())
        };
        let hubs = |app: &AppSettings| AppHubs { main: hub(&app.main), voip: app.voip.as_ref().map(hub) };
        let delivery_service = DeliveryService {
            event_filter: config.event_filter.clone(),
            content: config.content,
            texts: Arc::clone(&config.texts),
            deadline: config.deadline,
            hubs: Hubs {
                default: hubs(&config.default_app),
                apps: config.apps.iter().map(|(name, app)| (name.clone(), hubs(app))).collect(),
            },
            installations: Arc::clone(&installations),
            clock: ClockCheck::default(),
            ledger: Ledger::new(Arc::clone(&store)),
            dead_letters: DeadLetters::new(Arc::clone(&store)),
            feedback: FeedbackReadings::new(Arc::clone(&store)),
        };
        let instances = Instances::new(Arc::clone(&store));
        let service = Service {
            delivery_service,
            maintenance: Maintenance::new(Arc::clone(&store), Arc::clone(&installations)),
            installations,
            store,
            apps: config.apps.keys().cloned().collect(),
            counters: Counters::new(),
            instances,
            unknown_paths: UnknownPaths::default(),
            settings: config.summary().to_string(),
            store_name: config.store.to_string(),
            loopback_names_only: config.loopback_names_only,
            instance: config.instance.clone(),
            started: Instant::now(),
            deadline: config.deadline,
            clock: Clock::new(Utc::now),
        };
        Self { service: Box::new(service), client, webhook: config.webhook.clone() }
    }

    /// The faults of settings that were refused, and those that show when the store is opened.
    pub fn all_faults(faults: ConfigError) -> ConfigError {
        faults.with_store_faults(|store| open(store, &Client::new()).err())
    }

    /// The settings for a command: only what it needs has to be set.
    pub fn config_for(
        command: &Command,
        vars: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Config, ConfigError> {
        let config = if command.needs_hub() { Config::from_vars(vars) } else { Config::without_hub(vars) }?;
        let config = if command.is_explanation() { config.for_explanation() } else { config };
        let config = if command.fills_store() { config } else { config.without_new_folder() };
        Ok(if command.needs_no_store() { Config { store: StoreChoice::Memory, ..config } } else { config })
    }

    /// Runs a command. Returns what it left undone.
    pub async fn run(&self, command: Command, output: &mut Output) -> Result<Undone, CommandError> {
        command.run(Workplace { service: &self.service }, output).await
    }

    /// Serves on `listener` until `stop` completes, then finishes what is in flight.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) {
        let (client, store) = (self.client.clone(), Arc::clone(&self.service.store));
        tokio::spawn(async move {
            client.load_certificates().await;
            if let Err(error) = store.probe().await {
                tracing::error!("{error}");
            }
        });
        if let Ok(address) = listener.local_addr() {
            let (version, now) = (env!("CARGO_PKG_VERSION"), Utc::now());
            let settings = &self.service.settings;
            tracing::info!("acs-push {version} listens on {address}; {settings}; at {now}");
        }
        match self.webhook {
            None => functions::serve(Arc::new(HostFront::Functions(self.service)), listener, stop).await,
            Some(settings) => {
                let webhook = Webhook::new(self.service, &settings, self.client);
                webhook::serve(webhook, listener, stop).await;
            }
        }
    }
}

/// Checks everything, also where the settings have faults. Returns how many faults were found.
pub async fn check(
    config: Result<Config, ConfigError>,
    folder: Option<&AppFolder>,
    app: Option<&AzureApp>,
    command: CheckCommand,
    output: &mut Output,
) -> usize {
    let handler = config.and_then(|config| Handler::new(&config));
    let mut report = match &handler {
        Ok(handler) => handler.service.checks(folder).await,
        Err(faults) => Report::of_faults(folder, &lines(faults)),
    };
    if let Some(app) = app {
        let delivery = handler.as_ref().ok().map(|handler| &handler.service.delivery_service);
        report = report.with_azure(app.checks(delivery, Utc::now()).await);
    }
    command.print(&report, output)
}

fn lines(faults: &ConfigError) -> Vec<String> {
    faults.to_string().lines().map(str::to_owned).collect()
}

/// Serves the faults of the settings inside Azure, until `stop` completes.
pub async fn serve_faults(
    faults: &ConfigError,
    place: AzureInstance,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let misconfigured = Misconfigured::new(lines(faults), place.name, Clock::new(Utc::now));
    misconfigured.log();
    functions::serve(Arc::new(HostFront::Misconfigured(misconfigured)), listener, stop).await;
}

fn open(choice: &StoreChoice, client: &Client) -> Result<Store, ConfigError> {
    match choice {
        StoreChoice::Memory | StoreChoice::NoFolder(_) => Ok(Store::memory()),
        StoreChoice::Azure(container) => Store::azure(container, client.clone())
            .map_err(|error| ConfigError::new("STORE", format!("{}: {error}", container.name))),
        StoreChoice::Folder(path) => {
            Store::folder(path).map_err(|error| ConfigError::new("STORE", format!("{}: {error}", path.display())))
        }
    }
}
