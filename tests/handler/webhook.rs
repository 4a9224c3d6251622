//! `acs-push serve --webhook`: what Event Grid posts and asks, without the Functions host.

use std::time::Duration;

use chrono::TimeDelta;
use notification_hubs_emulator::{Action, Fault};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::binary::{Process, command};
use crate::support::*;

mod day;
mod entra;
mod keys;
mod metrics;
mod replicas;

/// Where Event Grid posts.
pub const PATH: &str = "/webhooks/eventgrid";

/// What Event Grid posts when a subscription is made, as its documentation has it.
fn validation() -> Value {
    json!([{
        "id": "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66",
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Communication/communicationServices/c",
        "subject": "",
        "data": {
            "validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6",
            "validationUrl": "https://rp-eastus2.eventgrid.azure.net:553/eventsubscriptions/s/validate?id=512d38b6&t=2018-04-26T20:30:54Z&token=1A1A1A1A",
        },
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": ago(TimeDelta::zero()),
        "metadataVersion": "1",
        "dataVersion": "1",
    }])
}

/// The same event in the other schema.
fn cloud_event(event: &Value) -> Value {
    json!({"specversion": "1.0", "id": event["id"], "source": event["topic"], "subject": event["subject"],
        "type": event["eventType"], "time": event["eventTime"], "data": event["data"]})
}

/// Posts a body as Event Grid does.
pub async fn post(app: &App, body: &Value) -> Reply {
    let request = app.request(Method::POST, PATH).header("aeg-event-type", "Notification");
    app.send(request.header("content-type", "application/json; charset=utf-8"), body).await
}

fn error_code(reply: &Reply) -> Value {
    reply.json()["error"]["code"].take()
}

