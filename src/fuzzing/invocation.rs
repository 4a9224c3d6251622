//! The body of an invocation: which events it has, and how each ends for each kind of device. Nothing is sent.

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};

use super::{NOW, assert_one_line, block_on};
use crate::app::Handler;
use crate::client::Client;
use crate::delivery::explanation::Explanation;
use crate::delivery::outcome::{DeliveryResult, Outcome};
use crate::events::{Event, EventGridEvent, EventType, RawEvent};
use crate::functions::invocation::InvocationRequest;
use crate::notifications::device::{AndroidMode, Device, DeviceHandle, Os, Platform};
use crate::notifications::preferences::Preferences;
use crate::settings::Config;
use crate::storage::store::Store;

const HANDLE: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";
const OTHER_HANDLE: &str = "5b1e0c7796d2f3a8841c6e0d9b57f2384c1a96e07d35b8f2e64a0c9d7b1f5e38";

/// More would say nothing new.
const MOST_EVENTS: usize = 4;

/// A client makes no difference between inputs, and is slow to make.
static PARTS: LazyLock<(Config, Client)> = LazyLock::new(|| {
    let hub = "Endpoint=http://127.0.0.1:9/;SharedAccessKeyName=r;SharedAccessKey=a2V5";
    let settings = [
        ("NOTIFICATION_HUB_NAME", "hub"),
        ("NOTIFICATION_HUB_CONNECTION_STRING", hub),
        ("NOTIFICATION_HUB_VOIP_NAME", "voip"),
        ("STORE", "memory"),
    ];
    (Config::from_vars(settings).expect("the settings are right"), Client::without_certificates())
});

/// The body as it is, and in an envelope if it is an event.
pub fn check(data: &[u8]) {
    deliver(data);
    deliver(&[b"{\"Data\":{\"event\":", data, b"},\"Metadata\":{}}"].concat());
}

fn deliver(body: &[u8]) {
    let request = InvocationRequest::parse(body);
    match request.as_ref().map_err(ToString::to_string).and_then(|request| request.events().map_err(|e| e.to_string()))
    {
        Ok(events) => events.into_iter().take(MOST_EVENTS).for_each(deliver_event),
        Err(error) => assert_one_line(&error),
    }
}

fn deliver_event(raw_event: RawEvent<'_>) {
    let envelope = EventGridEvent::parse(raw_event);
    let now = envelope.as_ref().ok().and_then(|envelope| envelope.time).unwrap_or(NOW);
    for of_handle in DEVICES {
        let (result, shown) = explain(raw_event, of_handle(HANDLE), now);
        assert_result(&result, envelope.as_ref().ok());
        shown.lines().for_each(assert_one_line);
        let times = |shown: &str| shown.matches(HANDLE).count();
        if times(&shown) > 0 {
            // The event may hold it, in its id or in a text. Then it is shown whatever the device's handle is.
            let (_, of_other) = explain(raw_event, of_handle(OTHER_HANDLE), now);
            assert_eq!(times(&shown), times(&of_other), "a handle is shown");
        }
    }
}

/// What comes of it for a device, and what `send` and the log tell of that.
fn explain(raw_event: RawEvent<'_>, device: Device, now: DateTime<Utc>) -> (DeliveryResult, String) {
    let (config, client) = &*PARTS;
    let handler = Handler::on(Arc::new(Store::memory()), client.clone(), config);
    let explanation = Explanation::for_device(device);
    let delivered = handler.service.delivery_service.explain(raw_event, &explanation, now);
    let result = block_on(delivered);
    let mut shown = explanation.into_lines();
    shown.push(result.line());
    (result, shown.join("\n"))
}

/// One of the outcomes that are possible where no hub is asked, counts that belong to it, and a line that tells nothing personal.
fn assert_result(result: &DeliveryResult, envelope: Option<&EventGridEvent<'_>>) {
    let counts = (result.devices, result.delivered, result.refused, result.failed);
    match result.outcome {
        Outcome::Delivered => assert_eq!(counts, (1, 1, 0, 0)),
        Outcome::Filtered | Outcome::Ignored | Outcome::Expired | Outcome::NoDevice => assert_eq!(counts, (0, 0, 0, 0)),
        // Not an event, malformed, or too large for a payload.
        Outcome::DeadLettered => assert!([(0, 0, 0, 0), (1, 0, 1, 0)].contains(&counts), "{counts:?}"),
        Outcome::Duplicate | Outcome::Failed => panic!("{:?}: nothing was sent, nothing can fail", result.outcome),
    }
    assert_eq!(result.event.is_some(), envelope.is_some());
    let line = result.line();
    assert_one_line(&line);
    assert!(line.len() < 8192, "a line of {} bytes", line.len());
    let Some(reason) = &result.reason else { return };
    let event_type = envelope.and_then(|envelope| EventType::from_full_name(&envelope.type_name));
    let event = envelope.zip(event_type).and_then(|(envelope, event_type)| Event::read(envelope, event_type).ok());
    let recipient = event.as_ref().and_then(|event| event.recipient.as_ref());
    let is_told =
        recipient.is_some_and(|recipient| recipient.as_str().len() > 8 && reason.contains(recipient.as_str()));
    assert!(!is_told, "the recipient is in the log");
}

/// A device of each kind, with that handle.
const DEVICES: [fn(&'static str) -> Device; 4] = [
    |handle| Device { platform: Platform::Apns, voip_handle: Some(DeviceHandle::new(handle)), ..device(handle) },
    |handle| Device { os: Some(Os::Ios), ..device(handle) },
    |handle| Device { android: Some(AndroidMode::Data), ..device(handle) },
    |handle| Device { android: Some(AndroidMode::Notification), ..device(handle) },
];

fn device(handle: &str) -> Device {
    Device {
        installation_id: "phone".into(),
        app: None,
        platform: Platform::FcmV1,
        os: None,
        locale: None,
        handle: Some(DeviceHandle::new(handle)),
        voip_handle: None,
        content: None,
        preferences: Preferences::default(),
        android: None,
    }
}
