//! The function `Maintenance`, called by a timer: removes what has expired.

use chrono::Utc;
use serde_json::json;

use super::Service;
use super::http_response::{HttpResponse, internal_error, invocation_response};
use super::invocation::InvocationResponse;

impl Service {
    pub(super) async fn maintenance(&self) -> HttpResponse {
        match self.maintenance.run(Utc::now()).await {
            Ok(removed) => {
                invocation_response(InvocationResponse::with_logs([json!({ "maintenance": removed }).to_string()]))
            }
            Err(error) => {
                tracing::error!("maintenance: {error}");
                internal_error(&error.to_string())
            }
        }
    }
}
