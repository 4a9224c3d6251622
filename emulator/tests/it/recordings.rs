//! Recorded exchanges of the real service: the emulator answers with the same status, header names and body shape. The file
//! has facts only; each has its source, a public repository of Microsoft.

use notification_hubs_emulator::{Emulator, FrontEnd, Options, Right};
use reqwest::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{APNS, RULE, Send, apple, now, primary_key, rule, start, token};
use crate::registrations::{apple_entry, entry};

const TOKEN: &str = "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0";

/// What hyper decides: the length or chunks.
const FRAMING: [&str; 2] = ["content-length", "transfer-encoding"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Exchange {
    source: String,
    #[serde(default)]
    front_end: Option<String>,
    /// Requests that were sent before, and their bodies.
    #[serde(default)]
    before: Vec<(String, String)>,
    /// The rule whose key signs; without it one with all rights.
    #[serde(default)]
    rule: Option<String>,
    request: String,
    #[serde(default)]
    tags: Option<String>,
    #[serde(default)]
    send: Option<String>,
    status: u16,
    /// The names of the headers; without it they are not known.
    #[serde(default)]
    headers: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    /// The names of elements or members in their order; entries of the same shape once.
    body: String,
}

fn body(name: &str) -> String {
    let installation = |more: Value| {
        let mut all = json!({"installationId": "phone", "platform": "apns", "pushChannel": TOKEN});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all.to_string()
    };
    match name {
        "appleRegistration" => apple_entry(TOKEN, "likes_football,likes_hockey"),
        "appleTemplateRegistration" => entry(
            "AppleTemplateRegistrationDescription",
            &format!(
                "<Tags>tag1</Tags><PushVariables>{{\"var1\":\"value1\"}}</PushVariables><DeviceToken>{TOKEN}</DeviceToken>\
                 <BodyTemplate>{APNS}</BodyTemplate><TemplateName>Template Name</TemplateName>"
            ),
        ),
        "installation" => installation(json!({"tags": ["likes_hockey", "likes_football"]})),
        "installationWithUser" => installation(json!({"userId": "ada"})),
        "installationWithTemplate" => installation(json!({
            "tags": ["tag1"], "pushVariables": {"var1": "value1"},
            "templates": {"Template Name": {"tags": ["a"], "expiry": "2018-11-07T16:18:32Z", "body": APNS}},
        })),
        "notification" | "batchWithoutBoundary" => APNS.to_owned(),
        other => panic!("no body is named {other}"),
    }
}

fn request(emulator: &Emulator, line: &str, body_name: Option<&str>) -> Send {
    let (method, path) = line.split_once(' ').unwrap();
    let separator = if path.contains('?') { '&' } else { '?' };
    let target = format!("/{}/{path}{separator}api-version=2020-06", emulator.hub_name());
    let content_type = match body_name {
        Some("batchWithoutBoundary") => "multipart/mixed",
        Some(name) if name.ends_with("Registration") => "application/atom+xml;type=entry;charset=utf-8",
        Some(_) | None => "application/json;charset=utf-8",
    };
    let send = apple(emulator).method(Method::from_bytes(method.as_bytes()).unwrap()).target(&target);
    let send = send.header("Content-Type", content_type).body(body_name.map(body).unwrap_or_default());
    if path.contains("direct") { send } else { send.without("ServiceBusNotification-DeviceHandle") }
}

/// The names of XML elements or of JSON members, in their order.
fn shape(text: &str) -> String {
    let names: Vec<String> = if text.starts_with('{') {
        let mut names = Vec::new();
        let mut rest = text;
        while let Some((_, from)) = rest.split_once('"') {
            // A quote in a text stands behind a backslash.
            let end = (0..from.len()).find(|at| from[*at..].starts_with('"') && !from[..*at].ends_with('\\')).unwrap();
            if from[end + 1..].starts_with(':') {
                names.push(from[..end].to_owned());
            }
            rest = &from[end + 1..];
        }
        names
    } else {
        let tags = text.split('<').skip(1).filter(|tag| tag.starts_with(|first: char| first.is_alphabetic()));
        tags.map(|tag| tag.split([' ', '>', '/']).next().unwrap().to_owned()).collect()
    };
    let shape = names.join(" ");
    let Some((head, entries)) = shape.split_once(" entry ") else { return shape };
    let mut entries: Vec<_> = entries.split(" entry ").collect();
    entries.dedup();
    format!("{head} entry {}", entries.join(" entry "))
}

async fn compare(exchange: &Exchange, response: Response) {
    let source = &exchange.source;
    assert_eq!(response.status(), exchange.status, "{source}");
    let names = response.headers().keys().map(|name| name.as_str().to_owned());
    let mut names: Vec<_> = names.filter(|name| !FRAMING.contains(&name.as_str())).collect();
    names.sort();
    if let Some(recorded) = &exchange.headers {
        let mut recorded: Vec<_> = recorded.split(' ').map(str::to_ascii_lowercase).collect();
        recorded.sort();
        // Recordings before 2020 have fewer headers, and the emulator then sends no `Server`.
        if exchange.front_end.is_some() {
            names.retain(|name| recorded.contains(name));
        }
        assert_eq!(names, recorded, "{source}");
    }
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
    if exchange.headers.is_some() {
        assert_eq!(content_type, exchange.content_type, "{source}");
    }
    let body = response.text().await.unwrap();
    assert_eq!(shape(&body), exchange.body, "{source}: {body}");
}

#[tokio::test]
async fn recorded_exchanges_have_the_same_status_header_names_and_body_shape() {
    let exchanges: Vec<Exchange> = serde_json::from_str(include_str!("../recordings.json")).unwrap();
    assert!(exchanges.len() >= 20);
    for exchange in &exchanges {
        let front_end = match exchange.front_end.as_deref() {
            Some("before2022") => FrontEnd::Before2022,
            Some(other) => panic!("{other}"),
            None => FrontEnd::Since2022,
        };
        let mut options = Options { front_end, ..Options::default() };
        options.rules.push(rule("Listener", Right::Listen));
        let emulator = Emulator::start(options).await.unwrap();
        for (line, body_name) in &exchange.before {
            assert_eq!(request(&emulator, line, Some(body_name)).status().await, 200, "{}: {line}", exchange.source);
        }
        let mut send = request(&emulator, &exchange.request, exchange.send.as_deref());
        if let Some(rule) = &exchange.rule {
            let token = token(&emulator.url(), rule, &format!("{rule}-1"), now() + 300);
            send = send.header("Authorization", &token);
        }
        if let Some(tags) = &exchange.tags {
            send = send.header("ServiceBusNotification-Tags", tags);
        }
        compare(exchange, send.send().await).await;
    }
}

#[tokio::test]
async fn header_names_are_written_as_recorded() {
    let emulator = start().await;
    let token = token(&emulator.url(), RULE, &primary_key(&emulator), now() + 300);
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.port())).await.unwrap();
    let head = format!(
        "POST /acs-push-dev/messages?direct&api-version=2020-06 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Authorization: {token}\r\nServiceBusNotification-Format: apple\r\nServiceBusNotification-DeviceHandle: ab\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{APNS}",
        APNS.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let mut names: Vec<_> = text.lines().skip(1).filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Connection",
            "Content-Length",
            "Date",
            "Location",
            "Server",
            "Strict-Transport-Security",
            "TrackingId",
            "X-Powered-By",
            "x-ms-correlation-request-id"
        ]
    );
}
