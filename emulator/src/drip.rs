//! The body of an answer: at once, or byte by byte for a client that must not wait for ever.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Interval, MissedTickBehavior};

/// The rest of a body, and the pace at which it goes out.
#[derive(Debug)]
pub(crate) struct Drip {
    left: Bytes,
    /// `None` is all at once.
    pace: Option<Interval>,
}

impl Drip {
    /// Slows the body down to one byte per `interval`, filled up with blanks to `length` bytes.
    pub(crate) fn slowed(self, length: usize, interval: Duration) -> Self {
        let mut body = self.left.to_vec();
        body.resize(length.max(body.len()), b' ');
        // An interval of zero is one that tokio refuses.
        let interval = interval.max(Duration::from_millis(1));
        let mut pace = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { left: body.into(), pace: Some(pace) }
    }
}

impl<T: Into<Bytes>> From<T> for Drip {
    fn from(body: T) -> Self {
        Self { left: body.into(), pace: None }
    }
}

impl Body for Drip {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left.is_empty() {
            return Poll::Ready(None);
        }
        let length = match &mut self.pace {
            None => self.left.len(),
            Some(pace) => {
                ready!(pace.poll_tick(cx));
                1
            }
        };
        let piece = self.left.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
