//! What the cache keeps, and no more of it than it may.

use super::super::device_cache::{DeviceCache, MAX_DEVICES};
use super::*;

fn devices(number: usize) -> Arc<[Device]> {
    let device = Device::from(StoredInstallation::new(&installation("x", "u0", H), 1, Utc::now()));
    std::iter::repeat_n(device, number).collect()
}

fn insert(cache: &DeviceCache, number: usize, size: usize) {
    let began = cache.begin_read();
    cache.insert(&user(USERS[number]), &devices(size), began);
}

fn kept(cache: &DeviceCache) -> Vec<usize> {
    (0..USERS.len()).filter(|number| cache.get(&user(USERS[*number])).is_some()).collect()
}

#[tokio::test]
async fn as_many_devices_are_kept_as_may_be_and_one_more_makes_room_first() {
    let cache = DeviceCache::default();
    insert(&cache, 0, MAX_DEVICES - 1);
    insert(&cache, 1, 1);
    assert_eq!(kept(&cache), [0, 1]);
    insert(&cache, 2, 1);
    assert_eq!(kept(&cache), [2]);
    // Room was made for all of it.
    insert(&cache, 3, MAX_DEVICES - 1);
    assert_eq!(kept(&cache), [2, 3]);
}

#[tokio::test]
async fn a_recipient_with_as_many_devices_as_may_be_is_kept_and_one_with_more_is_not() {
    let cache = DeviceCache::default();
    insert(&cache, 0, MAX_DEVICES);
    assert_eq!(kept(&cache), [0]);
    insert(&cache, 1, MAX_DEVICES + 1);
    assert_eq!(kept(&cache), [0], "it is not kept, and nothing has to go for it");
}

#[tokio::test]
async fn a_recipient_that_is_read_again_or_forgotten_takes_no_room_twice() {
    let cache = DeviceCache::default();
    for _ in 0..2 {
        insert(&cache, 0, MAX_DEVICES / 2);
    }
    insert(&cache, 1, MAX_DEVICES / 2);
    assert_eq!(kept(&cache), [0, 1]);
    cache.forget(&user("u0"));
    insert(&cache, 2, MAX_DEVICES / 2);
    assert_eq!(kept(&cache), [1, 2]);
    cache.forget(&user("u3"));
    insert(&cache, 3, 1);
    assert_eq!(kept(&cache), [3], "what was never there gave no room back");
}
