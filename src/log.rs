//! Log lines: information to standard output, warnings and errors to standard error.
//!
//! The Functions host takes each line of standard output for information, and each of standard error for an error, or
//! for a warning when it holds "warn". Lines of other crates are left out at every level: some hold headers.

use std::io;

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

mod each_minute;
mod panics;

pub use each_minute::EachMinute;
pub use panics::tell_panics;

/// Starts writing the log lines that `filter` selects. A second call in the same process changes nothing.
pub fn init(filter: &str) {
    let levels: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let ours = filter_fn(|metadata| metadata.target().starts_with("acs_push"));
    let writer = io::stderr.with_max_level(Level::WARN).or_else(io::stdout);
    // The host stamps each line with its own time.
    let lines = tracing_subscriber::fmt::layer().without_time().with_target(false).with_ansi(false).with_writer(writer);
    let _ = tracing_subscriber::registry().with(lines.with_filter(levels.and(ours))).try_init();
}

/// Whether `filter` says which lines are written. A bare word that is no level would leave out every line of this program.
pub fn is_filter(filter: &str) -> bool {
    let is_target = |target: &str| {
        !target.is_empty()
            && target.chars().all(|character| character.is_ascii_alphanumeric() || "_:-.[]{}".contains(character))
    };
    let is_directive = |directive: &str| match directive.split_once('=') {
        Some((target, _)) => is_target(target),
        None => {
            !directive.is_empty() && (directive.parse::<LevelFilter>().is_ok() || directive.starts_with("acs_push"))
        }
    };
    filter.parse::<Targets>().is_ok() && filter.split(',').all(is_directive)
}

/// Writes a line to standard output as it is, whatever the filter says.
pub fn write_line(text: &str) {
    use io::Write;
    // If the host does not read any more, it is about to stop this process.
    let _ = writeln!(io::stdout().lock(), "{text}");
}
