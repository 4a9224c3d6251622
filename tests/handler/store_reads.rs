//! What an event asks of a store in Azure: everything at once, and nothing twice.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use crate::support::*;

/// A Blob service without a blob, which answers so many reads as soon as all of them are there.
struct Empty {
    asked: Mutex<Vec<String>>,
    together: Barrier,
}

impl Empty {
    async fn start(together: usize) -> (Arc<Self>, String) {
        let service = Arc::new(Self { asked: Mutex::default(), together: Barrier::new(together) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/account", listener.local_addr().unwrap());
        let connections = Arc::clone(&service);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let service = Arc::clone(&connections);
                tokio::spawn(async move { service.serve(connection).await });
            }
        });
        (service, format!("AccountName=account;AccountKey=a2V5;BlobEndpoint={endpoint}"))
    }

    async fn serve(&self, connection: TcpStream) {
        let mut connection = BufReader::new(connection);
        let mut first = String::new();
        while connection.read_line(&mut first).await.unwrap_or_default() > 0 {
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                connection.read_line(&mut line).await.unwrap();
            }
            let mut words = first.split(['/', ' ']);
            let (method, kind) = (words.next().unwrap(), words.nth(3).unwrap());
            self.asked.lock().unwrap().push(format!("{method} {kind}"));
            self.together.wait().await;
            let answer = "HTTP/1.1 404 Not Found\r\nx-ms-error-code: BlobNotFound\r\nContent-Length: 0\r\n\r\n";
            connection.write_all(answer.as_bytes()).await.unwrap();
            first.clear();
        }
    }
}

#[tokio::test]
async fn whatever_an_event_needs_to_know_is_asked_at_once_and_nothing_is_written() {
    let (service, account) = Empty::start(3).await;
    let settings =
        [("STORE", "azure:container"), ("AzureWebJobsStorage", &account), ("DELIVERY_DEADLINE_SECONDS", "5")];
    let app = App::with(&settings).await;
    let mut event = chat("e1", "ChatMessageReceived", "m1", 1, "Hello");
    // Old enough to have been edited.
    event["eventTime"] = ago(chrono::TimeDelta::minutes(1)).into();
    assert_eq!(app.deliver(&event).await["outcome"], "no_device", "one read waited for another");
    let mut asked = service.asked.lock().unwrap().clone();
    asked.sort();
    assert_eq!(asked, ["GET ledger", "GET markers", "GET recipients"]);
}
