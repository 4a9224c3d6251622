//! Where the program runs, as the variables say that the platform and the Core Tools set by themselves. Whatever depends on
//! it asks here.
//!
//! As the Functions host tells it: `EnvironmentExtensions.cs` in <https://github.com/Azure/azure-functions-host>.

use super::Settings;

/// Where the program runs. A server of one's own is neither, and a Function App may be set to `Development`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Inside Azure Functions, on any plan.
    pub in_azure: bool,
    /// On a laptop, as under `func start`.
    pub on_laptop: bool,
}

/// Each names the instance: App Service plans and Consumption on Windows have the first, Consumption on Linux and Flex
/// one of the others.
const INSTANCE_NAMES: [&str; 3] = ["WEBSITE_INSTANCE_ID", "CONTAINER_NAME", "WEBSITE_POD_NAME"];

impl Place {
    /// The place that the variables tell of.
    pub(super) fn of(settings: &Settings) -> Self {
        let environment = settings.get("AZURE_FUNCTIONS_ENVIRONMENT");
        Self {
            in_azure: instance_name(settings).is_some(),
            on_laptop: environment.is_some_and(|name| name.eq_ignore_ascii_case("Development"))
                || settings.get("FUNCTIONS_CORETOOLS_ENVIRONMENT").is_some(),
        }
    }
}

/// What Azure calls this instance.
pub(super) fn instance_name(settings: &Settings) -> Option<&str> {
    INSTANCE_NAMES.iter().find_map(|name| settings.get(name))
}
