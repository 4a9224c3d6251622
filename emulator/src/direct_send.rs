//! The rules of a direct send, one after the other in the order in which they refuse. What is
//! particular to many handles is in `batch`, content rules of a platform are in `content`, texts
//! and statuses in `wording`.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>

use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Method};

use crate::address::query_value;
use crate::content;
use crate::format::Format;
use crate::options::{HubOptions, Mode};
use crate::outcome::Outcome;
use crate::wording::Refusal;

/// Header names as hyper keeps them, in lower case.
pub(crate) const FORMAT: &str = "servicebusnotification-format";
pub(crate) const DEVICE_HANDLE: &str = "servicebusnotification-devicehandle";

/// The service's limit for a whole body: "message size cannot be over 64 Kb".
pub(crate) const MAX_BODY: usize = 65_536;

/// From the REST specification (2015-01 to 2020-06), SDK history and recordings (the others).
const API_VERSIONS: [&str; 9] =
    ["2013-10", "2014-09", "2015-01", "2015-04", "2015-08", "2016-07", "2016-10", "2017-04", "2020-06"];

/// A request whose token is valid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a Method,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// What a hub has taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) format: Format,
    /// For whom: one handle, or those of a batch.
    pub(crate) handles: Vec<String>,
    /// The notification itself.
    pub(crate) payload: String,
    /// What the push service will say of it on a device that is well.
    pub(crate) outcome: Outcome,
    pub(crate) warnings: Vec<String>,
}

impl<'a> Sent<'a> {
    /// The value of a header; an empty one is none. Device handles and collapse ids are UTF-8, which
    /// is more than `HeaderValue::to_str` would give.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let value = self.headers.get(name)?.as_bytes();
        std::str::from_utf8(value).ok().map(str::trim).filter(|value| !value.is_empty())
    }

    /// The value of `api-version`, which every resource asks for.
    pub(crate) fn api_version(&self) -> Result<String, Refusal> {
        let version = query_value(self.query, "api-version").unwrap_or_default();
        if API_VERSIONS.contains(&version.as_str()) { Ok(version) } else { Err(Refusal::UnknownApiVersion) }
    }

    /// The format of a direct send, after the checks that come before the handles.
    pub(crate) fn direct_format(&self) -> Result<Format, Refusal> {
        if self.method != Method::POST {
            return Err(Refusal::MethodNotAllowed("POST"));
        }
        let format = self.header(FORMAT).unwrap_or_default();
        let format = Format::parse(format).ok_or_else(|| Refusal::UnknownFormat(format.to_owned()))?;
        let direct = query_value(self.query, "direct");
        if !direct.is_some_and(|value| value.is_empty() || value.eq_ignore_ascii_case("true")) {
            return Err(Refusal::NotEmulated("a send to tags or to everybody"));
        }
        Ok(format)
    }

    /// The notification of `content_type` in `self.body`, for `handles`: taken with warnings, or
    /// refused.
    pub(crate) fn take(
        &self,
        hub: &HubOptions,
        mode: Mode,
        format: Format,
        handles: Vec<String>,
    ) -> Result<Taken, Refusal> {
        let json = match (format.is_json(), serde_json::from_slice(self.body)) {
            (true, Err(_)) => return Err(Refusal::NotJson),
            (true, Ok(json)) => json,
            (false, _) => serde_json::Value::Null,
        };
        if format == Format::Browser && ["p256dh", "auth"].iter().any(|key| self.header(key).is_none()) {
            return Err(Refusal::NoBrowserKeys);
        }
        let problems = content::problems(hub, format, self, &json);
        if mode == Mode::Strict && !problems.is_empty() {
            return Err(Refusal::Content(problems));
        }
        let warnings = content::warnings(format, self);
        let outcome = Outcome::of_content(&problems);
        let problems = problems.iter().map(ToString::to_string);
        let warnings = problems.chain(warnings.iter().map(ToString::to_string)).collect();
        let payload = String::from_utf8_lossy(self.body).into_owned();
        Ok(Taken { format, handles, payload, outcome, warnings })
    }
}

/// Takes a send to one device with warnings, or refuses it.
pub(crate) fn judge(hub: &HubOptions, mode: Mode, sent: &Sent<'_>) -> Result<Taken, Refusal> {
    let format = sent.direct_format()?;
    let handle = sent.header(DEVICE_HANDLE).ok_or(Refusal::NoDeviceHandle)?;
    if format == Format::Template {
        return Err(Refusal::DirectTemplate);
    }
    let content_type = sent.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if !format.takes(content_type) {
        return Err(Refusal::WrongContentType(content_type.to_owned()));
    }
    if sent.body.len() > MAX_BODY {
        return Err(Refusal::TooLarge);
    }
    sent.take(hub, mode, format, vec![handle.to_owned()])
}
