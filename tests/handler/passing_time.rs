//! What a hub said holds for a while and no longer. Time passes here without anybody waiting for it.

use std::time::Duration;

use notification_hubs_emulator::Fault;
use serde_json::Value;

use crate::support::*;

async fn pass(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

fn event(id: &str) -> Value {
    sms(id, "15551234567", "Hello")
}

#[tokio::test]
async fn no_retry_after_pauses_a_hub_for_more_than_a_minute() {
    let app = App::start().await;
    app.register("iphone", phone()).await;
    app.hub.add_fault(Fault::status(429).retry_after("3600"));
    assert_eq!(app.invoke(&event("e1")).await.status, 500);
    // Longer than a deadline before the end of the minute.
    pass(35).await;
    let reply = app.invoke(&event("e2")).await;
    assert_eq!((reply.status, app.hub.requests().len()), (500, 1), "{reply:?}");
    assert!(reply.text.contains("hub is throttling; its Retry-After ends after the deadline"), "{reply:?}");
    pass(26).await;
    assert_eq!(app.deliver(&event("e3")).await["outcome"], "delivered");
}

#[tokio::test]
async fn the_first_key_has_another_chance_after_five_minutes_on_the_second() {
    let hub = emulator().await;
    let (first, rule) = (hub.connection_string_of(HUB).unwrap(), &format!("{HUB}/Send"));
    let first_key = first.split("SharedAccessKey=").nth(1).unwrap().to_owned();
    let second = first.replace(&first_key, "second-key");
    hub.set_keys(rule, "another-key", "second-key");
    let settings = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", first.as_str()),
        ("NOTIFICATION_HUB_SECONDARY_CONNECTION_STRING", second.as_str()),
    ];
    let app = App::beside(hub, &settings).await;
    app.register("iphone", phone()).await;
    // How many requests an event took.
    let requests = async |id: &str| {
        app.hub.clear();
        assert_eq!(app.deliver(&event(id)).await["outcome"], "delivered", "{id}");
        app.hub.requests().len()
    };
    assert_eq!(requests("e1").await, 3, "the first key, signed anew once, and the second one");
    pass(4 * 60 + 55).await;
    assert_eq!(requests("e2").await, 1, "the second key");
    pass(10).await;
    assert_eq!(requests("e3").await, 3, "the first key, which is still refused, and the second one");
    app.hub.set_keys(rule, &first_key, "second-key");
    assert_eq!(requests("e4").await, 1, "the second key");
    pass(5 * 60 + 5).await;
    app.hub.set_keys(rule, &first_key, "fourth-key");
    assert_eq!(requests("e5").await, 1, "the first key, and no word of the second one");
    assert_eq!(requests("e6").await, 1, "the first key serves from now on");
}
