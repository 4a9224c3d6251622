//! Hours of a week at which a user wants no sound, by the clocks of a time zone.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, WeekdaySet};
use jiff::tz::{AmbiguousOffset, Offset};
use jiff::{Timestamp, civil};

/// Hours of a week. `Debug` leaves them out: they are personal.
#[derive(Clone, PartialEq, Eq)]
pub struct QuietHours {
    /// Whose clocks they go by.
    pub time_zone: TimeZone,
    /// The hours.
    pub windows: Vec<QuietWindow>,
}

/// A time zone of the IANA database. `Debug` leaves it out: it tells where somebody lives.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

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

impl QuietHours {
    /// Whether it is one of these hours.
    pub fn contain(&self, now: DateTime<Utc>) -> bool {
        let Some(today) = self.time_zone.date(now) else { return false };
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
        let begins = self.time_zone.instants(day.and_time(window.from)).map(|(first, _)| first);
        let ends = last_day.and_then(|day| self.time_zone.instants(day.and_time(window.to))).map(|(_, last)| last);
        begins.zip(ends).is_some_and(|(begins, ends)| begins <= now && now < ends)
    }
}

impl TimeZone {
    /// The zone of exactly that name.
    pub fn named(name: &str) -> Option<Self> {
        let zone = jiff::tz::TimeZone::get(name).ok()?;
        (zone.iana_name() == Some(name) && !zone.is_unknown()).then_some(Self(zone))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }

    /// Which day it is there.
    fn date(&self, now: DateTime<Utc>) -> Option<NaiveDate> {
        let offset = self.0.to_offset(Timestamp::from_second(now.timestamp()).ok()?);
        Some((now.naive_utc() + TimeDelta::seconds(offset.seconds().into())).date())
    }

    /// When the clocks show that time, for the first and for the last time: twice when they are set back. What they skip when
    /// they are set forward is the moment at which they are.
    fn instants(&self, time: NaiveDateTime) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let at = |offset: Offset| (time - TimeDelta::seconds(offset.seconds().into())).and_utc();
        match self.0.to_ambiguous_timestamp(civil_time(time)?).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some((at(offset), at(offset))),
            AmbiguousOffset::Fold { before, after } => Some((at(before), at(after))),
            AmbiguousOffset::Gap { after, .. } => {
                let just_before = Timestamp::from_second(at(after).timestamp()).ok()?;
                let set_forward = self.0.following(just_before).next()?.timestamp();
                let set_forward = DateTime::from_timestamp(set_forward.as_second(), 0)?;
                Some((set_forward, set_forward))
            }
        }
    }
}

fn civil_time(time: NaiveDateTime) -> Option<civil::DateTime> {
    let [month, day, hour, minute, second] =
        [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(|part| i8::try_from(part).ok());
    civil::DateTime::new(i16::try_from(time.year()).ok()?, month?, day?, hour?, minute?, second?, 0).ok()
}

impl std::fmt::Debug for QuietHours {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("QuietHours(redacted)")
    }
}

impl std::fmt::Debug for TimeZone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TimeZone(redacted)")
    }
}

impl std::fmt::Debug for QuietWindow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("QuietWindow(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_has_exactly_the_name_that_the_database_gives_it() {
        assert_eq!(TimeZone::named("Europe/Paris").unwrap().name(), "Europe/Paris");
        for other in ["europe/paris", "Etc/Unknown", "Europe/Nowhere", ""] {
            assert!(TimeZone::named(other).is_none(), "{other}");
        }
    }
}
