//! What the same PUT again does, and when an installation or a change is over.

use super::operations::noon;
use super::records::{HandleRecord, InstallationRecord, RecipientRecord};
use super::*;

async fn record(register: &Installations, id: &str) -> InstallationRecord {
    register.read_versioned::<InstallationRecord>(id).await.unwrap().document.unwrap()
}

#[tokio::test]
async fn the_same_put_again_renews_an_installation_and_is_no_newer_version_of_it() {
    let (register, later) = (register(20), noon() + TimeDelta::days(1));
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let before = record(&register, "x").await;
    register.put(&installation("x", "u0", H), later).await.unwrap();
    let after = record(&register, "x").await;
    assert_eq!(after.revision, before.revision);
    let user = Recipient::User(UserId::new("u0"));
    let copies = register.read_versioned::<RecipientRecord>(&user).await.unwrap().document.unwrap().installations;
    let written: Vec<_> = copies.iter().chain(&after.installation).map(|stored| stored.written_at).collect();
    assert_eq!(written, [later, later]);
}

#[tokio::test]
async fn the_same_put_again_claims_a_handle_that_another_one_owns_or_wants() {
    let handle = DeviceHandle::new(H);
    for (owner, wanted) in [(None, 0), (Some("y"), 0), (Some("x"), noon().timestamp_micros() + 1)] {
        let register = register(20);
        register.put(&installation("x", "u0", H), noon()).await.unwrap();
        let revision = record(&register, "x").await.revision;
        let owned = HandleRecord { installation_id: owner.map(str::to_owned), revision, wanted };
        register.update(&handle, None, |_| Change::Write(owned.clone(), ())).await.unwrap();
        register.put(&installation("x", "u0", H), noon()).await.unwrap();
        let claimed = register.read_versioned::<HandleRecord>(&handle).await.unwrap().document.unwrap();
        let revision = record(&register, "x").await.revision;
        assert!(claimed.is_of("x") && claimed.revision == revision && revision > wanted, "{owned:?}: {claimed:?}");
    }
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
