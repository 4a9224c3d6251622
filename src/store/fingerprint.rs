//! What stands for texts in keys: of one length for any of them, and none of them can be read from it.

/// 32 bytes that differ for any two lists of texts. BLAKE3: an event needs several, and in software it takes a tenth of
/// what SHA-256 does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of texts, in their order.
    pub fn of(texts: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in texts {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        Self(hasher.finalize().into())
    }

    /// The key under `kind` that ends with its hex digits.
    pub fn key(&self, kind: &str) -> String {
        let mut key = String::with_capacity(kind.len() + 1 + 2 * self.0.len());
        key.push_str(kind);
        key.push('/');
        for byte in self.0 {
            key.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])));
        }
        key
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
