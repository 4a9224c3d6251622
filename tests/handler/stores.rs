//! What every store promises: the same tests over memory, a folder and, with the feature `foreign-tests`, over Azurite.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use notification_hubs_emulator::{Emulator, Fault};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::binary::Process;
use crate::support::*;

/// Two processes that share a store, and the hub that both send to.
struct Pair {
    hub: Emulator,
    a: Arc<Process>,
    b: Arc<Process>,
    _folder: TempDir,
}

impl Pair {
    async fn start(store: &[(&str, &str)], settings: &[(&str, &str)]) -> Self {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let vars = vars(&hub, &[store, settings].concat());
        let start = || async { Arc::new(Process::start(&vars, folder.path()).await) };
        let a = start().await;
        // What is in memory is shared by no other process; the promises hold all the same.
        let b = if store == [("STORE", "memory:")] { Arc::clone(&a) } else { start().await };
        Self { hub, a, b, _folder: folder }
    }
}

fn phone(user: &str, handle: &str) -> Value {
    json!({"userId": user, "platform": "apns", "pushChannel": handle})
}

/// A message to somebody.
fn message_to(user: &str, id: &str) -> Value {
    let mut event = chat(id, "ChatMessageReceived", id, 1, "Hello");
    event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": user});
    event["data"]["senderCommunicationIdentifier"] = json!({"rawId": "8:acs:erin"});
    event
}

async fn registrations_are_seen_at_once(store: &[(&str, &str)]) {
    let Pair { a, b, .. } = &Pair::start(store, &[]).await;
    assert_eq!(b.outcome(&message_to(BOB, "e1")).await, "no_device");
    assert_eq!(a.register("iphone", phone(BOB, IPHONE)).await.status, 201);
    assert_eq!(b.outcome(&message_to(BOB, "e2")).await, "delivered");
    assert_eq!(b.register("iphone", phone(ALICE, IPHONE)).await.status, 200);
    assert_eq!(a.outcome(&message_to(BOB, "e3")).await, "no_device");
    assert_eq!(a.outcome(&message_to(ALICE, "e4")).await, "delivered");
    a.forget("iphone").await;
    assert_eq!(b.outcome(&message_to(ALICE, "e5")).await, "no_device");
    assert_eq!(b.register("iphone", phone(BOB, IPHONE)).await.status, 201);
    assert_eq!(a.outcome(&message_to(BOB, "e6")).await, "delivered");
}

async fn calls_and_whatever_would_reach_nobody_rest_on_a_fresh_read(store: &[(&str, &str)]) {
    let Pair { a, b, hub, .. } = &Pair::start(store, &[]).await;
    let muted =
        json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE, "mutedThreads": ["19:lunch@thread.v2"]});
    assert_eq!(a.register("iphone", muted).await.status, 201);
    let mut elsewhere = message_to(BOB, "e1");
    elsewhere["data"]["threadId"] = json!("19:dinner@thread.v2");
    assert_eq!(a.outcome(&elsewhere).await, "delivered");
    // What `a` read just now says that nobody wants it.
    assert_eq!(b.register("iphone", phone(BOB, IPHONE)).await.status, 200);
    assert_eq!(a.outcome(&chat("e2", "ChatMessageReceived", "m1", 1, "Hello")).await, "delivered");
    // What `a` read just now has another phone.
    let other = "b".repeat(64);
    assert_eq!(b.register("iphone", phone(BOB, &other)).await.status, 200);
    assert_eq!(a.outcome(&call("e3", "d732db64-4803-462d-be9c-518943ea2b7a")).await, "delivered");
    let called = &hub.accepted()[2];
    assert_eq!(headers(called)["servicebusnotification-devicehandle"], other);
}

async fn registrations_at_once_are_all_kept(store: &[(&str, &str)]) {
    let Pair { a, b, .. } = &Pair::start(store, &[("INSTALLATIONS_PER_USER", "1000")]).await;
    let puts = (0..60).map(|index| {
        let process = if index % 2 == 0 { a } else { b };
        async move { process.register(&format!("phone-{index}"), phone(BOB, &format!("{index:064x}"))).await }
    });
    join_all(puts).await;
    let reply = a.invoke(&message_to(BOB, "e1")).await;
    assert_eq!(reply.log_lines()[0]["delivered"], 60);
}

async fn a_device_that_moves_about_has_one_owner(store: &[(&str, &str)]) {
    let Pair { a, b, .. } = &Pair::start(store, &[]).await;
    let users = [ALICE, BOB, "8:acs:carol"];
    let moves = (0..24).map(|index| {
        let process = if index % 2 == 0 { a } else { b };
        async move {
            if index % 8 == 7 {
                process.forget("iphone").await;
            } else {
                process.register("iphone", phone(users[index % 3], IPHONE)).await;
            }
        }
    });
    join_all(moves).await;
    let mut owners = Vec::new();
    for user in users {
        if a.outcome(&message_to(user, user)).await == "delivered" {
            owners.push(user);
        }
    }
    let stated = a.get("iphone").await;
    let stated: Vec<&str> = stated["userId"].as_str().into_iter().collect();
    assert_eq!(owners, stated);
}

