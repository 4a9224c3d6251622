//! What the service does with a request to a hub: it checks token, right, hub, resource and API version, in this order,
//! and lets the resource answer. A token learns nothing about a hub that its rights do not allow, not even whether the hub
//! exists.

mod exchange;
mod namespace;
mod sas;
mod throttle;

use std::collections::HashSet;
use std::time::Instant;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use time::OffsetDateTime;

use crate::http::service_response::XML;
use crate::http::{Address, HubRequest, Resource, Response, ServiceError, ServiceResponses};
use crate::options::{HubOptions, Right, Tier};
use crate::platforms::Outcome;
use crate::record::{Batch, RequestOutcome};
use crate::resources::direct_send::{self, DirectSend};
use crate::resources::feedback::FailedDelivery;
use crate::resources::telemetry::Notification;

pub(crate) use exchange::handle;
pub(crate) use namespace::Namespace;

/// From the REST specification (2015-01 to 2020-06), the history of the SDKs, and recordings (the others).
const API_VERSIONS: [&str; 9] =
    ["2013-10", "2014-09", "2015-01", "2015-04", "2015-08", "2016-07", "2016-10", "2017-04", "2020-06"];

/// API versions before this one answer throttling with 403 instead of 429.
const FIRST_VERSION_WITH_429: &str = "2020-06";

/// The response to a request, and the result for the record.
pub(crate) fn answer(
    namespace: &Namespace,
    address: &Address<'_>,
    head: &Parts,
    body: &[u8],
) -> (Response, RequestOutcome) {
    let responses = ServiceResponses::new(namespace.front_end, &head.headers);
    let answered = try_answer(namespace, address, head, body, &responses);
    let (response, outcome) = answered.unwrap_or_else(|error| {
        let reason = Some(error.to_string());
        (responses.error(&error), RequestOutcome { reason, ..RequestOutcome::default() })
    });
    let (status, tracking_id) = (Some(response.status().as_u16()), Some(responses.tracking_id().to_owned()));
    (response, RequestOutcome { status, tracking_id, ..outcome })
}

fn try_answer(
    namespace: &Namespace,
    address: &Address<'_>,
    head: &Parts,
    body: &[u8],
    responses: &ServiceResponses,
) -> Result<(Response, RequestOutcome), ServiceError> {
    let rule = namespace.authorize(head, address.hub.map(|hub| hub.name.as_str()))?;
    if let Some((rights, names)) = required_rights(&address.resource, &head.method)
        && !rights.iter().any(|right| rule.rights.contains(right))
    {
        return Err(ServiceError::MissingRight(names));
    }
    let hub = address.hub.filter(|_| address.resource.exists()).ok_or(ServiceError::HubNotFound)?;
    if let Resource::NotEmulated(name) = address.resource {
        return Err(ServiceError::NotEmulated(name));
    }
    let query = head.uri.query().unwrap_or_default();
    let request = HubRequest { method: &head.method, query, headers: &head.headers, body };
    let version = api_version(&request)?;
    let response = match &address.resource {
        Resource::Messages => {
            let send = direct_send::check(hub, namespace.mode, &request)?;
            return accept(namespace, hub, &request, &version, send, None, responses);
        }
        Resource::Batch => {
            let send = direct_send::check_batch(hub, namespace.mode, &request, &version)?;
            let batch = Batch { device_handles: send.handles.clone(), notification: send.payload.clone() };
            return accept(namespace, hub, &request, &version, send, Some(batch), responses);
        }
        Resource::Telemetry(id) => telemetry(namespace, hub, &request, id, responses)?,
        Resource::Installation(id) => {
            namespace.installations.answer(&hub.name, id, &request, &namespace.devices, responses)?
        }
        Resource::FeedbackContainer => {
            check_standard_get(hub, &request)?;
            let url = namespace.feedback.url(&namespace.url(), &hub.name, OffsetDateTime::now_utc());
            responses.ok(XML, url)
        }
        Resource::NotEmulated(_) | Resource::Unknown => return Err(ServiceError::HubNotFound),
    };
    Ok((response, RequestOutcome::default()))
}

