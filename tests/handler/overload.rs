//! More than can be served: what is in flight is bounded, calls go first, and what is refused is delivered when it is repeated.

use std::time::{Duration, Instant};

use notification_hubs_emulator::{Action, Fault};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::binary::Process;
use crate::support::*;

/// The limits, which are the program's own.
const MOST_REQUESTS: usize = 1792;
const MOST_EVENTS: usize = 5000;
const MOST_CONNECTIONS: usize = 2048;
const SMALL_BODY: usize = 16 * 1024;
const LARGEST_BODY: usize = 8 * 1024 * 1024;
const LARGEST_TOGETHER: usize = 8;

const CORRELATION_ID: &str = "d732db64-4803-462d-be9c-518943ea2b7a";

async fn app_with_phones(settings: &[(&str, &str)]) -> App {
    let app = App::with(settings).await;
    app.register("iphone", phone()).await;
    app.register_android(BOB).await;
    app
}

/// A hub that is slow until `clear_faults`.
fn slow(app: &App, ms: u64) {
    app.hub.add_fault(Fault::action(Action::Pass).delay_ms(ms).always());
}

fn message(number: usize) -> Value {
    sms(&format!("m{number}"), "15551234567", &format!("Hello {number}"))
}

/// Posts events one by one, all at the same time.
fn post_all(app: &App, numbers: impl Iterator<Item = usize>) -> JoinSet<(usize, Reply)> {
    let mut posted = JoinSet::new();
    for number in numbers {
        let request = app.request(Method::POST, "/EventGridTrigger").body(envelope(&message(number)).to_string());
        posted.spawn(async move { (number, Reply::of(request).await) });
    }
    posted
}

#[tokio::test]
async fn a_call_rings_at_once_while_hundreds_of_messages_wait_for_a_slow_hub() {
    let app = app_with_phones(&[("HUB_MAX_IN_FLIGHT", "16")]).await;
    slow(&app, 2500);
    let messages = json!((0..300).map(message).collect::<Vec<_>>());
    let call = async {
        timeout(Duration::from_secs(20), app.hub.wait_for_requests(14)).await.unwrap();
        let began = Instant::now();
        let line = app.deliver(&call("call", CORRELATION_ID)).await;
        let took = began.elapsed();
        app.hub.clear_faults();
        (line, took)
    };
    let (reply, (line, took)) = tokio::join!(app.invoke(&messages), call);
    assert_eq!((reply.status, &line["outcome"]), (200, &json!("delivered")), "{reply:?}");
    let place = app.hub.requests().iter().position(|request| request.body.contains("eventId")).unwrap();
    assert_eq!(place, 14, "it waited for an answer to a message");
    assert!(took < Duration::from_millis(4500), "{took:?} at a hub of 2.5 s");
}

#[tokio::test]
async fn more_requests_than_the_limit_are_refused_at_once_and_calls_are_not() {
    acs_push::raise_limit_of_files();
    let app = app_with_phones(&[]).await;
    slow(&app, 15_000);
    let mut posted = post_all(&app, 0..MOST_REQUESTS + 30);
    let mut refused = Vec::new();
    // Nobody else is answered before the hub answers.
    for _ in 0..30 {
        let (number, reply) = timeout(Duration::from_secs(20), posted.join_next()).await.unwrap().unwrap().unwrap();
        assert_eq!((reply.status, reply.headers["retry-after"].as_str()), (503, "30"), "{reply:?}");
        assert!(reply.text.contains("too many events are in flight"), "{reply:?}");
        refused.push(number);
    }
    let place = app.hub.requests().len();
    let event = call("call", CORRELATION_ID);
    let rings = app.invoke(&event);
    let answers = async {
        timeout(Duration::from_secs(20), app.hub.wait_for_requests(place + 1)).await.unwrap();
        assert!(app.hub.requests().iter().any(|request| request.body.contains("eventId")));
        app.hub.clear_faults();
        while let Some(answered) = posted.join_next().await {
            let (number, reply) = answered.unwrap();
            assert_eq!(reply.status, 200, "{number}: {reply:?}");
        }
    };
    let (reply, ()) = tokio::join!(rings, answers);
    assert_eq!(reply.status, 200, "{reply:?}");
    let status = app.status().await;
    assert_eq!((&status["received"], &status["in_flight"]), (&json!(MOST_REQUESTS + 1), &json!(0)));
    assert_eq!(status["overloaded"], 30);
    // Those that were refused come again.
    for number in refused {
        assert_eq!(app.deliver(&message(number)).await["outcome"], "delivered");
    }
    let mut texts: Vec<_> = app.hub.accepted().into_iter().map(|request| request.body).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), MOST_REQUESTS + 31, "each was pushed");
}

