//! `$filter` of a list of registrations: those of one device, as `DeviceToken eq '00FC'`.

use crate::http::percent_decode;
use crate::platforms::Format;
use crate::resources::registration::Registration;

/// The documented comparisons; all of them must hold.
#[derive(Debug)]
pub(super) struct Filter(Vec<(String, String)>);

impl Filter {
    /// `None` when `text` is no list of comparisons.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let comparison = |part: &str| {
            let (element, value) = part.split_once(" eq ")?;
            // The JavaScript SDK leaves out a quote for Baidu.
            Some((element.trim().to_owned(), value.trim().trim_matches('\'').replace("''", "'")))
        };
        text.split(" and ").map(comparison).collect::<Option<_>>().map(Self)
    }

    pub(super) fn matches(&self, registration: &Registration) -> bool {
        self.0.iter().all(|(element, value)| {
            let platform = registration.platform;
            let mut elements = platform.handle.iter().zip(&registration.handle);
            elements.any(|(known, text)| {
                // The .NET SDK writes `ChannelUri` for each platform.
                let is_named = known.eq_ignore_ascii_case(element) || element.eq_ignore_ascii_case("ChannelUri");
                let ignores_case = platform.format == Format::Apple;
                let is_same = |value: &str| text == value || (ignores_case && text.eq_ignore_ascii_case(value));
                // The JavaScript SDK encodes addresses twice.
                is_named && (is_same(value) || is_same(&percent_decode(value)))
            })
        })
    }
}
