//! What a push platform would refuse: 400 in the strict mode, 201 and a warning in the faithful mode.

use notification_hubs_emulator::{Emulator, HubOptions, Mode};

use crate::client::{Send, apple, fcm, start, start_hub};

/// Sends to a strict and to a faithful emulator: the strict one must refuse with the problem, the other one warn of it.
async fn is_a_problem(hub: HubOptions, change: impl Fn(Send, &Emulator) -> Send, wanted: &str) {
    let strict = start_hub(hub.clone(), Mode::Strict).await;
    let (status, detail) = change(apple(&strict), &strict).refusal().await;
    assert!(status == 400 && detail.contains(wanted), "{wanted}: {status} {detail}");
    assert_eq!(strict.requests()[0].reason.as_ref(), Some(&detail));
    assert!(strict.accepted().is_empty());

    let faithful = start_hub(hub, Mode::Faithful).await;
    assert_eq!(change(apple(&faithful), &faithful).status().await, 201, "{wanted}");
    let request = &faithful.accepted()[0];
    assert!(request.warnings.join("; ").contains(wanted), "{:?}", request.warnings);
    assert_eq!(request.reason, None);
}

async fn apns_body_is_a_problem(body: &str, wanted: &str) {
    is_a_problem(HubOptions::new("hub"), |send, _| send.body(body), wanted).await;
}

async fn fcm_body_is_a_problem(body: &str, wanted: &str) {
    is_a_problem(HubOptions::new("hub"), |_, emulator| fcm(emulator).body(body), wanted).await;
}

