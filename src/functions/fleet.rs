//! What all processes of the app counted, for `Status`: each that handles events writes its counts into the store.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::Service;
use crate::storage::instances::{HubReport, InstanceReport};
use crate::storage::store::StoreError;

/// A report waits for what comes at the same time, and no two are written within a minute.
const BEFORE_REPORT: Duration = Duration::from_secs(2);
const AFTER_REPORT: Duration = Duration::from_secs(58);

/// What the report at the end may take: the host is about to end this process.
const LONGEST_LAST_REPORT: Duration = Duration::from_secs(2);

/// The counts of all processes seen lately.
#[derive(Debug, Serialize)]
pub struct Fleet {
    instances: Vec<SeenInstance>,
    outcomes: BTreeMap<String, u64>,
    hubs: Vec<HubReport>,
}

/// A process that was seen lately.
#[derive(Debug, Serialize)]
struct SeenInstance {
    instance: String,
    version: String,
    seen: DateTime<Utc>,
}

impl Service {
    /// Writes this process's counts whenever they changed, once a minute at most. Never ends.
    pub async fn report_counts(&self) {
        loop {
            self.counters.changed().await;
            sleep(BEFORE_REPORT).await;
            self.report().await;
            sleep(AFTER_REPORT).await;
        }
    }

    /// Writes the counts of a process that stops.
    pub async fn report_last_counts(&self) {
        if self.counters.counts().received > 0 {
            // Out of time, they are lost.
            let _ = timeout(LONGEST_LAST_REPORT, self.report()).await;
        }
    }

    async fn report(&self) {
        if let Err(error) = self.instances.write(&self.own_report(self.clock.now())).await {
            tracing::warn!("the counts for Status were not written: {error}");
        }
    }

    fn own_report(&self, now: DateTime<Utc>) -> InstanceReport {
        let outcomes = self.counters.counts().outcomes();
        InstanceReport {
            instance: self.instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seen: now,
            outcomes: outcomes.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            hubs: self.delivery_service.hubs.reports(),
        }
    }

    /// The sums of the reports, and of what this process counted by now.
    pub(super) async fn fleet(&self, now: DateTime<Utc>) -> Result<Fleet, StoreError> {
        let mut reports = self.instances.others(now).await?;
        reports.push(self.own_report(now));
        Ok(Fleet::of(reports))
    }
}

impl Fleet {
    fn of(mut reports: Vec<InstanceReport>) -> Self {
        reports.sort_by_key(|report| report.seen);
        let mut outcomes = BTreeMap::<String, u64>::new();
        let mut hubs = BTreeMap::<String, HubReport>::new();
        let mut instances = Vec::new();
        for InstanceReport { instance, version, seen, outcomes: counts, hubs: seen_hubs } in reports {
            for (name, count) in counts {
                *outcomes.entry(name).or_default() += count;
            }
            for hub in seen_hubs {
                match hubs.get_mut(&hub.hub) {
                    Some(known) => known.add(hub),
                    None => drop(hubs.insert(hub.hub.clone(), hub)),
                }
            }
            instances.push(SeenInstance { instance, version, seen });
        }
        Self { instances, outcomes, hubs: hubs.into_values().collect() }
    }
}

impl HubReport {
    /// The later error, and the later end of a pause.
    fn add(&mut self, other: Self) {
        if other.at > self.at {
            (self.last_error, self.at) = (other.last_error, other.at);
        }
        self.paused_until = self.paused_until.max(other.paused_until);
    }
}
