//! The installations API, and what registrations do to deliveries.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::*;

/// Handles that got a chat message to Bob posted now.
async fn reached(app: &App, id: &str) -> Vec<String> {
    app.hub.clear();
    app.deliver(&chat(id, "ChatMessageReceived", id, 1, "Hello")).await;
    let mut handles: Vec<String> = app.hub.accepted().into_iter().filter_map(|request| request.device_handle).collect();
    handles.sort();
    handles
}

fn phone(user: &str, handle: &str) -> Value {
    json!({"userId": user, "platform": "apns", "pushChannel": handle})
}

#[tokio::test]
async fn a_put_creates_then_replaces_and_shows_the_stored_form_with_masked_handles() {
    let app = App::start().await;
    let installation = json!({
        "installationId": "iphone", "userId": BOB, "phoneNumbers": ["+1 555-123-4567", "15551234567"], "platform": "APNS",
        "pushChannel": IPHONE, "voipPushChannel": IPHONE_VOIP, "os": "ios", "locale": "ko-KR", "content": "sender",
        "mutedThreads": ["19:a"], "android": "DATA", "expirationTime": "2100-01-31T12:00:00Z", "tags": ["a"], "templates": {},
    });
    let stored = json!({
        "installationId": "iphone", "userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns",
        "pushChannel": "****e8f0", "voipPushChannel": "****0001", "os": "ios", "locale": "ko-KR", "content": "sender",
        "mutedThreads": ["19:a"], "android": "data", "expirationTime": "2100-01-31T12:00:00Z",
    });
    assert_eq!(app.get("/api/installations/iphone").await.status, 404);
    let mut answer = stored.clone();
    answer["ignored"] = json!(["tags", "templates"]);
    let put = app.put("iphone", &installation).await;
    assert_eq!((put.status, put.json()), (201, answer.clone()));
    let again = app.put("iphone", &installation).await;
    assert_eq!((again.status, again.json()), (200, answer));
    let get = app.get("/api/installations/iphone").await;
    assert_eq!((get.status, get.json()), (200, stored));
    assert_eq!(app.delete("iphone").await.status, 204);
    assert_eq!(app.get("/api/installations/iphone").await.status, 404);
    assert_eq!(app.delete("iphone").await.status, 204);
    assert_eq!(app.put("iphone", &installation).await.status, 201);
}

#[tokio::test]
async fn every_fault_of_a_put_is_named_in_one_answer() {
    let app = App::start().await;
    let wrong = json!({
        "installationId": "other", "userId": 7, "phoneNumbers": ["abc"], "platform": "windows", "pushChannel": "****e8f0",
        "app": "unknown", "os": "symbian", "locale": "k o", "content": "some", "mutedThreads": "19:a", "android": "both",
        "expirationTime": "soon",
    });
    let reply = app.put("iphone", &wrong).await;
    assert_eq!(reply.status, 400);
    let error = reply.json()["error"].clone();
    assert_eq!(error["code"], "InvalidInstallation");
    let message = error["message"].as_str().unwrap();
    for field in wrong.as_object().unwrap().keys() {
        assert!(message.contains(&format!("{field}: ")), "{field} is not named: {message}");
    }
    assert_eq!(app.get("/api/installations/iphone").await.status, 404);
}

