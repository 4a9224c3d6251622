//! Lets `object_store` use the program's HTTP client, and reads each response first: what is an error for every caller is one here.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use reqwest::{Body, Request};
use serde::Deserialize;
use tokio::time::timeout;
use url::Url;

use super::error::{Answer, AzureError};
use super::{Container, Credential};
use crate::client::{Client, RequestError};

/// An invocation has seconds, so a request that is not answered must leave time for another.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The client, as `object_store` knows one.
#[derive(Debug, Clone)]
pub struct StoreClient {
    client: Client,
    /// Requests that go elsewhere are those for an access token.
    endpoint: String,
    /// Whose access token it is.
    identity: &'static str,
}

impl StoreClient {
    /// The client for a container.
    pub fn new(container: &Container, client: Client) -> Self {
        Self { client, endpoint: container.account.endpoint.clone(), identity: container.credential.identity() }
    }

    /// Whose access token it asks for.
    pub fn identity(&self) -> &'static str {
        self.identity
    }

    /// One request to the account, and what Azure answered.
    pub async fn ask(&self, request: HttpRequest) -> Result<Answer, AzureError> {
        let (response, body) = self.exchange(request).await?;
        Ok(Answer::new(&response, &body))
    }

    /// One request and its whole response, which is no longer than a document or a page of a listing.
    async fn exchange(&self, request: HttpRequest) -> Result<(HttpResponse, Bytes), AzureError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string()).map_err(|error| AzureError::Unusable(error.to_string()))?;
        let mut request = Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(Body::wrap(body));
        let exchange = async {
            let mut response = self.client.execute(request).await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            let body = response.bytes().await.map_err(|error| RequestError::Lost(error.without_url()))?;
            let mut answer = HttpResponse::new(body.clone().into());
            (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
            Ok((answer, body))
        };
        timeout(REQUEST_TIMEOUT, exchange).await.map_err(|_| AzureError::Timeout)?
    }

    /// One request for an access token.
    async fn token(&self, request: HttpRequest) -> Result<HttpResponse, AzureError> {
        let cause = match self.exchange(request).await {
            Ok((response, _)) if response.status().is_success() => return Ok(response),
            Ok((response, body)) => {
                let said = TokenError::message(&body).map(|message| format!(", {message}")).unwrap_or_default();
                format!("IDENTITY_ENDPOINT answered {}{said}", response.status().as_u16())
            }
            Err(AzureError::NoConnection(error)) => format!("no connection to IDENTITY_ENDPOINT at {error}"),
            Err(_) => "IDENTITY_ENDPOINT did not answer".to_owned(),
        };
        Err(AzureError::NoToken { identity: self.identity, cause })
    }
}

impl HttpConnector for StoreClient {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for StoreClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_for_store = request.uri().to_string().starts_with(&self.endpoint);
        let answered = if is_for_store {
            self.exchange(request).await.and_then(|(response, body)| {
                // Nearly every response is a success.
                let answer = (!response.status().is_success()).then(|| Answer::new(&response, &body));
                answer.and_then(|answer| AzureError::of(&answer)).map_or(Ok(response), Err)
            })
        } else {
            self.token(request).await
        };
        answered.map_err(|error| HttpError::new(kind(&error), error))
    }
}

/// What `object_store` does about an error: it repeats those of a connection, and those without a response. Every change of this
/// program may safely be made twice.
fn kind(error: &AzureError) -> HttpErrorKind {
    match error {
        AzureError::NoConnection(_) => HttpErrorKind::Connect,
        AzureError::ConnectionLost | AzureError::Unavailable(_) => HttpErrorKind::Request,
        AzureError::Timeout => HttpErrorKind::Timeout,
        AzureError::Refused(_)
        | AzureError::NotBlob(_)
        | AzureError::ContainerMissing
        | AzureError::NoToken { .. }
        | AzureError::Unusable(_) => HttpErrorKind::Unknown,
    }
}

impl Credential {
    /// Whose access token is asked for, as an operator knows it.
    pub fn identity(&self) -> &'static str {
        match self {
            Self::Key(_) | Self::Signature(_) => "none",
            Self::ManagedIdentity { client_id: None, .. } => "the app's own (system-assigned) identity",
            Self::ManagedIdentity { client_id: Some(_), .. } => {
                "the user-assigned identity of AzureWebJobsStorage__clientId"
            }
            Self::AzureCli => "the Azure CLI's login",
        }
    }
}

/// Why an identity got no token. App Service has `message`, Microsoft Entra `error_description`.
#[derive(Debug, Deserialize)]
struct TokenError {
    #[serde(alias = "error_description", alias = "Message")]
    message: String,
}

impl TokenError {
    /// The first sentences, in one line.
    fn message(body: &[u8]) -> Option<String> {
        const LONGEST: usize = 200;
        let Self { message } = serde_json::from_slice(body).ok()?;
        Some(in_one_line(&message).chars().take(LONGEST).collect())
    }
}

/// A text without line breaks.
pub fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why the Azure CLI gave no token, in its own words. `object_store` runs it, and has a private error for it.
pub fn cli_error(error: &(dyn Error + 'static)) -> Option<String> {
    let errors = std::iter::successors(Some(error), |&error| error.source());
    let texts = errors.map(ToString::to_string);
    texts.filter(|text| text.starts_with("'az ")).map(|text| in_one_line(&text)).next()
}
