//! Sends to tags and to everybody: whom they reach, what templates make, what the sender learns.

use notification_hubs_emulator::{DeviceState, Emulator, HubOptions, Mode, ReceivedRequest};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Send, apple, fcm, start, start_hub};
use crate::registrations::{apple_entry, call, entry};

async fn register(emulator: &Emulator, body: &str) {
    assert_eq!(call(emulator, Method::POST, "registrations", body).status().await, 200);
}

async fn install(emulator: &Emulator, installation: &Value) {
    let path = format!("installations/{}", installation["installationId"].as_str().unwrap());
    let put = call(emulator, Method::PUT, &path, &installation.to_string());
    assert_eq!(put.header("Content-Type", "application/json").status().await, 200);
}

/// `send` to tags, or to everybody.
fn tagged(send: Send, expression: Option<&str>) -> Send {
    let target = send.target.replace("direct&", "");
    let send = send.target(&target).without("ServiceBusNotification-DeviceHandle");
    match expression {
        Some(expression) => send.header("ServiceBusNotification-Tags", expression),
        None => send,
    }
}

fn template(emulator: &Emulator, expression: Option<&str>, body: &Value) -> Send {
    let send = apple(emulator).header("ServiceBusNotification-Format", "template").body(body.to_string());
    tagged(send, expression)
}

fn last(emulator: &Emulator) -> ReceivedRequest {
    emulator.requests().pop().unwrap()
}

/// The device handles that the last send reached, sorted.
fn reached(emulator: &Emulator) -> Vec<String> {
    let recipients = last(emulator).recipients.unwrap();
    assert_eq!(recipients.count, recipients.devices.len());
    let mut handles: Vec<_> = recipients.devices.into_iter().map(|device| device.device_handle).collect();
    handles.sort();
    handles
}

/// Two registrations and two installations with tags.
async fn start_with_devices() -> Emulator {
    let emulator = start().await;
    register(&emulator, &apple_entry("a1", "football,hockey")).await;
    register(&emulator, &apple_entry("a2", "football")).await;
    let fcm = "<Tags>hockey</Tags><FcmV1RegistrationId>f1</FcmV1RegistrationId>";
    register(&emulator, &entry("FcmV1RegistrationDescription", fcm)).await;
    install(&emulator, &json!({"installationId": "i3", "platform": "apns", "pushChannel": "a3", "tags": ["hockey"]}))
        .await;
    install(&emulator, &json!({"installationId": "i2", "platform": "fcmv1", "pushChannel": "f2", "userId": "ada"}))
        .await;
    emulator
}

#[tokio::test]
async fn a_send_reaches_the_registrations_and_installations_of_its_platform_with_matching_tags() {
    let emulator = start_with_devices().await;
    for (expression, wanted) in [
        (Some("football"), vec!["a1", "a2"]),
        (Some("hockey"), vec!["a1", "a3"]),
        (Some("football && hockey"), vec!["a1"]),
        (Some("football || hockey"), vec!["a1", "a2", "a3"]),
        (Some("hockey && !football"), vec!["a3"]),
        (Some("!(football || hockey)"), vec![]),
        (Some("$InstallationId:{i3}"), vec!["a3"]),
        (Some("nobody"), vec![]),
        (None, vec!["a1", "a2", "a3"]),
    ] {
        let response = tagged(apple(&emulator), expression).send().await;
        assert_eq!(response.status(), 201, "{expression:?}");
        assert!(response.headers().contains_key("location") && response.headers().contains_key("x-powered-by"));
        assert_eq!(reached(&emulator), wanted, "{expression:?}");
        assert_eq!(last(&emulator).recipients.unwrap().tag_expression.as_deref(), expression);
    }
    assert_eq!(tagged(fcm(&emulator), Some("$UserId:{ada}")).status().await, 201);
    assert_eq!(reached(&emulator), ["f2"]);
    let direct_false = apple(&emulator).target("/acs-push-dev/messages?direct=false&api-version=2020-06");
    assert_eq!(direct_false.status().await, 201);
    assert_eq!(reached(&emulator), ["a1", "a2", "a3"]);
    let warnings = last(&emulator).warnings;
    assert!(warnings.len() == 1 && warnings[0].contains("without 'direct'"), "{warnings:?}");
}

#[tokio::test]
async fn an_invalid_expression_or_content_is_refused() {
    let emulator = start_with_devices().await;
    for (expression, wanted) in [("a &&", "it ends where a tag"), (&["a"; 21].join("||"), "it has 21 tags")] {
        let (status, detail) = tagged(apple(&emulator), Some(expression)).refusal().await;
        assert!(status == 400 && detail.contains(wanted), "{status} {detail}");
    }
    assert_eq!(tagged(apple(&emulator), None).body("no json").refusal().await.0, 400);
    assert_eq!(tagged(apple(&emulator), None).body("{}").refusal().await.0, 400, "strict mode");
    assert_eq!(tagged(apple(&emulator), None).header("Content-Type", "text/plain").refusal().await.0, 400);
    assert_eq!(template(&emulator, None, &json!({"a": 1})).refusal().await.0, 400);
    assert_eq!(template(&emulator, None, &json!(["a"])).refusal().await.0, 400);
    assert!(emulator.accepted().is_empty());
}

