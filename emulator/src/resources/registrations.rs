//! Registrations: an id, a registration under it, lists of all, of one tag, and of one device. Lists and sends also have
//! the registrations of installations.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/create-registration>

mod atom;
mod filter;
mod parse;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::Method;
use hyper::header::{CONTENT_LOCATION, ETAG, IF_MATCH};
use time::OffsetDateTime;
use uuid::Uuid;

use super::installations::Installations;
use super::registration::Registration;
use crate::http::{HubRequest, Response, ServiceError, ServiceResponses, form_value};
use crate::limits::{MAX_BODY_BYTES, MAX_KEPT, MAX_KEPT_BYTES, MAX_PAGE};
use crate::options::FrontEnd;
use atom::{Answer, Writer};
use filter::Filter;

const ENTRY: &str = "application/atom+xml; type=entry; charset=utf-8";
const FEED: &str = "application/atom+xml; type=feed; charset=utf-8";

/// The hub's name and the registration id.
type Key = (String, String);

/// The registrations of all hubs, without those of installations.
#[derive(Debug, Default)]
pub(crate) struct Registrations(Mutex<Stored>);

#[derive(Debug, Default)]
struct Stored {
    registrations: BTreeMap<Key, Registration>,
    bytes: usize,
}

/// A request for registrations of a hub, and how it is answered.
#[derive(Debug)]
pub(crate) struct RegistrationRequest<'a> {
    pub(crate) hub: &'a str,
    /// `http://127.0.0.1:7090/hub`.
    pub(crate) hub_url: &'a str,
    pub(crate) request: HubRequest<'a>,
    pub(crate) version: &'a str,
    pub(crate) responses: &'a ServiceResponses,
    pub(crate) installations: &'a Installations,
}

impl RegistrationRequest<'_> {
    fn writer(&self) -> Writer<'_> {
        let (front_end, now) = (self.responses.front_end(), OffsetDateTime::now_utc());
        Writer { front_end, hub_url: self.hub_url, version: self.version, now }
    }

    fn content_type_of_read(&self, before_2022: &'static str) -> &'static str {
        match self.responses.front_end() {
            FrontEnd::Since2022 => "application/xml",
            FrontEnd::Before2022 => before_2022,
        }
    }
}

impl Registrations {
    /// `/registrationids`: a new id, under which a registration may be put.
    pub(crate) fn new_id(request: &RegistrationRequest<'_>) -> Result<Response, ServiceError> {
        if request.request.method != Method::POST {
            return Err(ServiceError::MethodNotAllowed("POST"));
        }
        let location = format!("{}/registrationids/{}", request.hub_url, new_id());
        Ok(request.responses.created_at(ENTRY, &location))
    }

    /// `/registrations`: creates one, or lists all or those of one device.
    pub(crate) fn answer_all(&self, request: &RegistrationRequest<'_>) -> Result<Response, ServiceError> {
        match *request.request.method {
            Method::POST => {
                let registration = read(&request.request)?;
                let key = (request.hub.to_owned(), new_id());
                let stored = self.put(key, registration)?;
                Ok(changed(request, &stored, true))
            }
            Method::GET => {
                let filter = match form_value(request.request.query, "$filter") {
                    Some(text) => Some(Filter::parse(&text).ok_or(ServiceError::InvalidFilter(text))?),
                    None => None,
                };
                self.list(request, |registration| filter.as_ref().is_none_or(|filter| filter.matches(registration)))
            }
            _ => Err(ServiceError::MethodNotAllowed("GET, POST")),
        }
    }

    /// `/tags/{tag}/registrations`.
    pub(crate) fn answer_tag(&self, tag: &str, request: &RegistrationRequest<'_>) -> Result<Response, ServiceError> {
        if request.request.method != Method::GET {
            return Err(ServiceError::MethodNotAllowed("GET"));
        }
        self.list(request, |registration| registration.tags.iter().any(|known| known == tag))
    }

    /// `/registrations/{id}`.
    pub(crate) fn answer_one(&self, id: &str, request: &RegistrationRequest<'_>) -> Result<Response, ServiceError> {
        let key = (request.hub.to_owned(), id.to_owned());
        let known = self.lock().registrations.get(&key).cloned();
        let of_installation = || request.installations.registrations(request.hub).into_iter().find(|one| one.id == id);
        let known = known.or_else(of_installation);
        let if_match = request.request.header(IF_MATCH.as_str()).map(|text| text.trim_start_matches("W/"));
        if let Some(wanted) = if_match.filter(|wanted| *wanted != "*")
            && let Some(known) = &known
            && wanted.trim_matches('"') != known.version.to_string()
        {
            return Err(ServiceError::OtherVersion);
        }
        match *request.request.method {
            Method::GET => {
                let known = known.ok_or(ServiceError::RegistrationNotFound)?;
                let body = request.writer().entry(&known, Answer::Read);
                Ok(with_etag(request, &known, false, request.content_type_of_read(ENTRY), body))
            }
            Method::PUT => {
                let registration = read(&request.request)?;
                if if_match.is_some() && known.is_none() {
                    return Err(ServiceError::RegistrationNotFound);
                }
                let stored = self.put(key, registration)?;
                Ok(changed(request, &stored, false))
            }
            Method::DELETE => {
                let known = known.ok_or(ServiceError::RegistrationNotFound)?;
                match &known.installation {
                    Some(installation) => request.installations.remove(request.hub, installation),
                    None => self.lock().remove(&key),
                }
                Ok(request.responses.ok_without_type())
            }
            _ => Err(ServiceError::MethodNotAllowed("GET, PUT, DELETE")),
        }
    }

