//! Whether the program runs in Azure or on a laptop, from variables that Azure and the Core Tools set.
//!
//! As the Functions host tells it: `EnvironmentExtensions.cs` in <https://github.com/Azure/azure-functions-host>.

use std::ffi::OsString;

use super::SettingsReader;

/// Where the program runs. A server of one's own is neither, and a Function App may be set to `Development`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostEnvironment {
    /// Inside Azure Functions, on any plan: what Azure calls the instance.
    pub azure_instance: Option<String>,
    /// On a laptop, as under `func start`.
    pub on_laptop: bool,
}

/// An instance of Azure Functions: where settings have faults, `serve` stays up there and tells them.
#[derive(Debug)]
pub struct AzureInstance {
    /// What Azure calls it.
    pub name: String,
    /// The port that the host calls.
    pub port: u16,
}

impl AzureInstance {
    /// The instance that the variables tell of; `None` elsewhere, and without a port.
    pub fn of(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Option<Self> {
        let settings = SettingsReader::new(vars.into_iter());
        let name = HostEnvironment::of(&settings).azure_instance?;
        let port = settings.of_platform("FUNCTIONS_CUSTOMHANDLER_PORT")?.parse().ok()?;
        Some(Self { name, port })
    }
}

/// App Service plans and Consumption on Windows have the first, Consumption on Linux and Flex one of the others.
const INSTANCE_NAMES: [&str; 3] = ["WEBSITE_INSTANCE_ID", "CONTAINER_NAME", "WEBSITE_POD_NAME"];

impl HostEnvironment {
    /// The place that the variables tell of.
    pub(super) fn of(settings: &SettingsReader) -> Self {
        // Never inside Azure. A laptop's own container may well have a `CONTAINER_NAME`.
        let has_core_tools = settings.of_platform("FUNCTIONS_CORETOOLS_ENVIRONMENT").is_some();
        let environment = settings.of_platform("AZURE_FUNCTIONS_ENVIRONMENT").unwrap_or_default();
        let instance = INSTANCE_NAMES.iter().find_map(|name| settings.of_platform(name)).map(str::to_owned);
        Self {
            azure_instance: instance.filter(|_| !has_core_tools),
            on_laptop: has_core_tools || environment.eq_ignore_ascii_case("Development"),
        }
    }

    /// Whether it is inside Azure Functions.
    pub(super) fn in_azure(&self) -> bool {
        self.azure_instance.is_some()
    }
}
