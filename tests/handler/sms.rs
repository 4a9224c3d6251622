//! Text messages: the exact requests that reach the hub.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn an_sms_reaches_an_iphone_as_one_signed_direct_send() {
    let app = App::start().await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    let event = sms("sms-1", "15551234567", "Great to connect ");
    let line = app.deliver(&event).await;
    assert_eq!(
        (&line["event"], &line["outcome"], &line["delivered"]),
        (&json!("sms-1"), &json!("delivered"), &json!(1))
    );

    let requests = app.hub.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/alerts/messages"));
    assert_eq!(request.query, "direct&api-version=2020-06");
    let expires =
        chrono::DateTime::parse_from_rfc3339(event["eventTime"].as_str().unwrap()).unwrap().timestamp() + 24 * 3600;
    let expected = BTreeMap::from([
        ("accept", "*/*"),
        ("user-agent", concat!("acs-push/", env!("CARGO_PKG_VERSION"))),
        ("content-type", "application/json;charset=utf-8"),
        ("servicebusnotification-devicehandle", IPHONE),
        ("servicebusnotification-format", "apple"),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-collapse-id", "bzf8UaD7PaKBWFS0Pzg6Ec5h5U3i9PuXl7kzwC7t9v4"),
    ]);
    let mut headers = headers(request);
    assert_eq!(headers.remove("apns-expiration"), Some(expires.to_string().as_str()));
    assert_eq!(headers, expected);
    assert_eq!(
        body(request),
        json!({
            "aps": {
                "alert": {"title": "+15557654321", "body": "Great to connect "},
                "sound": "default",
                "thread-id": "sms:15551234567:15557654321",
            },
            "acs": {
                "op": "show", "id": "bzf8UaD7PaKBWFS0Pzg6Ec5h5U3i9PuXl7kzwC7t9v4", "messageId": "sms-1",
                "sender": "+15557654321", "senderId": "+15557654321",
            },
        })
    );
}

#[tokio::test]
async fn an_sms_reaches_an_android_phone_as_an_fcm_v1_message() {
    let app = App::start().await;
    app.register("android", json!({"phoneNumbers": ["15551234567"], "platform": "fcmv1", "pushChannel": ANDROID}))
        .await;
    app.deliver(&sms("sms-1", "15551234567", "Hello")).await;

    let requests = app.hub.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let expected = BTreeMap::from([
        ("accept", "*/*"),
        ("user-agent", concat!("acs-push/", env!("CARGO_PKG_VERSION"))),
        ("content-type", "application/json;charset=utf-8"),
        ("servicebusnotification-devicehandle", ANDROID),
        ("servicebusnotification-format", "fcmv1"),
    ]);
    assert_eq!(headers(request), expected);
    let id = "bzf8UaD7PaKBWFS0Pzg6Ec5h5U3i9PuXl7kzwC7t9v4";
    let mut message = body(request)["message"].take();
    let ttl = message["android"]["ttl"].take();
    assert!(matches!(ttl.as_str(), Some("86399s" | "86400s")), "{ttl}");
    assert_eq!(
        message,
        json!({
            "data": {
                "op": "show", "id": id, "messageId": "sms-1", "sender": "+15557654321", "senderId": "+15557654321",
            },
            "notification": {"title": "+15557654321", "body": "Hello"},
            "android": {"priority": "HIGH", "ttl": null, "notification": {"tag": id}},
        })
    );
}

#[tokio::test]
async fn a_number_is_found_with_and_without_its_plus_on_either_side() {
    let app = App::start().await;
    for (index, (registered, addressed)) in
        [("+15551234567", "15551234567"), ("15551234568", "+15551234568"), ("+1 (555) 123-4569", "+15551234569")]
            .into_iter()
            .enumerate()
    {
        let handle = format!("{index:064x}");
        app.register(&handle, json!({"phoneNumbers": [registered], "platform": "apns", "pushChannel": handle})).await;
        let line = app.deliver(&sms(&format!("sms-{index}"), addressed, "Hello")).await;
        assert_eq!(line["outcome"], "delivered", "{registered} {addressed}");
    }
}

#[tokio::test]
async fn the_members_of_2020_are_read_as_todays_and_a_number_may_text_itself() {
    let app = App::start().await;
    app.register("iphone", json!({"phoneNumbers": ["15555555555"], "platform": "apns", "pushChannel": IPHONE})).await;
    let data = json!({"MessageId": "m", "From": "15555555555", "To": "15555555555", "Message": "to myself"});
    let line = app.deliver(&event("sms-1", "SMSReceived", "/phonenumber/15555555555", data)).await;
    assert_eq!(line["outcome"], "delivered");
    assert_eq!(body(&app.hub.accepted()[0])["aps"]["alert"]["body"], "to myself");
}

#[tokio::test]
async fn a_sender_that_is_no_long_number_is_shown_as_it_is() {
    let app = App::start().await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    for (from, title) in [("CONTOSO", "CONTOSO"), ("72345", "72345"), ("+4930123456", "+4930123456")] {
        let mut event = sms(from, "15551234567", "Hello");
        event["data"]["from"] = json!(from);
        app.deliver(&event).await;
        let sent = app.hub.accepted();
        assert_eq!(body(sent.last().unwrap())["aps"]["alert"]["title"], title);
    }
}

#[tokio::test]
async fn a_long_text_is_cut_to_a_payload_of_4096_bytes_that_is_still_json() {
    let app = App::start().await;
    let number = json!(["15551234567"]);
    app.register("iphone", json!({"phoneNumbers": number, "platform": "apns", "pushChannel": IPHONE})).await;
    app.register("android", json!({"phoneNumbers": number, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    let text = "👩‍👩‍👧 \"안녕\"\n".repeat(2000);
    app.deliver(&sms("sms-1", "15551234567", &text)).await;
    let sent = app.hub.accepted();
    assert_eq!(sent.len(), 2);
    for request in sent {
        assert!(request.body.len() <= 4096 && request.body.len() > 4050, "{}", request.body.len());
        let body = body(&request);
        let shown = body.pointer("/aps/alert/body").or(body.pointer("/message/notification/body")).unwrap();
        let shown = shown.as_str().unwrap().strip_suffix('…').unwrap();
        assert!(text.starts_with(shown));
    }
}

#[tokio::test]
async fn an_sms_from_nobody_is_shown_without_a_sender() {
    let app = App::start().await;
    app.register("iphone", phone()).await;
    for (id, from) in [("e1", json!(null)), ("e2", json!(""))] {
        let mut event = sms(id, "15551234567", "Hello");
        event["data"]["from"] = from;
        assert_eq!(app.deliver(&event).await["outcome"], "delivered", "{id}");
        let alert = body(app.hub.accepted().last().unwrap())["aps"]["alert"].take();
        assert_eq!(alert, json!({"title": "New message", "body": "Hello"}), "{id}");
    }
}
