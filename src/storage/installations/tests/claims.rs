//! Whose a handle is: of PUTs that want it, have it, lose it, or were cut off.

use super::handles::Claim;
use super::operations::noon;
use super::records::HandleRecord;
use super::*;

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
        let claimed = handle_record(&register, H).await.unwrap();
        let revision = record(&register, "x").await.revision;
        assert!(claimed.is_of("x") && claimed.revision == revision && revision > wanted, "{owned:?}: {claimed:?}");
    }
}

#[tokio::test]
async fn a_put_is_newer_than_one_that_wanted_its_handle_and_was_cut_off_whatever_the_clocks_say() {
    let (register, handle) = (register(20), DeviceHandle::new(H));
    let ahead = (noon() + TimeDelta::minutes(2)).timestamp_micros();
    assert_eq!(register.reserve(&handle, ahead, None).await.unwrap(), ahead);
    assert_eq!(register.reserve(&handle, ahead, None).await.unwrap(), ahead + 1);
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    assert!(record(&register, "x").await.revision > ahead);
}

#[tokio::test]
async fn a_put_with_another_handle_is_newer_than_the_one_before_it_by_a_clock_that_is_behind() {
    let register = register(20);
    register.put(&installation("x", "u0", H), noon() + TimeDelta::minutes(2)).await.unwrap();
    let before = record(&register, "x").await.revision;
    register.put(&installation("x", "u0", G), noon()).await.unwrap();
    let after = record(&register, "x").await;
    assert_eq!(after.revision, before + 1);
    assert_eq!(alert_handle(after.installation.unwrap().alert_handle().as_ref()), G);
}

#[tokio::test]
async fn a_put_that_had_its_handle_and_lost_it_does_not_get_it_back() {
    let (register, handle, began) = (register(20), DeviceHandle::new(H), ChangeStart::now(noon()));
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let had = record(&register, "x").await.installation.unwrap();
    // Another PUT wants it and is cut off, so that its document stays.
    register.reserve(&handle, had.put_revision + 1, None).await.unwrap();
    assert_eq!(register.claim(&handle, &had, began).await.unwrap(), Claim::Won);
    register.put(&installation("x", "u0", G), noon()).await.unwrap();
    assert_eq!(register.claim(&handle, &had, began).await.unwrap(), Claim::Lost);
}

#[tokio::test]
async fn an_older_put_of_an_installation_leaves_the_claim_of_a_newer_one() {
    let (register, handle, began) = (register(20), DeviceHandle::new(H), ChangeStart::now(noon()));
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let older = record(&register, "x").await.installation.unwrap();
    register.put(&installation("x", "u1", H), noon()).await.unwrap();
    let claimed = handle_record(&register, H).await;
    assert_eq!(register.claim(&handle, &older, began).await.unwrap(), Claim::Won);
    assert_eq!(handle_record(&register, H).await, claimed);
}

#[tokio::test]
async fn a_handle_that_a_put_was_cut_off_before_it_left_goes_to_who_wants_it_with_all_copies() {
    let register = register(20);
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let (moved, began) = (installation("x", "u0", G), ChangeStart::now(noon()));
    put_cut_off(&register, &moved, began).await;
    register.put(&installation("y", "u1", H), noon()).await.unwrap();
    assert_eq!(owners(&register).await, [("u1", "y".to_owned(), H.to_owned())]);
}

#[tokio::test]
async fn a_claim_since_a_handle_was_seen_is_not_released() {
    let (register, handle, began) = (register(20), DeviceHandle::new(H), ChangeStart::now(noon()));
    let claimed = async || handle_record(&register, H).await.unwrap();
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    let seen = claimed().await;
    register.put(&installation("x", "u1", H), noon()).await.unwrap();
    let since = claimed().await;
    // Cut off before it left the handle.
    let moved = installation("x", "u1", G);
    put_cut_off(&register, &moved, began).await;
    let later = StoredInstallation::new(&installation("y", "u2", H), since.wanted + 1, noon());
    register.evict(&seen, &handle, &later, began).await.unwrap();
    assert_eq!(claimed().await, since);
    register.evict(&since, &handle, &later, began).await.unwrap();
    assert_eq!(claimed().await.installation_id, None);
}
