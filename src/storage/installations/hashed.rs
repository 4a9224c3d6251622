//! Hashes in place of ids, handles and recipients, in what a change leaves behind for Maintenance after a person was forgotten.
//!
//! The keys of documents are such hashes, so a hash leads to the same document as the value. It begins with a control character,
//! which no id, handle or recipient has.

use super::records::{
    HandleRecord, InstallationRecord, MaintenanceNote, RecipientRecord, StoredHandle, StoredRecipient,
};
use super::{handle_key, installation_key, recipient_key};
use crate::events::recipient::{Recipient, UserId};
use crate::notifications::device::DeviceHandle;

const MARK: char = '\u{1}';

/// The key that a hash stands for; `None` for a value.
pub(super) fn key(kind: &str, text: &str) -> Option<String> {
    is_hash(text).then(|| format!("{kind}/{}/{}", &text[1..3], &text[3..]))
}

/// Whether it is a hash, and no value. Only a hash may become part of a key.
pub(super) fn is_hash(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix(MARK).is_some_and(|hash| hash.len() == 64 && hash.bytes().all(is_digit))
}

/// The hash of an installation's id.
pub(super) fn of_id(id: &str) -> String {
    of_key(&installation_key(id))
}

fn of_key(key: &str) -> String {
    let hash: String = key.split('/').skip(1).collect();
    format!("{MARK}{hash}")
}

fn of_handle(handle: &DeviceHandle) -> DeviceHandle {
    DeviceHandle::new(of_key(&handle_key(handle)))
}

fn of_recipient(recipient: &Recipient) -> Recipient {
    Recipient::User(UserId::new(of_key(&recipient_key(recipient))))
}

/// Whether two ids are of one installation.
pub(super) fn is_same_id(one: &str, other: &str) -> bool {
    one == other || ((is_hash(one) || is_hash(other)) && installation_key(one) == installation_key(other))
}

/// Whether two handles are one.
pub(super) fn is_same_handle(one: &DeviceHandle, other: &DeviceHandle) -> bool {
    one == other || ((is_hash(one.expose()) || is_hash(other.expose())) && handle_key(one) == handle_key(other))
}

/// Whether two recipients are one.
pub(super) fn is_same_recipient(one: &Recipient, other: &Recipient) -> bool {
    one == other || ((is_hash(one.as_str()) || is_hash(other.as_str())) && recipient_key(one) == recipient_key(other))
}

impl InstallationRecord {
    /// The same record without a value of anybody who has left it: an id only if there is still an installation.
    pub(super) fn hashed(mut self) -> Self {
        self.leaving = self.leaving().iter().map(|recipient| StoredRecipient::from(&of_recipient(recipient))).collect();
        self.left_handles = self.left_handles().iter().map(|handle| StoredHandle::from(&of_handle(handle))).collect();
        if self.installation.is_none() {
            self.id = of_id(&self.id);
        }
        self
    }
}

impl RecipientRecord {
    /// The same record with no installation's id in a fence.
    pub(super) fn with_hashed_fences(mut self) -> Self {
        self.fences.iter_mut().for_each(|fence| fence.id = of_id(&fence.id));
        self
    }
}

impl MaintenanceNote {
    /// The same note without the values.
    pub(super) fn hashed(&self) -> Self {
        let handles = self.handles.iter().map(|handle| StoredHandle::from(&of_handle(&handle.handle()))).collect();
        Self { installation_id: of_id(&self.installation_id), handles }
    }
}

impl HandleRecord {
    /// Whether the handle is this installation's.
    pub(super) fn is_of(&self, id: &str) -> bool {
        self.installation_id.as_deref().is_some_and(|owner| is_same_id(owner, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_a_mark_and_64_digits() {
        let hash = of_id("x");
        assert!(is_hash(&hash));
        let digits = hash.trim_start_matches(MARK);
        for other in ["", "x", digits, &hash[..64], &format!("{hash}0"), &format!("{MARK}{}", "g".repeat(64))] {
            assert!(!is_hash(other), "{other:?}");
        }
    }

    #[test]
    fn a_hash_is_the_same_as_its_value_and_no_other() {
        let (handle, user) = (DeviceHandle::new, |id: &str| Recipient::User(UserId::new(id)));
        for (one, other) in [("a", "a"), ("a", "b")] {
            let is_same = one == other;
            let [id, by_hash] = [one.to_owned(), of_id(one)].map(|text| is_same_id(&text, other));
            assert_eq!((id, by_hash, is_same_id(other, &of_id(one))), (is_same, is_same, is_same), "{one} {other}");
            let [value, by_hash] =
                [handle(one), of_handle(&handle(one))].map(|one| is_same_handle(&one, &handle(other)));
            let by_others_hash = is_same_handle(&handle(other), &of_handle(&handle(one)));
            assert_eq!((value, by_hash, by_others_hash), (is_same, is_same, is_same), "{one} {other}");
            let [value, by_hash] =
                [user(one), of_recipient(&user(one))].map(|one| is_same_recipient(&one, &user(other)));
            let by_others_hash = is_same_recipient(&user(other), &of_recipient(&user(one)));
            assert_eq!((value, by_hash, by_others_hash), (is_same, is_same, is_same), "{one} {other}");
        }
    }
}
