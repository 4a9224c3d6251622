//! The whole program against the emulator: settings and HTTP in, requests to the hub out.
#![expect(clippy::unwrap_used, reason = "a test may stop where something is missing")]

#[cfg(unix)]
mod arm;
#[cfg(feature = "foreign-tests")]
mod azurite;
mod binary;
mod blob;
mod canaries;
mod program;
mod reach;
mod stories;
mod support;
mod tally;
mod watch;

mod android;
mod batch;
mod bidi;
mod calls;
mod chat;
#[cfg(unix)]
mod check;
#[cfg(unix)]
mod check_azure;
mod clock;
mod cross_site;
mod damage;
mod dead_handles;
mod dead_letters;
mod event_lines;
mod failures;
mod faults;
mod forget;
mod garbage;
mod goldens;
mod hub_answers;
mod hub_bodies;
mod http_file;
mod installation_commands;
mod installations;
mod ios;
mod kills;
mod limits;
mod local_settings;
mod maintenance;
mod messages;
mod nesting;
mod no_connection;
mod odd_texts;
mod outcomes;
mod overload;
mod passing_time;
mod pasted;
mod paths;
mod preferences;
mod privacy;
mod process;
mod races;
mod registrations;
mod replay;
mod resend;
mod samples;
mod send;
mod settings;
mod sms;
mod status;
mod store_faults;
mod store_reads;
mod stores;
mod template;
#[cfg(unix)]
mod terminal;
mod texts;
mod tls;
mod webhook;
