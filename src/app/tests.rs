//! What the whole handler does when its store panics, which no known input makes it do, or fails for a moment.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use futures_util::future::join;
use notification_hubs_emulator::{Emulator, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::storage::store::{Contents, Gate, Request, Response, StoreError};

/// How many more operations of a store succeed. At its minimum the next one panics, and those after it succeed.
#[derive(Debug)]
struct Left(AtomicI64, Mutex<Contents>);

impl Gate for Left {
    fn answer<'a>(
        &'a self,
        request: Request,
    ) -> Pin<Box<dyn Future<Output = Result<Response, StoreError>> + Send + 'a>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            match self.0.fetch_sub(1, Ordering::Relaxed) {
                i64::MIN => panic!("a test asked for it, at {request:?}"),
                1.. => Ok(self.1.lock().unwrap().answer(&request, Utc::now())),
                _ => Err(StoreError::Contended("test".to_owned())),
            }
        })
    }
}

fn store_with_faults() -> (Arc<Store>, Arc<Left>) {
    let left = Arc::new(Left(i64::MAX.into(), Mutex::default()));
    (Arc::new(Store::gated(Arc::clone(&left) as Arc<dyn Gate>)), left)
}

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

async fn post(port: u16, event: &str) -> (u16, Value) {
    ask(port, "POST", "/EventGridTrigger", event).await
}

/// The outcome in the one log line of an invocation.
fn outcome(answer: &Value) -> String {
    let line: Value = serde_json::from_str(answer["Logs"][0].as_str().unwrap()).unwrap();
    line["outcome"].as_str().unwrap().to_owned()
}

fn call() -> String {
    let event = json!({
        "id": "call", "topic": "t", "subject": "/caller/8:acs:ann/recipient/8:acs:bob", "dataVersion": "1.0",
        "eventType": "Microsoft.Communication.IncomingCall", "eventTime": Utc::now().to_rfc3339(),
        "data": {
            "to": {"kind": "communicationUser", "rawId": "8:acs:bob"},
            "from": {"kind": "communicationUser", "rawId": "8:acs:ann"},
            "correlationId": "d732db64-4803-462d-be9c-518943ea2b7a",
        },
    });
    json!({"Data": {"event": event}}).to_string()
}

fn text_message(id: &str, to: &str) -> String {
    let event = json!({
        "id": id, "topic": "t", "subject": format!("/phonenumber/{to}"), "dataVersion": "1.0",
        "eventType": "Microsoft.Communication.SMSReceived", "eventTime": Utc::now().to_rfc3339(),
        "data": {"messageId": id, "from": "15557654321", "to": to, "message": "hello"},
    });
    json!({"Data": {"event": event}}).to_string()
}

/// An instance on `store` that sends to `hub`; its port.
async fn start(store: &Arc<Store>, hub: &Emulator) -> u16 {
    let settings = [
        ("NOTIFICATION_HUB_CONNECTION_STRING", hub.connection_string()),
        ("NOTIFICATION_HUB_NAME", "acs-push-dev".to_owned()),
        ("STORE", "memory:".to_owned()),
    ];
    let config = Config::from_vars(settings.map(|(name, value)| (name.to_owned(), value))).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(
        Handler::on(Arc::clone(store), Client::without_certificates(), &config).serve(listener, std::future::pending()),
    );
    port
}

#[tokio::test]
async fn a_panic_fails_its_own_invocation_and_no_other() {
    let ((store, left), hub) = (store_with_faults(), Emulator::start(Options::default()).await.unwrap());
    let port = start(&store, &hub).await;
    let (one, other) = (text_message("e1", "15550000001"), text_message("e2", "15550000002"));
    left.0.store(i64::MIN, Ordering::Relaxed);
    let ((one_status, one_answer), (other_status, other_answer)) = join(post(port, &one), post(port, &other)).await;
    for answer in [one_answer, other_answer].map(|answer| answer.to_string()) {
        assert!(!answer.contains("asked for it") && !answer.contains("1555000"), "{answer}");
    }
    let mut statuses = [one_status, other_status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 500]);

    let (_, counted) = ask(port, "GET", "/api/status", "").await;
    assert_eq!((&counted["received"], &counted["in_flight"]), (&json!(2), &json!(0)));
    assert_eq!((&counted["outcomes"]["failed"], &counted["outcomes"]["no_device"]), (&json!(1), &json!(1)));
    let failed = if one_status == 500 { one } else { other };
    assert_eq!(post(port, &failed).await.0, 200);
}

#[tokio::test]
async fn a_call_rings_once_although_the_first_write_of_the_ledger_fails() {
    let ((store, left), hub) = (store_with_faults(), Emulator::start(Options::default()).await.unwrap());
    let (one, other) = (start(&store, &hub).await, start(&store, &hub).await);
    let phone = json!({"userId": "8:acs:bob", "platform": "fcmv1", "pushChannel": "token-of-bob"}).to_string();
    assert_eq!(ask(one, "PUT", "/api/installations/phone", &phone).await.0, 201);

    // What is read before the push succeeds; the write after it does not.
    left.0.store(2, Ordering::Relaxed);
    let refused_once = async {
        while left.0.load(Ordering::Relaxed) >= 0 {
            tokio::task::yield_now().await;
        }
        left.0.store(i64::MAX, Ordering::Relaxed);
    };
    let (rang, ()) = join(post(one, &call()), refused_once).await;
    let outcomes = [rang, post(other, &call()).await].map(|(status, answer)| (status, outcome(&answer)));
    assert_eq!(outcomes, [(200, "delivered".to_owned()), (200, "duplicate".to_owned())]);
    assert_eq!(hub.accepted().len(), 1);
}
