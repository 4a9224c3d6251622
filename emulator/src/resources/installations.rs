//! Installations: create or overwrite, read, update, delete. The service queues changes, so that a read may return an
//! older state; here a change is visible at once.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/create-overwrite-installation>

mod as_registrations;
mod patch;
mod response_body;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;
use serde_json::{Map, Value};

use super::platform::Platform;
use super::registration::{Registration, check_device_token};
use super::tags;
use crate::http::service_response::XML;
use crate::http::{HubRequest, Response, ServiceError, ServiceResponses};
use crate::limits::{MAX_BODY_BYTES, MAX_KEPT, MAX_KEPT_BYTES, MAX_TAGS};
use crate::platforms::{DeviceState, DeviceStates};

type Installation = Map<String, Value>;
/// The hub's name and the installation id.
type Key = (String, String);

/// The installations of all hubs.
#[derive(Debug, Default)]
pub(crate) struct Installations(Mutex<Stored>);

/// Installations as JSON, and the length of all texts.
#[derive(Debug, Default)]
struct Stored {
    texts: BTreeMap<Key, String>,
    bytes: usize,
}

/// What is wrong with an installation or a patch of one.
#[derive(Debug, thiserror::Error)]
enum InstallationError {
    #[error("it is not a JSON object")]
    NotObject,
    #[error("'installationId' differs from the id in the path")]
    OtherId,
    #[error("'{0}' is missing or has the wrong type")]
    Member(&'static str),
    #[error("the platform '{0}' does not exist")]
    Platform(String),
    #[error("at most {MAX_TAGS} tags are allowed, not {0}")]
    TooManyTags(usize),
    #[error("'{0}' is not a valid tag: 1 to 120 letters, digits and _@#.:-")]
    Tag(String),
    #[error("a patch is a JSON array of objects with 'op', 'path' and 'value'")]
    NotPatch,
    #[error("the operation '{0}' does not exist")]
    Operation(String),
    #[error("the path '{0}' can't be changed this way")]
    Path(String),
    #[error("the value of '{0}' must be a JSON object, or the text of one")]
    NotObjectAt(String),
}

impl From<InstallationError> for ServiceError {
    fn from(error: InstallationError) -> Self {
        Self::InvalidInstallation(error.to_string())
    }
}

impl Installations {
    /// Answers a request for the installation `id` of `hub`.
    pub(crate) fn answer(
        &self,
        hub: &str,
        id: &str,
        request: &HubRequest<'_>,
        devices: &DeviceStates,
        responses: &ServiceResponses,
    ) -> Result<Response, ServiceError> {
        if request.body.len() > MAX_BODY_BYTES {
            return Err(ServiceError::BodyTooLarge);
        }
        let key = (hub.to_owned(), id.to_owned());
        let mut stored = self.lock();
        match *request.method {
            Method::PUT => {
                let installation = serde_json::from_slice(request.body).map_err(|_| InstallationError::NotObject)?;
                check(id, &installation)?;
                stored.put(key, installation)?;
                Ok(responses.ok_empty())
            }
            Method::GET => {
                let installation = stored.get(&key).ok_or(ServiceError::InstallationNotFound)?;
                // JSON with the content type of XML, as in the recordings of the service.
                let channel = installation.get("pushChannel").and_then(Value::as_str).unwrap_or_default();
                let is_expired = matches!(devices.get(channel), DeviceState::Expired | DeviceState::Unregistered);
                Ok(responses.ok(XML, response_body::of(&installation, is_expired)))
            }
            Method::PATCH => {
                let mut installation = stored.get(&key).ok_or(ServiceError::InstallationNotFound)?;
                patch::apply(&mut installation, request.body)?;
                check(id, &installation)?;
                stored.put(key, installation)?;
                Ok(responses.ok_empty())
            }
            Method::DELETE => {
                stored.remove(&key);
                Ok(responses.no_content())
            }
            _ => Err(ServiceError::MethodNotAllowed("GET, PUT, PATCH, DELETE")),
        }
    }

    /// The installations of a hub as registrations: each for its device and for each of its templates.
    pub(crate) fn registrations(&self, hub: &str) -> Vec<Registration> {
        let stored = self.lock();
        let texts = stored.texts.iter().filter(|((known, _), _)| known == hub);
        let installations = texts.filter_map(|((_, id), text)| Some((id, serde_json::from_str(text).ok()?)));
        installations.flat_map(|(id, installation)| as_registrations::of(hub, id, &installation)).collect()
    }

    pub(crate) fn remove(&self, hub: &str, id: &str) {
        self.lock().remove(&(hub.to_owned(), id.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    fn get(&self, key: &Key) -> Option<Installation> {
        serde_json::from_str(self.texts.get(key)?).ok()
    }

    /// Stores an installation if there is room for it; no other one is dropped for it.
    fn put(&mut self, key: Key, installation: Installation) -> Result<(), ServiceError> {
        let text = Value::Object(installation).to_string();
        let old = self.texts.get(&key).map(String::len);
        let count = self.texts.len() + usize::from(old.is_none());
        let bytes = self.bytes - old.unwrap_or(0) + text.len();
        if count > MAX_KEPT || bytes > MAX_KEPT_BYTES {
            return Err(ServiceError::TooManyInstallations);
        }
        self.bytes = bytes;
        self.texts.insert(key, text);
        Ok(())
    }

    fn remove(&mut self, key: &Key) {
        self.bytes -= self.texts.remove(key).map_or(0, |text| text.len());
    }
}

fn check(id: &str, installation: &Installation) -> Result<(), ServiceError> {
    check_members(id, installation)?;
    let text = |name| installation.get(name).and_then(Value::as_str).unwrap_or_default();
    match Platform::of_installation(text("platform")) {
        Some(platform) => check_device_token(platform.format, text("pushChannel")),
        None => Ok(()),
    }
}

fn check_members(id: &str, installation: &Installation) -> Result<(), InstallationError> {
    let text = |name| installation.get(name).and_then(Value::as_str);
    if text("installationId").ok_or(InstallationError::Member("installationId"))? != id {
        return Err(InstallationError::OtherId);
    }
    let platform = text("platform").ok_or(InstallationError::Member("platform"))?;
    if Platform::of_installation(platform).is_none() {
        return Err(InstallationError::Platform(platform.to_owned()));
    }
    // For a browser it is an object, or the text of one.
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
    if tags::is_valid(tag) { Ok(()) } else { Err(InstallationError::Tag(tag.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_emulator_accepts_changes_but_no_new_installation() {
        let mut stored = Stored::default();
        let key = |id: usize| ("hub".to_owned(), id.to_string());
        assert!((0..MAX_KEPT).all(|id| stored.put(key(id), Installation::new()).is_ok()));
        assert!(stored.put(key(7), Installation::new()).is_ok());
        assert!(matches!(stored.put(key(MAX_KEPT), Installation::new()), Err(ServiceError::TooManyInstallations)));
        stored.remove(&key(7));
        assert!(stored.put(key(MAX_KEPT), Installation::new()).is_ok());
        assert_eq!((stored.texts.len(), stored.bytes), (MAX_KEPT, MAX_KEPT * "{}".len()));

        stored.bytes = MAX_KEPT_BYTES;
        let larger = Installation::from_iter([("x".to_owned(), Value::Null)]);
        assert!(matches!(stored.put(key(1), larger), Err(ServiceError::TooManyInstallations)));
        assert!(stored.put(key(1), Installation::new()).is_ok());
    }
}
