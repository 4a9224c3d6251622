//! TLS with a certificate that is made at each start, for the loopback names, signed by a certificate authority that is
//! made with it. Its key exists only in memory.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// Longer than an emulator runs, and not longer than clients accept.
const VALIDITY: Duration = Duration::days(365);

/// The names and addresses of the certificate.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The protocols of a connection, the preferred one first.
pub(super) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The certificate of the authority, which clients must trust, as PEM.
    pub(crate) ca_certificate: String,
}

impl Tls {
    pub(crate) fn new() -> io::Result<Self> {
        let (config, ca_certificate) = configure().map_err(io::Error::other)?;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_certificate })
    }
}

type Error = Box<dyn std::error::Error + Send + Sync>;

fn configure() -> Result<(ServerConfig, String), Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca = params(&[], "Notification Hubs emulator, for local use only")?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key)?;

    let key = KeyPair::generate()?;
    let mut server = params(&NAMES, "localhost")?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let certificate = server.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;

    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())?;
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok((config, ca_certificate.pem()))
}

fn params(names: &[&str], common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    // A clock may be behind.
    params.not_before = OffsetDateTime::now_utc() - Duration::DAY;
    params.not_after = params.not_before + VALIDITY;
    Ok(params)
}
