//! The body of an invocation: which events it has, and how each ends for each kind of device. Nothing is sent.

use std::sync::{Arc, LazyLock};

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
    for device in devices() {
        let (config, client) = &*PARTS;
        let handler = Handler::on(Arc::new(Store::memory()), client.clone(), config);
        let explanation = Explanation::for_device(device);
        let delivered = handler.service.delivery_service.explain(raw_event, &explanation, now);
        let result = block_on(delivered);
        assert_result(&result, envelope.as_ref().ok());
        explanation.into_lines().iter().flat_map(|lines| lines.lines()).for_each(|line| {
            assert_one_line(line);
            assert!(!line.contains(HANDLE), "a handle is shown");
        });
    }
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
    // Its id and type stand there whatever they are.
    let is_named = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(HANDLE));
    let is_told = is_named(&result.event) || is_named(&result.type_name);
    assert!(is_told || !line.contains(HANDLE), "a handle is in the log");
    let Some(reason) = &result.reason else { return };
    let event_type = envelope.and_then(|envelope| EventType::from_full_name(&envelope.type_name));
    let event = envelope.zip(event_type).and_then(|(envelope, event_type)| Event::read(envelope, event_type).ok());
    let recipient = event.as_ref().and_then(|event| event.recipient.as_ref());
    let is_told =
        recipient.is_some_and(|recipient| recipient.as_str().len() > 8 && reason.contains(recipient.as_str()));
    assert!(!is_told, "the recipient is in the log");
}

fn devices() -> [Device; 4] {
    let device = Device {
        installation_id: "phone".into(),
        app: None,
        platform: Platform::FcmV1,
        os: None,
        locale: None,
        handle: Some(DeviceHandle::new(HANDLE.to_owned())),
        voip_handle: None,
        content: None,
        preferences: Preferences::default(),
        android: None,
    };
    let handle = device.handle.clone();
    [
        Device { platform: Platform::Apns, voip_handle: handle, ..device.clone() },
        Device { os: Some(Os::Ios), ..device.clone() },
        Device { android: Some(AndroidMode::Data), ..device.clone() },
        Device { android: Some(AndroidMode::Notification), ..device },
    ]
}
