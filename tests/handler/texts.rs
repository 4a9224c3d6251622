//! A notifications file: own texts and options, languages, what is switched on and off, and what is wrong in one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use notification_hubs_emulator::Emulator;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::binary::command;
use crate::support::*;

/// An app with a notifications file of this text.
async fn app_with(file: &str) -> (App, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.toml");
    std::fs::write(&path, file).unwrap();
    (App::with(&[("NOTIFICATIONS_FILE", path.to_str().unwrap())]).await, folder)
}

/// A phone of Bob and of his number, with these further members.
fn phone(platform: &str, handle: &str, more: Value) -> Value {
    let mut phone = more;
    phone["userId"] = json!(BOB);
    phone["phoneNumbers"] = json!(["15551234567"]);
    phone["platform"] = json!(platform);
    phone["pushChannel"] = json!(handle);
    phone
}

/// What each device got last, by its handle.
fn last_by_handle(hub: &Emulator) -> BTreeMap<String, Value> {
    hub.accepted().iter().map(|request| (request.device_handle.clone().unwrap(), body(request))).collect()
}

#[tokio::test]
async fn everybody_reads_their_own_language_or_the_nearest_one_or_english() {
    let app = App::start().await;
    let locales = [
        ("en-GB", "New message", "Incoming call"),
        ("it-IT", "New message", "Incoming call"),
        ("de-AT", "Neue Nachricht", "Eingehender Anruf"),
        ("es-MX", "Mensaje nuevo", "Llamada entrante"),
        ("pt-BR", "Nova mensagem", "Chamada recebida"),
        ("pt-PT", "Nova mensagem", "Chamada recebida"),
        ("ja-JP", "新着メッセージ", "着信"),
        ("fr_CA", "Nouveau message", "Appel entrant"),
        ("ko-KR", "새 메시지", "수신 전화"),
        ("zh-CN", "新消息", "来电"),
        ("zh", "新消息", "来电"),
        ("zh-SG", "新消息", "来电"),
        ("zh-TW", "新訊息", "來電"),
        ("zh-HK", "新訊息", "來電"),
        ("zh_Hant_MO", "新訊息", "來電"),
    ];
    for (index, (locale, ..)) in locales.iter().enumerate() {
        let handle = format!("{index:064x}");
        app.register(locale, phone("apns", &handle, json!({"locale": locale, "content": "hidden"}))).await;
    }
    let call = call("e2", "no UUID");
    for event in [sms("e1", "15551234567", "Hello"), call] {
        let line = app.deliver(&event).await;
        assert_eq!(line["delivered"], locales.len(), "{line}");
    }
    for (index, (locale, message, call)) in locales.iter().enumerate() {
        let sent = app.hub.accepted();
        let of = sent.iter().filter(|request| request.device_handle == Some(format!("{index:064x}")));
        let titles: Vec<Value> = of.map(|request| body(request)["aps"]["alert"]["title"].take()).collect();
        assert_eq!(titles, [*message, *call], "{locale}");
    }
}

