//! Where no connection comes about: each cause is told apart, in the answer and in the log, with the name and port that were asked.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::binary::Process;
use crate::support::*;
use crate::tls::{CERTIFICATE, HubBehindTls};

/// The answer and one line of the log, although there was more than one attempt, tell the cause and whom it is about.
async fn assert_told(endpoint: &str, cause: &str) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let connection_string = format!("Endpoint={endpoint}/;SharedAccessKeyName=rule;SharedAccessKey=c2VjcmV0");
    let settings = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", connection_string.as_str()),
        ("SSL_CERT_FILE", CERTIFICATE),
        ("SSL_CERT_DIR", "/nonexistent"),
        ("DELIVERY_DEADLINE_SECONDS", "5"),
    ];
    let process = Process::start(&vars(&hub, &settings), folder.path()).await;
    process.put("iphone", phone()).await;
    let reply = process.invoke(&sms("e1", "15551234567", "Hello")).await;
    let (_, output) = process.terminate().await;
    let (_, server) = endpoint.split_once("://").unwrap();
    let expected = format!("no connection to the hub at {server}: {cause}");
    assert_eq!(reply.status, 500, "{reply:?}");
    assert!(reply.text.contains(&expected), "{expected}: {reply:?}");
    let errors: Vec<&str> = output.lines().filter(|line| line.contains("ERROR ")).collect();
    let [error] = errors.as_slice() else { panic!("{output}") };
    assert!(error.contains(&expected) && error.contains(&format!("hub=\"{HUB}\"")), "{expected}: {output}");
    assert!(!output.contains("c2VjcmV0"), "{output}");
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[tokio::test]
async fn a_name_that_does_not_exist() {
    assert_told("https://no-such-hub.invalid:443", "name resolution failed (").await;
}

#[tokio::test]
async fn a_port_that_is_refused() {
    let (listener, port) = listener().await;
    drop(listener);
    assert_told(&format!("http://127.0.0.1:{port}"), "connection refused").await;
}

#[tokio::test]
async fn a_peer_that_accepts_and_never_says_a_word_of_tls() {
    // The system accepts for it.
    let (_listener, port) = listener().await;
    let began = Instant::now();
    assert_told(&format!("https://127.0.0.1:{port}"), "no connection within 2 s").await;
    assert!(began.elapsed() < Duration::from_secs(8), "it was waited for longer than the deadline allows");
}

#[tokio::test]
async fn a_certificate_of_another_name() {
    let tls = HubBehindTls::start().await;
    let cause = "TLS failed (invalid peer certificate: certificate not valid for name";
    assert_told(&format!("https://localhost:{}", tls.port), cause).await;
}

#[tokio::test]
async fn a_server_without_tls() {
    let plain = emulator().await;
    assert_told(&format!("https://127.0.0.1:{}", plain.port()), "TLS failed (received corrupt message").await;
}

#[tokio::test]
async fn a_host_that_no_request_can_name() {
    assert_told("https://ns}.example:443", "invalid host name").await;
}

#[tokio::test]
async fn a_store_that_is_not_there() {
    let (listener, port) = listener().await;
    drop(listener);
    let account = format!("AccountName=account;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:{port}/account");
    let settings = [("STORE", "azure:container"), ("AzureWebJobsStorage", account.as_str())];
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &settings), folder.path()).await;
    let reply = process.invoke(&sms("e1", "15551234567", "Hello")).await;
    let expected = format!("no connection to the store at 127.0.0.1:{port}: connection refused");
    assert!(reply.status == 500 && reply.text.contains(&expected), "{reply:?}");
    assert_eq!(process.put("iphone", phone()).await, 503);
    let (_, output) = process.terminate().await;
    assert!(output.contains(&expected), "{output}");
    assert!(!output.contains("recipients"), "a key of the store: {output}");
}
