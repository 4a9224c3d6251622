//! Direct sends to many handles in one request.

use notification_hubs_emulator::{Emulator, HubOptions, Mode, Options, Tier};

use crate::client::{APNS, Send, apple, start, start_hub};

const PARTS: [(&str, &str, &str); 2] =
    [("notification", "application/json;charset=utf-8", APNS), ("devices", "application/json", r#"["a","b"]"#)];

fn body(parts: &[(&str, &str, &str)]) -> String {
    let mut body = String::new();
    for (name, content_type, content) in parts {
        body += &format!("--b\r\nContent-type: {content_type}\r\nContent-Disposition: inline; name={name}\r\n");
        body += &format!("\r\n{content}\r\n");
    }
    body + "--b--"
}

fn batch(emulator: &Emulator) -> Send {
    apple(emulator)
        .target(&format!("/{}/messages/$batch?direct&api-version=2020-06", emulator.hub_name()))
        .without("ServiceBusNotification-DeviceHandle")
        .header("Content-Type", "multipart/mixed; boundary = \"b\"")
        .body(body(&PARTS))
}

fn with_devices(emulator: &Emulator, devices: &str) -> Send {
    batch(emulator).body(body(&[PARTS[0], ("devices", "application/json", devices)]))
}

#[tokio::test]
async fn a_batch_is_accepted_and_recorded_with_its_handles_and_notification() {
    let emulator = start().await;
    let response = batch(&emulator).send().await;
    assert_eq!((response.status().as_u16(), &response.headers()["content-length"]), (201, &"0".parse().unwrap()));
    let request = emulator.accepted().remove(0);
    let location = response.headers()["location"].to_str().unwrap();
    let id = request.notification_id.unwrap();
    assert_eq!(location, format!("{}/acs-push-dev/messages/{id}?api-version=2020-06", emulator.url()));
    let batch = request.batch.unwrap();
    assert_eq!((batch.device_handles, batch.notification.as_str()), (vec!["a".to_owned(), "b".to_owned()], APNS));
    assert_eq!((request.device_handle, request.warnings), (None, Vec::new()));
}

#[tokio::test]
async fn the_location_of_a_batch_may_have_batch_in_it() {
    let emulator = Emulator::start(Options { batch_in_location: true, ..Options::default() }).await.unwrap();
    let response = batch(&emulator).send().await;
    let location = response.headers()["location"].to_str().unwrap();
    assert!(location.starts_with(&format!("{}/acs-push-dev/messages/$batch/", emulator.url())), "{location}");
}

#[tokio::test]
async fn a_batch_without_both_parts_is_refused_with_the_text_of_the_service() {
    let emulator = start().await;
    let text = "Could not find a part of the multipart content supplied.".to_owned();
    for send in [
        batch(&emulator).body(body(&PARTS[..1])),
        batch(&emulator).body(body(&PARTS[1..])),
        batch(&emulator).body(""),
        batch(&emulator).body(body(&PARTS).replace("--b--", "")),
        batch(&emulator).header("Content-Type", "multipart/mixed; boundary=other"),
    ] {
        assert_eq!(send.refusal().await, (400, text.clone()));
    }
}

#[tokio::test]
async fn a_batch_without_a_boundary_is_an_unknown_error_as_at_the_service() {
    for tier in [Tier::Free, Tier::Standard] {
        let emulator = start_hub(HubOptions { tier, ..HubOptions::new("hub") }, Mode::Strict).await;
        for content_type in ["multipart/mixed", "multipart/mixed; boundary="] {
            let send = batch(&emulator).header("Content-Type", content_type);
            assert_eq!(send.refusal().await, (500, "Unknown error has occured.".to_owned()), "{content_type}");
        }
    }
}

#[tokio::test]
async fn a_batch_is_refused_for_the_same_reasons_as_a_single_send() {
    let emulator = start().await;
    for (send, status, wanted) in [
        (batch(&emulator).header("ServiceBusNotification-Format", "fcm"), 400, "-Format"),
        (batch(&emulator).header("ServiceBusNotification-Format", "template"), 400, "template"),
        (batch(&emulator).header("Content-Type", "application/json"), 400, "'Content-Type'"),
        (batch(&emulator).target("/acs-push-dev/messages/$batch?direct&api-version=2015-04"), 400, "'api-version'"),
        (batch(&emulator).body(body(&[(PARTS[0].0, "text/plain", APNS), PARTS[1]])), 400, "'Content-Type'"),
        (batch(&emulator).body(body(&[(PARTS[0].0, PARTS[0].1, "no json"), PARTS[1]])), 400, "payload is invalid"),
        (batch(&emulator).body(body(&[(PARTS[0].0, PARTS[0].1, "{}"), PARTS[1]])), 400, "no object 'aps'"),
        (batch(&emulator).body("x".repeat(65_537)), 413, "64 KB"),
    ] {
        let (told, detail) = send.refusal().await;
        assert!(told == status && detail.contains(wanted), "{wanted}: {told} {detail}");
    }
}

#[tokio::test]
async fn devices_is_an_array_of_one_to_a_thousand_strings() {
    let emulator = start().await;
    let many = |count: usize| serde_json::to_string(&vec!["a"; count]).unwrap();
    for (devices, wanted) in [
        ("[]", "it is empty"),
        (r#"["a",""]"#, "a device handle is empty"),
        (r#"["a",1]"#, "not an array of strings"),
        (r#"{"a":"b"}"#, "not an array of strings"),
        (&*many(1001), "it has 1001"),
    ] {
        let (status, detail) = with_devices(&emulator, devices).refusal().await;
        assert!(status == 400 && detail.contains(wanted), "{devices}: {status} {detail}");
    }
    assert_eq!(with_devices(&emulator, &many(1000)).status().await, 201);
    let repeated = emulator.accepted().pop().unwrap().warnings;
    assert!(matches!(&repeated[..], [one] if one.starts_with("999 device handles")), "{repeated:?}");
}

#[tokio::test]
async fn single_quotes_as_in_the_reference_are_accepted_with_a_warning() {
    let emulator = start().await;
    assert_eq!(with_devices(&emulator, "['a','b']").status().await, 201);
    let request = emulator.accepted().remove(0);
    assert_eq!(request.batch.unwrap().device_handles, ["a", "b"]);
    assert!(request.warnings[0].contains("single quotes"), "{:?}", request.warnings);
}

#[tokio::test]
async fn the_free_tier_has_no_batches() {
    for (tier, status) in [(Tier::Free, 403), (Tier::Basic, 201), (Tier::Standard, 201)] {
        let emulator = start_hub(HubOptions { tier, ..HubOptions::new("hub") }, Mode::Strict).await;
        assert_eq!(batch(&emulator).status().await, status, "{tier:?}");
        if tier == Tier::Free {
            let text = "This operation is not available for your tier".to_owned();
            assert_eq!(batch(&emulator).refusal().await, (403, text));
            assert!(!batch(&emulator).send().await.headers().contains_key("retry-after"));
            assert_eq!(apple(&emulator).status().await, 201);
        }
    }
}

#[tokio::test]
async fn one_apple_handle_that_is_not_hexadecimal_refuses_the_batch() {
    let emulator = start().await;
    let text = "One or more characters in device token is not a hexadecimal digit.".to_owned();
    assert_eq!(with_devices(&emulator, r#"["ab","ag"]"#).refusal().await, (400, text));
    assert_eq!(with_devices(&emulator, r#"["ab","A0"]"#).status().await, 201);
}
