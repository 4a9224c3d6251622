//! What is pushed for every type, on every platform, with every content mode, to the byte; and docs/notifications.md, which
//! shows it.
//!
//! `UPDATE_GOLDENS=1 cargo test --test handler goldens` writes `tests/goldens/` and the generated part of the document anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use notification_hubs_emulator::ReceivedRequest;
use serde_json::{Value, json};

use crate::support::*;

/// Name, platform, system, and how Android gets it.
const FORMS: [(&str, &str, &str, &str); 4] = [
    ("apns", "apns", "ios", "notification"),
    ("fcm_android", "fcmv1", "android", "notification"),
    ("fcm_android_data", "fcmv1", "android", "data"),
    ("fcm_ios", "fcmv1", "ios", "notification"),
];
const MODES: [&str; 3] = ["full", "sender", "hidden"];

/// When the events of the goldens happened, in seconds of Unix time: 2026-01-01.
const EVENT_TIME: i64 = 1_767_225_600;

/// What a device got, by form and content mode.
type Golden = BTreeMap<&'static str, BTreeMap<&'static str, Value>>;

fn identifier(raw_id: &str) -> Value {
    json!({"rawId": raw_id})
}

/// A title, the name of the golden, and the event.
fn events() -> Vec<(&'static str, &'static str, Value)> {
    let subject = format!("thread/19:lunch@thread.v2/by/{ALICE}/recipient/{BOB}");
    let thread = |by: &str, more: Value| {
        let mut data = json!({"threadId": "19:lunch@thread.v2", "recipientCommunicationIdentifier": identifier(BOB)});
        data[by] = identifier(ALICE);
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    let of_thread = |name: &str, data: Value| event(name, name, &subject, data);
    let report = json!({
        "messageId": "sms-2", "from": "15551234567", "to": "+15557654321", "deliveryStatus": "Failed",
        "deliveryStatusDetails": "The carrier refused it.",
    });
    let html = |id: &str, body: &str| {
        let mut event = chat(id, "ChatMessageReceived", id, 1, body);
        event["data"]["type"] = json!("RichText/Html");
        event
    };
    let mention = format!("<msft-mention id=\"{BOB}\" displayText=\"Bob\"></msft-mention> Lunch?");
    let anonymous = |id: &str, correlation_id: &str| {
        let mut event = call(id, correlation_id);
        event["data"]["from"] = json!({"kind": "phoneNumber", "rawId": "4:anonymous"});
        event["data"]["callerDisplayName"] = json!("");
        event
    };
    let participant = json!({"participantCommunicationIdentifier": identifier(BOB)});
    let created = json!({
        "properties": {"topic": "Friday lunch"},
        "participants": [{"displayName": "Alice", "participantCommunicationIdentifier": identifier(ALICE)}],
    });
    vec![
        ("SMSReceived", "SMSReceived", sms("sms-1", "15551234567", "See you at one.")),
        (
            "SMSDeliveryReportReceived, when switched on",
            "SMSDeliveryReportReceived",
            event("report", "SMSDeliveryReportReceived", "/phonenumber/15551234567", report),
        ),
        ("ChatMessageReceived", "ChatMessageReceived", chat("c1", "ChatMessageReceived", "1600000000001", 1, "Lunch?")),
        ("ChatMessageReceived that mentions its reader", "ChatMessageReceived.mention", html("c4", &mention)),
        ("ChatMessageReceived of a picture", "ChatMessageReceived.picture", html("c5", "<img src=\"me.png\">")),
        (
            "ChatMessageEdited",
            "ChatMessageEdited",
            chat("c2", "ChatMessageEdited", "1600000000001", 2, "Lunch at one?"),
        ),
        ("ChatMessageDeleted", "ChatMessageDeleted", chat("c3", "ChatMessageDeleted", "1600000000001", 3, "")),
        (
            "ChatThreadCreatedWithUser",
            "ChatThreadCreatedWithUser",
            of_thread("ChatThreadCreatedWithUser", thread("createdByCommunicationIdentifier", created)),
        ),
        (
            "ChatParticipantAddedToThreadWithUser",
            "ChatParticipantAddedToThreadWithUser",
            of_thread(
                "ChatParticipantAddedToThreadWithUser",
                thread("addedByCommunicationIdentifier", json!({"participantAdded": participant})),
            ),
        ),
        (
            "ChatThreadWithUserDeleted",
            "ChatThreadWithUserDeleted",
            of_thread("ChatThreadWithUserDeleted", thread("deletedByCommunicationIdentifier", json!({}))),
        ),
        (
            "ChatParticipantRemovedFromThreadWithUser",
            "ChatParticipantRemovedFromThreadWithUser",
            of_thread(
                "ChatParticipantRemovedFromThreadWithUser",
                thread("removedByCommunicationIdentifier", json!({"participantRemoved": participant})),
            ),
        ),
        (
            "ChatThreadPropertiesUpdatedPerUser, when switched on",
            "ChatThreadPropertiesUpdatedPerUser",
            of_thread(
                "ChatThreadPropertiesUpdatedPerUser",
                thread("editedByCommunicationIdentifier", json!({"properties": {"topic": "Friday dinner"}})),
            ),
        ),
        ("IncomingCall", "IncomingCall", call("k1", "d732db64-4803-462d-be9c-518943ea2b7a")),
        ("IncomingCall that the SDK could not take", "IncomingCall.alert", call("k2", "no UUID")),
        (
            "IncomingCall without a number",
            "IncomingCall.anonymous",
            anonymous("k3", "ba6dc4c5-47c4-4fbd-9ecd-11e4e31b4d01"),
        ),
        (
            "IncomingCall without a number that the SDK could not take",
            "IncomingCall.anonymous.alert",
            anonymous("k4", "no UUID"),
        ),
    ]
}

/// Two of them, for devices that are to be quiet now and whose apps may change what is shown.
fn events_for_quiet_devices() -> Vec<(&'static str, &'static str, Value)> {
    let mut events = events();
    events.retain_mut(|(title, name, _)| {
        (*title, *name) = match *name {
            "SMSReceived" => ("SMSReceived, snoozed", "SMSReceived.quiet"),
            "ChatMessageReceived" => {
                ("ChatMessageReceived, snoozed, for an app that asks for `mutable`", "ChatMessageReceived.quiet")
            }
            _ => return false,
        };
        true
    });
    events
}

/// Two of them, for the example file of the documentation.
fn events_for_the_example() -> Vec<(&'static str, &'static str, Value)> {
    let mut events = events();
    events.retain_mut(|(title, name, _)| {
        (*title, *name) = match *name {
            "SMSReceived" => ("SMSReceived, with the example file", "SMSReceived.example"),
            "ChatThreadCreatedWithUser" => {
                ("ChatThreadCreatedWithUser, with the example file", "ChatThreadCreatedWithUser.example")
            }
            _ => return false,
        };
        true
    });
    events
}

/// Everything built in, and the two types that are off.
const ALL_ON: &str = "[SMSDeliveryReportReceived]\non = true\n[ChatThreadPropertiesUpdatedPerUser]\non = true";

/// With a channel for what is quiet.
const QUIET_CHANNEL: &str =
    "[SMSReceived]\nandroid_quiet_channel = 'quiet'\n[ChatMessageReceived]\nandroid_quiet_channel = 'quiet'";

/// What every kind of device, registered with `wanted`, gets of these events with this notifications file.
async fn made(
    file: &str,
    wanted: &Value,
    events: Vec<(&'static str, &'static str, Value)>,
) -> Vec<(&'static str, &'static str, Golden)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.toml");
    fs::write(&path, file).unwrap();
    let app = App::with(&[("NOTIFICATIONS_FILE", path.to_str().unwrap())]).await;
    let mut kinds = BTreeMap::new();
    for (form, platform, os, android) in FORMS {
        for mode in MODES {
            let prefix = if platform == "apns" { "" } else { "fcm:" };
            let handle = format!("{prefix}{:064x}", kinds.len());
            let mut phone = json!({
                "userId": BOB, "phoneNumbers": ["15551234567"], "platform": platform, "os": os,
                "pushChannel": handle, "content": mode, "android": android,
            });
            phone.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
            if form == "apns" {
                phone["voipPushChannel"] = json!(format!("{:064x}", 100 + kinds.len()));
                kinds.insert(phone["voipPushChannel"].as_str().unwrap().to_owned(), (form, mode));
            }
            app.register(&handle, phone).await;
            kinds.insert(handle, (form, mode));
        }
    }
    let mut goldens = Vec::new();
    for (title, name, event) in events {
        let before = app.hub.accepted().len();
        let line = app.deliver(&event).await;
        assert_eq!(line["delivered"], 12, "{name}: {line}");
        let lifetime = match name {
            _ if name.starts_with("IncomingCall") => 30,
            "SMSReceived.example" => 30 * 60,
            _ => 24 * 3600,
        };
        let mut golden = Golden::new();
        for request in &app.hub.accepted()[before..] {
            assert!(request.body.len() <= 4096);
            let (form, mode) = kinds[request.device_handle.as_deref().unwrap()];
            golden.entry(form).or_default().insert(mode, at_event_time(request, &event, lifetime));
        }
        goldens.push((title, name, golden));
    }
    goldens
}

