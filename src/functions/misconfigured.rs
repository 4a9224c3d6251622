//! What is answered inside Azure while settings have faults. A program that ended there would stop the Functions host, and what
//! it wrote at its start may be lost: so it stays, Event Grid repeats the events, and `Status` tells the faults.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Clock;
use super::http_response::{
    HttpResponse, StatusCode, error_response, internal_error, json_response, method_not_allowed,
};
use super::routes::Route;
use super::unknown_path::UnknownPaths;
use crate::check::Report;
use crate::log::EachMinute;

/// The faults, in place of the functions.
#[derive(Debug)]
pub struct Misconfigured {
    /// One line for each fault.
    faults: Vec<String>,
    instance: String,
    /// What time it is.
    pub clock: Clock,
    started: Instant,
    logged: EachMinute<()>,
    unknown_paths: UnknownPaths,
}

/// What an invocation may take: there is nothing to wait for but the body.
pub const LONGEST: Duration = Duration::from_secs(20);

impl Misconfigured {
    /// Answers with these faults.
    pub fn new(faults: Vec<String>, instance: String, clock: Clock) -> Self {
        let (logged, unknown_paths) = (EachMinute::default(), UnknownPaths::default());
        Self { faults, instance, clock, started: Instant::now(), logged, unknown_paths }
    }

    /// Answers a request. Whatever needs the settings is refused with their faults.
    pub fn answer(&self, route: Route, now: Instant) -> HttpResponse {
        match route {
            // The host asks for it before it sends anything.
            Route::Root => json_response(StatusCode::OK, &json!({ "status": "ready" })),
            Route::CrossSite(cause) => cause.response(),
            Route::OtherMethod(allowed) => method_not_allowed(allowed),
            Route::Unknown(unknown) => self.unknown_paths.answer(&unknown, now),
            Route::EventGridTrigger(_) | Route::Maintenance => internal_error(&self.told(now)),
            Route::Installation(..) => error_response(StatusCode::SERVICE_UNAVAILABLE, "BadSettings", &self.told(now)),
            Route::Status(is_check) => {
                self.told(now);
                let status = if is_check { json!(Report::of_faults(None, &self.faults)) } else { self.status() };
                json_response(StatusCode::SERVICE_UNAVAILABLE, &status)
            }
        }
    }

    fn status(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "instance": self.instance,
            "uptime_seconds": self.started.elapsed().as_secs(),
            "faults": self.faults,
        })
    }

    /// What is told of the faults. They are logged with it, once a minute.
    fn told(&self, now: Instant) -> String {
        if self.logged.is_due((), now) {
            self.log();
        }
        format!("the settings have faults: {}", self.faults.join("; "))
    }

    /// Writes one line for each fault.
    pub fn log(&self) {
        for fault in &self.faults {
            tracing::error!("{fault}");
        }
    }
}
