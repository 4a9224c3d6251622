//! SMS events.
//! <https://learn.microsoft.com/azure/event-grid/communication-services-telephony-sms-events>

use std::borrow::Cow;

use crate::events::fields::{FieldError, Fields};
use crate::events::recipient::{PhoneNumber, Recipient};

/// `SMSReceived`.
pub struct Sms<'a> {
    /// Unique over all numbers.
    pub message_id: Cow<'a, str>,
    /// Who wrote: a number, with or without `+`, or an alphanumeric sender id; empty when the event does not say.
    pub from: Cow<'a, str>,
    /// The number written to, as digits where it has any.
    pub to: Option<PhoneNumber>,
    /// What was written.
    pub text: Cow<'a, str>,
}

/// `SMSDeliveryReportReceived`: what became of a text message that one of our numbers sent.
pub struct SmsDeliveryReport<'a> {
    /// Of the message that was sent.
    pub message_id: Cow<'a, str>,
    /// Our number, as digits where it has any.
    pub from: Option<PhoneNumber>,
    /// Whom it was sent to, with or without `+`.
    pub to: Cow<'a, str>,
    /// The carrier's words, in English.
    pub details: Cow<'a, str>,
    /// Whether it did not reach them.
    pub failed: bool,
}

impl<'a> Sms<'a> {
    pub(super) fn read(data: &Fields<'a>, subject: &str) -> Result<Self, FieldError> {
        Ok(Self {
            message_id: data.required_text("messageId")?,
            from: data.text("from")?.unwrap_or_default(),
            to: number(data, "to", subject)?,
            text: data.required_text("message")?,
        })
    }

    /// Everybody who registered for the number written to.
    pub(super) fn recipient(&self) -> Option<Recipient> {
        self.to.clone().map(Recipient::Number)
    }
}

impl<'a> SmsDeliveryReport<'a> {
    pub(super) fn read(data: &Fields<'a>, subject: &str) -> Result<Self, FieldError> {
        Ok(Self {
            message_id: data.required_text("messageId")?,
            from: number(data, "from", subject)?,
            to: data.text("to")?.unwrap_or_default(),
            details: data.text("deliveryStatusDetails").ok().flatten().unwrap_or_default(),
            failed: data.required_text("deliveryStatus")?.eq_ignore_ascii_case("Failed"),
        })
    }

    /// Everybody who registered for the number that sent it.
    pub(super) fn recipient(&self) -> Option<Recipient> {
        self.from.clone().map(Recipient::Number)
    }
}

/// Our number: the field `name`, or else what the subject ends with.
fn number(data: &Fields<'_>, name: &'static str, subject: &str) -> Result<Option<PhoneNumber>, FieldError> {
    let stated = data.text(name)?.as_deref().and_then(PhoneNumber::from_digits_of);
    Ok(stated.or_else(|| subject.rsplit('/').next().and_then(PhoneNumber::from_digits_of)))
}

impl std::fmt::Debug for Sms<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sms").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for SmsDeliveryReport<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SmsDeliveryReport").field("message_id", &self.message_id).finish_non_exhaustive()
    }
}
