//! Values that are nested deeper than any stack is: whatever stands at such a place is refused with a sentence or kept as a dead
//! letter, and the next request works.

use reqwest::Method;
use serde_json::{Value, json};

use crate::binary::command;
use crate::support::*;
use crate::webhook::PATH;

const DEPTH: usize = 100_000;

/// Stands in a document for a value that is nested.
const HERE: &str = "\"HERE\"";

/// The document once with arrays and once with objects in that place.
fn nested(document: &Value) -> [String; 2] {
    [("[", "]"), ("{\"a\":", "}")].map(|(opened, closed)| {
        document.to_string().replace(HERE, &format!("{}0{}", opened.repeat(DEPTH), closed.repeat(DEPTH)))
    })
}

fn with(mut document: Value, pointer: &str) -> Value {
    *document.pointer_mut(pointer).unwrap() = json!("HERE");
    document
}

/// Events of which each has another member that is nested.
fn events() -> Vec<Value> {
    let sms = sms("e", "15551234567", "Hello");
    let mut chat = chat("e", "ChatMessageReceived", "m", 1, "Hello");
    chat["data"]["metadata"] = json!({});
    let call = call("e", "d732db64-4803-462d-be9c-518943ea2b7a");
    let topic = json!({"properties": {"topic": "T"}, "threadId": "t", "version": 1});
    let topic = event("e", "ChatThreadPropertiesUpdatedPerUser", "thread/t/sender/a/recipient/b", topic);
    let mut events = Vec::new();
    for event in [sms, chat.clone(), call, topic] {
        let members = event.as_object().unwrap().keys().map(|name| format!("/{name}"));
        let of_data = event["data"].as_object().unwrap().keys().map(|name| format!("/data/{name}"));
        events.extend(members.chain(of_data).map(|pointer| with(event.clone(), &pointer)));
    }
    events.push(with(chat, "/data/senderCommunicationIdentifier/communicationUser"));
    events
}

#[tokio::test]
async fn an_event_is_nested_in_any_member_and_the_next_one_is_delivered() {
    for is_webhook in [false, true] {
        let app = if is_webhook { App::webhook(&[]).await } else { App::start().await };
        app.register("iphone", phone()).await;
        let post = async |event: String| match is_webhook {
            true => Reply::of(app.request(Method::POST, PATH).body(event)).await,
            false => app.post(format!("{{\"Data\":{{\"event\":{event}}}}}").into_bytes()).await,
        };
        for event in events() {
            for event in nested(&event) {
                let (start, reply) = (event[..event.len().min(300)].to_owned(), post(event).await);
                assert_eq!(reply.status, 200, "{start}: {reply:?}");
            }
        }
        for nested in nested(&json!("HERE")) {
            let reply = post(format!("[{nested}]")).await;
            assert!(reply.status == 200 && reply.text.contains("dead_lettered"), "{reply:?}");
        }
        let reply = post(sms("after", "15551234567", "Hello").to_string()).await;
        assert!(reply.text.contains("delivered"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_nested_and_never_closed_is_refused() {
    let (host, webhook) = (App::start().await, App::webhook(&[]).await);
    for opened in ["[", "{\"a\":", "{\"Data\":", "{\"Data\":{\"event\":[", "{\"data\":", "[{\"data\":"] {
        let body = opened.repeat(DEPTH);
        let reply = host.post(body.clone().into_bytes()).await;
        assert!(reply.status == 400 && reply.text.contains("error"), "{opened}: {reply:?}");
        let reply = Reply::of(webhook.request(Method::POST, PATH).body(body.clone())).await;
        assert!(reply.status == 400 && reply.text.contains("the body is not JSON"), "{opened}: {reply:?}");
        let reply = Reply::of(host.request(Method::PUT, "/api/installations/phone").body(body)).await;
        assert!(reply.status == 400 && reply.text.contains("body: "), "{opened}: {reply:?}");
    }
}

#[tokio::test]
async fn a_registration_is_refused_by_the_name_of_the_member_that_is_nested() {
    let app = App::start().await;
    let phone = json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE});
    for name in [
        "installationId",
        "userId",
        "phoneNumbers",
        "platform",
        "pushChannel",
        "voipPushChannel",
        "app",
        "os",
        "locale",
        "content",
        "mutedThreads",
        "quietHours",
        "android",
        "expirationTime",
    ] {
        let mut phone = phone.clone();
        phone[name] = json!("HERE");
        for (form, body) in nested(&phone).into_iter().enumerate() {
            let reply = Reply::of(app.request(Method::PUT, "/api/installations/phone").body(body)).await;
            let message = reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
            assert!(reply.status == 400 && message.contains(name), "{name} {form}: {}", reply.status);
        }
    }
    let mut windows = phone.clone();
    windows["quietHours"] = json!({"timeZone": "Asia/Seoul", "windows": ["HERE"]});
    for body in nested(&windows) {
        let reply = Reply::of(app.request(Method::PUT, "/api/installations/phone").body(body)).await;
        assert!(reply.status == 400 && reply.text.contains("quietHours"), "{}", reply.status);
    }
    // What means nothing is not looked into.
    let mut unused = phone.clone();
    unused["unused"] = json!("HERE");
    for body in nested(&unused) {
        let reply = Reply::of(app.request(Method::PUT, "/api/installations/phone").body(body)).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.status);
    }
}

#[tokio::test]
async fn a_text_of_json_is_nested_and_the_message_is_handled() {
    let app = App::start().await;
    app.register_android(BOB).await;
    // Such texts are not looked for in what is written: that would take minutes.
    let post = async |event: &Value| app.post(envelope(event).to_string().into_bytes()).await;
    let deep = nested(&json!("HERE"));
    for (number, deep) in deep.into_iter().enumerate() {
        for content_type in ["azurebotservice.adaptivecard", "azurebotservice.event"] {
            let cards = format!("{{\"attachments\":[{{\"content\":{deep}}}]}}");
            let id = format!("{content_type}-{number}");
            let mut message = chat(&id, "ChatMessageReceived", &id, 1, &cards);
            message["data"]["metadata"] = json!({"microsoft.azure.communication.chat.bot.contenttype": content_type});
            assert_eq!(post(&message).await.status, 200, "{content_type}");
        }
        let mut shared = chat(&format!("file-{number}"), "ChatMessageReceived", "file", 1, "Look");
        shared["data"]["metadata"] = json!({"fileSharingMetadata": deep});
        assert_eq!(post(&shared).await.status, 200);
        let reply = post(&json!(deep)).await;
        assert!(reply.status == 200 && reply.text.contains("dead_lettered"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_dead_letter_that_is_nested_is_listed_shown_and_dropped() {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let store = format!("file:{}", folder.path().join("store").display());
    let vars = vars(&hub, &[("STORE", &store)]);
    let app = App::beside(hub, &[("STORE", &store)]).await;
    for (number, event) in nested(&with(sms("e", "15551234567", "Hello"), "/data")).into_iter().enumerate() {
        let event = event.replace("\"e\"", &format!("\"e{number}\""));
        let reply = app.post(format!("{{\"Data\":{{\"event\":{event}}}}}").into_bytes()).await;
        assert!(reply.text.contains("dead_lettered"), "{reply:?}");
    }
    let letters = async |arguments: &[&str]| {
        let output = command(&vars, folder.path()).arg("dead-letters").args(arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = letters(&["list"]).await;
    let ids: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(ids.len(), 2, "{listed}");
    for id in ids {
        assert!(letters(&["show", id]).await.contains("SMSReceived"));
        letters(&["drop", id]).await;
    }
}
