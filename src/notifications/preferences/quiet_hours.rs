//! Hours of a week at which a user wants no sound, by the clocks of a time zone.

use chrono::{
    DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, WeekdaySet,
};
use chrono_tz::Tz;

/// Hours of a week. `Debug` leaves them out: they are personal.
#[derive(Clone, PartialEq, Eq)]
pub struct QuietHours {
    /// Whose clocks they go by.
    pub time_zone: Tz,
    /// The hours.
    pub windows: Vec<QuietWindow>,
}

/// From one time of the day to another, on certain days. It belongs to the day on which it begins.
#[derive(Clone, PartialEq, Eq)]
pub struct QuietWindow {
    /// The days on which it begins.
    pub days: WeekdaySet,
    /// When it begins.
    pub from: NaiveTime,
    /// When it ends: on the next day, unless it is later than `from`.
    pub to: NaiveTime,
}

/// No clock was ever set forward by more than a day.
const LONGEST_GAP_MINUTES: i64 = 24 * 60;

impl QuietHours {
    /// Whether it is one of these hours.
    pub fn contain(&self, now: DateTime<Utc>) -> bool {
        let today = now.with_timezone(&self.time_zone).date_naive();
        // No window is longer than a day.
        let days = [today.pred_opt(), Some(today)];
        let mut begun = days.into_iter().flatten().flat_map(|day| {
            self.windows
                .iter()
                .filter(move |window| window.days.contains(day.weekday()))
                .map(move |window| (day, window))
        });
        begun.any(|(day, window)| self.is_within(window, day, now))
    }

    /// Whether it is now within the window that begins on `day`.
    fn is_within(&self, window: &QuietWindow, day: NaiveDate, now: DateTime<Utc>) -> bool {
        let last_day = if window.to > window.from { Some(day) } else { day.succ_opt() };
        let begins = self.instants(day.and_time(window.from)).map(|(first, _)| first);
        let ends = last_day.and_then(|day| self.instants(day.and_time(window.to))).map(|(_, last)| last);
        begins.zip(ends).is_some_and(|(begins, ends)| begins <= now && now < ends)
    }

    /// When the clocks show that time, for the first and for the last time: twice when they are set back. What they skip when
    /// they are set forward is the moment at which they are.
    fn instants(&self, time: NaiveDateTime) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let shown = (0..=LONGEST_GAP_MINUTES).map(|minutes| time + TimeDelta::minutes(minutes));
        shown.into_iter().find_map(|time| match self.time_zone.from_local_datetime(&time) {
            MappedLocalTime::Single(at) => Some((at.to_utc(), at.to_utc())),
            MappedLocalTime::Ambiguous(first, last) => Some((first.to_utc(), last.to_utc())),
            MappedLocalTime::None => None,
        })
    }
}

impl std::fmt::Debug for QuietHours {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("QuietHours(redacted)")
    }
}

impl std::fmt::Debug for QuietWindow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("QuietWindow(redacted)")
    }
}
