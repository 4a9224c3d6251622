//! Names of settings that are nearly ours: what was probably meant, and what the portal's "Connection strings" become.

use std::collections::BTreeSet;

use super::{SettingsReader, hubs};

/// A name of fewer letters is taken for ours only if nothing but the case differs.
const LONG: usize = 8;
const MOST_EDITS: usize = 2;

/// Under which names App Service and the Core Tools hand over the entries of "Connection strings".
const OF_PORTAL: [&str; 3] = ["CONNSTR_", "ConnectionStrings:", "ConnectionStrings__"];

/// A warning for each name that differs from one of ours in case only, or by one or two edits if it is long. Unknown names that
/// begin with `NOTIFICATION_` are faults instead.
pub(super) fn warnings(settings: &SettingsReader) -> Vec<String> {
    let known = settings.asked.borrow();
    let others = settings.values.keys().filter(|name| !known.contains(*name) && !hubs::is_ours(name));
    let warning = |name: &String| {
        let meant = nearest(name, &known)?;
        Some(format!("{name}: is not a setting of acs-push; did you mean {meant}?"))
    };
    others.filter_map(warning).collect()
}

/// The known name that was probably meant.
fn nearest(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    // Which apps there are only the names tell.
    let of_app = upper.split_once("_HUB_").map(|(_, rest)| format!("{}{rest}", hubs::PREFIX));
    let candidates = known.iter().cloned().chain(of_app.filter(|name| hubs::is_known(name)));
    let distances = candidates.map(|known| (strsim::osa_distance(&known.to_ascii_uppercase(), &upper), known));
    let letters = |known: &str| known.bytes().filter(u8::is_ascii_alphabetic).count();
    let most = |known: &str| if letters(known) >= LONG { MOST_EDITS } else { 0 };
    distances.filter(|(distance, known)| *distance <= most(known)).min().map(|(_, known)| known)
}

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