    /// The registrations of a hub, with those of its installations, ordered by id.
    pub(crate) fn all(&self, hub: &str, installations: &Installations) -> Vec<Registration> {
        let stored = self.lock();
        let own = stored.registrations.iter().filter(|((known, _), _)| known == hub);
        let mut all: Vec<_> = own.map(|(_, registration)| registration.clone()).collect();
        drop(stored);
        all.extend(installations.registrations(hub));
        all.sort_by(|one, other| one.id.cmp(&other.id));
        all
    }

    /// A page of the registrations for which `is_wanted` holds. The token of the next page is the last id of this one.
    fn list(
        &self,
        request: &RegistrationRequest<'_>,
        is_wanted: impl Fn(&Registration) -> bool,
    ) -> Result<Response, ServiceError> {
        let top = match form_value(request.request.query, "$top") {
            Some(text) => text.parse().ok().filter(|top| *top > 0).ok_or(ServiceError::InvalidTop(text))?,
            None => MAX_PAGE,
        };
        let query = request.request.query;
        let token = form_value(query, "continuationtoken").or_else(|| form_value(query, "ContinuationToken"));
        let all = self.all(request.hub, request.installations);
        let mut wanted =
            all.iter().filter(|one| is_wanted(one) && token.as_ref().is_none_or(|token| one.id > *token)).peekable();
        let page: Vec<_> = wanted.by_ref().take(top.min(MAX_PAGE)).collect();
        let next = wanted.peek().and(page.last()).map(|last| last.id.clone());
        let body = request.writer().feed(page.into_iter());
        let next = next.as_ref().map(|token| ("x-ms-continuationtoken", token.as_str()));
        Ok(request.responses.ok_with(request.content_type_of_read(FEED), body, next.as_slice()))
    }

    /// Stores a registration under its key, with the next version.
    fn put(&self, key: Key, mut registration: Registration) -> Result<Registration, ServiceError> {
        let mut stored = self.lock();
        registration.id.clone_from(&key.1);
        registration.version = stored.registrations.get(&key).map_or(0, |old| old.version) + 1;
        stored.put(key, registration.clone())?;
        Ok(registration)
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stored {
    /// Stores a registration if there is room for it; no other one is dropped for it.
    fn put(&mut self, key: Key, registration: Registration) -> Result<(), ServiceError> {
        let old = self.registrations.get(&key).map(Registration::size);
        let count = self.registrations.len() + usize::from(old.is_none());
        let bytes = self.bytes - old.unwrap_or(0) + registration.size();
        if count > MAX_KEPT || bytes > MAX_KEPT_BYTES {
            return Err(ServiceError::TooManyRegistrations);
        }
        self.bytes = bytes;
        self.registrations.insert(key, registration);
        Ok(())
    }

    fn remove(&mut self, key: &Key) {
        self.bytes -= self.registrations.remove(key).map_or(0, |registration| registration.size());
    }
}

/// The valid registration in the body of `request`.
fn read(request: &HubRequest<'_>) -> Result<Registration, ServiceError> {
    if request.body.len() > MAX_BODY_BYTES {
        return Err(ServiceError::BodyTooLarge);
    }
    let registration = parse::registration(request.body)?;
    registration.check()?;
    Ok(registration)
}

/// 200 with the registration that a request created or changed.
fn changed(request: &RegistrationRequest<'_>, registration: &Registration, is_new: bool) -> Response {
    let body = request.writer().entry(registration, Answer::Change);
    with_etag(request, registration, is_new, ENTRY, body)
}

/// 200; before 2022 with `ETag`, and for a new registration with its address.
fn with_etag(
    request: &RegistrationRequest<'_>,
    registration: &Registration,
    is_new: bool,
    content_type: &str,
    body: String,
) -> Response {
    let etag = format!("W/\"{}\"", registration.version);
    let url = request.writer().url(Answer::Change, &registration.id);
    let headers = [(ETAG.as_str(), etag.as_str()), (CONTENT_LOCATION.as_str(), url.as_str())];
    let headers = match request.responses.front_end() {
        FrontEnd::Since2022 => &[],
        FrontEnd::Before2022 if is_new => headers.as_slice(),
        FrontEnd::Before2022 => &headers[..1],
    };
    request.responses.ok_with(content_type, body, headers)
}

/// Two numbers of up to 19 digits and one of 1 to 3, as in the recordings.
fn new_id() -> String {
    id_of(Uuid::new_v4().as_u128())
}

/// The registration id that is made of a random number.
pub(super) fn id_of(number: u128) -> String {
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default() >> 1;
    format!("{}-{}-{}", half(number >> 64), half(number), number % 3 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::platform::Platform;

    #[test]
    fn a_full_emulator_accepts_changes_but_no_new_registration() {
        let registration = || Registration {
            id: String::new(),
            version: 1,
            platform: Platform::of_kind("Apple").unwrap(),
            handle: vec!["ab".to_owned()],
            tags: Vec::new(),
            push_variables: None,
            secondary_tile: None,
            template: None,
            installation: None,
        };
        let mut stored = Stored::default();
        let key = |id: usize| ("hub".to_owned(), id.to_string());
        assert!((0..MAX_KEPT).all(|id| stored.put(key(id), registration()).is_ok()));
        assert!(stored.put(key(7), registration()).is_ok());
        assert!(matches!(stored.put(key(MAX_KEPT), registration()), Err(ServiceError::TooManyRegistrations)));
        stored.remove(&key(7));
        assert!(stored.put(key(MAX_KEPT), registration()).is_ok());
        assert_eq!(stored.bytes, MAX_KEPT * registration().size());
    }
}
