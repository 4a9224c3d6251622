//! A request to a hub, as far as the service looks at it.

use hyper::{HeaderMap, Method};

use super::query_value;

/// Header names, in lower case as in a `HeaderMap`.
pub(crate) const FORMAT: &str = "servicebusnotification-format";
pub(crate) const DEVICE_HANDLE: &str = "servicebusnotification-devicehandle";
pub(crate) const TAGS: &str = "servicebusnotification-tags";

/// A request to a resource of a hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HubRequest<'a> {
    pub(crate) method: &'a Method,
    /// The raw query without `?`.
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

impl<'a> HubRequest<'a> {
    /// The trimmed value of a header; `None` when it is missing or empty. Device handles and collapse ids are UTF-8, which
    /// `HeaderValue::to_str` refuses.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let value = self.headers.get(name)?.as_bytes();
        std::str::from_utf8(value).ok().map(str::trim).filter(|value| !value.is_empty())
    }

    /// The decoded value of a query parameter; empty for a parameter without `=`, like `direct`.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        query_value(self.query, name)
    }
}
