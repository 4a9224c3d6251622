//! Incoming calls: VoIP, Android, and the alert that takes their place.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use notification_hubs_emulator::{Emulator, Fault, Options};
use serde_json::{Value, json};

use crate::support::*;

const CALL: &str = "d732db64-4803-462d-be9c-518943ea2b7a";

/// The code that the reason of a line begins with.
fn code(line: &Value) -> &str {
    line["reason"].as_str().unwrap_or_default().split(':').next().unwrap()
}

#[tokio::test]
async fn a_call_rings_an_iphone_through_the_voip_hub_with_the_sdks_payload() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    let line = app.deliver(&call("e1", CALL)).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("delivered"), &Value::Null));
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
    for (problem, field, value, expected) in [
        ("no UUID", "correlationId", json!("CallIdGuid"), "no_uuid"),
        ("a placeholder", "incomingCallContext", json!("{incoming-call-contextValue}"), "context_unreadable"),
        ("no claim", "incomingCallContext", json!("a.eyJub3QiOiJjYyJ9.c"), "context_unreadable"),
        ("no caller", "from", json!({"kind": "unknown"}), "no_raw_id"),
        ("nobody at all", "from", Value::Null, "no_raw_id"),
    ] {
        let app = App::start().await;
        app.register_iphone(BOB).await;
        app.register_android(BOB).await;
        let mut event = call("e1", CALL);
        event["data"][field] = value;
        assert_eq!(code(&app.deliver(&event).await), expected, "{problem}");
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
async fn without_a_voip_handle_or_hub_and_through_fcm_an_iphone_gets_an_alert_and_the_line_says_why() {
    let iphone = json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP});
    let with = |member: &str, value: Value| {
        let mut phone = iphone.clone();
        phone[member] = value;
        phone
    };
    let fcm = json!({"userId": BOB, "platform": "fcmv1", "os": "ios", "pushChannel": ANDROID});
    for (phone, voip_hub, expected) in [
        (with("voipPushChannel", Value::Null), VOIP_HUB, "no_voip_handle"),
        (iphone.clone(), "", "no_voip_hub"),
        (with("app", json!("sandbox")), VOIP_HUB, "no_voip_hub"),
        (fcm, VOIP_HUB, "fcm_token_on_ios"),
    ] {
        let settings = [("NOTIFICATION_HUB_VOIP_NAME", voip_hub), ("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB)];
        let app = App::with(&settings).await;
        app.register("iphone", phone.clone()).await;
        let line = app.deliver(&call("e1", CALL)).await;
        assert_eq!((&line["outcome"], code(&line)), (&json!("delivered"), expected));
        let sent = app.hub.accepted();
        assert_eq!((sent.len(), sent[0].device_handle.as_deref()), (1, phone["pushChannel"].as_str()), "{expected}");
        assert!(sent[0].body.contains("\"interruption-level\":\"time-sensitive\""), "{expected}: {}", sent[0].body);
    }
}

#[tokio::test]
async fn each_cause_is_in_the_reason_once_however_many_devices_have_it() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    for number in 1..=2 {
        let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": format!("{number:064x}")});
        app.register(&format!("ipad-{number}"), phone).await;
    }
    app.hub.add_fault(Fault::status(404).on_hub(VOIP_HUB).always());
    let line = app.deliver(&call("e1", CALL)).await;
    let reason = line["reason"].as_str().unwrap();
    let causes: Vec<&str> = reason.split("; ").filter(|cause| cause.contains("an alert is sent instead")).collect();
    let [no_handle, refused] = causes.as_slice() else { panic!("{reason}") };
    assert!(no_handle.starts_with("no_voip_handle: ") && refused.starts_with("voip_hub_refused: "), "{reason}");
    assert!(refused.contains("hub 404"), "{reason}");

    app.hub.add_fault(Fault::status(400).on_device(IPHONE));
    let line = app.deliver(&call("e2", CALL)).await;
    assert_eq!((&line["outcome"], &line["refused"]), (&json!("delivered"), &json!(1)), "{line}");
    app.hub.add_fault(Fault::status(404).on_hub(HUB).always());
    let failed = app.invoke(&call("e3", CALL)).await;
    assert!(
        failed.status == 500 && failed.text.contains("hub 404: check the hub's name (hub alerts); no_voip_handle: "),
        "{failed:?}"
    );
}

