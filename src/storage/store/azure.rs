//! Azure Blob: one container of a storage account, by key, shared access signature, managed identity or Azure CLI login.
//!
//! <https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity>

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::azure::{AzureAuthorizer, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::StoreError;
use crate::client::Client;

mod blobs;
mod client;
pub mod connection_string;
mod error;

use client::{REQUEST_TIMEOUT, StoreClient, cli_error};
use error::Answer;
pub use error::AzureError;

/// A container and the way to open it.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The account it belongs to.
    pub account: Account,
    /// The credential.
    pub credential: Credential,
}

/// A storage account's Blob service.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The URL of its Blob service, without a slash at the end.
    pub endpoint: String,
}

/// How to authenticate.
#[derive(Debug, Clone)]
pub enum Credential {
    /// One of the account's keys.
    Key(SecretString),
    /// A shared access signature.
    Signature(SecretString),
    /// The identity of the Function App.
    ManagedIdentity {
        /// Which one, where it has several.
        client_id: Option<String>,
        /// `IDENTITY_ENDPOINT`, which issues the access tokens.
        endpoint: String,
    },
    /// The login of the Azure CLI on this laptop.
    AzureCli,
}

/// A container that is created when it is absent.
#[derive(Debug)]
pub struct AzureBlobs {
    blobs: MicrosoftAzure,
    account: String,
    /// The container's.
    url: String,
    client: StoreClient,
    /// Whether the container is known to be there.
    container_exists: AtomicBool,
    /// Held while the container is created.
    creating: Mutex<()>,
    /// Held while the layout is checked.
    checking: Mutex<()>,
    /// Whether the container is known to be empty or to have this program's layout.
    layout_checked: AtomicBool,
    /// Whether the container says which layout it has.
    layout_written: AtomicBool,
}

