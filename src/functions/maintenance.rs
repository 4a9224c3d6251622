//! The function `Maintenance`, called by a timer: removes what has expired or was reported as dead, and sends dead letters whose hub was mended.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join;
use serde_json::json;
use tokio::time::Instant;

use super::Service;
use super::http_response::{HttpResponse, internal_error};
use super::invocation::InvocationResponse;
use crate::storage::store::StoreError;

/// With the rest of Maintenance, well inside the `functionTimeout` of `host.json`, which is two minutes.
const MAX_RESEND_TIME: Duration = Duration::from_secs(30);

/// As the rest of Maintenance, beside which it runs.
const MAX_FEEDBACK_TIME: Duration = Duration::from_secs(45);

impl Service {
    pub(super) async fn maintenance(&self, now: DateTime<Utc>) -> HttpResponse {
        match self.maintain(now).await {
            Ok(line) => InvocationResponse::with_logs([line]).into_http(),
            Err(error) => internal_error(&error.to_string()),
        }
    }

    /// One run: the line that says what it did, or the error, which is in the log.
    pub async fn maintain(&self, now: DateTime<Utc>) -> Result<String, StoreError> {
        let resent = self.delivery_service.resend(Instant::now() + MAX_RESEND_TIME, now).await;
        let maintained = async {
            let until = Instant::now() + MAX_FEEDBACK_TIME;
            let (done, dead) =
                join(self.maintenance.run(now), self.delivery_service.remove_dead_handles(until, now)).await;
            let (mut done, resent) = (done?, resent?);
            for (what, n) in [("resent", resent.delivered), ("failed", resent.failed), ("dead_handles", dead)] {
                if n > 0 {
                    *done.entry(what).or_default() += n;
                }
            }
            Ok(json!({ "maintenance": done }).to_string())
        };
        maintained.await.inspect_err(|error| tracing::error!("maintenance: {error}"))
    }
}
