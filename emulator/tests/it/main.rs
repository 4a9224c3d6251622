//! The emulator as its users meet it: over HTTP, through a client that shares no code with it, and
//! as a program.

// Clippy's own exception ends at test functions, and most of what is here serves them.
#![allow(clippy::unwrap_used)]

mod acceptance;
mod authorization;
mod batch;
mod binary;
mod client;
mod connection;
mod content;
mod control;
mod faults;
mod page;
mod feedback;
mod installations;
mod record;
mod refusals;
mod telemetry;
