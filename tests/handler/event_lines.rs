//! What an event's line tells beside its outcome, and what the log tells of hubs and store.

use chrono::TimeDelta;
use notification_hubs_emulator::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use crate::binary::Process;
use crate::support::*;

const TRACE: &str = "bb2bd5eef54cb15a1506d0326d2489e7";
const OTHER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn traceparent(trace: &str) -> String {
    format!("00-{trace}-d3f54c84c7034d76-00")
}

#[tokio::test]
async fn a_plain_delivery_has_its_code_its_age_and_its_one_request() {
    let app = App::start().await;
    app.register("iphone", phone()).await;
    let mut event = sms("e1", "15551234567", "Hello");
    event["eventTime"] = json!(ago(TimeDelta::seconds(50)));
    let line = app.deliver(&event).await;
    let members: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "event",
        "type",
        "outcome",
        "code",
        "devices",
        "delivered",
        "refused",
        "failed",
        "ms",
        "age_ms",
        "attempts",
        "hub_ms",
        "tracking",
    ];
    expected.sort_unstable();
    assert_eq!(members, expected);
    assert_eq!((&line["code"], &line["attempts"]), (&json!("delivered"), &json!(1)));
    let age = line["age_ms"].as_i64().unwrap();
    assert!((50_000..80_000).contains(&age), "{line}");
    assert!(line["hub_ms"].as_u64().unwrap() <= line["ms"].as_u64().unwrap(), "{line}");
}

#[tokio::test]
async fn an_event_without_a_readable_time_has_no_age_and_one_without_devices_no_requests() {
    let app = App::start().await;
    let mut event = sms("e1", "15551234567", "Hello");
    event["eventTime"] = json!("yesterday");
    let line = app.deliver(&event).await;
    assert_eq!((&line["code"], &line["age_ms"]), (&json!("no_installation"), &Value::Null));
    assert_eq!((&line["attempts"], &line["hub_ms"]), (&json!(0), &json!(0)));
    let mut event = sms("e2", "15551234567", "Hello");
    event["eventTime"] = json!(ago(TimeDelta::seconds(-30)));
    assert!(app.deliver(&event).await["age_ms"].as_i64().unwrap() < 0);
}

#[tokio::test]
async fn requests_that_are_repeated_and_the_waits_between_them_count() {
    let app = App::start().await;
    app.register("iphone", phone()).await;
    app.hub.add_fault(Fault::status(503).retry_after("1"));
    let line = app.deliver(&sms("e1", "15551234567", "Hello")).await;
    assert_eq!((&line["code"], &line["attempts"]), (&json!("delivered"), &json!(2)));
    assert!(line["hub_ms"].as_u64().unwrap() >= 1000, "{line}");
    // A new SAS token after a 401 is a request, too.
    app.hub.add_fault(Fault::status(401));
    assert_eq!(app.deliver(&sms("e2", "15551234567", "Hello")).await["attempts"], 2);
}

