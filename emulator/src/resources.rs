//! The resources of a hub, each with its rules and its state: direct sends, installations, telemetry, feedback. Tokens,
//! rights and tiers were checked before, in `service`.

pub(crate) mod direct_send;
pub(crate) mod feedback;
pub(crate) mod installations;
pub(crate) mod telemetry;
