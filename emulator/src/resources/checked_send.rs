//! A send that passed all checks, and what it is for each device.

use std::collections::BTreeMap;

use super::direct_send::Content;
use crate::platforms::{Format, Outcome};

/// A send that the service accepts.
#[derive(Debug)]
pub(crate) struct CheckedSend {
    pub(crate) payload: String,
    /// Whom it is for.
    pub(crate) audience: Audience,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) warnings: Vec<String>,
}

/// Whom a send is for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The device handles of a direct send.
    Handles,
    /// The registrations and installations with these tags; without an expression all of them.
    Tags {
        expression: Option<String>,
        /// The sender asks for the outcomes in the answer.
        is_test: bool,
    },
}

/// A notification for one device.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) format: Format,
    pub(crate) handle: String,
    /// Its outcome for a healthy device.
    pub(crate) outcome: Outcome,
    /// The registration that it is for; `None` for a direct send.
    pub(crate) registration: Option<String>,
    pub(crate) installation: Option<String>,
    /// What the template made; `None` when the device gets the payload of the send.
    pub(crate) from_template: Option<FromTemplate>,
}

/// A notification that a template made.
#[derive(Debug, Clone)]
pub(crate) struct FromTemplate {
    pub(crate) name: Option<String>,
    pub(crate) payload: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl CheckedSend {
    /// A send to device handles, which all get its payload.
    pub(super) fn direct(format: Format, content: Content, handles: Vec<String>) -> Self {
        let Content { payload, outcome, warnings } = content;
        let delivery =
            |handle| Delivery { format, handle, outcome, registration: None, installation: None, from_template: None };
        let deliveries = handles.into_iter().map(delivery).collect();
        Self { payload, audience: Audience::Handles, deliveries, warnings }
    }
}
