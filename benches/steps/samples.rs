//! Invocations as the Functions host posts them, made of the sample events of the tests.

use serde_json::{Value, json};

/// An invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// A chat message, with a recipient in its data.
    Chat,
    /// The same with none, so that the subject has to say.
    ChatForSubject,
    /// The same with a text of 28 KB, the most that ACS takes.
    LongChat,
    Sms,
    Call,
    /// A hundred chat messages in one array, a string as the host hands it over.
    Batch,
}

const CHAT: &str = include_str!("../../tests/events/current/ChatMessageReceived.json");
const SMS: &str = include_str!("../../tests/events/current/SMSReceived.json");
const CALL: &str = include_str!("../../tests/events/current/constructed/IncomingCall.jwt-context.json");

const BATCH: usize = 100;
const LONG_TEXT: usize = 28_000;

impl Sample {
    /// What the host posts.
    pub fn invocation(self) -> Vec<u8> {
        let mut event = first(match self {
            Self::Sms => SMS,
            Self::Call => CALL,
            Self::Chat | Self::ChatForSubject | Self::LongChat | Self::Batch => CHAT,
        });
        match self {
            Self::Chat | Self::Sms | Self::Call => {}
            Self::ChatForSubject => {
                let recipient = event["data"]["recipientId"].take();
                event["data"]["recipientCommunicationIdentifier"].take();
                let recipient = recipient.as_str().expect("the sample has one");
                event["subject"] = json!(format!("thread/19:t@thread.v2/sender/8:acs:s/recipient/{recipient}"));
            }
            Self::LongChat => {
                let text = "Each word of it counts: 한국어, \"quoted\", 👍🏽. ";
                event["data"]["messageBody"] = json!(text.repeat(LONG_TEXT / text.len()));
            }
            Self::Batch => {
                let data = json!(vec![&event["data"]; BATCH]).to_string();
                return envelope(&json!(json!(vec![&event; BATCH]).to_string()), &json!(data));
            }
        }
        envelope(&event, &event["data"])
    }
}

fn first(file: &str) -> Value {
    let mut events: Vec<Value> = serde_json::from_str(file).expect("the samples are arrays of events");
    events.swap_remove(0)
}

/// The host's envelope, which has the data of an event twice.
fn envelope(event: &Value, data: &Value) -> Vec<u8> {
    let sys = json!({
        "MethodName": "EventGridTrigger",
        "UtcNow": "2026-11-22T10:40:45.0042750Z",
        "RandGuid": "35e6e68c-5583-436c-a277-5aec2b416ba8",
    });
    json!({"Data": {"event": event}, "Metadata": {"data": data, "sys": sys}}).to_string().into_bytes()
}
