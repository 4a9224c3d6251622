//! A request to a hub as it was received, and how it ended.

use std::collections::BTreeMap;

use serde::Serialize;

/// A request to a hub, with its result.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedRequest {
    /// The HTTP method.
    pub method: String,
    /// The raw path, not decoded.
    pub path: String,
    /// The raw query without `?`; empty when there is none.
    pub query: String,
    /// All headers as received; names in lower case, repeated headers joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// The first 64 KiB of the body; bytes that are not UTF-8 become U+FFFD.
    pub body: String,
    /// The hub's name as configured; as in the path when there is no such hub.
    pub hub: String,
    /// `ServiceBusNotification-Format`.
    pub format: Option<String>,
    /// `ServiceBusNotification-DeviceHandle`.
    pub device_handle: Option<String>,
    /// The status of the answer; `None` while the answer is held back, and when there was none.
    pub status: Option<u16>,
    /// Why the request was refused, or which fault was applied to it.
    pub reason: Option<String>,
    /// What was accepted but may not work as the sender expects.
    pub warnings: Vec<String>,
    /// The id of an accepted notification.
    pub notification_id: Option<String>,
    /// `TrackingId` of the answer, which clients write into their logs.
    pub tracking_id: Option<String>,
    /// The parts of an accepted batch; the device handles of a batch are here and not in `device_handle`.
    pub batch: Option<Batch>,
    /// Who gets what, for an accepted send to tags or to everybody.
    pub recipients: Option<Recipients>,
    /// Milliseconds from the start of the emulator to the arrival of the request.
    pub at_ms: u64,
    /// Milliseconds from the start of the emulator to the decision about the request. For an accepted one that is the
    /// moment of acceptance, however late the answer is sent.
    pub settled_at_ms: Option<u64>,
}

/// The parts of a batch send.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// The part `devices`: 1 to 1000 device handles.
    pub device_handles: Vec<String>,
    /// The part `notification`, which a send to one device has as its body.
    pub notification: String,
}

/// The devices that a send to tags or to everybody reaches.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipients {
    /// `ServiceBusNotification-Tags`; `None` for a send to everybody.
    pub tag_expression: Option<String>,
    /// How many registrations it reaches, those of installations included.
    pub count: usize,
    /// The first 1000 of them.
    pub devices: Vec<Recipient>,
}

/// A registration that a send reaches, and what its device gets.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The device handle.
    pub device_handle: String,
    /// The format of the device's platform.
    pub format: String,
    /// The registration.
    pub registration_id: String,
    /// The installation that the registration belongs to.
    pub installation_id: Option<String>,
    /// The name of the template that made the notification.
    pub template: Option<String>,
    /// What a template made; `None` when the device gets the body of the request.
    pub notification: Option<String>,
    /// The headers of the template, with names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl ReceivedRequest {
    /// A registration is posted, too, but is no send.
    pub(super) fn is_accepted(&self) -> bool {
        let path = self.path.trim_end_matches('/').to_ascii_lowercase();
        let is_send =
            self.method == "POST" && !["/registrations", "/registrationids"].iter().any(|end| path.ends_with(end));
        is_send && matches!(self.status, Some(200 | 201))
    }

    /// Its size in memory, roughly. A batch, which has no device handle, holds its parts a second time.
    pub(super) fn size(&self) -> usize {
        let copies = if self.device_handle.is_none() { 2 } else { 1 };
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 50).sum();
        let recipient = |one: &Recipient| {
            let notification = one.notification.as_ref().map_or(0, String::len);
            let headers: usize = one.headers.iter().map(|(name, value)| name.len() + value.len() + 50).sum();
            one.device_handle.len() + notification + headers + 200
        };
        let recipients = self.recipients.iter().flat_map(|recipients| &recipients.devices).map(recipient);
        headers + recipients.sum::<usize>() + self.path.len() + self.query.len() + copies * self.body.len() + 500
    }
}

/// How a request ended: the fields that are unknown on arrival.
#[derive(Debug, Default)]
pub(crate) struct RequestOutcome {
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) notification_id: Option<String>,
    pub(crate) tracking_id: Option<String>,
    pub(crate) batch: Option<Batch>,
    pub(crate) recipients: Option<Recipients>,
}