#[tokio::test]
async fn an_apns_body_is_an_object_with_an_object_aps() {
    apns_body_is_a_problem("[]", "not a JSON object").await;
    apns_body_is_a_problem("{}", "no object 'aps'").await;
    apns_body_is_a_problem(r#"{"aps":"x"}"#, "no object 'aps'").await;
    let emulator = start().await;
    let device_management = apple(&emulator).header("apns-push-type", "mdm").body(r#"{"mdm":"magic"}"#);
    assert_eq!(device_management.status().await, 201);
}

#[tokio::test]
async fn a_payload_has_at_most_4096_bytes() {
    let apns = |size: usize| format!("{{\"aps\":{{}},\"x\":\"{}\"}}", "x".repeat(size - 17));
    let fcm_v1 = |size: usize| format!(r#"{{"message":{{"data":{{"x":"{}"}}}}}}"#, "x".repeat(size - 29));
    apns_body_is_a_problem(&apns(4097), "4097 bytes, and APNs").await;
    fcm_body_is_a_problem(&fcm_v1(4097), "4097 bytes, and FCM v1").await;
    let emulator = start().await;
    assert_eq!(apple(&emulator).body(apns(4096)).status().await, 201);
    assert_eq!(fcm(&emulator).body(fcm_v1(4096)).status().await, 201);
    assert!(emulator.requests().iter().all(|request| request.body.len() == 4096));
}

#[tokio::test]
async fn apns_headers_have_values_that_apns_knows() {
    let long = "é".repeat(33);
    for (header, value, wanted) in [
        ("apns-priority", "7", "apns-priority must be"),
        ("apns-priority", "high", "apns-priority must be"),
        ("apns-expiration", "-1", "apns-expiration must be"),
        ("apns-expiration", "1.5", "apns-expiration must be"),
        ("apns-expiration", "99999999999999999999", "apns-expiration must be"),
        ("apns-expiration", "+1", "apns-expiration must be"),
        ("apns-push-type", "Alert", "apns-push-type 'Alert'"),
        ("apns-collapse-id", "x".repeat(65).as_str(), "it has 65"),
        ("apns-collapse-id", long.as_str(), "it has 66"),
    ] {
        let hub = HubOptions::new("hub");
        is_a_problem(hub, |send, _| send.header(header, value), wanted).await;
    }
    let emulator = start().await;
    let full = "x".repeat(64);
    for (header, value) in [
        ("apns-priority", "1"),
        ("apns-priority", "5"),
        ("apns-priority", "10"),
        ("apns-expiration", "0"),
        ("apns-expiration", "1767225600"),
        ("apns-push-type", "alert"),
        ("apns-push-type", "voip"),
        ("apns-push-type", "complication"),
        ("apns-push-type", "fileprovider"),
        ("apns-push-type", "liveactivity"),
        ("apns-push-type", "location"),
        ("apns-push-type", "pushtotalk"),
        ("apns-collapse-id", &full),
    ] {
        assert_eq!(apple(&emulator).header(header, value).status().await, 201, "{header}: {value}");
    }
}

#[tokio::test]
async fn a_background_push_is_silent_and_of_low_priority() {
    let background = |send: Send, priority: &str, body: &str| {
        send.header("apns-push-type", "background").header("apns-priority", priority).body(body)
    };
    for (priority, body, wanted) in [
        ("10", r#"{"aps":{"content-available":1}}"#, "needs apns-priority 5"),
        ("5", r#"{"aps":{}}"#, "\"content-available\": 1"),
        ("5", r#"{"aps":{"content-available":true}}"#, "\"content-available\": 1"),
        ("5", r#"{"aps":{"content-available":1,"alert":"x"}}"#, "must not have 'alert'"),
        ("5", r#"{"aps":{"content-available":1,"sound":"x"}}"#, "must not have 'sound'"),
        ("5", r#"{"aps":{"content-available":1,"badge":0}}"#, "must not have 'badge'"),
    ] {
        let change = |send, _: &Emulator| background(send, priority, body);
        is_a_problem(HubOptions::new("hub"), change, wanted).await;
    }
    let silent = r#"{"aps":{"content-available":1}}"#;
    let no_priority = |send, _: &Emulator| background(send, "5", silent).without("apns-priority");
    is_a_problem(HubOptions::new("hub"), no_priority, "needs apns-priority 5").await;
    let emulator = start().await;
    assert_eq!(background(apple(&emulator), "5", silent).status().await, 201);
}

#[tokio::test]
async fn voip_pushes_and_no_others_go_to_a_voip_hub() {
    let hub = |bundle_id: &str| HubOptions { bundle_id: Some(bundle_id.to_owned()), ..HubOptions::new("hub") };
    let voip = |send: Send, _: &Emulator| send.header("apns-push-type", "voip");
    let alert = |send: Send, _: &Emulator| send.header("apns-push-type", "alert");
    is_a_problem(hub("com.x.app"), voip, "this one has 'com.x.app'").await;
    is_a_problem(hub("com.x.app.voip"), alert, "only apns-push-type voip").await;
    is_a_problem(hub("com.x.app.voip"), |send, _| send, "only apns-push-type voip").await;

    let ordinary = start_hub(hub("com.x.app"), Mode::Strict).await;
    assert_eq!(alert(apple(&ordinary), &ordinary).status().await, 201);
    let calls = start_hub(hub("com.x.app.voip"), Mode::Strict).await;
    assert_eq!(voip(apple(&calls), &calls).status().await, 201);
}

#[tokio::test]
async fn an_fcm_message_has_known_members_and_no_recipient() {
    for (body, wanted) in [
        ("{}", "no object 'message'"),
        (r#"{"data":{}}"#, "no object 'message'"),
        (r#"{"message":"x"}"#, "no object 'message'"),
        (r#"{"message":{"token":"x"}}"#, "'message.token' must not"),
        (r#"{"message":{"topic":"x"}}"#, "'message.topic' must not"),
        (r#"{"message":{"condition":"x"}}"#, "'message.condition' must not"),
        (r#"{"message":{"priority":"high"}}"#, "does not know 'message.priority'"),
        (r#"{"message":{"notification":{"channel_id":"x"}}}"#, "'message.notification.channel_id'"),
        (r#"{"message":{"notification":"x"}}"#, "'message.notification' must be an object"),
        (r#"{"message":{"data":["x"]}}"#, "'message.data' must be an object"),
        (r#"{"message":{"data":{"n":1}}}"#, "'message.data.n' must be a string"),
        (r#"{"message":{"data":{"n":null}}}"#, "'message.data.n' must be a string"),
        (r#"{"message":{"data":{"from":"x"}}}"#, "'message.data.from' is a reserved"),
        (r#"{"message":{"data":{"google.x":"x"}}}"#, "'message.data.google.x' is a reserved"),
        (r#"{"message":{"android":{"channel_id":"x"}}}"#, "'message.android.channel_id'"),
        (r#"{"message":{"android":{"ttl":60}}}"#, "'message.android.ttl' must be seconds"),
        (r#"{"message":{"android":{"ttl":"60"}}}"#, "'message.android.ttl' must be seconds"),
        (r#"{"message":{"android":{"ttl":"1.xs"}}}"#, "'message.android.ttl' must be seconds"),
        (r#"{"message":{"android":{"ttl":"-1s"}}}"#, "'message.android.ttl' must be seconds"),
        (r#"{"message":{"android":{"priority":"max"}}}"#, "'message.android.priority' must be"),
    ] {
        fcm_body_is_a_problem(body, wanted).await;
    }
    let emulator = start().await;
    let full = r#"{"message":{"name":"x","data":{"a":"1"},
        "notification":{"title":"t","body":"b","image":"i"},
        "android":{"ttl":"3600s","priority":"HIGH","notification":{"channel_id":"c"}},
        "webpush":{},"apns":{},"fcm_options":{}}}"#;
    assert_eq!(fcm(&emulator).body(full).status().await, 201);
    let short = r#"{"message":{"android":{"ttl":"0.5s"}}}"#;
    assert_eq!(fcm(&emulator).body(short).status().await, 201);
}

#[tokio::test]
async fn a_hub_without_credentials_can_not_deliver() {
    let no_apns = HubOptions { apns: false, ..HubOptions::new("hub") };
    let no_fcm = HubOptions { fcm_v1: false, ..HubOptions::new("hub") };
    is_a_problem(no_apns.clone(), |send, _| send, "no credentials for APNs").await;
    is_a_problem(no_fcm.clone(), |_, emulator| fcm(emulator), "no credentials for FCM v1").await;
    let emulator = start_hub(no_apns, Mode::Strict).await;
    assert_eq!(fcm(&emulator).status().await, 201);
    let emulator = start_hub(no_fcm, Mode::Strict).await;
    assert_eq!(apple(&emulator).status().await, 201);
}

#[tokio::test]
async fn legacy_fcm_no_longer_works() {
    let gcm = |send: Send, _: &Emulator| send.header("ServiceBusNotification-Format", "gcm");
    is_a_problem(HubOptions::new("hub"), gcm, "use 'fcmv1'").await;
}

#[tokio::test]
async fn all_problems_are_named_at_once() {
    let emulator = start().await;
    let send = apple(&emulator).header("apns-priority", "7").body("{}");
    let (_, detail) = send.refusal().await;
    assert!(detail.contains("no object 'aps'; apns-priority must be"), "{detail}");
}