impl AzureBlobs {
    /// Opens a container; nothing is sent yet.
    pub fn open(container: &Container, client: Client) -> Result<Self, AzureError> {
        let client = StoreClient::new(container, client);
        let unusable = |error: object_store::Error| AzureError::Unusable(error.to_string());
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
            ..BackoffConfig::default()
        };
        let builder = MicrosoftAzureBuilder::new()
            .with_account(&container.account.name)
            .with_endpoint(container.account.endpoint.clone())
            .with_container_name(&container.name)
            .with_retry(RetryConfig { backoff, max_retries: 3, retry_timeout: REQUEST_TIMEOUT })
            .with_client_options(ClientOptions::new().with_allow_http(!container.account.is_secure()))
            .with_http_connector(client.clone());
        let builder = match &container.credential {
            Credential::Key(key) => builder.with_access_key(key.expose_secret()),
            Credential::Signature(signature) => builder
                .with_sas_authorization(object_store::azure::split_sas(signature.expose_secret()).map_err(unusable)?),
            Credential::ManagedIdentity { client_id, endpoint } => {
                let builder = builder.with_credential_type("managed_identity");
                let builder = client_id.iter().fold(builder, MicrosoftAzureBuilder::with_client_id);
                builder.with_msi_endpoint(endpoint)
            }
            Credential::AzureCli => builder.with_use_azure_cli(true),
        };
        let url = format!("{}/{}", container.account.endpoint, container.name);
        Ok(Self {
            blobs: builder.build().map_err(unusable)?,
            account: container.account.name.clone(),
            url,
            client,
            container_exists: AtomicBool::new(false),
            creating: Mutex::new(()),
            checking: Mutex::new(()),
            layout_checked: AtomicBool::new(false),
            layout_written: AtomicBool::new(false),
        })
    }

    /// The blobs, after the container was created if need be.
    async fn blobs(&self) -> Result<&MicrosoftAzure, StoreError> {
        if !self.container_exists.load(Ordering::Relaxed) {
            let _creating = self.creating.lock().await;
            if !self.container_exists.load(Ordering::Relaxed) {
                self.create().await?;
                self.container_exists.store(true, Ordering::Relaxed);
            }
        }
        Ok(&self.blobs)
    }

    /// Takes note of an error that says that the container is missing; returns whether it was there before. The next write creates it
    /// again.
    fn note_lost_container(&self) -> bool {
        self.layout_written.store(false, Ordering::Relaxed);
        self.container_exists.swap(false, Ordering::Relaxed)
    }

    /// The cause of an error, without the address of a blob.
    fn cause(&self, error: &object_store::Error) -> AzureError {
        match AzureError::within(error) {
            Some(AzureError::ContainerMissing) => {
                self.note_lost_container();
                AzureError::ContainerMissing
            }
            Some(error) => error.clone(),
            None => match cli_error(error) {
                Some(cause) => AzureError::NoToken { identity: self.client.identity(), cause },
                // A response that lacks what Azure Blob always sends.
                None => AzureError::NotBlob(Answer { status: 200, code: None }),
            },
        }
    }

    async fn create(&self) -> Result<(), AzureError> {
        let url = format!("{}?restype=container", self.url);
        let answer = self.send_request("PUT", &url, None).await?;
        match answer.status {
            // This identity may not create containers, which it need not if there is one: the write that follows tells.
            403 => Ok(()),
            _ => AzureError::of(&answer).map_or(Ok(()), Err),
        }
    }

    /// Deletes a blob, if it still has that `ETag`; returns whether it is removed. `object_store` has no condition, and wraps each
    /// deletion into a batch.
    async fn delete_blob(&self, key: &str, e_tag: Option<&str>) -> Result<bool, AzureError> {
        let url = format!("{}/{}", self.url, Path::from(key));
        let answer = self.send_request("DELETE", &url, e_tag).await?;
        match AzureError::of(&answer) {
            None => Ok(answer.status != 412),
            Some(AzureError::ContainerMissing) => Ok(true),
            Some(error) => Err(error),
        }
    }

    /// What `object_store` has no method for, which may be asked twice; what Azure answered.
    async fn send_request(&self, method: &str, url: &str, if_match: Option<&str>) -> Result<Answer, AzureError> {
        const TRIES: u32 = 3;
        for _ in 1..TRIES {
            match self.ask_once(method, url, if_match).await {
                Ok(answer) if answer.status < 500 => return Ok(answer),
                Err(error @ AzureError::NoToken { .. }) => return Err(error),
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(fastrand::u64(50..150))).await,
            }
        }
        self.ask_once(method, url, if_match).await
    }

    async fn ask_once(&self, method: &str, url: &str, if_match: Option<&str>) -> Result<Answer, AzureError> {
        let unusable = |error: &dyn std::fmt::Display| AzureError::Unusable(error.to_string());
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        let mut url = Url::parse(url).map_err(|error| unusable(&error))?;
        let credential = self.blobs.credentials().get_credential().await.map_err(|error| self.cause(&error))?;
        if let AzureCredential::SASToken(pairs) = credential.as_ref() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        *request.method_mut() = method.parse().expect("it is a method");
        *request.uri_mut() = url.as_str().parse().map_err(|error| unusable(&error))?;
        request.headers_mut().insert("content-length", "0".parse().expect("it is a header value"));
        if let Some(e_tag) = if_match {
            // A listing has it without the quotes.
            let e_tag = format!("\"{}\"", e_tag.trim_matches('"'));
            request.headers_mut().insert("if-match", e_tag.parse().map_err(|error| unusable(&error))?);
        }
        AzureAuthorizer::new(&credential, &self.account)
            .try_authorize(&mut request)
            .map_err(|error| unusable(&error))?;
        self.client.ask(request).await
    }
}

impl Account {
    /// Whether certificates are needed to reach it.
    pub fn is_secure(&self) -> bool {
        !self.endpoint.starts_with("http://")
    }
}
