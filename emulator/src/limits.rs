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

/// The documented length of a tag.
pub(crate) const MAX_TAG_LENGTH: usize = 120;

/// The documented number of tags in a tag expression that has nothing but `||`, and in any other one.
pub(crate) const MAX_TAGS_IN_OR_LIST: usize = 20;
pub(crate) const MAX_TAGS_IN_EXPRESSION: usize = 6;

/// The documented number of registrations in one page of a list.
pub(crate) const MAX_PAGE: usize = 100;

/// The documented number of devices of a test send.
pub(crate) const MAX_TEST_DEVICES: usize = 10;

/// The emulator's own: of how many devices of one send it records what each of them gets.
pub(crate) const MAX_RECORDED_RECIPIENTS: usize = 1000;

/// The emulator's own: how many requests, notifications, feedback records, installations, registrations and device
/// states it keeps of each.
pub(crate) const MAX_KEPT: usize = 10_000;

/// The emulator's own: how many bytes of each of them it keeps.
pub(crate) const MAX_KEPT_BYTES: usize = 64 << 20;
