//! The outcome of an event with its code and its reason, and how it follows from the results of the devices.

use std::borrow::Cow;

use super::code::{Code, code_and_sentence};
use super::outcome::Outcome;
use super::send_job::Cause;
use super::sending::DeviceResults;
use crate::events::fields::FieldError;
use crate::storage::ledger::Entry;

/// The outcome of an event, with its code and reason.
#[derive(Debug)]
pub struct EventOutcome {
    /// Which of the eight.
    pub outcome: Outcome,
    /// Why, for machines.
    pub code: Code,
    /// Why, for people; `None` if it was plainly delivered.
    pub reason: Option<Cow<'static, str>>,
}

impl EventOutcome {
    /// An outcome whose code says enough.
    pub fn with(outcome: Outcome, code: Code) -> Self {
        Self::because(outcome, code, code.name())
    }

    /// An outcome with a sentence.
    pub fn because(outcome: Outcome, code: Code, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome, code, reason: Some(reason.into()) }
    }

    /// Of what is no event, or none of its type.
    pub fn no_event(code: Code, error: &FieldError) -> Self {
        Self::because(Outcome::DeadLettered, code, format!("{}: {error}", code.name()))
    }

    /// The outcome of the devices' results, which are added to the ledger entry. The first of its causes gives the code.
    pub fn after(results: &DeviceResults, entry: &mut Entry) -> Self {
        entry.delivered |= !results.accepted.is_empty();
        let refusal = results.refused.first().map(|(_, refusal)| &refusal.cause);
        let alerts =
            results.alert_causes.iter().map(|cause| Cause { code: cause.into(), reason: code_and_sentence(cause) });
        let (outcome, cause) = if !results.failed.is_empty() {
            (Outcome::Failed, results.failure.clone())
        } else if entry.delivered {
            let (refused, devices) = (results.refused.len(), results.count());
            let partly = |cause: &Cause| format!("{refused} of {devices} devices refused: {}", cause.reason);
            (Outcome::Delivered, refusal.map(|cause| Cause { code: cause.code, reason: partly(cause) }))
        } else if refusal.is_some() {
            (Outcome::DeadLettered, refusal.cloned())
        } else {
            let reason = Code::TooOld.name().to_owned();
            (Outcome::Expired, Some(Cause { code: Code::TooOld, reason }))
        };
        let causes: Vec<Cause> = cause.into_iter().chain(alerts).collect();
        let code = causes.first().map_or(Code::Delivered, |cause| cause.code);
        let reason = causes.into_iter().map(|cause| cause.reason).reduce(|reasons, reason| reasons + "; " + &reason);
        entry.complete = matches!(outcome, Outcome::Delivered | Outcome::DeadLettered);
        if entry.complete {
            // Which devices they were does not matter any more.
            entry.settled.clear();
        } else {
            entry.settled.extend(results.settled().map(str::to_owned));
        }
        Self { outcome, code, reason: reason.map(Cow::Owned) }
    }
}
