//! The eight outcomes of an event, and its log line.

use serde::{Serialize, Serializer};

use super::code::Code;
use super::explanation::without_controls;

/// How an event ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its subject or type is not among those to be handled.
    Filtered,
    /// It needs no notification.
    Ignored,
    /// It is older than its lifetime.
    Expired,
    /// It was handled before.
    Duplicate,
    /// The recipient has no device that should get it.
    NoDevice,
    /// The hub accepted it for a device, and refused the rest for good.
    Delivered,
    /// It can never succeed, and is kept for an operator.
    DeadLettered,
    /// It failed, and may succeed when it is repeated.
    Failed,
}

/// The result of one event, as in its log line: nothing in it is secret or personal.
#[derive(Debug, Serialize)]
pub struct DeliveryResult {
    /// The event's id, where it has one.
    pub event: Option<String>,
    /// Its full type, where it has one.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it ended so.
    pub code: Code,
    /// Devices that it was to be sent to this time.
    pub devices: usize,
    /// Devices for which the hub accepted it.
    pub delivered: usize,
    /// Devices for which it was refused for good.
    pub refused: usize,
    /// Devices for which a repeat may succeed.
    pub failed: usize,
    /// How long it took.
    pub ms: u64,
    /// How long after `eventTime` it arrived, if that time can be read.
    pub age_ms: Option<i64>,
    /// Requests to hubs.
    pub attempts: u32,
    /// The time from the first request to the last response, with the waits between them.
    pub hub_ms: u64,
    /// Why, as a sentence, unless it was plainly delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The trace that the event, or else its invocation, belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The hub's ids of the requests, for its support.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tracking: Vec<String>,
}

impl Outcome {
    /// All of them, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::Filtered,
        Self::Ignored,
        Self::Expired,
        Self::Duplicate,
        Self::NoDevice,
        Self::Delivered,
        Self::DeadLettered,
        Self::Failed,
    ];

    /// Whether nothing is left to do about a dead letter. An expired event can still be forced.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Delivered | Self::Duplicate | Self::NoDevice | Self::Ignored | Self::Filtered => true,
            Self::Expired | Self::DeadLettered | Self::Failed => false,
        }
    }

    /// Its name in log lines and counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Filtered => "filtered",
            Self::Ignored => "ignored",
            Self::Expired => "expired",
            Self::Duplicate => "duplicate",
            Self::NoDevice => "no_device",
            Self::Delivered => "delivered",
            Self::DeadLettered => "dead_lettered",
            Self::Failed => "failed",
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl DeliveryResult {
    /// Whether Event Grid has to send the event again: the one place that decides the status of its delivery.
    pub fn needs_repeat(&self) -> bool {
        match self.outcome {
            Outcome::Failed => true,
            Outcome::Filtered
            | Outcome::Ignored
            | Outcome::Expired
            | Outcome::Duplicate
            | Outcome::NoDevice
            | Outcome::Delivered
            | Outcome::DeadLettered => false,
        }
    }

    /// Whether no device is registered for the recipient.
    pub fn has_no_installation(&self) -> bool {
        self.code == Code::NoInstallation
    }

    /// The log line, without control characters: ids and types come from outside.
    pub fn line(&self) -> String {
        let line = serde_json::to_string(self).expect("texts and numbers always serialize");
        // serde_json has escaped all others of ASCII.
        if line.is_ascii() && !line.contains('\u{7f}') { line } else { without_controls(&line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> DeliveryResult {
        DeliveryResult {
            event: Some("1".to_owned()),
            type_name: Some("T".to_owned()),
            outcome: Outcome::DeadLettered,
            code: Code::HubBadRequest,
            devices: 5,
            delivered: 2,
            refused: 3,
            failed: 0,
            ms: 12,
            age_ms: Some(-7),
            attempts: 4,
            hub_ms: 9,
            reason: Some("the \"reason\"".to_owned()),
            trace: Some("bb2bd5eef54cb15a1506d0326d2489e7".to_owned()),
            tracking: vec!["a".to_owned(), "b".to_owned()],
        }
    }

    #[test]
    fn a_line_has_its_members_in_a_fixed_order_and_omits_absent_ones() {
        let line = concat!(
            r#"{"event":"1","type":"T","outcome":"dead_lettered","code":"hub_bad_request","devices":5,"delivered":2,"#,
            r#""refused":3,"failed":0,"ms":12,"age_ms":-7,"attempts":4,"hub_ms":9,"reason":"the \"reason\"","#,
            r#""trace":"bb2bd5eef54cb15a1506d0326d2489e7","tracking":["a","b"]}"#
        );
        assert_eq!(delivery().line(), line);
        let bare = DeliveryResult {
            event: None,
            type_name: None,
            age_ms: None,
            reason: None,
            trace: None,
            tracking: Vec::new(),
            ..delivery()
        };
        let line = concat!(
            r#"{"event":null,"type":null,"outcome":"dead_lettered","code":"hub_bad_request","devices":5,"delivered":2,"#,
            r#""refused":3,"failed":0,"ms":12,"age_ms":null,"attempts":4,"hub_ms":9}"#
        );
        assert_eq!(bare.line(), line);
    }

    #[test]
    fn a_line_has_no_control_character() {
        // What JSON itself leaves as it is, in a text of ASCII and in another one.
        for id in ["a\u{7f}b", "é\u{7f}\u{85}b"] {
            let delivery = DeliveryResult { event: Some(id.to_owned()), ..delivery() };
            assert!(!delivery.line().contains(char::is_control), "{id:?}");
        }
    }
}
