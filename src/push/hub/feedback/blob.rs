//! The lines of a blob, as they come: of a blob of any length, no more than a piece and a line are in memory.

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::timeout;

use super::report::END;
use super::{FeedbackError, LONGEST};

/// Reads a blob line by line.
#[derive(Debug)]
pub struct BlobLines {
    response: Response,
    /// What came and is not handed out yet.
    buffer: BytesMut,
    /// Where in the blob the buffer begins.
    position: u64,
    /// Whether the beginning of this line was dropped.
    is_cut: bool,
    is_over: bool,
}

/// A line, and what follows it.
#[derive(Debug)]
pub struct Line {
    /// The line; `None` if it is longer than any report.
    pub text: Option<Bytes>,
    /// Where in the blob the next one begins.
    pub end: u64,
}

/// A report has some 600 bytes.
const LONGEST_LINE: usize = 64 * 1024;

impl BlobLines {
    pub(super) fn new(response: Response, position: u64) -> Self {
        Self { response, buffer: BytesMut::new(), position, is_cut: false, is_over: false }
    }

    /// The next line. The last one counts only if it is whole: the blob may still be growing.
    pub async fn next(&mut self) -> Result<Option<Line>, FeedbackError> {
        loop {
            if let Some(length) = self.buffer.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.take(length + 1)));
            }
            if self.is_over {
                let is_whole = self.buffer.trim_ascii_end().ends_with(END.as_bytes());
                return Ok(is_whole.then(|| self.take(self.buffer.len())));
            }
            if self.buffer.len() > LONGEST_LINE {
                self.is_cut = true;
                self.position += self.buffer.len() as u64;
                self.buffer.clear();
            }
            match timeout(LONGEST, self.response.chunk()).await {
                Ok(Ok(Some(data))) => self.buffer.extend_from_slice(&data),
                Ok(Ok(None)) => self.is_over = true,
                Ok(Err(_)) => return Err(FeedbackError::Lost),
                Err(_) => return Err(FeedbackError::Timeout),
            }
        }
    }

    fn take(&mut self, length: usize) -> Line {
        let line = self.buffer.split_to(length).freeze();
        self.position += length as u64;
        let is_cut = std::mem::take(&mut self.is_cut);
        Line { text: Some(line).filter(|line| !is_cut && line.len() <= LONGEST_LINE), end: self.position }
    }
}
