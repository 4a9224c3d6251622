//! Nothing secret or personal in any log, and no more on a lock screen than was allowed.

use notification_hubs_emulator::{Fault, ReceivedRequest};
use serde_json::{Value, json};

use crate::binary::{Process, documents};
use crate::support::*;

#[tokio::test]
async fn no_line_at_any_level_holds_anything_secret_or_personal() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    // A template that takes too many steps for some texts, as no check at the start can know.
    let letters = "{% for a in text %}{% for b in text %}{% for c in text %}{% for d in text %}{% endfor %}{% endfor %}{% endfor %}{% endfor %}";
    std::fs::write(folder.path().join("texts.toml"), format!("[SMSReceived]\nbody = '{letters}'")).unwrap();
    let settings = [
        ("STORE", "file:store"),
        ("RUST_LOG", "trace"),
        ("DELIVERY_DEADLINE_SECONDS", "5"),
        ("NOTIFICATIONS_FILE", "texts.toml"),
    ];
    let vars = vars(&hub, &settings);
    let process = Process::start(&vars, folder.path()).await;
    let installation = json!({
        "userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP,
    });
    process.put("iphone", installation).await;
    let mut quiet = json!({
        "userId": BOB, "platform": "apns", "pushChannel": "ab".repeat(32),
        "notify": "mentions", "snoozeUntil": "2099-08-07T06:05:04Z", "mutedThreads": [{"id": "19:canary-text", "until": "2098-01-01T00:00:00Z"}],
        "quietHours": {"timeZone": "Pacific/Chatham", "windows": [{"days": ["mon"], "from": "21:43", "to": "06:58"}]},
    });
    process.put("quiet", quiet.clone()).await;
    quiet["quietHours"]["windows"][0]["to"] = json!("later");
    process.put("wrong-hours", quiet).await;
    process.put("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    // With these, what goes to the iPhones goes as a batch.
    let batched = "5ec2e7";
    for number in 0..9 {
        let handle = format!("{batched}{number:058x}");
        let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": handle, "voipPushChannel": format!("{handle}ca11")});
        process.put(&format!("iphone-{number}"), phone).await;
    }
    process.put("wrong", json!({"userId": BOB, "platform": "gcm", "pushChannel": ANDROID})).await;
    let mut told = String::new();
    let mut tell = |reply: Reply| told.push_str(&reply.text);
    for (index, fault) in
        [None, Some(400), Some(401), Some(403), Some(404), Some(413), Some(503)].into_iter().enumerate()
    {
        if let Some(status) = fault {
            // For the SMS, and for both requests of the chat message.
            hub.add_fault(Fault::status(status).times(3));
        }
        tell(process.invoke(&sms(&format!("s{index}"), "15551234567", "canary-text")).await);
        tell(
            process
                .invoke(&chat(&format!("c{index}"), "ChatMessageReceived", &format!("m{index}"), 1, "canary-text"))
                .await,
        );
        let mut call = call(&format!("k{index}"), &format!("d732db64-4803-462d-be9c-51894300000{index}"));
        tell(process.invoke(&call).await);
        call["data"]["from"] = json!(7);
        tell(process.invoke(&call).await);
    }
    tell(process.invoke(&json!("canary-text")).await);
    // Encoded once too often, cut off, and of a wrong shape: nothing of it is quoted.
    for body in
        ["\"canary-text +15551234567\"", "{\"canary-text\":", "{\"Data\":{\"event\":\"{\\\"canary-text\\\":\"}}"]
    {
        tell(process.post(body).await);
    }
    // A document in the store that is not what it should be.
    for (path, _) in documents(&folder.path().join("store/recipients")) {
        let path = folder.path().join("store/recipients").join(path);
        std::fs::write(path, r#"{"v":1,"installations":"canary-text"}"#).unwrap();
    }
    tell(process.invoke(&sms("s", "15551234567", "canary-text")).await);
    process.delete("iphone").await;
    let (code, output) = process.terminate().await;
    assert_eq!(code, Some(0));
    told.push_str(&output);
    assert!(told.contains("\"outcome\":\"failed\"") && told.contains("hub 404"), "{told}");
    assert!(told.contains("a text of SMSReceived") && told.contains("the built-in text is used instead"), "{told}");
    let is_batch = |request: &ReceivedRequest| request.path.ends_with("$batch");
    assert!(hub.requests().iter().any(|request| is_batch(request) && request.status == Some(201)));
    assert!(hub.requests().iter().any(|request| is_batch(request) && request.status == Some(400)));
    let key =
        |hub_name| hub.connection_string_of(hub_name).unwrap().split("SharedAccessKey=").nth(1).unwrap().to_owned();
    for secret in [
        IPHONE,
        IPHONE_VOIP,
        ANDROID,
        batched,
        BOB,
        ALICE,
        "15551234567",
        "15557654321",
        "canary-text",
        "Pacific/Chatham",
        "21:43",
        "2099-08-07",
        "2098-01-01",
        "mentions",
        "Alice",
        "SharedAccessSignature",
        &key(HUB),
        &key(VOIP_HUB),
        "eyJhbGciOiJub25lIn0",
        "Y2FsbC1jb250ZXh0",
    ] {
        assert!(!told.contains(secret), "{secret} is in\n{told}");
    }
    // The dead letters of calls were kept, and without their contexts.
    let letters = documents(&folder.path().join("store/dead-letters"));
    assert!(letters.iter().any(|(_, letter)| letter["event"]["data"]["callerDisplayName"] == "Alice"));
    assert!(letters.iter().all(|(_, letter)| !letter.to_string().contains("eyJhbGciOiJub25lIn0")));
}

/// What the iPhone gets of a chat message, an SMS and a call.
async fn shown(setting: &str, installation: Option<&str>) -> (Value, Value, Value) {
    let app = App::with(&[("NOTIFICATION_CONTENT", setting)]).await;
    let mut phone = json!({
        "userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP,
    });
    phone["content"] = json!(installation);
    app.register("iphone", phone).await;
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    app.deliver(&sms("e2", "15551234567", "Hello")).await;
    app.deliver(&call("e3", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    let sent = app.hub.accepted();
    (body(&sent[0])["aps"].take(), body(&sent[1])["aps"].take(), body(&sent[2])["data"].take())
}

#[tokio::test]
async fn an_installation_may_ask_for_less_than_the_setting_and_never_for_more() {
    for (setting, installation, mode) in [
        ("full", None, "full"),
        ("full", Some("full"), "full"),
        ("full", Some("sender"), "sender"),
        ("sender", Some("full"), "sender"),
        ("sender", None, "sender"),
        ("full", Some("hidden"), "hidden"),
        ("hidden", Some("full"), "hidden"),
    ] {
        let (chat, sms, call) = shown(setting, installation).await;
        let case = format!("{setting} {installation:?}");
        match mode {
            "full" => {
                assert_eq!(chat["alert"], json!({"title": "Alice", "body": "Lunch?"}), "{case}");
                assert_eq!(sms["alert"], json!({"title": "+15557654321", "body": "Hello"}), "{case}");
            }
            "sender" => {
                assert_eq!(chat["alert"], json!({"title": "Alice", "body": "New message"}), "{case}");
                assert_eq!(sms["alert"], json!({"title": "+15557654321", "body": "New message"}), "{case}");
            }
            _ => {
                assert_eq!(chat["alert"], json!({"title": "New message"}), "{case}");
                assert_eq!(sms["alert"], json!({"title": "New message"}), "{case}");
                assert!(!sms.to_string().contains("1555"), "{sms}");
                assert_eq!((&chat["mutable-content"], &call["displayName"]), (&json!(1), &json!("")), "{case}");
            }
        }
        assert_eq!(call["callerId"], ALICE, "{case}");
        if mode != "hidden" {
            assert_eq!(call["displayName"], "Alice", "{case}");
        }
    }
}
