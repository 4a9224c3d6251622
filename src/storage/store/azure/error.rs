//! Why a request to Azure Blob failed, told by its cause to the person who can mend it.
//!
//! `object_store` passes the text of a response on, with the address of the blob in it. So a response is read here, before it
//! gets there. <https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes>

use std::error::Error;

use object_store::client::HttpResponse;

use crate::client::{ConnectError, RequestError};

/// Why Azure Blob did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AzureError {
    /// No connection was made: name resolution, network or TLS.
    #[error("no connection to the store at {0}")]
    NoConnection(ConnectError),
    /// The connection was lost before the response.
    #[error("the store closed the connection before it answered")]
    ConnectionLost,
    /// No response came in time.
    #[error("the store did not answer in time")]
    Timeout,
    /// Something temporary.
    #[error("the store is unavailable: {0}")]
    Unavailable(Answer),
    /// It is not allowed.
    #[error("the store refused: {0}: {fix}", fix = .0.fix())]
    Refused(Answer),
    /// The address is not the one of a storage account's Blob service.
    #[error("what answers at the store's address is not Azure Blob: {0}: look at the account and at BlobEndpoint")]
    NotBlob(Answer),
    /// There is no container: none was created yet, or it was deleted since it was last used.
    #[error(
        "the store's container was deleted: the next write creates it again; devices register again when their apps start"
    )]
    ContainerMissing,
    /// The identity got no access token.
    #[error("no access token for the store from {identity}: {cause}")]
    NoToken {
        /// Which identity.
        identity: &'static str,
        /// What its endpoint, or the Azure CLI, said.
        cause: String,
    },
    /// The account or its credential is not one that can be used.
    #[error("the storage account cannot be used: {0}")]
    Unusable(String),
}

/// The status of a response, and Azure's code for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Such as `AuthorizationFailure`, if there is one.
    pub code: Option<String>,
}

impl From<RequestError> for AzureError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Connect(error) => Self::NoConnection(error),
            RequestError::Lost(_) => Self::ConnectionLost,
        }
    }
}

impl AzureError {
    /// What a response says of the store, if that is an error for every caller. `None` is a success, a blob that is missing, or a
    /// condition that does not hold.
    pub fn of(answer: &Answer) -> Option<Self> {
        let code = answer.code.as_deref();
        match (answer.status, code) {
            (200..300 | 304 | 412, _)
            | (404, Some("BlobNotFound"))
            | (409, None | Some("BlobAlreadyExists" | "ContainerAlreadyExists")) => None,
            (404, Some("ContainerNotFound")) => Some(Self::ContainerMissing),
            (408 | 429 | 500.., _) | (409, Some("ContainerBeingDeleted" | "OperationTimedOut")) => {
                Some(Self::Unavailable(answer.clone()))
            }
            // Azure's own answers have a code; one of 404 without it comes from something else.
            (401 | 403, _) => Some(Self::Refused(answer.clone())),
            (300..400, _) | (404, Some("ResourceNotFound" | "InvalidUri")) | (400..500, None) => {
                Some(Self::NotBlob(answer.clone()))
            }
            _ => Some(Self::Refused(answer.clone())),
        }
    }

    /// The error that is somewhere within one of `object_store`'s.
    pub fn within<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
    }
}

impl Answer {
    /// What a response says in its head, or else in its XML.
    pub fn new(response: &HttpResponse, body: &[u8]) -> Self {
        let header = response.headers().get("x-ms-error-code").and_then(|code| code.to_str().ok());
        let xml = || {
            let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<Code>")?;
            rest.split_once("</Code>").map(|(code, _)| code)
        };
        // Only what can be a code: nothing else of a response may get into a log.
        let is_code = |code: &&str| code.len() < 80 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = header.or_else(xml).filter(is_code).filter(|code| !code.is_empty());
        Self { status: response.status().as_u16(), code: code.map(str::to_owned) }
    }

    /// What to do about a refusal.
    fn fix(&self) -> &'static str {
        match self.code.as_deref().unwrap_or_default() {
            "AuthorizationPermissionMismatch" => {
                "give the identity the role Storage Blob Data Contributor, or the shared access signature sp=rwdlc"
            }
            "AuthorizationFailure" => {
                "let the app through the account's firewall, and give its identity the role Storage Blob Data Contributor, or correct \
                 the key"
            }
            "KeyBasedAuthenticationNotPermitted" => {
                "the account takes no keys: set AzureWebJobsStorage__accountName, and give the app's identity the role Storage \
                 Blob Data Contributor"
            }
            "AuthenticationFailed" => {
                "the account's key or shared access signature is wrong or has expired, or this computer's clock is wrong"
            }
            "InvalidAuthenticationInfo" | "NoAuthenticationInformation" => {
                "the credential is not one of this account; an identity must belong to the account's tenant"
            }
            "AuthorizationSourceIPMismatch"
            | "AuthorizationProtocolMismatch"
            | "AuthorizationServiceMismatch"
            | "AuthorizationResourceTypeMismatch" => {
                "the shared access signature is not for this: it needs ss=b, srt=co, sp=rwdlc, and this app's address and protocol"
            }
            "AccountIsDisabled" => "the storage account is disabled: look at its subscription",
            "InsufficientAccountPermissions" => "the storage account can be read only",
            _ => "look at the account's firewall and keys, and at the identity's role Storage Blob Data Contributor",
        }
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.code {
            Some(code) => write!(formatter, "{} {code}", self.status),
            None => write!(formatter, "{}", self.status),
        }
    }
}
