//! Dates in the formats of the service: error texts, notification ids, telemetry and feedback, blob names, HTTP headers.
//! All are UTC.

use time::{Month, OffsetDateTime};

/// `7/2/2020 6:33:21 PM`, in error texts.
pub(crate) fn for_error(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    let month = u8::from(month);
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, (hour + 11) % 12 + 1);
    format!("{month}/{day}/{year} {hour}:{minute:02}:{second:02} {half}")
}

/// `20200702183321`, in notification ids before 2022.
pub(crate) fn for_notification_id(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    format!("{:04}{:02}{:02}{hour:02}{minute:02}{second:02}", at.year(), u8::from(at.month()), at.day())
}

/// `20200702183321123`, in notification ids since 2022.
pub(crate) fn for_notification_id_since_2022(at: OffsetDateTime) -> String {
    format!("{}{:03}", for_notification_id(at), at.millisecond())
}

/// `2020-07-02T18:33:21.123Z`, in telemetry and feedback.
pub(crate) fn for_xml(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, millis) = at.to_hms_milli();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// `2020-07-02T18:33:21Z`, in Atom entries.
pub(crate) fn for_atom(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", u8::from(month))
}

/// `07022020`, the name of a day's feedback blob.
pub(crate) fn for_blob_name(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    format!("{:02}{day:02}{year:04}", u8::from(month))
}

/// `Thu, 02 Jul 2020 18:33:21 GMT`, in HTTP headers.
pub(crate) fn for_http_header(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    let (weekday, month) = (at.weekday().to_string(), short(month));
    format!("{}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT", &weekday[..3])
}

fn short(month: Month) -> String {
    month.to_string().chars().take(3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_look_like_the_recorded_ones() {
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        assert_eq!(for_error(at(1_593_714_801)), "7/2/2020 6:33:21 PM");
        assert_eq!(for_error(at(1_767_225_600)), "1/1/2026 12:00:00 AM");
        assert_eq!(for_error(at(1_767_268_800)), "1/1/2026 12:00:00 PM");
        assert_eq!(for_notification_id(at(1_593_714_801)), "20200702183321");
        let with_millis = at(1_593_714_801) + time::Duration::milliseconds(7);
        assert_eq!(for_notification_id_since_2022(with_millis), "20200702183321007");
        assert_eq!(for_xml(at(1_593_714_801)), "2020-07-02T18:33:21.000Z");
        assert_eq!(for_atom(at(1_593_714_801)), "2020-07-02T18:33:21Z");
        assert_eq!(for_blob_name(at(1_593_714_801)), "07022020");
        assert_eq!(for_http_header(at(1_593_714_801)), "Thu, 02 Jul 2020 18:33:21 GMT");
    }
}
