//! Single steps of a delivery, for `benches/` and `examples/maintenance/` to measure. Compiled with the feature `benches` only, so in no program.
//!
//! Each function calls one step of the program. No logic belongs here.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::events::EventType;
use crate::events::recipient::{Recipient, UserId};
pub use crate::events::{Event, EventGridEvent};
use crate::functions::invocation::InvocationRequest;
use crate::notifications::Audience;
pub use crate::notifications::device::AndroidMode;
use crate::notifications::device::{ContentMode, DeviceHandle};
pub use crate::notifications::{Notification, Texts};
use crate::push::hub::connection_string::ConnectionString;
use crate::push::hub::credentials::HubCredentials;
use crate::push::payload::Payload;
pub use crate::push::payload::PayloadFormat;
use crate::storage::installations;

/// Texts as they are without a notifications file.
pub fn texts() -> Texts {
    Texts::new(None).expect("the built-in texts have no mistakes")
}

/// Reads an invocation, and hands on each of its events, the data still unread.
pub fn each_event(body: &[u8], mut take: impl FnMut(&EventGridEvent<'_>)) {
    let request = InvocationRequest::parse(body).expect("the samples are invocations");
    for raw_event in request.events().expect("the samples are no larger than a batch") {
        take(&EventGridEvent::parse(raw_event).expect("the samples hold events"));
    }
}

/// Reads the data of an event, and with it whom the event is for.
pub fn read<'a>(envelope: &EventGridEvent<'a>) -> Event<'a> {
    let event_type = EventType::from_full_name(&envelope.type_name).expect("a push comes of every sample");
    Event::read(envelope, event_type).expect("the samples are well formed")
}

/// The key under which the store has the devices of whom the event is for.
pub fn recipient_key(event: &Event<'_>) -> String {
    installations::recipient_key(event.recipient.as_ref().expect("every sample is for somebody"))
}

/// The keys of an installation's documents: its own, its handle's and its user's.
pub fn installation_keys(id: &str, handle: &str, user_id: &str) -> [String; 3] {
    let (handle, user) = (DeviceHandle::new(handle.to_owned()), Recipient::User(UserId::new(user_id.to_owned())));
    [installations::installation_key(id), installations::handle_key(&handle), installations::recipient_key(&user)]
}

/// What everybody without a language of their own gets of an event.
pub fn notification<'a>(event: &'a Event<'a>, texts: &'a Texts, now: DateTime<Utc>) -> Notification<'a> {
    let audience = Audience { mode: ContentMode::Full, language: texts.language(None), quiet: false, mutable: false };
    Notification::new(event, texts, audience, now)
}

/// The payload for a kind of device.
pub fn payload(notification: &Notification<'_>, format: PayloadFormat) -> Payload {
    Payload::new(notification, format).expect("whatever is too large is cut")
}

/// The payload of a call for an iPhone.
pub fn voip_payload(notification: &Notification<'_>) -> Payload {
    Payload::call(notification, PayloadFormat::Apns).expect("the call is complete")
}

/// Signs for a hub.
#[derive(Debug)]
pub struct Signer(HubCredentials);

impl Signer {
    /// For a hub in a namespace of the usual length.
    pub fn new() -> Self {
        let text = "Endpoint=sb://contoso-messaging.servicebus.windows.net/;\
                    SharedAccessKeyName=DefaultFullSharedAccessSignature;\
                    SharedAccessKey=c2VjcmV0LXRlc3Qta2V5LWZvci1uaC12ZWN0b3ItMDE=";
        let connection_string = ConnectionString::parse(text).expect("it has all that it needs");
        Self(HubCredentials::new("contoso-hub", &[connection_string]))
    }

    /// The authorization, out of the cache after the first time.
    pub fn authorization(&self, now: DateTime<Utc>) -> impl Debug + use<> {
        self.0.key(0).authorization(Instant::now(), || now)
    }

    /// The authorization signed anew, as after a refusal of the one in the cache.
    pub fn authorization_anew(&self, now: DateTime<Utc>) -> impl Debug + use<> {
        let key = self.0.key(0);
        let authorization = || key.authorization(Instant::now(), || now);
        key.renew(&authorization(), None, now);
        authorization()
    }
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}