async fn one_handle_under_many_ids_is_one_device(store: &[(&str, &str)]) {
    let Pair { hub, a, b, .. } = &Pair::start(store, &[]).await;
    let puts = (0..16).map(|index| {
        let process = if index % 2 == 0 { a } else { b };
        async move { process.register(&format!("iphone-{index}"), phone(BOB, IPHONE)).await }
    });
    join_all(puts).await;
    a.register("iphone-last", phone(BOB, IPHONE)).await;
    assert_eq!(b.outcome(&message_to(BOB, "e1")).await, "delivered");
    assert_eq!(hub.accepted().len(), 1);
}

async fn who_has_to_make_room_is_told_and_goes(store: &[(&str, &str)]) {
    let Pair { a, b, .. } = &Pair::start(store, &[("INSTALLATIONS_PER_USER", "2")]).await;
    for user in 0..6 {
        let (user_id, id) = (format!("8:acs:{user}"), |phone: usize| format!("phone-{user}-{phone}"));
        for number in 0..4 {
            let process = if number % 2 == 0 { a } else { b };
            let reply = process.register(&id(number), phone(&user_id, &format!("{user:032x}{number:032x}"))).await;
            let gone = if number < 2 { Value::Null } else { json!([id(number - 2)]) };
            assert_eq!(reply.json()["evicted"], gone, "{reply:?}");
        }
        let message = message_to(&user_id, &format!("e{user}"));
        assert_eq!(a.invoke(&message).await.log_lines()[0]["delivered"], 2);
        for number in 0..4 {
            assert_eq!(b.get(&id(number)).await["error"].is_object(), number < 2, "phone {number} of user {user}");
        }
    }
}

async fn what_one_served_the_other_does_not_serve_again(store: &[(&str, &str)]) {
    let Pair { hub, a, b, .. } = &Pair::start(store, &[("DELIVERY_DEADLINE_SECONDS", "5")]).await;
    a.register("iphone", phone(BOB, IPHONE)).await;
    a.register("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;

    // A message that failed for one of two devices.
    hub.add_fault(Fault::status(404).on_device(ANDROID));
    assert_eq!(a.outcome(&message_to(BOB, "e1")).await, "failed");
    assert_eq!(b.outcome(&message_to(BOB, "e1")).await, "delivered");
    assert_eq!(a.outcome(&message_to(BOB, "e1")).await, "duplicate");
    assert_eq!(times_reached(hub), [(ANDROID.to_owned(), 1), (IPHONE.to_owned(), 1)].into());

    // A sibling of an event that failed.
    hub.clear();
    hub.add_fault(Fault::status(404).on_device(&"0".repeat(64)));
    a.register("alice", phone(ALICE, &"0".repeat(64))).await;
    let batch = json!([message_to(BOB, "e2"), message_to(ALICE, "e3")]);
    assert_eq!(a.invoke(&batch).await.status, 500);
    let lines = b.invoke(&batch).await.log_lines();
    assert_eq!((&lines[0]["outcome"], &lines[1]["outcome"]), (&json!("duplicate"), &json!("delivered")));

    // A call's event rings once, though nothing failed; another invitation to the same call rings again.
    hub.clear();
    let [first, second] = ["e4", "e4-again"].map(|id| call(id, "d732db64-4803-462d-be9c-518943ea2b7a"));
    for (process, event, outcome, rung) in [
        (a, &first, "delivered", 2),
        (b, &first, "duplicate", 2),
        (b, &second, "delivered", 4),
        (a, &second, "duplicate", 4),
    ] {
        assert_eq!((process.outcome(event).await.as_str(), hub.accepted().len()), (outcome, rung));
    }

    // An edit and a deletion are known everywhere; what they outdo comes late.
    for (id, change) in [("e5", "ChatMessageEdited"), ("e6", "ChatMessageDeleted")] {
        assert_eq!(a.outcome(&chat(id, change, id, 3, "new")).await, "delivered");
        let mut late = chat(&format!("late-{id}"), "ChatMessageReceived", id, 1, "old");
        late["eventTime"] = json!(ago(chrono::TimeDelta::seconds(10)));
        assert_eq!(b.outcome(&late).await, "duplicate", "{change}");
    }
}

async fn a_change_that_a_device_did_not_live_to_see_is_handled_all_the_same(store: &[(&str, &str)]) {
    let Pair { hub, a, b, .. } = &Pair::start(store, &[("DELIVERY_DEADLINE_SECONDS", "5")]).await;
    a.register("iphone", phone(BOB, IPHONE)).await;
    a.register("android", json!({"userId": BOB, "platform": "fcmv1", "pushChannel": ANDROID})).await;
    hub.add_fault(Fault::status(404).on_device(ANDROID));
    let edit = chat("e1", "ChatMessageEdited", "m1", 2, "new");
    assert_eq!(a.outcome(&edit).await, "failed");
    a.forget("android").await;
    assert_eq!(b.outcome(&edit).await, "duplicate");
    let mut late = chat("e2", "ChatMessageReceived", "m1", 1, "old");
    late["eventTime"] = json!(ago(chrono::TimeDelta::seconds(10)));
    assert_eq!(a.outcome(&late).await, "duplicate");
    assert_eq!(hub.accepted().len(), 1);
}

fn times_reached(hub: &Emulator) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for request in hub.accepted() {
        *times.entry(request.device_handle.unwrap()).or_default() += 1;
    }
    times
}

