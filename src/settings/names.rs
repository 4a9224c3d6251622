//! Names of settings that are nearly ours: what was probably meant.

use std::collections::BTreeSet;

use super::{SettingsReader, hubs};

/// A name of fewer letters is taken for ours only if nothing but the case differs.
const LONG: usize = 8;
const MOST_EDITS: usize = 2;

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