#[tokio::test]
async fn each_hub_is_opened_by_its_own_key_and_a_wrong_one_costs_the_ringing_only_until_it_is_right() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    // What the hubs took, as one line.
    let taken = |app: &App| {
        let each =
            app.hub.accepted().into_iter().map(|sent| format!("{} {}", sent.hub, sent.headers["apns-push-type"]));
        each.collect::<Vec<_>>().join(", ")
    };
    app.deliver(&call("e1", CALL)).await;
    assert_eq!(taken(&app), "calls voip");

    // As if the setting held a wrong key.
    app.hub.set_keys("calls/Send", "another key", "and another");
    let line = app.deliver(&call("e2", CALL)).await;
    assert_eq!((&line["outcome"], code(&line)), (&json!("delivered"), "voip_hub_refused"));
    assert!(line["reason"].as_str().unwrap().contains("hub 401: check the key name and key"), "{line}");
    assert_eq!(taken(&app), "calls voip, alerts alert");
    assert_eq!(body(&app.hub.accepted()[1])["aps"]["interruption-level"], "time-sensitive");

    app.hub.set_keys("calls/Send", "key-of-calls", "second-key-of-calls");
    assert_eq!(app.deliver(&call("e3", CALL)).await["reason"], Value::Null);
    assert_eq!(taken(&app), "calls voip, alerts alert, calls voip");
}

#[tokio::test]
async fn the_voip_hubs_keys_are_the_apps_unless_it_has_its_own_and_a_second_one_serves_when_the_first_is_refused() {
    for (own, secondary, expected) in [
        ("right", "", ""),
        // The key of the hub for alerts is of no use here.
        ("", "", "voip_hub_refused"),
        ("wrong", "right", ""),
        ("", "right", ""),
        ("right", "wrong", ""),
        ("wrong", "", "voip_hub_refused"),
    ] {
        let hub = emulator().await;
        let right = hub.connection_string_of(VOIP_HUB).unwrap();
        let value = |which| match which {
            "right" => right.clone(),
            "wrong" => format!("{right}-no-more"),
            _ => String::new(),
        };
        let settings = [
            ("NOTIFICATION_HUB_VOIP_CONNECTION_STRING", &*value(own)),
            ("NOTIFICATION_HUB_VOIP_SECONDARY_CONNECTION_STRING", &*value(secondary)),
        ];
        let app = App::beside(hub, &settings).await;
        app.register_iphone(BOB).await;
        assert_eq!(code(&app.deliver(&call("e1", CALL)).await), expected, "first {own:?}, second {secondary:?}");
    }
}

