//! HTTP/1.1 as far as the benchmark needs it: messages with a `Content-Length`, one after the other on one connection.
//! A client library would be measured along with what is to be measured.

use std::io::{Error, ErrorKind, Result};
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One end of a connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    /// How much of that the last message was.
    used: usize,
}

/// A request or an answer.
#[derive(Debug)]
pub struct Message<'a> {
    /// The first line and the headers.
    pub head: &'a str,
    pub body: &'a [u8],
}

const ROOM: usize = 16 * 1024;

impl Wire {
    pub async fn connect(port: u16) -> Result<Self> {
        Self::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?)
    }

    pub fn new(stream: TcpStream) -> Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::new(), used: 0 })
    }

    /// Sends a whole message.
    pub async fn send(&mut self, message: &[u8]) -> Result<()> {
        self.stream.write_all(message).await
    }

    /// The next message; `None` when the other end is done.
    pub async fn receive(&mut self) -> Result<Option<Message<'_>>> {
        self.received.drain(..self.used);
        self.used = 0;
        let (head, whole) = loop {
            if let Some((head, whole)) = lengths(&self.received)?
                && whole <= self.received.len()
            {
                break (head, whole);
            }
            self.received.reserve(ROOM);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return if self.received.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
            }
        };
        self.used = whole;
        Ok(Some(Message { head: text(&self.received[..head])?, body: &self.received[head..whole] }))
    }

    /// Sends a request and waits for its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Message<'_>> {
        self.send(request).await?;
        self.receive().await?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }
}

impl<'a> Message<'a> {
    /// The status of an answer; 0 when there is none.
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// The path of a request, with its query.
    pub fn path(&self) -> &'a str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }
}

/// The length of the head and of the whole message, once the head is there.
fn lengths(received: &[u8]) -> Result<Option<(usize, usize)>> {
    let Some(end) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(None) };
    let head = text(&received[..end + 4])?;
    if header(head, "transfer-encoding").is_some() {
        return Err(Error::new(ErrorKind::InvalidData, "a message in chunks"));
    }
    let body = header(head, "content-length").map_or(Ok(0), str::parse::<usize>);
    let body = body.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
    Ok(Some((head.len(), head.len() + body)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}
