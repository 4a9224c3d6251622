//! Feedback of the push services: which handles they no longer take. One container per hub, one
//! blob per day, read with a shared access signature that ends after a day.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/get-pns-feedback>; the container is served
//! in the shape of <https://learn.microsoft.com/rest/api/storageservices/list-blobs>.

mod container;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::answer::escaped;
use crate::moment;
use crate::outcome::Outcome;
use crate::recent::Recent;

pub(crate) use container::{PREFIX, serve};

/// As documented: the URL works for a day.
const VALID: time::Duration = time::Duration::DAY;

/// A device that did not get a notification.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report<'a> {
    pub(crate) hub: &'a str,
    pub(crate) notification_id: &'a str,
    pub(crate) platform: &'a str,
    pub(crate) handle: &'a str,
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
struct Entry {
    container: Uuid,
    at: OffsetDateTime,
    /// One line of the blob.
    line: String,
}

/// The feedback of all hubs, and the key that opens it for those who were given a URL.
#[derive(Debug)]
pub(crate) struct Feedback {
    /// New at each start.
    key: Uuid,
    containers: Mutex<BTreeMap<String, Uuid>>,
    entries: Mutex<Recent<Entry>>,
}

/// A day's blob of one container.
#[derive(Debug)]
struct Blob {
    name: String,
    changed: OffsetDateTime,
    content: String,
}

impl Feedback {
    pub(crate) fn new() -> Self {
        Self { key: Uuid::new_v4(), containers: Mutex::default(), entries: Mutex::default() }
    }

    pub(crate) fn report(&self, report: Report<'_>, now: OffsetDateTime) {
        let (time, error, platform) = (moment::in_xml(now), report.outcome.name(), report.platform);
        // One record is one line, whatever a batch calls a handle.
        let handle = escaped(report.handle).replace(char::is_control, " ");
        let id = report.notification_id;
        let line = format!(
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>\
             <PnsFeedback xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\">\
             <FeedbackTime>{time}</FeedbackTime><NotificationSystemError>{error}</NotificationSystemError>\
             <Platform>{platform}</Platform><PnsHandle>{handle}</PnsHandle>\
             <NotificationId>{id}</NotificationId></PnsFeedback>\n"
        );
        let (container, bytes) = (self.container(report.hub), line.len() + 100);
        self.entries().push(Entry { container, at: now, line }, bytes);
    }

    /// The URL of a hub's container, with the right to read and list.
    pub(crate) fn url(&self, base: &str, hub: &str, now: OffsetDateTime) -> String {
        let (container, expiry) = (self.container(hub), moment::in_xml(now + VALID));
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (signature, se) = (encode(&STANDARD.encode(self.signature(container, &expiry))), encode(&expiry));
        format!("{base}{PREFIX}{container}?sv=2020-10-02&sr=c&sp=rl&se={se}&sig={signature}")
    }

    /// Whether a signature made by [`url`](Self::url) still opens `container`.
    fn opens(&self, container: Uuid, expiry: &str, signature: &str, now: OffsetDateTime) -> bool {
        let signature = STANDARD.decode(signature).unwrap_or_default();
        // Both times are of one form and length, so their order is that of their texts.
        signature == self.signature(container, expiry) && *expiry > *moment::in_xml(now)
    }

    fn blobs(&self, container: Uuid) -> Vec<Blob> {
        let mut blobs: Vec<Blob> = Vec::new();
        for entry in self.entries().iter().filter(|entry| entry.container == container) {
            let name = moment::in_blob_name(entry.at);
            match blobs.last_mut().filter(|blob| blob.name == name) {
                Some(blob) => {
                    blob.content += &entry.line;
                    blob.changed = entry.at;
                }
                None => blobs.push(Blob { name, changed: entry.at, content: entry.line.clone() }),
            }
        }
        blobs
    }

    fn container(&self, hub: &str) -> Uuid {
        let mut containers = self.containers.lock().unwrap_or_else(PoisonError::into_inner);
        *containers.entry(hub.to_owned()).or_insert_with(Uuid::new_v4)
    }

    fn entries(&self) -> MutexGuard<'_, Recent<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signature(&self, container: Uuid, expiry: &str) -> Vec<u8> {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()) else { return Vec::new() };
        mac.update(format!("{container}\n{expiry}").as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::query_value;

    #[test]
    fn a_url_opens_its_own_container_for_a_day() {
        let (feedback, start) = (Feedback::new(), OffsetDateTime::UNIX_EPOCH);
        let url = feedback.url("", "hub", start);
        let query = url.split_once('?').unwrap().1;
        let value = |name| query_value(query, name).unwrap();
        let opens = |hub, hours| {
            let at = start + time::Duration::hours(hours);
            feedback.opens(feedback.container(hub), &value("se"), &value("sig"), at)
        };
        assert!(opens("hub", 0) && opens("hub", 23));
        assert!(!opens("hub", 24), "its day is over");
        assert!(!opens("other", 0));
    }
}
