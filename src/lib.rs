//! acs-push: an Azure Functions custom handler that turns Azure Communication Services events into pushes.
//!
//! Read it as a street: events come in, are decided, go out as pushes. `ARCHITECTURE.md` has one line for each file.

// Comes in.
mod server;
mod invocation;
mod fields;
mod event;
mod subject;
mod wanted;
mod recipient;
mod locale;

// Is decided.
mod delivery;
mod notification;
mod device;

// Goes out.
mod payload;
mod hub;
mod client;

// Is kept.
mod store;
mod installations;
mod ledger;
mod dead_letters;
mod maintenance;

// Is told.
mod config;
mod counters;
mod handler;

// Walks through schedules of what runs side by side.
#[cfg(test)]
mod explorer;
mod replay;
mod send;
mod events_file;
mod log;

// What `benches/` measures.
#[cfg(feature = "benches")]
pub mod benches;

pub use config::{Config, ConfigError};
pub use events_file::EventsFileError;
pub use handler::Handler;
pub use log::init as init_log;
pub use replay::ReplayError;