#[tokio::test]
async fn a_file_words_alerts_and_sets_their_options() {
    let (app, _folder) = app_with(
        r#"
        [SMSReceived]
        title = "SMS from {{ sender }} to {{ number }}"
        sound = "ping.caf"
        interruption_level = "time-sensitive"
        category = "REPLY"
        android_channel = "sms"
        time_to_live = "10m"
        data = { screen = "inbox", message = "{{ message_id }}" }

        [SMSReceived.ko]
        title = "{{ sender }} 문자"
        "#,
    )
    .await;
    app.register("iphone", phone("apns", IPHONE, json!({"locale": "fr"}))).await;
    app.register("ipad", phone("apns", IPHONE_VOIP, json!({"locale": "ko"}))).await;
    app.register("android", phone("fcmv1", ANDROID, json!({}))).await;
    let event = sms("sms-1", "15551234567", "Say \"hello\" {{ sender }}");
    app.deliver(&event).await;

    let got = last_by_handle(&app.hub);
    let apple = &got[IPHONE];
    // The file's text for everybody goes before the built-in French one.
    let title = "SMS from +15557654321 to +15551234567";
    assert_eq!(apple["aps"]["alert"], json!({"title": title, "body": "Say \"hello\" {{ sender }}"}));
    assert_eq!(got[IPHONE_VOIP]["aps"]["alert"]["title"], "+15557654321 문자");
    assert_eq!(apple["aps"]["sound"], "ping.caf");
    assert_eq!(
        (&apple["aps"]["category"], &apple["aps"]["interruption-level"]),
        (&json!("REPLY"), &json!("time-sensitive"))
    );
    assert_eq!((&apple["screen"], &apple["message"]), (&json!("inbox"), &json!("sms-1")));
    let message = &got[ANDROID]["message"];
    assert_eq!(message["android"]["notification"]["channel_id"], "sms");
    assert_eq!((&message["data"]["screen"], &message["data"]["message"]), (&json!("inbox"), &json!("sms-1")));
    let ttl = message["android"]["ttl"].as_str().unwrap();
    assert!(matches!(ttl, "599s" | "600s"), "{ttl}");
    let sent = app.hub.accepted();
    let expiration = sent.iter().find_map(|request| request.headers.get("apns-expiration")).unwrap();
    let time = chrono::DateTime::parse_from_rfc3339(event["eventTime"].as_str().unwrap()).unwrap();
    assert_eq!(*expiration, (time.timestamp() + 600).to_string());

    // The same time decides what is too old.
    let mut old = sms("sms-2", "15551234567", "Hello");
    old["eventTime"] = json!(ago(TimeDelta::minutes(11)));
    assert_eq!(app.deliver(&old).await["outcome"], "expired");
}

#[tokio::test]
async fn an_app_that_has_its_own_sentences_gets_their_keys_and_what_goes_into_them() {
    let file = "[ChatMessageReceived]\ntitle_loc_key = 'FROM'\ntitle_loc_args = ['{{ sender }}']\nloc_key = \"{{ 'TEXT' if text }}\"\nloc_args = ['{{ text }}']
        [ChatMessageEdited]\nloc_key = 'TEXT'\nloc_args = ['{{ text }}', '2']";
    let (app, _folder) = app_with(file).await;
    app.register("iphone", phone("apns", IPHONE, json!({}))).await;
    app.register("android", phone("fcmv1", ANDROID, json!({}))).await;
    app.register("hidden", phone("apns", IPHONE_VOIP, json!({"content": "hidden"}))).await;
    app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
    let got = last_by_handle(&app.hub);
    let keys = json!({"title-loc-key": "FROM", "title-loc-args": ["Alice"], "loc-key": "TEXT", "loc-args": ["Lunch?"]});
    assert_eq!(got[IPHONE]["aps"]["alert"], keys);
    assert_eq!(got[IPHONE_VOIP]["aps"]["alert"], json!({"title-loc-key": "FROM", "title-loc-args": [""]}));
    let message = &got[ANDROID]["message"];
    assert_eq!(message.get("notification"), None);
    let shown = &message["android"]["notification"];
    assert_eq!((&shown["title_loc_key"], &shown["title_loc_args"]), (&json!("FROM"), &json!(["Alice"])));
    assert_eq!((&shown["body_loc_key"], &shown["body_loc_args"]), (&json!("TEXT"), &json!(["Lunch?"])));

    app.deliver(&chat("e2", "ChatMessageEdited", "m1", 2, "Dinner?")).await;
    let data = last_by_handle(&app.hub)[ANDROID]["message"]["data"].clone();
    assert_eq!((&data["title"], data.get("body")), (&json!("Alice"), None));
    let body = (&data["bodyLocKey"], &data["bodyLocArg1"], &data["bodyLocArg2"]);
    assert_eq!(body, (&json!("TEXT"), &json!("Dinner?"), &json!("2")));
}