#[tokio::test]
async fn a_template_notification_is_what_each_template_makes_of_it() {
    let emulator = start_with_devices().await;
    let alert = r##"{"aps":{"alert":"$(text)","badge":"#(count)"}}"##;
    let apple = format!(
        "<Tags>hockey</Tags><DeviceToken>b1</DeviceToken><BodyTemplate><![CDATA[{alert}]]></BodyTemplate>\
         <TemplateName>t</TemplateName><ApnsHeaders><ApnsHeader><Header>apns-push-type</Header><Value>alert</Value>\
         </ApnsHeader></ApnsHeaders>"
    );
    register(&emulator, &entry("AppleTemplateRegistrationDescription", &apple)).await;
    install(
        &emulator,
        &json!({"installationId": "i4", "platform": "fcmv1", "pushChannel": "f4", "tags": ["hockey"], "templates": {
            "one": {"body": r#"{"message":{"data":{"a":"{'Hi, ' + $(text)}"}}}"#},
            "two": {"body": r#"{"text":".(text, 5)"}"#, "tags": ["second"]},
        }}),
    )
    .await;
    let body = json!({"text": "hello \"world\"", "count": "3"});
    assert_eq!(template(&emulator, Some("hockey"), &body).status().await, 201);
    let mut devices = last(&emulator).recipients.unwrap().devices;
    devices.sort_by_key(|device| (device.device_handle.clone(), device.template.clone()));
    let made: Vec<_> = devices
        .iter()
        .map(|device| (device.device_handle.as_str(), device.format.as_str(), device.notification.as_deref().unwrap()))
        .collect();
    assert_eq!(
        made,
        [
            ("b1", "apple", r#"{"aps":{"alert":"hello \"world\"","badge":3}}"#),
            ("f4", "fcmv1", r#"{"message":{"data":{"a":"Hi, hello \"world\""}}}"#),
            ("f4", "fcmv1", r#"{"text":"he..."}"#),
        ]
    );
    assert_eq!(devices[0].headers["apns-push-type"], "alert");
    assert_eq!((devices[1].installation_id.as_deref(), devices[1].template.as_deref()), (Some("i4"), Some("one")));
    // Only the template is wrong, so the send is accepted in the strict mode.
    let warnings = last(&emulator).warnings;
    assert_eq!(warnings, ["template 'two': the fcmv1 body has no object 'message'"]);
    assert_eq!(template(&emulator, Some("hockey && !second"), &body).status().await, 201);
    assert_eq!(reached(&emulator), ["b1", "f4"]);
}

async fn telemetry(emulator: &Emulator) -> String {
    let id = last(emulator).notification_id.unwrap();
    call(emulator, Method::GET, &format!("messages/{id}"), "").send().await.text().await.unwrap()
}

#[tokio::test]
async fn telemetry_counts_each_platform_and_a_repeated_handle_once() {
    let emulator = start_with_devices().await;
    register(&emulator, &apple_entry("a1", "football")).await;
    emulator.set_device("a2", DeviceState::Expired);
    assert_eq!(tagged(apple(&emulator), Some("football && !nobody")).status().await, 201);
    let xml = telemetry(&emulator).await;
    let outcome = |name: &str| format!("<Outcome><Name>{name}</Name><Count>1</Count></Outcome>");
    let outcomes = [outcome("Success"), outcome("ExpiredChannel"), outcome("Skipped")].concat();
    let wanted = "</NotificationBody><Tags>football &amp;&amp; !nobody</Tags><TargetPlatforms>apple</TargetPlatforms>";
    assert!(xml.contains(&format!("{wanted}<ApnsOutcomeCounts>{outcomes}</ApnsOutcomeCounts>")), "{xml}");

    let elements = |name: &str, handle: &str| format!("<{name}>{handle}</{name}><BodyTemplate>{{}}</BodyTemplate>");
    for (kind, name) in [("Apple", "DeviceToken"), ("Gcm", "GcmRegistrationId")] {
        register(&emulator, &entry(&format!("{kind}TemplateRegistrationDescription"), &elements(name, "ab"))).await;
    }
    assert_eq!(template(&emulator, None, &json!({"a": "b"})).status().await, 201);
    let xml = telemetry(&emulator).await;
    let counts = |platform: &str, name| format!("<{platform}OutcomeCounts>{}</{platform}OutcomeCounts>", outcome(name));
    let wanted = [counts("Apns", "InvalidNotificationFormat"), counts("Gcm", "InvalidCredentials")].concat();
    assert!(xml.contains(&format!("<TargetPlatforms>apple,gcm</TargetPlatforms>{wanted}")), "{xml}");

    assert_eq!(tagged(apple(&emulator), Some("nobody")).status().await, 201);
    let xml = telemetry(&emulator).await;
    assert!(xml.contains("<State>NoTargetFound</State>"), "{xml}");
}

#[tokio::test]
async fn a_test_send_is_answered_with_the_outcomes() {
    let emulator = start_with_devices().await;
    emulator.set_device("a2", DeviceState::Unregistered);
    let send = tagged(apple(&emulator), Some("football"));
    let response = send.target("/acs-push-dev/messages/?api-version=2020-06&test=true").send().await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()),
        (201, "application/xml; charset=utf-8")
    );
    let xml = response.text().await.unwrap();
    assert!(xml.contains("<Success>1</Success><Failure>1</Failure><Results><RegistrationResult>"), "{xml}");
    let outcome = "<Outcome>The Push Notification System handle for the registration is invalid</Outcome>";
    assert!(
        xml.contains("<ApplicationPlatform>apple</ApplicationPlatform><PnsHandle>a2</PnsHandle>")
            && xml.contains(outcome),
        "{xml}"
    );
}

#[tokio::test]
async fn a_browser_is_reached_with_the_keys_of_its_registration() {
    let emulator = start_hub(HubOptions::new("hub"), Mode::Strict).await;
    let browser = json!({"endpoint": "https://push/1", "p256dh": "p", "auth": "a"});
    install(&emulator, &json!({"installationId": "b", "platform": "browser", "pushChannel": browser})).await;
    let send = apple(&emulator).header("ServiceBusNotification-Format", "browser");
    assert_eq!(tagged(send, None).status().await, 201);
    assert_eq!(reached(&emulator), ["https://push/1"]);
}
