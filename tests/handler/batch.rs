//! Many devices that get the same are one request, and what becomes of each is told as exactly as if it were many.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use notification_hubs_emulator::{Action, Emulator, Fault, HubOptions, Options, ReceivedRequest, Right, Rule, Tier};
use serde_json::{Value, json};

use crate::binary::{Process, documents};
use crate::support::*;

const CALL: &str = "d732db64-4803-462d-be9c-518943ea2b7a";
const MANY: (&str, &str) = ("INSTALLATIONS_PER_USER", "1000");

/// An iPhone of Bob's, by number.
fn iphone(number: usize) -> Value {
    json!({
        "userId": BOB,
        "platform": "apns",
        "pushChannel": format!("a{number:063x}"),
        "voipPushChannel": format!("b{number:063x}"),
    })
}

fn android(number: usize) -> Value {
    json!({"userId": BOB, "platform": "fcmv1", "pushChannel": format!("{ANDROID}-{number}")})
}

/// Registers so many devices under `name-0`, `name-1`, and so on, with `more` members.
async fn register(app: &App, name: &str, count: usize, device: fn(usize) -> Value, more: &Value) {
    let puts = (0..count).map(|number| {
        let mut installation = device(number);
        for channel in ["pushChannel", "voipPushChannel"] {
            if let Some(handle) = installation[channel].as_str().filter(|handle| handle.len() < 256) {
                installation[channel] = json!(format!("{handle}{}", hex(name)));
            }
        }
        installation.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        async move { app.register(&format!("{name}-{number}"), installation).await }
    });
    join_all(puts).await;
}

