//! The invocations: chat messages and calls as the Functions host posts them, each with a number of its own that is read
//! back from what the hub gets.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::fleet::{Fleet, user_id};

/// Who posts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The Functions host.
    Functions,
    /// Event Grid itself.
    Webhook,
}

/// Writes the invocations of one target.
#[derive(Debug)]
pub struct Author {
    fleet: Fleet,
    /// How many there are so far.
    written: AtomicUsize,
    chat: Template,
    call: Template,
}

/// A request whose length does not change: what is new in it is written over what stood there.
#[derive(Debug)]
struct Template {
    request: Vec<u8>,
    numbers: Vec<usize>,
    recipients: Vec<usize>,
    times: Vec<usize>,
}

const NUMBER: &str = "NNNNNNNNNNNN";
const RECIPIENT: &str = "RRRRRRRRRRRR";
const TIME: &str = "TTTTTTTTTTTTTTTTTTTTTTTT";

/// Stands in front of an event's number in its text.
const MARK: &str = "load-";

/// `{"alg":"none"}`, `{"cc":"Y2FsbC1jb250ZXh0"}` and a signature that nobody checks.
const CALL_CONTEXT: &str = "eyJhbGciOiJub25lIn0.eyJjYyI6IlkyRnNiQzFqYjI1MFpYaDAifQ.c2ln";

impl Author {
    pub fn new(fleet: Fleet, front: Front) -> Self {
        let template = |event: &Value| match front {
            Front::Functions => Template::invocation(event),
            Front::Webhook => Template::delivery(event),
        };
        Self { fleet, written: AtomicUsize::new(0), chat: template(&chat()), call: template(&call()) }
    }

    /// A new chat message, as a whole request.
    pub fn chat(&self) -> Vec<u8> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        self.chat.filled(number, self.fleet.recipient_of(number))
    }

    /// A new call, as a whole request.
    pub fn call(&self) -> Vec<u8> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        self.call.filled(number, self.fleet.recipient_of(number))
    }

    pub fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }
}

/// The number of the event that a payload is about.
pub fn number_in(payload: &[u8]) -> Option<usize> {
    let at = payload.windows(MARK.len()).position(|bytes| bytes == MARK.as_bytes())? + MARK.len();
    std::str::from_utf8(payload.get(at..at + NUMBER.len())?).ok()?.parse().ok()
}

impl Template {
    /// What Event Grid posts to a webhook.
    fn delivery(event: &Value) -> Self {
        let body = json!([event]).to_string();
        Self::new(&format!(
            "POST /webhooks/eventgrid HTTP/1.1\r\nHost: 127.0.0.1\r\naeg-event-type: Notification\r\n\
             aeg-subscription-name: PUSH\r\naeg-delivery-count: 0\r\nContent-Type: application/json; charset=utf-8\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// What the Functions host posts.
    fn invocation(event: &Value) -> Self {
        let sys = json!({"MethodName": "EventGridTrigger", "UtcNow": TIME, "RandGuid": uuid()});
        let envelope = json!({"Data": {"event": event}, "Metadata": {"data": event["data"], "sys": sys}}).to_string();
        let request = format!(
            "POST /EventGridTrigger HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Azure-Functions-Host/4.1037.0.0\r\n\
             X-Azure-Functions-HostVersion: 4.1037.0.0\r\nX-Azure-Functions-InvocationId: {}\r\n\
             Content-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n\r\n{envelope}",
            uuid(),
            envelope.len()
        );
        Self::new(&request)
    }

    fn new(request: &str) -> Self {
        let places = |mark: &str| request.match_indices(mark).map(|(at, _)| at).collect();
        Self {
            numbers: places(NUMBER),
            recipients: places(RECIPIENT),
            times: places(TIME),
            request: request.as_bytes().to_vec(),
        }
    }

    fn filled(&self, number: usize, recipient: usize) -> Vec<u8> {
        let mut request = self.request.clone();
        for (places, text) in [
            (&self.numbers, format!("{number:012}")),
            (&self.recipients, format!("{recipient:012x}")),
            (&self.times, Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)),
        ] {
            for at in places {
                request[*at..at + text.len()].copy_from_slice(text.as_bytes());
            }
        }
        request
    }
}

fn chat() -> Value {
    let (sender, recipient) = (user_id("ffffffffffff"), user_id(RECIPIENT));
    let data = json!({
        "messageBody": format!("{MARK}{NUMBER}: shall we meet for lunch at noon, at the usual place?"),
        "messageId": NUMBER,
        "senderId": sender,
        "senderCommunicationIdentifier": {"rawId": sender, "communicationUser": {"id": sender}},
        "senderDisplayName": "Alice",
        "composeTime": TIME,
        "type": "Text",
        "version": 1_613_694_358_927_u64,
        "recipientId": recipient,
        "recipientCommunicationIdentifier": {"rawId": recipient, "communicationUser": {"id": recipient}},
        "transactionId": "oh+LGB2dUUadMcTAdRWQxQ.1.1.1.1.1827536918.1.7",
        "threadId": "19:6e5d6ca1d75044a49a36a7965ec4a906@thread.v2",
    });
    let subject = format!("thread/19:6e5d6ca1d75044a49a36a7965ec4a906@thread.v2/sender/{sender}/recipient/{recipient}");
    event("ChatMessageReceived", &subject, data)
}

fn call() -> Value {
    let (caller, callee) = (user_id("ffffffffffff"), user_id(RECIPIENT));
    let data = json!({
        "to": {"kind": "communicationUser", "rawId": callee, "communicationUser": {"id": callee}},
        "from": {"kind": "communicationUser", "rawId": caller, "communicationUser": {"id": caller}},
        "serverCallId": "c2VydmVyQ2FsbElk",
        "callerDisplayName": format!("{MARK}{NUMBER}"),
        "incomingCallContext": CALL_CONTEXT,
        "correlationId": uuid(),
    });
    event("IncomingCall", &format!("/caller/{caller}/recipient/{callee}"), data)
}

fn event(short_type: &str, subject: &str, data: Value) -> Value {
    let mut event = json!({
        "id": uuid(),
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/c",
        "subject": subject,
        "eventType": format!("Microsoft.Communication.{short_type}"),
        "eventTime": TIME,
        "dataVersion": "1.0",
        "metadataVersion": "1",
    });
    event["data"] = data;
    event
}

/// A UUID that has the event's number for its last digits.
fn uuid() -> String {
    format!("02272459-badb-4e2e-b538-{NUMBER}")
}
