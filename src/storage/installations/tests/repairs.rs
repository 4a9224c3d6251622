//! What a damaged document is rebuilt from. What the program makes of each damage is in `tests/handler/damage.rs`.

use super::operations::{K, noon};
use super::records::{Fence, InstallationRecord, MaintenanceNote, RecipientRecord};
use super::*;

/// Writes the document of an installation as a change leaves it that is cut off after that.
async fn write(register: &Installations, id: &str, handle: &str, revision: i64) -> InstallationRecord {
    let stored = StoredInstallation::new(&installation(id, "u0", handle), revision, noon());
    let write = |record: Option<InstallationRecord>| {
        let written = record.unwrap_or_default().replaced(id, revision, Some(stored.clone()));
        Change::Write(written.clone(), written)
    };
    register.update(id, None, write).await.unwrap()
}

/// Has a document say nothing that can be read.
async fn damage(register: &Installations, key: &str) {
    register.store.write(key, &MaintenanceNote::default()).await.unwrap();
}

#[tokio::test]
async fn a_recipient_has_at_once_what_is_registered_and_gets_the_rest_once_it_is_finished() {
    let (register, later) = (register(20), noon().timestamp_micros() + 1);
    register.put(&installation("w", "u0", G), noon()).await.unwrap();
    register.put(&installation("x", "u1", H), noon()).await.unwrap();
    register.put(&installation("y", "u0", "handle-l"), noon()).await.unwrap();
    // Cut off before it claimed its handle, which is another's, and before it left the old one.
    for (id, handle) in [("z", H), ("y", K)] {
        assert_eq!(register.reserve(&DeviceHandle::new(handle), later, None).await.unwrap(), later);
        write(&register, id, handle, later).await;
    }
    let (rebuilt, unfinished) = register.rebuild_recipient(&user("u0"), ChangeStart::now(noon())).await.unwrap();
    assert_eq!(rebuilt.installations.iter().map(|stored| &*stored.id).collect::<Vec<_>>(), ["w"]);
    let mut unfinished: Vec<_> = unfinished.into_iter().map(|record| record.id).collect();
    unfinished.sort();
    assert_eq!(unfinished, ["y", "z"]);

    damage(&register, &recipient_key(&user("u0"))).await;
    register.repair_recipient(&user("u0")).await.unwrap();
    let expected = [("u0", "w", G), ("u0", "y", K), ("u0", "z", H)];
    let mut owners = owners(&register).await;
    owners.sort();
    assert_eq!(owners, expected.map(|(user, id, handle)| (user, id.to_owned(), handle.to_owned())));
    let owner = handle_record(&register, H).await.unwrap();
    assert!(owner.is_of("z"));
}

#[tokio::test]
async fn an_installation_is_what_its_copy_says_unless_a_fence_says_that_it_was_taken_away() {
    for (fence, stays) in [(-1, true), (0, true), (1, false)] {
        let register = register(20);
        register.put(&installation("x", "u0", H), noon()).await.unwrap();
        let fence = Fence { id: "x".to_owned(), revision: noon().timestamp_micros() + fence, set_at: noon() };
        let elsewhere =
            |_| Change::Write(RecipientRecord { fences: vec![fence.clone()], ..RecipientRecord::default() }, ());
        register.update(&user("u1"), None, elsewhere).await.unwrap();
        damage(&register, &installation_key("x")).await;
        register.repair_installation("x").await.unwrap();
        assert_eq!(register.get("x", noon()).await.unwrap().is_some(), stays, "{fence:?}");
    }
}

#[tokio::test]
async fn a_handle_goes_to_the_installation_that_was_put_last_and_others_with_it_are_deleted() {
    let (register, later) = (register(20), noon().timestamp_micros() + 1);
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    write(&register, "y", H, later).await;
    damage(&register, &handle_key(&DeviceHandle::new(H))).await;
    register.repair_handle(&DeviceHandle::new(H)).await.unwrap();
    let owner = handle_record(&register, H).await.unwrap();
    assert!(owner.is_of("y") && owner.revision == later && owner.wanted == later, "{owner:?}");
    assert!(register.get("x", noon()).await.unwrap().is_none());
    assert!(register.get("y", noon()).await.unwrap().is_some());
}

#[tokio::test]
async fn one_event_is_enough_to_have_the_document_of_its_recipient_rebuilt() {
    let register = Arc::new(register(20));
    register.put(&installation("x", "u0", H), noon()).await.unwrap();
    damage(&register, &recipient_key(&user("u0"))).await;
    assert!(register.devices_of(&user("u0"), noon()).await.is_err());
    register.repair_later(&user("u0"));
    let rebuilt = async {
        while register.devices_of(&user("u0"), noon()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), rebuilt).await.expect("it is rebuilt");
    assert_eq!(register.devices_of(&user("u0"), noon()).await.unwrap().len(), 1);
}
