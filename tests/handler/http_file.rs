//! The requests of `test.http`, which people send by hand, do what their headings say.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::*;

/// A request of the file: its heading, its first line, and its body.
struct Request {
    heading: String,
    line: String,
    body: String,
}

/// The file with its variables filled in, as the REST Client does.
fn requests() -> Vec<Request> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("test.http")).unwrap();
    let definitions = text.lines().filter_map(|line| line.strip_prefix('@')?.split_once(" = "));
    let mut variables: BTreeMap<String, String> =
        definitions.map(|(name, value)| (format!("{{{{{name}}}}}"), value.to_owned())).collect();
    variables.insert("{{$datetime iso8601}}".to_owned(), ago(chrono::TimeDelta::zero()));
    variables.insert("{{$timestamp}}".to_owned(), chrono::Utc::now().timestamp().to_string());
    variables.insert("{{$guid}}".to_owned(), "fd35bd92-8c25-4ef1-8ac6-1a8c9a2f8d11".to_owned());
    let sections = text.split("\n### ").skip(1);
    let requests = sections.map(|section| {
        let (heading, request) = section.split_once('\n').unwrap();
        let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut request = Request {
            heading: heading.to_owned(),
            line: head.lines().next().unwrap().to_owned(),
            body: body.to_owned(),
        };
        // Twice: a variable may hold another.
        for _ in 0..2 {
            for (name, value) in &variables {
                request.line = request.line.replace(name, value);
                request.body = request.body.replace(name, value);
            }
        }
        request
    });
    requests.collect()
}

#[tokio::test]
async fn the_requests_of_test_http_register_a_phone_and_reach_it() {
    let app = App::start().await;
    let mut pushed = Vec::new();
    for Request { heading, line, body } in requests() {
        let (method, url) = line.split_once(' ').unwrap();
        let path = url.strip_prefix("http://localhost:7071").unwrap();
        let json = || serde_json::from_str::<Value>(&body).unwrap_or_else(|error| panic!("{heading}: {error}: {body}"));
        match method {
            "GET" => assert_eq!(app.get(path).await.status, 200, "{heading}"),
            "PUT" => {
                let id = path.strip_prefix("/api/installations/").unwrap();
                assert_eq!(app.put(id, &json()).await.status, 201, "{heading}");
            }
            _ => {
                assert_eq!(path, "/runtime/webhooks/EventGrid?functionName=EventGridTrigger", "{heading}");
                assert_eq!(app.deliver(&json()).await["code"], "delivered", "{heading}");
                let request = app.hub.requests().last().unwrap().clone();
                pushed.push((
                    heading,
                    request.headers["apns-push-type"].clone(),
                    request.headers.get("apns-collapse-id").cloned(),
                ));
            }
        }
    }
    let kinds: Vec<_> = pushed.iter().map(|(heading, kind, _)| (heading.as_str(), kind.as_str())).collect();
    let expected = [
        ("An SMS", "alert"),
        ("A chat message", "alert"),
        ("Its edit, which replaces it on the phone", "alert"),
        ("A call that rings", "voip"),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(pushed[1].2, pushed[2].2, "the edit replaces the message");
}
