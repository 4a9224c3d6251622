//! The way of one request to a hub: fault, record, what `hub` says of it, and what becomes of the
//! connection. No rule of the service is applied here.

use std::collections::BTreeMap;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;

use crate::address::Address;
use crate::answer;
use crate::direct_send::{self, MAX_BODY};
use crate::fault::Action;
use crate::hub;
use crate::namespace::Namespace;
use crate::record::{Arrival, ReceivedRequest, Settlement};
use crate::server::Fate;

/// Receives one request and says what happens to its connection.
pub(crate) async fn receive(namespace: &Namespace, address: &Address<'_>, request: Request<Incoming>) -> Fate {
    let (head, body) = request.into_parts();
    let mut received = describe(&head, address);
    let handle = received.device_handle.as_deref();
    let fault = namespace.script.next(&address.hub_name, handle).unwrap_or_default();

    let (body, complete) = if fault.action == Action::ResetBeforeBody { (Vec::new(), true) } else { read(body).await };
    received.body = String::from_utf8_lossy(&body[..body.len().min(MAX_BODY)]).into_owned();
    let arrival = namespace.record.arrive(received);
    if !complete {
        // Nobody is left to answer; dropping `arrival` says so in the record.
        return Fate::Reset;
    }
    let delay = Duration::from_millis(fault.delay_ms);
    if !delay.is_zero() && fault.action != Action::AcceptThenDelay {
        tokio::time::sleep(delay).await;
    }

    let reason = Some(fault.action.reason());
    let accept = |arrival: Arrival<'_>| {
        let (response, settlement) = hub::answer(namespace, address, &head, &body);
        // A refusal's own reason says more; a delay alone is none.
        let met = reason.clone().filter(|_| fault.action != Action::Pass);
        arrival.settle(Settlement { reason: settlement.reason.or(met), ..settlement });
        response
    };
    let met = || Settlement { reason: reason.clone(), ..Settlement::default() };
    match &fault.action {
        Action::Pass => Fate::Answer(accept(arrival)),
        Action::Status { status, retry_after, headers, body } => {
            let (retry_after, body) = (retry_after.as_deref(), body.as_deref());
            let response = answer::scripted(*status, retry_after, headers, body);
            arrival.settle(Settlement { status: Some(response.status().as_u16()), ..met() });
            Fate::Answer(response)
        }
        Action::ResetBeforeBody | Action::ResetAfterBody => {
            arrival.settle(met());
            Fate::Reset
        }
        Action::HalfClose => {
            arrival.settle(met());
            Fate::HalfClose
        }
        Action::Stall => {
            arrival.settle(met());
            Fate::Stall
        }
        Action::AcceptThenReset => {
            accept(arrival);
            Fate::Reset
        }
        Action::AcceptThenStall => {
            accept(arrival);
            Fate::Stall
        }
        Action::AcceptThenDelay => {
            let response = accept(arrival);
            tokio::time::sleep(delay).await;
            Fate::Answer(response)
        }
        Action::ResetAfterAnswer => Fate::AnswerThenReset(accept(arrival)),
        Action::SlowBody { bytes, interval_ms } => {
            let (length, interval) = (usize::from(*bytes), Duration::from_millis(*interval_ms));
            Fate::Answer(accept(arrival).map(|body| body.slowed(length, interval)))
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
        hub: address.hub_name.clone(),
        ..ReceivedRequest::default()
    }
}
