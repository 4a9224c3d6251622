//! The way of one request to `/{hub}/messages…`: faults, record, authorization, judgement, answer.
//! The rules of a direct send itself are in `direct_send`.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};

use crate::address::{Address, Resource};
use crate::answer::{self, Response};
use crate::direct_send::{self, MAX_BODY, Sent};
use crate::fault::Action;
use crate::namespace::Namespace;
use crate::options::{HubOptions, Right, Tier};
use crate::record::{ReceivedRequest, Settlement};
use crate::sas::Claim;
use crate::server::Fate;
use crate::wording::Refusal;

/// Receives one request and says what happens to its connection.
pub(crate) async fn receive(namespace: &Namespace, address: &Address<'_>, request: Request<Incoming>) -> Fate {
    let (head, body) = request.into_parts();
    let mut received = describe(&head, address);
    let handle = received.device_handle.as_deref();
    let fault = namespace.script.next(&address.hub_name, handle).unwrap_or_default();

    let (body, complete) = match fault.action {
        Action::ResetBeforeBody => (Vec::new(), true),
        Action::Pass | Action::Status { .. } | Action::ResetAfterBody | Action::AcceptThenReset | Action::Stall => {
            read(body).await
        }
    };
    received.body = String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]).into_owned();
    let arrival = namespace.record.arrive(received);
    if !complete {
        // Nobody is left to answer; dropping `arrival` says so in the record.
        return Fate::Reset;
    }
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }

    let met = Settlement { reason: Some(fault.action.reason()), ..Settlement::default() };
    match &fault.action {
        Action::Pass => {
            let (response, settlement) = process(namespace, address, &head, &body);
            arrival.settle(settlement);
            Fate::Answer(response)
        }
        Action::Status { status, retry_after, headers, body } => {
            let (retry_after, body) = (retry_after.as_deref(), body.as_deref());
            let response = answer::scripted(*status, retry_after, headers, body);
            arrival.settle(Settlement { status: Some(response.status().as_u16()), ..met });
            Fate::Answer(response)
        }
        Action::AcceptThenReset => {
            let (_, settlement) = process(namespace, address, &head, &body);
            let reason = settlement.reason.or(met.reason);
            arrival.settle(Settlement { reason, ..settlement });
            Fate::Reset
        }
        Action::ResetBeforeBody | Action::ResetAfterBody => {
            arrival.settle(met);
            Fate::Reset
        }
        Action::Stall => {
            arrival.settle(met);
            Fate::Stall
        }
    }
}

/// What the service itself does with the request.
fn process(namespace: &Namespace, address: &Address<'_>, head: &Parts, body: &[u8]) -> (Response, Settlement) {
    match judge(namespace, address, head, body) {
        Ok((hub, warnings)) => {
            let id = answer::notification_id();
            let query = head.uri.query().unwrap_or_default();
            let location = format!("{}/{}/messages/{id}?{query}", namespace.url(), hub.name);
            // Telemetry is a Standard feature, so only there is an address for it.
            let location = (hub.tier == Tier::Standard).then_some(location);
            let response = answer::created(location.as_deref());
            let status = Some(response.status().as_u16());
            let (notification_id, tracking_id) = (Some(id), answer::tracking_id(&response));
            (response, Settlement { status, warnings, notification_id, tracking_id, reason: None })
        }
        Err(refusal) => {
            let response = answer::refused(&refusal);
            let status = Some(response.status().as_u16());
            let (reason, tracking_id) = (Some(refusal.to_string()), answer::tracking_id(&response));
            (response, Settlement { status, reason, tracking_id, ..Settlement::default() })
        }
    }
}

/// Hub, token, right and resource in the service's order; the rest is for the resource's own rules.
fn judge<'h>(
    namespace: &Namespace,
    address: &Address<'h>,
    head: &Parts,
    body: &[u8],
) -> Result<(&'h HubOptions, Vec<String>), Refusal> {
    let hub = address.hub.ok_or(Refusal::NoSuchHub)?;
    let rule = namespace.authorize(Claim::of(head))?;
    let sends = matches!(address.resource, Resource::Messages | Resource::Batch);
    if sends && head.method == Method::POST && !rule.rights.contains(&Right::Send) {
        return Err(Refusal::NoSendRight);
    }
    match address.resource {
        Resource::Batch => Err(Refusal::NotEmulated("$batch")),
        Resource::Telemetry => Err(Refusal::NotEmulated("telemetry of a notification")),
        Resource::NotEmulated(_) | Resource::Unknown => Err(Refusal::NoSuchHub),
        Resource::Messages => {
            let sent = Sent {
                method: &head.method,
                query: head.uri.query().unwrap_or_default(),
                headers: &head.headers,
                body,
            };
            Ok((hub, direct_send::judge(hub, namespace.mode, &sent)?))
        }
    }
}

/// The body up to one byte more than is allowed, and whether it came to its end. What is above
/// the limit is read and dropped: a client that is still writing would miss the answer.
async fn read(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (bytes, false) };
        if let Some(data) = frame.data_ref() {
            let room = (MAX_BODY + 1).saturating_sub(bytes.len());
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    (bytes, true)
}

fn describe(head: &Parts, address: &Address<'_>) -> ReceivedRequest {
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.to_string())
            .and_modify(|first| *first = format!("{first}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    ReceivedRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        format: headers.get(direct_send::FORMAT).cloned(),
        device_handle: headers.get(direct_send::DEVICE_HANDLE).cloned(),
        headers,
        body: String::new(),
        hub: address.hub_name.clone(),
        status: None,
        reason: None,
        warnings: Vec::new(),
        notification_id: None,
        tracking_id: None,
        at_ms: 0,
    }
}
