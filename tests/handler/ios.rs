//! iOS as it is: APNs keeps one push of an app for a phone that is off, and a service extension can make a communication
//! notification of an alert.

use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::*;

const ALL_ON: &str = "[ChatThreadPropertiesUpdatedPerUser]\non = true\n";

/// Bob's iPhone, with APNs' and with FCM's token, and a notifications file.
async fn app_with(file: &str) -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.toml");
    std::fs::write(&path, format!("{ALL_ON}{file}")).unwrap();
    let app = App::with(&[("NOTIFICATIONS_FILE", path.to_str().unwrap())]).await;
    let numbers = ["15551234567"];
    let apns = json!({"userId": BOB, "phoneNumbers": numbers, "platform": "apns", "pushChannel": IPHONE});
    app.register("apns", apns).await;
    let fcm = json!({"userId": BOB, "phoneNumbers": numbers, "platform": "fcmv1", "os": "ios", "pushChannel": ANDROID});
    app.register("fcm", fcm).await;
    (app, folder)
}

/// An event about a thread, by Alice for Bob.
fn of_thread(id: &str, short_type: &str, more: Value) -> Value {
    let mut data = more;
    data["threadId"] = json!("19:lunch@thread.v2");
    data["recipientId"] = json!(BOB);
    event(id, short_type, &format!("thread/19:lunch@thread.v2/by/{ALICE}/recipient/{BOB}"), data)
}

fn added(id: &str) -> Value {
    let participants = json!([{"displayName": "Alice", "participantCommunicationIdentifier": {"rawId": ALICE}}]);
    let created = json!({
        "createdByCommunicationIdentifier": {"rawId": ALICE}, "properties": {"topic": "Friday lunch"}, "participants": participants,
    });
    of_thread(id, "ChatThreadCreatedWithUser", created)
}

/// `apns-expiration` of what both tokens got last: one and the same, in seconds after the event.
fn expiration(app: &App, event: &Value) -> i64 {
    let accepted = app.hub.accepted();
    let last = &accepted[accepted.len() - 2..];
    let of = |request: &notification_hubs_emulator::ReceivedRequest| {
        let through_fcm = body(request)["message"]["apns"]["headers"]["apns-expiration"].take();
        let direct = request.headers.get("apns-expiration").map(String::as_str);
        direct.or(through_fcm.as_str()).unwrap().parse::<i64>().unwrap()
    };
    let [one, other] = [of(&last[0]), of(&last[1])];
    assert_eq!(one, other);
    let time = DateTime::parse_from_rfc3339(event["eventTime"].as_str().unwrap()).unwrap().timestamp();
    if one == 0 { 0 } else { one - time }
}

#[tokio::test]
async fn what_shows_something_new_is_kept_a_day_and_edits_and_withdrawals_are_sent_now_or_never() {
    const DAY: i64 = 24 * 3600;
    let (app, _folder) = app_with("").await;
    let topic = json!({"properties": {"topic": "Dinner"}});
    for (event, kept) in [
        (sms("e1", "15551234567", "Hello"), DAY),
        (chat("e2", "ChatMessageReceived", "m1", 1, "Lunch?"), DAY),
        (added("e3"), DAY),
        (call("e4", "no UUID"), 30),
        (chat("e5", "ChatMessageEdited", "m1", 2, "Dinner?"), 0),
        (chat("e6", "ChatMessageDeleted", "m1", 3, ""), 0),
        (of_thread("e7", "ChatThreadWithUserDeleted", json!({"deletedBy": ALICE})), 0),
        (of_thread("e8", "ChatThreadPropertiesUpdatedPerUser", topic), 0),
    ] {
        assert_eq!(app.deliver(&event).await["delivered"], 2, "{event}");
        assert_eq!(expiration(&app, &event), kept, "{event}");
    }
}

