//! The resources of a hub, each with its rules and its state: sends, installations, registrations, telemetry, feedback.
//! Tokens, rights and tiers were checked before, in `service`.

pub(crate) mod checked_send;
pub(crate) mod direct_send;
pub(crate) mod feedback;
pub(crate) mod installations;
pub(crate) mod registrations;
pub(crate) mod tagged_send;
pub(crate) mod telemetry;

mod platform;
mod registration;
mod tags;
mod template;