#[tokio::test]
async fn no_template_tells_what_the_content_mode_keeps_back() {
    let all = "'{{ sender }}{{ number }}{{ text }}'";
    let thread = "'{{ added_by }}{{ topic }}'";
    let file = format!(
        "[SMSReceived]\ntitle = {all}\ntitle_loc_key = {all}\ntitle_loc_args = [{all}]\nloc_key = {all}\nloc_args = [{all}]\ndata = {{ x = {all} }}
        [ChatThreadCreatedWithUser]\ntitle = {thread}\nbody = {thread}\ndata = {{ x = {thread} }}
        [ChatThreadPropertiesUpdatedPerUser]\non = true\ndata = {{ x = '{{{{ topic }}}}' }}
        [SMSDeliveryReportReceived]\non = true\nbody = '{{{{ receiver }}}}{{{{ number }}}}{{{{ details }}}}'
        [IncomingCall]\ntitle = '{{{{ caller }}}}'"
    );
    let (app, _folder) = app_with(&file).await;
    app.register("hidden", phone("apns", IPHONE, json!({"content": "hidden"}))).await;
    app.register("hidden-android", phone("fcmv1", ANDROID, json!({"content": "hidden"}))).await;
    app.register("hidden-ios", phone("fcmv1", "fcm-token-of-an-ipad", json!({"content": "hidden", "os": "ios"}))).await;
    let subject = format!("thread/19:new@thread.v2/createdBy/{ALICE}/recipient/{BOB}");
    let created = json!({
        "threadId": "19:new@thread.v2", "createdBy": ALICE, "recipientId": BOB, "properties": {"topic": "Canary"},
        "members": [{"displayName": "Alice", "memberId": ALICE}],
    });
    let updated = json!({"threadId": "19:new@thread.v2", "editedBy": ALICE, "recipientId": BOB, "properties": {"topic": "Canary"}});
    let report = json!({
        "messageId": "m", "from": "15551234567", "to": "+15557654321", "deliveryStatus": "Failed", "deliveryStatusDetails": "Canary",
    });
    let mut call = call("e5", "no UUID");
    call["data"]["from"] = json!({"kind": "phoneNumber", "rawId": "4:+15557654321"});
    for event in [
        sms("e1", "15551234567", "Canary"),
        event("e2", "ChatThreadCreatedWithUser", &subject, created),
        event("e3", "ChatThreadPropertiesUpdatedPerUser", &subject, updated),
        event("e4", "SMSDeliveryReportReceived", "/phonenumber/15551234567", report),
        call,
    ] {
        let line = app.deliver(&event).await;
        assert_eq!(line["delivered"], 3, "{line}");
    }
    for request in app.hub.accepted() {
        for canary in ["Canary", "Alice", "1555"] {
            assert!(!request.body.contains(canary), "{}", request.body);
        }
        // Where a template says nothing at all, the built-in text stands in.
        let shown = request.body.contains("\"content-available\":1") || request.body.contains("updateThread");
        assert!(shown || request.body.contains("\"title\":\""), "{}", request.body);
    }
}

#[tokio::test]
async fn the_content_of_a_type_is_less_than_the_settings_and_never_more() {
    let file = "[SMSReceived]\ncontent = 'sender'\n[ChatMessageReceived]\ncontent = 'full'\n[SMSReceived.fr]\ncontent = 'hidden'";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("texts.toml");
    std::fs::write(&path, file).unwrap();
    for (setting, sms_alert, chat_alert) in [
        ("full", json!({"title": "+15557654321", "body": "New message"}), json!({"title": "Alice", "body": "Lunch?"})),
        ("hidden", json!({"title": "New message"}), json!({"title": "New message"})),
    ] {
        let settings = [("NOTIFICATIONS_FILE", path.to_str().unwrap()), ("NOTIFICATION_CONTENT", setting)];
        let app = App::with(&settings).await;
        app.register("iphone", phone("apns", IPHONE, json!({"content": "full"}))).await;
        app.register("ipad", phone("apns", IPHONE_VOIP, json!({"locale": "fr"}))).await;
        app.deliver(&sms("e1", "15551234567", "Hello")).await;
        let got = last_by_handle(&app.hub);
        assert_eq!(got[IPHONE]["aps"]["alert"], sms_alert, "{setting}");
        assert_eq!(got[IPHONE_VOIP]["aps"]["alert"], json!({"title": "Nouveau message"}), "{setting}");
        app.deliver(&chat("e2", "ChatMessageReceived", "m1", 1, "Lunch?")).await;
        assert_eq!(last_by_handle(&app.hub)[IPHONE]["aps"]["alert"], chat_alert, "{setting}");
    }
}

