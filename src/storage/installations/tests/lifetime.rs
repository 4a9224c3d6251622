//! What the same PUT again does, what an interrupted change leaves, and when an installation or a change is over.

use futures_util::StreamExt;

use super::operations::noon;
use super::records::{Fence, InstallationRecord, MaintenanceNote, RecipientRecord};
use super::*;

#[tokio::test]
async fn the_same_put_again_renews_an_installation_and_is_no_newer_version_of_it() {
    let (register, later) = (register(20), noon() + TimeDelta::days(1));
    // Of the same moment, so it has the same revision.
    register.put(&installation("y", "u0", G), noon()).await.unwrap();
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let before = record(&register, "x").await;
    register.put(&installation("x", "u0", H), later).await.unwrap();
    let after = record(&register, "x").await;
    assert_eq!(after.revision, before.revision);
    let copies = copies(&register).await;
    let written: Vec<_> = copies.iter().chain(&after.installation).map(|stored| stored.written_at).collect();
    assert_eq!(written, [noon(), later, later]);
}

#[tokio::test]
async fn the_same_put_again_renews_what_is_left_of_an_installation() {
    let (store, number) = (Arc::new(Store::memory()), PhoneNumber::from_digits_of("15550000001"));
    let register = Installations::new(store, Limits { per_user: 20, per_number: 1, time_to_live: TimeDelta::days(60) });
    let with_number = |id, user, handle| Installation {
        phone_numbers: number.clone().into_iter().collect(),
        ..installation(id, user, handle)
    };
    register.put(&with_number("x", "u0", H), noon()).await.unwrap();
    register.put(&with_number("y", "u1", G), noon() + TimeDelta::minutes(1)).await.unwrap();
    let before = record(&register, "x").await;
    assert!(before.installation.is_some_and(|stored| stored.revision > stored.put_revision), "it lost its number");
    // Maintenance has removed its traces.
    let settle = |record: Option<InstallationRecord>| {
        let settled = record.map(|record| InstallationRecord { leaving: Vec::new(), ..record });
        Change::Write(settled.unwrap(), ())
    };
    register.update("x", None, settle).await.unwrap();
    register.put(&installation("x", "u0", H), noon() + TimeDelta::minutes(2)).await.unwrap();
    assert_eq!(record(&register, "x").await.revision, before.revision);
}

async fn copies(register: &Installations) -> Vec<StoredInstallation> {
    let user = user("u0");
    register.read_versioned::<RecipientRecord>(&user).await.unwrap().document.unwrap().installations
}

async fn registered(register: &Installations) -> Vec<String> {
    copies(register).await.into_iter().map(|stored| stored.id).collect()
}

#[tokio::test]
async fn the_same_put_again_renews_as_many_as_may_be_and_makes_room_where_fewer_may_be_now() {
    let store = Arc::new(Store::memory());
    for (per_user, left) in [(2, ["x", "y"].as_slice()), (1, &["y"])] {
        let limits = Limits { per_user, per_number: per_user, time_to_live: TimeDelta::days(60) };
        let register = Installations::new(Arc::clone(&store), limits);
        let evicted = async |id, handle, minutes| {
            let now = noon() + TimeDelta::minutes(minutes);
            register.put(&installation(id, "u0", handle), now).await.unwrap().evicted
        };
        evicted("x", G, 1).await;
        evicted("y", H, 2).await;
        assert_eq!(registered(&register).await, left);
        let before = record(&register, "y").await.revision;
        assert!(evicted("y", H, 3).await.is_empty());
        assert_eq!(record(&register, "y").await.revision, before, "it was renewed");
    }
}

