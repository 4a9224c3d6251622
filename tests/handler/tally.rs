//! How often the long tests do what they do, and what comes of it.

/// How often: as the environment variable says, or as often as fits into a run of all tests.
#[expect(clippy::disallowed_methods, reason = "a person asks for more by the environment")]
pub fn asked_for(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |count| count.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// Tells what was done, and insists that there are no faults.
#[expect(clippy::print_stdout, reason = "shown by --nocapture, as .ci/long asks")]
pub fn conclude(done: &str, faults: &[String]) {
    const MOST_SHOWN: usize = 12;
    println!("{done}: {} faults", faults.len());
    let shown = faults.iter().take(MOST_SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(faults.is_empty(), "{done}: {} faults, of which these are the first\n{shown}", faults.len());
}
