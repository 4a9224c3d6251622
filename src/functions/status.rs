//! The function `Status`: the counters of this instance.

use serde_json::json;

use super::Service;
use super::http_response::{HttpResponse, StatusCode, json_response};

impl Service {
    pub(super) fn status(&self) -> HttpResponse {
        let counts = self.counters.counts();
        let status = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "instance": self.instance,
            "uptime_seconds": self.started.elapsed().as_secs(),
            "received": counts.received,
            "in_flight": counts.in_flight,
            "outcomes": counts.outcomes(),
            "rejected": counts.rejected,
        });
        json_response(StatusCode::OK, &status)
    }
}