#[tokio::test]
async fn a_type_that_is_switched_off_is_ignored_and_one_that_is_switched_on_is_pushed() {
    let file = "[SMSReceived]\non = false\n[SMSDeliveryReportReceived]\non = true\n[ChatThreadPropertiesUpdatedPerUser]\non = true";
    let (app, _folder) = app_with(file).await;
    app.register("iphone", phone("apns", IPHONE, json!({}))).await;
    app.register("android", phone("fcmv1", ANDROID, json!({}))).await;
    let line = app.deliver(&sms("e1", "15551234567", "Hello")).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!("switched_off")));

    // The names of 2020: what was delivered is no news, what was not is an alert to who has the sending number.
    let report = |status: &str| json!({"MessageId": "m", "From": "15551234567", "To": "+15557654321", "DeliveryStatus": status, "DeliveryStatusDetails": "No route."});
    let event_of = |id, status| event(id, "SMSDeliveryReportReceived", "/phonenumber/15551234567", report(status));
    let line = app.deliver(&event_of("e2", "Delivered")).await;
    assert_eq!((&line["outcome"], &line["reason"]), (&json!("ignored"), &json!("not_failed")));
    assert_eq!(app.deliver(&event_of("e3", "Failed")).await["delivered"], 2);
    let alert = json!({"title": "SMS to +15557654321 was not delivered", "body": "No route."});
    let got = last_by_handle(&app.hub);
    assert_eq!(got[IPHONE]["aps"]["alert"], alert);
    assert_eq!(got[IPHONE]["aps"]["thread-id"], "sms:15551234567:15557654321");
    assert_eq!(got[ANDROID]["message"]["notification"], alert);

    let subject = format!("thread/19:t@thread.v2/editedBy/{ALICE}/recipient/{BOB}");
    let data =
        json!({"threadId": "19:t@thread.v2", "editedBy": ALICE, "recipientId": BOB, "properties": {"topic": "Friday"}});
    assert_eq!(app.deliver(&event("e4", "ChatThreadPropertiesUpdatedPerUser", &subject, data)).await["delivered"], 2);
    let got = last_by_handle(&app.hub);
    assert_eq!(got[IPHONE]["aps"], json!({"content-available": 1}));
    for ids in [&got[IPHONE]["acs"], &got[ANDROID]["message"]["data"]] {
        assert_eq!((&ids["op"], &ids["topic"]), (&json!("updateThread"), &json!("Friday")));
    }
    let sent = app.hub.accepted();
    let push = sent.iter().rfind(|request| request.device_handle.as_deref() == Some(IPHONE)).unwrap();
    assert_eq!(
        (push.headers["apns-push-type"].as_str(), push.headers["apns-expiration"].as_str()),
        ("background", "0")
    );
}

#[tokio::test]
async fn a_template_that_fails_on_some_text_gives_way_to_the_built_in_one() {
    // Steps grow with the text; no sentence takes so many.
    let file = "[SMSReceived]\ntitle = '{% for a in text %}{% for b in text %}{{ a }}{% endfor %}{% endfor %}'";
    let (app, _folder) = app_with(file).await;
    app.register("iphone", phone("apns", IPHONE, json!({}))).await;
    let text = "canary ".repeat(2000);
    assert_eq!(app.deliver(&sms("e1", "15551234567", &text)).await["outcome"], "delivered");
    assert_eq!(last_by_handle(&app.hub)[IPHONE]["aps"]["alert"]["title"], "+15557654321");
}