#[tokio::test]
async fn each_fault_says_what_would_be_right() {
    let app = App::start().await;
    let good = phone(BOB, IPHONE);
    for (field, value, expected) in [
        ("platform", json!("gcm"), "use \"fcmv1\""),
        ("platform", json!("fcm"), "use \"fcmv1\""),
        ("platform", json!("apple"), "use \"apns\""),
        ("platform", Value::Null, "expected \"apns\" or \"fcmv1\""),
        ("pushChannel", json!("****e8f0"), "masked"),
        ("pushChannel", json!(""), "visible ASCII"),
        ("pushChannel", json!("line\nbreak"), "visible ASCII"),
        ("userId", Value::Null, "userId, phoneNumbers: expected at least one"),
        ("phoneNumbers", json!(["12"]), "3 to 15 digits"),
        ("phoneNumbers", json!(vec!["15551234567"; 21]), "at most 20"),
        ("installationId", json!("tablet"), "differs from the one in the path"),
        ("app", json!("sandbox"), "NOTIFICATION_HUB_<APP>_NAME"),
    ] {
        let mut installation = good.clone();
        installation[field] = value.clone();
        let reply = app.put("iphone", &installation).await;
        let message = reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(reply.status == 400 && message.contains(expected), "{field} {value}: {} {message}", reply.status);
    }
    for body in ["", "[]", "nonsense"] {
        let request = app.request(reqwest::Method::PUT, "/api/installations/iphone").body(body);
        assert_eq!(Reply::of(request).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn ids_of_any_kind_stay_apart() {
    let app = App::start().await;
    let ids = ["a", "A", "a%20b", "..%2F..", "con", "%C3%A9", "e%CC%81", ".", "a%3Ab", "%E2%80%AE", "a+b", "a%2Bb%2B"];
    for (index, id) in ids.iter().enumerate() {
        let handle = format!("{index:064x}");
        // A dot as a whole segment is taken out of an address by the client itself.
        let id = if *id == "." { "%252E" } else { id };
        assert_eq!(app.put(id, &phone(&format!("8:acs:user-{index}"), &handle)).await.status, 201, "{id}");
    }
    let long = "x".repeat(257);
    assert_eq!(app.put(&long, &phone(BOB, IPHONE)).await.status, 400);
    for index in 0..ids.len() {
        let mut event = chat(&format!("e{index}"), "ChatMessageReceived", &format!("m{index}"), 1, "Hello");
        event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": format!("8:acs:user-{index}")});
        app.deliver(&event).await;
        assert_eq!(app.hub.accepted().last().unwrap().device_handle, Some(format!("{index:064x}")));
    }
}

#[tokio::test]
async fn moving_to_another_user_takes_the_device_from_the_old_one() {
    let app = App::start().await;
    app.register("iphone", phone(BOB, IPHONE)).await;
    assert_eq!(reached(&app, "e1").await, [IPHONE]);
    app.register("iphone", phone(ALICE, IPHONE)).await;
    assert!(reached(&app, "e2").await.is_empty());
    app.register("iphone", phone(BOB, IPHONE)).await;
    assert_eq!(reached(&app, "e3").await, [IPHONE]);
}

#[tokio::test]
async fn a_handle_under_a_new_id_replaces_the_old_installation() {
    let app = App::start().await;
    app.register("before", phone(ALICE, IPHONE)).await;
    app.register("after", phone(BOB, IPHONE)).await;
    assert_eq!(app.get("/api/installations/before").await.status, 404);
    assert_eq!(reached(&app, "e1").await, [IPHONE]);
    // The same goes for where calls go: a phone must not ring for somebody who had it before.
    let mut with_voip = phone(ALICE, &"a".repeat(64));
    with_voip["voipPushChannel"] = json!(IPHONE_VOIP);
    app.register("alices", with_voip.clone()).await;
    with_voip["userId"] = json!("8:acs:carol");
    with_voip["pushChannel"] = json!("b".repeat(64));
    app.register("carols", with_voip).await;
    assert_eq!(app.get("/api/installations/alices").await.status, 404);
    // A handle that was given up is free.
    let other = "c".repeat(64);
    app.register("after", phone(BOB, &other)).await;
    app.register("third", phone(BOB, IPHONE)).await;
    assert_eq!(reached(&app, "e2").await, [IPHONE, &other]);
}

#[tokio::test]
async fn the_least_recently_written_installation_makes_room() {
    let app = App::with(&[("INSTALLATIONS_PER_USER", "2"), ("INSTALLATIONS_PER_NUMBER", "1")]).await;
    let handle = |index: usize| format!("{index:064x}");
    app.register("one", phone(BOB, &handle(1))).await;
    app.register("two", phone(BOB, &handle(2))).await;
    app.register("one", phone(BOB, &handle(1))).await;
    let reply = app.put("three", &phone(BOB, &handle(3))).await;
    assert_eq!((reply.status, &reply.json()["evicted"]), (201, &json!(["two"])));
    assert_eq!(reached(&app, "e1").await, [handle(1), handle(3)]);
    assert_eq!(app.get("/api/installations/two").await.status, 404);

    let mut with_number = phone(ALICE, &handle(4));
    with_number["phoneNumbers"] = json!(["15551234567"]);
    app.register("four", with_number).await;
    let shared = json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": handle(5)});
    assert_eq!(app.put("five", &shared).await.json()["evicted"], json!(["four"]));
    // It lost the number, not its user.
    let four = app.get("/api/installations/four").await.json();
    assert_eq!((&four["userId"], four.get("phoneNumbers")), (&json!(ALICE), None));
}

#[tokio::test]
async fn past_its_expiration_time_an_installation_gets_nothing() {
    let app = App::start().await;
    let with = |lifetime: TimeDelta| {
        let mut installation = phone(BOB, IPHONE);
        installation["expirationTime"] = json!((Utc::now() + lifetime).to_rfc3339_opts(SecondsFormat::Millis, true));
        installation
    };
    app.register("iphone", with(TimeDelta::milliseconds(300))).await;
    while app.get("/api/installations/iphone").await.status == 200 {}
    assert!(reached(&app, "e1").await.is_empty());
    app.register("iphone", with(TimeDelta::hours(1))).await;
    assert_eq!(reached(&app, "e2").await, [IPHONE]);
}

#[tokio::test]
async fn an_installation_goes_to_the_hub_of_its_app() {
    let app = App::with(&[("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB)]).await;
    let mut installation = phone(BOB, IPHONE);
    installation["app"] = json!("Sandbox");
    app.register("iphone", installation).await;
    app.register("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await;
    let mut hubs: Vec<String> = app.hub.accepted().into_iter().map(|request| request.hub).collect();
    hubs.sort();
    assert_eq!(hubs, [HUB, SANDBOX_HUB]);
}

#[tokio::test]
async fn a_put_of_an_iphone_that_could_ring_and_has_no_handle_for_that_is_told_so() {
    let with = |more: Value| {
        let mut phone = phone(BOB, IPHONE);
        phone.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        phone
    };
    let (rings, fcm) = (json!({"voipPushChannel": IPHONE_VOIP}), json!({"platform": "fcmv1", "pushChannel": ANDROID}));
    let no_voip_hub_there = json!({"app": "sandbox"});
    for (voip_hub, installation, has_hint) in [
        (VOIP_HUB, with(json!({})), true),
        (VOIP_HUB, with(rings), false),
        (VOIP_HUB, with(fcm), false),
        (VOIP_HUB, with(no_voip_hub_there), false),
        ("", with(json!({})), false),
    ] {
        let settings = [("NOTIFICATION_HUB_VOIP_NAME", voip_hub), ("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB)];
        let app = App::with(&settings).await;
        for status in [201, 200] {
            let reply = app.put("iphone", &installation).await;
            let hint = reply.json()["hint"].as_str().unwrap_or_default().to_owned();
            assert_eq!((reply.status, hint.contains("voipPushChannel")), (status, has_hint), "{installation}: {hint}");
        }
        assert_eq!(app.get("/api/installations/iphone").await.json()["hint"], Value::Null);
    }
}

#[tokio::test]
async fn many_puts_of_one_installation_at_once_leave_it_with_one_owner() {
    let app = App::start().await;
    let users = [ALICE, BOB, "8:acs:carol", "8:acs:dave"];
    let puts = (0..40).map(|index| {
        let app = &app;
        async move { app.put("iphone", &phone(users[index % users.len()], IPHONE)).await.status }
    });
    let statuses = futures_util::future::join_all(puts).await;
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
    let owner = app.get("/api/installations/iphone").await.json()["userId"].clone();
    for (index, user) in users.iter().enumerate() {
        let mut event = chat(&format!("e{index}"), "ChatMessageReceived", &format!("m{index}"), 1, "Hello");
        event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": user});
        event["data"]["senderCommunicationIdentifier"] = json!({"rawId": "8:acs:erin"});
        let expected = if owner == json!(user) { "delivered" } else { "no_device" };
        assert_eq!(app.deliver(&event).await["outcome"], expected, "{user}; the owner is {owner}");
    }
}

#[tokio::test]
async fn a_put_may_have_as_many_members_and_numbers_as_are_allowed_and_no_more() {
    let app = App::start().await;
    let put = async |numbers: usize, more: usize| {
        let mut body = phone(BOB, IPHONE);
        body["phoneNumbers"] = (0..numbers).map(|number| format!("+1555123{number:04}")).collect();
        for number in 0..more {
            body[format!("more-{number}")] = json!(1);
        }
        app.put("iphone", &body).await
    };
    assert_eq!(put(20, 96).await.status, 201);
    let told = [put(21, 0).await, put(20, 97).await].map(|reply| (reply.status, reply.text));
    assert!(told[0].0 == 400 && told[0].1.contains("has 21 elements: expected at most 20"), "{told:?}");
    assert!(told[1].0 == 400 && told[1].1.contains("has 101 members: expected at most 100"), "{told:?}");
}

#[tokio::test]
async fn a_put_may_say_that_a_device_runs_android() {
    let app = App::start().await;
    let pixel = json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID, "os": "Android"});
    assert_eq!(app.put("pixel", &pixel).await.status, 201);
    assert_eq!(app.get("/api/installations/pixel").await.json()["os"], "android");
}
