//! The hubs of the settings, as Azure knows them: credentials of the platforms, rights of their rules, metrics.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

use super::arm::{Arm, ArmError};
use super::metrics::Sums;
use super::{Check, SiteId, Source};
use crate::delivery::sending::Hubs;
use crate::push::hub::Hub;

const VERSION: &str = "api-version=2023-10-01-preview";

/// A hub of the settings, and its id; or why that is not known.
#[derive(Debug)]
pub struct FoundHub<'a> {
    whose: String,
    hub: &'a Hub,
    /// Its id.
    pub id: Result<String, String>,
}

#[derive(Deserialize)]
struct Namespace {
    id: String,
    name: String,
    #[serde(default)]
    properties: NamespaceProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NamespaceProperties {
    service_bus_endpoint: Option<String>,
}

impl Namespace {
    fn is_at(&self, host: &str) -> bool {
        let endpoint = self.properties.service_bus_endpoint.as_deref().and_then(|endpoint| Url::parse(endpoint).ok());
        let is_there = endpoint.and_then(|url| url.host_str().map(|name| name.eq_ignore_ascii_case(host)));
        is_there.unwrap_or_else(|| host.split('.').next().is_some_and(|name| name.eq_ignore_ascii_case(&self.name)))
    }
}

/// Looks for the hubs among the namespaces of the app's Azure subscription.
pub async fn find<'a>(arm: &Arm, site: &SiteId, hubs: &'a Hubs) -> Vec<FoundHub<'a>> {
    let id = &site.subscription;
    let path = format!("/subscriptions/{id}/providers/Microsoft.NotificationHubs/namespaces?{VERSION}");
    let namespaces = arm.list::<Namespace>(&path).await;
    let found = hubs.named().into_iter().map(|(whose, hub)| {
        let host = hub.host();
        let id = match &namespaces {
            Ok(namespaces) => match namespaces.iter().find(|namespace| namespace.is_at(host)) {
                Some(namespace) => Ok(format!("{}/notificationHubs/{}", namespace.id, hub.name())),
                None => {
                    Err(format!("the Azure subscription {id} has no namespace at {host}: look in the one that has it"))
                }
            },
            Err(error) => Err(error.to_string()),
        };
        FoundHub { whose, hub, id }
    });
    found.collect()
}

