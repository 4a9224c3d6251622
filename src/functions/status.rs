//! The function `Status`: the counters of this instance, how its hubs and its store do, and the sums of all instances.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join3;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::Service;
use super::http_response::{HttpResponse, StatusCode, json_response};
use crate::check::{AppFolder, Report};

/// Dead letters are counted up to here, which is one page of a listing, and not for longer than this.
const MOST_DEAD_LETTERS: usize = 5000;
const LONGEST_COUNT: Duration = Duration::from_secs(5);

impl Service {
    /// The same checks as `acs-push check` makes, from the app's own network and with its own identity.
    pub async fn check(&self) -> HttpResponse {
        json_response(StatusCode::OK, &self.checks(None).await)
    }

    /// What can be checked from here.
    pub async fn checks(&self, folder: Option<&AppFolder>) -> Report {
        Report::of(folder, &self.settings, &self.store_name, &self.delivery_service.hubs, &self.store).await
    }

    pub async fn status(&self, now: DateTime<Utc>) -> HttpResponse {
        let (dead_letters, fleet, feedback) = join3(
            timeout(LONGEST_COUNT, self.delivery_service.dead_letters.count(MOST_DEAD_LETTERS)),
            timeout(LONGEST_COUNT, self.fleet(now)),
            timeout(LONGEST_COUNT, self.delivery_service.feedback_status(now)),
        )
        .await;
        // The store's error is told below.
        let (dead_letters, fleet) = (dead_letters.ok().and_then(Result::ok), fleet.ok().and_then(Result::ok));
        let store_error = self.store.last_error().map(|(at, reason)| json!({ "at": at, "reason": reason }));
        let counts = self.counters.counts();
        let status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "instance": self.instance,
            "uptime_seconds": self.started.elapsed().as_secs(),
            "received": counts.received,
            "in_flight": counts.in_flight,
            "tasks": Handle::current().metrics().num_alive_tasks(),
            "outcomes": counts.outcomes(),
            "rejected": counts.rejected,
            "overloaded": counts.overloaded,
            "hubs": self.delivery_service.hubs.status(),
            "store": {
                "last_error": store_error,
                "dead_letters": dead_letters,
                "more_dead_letters": dead_letters == Some(MOST_DEAD_LETTERS),
            },
            "fleet": fleet,
            "feedback": feedback.ok().and_then(Result::ok),
        });
        json_response(StatusCode::OK, &status)
    }
}
