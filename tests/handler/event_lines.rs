//! What an event's line tells beside its outcome, and what the log tells of hubs and store.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use notification_hubs_emulator::{Action, Fault};
use reqwest::Method;
use serde_json::{Value, json};

use crate::binary::{Process, documents};
use crate::blob::BlobService;
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

fn refusal(detail: &str) -> Fault {
    let end = "..TrackingId:00000000-0000-4000-8000-000000000000_G18,TimeStamp:6/19/2018 11:57:33 AM";
    let body = Some(format!("<Error><Code>400</Code><Detail>{detail}{end}</Detail></Error>"));
    Fault::action(Action::Status { status: 400, retry_after: None, headers: BTreeMap::new(), body })
}

#[tokio::test]
async fn the_hubs_own_words_are_in_the_dead_letter_and_in_the_log_without_handle_and_text() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[("STORE", "file:store")]), folder.path()).await;
    process.put("iphone", phone()).await;
    let hex = "One or more characters in device token is not a hexadecimal digit";
    hub.add_fault(refusal(hex));
    assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "dead_lettered");
    hub.add_fault(refusal(&format!("The token {IPHONE} of 15551234567 cannot display surprise")));
    assert_eq!(process.outcome(&sms("e2", "15551234567", "surprise party")).await, "dead_lettered");
    let (_, output) = process.terminate().await;
    let letters = documents(&folder.path().join("store/dead-letters"));
    let mut details: Vec<&str> = letters.iter().map(|(_, letter)| letter["hubDetail"].as_str().unwrap()).collect();
    details.sort_unstable();
    assert_eq!(details, [hex, "The token … of … cannot display …"]);
    let line = output.lines().find(|line| line.contains(hex)).unwrap_or_else(|| panic!("{output}"));
    assert!(line.contains("event=\"e1\"") && line.contains("installations=\"iphone\""), "{line}");
    for secret in [IPHONE, "15551234567", "surprise"] {
        assert!(!output.contains(secret), "{secret}: {output}");
    }
}

#[tokio::test]
async fn a_platform_that_the_hub_has_no_credentials_for_is_named() {
    let app = App::start().await;
    app.register_android(BOB).await;
    app.hub.add_fault(refusal("The hub has no credentials"));
    let reply = app.invoke(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await;
    assert!(reply.text.contains("hub 400: it has no credentials for the platform fcmv1 (hub alerts)"), "{reply:?}");
    let status = app.status().await;
    assert_eq!(status["hubs"][0]["last_error"]["code"], "hub_no_credentials");
}

#[tokio::test]
async fn no_key_of_the_store_is_in_any_line_at_any_level() {
    let service = BlobService::start().await;
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    for azure in [false, true] {
        let mut settings = vec![("STORE", "file:store".to_owned())];
        if azure {
            settings = service.settings();
        }
        settings.extend([("RUST_LOG", "trace".to_owned()), ("DELIVERY_DEADLINE_SECONDS", "5".to_owned())]);
        let process = Process::start(&vars(&hub, &borrowed(&settings)), folder.path()).await;
        process.put("iphone", phone()).await;
        assert_eq!(process.outcome(&sms("e1", "15551234567", "Hello")).await, "delivered");
        hub.add_fault(Fault::status(404));
        assert_eq!(process.outcome(&sms("e2", "15551234567", "Hello")).await, "failed");
        hub.add_fault(Fault::status(400));
        assert_eq!(process.outcome(&sms("e3", "15551234567", "Hello")).await, "dead_lettered");
        let store = folder.path().join("store");
        if !azure {
            for (path, _) in documents(&store) {
                let is_registers = ["recipients/", "installations/"].iter().any(|kind| path.starts_with(kind));
                if is_registers {
                    std::fs::write(store.join(path), "damaged").unwrap();
                }
            }
            process.outcome(&sms("e4", "15551234567", "Hello")).await;
            process.put_request("iphone", &phone()).send().await.unwrap();
        }
        let (_, output) = process.terminate().await;
        assert!(azure || output.contains("damaged"), "{output}");
        // A shard, and the rest of a hash.
        let is_hex = |part: &str| part.len() >= 12 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let known = documents(&store).into_iter().map(|(path, _)| path);
        let keys: Vec<String> = known.filter_map(|path| path.rsplit('/').next().map(str::to_owned)).collect();
        let hashes: Vec<&String> = keys.iter().filter(|key| is_hex(key)).collect();
        assert!(hashes.len() >= 3, "{keys:?}");
        for hash in hashes {
            assert!(!output.contains(hash.as_str()), "{hash} is in\n{output}");
        }
        for kind in ["recipients/", "installations/", "handles/", "ledger/", "dead-letters/"] {
            assert!(!output.contains(kind), "{kind} is in\n{output}");
        }
    }
}
