//! The JSON of an installation in a response.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Installation;
use super::names::{AndroidName, ContentName, OsName, PlatformName};
use super::stored_preferences::{StoredMute, StoredPreferences};
use crate::events::recipient::{PhoneNumber, UserId};
use crate::notifications::device::{AppName, DeviceHandle};

/// An installation with masked handles.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallationResponse<'a> {
    installation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    phone_numbers: Vec<&'a str>,
    platform: PlatformName,
    #[serde(skip_serializing_if = "Option::is_none")]
    push_channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voip_push_channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<OsName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<ContentName>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    muted_threads: Vec<StoredMute>,
    #[serde(flatten)]
    preferences: StoredPreferences,
    #[serde(skip_serializing_if = "Option::is_none")]
    android: Option<AndroidName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<DateTime<Utc>>,
    /// Ids of installations that were removed for it.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    evicted: &'a [String],
}

impl<'a> InstallationResponse<'a> {
    /// The installation with masked handles, and what a PUT had to evict for it.
    pub fn new(installation: &'a Installation, evicted: &'a [String]) -> Self {
        Self {
            installation_id: &installation.id,
            user_id: installation.user_id.as_ref().map(UserId::as_str),
            phone_numbers: installation.phone_numbers.iter().map(PhoneNumber::as_str).collect(),
            platform: installation.platform.into(),
            push_channel: installation.handle.as_ref().map(DeviceHandle::masked),
            voip_push_channel: installation.voip_handle.as_ref().map(DeviceHandle::masked),
            app: installation.app.as_ref().map(AppName::as_str),
            os: installation.os.map(OsName::from),
            locale: installation.locale.as_deref(),
            content: installation.content.map(ContentName::from),
            muted_threads: installation.preferences.muted_threads.iter().map(StoredMute::from).collect(),
            preferences: StoredPreferences::from(&installation.preferences),
            android: installation.android.map(AndroidName::from),
            expiration_time: installation.expires_at,
            evicted,
        }
    }
}

impl std::fmt::Debug for InstallationResponse<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("InstallationResponse").field("id", &self.installation_id).finish_non_exhaustive()
    }
}
