//! A day of an outage, compressed by the test's clock: Event Grid repeats as it documents, and nothing is lost.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use notification_hubs_emulator::Fault;
use serde_json::{Value, json};

use super::post;
use crate::support::*;

/// Seconds before each repeat, and every twelve hours after them; a 503 waits 30 seconds at least.
const BACK_OFF: [i64; 9] = [30, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600];
const TIME_TO_LIVE: TimeDelta = TimeDelta::days(1);

/// An event that Event Grid holds.
struct Held {
    event: Value,
    published: DateTime<Utc>,
    tries: usize,
    next: DateTime<Utc>,
}

#[tokio::test]
async fn events_of_a_day_with_an_outage_of_ten_hours_are_all_delivered_once() {
    let start: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
    let clock = TestClock::at("2026-03-01T00:00:00Z");
    let folder = tempfile::tempdir().unwrap();
    let texts = folder.path().join("texts.toml");
    std::fs::write(&texts, "[SMSReceived]\ntime_to_live = \"24h\"").unwrap();
    let app = App::webhook_by_clock(&clock, &[("NOTIFICATIONS_FILE", texts.to_str().unwrap())]).await;
    app.register("iphone", phone()).await;
    let outage = start + TimeDelta::hours(4)..start + TimeDelta::hours(14);
    let mut held: Vec<Held> = (0..48)
        .map(|n| {
            let published = start + TimeDelta::minutes(15 * n);
            let mut event = sms(&format!("e{n}"), "15551234567", &format!("message {n}"));
            event["eventTime"] = json!(published.to_rfc3339());
            Held { event, published, tries: 0, next: published }
        })
        .collect();
    let mut answers = BTreeMap::<u16, u32>::new();
    while !held.is_empty() {
        held.sort_by_key(|held| held.next);
        let due = &mut held[0];
        let now = due.next;
        assert!(now < due.published + TIME_TO_LIVE, "Event Grid has dropped {}", due.event);
        clock.set(&now.to_rfc3339());
        app.hub.clear_faults();
        if outage.contains(&now) {
            app.hub.add_fault(Fault::status(404).always());
        }
        let status = post(&app, &json!([due.event])).await.status;
        *answers.entry(status).or_default() += 1;
        if status == 200 {
            held.remove(0);
        } else {
            let wait = BACK_OFF.get(due.tries).copied().unwrap_or(12 * 3600);
            (due.tries, due.next) = (due.tries + 1, now + TimeDelta::seconds(wait));
        }
    }
    assert_eq!(answers.keys().copied().collect::<Vec<_>>(), [200, 503]);
    let mut texts: Vec<String> =
        app.hub.accepted().iter().map(|request| body(request)["aps"]["alert"]["body"].to_string()).collect();
    texts.sort();
    texts.dedup();
    assert_eq!((texts.len(), app.hub.accepted().len()), (48, 48), "{:?}", app.status().await);
    assert_eq!(app.count("delivered").await, 48);
}
