//! What the service does with a request: token, right and hub in its order, then the resource. What
//! a token does not allow is refused before anything of the hub is told, its existence included.

use std::collections::HashSet;
use std::time::Instant;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use time::OffsetDateTime;

use crate::address::{Address, Resource};
use crate::answer::{self, Response, XML};
use crate::batch::{self, Batch};
use crate::direct_send::{self, Sent, Taken};
use crate::feedback::Report;
use crate::namespace::Namespace;
use crate::options::{HubOptions, Right, Tier};
use crate::outcome::Outcome;
use crate::record::Settlement;
use crate::sas::Claim;
use crate::telemetry::Notification;
use crate::wording::Refusal;

/// The answer, and what the record says of it.
pub(crate) fn answer(
    namespace: &Namespace,
    address: &Address<'_>,
    head: &Parts,
    body: &[u8],
) -> (Response, Settlement) {
    let judged = judge(namespace, address, head, body);
    let (response, settlement) = judged.unwrap_or_else(|refusal| {
        let reason = Some(refusal.to_string());
        (answer::refused(&refusal), Settlement { reason, ..Settlement::default() })
    });
    let (status, tracking_id) = (Some(response.status().as_u16()), answer::tracking_id(&response));
    (response, Settlement { status, tracking_id, ..settlement })
}

fn judge(
    namespace: &Namespace,
    address: &Address<'_>,
    head: &Parts,
    body: &[u8],
) -> Result<(Response, Settlement), Refusal> {
    let rule = namespace.authorize(Claim::of(head), address.hub.map(|hub| hub.name.as_str()))?;
    if let Some((rights, names)) = needed(&address.resource, &head.method)
        && !rights.iter().any(|right| rule.rights.contains(right))
    {
        return Err(Refusal::NoRight(names));
    }
    let hub = address.hub.filter(|_| address.resource.exists()).ok_or(Refusal::NoSuchHub)?;
    if let Resource::NotEmulated(name) = address.resource {
        return Err(Refusal::NotEmulated(name));
    }
    let query = head.uri.query().unwrap_or_default();
    let sent = Sent { method: &head.method, query, headers: &head.headers, body };
    let version = sent.api_version()?;
    let response = match &address.resource {
        Resource::Messages => {
            let taken = direct_send::judge(hub, namespace.mode, &sent)?;
            return accept(namespace, hub, &sent, &version, taken, None);
        }
        Resource::Batch => {
            let taken = batch::judge(hub, namespace.mode, &sent, &version)?;
            let batch = Batch { device_handles: taken.handles.clone(), notification: taken.payload.clone() };
            return accept(namespace, hub, &sent, &version, taken, Some(batch));
        }
        Resource::Telemetry(id) => telemetry(namespace, hub, &sent, id)?,
        Resource::Installation(id) => namespace.installations.answer(&hub.name, id, &sent, &namespace.devices)?,
        Resource::FeedbackContainer => {
            standard_get(hub, &sent)?;
            let url = namespace.feedback.url(&namespace.url(), &hub.name, OffsetDateTime::now_utc());
            answer::found(XML, url)
        }
        Resource::NotEmulated(_) | Resource::Unknown => return Err(Refusal::NoSuchHub),
    };
    Ok((response, Settlement::default()))
}

/// One of these rights, and their names; `None` is any valid token.
fn needed(resource: &Resource, method: &Method) -> Option<(&'static [Right], &'static str)> {
    match resource {
        Resource::Messages | Resource::Batch if method == Method::POST => Some((&[Right::Send], "Send")),
        Resource::Installation(_) => Some((&[Right::Listen, Right::Manage], "Listen or Manage")),
        Resource::Telemetry(_) | Resource::FeedbackContainer => Some((&[Right::Manage], "Manage")),
        Resource::Messages | Resource::Batch | Resource::NotEmulated(_) | Resource::Unknown => None,
    }
}

/// What is there on the Standard tier only, and only to be read.
fn standard_get(hub: &HubOptions, sent: &Sent<'_>) -> Result<(), Refusal> {
    if sent.method != Method::GET {
        return Err(Refusal::MethodNotAllowed("GET"));
    }
    if hub.tier != Tier::Standard {
        return Err(Refusal::NotOnTier);
    }
    Ok(())
}

fn telemetry(namespace: &Namespace, hub: &HubOptions, sent: &Sent<'_>, id: &str) -> Result<Response, Refusal> {
    standard_get(hub, sent)?;
    let details = namespace.telemetry.details(&namespace.authority(), &hub.name, id, OffsetDateTime::now_utc());
    Ok(answer::found(XML, details.ok_or(Refusal::NoSuchNotification)?))
}

/// Takes a notification into the hub, if its budget allows, and lets the devices have it.
fn accept(
    namespace: &Namespace,
    hub: &HubOptions,
    sent: &Sent<'_>,
    version: &str,
    taken: Taken,
    batch: Option<Batch>,
) -> Result<(Response, Settlement), Refusal> {
    namespace.spending.spend(hub, Instant::now()).map_err(|wait| Refusal::Throttled {
        seconds: wait.as_secs_f64().ceil().max(1.0) as u64,
        // The older front end has no 429.
        status: if version < "2020-06" { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS },
    })?;
    let now = OffsetDateTime::now_utc();
    let id = answer::notification_id(now);
    // Telemetry and feedback are Standard features, so only there is an address for the notification.
    let mut location = None;
    if hub.tier == Tier::Standard {
        let outcomes = outcomes(namespace, &taken);
        for (handle, outcome) in taken.handles.iter().zip(&outcomes).filter(|(_, end)| end.is_told_in_feedback()) {
            let (hub, platform) = (hub.name.as_str(), taken.format.name());
            let report = Report { hub, notification_id: &id, platform, handle, outcome: *outcome };
            namespace.feedback.report(report, now);
        }
        namespace.telemetry.add(Notification::new(id.clone(), hub.name.clone(), &taken, &outcomes, now));
        let folder = if batch.is_some() && namespace.batch_in_location { "$batch/" } else { "" };
        location = Some(format!("{}/{}/messages/{folder}{id}?{}", namespace.url(), hub.name, sent.query));
    }
    let (warnings, notification_id) = (taken.warnings, Some(id));
    Ok((answer::created(location.as_deref()), Settlement { warnings, notification_id, batch, ..Settlement::default() }))
}

/// One outcome per handle. A handle that stands there twice gets one notification.
fn outcomes<'t>(namespace: &Namespace, taken: &'t Taken) -> Vec<Outcome> {
    let mut seen = HashSet::new();
    let outcome = |handle: &'t String| {
        if !seen.insert(handle.as_str()) {
            Outcome::Skipped
        } else if taken.outcome == Outcome::Success {
            Outcome::of_device(namespace.devices.state(handle), taken.format)
        } else {
            taken.outcome
        }
    };
    taken.handles.iter().map(outcome).collect()
}
