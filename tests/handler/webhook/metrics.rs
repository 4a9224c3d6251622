//! `/metrics`, read by a parser of Prometheus' text format.

use std::collections::{BTreeMap, BTreeSet};

use notification_hubs_emulator::Fault;
use prometheus_parse::{Sample, Scrape, Value as SampleValue};
use serde_json::json;

use super::post;
use crate::support::*;

async fn scrape(app: &App) -> Scrape {
    let reply = app.get("/metrics").await;
    assert_eq!((reply.status, reply.headers["content-type"].as_str()), (200, "text/plain; version=0.0.4"));
    Scrape::parse(reply.text.lines().map(|line| Ok(line.to_owned()))).unwrap()
}

fn find<'a>(scrape: &'a Scrape, name: &str, labels: &[(&str, &str)]) -> &'a Sample {
    let has = |sample: &Sample| labels.iter().all(|(name, value)| sample.labels.get(name) == Some(value));
    let found = scrape.samples.iter().find(|sample| sample.metric == name && has(sample));
    found.unwrap_or_else(|| panic!("no {name} with {labels:?}"))
}

fn number(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    match find(scrape, name, labels).value {
        SampleValue::Counter(value) | SampleValue::Gauge(value) | SampleValue::Untyped(value) => value,
        SampleValue::Histogram(_) | SampleValue::Summary(_) => panic!("{name} is no number"),
    }
}

/// The series of a scrape, by name and labels.
fn series(scrape: &Scrape) -> BTreeSet<String> {
    let name = |sample: &Sample| {
        let labels: BTreeMap<_, _> = sample.labels.iter().collect();
        format!("{} {labels:?}", sample.metric)
    };
    scrape.samples.iter().map(name).collect()
}

#[tokio::test]
async fn outcomes_latencies_pauses_and_retries_are_counted() {
    let app = App::webhook(&[("DELIVERY_DEADLINE_SECONDS", "5")]).await;
    app.register("iphone", phone()).await;
    assert_eq!(post(&app, &json!([sms("e1", "15551234567", "Hello"), sms("e2", "1555", "Hello")])).await.status, 200);
    app.hub.add_fault(Fault::status(503));
    assert_eq!(post(&app, &json!([sms("e3", "15551234567", "Hello")])).await.status, 200);
    app.hub.add_fault(Fault::status(429).retry_after("50"));
    assert_eq!(post(&app, &json!([sms("e4", "15551234567", "Hello")])).await.status, 503);
    let scrape = scrape(&app).await;
    let sms = ("type", "SMSReceived");
    for (outcome, code, expected) in
        [("delivered", "delivered", 2.0), ("no_device", "no_installation", 1.0), ("failed", "hub_throttled", 1.0)]
    {
        let labels = [sms, ("outcome", outcome), ("code", code)];
        assert_eq!(number(&scrape, "acs_push_events_total", &labels), expected, "{outcome}");
    }
    for (name, at_least) in [
        ("acs_push_delivery_seconds_count", 2.0),
        ("acs_push_event_seconds_count", 4.0),
        ("acs_push_hub_seconds_count", 3.0),
        ("acs_push_store_seconds_count", 4.0),
    ] {
        assert!(number(&scrape, name, &[]) >= at_least, "{name}");
    }
    assert_eq!(number(&scrape, "acs_push_hub_retries_total", &[("hub", HUB)]), 1.0);
    assert_eq!(number(&scrape, "acs_push_hub_paused", &[("hub", HUB)]), 1.0);
    assert_eq!(number(&scrape, "acs_push_events_in_flight", &[]), 0.0);
}

#[tokio::test]
async fn ten_thousand_users_and_invented_types_leave_the_number_of_series_as_it_is() {
    let app = App::webhook(&[]).await;
    let batch = |users: std::ops::Range<u32>, type_name: &str| {
        let mut events: Vec<_> =
            users.clone().map(|n| sms(&format!("e{n}"), &format!("1555{n:07}"), "Hello")).collect();
        for (n, event) in users.zip(&mut events) {
            // One of a hundred is of a type that nobody knows.
            if n % 100 == 0 {
                event["eventType"] = json!(format!("Microsoft.Communication.{type_name}{n}"));
            }
        }
        json!(events)
    };
    assert_eq!(post(&app, &batch(0..200, "Invented")).await.status, 200);
    let before = scrape(&app).await;
    for part in 0..5 {
        assert_eq!(post(&app, &batch(part * 2000..part * 2000 + 2000, "Other")).await.status, 200);
    }
    let after = scrape(&app).await;
    assert_eq!(series(&before), series(&after));
    assert_eq!(number(&after, "acs_push_events_total", &[("type", "other")]), 102.0);
    let text = app.get("/metrics").await.text;
    assert!(!text.contains("1555") && !text.contains("Invented"), "{text}");
}