#[tokio::test]
async fn a_change_that_was_cut_off_takes_the_place_of_what_was_put_before_it_only() {
    for (trigger, minutes, left) in [
        (Trigger::Resumed, 0, ["x", "y"]),
        (Trigger::Resumed, 1, ["y", "z"]),
        (Trigger::Resumed, 2, ["y", "z"]),
        // Somebody waits for it, and the clock is behind.
        (Trigger::Requested, 0, ["y", "z"]),
    ] {
        let (register, at) = (register(2), |minutes| noon() + TimeDelta::minutes(minutes));
        register.put(&installation("x", "u0", G), at(1)).await.unwrap();
        register.put(&installation("y", "u0", H), at(3)).await.unwrap();
        let (late, began) = (installation("z", "u0", "handle-k"), ChangeStart::now(at(minutes)));
        let written = put_cut_off(&register, &late, began).await;
        register.finish(&written, trigger, Vec::new(), began).await.unwrap();
        assert_eq!(registered(&register).await, left, "{trigger:?}, {minutes}");
    }
}

#[tokio::test]
async fn a_report_counts_once_the_clocks_cannot_differ_so_much_any_more() {
    let (register, handle) = (register(20), DeviceHandle::new(H));
    let scope = HubScope { app: None, is_voip: false };
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let reported = noon() + TimeDelta::minutes(5);
    assert!(!register.has_dead(&handle, reported, &scope).await.unwrap());
    assert!(register.has_dead(&handle, reported + TimeDelta::milliseconds(1), &scope).await.unwrap());
}

#[tokio::test]
async fn no_more_installations_are_counted_than_were_asked_for() {
    let (register, until) = (register(20), Instant::now() + MAX_CHANGE_TIME);
    let scope = HubScope { app: None, is_voip: false };
    for (id, handle) in [("x", G), ("y", H)] {
        register.put(&installation(id, "u0", handle), noon()).await.unwrap();
    }
    for (most, counted) in [(0, 0), (1, 1), (2, 2), (3, 2)] {
        assert_eq!(register.count_reached(&scope, most, noon(), until).await.unwrap(), Some(counted));
    }
}

#[tokio::test]
async fn who_is_forgotten_leaves_a_document_that_names_what_is_no_installation_of_theirs_and_others_stay() {
    let (register, user) = (register(20), user("u0"));
    register.put(&installation("y", "u0", H), noon()).await.unwrap();
    register.put(&installation("z", "u1", G), noon()).await.unwrap();
    let stray = StoredInstallation::new(&installation("x", "u0", "handle-k"), 1, noon());
    let add = |record: Option<RecipientRecord>| {
        let mut record = record.unwrap_or_default();
        record.installations.push(stray.clone());
        Change::Write(record, ())
    };
    register.update(&user, None, add).await.unwrap();
    let (of_y, of_z) = (DeviceHandle::new(H), DeviceHandle::new(G));
    let mut noted = Vec::new();
    for (id, handle) in [("y", None), ("z", None), ("z", Some(&of_z)), ("q", Some(&of_y))] {
        noted.push(register.note_pending(id, handle).await.unwrap());
    }

    let mut read = Vec::new();
    let holdings = register.holdings_of(&user, |count| read.push(count)).await.unwrap();
    assert_eq!(read, [1, 2]);
    let held: Vec<&str> = holdings.installations.iter().map(|holding| holding.id.as_str()).collect();
    assert_eq!(held, ["x", "y"]);
    register.forget(&user, &holdings, noon() + TimeDelta::seconds(1), |_| {}).await.unwrap();
    let left = register.read_versioned::<RecipientRecord>(&user).await.unwrap().document.unwrap_or_default();
    assert!(left.installations.is_empty() && left.fences.iter().all(|fence| hashed::is_hash(&fence.id)), "{left:?}");
    let mut about = Vec::new();
    for key in noted {
        about.push(register.store.read::<MaintenanceNote>(&key).await.unwrap().unwrap().installation_id);
    }
    assert_eq!(about, [hashed::of_id("y"), "z".to_owned(), "z".to_owned(), hashed::of_id("q")]);
}

