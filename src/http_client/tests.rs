//! A server that answers word by word: which connections serve again, and which requests are repeated.

use std::io::ErrorKind;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const EMPTY: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const LAST: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const SIZED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
const CUT_OFF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe";

const CLOSED_AFTER: Duration = Duration::from_millis(20);

/// Answers on each connection in turn with what is said for it, piece by piece, and closes it then.
async fn server(connections: &'static [&'static [&'static str]]) -> (Server, tokio::task::JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut requests = 0;
        for answers in connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in *answers {
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    asked.push(stream.read_u8().await.unwrap());
                }
                assert!(asked.starts_with(b"GET /path?query HTTP/1.1\r\n"), "{}", asked.escape_ascii());
                requests += 1;
                // In two pieces, so that an answer is not there at once.
                let (head, rest) = answer.split_at(answer.len() - 3);
                stream.write_all(head.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
                stream.write_all(rest.as_bytes()).await.unwrap();
            }
            // Whoever asked has its answer first.
            tokio::time::sleep(CLOSED_AFTER).await;
        }
        requests
    });
    (Server::of(&address.parse().unwrap()), serving)
}

async fn ask(server: &Server) -> Result<String, ClientError> {
    let request = Request::builder().uri("/path?query").body(Full::default()).unwrap();
    let answer = server.request(request).await?;
    let body = answer.into_body().collect().await?;
    Ok(String::from_utf8(body.to_bytes().into()).unwrap())
}

#[tokio::test]
async fn a_connection_serves_again_whatever_form_the_answer_had() {
    let (server, serving) = server(&[&[EMPTY, SIZED, CHUNKED, EMPTY]]).await;
    for expected in ["", "hello", "hello", ""] {
        assert_eq!(ask(&server).await.unwrap(), expected);
    }
    assert_eq!(serving.await.unwrap(), 4);
}

#[tokio::test]
async fn one_that_the_server_closed_is_followed_by_a_new_one() {
    let (server, serving) = server(&[&[LAST], &[EMPTY], &[SIZED]]).await;
    for (expected, kept) in [("", 0), ("", 1), ("hello", 1)] {
        assert_eq!(ask(&server).await.unwrap(), expected);
        // Where the server said that it would, nothing is kept.
        assert_eq!(server.0.kept.lock().unwrap().connections.len(), kept);
        // Where the server closes without a word, that has to arrive.
        tokio::time::sleep(CLOSED_AFTER * 3).await;
    }
    assert_eq!(serving.await.unwrap(), 3);
}

#[tokio::test]
async fn what_the_server_may_have_read_is_asked_once_only() {
    let (server, serving) = server(&[&[EMPTY, CUT_OFF], &[EMPTY]]).await;
    assert_eq!(ask(&server).await.unwrap(), "");
    assert!(matches!(ask(&server).await, Err(ClientError::Exchange(_))));
    assert_eq!(ask(&server).await.unwrap(), "");
    assert_eq!(serving.await.unwrap(), 3);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_to_its_end_ends_its_connection() {
    let (server, serving) = server(&[&[SIZED], &[EMPTY]]).await;
    let request = Request::builder().uri("/path?query").body(Full::default()).unwrap();
    drop(server.request(request).await.unwrap());
    assert_eq!(ask(&server).await.unwrap(), "");
    assert_eq!(serving.await.unwrap(), 2);
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    for address in [format!("http://127.0.0.1:{port}/"), "/".to_owned()] {
        let error = ask(&Server::of(&address.parse().unwrap())).await.unwrap_err();
        assert!(matches!(error, ClientError::Connect(_)), "{error}");
    }
}

#[tokio::test]
async fn what_nobody_uses_is_closed_after_a_while() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::of(&format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap());
    let answer = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 1024];
        assert!(stream.read(&mut asked).await.unwrap() > 0);
        stream.write_all(EMPTY.as_bytes()).await.unwrap();
        stream
    };
    let (asked, stream) = tokio::join!(ask(&server), answer);
    assert_eq!(asked.unwrap(), "");
    let is_open = || matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);

    let a_bit_more = SWEPT_EVERY + Duration::from_secs(1);
    tokio::time::pause();
    tokio::time::advance(a_bit_more).await;
    tokio::task::yield_now().await;
    assert!(is_open(), "it was in use a moment ago");
    tokio::time::advance(a_bit_more).await;
    tokio::time::resume();
    tokio::time::timeout(Duration::from_secs(5), stream.readable()).await.unwrap().unwrap();
    assert_eq!(stream.try_read(&mut [0]).unwrap(), 0);
}

#[test]
fn the_host_is_named_with_a_port_that_is_not_the_schemes_own() {
    for (address, expected) in [
        ("https://ns.servicebus.windows.net/hub", Some("ns.servicebus.windows.net")),
        ("https://ns.servicebus.windows.net:443/", Some("ns.servicebus.windows.net")),
        ("https://ns.servicebus.windows.net:80/", Some("ns.servicebus.windows.net:80")),
        ("http://127.0.0.1:7090/", Some("127.0.0.1:7090")),
        ("http://[::1]:80/", Some("[::1]")),
        ("/", None),
    ] {
        assert_eq!(host(&address.parse().unwrap()).as_ref().map(|host| host.to_str().unwrap()), expected);
    }
}
