//! `instances/…`: what the processes of the app counted lately. On the Flex plan the function `Status` runs in a process of its
//! own, so it reads here what those that handle events have seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::ready;
use futures_util::stream::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::storage::store::{Document, Fingerprint, Store, StoreError};

/// What one process counted since its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceReport {
    /// The name of the instance that it runs on.
    pub instance: String,
    /// The version of the program.
    pub version: String,
    /// When this was.
    pub seen: DateTime<Utc>,
    /// Its events by outcome.
    pub outcomes: BTreeMap<String, u64>,
    /// How its hubs do.
    pub hubs: Vec<HubReport>,
}

/// How a hub does, as one process or all of them saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubReport {
    /// Its name.
    pub hub: String,
    /// The last error.
    pub last_error: Option<String>,
    /// When that was.
    pub at: Option<DateTime<Utc>>,
    /// Until when nothing is sent, because it is throttling.
    pub paused_until: Option<DateTime<Utc>>,
}

impl Document for InstanceReport {
    const VERSION: u32 = 1;
}

/// The reports in a store, of which one is this process's own.
#[derive(Debug)]
pub struct Instances {
    store: Arc<Store>,
    own_key: String,
}

/// A report that was not written again for longer is left out.
const COUNTS_FOR: TimeDelta = TimeDelta::minutes(15);

/// As many are read at most: the most instances that an app may have.
const MOST: usize = 1000;

impl Instances {
    /// The reports in `store`. Each process has one of its own: the counts of one that was started again begin at zero.
    pub fn new(store: Arc<Store>) -> Self {
        let own_key = Fingerprint::of(&[&format!("{:032x}", fastrand::u128(..))]).key("instances");
        Self { store, own_key }
    }

    /// Writes this process's report.
    pub async fn write(&self, report: &InstanceReport) -> Result<(), StoreError> {
        self.store.write(&self.own_key, report).await
    }

    /// The reports of all other processes that were written within the last 15 minutes. A damaged one is left out.
    pub async fn others(&self, now: DateTime<Utc>) -> Result<Vec<InstanceReport>, StoreError> {
        let listed = self
            .store
            .list("instances")
            .try_filter(|listed| ready(listed.key != self.own_key && listed.modified > now - COUNTS_FOR));
        let reports = listed
            .take(MOST)
            .map(|listed| async {
                match self.store.read::<InstanceReport>(&listed?.key).await {
                    Err(StoreError::Unreadable(_) | StoreError::NewerFormat { .. }) => Ok(None),
                    read => read,
                }
            })
            .buffer_unordered(self.store.max_concurrent_changes());
        reports.try_filter_map(|report| ready(Ok(report))).try_collect().await
    }
}
