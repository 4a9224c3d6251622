//! The way of an event from Communication Services to the app: system topic, event subscription, and the link to a hub that goes
//! past the app.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::arm::Arm;
use super::filter::Filter;
use super::hubs::FoundHub;
use super::metrics::Sums;
use super::{Check, SiteId, Source, site};
use crate::delivery::DeliveryService;
use crate::events::EventType;

const VERSION: &str = "api-version=2025-02-15";
const ACS_VERSION: &str = "api-version=2025-09-01";
const ACS_TOPIC: &str = "Microsoft.Communication.CommunicationServices";

const SUBSCRIPTION: &str = "event subscription";
const METRICS: &str = "metrics of the system topic";
const LINK: &str = "link of the communication resource to a hub";

const MATCHED: &str = "MatchedEventCount";
const DELIVERED: &str = "DeliverySuccessCount";
const FAILED: &str = "DeliveryAttemptFailCount";
const DROPPED: &str = "DroppedEventCount";
const DEAD_LETTERED: &str = "DeadLetteredCount";

#[derive(Deserialize)]
struct Topic {
    id: String,
    properties: TopicProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopicProperties {
    source: Option<String>,
    topic_type: Option<String>,
}

#[derive(Deserialize)]
struct Subscription {
    name: String,
    properties: SubscriptionProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionProperties {
    destination: Option<Destination>,
    delivery_with_resource_identity: Option<Delivery>,
    #[serde(default)]
    filter: Filter,
    provisioning_state: Option<String>,
    expiration_time_utc: Option<DateTime<Utc>>,
    dead_letter_destination: Option<IgnoredAny>,
    dead_letter_with_resource_identity: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Delivery {
    destination: Option<Destination>,
}

#[derive(Deserialize)]
struct Destination {
    #[serde(default)]
    properties: DestinationProperties,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DestinationProperties {
    resource_id: Option<String>,
}

/// All checks of the way to the app. Without `delivery` nobody knows which events are wanted.
pub async fn checks(
    arm: &Arm,
    site: &SiteId,
    delivery: Option<&DeliveryService>,
    hubs: &[FoundHub<'_>],
    now: DateTime<Utc>,
) -> Vec<Check> {
    let path = format!("/subscriptions/{}/providers/Microsoft.EventGrid/systemTopics?{VERSION}", site.subscription);
    let mut topics: Vec<Topic> = match arm.list(&path).await {
        Ok(topics) => topics,
        Err(error) => return vec![Check::hidden(SUBSCRIPTION, &error)],
    };
    let is_of_acs = |kind: &String| kind.eq_ignore_ascii_case(ACS_TOPIC);
    topics.retain(|topic| topic.properties.topic_type.as_ref().is_some_and(is_of_acs));
    let mut found = Vec::new();
    for topic in &topics {
        match arm.list::<Subscription>(&format!("{}/eventSubscriptions?{VERSION}", topic.id)).await {
            Ok(subscriptions) => {
                let ours: Vec<_> = subscriptions.into_iter().filter(|each| each.is_for(site)).collect();
                if !ours.is_empty() {
                    found.push((topic, ours));
                }
            }
            Err(error) => return vec![Check::hidden(SUBSCRIPTION, &error)],
        }
    }
    if found.is_empty() {
        return vec![no_subscription(arm, site, topics.len()).await];
    }
    let ours: Vec<_> = found.iter().flat_map(|(_, ours)| ours).collect();
    let mut checks = vec![enabled(&ours, now)];
    checks.extend(delivery.map(|delivery| types(&ours, delivery)));
    checks.extend(delivery.map(|delivery| subjects(&ours, delivery)));
    checks.push(dead_letters(&ours));
    checks.extend(join_all(found.iter().map(|(topic, _)| metrics(arm, &topic.id, now))).await);
    let sources = found.iter().filter_map(|(topic, _)| topic.properties.source.as_deref());
    checks.extend(join_all(sources.map(|source| link(arm, source, hubs))).await);
    checks
}

impl Subscription {
    /// Whether its events go to the app's function.
    fn is_for(&self, site: &SiteId) -> bool {
        let SubscriptionProperties { destination, delivery_with_resource_identity, .. } = &self.properties;
        let identity = delivery_with_resource_identity.as_ref().and_then(|delivery| delivery.destination.as_ref());
        let target = destination.as_ref().or(identity).and_then(|to| to.properties.resource_id.as_deref());
        target.is_some_and(|target| target.eq_ignore_ascii_case(&format!("{}/functions/EventGridTrigger", site.id)))
    }
}

async fn no_subscription(arm: &Arm, site: &SiteId, topics: usize) -> Check {
    let fix =
        "deploy/release.sh subscribes the function EventGridTrigger to the system topic of the communication resource";
    if topics > 0 {
        let text = "no event subscription of a system topic of Communication Services has the app's EventGridTrigger as destination";
        return Check::wrong(SUBSCRIPTION, text, fix);
    }
    let id = &site.subscription;
    let path = format!("/subscriptions/{id}/providers/Microsoft.Communication/communicationServices?{ACS_VERSION}");
    match arm.list::<IgnoredAny>(&path).await {
        Ok(services) if !services.is_empty() => {
            Check::wrong(SUBSCRIPTION, "the communication resource has no system topic", fix)
        }
        Ok(_) => Check::unseen(
            SUBSCRIPTION,
            Source::AzureLogin,
            format!("there is no communication resource in the Azure subscription {id}: look in the one that has it"),
        ),
        Err(error) => Check::hidden(SUBSCRIPTION, &error),
    }
}

fn enabled(ours: &[&Subscription], now: DateTime<Utc>) -> Check {
    let faults = ours.iter().filter_map(|Subscription { name, properties }| {
        let state = properties.provisioning_state.as_deref().unwrap_or("Succeeded");
        if properties.expiration_time_utc.is_some_and(|until| until <= now) {
            Some(format!("{name} has expired"))
        } else {
            (!state.eq_ignore_ascii_case("Succeeded")).then(|| format!("{name} is in the state {state}"))
        }
    });
    let faults: Vec<_> = faults.collect();
    if faults.is_empty() {
        let names: Vec<_> = ours.iter().map(|each| each.name.as_str()).collect();
        return Check::seen(SUBSCRIPTION, names.join(", "));
    }
    Check::wrong(SUBSCRIPTION, faults.join(", "), "create it again with deploy/release.sh")
}

/// The types that a push can come of, each with how its subjects start.
fn wanted(delivery: &DeliveryService) -> impl Iterator<Item = (String, Vec<String>)> {
    let wanted = EventType::ALL.into_iter().filter(|event_type| delivery.texts.is_on(*event_type));
    let wanted = wanted.filter(|event_type| {
        // Who has no hub for calls may not want them.
        *event_type != EventType::IncomingCall || delivery.hubs.rings_iphones()
    });
    let named = wanted.map(|event_type| {
        let starts = delivery.event_filter.subjects.starts_within(event_type.subject_start());
        (event_type.full_name(), starts)
    });
    named.filter(|(name, starts)| delivery.event_filter.accepts_type(name) && !starts.is_empty())
}

fn types(ours: &[&Subscription], delivery: &DeliveryService) -> Check {
    const NAME: &str = "event subscription, types";
    let wanted = wanted(delivery).map(|(name, _)| name).collect::<Vec<_>>();
    let missing = wanted.iter().filter(|name| !ours.iter().any(|each| each.properties.filter.may_pass_type(name)));
    let missing: Vec<_> = missing.map(|name| EventType::short(name)).collect();
    if missing.is_empty() {
        return Check::seen(NAME, format!("all {} that are pushed", wanted.len()));
    }
    let included = ours.iter().filter_map(|each| each.properties.filter.included_event_types.as_ref()).flatten();
    let renamed = included.filter(|name| EventType::is_renamed(name)).map(|name| EventType::short(name));
    let renamed: Vec<_> = renamed.collect();
    let renamed = match renamed.is_empty() {
        true => String::new(),
        false => format!("; Azure sends no {} any more, which were renamed", renamed.join(", ")),
    };
    Check::wrong(
        NAME,
        format!("{} do not pass it{renamed}", missing.join(", ")),
        "add them to the subscription's event types, or leave them out by EVENT_TYPES",
    )
}

fn subjects(ours: &[&Subscription], delivery: &DeliveryService) -> Check {
    const NAME: &str = "event subscription, filter of subjects";
    let mut lost: Vec<String> = Vec::new();
    for (name, starts) in wanted(delivery) {
        let filters = || ours.iter().map(|each| &each.properties.filter);
        // What is missing for its type alone is told with the types.
        let for_type: Vec<_> = filters().filter(|filter| filter.may_pass_type(&name)).collect();
        let is_lost = |start: &String| !for_type.iter().any(|filter| filter.may_pass_subject(start));
        lost.extend(starts.into_iter().filter(|start| !for_type.is_empty() && is_lost(start)));
    }
    lost.sort();
    lost.dedup();
    if lost.is_empty() {
        return Check::seen(NAME, "lets all subjects that are pushed through");
    }
    let lost: Vec<_> = lost.iter().map(String::as_str).collect();
    Check::wrong(
        NAME,
        format!("it lets no subject through that begins with {}", site::joined(&lost, "")),
        "correct it: Communication Services writes /phonenumber/ and /caller/ with a slash in front, thread/ without",
    )
}

fn dead_letters(ours: &[&Subscription]) -> Check {
    const NAME: &str = "event subscription, dead letters";
    let without = ours.iter().filter(|each| {
        let properties = &each.properties;
        properties.dead_letter_destination.is_none() && properties.dead_letter_with_resource_identity.is_none()
    });
    let without: Vec<_> = without.map(|each| each.name.as_str()).collect();
    if without.is_empty() {
        return Check::seen(NAME, "kept");
    }
    let text = format!("{} keeps no events that Event Grid gives up", without.join(", "));
    Check::wrong(NAME, text, "set a storage container for dead letters, or run deploy/release.sh again")
}

async fn metrics(arm: &Arm, id: &str, now: DateTime<Utc>) -> Check {
    const NAMES: [&str; 5] = [MATCHED, DELIVERED, FAILED, DROPPED, DEAD_LETTERED];
    let sums = match Sums::of_last_hour(arm, id, &NAMES, now).await {
        Ok(sums) => sums,
        Err(error) => return Check::hidden(METRICS, &error),
    };
    let all_fail = sums.of(FAILED) > 0.0 && sums.of(DELIVERED) == 0.0;
    if sums.of(DROPPED) + sums.of(DEAD_LETTERED) > 0.0 || all_fail {
        let fix = "look at the failed invocations of EventGridTrigger, and replay the dead letters";
        return Check::wrong(METRICS, sums.told(&NAMES), fix);
    }
    Check::seen(METRICS, sums.told(&NAMES))
}

#[derive(Deserialize)]
struct Service {
    properties: ServiceProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceProperties {
    notification_hub_id: Option<String>,
}

async fn link(arm: &Arm, service: &str, hubs: &[FoundHub<'_>]) -> Check {
    let linked = match arm.get::<Service>(&format!("{service}?{ACS_VERSION}")).await {
        Ok(service) => service.properties.notification_hub_id.filter(|id| !id.is_empty()),
        Err(error) => return Check::hidden(LINK, &error),
    };
    let Some(linked) = linked else { return Check::seen(LINK, "there is none") };
    let name = site::last(&linked);
    if hubs.iter().any(|hub| hub.id.as_ref().is_ok_and(|id| id.eq_ignore_ascii_case(&linked))) {
        return Check::wrong(
            LINK,
            format!("it is linked to the hub {name}: a phone that the SDK registered as well rings twice"),
            "remove the link in the portal, or link a hub of its own for apps that only the SDK registers",
        );
    }
    let text =
        format!("it is linked to the hub {name}; nobody sees here which phones the SDK registered: these ring twice");
    Check::unseen(LINK, Source::AzureLogin, text)
}
