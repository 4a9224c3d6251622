//! What a recipient's document rejects, and what is removed from it when.

use chrono::TimeDelta;

use super::*;
use crate::events::recipient::UserId;
use crate::storage::installations::Installation;
use crate::storage::installations::tests::{installation, register};

fn noon() -> DateTime<Utc> {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn entry(id: &str, revision: i64, expires_at: Option<DateTime<Utc>>) -> StoredInstallation {
    let installation = Installation { expires_at, ..installation(id, "u0", id) };
    StoredInstallation::new(&installation, revision, noon())
}

fn record(entries: &[(&str, i64)], fences: &[(&str, i64)]) -> RecipientRecord {
    let fence = |(id, revision): &(&str, i64)| Fence { id: (*id).to_owned(), revision: *revision, set_at: noon() };
    RecipientRecord {
        installations: entries.iter().map(|(id, revision)| entry(id, *revision, None)).collect(),
        fences: fences.iter().map(fence).collect(),
    }
}

/// Its entries and its fences, with their revisions.
fn held(record: &RecipientRecord) -> [Vec<(&str, i64)>; 2] {
    let entries = record.installations.iter().map(|entry| (entry.id.as_str(), entry.revision)).collect();
    [entries, record.fences.iter().map(|fence| (fence.id.as_str(), fence.revision)).collect()]
}

#[test]
fn a_fence_and_a_newer_entry_reject_what_is_older_of_the_same_installation() {
    let record = record(&[("y", 3)], &[("x", 5)]);
    for (id, revision, superseded) in
        [("x", 4, true), ("x", 5, false), ("y", 2, true), ("y", 3, false), ("y", 4, false), ("z", 1, false)]
    {
        assert_eq!(record.is_superseded(id, revision), superseded, "{id} {revision}");
    }
    for (id, revision, is_there) in [("y", 3, true), ("y", 2, false), ("x", 3, false)] {
        assert_eq!(record.has(id, revision), is_there, "{id} {revision}");
    }
}

#[test]
fn an_installation_is_fenced_if_nothing_older_is_there_or_can_be_added() {
    for (entries, id, revision, fenced) in [
        (&[("y", 3)][..], "x", 4, true),
        (&[("y", 3)], "x", 5, true),
        (&[("y", 3)], "x", 6, false),
        (&[("y", 3)], "z", 4, false),
        (&[("x", 4)], "x", 5, false),
        (&[("x", 5)], "x", 5, true),
        (&[("x", 6)], "x", 5, true),
    ] {
        assert_eq!(record(entries, &[("x", 5)]).is_fenced(id, revision), fenced, "{entries:?} {id} {revision}");
    }
}

#[test]
fn an_installation_has_one_fence_at_its_greatest_revision() {
    let mut record = record(&[("x", 4), ("x", 7), ("y", 3)], &[("x", 5), ("z", 2)]);
    record.remove_and_fence("x", 6, noon());
    assert_eq!(held(&record), [[("x", 7), ("y", 3)], [("z", 2), ("x", 6)]]);
    record.remove_and_fence("x", 5, noon());
    assert_eq!(held(&record)[1], [("z", 2), ("x", 6)]);
}

#[test]
fn an_entry_that_is_over_leaves_a_fence_and_a_fence_goes_after_its_time() {
    let mut record = record(&[("x", 1)], &[("old", 1), ("new", 1)]);
    record.installations.push(entry("over", 3, Some(noon())));
    record.fences[0].set_at = noon() - TRACE_LIFETIME;
    record.fences[1].set_at = noon() - TRACE_LIFETIME + TimeDelta::milliseconds(1);
    register(20).prune(&mut record, noon());
    assert_eq!(held(&record), [vec![("x", 1)], vec![("new", 1), ("over", 4)]]);
}

#[tokio::test]
async fn after_a_change_its_older_entries_and_fences_go_and_others_stay() {
    let (register, user) = (register(20), Recipient::User(UserId::new("u0")));
    for (before, after) in [
        (
            record(&[("x", 4), ("x", 5), ("y", 1)], &[("x", 4), ("x", 5), ("x", 6), ("y", 9)]),
            Some(record(&[("x", 5), ("y", 1)], &[("x", 6), ("y", 9)])),
        ),
        (record(&[("y", 1)], &[("x", 5)]), Some(record(&[("y", 1)], &[]))),
        (record(&[], &[("x", 5), ("y", 9)]), Some(record(&[], &[("y", 9)]))),
        (record(&[("x", 4)], &[("x", 5)]), None),
    ] {
        register.update(&user, None, |_| Change::Write(before.clone(), ())).await.unwrap();
        register.prune_after(&user, "x", 5, noon()).await.unwrap();
        let left = register.read_versioned::<RecipientRecord>(&user).await.unwrap().document;
        assert_eq!(left.as_ref().map(held), after.as_ref().map(held), "{before:?}");
    }
}

#[tokio::test]
async fn what_was_put_again_since_it_was_found_too_many_stays() {
    for later in [TimeDelta::zero(), TimeDelta::minutes(1), -TimeDelta::minutes(1)] {
        let (register, user) = (register(20), Recipient::User(UserId::new("u0")));
        register.put(&installation("x", "u0", "handle-h"), noon()).await.unwrap();
        let record = register.read_versioned::<RecipientRecord>(&user).await.unwrap().document.unwrap();
        register.put(&installation("x", "u0", "handle-g"), noon() + later).await.unwrap();
        register.evict_from(&user, &record.installations[0], ChangeStart::now(noon())).await.unwrap();
        assert!(register.get("x", noon()).await.unwrap().is_some(), "it was PUT again {later} later");
    }
}
