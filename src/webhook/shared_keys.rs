//! Keys that sender and receiver both know: two at a time, so that they can be changed without a gap.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// Keys, as hashes of one length. `Debug` tells only how many.
pub struct SharedKeys(Vec<[u8; 32]>);

impl SharedKeys {
    /// These keys.
    pub fn new(keys: &[SecretString]) -> Self {
        Self(keys.iter().map(|key| hash(key.expose_secret())).collect())
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is one of them. How long this takes does not depend on how much of it is right.
    pub fn contains(&self, offered: &SecretString) -> bool {
        let offered = hash(offered.expose_secret());
        let found = self.0.iter().fold(Choice::from(0), |found, key| found | key.ct_eq(&offered));
        found.into()
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

impl fmt::Debug for SharedKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SharedKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_set_twice_is_still_one_of_them() {
        let [first, second, other] = ["first", "second", "other"].map(SecretString::from);
        let keys = SharedKeys::new(&[first.clone(), second.clone(), first.clone()]);
        assert!(keys.contains(&first) && keys.contains(&second) && !keys.contains(&other));
    }
}