/// Three checks for each.
pub async fn checks(arm: &Arm, hubs: &[FoundHub<'_>], now: DateTime<Utc>) -> Vec<Check> {
    let checks = hubs.iter().map(async |found| {
        let name = format!("{} {}", found.whose, found.hub.name());
        let id = match &found.id {
            Ok(id) => id,
            Err(why) => return vec![Check::unseen(format!("{name} in Azure"), Source::AzureLogin, why)],
        };
        let mut checks = vec![credentials(arm, id, &name, found.whose.ends_with("VoIP hub")).await];
        let rules: BTreeSet<_> = (0..found.hub.keys()).map(|key| found.hub.rule(key)).collect();
        checks.extend(join_all(rules.into_iter().map(|rule| rights(arm, id, &name, rule))).await);
        checks.push(metrics(arm, id, &name, now).await);
        checks
    });
    join_all(checks).await.concat()
}

/// What is read of credentials: nothing that is secret.
#[derive(Deserialize)]
struct Credentials {
    properties: Platforms,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Platforms {
    apns_credential: Option<Apns>,
    fcm_v1_credential: Option<IgnoredAny>,
    gcm_credential: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Apns {
    properties: ApnsProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApnsProperties {
    /// The bundle id.
    app_name: Option<String>,
    /// Only a token has one.
    key_id: Option<String>,
    endpoint: Option<String>,
}

async fn credentials(arm: &Arm, id: &str, hub: &str, is_voip: bool) -> Check {
    let name = format!("{hub}, credentials of the platforms");
    let Platforms { apns_credential: apns, fcm_v1_credential: fcm, gcm_credential: legacy } =
        match arm.post::<Credentials>(&format!("{id}/pnsCredentials?{VERSION}")).await {
            Ok(credentials) => credentials.properties,
            Err(error) => return Check::hidden(name, &error),
        };
    let apns = match apns.map(|apns| apns.properties.told(is_voip)).transpose() {
        Ok(told) => told,
        Err((text, fix)) => return Check::wrong(name, text, fix),
    };
    match (apns, fcm.is_some()) {
        (None, false) if legacy.is_some() && !is_voip => Check::wrong(
            name,
            "it has only those of legacy FCM, which Google has switched off",
            "add those of FCM v1: project id, client email and private key of a service account",
        ),
        (None, _) if is_voip => {
            Check::wrong(name, "it has none of APNs", "add Apple's key with the bundle id BUNDLE.voip")
        }
        (None, false) => Check::wrong(name, "it has none of APNs or FCM v1", "add those of the phones that are in use"),
        (Some(_), false) if legacy.is_some() => Check::wrong(
            name,
            "for Android it has only those of legacy FCM, which Google has switched off",
            "add those of FCM v1: project id, client email and private key of a service account",
        ),
        (Some(apns), true) => Check::seen(name, format!("{apns}; FCM v1")),
        (Some(apns), false) => Check::seen(name, format!("{apns}; none of FCM v1")),
        (None, true) => Check::seen(name, "FCM v1; none of APNs"),
    }
}

impl ApnsProperties {
    /// What they are, for people; or what is wrong with them, and the fix.
    fn told(self, is_voip: bool) -> Result<String, (String, &'static str)> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let Some(bundle) = filled(self.key_id).and(filled(self.app_name)) else {
            let text = "those of APNs are no token: with a certificate the hub drops headers that every push has";
            return Err((text.to_owned(), "set key id, bundle id, team id and token in place of the certificate"));
        };
        if is_voip != bundle.ends_with(".voip") {
            let fix = "the bundle id of the VoIP hub ends with .voip, and that of the other hub does not";
            return Err((format!("those of APNs are for the topic {bundle}"), fix));
        }
        let endpoint = self.endpoint.unwrap_or_default();
        let is_sandbox = endpoint.contains("development") || endpoint.contains("sandbox");
        let place = if is_sandbox { "Apple's sandbox, only for apps that Xcode installed" } else { "production" };
        Ok(format!("APNs by token for {bundle}, {place}"))
    }
}

#[derive(Deserialize)]
struct Rule {
    properties: RuleProperties,
}

#[derive(Deserialize)]
struct RuleProperties {
    rights: Vec<String>,
}

/// A rule is the hub's, or its namespace's.
async fn rights(arm: &Arm, id: &str, hub: &str, rule: &str) -> Check {
    let name = format!("{hub}, rule {rule}");
    let rule = urlencoding::encode(rule);
    let of = |parent: &str| format!("{parent}/authorizationRules/{rule}?{VERSION}");
    let mut found = arm.get::<Rule>(&of(id)).await;
    if let (Err(ArmError::NotFound), Some((namespace, _))) = (&found, id.rsplit_once("/notificationHubs/")) {
        found = arm.get(&of(namespace)).await;
    }
    let rights = match found {
        Ok(rule) => rule.properties.rights,
        Err(ArmError::NotFound) => {
            let fix = "copy the connection string of one of the hub's access policies again";
            return Check::wrong(name, "neither the hub nor its namespace has it", fix);
        }
        Err(error) => return Check::hidden(name, &error),
    };
    let told = format!("it may {}", rights.join(", "));
    if rights.iter().any(|right| right.eq_ignore_ascii_case("Send")) {
        let more = if rights.len() > 1 { "; Send is enough" } else { "" };
        Check::seen(name, told + more)
    } else {
        Check::wrong(name, told, "give the access policy the right Send")
    }
}

async fn metrics(arm: &Arm, id: &str, hub: &str, now: DateTime<Utc>) -> Check {
    const REFUSED: [&str; 2] = ["outgoing.apns.invalidcredentials", "outgoing.fcmv1.invalidcredentials"];
    const WRONG_DEVICES: [&str; 2] = ["outgoing.apns.badchannel", "outgoing.allpns.channelerror"];
    const SUCCESS: &str = "outgoing.allpns.success";
    let all = [&["incoming", SUCCESS], &REFUSED[..], &WRONG_DEVICES[..]].concat();
    let name = format!("{hub}, metrics");
    let sums = match Sums::of_last_hour(arm, id, &all, now).await {
        Ok(sums) => sums,
        Err(error) => return Check::hidden(name, &error),
    };
    let some = |names: &[&str]| names.iter().any(|name| sums.of(name) > 0.0);
    if some(&REFUSED) {
        Check::wrong(
            name,
            sums.told(&all),
            "correct the hub's credentials of Apple or Google: the push service refuses them",
        )
    } else if some(&WRONG_DEVICES) && !some(&[SUCCESS]) {
        let fix = "are the device tokens those of another app, or of Apple's sandbox where the hub uses production?";
        Check::wrong(name, sums.told(&all), fix)
    } else {
        Check::seen(name, sums.told(&all))
    }
}
