//! What happens to people: SMS, chat messages with their edits and deletions, calls. Each event's number is read back
//! from the payload that a device gets.

use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use fastrand::Rng;
use serde_json::{Value, json};

use super::canaries::Canaries;
use super::people::{Address, RESIDENTS, number, user_id};
use super::since;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sms,
    /// A chat message.
    Received,
    Edited,
    Deleted,
    Call,
}

/// What is known of an event whose number is its place among all of them.
#[derive(Debug)]
pub struct Fact {
    pub kind: Kind,
    pub address: Address,
    /// The chat message's number, and the version that this event brings.
    pub message: Option<(usize, i64)>,
    /// When it happened, in milliseconds since the start of the run.
    pub at: u64,
}

/// An event that is to be delivered.
#[derive(Debug)]
pub struct Written {
    pub number: usize,
    pub kind: Kind,
    pub json: Value,
}

/// Invents events.
#[derive(Debug)]
pub struct Author {
    pub facts: Vec<Fact>,
    rng: Rng,
    messages: usize,
    changes: Vec<Change>,
}

/// What will become of a chat message.
#[derive(Debug, Clone)]
struct Change {
    due: u64,
    kind: Kind,
    message: usize,
    version: i64,
    user: usize,
    composed: String,
}

const LARGEST_BATCH: usize = 20;

/// `{"alg":"none"}`, `{"cc":"Y2FsbC1jb250ZXh0"}` and a signature that nobody checks.
const CALL_CONTEXT: &str = "eyJhbGciOiJub25lIn0.eyJjYyI6IlkyRnNiQzFqYjI1MFpYaDAifQ.c2ln";
const CALL_CLAIM: &str = "Y2FsbC1jb250ZXh0";
const SERVER_CALL: &str = "c2VydmVyQ2FsbElk";
const NAME: &str = "Robin Canary";
const THREAD: &str = "19:lunch@thread.v2";
const SENDER: &str = "15557654321";

/// What all messages say, before the event's number.
const SONG: &str = "a canary sings of e";

/// So many texts are looked for whole. What they have in common is looked for in all of them.
const TEXTS_PLANTED: usize = 500;

/// What of events may be in nothing that is written.
pub fn plant(canaries: &mut Canaries) {
    [CALL_CONTEXT, CALL_CLAIM, SERVER_CALL, NAME, THREAD, SENDER, SONG].iter().for_each(|value| canaries.plant(value));
    (0..TEXTS_PLANTED).for_each(|number| canaries.plant(&text(number)));
}

fn text(event: usize) -> String {
    format!("{SONG}{event}")
}

/// The number of the event with this text.
pub fn number_in(text: &str) -> Option<usize> {
    text.strip_prefix(SONG)?.parse().ok()
}

impl Author {
    pub fn new(rng: Rng) -> Self {
        Self { facts: Vec::new(), rng, messages: 0, changes: Vec::new() }
    }

    /// What happens next, as one delivery.
    pub fn batch(&mut self, started: Instant, most: usize) -> Vec<Written> {
        let size = self.rng.usize(1..=LARGEST_BATCH).min(most);
        let now = since(started);
        (0..size).map(|_| self.event(now)).collect()
    }

    /// A message to each user, of which nothing more will become.
    pub fn census(&mut self, started: Instant) -> Vec<Written> {
        let now = since(started);
        let first_version = |user| {
            let first = self.first_version(user, now);
            self.chat(&first, now)
        };
        (0..RESIDENTS).map(first_version).collect()
    }

    fn event(&mut self, now: u64) -> Written {
        let user = self.rng.usize(..RESIDENTS);
        match self.rng.u8(..100) {
            0..10 => self.call(user, now),
            10..50 => self.sms(user, now),
            _ => match self.changes.iter().position(|change| change.due <= now) {
                Some(due) => {
                    let change = self.changes.remove(due);
                    self.chat(&change, now)
                }
                None => self.message(user, now),
            },
        }
    }

