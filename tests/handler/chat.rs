//! Chat: messages, edits, deletions, threads.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::*;

/// The id that message `m1` of the thread is shown, edited and withdrawn by; computed with Python's `hashlib`.
const M1: &str = "voPY6ksHLhrL7g22_nK643yOoXdHRkycWgMJdT0rdSE";

async fn app_with_phones() -> App {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    app
}

/// What the iPhone and the Android phone got last.
fn last_two(app: &App) -> (BTreeMap<String, String>, Value, Value) {
    let sent = app.hub.accepted();
    let of = |format: &str| sent.iter().rfind(|request| request.format.as_deref() == Some(format)).unwrap().clone();
    let (apple, fcm) = (of("apple"), of("fcmv1"));
    let apns = apple.headers.iter().filter(|(name, _)| name.starts_with("apns-") && *name != "apns-expiration");
    let mut message = body(&fcm)["message"].take();
    message["android"]["ttl"].take();
    (apns.map(|(name, value)| (name.clone(), value.clone())).collect(), body(&apple), message)
}

fn apns_headers(push_type: &str, priority: &str, collapse_id: &str) -> BTreeMap<String, String> {
    let headers = [("apns-push-type", push_type), ("apns-priority", priority), ("apns-collapse-id", collapse_id)];
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

#[tokio::test]
async fn a_message_is_an_alert_grouped_by_its_thread() {
    let app = app_with_phones().await;
    let line = app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    assert_eq!((&line["outcome"], &line["devices"], &line["delivered"]), (&json!("delivered"), &json!(2), &json!(2)));
    let (headers, apple, fcm) = last_two(&app);
    assert_eq!(headers, apns_headers("alert", "10", M1));
    let ids = json!({
        "op": "show", "id": M1, "threadId": "19:lunch@thread.v2", "messageId": "m1", "sender": "Alice", "senderId": ALICE,
    });
    let aps =
        json!({"alert": {"title": "Alice", "body": "Lunch?"}, "sound": "default", "thread-id": "19:lunch@thread.v2"});
    assert_eq!(apple, json!({"aps": aps, "acs": ids}));
    assert_eq!(
        fcm,
        json!({
            "data": ids,
            "notification": {"title": "Alice", "body": "Lunch?"},
            "android": {"priority": "HIGH", "ttl": null, "notification": {"tag": M1}},
        })
    );
}

#[tokio::test]
async fn an_edit_meets_the_message_that_it_is_about_without_a_sound() {
    let app = app_with_phones().await;
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    let line = app.deliver(&chat("e2", "ChatMessageEdited", "m1", 2, "Lunch at one?")).await;
    assert_eq!(line["outcome"], "delivered");
    let (headers, apple, fcm) = last_two(&app);
    assert_eq!(headers, apns_headers("alert", "5", M1));
    let ids = json!({
        "op": "edit", "id": M1, "threadId": "19:lunch@thread.v2", "messageId": "m1", "sender": "Alice", "senderId": ALICE,
    });
    let aps = json!({
        "alert": {"title": "Alice", "body": "Lunch at one?"},
        "thread-id": "19:lunch@thread.v2",
        "interruption-level": "passive",
    });
    assert_eq!(apple, json!({"aps": aps, "acs": ids}));
    let mut data = ids;
    data["tag"] = json!(M1);
    data["title"] = json!("Alice");
    data["body"] = json!("Lunch at one?");
    assert_eq!(fcm, json!({"data": data, "android": {"priority": "NORMAL", "ttl": null}}));
}

#[tokio::test]
async fn a_deletion_withdraws_the_message_silently() {
    let app = app_with_phones().await;
    let line = app.deliver(&chat("e1", "ChatMessageDeleted", "m1", 3, "")).await;
    assert_eq!(line["outcome"], "delivered");
    let (headers, apple, fcm) = last_two(&app);
    assert_eq!(headers, apns_headers("background", "5", M1));
    let ids = json!({"op": "remove", "id": M1, "threadId": "19:lunch@thread.v2", "messageId": "m1"});
    assert_eq!(apple, json!({"aps": {"content-available": 1}, "acs": ids}));
    let mut data = ids;
    data["tag"] = json!(M1);
    assert_eq!(fcm, json!({"data": data, "android": {"priority": "NORMAL", "ttl": null}}));
}

#[tokio::test]
async fn an_edit_long_after_the_message_is_ignored() {
    let app = app_with_phones().await;
    let mut event = chat("e1", "ChatMessageEdited", "m1", 2, "Lunch at one?");
    event["data"]["composeTime"] = json!(ago(TimeDelta::minutes(16)));
    let line = app.deliver(&event).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!("late_edit")));
    event["data"]["composeTime"] = json!(ago(TimeDelta::minutes(14)));
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
}