/// Headers and body, as if the event had happened at `EVENT_TIME` and been delivered at once.
fn at_event_time(request: &ReceivedRequest, event: &Value, lifetime: i64) -> Value {
    let time = chrono::DateTime::parse_from_rfc3339(event["eventTime"].as_str().unwrap()).unwrap().timestamp();
    let expiration = |value: &str| {
        assert!(value == "0" || value == (time + lifetime).to_string(), "{value}");
        if value == "0" { "0".to_owned() } else { (EVENT_TIME + lifetime).to_string() }
    };
    let mut headers: BTreeMap<_, _> = request.headers.clone();
    headers.retain(|name, _| name.starts_with("apns-"));
    headers.entry("apns-expiration".to_owned()).and_modify(|value| *value = expiration(value));
    let mut body = body(request);
    if let Some(value) = body.pointer_mut("/message/apns/headers/apns-expiration") {
        *value = json!(expiration(value.as_str().unwrap()));
    }
    if let Some(ttl) = body.pointer_mut("/message/android/ttl") {
        let seconds: i64 = ttl.as_str().unwrap().trim_end_matches('s').parse().unwrap();
        assert!((lifetime - 20..=lifetime).contains(&seconds), "{ttl}");
        *ttl = json!(format!("{lifetime}s"));
    }
    for (name, offset) in [("eventTime", 0), ("expirationTime", lifetime)] {
        if let Some(at) = body.pointer_mut(&format!("/message/data/{name}")) {
            let seconds = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp();
            assert_eq!(seconds(at.as_str().unwrap()), time + offset);
            let time = chrono::DateTime::from_timestamp(EVENT_TIME + offset, 0).unwrap();
            *at = json!(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        }
    }
    if headers.is_empty() { json!({"body": body}) } else { json!({"headers": headers, "body": body}) }
}

fn path(of: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(of)
}

/// Compares with the file, or writes it when that was asked for.
#[expect(clippy::disallowed_methods, reason = "a person asks for new goldens by the environment")]
fn compare(file: &Path, made: &str) {
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, made).unwrap();
    }
    let stored = fs::read_to_string(file).unwrap_or_default();
    let how = "UPDATE_GOLDENS=1 cargo test --test handler goldens";
    assert!(
        stored == made,
        "{} is not what the program makes; {how} writes it anew, which made\n{made}",
        file.display()
    );
}