#[tokio::test]
async fn more_events_than_the_limit_are_refused_in_one_request_too_and_a_call_among_them_is_not() {
    let app = app_with_phones(&[]).await;
    slow(&app, 15_000);
    let unknown = |count: usize| (0..count).map(|number| sms(&format!("n{number}"), "1555", "Hi"));
    let first = json!(unknown(MOST_EVENTS - 1).chain([message(0)]).collect::<Vec<_>>());
    let then = async {
        timeout(Duration::from_secs(20), app.hub.wait_for_requests(1)).await.unwrap();
        assert_eq!(app.invoke(&message(1)).await.status, 503);
        let calls = |count: usize| json!(unknown(count - 1).chain([call("call", CORRELATION_ID)]).collect::<Vec<_>>());
        assert_eq!(app.invoke(&calls(MOST_EVENTS + 1)).await.status, 503, "calls have a limit as well");
        let rings = async {
            timeout(Duration::from_secs(20), app.hub.wait_for_requests(2)).await.unwrap();
            app.hub.clear_faults();
        };
        let calls = calls(MOST_EVENTS);
        let (reply, ()) = tokio::join!(app.invoke(&calls), rings);
        assert_eq!(reply.status, 200, "{reply:?}");
    };
    let (reply, ()) = tokio::join!(app.invoke(&first), then);
    assert_eq!(reply.status, 200);
    assert_eq!(app.deliver(&message(1)).await["outcome"], "delivered");
}

/// A request whose body has been sent but for its last byte.
async fn all_but_a_byte(address: &str, path: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; length - 1]).await.unwrap();
    stream
}

async fn answer(mut stream: TcpStream) -> String {
    stream.write_all(b" ").await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// As many of the largest bodies as there may be, each without its end.
async fn hold_all(address: &str, path: &str) -> Vec<TcpStream> {
    let mut held = Vec::new();
    for _ in 0..LARGEST_TOGETHER {
        held.push(all_but_a_byte(address, path, LARGEST_BODY).await);
    }
    held
}

/// The answer to a large body as soon as there is no room for it: the last bytes of those that are held may have been read a
/// moment later than they were sent.
async fn refused_as_large(address: &str, path: &str) -> String {
    let no_room = async {
        loop {
            let reply = answer(all_but_a_byte(address, path, SMALL_BODY + 1).await).await;
            if !reply.starts_with("HTTP/1.1 400 ") {
                return reply;
            }
        }
    };
    timeout(Duration::from_secs(20), no_room).await.unwrap()
}

#[tokio::test]
async fn large_bodies_hold_64_mib_together_and_small_ones_are_always_taken() {
    for (app, path) in [(App::start().await, "/EventGridTrigger"), (App::webhook(&[]).await, "/webhooks/eventgrid")] {
        let address = app.url("");
        let held = hold_all(&address, path).await;
        let reply = refused_as_large(&address, path).await;
        assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("retry-after: 30"), "{reply}");
        assert!(reply.contains("too many large bodies at the same time"), "{reply}");
        // Blanks are no event.
        let small = answer(all_but_a_byte(&address, path, SMALL_BODY).await).await;
        assert!(small.starts_with("HTTP/1.1 400 "), "{small}");
        for stream in held {
            let reply = answer(stream).await;
            assert!(reply.starts_with("HTTP/1.1 400 "), "{reply}");
        }
        let again = answer(all_but_a_byte(&address, path, SMALL_BODY + 1).await).await;
        assert!(again.starts_with("HTTP/1.1 400 "), "the room is free again: {again}");
    }
}

/// A process and its hub, in a folder of its own.
async fn process() -> (Process, notification_hubs_emulator::Emulator, tempfile::TempDir) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[]), folder.path()).await;
    (process, hub, folder)
}

/// How often it wrote this, in the end.
async fn times_told(process: Process, told: &str) -> usize {
    let (code, written) = process.terminate().await;
    assert_eq!(code, Some(0), "{written}");
    written.matches(told).count()
}

