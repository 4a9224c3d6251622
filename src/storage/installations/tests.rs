//! The register in quiet. What runs side by side, or is cut off, is explored in `tests/schedules.rs`.

use super::*;

mod case;
mod claims;
mod device_cache;
mod lifetime;
mod operations;
mod repairs;
mod reviews;
mod schedules;
mod view;
mod walk;

const USERS: [&str; 4] = ["u0", "u1", "u2", "u3"];
const IDS: [&str; 3] = ["x", "y", "z"];
const H: &str = "handle-h";
const G: &str = "handle-g";

pub(super) fn register(per_user: usize) -> Installations {
    let limits = Limits { per_user, per_number: per_user, time_to_live: TimeDelta::days(60) };
    Installations::new(Arc::new(Store::memory()), limits)
}

fn alert_handle(handle: Option<&DeviceHandle>) -> String {
    handle.map(|handle| handle.expose().to_owned()).unwrap_or_default()
}

pub(super) fn installation(id: &str, user: &str, handle: &str) -> Installation {
    Installation {
        id: id.to_owned(),
        user_id: Some(UserId::new(user)),
        phone_numbers: Vec::new(),
        platform: Platform::Apns,
        handle: Some(DeviceHandle::new(handle)),
        voip_handle: None,
        app: None,
        os: None,
        locale: None,
        content: None,
        preferences: Preferences::default(),
        android: None,
        expires_at: None,
    }
}

fn user(id: &str) -> Recipient {
    Recipient::User(UserId::new(id))
}

async fn stored(register: &Installations, id: &str) -> Option<InstallationRecord> {
    register.read_versioned(id).await.unwrap().document
}

async fn record(register: &Installations, id: &str) -> InstallationRecord {
    stored(register, id).await.unwrap()
}

async fn handle_record(register: &Installations, handle: &str) -> Option<HandleRecord> {
    register.read_versioned(&DeviceHandle::new(handle)).await.unwrap().document
}

/// Writes a PUT's installation as one leaves it that is cut off after that.
async fn put_cut_off(register: &Installations, installation: &Installation, began: ChangeStart) -> InstallationRecord {
    let found = register.find(installation).await.unwrap();
    register.write(installation, found.record, found.handles, None, began).await.unwrap().0
}

/// Who has which installation with which handle, by what is pushed to them.
async fn owners(register: &Installations) -> Vec<(&'static str, String, String)> {
    let mut owners = Vec::new();
    for user in USERS {
        let devices = register.devices_of(&Recipient::User(UserId::new(user)), Utc::now()).await.unwrap();
        owners.extend(
            devices
                .iter()
                .map(|device| (user, device.installation_id.to_string(), alert_handle(device.handle.as_ref()))),
        );
    }
    owners
}

async fn what_is_shown_is_what_is_pushed_to(register: &Installations, case: &str) {
    let owners = owners(register).await;
    let mut shown = Vec::new();
    for id in IDS {
        if let Some(installation) = register.get(id, Utc::now()).await.unwrap() {
            let user = installation.user_id.unwrap();
            let user = USERS.into_iter().find(|known| *known == user.as_str()).unwrap();
            shown.push((user, installation.id, alert_handle(installation.handle.as_ref())));
        }
    }
    let sorted = |mut list: Vec<(&'static str, String, String)>| {
        list.sort();
        list
    };
    assert_eq!(sorted(owners), sorted(shown), "{case}: left is pushed to, right is shown");
}

#[tokio::test]
async fn a_clock_that_is_behind_does_not_lose_a_registration() {
    let register = register(20);
    let (ahead, behind) = (Utc::now() + TimeDelta::minutes(2), Utc::now());
    register.put(&installation("x", "u0", H), ahead).await.unwrap();
    register.delete("x", ahead).await.unwrap();
    register.put(&installation("x", "u0", H), behind).await.unwrap();
    what_is_shown_is_what_is_pushed_to(&register, "after a deletion").await;
    register.put(&installation("y", "u1", H), ahead).await.unwrap();
    register.put(&installation("z", "u2", H), behind).await.unwrap();
    assert_eq!(owners(&register).await, [("u2", "z".to_owned(), H.to_owned())]);
}

#[tokio::test]
async fn an_installation_evicted_by_both_its_recipients_is_deleted() {
    let register = register(1);
    let number = PhoneNumber::from_digits_of("15551234567").unwrap();
    let with_number =
        |id, handle| Installation { phone_numbers: vec![number.clone()], ..installation(id, "u0", handle) };
    register.put(&with_number("x", H), Utc::now()).await.unwrap();
    let put = register.put(&with_number("y", G), Utc::now()).await.unwrap();
    assert_eq!(put.evicted, ["x"]);
    assert!(register.get("x", Utc::now()).await.unwrap().is_none());
    what_is_shown_is_what_is_pushed_to(&register, "after the eviction").await;
}

#[tokio::test(start_paused = true)]
async fn cached_devices_are_used_for_three_seconds_unless_the_recipient_is_changed_here_or_a_device_expires() {
    let (here, now) = (register(20), Utc::now());
    let elsewhere = Installations::new(Arc::clone(&here.store), here.limits);
    let recipient = Recipient::User(UserId::new("u0"));
    let read = async || here.devices_of(&recipient, now).await.unwrap().len();
    let known = || here.recent_devices_of(&recipient).map(|devices| devices.len());

    assert_eq!((read().await, known()), (0, None), "that there is nobody is not remembered");
    here.put(&installation("x", "u0", H), now).await.unwrap();
    assert_eq!((known(), read().await, known()), (None, 1, Some(1)));
    elsewhere.delete("x", now).await.unwrap();
    assert_eq!(known(), Some(1), "nobody told");
    tokio::time::advance(CACHE_TTL).await;
    assert_eq!((known(), read().await, known()), (None, 0, None));

    here.put(&installation("x", "u0", H), now).await.unwrap();
    assert_eq!((read().await, known()), (1, Some(1)));
    here.delete("x", now).await.unwrap();
    assert_eq!(known(), None, "deleted here");

    let short_lived = Installation { expires_at: Some(now + CACHE_TTL / 2), ..installation("y", "u0", G) };
    here.put(&short_lived, now).await.unwrap();
    assert_eq!((read().await, known()), (1, None), "it may end before the next reading");
}

#[tokio::test]
async fn a_read_that_began_before_a_change_is_not_cached() {
    let register = register(20);
    let recipient = Recipient::User(UserId::new("u0"));
    register.put(&installation("x", "u0", H), Utc::now()).await.unwrap();
    let reading = register.device_cache.begin_read();
    let devices = register.devices_of(&recipient, Utc::now()).await.unwrap();
    register.put(&installation("x", "u0", G), Utc::now()).await.unwrap();
    register.device_cache.insert(&recipient, &devices, reading);
    assert!(register.recent_devices_of(&recipient).is_none());
}
