//! Incoming calls: VoIP, Android, and the alert that takes their place.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use notification_hubs_emulator::Fault;
use serde_json::json;

use crate::support::*;

const CALL: &str = "d732db64-4803-462d-be9c-518943ea2b7a";

#[tokio::test]
async fn a_call_rings_an_iphone_through_the_voip_hub_with_the_sdks_payload() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    let line = app.deliver(&call("e1", CALL)).await;
    assert_eq!(line["outcome"], "delivered");
    let requests = app.hub.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.path, "/calls/messages");
    let expected = BTreeMap::from([
        ("accept", "*/*"),
        ("user-agent", concat!("acs-push/", env!("CARGO_PKG_VERSION"))),
        ("content-type", "application/json;charset=utf-8"),
        ("servicebusnotification-devicehandle", IPHONE_VOIP),
        ("servicebusnotification-format", "apple"),
        ("apns-push-type", "voip"),
        ("apns-priority", "10"),
        ("apns-expiration", "0"),
    ]);
    assert_eq!(headers(request), expected);
    assert_eq!(
        body(request),
        json!({"aps": {}, "data": {
            "eventId": 107,
            "cp": "Y2FsbC1jb250ZXh0",
            "callId": CALL,
            "recipientId": BOB,
            "callerId": ALICE,
            "displayName": "Alice",
            "videoCall": "false",
        }})
    );
}

#[tokio::test]
async fn a_call_from_a_telephone_reaches_android_as_a_data_message_of_strings() {
    let app = App::start().await;
    app.register_android(BOB).await;
    let mut event = call("e1", CALL);
    event["data"]["from"] =
        json!({"kind": "phoneNumber", "rawId": "4:+15557654321", "phoneNumber": {"value": "+15557654321"}});
    app.deliver(&event).await;
    let mut message = body(&app.hub.accepted()[0])["message"].take();
    let ttl = message["android"]["ttl"].take();
    let seconds: u32 = ttl.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap();
    assert!((25..=30).contains(&seconds), "{ttl}");
    assert_eq!(
        message,
        json!({
            "data": {
                "eventId": "111",
                "cp": "Y2FsbC1jb250ZXh0",
                "callId": CALL,
                "recipientId": BOB,
                "callerId": "4:+15557654321",
                "displayName": "Alice",
                "videoCall": "false",
            },
            "android": {"priority": "HIGH", "ttl": null},
        })
    );
}

#[tokio::test]
async fn a_call_that_the_sdk_could_not_take_is_one_time_sensitive_alert() {
    for (problem, field, value) in [
        ("no UUID", "correlationId", "CallIdGuid"),
        ("a placeholder", "incomingCallContext", "{incoming-call-contextValue}"),
        ("no claim", "incomingCallContext", "a.eyJub3QiOiJjYyJ9.c"),
    ] {
        let app = App::start().await;
        app.register_iphone(BOB).await;
        app.register_android(BOB).await;
        let mut event = call("e1", CALL);
        event["data"][field] = json!(value);
        app.deliver(&event).await;
        let sent = app.hub.accepted();
        assert_eq!(sent.len(), 2, "{problem}");
        for request in sent {
            assert_eq!(request.hub, HUB, "{problem}");
            let body = body(&request);
            if request.format.as_deref() == Some("apple") {
                assert_eq!(request.headers["apns-push-type"], "alert");
                assert_eq!(body["aps"]["interruption-level"], "time-sensitive");
                assert_eq!(body["aps"]["alert"], json!({"title": "Alice", "body": "Incoming call"}));
            } else {
                assert_eq!(body["message"]["notification"], json!({"title": "Alice", "body": "Incoming call"}));
                assert_eq!(body["message"]["android"]["priority"], "HIGH");
            }
        }
    }
}

