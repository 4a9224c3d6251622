//! Why a request to a hub did not succeed, in words that say what to do about it.

use std::time::Duration;

use crate::client::ConnectError;

/// Why a request to the hub did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// 401 with every key: each of them is wrong or was replaced.
    #[error("hub 401: check the key name and key in its connection string")]
    Unauthorized,
    /// 403 without `Retry-After`: the rule lacks a right, or a quota is used up.
    #[error("hub 403: its access policy needs the right Send, and the namespace's quota must not be used up")]
    Forbidden,
    /// 403 to a batch, without `Retry-After`.
    #[error("hub 403: it takes no batches, which need the tier Basic or Standard")]
    BatchNotSupported,
    /// 404: no hub of that name in the namespace.
    #[error("hub 404: check the hub's name")]
    NotFound,
    /// 400: it cannot do anything with this request.
    #[error("hub 400: it refused the payload or the device handle")]
    BadRequest,
    /// 400 because the hub has no credentials for the platform.
    #[error("hub 400: it has no credentials for this platform")]
    NoPlatformCredentials,
    /// 413: too many bytes.
    #[error("hub 413: the payload is too large")]
    TooLarge,
    /// 429, or 403 with `Retry-After`, which older API versions say instead.
    #[error("hub {status}: throttled")]
    Throttled {
        /// The status.
        status: u16,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// 408 or 5xx: it is unwell.
    #[error("hub {status}: unavailable")]
    Unavailable {
        /// The status.
        status: u16,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// Any other status: refused for good.
    #[error("hub {0}")]
    Refused(u16),
    /// No connection came about: the name, the network or TLS.
    #[error("no connection to the hub at {0}")]
    NoConnection(ConnectError),
    /// The connection broke before an answer was there.
    #[error("connection to the hub lost")]
    ConnectionLost,
    /// There was no answer in time; the hub may have taken the request.
    #[error("no answer from the hub")]
    Timeout,
    /// The hub asked for silence beyond the deadline, before this was sent.
    #[error("hub paused by its Retry-After")]
    Paused,
    /// The deadline came while waiting for a turn.
    #[error("deadline reached before the hub had a free connection")]
    DeadlineReached,
    /// The event grew too old between two attempts.
    #[error("event expired")]
    Expired,
}

impl SendError {
    /// The hub's status, where it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::BadRequest | Self::NoPlatformCredentials => Some(400),
            Self::Unauthorized => Some(401),
            Self::Forbidden | Self::BatchNotSupported => Some(403),
            Self::NotFound => Some(404),
            Self::TooLarge => Some(413),
            Self::Throttled { status, .. } | Self::Unavailable { status, .. } | Self::Refused(status) => Some(*status),
            Self::NoConnection(_)
            | Self::ConnectionLost
            | Self::Timeout
            | Self::Paused
            | Self::DeadlineReached
            | Self::Expired => None,
        }
    }
}
