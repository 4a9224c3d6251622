//! The page over HTTP: its files, its events, posting of samples, and refused origins.

use std::io::ErrorKind;
use std::time::Duration;

use notification_hubs_emulator::{Emulator, Options, Page, Phone, Sample};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::client::{apple, http_client, start};

const SOON: Duration = Duration::from_secs(5);

async fn start_with(page: Page) -> Emulator {
    Emulator::start(Options { page, ..Options::default() }).await.unwrap()
}

async fn ask(emulator: &Emulator, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = http_client().request(method, format!("{}{path}", emulator.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn get(emulator: &Emulator, path: &str, headers: &[(&str, &str)]) -> Response {
    ask(emulator, Method::GET, path, headers).await
}

/// Server-sent events, one after the other.
struct Events {
    response: Response,
    text: String,
}

#[derive(Debug, Default)]
struct Event {
    name: String,
    id: String,
    data: Value,
}

impl Events {
    async fn open(emulator: &Emulator, last_id: Option<&str>) -> Self {
        let headers: Vec<_> = last_id.map(|id| ("Last-Event-ID", id)).into_iter().collect();
        let response = get(emulator, "/_emulator/events", &headers).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut parsed = Event::default();
                for (name, value) in event.lines().filter_map(|line| line.split_once(": ")) {
                    match name {
                        "event" => value.clone_into(&mut parsed.name),
                        "id" => value.clone_into(&mut parsed.id),
                        _ => parsed.data = serde_json::from_str(value).unwrap(),
                    }
                }
                self.text = rest.to_owned();
                return parsed;
            }
            let chunk = timeout(SOON, self.response.chunk()).await.unwrap().unwrap().unwrap();
            self.text += std::str::from_utf8(&chunk).unwrap();
        }
    }
}

#[tokio::test]
async fn a_browser_gets_the_page_and_may_load_nothing_from_elsewhere() {
    let emulator = start().await;
    let page = get(&emulator, "/", &[("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")]).await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let text = page.text().await.unwrap();
    assert!(!text.contains("//") && !text.contains("<script>") && !text.contains(" style="), "{text}");
}

#[tokio::test]
async fn every_file_that_the_page_names_is_there() {
    let emulator = start().await;
    let mut wanted = vec!["/".to_owned()];
    let mut seen = 0;
    while let Some(path) = wanted.get(seen).cloned() {
        seen += 1;
        let file = get(&emulator, &path, &[("Accept", "text/html")]).await;
        assert_eq!(file.status(), 200, "{path}");
        assert_eq!(file.headers()["x-content-type-options"], "nosniff", "{path}");
        let text = file.text().await.unwrap();
        let quoted = text.split('"').skip(1).step_by(2);
        for name in quoted.filter_map(|name| name.strip_prefix("/_emulator/page/").or(name.strip_prefix("./"))) {
            let path = format!("/_emulator/page/{name}");
            if !wanted.contains(&path) {
                wanted.push(path);
            }
        }
    }
    assert!(seen > 15, "{wanted:?}");
    assert_eq!(get(&emulator, "/_emulator/page/nothing.js", &[]).await.status(), 404);
}

#[tokio::test]
async fn the_page_gets_hubs_and_phones_before_the_first_request() {
    let phone = Phone { name: "Mine".to_owned(), format: "apple".to_owned(), handles: vec!["abc".to_owned()] };
    let emulator = start_with(Page { phones: vec![phone], ..Page::default() }).await;
    let setup: Value =
        serde_json::from_slice(&get(&emulator, "/_emulator/setup", &[]).await.bytes().await.unwrap()).unwrap();
    let hub = json!({ "name": "acs-push-dev", "connectionString": emulator.connection_string() });
    let voip = json!({ "name": "acs-push-voip", "connectionString": emulator.connection_string() });
    assert_eq!(setup["hubs"], json!([hub, voip]));
    assert_eq!(setup["phones"], json!([{ "name": "Mine", "format": "apple", "handles": ["abc"] }]));
    assert_eq!(setup["postTo"], Value::Null);
}

#[tokio::test]
async fn settled_requests_are_streamed_with_a_short_signature() {
    let emulator = start().await;
    apple(&emulator).send().await;
    let mut events = Events::open(&emulator, None).await;
    let start = events.next().await;
    assert_eq!((start.name.as_str(), &start.data["newest"]), ("start", &json!(1)));
    assert_eq!(events.next().await.data["status"], 201);

    apple(&emulator).header("Apns-Priority", "7").send().await;
    let refused = events.next().await;
    assert_eq!((refused.name.as_str(), &refused.data["status"]), ("", &json!(400)));
    assert_eq!(refused.data["reason"], "apns-priority must be 1, 5 or 10, not '7'");
    let shown = refused.data["headers"]["authorization"].as_str().unwrap();
    let (_, signature) = shown.split_once("&sig=").unwrap();
    assert_eq!(signature.chars().position(|character| character == '…'), Some(4), "{shown}");
    assert!(signature.contains("&skn=DefaultFull"), "{shown}");
    assert!(emulator.requests()[1].headers["authorization"].len() > shown.len(), "the record has the whole signature");
}

#[tokio::test]
async fn a_page_that_reconnects_goes_on_where_it_stopped() {
    let emulator = start().await;
    for _ in 0..3 {
        apple(&emulator).send().await;
    }
    let mut events = Events::open(&emulator, None).await;
    events.next().await;
    let first = events.next().await;
    drop(events);

    let mut again = Events::open(&emulator, Some(&first.id)).await;
    let second = again.next().await;
    let number = |id: &str| id.rsplit_once('.').unwrap().1.parse::<u64>().unwrap();
    assert_eq!((second.name.as_str(), number(&second.id)), ("", number(&first.id) + 1));
}

#[tokio::test]
async fn a_cleared_record_or_another_emulator_resets_the_page() {
    let emulator = start().await;
    apple(&emulator).send().await;
    let mut events = Events::open(&emulator, None).await;
    events.next().await;
    let last = events.next().await;
    emulator.clear();
    let over = events.next().await;
    assert_eq!((over.name.as_str(), &over.data["newest"]), ("start", &json!(0)));

    let other = start().await;
    for id in [last.id.as_str(), "nonsense"] {
        assert_eq!(Events::open(&other, Some(id)).await.next().await.name, "start", "{id}");
    }
}

#[tokio::test]
async fn a_page_that_does_not_read_blocks_nobody() {
    let emulator = start().await;
    let _not_reading = Events::open(&emulator, None).await;
    let send = apple(&emulator).body(format!(r#"{{"aps":{{"alert":"{}"}}}}"#, "x".repeat(4000)));
    for _ in 0..1500 {
        assert_eq!(send.status().await, 201);
    }
    // A new page gets the last requests, and how many are dropped.
    let mut late = Events::open(&emulator, None).await;
    assert_eq!(late.next().await.data["newest"], 1500);
    let missed = late.next().await;
    assert_eq!((missed.name.as_str(), &missed.data), ("missed", &json!(1000)));
}

#[tokio::test]
async fn a_sample_is_posted_to_the_configured_address() {
    let other = start().await;
    let sample = Sample { name: "One".to_owned(), description: "It is one.".to_owned(), body: "{}".to_owned() };
    let post_to = Some(format!("{}/_emulator/faults", other.url()));
    let emulator = start_with(Page { samples: vec![sample], post_to, ..Page::default() }).await;
    let post = async |body: &'static str| {
        let url = format!("{}/_emulator/samples", emulator.url());
        let response = http_client().post(url).body(body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        serde_json::from_slice::<Value>(&response.bytes().await.unwrap()).unwrap()
    };
    assert_eq!(post(r#"{"times":3}"#).await, json!({ "status": 204, "body": "" }));
    let refused = post("[{").await;
    assert_eq!(refused["status"], 400);
    assert!(refused["body"].as_str().unwrap().starts_with("not a fault"), "{refused}");
    let faults = get(&other, "/_emulator/faults", &[]).await.text().await.unwrap();
    assert!(faults.contains(r#""times": 3"#), "{faults}");

    other.stop().await;
    let gone = ask(&emulator, Method::POST, "/_emulator/samples", &[]).await;
    assert_eq!(gone.status(), 502);
    let nowhere = ask(&start().await, Method::POST, "/_emulator/samples", &[]).await;
    assert_eq!(nowhere.status(), 404);
}

#[tokio::test]
async fn an_emulator_that_would_post_to_another_machine_does_not_start() {
    let page = Page { post_to: Some("http://example.com:80/".to_owned()), ..Page::default() };
    let error = Emulator::start(Options { page, ..Options::default() }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("example.com"), "{error}");
}

#[tokio::test]
async fn requests_of_other_origins_are_refused_and_those_of_the_own_page_answered() {
    let emulator = start().await;
    let own = emulator.url();
    let port = emulator.port();
    let rebound = format!("evil.example:{port}");
    let localhost = format!("localhost:{port}");
    let localhost_origin = format!("http://{localhost}");
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/_emulator/events"),
        (Method::GET, "/_emulator/requests"),
        (Method::DELETE, "/_emulator/requests"),
        (Method::POST, "/_emulator/samples"),
        (Method::POST, "/_emulator/faults"),
    ] {
        for headers in [
            &[("Host", rebound.as_str())][..],
            &[("Host", "127.0.0.1.example")],
            &[("Origin", "http://evil.example")],
            &[("Origin", "null")],
            // Another port is another origin.
            &[("Origin", "http://127.0.0.1:1")],
            &[("Origin", localhost_origin.as_str())],
        ] {
            let answer = ask(&emulator, method.clone(), path, headers).await;
            assert_eq!(answer.status(), 403, "{method} {path} {headers:?}");
        }
    }
    for headers in [
        &[("Origin", own.as_str())][..],
        &[("Host", localhost.as_str()), ("Origin", localhost_origin.as_str())],
        &[("Host", "[::1]:80")],
    ] {
        assert_eq!(ask(&emulator, Method::DELETE, "/_emulator/faults", headers).await.status(), 204, "{headers:?}");
    }
}