#[tokio::test]
async fn a_partial_refusal_names_the_hub_its_status_and_how_many() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    app.hub.add_fault(Fault::status(400).on_device(ANDROID));
    let line = app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await;
    assert_eq!((&line["outcome"], &line["code"]), (&json!("delivered"), &json!("hub_bad_request")));
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.starts_with("1 of 2 devices refused: hub 400: "), "{reason}");
    assert!(reason.ends_with(&format!("(hub {HUB})")), "{reason}");
    assert_eq!((&line["refused"], &line["attempts"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn each_answer_of_the_hub_has_a_code() {
    for (status, code) in [
        (400, "hub_bad_request"),
        (401, "hub_unauthorized"),
        (403, "hub_forbidden"),
        (404, "hub_not_found"),
        (413, "hub_too_large"),
        (418, "hub_refused"),
        (429, "hub_throttled"),
        (503, "hub_unavailable"),
    ] {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let process = Process::start(&vars(&hub, &[("DELIVERY_DEADLINE_SECONDS", "5")]), folder.path()).await;
        process.put("iphone", phone()).await;
        hub.add_fault(Fault::status(status).times(100));
        let mut told = process.invoke(&sms("e1", "15551234567", "Hello")).await.text;
        told.push_str(&process.terminate().await.1);
        let code = format!("\"code\":\"{code}\"");
        // In the invocation's log it is text within text.
        assert!(told.replace('\\', "").contains(&code), "{status}: {told}");
    }
}

#[tokio::test]
async fn the_trace_is_the_events_own_or_else_the_invocations_and_nothing_else() {
    let app = App::start().await;
    let line = async |event: Value, header: &str| {
        let request = app.request(Method::POST, "/EventGridTrigger").header("traceparent", header);
        Reply::of(request.body(envelope(&event).to_string())).await.log_lines().remove(0)
    };
    let plain = sms("e1", "15551234567", "Hello");
    assert_eq!(line(plain.clone(), &traceparent(TRACE)).await["trace"], TRACE);
    let mut own = plain.clone();
    own["traceparent"] = json!(traceparent(OTHER_TRACE));
    assert_eq!(line(own.clone(), &traceparent(TRACE)).await["trace"], OTHER_TRACE);
    own["traceparent"] = json!("15551234567");
    assert_eq!(line(own.clone(), &traceparent(TRACE)).await["trace"], TRACE);
    for no_trace in ["", "15551234567", "00-15551234567-1-0"] {
        assert_eq!(line(own.clone(), no_trace).await.get("trace"), None, "{no_trace}");
    }
    assert_eq!(app.deliver(&plain).await.get("trace"), None);
    let request = app.request(Method::POST, "/EventGridTrigger").header("traceparent", &b"\xff"[..]);
    assert_eq!(Reply::of(request.body(envelope(&plain).to_string())).await.status, 200);
}

#[tokio::test]
async fn the_line_at_the_start_says_what_is_in_use() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("texts.toml"), "").unwrap();
    let azure = "AccountName=account;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/account";
    let many = [
        ("STORE", "azure:pushes"),
        ("AzureWebJobsStorage", azure),
        ("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB),
        ("NOTIFICATIONS_FILE", "texts.toml"),
        ("NOTIFICATION_CONTENT", "Sender"),
    ];
    let few = [("STORE", "file:store"), ("NOTIFICATION_HUB_VOIP_NAME", "")];
    for (settings, told) in [
        (
            &many[..],
            "; store Azure container pushes of account account; hub alerts, VoIP yes (calls); hub of app sandbox sandbox, VoIP no; texts texts.toml; content sender; at ",
        ),
        (&few, "; store folder store; hub alerts, VoIP no; texts built in; content full; at "),
    ] {
        let process = Process::start(&vars(&hub, settings), folder.path()).await;
        let begin = format!("acs-push {} listens on ", env!("CARGO_PKG_VERSION"));
        assert!(process.first_line.contains(&begin) && process.first_line.contains(told), "{}", process.first_line);
        assert!(!process.first_line.contains("a2V5") && !process.first_line.contains("SharedAccess"));
    }
}

#[tokio::test]
async fn at_debug_each_request_has_a_line_that_says_why_it_was_made_again() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("RUST_LOG", "debug")]), folder.path()).await;
    process.put("iphone", phone()).await;
    hub.add_fault(Fault::status(503));
    hub.add_fault(Fault::status(401));
    assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "delivered");
    let (_, output) = process.terminate().await;
    let lines: Vec<&str> = output.lines().filter(|line| line.contains("request to the hub")).collect();
    let [first, second, third] = lines.as_slice() else { panic!("{output}") };
    assert!(lines.iter().all(|line| line.contains(&format!("hub=\"{HUB}\"")) && line.contains(" ms=")), "{output}");
    assert!(first.contains("status=503") && first.contains("attempt=1") && !first.contains("again="), "{first}");
    assert!(second.contains("status=401") && second.contains("attempt=2"), "{second}");
    assert!(second.contains("again=hub 503: unavailable"), "{second}");
    assert!(third.contains("status=201") && third.contains("again=hub 401"), "{third}");
}

#[tokio::test]
async fn a_hub_and_a_store_that_take_requests_again_are_told_of_once() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    process.put("iphone", phone()).await;
    hub.add_fault(Fault::status(404));
    assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "failed");
    for id in ["e1", "e2"] {
        assert_eq!(process.outcome(&sms(id, "15551234567", "Hello")).await, "delivered");
    }
    let (store, away) = (folder.path().join("store"), folder.path().join("away"));
    std::fs::rename(&store, &away).unwrap();
    assert_eq!(process.outcome(&sms("e3", "15550000000", "Hello")).await, "failed");
    std::fs::rename(&away, &store).unwrap();
    for id in ["e3", "e4"] {
        assert_eq!(process.outcome(&sms(id, "15550000000", "Hello")).await, "no_device");
    }
    let (_, output) = process.terminate().await;
    assert_eq!(output.matches("the hub accepts requests again").count(), 1, "{output}");
    assert_eq!(output.matches("the store answers again").count(), 1, "{output}");
    assert!(output.contains("ERROR hub 404: check the hub's name"), "{output}");
}

#[tokio::test]
async fn a_pause_that_is_shorter_than_what_the_hub_asks_for_is_told_with_both_numbers() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("DELIVERY_DEADLINE_SECONDS", "5")]), folder.path()).await;
    process.put("iphone", phone()).await;
    hub.add_fault(Fault::status(429).retry_after("600"));
    assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "failed");
    let (_, output) = process.terminate().await;
    assert!(output.contains("sends paused for 60 s; its Retry-After asks for 600 s"), "{output}");
}