#[tokio::test]
async fn that_events_are_refused_is_told_once_a_minute() {
    let (process, hub, _folder) = process().await;
    process.register("iphone", phone()).await;
    hub.add_fault(Fault::action(Action::Pass).delay_ms(15_000).always());
    let unknown = (1..MOST_EVENTS).map(|number| sms(&format!("n{number}"), "1555", "Hi"));
    let most = json!(unknown.chain([message(0)]).collect::<Vec<_>>());
    let refused = async {
        timeout(Duration::from_secs(20), hub.wait_for_requests(1)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(process.invoke(&message(1)).await.status, 503);
        }
        hub.clear_faults();
    };
    let (reply, ()) = tokio::join!(process.invoke(&most), refused);
    assert_eq!(reply.status, 200);
    let told = " WARN too many events are in flight: further ones are answered 503, but for calls\n";
    assert_eq!(times_told(process, told).await, 1);
}

#[tokio::test]
async fn that_large_bodies_are_refused_is_told_once_a_minute() {
    let (process, _hub, _folder) = process().await;
    let held = hold_all(&process.address, "/EventGridTrigger").await;
    for _ in 0..3 {
        let reply = refused_as_large(&process.address, "/EventGridTrigger").await;
        assert!(reply.starts_with("HTTP/1.1 503 "), "{reply}");
    }
    drop(held);
    assert_eq!(times_told(process, " WARN large requests hold 64 MiB: further ones are answered 503\n").await, 1);
}

/// A connection on which a request is answered, and what the answer's head is.
async fn asked(address: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
    let head = ask(&mut stream).await;
    (stream, head)
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4096];
    let length = timeout(Duration::from_secs(20), stream.read(&mut answer)).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..length]).to_ascii_lowercase()
}

#[tokio::test]
async fn that_connections_wait_is_told_once_a_minute() {
    acs_push::raise_limit_of_files();
    let (process, _hub, _folder) = process().await;
    let mut open = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        open.push(asked(&process.address).await.0);
    }
    for _ in 0..3 {
        // It is served once another one has ended, which is told to end while somebody waits.
        let waits = tokio::spawn({
            let address = process.address.clone();
            async move { asked(&address).await }
        });
        let told_to_end = async {
            loop {
                let mut stream = open.remove(0);
                if ask(&mut stream).await.contains("connection: close") {
                    return;
                }
                open.push(stream);
            }
        };
        timeout(Duration::from_secs(20), told_to_end).await.unwrap();
        let (stream, head) = timeout(Duration::from_secs(20), waits).await.unwrap().unwrap();
        assert!(head.starts_with("http/1.1 200 "), "{head}");
        open.push(stream);
    }
    drop(open);
    let told = format!(" WARN {MOST_CONNECTIONS} connections are open: further ones wait\n");
    assert_eq!(times_told(process, &told).await, 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn without_a_free_file_connections_wait_which_is_told_once_a_minute_and_are_served_afterwards() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    const MOST: u64 = 64;
    let (process, _hub, _folder) = process().await;
    // The connection of the first request is kept for another one.
    assert_eq!(Reply::of(process.request(Method::GET, "/")).await.status, 200);
    let pid = Pid::from_raw(process.child.id().unwrap().try_into().unwrap());
    prlimit(pid, Resource::Nofile, Rlimit { current: Some(MOST), maximum: Some(MOST) }).unwrap();
    for _ in 0..2 {
        let mut open = Vec::new();
        for _ in 0..MOST {
            open.push(TcpStream::connect(process.address.trim_start_matches("http://")).await.unwrap());
        }
        let (waits, served) = (asked(&process.address), process.wrote("cannot accept a connection: "));
        let rest = async {
            timeout(Duration::from_secs(20), served).await.unwrap();
            // It serves the connections that it has.
            assert_eq!(Reply::of(process.request(Method::GET, "/")).await.status, 200);
            drop(open);
        };
        let ((_, head), ()) = tokio::join!(waits, rest);
        assert!(head.starts_with("http/1.1 200 "), "{head}");
    }
    assert_eq!(times_told(process, "ERROR cannot accept a connection: ").await, 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    use tokio::io::AsyncBufReadExt;

    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", "ulimit -S -n 100 && exec \"$0\"", env!("CARGO_BIN_EXE_acs-push")]);
    shell.envs(vars(&hub, &[("FUNCTIONS_CUSTOMHANDLER_PORT", "0")])).current_dir(folder.path());
    let mut child = shell.stdout(std::process::Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(Duration::from_secs(20), lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(line.contains("listens on"), "{line}");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id().unwrap())).unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard] = [0, 1].map(|place| limit.split_whitespace().nth(place).unwrap());
    assert_eq!(soft, hard, "{limits}");
}