#[tokio::test]
async fn who_sets_the_lifetime_of_an_edit_or_a_withdrawal_has_it_kept() {
    let (app, _folder) = app_with(
        "time_to_live = '1h'\n[ChatMessageEdited]\ntime_to_live = '10m'\n[ChatMessageDeleted]\ntime_to_live = '24h'",
    )
    .await;
    let topic = json!({"properties": {"topic": "Dinner"}});
    for (event, kept) in [
        (chat("e1", "ChatMessageEdited", "m1", 2, "Dinner?"), 600),
        (chat("e2", "ChatMessageDeleted", "m1", 3, ""), 24 * 3600),
        (of_thread("e3", "ChatThreadPropertiesUpdatedPerUser", topic), 3600),
    ] {
        assert_eq!(app.deliver(&event).await["delivered"], 2, "{event}");
        assert_eq!(expiration(&app, &event), kept, "{event}");
    }
}

#[tokio::test]
async fn messages_are_pushed_for_a_day_and_no_longer() {
    let (app, _folder) = app_with("").await;
    for (id, age, outcome) in [("e1", 23 * 60 + 50, "delivered"), ("e2", 24 * 60 + 1, "expired")] {
        for mut event in [sms(id, "15551234567", "Hello"), chat(id, "ChatMessageReceived", id, 1, "Lunch?")] {
            event["eventTime"] = json!(ago(TimeDelta::minutes(age)));
            assert_eq!(app.deliver(&event).await["outcome"], outcome, "{age} minutes: {event}");
        }
    }
}

#[tokio::test]
async fn who_is_added_to_a_chat_finds_it_listed_without_a_sound() {
    let (app, _folder) = app_with("").await;
    let member = json!({"addedBy": ALICE, "memberAdded": {"memberId": BOB}});
    for event in [added("e1"), of_thread("e2", "ChatMemberAddedToThreadWithUser", member)] {
        app.deliver(&event).await;
        let accepted = app.hub.accepted();
        for request in &accepted[accepted.len() - 2..] {
            let mut body = body(request);
            let apns = body["message"]["apns"].take();
            let aps = if apns.is_null() { body["aps"].take() } else { apns["payload"]["aps"].clone() };
            assert_eq!((&aps["interruption-level"], aps.get("sound")), (&json!("passive"), None));
        }
    }
}

#[tokio::test]
async fn an_alert_says_whom_it_is_from_as_far_as_the_content_mode_allows() {
    let app = App::start().await;
    for (index, mode) in ["full", "sender", "hidden"].into_iter().enumerate() {
        let handle = format!("{index:064x}");
        let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": handle, "content": mode});
        app.register(mode, phone).await;
    }
    let mut nameless = chat("e3", "ChatMessageReceived", "m2", 1, "Lunch?");
    nameless["data"]["senderDisplayName"] = Value::Null;
    let mut long = chat("e4", "ChatMessageReceived", "m3", 1, "Lunch?");
    long["data"]["senderCommunicationIdentifier"]["rawId"] = json!("8:".to_owned() + &"x".repeat(3000));
    for (event, full, sender) in [
        (
            chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"),
            json!(["Alice", ALICE, null]),
            json!(["Alice", ALICE, null]),
        ),
        (added("e2"), json!(["Alice", ALICE, "Friday lunch"]), json!(["Alice", ALICE, null])),
        (nameless, json!([null, ALICE, null]), json!([null, ALICE, null])),
        // That is no raw id, and would take the place of the text.
        (long, json!(["Alice", null, null]), json!(["Alice", null, null])),
        (chat("e5", "ChatMessageDeleted", "m1", 2, ""), json!([null, null, null]), json!([null, null, null])),
    ] {
        let before = app.hub.accepted().len();
        assert_eq!(app.deliver(&event).await["delivered"], 3);
        for request in &app.hub.accepted()[before..] {
            let acs = body(request)["acs"].take();
            let expected = match request.device_handle.as_deref().unwrap().chars().last() {
                Some('0') => &full,
                Some('1') => &sender,
                _ => &json!([null, null, null]),
            };
            assert_eq!(json!([acs["sender"], acs["senderId"], acs["topic"]]), *expected, "{event}");
        }
    }
}
