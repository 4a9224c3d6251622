//! `maintenance/…`: which process does a work that one at a time should do, and when it is due again.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::store::{Change, Document, Fingerprint, Store, StoreError};

/// A work's document in the store, as one process sees it.
#[derive(Debug)]
pub struct Lease {
    store: Arc<Store>,
    key: String,
    /// The name of this process, which no other has.
    holder: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    holder: String,
    /// Nobody else begins before.
    until: DateTime<Utc>,
}

impl Document for Held {
    const VERSION: u32 = 1;
}

/// A lease that is held for longer was written by a clock that was wrong.
const LONGEST: TimeDelta = TimeDelta::hours(1);

impl Lease {
    /// The lease of that work.
    pub fn new(store: Arc<Store>, kind: &str) -> Self {
        let holder = format!("{:032x}", fastrand::u128(..));
        Self { store, key: Fingerprint::of(&["lease"]).key(kind), holder }
    }

    /// Takes it for so long, if the work is due. Returns whether it was.
    pub async fn take(&self, now: DateTime<Utc>, held_for: TimeDelta) -> Result<bool, StoreError> {
        let take = |held: Option<Held>| {
            if held.is_some_and(|held| held.until > now && held.until < now + LONGEST) {
                return Change::Keep(false);
            }
            Change::Write(Held { holder: self.holder.clone(), until: now + held_for }, true)
        };
        self.store.update(&self.key, take).await
    }

    /// The work is done, and due again at that time. Nothing happens if another process has taken over.
    pub async fn give_back(&self, due: DateTime<Utc>) -> Result<(), StoreError> {
        let give_back = |held: Option<Held>| match held {
            Some(held) if held.holder == self.holder => Change::Write(Held { until: due, ..held }, ()),
            Some(_) | None => Change::Keep(()),
        };
        self.store.update(&self.key, give_back).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases() -> (Lease, Lease) {
        let store = Arc::new(Store::memory());
        (Lease::new(Arc::clone(&store), "maintenance"), Lease::new(store, "maintenance"))
    }

    const HELD_FOR: TimeDelta = TimeDelta::minutes(5);

    #[tokio::test]
    async fn one_process_at_a_time_has_it_and_nobody_before_the_work_is_due_again() {
        let ((first, second), now) = (leases(), Utc::now());
        assert!(first.take(now, HELD_FOR).await.unwrap());
        assert!(!second.take(now, HELD_FOR).await.unwrap());
        first.give_back(now + TimeDelta::minutes(10)).await.unwrap();
        for lease in [&first, &second] {
            assert!(!lease.take(now + TimeDelta::minutes(9), HELD_FOR).await.unwrap());
        }
        assert!(second.take(now + TimeDelta::minutes(10), HELD_FOR).await.unwrap());
    }

    #[tokio::test]
    async fn the_lease_of_a_process_that_died_ends_and_its_late_return_changes_nothing() {
        let ((first, second), now) = (leases(), Utc::now());
        assert!(first.take(now, HELD_FOR).await.unwrap());
        assert!(second.take(now + HELD_FOR, HELD_FOR).await.unwrap());
        first.give_back(now).await.unwrap();
        assert!(!first.take(now + HELD_FOR, HELD_FOR).await.unwrap());
    }

    #[tokio::test]
    async fn a_lease_from_a_clock_far_ahead_does_not_hold_for_years() {
        let ((first, second), now) = (leases(), Utc::now());
        assert!(first.take(now + TimeDelta::days(365), HELD_FOR).await.unwrap());
        assert!(second.take(now, HELD_FOR).await.unwrap());
    }
}
