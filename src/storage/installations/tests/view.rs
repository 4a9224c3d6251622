//! What a store holds, as phones and backends come to see it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;

use super::super::records::{HandleRecord, InstallationRecord, RecipientRecord, StoredInstallation};
use super::super::{handle_key, recipient_key};
use crate::events::recipient::Recipient;
use crate::notifications::device::DeviceHandle;
use crate::storage::store::Contents;

/// Who shows what is for whom: recipient, installation, handle for alerts, handle for calls.
pub type Pushed = BTreeSet<(Recipient, String, String, Option<String>)>;

/// A store's register at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// By what events read.
    pub pushed: Pushed,
    /// By what GET shows.
    pub shown: Pushed,
}

fn documents<T: DeserializeOwned>(contents: &Contents, kind: &str) -> Vec<(String, T)> {
    let prefix = format!("{kind}/");
    let of_kind = contents.documents().filter(|(key, _)| key.starts_with(&prefix));
    of_kind.filter_map(|(key, members)| Some((key.to_owned(), parse(members)?))).collect()
}

/// A document without its first two members.
fn parse<T: DeserializeOwned>(members: &[u8]) -> Option<T> {
    let members = members.strip_prefix(b",").unwrap_or(members);
    serde_json::from_slice(&[b"{", members].concat()).ok()
}

fn rows(recipient: Recipient, stored: &StoredInstallation) -> (Recipient, String, String, Option<String>) {
    let mut handles = stored.handles().into_iter().map(|handle| handle.expose().to_owned());
    (recipient, stored.id.clone(), handles.next().unwrap(), handles.next())
}

impl View {
    /// Reads it; `recipients` are all that there may be.
    pub fn of(contents: &Contents, recipients: &[Recipient], time_to_live: TimeDelta, now: DateTime<Utc>) -> Self {
        let is_alive = |stored: &StoredInstallation| {
            now - stored.written_at < time_to_live && stored.expires_at.is_none_or(|expires_at| now < expires_at)
        };
        let keys: BTreeMap<String, &Recipient> =
            recipients.iter().map(|recipient| (recipient_key(recipient), recipient)).collect();
        let mut pushed = Pushed::new();
        for (key, record) in documents::<RecipientRecord>(contents, "recipients") {
            let alive = record.installations.iter().filter(|stored| is_alive(stored));
            pushed.extend(alive.map(|stored| rows((*keys[&key]).clone(), stored)));
        }
        let mut shown = Pushed::new();
        for (_, record) in documents::<InstallationRecord>(contents, "installations") {
            if let Some(stored) = record.installation.filter(is_alive) {
                shown.extend(stored.recipients().into_iter().map(|recipient| rows(recipient, &stored)));
            }
        }
        Self { pushed, shown }
    }

    /// Every handle that is pushed to, with who has it.
    pub fn handles(&self) -> BTreeMap<&str, BTreeSet<(&str, &Recipient)>> {
        let mut handles: BTreeMap<&str, BTreeSet<(&str, &Recipient)>> = BTreeMap::new();
        for (recipient, id, alert, voip) in &self.pushed {
            for handle in [Some(alert), voip.as_ref()].into_iter().flatten() {
                handles.entry(handle).or_default().insert((id, recipient));
            }
        }
        handles
    }
}

/// What is in the store that nobody needs: notes, deletions' traces, and documents of handles and recipients that nothing
/// names.
pub fn left_over(contents: &Contents, view: &View) -> Vec<String> {
    let needed = view.shown.iter().flat_map(|(recipient, id, alert, voip)| {
        let handles = [Some(alert), voip.as_ref()].into_iter().flatten();
        let handles = handles.map(|handle| handle_key(&DeviceHandle::new(handle.clone())));
        handles.chain([recipient_key(recipient), super::super::installation_key(id)]).collect::<Vec<_>>()
    });
    let needed: BTreeSet<String> = needed.collect();
    let unneeded = contents.documents().filter(|(key, _)| !needed.contains(*key) && !key.starts_with("expiring/"));
    unneeded.map(|(key, document)| format!("{key}: {}", String::from_utf8_lossy(document))).collect()
}

/// The documents of handles that can be read, and to whom the handles belong.
pub fn claims(contents: &Contents) -> BTreeMap<String, Option<String>> {
    let owners = documents::<HandleRecord>(contents, "handles");
    owners.into_iter().map(|(key, owner)| (key, owner.installation_id)).collect()
}