#[tokio::test]
async fn templates_see_the_values_of_the_app_that_the_file_names_where_everything_may_be_shown() {
    let file = r#"
        [ChatMessageReceived]
        title = "{{ sender }}{{ ' of ' ~ metadata.department if metadata.department }}"
        data = { urgent = "{{ metadata.is_urgent }}" }

        [metadata]
        fields = ["department", "is-urgent"]

        [IncomingCall]
        title = "{{ caller }} for {{ custom_context.Queue or on_behalf_of }}"
        body = "{{ custom_context.X_MS_Custom_Topic }}{{ on_behalf_of }}"

        [custom_context]
        fields = ["Queue", "X-MS-Custom-Topic"]
    "#;
    let (app, _folder) = app_with(file).await;
    app.register("iphone", phone("apns", IPHONE, json!({}))).await;
    app.register("sender", phone("apns", &"ab".repeat(32), json!({"content": "sender"}))).await;
    app.register("hidden", phone("apns", IPHONE_VOIP, json!({"content": "hidden"}))).await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "Lunch?");
    event["data"]["metadata"] = json!({"Department": "Sales", "is-urgent": "yes", "secret": "canary", "number": 7});
    app.deliver(&event).await;
    let got = last_by_handle(&app.hub);
    assert_eq!(got[IPHONE]["aps"]["alert"], json!({"title": "Alice of Sales", "body": "Lunch?"}));
    assert_eq!(got[IPHONE]["urgent"], "yes");
    assert_eq!(got[&"ab".repeat(32)]["aps"]["alert"]["title"], "Alice");
    assert!(!got[IPHONE_VOIP].to_string().contains("Sales") && got[IPHONE_VOIP].get("urgent").is_none());
    for metadata in [json!(null), json!("text"), json!({"department": 7}), json!({"department": " "}), json!([])] {
        event["id"] = json!(metadata.to_string());
        event["data"]["messageId"] = event["id"].clone();
        event["data"]["metadata"] = metadata;
        app.deliver(&event).await;
        assert_eq!(last_by_handle(&app.hub)[IPHONE]["aps"]["alert"]["title"], "Alice", "{event}");
    }

    let mut event = call("k1", "no UUID");
    event["data"]["onBehalfOfCallee"] = json!({"kind": "phoneNumber", "rawId": "4:+15550001111"});
    event["data"]["customContext"] =
        json!({"sipHeaders": {"X-MS-Custom-Topic": "Billing ", "queue": "sip"}, "voipHeaders": {"Queue": "Support"}});
    app.deliver(&event).await;
    let got = last_by_handle(&app.hub);
    assert_eq!(got[IPHONE]["aps"]["alert"], json!({"title": "Alice for Support", "body": "Billing +15550001111"}));
    assert_eq!(got[&"ab".repeat(32)]["aps"]["alert"]["title"], "Alice for +15550001111");
    assert!(!got[IPHONE_VOIP].to_string().contains("1555") && !got[IPHONE_VOIP].to_string().contains("Support"));
    event["id"] = json!("k2");
    event["data"]["onBehalfOfCallee"] = json!({"rawId": "8:orgid:queue"});
    event["data"]["customContext"] = json!({"sipHeaders": null, "voipHeaders": 7});
    app.deliver(&event).await;
    let alert = last_by_handle(&app.hub)[IPHONE]["aps"]["alert"].clone();
    assert_eq!(alert, json!({"title": "Alice for 8:orgid:queue", "body": "8:orgid:queue"}));
    assert!(app.hub.accepted().iter().all(|request| !request.body.contains("canary")));
}

