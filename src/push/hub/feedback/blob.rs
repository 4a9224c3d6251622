//! The lines of a blob, as they come: of a blob of any length, no more than a piece and a line are in memory.

use bytes::{Bytes, BytesMut};
use reqwest::Response;
use tokio::time::timeout;

use super::report::{DeadReport, END, Unreadable, reports};
use super::{FeedbackError, LONGEST};

/// Reads a blob line by line.
#[derive(Debug)]
pub struct BlobLines {
    response: Response,
    lines: Lines,
}

/// Finds the lines in pieces of any size.
#[derive(Debug)]
pub struct Lines {
    /// What came and is not handed out yet.
    buffer: BytesMut,
    /// Where in the blob the buffer begins.
    position: u64,
    /// Whether the beginning of this line was dropped.
    is_cut: bool,
    is_over: bool,
}

/// A line, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The line; `None` if it is longer than any report.
    text: Option<Bytes>,
    /// Where in the blob the next one begins.
    pub end: u64,
}

/// A report has some 600 bytes.
const LONGEST_LINE: usize = 64 * 1024;

impl BlobLines {
    pub(super) fn new(response: Response, position: u64) -> Self {
        Self { response, lines: Lines::from(position) }
    }

    /// The next line. The last one counts only if it is whole: the blob may still be growing.
    pub async fn next(&mut self) -> Result<Option<Line>, FeedbackError> {
        loop {
            let line = self.lines.next();
            if line.is_some() || self.lines.is_over {
                return Ok(line);
            }
            match timeout(LONGEST, self.response.chunk()).await {
                Ok(Ok(Some(piece))) => self.lines.add(&piece),
                Ok(Ok(None)) => self.lines.end(),
                Ok(Err(_)) => return Err(FeedbackError::Lost),
                Err(_) => return Err(FeedbackError::Timeout),
            }
        }
    }
}

impl Lines {
    /// Those of a blob from that byte on.
    pub fn from(position: u64) -> Self {
        Self { buffer: BytesMut::new(), position, is_cut: false, is_over: false }
    }

    /// Takes the next piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// There are no more pieces.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// The next line; `None` before the next piece or the end, and after the last line.
    pub fn next(&mut self) -> Option<Line> {
        if let Some(length) = self.buffer.iter().position(|byte| *byte == b'\n') {
            return Some(self.take(length + 1));
        }
        if self.is_over {
            // Of one that was cut nobody knows how it began.
            let is_whole = !self.is_cut && self.buffer.trim_ascii_end().ends_with(END.as_bytes());
            return is_whole.then(|| self.take(self.buffer.len()));
        }
        if self.buffer.len() > LONGEST_LINE {
            self.is_cut = true;
            self.position += self.buffer.len() as u64;
            self.buffer.clear();
        }
        None
    }

    fn take(&mut self, length: usize) -> Line {
        let line = self.buffer.split_to(length).freeze();
        self.position += length as u64;
        let is_cut = std::mem::take(&mut self.is_cut);
        Line { text: Some(line).filter(|line| !is_cut && line.len() <= LONGEST_LINE), end: self.position }
    }
}

impl Line {
    /// The reports in it.
    pub fn reports(&self) -> Vec<Result<Option<DeadReport>, Unreadable>> {
        self.text.as_deref().map_or_else(|| vec![Err(Unreadable)], reports)
    }
}
