//! TLS and HTTP/2: certificate, protocols, addresses, and faults of the connection.

use std::io::ErrorKind;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use notification_hubs_emulator::{Action, Emulator, Fault, Options};
use reqwest::{Certificate, Client, Version};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{RULE, Send, apple, http_client, io_kind, now, primary_key, token};

async fn start() -> Emulator {
    Emulator::start(Options { tls: true, ..Options::default() }).await.unwrap()
}

/// A client for HTTP/1.1 that trusts the emulator's certificate and no other.
fn http1_client(emulator: &Emulator) -> Client {
    let _ = http_client();
    let certificate = Certificate::from_pem(emulator.ca_certificate().unwrap().as_bytes()).unwrap();
    Client::builder().tls_certs_only([certificate]).build().unwrap()
}

fn over_http1(emulator: &Emulator) -> Send {
    Send { client: http1_client(emulator), ..apple(emulator) }
}

/// `send` on a new connection with HTTP/2.
async fn over_http2(emulator: &Emulator, send: &Send) -> hyper::Result<Response<Incoming>> {
    let _ = http_client();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(emulator.ca_certificate().unwrap().as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::builder().method(send.method.clone()).uri(format!("{}{}", send.base, send.target));
    for (name, value) in &send.headers {
        request = request.header(name, value);
    }
    client.send_request(request.body(Full::new(Bytes::from(send.body.clone()))).unwrap()).await
}

#[tokio::test]
async fn both_versions_of_http_are_served_with_a_certificate_that_is_made_at_the_start() {
    let emulator = start().await;
    assert!(emulator.connection_string().starts_with("Endpoint=https://127.0.0.1:"));
    for base in [emulator.url(), emulator.url().replace("127.0.0.1", "localhost")] {
        let token = token(&base, RULE, &primary_key(&emulator), now() + 300);
        let send = Send { base, ..over_http1(&emulator) }.header("Authorization", &token);
        let response = send.send().await;
        assert_eq!((response.status().as_u16(), response.version()), (201, Version::HTTP_11));
        let location = response.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(&format!("{}/acs-push-dev/messages/NH-", emulator.url())), "{location}");

        let response = over_http2(&emulator, &send).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (201, Version::HTTP_2));
        assert!(response.headers().contains_key("trackingid"));
    }
    let hosts: Vec<_> = emulator.accepted().iter().map(|request| request.headers["host"].clone()).collect();
    let host = |name: &str| format!("{name}:{}", emulator.port());
    assert_eq!(hosts, [host("127.0.0.1"), host("127.0.0.1"), host("localhost"), host("localhost")]);
    let stranger = Send { client: http1_client(&start().await), ..apple(&emulator) };
    assert!(stranger.try_send().await.is_err(), "another start has another certificate");
}

#[tokio::test]
async fn plain_http_still_works_on_the_same_port() {
    let emulator = start().await;
    let plain = Send { base: emulator.url().replace("https", "http"), ..apple(&emulator) };
    assert_eq!(plain.status().await, 201);
    let page = http_client().get(format!("{}/_emulator/requests", plain.base)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(Emulator::start(Options::default()).await.unwrap().ca_certificate().is_none());
}

#[tokio::test]
async fn the_controls_take_the_origin_with_https() {
    let emulator = start().await;
    let ask = async |origin: &str| {
        let client = http1_client(&emulator);
        let request = client.delete(format!("{}/_emulator/requests", emulator.url())).header("Origin", origin);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((ask(&emulator.url()).await, ask("https://example.com").await), (204, 403));
}

#[tokio::test]
async fn a_fault_resets_an_encrypted_connection_of_either_version() {
    let emulator = start().await;
    let send = over_http1(&emulator);
    for action in [Action::ResetBeforeBody, Action::ResetAfterBody, Action::AcceptThenReset] {
        emulator.add_fault(Fault::action(action.clone()).times(2));
        let error = send.try_send().await.unwrap_err();
        assert_eq!(io_kind(&error), Some(ErrorKind::ConnectionReset), "{action:?}: {error:?}");
        let error = over_http2(&emulator, &send).await.unwrap_err();
        assert_eq!(io_kind(&error), Some(ErrorKind::ConnectionReset), "{action:?}: {error:?}");
    }
    emulator.add_fault(Fault::action(Action::HalfClose).times(2));
    assert!(send.try_send().await.is_err() && over_http2(&emulator, &send).await.is_err());
    emulator.add_fault(Fault::action(Action::ResetAfterAnswer).times(2));
    assert_eq!(send.status().await, 201, "the answer comes first");
    assert_eq!(over_http2(&emulator, &send).await.unwrap().status(), 201);
    assert_eq!(send.status().await, 201, "on a new connection");
}
