//! Which versions of a message are news, and what is left of what several processes do.

mod schedules;

use super::*;

#[test]
fn a_version_is_outdone_by_a_later_one_and_by_the_deletion() {
    let version = |version| MessageVersion { deleted: false, version };
    let deletion = |version| MessageVersion { deleted: true, version };
    for (this, handled, outdone) in [
        (version(Some(1)), version(Some(1)), true),
        (version(Some(1)), version(Some(2)), true),
        (version(Some(2)), version(Some(1)), false),
        (version(None), version(Some(1)), false),
        (version(Some(1)), version(None), false),
        (version(Some(9)), deletion(Some(1)), true),
        (version(None), deletion(None), true),
        (deletion(Some(1)), version(Some(9)), false),
        (deletion(Some(1)), deletion(Some(1)), true),
    ] {
        assert_eq!(this.is_superseded_by(handled), outdone, "{this:?} after {handled:?}");
    }
}

#[tokio::test]
async fn nothing_is_known_of_an_event_of_another_source_id_or_recipient() {
    let ledger = Ledger::new(Arc::new(Store::memory()));
    let key = ledger.event_key("source", "1", "u0");
    let entry = Entry { complete: true, ..Entry::default() };
    ledger.write(&key, &entry).await.unwrap();
    assert_eq!(ledger.read(&ledger.event_key("Source", "1", "u0")).await.unwrap(), entry);
    for (source, id, recipient) in [("other", "1", "u0"), ("source", "2", "u0"), ("source", "1", "u1")] {
        let other = ledger.event_key(source, id, recipient);
        assert_eq!(ledger.read(&other).await.unwrap(), Entry::default(), "{source} {id} {recipient}");
    }
}

#[tokio::test]
async fn nothing_is_known_of_another_message_of_a_thread() {
    let ledger = Ledger::new(Arc::new(Store::memory()));
    let [key, other] = ["1", "2"].map(|id| MessageKey::new("thread", id, "u0"));
    let version = MessageVersion { deleted: false, version: Some(7) };
    *ledger.lock_message(key).await = Some(version);
    ledger.write_version(key, version).await.unwrap();
    assert_eq!(*ledger.lock_message(key).await, Some(version));
    assert_eq!(*ledger.lock_message(other).await, None);
    let read = [ledger.read_version(key).await.unwrap(), ledger.read_version(other).await.unwrap()];
    assert_eq!(read, [Some(version), None]);
}

#[tokio::test]
async fn an_installation_that_is_forgotten_leaves_every_entry_and_others_stay() {
    let ledger = Ledger::new(Arc::new(Store::memory()));
    let [both, other] = ["1", "2"].map(|id| ledger.event_key("source", id, "u0"));
    let settled = |ids: &[&str]| Entry { settled: ids.iter().map(|id| (*id).to_owned()).collect(), ..Entry::default() };
    ledger.write(&both, &settled(&["x", "y"])).await.unwrap();
    ledger.write(&other, &settled(&["y"])).await.unwrap();
    ledger.forget_installations(&BTreeSet::from(["x".to_owned()])).await.unwrap();
    assert_eq!(ledger.read(&both).await.unwrap(), settled(&["y"]));
    assert_eq!(ledger.read(&other).await.unwrap(), settled(&["y"]));
}

#[test]
fn an_entry_is_worth_storing_once_it_is_complete_or_names_a_device() {
    let settled = Entry { settled: BTreeSet::from(["x".to_owned()]), ..Entry::default() };
    let complete = Entry { complete: true, ..Entry::default() };
    assert!(settled.is_worth_storing() && complete.is_worth_storing() && !Entry::default().is_worth_storing());
}