#[tokio::test]
async fn a_file_that_names_values_of_the_app_wrongly_is_refused_with_the_place() {
    let uses = |name: &str| format!("[ChatMessageReceived]\ntitle = '{{{{ {name} }}}}'");
    let long = "x".repeat(65);
    for (file, expected) in [
        ("metadata = 7".to_owned(), "line 1: metadata: expected a table, [metadata]"),
        (
            "[metadata]\nfields = 'department'".to_owned(),
            "line 2: [metadata] fields: is of type string: expected an array",
        ),
        ("[metadata]\nfields = [7]".to_owned(), "[metadata] fields: is of type integer: expected an array of names"),
        ("[metadata]\nfields = ['a b']".to_owned(), "[metadata] fields: \"a b\" is no name: expected a letter, then"),
        ("[metadata]\nfields = ['']".to_owned(), "[metadata] fields: \"\" is no name"),
        ("[metadata]\nfields = ['1st']".to_owned(), "[metadata] fields: \"1st\" is no name"),
        (format!("[metadata]\nfields = ['{long}']"), "is no name: expected"),
        (
            "[metadata]\nfields = ['a-b', 'a_b']".to_owned(),
            "fields: metadata.a_b is there twice for templates: expected",
        ),
        (format!("[metadata]\nfields = {:?}", ["a"; 9]), "[metadata] fields: has 9 names: expected at most 8"),
        ("[metadata]\nnames = ['a']".to_owned(), "[metadata] names: unknown key; did you mean fields?"),
        (uses("metadata.secret"), "unknown field metadata.secret: expected one of sender"),
        (uses("custom_context.a") + "\n[custom_context]\nfields = ['a']", "unknown field custom_context.a: expected"),
        (uses("metadata") + "\n[metadata]\nfields = ['a']", "unknown field metadata: expected one of sender"),
        (uses("metadata.b") + "\n[metadata]\nfields = ['a']", "message_id, metadata.a"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("texts.toml");
        std::fs::write(&path, &file).unwrap();
        let hub = emulator().await;
        let vars = vars(&hub, &[("NOTIFICATIONS_FILE", path.to_str().unwrap())]);
        let told = acs_push::Config::from_vars(vars).unwrap_err().to_string();
        assert!(told.contains(expected) && told.starts_with("NOTIFICATIONS_FILE: "), "{file}: {told}");
    }
}

#[tokio::test]
async fn twenty_mistakes_in_a_file_are_twenty_faults_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = include_str!("../notifications/twenty-mistakes.toml");
    std::fs::write(folder.path().join("texts.toml"), file).unwrap();
    let hub = emulator().await;
    let output = command(&vars(&hub, &[("NOTIFICATIONS_FILE", "texts.toml")]), folder.path()).output();
    let output = timeout(Duration::from_secs(20), output).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(78));
    let told = String::from_utf8(output.stderr).unwrap();
    let told: Vec<&str> = told.lines().collect();
    // Each mistake stands on the line below the comment that says what is to be told of it.
    let lines: Vec<&str> = file.lines().collect();
    let expected =
        lines.iter().enumerate().filter_map(|(index, line)| Some((index + 2, line.trim().strip_prefix("#! ")?)));
    let expected: Vec<_> =
        expected.map(|(line, text)| (format!("NOTIFICATIONS_FILE: texts.toml line {line}: "), text)).collect();
    assert_eq!((expected.len(), told.len()), (20, 20), "{told:#?}");
    for ((start, text), line) in expected.iter().zip(&told) {
        let says_what_is_right = line.contains("expected") || line.contains("did you mean");
        assert!(line.starts_with(start) && line.contains(text) && says_what_is_right, "{line}\n{start}{text}");
    }
}

#[test]
fn the_example_of_the_documentation_is_a_good_file() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/notifications.example.toml");
    assert!(Path::new(example).exists());
    let connection_string = "Endpoint=sb://ns/;SharedAccessKeyName=r;SharedAccessKey=k;EntityPath=hub";
    let vars = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", connection_string),
        ("STORE", "memory:"),
        ("NOTIFICATIONS_FILE", example),
    ];
    let config = acs_push::Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!(config.is_ok(), "{}", config.unwrap_err());
}
