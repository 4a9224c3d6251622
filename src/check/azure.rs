//! What only Azure knows of a deployed app, asked of Azure Resource Manager (ARM) with the login of the Azure CLI: functions,
//! references to Key Vault, event subscription, credentials and rules of hubs, metrics.
//!
//! Answers that hold credentials are read for their form only: no secret of them is kept.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use futures_util::future::join3;
use url::{Host, Url};

use super::{Check, Source};
use crate::client::Client;
use crate::delivery::DeliveryService;

mod arm;
mod cli;
mod filter;
mod hubs;
mod metrics;
mod site;
mod topic;

use arm::{Arm, ArmError};

/// A deployed Functions app, and where ARM is.
#[derive(Debug)]
pub struct AzureApp {
    /// Its id.
    pub site: SiteId,
    /// Where to ask.
    pub arm: ArmAddress,
}

/// The id of a Functions app, or of one of its slots.
#[derive(Debug, Clone)]
pub struct SiteId {
    id: String,
    /// The id of its Azure subscription.
    subscription: String,
}

/// The address of ARM in one of Azure's clouds.
#[derive(Debug, Clone)]
pub struct ArmAddress(Url);

/// Why a text is no id of a Functions app.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Web/sites/NAME, which \
     `az functionapp show --query id --output tsv` prints"
)]
pub struct SiteIdError;

/// Why a text is no address of ARM.
#[derive(Debug, thiserror::Error)]
#[error("expected https:// and a host, such as https://management.azure.com, or http:// and a host of this computer")]
pub struct ArmAddressError;

impl AzureApp {
    /// The checks of the app with these settings; without, what does not depend on them. `Err` is the one check that Azure gave
    /// no access token.
    pub async fn checks(&self, delivery: Option<&DeliveryService>, now: DateTime<Utc>) -> Result<Vec<Check>, Check> {
        let address = &self.arm.0;
        let token = cli::token(address).await.map_err(|cause| {
            let text = format!("no access token from the Azure CLI: {cause}");
            Check::fault("Azure login", Source::AzureLogin, text, "install the Azure CLI, and run az login")
        })?;
        let client = if address.scheme() == "https" { Client::new() } else { Client::without_certificates() };
        let arm = Arm::new(client, address, token);
        let found = match delivery {
            Some(delivery) => hubs::find(&arm, &self.site, &delivery.hubs).await,
            None => Vec::new(),
        };
        let (site, topic, hubs) = join3(
            site::checks(&arm, &self.site),
            topic::checks(&arm, &self.site, delivery, &found, now),
            hubs::checks(&arm, &found, now),
        )
        .await;
        Ok([site, topic, hubs].concat())
    }
}

impl Check {
    fn seen(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::ok(name, Source::AzureLogin, text)
    }

    fn wrong(name: impl Into<String>, text: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::fault(name, Source::AzureLogin, text, fix)
    }

    /// Azure does not show it to this login.
    fn hidden(name: impl Into<String>, error: &ArmError) -> Self {
        Self::unseen(name, Source::AzureLogin, error.to_string())
    }
}

impl FromStr for SiteId {
    type Err = SiteIdError;

    fn from_str(text: &str) -> Result<Self, SiteIdError> {
        const FORM: [&str; 9] =
            ["", "subscriptions", "", "resourceGroups", "", "providers", "Microsoft.Web", "sites", ""];
        const SLOT: [&str; 2] = ["slots", ""];
        let id = text.trim_end_matches('/');
        let parts: Vec<_> = id.split('/').collect();
        let allowed = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')'))
        };
        let fits = |(place, (part, form)): (usize, (&&str, &&str))| match (place, *form) {
            (0, _) => part.is_empty(),
            (_, "") => allowed(part) && !part.starts_with('.'),
            (_, form) => part.eq_ignore_ascii_case(form),
        };
        let form = FORM.iter().chain(if parts.len() > FORM.len() { &SLOT[..] } else { &[] });
        let is_id = form.clone().count() == parts.len() && parts.iter().zip(form).enumerate().all(fits);
        match parts.get(2).filter(|_| is_id) {
            Some(subscription) => Ok(Self { id: id.to_owned(), subscription: (*subscription).to_owned() }),
            None => Err(SiteIdError),
        }
    }
}

impl FromStr for ArmAddress {
    type Err = ArmAddressError;

    fn from_str(text: &str) -> Result<Self, ArmAddressError> {
        let url = Url::parse(text).map_err(|_| ArmAddressError)?;
        // Whoever reads the access token may do what the login may.
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here);
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if is_safe && is_plain && url.path() == "/" { Ok(Self(url)) } else { Err(ArmAddressError) }
    }
}
