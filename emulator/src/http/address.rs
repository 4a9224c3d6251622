//! The address of a request: which hub, which of its resources, which query parameters.
//!
//! The resources: <https://learn.microsoft.com/rest/api/notificationhubs/>.

use percent_encoding::percent_decode_str;

use crate::options::HubOptions;

/// The hub and the resource that a path names.
#[derive(Debug)]
pub(crate) struct Address<'h> {
    /// The hub; `None` when the emulator has none of that name.
    pub(crate) hub: Option<&'h HubOptions>,
    /// The hub's name as configured, else as written in the path.
    pub(crate) hub_name: String,
    pub(crate) resource: Resource,
}

/// A resource of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `/messages` or `/messages/`: sends.
    Messages,
    /// `/messages/$batch`: sends to many device handles.
    Batch,
    /// `/messages/{id}`: telemetry of a notification.
    Telemetry(String),
    /// `/installations/{id}`: one installation.
    Installation(String),
    /// `/registrations`: all registrations.
    Registrations,
    /// `/registrations/{id}`: one registration.
    Registration(String),
    /// `/registrationids`: new ids of registrations.
    RegistrationIds,
    /// `/tags/{tag}/registrations`: the registrations with a tag.
    TaggedRegistrations(String),
    /// `/feedbackcontainer`: the URL of the feedback container.
    FeedbackContainer,
    /// A resource, named here, that the service has and the emulator does not have.
    NotEmulated(&'static str),
    /// A path that is no resource of the service.
    Unknown,
}

impl Resource {
    /// Whether the service has this resource. Only requests for such are recorded and meet scripted faults.
    pub(crate) fn exists(&self) -> bool {
        *self != Self::Unknown
    }
}

/// The part of the address of a resource that belongs to the namespace and not to a hub.
pub(crate) const MANAGEMENT: &str = "management of hubs";

const NOT_EMULATED: [&str; 2] = ["schedulednotifications", "jobs"];

impl<'h> Address<'h> {
    /// Parses the raw path of a request.
    pub(crate) fn parse(path: &str, hubs: &'h [HubOptions]) -> Self {
        let path = percent_decode(path);
        let path = path.trim_start_matches('/');
        // A hub name may contain slashes, so hubs are tried as prefixes, the longest first.
        let found = hubs
            .iter()
            .filter_map(|hub| Some((hub, path_after(path, &hub.name)?)))
            .max_by_key(|(hub, _)| hub.name.len());
        if let Some((hub, rest)) = found {
            // The hub itself: its description, with credentials and rules.
            let is_hub = rest.trim_matches('/').is_empty();
            let resource = if is_hub { Resource::NotEmulated(MANAGEMENT) } else { resource(rest) };
            let hub_name = hub.name.clone();
            return Self { hub: Some(hub), hub_name, resource };
        }
        if path_after(path, "$Resources").is_some() {
            return Self { hub: None, hub_name: String::new(), resource: Resource::NotEmulated(MANAGEMENT) };
        }
        let (name, rest) = match path.find("/messages").or_else(|| path.find('/')) {
            Some(end) => path.split_at(end),
            None => (path, ""),
        };
        Self { hub: None, hub_name: name.to_owned(), resource: resource(rest) }
    }
}

/// The rest of `path` after `prefix`, which must end at a segment border; letter case is ignored.
pub(crate) fn path_after<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    let (start, rest) = path.split_at_checked(prefix.len())?;
    let ends_segment = rest.is_empty() || rest.starts_with('/') || prefix.is_empty();
    (ends_segment && start.eq_ignore_ascii_case(prefix)).then_some(rest)
}

