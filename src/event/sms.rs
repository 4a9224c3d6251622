//! SMS events.
//! <https://learn.microsoft.com/azure/event-grid/communication-services-telephony-sms-events>

use std::borrow::Cow;

use crate::fields::{FieldError, Fields};
use crate::recipient::{PhoneNumber, Recipient};

/// `SMSReceived`.
pub struct Sms<'a> {
    /// Unique over all numbers.
    pub message_id: Cow<'a, str>,
    /// Who wrote: a number, with or without `+`, or an alphanumeric sender id.
    pub from: Cow<'a, str>,
    /// The number written to, as digits where it has any.
    pub to: Option<PhoneNumber>,
    /// What was written.
    pub text: Cow<'a, str>,
}

impl<'a> Sms<'a> {
    pub(super) fn read(data: &Fields<'a>, subject: &str) -> Result<Self, FieldError> {
        Ok(Self {
            message_id: data.required_text("messageId")?,
            from: data.required_text("from")?,
            to: number(data, subject)?,
            text: data.required_text("message")?,
        })
    }
}

/// Everybody who registered for the number written to.
pub(super) fn recipient(data: &Fields<'_>, subject: &str) -> Result<Option<Recipient>, FieldError> {
    Ok(number(data, subject)?.map(Recipient::Number))
}

fn number(data: &Fields<'_>, subject: &str) -> Result<Option<PhoneNumber>, FieldError> {
    let stated = data.text("to")?.as_deref().and_then(PhoneNumber::from_digits_of);
    Ok(stated.or_else(|| subject.rsplit('/').next().and_then(PhoneNumber::from_digits_of)))
}

impl std::fmt::Debug for Sms<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sms").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}
