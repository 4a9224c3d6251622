//! Why a request to a hub failed, and what an operator can do about it.

use std::time::Duration;

use crate::client::ConnectError;
use crate::notifications::device::Platform;

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
    #[error("hub 403: batches are not supported; they need the tier Basic or Standard")]
    BatchNotSupported,
    /// 404: no hub of that name in the namespace.
    #[error("hub 404: check the hub's name")]
    NotFound,
    /// 400: payload or device handle.
    #[error("hub 400: it refused the payload or the device handle")]
    BadRequest,
    /// 400 because the hub has no credentials for the platform.
    #[error("hub 400: it has no credentials for the platform {}", .0.name())]
    NoPlatformCredentials(Platform),
    /// 413: the body is too large.
    #[error("hub 413: the payload is too large")]
    TooLarge,
    /// 429, or 403 with `Retry-After`, which older API versions say instead.
    #[error("hub {status}: throttled")]
    Throttled {
        /// The status.
        status: u16,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// 408 or 5xx.
    #[error("hub {status}: unavailable")]
    Unavailable {
        /// The status.
        status: u16,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Any other status: refused for good.
    #[error("hub {0}")]
    Refused(u16),
    /// No connection was made: name resolution, network or TLS.
    #[error("no connection to the hub at {0}")]
    NoConnection(ConnectError),
    /// The connection was lost before the response.
    #[error("connection to the hub lost")]
    ConnectionLost,
    /// There was no response in time; the hub may have accepted the request.
    #[error("no answer from the hub")]
    Timeout,
    /// The hub is throttling beyond the deadline, so this was not sent.
    #[error("hub is throttling; its Retry-After ends after the deadline")]
    Paused,
    /// The deadline passed while waiting for a permit.
    #[error("deadline reached before the hub had a free connection")]
    DeadlineReached,
    /// The event expired between two attempts.
    #[error("event expired")]
    Expired,
}

impl SendError {
    /// The hub's status, where it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::BadRequest | Self::NoPlatformCredentials(_) => Some(400),
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
