//! The Functions app: its functions, its references to Key Vault, and whether App Service's authentication stands before it.

use futures_util::future::join3;
use serde::Deserialize;

use super::arm::{Arm, ArmError};
use super::{Check, SiteId};

const VERSION: &str = "api-version=2025-03-01";
const TRIGGER: &str = "EventGridTrigger";

/// Its three checks.
pub async fn checks(arm: &Arm, site: &SiteId) -> Vec<Check> {
    let (functions, references, authentication) =
        join3(functions(arm, site), references(arm, site), authentication(arm, site)).await;
    vec![functions, references, authentication]
}

#[derive(Deserialize)]
struct Function {
    /// `SITE/FUNCTION`.
    name: String,
    #[serde(default)]
    properties: FunctionProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FunctionProperties {
    is_disabled: Option<bool>,
}

impl Function {
    fn short_name(&self) -> &str {
        last(&self.name)
    }
}

/// The last part of an id.
pub fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

async fn functions(arm: &Arm, site: &SiteId) -> Check {
    const NAME: &str = "functions";
    let listed: Vec<Function> = match arm.list(&format!("{}/functions?{VERSION}", site.id)).await {
        Ok(listed) => listed,
        Err(ArmError::NotFound) => {
            let fix = "correct the id of --app: az functionapp show --query id prints it";
            return Check::wrong(NAME, "there is no such Functions app", fix);
        }
        Err(error) => return Check::hidden(NAME, &error),
    };
    let names: Vec<_> = listed.iter().map(Function::short_name).collect();
    match listed.iter().find(|function| function.short_name().eq_ignore_ascii_case(TRIGGER)) {
        None => Check::wrong(
            NAME,
            format!("Azure lists no {TRIGGER}, but {}", joined(&names, "nothing")),
            "deploy the package again with deploy/release.sh, and look at the app's log: the host may not start",
        ),
        Some(function) if function.properties.is_disabled == Some(true) => {
            Check::wrong(NAME, format!("{TRIGGER} is disabled"), "enable it in the portal, at the app's functions")
        }
        Some(_) => Check::seen(NAME, names.join(", ")),
    }
}

#[derive(Deserialize)]
struct Reference {
    name: Option<String>,
    id: Option<String>,
    properties: ReferenceProperties,
}

#[derive(Deserialize)]
struct ReferenceProperties {
    status: Option<String>,
}

async fn references(arm: &Arm, site: &SiteId) -> Check {
    const NAME: &str = "references to Key Vault";
    let path = format!("{}/config/configreferences/appsettings?{VERSION}", site.id);
    let listed: Vec<Reference> = match arm.list(&path).await {
        Ok(listed) => listed,
        Err(error) => return Check::hidden(NAME, &error),
    };
    let unresolved = listed.iter().filter_map(|reference| {
        let status = reference.properties.status.as_deref().unwrap_or("unknown");
        let setting = reference.name.as_deref().or(reference.id.as_deref()).unwrap_or("a setting");
        (!status.eq_ignore_ascii_case("Resolved")).then(|| format!("{} is {status}", last(setting)))
    });
    let unresolved: Vec<_> = unresolved.collect();
    if unresolved.is_empty() {
        return Check::seen(NAME, format!("{}, all resolved", listed.len()));
    }
    let fix =
        "correct the reference, and give the app's identity the role Key Vault Secrets User; then restart the app";
    Check::wrong(NAME, unresolved.join(", "), fix)
}

#[derive(Deserialize)]
struct Authentication {
    properties: AuthenticationProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationProperties {
    platform: Option<Platform>,
    global_validation: Option<GlobalValidation>,
}

#[derive(Deserialize)]
struct Platform {
    enabled: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GlobalValidation {
    require_authentication: Option<bool>,
    unauthenticated_client_action: Option<String>,
}

async fn authentication(arm: &Arm, site: &SiteId) -> Check {
    const NAME: &str = "App Service authentication";
    let Authentication { properties } = match arm.get(&format!("{}/config/authsettingsV2?{VERSION}", site.id)).await {
        Ok(found) => found,
        Err(error) => return Check::hidden(NAME, &error),
    };
    let is_on = properties.platform.and_then(|platform| platform.enabled) == Some(true);
    let lets_through = properties.global_validation.is_some_and(|validation| {
        let action = validation.unauthenticated_client_action;
        validation.require_authentication == Some(false)
            || action.is_some_and(|action| action.eq_ignore_ascii_case("AllowAnonymous"))
    });
    match (is_on, lets_through) {
        (false, _) => Check::seen(NAME, "off"),
        (true, true) => Check::seen(NAME, "on, and lets requests without a login through"),
        (true, false) => Check::wrong(
            NAME,
            "it is on (\"Easy Auth\"), and refuses requests that have a function key but no login",
            "turn it off, or allow unauthenticated access",
        ),
    }
}

/// Names for people.
pub fn joined(names: &[&str], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}
