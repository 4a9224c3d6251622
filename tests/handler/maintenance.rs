//! The timer: what is over goes, what is not stays.

use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{TimeDelta, Utc};
use notification_hubs_emulator::Fault;
use serde_json::{Value, json};

use crate::binary::documents;
use crate::support::*;

const TRACKING_ID: &str = "e409d189-6580-4cea-9087-d1817f32d609";
const HOUR: Duration = Duration::from_secs(3600);

/// How many documents there are of each kind.
fn kinds(store: &Path) -> Value {
    let mut counts = json!({});
    for (path, _) in documents(store) {
        let kind = path.split('/').next().unwrap();
        counts[kind] = json!(counts[kind].as_u64().unwrap_or(0) + 1);
    }
    counts
}

/// Makes all documents of a kind that much older.
fn age(store: &Path, kind: &str, by: Duration) {
    for (path, _) in documents(&store.join(kind)) {
        let file = std::fs::File::options().write(true).open(store.join(kind).join(path)).unwrap();
        file.set_modified(SystemTime::now() - by).unwrap();
    }
}

/// What a run says that removed one document of each of these kinds.
fn removed(kinds: &[&str]) -> Value {
    let mut removed = json!({});
    for kind in ["ledger", "markers", "dead-letters", "installations"] {
        removed[kind] = json!(u8::from(kinds.contains(&kind)));
    }
    removed
}

async fn run(app: &App) -> Value {
    let timer = json!({"Data": {"timer": {"IsPastDue": false}}, "Metadata": {}});
    let reply = Reply::of(app.request(reqwest::Method::POST, "/Maintenance").body(timer.to_string())).await;
    assert_eq!(reply.status, 200);
    reply.log_lines().remove(0)["maintenance"].take()
}

#[tokio::test]
async fn ledger_markers_and_dead_letters_go_when_they_are_old_enough() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register_iphone(BOB).await;
    app.deliver(&call("e1", "d732db64-4803-462d-be9c-518943ea2b7a")).await;
    app.deliver(&chat("e2", "ChatMessageDeleted", "m1", 1, "")).await;
    app.deliver(&json!("no event")).await;
    let all = json!({"ledger": 1, "markers": 1, "dead-letters": 1, "installations": 1, "recipients": 1, "handles": 2,
        "layout": 1});
    assert_eq!(kinds(store), all);

    for kind in ["ledger", "markers"] {
        age(store, kind, 24 * HOUR);
    }
    age(store, "dead-letters", 6 * 24 * HOUR);
    age(store, "installations", 1000 * 24 * HOUR);
    assert_eq!(run(&app).await, removed(&[]));
    assert_eq!(kinds(store), all);

    for kind in ["ledger", "markers"] {
        age(store, kind, 26 * HOUR);
    }
    age(store, "dead-letters", 8 * 24 * HOUR);
    assert_eq!(run(&app).await, removed(&["ledger", "markers", "dead-letters"]));
    assert_eq!(kinds(store), json!({"layout": 1, "installations": 1, "recipients": 1, "handles": 2}));
}

#[tokio::test]
async fn an_expired_installation_goes_with_everything_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    let soon = (Utc::now() + TimeDelta::milliseconds(300)).to_rfc3339();
    let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE, "expirationTime": soon});
    app.register("expired", phone).await;
    app.register("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    assert_eq!(kinds(store)["expiring"], 1);
    while run(&app).await != removed(&["installations"]) {}
    assert_eq!(documents(&store.join("recipients"))[0].1["installations"].as_array().unwrap().len(), 1);
    // The trace of a deletion stays until no change can come late any more.
    let left = json!({"layout": 1, "installations": 2, "recipients": 1, "handles": 1, "pending": 1});
    assert_eq!(kinds(store), left);
}

#[tokio::test]
async fn a_change_that_was_cut_off_is_finished_minutes_later() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register_iphone(BOB).await;
    // As if the PUT had stopped after its installation was written.
    let note = json!({"v": 1, "installationId": documents(&store.join("installations"))[0].1["installationId"]});
    std::fs::create_dir_all(store.join("pending/00")).unwrap();
    std::fs::write(store.join("pending/00/note"), note.to_string()).unwrap();
    std::fs::remove_dir_all(store.join("recipients")).unwrap();
    for (path, handle) in documents(&store.join("handles")) {
        let wanted = handle["wanted"].as_i64().unwrap();
        let unclaimed = json!({"v": 1, "revision": wanted - 1, "wanted": wanted});
        std::fs::write(store.join("handles").join(path), unclaimed.to_string()).unwrap();
    }
    assert_eq!(app.deliver(&chat("e1", "ChatMessageReceived", "m1", 1, "Hello")).await["outcome"], "no_device");
    run(&app).await;
    assert_eq!(app.deliver(&chat("e2", "ChatMessageReceived", "m2", 1, "Hello")).await["outcome"], "no_device");
    age(store, "pending", HOUR);
    run(&app).await;
    assert_eq!(app.deliver(&chat("e3", "ChatMessageReceived", "m3", 1, "Hello")).await["outcome"], "delivered");
    assert_eq!(kinds(store), json!({"layout": 1, "installations": 1, "recipients": 1, "handles": 2}));
}

#[tokio::test]
async fn a_document_that_cannot_be_read_does_not_stop_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path();
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register_iphone(BOB).await;
    app.deliver(&json!("no event")).await;
    for (kind, text) in [("installations", "no JSON"), ("installations", "{\"v\":99}"), ("pending", "no JSON")] {
        std::fs::create_dir_all(store.join(kind).join("00")).unwrap();
        std::fs::write(store.join(kind).join("00").join(text.len().to_string()), text).unwrap();
    }
    age(store, "installations", 1000 * 24 * HOUR);
    age(store, "pending", HOUR);
    age(store, "dead-letters", 8 * 24 * HOUR);
    let mut expected = removed(&["dead-letters"]);
    expected["failed"] = json!(1);
    assert_eq!(run(&app).await, expected);
    // What a newer program wrote stays; what nobody can read goes when it would be over.
    assert_eq!(kinds(store), json!({"layout": 1, "installations": 2, "recipients": 1, "handles": 2}));
}

#[tokio::test]
async fn devices_that_were_refused_stand_in_a_dead_letter_with_what_the_hub_said() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::with(&[("STORE", &format!("file:{}", folder.path().display()))]).await;
    app.register_iphone(BOB).await;
    app.register_android(BOB).await;
    app.hub.add_fault(Fault::status(413).header("TrackingId", TRACKING_ID).on_device(ANDROID));
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
    let (_, letter) = documents(&folder.path().join("dead-letters")).remove(0);
    assert_eq!(letter["reason"], "hub 413: the payload is too large (hub alerts)");
    assert_eq!((&letter["hubStatus"], &letter["trackingId"]), (&json!(413), &json!(TRACKING_ID)));
    assert_eq!((&letter["installations"], &letter["event"]), (&json!(["android"]), &event));
}

#[tokio::test]
async fn an_event_whose_dead_letter_cannot_be_kept_fails_and_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let app = App::with(&[("STORE", &format!("file:{}", store.display()))]).await;
    app.register_iphone(BOB).await;
    // A file where the folder of dead letters would be.
    std::fs::write(store.join("dead-letters"), "in the way").unwrap();
    assert_eq!(app.invoke(&json!("no event")).await.status, 500);
    app.hub.add_fault(Fault::status(400));
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    assert_eq!(app.invoke(&event).await.status, 500);
    std::fs::remove_file(store.join("dead-letters")).unwrap();
    assert_eq!(app.deliver(&event).await["outcome"], "delivered");
}