fn hex(name: &str) -> String {
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

async fn app_with_iphones(count: usize, settings: &[(&str, &str)]) -> App {
    let app = App::with(&[&[MANY], settings].concat()).await;
    register(&app, "phone", count, iphone, &Value::Null).await;
    app
}

fn message(id: &str) -> Value {
    chat(id, "ChatMessageReceived", id, 1, "Hello")
}

fn is_batch(request: &ReceivedRequest) -> bool {
    request.path.ends_with("/messages/$batch")
}

/// How many devices each request was for that a hub took, in ascending order.
fn sizes(app: &App) -> Vec<usize> {
    let taken = app.hub.accepted();
    let mut sizes: Vec<usize> =
        taken.iter().map(|request| request.batch.as_ref().map_or(1, |batch| batch.device_handles.len())).collect();
    sizes.sort_unstable();
    sizes
}

/// Every handle that a hub took something for, once for each time.
fn handles(app: &App) -> Vec<String> {
    let each = |request: ReceivedRequest| match request.batch {
        Some(batch) => batch.device_handles,
        None => vec![request.device_handle.unwrap()],
    };
    let mut handles: Vec<String> = app.hub.accepted().into_iter().flat_map(each).collect();
    handles.sort();
    handles
}

fn counts(line: &Value) -> (&str, [u64; 4]) {
    let count = |name: &str| line[name].as_u64().unwrap();
    (line["outcome"].as_str().unwrap(), ["devices", "delivered", "refused", "failed"].map(count))
}

#[tokio::test]
async fn nine_devices_are_nine_requests_and_ten_are_one_with_the_same_bytes_and_headers() {
    let app = app_with_iphones(9, &[]).await;
    let event = message("e1");
    assert_eq!(counts(&app.deliver(&event).await), ("delivered", [9, 9, 0, 0]));
    let singles = app.hub.requests();
    assert_eq!((singles.len(), singles.iter().filter(|request| is_batch(request)).count()), (9, 0));

    let app = app_with_iphones(10, &[]).await;
    let line = app.deliver(&event).await;
    assert_eq!(counts(&line), ("delivered", [10, 10, 0, 0]));
    assert_eq!(line["tracking"].as_array().unwrap().len(), 1, "{line}");
    let requests = app.hub.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(
        (request.path.as_str(), request.query.as_str()),
        ("/alerts/messages/$batch", "direct&api-version=2020-06")
    );
    let batch = request.batch.as_ref().unwrap();
    assert_eq!(batch.notification, singles[0].body);
    assert_eq!(BTreeSet::from_iter(&batch.device_handles).len(), 10);
    assert_eq!(request.warnings, Vec::<String>::new());
    let without_own = |request: &ReceivedRequest| {
        let headers = headers(request).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let own = ["content-type", "servicebusnotification-devicehandle"];
        headers.filter(|(name, _)| !own.contains(&name.as_str())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(without_own(request), without_own(&singles[0]));
    assert!(headers(request)["content-type"].starts_with("multipart/mixed; boundary=\"acs-push-"));
    assert!(!request.headers.contains_key("servicebusnotification-devicehandle"));
}

#[tokio::test]
async fn no_batch_has_more_than_200_handles_and_every_device_is_in_one() {
    let app = app_with_iphones(450, &[]).await;
    let line = app.deliver(&message("e1")).await;
    assert_eq!(counts(&line), ("delivered", [450, 450, 0, 0]));
    assert_eq!(line["tracking"].as_array().unwrap().len(), 3);
    let (sizes, handles) = (sizes(&app), handles(&app));
    assert!(sizes.len() == 3 && sizes.iter().all(|size| *size <= 200), "{sizes:?}");
    assert_eq!((handles.len(), BTreeSet::from_iter(&handles).len()), (450, 450));
}

#[tokio::test]
async fn no_batch_has_more_than_60_kb() {
    let app = App::with(&[MANY]).await;
    let of_2_kb = |number| json!({"userId": BOB, "platform": "fcmv1", "pushChannel": format!("{number:02048}")});
    register(&app, "phone", 40, of_2_kb, &Value::Null).await;
    assert_eq!(counts(&app.deliver(&message("e1")).await), ("delivered", [40, 40, 0, 0]));
    let requests = app.hub.accepted();
    assert_eq!((requests.len(), BTreeSet::from_iter(handles(&app)).len()), (2, 40));
    for request in requests {
        assert!(request.body.len() <= 60 * 1024, "{}", request.body.len());
    }
}

#[tokio::test]
async fn only_those_who_get_the_same_bytes_go_together() {
    let app = App::with(&[MANY, ("NOTIFICATION_CONTENT", "sender")]).await;
    register(&app, "english", 10, iphone, &Value::Null).await;
    register(&app, "korean", 11, iphone, &json!({"locale": "ko-KR"})).await;
    register(&app, "hidden", 12, iphone, &json!({"content": "hidden"})).await;
    register(&app, "android", 13, android, &Value::Null).await;
    register(&app, "fcm-ios", 3, android, &json!({"os": "ios"})).await;
    assert_eq!(counts(&app.deliver(&message("e1")).await), ("delivered", [49, 49, 0, 0]));
    assert_eq!(sizes(&app), [1, 1, 1, 10, 11, 12, 13]);
    for request in app.hub.accepted() {
        let Some(batch) = request.batch else { continue };
        let all_of = |name: &str| batch.device_handles.iter().all(|handle| handle.ends_with(&hex(name)));
        let notification: Value = serde_json::from_str(&batch.notification).unwrap();
        let alert = &notification["aps"]["alert"];
        match batch.device_handles.len() {
            10 => assert!(all_of("english") && alert["body"] == "New message", "{notification}"),
            11 => assert!(all_of("korean") && alert["body"] != "New message", "{notification}"),
            12 => assert!(all_of("hidden") && alert["title"] != "Alice", "{notification}"),
            _ => assert!(all_of("android") && notification["message"].is_object(), "{notification}"),
        }
    }
    // A withdrawal has no words, so language and content make no difference.
    app.hub.clear();
    app.deliver(&chat("e2", "ChatMessageDeleted", "e1", 2, "")).await;
    assert_eq!(sizes(&app), [1, 1, 1, 13, 33]);
}

#[tokio::test]
async fn a_call_to_many_rings_through_the_voip_hub_in_one_batch() {
    let app = app_with_iphones(12, &[]).await;
    register(&app, "android", 10, android, &Value::Null).await;
    assert_eq!(counts(&app.deliver(&call("e1", CALL)).await), ("delivered", [22, 22, 0, 0]));
    let mut sent: Vec<_> = app.hub.accepted().into_iter().map(|sent| (sent.hub, sent.batch.unwrap())).collect();
    sent.sort_by_key(|(hub, _)| hub.clone());
    let [(alerts, android), (calls, iphones)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((alerts.as_str(), android.device_handles.len(), calls.as_str()), (HUB, 10, VOIP_HUB));
    assert_eq!(iphones.device_handles.iter().filter(|handle| handle.starts_with('b')).count(), 12);
    assert!(iphones.notification.contains("\"eventId\":107"), "{}", iphones.notification);
}

#[tokio::test]
async fn a_wrong_voip_hub_makes_one_batch_of_alerts_of_a_call_to_many() {
    for (status, asked) in [(401, 2), (404, 1), (403, 13)] {
        let app = app_with_iphones(12, &[]).await;
        app.hub.add_fault(Fault::status(status).on_hub(VOIP_HUB).always());
        assert_eq!(counts(&app.deliver(&call("e1", CALL)).await), ("delivered", [12, 12, 0, 0]), "{status}");
        let to_voip = app.hub.requests().iter().filter(|request| request.hub == VOIP_HUB).count();
        assert_eq!(to_voip, asked, "{status}");
        assert_eq!(BTreeSet::from_iter(handles(&app)).len(), 12, "{status}");
        // Each phone that was refused by itself gets its alert at once.
        assert_eq!(sizes(&app).len(), if status == 403 { 12 } else { 1 }, "{status}");
    }
}

#[tokio::test]
async fn a_temporary_failure_is_retried_with_the_whole_batch() {
    for fault in [
        Fault::status(408),
        Fault::status(429).retry_after("1"),
        Fault::status(403).retry_after("1"),
        Fault::status(500),
        Fault::status(503),
        Fault::action(Action::ResetBeforeBody),
        Fault::action(Action::ResetAfterBody),
        Fault::action(Action::AcceptThenReset),
        Fault::status(401),
    ] {
        let app = app_with_iphones(10, &[]).await;
        app.hub.add_fault(fault.clone());
        let line = app.deliver(&message("e1")).await;
        assert_eq!(counts(&line), ("delivered", [10, 10, 0, 0]), "{fault:?}");
        let requests = app.hub.requests();
        assert_eq!((requests.len(), requests.iter().filter(|request| is_batch(request)).count()), (2, 2), "{fault:?}");
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_for_good_goes_out_one_by_one_and_only_the_bad_device_is_refused() {
    for status in [400, 413, 405] {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("file:{}", folder.path().display());
        let app = app_with_iphones(12, &[("STORE", &store)]).await;
        app.hub.add_fault(Fault::status(status));
        let bad = iphone(3)["pushChannel"].as_str().unwrap().to_owned() + &hex("phone");
        app.hub.add_fault(Fault::status(400).on_device(&bad).always());
        let line = app.deliver(&message("e1")).await;
        assert_eq!(counts(&line), ("delivered", [12, 11, 1, 0]), "{status}");
        assert_eq!(app.hub.requests().len(), 13, "{status}");
        assert_eq!(line["tracking"].as_array().unwrap().len(), 12, "{status}: one for each that had the last word");
        let letters = documents(&folder.path().join("dead-letters"));
        let [(_, letter)] = letters.as_slice() else { panic!("{letters:?}") };
        assert_eq!((&letter["installations"], &letter["hubStatus"]), (&json!(["phone-3"]), &json!(400)), "{letter}");
    }
}

#[tokio::test]
async fn a_misconfigured_hub_is_not_tried_again_for_each_device() {
    let no_credentials = Action::Status {
        status: 400,
        retry_after: None,
        headers: [].into(),
        body: Some("<Error><Code>400</Code><Detail>The hub has no credentials for apple</Detail></Error>".to_owned()),
    };
    for (fault, requests) in [(Fault::status(401), 2), (Fault::status(404), 1), (Fault::action(no_credentials), 1)] {
        let app = app_with_iphones(10, &[]).await;
        app.hub.add_fault(fault.clone().always());
        assert_eq!(app.invoke(&message("e1")).await.status, 500, "{fault:?}");
        assert_eq!(app.hub.requests().len(), requests, "{fault:?}");
    }
}

/// A hub of the Free tier.
async fn free_hub() -> (Emulator, String) {
    let hub = HubOptions { tier: Tier::Free, ..HubOptions::new("free") };
    (Emulator::start(Options { hubs: vec![hub], ..Options::default() }).await.unwrap(), "free".to_owned())
}

#[tokio::test]
async fn a_hub_without_batches_gets_its_devices_one_by_one_and_is_asked_again_after_an_hour() {
    let (hub, name) = free_hub().await;
    let app = App::beside(hub, &[("NOTIFICATION_HUB_NAME", &name), ("NOTIFICATION_HUB_VOIP_NAME", ""), MANY]).await;
    register(&app, "phone", 201, iphone, &Value::Null).await;
    for (event, batches) in [("e1", 2), ("e2", 0), ("e3", 2), ("e4", 0)] {
        if event == "e3" {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(60 * 60)).await;
            tokio::time::resume();
        }
        app.hub.clear();
        assert_eq!(counts(&app.deliver(&message(event)).await), ("delivered", [201, 201, 0, 0]), "{event}");
        let asked = app.hub.requests().iter().filter(|request| is_batch(request)).count();
        assert_eq!((asked, sizes(&app)), (batches, vec![1; 201]), "{event}");
    }
}

#[tokio::test]
async fn that_a_hub_does_not_support_batches_is_logged_once() {
    let ((hub, name), folder) = (free_hub().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, &[("NOTIFICATION_HUB_NAME", &name), ("NOTIFICATION_HUB_VOIP_NAME", "")]);
    let process = Process::start(&vars, folder.path()).await;
    for number in 0..10 {
        assert_eq!(process.put(&format!("phone-{number}"), iphone(number)).await, 201);
    }
    for event in ["e1", "e2"] {
        assert_eq!(process.outcome(&message(event)).await, "delivered");
    }
    let (_, told) = process.terminate().await;
    assert_eq!(told.matches("batches are not supported").count(), 1, "{told}");
}

#[tokio::test]
async fn a_key_that_may_not_send_shows_on_the_devices_of_a_batch() {
    let rule = Rule { rights: vec![Right::Listen], ..Rule::default() };
    let hub = Emulator::start(Options { rules: vec![rule], ..Options::default() }).await.unwrap();
    let name = hub.hub_name();
    let app = App::beside(hub, &[("NOTIFICATION_HUB_NAME", &name)]).await;
    register(&app, "phone", 10, iphone, &Value::Null).await;
    assert_eq!(app.invoke(&message("e1")).await.status, 500);
    assert_eq!((app.hub.requests().len(), app.count("failed").await), (11, 1));
}

#[tokio::test]
async fn a_repeat_on_another_instance_passes_over_all_devices_of_a_batch_that_was_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("file:{}", folder.path().display());
    let app = app_with_iphones(12, &[("STORE", &store)]).await;
    register(&app, "android", 1, android, &Value::Null).await;
    let handle = format!("{ANDROID}-0{}", hex("android"));
    app.hub.add_fault(Fault::status(404).on_device(&handle));
    assert_eq!(app.invoke(&message("e1")).await.status, 500);
    assert_eq!(sizes(&app), [12]);
    let ledger = documents(&folder.path().join("ledger"));
    let [(_, entry)] = ledger.as_slice() else { panic!("{ledger:?}") };
    assert_eq!(entry["settled"].as_array().unwrap().len(), 12, "{entry}");

    let other = App::beside(app.stop().await, &[("STORE", &store), MANY]).await;
    assert_eq!(counts(&other.deliver(&message("e1")).await), ("delivered", [1, 1, 0, 0]));
    assert_eq!(sizes(&other), [1, 12]);
}

#[tokio::test]
async fn a_batch_that_fails_counts_each_device_and_its_repeat_goes_to_all_of_them() {
    let app = app_with_iphones(10, &[]).await;
    app.hub.add_fault(Fault::status(503).retry_after("60"));
    assert_eq!(app.invoke(&message("e1")).await.status, 500);
    assert_eq!(app.hub.requests().len(), 1, "the wait does not fit the deadline");
    let app = app_with_iphones(10, &[]).await;
    app.hub.add_fault(Fault::status(404));
    assert_eq!(app.invoke(&message("e1")).await.status, 500);
    assert_eq!(counts(&app.deliver(&message("e1")).await), ("delivered", [10, 10, 0, 0]));
    assert_eq!(sizes(&app), [10]);
}
