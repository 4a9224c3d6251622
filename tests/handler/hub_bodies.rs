//! How much of the body of a hub's answer is read, and how long it is waited for.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::support::*;

/// Most that is read of a body.
const LIMIT: usize = 64 * 1024;
/// Set up wrongly, if it is read; without it a 400 is a refusal of the device.
const CAUSE: &str = "The hub has no credential";

/// Whether the cause is read in `body`, of which the hub announced `more` bytes than it sends, this long after the head; and how long
/// that took.
async fn is_read(body: String, more: usize, after: Duration) -> (bool, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 16 * 1024];
        let mut length = 0;
        // Its payload is the last thing in it.
        while !request[..length].ends_with(b"}") {
            length += connection.read(&mut request[length..]).await.unwrap();
        }
        let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n", body.len() + more);
        connection.write_all(head.as_bytes()).await.unwrap();
        sleep(after).await;
        // Whoever has read enough closes the connection.
        let _ = connection.write_all(body.as_bytes()).await;
        let _ = connection.read(&mut request).await;
    });
    let connection_string = format!("Endpoint={endpoint}/;SharedAccessKeyName=rule;SharedAccessKey=c2VjcmV0");
    let app = App::with(&[("NOTIFICATION_HUB_CONNECTION_STRING", connection_string.as_str())]).await;
    app.register("iphone", phone()).await;
    let began = Instant::now();
    let reply = app.invoke(&sms("e", "15551234567", "Hello")).await;
    let took = began.elapsed();
    serving.abort();
    assert!([200, 500].contains(&reply.status), "{reply:?}");
    (reply.status == 500, took)
}

#[tokio::test]
async fn sixty_four_kib_of_an_answer_are_read_and_no_more() {
    let body = |length: usize| " ".repeat(length - CAUSE.len()) + CAUSE;
    assert!(is_read(body(LIMIT), 0, Duration::ZERO).await.0);
    assert!(!is_read(body(LIMIT + 1), 0, Duration::ZERO).await.0);
}

#[tokio::test]
async fn a_body_is_waited_for_one_second_and_no_longer() {
    assert!(is_read(CAUSE.to_owned(), 0, Duration::from_millis(300)).await.0);
    // The rest never comes. The deadline of the invocation is far longer.
    let (is_read, took) = is_read(CAUSE.to_owned(), 100, Duration::ZERO).await;
    assert!(is_read, "what came of it counts");
    assert!((Duration::from_millis(900)..Duration::from_secs(4)).contains(&took), "{took:?}");
}
