//! The connection itself, over a bare socket: keep-alive, `Expect`, start and stop.

use std::io::ErrorKind;
use std::time::Duration;

use notification_hubs_emulator::{Action, Emulator, Fault, HubOptions, Options};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::{Send, apple, start};

const SOON: Duration = Duration::from_secs(5);

fn head(send: &Send, more: &str) -> String {
    let mut head = format!("POST {} HTTP/1.1\r\nHost: localhost\r\n", send.target);
    for (name, value) in &send.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head + more + "\r\n"
}

/// Reads until the text ends with `end`.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut byte = [0];
        let count = timeout(SOON, stream.read(&mut byte)).await.unwrap().unwrap();
        assert_eq!(count, 1, "closed after {text:?}");
        text.push(char::from(byte[0]));
    }
    text
}

#[tokio::test]
async fn a_connection_carries_many_requests() {
    let emulator = start().await;
    let send = apple(&emulator);
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let length = format!("Content-Length: {}\r\n", send.body.len());
    for _ in 0..3 {
        stream.write_all((head(&send, &length) + &send.body).as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_expects_continue_gets_it() {
    let emulator = start().await;
    let send = apple(&emulator);
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let more = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", send.body.len());
    stream.write_all(head(&send, &more).as_bytes()).await.unwrap();
    let interim = read_until(&mut stream, "\r\n\r\n").await;
    assert_eq!(interim, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(send.body.as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_is_a_body() {
    let emulator = start().await;
    let send = apple(&emulator);
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let request = head(&send, "Transfer-Encoding: chunked\r\n");
    let (first, second) = send.body.split_at(7);
    let body = format!("7\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", second.len());
    stream.write_all((request + &body).as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert_eq!(emulator.accepted()[0].body, send.body);
}

#[tokio::test]
async fn a_request_with_an_incomplete_body_is_recorded_without_an_answer() {
    let emulator = start().await;
    let send = apple(&emulator);
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let mut settled = emulator.subscribe();
    let request = head(&send, "Content-Length: 1000\r\n") + "{\"aps\"";
    stream.write_all(request.as_bytes()).await.unwrap();
    drop(stream);
    let request = timeout(SOON, settled.recv()).await.unwrap().unwrap();
    assert_eq!((request.status, request.body.as_str()), (None, "{\"aps\""));
}

#[tokio::test]
async fn a_half_closed_connection_ends_without_an_answer_and_still_reads() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::HalfClose));
    let send = apple(&emulator);
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let length = format!("Content-Length: {}\r\n", send.body.len());
    let request = head(&send, &length) + &send.body;
    stream.write_all(request.as_bytes()).await.unwrap();
    // FIN, not RST: the end of the stream and no error, also after further writing.
    for _ in 0..3 {
        assert_eq!(timeout(SOON, stream.read(&mut [0])).await.unwrap().unwrap(), 0);
        stream.write_all(request.as_bytes()).await.unwrap();
    }
    let requests = emulator.requests();
    assert_eq!((requests.len(), requests[0].status), (1, None));
    assert_eq!(requests[0].reason.as_deref(), Some("fault: half-closed before the answer"));
}

#[tokio::test]
async fn a_reset_after_the_answer_hits_a_kept_alive_connection() {
    let emulator = start().await;
    emulator.add_fault(Fault::action(Action::ResetAfterAnswer));
    let send = apple(&emulator);
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let length = format!("Content-Length: {}\r\n", send.body.len());
    stream.write_all((head(&send, &length) + &send.body).as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 201 created\r\n") && !answer.contains("connection: close"), "{answer}");
    let end = timeout(SOON, stream.read(&mut [0])).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_stopped_emulator_frees_its_port_and_another_takes_it() {
    let emulator = start().await;
    let port = emulator.port();
    assert_eq!(apple(&emulator).status().await, 201);
    let taken = Emulator::start(Options { port, ..Options::default() }).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);

    emulator.stop().await;
    let refused = TcpStream::connect(("127.0.0.1", port)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let again = Emulator::start(Options { port, ..Options::default() }).await.unwrap();
    assert_eq!((again.port(), apple(&again).status().await), (port, 201));
}

#[tokio::test]
async fn a_dropped_emulator_stops() {
    let emulator = start().await;
    let port = emulator.port();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    apple(&emulator).send().await;
    drop(emulator);
    // An open connection ends, too.
    let end = timeout(SOON, stream.read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
}

#[tokio::test]
async fn an_emulator_with_an_invalid_hub_name_does_not_start() {
    for name in ["", "_emulator", "no blanks"] {
        let hubs = vec![HubOptions::new("hub"), HubOptions::new(name)];
        let error = Emulator::start(Options { hubs, ..Options::default() }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
    }
}
