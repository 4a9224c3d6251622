//! The members of a PUT: which ones there are, and which one an unknown name was probably meant to be.

/// All of them.
const KNOWN: [&str; 18] = [
    "installationId",
    "userId",
    "phoneNumbers",
    "platform",
    "pushChannel",
    "voipPushChannel",
    "app",
    "os",
    "locale",
    "content",
    "mutedThreads",
    "notify",
    "calls",
    "snoozeUntil",
    "quietHours",
    "mutable",
    "android",
    "expirationTime",
];

/// A name of more bytes is near to none, and is not repeated whole.
const MAX_SHOWN_BYTES: usize = 64;

/// Whether there is such a member, in any case.
pub fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The member that an unknown name was probably meant to be: its own name with other separators, or within one edit, two if it
/// has eight letters or more.
pub fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > MAX_SHOWN_BYTES {
        return None;
    }
    let letters: String = name.chars().filter(|letter| !"_-. ".contains(*letter)).collect();
    let letters = letters.to_ascii_lowercase();
    let distance = |known: &&str| strsim::osa_distance(&known.to_ascii_lowercase(), &letters);
    let nearest = KNOWN.into_iter().min_by_key(distance)?;
    let most = match nearest.len() {
        0..3 => 0,
        3..8 => 1,
        _ => 2,
    };
    (distance(&nearest) <= most).then_some(nearest)
}

/// A name as an answer shows it.
pub fn shown(name: &str) -> String {
    if name.len() <= MAX_SHOWN_BYTES {
        return name.to_owned();
    }
    format!("{}…", &name[..name.floor_char_boundary(MAX_SHOWN_BYTES)])
}
