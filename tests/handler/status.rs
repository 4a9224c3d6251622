//! What the host and an operator may ask.

use std::time::Duration;

use notification_hubs_emulator::{Action, Fault};
use serde_json::json;

use crate::binary::{Process, documents};
use crate::support::*;

#[tokio::test]
async fn the_root_answers_at_once() {
    let app = App::start().await;
    let reply = app.get("/").await;
    assert_eq!((reply.status, reply.headers["content-type"].as_str()), (200, "application/json"));
}

#[tokio::test]
async fn the_counters_add_up_also_while_events_are_in_flight() {
    let app = App::with(&[("WEBSITE_INSTANCE_ID", "i-1")]).await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    app.hub.add_fault(Fault::action(Action::Pass).delay_ms(300));
    let in_flight = async { app.deliver(&sms("e1", "15551234567", "Hello")).await };
    let meanwhile = async {
        app.hub.wait_for_requests(1).await;
        app.status().await
    };
    let (_, status) = tokio::join!(in_flight, meanwhile);
    assert_eq!((&status["received"], &status["in_flight"]), (&json!(1), &json!(1)));
    let status = app.status().await;
    assert_eq!((&status["version"], &status["instance"]), (&json!(env!("CARGO_PKG_VERSION")), &json!("i-1")));
    assert!(status["uptime_seconds"].is_u64());
    assert!(status["tasks"].as_u64() > Some(0));
    assert_eq!((&status["received"], &status["in_flight"]), (&json!(1), &json!(0)));
    let outcomes = json!({
        "filtered": 0, "ignored": 0, "expired": 0, "duplicate": 0, "no_device": 0, "delivered": 1, "dead_lettered": 0, "failed": 0,
    });
    assert_eq!(status["outcomes"], outcomes);
}

#[tokio::test]
async fn the_answer_to_an_invocation_is_an_object_that_the_host_understands() {
    let app = App::start().await;
    for event in [json!([]), sms("e1", "15551234567", "Hello")] {
        let answer = app.invoke(&event).await.json();
        assert_eq!((&answer["Outputs"], &answer["ReturnValue"]), (&json!({}), &json!(null)));
        assert!(answer["Logs"].is_array());
    }
    let request = app.request(reqwest::Method::POST, "/Maintenance");
    let timer = json!({"Data": {"timer": {"Schedule": {"AdjustForDST": true}, "ScheduleStatus": null, "IsPastDue": false}}, "Metadata": {}});
    let reply = Reply::of(request.body(timer.to_string())).await;
    assert_eq!((reply.status, reply.log_lines().len()), (200, 1));
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_takes_nothing_more() {
    let app = App::start().await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    app.hub.add_fault(Fault::action(Action::Pass).delay_ms(500));
    let (request, url) = (app.request(reqwest::Method::POST, "/EventGridTrigger"), app.url("/"));
    let body = envelope(&sms("e1", "15551234567", "Hello")).to_string();
    let in_flight = tokio::spawn(async move { Reply::of(request.body(body)).await });
    tokio::time::timeout(Duration::from_secs(10), app.hub.wait_for_requests(1)).await.unwrap();
    let hub = app.stop().await;
    assert_eq!(in_flight.await.unwrap().log_lines()[0]["outcome"], "delivered");
    assert_eq!(hub.accepted().len(), 1);
    assert!(client().get(url).send().await.is_err(), "it still accepts connections");
}

#[tokio::test]
async fn the_status_of_a_hub_tells_its_last_error_its_pause_and_its_key() {
    let hub = emulator().await;
    let good = hub.connection_string_of(HUB).unwrap();
    let (start, _) = good.split_once("SharedAccessKey=").unwrap();
    let wrong = format!("{start}SharedAccessKey=d3Jvbmc=");
    let settings = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", wrong.as_str()),
        ("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", good.as_str()),
        ("NOTIFICATION_HUB_SANDBOX_NAME", SANDBOX_HUB),
    ];
    let app = App::beside(hub, &settings).await;
    app.register("iphone", phone()).await;
    let fresh =
        json!({"hub": HUB, "app": null, "voip": false, "paused_until": null, "key": "first", "last_error": null});
    let status = app.status().await;
    assert_eq!(status["hubs"][0], fresh);
    let names = |number: usize| {
        (&status["hubs"][number]["hub"], &status["hubs"][number]["app"], &status["hubs"][number]["voip"])
    };
    assert_eq!(names(1), (&json!(VOIP_HUB), &json!(null), &json!(true)));
    assert_eq!(names(2), (&json!(SANDBOX_HUB), &json!("sandbox"), &json!(false)));

    app.deliver(&sms("e1", "15551234567", "Hello")).await;
    app.hub.add_fault(Fault::status(429).retry_after("30"));
    assert_eq!(app.invoke(&sms("e2", "15551234567", "Hello")).await.status, 500);
    let status = app.status().await;
    let told = &status["hubs"][0];
    assert_eq!((&told["key"], &told["last_error"]["code"]), (&json!("second"), &json!("hub_throttled")));
    assert_eq!(told["last_error"]["reason"], "hub 429: throttled");
    let time = |value: &serde_json::Value| chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
    let left = time(&told["paused_until"]) - time(&told["last_error"]["at"]);
    assert!((25..=31).contains(&left.num_seconds()), "{told}");
    assert!(!status.to_string().contains("SharedAccessKey") && !status.to_string().contains("d3Jvbmc"), "{status}");
}

