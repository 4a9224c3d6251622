//! Accepts a checked send unless the hub throttles: decides the outcome for each device, and keeps it for telemetry and
//! feedback.

use std::collections::HashSet;
use std::time::Instant;

use hyper::StatusCode;
use time::OffsetDateTime;

use super::Namespace;
use crate::http::{HubRequest, Response, ServiceError, ServiceResponses};
use crate::limits::MAX_RECORDED_RECIPIENTS;
use crate::options::{HubOptions, Tier};
use crate::platforms::Outcome;
use crate::record::{Batch, Recipient, Recipients, RequestOutcome};
use crate::resources::checked_send::{Audience, CheckedSend, Delivery};
use crate::resources::feedback::FailedDelivery;
use crate::resources::tagged_send;
use crate::resources::telemetry::Notification;

/// API versions before this one answer throttling with 403 instead of 429.
const FIRST_VERSION_WITH_429: &str = "2020-06";

/// Accepts a checked send; `batch` has the parts of a batch.
pub(super) fn accept(
    namespace: &Namespace,
    hub: &HubOptions,
    request: &HubRequest<'_>,
    version: &str,
    send: CheckedSend,
    batch: Option<Batch>,
    responses: &ServiceResponses,
) -> Result<(Response, RequestOutcome), ServiceError> {
    namespace.throttle.admit(hub, Instant::now()).map_err(|wait| ServiceError::Throttled {
        seconds: wait.as_secs_f64().ceil().max(1.0) as u64,
        status: if version < FIRST_VERSION_WITH_429 { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS },
    })?;
    let now = OffsetDateTime::now_utc();
    let id = responses.notification_id(now);
    let outcomes = outcomes(namespace, &send);
    // Telemetry and feedback exist on the Standard tier only, so only there the notification has a `Location`.
    let mut location = None;
    if hub.tier == Tier::Standard {
        for (delivery, outcome) in send.deliveries.iter().zip(&outcomes) {
            if outcome.is_in_feedback() {
                let (hub, platform, handle) = (hub.name.as_str(), delivery.format.name(), delivery.handle.as_str());
                let failed = FailedDelivery { hub, notification_id: &id, platform, handle, outcome: *outcome };
                namespace.feedback.add(failed, now);
            }
        }
        namespace.telemetry.add(Notification::new(id.clone(), hub.name.clone(), &send, &outcomes, now));
        let folder = if batch.is_some() && namespace.batch_in_location { "$batch/" } else { "" };
        let query = responses.location_query(request, version);
        location = Some(format!("{}/{}/messages/{folder}{id}?{query}", namespace.url(), hub.name));
    }
    let location = location.as_deref();
    let response = match &send.audience {
        Audience::Tags { is_test: true, .. } => {
            responses.created_with(location, tagged_send::test_outcome(&send, &outcomes))
        }
        Audience::Handles | Audience::Tags { is_test: false, .. } => responses.created(location),
    };
    let recipients = recipients(&send);
    let (warnings, notification_id) = (send.warnings, Some(id));
    let outcome = RequestOutcome { warnings, notification_id, batch, recipients, ..RequestOutcome::default() };
    Ok((response, outcome))
}

/// One outcome for each delivery. A device gets a notification once, but one from each of its templates.
fn outcomes(namespace: &Namespace, send: &CheckedSend) -> Vec<Outcome> {
    let mut seen = HashSet::new();
    let outcome = |delivery: &Delivery| {
        let is_repeated = delivery.from_template.is_none() && !seen.insert(delivery.handle.clone());
        if is_repeated {
            Outcome::Skipped
        } else if delivery.outcome == Outcome::Success {
            Outcome::for_device(namespace.devices.get(&delivery.handle), delivery.format)
        } else {
            delivery.outcome
        }
    };
    send.deliveries.iter().map(outcome).collect()
}

/// Who gets what, for the record of a send to tags.
fn recipients(send: &CheckedSend) -> Option<Recipients> {
    let Audience::Tags { expression, .. } = &send.audience else { return None };
    let recipient = |delivery: &Delivery| Recipient {
        device_handle: delivery.handle.clone(),
        format: delivery.format.name().to_owned(),
        registration_id: delivery.registration.clone().unwrap_or_default(),
        installation_id: delivery.installation.clone(),
        template: delivery.from_template.as_ref().and_then(|made| made.name.clone()),
        notification: delivery.from_template.as_ref().map(|made| made.payload.clone()),
        headers: delivery.from_template.as_ref().map(|made| made.headers.clone()).unwrap_or_default(),
    };
    Some(Recipients {
        tag_expression: expression.clone(),
        count: send.deliveries.len(),
        devices: send.deliveries.iter().take(MAX_RECORDED_RECIPIENTS).map(recipient).collect(),
    })
}
