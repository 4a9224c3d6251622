//! Log lines: information to standard output, warnings and errors to standard error.
//!
//! The Functions host takes each line of standard output for information, and each of standard error for an error, or
//! for a warning when it holds "warn". Lines of other crates are left out at every level: some hold headers.

use std::io;

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts writing the log lines that `filter` selects. A second call in the same process changes nothing.
pub fn init(filter: &str) {
    let levels: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let ours = filter_fn(|metadata| metadata.target().starts_with("acs_push"));
    let writer = io::stderr.with_max_level(Level::WARN).or_else(io::stdout);
    // The host stamps each line with its own time.
    let lines = tracing_subscriber::fmt::layer().without_time().with_target(false).with_ansi(false).with_writer(writer);
    let _ = tracing_subscriber::registry().with(lines.with_filter(levels.and(ours))).try_init();
}

/// Writes a line to standard output as it is, whatever the filter says.
pub fn write_line(text: &str) {
    use io::Write;
    // If the host does not read any more, it is about to stop this process.
    let _ = writeln!(io::stdout().lock(), "{text}");
}
