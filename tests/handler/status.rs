//! What the host and an operator may ask.

use std::time::Duration;

use notification_hubs_emulator::{Action, Fault};
use serde_json::json;

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
