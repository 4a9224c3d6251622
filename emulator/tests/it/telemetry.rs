//! Telemetry of a notification.

use std::time::Duration;

use notification_hubs_emulator::{DeviceState, Emulator, HubOptions, Mode, Options, Tier};
use reqwest::Method;

use crate::client::{Send, apple, fcm, start, start_hub};

/// A request for the telemetry of the last accepted notification.
fn telemetry(emulator: &Emulator) -> Send {
    let id = emulator.accepted().pop().unwrap().notification_id.unwrap();
    get(emulator, &id)
}

fn get(emulator: &Emulator, id: &str) -> Send {
    let target = format!("/{}/messages/{id}?api-version=2016-07", emulator.hub_name());
    apple(emulator).method(Method::GET).target(&target).body("")
}

async fn details(emulator: &Emulator) -> String {
    let response = telemetry(emulator).send().await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/xml; charset=utf-8");
    response.text().await.unwrap()
}

fn outcome(name: &str, count: usize) -> String {
    format!("<Outcome><Name>{name}</Name><Count>{count}</Count></Outcome>")
}

#[tokio::test]
async fn telemetry_has_all_members_of_an_accepted_notification() {
    let emulator = start().await;
    fcm(&emulator).body(r#"{"message":{"data":{"a":"<b>"}}}"#).send().await;
    let id = emulator.accepted()[0].notification_id.clone().unwrap();
    let xml = details(&emulator).await;
    let mut rest = xml.as_str();
    // In this order.
    for wanted in [
        "<NotificationDetails xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\" ",
        &format!("<NotificationId>{id}</NotificationId>"),
        &format!("<Location>sb://127.0.0.1:{}/acs-push-dev/messages/{id}?", emulator.port()),
        "<State>Completed</State><EnqueueTime>20",
        "Z</EnqueueTime><StartTime>20",
        "Z</StartTime><EndTime>20",
        r#"<NotificationBody>{"message":{"data":{"a":"&lt;b&gt;"}}}</NotificationBody>"#,
        "<TargetPlatforms>fcmv1</TargetPlatforms>",
        &format!("<FcmV1OutcomeCounts>{}</FcmV1OutcomeCounts></NotificationDetails>", outcome("Success", 1)),
    ] {
        let (_, behind) = rest.split_once(wanted).unwrap_or_else(|| panic!("no {wanted} in {xml}"));
        rest = behind;
    }
    assert_eq!(rest, "");
    let batch_form = get(&emulator, &format!("$batch/{id}"));
    assert_eq!(batch_form.send().await.text().await.unwrap(), xml);
}

#[tokio::test]
async fn a_send_to_a_device_in_any_state_is_accepted_and_its_outcome_counted() {
    for mode in [Mode::Strict, Mode::Faithful] {
        let emulator = start_hub(HubOptions::new("hub"), mode).await;
        for (state, name) in [
            (DeviceState::Expired, "ExpiredChannel"),
            (DeviceState::Unregistered, "BadChannel"),
            (DeviceState::Throttled, "ChannelThrottled"),
            (DeviceState::Healthy, "Success"),
        ] {
            emulator.set_device("abcdef0123456789", state);
            assert_eq!(apple(&emulator).status().await, 201);
            let xml = details(&emulator).await;
            assert!(xml.contains(&format!("<ApnsOutcomeCounts>{}</Apns", outcome(name, 1))), "{xml}");
        }
    }
}

#[tokio::test]
async fn the_faithful_mode_counts_the_outcome_of_the_platform() {
    let hub = HubOptions { fcm_v1: false, bundle_id: Some("com.contoso.app".to_owned()), ..HubOptions::new("hub") };
    let emulator = start_hub(hub, Mode::Faithful).await;
    for (send, name) in [
        (apple(&emulator).body("{}"), "InvalidNotificationFormat"),
        (apple(&emulator).body(format!("{{\"aps\":{{}},\"x\":\"{}\"}}", "x".repeat(5000))), "InvalidNotificationSize"),
        (apple(&emulator).header("apns-push-type", "voip"), "WrongToken"),
        (fcm(&emulator), "InvalidCredentials"),
    ] {
        assert_eq!(send.status().await, 201);
        let xml = details(&emulator).await;
        assert!(xml.contains(&outcome(name, 1)), "{name}: {xml}");
    }
}

#[tokio::test]
async fn a_batch_is_counted_by_device_and_a_repeated_handle_is_skipped() {
    let emulator = start().await;
    emulator.set_device("b", DeviceState::Expired);
    let part = |name, content| {
        format!(
            "--x\r\nContent-Type: application/json\r\nContent-Disposition: inline; name={name}\r\n\r\n{content}\r\n"
        )
    };
    let notification = part("notification", r#"{"aps":{}}"#);
    let devices = part("devices", r#"["a","b","c","a"]"#);
    let send = apple(&emulator)
        .target("/acs-push-dev/messages/$batch?direct&api-version=2020-06")
        .header("Content-Type", "multipart/mixed; boundary=x")
        .body(notification + &devices + "--x--\r\n");
    assert_eq!(send.status().await, 201);
    let xml = details(&emulator).await;
    let counts = outcome("Success", 2) + &outcome("ExpiredChannel", 1) + &outcome("Skipped", 1);
    assert!(xml.contains(&format!("<ApnsOutcomeCounts>{counts}</ApnsOutcomeCounts>")), "{xml}");
}

#[tokio::test]
async fn telemetry_is_not_found_before_the_delay() {
    let telemetry_delay = Duration::from_secs(3600);
    let emulator = Emulator::start(Options { telemetry_delay, ..Options::default() }).await.unwrap();
    apple(&emulator).send().await;
    assert_eq!(telemetry(&emulator).refusal().await.0, 404);
}

#[tokio::test]
async fn reading_telemetry_is_recorded_and_is_not_a_send() {
    let emulator = start().await;
    apple(&emulator).send().await;
    details(&emulator).await;
    let statuses: Vec<_> = emulator.requests().iter().map(|request| request.status).collect();
    assert_eq!((statuses, emulator.accepted().len()), (vec![Some(201), Some(200)], 1));
}

#[tokio::test]
async fn only_the_standard_tier_has_telemetry_and_only_of_its_own_notifications() {
    for tier in [Tier::Free, Tier::Basic] {
        let emulator = start_hub(HubOptions { tier, ..HubOptions::new("hub") }, Mode::Strict).await;
        apple(&emulator).send().await;
        let text = "This operation is not available for your tier".to_owned();
        assert_eq!(telemetry(&emulator).refusal().await, (403, text));
    }
    let hubs = vec![HubOptions::new("a"), HubOptions::new("b")];
    let emulator = Emulator::start(Options { hubs, ..Options::default() }).await.unwrap();
    assert_eq!(get(&emulator, "1-2-3-4").refusal().await.0, 404);
    assert_eq!(get(&emulator, "1-2-3-4").method(Method::DELETE).refusal().await.0, 405);
    apple(&emulator).target("/b/messages?direct&api-version=2020-06").send().await;
    assert_eq!(telemetry(&emulator).refusal().await.0, 404, "the notification is another hub's");
}
