//! All sizes and counts that are limited: by the service, as its documentation says, and by the emulator, so that it can
//! run for weeks without using up the memory.

mod bounded_queue;

pub(crate) use bounded_queue::BoundedQueue;

/// The service's limit for a request body: "message size cannot be over 64 Kb".
pub(crate) const MAX_BODY_BYTES: usize = 65_536;

/// The payload limit of APNs and of FCM v1.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 4096;

/// The documented number of device handles in one batch.
pub(crate) const MAX_BATCH_DEVICES: usize = 1000;

/// The documented number of tags of one installation.
pub(crate) const MAX_TAGS: usize = 60;

/// The emulator's own: how many requests, notifications, feedback records, installations and device states it keeps of
/// each.
pub(crate) const MAX_KEPT: usize = 10_000;

/// The emulator's own: how many bytes of each of them it keeps.
pub(crate) const MAX_KEPT_BYTES: usize = 64 << 20;
