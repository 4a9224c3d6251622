//! The eight outcomes: which one an event has, and that the earlier one in the order wins.

use chrono::TimeDelta;
use notification_hubs_emulator::Fault;
use serde_json::{Value, json};

use crate::support::*;

fn told(line: &Value) -> (&str, Option<&str>) {
    (line["outcome"].as_str().unwrap(), line["reason"].as_str())
}

#[tokio::test]
async fn the_earlier_outcome_in_the_order_wins() {
    let app =
        App::with(&[("EVENT_TYPES", "SMSReceived,Microsoft.Communication.ChatMessageEdited,UserDisconnected")]).await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    // Each event has everything wrong that comes after its own outcome.
    let old = ago(TimeDelta::hours(25));
    let mut hopeless = event("e", "SMSReceived", "/phonenumber/15551234567", json!({"messageId": 7}));
    hopeless["eventTime"] = json!(old);

    let no_event = json!({"id": "e", "subject": "call/1"});
    assert_eq!(
        told(&app.deliver(&no_event).await),
        ("dead_lettered", Some("not_an_event: Data.event.eventType is missing"))
    );
    let mut other_subject = hopeless.clone();
    other_subject["subject"] = json!("call/1");
    other_subject["eventType"] = json!("Microsoft.Communication.CallEnded");
    assert_eq!(told(&app.deliver(&other_subject).await), ("filtered", Some("subject")));
    let mut other_type = hopeless.clone();
    other_type["eventType"] = json!("Microsoft.Communication.ChatMessageReceived");
    assert_eq!(told(&app.deliver(&other_type).await), ("filtered", Some("event_type")));
    let mut unpushed = hopeless.clone();
    unpushed["eventType"] = json!("Microsoft.Communication.UserDisconnected");
    assert_eq!(told(&app.deliver(&unpushed).await), ("ignored", Some("unpushed_type")));
    assert_eq!(told(&app.deliver(&hopeless).await), ("expired", Some("too_old")));
    hopeless["eventTime"] = json!(ago(TimeDelta::zero()));
    assert_eq!(
        told(&app.deliver(&hopeless).await),
        ("dead_lettered", Some("malformed: data.messageId must be a string"))
    );

    assert_eq!(told(&app.deliver(&sms("e1", "15551234567", "Hello")).await), ("delivered", None));
    app.delete("iphone").await;
    assert_eq!(told(&app.deliver(&sms("e1", "15551234567", "Hello")).await), ("duplicate", Some("already_delivered")));
    assert_eq!(told(&app.deliver(&sms("e2", "15551234567", "Hello")).await), ("no_device", Some("no_installation")));
    assert_eq!(app.hub.requests().len(), 1);
}

#[tokio::test]
async fn an_event_whose_time_cannot_be_read_never_expires() {
    let app = App::start().await;
    for (id, time) in [("a", json!("yesterday")), ("b", json!(7)), ("c", Value::Null)] {
        let mut event = sms(id, "15551234567", "Hello");
        event["eventTime"] = time;
        assert_eq!(app.deliver(&event).await["outcome"], "no_device");
    }
}

#[tokio::test]
async fn expiry_is_off_where_the_documentations_samples_are_to_work() {
    for (setting, value) in [("EXPIRE_EVENTS", "false"), ("AZURE_FUNCTIONS_ENVIRONMENT", "Development")] {
        let app = App::with(&[(setting, value)]).await;
        app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE}))
            .await;
        let mut event = sms("e1", "15551234567", "Hello");
        event["eventTime"] = json!("2020-09-18T00:27:47Z");
        assert_eq!(app.deliver(&event).await["outcome"], "delivered", "{setting}");
        // What is over already is sent once, now or never.
        assert_eq!(app.hub.accepted()[0].headers["apns-expiration"], "0");
    }
    let app = App::with(&[("EXPIRE_EVENTS", "true"), ("AZURE_FUNCTIONS_ENVIRONMENT", "Development")]).await;
    let mut event = sms("e1", "15551234567", "Hello");
    event["eventTime"] = json!("2020-09-18T00:27:47Z");
    assert_eq!(app.deliver(&event).await["outcome"], "expired");
}

#[tokio::test]
async fn without_a_recipient_there_is_no_device() {
    let app = App::start().await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": "{rawId}"});
    event["subject"] = json!("thread/{thread-id}/sender/{rawId}/recipient/{rawId}");
    assert_eq!(told(&app.deliver(&event).await), ("no_device", Some("no_recipient")));
}

#[tokio::test]
async fn data_goes_before_the_subject_and_the_subject_serves_where_data_is_silent() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    event["subject"] = json!("thread/19:x/sender/8:acs:a/recipient/8:acs:somebody-else");
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
    event["id"] = json!("e2");
    event["data"]["messageId"] = json!("m2");
    event["data"]["recipientCommunicationIdentifier"] = Value::Null;
    event["subject"] = json!(format!("thread/19:x/sender/8:acs:a/recipient/{BOB}"));
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
    event["id"] = json!("e3");
    event["data"]["messageId"] = json!("m3");
    event["data"]["recipientId"] = json!("8:acs:somebody-else");
    assert_eq!(app.deliver(&event).await["outcome"], "no_device");
}

