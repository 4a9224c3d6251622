//! What a user wants to hear of and when, as JSON: the members of a PUT, which the register stores as they are.

use chrono::{DateTime, NaiveTime, Utc, Weekday, WeekdaySet};
use serde::{Deserialize, Serialize};

use super::names::{DayName, NotifyName};
use crate::notifications::preferences::{MutedThread, Notify, Preferences, QuietHours, QuietWindow, TimeZone};

/// All but the muted threads. What was not PUT is left out, and has its default.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StoredPreferences {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notify: Option<NotifyName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calls: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snooze_until: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet_hours: Option<StoredQuietHours>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mutable: Option<bool>,
}

/// A muted thread: its id alone, or with its end.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum StoredMute {
    ForGood(String),
    Until { id: String, until: DateTime<Utc> },
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredQuietHours {
    time_zone: String,
    windows: Vec<StoredWindow>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct StoredWindow {
    days: Vec<DayName>,
    #[serde(with = "time_of_day")]
    from: NaiveTime,
    #[serde(with = "time_of_day")]
    to: NaiveTime,
}

impl StoredPreferences {
    /// Whether nothing differs from the defaults.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What the user wants, with these threads muted.
    pub fn with_muted(self, muted: Vec<StoredMute>) -> Preferences {
        let usual = Preferences::default();
        Preferences {
            notify: self.notify.map_or(usual.notify, Notify::from),
            calls: self.calls.unwrap_or(usual.calls),
            muted_threads: muted.into_iter().map(MutedThread::from).collect(),
            snooze_until: self.snooze_until,
            // A zone of a newer program is none here.
            quiet_hours: self.quiet_hours.and_then(StoredQuietHours::into_quiet_hours),
            mutable: self.mutable.unwrap_or(usual.mutable),
        }
    }
}

impl From<&Preferences> for StoredPreferences {
    fn from(preferences: &Preferences) -> Self {
        let usual = Preferences::default();
        Self {
            notify: Some(preferences.notify).filter(|notify| *notify != usual.notify).map(NotifyName::from),
            calls: Some(preferences.calls).filter(|calls| *calls != usual.calls),
            snooze_until: preferences.snooze_until,
            quiet_hours: preferences.quiet_hours.as_ref().map(StoredQuietHours::from),
            mutable: Some(preferences.mutable).filter(|mutable| *mutable != usual.mutable),
        }
    }
}

impl StoredQuietHours {
    fn into_quiet_hours(self) -> Option<QuietHours> {
        let window = |window: StoredWindow| QuietWindow {
            days: window.days.into_iter().map(Weekday::from).collect(),
            from: window.from,
            to: window.to,
        };
        Some(QuietHours {
            time_zone: TimeZone::named(&self.time_zone)?,
            windows: self.windows.into_iter().map(window).collect(),
        })
    }
}

impl From<&QuietHours> for StoredQuietHours {
    fn from(hours: &QuietHours) -> Self {
        let days = |days: WeekdaySet| days.iter(Weekday::Mon).map(DayName::from).collect();
        let window = |window: &QuietWindow| StoredWindow { days: days(window.days), from: window.from, to: window.to };
        Self { time_zone: hours.time_zone.name().to_owned(), windows: hours.windows.iter().map(window).collect() }
    }
}

impl From<StoredMute> for MutedThread {
    fn from(stored: StoredMute) -> Self {
        match stored {
            StoredMute::ForGood(id) => Self { id, until: None },
            StoredMute::Until { id, until } => Self { id, until: Some(until) },
        }
    }
}

impl From<&MutedThread> for StoredMute {
    fn from(muted: &MutedThread) -> Self {
        let id = muted.id.clone();
        muted.until.map_or_else(|| Self::ForGood(id.clone()), |until| Self::Until { id: id.clone(), until })
    }
}

/// `22:00`.
pub mod time_of_day {
    use chrono::NaiveTime;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Reads a time of the day in hours and minutes, two digits each.
    pub fn parse(text: &str) -> Option<NaiveTime> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |digits: &str| {
            let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| digits.parse().ok()).flatten()
        };
        NaiveTime::from_hms_opt(number(hours)?, number(minutes)?, 0)
    }

    pub fn serialize<S: Serializer>(time: &NaiveTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.format("%H:%M"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
        parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("no time of the day"))
    }
}
