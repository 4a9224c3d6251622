//! What the sockets alone cost: takes an event, posts it to the hub as it is, answers. It reads nothing of it, signs
//! nothing and keeps nothing, so no handler can be cheaper than it by much.

use std::io;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use crate::wire::Wire;

/// What a handler says of a chat message that it delivered.
const SAID: &str = r#"{"Outputs":{},"Logs":["{\"event\":\"02272459-badb-4e2e-b538-000000000000\",\"type\":\"ChatMessageReceived\",\"outcome\":\"delivered\",\"devices\":1,\"delivered\":1,\"refused\":0,\"failed\":0,\"ms\":0,\"tracking\":[\"8e3bd1a5-5b05-43bd-9dd2-1ec9a3cbbb28\"]}"],"ReturnValue":null}"#;

/// Serves until it is killed; says on standard output where it listens.
pub async fn serve(hub: u16) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("relay listens on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        // It ends with the connection.
        tokio::spawn(relay(Wire::new(stream), hub));
    }
}

/// Each connection has one to the hub beside it.
async fn relay(wire: io::Result<Wire>, hub: u16) -> io::Result<()> {
    let (mut wire, mut hub) = (wire?, Wire::connect(hub).await?);
    let length = SAID.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{SAID}");
    while let Some(event) = wire.receive().await? {
        let mut posted = format!(
            "POST /load/messages?direct&api-version=2020-06 HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Content-Type: application/json;charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            event.body.len()
        )
        .into_bytes();
        posted.extend_from_slice(event.body);
        hub.exchange(&posted).await?;
        wire.send(answer.as_bytes()).await?;
    }
    Ok(())
}
