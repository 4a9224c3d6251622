//! Faults as JSON: one object or an array of them, from a file or over HTTP.

use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize as _;

use super::{Action, Fault};

/// Why a JSON text is refused.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// It is not JSON, or neither a fault nor an array of faults.
    #[error("not a fault or an array of faults: {0}")]
    Shape(#[from] serde_json::Error),
    /// `percent` is more than 100.
    #[error("percent must be 0 to 100, not {0}")]
    Percent(u8),
    /// `everyNth` is 0.
    #[error("everyNth must be 1 or more")]
    EveryNth,
    /// The status is not that of a final answer.
    #[error("status must be 200 to 599, not {0}")]
    Status(u16),
    /// A header, or `Retry-After`, has a name or value that HTTP does not allow.
    #[error("{name:?}: {value:?} is not an HTTP header")]
    Header {
        /// The name as given.
        name: String,
        /// The value as given.
        value: String,
    },
}

impl Fault {
    /// Parses one fault or an array of them; all or none. The members are those of [`Fault`] in camel case; each is
    /// optional.
    ///
    /// # Errors
    ///
    /// When a member is unknown or has an invalid value; the error names it.
    pub fn from_json(text: &[u8]) -> Result<Vec<Self>, FaultError> {
        // In two steps: the error of an untagged enum does not name the member.
        let json: serde_json::Value = serde_json::from_slice(text)?;
        let faults = if json.is_array() { Vec::deserialize(json)? } else { vec![Self::deserialize(json)?] };
        faults.iter().try_for_each(Self::check)?;
        Ok(faults)
    }

    fn check(&self) -> Result<(), FaultError> {
        if let Some(percent) = self.percent.filter(|percent| *percent > 100) {
            return Err(FaultError::Percent(percent));
        }
        if self.every_nth == Some(0) {
            return Err(FaultError::EveryNth);
        }
        let Action::Status { status, retry_after, headers, .. } = &self.action else {
            return Ok(());
        };
        if !(200..=599).contains(status) {
            return Err(FaultError::Status(*status));
        }
        let retry_after = retry_after.iter().map(|value| ("Retry-After", value.as_str()));
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in headers.chain(retry_after) {
            if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
                return Err(FaultError::Header { name: name.to_owned(), value: value.to_owned() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_is_optional_and_times_null_never_ends() {
        let once: Fault = serde_json::from_str(r#"{"action":"resetAfterBody"}"#).unwrap();
        assert_eq!((once.times, once.action), (Some(1), Action::ResetAfterBody));
        let text = r#"{"times":null,"deviceHandle":"a","action":{"status":{"status":429,"retryAfter":"1"}}}"#;
        let ever: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(ever.times, None);
        assert_eq!(ever.action, Fault::status(429).retry_after("1").action);
        let again: Fault = serde_json::from_value(serde_json::to_value(&ever).unwrap()).unwrap();
        assert_eq!(again.action, ever.action);
        assert!(serde_json::from_str::<Fault>(r#"{"tims":1}"#).is_err());
    }
}