/// The rights of which a token needs one, and their names; `None` when any valid token is enough.
fn required_rights(resource: &Resource, method: &Method) -> Option<(&'static [Right], &'static str)> {
    match resource {
        Resource::Messages | Resource::Batch if method == Method::POST => Some((&[Right::Send], "Send")),
        Resource::Installation(_) => Some((&[Right::Listen, Right::Manage], "Listen or Manage")),
        Resource::Telemetry(_) | Resource::FeedbackContainer => Some((&[Right::Manage], "Manage")),
        Resource::Messages | Resource::Batch | Resource::NotEmulated(_) | Resource::Unknown => None,
    }
}

/// The value of `api-version`, which every resource needs.
fn api_version(request: &HubRequest<'_>) -> Result<String, ServiceError> {
    let version = request.query_value("api-version").unwrap_or_default();
    if API_VERSIONS.contains(&version.as_str()) { Ok(version) } else { Err(ServiceError::UnsupportedApiVersion) }
}

/// The check of a resource that is read-only and exists on the Standard tier only.
fn check_standard_get(hub: &HubOptions, request: &HubRequest<'_>) -> Result<(), ServiceError> {
    if request.method != Method::GET {
        return Err(ServiceError::MethodNotAllowed("GET"));
    }
    if hub.tier != Tier::Standard {
        return Err(ServiceError::NotOnTier);
    }
    Ok(())
}

fn telemetry(
    namespace: &Namespace,
    hub: &HubOptions,
    request: &HubRequest<'_>,
    id: &str,
    responses: &ServiceResponses,
) -> Result<Response, ServiceError> {
    check_standard_get(hub, request)?;
    let details = namespace.telemetry.details(&namespace.authority(), &hub.name, id, OffsetDateTime::now_utc());
    Ok(responses.ok(XML, details.ok_or(ServiceError::NotificationNotFound)?))
}

/// Accepts a checked send unless the hub throttles; stores its outcomes for telemetry and feedback.
fn accept(
    namespace: &Namespace,
    hub: &HubOptions,
    request: &HubRequest<'_>,
    version: &str,
    send: DirectSend,
    batch: Option<Batch>,
    responses: &ServiceResponses,
) -> Result<(Response, RequestOutcome), ServiceError> {
    namespace.throttle.admit(hub, Instant::now()).map_err(|wait| ServiceError::Throttled {
        seconds: wait.as_secs_f64().ceil().max(1.0) as u64,
        status: if version < FIRST_VERSION_WITH_429 { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS },
    })?;
    let now = OffsetDateTime::now_utc();
    let id = responses.notification_id(now);
    // Telemetry and feedback exist on the Standard tier only, so only there the notification has a `Location`.
    let mut location = None;
    if hub.tier == Tier::Standard {
        let outcomes = outcomes(namespace, &send);
        for (handle, outcome) in send.handles.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_in_feedback()) {
            let (hub, platform) = (hub.name.as_str(), send.format.name());
            let failed = FailedDelivery { hub, notification_id: &id, platform, handle, outcome: *outcome };
            namespace.feedback.add(failed, now);
        }
        namespace.telemetry.add(Notification::new(id.clone(), hub.name.clone(), &send, &outcomes, now));
        let folder = if batch.is_some() && namespace.batch_in_location { "$batch/" } else { "" };
        let query = responses.location_query(request, version);
        location = Some(format!("{}/{}/messages/{folder}{id}?{query}", namespace.url(), hub.name));
    }
    let (warnings, notification_id) = (send.warnings, Some(id));
    let outcome = RequestOutcome { warnings, notification_id, batch, ..RequestOutcome::default() };
    Ok((responses.created(location.as_deref()), outcome))
}

/// One outcome for each device handle. A repeated handle gets one notification.
fn outcomes<'s>(namespace: &Namespace, send: &'s DirectSend) -> Vec<Outcome> {
    let mut seen = HashSet::new();
    let outcome = |handle: &'s String| {
        if !seen.insert(handle.as_str()) {
            Outcome::Skipped
        } else if send.outcome == Outcome::Success {
            Outcome::for_device(namespace.devices.get(handle), send.format)
        } else {
            send.outcome
        }
    };
    send.handles.iter().map(outcome).collect()
}
