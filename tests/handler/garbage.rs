//! Whatever is posted, the answer is as promised and the next event works.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::*;

const LIMIT: usize = 8 * 1024 * 1024;

async fn app_with_phone() -> App {
    let app = App::start().await;
    app.register("iphone", json!({"phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE})).await;
    app
}

async fn still_works(app: &App, id: &str) {
    assert_eq!(app.deliver(&sms(id, "15551234567", "Hello")).await["outcome"], "delivered");
}

#[tokio::test]
async fn a_body_that_is_no_envelope_is_answered_with_400_and_an_error() {
    let app = app_with_phone().await;
    let whole = envelope(&sms("e", "15551234567", "Hello")).to_string();
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "7",
        "[]",
        "\"text\"",
        "{",
        "{}",
        "{\"Data\":{}}",
        "{\"Data\":null}",
        "{\"Data\":[1]}",
        "{\"Data\":{\"event\":null}}",
        "{\"Data\":{\"other\":{}}}",
        "\0\0\0\0",
        "{\"Data\":{\"event\":{}}}}",
    ]
    .map(Vec::from)
    .into();
    bodies.push(whole.as_bytes()[..whole.len() - 20].to_vec());
    bodies.push([b"{\"Data\":{\"event\":{\"id\":\"".as_slice(), &[0xff, 0xfe], b"\"}}}"].concat());
    bodies.push(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes());
    bodies.push(format!("{{\"Data\":{}", "{\"event\":".repeat(100_000)).into_bytes());
    for (index, body) in bodies.into_iter().enumerate() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let reply = app.post(body).await;
        assert_eq!(reply.status, 400, "{shown}");
        assert_eq!(reply.headers["content-type"], "application/json", "{shown}");
        assert!(reply.json()["error"].as_str().is_some_and(|error| !error.is_empty()), "{shown}");
        still_works(&app, &format!("after-{index}")).await;
    }
}

#[tokio::test]
async fn more_elements_than_any_batch_has_are_refused_without_taking_memory_for_each() {
    let app = app_with_phone().await;
    let elements = |count: usize| format!("{{\"Data\":{{\"event\":[{}0]}}}}", "0,".repeat(count - 1)).into_bytes();
    let reply = app.post(elements(4_000_000)).await;
    assert_eq!(reply.status, 400);
    assert!(reply.text.contains("expected at most 10000"), "{}", reply.text);
    assert_eq!(app.post(elements(10_001)).await.status, 400);
    assert_eq!(app.post(elements(10_000)).await.log_lines().len(), 10_000);
    still_works(&app, "after").await;

    let webhook = App::webhook(&[]).await;
    let post = async |count: usize| {
        let body = format!("[{}0]", "0,".repeat(count - 1));
        Reply::of(webhook.request(reqwest::Method::POST, crate::webhook::PATH).body(body)).await
    };
    for count in [4_000_000, 10_001] {
        let reply = post(count).await;
        assert!(reply.status == 400 && reply.text.contains("expected at most 10000"), "{}", reply.text);
    }
    let reply = post(10_000).await;
    assert_eq!((reply.status, reply.text.matches("dead_lettered").count()), (200, 10_000));
}

#[tokio::test]
async fn a_value_that_is_not_an_event_is_dead_lettered_and_acknowledged() {
    let app = app_with_phone().await;
    for event in [
        json!(7),
        json!(true),
        json!({}),
        json!("hello"),
        json!("7"),
        json!({"id": "e"}),
        json!({"id": "e", "eventType": 7}),
        json!({"eventType": "Microsoft.Communication.SMSReceived", "subject": "phonenumber/1"}),
    ] {
        let line = app.deliver(&event).await;
        assert_eq!(line["outcome"], "dead_lettered", "{event}");
        assert!(line["reason"].as_str().unwrap().starts_with("not_an_event: "), "{line}");
    }
}

#[tokio::test]
async fn a_malformed_event_is_dead_lettered_with_the_name_of_the_field() {
    let app = app_with_phone().await;
    for (data, reason) in [
        (Value::Null, "data is missing"),
        (json!("text"), "data must be an object"),
        (json!([]), "data must be an object"),
        (json!({"from": "1", "message": "x"}), "data.messageId is missing"),
        (json!({"messageId": "m", "from": 7, "message": "x"}), "data.from must be a string"),
        (json!({"messageId": "m", "from": "1", "to": {}, "message": "x"}), "data.to must be a string"),
        (json!({"messageId": "m", "from": "1", "to": "1", "message": ["x"]}), "data.message must be a string"),
    ] {
        let line = app.deliver(&event("e", "SMSReceived", "/phonenumber/15551234567", data)).await;
        assert_eq!(
            (&line["outcome"], &line["reason"]),
            (&json!("dead_lettered"), &json!(format!("malformed: {reason}")))
        );
    }
    let mut call = call("c", "d732db64-4803-462d-be9c-518943ea2b7a");
    call["data"]["from"] = json!("8:acs:a");
    assert_eq!(app.deliver(&call).await["reason"], "malformed: data.from must be an object");
}

#[tokio::test]
async fn strange_contents_of_an_event_are_delivered_as_they_are() {
    let app = app_with_phone().await;
    for (index, text) in
        ["\0", "\u{feff}", "\u{200f}abc", "</script>", "{{ field }}", "\\u0000", "💥".repeat(3000).as_str()]
            .into_iter()
            .enumerate()
    {
        let line = app.deliver(&sms(&format!("e{index}"), "15551234567", text)).await;
        assert_eq!(line["outcome"], "delivered", "{text:?}");
        let shown = body(app.hub.accepted().last().unwrap())["aps"]["alert"]["body"].as_str().unwrap().to_owned();
        assert!(text.starts_with(shown.trim_end_matches('…')), "{shown:?}");
    }
}

/// An event as the host may hand it over: an object, a string of its JSON, and a string in which the escape is the
/// string's own. In each, the escape stands for `%`.
fn handed_over(event: &Value, escape: &str) -> [String; 3] {
    let object = event.to_string().replace('%', escape);
    [object.clone(), json!(object).to_string(), json!(event.to_string()).to_string().replace('%', escape)]
}

#[tokio::test]
async fn half_a_surrogate_pair_is_a_replacement_character_wherever_it_stands() {
    let app = App::start().await;
    let phone = json!({"userId": BOB, "phoneNumbers": ["15551234567"], "platform": "apns", "pushChannel": IPHONE});
    app.register("iphone", phone).await;
    let deliver = async |event: &str, escape: &str| {
        let body = format!(r#"{{"Data": {{"event": {event}}}, "Metadata": {{"{escape}": "{escape}"}}}}"#);
        let line = app.post(body.into_bytes()).await.log_lines().remove(0);
        assert_eq!(line["outcome"], "delivered", "{line} {event}");
        (line["event"].clone(), body_of_last(&app)["aps"]["alert"].take())
    };
    let escapes = [
        (r"\ud83d", "\u{fffd}"),
        (r"\ude00", "\u{fffd}"),
        (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
        (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
    ];
    for (index, (escape, text)) in escapes.into_iter().enumerate() {
        for form in 0..3 {
            // In texts and ids, in the subject, and in names and values that nobody reads.
            let id = format!("%{index}-{form}");
            let mut chat = chat(&id, "ChatMessageReceived", &id, 1, "hi %");
            chat["subject"] = json!("thread/%");
            chat["data"]["senderDisplayName"] = json!("%Jo%hn");
            chat["data"]["%"] = json!({"%": ["%"]});
            let (told, shown) = deliver(&handed_over(&chat, escape)[form], escape).await;
            assert_eq!(told, id.replace('%', text));
            assert_eq!(shown, json!({"title": format!("{text}Jo{text}hn"), "body": format!("hi {text}")}));
            let (_, shown) =
                deliver(&handed_over(&sms(&format!("s{id}"), "15551234567", "hi %"), escape)[form], escape).await;
            assert_eq!(shown["body"], format!("hi {text}"));
        }
    }
}

#[tokio::test]
async fn a_call_of_half_a_surrogate_pair_rings() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    let mut call = call("c", "d732db64-4803-462d-be9c-518943ea2b7a");
    call["data"]["callerDisplayName"] = json!("%");
    let body = envelope(&call).to_string().replace('%', r"\udead");
    assert_eq!(app.post(body.into_bytes()).await.log_lines()[0]["outcome"], "delivered");
    assert_eq!(body_of_last(&app)["data"]["displayName"], "\u{fffd}");
}

/// What the hub got last.
fn body_of_last(app: &App) -> Value {
    body(app.hub.accepted().last().unwrap())
}

#[tokio::test]
async fn unused_members_may_be_nested_to_any_depth() {
    let app = app_with_phone().await;
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let event = sms("e1", "15551234567", "Hello").to_string();
    let event = event.replacen('{', &format!("{{\"unknown\":{deep},"), 1);
    let reply = app.post(format!("{{\"Metadata\":{deep},\"Data\":{{\"event\":{event}}}}}").into_bytes()).await;
    assert_eq!(reply.log_lines()[0]["outcome"], "delivered");
}

#[tokio::test]
async fn a_body_of_eight_mebibytes_is_accepted_and_one_byte_more_is_not() {
    let app = app_with_phone().await;
    let whole = envelope(&sms("e1", "15551234567", "Hello")).to_string();
    let mut largest = whole.clone().into_bytes();
    largest.resize(LIMIT, b' ');
    assert_eq!(app.post(largest.clone()).await.status, 200);
    largest.push(b' ');
    let reply = app.post(largest).await;
    assert_eq!((reply.status, reply.json()["error"].is_string()), (413, true));
    still_works(&app, "after").await;
}

#[tokio::test]
async fn chunked_bodies_without_a_length_are_taken_as_azure_sends_them() {
    let app = app_with_phone().await;
    let address = app.url("").replace("http://", "");
    let mut connection = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /EventGridTrigger HTTP/1.1\r\nHost: {address}\r\nX-Azure-Functions-HostVersion: 4.24.4.4\r\n\
         X-Azure-Functions-InvocationId: 83a33220-a921-460a-bec0-b3f043dcf1ff\r\nUser-Agent: Azure-Functions-Host/4.24.4.4\r\n\
         Transfer-Encoding: chunked\r\ntraceparent: 00-bb2bd5eef54cb15a1506d0326d2489e7-d3f54c84c7034d76-00\r\n\
         Content-Type: application/json; charset=utf-8\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let body = envelope(&sms("e1", "15551234567", "Grüße")).to_string();
    for chunk in body.as_bytes().chunks(100) {
        connection.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await.unwrap();
        connection.write_all(chunk).await.unwrap();
        connection.write_all(b"\r\n").await.unwrap();
    }
    connection.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), connection.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-type: application/json\r\n") && answer.contains("delivered"), "{answer}");
}

#[tokio::test]
async fn unknown_paths_get_404_and_unknown_methods_405() {
    let app = App::start().await;
    for (method, path, status) in [
        ("GET", "/EventGridTrigger", 405),
        ("POST", "/api/status", 405),
        ("PATCH", "/api/installations/x", 405),
        ("POST", "/Unknown", 404),
        ("GET", "/api/installations", 404),
        ("GET", "/api/installations/x/y", 404),
    ] {
        let reply = Reply::of(app.request(method.parse().unwrap(), path)).await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert!(reply.json()["error"]["message"].is_string());
        assert_eq!(reply.headers.contains_key("allow"), status == 405);
    }
}

#[tokio::test]
async fn functions_are_found_by_paths_in_any_case() {
    let app = app_with_phone().await;
    for (method, path) in
        [("GET", "/"), ("GET", "/API/Status"), ("GET", "/api/INSTALLATIONS/iphone"), ("POST", "/maintenance/")]
    {
        let reply = Reply::of(app.request(method.parse().unwrap(), path)).await;
        assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
    }
    let event = envelope(&sms("e1", "15551234567", "Hello")).to_string();
    let reply = Reply::of(app.request(reqwest::Method::POST, "/eventgridTRIGGER").body(event)).await;
    assert_eq!(reply.log_lines()[0]["outcome"], "delivered");
}

/// What is answered to a head and whatever is sent after it.
async fn answer_to(app: &App, head: &str, body: &[u8]) -> String {
    let mut connection = TcpStream::connect(app.url("").trim_start_matches("http://")).await.unwrap();
    connection.write_all(format!("{head}\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(20), connection.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn a_body_that_does_not_come_to_its_end_is_not_waited_for_beyond_the_deadline() {
    let app = App::with(&[("DELIVERY_DEADLINE_SECONDS", "5")]).await;
    let answer = answer_to(&app, "POST /EventGridTrigger HTTP/1.1\r\nContent-Length: 100", b"{\"Data\":").await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("RequestTimeout"), "{answer}");
}

#[tokio::test]
async fn a_chunked_body_that_is_too_large_is_read_to_its_end_wherever_it_goes() {
    let app = App::start().await;
    let chunk = [format!("{LIMIT:x}\r\n").as_bytes(), &vec![b' '; LIMIT], b"\r\n"].concat();
    let body = [chunk.as_slice(), &chunk, b"0\r\n\r\n"].concat();
    for path in ["/EventGridTrigger", "/Unknown"] {
        let answer = answer_to(&app, &format!("POST {path} HTTP/1.1\r\nTransfer-Encoding: chunked"), &body).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
    }
}
