//! The events: chat messages and calls, each with a number that is read back from what the hub gets. A repeat is the same event
//! to its last byte, as Event Grid's is.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::fleet::{Fleet, user_id, user_id_of};

/// Who posts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Front {
    /// The Functions host.
    Functions,
    /// Event Grid itself.
    Webhook,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Message,
    Call,
}

/// Writes the bodies of requests.
#[derive(Debug)]
pub struct Author {
    pub fleet: Fleet,
    pub front: Front,
    /// What a message says.
    text: String,
}

/// The events of one request: those of these numbers, in a row.
#[derive(Debug, Clone, Copy)]
pub struct Events {
    pub kind: Kind,
    pub first: usize,
    pub count: usize,
    pub happened: DateTime<Utc>,
}

/// Stands in front of an event's number.
const MARK: &str = "load-";
const DIGITS: usize = 12;

/// `{"alg":"none"}`, `{"cc":"Y2FsbC1jb250ZXh0"}` and a signature that nobody checks.
const CALL_CONTEXT: &str = "eyJhbGciOiJub25lIn0.eyJjYyI6IlkyRnNiQzFqYjI1MFpYaDAifQ.c2ln";

/// The number of the event that a payload is about.
pub fn number_in(payload: &[u8]) -> Option<usize> {
    let at = payload.windows(MARK.len()).position(|bytes| bytes == MARK.as_bytes())? + MARK.len();
    std::str::from_utf8(payload.get(at..at + DIGITS)?).ok()?.parse().ok()
}

impl Author {
    pub fn new(fleet: Fleet, front: Front, text_kib: usize) -> Self {
        // With what JSON escapes, so that it is kept twice.
        let text = "shall we meet for \"lunch\" at noon? ";
        Self { fleet, front, text: text.repeat((text_kib * 1024).div_ceil(text.len()).max(1)) }
    }

    /// What is posted to say that these events happened.
    pub fn body(&self, events: Events) -> String {
        let list = (0..events.count).map(|index| self.event(events, events.first + index));
        match self.front {
            Front::Webhook => Value::from_iter(list).to_string(),
            Front::Functions => {
                let mut list: Vec<Value> = list.collect();
                let event = if list.len() == 1 { list.remove(0) } else { Value::from(list) };
                let sys = json!({"MethodName": "EventGridTrigger", "UtcNow": time(Utc::now()), "RandGuid": uuid(events.first)});
                json!({"Data": {"event": event}, "Metadata": {"data": event["data"], "sys": sys}}).to_string()
            }
        }
    }

    fn event(&self, events: Events, number: usize) -> Value {
        let (other, user) = (user_id("ffffffffffff"), user_id_of(self.fleet.recipient_of(number)));
        let (short_type, subject, data) = match events.kind {
            Kind::Message => {
                let data = json!({
                    "messageBody": format!("{MARK}{number:0DIGITS$}: {}", self.text),
                    "messageId": number.to_string(),
                    "senderCommunicationIdentifier": {"rawId": other, "communicationUser": {"id": other}},
                    "senderDisplayName": "Alice",
                    "composeTime": time(events.happened),
                    "type": "Text",
                    "version": events.happened.timestamp_millis(),
                    "recipientCommunicationIdentifier": {"rawId": user, "communicationUser": {"id": user}},
                    "threadId": "19:6e5d6ca1d75044a49a36a7965ec4a906@thread.v2",
                });
                ("ChatMessageReceived", format!("thread/19:lunch@thread.v2/sender/{other}/recipient/{user}"), data)
            }
            Kind::Call => {
                let data = json!({
                    "to": {"kind": "communicationUser", "rawId": user, "communicationUser": {"id": user}},
                    "from": {"kind": "communicationUser", "rawId": other, "communicationUser": {"id": other}},
                    "serverCallId": "c2VydmVyQ2FsbElk",
                    "callerDisplayName": format!("{MARK}{number:0DIGITS$}"),
                    "incomingCallContext": CALL_CONTEXT,
                    "correlationId": uuid(number),
                });
                ("IncomingCall", format!("/caller/{other}/recipient/{user}"), data)
            }
        };
        json!({
            "id": uuid(number),
            "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/c",
            "subject": subject,
            "eventType": format!("Microsoft.Communication.{short_type}"),
            "eventTime": time(events.happened),
            "dataVersion": "1.0",
            "metadataVersion": "1",
            "data": data,
        })
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A UUID that has the event's number for its last digits.
fn uuid(number: usize) -> String {
    format!("02272459-badb-4e2e-b538-{number:0DIGITS$}")
}
