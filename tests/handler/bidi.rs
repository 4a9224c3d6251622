//! Names and texts with characters that change the direction of what follows them: they end where the name or text ends.

use serde_json::{Value, json};

use crate::support::*;

/// Reads "evil.exe" as "exe.live": it turns around what follows.
const NAME: &str = "evil\u{202e}exe";
const SHOWN_NAME: &str = "\u{2068}evil\u{202e}exe\u{202c}\u{2069}";
/// Ends whatever it stands in, and turns what follows.
const TEXT: &str = "\u{202c}\u{2069}\u{202e}pay\nnow";
const SHOWN_TEXT: &str = "\u{2068}\u{202e}pay\u{202c}\u{2069}\nnow";

const FILE: &str = r#"
[ChatMessageReceived]
title = "{{ sender }} wrote"
data = { who = "{{ sender }}" }
[SMSReceived]
title_loc_key = "SMS"
title_loc_args = ["{{ sender }}"]
loc_key = "TEXT"
loc_args = ["{{ text }}"]
"#;

async fn app() -> (App, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.toml");
    std::fs::write(&file, FILE).unwrap();
    let app = App::with(&[("NOTIFICATIONS_FILE", file.to_str().unwrap())]).await;
    for (id, platform, os, handle) in [
        ("iphone", "apns", "ios", IPHONE),
        ("android", "fcmv1", "android", ANDROID),
        ("fcm-ios", "fcmv1", "ios", "fcm-token-of-an-iphone"),
    ] {
        let phone = json!({
            "userId": BOB, "phoneNumbers": ["15551234567"], "platform": platform, "os": os, "pushChannel": handle,
        });
        app.register(id, phone).await;
    }
    (app, folder)
}

/// What each of the three phones gets: the iPhone, the Android phone, the iPhone that FCM serves.
async fn pushes(app: &App, event: &Value) -> [Value; 3] {
    app.hub.clear();
    assert_eq!(app.deliver(event).await["outcome"], "delivered");
    let accepted = app.hub.accepted();
    let to = |handle: &str| accepted.iter().find(|request| request.device_handle.as_deref() == Some(handle)).unwrap();
    [IPHONE, ANDROID, "fcm-token-of-an-iphone"].map(|handle| body(to(handle)))
}

fn message(short_type: &str) -> Value {
    let version = if short_type == "ChatMessageEdited" { 2 } else { 1 };
    let mut event = chat(short_type, short_type, "m1", version, TEXT);
    event["data"]["senderDisplayName"] = json!(NAME);
    event
}

#[tokio::test]
async fn a_name_and_a_text_are_isolated_where_they_are_shown_and_kept_in_the_data() {
    let (app, _folder) = app().await;
    let [iphone, android, fcm_ios] = pushes(&app, &message("ChatMessageReceived")).await;
    let shown = json!({"title": format!("{SHOWN_NAME} wrote"), "body": SHOWN_TEXT});
    assert_eq!(iphone["aps"]["alert"], shown);
    assert_eq!(android["message"]["notification"], shown);
    assert_eq!(fcm_ios["message"]["apns"]["payload"]["aps"]["alert"], shown);
    assert_eq!(
        [&iphone["who"], &android["message"]["data"]["who"], &fcm_ios["message"]["data"]["who"]],
        [NAME, NAME, NAME]
    );

    let [iphone, android, _] = pushes(&app, &message("ChatMessageEdited")).await;
    assert_eq!(iphone["aps"]["alert"]["title"], SHOWN_NAME);
    assert_eq!(android["message"]["data"]["title"], SHOWN_NAME);
    assert_eq!(android["message"]["data"]["body"], SHOWN_TEXT);
}

#[tokio::test]
async fn the_arguments_of_the_apps_own_sentences_are_isolated() {
    let (app, _folder) = app().await;
    let mut event = sms("e1", "15551234567", TEXT);
    event["data"]["from"] = json!(NAME);
    let [iphone, android, _] = pushes(&app, &event).await;
    let alert = &iphone["aps"]["alert"];
    assert_eq!((&alert["title-loc-args"], &alert["loc-args"]), (&json!([SHOWN_NAME]), &json!([SHOWN_TEXT])));
    let shown = &android["message"]["android"]["notification"];
    assert_eq!((&shown["title_loc_args"], &shown["body_loc_args"]), (&json!([SHOWN_NAME]), &json!([SHOWN_TEXT])));
}

#[tokio::test]
async fn the_name_of_a_caller_is_isolated_on_both_platforms() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    let mut event = call("c", "d732db64-4803-462d-be9c-518943ea2b7a");
    event["data"]["callerDisplayName"] = json!(NAME);
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
    let mut names: Vec<Value> = Vec::new();
    for request in app.hub.accepted() {
        let body = body(&request);
        names.extend([&body["data"], &body["message"]["data"]].map(|data| data["displayName"].clone()));
    }
    names.retain(|name| !name.is_null());
    assert_eq!(names, [SHOWN_NAME, SHOWN_NAME]);
}

#[tokio::test]
async fn a_text_that_is_cut_ends_what_it_opened() {
    let (app, _folder) = app().await;
    let mut event = message("ChatMessageReceived");
    event["data"]["messageBody"] = json!(format!("\u{202e}{}", "pay ".repeat(3000)));
    for push in pushes(&app, &event).await {
        let text = push.to_string();
        assert!(text.contains("…\u{202c}\u{2069}\""), "{text}");
        assert!(text.len() <= 4096 && text.len() > 4000, "{}", text.len());
    }
}

#[tokio::test]
async fn names_and_texts_without_such_characters_are_sent_as_they_are() {
    let (app, _folder) = app().await;
    let mut event = message("ChatMessageReceived");
    (event["data"]["senderDisplayName"], event["data"]["messageBody"]) = (json!("דנה"), json!("\u{200f}שלום 1"));
    let [iphone, ..] = pushes(&app, &event).await;
    assert_eq!(iphone["aps"]["alert"], json!({"title": "דנה wrote", "body": "\u{200f}שלום 1"}));
}
