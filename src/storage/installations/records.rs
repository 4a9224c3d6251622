//! The register's documents, as JSON.
//!
//! An installation's members are those of Notification Hubs, plus ours.
//! <https://learn.microsoft.com/rest/api/notificationhubs/create-overwrite-installation>

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::names::{AndroidName, ContentName, OsName, PlatformName};
use super::stored_preferences::{StoredMute, StoredPreferences};
use super::{HubScope, Installation, hashed};
use crate::events::recipient::{PhoneNumber, Recipient, UserId};
use crate::notifications::device::{AndroidMode, AppName, ContentMode, Device, DeviceHandle, Os};
use crate::notifications::locale::Locale;
use crate::storage::store::Document;

/// `installations/…`: what was PUT under an id, and where older versions of it may still be.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallationRecord {
    /// Its id, which cannot be read from the key.
    #[serde(rename = "installationId")]
    pub id: String,
    /// Grows with each change, also over deletions. In microseconds, and no earlier than the change.
    pub revision: i64,
    /// `None` after a deletion, until no late change is possible.
    pub installation: Option<StoredInstallation>,
    /// Recipients that it does not have now, and that may have an older version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaving: Vec<StoredRecipient>,
    /// Handles that it does not have now, and may still own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_handles: Vec<StoredHandle>,
    /// When an entry under `expiring/` has Maintenance look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_until: Option<DateTime<Utc>>,
}

/// `recipients/…`: everything that belongs to one user or number.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RecipientRecord {
    /// Copies of the installations.
    pub installations: Vec<StoredInstallation>,
    /// Prevents a slow PUT from adding an installation that was removed since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fences: Vec<Fence>,
}

/// `pending/…` and `expiring/…`: an installation that Maintenance is to look at.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceNote {
    /// The installation.
    pub installation_id: String,
    /// Handles that its change wants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handles: Vec<StoredHandle>,
}

/// `handles/…`: whose handle it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandleRecord {
    /// The installation that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation_id: Option<String>,
    /// The revision of the PUT that claimed it last. Without an owner, no PUT of this revision or before may claim it.
    pub revision: i64,
    /// The greatest revision of a PUT that wanted it.
    pub wanted: i64,
}

/// Rejects versions of an installation that are older than `revision`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fence {
    /// The installation.
    #[serde(rename = "installationId")]
    pub id: String,
    /// The first revision that may be added.
    pub revision: i64,
    /// When it was set; it is removed later.
    pub set_at: DateTime<Utc>,
}

/// One version of an installation. Its `Debug` redacts.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredInstallation {
    /// The revision that wrote it.
    pub revision: i64,
    /// The revision of the PUT that it comes from. By this one, installations compete for a handle.
    pub put_revision: i64,
    /// When it was PUT.
    pub written_at: DateTime<Utc>,
    #[serde(rename = "installationId")]
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    phone_numbers: Vec<String>,
    platform: PlatformName,
    /// Empty if it was reported as dead: programs of before expect a text.
    push_channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voip_push_channel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    os: Option<OsName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<ContentName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    muted_threads: Vec<StoredMute>,
    #[serde(default, skip_serializing_if = "StoredPreferences::is_default")]
    preferences: StoredPreferences,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    android: Option<AndroidName>,
    /// When it ends by itself.
    #[serde(default, rename = "expirationTime", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A device handle, as JSON. Its `Debug` redacts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredHandle(String);

/// A user or a number, as JSON. Its `Debug` redacts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StoredRecipient {
    /// By raw id.
    UserId(String),
    /// By digits.
    PhoneNumber(String),
}

impl Document for InstallationRecord {
    const VERSION: u32 = 1;
}

impl Document for RecipientRecord {
    const VERSION: u32 = 1;
}

impl Document for HandleRecord {
    const VERSION: u32 = 1;
}

impl Document for MaintenanceNote {
    const VERSION: u32 = 1;
}

impl InstallationRecord {
    /// A revision greater than all before it.
    pub fn next_revision(&self, now: DateTime<Utc>) -> i64 {
        now.timestamp_micros().max(self.revision + 1)
    }

