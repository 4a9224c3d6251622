//! Sending: a notification in one platform's JSON, and Direct Send through Azure Notification Hubs.

pub mod hub;
pub mod payload;
