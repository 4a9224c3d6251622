//! One report of a push service about a device handle: a `PnsFeedback`, of which a blob has one in each line.
//!
//! Its members: <https://learn.microsoft.com/rest/api/notificationhubs/get-pns-feedback>. Its errors:
//! <https://learn.microsoft.com/rest/api/notificationhubs/get-notification-message-telemetry>.

use chrono::{DateTime, Utc};
use quick_xml::de::from_str;
use serde::Deserialize;

use crate::notifications::device::DeviceHandle;

/// That a handle was dead at that time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadReport {
    /// The handle, as the register writes it.
    pub handle: DeviceHandle,
    /// When the push service said so.
    pub time: DateTime<Utc>,
}

/// What is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// What a report ends with.
pub const END: &str = "</PnsFeedback>";

/// The errors of a handle that has expired, or is wrong: no push reaches it ever again. All others are the hub's credentials,
/// the payload, the push service's load, or `UnknownError`, which may be anything.
const DEAD: [&str; 4] = ["ExpiredChannel", "BadChannel", "WrongToken", "WrongChannel"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PnsFeedback {
    feedback_time: DateTime<Utc>,
    notification_system_error: String,
    pns_handle: String,
}

/// The reports in a line of a blob: of those of dead handles, what they say; `None` for others.
pub fn reports(line: &[u8]) -> Vec<Result<Option<DeadReport>, Unreadable>> {
    let Ok(line) = std::str::from_utf8(line) else { return vec![Err(Unreadable)] };
    // Two may follow each other without a line break.
    let records = line.split_inclusive(END).map(|record| record.trim().trim_start_matches('\u{feff}'));
    records.filter(|record| !record.is_empty()).map(report).collect()
}

/// The declaration in front of it says that it is UTF-16, as .NET writes it for a string; the blob is UTF-8.
fn report(record: &str) -> Result<Option<DeadReport>, Unreadable> {
    let PnsFeedback { feedback_time, notification_system_error, pns_handle } =
        from_str(record).map_err(|_| Unreadable)?;
    let handle = pns_handle.trim();
    if handle.is_empty() {
        return Err(Unreadable);
    }
    let is_dead = DEAD.contains(&notification_system_error.trim());
    // The register has APNs tokens in lower case. No other token is hexadecimal.
    let is_apns = handle.bytes().all(|byte| byte.is_ascii_hexdigit());
    let handle = if is_apns { handle.to_ascii_lowercase() } else { handle.to_owned() };
    Ok(is_dead.then(|| DeadReport { handle: DeviceHandle::new(handle), time: feedback_time }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Microsoft's sample, with another error.
    fn record(error: &str, handle: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-16\"?><PnsFeedback xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\">\
             <FeedbackTime>2024-05-31T19:46:12.4770547Z</FeedbackTime>\
             <NotificationSystemError>{error}</NotificationSystemError><Platform>apple</Platform>\
             <PnsHandle>{handle}</PnsHandle><NotificationId>NH-1</NotificationId></PnsFeedback>"
        )
    }

    fn handles(line: &str) -> Vec<Result<Option<String>, Unreadable>> {
        let dead = |report: Option<DeadReport>| report.map(|report| report.handle.expose().to_owned());
        reports(line.as_bytes()).into_iter().map(|report| report.map(dead)).collect()
    }

    #[test]
    fn handles_that_have_expired_or_are_wrong_are_dead_and_no_others() {
        for error in ["ExpiredChannel", "BadChannel", "WrongToken", "WrongChannel"] {
            assert_eq!(handles(&record(error, "abc:d&amp;E")), [Ok(Some("abc:d&E".to_owned()))], "{error}");
        }
        for error in ["UnknownError", "InvalidCredentials", "ChannelThrottled", "PnsUnavailable", "Success", "new"] {
            assert_eq!(handles(&record(error, "abc")), [Ok(None)], "{error}");
        }
        assert_eq!(
            reports(record("BadChannel", "a").as_bytes()).remove(0).unwrap().unwrap().time.timestamp(),
            1_717_184_772
        );
    }

    #[test]
    fn apns_tokens_are_in_lower_case_and_others_as_they_are() {
        assert_eq!(handles(&record("BadChannel", "00FCAB")), [Ok(Some("00fcab".to_owned()))]);
        assert_eq!(handles(&record("BadChannel", "fGw:APA91b")), [Ok(Some("fGw:APA91b".to_owned()))]);
    }

    #[test]
    fn what_is_no_report_is_said_so_and_does_not_hide_the_next() {
        let two = record("BadChannel", "a") + &record("BadChannel", "b") + "\r\n";
        assert_eq!(handles(&two), [Ok(Some("a".to_owned())), Ok(Some("b".to_owned()))]);
        for garbage in ["no XML", "<PnsFeedback>", "<PnsFeedback/>", "{}", &record("BadChannel", " "), "\u{0}"] {
            assert_eq!(handles(garbage), [Err(Unreadable)], "{garbage}");
        }
        assert_eq!((handles("\r\n"), handles("")), (vec![], vec![]));
        assert_eq!(reports(b"\xff\xfe"), [Err(Unreadable)]);
    }
}