    fn call(&mut self, user: usize, now: u64) -> Written {
        let correlation_id = format!("00000000-0000-4000-8000-{:012x}", self.facts.len());
        let (caller, callee) = (user_id(RESIDENTS), user_id(user));
        let data = json!({
            "to": {"kind": "communicationUser", "rawId": callee, "communicationUser": {"id": callee}},
            "from": {"kind": "communicationUser", "rawId": caller, "communicationUser": {"id": caller}},
            "serverCallId": SERVER_CALL,
            "callerDisplayName": NAME,
            "incomingCallContext": CALL_CONTEXT,
            "correlationId": correlation_id,
        });
        let subject = format!("/caller/{caller}/recipient/{callee}");
        self.written(Kind::Call, Address::User(user), None, now, &subject, data)
    }

    fn sms(&mut self, user: usize, now: u64) -> Written {
        let to = number(user);
        let data = json!({"messageId": self.next(), "from": SENDER, "to": to, "message": text(self.facts.len())});
        self.written(Kind::Sms, Address::Number(user), None, now, &format!("/phonenumber/{to}"), data)
    }

    /// A new chat message, of which some will be edited, some deleted, some both.
    fn message(&mut self, user: usize, now: u64) -> Written {
        let first = self.first_version(user, now);
        let mut due = now;
        for (kind, percent, version) in [(Kind::Edited, 30, 2), (Kind::Edited, 10, 3), (Kind::Deleted, 15, 4)] {
            due += self.rng.u64(300..8000);
            if self.rng.u8(..100) < percent {
                self.changes.push(Change { due, kind, version, ..first.clone() });
            }
        }
        self.chat(&first, now)
    }

    fn first_version(&mut self, user: usize, now: u64) -> Change {
        let message = self.messages;
        self.messages += 1;
        Change { due: now, kind: Kind::Received, message, version: 1, user, composed: rfc3339() }
    }

    fn chat(&mut self, change: &Change, now: u64) -> Written {
        let (sender, recipient) = (user_id(RESIDENTS), user_id(change.user));
        let mut data = json!({
            "messageId": format!("m{}", change.message),
            "threadId": THREAD,
            "messageBody": text(self.facts.len()),
            "senderCommunicationIdentifier": {"rawId": sender, "communicationUser": {"id": sender}},
            "senderDisplayName": NAME,
            "recipientCommunicationIdentifier": {"rawId": recipient, "communicationUser": {"id": recipient}},
            "composeTime": change.composed,
            "type": "Text",
            "version": change.version,
        });
        if change.kind == Kind::Deleted {
            data["messageBody"] = Value::Null;
            data["deleteTime"] = json!(rfc3339());
        }
        let subject = format!("thread/{THREAD}/sender/{sender}/recipient/{recipient}");
        let message = Some((change.message, change.version));
        self.written(change.kind, Address::User(change.user), message, now, &subject, data)
    }

    /// The next event's id.
    fn next(&self) -> String {
        format!("e{}", self.facts.len())
    }

    fn written(
        &mut self,
        kind: Kind,
        address: Address,
        message: Option<(usize, i64)>,
        at: u64,
        subject: &str,
        data: Value,
    ) -> Written {
        let type_name = match kind {
            Kind::Sms => "SMSReceived",
            Kind::Received => "ChatMessageReceived",
            Kind::Edited => "ChatMessageEdited",
            Kind::Deleted => "ChatMessageDeleted",
            Kind::Call => "IncomingCall",
        };
        let mut json = json!({
            "id": self.next(),
            "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/c",
            "subject": subject,
            "eventType": format!("Microsoft.Communication.{type_name}"),
            "eventTime": rfc3339(),
            "dataVersion": "1.0",
            "metadataVersion": "1",
        });
        json["data"] = data;
        let number = self.facts.len();
        self.facts.push(Fact { kind, address, message, at });
        Written { number, kind, json }
    }
}

fn rfc3339() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}