    /// When it was changed last, or later.
    pub fn changed_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.revision).unwrap_or_default()
    }

    /// The record with another installation in place of the one that it has.
    pub fn replaced(self, id: &str, revision: i64, installation: Option<StoredInstallation>) -> Self {
        let recipients = installation.as_ref().map(StoredInstallation::recipients).unwrap_or_default();
        let handles = installation.as_ref().map(StoredInstallation::handles).unwrap_or_default();
        let leaving = self
            .recipients()
            .into_iter()
            .filter(|left| !recipients.iter().any(|recipient| hashed::is_same_recipient(recipient, left)));
        let leaving = leaving.map(|recipient| StoredRecipient::from(&recipient)).collect();
        let left = self
            .handles()
            .into_iter()
            .filter(|left| !handles.iter().any(|handle| hashed::is_same_handle(handle, left)));
        let left_handles = left.map(|handle| StoredHandle::from(&handle)).collect();
        let watched_until = self.watched_until;
        Self { id: id.to_owned(), revision, installation, leaving, left_handles, watched_until }
    }

    /// Every recipient that may have some version of the installation.
    pub fn recipients(&self) -> Vec<Recipient> {
        let mut recipients = self.leaving();
        recipients.extend(self.installation.as_ref().map(StoredInstallation::recipients).unwrap_or_default());
        recipients
    }

    /// Every recipient that may have an older version, and is not one of it now.
    pub fn leaving(&self) -> Vec<Recipient> {
        self.leaving.iter().filter_map(StoredRecipient::recipient).collect()
    }

    /// Every handle that it may have claimed.
    pub fn handles(&self) -> Vec<DeviceHandle> {
        let mut handles = self.left_handles();
        handles.extend(self.installation.as_ref().map(StoredInstallation::handles).unwrap_or_default());
        handles
    }

    /// Every handle that it may have claimed and does not have now.
    pub fn left_handles(&self) -> Vec<DeviceHandle> {
        self.left_handles.iter().map(StoredHandle::handle).collect()
    }

    /// Whether no older version of it is anywhere.
    pub fn is_settled(&self) -> bool {
        self.leaving.is_empty() && self.left_handles.is_empty()
    }
}

impl StoredInstallation {
    /// The form that revision `revision` writes.
    pub fn new(installation: &Installation, revision: i64, written_at: DateTime<Utc>) -> Self {
        let handle = |handle: &DeviceHandle| handle.expose().to_owned();
        Self {
            revision,
            put_revision: revision,
            written_at,
            id: installation.id.clone(),
            user_id: installation.user_id.as_ref().map(|user| user.as_str().to_owned()),
            phone_numbers: installation.phone_numbers.iter().map(|number| number.as_str().to_owned()).collect(),
            platform: installation.platform.into(),
            push_channel: installation.handle.as_ref().map(handle).unwrap_or_default(),
            voip_push_channel: installation.voip_handle.as_ref().map(handle),
            app: installation.app.as_ref().map(|app| app.as_str().to_owned()),
            os: installation.os.map(OsName::from),
            locale: installation.locale.clone(),
            content: installation.content.map(ContentName::from),
            muted_threads: installation.preferences.muted_threads.iter().map(StoredMute::from).collect(),
            preferences: StoredPreferences::from(&installation.preferences),
            android: installation.android.map(AndroidName::from),
            expires_at: installation.expires_at,
        }
    }

    /// The installation.
    pub fn into_installation(self) -> Installation {
        let (handle, voip_handle, app) = (self.alert_handle(), self.voip_handle(), self.app());
        Installation {
            id: self.id,
            user_id: self.user_id.map(UserId::new),
            phone_numbers: self.phone_numbers.iter().filter_map(|text| PhoneNumber::from_digits_of(text)).collect(),
            platform: self.platform.into(),
            handle,
            voip_handle,
            app,
            os: self.os.map(Os::from),
            locale: self.locale,
            content: self.content.map(ContentMode::from),
            preferences: self.preferences.with_muted(self.muted_threads),
            android: self.android.map(AndroidMode::from),
            expires_at: self.expires_at,
        }
    }