#[tokio::test]
async fn html_becomes_text_and_what_shows_nothing_is_ignored() {
    let app = app_with_phones().await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "<p>Fish &amp; <b>chips</b><br>at one</p>");
    event["data"]["type"] = json!("RichText/Html");
    app.deliver(&event).await;
    assert_eq!(last_two(&app).1["aps"]["alert"]["body"], "Fish & chips at one");

    for (id, (text, format, reason)) in [
        (" \n", "Text", "empty_body"),
        ("<p></p>", "RichText/Html", "empty_body"),
        ("joined", "ThreadActivity/AddMember", "control_message"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut event = chat(&format!("x{id}"), "ChatMessageReceived", &format!("x{id}"), 1, text);
        event["data"]["type"] = json!(format);
        let line = app.deliver(&event).await;
        assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!(reason)), "{text}");
    }
}

#[tokio::test]
async fn the_sender_and_who_muted_the_thread_get_nothing() {
    let app = App::start().await;
    app.register_android(ALICE).await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "note to self");
    event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": ALICE});
    let line = app.deliver(&event).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("no_device"), &json!("own_action")));

    let muted =
        json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE, "mutedThreads": ["19:lunch@thread.v2"]});
    app.register("iphone", muted).await;
    let line = app.deliver(&chat("e2", "ChatMessageReceived", "m2", 1, "Lunch?")).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("no_device"), &json!("muted")));

    app.register("tablet", json!({"userId": BOB, "platform": "apns", "pushChannel": "ab".repeat(32)})).await;
    let line = app.deliver(&chat("e3", "ChatMessageReceived", "m3", 1, "Lunch?")).await;
    assert_eq!((&line["outcome"], &line["devices"]), (&json!("delivered"), &json!(1)));
    assert_eq!(app.hub.accepted().len(), 1);
}

#[tokio::test]
async fn joining_a_thread_tells_who_joined_and_nobody_else() {
    let app = app_with_phones().await;
    let subject = format!("thread/19:new@thread.v2/createdBy/{ALICE}/recipient/{BOB}");
    let identifier = |raw_id: &str| json!({"rawId": raw_id});
    let created = json!({
        "threadId": "19:new@thread.v2",
        "createdByCommunicationIdentifier": identifier(ALICE),
        "recipientCommunicationIdentifier": identifier(BOB),
        "properties": {"topic": "Friday"},
        "participants": [{"displayName": "Alice", "participantCommunicationIdentifier": identifier(ALICE)}],
    });
    app.deliver(&event("e1", "ChatThreadCreatedWithUser", &subject, created)).await;
    assert_eq!(last_two(&app).1["aps"]["alert"], json!({"title": "Alice", "body": "You were added to Friday"}));

    // In the words of 2020.
    let added = |who: &str| {
        json!({
            "threadId": "19:new@thread.v2",
            "addedBy": ALICE,
            "memberAdded": {"displayName": "x", "memberId": who},
            "recipientId": BOB,
        })
    };
    let line = app.deliver(&event("e2", "ChatMemberAddedToThreadWithUser", &subject, added(BOB))).await;
    assert_eq!(line["outcome"], "delivered");
    assert_eq!(last_two(&app).1["aps"]["alert"]["body"], "You were added to a chat");
    let line = app.deliver(&event("e3", "ChatMemberAddedToThreadWithUser", &subject, added("8:acs:carol"))).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!("somebody_else")));
}

#[tokio::test]
async fn losing_a_thread_withdraws_all_of_it_for_who_lost_it() {
    let app = app_with_phones().await;
    let subject = format!("thread/19:new@thread.v2/deletedBy/{ALICE}/recipient/{BOB}");
    let deleted = json!({"threadId": "19:new@thread.v2", "deletedBy": ALICE, "recipientId": BOB});
    app.deliver(&event("e1", "ChatThreadWithUserDeleted", &subject, deleted)).await;
    let (headers, apple, fcm) = last_two(&app);
    assert_eq!(headers["apns-push-type"], "background");
    assert_eq!(apple["aps"], json!({"content-available": 1}));
    for ids in [&apple["acs"], &fcm["data"]] {
        assert_eq!((&ids["op"], &ids["threadId"]), (&json!("removeThread"), &json!("19:new@thread.v2")));
    }

    let removed = |who: &str| {
        json!({
            "threadId": "19:new@thread.v2",
            "removedByCommunicationIdentifier": {"rawId": ALICE},
            "participantRemoved": {"participantCommunicationIdentifier": {"rawId": who}},
            "recipientCommunicationIdentifier": {"rawId": BOB},
        })
    };
    let line = app.deliver(&event("e2", "ChatParticipantRemovedFromThreadWithUser", &subject, removed(BOB))).await;
    assert_eq!(line["outcome"], "delivered");
    let line = app.deliver(&event("e3", "ChatParticipantRemovedFromThreadWithUser", &subject, removed(ALICE))).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!("somebody_else")));
}

