//! The function `Status`: the counters of this instance, and how its hubs and its store do.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::Service;
use super::http_response::{HttpResponse, StatusCode, json_response};

/// Dead letters are counted up to here, which is one page of a listing, and not for longer than this.
const MOST_DEAD_LETTERS: usize = 5000;
const LONGEST_COUNT: Duration = Duration::from_secs(5);

impl Service {
    /// The counters, and how hubs and store do.
    pub async fn status(&self) -> HttpResponse {
        let dead_letters = timeout(LONGEST_COUNT, self.delivery_service.dead_letters.count(MOST_DEAD_LETTERS)).await;
        // The store's error is told below.
        let dead_letters = dead_letters.ok().and_then(Result::ok);
        let store_error = self.store.last_error().map(|(at, reason)| json!({ "at": at, "reason": reason }));
        let counts = self.counters.counts();
        let status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "instance": self.instance,
            "uptime_seconds": self.started.elapsed().as_secs(),
            "received": counts.received,
            "in_flight": counts.in_flight,
            "outcomes": counts.outcomes(),
            "rejected": counts.rejected,
            "hubs": self.delivery_service.hubs.status(),
            "store": {
                "last_error": store_error,
                "dead_letters": dead_letters,
                "more_dead_letters": dead_letters == Some(MOST_DEAD_LETTERS),
            },
        });
        json_response(StatusCode::OK, &status)
    }
}
