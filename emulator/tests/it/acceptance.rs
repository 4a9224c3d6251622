//! Accepted sends: the answer, and the forms in which clients differ.

use notification_hubs_emulator::{Emulator, FrontEnd, HubOptions, Mode, Options, Tier};

use crate::client::{apple, fcm, start, start_hub};

fn is_guid(text: &str) -> bool {
    let lengths: Vec<_> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
}

#[tokio::test]
async fn a_valid_send_is_answered_like_the_service_does() {
    let emulator = start().await;
    let response = apple(&emulator).send().await;
    assert_eq!(response.status(), 201);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert!(!response.headers().contains_key("content-type"));
    assert_eq!(header("content-length"), "0");
    assert_eq!((header("server").as_str(), header("x-powered-by").as_str()), ("Kestrel", "Azure Notification Hubs"));
    assert_eq!(header("strict-transport-security"), "max-age=2592000");
    assert!(is_guid(&header("trackingid")) && is_guid(&header("x-ms-correlation-request-id")));

    let location = header("location");
    let start = format!("{}/acs-push-dev/messages/", emulator.url());
    let (id, query) = location.strip_prefix(&start).unwrap().split_once('?').unwrap();
    assert_eq!(query, "api-version=2020-06");
    let parts: Vec<_> = id.split('-').collect();
    let [prefix, time, hex, number] = parts[..] else { panic!("{id}") };
    assert_eq!((prefix, time.len(), hex.len(), number.len()), ("NH", 17, 32, 2), "{id}");
    assert!([time, number].iter().all(|part| part.parse::<u64>().is_ok()), "{id}");
    let request = emulator.accepted().remove(0);
    assert_eq!(request.notification_id.as_deref(), Some(id));
    assert_eq!(request.tracking_id, Some(header("trackingid")));
    assert_eq!(response.text().await.unwrap(), "");
}

#[tokio::test]
async fn a_tracking_id_of_the_client_is_repeated_in_the_answer() {
    let emulator = start().await;
    let id = "9137ed07-f7cf-42a7-98a3-71910413a1a4";
    let response = apple(&emulator).header("TrackingId", id).send().await;
    assert_eq!(response.headers()["trackingid"], id);
    assert_eq!(emulator.requests()[0].tracking_id.as_deref(), Some(id));
    // `refusal` compares the one in the header with the one in the body.
    let refused = apple(&emulator).header("TrackingId", id).body("no json");
    assert_eq!((refused.refusal().await.0, &refused.send().await.headers()["trackingid"]), (400, &id.parse().unwrap()));
    let not_an_id = apple(&emulator).header("TrackingId", "x").send().await;
    assert!(is_guid(not_an_id.headers()["trackingid"].to_str().unwrap()));
}

#[tokio::test]
async fn the_front_end_before_2022_answers_as_in_the_older_recordings() {
    let front_end = FrontEnd::Before2022;
    let emulator = Emulator::start(Options { front_end, ..Options::default() }).await.unwrap();
    let sent_id = "9137ed07-f7cf-42a7-98a3-71910413a1a4";
    let response = apple(&emulator).header("TrackingId", sent_id).send().await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((response.status().as_u16(), header("content-type").as_str()), (201, "application/xml; charset=utf-8"));
    assert!(!response.headers().contains_key("server") && !response.headers().contains_key("x-powered-by"));
    assert!(is_guid(&header("trackingid")) && header("trackingid") != sent_id);
    let location = header("location");
    let start = format!("{}/acs-push-dev/messages/", emulator.url());
    let (id, query) = location.strip_prefix(&start).unwrap().split_once('?').unwrap();
    assert_eq!(query, "direct&api-version=2020-06");
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    assert!(matches!(lengths[..], [32, 14, _, _]), "{id}");
    assert!(id.split('-').skip(1).all(|part| part.parse::<u64>().is_ok()), "{id}");

    let refused = apple(&emulator).body("no json").send().await;
    let tracking_id = refused.headers()["trackingid"].to_str().unwrap().to_owned();
    let body = refused.text().await.unwrap();
    let detail = "<Detail>The supplied notification payload is invalid.";
    assert!(
        body.starts_with(&format!("<Error><Code>400</Code>{detail}TrackingId:{tracking_id}_G1,TimeStamp:")),
        "{body}"
    );
    assert!(body.ends_with("M</Detail></Error>"), "{body}");
}