    /// Whether this is what `installation` says, whenever it was written.
    pub fn has_same_content(&self, installation: &Installation) -> bool {
        let revision = self.revision;
        *self == Self { put_revision: self.put_revision, ..Self::new(installation, revision, self.written_at) }
    }

    /// Everybody whose events it shows.
    pub fn recipients(&self) -> Vec<Recipient> {
        let user = self.user_id.iter().cloned().map(|user| Recipient::User(UserId::new(user)));
        let numbers = self.phone_numbers.iter().filter_map(|digits| PhoneNumber::from_digits_of(digits));
        user.chain(numbers.map(Recipient::Number)).collect()
    }

    /// The form of that revision that does not have one of its recipients, if it has others.
    pub fn without(mut self, recipient: &Recipient, revision: i64) -> Option<Self> {
        self.revision = revision;
        match recipient {
            Recipient::User(_) => self.user_id = None,
            Recipient::Number(number) => self.phone_numbers.retain(|other| other != number.as_str()),
        }
        (!self.recipients().is_empty()).then_some(self)
    }

    /// The form of that revision without the handle that a hub pushes to, if it has another.
    pub fn without_handle(mut self, scope: &HubScope, revision: i64) -> Option<Self> {
        self.revision = revision;
        if scope.is_voip {
            self.voip_push_channel = None;
        } else {
            self.push_channel.clear();
        }
        (!self.handles().is_empty()).then_some(self)
    }

    /// The app that it belongs to; `None` is the default one.
    pub fn app(&self) -> Option<AppName> {
        self.app.as_deref().and_then(AppName::parse)
    }

    /// Where its alerts go.
    pub fn alert_handle(&self) -> Option<DeviceHandle> {
        Some(&self.push_channel).filter(|text| !text.is_empty()).map(DeviceHandle::new)
    }

    /// Where its calls go.
    pub fn voip_handle(&self) -> Option<DeviceHandle> {
        self.voip_push_channel.as_ref().map(DeviceHandle::new)
    }

    /// Where its alerts and its calls go.
    pub fn handles(&self) -> Vec<DeviceHandle> {
        self.alert_handle().into_iter().chain(self.voip_handle()).collect()
    }
}

impl From<StoredInstallation> for Device {
    fn from(stored: StoredInstallation) -> Self {
        let (handle, voip_handle, app) = (stored.alert_handle(), stored.voip_handle(), stored.app());
        Self {
            installation_id: stored.id.into(),
            app,
            platform: stored.platform.into(),
            os: stored.os.map(Os::from),
            locale: stored.locale.as_deref().and_then(Locale::parse),
            handle,
            voip_handle,
            content: stored.content.map(ContentMode::from),
            preferences: stored.preferences.with_muted(stored.muted_threads),
            android: stored.android.map(AndroidMode::from),
        }
    }
}

impl From<&Recipient> for StoredRecipient {
    fn from(recipient: &Recipient) -> Self {
        match recipient {
            Recipient::User(user) => Self::UserId(user.as_str().to_owned()),
            Recipient::Number(number) => Self::PhoneNumber(number.as_str().to_owned()),
        }
    }
}

impl From<&DeviceHandle> for StoredHandle {
    fn from(handle: &DeviceHandle) -> Self {
        Self(handle.expose().to_owned())
    }
}

impl StoredHandle {
    /// The handle.
    pub fn handle(&self) -> DeviceHandle {
        DeviceHandle::new(self.0.clone())
    }
}

impl StoredRecipient {
    fn recipient(&self) -> Option<Recipient> {
        match self {
            Self::UserId(raw_id) => Some(Recipient::User(UserId::new(raw_id.clone()))),
            Self::PhoneNumber(digits) => PhoneNumber::from_digits_of(digits).map(Recipient::Number),
        }
    }
}

impl std::fmt::Debug for StoredHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StoredHandle(redacted)")
    }
}

impl std::fmt::Debug for StoredRecipient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StoredRecipient(redacted)")
    }
}

impl std::fmt::Debug for StoredInstallation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("StoredInstallation").field("id", &self.id).finish_non_exhaustive()
    }
}
