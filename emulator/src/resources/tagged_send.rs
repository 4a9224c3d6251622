//! The checks of a send to tags or to everybody, and which registrations it reaches: native notifications those of their
//! platform, template notifications those with a template.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/send-apns-native-notification>,
//! <https://learn.microsoft.com/rest/api/notificationhubs/send-template-notification>

use std::collections::BTreeMap;

use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;

use super::checked_send::{Audience, CheckedSend, Delivery, FromTemplate};
use super::direct_send;
use super::registration::{Registration, Template};
use super::tags::TagExpression;
use super::template::{self, Properties};
use crate::http::{DEVICE_HANDLE, HubRequest, ServiceError, TAGS, escape_xml};
use crate::limits::{MAX_BODY_BYTES, MAX_TEST_DEVICES};
use crate::options::{HubOptions, Mode};
use crate::platforms::{self, Format, Outcome, Warning};

/// Checks a send to tags; `registrations` are those of the hub.
pub(crate) fn check(
    hub: &HubOptions,
    mode: Mode,
    request: &HubRequest<'_>,
    registrations: &[Registration],
) -> Result<CheckedSend, ServiceError> {
    let format = direct_send::check_format(request)?;
    let content_type = request.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if !format.allows_content_type(content_type) {
        return Err(ServiceError::InvalidContentType(content_type.to_owned()));
    }
    if request.body.len() > MAX_BODY_BYTES {
        return Err(ServiceError::BodyTooLarge);
    }
    let expression = request.header(TAGS).map(TagExpression::parse).transpose();
    let expression = expression.map_err(|error| ServiceError::InvalidTagExpression(error.to_string()))?;
    let reached = registrations.iter().filter(|registration| {
        let is_reached = match &registration.template {
            Some(_) => format == Format::Template,
            None => registration.platform.format == format,
        };
        is_reached && expression.as_ref().is_none_or(|expression| expression.matches(&registration.tags))
    });
    let mut send = if format == Format::Template {
        from_templates(hub, request, reached)?
    } else {
        let content = direct_send::check_content(hub, mode, request, format)?;
        let deliveries = reached.map(|registration| delivery(registration, content.outcome, None)).collect();
        CheckedSend { deliveries, ..CheckedSend::direct(format, content, Vec::new()) }
    };
    if request.header(DEVICE_HANDLE).is_some() {
        send.warnings.push(Warning::HandleWithoutDirect.to_string());
    }
    let expression = request.header(TAGS).map(str::to_owned);
    let is_test = request.query_value("test").is_some();
    Ok(CheckedSend { audience: Audience::Tags { expression, is_test }, ..send })
}

/// A template notification: its body has the properties that the templates name.
fn from_templates<'r>(
    hub: &HubOptions,
    request: &HubRequest<'_>,
    reached: impl Iterator<Item = &'r Registration>,
) -> Result<CheckedSend, ServiceError> {
    let body: Value = serde_json::from_slice(request.body).map_err(|_| ServiceError::InvalidJson)?;
    let properties = body.as_object().and_then(Properties::from_json).ok_or(ServiceError::InvalidTemplateBody)?;
    let (mut deliveries, mut warnings) = (Vec::new(), Vec::new());
    for (registration, template) in reached.filter_map(|one| Some((one, one.template.as_ref()?))) {
        let (made, outcome, problems) = make(hub, registration.platform.format, template, &properties);
        deliveries.push(delivery(registration, outcome, Some(made)));
        let name = template.name.as_deref().unwrap_or(&registration.id);
        warnings.extend(problems.into_iter().map(|problem| format!("template '{name}': {problem}")));
    }
    warnings.sort();
    warnings.dedup();
    let payload = String::from_utf8_lossy(request.body).into_owned();
    let audience = Audience::Handles;
    Ok(CheckedSend { payload, audience, deliveries, warnings })
}

/// What `template` makes, its outcome for a healthy device, and what the platform would refuse. A bad template is not the
/// sender's mistake: it refuses no send, in no mode.
fn make(
    hub: &HubOptions,
    format: Format,
    template: &Template,
    properties: &Properties,
) -> (FromTemplate, Outcome, Vec<String>) {
    let payload = template::render(&template.body, properties);
    let mut headers = HeaderMap::new();
    for (name, value) in &template.headers {
        // What is no header can't be sent to a platform.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let method = hyper::Method::POST;
    let request = HubRequest { method: &method, query: "", headers: &headers, body: payload.as_bytes() };
    let json = serde_json::from_str(&payload).unwrap_or_default();
    let problems = platforms::problems(hub, format, &request, &json);
    let outcome = Outcome::for_problems(&problems);
    let problems = problems.iter().map(ToString::to_string).collect();
    let headers: BTreeMap<_, _> =
        template.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    (FromTemplate { name: template.name.clone(), payload, headers }, outcome, problems)
}

fn delivery(registration: &Registration, outcome: Outcome, from_template: Option<FromTemplate>) -> Delivery {
    Delivery {
        format: registration.platform.format,
        handle: registration.device_handle(),
        outcome,
        registration: Some(registration.id.clone()),
        installation: registration.installation.clone(),
        from_template,
    }
}

/// The answer to a test send, `NotificationOutcome`: what happened for at most ten devices. Its texts were seen.
pub(crate) fn test_outcome(send: &CheckedSend, outcomes: &[Outcome]) -> String {
    let results: Vec<_> = send.deliveries.iter().zip(outcomes).take(MAX_TEST_DEVICES).collect();
    let success = results.iter().filter(|(_, outcome)| **outcome == Outcome::Success).count();
    let failure = results.len() - success;
    let result = |(delivery, outcome): &(&Delivery, &Outcome)| {
        let text = match outcome {
            Outcome::Success => "The Notification was successfully sent to the Push Notification System",
            Outcome::InvalidNotificationFormat | Outcome::InvalidNotificationSize => {
                "The Notification payload is invalid"
            }
            Outcome::InvalidCredentials | Outcome::WrongToken => "The Token obtained from the Token Provider is wrong",
            Outcome::BadChannel
            | Outcome::ChannelThrottled
            | Outcome::ExpiredChannel
            | Outcome::Skipped
            | Outcome::UnknownError => "The Push Notification System handle for the registration is invalid",
        };
        let registration = escape_xml(delivery.registration.as_deref().unwrap_or_default());
        let (platform, handle) = (delivery.format.name(), escape_xml(&delivery.handle));
        format!(
            "<RegistrationResult><ApplicationPlatform>{platform}</ApplicationPlatform><PnsHandle>{handle}</PnsHandle>\
             <RegistrationId>{registration}</RegistrationId><Outcome>{text}</Outcome></RegistrationResult>"
        )
    };
    let results: String = results.iter().map(result).collect();
    format!(
        "<NotificationOutcome xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\" \
         xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><Success>{success}</Success><Failure>{failure}</Failure>\
         <Results>{results}</Results></NotificationOutcome>"
    )
}