#[tokio::test]
async fn only_the_standard_tier_answers_with_location() {
    for (tier, told) in [(Tier::Free, false), (Tier::Basic, false), (Tier::Standard, true)] {
        let hub = HubOptions { tier, ..HubOptions::new("hub") };
        let emulator = start_hub(hub, Mode::Strict).await;
        let response = fcm(&emulator).send().await;
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers().contains_key("location"), told, "{tier:?}");
    }
}

#[tokio::test]
async fn every_form_of_path_and_query_is_accepted() {
    let emulator = start().await;
    for target in [
        "/acs-push-dev/messages?direct&api-version=2020-06",
        "/acs-push-dev/messages/?direct&api-version=2020-06",
        "/acs-push-dev/messages?api-version=2015-04&direct",
        "/acs-push-dev/messages?api-version=2017-04&direct=",
        "/acs-push-dev/messages/?direct=true&api-version=2016-07",
        "/ACS-Push-Dev/messages?direct&api-version=2020-06",
        "/acs-push-dev/messages?direct&test&api-version=2020-06",
    ] {
        assert_eq!(apple(&emulator).target(target).status().await, 201, "{target}");
    }
}

#[tokio::test]
async fn every_form_of_content_type_and_format_is_accepted() {
    let emulator = start().await;
    for content_type in [
        "application/json",
        "application/json;charset=utf-8",
        "application/json; charset=utf-8",
        "Application/JSON ; charset = \"UTF-8\"",
    ] {
        let send = apple(&emulator).header("Content-Type", content_type);
        assert_eq!(send.status().await, 201, "{content_type}");
    }
    for format in ["fcmv1", "fcmV1", "FcmV1"] {
        let send = fcm(&emulator).header("ServiceBusNotification-Format", format);
        assert_eq!(send.status().await, 201, "{format}");
    }
    assert!(emulator.requests().iter().all(|request| request.warnings.is_empty()));
}

#[tokio::test]
async fn other_platforms_are_accepted_unchecked_with_a_warning() {
    let emulator = start().await;
    for (format, content_type, body) in [
        ("windows", "application/xml", "<toast/>"),
        ("windows", "application/octet-stream", "raw"),
        ("windowsphone", "application/xml;charset=utf-8", "<toast/>"),
        ("baidu", "application/x-www-form-urlencoded", "a=b"),
        ("adm", "application/json", "{}"),
        ("xiaomi", "application/json", "{}"),
    ] {
        let send = apple(&emulator)
            .header("ServiceBusNotification-Format", format)
            .header("Content-Type", content_type)
            .body(body);
        assert_eq!(send.status().await, 201, "{format}");
        let warnings = &emulator.accepted().pop().unwrap().warnings;
        assert!(warnings[0].contains(format), "{warnings:?}");
    }
    let send = apple(&emulator)
        .header("ServiceBusNotification-Format", "browser")
        .header("P256DH", "key")
        .header("Auth", "secret");
    assert_eq!(send.status().await, 201);
}

#[tokio::test]
async fn headers_without_effect_are_accepted_with_a_warning() {
    let emulator = start().await;
    for (header, wanted) in [
        ("apns-topic", "bundle id"),
        ("X-Apns-Push-Type", "'apns-push-type'"),
        ("X-Apns-Priority", "'apns-priority'"),
        ("ServiceBusNotification-Apns-Priority", "'apns-priority'"),
        ("ServiceBusNotification-Apns-Push-Type", "'apns-push-type'"),
    ] {
        assert_eq!(apple(&emulator).header(header, "x").status().await, 201, "{header}");
        let warnings = &emulator.accepted().pop().unwrap().warnings;
        assert!(matches!(&warnings[..], [one] if one.contains(wanted)), "{warnings:?}");
    }
    let send = apple(&emulator).header("x-ms-version", "2020-06").header("TrackingId", "x");
    let send = send.header("ServiceBusNotification-Apns-Expiry", "1997-07-16T19:20+01:00");
    assert_eq!(send.status().await, 201);
    assert!(emulator.accepted().pop().unwrap().warnings.is_empty());
}
