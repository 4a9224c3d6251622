//! Maintenance without the Functions host's timer: each process looks once a minute whether a run is due, and a lease in the
//! store lets one of them do it.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::{sleep, timeout};

use super::Webhook;
use crate::log;

/// As often as `Maintenance/function.json` says.
const INTERVAL: TimeDelta = TimeDelta::minutes(10);
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A run takes less. If its process dies, another one takes over after this time.
const LONGEST_RUN: Duration = Duration::from_secs(4 * 60);
const HELD_FOR: TimeDelta = TimeDelta::minutes(5);

impl Webhook {
    /// Runs Maintenance when it is due. Never ends.
    pub(super) async fn maintain(&self) {
        loop {
            self.maintain_if_due().await;
            sleep(LOOK_AGAIN_AFTER).await;
        }
    }

    async fn maintain_if_due(&self) {
        let clock = &self.service.clock;
        let taken = match self.lease.take(clock.now(), HELD_FOR).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::error!("maintenance: {error}");
                return;
            }
        };
        self.metrics.note_maintenance(taken);
        if !taken {
            return;
        }
        match timeout(LONGEST_RUN, self.service.maintain(clock.now())).await {
            Ok(Ok(line)) => log::write_line(&line),
            // Its error is in the log.
            Ok(Err(_)) => {}
            Err(_) => tracing::error!("maintenance: it was not done in time"),
        }
        if let Err(error) = self.lease.give_back(clock.now() + INTERVAL).await {
            tracing::error!("maintenance: {error}");
        }
    }
}
