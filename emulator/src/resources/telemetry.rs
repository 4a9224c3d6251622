//! Telemetry: the state and the outcomes of the last notifications, as `NotificationDetails`.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/get-notification-message-telemetry>

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::checked_send::{Audience, CheckedSend};
use crate::http::{dates, escape_xml};
use crate::limits::BoundedQueue;
use crate::platforms::{Format, Outcome};

const XML_NAMESPACE: &str = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";

/// One accepted notification.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) id: String,
    pub(crate) hub: String,
    payload: String,
    tag_expression: Option<String>,
    enqueued: OffsetDateTime,
    /// How often each outcome occurred on each platform.
    outcomes: BTreeMap<Format, BTreeMap<Outcome, usize>>,
}

impl Notification {
    /// `outcomes` has one entry for each delivery of `send`.
    pub(crate) fn new(id: String, hub: String, send: &CheckedSend, outcomes: &[Outcome], now: OffsetDateTime) -> Self {
        let mut counts = BTreeMap::<Format, BTreeMap<Outcome, usize>>::new();
        for (delivery, outcome) in send.deliveries.iter().zip(outcomes) {
            *counts.entry(delivery.format).or_default().entry(*outcome).or_default() += 1;
        }
        let tag_expression = match &send.audience {
            Audience::Tags { expression, .. } => expression.clone(),
            Audience::Handles => None,
        };
        Self { id, hub, payload: send.payload.clone(), tag_expression, enqueued: now, outcomes: counts }
    }

    /// Its XML at `now`; `None` while telemetry does not know the notification.
    fn details(&self, authority: &str, delay: Duration, now: OffsetDateTime) -> Option<String> {
        let age = Duration::try_from(now - self.enqueued).unwrap_or_default();
        if age < delay {
            return None;
        }
        let is_completed = age >= delay * 2;
        let (id, hub) = (&self.id, &self.hub);
        let (enqueued, started) = (dates::for_xml(self.enqueued), dates::for_xml(self.enqueued + delay));
        let state = match (is_completed, self.outcomes.is_empty()) {
            (true, true) => "NoTargetFound",
            (true, false) => "Completed",
            (false, _) => "Processing",
        };
        let mut xml = format!(
            "<NotificationDetails xmlns=\"{XML_NAMESPACE}\" xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <NotificationId>{id}</NotificationId>\
             <Location>sb://{authority}/{hub}/messages/{id}?api-version=2020-06</Location>\
             <State>{state}</State>\
             <EnqueueTime>{enqueued}</EnqueueTime><StartTime>{started}</StartTime>"
        );
        // Writing to a String can't fail.
        if is_completed {
            let _ = write!(xml, "<EndTime>{}</EndTime>", dates::for_xml(self.enqueued + delay * 2));
        }
        let _ = write!(xml, "<NotificationBody>{}</NotificationBody>", escape_xml(&self.payload));
        if let Some(expression) = &self.tag_expression {
            let _ = write!(xml, "<Tags>{}</Tags>", escape_xml(expression));
        }
        let platforms: Vec<_> = self.outcomes.keys().map(|format| format.name()).collect();
        let _ = write!(xml, "<TargetPlatforms>{}</TargetPlatforms>", platforms.join(","));
        for (format, outcomes) in self.outcomes.iter().filter(|_| is_completed) {
            let element = format.outcome_counts();
            let _ = write!(xml, "<{element}>");
            for (outcome, count) in outcomes {
                let name = outcome.name();
                let _ = write!(xml, "<Outcome><Name>{name}</Name><Count>{count}</Count></Outcome>");
            }
            let _ = write!(xml, "</{element}>");
        }
        xml += "</NotificationDetails>";
        Some(xml)
    }
}

/// The last notifications of all hubs.
#[derive(Debug)]
pub(crate) struct Telemetry {
    delay: Duration,
    notifications: Mutex<BoundedQueue<Notification>>,
}

impl Telemetry {
    pub(crate) fn new(delay: Duration) -> Self {
        Self { delay, notifications: Mutex::default() }
    }

    pub(crate) fn add(&self, notification: Notification) {
        let bytes = notification.payload.len() + 500;
        self.lock().push(notification, bytes);
    }

    /// The `NotificationDetails` of a notification of `hub` at `now`; `None` when it is not known, or not yet.
    pub(crate) fn details(&self, authority: &str, hub: &str, id: &str, now: OffsetDateTime) -> Option<String> {
        let notifications = self.lock();
        let mut newest_first = notifications.iter().rev();
        let notification = newest_first.find(|notification| notification.id == id && notification.hub == hub)?;
        notification.details(authority, self.delay, now)
    }

    fn lock(&self) -> MutexGuard<'_, BoundedQueue<Notification>> {
        self.notifications.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::direct_send::Content;

    #[test]
    fn a_notification_is_unknown_then_processing_then_completed() {
        let content = Content { payload: "{}".to_owned(), outcome: Outcome::Success, warnings: Vec::new() };
        let send = CheckedSend::direct(Format::Apple, content, vec!["a".to_owned()]);
        let telemetry = Telemetry::new(Duration::from_secs(10));
        let start = OffsetDateTime::UNIX_EPOCH;
        telemetry.add(Notification::new("id".to_owned(), "hub".to_owned(), &send, &[Outcome::Success], start));
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