#[tokio::test]
async fn who_is_forgotten_leaves_no_id_of_a_phone_that_is_somebody_elses_now_and_its_end_stays_known() {
    let (register, user) = (register(20), user("u0"));
    let ends = |user| Installation { expires_at: Some(noon() + TimeDelta::hours(1)), ..installation("x", user, H) };
    for of in ["u0", "u1"] {
        register.put(&ends(of), noon()).await.unwrap();
    }
    let holdings = register.holdings_of(&user, |_| {}).await.unwrap();
    register.forget(&user, &holdings, noon() + TimeDelta::seconds(1), |_| {}).await.unwrap();
    let left = register.read_versioned::<RecipientRecord>(&user).await.unwrap().document.unwrap();
    let fences: Vec<_> = left.fences.into_iter().map(|fence| fence.id).collect();
    assert_eq!(fences, [hashed::of_id("x")]);
    assert_eq!(register.store.list("expiring").count().await, 1);
    assert!(register.get("x", noon()).await.unwrap().is_some());
}

#[tokio::test]
async fn an_installation_is_there_up_to_its_end_and_no_longer() {
    let (register, minute) = (register(20), TimeDelta::minutes(1));
    let ends = Installation { expires_at: Some(noon() + minute), ..installation("x", "u0", H) };
    register.put(&ends, noon()).await.unwrap();
    register.put(&installation("y", "u1", G), noon()).await.unwrap();
    for (id, end) in [("x", noon() + minute), ("y", noon() + register.limits.time_to_live)] {
        let before = register.get(id, end - TimeDelta::milliseconds(1)).await.unwrap();
        assert!(before.is_some() && register.get(id, end).await.unwrap().is_none(), "{id}");
    }
}

#[tokio::test]
async fn the_hash_of_an_id_shows_and_deletes_nothing() {
    let (register, hash) = (register(20), hashed::of_id("x"));
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    assert!(register.get(&hash, noon()).await.unwrap().is_none());
    register.delete(&hash, noon()).await.unwrap();
    assert!(register.get("x", noon()).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_takes_longer_than_others_wait_for_it_fails() {
    let began = ChangeStart::now(noon());
    assert!(began.check().is_ok());
    tokio::time::advance(MAX_CHANGE_TIME).await;
    assert!(matches!(began.check(), Err(StoreError::Contended(_))));
}

#[tokio::test]
async fn a_deletion_that_was_cut_off_is_finished_by_the_next_one() {
    let register = register(20);
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let cut_off = |record: Option<InstallationRecord>| {
        let record = record.unwrap();
        let revision = record.revision + 1;
        Change::Write(record.replaced("x", revision, None), ())
    };
    register.update("x", None, cut_off).await.unwrap();
    assert_eq!(registered(&register).await, ["x"]);
    register.delete("x", noon()).await.unwrap();
    assert!(registered(&register).await.is_empty());
    assert!(handle_record(&register, H).await.is_none());
}

#[tokio::test]
async fn a_deletion_that_does_not_apply_leaves_no_note() {
    let register = register(20);
    // Its first handle has a note until its traces are over.
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    register.put(&installation("x", "u0", G), noon()).await.unwrap();
    register.remove("x", ChangeStart::now(noon()), |_| false).await.unwrap();
    assert_eq!(register.store.list("pending").count().await, 1);
    assert_eq!(registered(&register).await, ["x"]);
}

#[tokio::test]
async fn a_put_that_a_fence_keeps_away_from_its_recipient_fails() {
    let (register, user) = (register(20), user("u0"));
    // Of a change by a clock that is ahead, of which nothing else is left.
    let revision = (noon() + TimeDelta::minutes(1)).timestamp_micros();
    let fence = Fence { id: "x".to_owned(), revision, set_at: noon() };
    let fenced = |_| Change::Write(RecipientRecord { fences: vec![fence.clone()], ..RecipientRecord::default() }, ());
    register.update(&user, None, fenced).await.unwrap();
    let put = register.put(&installation("x", "u0", H), noon()).await;
    assert!(matches!(put, Err(StoreError::Contended(_))), "{put:?}");
    register.put(&installation("x", "u0", H), noon() + TimeDelta::minutes(2)).await.unwrap();
    assert_eq!(registered(&register).await, ["x"]);
}
