//! One request to a hub and what happens to its connection: scripted fault, record, and the answer of the service.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;

use super::{Namespace, answer};
use crate::faults::Action;
use crate::http::{Address, ConnectionAction, DEVICE_HANDLE, FORMAT, ServiceResponses};
use crate::limits::MAX_BODY_BYTES;
use crate::record::{PendingRequest, ReceivedRequest, RequestOutcome};

/// Handles a request to a hub. A path that is no resource of the service is answered without fault and record.
pub(crate) async fn handle(namespace: &Namespace, request: Request<Incoming>) -> ConnectionAction {
    let (head, body) = request.into_parts();
    let address = Address::parse(head.uri.path(), &namespace.hubs);
    if address.resource.exists() {
        return handle_recorded(namespace, &address, &head, body).await;
    }
    let (response, _) = answer(namespace, &address, &head, &[]);
    ConnectionAction::Respond(response)
}

async fn handle_recorded(
    namespace: &Namespace,
    address: &Address<'_>,
    head: &Parts,
    body: Incoming,
) -> ConnectionAction {
    let mut received = received_request(head, address);
    let handle = received.device_handle.as_deref();
    let fault = namespace.faults.take_for(&address.hub_name, handle).unwrap_or_default();

    let (body, is_complete) =
        if fault.action == Action::ResetBeforeBody { (Vec::new(), true) } else { read(body).await };
    received.body = String::from_utf8_lossy(&body[..body.len().min(MAX_BODY_BYTES)]).into_owned();
    let pending = namespace.record.add(received);
    if !is_complete {
        // The client has left; dropping `pending` records that.
        return ConnectionAction::Reset;
    }
    let delay = Duration::from_millis(fault.delay_ms);
    if !delay.is_zero() && fault.action != Action::AcceptThenDelay {
        tokio::time::sleep(delay).await;
    }

    let fault_reason = Some(fault.action.reason());
    let accept = |pending: PendingRequest<'_>| {
        let (response, outcome) = answer(namespace, address, head, &body);
        // The reason of a refusal comes first; a delay alone is no reason.
        let fault_reason = fault_reason.clone().filter(|_| fault.action != Action::Pass);
        pending.settle(RequestOutcome { reason: outcome.reason.or(fault_reason), ..outcome });
        response
    };
    let not_accepted = || RequestOutcome { reason: fault_reason.clone(), ..RequestOutcome::default() };
    match &fault.action {
        Action::Pass => ConnectionAction::Respond(accept(pending)),
        Action::Status { status, retry_after, headers, body } => {
            let (retry_after, body) = (retry_after.as_deref(), body.as_deref());
            let responses = ServiceResponses::new(namespace.front_end, &head.headers);
            let response = responses.scripted(*status, retry_after, headers, body);
            pending.settle(RequestOutcome { status: Some(response.status().as_u16()), ..not_accepted() });
            ConnectionAction::Respond(response)
        }
        Action::ResetBeforeBody | Action::ResetAfterBody => {
            pending.settle(not_accepted());
            ConnectionAction::Reset
        }
        Action::HalfClose => {
            pending.settle(not_accepted());
            ConnectionAction::HalfClose
        }
        Action::Stall => {
            pending.settle(not_accepted());
            ConnectionAction::Stall
        }
        Action::AcceptThenReset => {
            accept(pending);
            ConnectionAction::Reset
        }
        Action::AcceptThenStall => {
            accept(pending);
            ConnectionAction::Stall
        }
        Action::AcceptThenDelay => {
            let response = accept(pending);
            tokio::time::sleep(delay).await;
            ConnectionAction::Respond(response)
        }
        Action::ResetAfterAnswer => ConnectionAction::RespondThenReset(accept(pending)),
        Action::SlowBody { bytes, interval_ms } => {
            let (length, interval) = (usize::from(*bytes), Duration::from_millis(*interval_ms));
            ConnectionAction::Respond(accept(pending).map(|body| body.slowed_down(length, interval)))
        }
    }
}

/// The body up to one byte more than the limit, and whether it was complete. The rest is read and dropped: a client that
/// is still writing would not read the answer.
async fn read(mut body: Incoming) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return (bytes, false) };
        if let Some(data) = frame.data_ref() {
            let room = (MAX_BODY_BYTES + 1).saturating_sub(bytes.len());
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    (bytes, true)
}

fn received_request(head: &Parts, address: &Address<'_>) -> ReceivedRequest {
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
        format: headers.get(FORMAT).cloned(),
        device_handle: headers.get(DEVICE_HANDLE).cloned(),
        headers,
        hub: address.hub_name.clone(),
        ..ReceivedRequest::default()
    }
}
