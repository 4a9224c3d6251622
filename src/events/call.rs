//! Incoming calls.
//! <https://learn.microsoft.com/azure/communication-services/concepts/call-automation/incoming-call-notification>

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::not_placeholder;
use crate::events::fields::{FieldError, Fields, Value, text_of};

/// `IncomingCall`. Its `Debug` shows the correlation id only.
pub struct IncomingCall<'a> {
    /// The id of the call, the same in every event about it.
    pub correlation_id: Cow<'a, str>,
    /// Raw id of who is called.
    pub callee: Option<Cow<'a, str>>,
    /// Whether a phone number is called rather than a user.
    pub to_number: bool,
    /// Raw id of who calls: a user, or `4:+1555…` for a number; empty when the event does not say.
    pub caller: Cow<'a, str>,
    /// Whether a phone number calls.
    pub from_number: bool,
    /// The caller's name as the caller gave it; may be empty or a number.
    pub caller_name: Cow<'a, str>,
    /// Raw id of whom the call was for before it was passed on to the callee, such as a queue.
    pub on_behalf_of: Option<Cow<'a, str>>,
    /// What the caller's app or telephone sent along.
    custom_context: Option<Fields<'a>>,
    /// The claim `cc` of `incomingCallContext`, which the Calling SDK needs to take the call; `None` when unreadable.
    pub calling_context: Option<String>,
}

impl<'a> IncomingCall<'a> {
    pub(super) fn read(data: &Fields<'a>) -> Result<Self, FieldError> {
        let to = data.object("to")?.ok_or_else(|| data.error("to", "is missing"))?;
        let from = data.object("from")?;
        let callee = to.text("rawId")?;
        let caller = from.as_ref().map(|from| from.text("rawId")).transpose()?.flatten().unwrap_or_default();
        let on_behalf_of = data.object("onBehalfOfCallee").ok().flatten();
        Ok(Self {
            correlation_id: data.text("correlationId").ok().flatten().unwrap_or_default(),
            to_number: is_number(&to, callee.as_deref().unwrap_or_default())?,
            callee: callee.and_then(not_placeholder),
            from_number: from.map_or(Ok(false), |from| is_number(&from, &caller))?,
            caller,
            caller_name: data.text("callerDisplayName").ok().flatten().unwrap_or_default(),
            on_behalf_of: on_behalf_of.and_then(|callee| callee.text("rawId").ok().flatten()).and_then(not_placeholder),
            custom_context: data.object("customContext").ok().flatten(),
            calling_context: data.text("incomingCallContext").ok().flatten().as_deref().and_then(calling_context),
        })
    }

    /// Whether a telephone calls that keeps its number to itself, and nobody's name is known.
    pub fn is_anonymous(&self) -> bool {
        let name = self.caller_name.trim();
        self.caller.eq_ignore_ascii_case("4:anonymous") && (name.is_empty() || name.eq_ignore_ascii_case("anonymous"))
    }

    /// The value of a header that came with the call: of its app, or else of its telephone.
    pub fn custom_header(&self, name: &str) -> Option<Cow<'a, str>> {
        let context = self.custom_context.as_ref()?;
        let headers = ["voipHeaders", "sipHeaders"].iter().filter_map(|kind| context.object(kind).ok().flatten());
        let mut values = headers.filter_map(|headers| headers.value(name).and_then(Value::raw).and_then(text_of));
        values.next()
    }

    /// Whether the correlation id is a UUID in the form that the Calling SDK parses; on others it crashes the app.
    pub fn has_uuid(&self) -> bool {
        let groups: Vec<&str> = self.correlation_id.split('-').collect();
        let hex = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
        hex && groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
    }
}

fn is_number(identifier: &Fields<'_>, raw_id: &str) -> Result<bool, FieldError> {
    let kind = identifier.text("kind")?.unwrap_or_default();
    Ok(kind.eq_ignore_ascii_case("phoneNumber")
        || identifier.value("phoneNumber").is_some()
        || raw_id.starts_with("4:"))
}

/// The claim `cc` in the middle part of the JWT-like context, written as base64 or base64url, padded or not.
fn calling_context(context: &str) -> Option<String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let middle = context.split('.').nth(1)?.replace('-', "+").replace('_', "/");
    let claims = LENIENT.decode(middle).ok()?;
    let cc = Fields::from_slice(&claims, &[]).ok()?.text("cc").ok().flatten()?;
    (!cc.is_empty()).then(|| cc.into_owned())
}

impl fmt::Debug for IncomingCall<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IncomingCall").field("correlation_id", &self.correlation_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

    #[test]
    fn the_claim_is_read_from_either_alphabet_with_and_without_padding() {
        let claims = r#"{"cc":"abc+/=","x":">>>???ÿþ"}"#;
        for middle in [BASE64_STANDARD.encode(claims), BASE64_URL_SAFE_NO_PAD.encode(claims)] {
            assert_eq!(calling_context(&format!("head.{middle}.signature")).as_deref(), Some("abc+/="));
        }
    }

    #[test]
    fn a_context_without_the_claim_is_none() {
        let without = BASE64_STANDARD.encode(r#"{"other":"1"}"#);
        for context in ["{incoming-call-contextValue}", "", "a.b.c", "a.!!.c", &format!("a.{without}.c")] {
            assert_eq!(calling_context(context), None, "{context}");
        }
    }

    #[test]
    fn only_the_hyphenated_form_is_a_uuid() {
        let call = |id: &'static str| IncomingCall {
            correlation_id: Cow::Borrowed(id),
            callee: None,
            to_number: false,
            caller: Cow::Borrowed(""),
            from_number: false,
            caller_name: Cow::Borrowed(""),
            on_behalf_of: None,
            custom_context: None,
            calling_context: None,
        };
        assert!(call("d732db64-4803-462d-be9c-518943ea2b7a").has_uuid());
        for id in [
            "",
            "CallIdGuid",
            "{correlationId}",
            "d732db644803462dbe9c518943ea2b7a",
            "d732db64-4803-462d-be9c-518943ea2b7g",
        ] {
            assert!(!call(id).has_uuid(), "{id}");
        }
    }
}