#[tokio::test]
async fn without_a_voip_handle_or_hub_a_call_is_an_alert() {
    let app = App::start().await;
    app.register("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE})).await;
    app.deliver(&call("e1", CALL)).await;
    assert_eq!(app.hub.accepted()[0].headers["apns-push-type"], "alert");

    let app = App::with(&[("NOTIFICATION_HUB_VOIP_NAME", "")]).await;
    app.register_iphone(BOB).await;
    app.deliver(&call("e1", CALL)).await;
    let sent = app.hub.accepted();
    assert_eq!((sent.len(), sent[0].device_handle.as_deref()), (1, Some(IPHONE)));
}

#[tokio::test]
async fn a_voip_hub_that_is_set_up_wrongly_never_costs_the_call() {
    for status in [401, 403, 404] {
        let app = App::start().await;
        app.register_iphone(BOB).await;
        app.hub.add_fault(Fault::status(status).on_hub(VOIP_HUB).always());
        let line = app.deliver(&call("e1", CALL)).await;
        assert_eq!((&line["outcome"], &line["delivered"]), (&json!("delivered"), &json!(1)), "{status}");
        let sent = app.hub.accepted();
        assert_eq!((sent.len(), sent[0].hub.as_str()), (1, HUB), "{status}");
        assert_eq!(sent[0].headers["apns-push-type"], "alert");
    }
}

#[tokio::test]
async fn a_call_to_a_number_is_ignored_and_an_old_one_expired() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    let mut event = call("e1", CALL);
    event["data"]["to"] =
        json!({"kind": "phoneNumber", "rawId": "4:+15551234567", "phoneNumber": {"value": "+15551234567"}});
    let line = app.deliver(&event).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!("call_to_number")));

    let mut event = call("e2", CALL);
    event["eventTime"] = json!(ago(TimeDelta::seconds(31)));
    assert_eq!(app.deliver(&event).await["outcome"], "expired");
    assert!(app.hub.requests().is_empty());
}

#[tokio::test]
async fn a_call_rings_once_whatever_the_event_is_called() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    assert_eq!(app.deliver(&call("e1", CALL)).await["outcome"], "delivered");
    assert_eq!(app.deliver(&call("e2", CALL)).await["outcome"], "duplicate");
    assert_eq!(app.deliver(&call("e3", "00000000-0000-4000-8000-000000000000")).await["outcome"], "delivered");
    assert_eq!(app.hub.accepted().len(), 2);
}

#[tokio::test]
async fn a_callers_name_is_cut_and_a_call_too_large_for_the_sdk_is_announced() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    let name = "👩‍👩‍👧 \"안녕\" ".repeat(500);
    let mut event = call("e1", CALL);
    event["data"]["callerDisplayName"] = json!(name);
    app.deliver(&event).await;
    for request in app.hub.accepted() {
        assert!(request.body.len() <= 4096 && request.body.len() > 4050, "{}", request.body.len());
        let body = body(&request);
        let shown = body.pointer("/data/displayName").or(body.pointer("/message/data/displayName")).unwrap();
        assert!(name.starts_with(shown.as_str().unwrap().strip_suffix('…').unwrap()));
    }

    // {"cc":"AAA…"}, of which no part can be left out.
    let context = base64_url(&format!(r#"{{"cc":"{}"}}"#, "A".repeat(4096)));
    let mut event = call("e2", "00000000-0000-4000-8000-000000000000");
    event["data"]["incomingCallContext"] = json!(format!("head.{context}.signature"));
    assert_eq!(app.deliver(&event).await["delivered"], 2);
    let sent = app.hub.accepted();
    assert!(sent[2..].iter().all(|request| request.hub == HUB && request.body.contains("Incoming call")), "{sent:#?}");
}

/// As the middle part of a call's context is written.
fn base64_url(text: &str) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = move |place: usize| char::from(alphabet[(bits >> (18 - 6 * place) & 63) as usize]);
        (0..=chunk.len()).map(digit).collect::<String>()
    };
    text.as_bytes().chunks(3).map(digits).collect()
}
