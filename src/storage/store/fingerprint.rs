//! The hash of texts in a key: always of one length, and valid on every file system.
//!
//! SHA-256. It does not keep the texts secret: whoever knows a key can try all phone numbers, so a key is never logged.

use sha2::{Digest, Sha256};

/// 32 bytes that differ for any two lists of texts. `Debug` redacts: a hash of a number is the number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of texts, in their order.
    pub fn of(texts: &[&str]) -> Self {
        Self::after(&[], texts)
    }

    /// The fingerprint of this one's texts and of further ones.
    pub fn and(&self, texts: &[&str]) -> Self {
        Self::after(&self.0, texts)
    }

    fn after(first: &[u8], texts: &[&str]) -> Self {
        let mut hash = Sha256::new_with_prefix(first);
        for text in texts {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        Self(hash.finalize().into())
    }

    /// The first 16 bytes, which stand for all where no two of some thousand texts may meet.
    pub fn first_half(&self) -> u128 {
        let (half, _) = self.0.split_at(16);
        half.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    /// The key under `kind`: hex digits, of which the first two are a folder of their own.
    pub fn key(&self, kind: &str) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let hex = self.0.map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        let hex = str::from_utf8(hex.as_flattened()).expect("digits are ASCII");
        let (folder, name) = hex.split_at(2);
        [kind, folder, name].join("/")
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Fingerprint(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_only_look_alike_in_a_row_have_different_keys() {
        let keys = [&["ab", "c"][..], &["a", "bc"], &["abc"], &["abc", ""], &["", "abc"]].map(Fingerprint::of);
        for (index, one) in keys.iter().enumerate() {
            let key = one.key("kind");
            assert!(key.len() == 70 && key.starts_with("kind/") && &key[7..8] == "/", "{key}");
            assert!(keys[index + 1..].iter().all(|other| other != one));
        }
        assert_eq!(Fingerprint::of(&["ab", "c"]), keys[0]);
    }

    #[test]
    fn a_key_is_the_sha_256_of_length_and_text() {
        // printf '\0\0\0\0\0\0\0\x03abc' | sha256sum
        assert_eq!(
            Fingerprint::of(&["abc"]).key("kind"),
            "kind/c3/494ca1a2cf8eeb8a11ded316fb55b83c3bbbedb6313cd50415251e5d09e12f"
        );
    }
}