#[tokio::test]
async fn event_grids_handshake_is_answered_with_its_code() {
    let app = App::webhook(&[]).await;
    let object = validation()[0].take();
    // Some proxies drop the header; a single event is an object in some samples.
    for (kind, body) in
        [("SubscriptionValidation", validation()), ("Notification", validation()), ("SubscriptionValidation", object)]
    {
        let request = app.request(Method::POST, PATH).header("aeg-event-type", kind).body(body.to_string());
        let reply = Reply::of(request).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json(), json!({"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}));
    }
    assert_eq!(app.status().await["received"], 0, "a handshake is no event");
}

#[tokio::test]
async fn cloud_events_handshake_names_origin_and_rate() {
    let app = App::webhook(&[]).await;
    let request = app.request(Method::OPTIONS, PATH).header("WebHook-Request-Origin", "eventgrid.azure.net");
    let reply = Reply::of(request.header("WebHook-Request-Rate", "120")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["webhook-allowed-origin"], "eventgrid.azure.net");
    assert_eq!(reply.headers["webhook-allowed-rate"], "*");
    let reply = Reply::of(app.request(Method::OPTIONS, PATH)).await;
    assert_eq!((reply.status, error_code(&reply)), (400, json!("NoOrigin")));
}

#[tokio::test]
async fn one_event_and_many_are_delivered_in_either_schema() {
    let app = App::webhook(&[]).await;
    app.register("iphone", phone()).await;
    let event = |id: &str| sms(id, "15551234567", "Hello");
    let bodies = [
        event("e1"),
        json!([event("e2")]),
        json!([event("e3"), event("e4")]),
        cloud_event(&event("c1")),
        json!([cloud_event(&event("c2")), event("e5"), cloud_event(&event("c3"))]),
    ];
    for (body, events) in bodies.iter().zip([1, 1, 2, 1, 3]) {
        let reply = post(&app, body).await;
        let told = json!({"events": vec![json!({"outcome": "delivered", "code": "delivered"}); events]});
        assert_eq!((reply.status, reply.json()), (200, told), "{body}");
    }
    assert_eq!((app.count("delivered").await, app.hub.accepted().len()), (8, 8));
    // Nothing to do is done.
    assert_eq!(post(&app, &json!([])).await.status, 200);
}

#[tokio::test]
async fn what_no_repeat_can_mend_is_answered_so_that_event_grid_stops() {
    let app = App::webhook(&[]).await;
    for (body, told) in [
        ("", "the body is not JSON (line 1, column 0)"),
        ("[{\"id\":", "the body is not JSON"),
        ("7", "the body is neither an event nor an array of events"),
        ("\"text\"", "the body is neither an event nor an array of events"),
    ] {
        let reply = Reply::of(app.request(Method::POST, PATH).body(body)).await;
        assert_eq!(reply.status, 400, "{body}: {reply:?}");
        assert!(reply.text.contains(told), "{body}: {reply:?}");
    }
    let zipped = app.request(Method::POST, PATH).header("content-encoding", "gzip").body(vec![31, 139]);
    let reply = Reply::of(zipped).await;
    // A header's value may be a key that was pasted into the wrong place.
    assert!(
        reply.status == 415 && reply.text.contains("Content-Encoding") && !reply.text.contains("gzip"),
        "{reply:?}"
    );
    let large = app.request(Method::POST, PATH).body(vec![b' '; 8 * 1024 * 1024 + 1]);
    assert_eq!(Reply::of(large).await.status, 413);
    assert_eq!(Reply::of(app.request(Method::PUT, PATH)).await.headers["allow"], "POST, OPTIONS");
    assert_eq!(app.get("/").await.status, 404);
    // What is no event is kept for an operator, and not sent again.
    assert_eq!(post(&app, &json!([{"id": "no event"}])).await.status, 200);
    assert_eq!(app.count("dead_lettered").await, 1);
    assert_eq!(app.status().await["rejected"], 5);
}

#[tokio::test]
async fn what_a_repeat_can_mend_is_503_and_the_repeat_goes_to_the_rest() {
    let app = App::webhook(&[]).await;
    app.register("iphone", phone()).await;
    app.register("android", json!({"phoneNumbers": ["15551234567"], "platform": "fcmv1", "pushChannel": ANDROID}))
        .await;
    // Each of these ends an event at once: an operator has to do something first.
    for status in [401, 403, 404] {
        app.hub.clear();
        app.hub.add_fault(Fault::status(status).on_device(ANDROID).always());
        let batch =
            json!([sms(&format!("e{status}"), "15551234567", "Hello"), sms(&format!("f{status}"), "1555", "Hi")]);
        let reply = post(&app, &batch).await;
        assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (503, "30"), "{reply:?}");
        assert!(reply.text.contains("1 of 2 events failed: hub "), "{reply:?}");
        app.hub.clear_faults();
        assert_eq!(post(&app, &batch).await.status, 200);
        let devices: Vec<String> =
            app.hub.accepted().iter().filter_map(|request| request.device_handle.clone()).collect();
        assert_eq!(devices, [IPHONE, ANDROID], "the repeat went to a device that had got it");
    }
}

#[tokio::test]
async fn more_events_than_event_grids_largest_batch_wait_outside() {
    let app = App::webhook(&[]).await;
    app.register("iphone", phone()).await;
    app.hub.add_fault(Fault::action(Action::Pass).delay_ms(1500));
    let mut batch: Vec<Value> = (0..4999).map(|n| sms(&format!("n{n}"), "1555", "Hi")).collect();
    batch.push(sms("e1", "15551234567", "Hello"));
    let (batch, other) = (json!(batch), json!([sms("e2", "15551234567", "Hello")]));
    let (first, refused) = tokio::join!(post(&app, &batch), async {
        timeout(Duration::from_secs(20), app.hub.wait_for_requests(1)).await.unwrap();
        post(&app, &other).await
    });
    assert_eq!((refused.status, refused.headers["retry-after"].as_str()), (503, "30"), "{refused:?}");
    assert!(refused.text.contains("too many events are in flight"));
    assert_eq!(first.status, 200, "a batch alone is always taken");
    assert_eq!(post(&app, &other).await.status, 200, "the repeat is taken");
}

#[tokio::test]
async fn installations_and_status_are_those_of_the_functions() {
    let app = App::webhook(&[]).await;
    assert_eq!(app.put("iphone", &phone()).await.status, 201);
    assert_eq!(app.get("/api/installations/iphone").await.json()["platform"], "apns");
    assert_eq!(app.put("phone", &json!({})).await.status, 400);
    assert_eq!(app.delete("iphone").await.status, 204);
    assert_eq!(app.get("/api/installations/iphone").await.status, 404);
    assert_eq!(app.status().await["in_flight"], 0);
}

#[tokio::test]
async fn it_is_ready_as_long_as_the_store_answers() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let app = App::webhook(&[("STORE", &format!("file:{}", store.display()))]).await;
    assert_eq!((app.get("/healthz").await.status, app.get("/readyz").await.status), (200, 200));
    std::fs::rename(&store, folder.path().join("elsewhere")).unwrap();
    let reply = app.get("/readyz").await;
    assert_eq!(reply.status, 503);
    assert!(reply.text.contains("there is no such folder"), "{reply:?}");
    assert_eq!(app.get("/healthz").await.status, 200, "a restart would not help");
    // Whatever was being written meanwhile has not created it again.
    std::fs::rename(folder.path().join("elsewhere"), &store).unwrap();
    assert_eq!(app.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_process_that_stops_is_unready_first_and_finishes_what_comes_until_then() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start_webhook(&vars(&hub, &[]), folder.path()).await;
    assert_eq!(process.put("iphone", phone()).await, 201);
    let status = |path| Reply::of(process.request(Method::GET, path));
    assert_eq!(status("/readyz").await.status, 200);
    process.signal("TERM");
    timeout(Duration::from_secs(4), async { while status("/readyz").await.status == 200 {} }).await.unwrap();
    assert_eq!(status("/healthz").await.status, 200);
    let event = json!([sms("e1", "15551234567", "Hello")]);
    process.plant_event(&event);
    assert_eq!(Reply::of(process.request(Method::POST, PATH).body(event.to_string())).await.status, 200);
    let (code, output) = process.output().await;
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("\"outcome\":\"delivered\""), "each event has its line: {output}");
}

#[tokio::test]
async fn an_address_that_is_taken_or_none_is_told_by_its_setting() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    for (listen, code, told) in [
        (format!("127.0.0.1:{}", hub.port()), 1, "LISTEN: cannot listen on 127.0.0.1:"),
        ("8080".to_owned(), 78, "LISTEN: expected an IP address and a port"),
    ] {
        let mut command = command(&vars(&hub, &[]), folder.path());
        let output = command.args(["serve", "--webhook"]).env("LISTEN", &listen).output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{listen}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(told), "{listen}");
    }
}
