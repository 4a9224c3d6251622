//! The emulator as its users see it: over HTTP, through a client that shares no code with it, and as a program.

// Clippy allows it in test functions only, and most functions here are called by them.
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
mod recordings;
mod refusals;
mod registrations;
mod tagged_sends;
mod telemetry;
mod tls;
