//! What backends and apps send in a PUT that can never work: 400 with the cause, and nothing of the value in it.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::support::*;

/// 64 hexadecimal digits.
const TOKEN: &str = "17b5a6fa9dbac4141edc5325e38e40872f0c1d2e3a4b5c6d7e8f9012baa709c0";

/// The message of a PUT that is refused.
async fn refused(app: &App, installation: &Value) -> String {
    refused_body(app, installation.to_string()).await
}

async fn refused_body(app: &App, body: String) -> String {
    let request = app.request(reqwest::Method::PUT, "/api/installations/phone").body(body.clone());
    let reply = Reply::of(request).await;
    assert_eq!(reply.status, 400, "{body}: {reply:?}");
    assert_eq!(reply.json()["error"]["code"], "InvalidInstallation", "{body}");
    reply.json()["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_apps_send_in_place_of_a_device_token_is_told_by_its_cause() {
    let app = App::start().await;
    let (upper, groups) = (TOKEN.to_uppercase(), TOKEN.as_bytes().chunks(8));
    let groups: Vec<&str> = groups.map(|group| str::from_utf8(group).unwrap()).collect();
    let fcm = "dQw4w9WgXcQ:APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ-hQMRKRrZuJAEcl7B338qju59zJMjw2DELjzEv";
    for (platform, token, words) in [
        (
            "apns",
            "{length=32,bytes=0x17b5a6fa9dbac4141edc5325e38e4087...baa709c0916f3bc0}",
            "description of the token's bytes",
        ),
        ("apns", "{length = 32, bytes = 0x17b5a6fa 9dbac414 ... baa709c0 916f3bc0 }", "deviceToken.map"),
        ("apns", &format!("<{TOKEN}>"), "description of the token's bytes"),
        ("apns", &format!("<{}>", groups.join(" ")), "description of the token's bytes"),
        ("fcmv1", &format!("<{}>", groups.join(" ")), "description of the token's bytes"),
        ("apns", &format!("0x{TOKEN}"), "description of the token's bytes"),
        ("apns", &groups.join("-"), "other characters between or around its digits"),
        ("apns", &groups.join(" "), "other characters between or around its digits"),
        ("apns", &groups.join(":"), "other characters between or around its digits"),
        ("apns", &format!("_{TOKEN}_"), "other characters between or around its digits"),
        ("apns", fcm, "is an FCM token: use the platform \"fcmv1\""),
        ("apns", "APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ-hQMRKRrZuJ", "is an FCM token"),
        ("fcmv1", TOKEN, "is an APNs token: use the platform \"apns\""),
        ("fcmv1", &upper, "is an APNs token: use the platform \"apns\""),
        ("apns", "ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]", "Expo token"),
        ("fcmv1", "ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]", "Expo token"),
        ("fcmv1", "ExpoPushToken[xxxxxxxxxxxxxxxxxxxxxx]", "getDevicePushTokenAsync"),
        ("apns", &format!("\"{TOKEN}\""), "in quotes"),
        ("fcmv1", &format!("\"{fcm}\""), "in quotes"),
        ("apns", &format!("Optional(\"{TOKEN}\")"), "in quotes"),
        ("apns", "F7Wm+p26xBQe3FMl444QhyByDR0uOktcbX6PkBK6pwnA=", "is base64"),
        ("apns", "F7Wm-p26xBQe3FMl444QhyByDR0uOktcbX6PkBK6pwnA", "is base64"),
        ("apns", "(null)", "missing value"),
        ("apns", "nil", "missing value"),
        ("fcmv1", "undefined", "missing value"),
        ("fcmv1", "[object Object]", "missing value"),
        ("fcmv1", "BLACKLISTED", "missing value"),
        ("apns", "<device token>", "placeholder"),
        ("fcmv1", "{{token}}", "placeholder"),
        ("fcmv1", "YOUR_TOKEN", "placeholder"),
        ("fcmv1", "https://fcm.googleapis.com/fcm/send/abc", "is an address"),
        ("apns", &TOKEN[1..], "has 63 hexadecimal digits: expected 64 or more, and an even number"),
        ("apns", &TOKEN[..32], "has 32 hexadecimal digits"),
        ("apns", "iphone-of-bob", "is no APNs token"),
        ("apns", "", "visible ASCII"),
        ("fcmv1", "two words", "visible ASCII"),
        ("fcmv1", &"x".repeat(2049), "visible ASCII"),
    ] {
        let mut installation = json!({"userId": BOB, "platform": platform, "pushChannel": token});
        let message = refused(&app, &installation).await;
        assert!(message.starts_with("pushChannel: ") && message.contains(words), "{platform} {token}: {message}");
        assert!(token.len() < 16 || !message.contains(token), "{token}: {message}");
        if platform == "apns" {
            // A PushKit token has the same form.
            (installation["pushChannel"], installation["voipPushChannel"]) = (json!(TOKEN), json!(token));
            assert_eq!(refused(&app, &installation).await, message.replacen("pushChannel", "voipPushChannel", 1));
        }
    }
    for (platform, token) in [
        ("apns", &*format!(" {TOKEN}\n")),
        ("apns", &upper),
        ("apns", &format!("{TOKEN}{TOKEN}{}", &TOKEN[..32])),
        ("fcmv1", fcm),
        ("fcmv1", "APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ-hQMRKRrZuJ"),
    ] {
        app.register("phone", json!({"userId": BOB, "platform": platform, "pushChannel": token})).await;
    }
}

#[tokio::test]
async fn an_apns_token_in_two_letter_cases_is_one_device() {
    let app = App::start().await;
    let phone = |alerts: &str, calls: &str| json!({"userId": BOB, "platform": "apns", "pushChannel": alerts, "voipPushChannel": calls});
    let (alerts, calls) = ("ab".repeat(32), "cd".repeat(32));
    app.register("old", phone(&alerts.to_uppercase(), &calls.to_uppercase())).await;
    app.register("new", phone(&alerts, &calls)).await;
    assert_eq!(app.get("/api/installations/old").await.status, 404);
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await;
    app.deliver(&call("e2", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    let handles: Vec<String> = app.hub.accepted().into_iter().filter_map(|request| request.device_handle).collect();
    assert_eq!(handles, [alerts, calls]);
}

#[tokio::test]
async fn a_user_id_is_trimmed_or_told_apart_from_a_raw_id() {
    let app = App::start().await;
    for stated in [format!("{BOB} "), format!("\t{BOB}\r\n"), format!("\u{feff}{BOB}\u{200b}"), BOB.to_owned()] {
        let phone = json!({"userId": stated, "platform": "apns", "pushChannel": TOKEN});
        assert_eq!(app.put("phone", &phone).await.json()["userId"], BOB, "{stated:?}");
        let line = app.deliver(&chat(&stated, "ChatMessageReceived", &stated, 1, "Hello")).await;
        assert_eq!(line["outcome"], "delivered", "{stated:?}");
    }
    for raw_id in [
        "8:orgid:00000000-0000-4000-8000-000000000000",
        "8:gcch-acs:a_b",
        "28:bot",
        "8:teamsvisitor:a",
        "4:+15551234567",
    ] {
        app.register("phone", json!({"userId": raw_id, "platform": "apns", "pushChannel": TOKEN})).await;
    }
    let claim = BOB.trim_start_matches("8:");
    for (stated, cause) in [
        (claim, "lacks the \"8:\" in front"),
        ("bf661cab-0000-4000-8000-000000000000", "UUID"),
        ("+1 (555) 123-4567", "phone number, which belongs into phoneNumbers"),
        ("bob@contoso.com", "no raw id"),
        ("bob", "no raw id"),
        ("acs-user:1", "no raw id"),
        (":bob", "no raw id"),
        ("8:", "no raw id"),
        ("8%3Aacs%3Aa_b", "no raw id"),
        ("8:acs:{resource}_{user}", "bracket"),
        ("8:acs:<user>", "bracket"),
        ("8:acs:\"a_b\"", "quotation mark"),
        ("", "1 to 256 bytes"),
        ("  ", "1 to 256 bytes"),
        (&format!("8:{}", "x".repeat(256)), "1 to 256 bytes"),
    ] {
        let message = refused(&app, &json!({"userId": stated, "platform": "apns", "pushChannel": TOKEN})).await;
        assert!(message.starts_with("userId: ") && message.contains(cause), "{stated}: {message}");
        if !cause.contains("256") {
            assert!(message.contains("8:acs:RESOURCE_USER"), "{stated}: {message}");
        }
        assert!(stated.len() < 8 || !message.contains(stated), "{stated}: {message}");
    }
}

#[tokio::test]
async fn a_member_that_repeats_in_any_case_is_refused() {
    let app = App::start().await;
    let rest = format!("\"platform\":\"apns\",\"pushChannel\":\"{TOKEN}\"");
    for (name, members) in [
        ("userId", format!("\"userId\":\"{ALICE}\",\"userId\":\"{BOB}\"")),
        ("USERID", format!("\"userId\":\"{ALICE}\",\"USERID\":\"{BOB}\"")),
        ("userid", format!("\"userId\":\"{ALICE}\",\"userid\":null")),
        ("userId", format!("\"userId\":\"{ALICE}\",\"\\u0075ser\\u0049d\":\"{BOB}\"")),
        ("phonenumbers", format!("\"userId\":\"{ALICE}\",\"phoneNumbers\":[],\"phonenumbers\":[\"15551234567\"]")),
        ("Tags", format!("\"userId\":\"{ALICE}\",\"tags\":[],\"Tags\":[]")),
    ] {
        let message = refused_body(&app, format!("{{{members},{rest}}}")).await;
        assert!(message.contains(&format!("{name}: occurs twice")), "{members}: {message}");
        assert!(!message.contains(ALICE) && !message.contains(BOB), "{message}");
    }
    assert_eq!(app.get("/api/installations/phone").await.status, 404);
}

#[tokio::test]
async fn an_unknown_member_is_listed_as_ignored_unless_it_is_nearly_a_known_one() {
    let app = App::start().await;
    let mut installation = json!({"userId": BOB, "platform": "apns", "pushChannel": TOKEN});
    for (name, meant) in [
        ("voipPushChanel", "voipPushChannel"),
        ("voip_push_channel", "voipPushChannel"),
        ("voip-push-channel", "voipPushChannel"),
        ("user_id", "userId"),
        ("phoneNumber", "phoneNumbers"),
        ("mutedThread", "mutedThreads"),
        ("expiratonTime", "expirationTime"),
        ("contents", "content"),
        ("local", "locale"),
        ("apps", "app"),
    ] {
        let mut with = installation.clone();
        with[name] = json!("x");
        let message = refused(&app, &with).await;
        assert!(message.contains(&format!("{name}: unknown member; did you mean {meant}?")), "{message}");
    }
    let many: String = (0..400_000).map(|number| format!("\"voipPush{number}\":0,")).collect();
    let message = refused_body(&app, format!("{{{many}\"userId\":\"{BOB}\"}}")).await;
    assert!(message.starts_with("body: has 400001 members: expected at most 100"), "{message}");
    let names = ["tags", "templates", "lastUpdate", "pushChannelExpired", "language", "name", "id", "hint", "x"];
    for name in names {
        installation[name] = Value::Null;
    }
    let reply = app.put("phone", &installation).await;
    let mut ignored: Vec<String> = serde_json::from_value(reply.json()["ignored"].clone()).unwrap();
    ignored.sort();
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!((reply.status, ignored), (201, expected.into_iter().map(str::to_owned).collect()));
    assert!(app.get("/api/installations/phone").await.json().get("ignored").is_none());
}

#[tokio::test]
async fn an_expiration_time_in_the_past_is_refused() {
    let app = App::start().await;
    for past in [
        "2020-01-31T12:00:00Z".to_owned(),
        (Utc::now() - TimeDelta::seconds(1)).to_rfc3339_opts(SecondsFormat::Secs, true),
    ] {
        let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": TOKEN, "expirationTime": past});
        let message = refused(&app, &phone).await;
        assert!(message.starts_with("expirationTime: is in the past"), "{message}");
    }
}
