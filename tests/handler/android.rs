//! Android in both of its modes: notification messages, which the system shows, and data messages, which the app shows.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::*;

/// A Firebase Installation ID, which newer SDKs have in place of a token.
const INSTALLATION_ID: &str = "fGw0qy4TQfmX8Kp2-_aBcd";

/// An app with a notifications file of this text.
async fn app_with(file: &str) -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.toml");
    std::fs::write(&path, file).unwrap();
    (App::with(&[("NOTIFICATIONS_FILE", path.to_str().unwrap())]).await, folder)
}

/// A phone of Bob and of his number, with these further members.
async fn register(app: &App, id: &str, more: Value) {
    let mut phone = more;
    for (name, value) in [("userId", BOB), ("platform", "fcmv1"), ("pushChannel", &format!("fcm:{id}"))] {
        phone[name] = json!(value);
    }
    phone["phoneNumbers"] = json!(["15551234567"]);
    app.register(id, phone).await;
}

/// The message that each device got last, by its installation.
fn last_by_id(app: &App) -> BTreeMap<String, Value> {
    let accepted = app.hub.accepted().into_iter();
    accepted.map(|one| (one.device_handle.clone().unwrap()[4..].to_owned(), body(&one)["message"].take())).collect()
}

#[tokio::test]
async fn a_data_message_has_everything_that_the_app_needs_to_show_it() {
    let (app, _folder) = app_with("[ChatMessageReceived]\nandroid_channel = 'chat'\ndata = { screen = 'chat' }").await;
    register(&app, "phone", json!({"android": "data"})).await;
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?");
    app.deliver(&event).await;

    let mut message = last_by_id(&app)["phone"].clone();
    let time = |name: &str| {
        let time = chrono::DateTime::parse_from_rfc3339(message["data"][name].as_str().unwrap()).unwrap();
        let happened = chrono::DateTime::parse_from_rfc3339(event["eventTime"].as_str().unwrap()).unwrap();
        (time.timestamp() - happened.timestamp(), time.timezone().local_minus_utc())
    };
    let seconds: i64 = message["android"]["ttl"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    let (kept, _) = time("expirationTime");
    assert_eq!(time("eventTime"), (0, 0));
    assert!((kept - 20..=kept).contains(&seconds), "{seconds} of {kept}");
    let id = message["data"]["id"].clone();
    for volatile in ["/data/eventTime", "/data/expirationTime", "/android/ttl"] {
        *message.pointer_mut(volatile).unwrap() = Value::Null;
    }
    let data = json!({
        "op": "show", "id": id, "tag": id, "threadId": "19:lunch@thread.v2", "messageId": "m1", "title": "Alice",
        "body": "Lunch?", "sender": "Alice", "senderId": ALICE, "group": "19:lunch@thread.v2", "channel": "chat",
        "screen": "chat", "eventTime": null, "expirationTime": null,
    });
    assert_eq!(message, json!({"data": data, "android": {"priority": "HIGH", "ttl": null}}));

    // Its edit has the same members, makes no noise, and is not urgent: nothing may be there to be replaced.
    app.deliver(&chat("e2", "ChatMessageEdited", "m1", 2, "Dinner?")).await;
    let edit = last_by_id(&app)["phone"].clone();
    assert_eq!((&edit["data"]["op"], &edit["data"]["tag"]), (&json!("edit"), &id));
    assert_eq!((&edit["data"]["body"], &edit["data"]["quiet"]), (&json!("Dinner?"), &json!("true")));
    assert_eq!((&edit["data"]["group"], &edit["android"]["priority"]), (&data["group"], &json!("NORMAL")));
}

#[tokio::test]
async fn an_installations_mode_goes_before_the_types_and_without_either_the_system_shows_it() {
    let (app, _folder) = app_with("[ChatMessageReceived]\nandroid = 'data'\n[SMSReceived]\nsound = ''").await;
    register(&app, "silent", json!({})).await;
    register(&app, "notification", json!({"android": "notification"})).await;
    register(&app, "data", json!({"android": "Data"})).await;
    let is_data = |app: &App| {
        let is_data = |message: &Value| message.get("notification").is_none();
        last_by_id(app).iter().map(|(id, message)| (id.clone(), is_data(message))).collect::<Vec<_>>()
    };
    let as_data = |ids: [(&str, bool); 3]| ids.map(|(id, is_data)| (id.to_owned(), is_data)).to_vec();
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    assert_eq!(is_data(&app), as_data([("data", true), ("notification", false), ("silent", true)]));
    app.deliver(&sms("e2", "15551234567", "Hello")).await;
    assert_eq!(is_data(&app), as_data([("data", true), ("notification", false), ("silent", false)]));

    for (id, shown) in [("silent", Value::Null), ("notification", json!("notification")), ("data", json!("data"))] {
        assert_eq!(app.get(&format!("/api/installations/{id}")).await.json()["android"], shown);
    }
}

#[tokio::test]
async fn a_call_rings_in_both_modes_and_where_it_cannot_the_app_shows_that_somebody_calls() {
    let app = App::start().await;
    register(&app, "data", json!({"android": "data"})).await;
    register(&app, "notification", json!({})).await;
    app.deliver(&call("k1", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    let got = last_by_id(&app);
    assert_eq!(got["data"]["data"]["callId"], "d732db64-4803-462d-be9c-518943ea2b7a");
    assert_eq!(got["data"]["data"], got["notification"]["data"]);

    app.deliver(&call("k2", "no UUID")).await;
    let data = last_by_id(&app)["data"].clone();
    assert_eq!((&data["data"]["op"], &data["data"]["title"]), (&json!("show"), &json!("Alice")));
    assert_eq!((&data["android"]["priority"], data.get("notification")), (&json!("HIGH"), None));
}

#[tokio::test]
async fn hidden_content_is_in_no_member_and_the_app_is_told_that_it_may_fetch_it() {
    let app = App::start().await;
    register(&app, "hidden", json!({"android": "data", "content": "hidden"})).await;
    register(&app, "sender", json!({"android": "data", "content": "sender"})).await;
    let events = [
        sms("e1", "15551234567", "Lunch?"),
        chat("e2", "ChatMessageReceived", "m1", 1, "Lunch?"),
        call("e3", "no UUID"),
    ];
    for event in events {
        app.deliver(&event).await;
        let got = last_by_id(&app);
        let hidden = got["hidden"].to_string();
        assert!(!["Lunch", "Alice", "5557654321", ALICE].iter().any(|word| hidden.contains(word)), "{hidden}");
        assert_eq!(got["hidden"]["data"]["mutable"], "true");
        let sender = &got["sender"]["data"];
        assert!(!sender.to_string().contains("Lunch") && sender.get("mutable").is_none(), "{sender}");
        assert!(["Alice", "+15557654321"].contains(&sender["sender"].as_str().unwrap()), "{sender}");
    }
}

#[tokio::test]
async fn what_a_file_may_add_at_most_leaves_room_for_the_text() {
    let member = |index: u32| format!("{} = '{{{{ text }}}}'\n", "m".repeat(63) + &index.to_string());
    let data: String = (0..8).map(member).collect();
    let options =
        format!("android_channel = '{0}'\ncategory = '{0}'\nanalytics_label = '{1}'", "c".repeat(64), "l".repeat(50));
    let (app, _folder) =
        app_with(&format!("[ChatMessageReceived]\n{options}\n[ChatMessageReceived.data]\n{data}")).await;
    register(&app, "data", json!({"android": "data"})).await;
    register(&app, "notification", json!({})).await;
    register(&app, "ios", json!({"os": "ios"})).await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, &"안녕 \"".repeat(1000));
    event["data"]["senderDisplayName"] = json!("\u{1}👨‍👩‍👧‍👦".repeat(200));
    event["data"]["threadId"] = json!(format!("19:{}@thread.v2", "t".repeat(90)));
    event["data"]["senderCommunicationIdentifier"]["rawId"] = json!(format!("8:acs:{}", "s".repeat(113)));
    let line = app.deliver(&event).await;
    assert_eq!((&line["outcome"], &line["delivered"]), (&json!("delivered"), &json!(3)), "{line}");
    assert!(app.hub.accepted().iter().all(|request| request.body.len() <= 4096));
    let data = last_by_id(&app)["data"]["data"].clone();
    assert_eq!(data["senderId"].as_str().unwrap().len(), 119);
    for cut in ["title", "sender"] {
        assert!(data[cut].as_str().unwrap().ends_with('…') && data[cut].as_str().unwrap().len() > 50, "{data}");
    }
}

#[tokio::test]
async fn a_label_names_the_type_in_googles_statistics_and_can_name_nothing_else() {
    let (app, _folder) =
        app_with("[SMSReceived]\nanalytics_label = 'SMS'\n[IncomingCall]\nanalytics_label = 'Call'").await;
    register(&app, "phone", json!({})).await;
    register(&app, "ios", json!({"os": "ios"})).await;
    app.deliver(&sms("e1", "15551234567", "Hello")).await;
    for message in last_by_id(&app).values() {
        assert_eq!(message["fcm_options"], json!({"analytics_label": "SMS"}));
    }
    app.deliver(&call("k1", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    for message in last_by_id(&app).values() {
        assert_eq!(message["fcm_options"], json!({"analytics_label": "Call"}));
    }
    app.deliver(&chat("e2", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    assert_eq!(last_by_id(&app)["phone"].get("fcm_options"), None);

    for (wrong, expected) in [
        ("analytics_label = 'sms-15551234567'", "analytics_label: expected 1 to 50 ASCII letters"),
        ("analytics_label = '{{ sender }}'", "analytics_label: expected 1 to 50 ASCII letters"),
        ("analytics_label = 7", "analytics_label: is of type integer: expected 1 to 50 ASCII letters"),
        ("android = 'both'", "android: expected \"notification\" or \"data\""),
        ("[SMSReceived.fr]\nandroid = 'data'", "android: cannot differ by language"),
        ("data = { senderId = 'x' }", "data.senderId: is reserved in the payload"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.toml");
        std::fs::write(&path, format!("[SMSReceived]\n{wrong}")).unwrap();
        let vars = vars(&app.hub, &[("NOTIFICATIONS_FILE", path.to_str().unwrap())]);
        let fault = acs_push::Config::from_vars(vars).unwrap_err().to_string();
        assert!(fault.contains(expected), "{wrong}: {fault}");
    }
}

#[tokio::test]
async fn a_firebase_installation_id_is_a_handle_like_a_token() {
    let app = App::start().await;
    let phone = |handle: &str| json!({"userId": BOB, "platform": "fcmv1", "pushChannel": handle});
    app.register("phone", phone(ANDROID)).await;
    // The SDK has one in place of its token by now: the app's next start says so.
    app.register("phone", phone(INSTALLATION_ID)).await;
    let line = app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    assert_eq!(line["delivered"], 1, "{line}");
    let sent = app.hub.accepted();
    let handles: Vec<_> = sent.iter().map(|request| request.device_handle.as_deref().unwrap()).collect();
    assert_eq!(handles, [INSTALLATION_ID]);
}
