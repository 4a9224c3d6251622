//! Feedback: the container and its blobs.

use notification_hubs_emulator::{DeviceState, Emulator, HubOptions, Mode, Options, Tier};
use reqwest::{Method, Response};

use crate::client::{Send, apple, fcm, http_client, start, start_hub};

fn container(emulator: &Emulator, hub: &str) -> Send {
    let target = format!("/{hub}/feedbackcontainer?api-version=2020-06");
    apple(emulator).method(Method::GET).target(&target).body("")
}

async fn url(emulator: &Emulator) -> String {
    container(emulator, &emulator.hub_name()).send().await.text().await.unwrap()
}

async fn get(url: &str) -> Response {
    http_client().get(url).send().await.unwrap()
}

async fn text(url: &str) -> String {
    let response = get(url).await;
    assert_eq!(response.status(), 200, "{url}");
    response.text().await.unwrap()
}

/// The URL of a blob in the container of `url`.
fn blob(url: &str, name: &str) -> String {
    url.replace('?', &format!("/{name}?"))
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Vec<&'t str> {
    text.split(start).skip(1).map(|rest| rest.split_once(end).unwrap().0).collect()
}

#[tokio::test]
async fn an_expired_or_unregistered_handle_is_in_the_blob_of_the_day() {
    let emulator = start().await;
    emulator.set_device("gone", DeviceState::Unregistered);
    emulator.set_device("old", DeviceState::Expired);
    for handle in ["gone", "well", "old"] {
        let send = fcm(&emulator).header("ServiceBusNotification-DeviceHandle", handle);
        assert_eq!(send.status().await, 201);
    }

    let url = url(&emulator).await;
    let list = text(&format!("{url}&restype=container&comp=list")).await;
    let names = between(&list, "<Name>", "</Name>");
    // `MMddyyyy`; there are two when the test runs over midnight.
    assert!(matches!(names.len(), 1 | 2) && names.iter().all(|name| name.len() == 8), "{list}");
    let mut records = String::new();
    for name in &names {
        let response = get(&blob(&url, name)).await;
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        records += &response.text().await.unwrap();
    }
    let lengths: usize =
        between(&list, "<Content-Length>", "<").iter().map(|text| text.parse::<usize>().unwrap()).sum();
    assert_eq!(lengths, records.len());

    let lines: Vec<_> = records.lines().collect();
    assert_eq!(lines.len(), 2, "{records}");
    let ids: Vec<_> = emulator.accepted().into_iter().map(|request| request.notification_id.unwrap()).collect();
    for (line, error, handle, id) in
        [(lines[0], "UnknownError", "gone", &ids[0]), (lines[1], "ExpiredChannel", "old", &ids[2])]
    {
        assert!(line.starts_with("<?xml version=\"1.0\" encoding=\"utf-16\"?><PnsFeedback xmlns="), "{line}");
        assert_eq!(between(line, "<NotificationSystemError>", "<"), [error]);
        assert_eq!(between(line, "<Platform>", "<"), ["fcmv1"]);
        assert_eq!(between(line, "<PnsHandle>", "<"), [handle]);
        assert_eq!(between(line, "<NotificationId>", "<"), [id]);
        assert!(between(line, "<FeedbackTime>", "<")[0].ends_with('Z'));
    }
}

#[tokio::test]
async fn only_its_own_url_opens_a_container() {
    let hubs = vec![HubOptions::new("a"), HubOptions::new("b")];
    let emulator = Emulator::start(Options { hubs, ..Options::default() }).await.unwrap();
    emulator.set_device("abcdef0123456789", DeviceState::Expired);
    apple(&emulator).send().await;
    let url = url(&emulator).await;
    assert!(text(&format!("{url}&restype=container&comp=list")).await.contains("<Blob>"));

    let other = container(&emulator, "b").send().await.text().await.unwrap();
    assert!(
        !text(&format!("{other}&restype=container&comp=list")).await.contains("<Blob>"),
        "the container of another hub is empty"
    );
    let (address, query) = url.split_once('?').unwrap();
    let (other_address, _) = other.split_once('?').unwrap();
    for forged in [
        format!("{address}?restype=container&comp=list"),
        format!("{other_address}?{query}&restype=container&comp=list"),
        format!("{address}?{}&restype=container&comp=list", query.replace("se=20", "se=21")),
    ] {
        let response = get(&forged).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-ms-error-code"]),
            (403, &"AuthenticationFailed".parse().unwrap())
        );
    }
    let status = async |url: &str| get(url).await.status().as_u16();
    assert_eq!((status(&blob(&url, "01011999")).await, status(&url).await), (404, 400));
    let deleted = http_client().delete(blob(&url, "01011999")).send().await.unwrap();
    assert_eq!(deleted.status(), 403, "read and list are its only rights");
}

#[tokio::test]
async fn a_blob_is_read_in_ranges_as_storage_clients_do() {
    let emulator = start().await;
    emulator.set_device("abcdef0123456789", DeviceState::Expired);
    apple(&emulator).send().await;
    let url = url(&emulator).await;
    let list = text(&format!("{url}&restype=container&comp=list")).await;
    let blob = blob(&url, between(&list, "<Name>", "</Name>")[0]);
    let whole = text(&blob).await;
    let last = whole.len() - 1;
    for (header, range, from, to) in
        [("Range", "bytes=0-9", 0, 9), ("x-ms-range", "bytes=10-", 10, last), ("Range", "bytes=7-99999", 7, last)]
    {
        let response = http_client().get(&blob).header(header, range).send().await.unwrap();
        assert_eq!(response.status(), 206, "{range}");
        assert_eq!(response.headers()["content-range"], format!("bytes {from}-{to}/{}", whole.len()));
        assert_eq!(response.text().await.unwrap(), whole[from..=to], "{range}");
    }
    for range in [format!("bytes={}-", whole.len()), "bytes=x".to_owned()] {
        let response = http_client().get(&blob).header("Range", &range).send().await.unwrap();
        assert_eq!(response.status(), 416, "{range}");
    }
    let head = http_client().head(&blob).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], whole.len().to_string());
}

#[tokio::test]
async fn text_of_a_test_is_in_the_blob_of_its_hub_as_it_is() {
    let emulator = start().await;
    emulator.add_feedback(&emulator.hub_name(), "no report\n");
    emulator.set_device("abcdef0123456789", DeviceState::Expired);
    apple(&emulator).send().await;
    let url = url(&emulator).await;
    let list = text(&format!("{url}&restype=container&comp=list")).await;
    let blob = text(&blob(&url, between(&list, "<Name>", "</Name>")[0])).await;
    let lines: Vec<_> = blob.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "no report"), "{blob}");
    assert!(lines[1].contains("<PnsHandle>abcdef0123456789<"), "{blob}");
}

#[tokio::test]
async fn only_the_standard_tier_has_feedback() {
    for tier in [Tier::Free, Tier::Basic] {
        let emulator = start_hub(HubOptions { tier, ..HubOptions::new("hub") }, Mode::Strict).await;
        let text = "This operation is not available for your tier".to_owned();
        assert_eq!(container(&emulator, "hub").refusal().await, (403, text));
    }
    let emulator = start().await;
    assert_eq!(container(&emulator, &emulator.hub_name()).method(Method::POST).refusal().await.0, 405);
}