async fn ids_of_any_kind_stay_apart(store: &[(&str, &str)]) {
    let Pair { a, b, .. } = &Pair::start(store, &[]).await;
    let long = format!("8:acs:{}", "0".repeat(240));
    let odd = ["a", "A", "a/b", "a//b", "..", "con", "é", "e\u{301}", "a b", "%61", "💥", "acs:x", "acs_x"];
    let users: Vec<String> = odd.iter().map(|id| format!("8:{id}")).chain([long]).collect();
    for (index, user) in users.iter().enumerate() {
        let reply = a.register(&format!("phone-{index}"), phone(user, &format!("{index:064x}"))).await;
        assert_eq!(reply.status, 201, "{user}");
    }
    for user in &users {
        assert_eq!(b.invoke(&message_to(user, user)).await.log_lines()[0]["delivered"], 1, "{user}");
    }
}

/// One test a promise, over one store.
macro_rules! store_keeps_its_promises {
    ($store:expr) => {
        store_keeps_its_promises!($store;
            registrations_are_seen_at_once,
            calls_and_whatever_would_reach_nobody_rest_on_a_fresh_read,
            registrations_at_once_are_all_kept,
            a_device_that_moves_about_has_one_owner,
            one_handle_under_many_ids_is_one_device,
            who_has_to_make_room_is_told_and_goes,
            what_one_served_the_other_does_not_serve_again,
            a_change_that_a_device_did_not_live_to_see_is_handled_all_the_same,
            ids_of_any_kind_stay_apart);
    };
    ($store:expr; $($promise:ident),+) => {
        $(#[tokio::test]
        async fn $promise() {
            let store = $store;
            crate::stores::$promise(&crate::support::borrowed(&store.settings())).await;
        })+
    };
}

mod memory {
    /// One process, asked from two sides.
    struct Memory;

    impl Memory {
        fn settings(&self) -> Vec<(&'static str, String)> {
            vec![("STORE", "memory:".to_owned())]
        }
    }

    store_keeps_its_promises!(Memory);
}

mod folder {
    use super::*;

    /// A folder of its own for each test.
    struct Folder(TempDir);

    impl Folder {
        fn settings(&self) -> Vec<(&'static str, String)> {
            let path: &Path = self.0.path();
            vec![("STORE", format!("file:{}", path.display()))]
        }
    }

    store_keeps_its_promises!(Folder(tempfile::tempdir().unwrap()));

