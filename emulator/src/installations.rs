//! Installations: create or overwrite, read, patch, delete. The service queues changes and reads
//! may lag behind; here a change is seen at once.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/create-overwrite-installation>

mod patch;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;
use serde_json::{Map, Value};

use crate::answer::{self, Response, XML};
use crate::devices::{DeviceState, Devices};
use crate::direct_send::{MAX_BODY, Sent};
use crate::recent::{KEPT, KEPT_BYTES};
use crate::wording::{InstallationError, Refusal};

/// Documented as the most that one installation may have.
pub(crate) const MAX_TAGS: usize = 60;

/// In the spelling of the SDKs; compared in any letter case.
const PLATFORMS: [&str; 9] = ["adm", "apns", "baidu", "browser", "fcmv1", "gcm", "mpns", "wns", "xiaomi"];

/// An installation that never expires.
const NEVER: &str = "9999-12-31T23:59:59.9999999Z";

type Installation = Map<String, Value>;
/// The hub and the id.
type Key = (String, String);

/// The installations of all hubs.
#[derive(Debug, Default)]
pub(crate) struct Installations(Mutex<Kept>);

/// As JSON, and the length of all.
#[derive(Debug, Default)]
struct Kept {
    texts: BTreeMap<Key, String>,
    bytes: usize,
}

impl Installations {
    /// Answers a request for the installation `id` of `hub`.
    pub(crate) fn answer(&self, hub: &str, id: &str, sent: &Sent<'_>, devices: &Devices) -> Result<Response, Refusal> {
        if sent.body.len() > MAX_BODY {
            return Err(Refusal::TooLarge);
        }
        let key = (hub.to_owned(), id.to_owned());
        let mut kept = self.lock();
        match *sent.method {
            Method::PUT => {
                let installation = serde_json::from_slice(sent.body).map_err(|_| InstallationError::NotObject)?;
                check(id, &installation)?;
                kept.put(key, installation)?;
                Ok(answer::found(XML, String::new()))
            }
            Method::GET => {
                let installation = kept.get(&key).ok_or(Refusal::NoSuchInstallation)?;
                // JSON under the name of XML: so the service was recorded.
                Ok(answer::found(XML, told(installation, devices)))
            }
            Method::PATCH => {
                let mut installation = kept.get(&key).ok_or(Refusal::NoSuchInstallation)?;
                patch::apply(&mut installation, sent.body)?;
                check(id, &installation)?;
                kept.put(key, installation)?;
                Ok(answer::found(XML, String::new()))
            }
            Method::DELETE => {
                kept.remove(&key);
                Ok(answer::gone())
            }
            _ => Err(Refusal::MethodNotAllowed("GET, PUT, PATCH, DELETE")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn get(&self, key: &Key) -> Option<Installation> {
        serde_json::from_str(self.texts.get(key)?).ok()
    }

    /// Keeps an installation while there is room for it: none is forgotten for another.
    fn put(&mut self, key: Key, installation: Installation) -> Result<(), Refusal> {
        let text = Value::Object(installation).to_string();
        let old = self.texts.get(&key).map(String::len);
        let count = self.texts.len() + usize::from(old.is_none());
        let bytes = self.bytes - old.unwrap_or(0) + text.len();
        if count > KEPT || bytes > KEPT_BYTES {
            return Err(Refusal::TooManyInstallations);
        }
        self.bytes = bytes;
        self.texts.insert(key, text);
        Ok(())
    }

    fn remove(&mut self, key: &Key) {
        self.bytes -= self.texts.remove(key).map_or(0, |text| text.len());
    }
}

/// What a reader gets: with the members that the service adds.
fn told(mut installation: Installation, devices: &Devices) -> String {
    let channel = installation.get("pushChannel").and_then(Value::as_str).unwrap_or_default();
    let expired = matches!(devices.state(channel), DeviceState::Expired | DeviceState::Unregistered);
    installation.insert("pushChannelExpired".to_owned(), expired.into());
    installation.entry("expirationTime").or_insert_with(|| NEVER.into());
    Value::Object(installation).to_string()
}

fn check(id: &str, installation: &Installation) -> Result<(), InstallationError> {
    let text = |name| installation.get(name).and_then(Value::as_str);
    if text("installationId").ok_or(InstallationError::Member("installationId"))? != id {
        return Err(InstallationError::OtherId);
    }
    let platform = text("platform").ok_or(InstallationError::Member("platform"))?;
    if !PLATFORMS.iter().any(|known| known.eq_ignore_ascii_case(platform)) {
        return Err(InstallationError::Platform(platform.to_owned()));
    }
    // A browser's is an object, or the text of one.
    let has_channel = match installation.get("pushChannel") {
        Some(Value::String(channel)) => !channel.is_empty(),
        Some(Value::Object(_)) => platform.eq_ignore_ascii_case("browser"),
        _ => false,
    };
    if !has_channel {
        return Err(InstallationError::Member("pushChannel"));
    }
    match installation.get("tags") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(tags)) if tags.len() > MAX_TAGS => Err(InstallationError::TooManyTags(tags.len())),
        Some(Value::Array(tags)) => tags.iter().try_for_each(check_tag),
        Some(_) => Err(InstallationError::Member("tags")),
    }
}

fn check_tag(tag: &Value) -> Result<(), InstallationError> {
    let tag = tag.as_str().ok_or(InstallationError::Member("tags"))?;
    // An id in a tag the service makes itself: `$UserId:{ada}`.
    let inner = ["$InstallationId:{", "$UserId:{"].iter().find_map(|start| tag.strip_prefix(start)?.strip_suffix('}'));
    let is_allowed = |sign: char| sign.is_alphanumeric() || "_@#.:-=".contains(sign);
    let inner = inner.unwrap_or(tag);
    if inner.is_empty() || tag.chars().count() > 120 || !inner.chars().all(is_allowed) {
        return Err(InstallationError::Tag(tag.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_emulator_takes_changes_and_no_more_installations() {
        let mut kept = Kept::default();
        let key = |id: usize| ("hub".to_owned(), id.to_string());
        assert!((0..KEPT).all(|id| kept.put(key(id), Installation::new()).is_ok()));
        assert!(kept.put(key(7), Installation::new()).is_ok());
        assert!(matches!(kept.put(key(KEPT), Installation::new()), Err(Refusal::TooManyInstallations)));
        kept.remove(&key(7));
        assert!(kept.put(key(KEPT), Installation::new()).is_ok());
        assert_eq!((kept.texts.len(), kept.bytes), (KEPT, KEPT * "{}".len()));

        kept.bytes = KEPT_BYTES;
        let larger = Installation::from_iter([("x".to_owned(), Value::Null)]);
        assert!(matches!(kept.put(key(1), larger), Err(Refusal::TooManyInstallations)));
        assert!(kept.put(key(1), Installation::new()).is_ok());
    }
}