#[tokio::test]
async fn subjects_are_filtered_by_prefix_whatever_their_slash_plus_and_case() {
    let app = App::with(&[("SUBJECT_PREFIXES", "phonenumber/1555")]).await;
    for (index, (subject, outcome)) in [
        ("/phonenumber/15551234567", "no_device"),
        ("phonenumber/15551234567", "no_device"),
        ("/PhoneNumber/+15551234567", "no_device"),
        ("/phonenumber/14441234567", "filtered"),
        ("thread/19:x/sender/a/recipient/b", "filtered"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut event = sms(&format!("e{index}"), "15551234567", "Hello");
        event["subject"] = json!(subject);
        assert_eq!(app.deliver(&event).await["outcome"], outcome, "{subject}");
    }
}

#[tokio::test]
async fn an_older_version_or_a_message_after_its_deletion_is_a_duplicate() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    assert_eq!(told(&app.deliver(&chat("e1", "ChatMessageEdited", "m1", 5, "new")).await), ("delivered", None));
    for (id, version) in [("e2", 5), ("e3", 1)] {
        let line = app.deliver(&chat(id, "ChatMessageReceived", "m1", version, "old")).await;
        assert_eq!(told(&line), ("duplicate", Some("version_handled")));
    }
    assert_eq!(told(&app.deliver(&chat("e4", "ChatMessageDeleted", "m1", 6, "")).await), ("delivered", None));
    let line = app.deliver(&chat("e5", "ChatMessageEdited", "m1", 7, "newer")).await;
    assert_eq!(told(&line), ("duplicate", Some("message_deleted")));
    assert_eq!(told(&app.deliver(&chat("e6", "ChatMessageReceived", "m2", 1, "other")).await), ("delivered", None));
    assert_eq!(app.hub.accepted().len(), 3);
}

#[tokio::test]
async fn versions_of_one_message_in_one_batch_are_told_one_after_the_other() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.hub.add_fault(Fault::status(503).retry_after("1"));
    let batch = json!([
        chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?"),
        chat("e2", "ChatMessageEdited", "m1", 2, "Lunch at one?"),
        chat("e3", "ChatMessageDeleted", "m1", 3, ""),
        chat("e4", "ChatMessageReceived", "m1", 1, "Lunch?"),
    ]);
    let lines = app.invoke(&batch).await.log_lines();
    let outcomes: Vec<_> = lines.iter().map(|line| told(line).0).collect();
    assert_eq!(outcomes, ["delivered", "delivered", "delivered", "duplicate"]);
    let ops: Vec<Value> = app.hub.accepted().iter().map(|request| body(request)["acs"]["op"].clone()).collect();
    assert_eq!(ops, [json!("show"), json!("edit"), json!("remove")]);
}

#[tokio::test]
async fn an_edit_without_a_version_is_delivered() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    for (id, short_type) in [("e1", "ChatMessageReceived"), ("e2", "ChatMessageEdited")] {
        let mut event = chat(id, short_type, "m1", 1, "Hello");
        event["data"].as_object_mut().unwrap().remove("version");
        assert_eq!(told(&app.deliver(&event).await), ("delivered", None), "{short_type}");
    }
}

#[tokio::test]
async fn of_five_hundred_events_in_one_batch_each_is_accounted_for() {
    let app = App::start().await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    let batch: Vec<Value> = (0..500)
        .map(|index| match index % 5 {
            0 => sms(&format!("e{index}"), "15551234567", "Hello"),
            1 => sms(&format!("e{index}"), "15550000000", "Hello"),
            2 => event(&format!("e{index}"), "CallEnded", "call/1", json!({})),
            3 => json!(index),
            _ => sms(&format!("e{}", index - 4), "15551234567", "Hello"),
        })
        .collect();
    let reply = app.invoke(&json!(batch)).await;
    assert_eq!(reply.status, 200);
    let lines = reply.log_lines();
    assert_eq!(lines.len(), 500);
    let outcomes = ["delivered", "no_device", "filtered", "dead_lettered", "duplicate"];
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["outcome"], outcomes[index % 5], "{index}: {line}");
    }
    assert_eq!(app.hub.accepted().len(), 100);
    let status = app.status().await;
    assert_eq!((&status["received"], &status["in_flight"]), (&json!(500), &json!(0)));
}

#[tokio::test]
async fn a_repeat_after_a_failed_batch_goes_only_to_those_who_were_not_served() {
    let app = App::start().await;
    for (id, number) in [("one", "15550000001"), ("two", "15550000002")] {
        let handle = format!("{number:0>64}");
        app.register(id, json!({"phoneNumbers": [number], "platform": "apns", "pushChannel": handle})).await;
    }
    let batch = json!([sms("e1", "15550000001", "Hello"), sms("e2", "15550000002", "Hello")]);
    app.hub.add_fault(Fault::status(404).on_device(&format!("{:0>64}", "15550000002")));
    let reply = app.invoke(&batch).await;
    assert_eq!(reply.status, 500);
    assert_eq!((app.count("delivered").await, app.count("failed").await), (1, 1));
    let lines = app.invoke(&batch).await.log_lines();
    assert_eq!((told(&lines[0]), told(&lines[1])), (("duplicate", Some("already_delivered")), ("delivered", None)));
    assert_eq!(app.hub.accepted().len(), 2);
}

#[tokio::test]
async fn an_event_with_two_devices_counts_what_an_earlier_attempt_served() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    app.hub.add_fault(Fault::status(404).on_device(ANDROID));
    assert_eq!(app.invoke(&event).await.status, 500);
    app.hub.add_fault(Fault::status(400).on_device(ANDROID));
    let line = app.deliver(&event).await;
    assert_eq!((&line["outcome"], &line["code"]), (&json!("delivered"), &json!("hub_bad_request")));
    assert_eq!((&line["devices"], &line["delivered"], &line["refused"]), (&json!(1), &json!(0), &json!(1)));
    assert_eq!(told(&app.deliver(&event).await), ("duplicate", Some("already_delivered")));
}
