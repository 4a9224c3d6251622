//! Feedback: the device handles to which the push platforms could not deliver. One container per hub, one blob per day,
//! read with a shared access signature that is valid for a day.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/get-pns-feedback>; the container
//! answers like Azure Blob Storage, <https://learn.microsoft.com/rest/api/storageservices/list-blobs>.

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

use crate::http::{dates, escape_xml};
use crate::limits::BoundedQueue;
use crate::platforms::Outcome;

pub(crate) use container::{PREFIX, answer};

/// As documented: the URL is valid for a day.
const VALIDITY: time::Duration = time::Duration::DAY;

/// A notification that could not be delivered to a device.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FailedDelivery<'a> {
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
    /// Its line in the blob, or several.
    line: String,
}

/// The feedback of all hubs, and the key that signs the URLs of the containers.
#[derive(Debug)]
pub(crate) struct Feedback {
    /// New at each start.
    key: Uuid,
    containers: Mutex<BTreeMap<String, Uuid>>,
    entries: Mutex<BoundedQueue<Entry>>,
}

/// The blob of one day in a container.
#[derive(Debug)]
struct Blob {
    name: String,
    last_modified: OffsetDateTime,
    content: String,
}

impl Feedback {
    pub(crate) fn new() -> Self {
        Self { key: Uuid::new_v4(), containers: Mutex::default(), entries: Mutex::default() }
    }

    pub(crate) fn add(&self, failed: FailedDelivery<'_>, now: OffsetDateTime) {
        let (time, error, platform) = (dates::for_xml(now), failed.outcome.name(), failed.platform);
        // A record must stay on one line, even if a handle contains line breaks.
        let handle = escape_xml(failed.handle).replace(char::is_control, " ");
        let id = failed.notification_id;
        let line = format!(
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>\
             <PnsFeedback xmlns=\"http://schemas.microsoft.com/netservices/2010/10/servicebus/connect\">\
             <FeedbackTime>{time}</FeedbackTime><NotificationSystemError>{error}</NotificationSystemError>\
             <Platform>{platform}</Platform><PnsHandle>{handle}</PnsHandle>\
             <NotificationId>{id}</NotificationId></PnsFeedback>\n"
        );
        let (container, bytes) = (self.container(failed.hub), line.len() + 100);
        self.entries().push(Entry { container, at: now, line }, bytes);
    }

    /// Appends text to a hub's blob of the day, as it is.
    pub(crate) fn add_text(&self, hub: &str, text: &str, now: OffsetDateTime) {
        let (container, bytes) = (self.container(hub), text.len() + 100);
        self.entries().push(Entry { container, at: now, line: text.to_owned() }, bytes);
    }

    /// The URL of a hub's container, with the right to read and list.
    pub(crate) fn url(&self, base: &str, hub: &str, now: OffsetDateTime) -> String {
        let (container, expiry) = (self.container(hub), dates::for_xml(now + VALIDITY));
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (signature, se) = (encode(&STANDARD.encode(self.signature(container, &expiry))), encode(&expiry));
        format!("{base}{PREFIX}{container}?sv=2020-10-02&sr=c&sp=rl&se={se}&sig={signature}")
    }

    /// Whether `signature` was made by [`url`](Self::url) for `container` and is still valid.
    fn is_authorized(&self, container: Uuid, expiry: &str, signature: &str, now: OffsetDateTime) -> bool {
        let signature = STANDARD.decode(signature).unwrap_or_default();
        // Both times have the same format, so that texts compare like times.
        signature == self.signature(container, expiry) && *expiry > *dates::for_xml(now)
    }

    fn blobs(&self, container: Uuid) -> Vec<Blob> {
        let mut blobs: Vec<Blob> = Vec::new();
        for entry in self.entries().iter().filter(|entry| entry.container == container) {
            let name = dates::for_blob_name(entry.at);
            match blobs.last_mut().filter(|blob| blob.name == name) {
                Some(blob) => {
                    blob.content += &entry.line;
                    blob.last_modified = entry.at;
                }
                None => blobs.push(Blob { name, last_modified: entry.at, content: entry.line.clone() }),
            }
        }
        blobs
    }

    fn container(&self, hub: &str) -> Uuid {
        let mut containers = self.containers.lock().unwrap_or_else(PoisonError::into_inner);
        *containers.entry(hub.to_owned()).or_insert_with(Uuid::new_v4)
    }

    fn entries(&self) -> MutexGuard<'_, BoundedQueue<Entry>> {
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
    use crate::http::query_value;

    #[test]
    fn a_url_is_valid_for_its_container_and_for_a_day() {
        let (feedback, start) = (Feedback::new(), OffsetDateTime::UNIX_EPOCH);
        let url = feedback.url("", "hub", start);
        let query = url.split_once('?').unwrap().1;
        let value = |name| query_value(query, name).unwrap();
        let is_authorized = |hub, hours| {
            let at = start + time::Duration::hours(hours);
            feedback.is_authorized(feedback.container(hub), &value("se"), &value("sig"), at)
        };
        assert!(is_authorized("hub", 0) && is_authorized("hub", 23));
        assert!(!is_authorized("hub", 24), "the day is over");
        assert!(!is_authorized("other", 0));
    }
}
