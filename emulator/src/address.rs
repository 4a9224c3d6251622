//! Where a request goes: which configured hub, which resource of it, and its query. Text only; no
//! rule of the service is applied here.
//!
//! The resources: <https://learn.microsoft.com/rest/api/notificationhubs/>.

use percent_encoding::percent_decode_str;

use crate::options::HubOptions;

/// A path, taken apart.
#[derive(Debug)]
pub(crate) struct Address<'h> {
    /// The hub, when it is one of ours.
    pub(crate) hub: Option<&'h HubOptions>,
    /// Its name as configured, else as written in the path.
    pub(crate) hub_name: String,
    pub(crate) resource: Resource,
}

/// What of a hub is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `/messages` or `/messages/`: sends.
    Messages,
    /// `/messages/$batch`: sends to many handles.
    Batch,
    /// `/messages/{id}`: telemetry of one notification.
    Telemetry,
    /// A resource that the service has and the emulator has not, by its name.
    NotEmulated(&'static str),
    /// Nothing that the service has.
    Unknown,
}

impl Resource {
    /// Whether requests for it are recorded and met by faults.
    pub(crate) fn is_recorded(self) -> bool {
        matches!(self, Self::Messages | Self::Batch | Self::Telemetry)
    }
}

const NOT_EMULATED: [&str; 7] = [
    "installations",
    "registrations",
    "registrationids",
    "tags",
    "feedbackcontainer",
    "schedulednotifications",
    "jobs",
];

impl<'h> Address<'h> {
    /// Reads the raw path of a request.
    pub(crate) fn of(path: &str, hubs: &'h [HubOptions]) -> Self {
        let path = decode(path);
        let path = path.trim_start_matches('/');
        // A hub name may contain slashes, so hubs are tried as prefixes, the longest first.
        let found = hubs
            .iter()
            .filter_map(|hub| Some((hub, rest_after(path, &hub.name)?)))
            .max_by_key(|(hub, _)| hub.name.len());
        if let Some((hub, rest)) = found {
            let (hub_name, resource) = (hub.name.clone(), resource(rest));
            return Self { hub: Some(hub), hub_name, resource };
        }
        let (name, rest) = match path.find("/messages").or_else(|| path.find('/')) {
            Some(end) => path.split_at(end),
            None => (path, ""),
        };
        Self { hub: None, hub_name: name.to_owned(), resource: resource(rest) }
    }
}

/// The rest of `path` behind `prefix`, on the border of a segment and in any letter case.
pub(crate) fn rest_after<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let (start, rest) = path.split_at_checked(prefix.len())?;
    let border = rest.is_empty() || rest.starts_with('/') || prefix.is_empty();
    (border && start.eq_ignore_ascii_case(prefix)).then_some(rest)
}

fn resource(rest: &str) -> Resource {
    let mut segments = rest.trim_start_matches('/').split('/');
    let first = segments.next().unwrap_or_default();
    if first.eq_ignore_ascii_case("messages") {
        return match segments.next() {
            None | Some("") => Resource::Messages,
            // The batch of one notification's telemetry, `$batch/{id}`, is telemetry.
            Some("$batch") if segments.next().is_none() => Resource::Batch,
            Some(_) => Resource::Telemetry,
        };
    }
    let known = NOT_EMULATED.iter().find(|name| first.eq_ignore_ascii_case(name));
    known.map_or(Resource::Unknown, |name| Resource::NotEmulated(name))
}

/// The decoded value of a query parameter; empty for a bare one like `direct`.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| decode(key) == name)
        .map(|(_, value)| decode(value))
}

/// Percent-decodes; bytes that are no UTF-8 are replaced.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_hub_and_a_resource() {
        let hubs = ["hub", "hub/ios.voip"].map(HubOptions::new);
        let read = |path| {
            let address = Address::of(path, &hubs);
            (address.hub.is_some(), address.hub_name, address.resource)
        };
        let hub = |resource| (true, "hub".to_owned(), resource);
        assert_eq!(read("/hub/messages"), hub(Resource::Messages));
        assert_eq!(read("/Hub/Messages/"), hub(Resource::Messages));
        assert_eq!(read("/hub/messages/%24batch"), hub(Resource::Batch));
        assert_eq!(read("/hub/messages/1-2-3"), hub(Resource::Telemetry));
        assert_eq!(read("/hub/messages/$batch/1-2-3"), hub(Resource::Telemetry));
        assert_eq!(read("/hub/installations/1"), hub(Resource::NotEmulated("installations")));
        assert_eq!(read("/hub/nothing"), hub(Resource::Unknown));
        let voip = (true, "hub/ios.voip".to_owned(), Resource::Messages);
        assert_eq!(read("/hub/ios.voip/messages"), voip);
        assert_eq!(read("/hub%2Fios.voip/messages"), voip);
        assert_eq!(read("/hubs/messages"), (false, "hubs".to_owned(), Resource::Messages));
        assert_eq!(read("/a/b/messages/x"), (false, "a/b".to_owned(), Resource::Telemetry));
        assert_eq!(read("/a"), (false, "a".to_owned(), Resource::Unknown));
    }

    #[test]
    fn query_parameters_are_found_in_any_order_and_form() {
        for query in ["direct&api-version=2020-06", "api-version=2020%2D06&direct=", "x&direct="] {
            assert_eq!(query_value(query, "direct").as_deref(), Some(""), "{query}");
        }
        let version = query_value("direct&api%2Dversion=2020%2D06", "api-version");
        assert_eq!(version.as_deref(), Some("2020-06"));
        assert_eq!(query_value("directly=1", "direct"), None);
    }
}
