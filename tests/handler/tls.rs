//! A hub behind TLS, as all are but the emulator: an emulator, and before it what ends TLS.
//!
//! Its certificate vouches for itself, for 127.0.0.1 and until 2120. The key opens nothing else.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use notification_hubs_emulator::Emulator;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::binary::Process;
use crate::support::*;

/// The file of that certificate.
pub const CERTIFICATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/handler/tls/certificate.pem");

/// A hub, the way to it through TLS, and how many connections came that way.
pub struct HubBehindTls {
    hub: Emulator,
    /// Where TLS is spoken.
    pub port: u16,
    connection_string: String,
    connections: Arc<AtomicUsize>,
}

impl HubBehindTls {
    pub async fn start() -> Self {
        let hub = emulator().await;
        let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/certificate.pem")).unwrap();
        let key = PrivateKeyDer::try_from(&include_bytes!("tls/key.der")[..]).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate], key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (plain, secure) = (hub.port(), listener.local_addr().unwrap().port());
        let connection_string =
            hub.connection_string().replace(&format!("http://127.0.0.1:{plain}"), &format!("sb://127.0.0.1:{secure}"));
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::Relaxed);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut inner) = acceptor.accept(connection).await else { return };
                    let mut outer = TcpStream::connect(("127.0.0.1", plain)).await.unwrap();
                    let _ = copy_bidirectional(&mut inner, &mut outer).await;
                });
            }
        });
        Self { hub, port: secure, connection_string, connections }
    }

    /// A process that knows this hub, trusts what is in `certificates`, and has a phone to send to.
    async fn process(&self, certificates: &Path, folder: &Path) -> Process {
        let settings = [
            ("NOTIFICATION_HUB_CONNECTION_STRING", self.connection_string.as_str()),
            ("SSL_CERT_FILE", certificates.to_str().unwrap()),
            ("SSL_CERT_DIR", "/nonexistent"),
            ("DELIVERY_DEADLINE_SECONDS", "5"),
        ];
        let process = Process::start(&vars(&self.hub, &settings), folder).await;
        assert_eq!(process.put("iphone", phone()).await, 201);
        process
    }
}

#[tokio::test]
async fn a_hub_with_a_trusted_certificate_is_reached_and_the_connection_kept() {
    let (tls, folder) = (HubBehindTls::start().await, tempfile::tempdir().unwrap());
    let process = tls.process(Path::new(CERTIFICATE), folder.path()).await;
    for id in ["e1", "e2", "e3"] {
        assert_eq!(process.outcome(&sms(id, "15551234567", "Hello")).await, "delivered");
    }
    assert_eq!((tls.hub.accepted().len(), tls.connections.load(Ordering::Relaxed)), (3, 1));
    let (_, output) = process.terminate().await;
    assert!(!output.contains("certificate"), "{output}");
}

#[tokio::test]
async fn a_hub_with_a_certificate_that_nobody_vouches_for_is_no_connection_and_tried_again() {
    let (tls, folder) = (HubBehindTls::start().await, tempfile::tempdir().unwrap());
    let process = tls.process(Path::new("/dev/null"), folder.path()).await;
    let reply = process.invoke(&sms("e1", "15551234567", "Hello")).await;
    assert_eq!((reply.status, tls.hub.requests().len()), (500, 0), "{reply:?}");
    assert!(reply.text.contains("no connection to the hub") && reply.text.contains("UnknownIssuer"), "{reply:?}");
    let connections = tls.connections.load(Ordering::Relaxed);
    assert!(connections >= 2, "{connections} connections");
}
