//! Azure Blob: one container of a storage account, by key, shared access signature, managed identity or Azure CLI login.
//!
//! <https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity>

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use object_store::azure::{AzureAuthorizer, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::{HttpRequest, HttpRequestBody, HttpService};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::StoreError;
use crate::client::{Client, ConnectError};

mod client;
pub mod connection_string;

use client::{REQUEST_LIMIT, StoreClient};

/// A container and the way to open it.
#[derive(Debug, Clone)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The account it belongs to.
    pub account: Account,
    /// What opens it.
    pub credential: Credential,
}

/// A storage account's Blob service.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Where it answers, without a slash at the end.
    pub endpoint: String,
}

/// What opens a container.
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
        /// Where tokens are to be had: `IDENTITY_ENDPOINT`.
        endpoint: Option<String>,
    },
    /// Whoever is logged in on this laptop.
    AzureCli,
}

/// A container that is created when it is absent.
#[derive(Debug)]
pub struct AzureBlobs {
    blobs: MicrosoftAzure,
    account: String,
    url: Url,
    client: StoreClient,
    /// Whether the container is known to be there.
    is_there: AtomicBool,
    /// Held by who creates it, while others wait.
    creating: Mutex<()>,
}

impl AzureBlobs {
    /// Opens a container; nothing is sent yet.
    pub fn open(container: &Container, client: Client) -> Result<Self, object_store::Error> {
        let client = StoreClient(client);
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
            ..BackoffConfig::default()
        };
        let builder = MicrosoftAzureBuilder::new()
            .with_account(&container.account.name)
            .with_endpoint(container.account.endpoint.clone())
            .with_container_name(&container.name)
            .with_retry(RetryConfig { backoff, max_retries: 3, retry_timeout: REQUEST_LIMIT })
            .with_client_options(ClientOptions::new().with_allow_http(!container.account.is_secure()))
            .with_http_connector(client.clone());
        let builder = match &container.credential {
            Credential::Key(key) => builder.with_access_key(key.expose_secret()),
            Credential::Signature(signature) => {
                builder.with_sas_authorization(object_store::azure::split_sas(signature.expose_secret())?)
            }
            Credential::ManagedIdentity { client_id, endpoint } => {
                let builder = builder.with_credential_type("managed_identity");
                let builder = client_id.iter().fold(builder, MicrosoftAzureBuilder::with_client_id);
                endpoint.iter().fold(builder, MicrosoftAzureBuilder::with_msi_endpoint)
            }
            Credential::AzureCli => builder.with_use_azure_cli(true),
        };
        let url = format!("{}/{}?restype=container", container.account.endpoint, container.name);
        let url = Url::parse(&url)
            .map_err(|error| object_store::Error::Generic { store: "Azure Blob", source: Box::new(error) })?;
        Ok(Self {
            blobs: builder.build()?,
            account: container.account.name.clone(),
            url,
            client,
            is_there: AtomicBool::new(false),
            creating: Mutex::new(()),
        })
    }

    /// The blobs for reading, and whether their container is known to be there. In one that is not there is nothing, so
    /// this does not wait for it.
    pub fn for_reading(&self) -> (&MicrosoftAzure, bool) {
        (&self.blobs, self.is_there.load(Ordering::Relaxed))
    }

    /// Something was found in it.
    pub fn seen(&self) {
        self.is_there.store(true, Ordering::Relaxed);
    }

    /// The blobs, after the container was created if need be.
    pub async fn blobs(&self) -> Result<&MicrosoftAzure, StoreError> {
        if !self.is_there.load(Ordering::Relaxed) {
            let _creating = self.creating.lock().await;
            if !self.is_there.load(Ordering::Relaxed) {
                self.create().await?;
                self.is_there.store(true, Ordering::Relaxed);
            }
        }
        Ok(&self.blobs)
    }

    /// Whether something was not found because the container is gone that was there before. The next one who needs it
    /// creates it anew.
    pub fn is_lost(&self, error: &object_store::Error) -> bool {
        // object_store tells both by the same variant; the service's answer is in its source.
        format!("{error:?}").contains("ContainerNotFound") && self.is_there.swap(false, Ordering::Relaxed)
    }

    async fn create(&self) -> Result<(), object_store::Error> {
        let failed =
            |source: Box<dyn Error + Send + Sync>| object_store::Error::Generic { store: "Azure Blob", source };
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        let mut url = self.url.clone();
        let credential = self.blobs.credentials().get_credential().await?;
        if let AzureCredential::SASToken(pairs) = credential.as_ref() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        *request.method_mut() = "PUT".parse().expect("it is a method");
        *request.uri_mut() = url.as_str().parse().map_err(|error| failed(Box::new(error)))?;
        request.headers_mut().insert("content-length", "0".parse().expect("it is a header value"));
        AzureAuthorizer::new(&credential, &self.account).try_authorize(&mut request)?;
        let answer = self.client.call(request).await.map_err(|error| failed(Box::new(error)))?;
        match answer.status().as_u16() {
            // 409: it is there. 403: this identity may not create containers, which it need not if there is one.
            201 | 403 | 409 => Ok(()),
            status => Err(failed(format!("creating the container was answered with {status}").into())),
        }
    }
}

/// Why there was no connection, if there was none. `object_store` has that somewhere within its own errors.
pub fn connect_error(error: &object_store::Error) -> Option<&ConnectError> {
    let mut errors = std::iter::successors(Some(error as &dyn Error), |&error| error.source());
    errors.find_map(|error| error.downcast_ref())
}

impl Account {
    /// Whether certificates are needed to reach it.
    pub fn is_secure(&self) -> bool {
        !self.endpoint.starts_with("http://")
    }
}
