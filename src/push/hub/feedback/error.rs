//! Why a hub's feedback cannot be read, and what an operator can do about it.

use crate::client::{ConnectError, RequestError};

/// Why there is no feedback. Never holds the container's address, which is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedbackError {
    /// 401: the key is wrong, or another hub's.
    #[error(
        "hub 401: check the key name and key in the connection string that may Manage; a hub's rule opens that hub alone"
    )]
    Unauthorized,
    /// 403: the rule may not Manage, or the tier has no feedback.
    #[error("hub 403: its access policy needs the right Manage, and the namespace the tier Standard")]
    Forbidden,
    /// 404: no hub of that name in the namespace.
    #[error("hub 404: check the hub's name")]
    NotFound,
    /// Any other status of the hub.
    #[error("hub {0}: it does not tell its feedback now")]
    Unavailable(u16),
    /// No connection was made.
    #[error("no connection to {0}")]
    NoConnection(ConnectError),
    /// The connection was lost before the end.
    #[error("the connection was lost")]
    Lost,
    /// There was no answer in time.
    #[error("no answer in time")]
    Timeout,
    /// What the hub answered is no address.
    #[error("the hub answered with no address of a container")]
    NoAddress,
    /// The container refused, or is not there.
    #[error("the feedback container answered {0}")]
    Container(u16),
    /// What the container answered has another form than documented.
    #[error("the feedback container's list has a form that is not known here")]
    Form,
}

impl FeedbackError {
    /// The error that a hub's status stands for.
    pub fn of_hub(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            other => Self::Unavailable(other),
        }
    }
}

impl From<RequestError> for FeedbackError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Connect(error) => Self::NoConnection(error),
            RequestError::Lost(_) => Self::Lost,
        }
    }
}
