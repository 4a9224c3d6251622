//! The function `Maintenance`, called by a timer: removes what has expired, and sends dead letters whose hub was mended.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::time::Instant;

use super::Service;
use super::http_response::{HttpResponse, internal_error};
use super::invocation::InvocationResponse;
use crate::storage::store::StoreError;

/// With the rest of Maintenance, well inside the `functionTimeout` of `host.json`, which is two minutes.
const MAX_RESEND_TIME: Duration = Duration::from_secs(30);

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
            let mut done = self.maintenance.run(now).await?;
            let resent = resent?;
            for (what, n) in [("resent", resent.delivered), ("failed", resent.failed)] {
                if n > 0 {
                    *done.entry(what).or_default() += n;
                }
            }
            Ok(json!({ "maintenance": done }).to_string())
        };
        maintained.await.inspect_err(|error| tracing::error!("maintenance: {error}"))
    }
}
