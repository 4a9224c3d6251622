//! The one HTTP client, for hubs and store: reqwest with HTTP/1.1, without redirects, proxies or retries.
//!
//! `app` makes it. Loading certificates takes longer than everything else at the start, so it runs on another thread, and not at
//! all if every address is `http://`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{ClientBuilder, Request, Response, redirect, retry};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

mod connect_error;

pub use connect_error::ConnectError;

/// Sends requests to hubs and store. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<OnceCell<reqwest::Client>>);

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No connection was made, so the request was not sent.
    #[error("no connection to {0}")]
    Connect(#[source] ConnectError),
    /// The connection was lost, or the response is not HTTP.
    #[error("connection lost")]
    Lost(#[source] reqwest::Error),
}

/// How long name resolution, TCP and TLS may take together. Leaves time for another try within the shortest limit of an attempt, which
/// is a call's four seconds.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

impl Client {
    /// A client with the platform's certificates. They are
    /// loaded by [`Client::load_certificates`], or at the first request.
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// A client for `http://` only, without certificates.
    pub fn without_certificates() -> Self {
        Self(Arc::new(OnceCell::new_with(Some(client_without_certificates()))))
    }

    /// Loads the certificates, if that is needed and was not done yet.
    pub async fn load_certificates(&self) {
        self.client().await;
    }

    async fn client(&self) -> &reqwest::Client {
        let load = || async {
            match spawn_blocking(client_with_platform_certificates).await {
                Ok(client) => client,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        };
        self.0.get_or_init(load).await
    }

    /// Sends a request once. Only [`CONNECT_TIMEOUT`] is applied; the caller limits the time for the response.
    pub async fn execute(&self, request: Request) -> Result<Response, RequestError> {
        self.client().await.execute(request).await.map_err(|error| match ConnectError::of(&error) {
            Some(connect) => RequestError::Connect(connect),
            None => RequestError::Lost(error.without_url()),
        })
    }
}

/// How many certificate authorities the platform has, which is what a client with certificates loads.
pub fn root_certificates() -> usize {
    rustls_native_certs::load_native_certs().certs.len()
}

fn client_with_platform_certificates() -> reqwest::Client {
    builder().build().unwrap_or_else(|error| {
        let cause = error.source().map(tracing::field::display);
        tracing::error!(
            cause,
            "no certificate authorities: install ca-certificates, or no https:// address can be reached"
        );
        client_without_certificates()
    })
}

fn client_without_certificates() -> reqwest::Client {
    builder().tls_certs_only([]).build().expect("ring is installed, and nothing is loaded")
}

/// reqwest itself notices a vanished server by TCP keep-alive, and closes connections that were idle for 90 seconds: Azure's load
/// balancers drop a connection that was idle for four minutes.
fn builder() -> ClientBuilder {
    // Fails if a provider is installed already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        // With HTTP/2 all requests would share one connection, and fail with it.
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .retry(retry::never().max_retries_per_request(0))
        .no_proxy()
}
