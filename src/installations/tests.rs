//! The register cut off after every single step, and with its steps interleaved at random.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;

use super::*;

const USERS: [&str; 4] = ["u0", "u1", "u2", "u3"];
const IDS: [&str; 3] = ["x", "y", "z"];
const H: &str = "handle-h";
const G: &str = "handle-g";

fn register(per_user: usize) -> Installations {
    let limits = Limits { per_user, per_number: per_user, time_to_live: TimeDelta::days(60) };
    Installations::new(Arc::new(Store::memory()), limits)
}

fn installation(id: &str, user: &str, handle: &str) -> Installation {
    Installation {
        id: id.to_owned(),
        user_id: Some(UserId::new(user)),
        phone_numbers: Vec::new(),
        platform: Platform::Apns,
        handle: DeviceHandle::new(handle),
        voip_handle: None,
        app: None,
        os: None,
        locale: None,
        content: None,
        muted_threads: Vec::new(),
        expires_at: None,
    }
}

/// One change of the register.
#[derive(Debug, Clone, Copy)]
enum Step {
    Put(&'static str, &'static str, &'static str),
    Delete(&'static str),
}

impl Step {
    async fn take(self, register: &Installations) -> Result<(), StoreError> {
        match self {
            Self::Put(id, user, handle) => register.put(&installation(id, user, handle), Utc::now()).await.map(drop),
            Self::Delete(id) => register.delete(id, Utc::now()).await,
        }
    }
}

/// Who has which installation with which handle, by what is pushed to them.
async fn owners(register: &Installations) -> Vec<(&'static str, String, String)> {
    let mut owners = Vec::new();
    for user in USERS {
        let devices = register.devices_of(&Recipient::User(UserId::new(user)), Utc::now()).await.unwrap();
        owners.extend(
            devices.iter().map(|device| (user, device.installation_id.to_string(), device.handle.expose().to_owned())),
        );
    }
    owners
}

async fn no_device_has_two_owners(register: &Installations, case: &str) {
    let owners = owners(register).await;
    for (index, (_, id, handle)) in owners.iter().enumerate() {
        let again = owners[index + 1..].iter().any(|(_, other, of)| other == id || of == handle);
        assert!(!again, "{case}: {owners:?}");
    }
}

async fn what_is_shown_is_what_is_pushed_to(register: &Installations, case: &str) {
    let owners = owners(register).await;
    let mut shown = Vec::new();
    for id in IDS {
        if let Some(installation) = register.get(id, Utc::now()).await.unwrap() {
            let user = installation.user_id.unwrap();
            let user = USERS.into_iter().find(|known| *known == user.as_str()).unwrap();
            shown.push((user, installation.id, installation.handle.expose().to_owned()));
        }
    }
    let sorted = |mut list: Vec<(&'static str, String, String)>| {
        list.sort();
        list
    };
    assert_eq!(sorted(owners), sorted(shown), "{case}: left is pushed to, right is shown");
}

#[tokio::test]
async fn cut_off_anywhere_a_device_never_has_two_owners_and_a_repeat_heals() {
    let stories: [(&[Step], Step); 7] = [
        (&[], Step::Put("x", "u0", H)),
        (&[Step::Put("x", "u0", H)], Step::Put("x", "u1", H)),
        (&[Step::Put("x", "u0", H)], Step::Put("x", "u0", G)),
        (&[Step::Put("x", "u0", H)], Step::Put("y", "u1", H)),
        (&[Step::Put("x", "u0", H), Step::Put("y", "u1", G)], Step::Put("y", "u2", H)),
        (&[Step::Put("x", "u0", H)], Step::Delete("x")),
        (&[Step::Put("x", "u0", H), Step::Put("x", "u0", G), Step::Put("y", "u1", H)], Step::Put("x", "u2", H)),
    ];
    for (before, step) in stories {
        let mut cut_at = 0;
        loop {
            let case = format!("{before:?} {step:?} cut off after {cut_at} operations");
            let register = register(20);
            for step in before {
                step.take(&register).await.unwrap();
            }
            register.store.operations_left.store(cut_at, Ordering::Relaxed);
            let went_through = step.take(&register).await.is_ok();
            register.store.operations_left.store(i64::MAX, Ordering::Relaxed);
            no_device_has_two_owners(&register, &case).await;
            step.take(&register).await.unwrap();
            no_device_has_two_owners(&register, &case).await;
            what_is_shown_is_what_is_pushed_to(&register, &case).await;
            if went_through {
                assert!(cut_at > 2, "{case}: nothing was cut off");
                break;
            }
            cut_at += 1;
        }
    }
}

#[tokio::test]
async fn interleaved_in_any_way_the_register_agrees_with_itself() {
    for seed in 0..400 {
        fastrand::seed(seed);
        let register = register(20);
        let steps: Vec<Step> = (0..6)
            .map(|_| {
                let id = IDS[fastrand::usize(..2)];
                if fastrand::u8(..5) == 0 {
                    return Step::Delete(id);
                }
                Step::Put(id, USERS[fastrand::usize(..3)], if fastrand::u8(..4) == 0 { G } else { H })
            })
            .collect();
        let case = format!("seed {seed}: {steps:?}");
        let results = join_all(steps.iter().map(|step| step.take(&register))).await;
        assert!(results.iter().all(Result::is_ok), "{case}: {results:?}");
        no_device_has_two_owners(&register, &case).await;
        what_is_shown_is_what_is_pushed_to(&register, &case).await;
    }
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
async fn one_that_is_evicted_by_both_its_recipients_is_gone() {
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
async fn a_reading_is_used_for_three_seconds_unless_the_recipient_is_changed_here_or_ends_before() {
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
    tokio::time::advance(USED_FOR).await;
    assert_eq!((known(), read().await, known()), (None, 0, None));

    here.put(&installation("x", "u0", H), now).await.unwrap();
    assert_eq!((read().await, known()), (1, Some(1)));
    here.delete("x", now).await.unwrap();
    assert_eq!(known(), None, "deleted here");

    let short_lived = Installation { expires_at: Some(now + USED_FOR / 2), ..installation("y", "u0", G) };
    here.put(&short_lived, now).await.unwrap();
    assert_eq!((read().await, known()), (1, None), "it may end before the next reading");
}

#[tokio::test]
async fn what_began_to_be_read_before_a_change_is_not_kept_after_it() {
    let register = register(20);
    let recipient = Recipient::User(UserId::new("u0"));
    register.put(&installation("x", "u0", H), Utc::now()).await.unwrap();
    let reading = register.recently_read.begin();
    let devices = register.devices_of(&recipient, Utc::now()).await.unwrap();
    register.put(&installation("x", "u0", G), Utc::now()).await.unwrap();
    register.recently_read.keep(&recipient, &devices, reading);
    assert!(register.recent_devices_of(&recipient).is_none());
}
