//! Which events are handled: by subject, type and age. Here it is decided when an event expires.

use chrono::{DateTime, TimeDelta, Utc};

use crate::events::subject_filter::SubjectFilter;

/// Which events are handled.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// By subject.
    pub subjects: SubjectFilter,
    /// By full type; `None` is all.
    pub event_types: Option<Vec<String>>,
    /// Whether old events expire.
    pub expire: bool,
}

impl EventFilter {
    /// Whether events of this type are handled.
    pub fn accepts_type(&self, type_name: &str) -> bool {
        self.event_types
            .as_ref()
            .is_none_or(|types| types.iter().any(|accepted| accepted.eq_ignore_ascii_case(type_name)))
    }

    /// The remaining lifetime at `now` of an event of `time`; `None` if it does not expire.
    pub fn time_left(&self, lifetime: TimeDelta, time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<TimeDelta> {
        time.filter(|_| self.expire).map(|time| time + lifetime - now)
    }
}
