//! The members of a PUT that say what the user wants to hear of, and when.

use chrono::{DateTime, Utc, Weekday, WeekdaySet};
use serde_json::value::RawValue;

use super::{Reader, is_id};
use crate::events::fields::{Fields, text_of};
use crate::notifications::preferences::{MutedThread, Notify, Preferences, QuietHours, QuietWindow, TimeZone};
use crate::storage::installations::stored_preferences::time_of_day;

const MAX_MUTED_THREADS: usize = 200;
const MAX_QUIET_WINDOWS: usize = 20;
const EXPECTED_MUTED: &str = "expected an array of ids of threads, strings of 1 to 256 bytes without control characters, \
                              or of objects {\"id\": …, \"until\": a time such as 2027-01-31T12:00:00Z}";
const EXPECTED_TIME: &str = "expected a time such as 2027-01-31T12:00:00Z";

impl Reader<'_> {
    /// What the user wants; a time that is over is no fault, because apps PUT the same at each start.
    pub(super) fn preferences(&mut self) -> Preferences {
        let usual = Preferences::default();
        Preferences {
            notify: self.notify().unwrap_or(usual.notify),
            calls: self.boolean("calls").unwrap_or(usual.calls),
            muted_threads: self.muted_threads(),
            snooze_until: self.time("snoozeUntil"),
            quiet_hours: self.quiet_hours(),
            mutable: self.boolean("mutable").unwrap_or(usual.mutable),
        }
    }

    fn notify(&mut self) -> Option<Notify> {
        let text = self.text("notify")?;
        match text.to_ascii_lowercase().as_str() {
            "all" => Some(Notify::All),
            "mentions" => Some(Notify::Mentions),
            "none" => Some(Notify::None),
            _ => {
                self.fault("notify", "expected \"all\", \"mentions\" or \"none\"");
                None
            }
        }
    }

    fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.fields.value(name)?.raw().map(RawValue::get);
        let value = value.and_then(|value| value.parse().ok());
        if value.is_none() {
            self.fault(name, "expected true or false, without quotes");
        }
        value
    }

    /// A time, whether it is over or not.
    fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        let text = self.text(name)?;
        let time = time(&text);
        if time.is_none() {
            self.fault(name, EXPECTED_TIME);
        }
        time
    }

    fn muted_threads(&mut self) -> Vec<MutedThread> {
        let elements = self.elements("mutedThreads", MAX_MUTED_THREADS);
        let muted: Option<Vec<_>> = elements.into_iter().map(muted_thread).collect();
        if muted.is_none() {
            self.fault("mutedThreads", EXPECTED_MUTED);
        }
        muted.unwrap_or_default()
    }

    fn quiet_hours(&mut self) -> Option<QuietHours> {
        let hours = match self.fields.object("quietHours") {
            Ok(hours) => hours?,
            Err(error) => return self.wrong(&error),
        };
        match quiet_hours(&hours) {
            Ok(hours) => Some(hours),
            Err(faults) => {
                faults.iter().for_each(|(name, problem)| self.fault(&format!("quietHours{name}"), problem));
                None
            }
        }
    }
}

/// A thread's id alone, or with its end.
fn muted_thread(raw: &RawValue) -> Option<MutedThread> {
    let with_end = || {
        let fields = Fields::parse(raw, &["mutedThreads"], &[]).ok().filter(|fields| fields.repeated().is_none())?;
        let until = time(&fields.required_text("until").ok()?)?;
        Some(MutedThread { id: fields.required_text("id").ok()?.into_owned(), until: Some(until) })
    };
    let muted = text_of(raw).map_or_else(with_end, |id| Some(MutedThread { id: id.into_owned(), until: None }))?;
    is_id(&muted.id).then_some(muted)
}

/// The hours, or each fault with its place in them.
fn quiet_hours(hours: &Fields<'_>) -> Result<QuietHours, Vec<(String, String)>> {
    let mut faults = Vec::new();
    repeated(hours, "", &mut faults);
    let time_zone = hours.text("timeZone").ok().flatten().and_then(|name| TimeZone::named(&name));
    if time_zone.is_none() {
        faults.push((".timeZone".to_owned(), "expected an IANA time zone such as \"Europe/Paris\"".to_owned()));
    }
    let windows = hours.array("windows").ok().flatten();
    if windows.is_none() {
        let expected = "expected an array of {\"days\": [\"mon\", …], \"from\": \"22:00\", \"to\": \"07:00\"}";
        faults.push((".windows".to_owned(), expected.to_owned()));
    }
    let windows = windows.unwrap_or_default();
    if windows.len() > MAX_QUIET_WINDOWS {
        let problem = format!("has {} elements: expected at most {MAX_QUIET_WINDOWS}", windows.len());
        faults.push((".windows".to_owned(), problem));
        return Err(faults);
    }
    let window = |(index, raw): (usize, &RawValue)| window(raw, &format!(".windows[{index}]"), &mut faults);
    let windows: Option<Vec<_>> = windows.into_iter().enumerate().map(window).collect();
    match (time_zone, windows) {
        (Some(time_zone), Some(windows)) if faults.is_empty() => Ok(QuietHours { time_zone, windows }),
        _ => Err(faults),
    }
}

fn window(raw: &RawValue, place: &str, faults: &mut Vec<(String, String)>) -> Option<QuietWindow> {
    let Ok(window) = Fields::parse(raw, &["quietHours", "windows"], &[]) else {
        faults.push((place.to_owned(), "must be an object".to_owned()));
        return None;
    };
    repeated(&window, place, faults);
    let days = window.array("days").ok().flatten().and_then(|days| days.into_iter().map(weekday).collect());
    let days = days.filter(|days: &WeekdaySet| !days.is_empty());
    if days.is_none() {
        let expected = "expected at least one of \"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"";
        faults.push((format!("{place}.days"), expected.to_owned()));
    }
    let mut time_of_day = |name| {
        let time = window.text(name).ok().flatten().and_then(|text| time_of_day::parse(&text));
        if time.is_none() {
            let expected = "expected a time of the day from \"00:00\" to \"23:59\"";
            faults.push((format!("{place}.{name}"), expected.to_owned()));
        }
        time
    };
    let (from, to) = (time_of_day("from"), time_of_day("to"));
    Some(QuietWindow { days: days?, from: from?, to: to? })
}

fn weekday(raw: &RawValue) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("mon", Weekday::Mon),
        ("tue", Weekday::Tue),
        ("wed", Weekday::Wed),
        ("thu", Weekday::Thu),
        ("fri", Weekday::Fri),
        ("sat", Weekday::Sat),
        ("sun", Weekday::Sun),
    ];
    let name = text_of(raw)?;
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)).map(|(_, day)| *day)
}

fn repeated(fields: &Fields<'_>, place: &str, faults: &mut Vec<(String, String)>) {
    if let Some(name) = fields.repeated() {
        let name = super::members::shown(name);
        faults.push((format!("{place}.{name}"), super::TWICE.to_owned()));
    }
}

fn time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}