#[tokio::test]
async fn the_status_of_the_store_tells_its_last_error_and_the_dead_letters_that_wait() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    for _ in 0..2 {
        app.deliver(&json!({"no": "event"})).await;
    }
    assert_eq!(app.status().await["store"], json!({"last_error": null, "dead_letters": 2, "more_dead_letters": false}));
    std::fs::rename(&store, folder.path().join("away")).unwrap();
    assert_eq!(app.invoke(&sms("e1", "15551234567", "Hello")).await.status, 500);
    let status = app.status().await;
    let reason = status["store"]["last_error"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("the store's folder cannot be used: there is no such folder ("), "{reason}");
    assert!(status["store"]["last_error"]["at"].is_string());
    assert_eq!((&status["received"], &status["outcomes"]["failed"]), (&json!(3), &json!(1)));
}

/// `Status` of `asked`, once its sum of delivered events is that.
async fn fleet_with_delivered(asked: &Process, delivered: u64) -> serde_json::Value {
    let sum = async {
        loop {
            let fleet = asked.status().await["fleet"].clone();
            if fleet["outcomes"]["delivered"] == json!(delivered) {
                return fleet;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), sum).await.unwrap()
}

#[tokio::test]
async fn a_process_without_events_tells_the_sums_of_those_that_had_some() {
    let hub = emulator().await;
    let folder = tempfile::tempdir().unwrap();
    let instance = |name| vars(&hub, &[("STORE", "file:store"), ("WEBSITE_INSTANCE_ID", name)]);
    let (one, other) = (instance("i-1"), instance("i-2"));
    let [first, second] = [Process::start(&one, folder.path()).await, Process::start(&other, folder.path()).await];
    let asked = Process::start(&instance("i-3"), folder.path()).await;
    let phone = json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE});
    first.register("iphone", phone).await;
    assert_eq!(first.outcome(&sms("e1", "15551234567", "Hello")).await, "delivered");
    assert_eq!(second.outcome(&sms("e2", "15551234567", "Hello")).await, "delivered");
    assert_eq!(second.outcome(&sms("e3", "15550000000", "Hello")).await, "no_device");
    let fleet = fleet_with_delivered(&asked, 2).await;
    assert_eq!(fleet["outcomes"]["no_device"], 1);
    let mut seen: Vec<_> = fleet["instances"].as_array().unwrap().iter().map(|one| &one["instance"]).collect();
    seen.sort_by_key(|name| name.to_string());
    assert_eq!(seen, ["i-1", "i-2", "i-3"]);
    assert!(fleet["instances"][0]["seen"].is_string() && fleet["instances"][0]["version"].is_string());
    assert_eq!(asked.status().await["outcomes"]["delivered"], 0, "the counts of the process itself are its own");

    // A process that stops tells its last counts, also within the minute, and a hub's error.
    hub.add_fault(Fault::status(429).retry_after("30"));
    assert_eq!(second.outcome(&sms("e4", "15551234567", "Hello")).await, "failed");
    assert_eq!(first.outcome(&sms("e5", "15551234567", "Hello")).await, "delivered");
    let (code, _) = second.terminate().await;
    assert_eq!(code, Some(0));
    first.terminate().await;
    let fleet = fleet_with_delivered(&asked, 3).await;
    assert_eq!(fleet["outcomes"]["failed"], 1);
    let told = fleet["hubs"].as_array().unwrap().iter().find(|told| told["hub"] == HUB).unwrap();
    assert_eq!(told["last_error"], "hub 429: throttled");
    assert!(told["at"].is_string() && told["paused_until"].is_string(), "{told}");
    let reports = documents(&folder.path().join("store"));
    let reports: Vec<_> = reports.into_iter().filter(|(path, _)| path.starts_with("instances/")).collect();
    assert_eq!(reports.len(), 2, "the process without events wrote none");

    // Maintenance removes reports of processes that are gone.
    let day_ago = std::time::SystemTime::now() - Duration::from_secs(2 * 3600);
    for (path, _) in &reports {
        let file = std::fs::File::options().write(true).open(folder.path().join("store").join(path)).unwrap();
        file.set_modified(day_ago).unwrap();
    }
    assert_eq!(asked.status().await["fleet"]["outcomes"]["delivered"], 0, "they are over");
    asked.maintain().await;
    let left = documents(&folder.path().join("store"));
    assert!(!left.iter().any(|(path, _)| path.starts_with("instances/")), "{left:?}");
}
