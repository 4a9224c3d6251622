//! The body of a response: sent at once, byte by byte, or as a stream without an end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

#[derive(Debug)]
pub(crate) enum Body {
    /// Sent at once.
    Full(Bytes),
    /// Sent one byte per interval.
    Slow(Bytes, Interval),
    /// Sent as it comes, until the sender or the connection is closed.
    Stream(mpsc::Receiver<String>),
}

impl Body {
    /// A full body, padded with blanks to `length` bytes and slowed down to one byte per `interval`.
    pub(crate) fn slowed_down(self, length: usize, interval: Duration) -> Self {
        let Self::Full(bytes) = self else { return self };
        let mut bytes = bytes.to_vec();
        bytes.resize(length.max(bytes.len()), b' ');
        // tokio panics on an interval of zero.
        let interval = interval.max(Duration::from_millis(1));
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self::Slow(bytes.into(), ticks)
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(body: T) -> Self {
        Self::Full(body.into())
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let chunk = match &mut *self {
            Self::Full(bytes) | Self::Slow(bytes, _) if bytes.is_empty() => None,
            Self::Full(bytes) => Some(std::mem::take(bytes)),
            Self::Slow(bytes, ticks) => {
                ready!(ticks.poll_tick(cx));
                Some(bytes.split_to(1))
            }
            Self::Stream(chunks) => ready!(chunks.poll_recv(cx)).map(Bytes::from),
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Full(bytes) | Self::Slow(bytes, _) => bytes.is_empty(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) | Self::Slow(bytes, _) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
