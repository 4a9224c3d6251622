//! A hub's side of its connections: each request is counted, and answered with 201 after a while.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::wire::{Message, Wire};

const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\n\
    TrackingId: 8e3bd1a5-5b05-43bd-9dd2-1ec9a3cbbb28\r\n\
    Content-Length: 0\r\n\r\n";

/// Listens on a free port, which is returned.
pub async fn start(delay: Duration, count: impl Fn(&Message<'_>) + Clone + Send + 'static) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // It ends with the connection, which ends with the program that sends.
            tokio::spawn(answer(Wire::new(stream), delay, count.clone()));
        }
    });
    Ok(port)
}

async fn answer(wire: io::Result<Wire>, delay: Duration, count: impl Fn(&Message<'_>)) -> io::Result<()> {
    let mut wire = wire?;
    while let Some(request) = wire.receive().await? {
        count(&request);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        wire.send(CREATED).await?;
    }
    Ok(())
}
