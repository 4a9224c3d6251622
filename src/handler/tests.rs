//! What the whole handler does when something in it panics, which no known input makes it do.

use std::sync::atomic::Ordering;

use futures_util::future::join;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Status and JSON of an answer.
async fn ask(port: u16, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

fn text_message(id: &str, to: &str) -> String {
    let event = json!({
        "id": id, "topic": "t", "subject": format!("/phonenumber/{to}"), "dataVersion": "1.0",
        "eventType": "Microsoft.Communication.SMSReceived", "eventTime": Utc::now().to_rfc3339(),
        "data": {"messageId": id, "from": "15557654321", "to": to, "message": "hello"},
    });
    json!({"Data": {"event": event}}).to_string()
}

#[tokio::test]
async fn a_panic_fails_its_own_invocation_and_no_other() {
    let settings = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", "Endpoint=http://127.0.0.1:9/;SharedAccessKeyName=n;SharedAccessKey=k"),
        ("NOTIFICATION_HUB_NAME", "hub"),
        ("STORE", "memory:"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let store = Arc::new(Store::memory());
    let handler = Handler::on(Arc::clone(&store), &Config::from_vars(settings).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(handler.serve(listener, std::future::pending()));

    let (one, other) = (text_message("e1", "15550000001"), text_message("e2", "15550000002"));
    store.operations_left.store(i64::MIN, Ordering::Relaxed);
    let path = "/EventGridTrigger";
    let ((one_status, _), (other_status, _)) =
        join(ask(port, "POST", path, &one), ask(port, "POST", path, &other)).await;
    let mut statuses = [one_status, other_status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 500]);

    let (_, counted) = ask(port, "GET", "/api/status", "").await;
    assert_eq!((&counted["received"], &counted["in_flight"]), (&json!(2), &json!(0)));
    assert_eq!((&counted["outcomes"]["failed"], &counted["outcomes"]["no_device"]), (&json!(1), &json!(1)));
    let failed = if one_status == 500 { one } else { other };
    assert_eq!(ask(port, "POST", path, &failed).await.0, 200);
    serving.abort();
}
