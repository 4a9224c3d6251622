//! What the service does with a request to a hub: it checks token, right, hub, resource and API version, in this order,
//! and lets the resource answer. A token learns nothing about a hub that its rights do not allow, not even whether the hub
//! exists.

mod accept;
mod exchange;
mod namespace;
mod sas;
mod throttle;

use hyper::Method;
use hyper::http::request::Parts;
use time::OffsetDateTime;

use crate::http::service_response::XML;
use crate::http::{Address, HubRequest, MANAGEMENT, Resource, Response, ServiceError, ServiceResponses, query_value};
use crate::options::{HubOptions, Right, Tier};
use crate::record::{Batch, RequestOutcome};
use crate::resources::registrations::{RegistrationRequest, Registrations};
use crate::resources::{direct_send, tagged_send};

use accept::accept;
pub(crate) use exchange::handle;
pub(crate) use namespace::Namespace;

/// From the REST specification (2015-01 to 2020-06), the history of the SDKs, and recordings (the others).
const API_VERSIONS: [&str; 9] =
    ["2013-10", "2014-09", "2015-01", "2015-04", "2015-08", "2016-07", "2016-10", "2017-04", "2020-06"];

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
    if let Some((rights, names)) = required_rights(&address.resource, head)
        && !rights.iter().any(|right| rule.rights.contains(right))
    {
        return Err(ServiceError::MissingRight(names));
    }
    if address.resource == Resource::NotEmulated(MANAGEMENT) {
        return Err(ServiceError::NotEmulated(MANAGEMENT));
    }
    let hub = address.hub.filter(|_| address.resource.exists()).ok_or(ServiceError::HubNotFound)?;
    if let Resource::NotEmulated(name) = address.resource {
        return Err(ServiceError::NotEmulated(name));
    }
    let query = head.uri.query().unwrap_or_default();
    let request = HubRequest { method: &head.method, query, headers: &head.headers, body };
    let version = api_version(&request)?;
    let registrations = RegistrationRequest {
        hub: &hub.name,
        hub_url: &format!("{}/{}", namespace.url(), hub.name),
        request,
        version: &version,
        responses,
        installations: &namespace.installations,
    };
    let response = match &address.resource {
        Resource::Messages => {
            let send = if direct_send::is_direct(&request) {
                direct_send::check(hub, namespace.mode, &request)?
            } else {
                let registrations = namespace.registrations.all(&hub.name, &namespace.installations);
                tagged_send::check(hub, namespace.mode, &request, &registrations)?
            };
            return accept(namespace, hub, &request, &version, send, None, responses);
        }
        Resource::Batch => {
            let send = direct_send::check_batch(hub, namespace.mode, &request, &version)?;
            let device_handles = send.deliveries.iter().map(|delivery| delivery.handle.clone()).collect();
            let batch = Batch { device_handles, notification: send.payload.clone() };
            return accept(namespace, hub, &request, &version, send, Some(batch), responses);
        }
        Resource::Telemetry(id) => telemetry(namespace, hub, &request, id, responses)?,
        Resource::Installation(id) => {
            namespace.installations.answer(&hub.name, id, &request, &namespace.devices, responses)?
        }
        Resource::Registrations => namespace.registrations.answer_all(&registrations)?,
        Resource::Registration(id) => namespace.registrations.answer_one(id, &registrations)?,
        Resource::RegistrationIds => Registrations::new_id(&registrations)?,
        Resource::TaggedRegistrations(tag) => namespace.registrations.answer_tag(tag, &registrations)?,
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
fn required_rights(resource: &Resource, head: &Parts) -> Option<(&'static [Right], &'static str)> {
    let one_device: (&[Right], _) = (&[Right::Listen, Right::Manage], "Listen or Manage");
    match resource {
        Resource::Messages | Resource::Batch if head.method == Method::POST => Some((&[Right::Send], "Send")),
        Resource::Installation(_) | Resource::Registration(_) | Resource::RegistrationIds => Some(one_device),
        // An app may look for the registrations of its own device.
        Resource::Registrations
            if head.method != Method::GET || query_value(head.uri.query().unwrap_or_default(), "$filter").is_some() =>
        {
            Some(one_device)
        }
        Resource::Registrations
        | Resource::TaggedRegistrations(_)
        | Resource::Telemetry(_)
        | Resource::FeedbackContainer => Some((&[Right::Manage], "Manage")),
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
