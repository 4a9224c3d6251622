//! The HTTP client that all hubs share: its connections are kept and used again.

use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use tokio::sync::OnceCell;

static CLIENT: OnceCell<Client> = OnceCell::const_new();

/// The client. Loading certificates takes longer than everything else at the start, so it happens on a thread beside,
/// and whoever comes early waits for it.
pub async fn client() -> &'static Client {
    CLIENT
        .get_or_init(|| async {
            match tokio::task::spawn_blocking(build).await {
                Ok(client) => client,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        })
        .await
}

fn build() -> Client {
    // Fails when somebody installed one before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    builder().build().unwrap_or_else(|error| {
        let cause = std::error::Error::source(&error).map(tracing::field::display);
        tracing::error!(
            cause,
            "no certificate authorities: install ca-certificates, or no https:// hub can be reached"
        );
        builder().tls_certs_only([]).build().expect("ring is installed, and nothing is loaded")
    })
}

fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("acs-push/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // Azure's load balancers forget a connection that was idle for four minutes.
        .pool_idle_timeout(Duration::from_secs(100))
}
