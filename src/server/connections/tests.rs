//! Each limit, reached and not: by the clock of the runtime, which goes on at once where everybody waits.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// A server that answers "ok", at `/slow` once it is told, how to stop it, and its end.
struct Running {
    port: u16,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    slow: Arc<Notify>,
}

async fn start() -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel();
    let (requests, slow) = (TaskTracker::new(), Arc::new(Notify::new()));
    requests.close();
    let respond = {
        let (requests, slow) = (requests.clone(), Arc::clone(&slow));
        move |path: warp::path::FullPath| {
            let (in_flight, slow) = (requests.token(), Arc::clone(&slow));
            async move {
                if path.as_str() == "/slow" {
                    slow.notified().await;
                }
                drop(in_flight);
                HttpResponse::new("ok".into())
            }
        }
    };
    // A filter that may reject, as those of the fronts.
    let filter = warp::body::stream().and(warp::path::full()).then(move |_, path| respond(path));
    let served = tokio::spawn(async move { serve(filter, listener, &requests, async { drop(stopped.await) }).await });
    Running { port, stop, served, slow }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).await.unwrap()
    }
}

/// Sends a request, and reads as much of the answer as it takes to know its status.
async fn status(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    head(stream).await.split(' ').nth(1).unwrap_or_default().to_owned()
}

async fn head(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";

/// How long the server leaves the connection open.
async fn open_for(stream: &mut TcpStream) -> Duration {
    let since = Instant::now();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    since.elapsed()
}

fn is_about(time: Duration, expected: Duration) -> bool {
    time >= expected.saturating_sub(Duration::from_millis(10)) && time <= expected + Duration::from_secs(1)
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_to_its_end_closes_its_connection() {
    let server = start().await;
    for begun in [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: h\r\nx-a: "] {
        let mut stream = server.connect().await;
        stream.write_all(begun).await.unwrap();
        let time = open_for(&mut stream).await;
        assert!(is_about(time, MAX_IDLE), "{begun:?}: {time:?}");
    }
    // More of it does not prolong it.
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let since = Instant::now();
    while stream.write_all(b"x-a: b\r\n").await.is_ok() && since.elapsed() < 2 * MAX_IDLE {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(is_about(since.elapsed(), MAX_IDLE + Duration::from_secs(1)), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_as_long_as_the_host_keeps_it_and_then_closed() {
    let server = start().await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        assert_eq!(status(&mut stream, REQUEST).await, "200");
        sleep(MAX_IDLE - Duration::from_secs(1)).await;
    }
    assert_eq!(status(&mut stream, REQUEST).await, "200");
    assert!(is_about(open_for(&mut stream).await, MAX_IDLE));
}

#[tokio::test(start_paused = true)]
async fn half_a_head_delays_the_end_by_a_second_and_an_idle_connection_not_at_all() {
    let half = &b"GET / HTTP/1.1\r\nhost"[..];
    for (request, begun, longest) in [
        (None, half, MAX_HEAD_AT_END),
        (None, b"", Duration::ZERO),
        (Some(REQUEST), b"", Duration::ZERO),
        (Some(REQUEST), half, MAX_HEAD_AT_END),
    ] {
        let server = start().await;
        let mut stream = server.connect().await;
        if let Some(request) = request {
            assert_eq!(status(&mut stream, request).await, "200");
        }
        stream.write_all(begun).await.unwrap();
        // By then the server has read it.
        assert_eq!(status(&mut server.connect().await, REQUEST).await, "200");
        let since = Instant::now();
        server.stop.send(()).unwrap();
        server.served.await.unwrap();
        assert!(since.elapsed() <= longest + Duration::from_millis(10), "{begun:?}: {:?}", since.elapsed());
    }
}

#[tokio::test]
async fn a_request_in_flight_is_answered_at_the_end_and_half_a_head_waits_with_it_no_longer() {
    let server = start().await;
    let (mut slow, mut half) = (server.connect().await, server.connect().await);
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
    assert_eq!(status(&mut server.connect().await, REQUEST).await, "200");
    server.stop.send(()).unwrap();
    // Longer than half a head alone would be waited for.
    sleep(MAX_HEAD_AT_END + Duration::from_millis(300)).await;
    assert!(TcpStream::connect(("127.0.0.1", server.port)).await.is_err(), "it still accepts connections");
    server.slow.notify_one();
    let answer = head(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    timeout(MAX_HEAD_AT_END + Duration::from_secs(5), server.served).await.unwrap().unwrap();
    assert_eq!(open_for(&mut half).await.as_secs(), 0);
}

#[tokio::test]
async fn a_head_may_have_64_kib_and_not_twice_as_much() {
    let server = start().await;
    let of_length = |length: usize| {
        let head = |value: &str| format!("GET / HTTP/1.1\r\nhost: h\r\nx-a: {value}\r\n\r\n");
        head(&"a".repeat(length - head("").len()))
    };
    for (length, expected) in [(MAX_HEAD_BYTES - 1, "200"), (MAX_HEAD_BYTES, "200"), (2 * MAX_HEAD_BYTES + 1, "431")] {
        assert_eq!(status(&mut server.connect().await, of_length(length).as_bytes()).await, expected, "{length}");
    }
}

#[tokio::test]
async fn it_speaks_http_1_only() {
    let server = start().await;
    let mut stream = server.connect().await;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let answer = head(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 "), "{answer:?}");
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_served_after_the_next_response_of_another_and_delays_no_end() {
    crate::server::raise_limit_of_files();
    let server = start().await;
    let mut open = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = server.connect().await;
        stream.write_all(REQUEST).await.unwrap();
        let answer = head(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("connection: close"), "{answer}");
        open.push(stream);
    }
    let mut further = server.connect().await;
    let answer = timeout(Duration::from_millis(300), status(&mut further, REQUEST)).await;
    assert!(answer.is_err(), "{answer:?}");
    // Those that are open are served meanwhile, and make room.
    open[0].write_all(REQUEST).await.unwrap();
    let answer = head(&mut open[0]).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    assert!(timeout(Duration::from_secs(20), head(&mut further)).await.unwrap().starts_with("HTTP/1.1 200 "));
    // Nobody waits any more.
    open[1].write_all(REQUEST).await.unwrap();
    assert!(!head(&mut open[1]).await.contains("connection: close"));
    let _waits = server.connect().await;
    let since = Instant::now();
    server.stop.send(()).unwrap();
    server.served.await.unwrap();
    assert!(since.elapsed() < MAX_HEAD_AT_END, "{:?}", since.elapsed());
}