    #[tokio::test]
    async fn a_folder_that_is_gone_does_not_pass_for_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let (path, away) = (folder.path().join("store"), folder.path().join("away"));
        let setting = format!("file:{}", path.display());
        let Pair { a, hub, .. } = &Pair::start(&[("STORE", &setting)], &[]).await;
        assert_eq!(a.put("iphone", phone(BOB, IPHONE)).await, 201);
        // The devices are known from now on, and who had the event is not.
        assert_eq!(a.outcome(&message_to(BOB, "e0")).await, "delivered");
        hub.clear();
        std::fs::rename(&path, &away).unwrap();
        assert_eq!(a.outcome(&message_to(BOB, "e1")).await, "failed");
        assert_eq!(a.outcome(&json!("no event")).await, "failed");
        assert_eq!(a.put("iphone", phone(BOB, IPHONE)).await, 503);
        assert_eq!(a.delete("iphone").await, 503);
        assert!(!path.exists() && hub.requests().is_empty());
        std::fs::rename(&away, &path).unwrap();
        assert_eq!(a.outcome(&message_to(BOB, "e1")).await, "delivered");
        assert_eq!(a.put("iphone", phone(BOB, IPHONE)).await, 200);
    }

    #[tokio::test]
    async fn what_the_ledger_did_not_take_is_written_when_the_event_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let setting = format!("file:{}", folder.path().display());
        let Pair { hub, a, b, .. } = &Pair::start(&[("STORE", &setting)], &[]).await;
        a.register("iphone", phone(BOB, IPHONE)).await;
        // A file where their folder would be: none can be written.
        let markers = folder.path().join("markers");
        std::fs::write(&markers, "").unwrap();
        let edit = chat("e1", "ChatMessageEdited", "m1", 3, "new");
        assert_eq!(a.outcome(&edit).await, "delivered");
        std::fs::remove_file(&markers).unwrap();
        let mut late = chat("e2", "ChatMessageReceived", "m1", 1, "old");
        late["eventTime"] = json!(ago(chrono::TimeDelta::seconds(10)));
        // Event Grid repeats what was acknowledged, too, if it did not see the answer.
        assert_eq!(a.outcome(&edit).await, "duplicate");
        assert_eq!(b.outcome(&late).await, "duplicate");
        assert_eq!(hub.accepted().len(), 1);
    }

    #[tokio::test]
    async fn locks_that_somebody_keeps_hold_up_changes_no_longer_than_an_invocation() {
        let folder = tempfile::tempdir().unwrap();
        let setting = format!("file:{}", folder.path().display());
        let Pair { a, .. } = &Pair::start(&[("STORE", &setting)], &[("DELIVERY_DEADLINE_SECONDS", "5")]).await;
        let locks = (0..64).map(|number| File::create(folder.path().join(format!(".locks/{number}"))).unwrap());
        let locks = locks.inspect(|lock| lock.lock().unwrap()).collect::<Vec<File>>();
        assert_eq!(a.put("iphone", phone(BOB, IPHONE)).await, 503);
        assert_eq!(a.outcome(&message_to(BOB, "e1")).await, "no_device");
        drop(locks);
        assert!(matches!(a.put("iphone", phone(BOB, IPHONE)).await, 200 | 201));
        assert_eq!(a.outcome(&message_to(BOB, "e2")).await, "delivered");
    }
}

/// Azure Blob, by a stand-in of this process, and what goes wrong between it and the handlers.
mod blob {
    use crate::blob::{BlobService, Fault, Schedule};

    /// Repeats what happens to each request, as long as the same requests are made.
    const SEED: u64 = 20_261_122;

    /// One that has each of these faults, in a fifth of all requests.
    async fn with(faults: &'static [Fault]) -> BlobService {
        BlobService::with(Schedule::new(SEED, 20, faults)).await
    }

    mod without_faults {
        use super::*;

        store_keeps_its_promises!(BlobService::start().await);
    }

    /// Whoever repeats the request meets what it did itself.
    mod lost_answers {
        use super::*;

        store_keeps_its_promises!(with(&[Fault::AnswerLost]).await);
    }

    mod failures_after_the_write {
        use super::*;

        store_keeps_its_promises!(with(&[Fault::FailedAfterwards]).await);
    }

    mod refusals {
        use super::*;

        store_keeps_its_promises!(with(&[Fault::Refused]).await);
    }

    /// Whatever runs side by side comes in another order.
    mod slowness {
        use super::*;

        store_keeps_its_promises!(BlobService::with(Schedule::new(SEED, 100, &[Fault::Slow])).await);
    }

    mod all_of_it {
        use super::*;

        store_keeps_its_promises!(
            with(&[Fault::AnswerLost, Fault::FailedAfterwards, Fault::Refused, Fault::Slow]).await
        );
    }
}

#[cfg(feature = "foreign-tests")]
mod azurite {
    use super::*;
    use crate::azurite::Azurite;

    store_keeps_its_promises!(Azurite::start().await);

    #[tokio::test]
    async fn a_store_that_is_gone_fails_events_and_registrations_until_it_returns() {
        let mut azurite = Azurite::start().await;
        let settings = azurite.settings();
        let Pair { a, hub, .. } = &Pair::start(&borrowed(&settings), &[("DELIVERY_DEADLINE_SECONDS", "5")]).await;
        assert_eq!(a.put("iphone", phone(BOB, IPHONE)).await, 201);
        azurite.stop().await;
        assert_eq!(a.outcome(&message_to(BOB, "e1")).await, "failed");
        assert_eq!(a.outcome(&json!("no event")).await, "failed");
        assert_eq!(a.put("iphone", phone(BOB, IPHONE)).await, 503);
        assert!(hub.requests().is_empty());
        azurite.start_again().await;
        assert_eq!(a.outcome(&message_to(BOB, "e1")).await, "delivered");
        assert_eq!(a.outcome(&json!("no event")).await, "dead_lettered");
    }
}