#[tokio::test]
async fn every_type_platform_and_content_mode_is_as_it_was_and_as_it_is_documented() {
    let (nothing, quiet) = (json!({}), json!({"snoozeUntil": "9999-12-31T23:59:59Z", "mutable": true}));
    let mut goldens = made(ALL_ON, &nothing, events()).await;
    goldens.extend(made(QUIET_CHANNEL, &quiet, events_for_quiet_devices()).await);
    let example = include_str!("../../docs/notifications.example.toml");
    goldens.extend(made(example, &nothing, events_for_the_example()).await);
    for (_, name, golden) in &goldens {
        compare(&path("tests/goldens").join(format!("{name}.json")), &(pretty(golden) + "\n"));
    }
    let mut sections = String::new();
    for (title, name, golden) in &goldens {
        sections.push_str(&section(title, name, golden));
    }
    let file = path("docs/notifications.md");
    let document = fs::read_to_string(&file).unwrap();
    const BEGIN: &str = "<!-- Generated from here on: UPDATE_GOLDENS=1 cargo test --test handler goldens -->\n";
    const END: &str = "<!-- Generated up to here. -->";
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    compare(&file, &format!("{before}{BEGIN}\n{sections}{END}{after}"));
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

fn section(title: &str, name: &str, golden: &Golden) -> String {
    let mut section = format!("### {title}\n\n");
    for (form, heading) in [
        ("apns", "APNs"),
        ("fcm_android", "FCM v1 to Android"),
        ("fcm_android_data", "FCM v1 to Android, with `android = \"data\"`"),
        ("fcm_ios", "FCM v1 to iOS"),
    ] {
        let full = &golden[form]["full"];
        if form == "fcm_android_data" && *full == golden["fcm_android"]["full"] {
            continue;
        }
        let headers = full["headers"].as_object().into_iter().flatten();
        let headers: String = headers.map(|(name, value)| format!("{name}: {}\n", value.as_str().unwrap())).collect();
        if headers.is_empty() {
            section.push_str(&format!("{heading}:\n\n"));
        } else {
            section.push_str(&format!("{heading}:\n\n```http\n{headers}```\n\n"));
        }
        section.push_str(&format!("```json\n{}\n```\n\n", pretty(&full["body"])));
    }
    let hidden = &golden["apns"]["hidden"]["body"];
    if *hidden != golden["apns"]["full"]["body"] {
        section.push_str(&format!("APNs, when the content is `hidden`:\n\n```json\n{}\n```\n\n", pretty(hidden)));
    }
    section.push_str(&format!("All modes: [tests/goldens/{name}.json](../tests/goldens/{name}.json).\n\n"));
    section
}

/// Apple's rules of headers and payload for each push type.
/// <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>
fn assert_apples_rules(headers: &Value, payload: &Value, op: &Value, case: &str) {
    let header = |name: &str| headers[name].as_str().unwrap_or_default();
    let aps = payload["aps"].as_object().unwrap_or_else(|| panic!("{case}: no aps"));
    assert!(header("apns-expiration").parse::<u32>().is_ok(), "{case}");
    assert!(header("apns-collapse-id").len() <= 64, "{case}");
    let is_now_or_never = header("apns-expiration") == "0";
    match header("apns-push-type") {
        "alert" => {
            // APNs keeps one push for a phone that is off: an edit is not worth the place.
            assert_eq!(is_now_or_never, op == "edit", "{case}");
            assert!(matches!(header("apns-priority"), "5" | "10"), "{case}");
            let title = aps["alert"].get("title").or(aps["alert"].get("title-loc-key"));
            assert!(title.is_some_and(|title| title != ""), "{case}");
            assert!(!aps.contains_key("content-available"), "{case}");
        }
        "background" => {
            assert!(is_now_or_never, "{case}");
            assert_eq!(header("apns-priority"), "5", "{case}");
            assert_eq!(aps.iter().collect::<Vec<_>>(), [(&"content-available".to_owned(), &json!(1))], "{case}");
        }
        "voip" => {
            assert_eq!((header("apns-priority"), header("apns-expiration")), ("10", "0"), "{case}");
            assert!(aps.is_empty() && headers.get("apns-collapse-id").is_none(), "{case}");
        }
        other => panic!("{case}: {other}"),
    }
    let levels = ["passive", "active", "time-sensitive"];
    assert!(aps.get("interruption-level").is_none_or(|level| levels.contains(&level.as_str().unwrap())), "{case}");
}

/// The channel is the notification's only, a data message has none, and all of `data` are strings.
fn assert_androids_rules(form: &str, push: &Value, case: &str) {
    let message = &push["body"]["message"];
    assert!(message["apns"].is_null() && push.get("headers").is_none(), "{case}");
    let has_notification = message.get("notification").or(message["android"].get("notification")).is_some();
    assert!(form == "fcm_android" || !has_notification, "{case}");
    assert!(message["data"].as_object().unwrap().values().all(Value::is_string), "{case}");
    assert!(message["android"].get("channel_id").or(message["data"].get("channel_id")).is_none(), "{case}");
    let shows =
        (form == "fcm_android_data" && message["data"]["op"] == "show") || message["data"].get("callId").is_some();
    assert!(!shows || message["android"]["priority"] == "HIGH", "{case}");
}

#[test]
fn each_golden_obeys_apples_rules_and_tells_no_more_than_its_mode() {
    let mut push_types = BTreeMap::new();
    for entry in fs::read_dir(path("tests/goldens")).unwrap() {
        let file = entry.unwrap().path();
        let golden: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for (form, modes) in golden.as_object().unwrap() {
            for (mode, push) in modes.as_object().unwrap() {
                let case = format!("{} {form} {mode}", file.display());
                let apns = &push["body"]["message"]["apns"];
                match form.as_str() {
                    "apns" => {
                        assert_apples_rules(&push["headers"], &push["body"], &push["body"]["acs"]["op"], &case);
                    }
                    "fcm_ios" => {
                        let op = &push["body"]["message"]["data"]["op"];
                        assert_apples_rules(&apns["headers"], &apns["payload"], op, &case);
                    }
                    _ => assert_androids_rules(form, push, &case),
                }
                *push_types.entry(push["headers"]["apns-push-type"].to_string()).or_insert(0) += 1;
                let text = push.to_string();
                let names = ["Alice\"", "+1555", ":1555", "senderId"];
                let words = ["Lunch", "Friday", "See you", "carrier"];
                assert!(mode != "hidden" || !names.iter().any(|name| text.contains(name)), "{case}");
                assert!(mode == "full" || !words.iter().any(|word| text.contains(word)), "{case}");
            }
        }
    }
    assert_eq!(push_types.len(), 4, "alert, background, voip, and none for FCM: {push_types:?}");
}
