//! Requests that reach no function, because the app's folder was changed or somebody posts by hand.

use reqwest::Method;
use serde_json::{Value, json};

use crate::binary::Process;
use crate::support::*;

#[tokio::test]
async fn a_path_that_no_function_has_is_logged_once_with_what_was_expected() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let process = Process::start(&vars(&hub, &[]), folder.path()).await;
    let requests = [
        // The route prefix is another one.
        (Method::PUT, "/v1/installations/iphone", "\"routePrefix\" in host.json"),
        (Method::GET, "/status", "\"routePrefix\" in host.json"),
        // The function EventGridTrigger was renamed.
        (Method::POST, "/EventGridTrigger1", "has the folder of a function another name?"),
        // Forwarding is off: the host posts to the function's name.
        (Method::POST, "/Installations", "\"enableForwardingHttpRequest\" in host.json"),
        (Method::POST, "/Status", "\"enableForwardingHttpRequest\" in host.json"),
        // A route of a function is another one.
        (Method::PUT, "/api/devices/iphone", "is a \"route\" in a function.json another one?"),
        (Method::GET, "/users/8:acs:canary/15550000001", "is a \"route\" in a function.json another one?"),
    ];
    for _ in 0..3 {
        for (method, path, expected) in &requests {
            let request = client().request(method.clone(), format!("{}{path}", process.address)).body("{}");
            let reply = Reply::of(request).await;
            let message = reply.json()["error"]["message"].as_str().unwrap().to_owned();
            assert_eq!((reply.status, message.contains(expected)), (404, true), "{path}: {message}");
        }
    }
    let (_, output) = process.terminate().await;
    let lines: Vec<&str> =
        output.lines().filter(|line| line.contains("no function has this path: expected ")).collect();
    assert!(lines.iter().all(|line| line.contains("ERROR")), "{lines:#?}");
    // The first of each cause.
    for path in ["/v1/installations/iphone", "/EventGridTrigger1", "/Installations", "/api/devices/iphone"] {
        let found = lines.iter().filter(|line| line.ends_with(&format!("path=\"{path}\""))).count();
        assert_eq!(found, 1, "{path}: {lines:#?}");
    }
    assert_eq!(lines.len(), 4, "{lines:#?}");
}

#[tokio::test]
async fn what_event_grid_posts_to_a_webhook_is_told_apart_from_an_invocation() {
    let app = App::start().await;
    let event = sms("e1", "15551234567", "Hello");
    let cloud_event =
        json!({"specversion": "1.0", "type": "Microsoft.Communication.SMSReceived", "data": event["data"]});
    for body in [json!([event]), json!([event, event]), event.clone(), cloud_event, json!([])] {
        let reply = app.post(body.to_string().into_bytes()).await;
        let error = reply.json()["error"].as_str().unwrap().to_owned();
        assert_eq!(reply.status, 400, "{error}");
        for words in [
            "{\"Data\":{\"event\":{…}},\"Metadata\":{}}",
            "/runtime/webhooks/EventGrid?functionName=EventGridTrigger",
            "acs-push send",
        ] {
            assert!(error.contains(words), "{body}: {error}");
        }
    }
    for body in [Value::Null, json!({"Data": {}})] {
        assert!(!app.post(body.to_string().into_bytes()).await.text.contains("webhook"), "{body}");
    }
}
