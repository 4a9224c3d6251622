//! Each limit, reached and not: by the clock of the runtime, which goes on at once where everybody waits.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// A server that answers "ok" at its port, how to stop it, and its end.
async fn start() -> (u16, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(serve(warp::path::end().map(|| "ok"), listener, async { drop(stopped.await) }));
    (port, stop, served)
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

/// Sends a request, and reads as much of the answer as it takes to know its status.
async fn status(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = vec![0; 1024];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..length]).split(' ').nth(1).unwrap_or_default().to_owned()
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
    let (port, _stop, _served) = start().await;
    for begun in [&b""[..], b"G", b"GET / HTTP/1.1\r\nhost: h\r\nx-a: "] {
        let mut stream = connect(port).await;
        stream.write_all(begun).await.unwrap();
        let time = open_for(&mut stream).await;
        assert!(is_about(time, MAX_IDLE), "{begun:?}: {time:?}");
    }
    // More of it does not prolong it.
    let mut stream = connect(port).await;
    stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let since = Instant::now();
    while stream.write_all(b"x-a: b\r\n").await.is_ok() && since.elapsed() < 2 * MAX_IDLE {
        sleep(Duration::from_secs(1)).await;
    }
    assert!(is_about(since.elapsed(), MAX_IDLE + Duration::from_secs(1)), "{:?}", since.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_as_long_as_the_host_keeps_it_and_then_closed() {
    let (port, _stop, _served) = start().await;
    let mut stream = connect(port).await;
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
        (Some(REQUEST), half, Duration::ZERO),
    ] {
        let (port, stop, served) = start().await;
        let mut stream = connect(port).await;
        if let Some(request) = request {
            assert_eq!(status(&mut stream, request).await, "200");
        }
        stream.write_all(begun).await.unwrap();
        // By then the server has read it.
        assert_eq!(status(&mut connect(port).await, REQUEST).await, "200");
        let since = Instant::now();
        stop.send(()).unwrap();
        served.await.unwrap();
        assert!(since.elapsed() <= longest + Duration::from_millis(10), "{begun:?}: {:?}", since.elapsed());
    }
}

#[tokio::test]
async fn a_head_may_have_64_kib_and_not_one_byte_more() {
    let (port, _stop, _served) = start().await;
    let of_length = |length: usize| {
        let head = |value: &str| format!("GET / HTTP/1.1\r\nhost: h\r\nx-a: {value}\r\n\r\n");
        head(&"a".repeat(length - head("").len()))
    };
    for (length, expected) in [(MAX_HEAD_BYTES - 1, "200"), (MAX_HEAD_BYTES, "200"), (MAX_HEAD_BYTES + 1, "431")] {
        assert_eq!(status(&mut connect(port).await, of_length(length).as_bytes()).await, expected, "{length}");
    }
}

#[tokio::test]
async fn a_connection_beyond_the_limit_is_answered_when_another_one_ends() {
    let (port, _stop, _served) = start().await;
    let mut open = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut stream = connect(port).await;
        assert_eq!(status(&mut stream, REQUEST).await, "200");
        open.push(stream);
    }
    let mut further = connect(port).await;
    let answer = timeout(Duration::from_millis(300), status(&mut further, REQUEST)).await;
    assert!(answer.is_err(), "{answer:?}");
    // Those that are open are served meanwhile.
    assert_eq!(status(&mut open[0], REQUEST).await, "200");
    open.pop();
    let mut answer = [0; 12];
    timeout(Duration::from_secs(20), further.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}
