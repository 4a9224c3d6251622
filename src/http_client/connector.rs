//! The way to a new connection: addresses, TCP, TLS.
//!
//! There are two, so that what is reached by `http://`, an emulator, neither waits for certificates nor has them loaded.
//! Both are of one type, which is compiled once; the plain one trusts nobody.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use tokio::sync::OnceCell;

use super::resolver::SharedResolver;

/// Opens connections.
pub type Connector = HttpsConnector<HttpConnector<SharedResolver>>;

/// Leaves time for another try within the shortest limit of an attempt, which is a call's four seconds.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

static PLAIN: LazyLock<Connector> = LazyLock::new(|| build(trusting_nobody()));
static SECURE: OnceCell<Connector> = OnceCell::const_new();

/// The one for `https://`, or the other one.
pub async fn connector(is_secure: bool) -> Connector {
    if is_secure { secure().await.clone() } else { PLAIN.clone() }
}

/// The one for `https://`. Loading certificates takes longer than everything else at the start, so it happens on a thread
/// beside, and whoever comes early waits for it.
pub async fn secure() -> &'static Connector {
    SECURE
        .get_or_init(|| async {
            match tokio::task::spawn_blocking(|| build(trusting_the_platform())).await {
                Ok(connector) => connector,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        })
        .await
}

fn build(tls: ClientConfig) -> Connector {
    let mut tcp = HttpConnector::new_with_resolver(SharedResolver::default());
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_LIMIT));
    // A server that is gone without a word is noticed before the next request is lost on it.
    tcp.set_keepalive(Some(Duration::from_secs(15)));
    tcp.set_keepalive_interval(Some(Duration::from_secs(15)));
    tcp.set_keepalive_retries(Some(3));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(Duration::from_secs(30)));
    // HTTP/1.1: with HTTP/2 everything under way would share one connection and its fate.
    HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp)
}

fn trusting_the_platform() -> ClientConfig {
    match tls().try_with_platform_verifier() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            let cause = tracing::field::display(error);
            tracing::error!(
                cause,
                "no certificate authorities: install ca-certificates, or no https:// address can be reached"
            );
            trusting_nobody()
        }
    }
}

fn trusting_nobody() -> ClientConfig {
    tls().with_root_certificates(RootCertStore::empty()).with_no_client_auth()
}

fn tls() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("ring speaks the versions that rustls does")
}
