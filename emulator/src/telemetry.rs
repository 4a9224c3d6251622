//! What became of each notification: kept while it is young, told as `NotificationDetails`.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/get-notification-message-telemetry>

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use crate::answer::escaped;
use crate::direct_send::Taken;
use crate::format::Format;
use crate::moment;
use crate::outcome::Outcome;
use crate::recent::Recent;

const NAMESPACE: &str = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";

/// One accepted notification.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) id: String,
    pub(crate) hub: String,
    format: Format,
    payload: String,
    enqueued: OffsetDateTime,
    outcomes: BTreeMap<Outcome, usize>,
}

impl Notification {
    /// `outcomes` has one entry per handle of `taken`.
    pub(crate) fn new(id: String, hub: String, taken: &Taken, outcomes: &[Outcome], now: OffsetDateTime) -> Self {
        let mut counts = BTreeMap::new();
        for outcome in outcomes {
            *counts.entry(*outcome).or_default() += 1;
        }
        let (format, payload) = (taken.format, taken.payload.clone());
        Self { id, hub, format, payload, enqueued: now, outcomes: counts }
    }

    /// The XML of it at `now`; `None` while the service would not know it yet.
    fn details(&self, authority: &str, delay: Duration, now: OffsetDateTime) -> Option<String> {
        let age = Duration::try_from(now - self.enqueued).unwrap_or_default();
        if age < delay {
            return None;
        }
        let is_completed = age >= delay * 2;
        let (id, hub, format) = (&self.id, &self.hub, self.format.name());
        let (enqueued, started) = (moment::in_xml(self.enqueued), moment::in_xml(self.enqueued + delay));
        let state = if is_completed { "Completed" } else { "Processing" };
        let mut xml = format!(
            "<NotificationDetails xmlns=\"{NAMESPACE}\" xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <NotificationId>{id}</NotificationId>\
             <Location>sb://{authority}/{hub}/messages/{id}?api-version=2020-06</Location>\
             <State>{state}</State>\
             <EnqueueTime>{enqueued}</EnqueueTime><StartTime>{started}</StartTime>"
        );
        // Writing to a String can't fail.
        if is_completed {
            let _ = write!(xml, "<EndTime>{}</EndTime>", moment::in_xml(self.enqueued + delay * 2));
        }
        let payload = escaped(&self.payload);
        let _ =
            write!(xml, "<NotificationBody>{payload}</NotificationBody><TargetPlatforms>{format}</TargetPlatforms>");
        if is_completed {
            let element = self.format.outcome_counts();
            let _ = write!(xml, "<{element}>");
            for (outcome, count) in &self.outcomes {
                let name = outcome.name();
                let _ = write!(xml, "<Outcome><Name>{name}</Name><Count>{count}</Count></Outcome>");
            }
            let _ = write!(xml, "</{element}>");
        }
        xml += "</NotificationDetails>";
        Some(xml)
    }
}

/// The notifications that telemetry still knows.
#[derive(Debug)]
pub(crate) struct Telemetry {
    delay: Duration,
    kept: Mutex<Recent<Notification>>,
}

impl Telemetry {
    pub(crate) fn new(delay: Duration) -> Self {
        Self { delay, kept: Mutex::default() }
    }

    pub(crate) fn add(&self, notification: Notification) {
        let bytes = notification.payload.len() + 500;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(notification, bytes);
    }

    /// The `NotificationDetails` of a notification of `hub`, when there are any at `now`.
    pub(crate) fn details(&self, authority: &str, hub: &str, id: &str, now: OffsetDateTime) -> Option<String> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut newest_first = kept.iter().rev();
        let notification = newest_first.find(|notification| notification.id == id && notification.hub == hub)?;
        notification.details(authority, self.delay, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_unknown_then_processing_then_completed() {
        let taken = Taken {
            format: Format::Apple,
            handles: vec!["a".to_owned()],
            payload: "{}".to_owned(),
            outcome: Outcome::Success,
            warnings: Vec::new(),
        };
        let telemetry = Telemetry::new(Duration::from_secs(10));
        let start = OffsetDateTime::UNIX_EPOCH;
        telemetry.add(Notification::new("id".to_owned(), "hub".to_owned(), &taken, &[Outcome::Success], start));
        let at = |seconds| telemetry.details("host", "hub", "id", start + Duration::from_secs(seconds));
        assert_eq!(at(9), None);
        let (processing, completed) = (at(19).unwrap(), at(20).unwrap());
        let times =
            "<EnqueueTime>1970-01-01T00:00:00.000Z</EnqueueTime><StartTime>1970-01-01T00:00:10.000Z</StartTime>";
        assert!(processing.contains(&format!("<State>Processing</State>{times}<NotificationBody>")), "{processing}");
        assert!(!processing.contains("OutcomeCounts"), "{processing}");
        let end = "<EndTime>1970-01-01T00:00:20.000Z</EndTime>";
        assert!(completed.contains(&format!("<State>Completed</State>{times}{end}<NotificationBody>")), "{completed}");
        assert!(completed.contains("<ApnsOutcomeCounts><Outcome>"), "{completed}");
    }
}
