//! How an event ends, and the one line that tells it.

use serde::{Serialize, Serializer};

/// The eight ends of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its subject or type is not wanted.
    Filtered,
    /// Nothing in it is worth a push.
    Ignored,
    /// It is too old.
    Expired,
    /// It was handled before.
    Duplicate,
    /// Nobody is there to be pushed to.
    NoDevice,
    /// The hub accepted it for a device, and refused the rest for good.
    Delivered,
    /// It can never succeed, and is kept for an operator.
    DeadLettered,
    /// A repeat can mend it.
    Failed,
}

/// What became of one event, in the form of its log line: nothing in it is secret or personal.
#[derive(Debug, Serialize)]
pub struct DeliveryResult {
    /// The event's id, where it has one.
    pub event: Option<String>,
    /// Its full type, where it has one.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, unless it was plainly delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Devices that it was to be sent to this time.
    pub devices: usize,
    /// Of these, where the hub accepted.
    pub delivered: usize,
    /// Where it refused for good.
    pub refused: usize,
    /// Where a repeat can mend it.
    pub failed: usize,
    /// How long it took.
    pub ms: u64,
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
    /// The log line.
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers always serialize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_everything_in_one_order_and_leaves_out_what_there_is_none_of() {
        let delivery = DeliveryResult {
            event: Some("1".to_owned()),
            type_name: Some("T".to_owned()),
            outcome: Outcome::DeadLettered,
            reason: Some("the \"reason\"".to_owned()),
            devices: 5,
            delivered: 2,
            refused: 3,
            failed: 0,
            ms: 12,
            tracking: vec!["a".to_owned(), "b".to_owned()],
        };
        let line = concat!(
            r#"{"event":"1","type":"T","outcome":"dead_lettered","reason":"the \"reason\"","devices":5,"delivered":2,"#,
            r#""refused":3,"failed":0,"ms":12,"tracking":["a","b"]}"#
        );
        assert_eq!(delivery.line(), line);
        let bare = DeliveryResult { event: None, type_name: None, reason: None, tracking: Vec::new(), ..delivery };
        let line = r#"{"event":null,"type":null,"outcome":"dead_lettered","devices":5,"delivered":2,"refused":3,"failed":0,"ms":12}"#;
        assert_eq!(bare.line(), line);
    }
}
