//! What stands for texts in keys: of one length for any of them, and none of them can be read from it.

/// 32 bytes that differ for any two lists of texts. BLAKE3: an event needs several, and in software it takes a tenth of
/// what SHA-256 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of texts, in their order.
    pub fn of(texts: &[&str]) -> Self {
        Self::behind(&[], texts)
    }

    /// The fingerprint of what this one stands for, and of texts.
    pub fn and(&self, texts: &[&str]) -> Self {
        Self::behind(&self.0, texts)
    }

    fn behind(first: &[u8], texts: &[&str]) -> Self {
        // In one piece: so many small ones would take longer than the hash.
        let mut bytes = Vec::with_capacity(first.len() + texts.iter().map(|text| 8 + text.len()).sum::<usize>());
        bytes.extend_from_slice(first);
        for text in texts {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        Self(blake3::hash(&bytes).into())
    }

    /// The key under `kind` that ends with its hex digits.
    pub fn key(&self, kind: &str) -> String {
        let hex = blake3::Hash::from_bytes(self.0).to_hex();
        [kind, "/", &hex].concat()
    }

    /// Half of it: enough to tell a memory's entries apart.
    pub fn short(&self) -> u128 {
        let (half, _) = self.0.split_first_chunk().expect("it has twice as many bytes");
        u128::from_be_bytes(*half)
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
            assert!(key.len() == 69 && key.starts_with("kind/"), "{key}");
            assert!(keys[index + 1..].iter().all(|other| other != one && other.short() != one.short()));
        }
        assert_eq!(Fingerprint::of(&["ab", "c"]), keys[0]);
    }
}