#[tokio::test]
async fn raw_ids_of_every_form_are_compared_whole() {
    let app = App::start().await;
    let ids = [
        "8:acs:d6de2ec6-0000-4000-8000-000000000000_wf_8c7f97d6-0000-4000-8000-000000000000_bf661cab-0000-4000-8000-000000000000",
        "8:acs:d6de2ec6-0000-4000-8000-000000000000_8c7f97d6-0000-4000-8000-000000000000_bf661cab-0000-4000-8000-000000000000",
        "8:orgid:bf661cab-0000-4000-8000-000000000000",
        "8:ACS:d6de2ec6-0000-4000-8000-000000000000_bf661cab-0000-4000-8000-000000000000",
        "8:acs:d6de2ec6-0000-4000-8000-000000000000_bf661cab-0000-4000-8000-000000000000",
    ];
    for (index, id) in ids.iter().enumerate() {
        let handle = format!("{index:064x}");
        app.register(&handle, json!({"userId": id, "platform": "apns", "pushChannel": handle})).await;
    }
    for (index, id) in ids.iter().enumerate() {
        let mut event = chat(&format!("e{index}"), "ChatMessageReceived", "m", 1, "Hello");
        event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": id});
        assert_eq!(app.deliver(&event).await["devices"], 1, "{id}");
        assert_eq!(app.hub.accepted().last().unwrap().device_handle, Some(format!("{index:064x}")), "{id}");
    }
}

#[tokio::test]
async fn fcm_tokens_on_ios_get_what_ios_reads_and_a_call_as_an_alert() {
    let app = App::start().await;
    app.register("ipad", json!({"userId": BOB, "platform": "fcmv1", "os": "ios", "pushChannel": ANDROID})).await;
    let last = || body(app.hub.accepted().last().unwrap())["message"].take();
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    let mut message = last();
    let expiration = message["apns"]["headers"]["apns-expiration"].take();
    assert!(expiration.as_str().unwrap().parse::<i64>().unwrap() > 1_700_000_000, "{expiration}");
    assert_eq!(
        message,
        json!({
            "data": {
                "op": "show", "id": M1, "threadId": "19:lunch@thread.v2", "messageId": "m1", "sender": "Alice", "senderId": ALICE,
            },
            "apns": {
                "headers": {"apns-push-type": "alert", "apns-priority": "10", "apns-expiration": null, "apns-collapse-id": M1},
                "payload": {"aps": {
                    "alert": {"title": "Alice", "body": "Lunch?"}, "sound": "default", "thread-id": "19:lunch@thread.v2",
                }},
            },
        })
    );
    app.deliver(&call("e2", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    let message = last();
    assert_eq!(message["apns"]["payload"]["aps"]["interruption-level"], "time-sensitive");
    assert_eq!(message["apns"]["payload"]["aps"]["alert"], json!({"title": "Alice", "body": "Incoming call"}));
    app.deliver(&chat("e3", "ChatMessageDeleted", "m1", 2, "")).await;
    let message = last();
    assert_eq!(message["apns"]["payload"], json!({"aps": {"content-available": 1}}));
    assert_eq!(message["apns"]["headers"]["apns-push-type"], "background");
}

#[tokio::test]
async fn what_is_too_large_without_its_texts_is_a_dead_letter_and_never_a_broken_payload() {
    let app = app_with_phones().await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?");
    event["data"]["threadId"] = json!("19:".to_owned() + &"x".repeat(4000));
    let line = app.deliver(&event).await;
    let reason = json!("payload too large");
    assert_eq!((&line["outcome"], &line["reason"], &line["refused"]), (&json!("dead_lettered"), &reason, &json!(2)));
    assert!(app.hub.requests().is_empty());
}