fn resource(rest: &str) -> Resource {
    let segments: Vec<_> = rest.trim_matches('/').split('/').collect();
    let (first, rest) = segments.split_first().map_or(("", [].as_slice()), |(first, rest)| (*first, rest));
    match (first.to_ascii_lowercase().as_str(), rest) {
        ("messages", []) => Resource::Messages,
        ("messages", ["$batch"]) => Resource::Batch,
        // In one recorded answer the `Location` of a batch has `$batch` in it.
        ("messages", ["$batch", id] | [id]) => Resource::Telemetry((*id).to_owned()),
        ("installations", [id]) => Resource::Installation((*id).to_owned()),
        ("installations", _) => Resource::NotEmulated("installations"),
        ("registrations", []) => Resource::Registrations,
        ("registrations", [id]) => Resource::Registration((*id).to_owned()),
        ("registrationids", []) => Resource::RegistrationIds,
        ("tags", [tag, registrations]) if registrations.eq_ignore_ascii_case("registrations") => {
            Resource::TaggedRegistrations((*tag).to_owned())
        }
        ("feedbackcontainer", []) => Resource::FeedbackContainer,
        (name, _) => {
            let known = NOT_EMULATED.iter().find(|known| **known == name);
            known.map_or(Resource::Unknown, |name| Resource::NotEmulated(name))
        }
    }
}

/// The decoded value of a query parameter; empty for a parameter without `=`, like `direct`.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| percent_decode(key) == name)
        .map(|(_, value)| percent_decode(value))
}

/// The same for a query that was made like a form: there `+` is a blank.
pub(crate) fn form_value(query: &str, name: &str) -> Option<String> {
    query_value(&query.replace('+', "%20"), name)
}

/// Decodes percent-encoded text; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn percent_decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_hub_and_a_resource() {
        let hubs = ["hub", "hub/ios.voip"].map(HubOptions::new);
        let read = |path| {
            let address = Address::parse(path, &hubs);
            (address.hub.is_some(), address.hub_name, address.resource)
        };
        let hub = |resource| (true, "hub".to_owned(), resource);
        let telemetry = |id: &str| Resource::Telemetry(id.to_owned());
        assert_eq!(read("/hub/messages"), hub(Resource::Messages));
        assert_eq!(read("/Hub/Messages/"), hub(Resource::Messages));
        assert_eq!(read("/hub/messages/%24batch"), hub(Resource::Batch));
        assert_eq!(read("/hub/messages/1-2-3"), hub(telemetry("1-2-3")));
        assert_eq!(read("/hub/messages/$batch/1-2-3"), hub(telemetry("1-2-3")));
        assert_eq!(read("/hub/messages/1/2"), hub(Resource::Unknown));
        assert_eq!(read("/hub/installations/a%20b"), hub(Resource::Installation("a b".to_owned())));
        assert_eq!(read("/hub/installations"), hub(Resource::NotEmulated("installations")));
        assert_eq!(read("/hub/FeedbackContainer"), hub(Resource::FeedbackContainer));
        assert_eq!(read("/hub/registrations"), hub(Resource::Registrations));
        assert_eq!(read("/hub/registrations/1-2-3"), hub(Resource::Registration("1-2-3".to_owned())));
        assert_eq!(read("/hub/registrationIDs"), hub(Resource::RegistrationIds));
        assert_eq!(read("/hub/tags/a%20b/Registrations"), hub(Resource::TaggedRegistrations("a b".to_owned())));
        assert_eq!(read("/hub/tags/a"), hub(Resource::Unknown));
        assert_eq!(read("/hub/jobs/1"), hub(Resource::NotEmulated("jobs")));
        assert_eq!(read("/hub"), hub(Resource::NotEmulated(MANAGEMENT)));
        assert_eq!(read("/$Resources/NotificationHubs").2, Resource::NotEmulated(MANAGEMENT));
        assert_eq!(read("/hub/nothing"), hub(Resource::Unknown));
        let voip = (true, "hub/ios.voip".to_owned(), Resource::Messages);
        assert_eq!(read("/hub/ios.voip/messages"), voip);
        assert_eq!(read("/hub%2Fios.voip/messages"), voip);
        assert_eq!(read("/hubs/messages"), (false, "hubs".to_owned(), Resource::Messages));
        assert_eq!(read("/a/b/messages/x"), (false, "a/b".to_owned(), telemetry("x")));
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
        assert_eq!(form_value("%24filter=a+eq+%27b%2B%27", "$filter").as_deref(), Some("a eq 'b+'"));
    }
}
