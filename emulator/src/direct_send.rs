//! The rules of a direct send, one after the other in the order in which they refuse. Content
//! rules of a platform are in `content`; texts and statuses in `wording`.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>

use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Method};

use crate::address::query_value;
use crate::content;
use crate::format::Format;
use crate::options::{HubOptions, Mode};
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

impl<'a> Sent<'a> {
    /// The value of a header; an empty one is none. Device handles and collapse ids are UTF-8, which
    /// is more than `HeaderValue::to_str` would give.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let value = self.headers.get(name)?.as_bytes();
        std::str::from_utf8(value).ok().map(str::trim).filter(|value| !value.is_empty())
    }

    fn is_direct(&self) -> bool {
        let direct = query_value(self.query, "direct");
        direct.is_some_and(|value| value.is_empty() || value.eq_ignore_ascii_case("true"))
    }
}

/// Accepts the request with warnings, or refuses it.
pub(crate) fn judge(hub: &HubOptions, mode: Mode, sent: &Sent<'_>) -> Result<Vec<String>, Refusal> {
    let version = query_value(sent.query, "api-version").unwrap_or_default();
    if !API_VERSIONS.contains(&version.as_str()) {
        return Err(Refusal::UnknownApiVersion);
    }
    if sent.method != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    let format = sent.header(FORMAT).unwrap_or_default();
    let format = Format::parse(format).ok_or_else(|| Refusal::UnknownFormat(format.to_owned()))?;
    if !sent.is_direct() {
        return Err(Refusal::NotEmulated("a send to tags or to everybody"));
    }
    if sent.header(DEVICE_HANDLE).is_none() {
        return Err(Refusal::NoDeviceHandle);
    }
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
    let json = serde_json::from_slice(sent.body);
    let json = match (format.is_json(), json) {
        (true, Err(_)) => return Err(Refusal::NotJson),
        (true, Ok(json)) => json,
        (false, _) => serde_json::Value::Null,
    };
    if format == Format::Browser && ["p256dh", "auth"].iter().any(|key| sent.header(key).is_none()) {
        return Err(Refusal::NoBrowserKeys);
    }
    let problems = content::problems(hub, format, sent, &json);
    if mode == Mode::Strict && !problems.is_empty() {
        return Err(Refusal::Content(problems));
    }
    let warnings = content::warnings(format, sent);
    let problems = problems.iter().map(ToString::to_string);
    Ok(problems.chain(warnings.iter().map(ToString::to_string)).collect())
}
