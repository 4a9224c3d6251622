//! What an event asks of a store in Azure: everything at once, nothing twice, and no container that is yet to come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, watch};

use crate::support::*;

/// A Blob service that keeps nothing, and has no container at first. It answers certain requests only when so many of them are there.
struct Empty {
    asked: watch::Sender<Vec<String>>,
    waits: fn(&str) -> bool,
    together: Barrier,
    came_together: AtomicBool,
    has_container: AtomicBool,
}

impl Empty {
    async fn start(together: usize, waits: fn(&str) -> bool) -> (Arc<Self>, App) {
        let service = Arc::new(Self {
            asked: watch::Sender::default(),
            waits,
            together: Barrier::new(together),
            came_together: AtomicBool::new(false),
            has_container: AtomicBool::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/account", listener.local_addr().unwrap());
        let connections = Arc::clone(&service);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let service = Arc::clone(&connections);
                tokio::spawn(async move { service.serve(connection).await });
            }
        });
        let account = format!("AccountName=account;AccountKey=a2V5;BlobEndpoint={endpoint}");
        let store = [("STORE", "azure:container"), ("AzureWebJobsStorage", account.as_str())];
        (service, App::with(&[&store[..], &[("DELIVERY_DEADLINE_SECONDS", "5")]].concat()).await)
    }

    async fn serve(&self, connection: TcpStream) {
        let mut connection = BufReader::new(connection);
        let mut first = String::new();
        while connection.read_line(&mut first).await.unwrap_or_default() > 0 {
            let (mut line, mut length) = (String::new(), 0);
            while line != "\r\n" {
                line.clear();
                connection.read_line(&mut line).await.unwrap();
                let lower = line.to_ascii_lowercase();
                length = lower.strip_prefix("content-length:").map_or(length, |value| value.trim().parse().unwrap());
            }
            connection.read_exact(&mut vec![0; length]).await.unwrap();
            let mut words = first.split(['/', ' ', '?']);
            let asked = format!("{} {}", words.next().unwrap(), words.nth(3).unwrap());
            self.asked.send_modify(|all| all.push(asked.clone()));
            let missing = if self.has_container.load(Ordering::Relaxed) { "BlobNotFound" } else { "ContainerNotFound" };
            if asked == "PUT restype=container" {
                self.has_container.store(true, Ordering::Relaxed);
            }
            if (self.waits)(&asked) && !self.came_together.load(Ordering::Relaxed) {
                self.together.wait().await;
                self.came_together.store(true, Ordering::Relaxed);
            }
            let answer = if asked.starts_with("GET restype") {
                let body = r#"<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs/><NextMarker/></EnumerationResults>"#;
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            } else if asked.starts_with("GET") {
                let body = format!("<Error><Code>{missing}</Code></Error>");
                format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            } else {
                "HTTP/1.1 201 Created\r\nETag: \"1\"\r\nContent-Length: 0\r\n\r\n".to_owned()
            };
            connection.write_all(answer.as_bytes()).await.unwrap();
            first.clear();
        }
    }
}

#[tokio::test]
async fn an_event_reads_the_store_in_one_round_trip_and_writes_nothing() {
    let waits = |asked: &str| matches!(asked, "GET ledger" | "GET markers" | "GET recipients");
    let (service, app) = Empty::start(3, waits).await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    // Old enough to have been edited.
    event["eventTime"] = ago(chrono::TimeDelta::minutes(1)).into();
    assert_eq!(app.deliver(&event).await["outcome"], "no_device", "one read waited for another");
    let mut asked = service.asked.borrow().clone();
    asked.sort();
    // Once, at the start: whether the container is another program's, and whether it can be written.
    let is_of_start = |asked: &str| ["layout", "probe", "restype=container"].iter().any(|what| asked.contains(what));
    asked.retain(|asked| !is_of_start(asked));
    assert_eq!(asked, ["GET ledger", "GET markers", "GET recipients"]);
}

#[tokio::test]
async fn a_container_that_is_created_while_something_is_read_is_not_taken_for_lost() {
    let waits = |asked: &str| matches!(asked, "GET ledger" | "GET recipients" | "PUT installations");
    let (service, app) = Empty::start(3, waits).await;
    let register = async {
        let is_under_way = |asked: &Vec<String>| asked.iter().any(|asked| asked == "GET ledger");
        service.asked.subscribe().wait_for(is_under_way).await.unwrap();
        app.put("iphone", &json!({"userId": ALICE, "platform": "apns", "pushChannel": IPHONE})).await
    };
    let event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    let (line, registered) = tokio::join!(app.deliver(&event), register);
    assert_eq!((line["outcome"].as_str(), registered.status), (Some("no_device"), 201));
}
