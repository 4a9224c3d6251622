//! Which events are wanted at all: by subject, by type, by age.

use chrono::{DateTime, TimeDelta, Utc};

use crate::events::subject_filter::SubjectFilter;

/// Which events are wanted.
#[derive(Debug, Clone)]
pub struct EventFilter {
    /// By subject.
    pub subjects: SubjectFilter,
    /// By full type; `None` is all.
    pub event_types: Option<Vec<String>>,
    /// Whether old events are not.
    pub expire: bool,
}

impl EventFilter {
    /// Whether the type is not switched off for the whole app.
    pub fn accepts_type(&self, type_name: &str) -> bool {
        self.event_types
            .as_ref()
            .is_none_or(|types| types.iter().any(|accepted| accepted.eq_ignore_ascii_case(type_name)))
    }

    /// What is left at `now` of the lifetime of an event of `time`; `None` when it does not expire.
    pub fn time_left(&self, lifetime: TimeDelta, time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<TimeDelta> {
        time.filter(|_| self.expire).map(|time| time + lifetime - now)
    }
}
