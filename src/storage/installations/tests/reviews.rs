//! What Maintenance reviews, and what it removes when.

use futures_util::TryStreamExt;

use super::operations::noon;
use super::pending::ReviewResult;
use super::records::InstallationRecord;
use super::*;
use crate::storage::store::ListedDocument;

async fn notes(register: &Installations, kind: &str) -> Vec<ListedDocument> {
    register.store.list(kind).try_collect().await.unwrap()
}

async fn only_note(register: &Installations, kind: &str) -> ListedDocument {
    let [note] = notes(register, kind).await.try_into().unwrap();
    note
}

/// The moment at which a note was written, as the store knows it, and the one when traces of it are over.
fn times(note: &ListedDocument) -> [DateTime<Utc>; 2] {
    [note.modified, note.modified + TRACE_LIFETIME]
}

const INSTANT: TimeDelta = TimeDelta::microseconds(1);

#[test]
fn an_end_is_watched_if_maintenance_looks_no_later_and_not_before_now() {
    let at = |minutes| noon() + TimeDelta::minutes(minutes);
    for (watched, end, expected) in [
        (Some(1), Some(2), true),
        (Some(2), Some(2), true),
        (Some(3), Some(2), false),
        (Some(0), Some(2), false),
        (Some(-1), Some(2), false),
        (None, Some(2), false),
        (Some(1), None, false),
    ] {
        let record = InstallationRecord { watched_until: watched.map(at), ..InstallationRecord::default() };
        assert_eq!(record.is_watched(end.map(at), noon()), expected, "watched at {watched:?}, ends at {end:?}");
    }
}

#[tokio::test]
async fn an_installation_goes_at_its_end_and_one_with_a_later_end_then() {
    let (register, minute) = (register(20), TimeDelta::minutes(1));
    let ends = |end| Installation { expires_at: Some(end), ..installation("x", "u0", H) };
    register.put(&ends(noon() + minute), noon()).await.unwrap();
    register.put(&ends(noon() + minute * 2), noon() + INSTANT).await.unwrap();
    for (end, result) in [(noon() + minute, ReviewResult::Done), (noon() + minute * 2, ReviewResult::Removed)] {
        let note = only_note(&register, "expiring").await;
        let before = record(&register, "x").await.revision;
        assert_eq!(register.review_expiring(&note, end - INSTANT).await.unwrap(), ReviewResult::NotYet);
        assert_eq!(register.review_expiring(&note, end).await.unwrap(), result);
        let after = record(&register, "x").await.revision;
        assert_eq!(after > before, result == ReviewResult::Removed, "a copy of the same revision would stay");
    }
    assert!(notes(&register, "expiring").await.is_empty());
}

#[tokio::test]
async fn each_of_two_installations_with_one_end_has_a_note() {
    let register = register(20);
    for (id, handle) in [("x", H), ("y", G)] {
        let ends = Installation { expires_at: Some(noon() + TimeDelta::minutes(1)), ..installation(id, "u0", handle) };
        register.put(&ends, noon()).await.unwrap();
    }
    assert_eq!(notes(&register, "expiring").await.len(), 2);
}

#[tokio::test]
async fn what_a_put_wrote_for_a_handle_before_it_was_cut_off_goes_with_its_note_when_it_cannot_come_late_any_more() {
    let (register, wanted) = (register(20), DeviceHandle::new(H));
    register.note_pending("x", [&wanted]).await.unwrap();
    let note = only_note(&register, "pending").await;
    let [written, over] = times(&note);
    register.reserve(&wanted, written.timestamp_micros(), None).await.unwrap();
    register.review_pending(&note, over - INSTANT).await.unwrap();
    assert!(handle_record(&register, H).await.is_some() && notes(&register, "pending").await.len() == 1);
    assert_eq!(register.review_pending(&note, over).await.unwrap(), ReviewResult::Done);
    assert!(handle_record(&register, H).await.is_none() && notes(&register, "pending").await.is_empty());
}

#[tokio::test]
async fn a_note_without_handles_goes_at_once_unless_its_change_has_traces() {
    let register = register(20);
    let key = register.note_pending("x", []).await.unwrap();
    let note = only_note(&register, "pending").await;
    assert_eq!(register.review_pending(&note, note.modified).await.unwrap(), ReviewResult::Done);
    assert!(notes(&register, "pending").await.is_empty());

    let put = Utc::now();
    register.put(&installation("x", "u0", H), put).await.unwrap();
    register.delete("x", put).await.unwrap();
    let deleted = record(&register, "x").await.changed_at();
    let note = only_note(&register, "pending").await;
    assert_ne!(note.key, key);
    let over = deleted + TRACE_LIFETIME;
    assert_eq!(register.review_pending(&note, over - INSTANT).await.unwrap(), ReviewResult::NotYet);
    assert!(stored(&register, "x").await.is_some() && notes(&register, "pending").await.len() == 1);
    assert_eq!(register.review_pending(&note, over).await.unwrap(), ReviewResult::Done);
    assert!(stored(&register, "x").await.is_none() && notes(&register, "pending").await.is_empty());
}

#[tokio::test]
async fn a_handle_that_was_left_stays_for_a_later_put_that_wants_it() {
    let (register, wanted) = (register(20), DeviceHandle::new(H));
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    register.put(&installation("x", "u0", G), noon() + INSTANT).await.unwrap();
    let left = record(&register, "x").await;
    let over = left.changed_at() + TRACE_LIFETIME;
    // Another phone's PUT, under way as the traces of the first one are removed.
    register.reserve(&wanted, over.timestamp_micros(), None).await.unwrap();
    let note = only_note(&register, "pending").await;
    register.review_pending(&note, over).await.unwrap();
    assert!(record(&register, "x").await.is_settled());
    assert!(handle_record(&register, H).await.is_some());
}

#[tokio::test]
async fn a_change_since_the_review_keeps_its_traces() {
    let register = register(20);
    for handle in [H, G] {
        register.put(&installation("x", "u0", handle), noon()).await.unwrap();
    }
    let reviewed = record(&register, "x").await;
    register.put(&installation("x", "u1", "handle-k"), noon()).await.unwrap();
    let over = reviewed.changed_at() + TRACE_LIFETIME;
    assert_eq!(register.settle(&reviewed, over).await.unwrap(), ReviewResult::NotYet);
    assert_eq!(record(&register, "x").await.leaving(), [user("u0")]);
}
