//! Where a setting that is missing may be: among the portal's "Connection strings".

use super::SettingsReader;

/// Under which names App Service and the Core Tools hand over the entries of "Connection strings".
const OF_PORTAL: [&str; 3] = ["CONNSTR_", "ConnectionStrings:", "ConnectionStrings__"];

/// Where a setting that is missing may be: text to add to its fault.
pub(super) fn where_it_may_be(settings: &SettingsReader, missing: &str) -> String {
    let is_it = |name: &str| {
        let named = |mark| name.split_once(mark).is_some_and(|(_, rest): (&str, _)| missing.eq_ignore_ascii_case(rest));
        (name.starts_with("NOTIFICATIONHUBCONNSTR_") && missing.ends_with("CONNECTION_STRING"))
            || OF_PORTAL.into_iter().any(named)
    };
    match settings.values.keys().find(|name| is_it(name)) {
        Some(name) => format!(
            "; {name} comes from \"Connection strings\" in the portal, which acs-push does not read: move its value to \
             Application settings, under the name {missing}"
        ),
        None => String::new(),
    }
}