#[tokio::test]
async fn a_second_apps_voip_hub_has_a_key_of_its_own_too() {
    let hub = emulator().await;
    let voip = hub.connection_string_of(VOIP_HUB).unwrap();
    let settings = [
        ("NOTIFICATION_HUB_VOIP_NAME", ""),
        ("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB),
        ("NOTIFICATION_HUB_SANDBOX_VOIP_NAME", VOIP_HUB),
        ("NOTIFICATION_HUB_SANDBOX_VOIP_CONNECTION_STRING", &voip),
    ];
    let app = App::beside(hub, &settings).await;
    let phone = json!({
        "userId": BOB, "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP, "app": "sandbox",
    });
    app.register("iphone", phone).await;
    assert_eq!(app.deliver(&call("e1", CALL)).await["reason"], Value::Null);
    assert_eq!(app.hub.accepted()[0].hub, VOIP_HUB);
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
async fn an_event_rings_once_and_another_event_of_the_same_call_rings_again() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    let (invited, mut invited_again) = (call("e1", CALL), call("e2", CALL));
    // As after a decline, when the callee is added once more.
    invited_again["eventTime"] = json!(ago(TimeDelta::seconds(-3)));
    for (event, outcome) in
        [(&invited, "delivered"), (&invited, "duplicate"), (&invited_again, "delivered"), (&invited_again, "duplicate")]
    {
        assert_eq!(app.deliver(event).await["outcome"], outcome, "{}", event["id"]);
    }
    let calls: Vec<Value> = app.hub.accepted().iter().map(|sent| body(sent)["data"]["callId"].clone()).collect();
    assert_eq!(calls, [CALL, CALL], "for the SDK both are one call");
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
    let line = app.deliver(&event).await;
    assert_eq!((&line["delivered"], code(&line)), (&json!(2), "call_too_large"));
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

#[tokio::test]
async fn the_app_folders_settings_ring_a_phone_on_an_emulator_without_options() {
    let hub = Emulator::start(Options::default()).await.unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let settings: Value = serde_json::from_str(&read("local.settings.json")).unwrap();
    let settings = settings["Values"].as_object().unwrap().iter().filter(|(name, _)| name.starts_with("NOTIFICATION_"));
    // The port is the only thing that differs here.
    let here = |value: &str| value.replace("http://127.0.0.1:7090", &hub.url());
    let mut settings: Vec<_> = settings.map(|(name, value)| (name.clone(), here(value.as_str().unwrap()))).collect();
    assert!(settings.iter().all(|(_, value)| !value.contains("DefaultFull")), "{settings:?}");
    settings.push(("AZURE_FUNCTIONS_ENVIRONMENT".to_owned(), "Development".to_owned()));
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let app = App::beside(hub, &settings).await;
    // The sample of README.md.
    let events: Value =
        serde_json::from_str(&read("tests/events/current/constructed/IncomingCall.jwt-context.json")).unwrap();
    app.register_iphone(events[0]["data"]["to"]["rawId"].as_str().unwrap()).await;
    let line = app.deliver(&events).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("delivered"), &Value::Null));
    let sent = app.hub.accepted();
    assert_eq!((sent.len(), sent[0].hub.as_str(), &*sent[0].headers["apns-push-type"]), (1, "acs-push-voip", "voip"));
}

/// A call from a telephone that keeps its number to itself.
fn anonymous(id: &str, name: &str) -> Value {
    let mut event = call(id, CALL);
    event["data"]["from"] =
        json!({"kind": "phoneNumber", "rawId": "4:anonymous", "phoneNumber": {"value": "anonymous"}});
    event["data"]["callerDisplayName"] = json!(name);
    event
}

#[tokio::test]
async fn who_keeps_the_number_to_themselves_is_an_unknown_caller_in_the_readers_language() {
    for (locale, name, shown, alert) in [
        ("en", "", "Unknown caller", "Incoming call"),
        ("fr", "", "Appelant inconnu", "Appel entrant"),
        ("ko-KR", "", "알 수 없는 발신자", "수신 전화"),
        ("zh-CN", "", "未知来电者", "来电"),
        ("zh-TW", "anonymous", "未知來電者", "來電"),
        ("en", "Reception", "Reception", "Incoming call"),
    ] {
        let app = App::start().await;
        let phone = json!({
            "userId": BOB, "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP, "locale": locale,
        });
        app.register("iphone", phone.clone()).await;
        assert_eq!(app.deliver(&anonymous("e1", name)).await["reason"], Value::Null);
        let data = body(&app.hub.accepted()[0])["data"].take();
        assert_eq!((&data["displayName"], &data["callerId"]), (&json!(shown), &json!("4:anonymous")), "{locale}");

        let mut without_voip = phone.clone();
        without_voip["voipPushChannel"] = Value::Null;
        app.register("iphone", without_voip).await;
        app.deliver(&anonymous("e2", name)).await;
        let aps = body(&app.hub.accepted()[1])["aps"].take();
        assert_eq!(aps["alert"], json!({"title": shown, "body": alert}), "{locale}");

        let mut hidden = phone;
        hidden["content"] = json!("hidden");
        app.register("iphone", hidden).await;
        app.deliver(&anonymous("e3", name)).await;
        assert_eq!(body(&app.hub.accepted()[2])["data"]["displayName"], "", "{locale}");
    }
}
