//! Bodies of requests: read to their end, with a limit for each and one for what the large ones hold together.

use std::ops::Deref;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use futures_util::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::log::EachMinute;

/// The Functions host sends a full batch of events twice, as data and as metadata.
pub const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// What bodies of more than [`SMALL_BYTES`] may hold together, while they arrive and while they are worked on: eight of the
/// largest.
const MAX_BYTES_OF_LARGE: usize = 64 * 1024 * 1024;

/// Smaller bodies are always taken. A call's is, and nearly every message's; the number of connections limits them: to 32 MiB.
const SMALL_BYTES: usize = 16 * 1024;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It has more than [`MAX_BODY_BYTES`].
    #[error("the body is larger than 8 MiB")]
    TooLarge,
    /// Others hold the memory that there is for large ones.
    #[error("too many large bodies at the same time: send it again")]
    NoRoom,
    /// The connection ended before it did.
    #[error("the body is incomplete")]
    Incomplete,
    /// It took too long.
    #[error("the body did not arrive in time")]
    Late,
}

/// A whole body.
#[derive(Debug)]
pub struct Body {
    bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

#[cfg(any(test, feature = "fuzzing"))]
impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, _held: None }
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What is left for large bodies.
#[derive(Debug)]
pub struct BodyMemory {
    /// A permit for each byte.
    free: Arc<Semaphore>,
    log: EachMinute<()>,
}

impl Default for BodyMemory {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(MAX_BYTES_OF_LARGE)), log: EachMinute::default() }
    }
}

impl BodyMemory {
    /// Reads a body, with or without `Content-Length`. One that is not kept is read to its end all the same, so that the
    /// sender gets a response instead of a broken connection.
    pub async fn read<B: Buf, E>(
        &self,
        mut body: impl Stream<Item = Result<B, E>> + Unpin,
        most: usize,
    ) -> Result<Body, BodyError> {
        let (mut only, mut joined, mut held) = (Bytes::new(), Vec::new(), None);
        let (mut length, mut refused) = (0, None);
        while let Some(chunk) = body.next().await {
            let mut chunk = chunk.map_err(|_| BodyError::Incomplete)?;
            let before = length;
            length += chunk.remaining();
            if length > most {
                refused = Some(BodyError::TooLarge);
            } else if length > SMALL_BYTES && refused.is_none() {
                refused = self.hold(&mut held, length).err();
            }
            if refused.is_some() {
                (only, joined, held) = Default::default();
            } else if before == 0 {
                // Nearly every body is one chunk, which needs no copy.
                only = chunk.copy_to_bytes(length);
            } else {
                if joined.is_empty() {
                    joined.extend_from_slice(&only);
                }
                joined.put(chunk);
            }
        }
        match refused {
            Some(error) => Err(error),
            None => Ok(Body { bytes: if joined.is_empty() { only } else { joined.into() }, _held: held }),
        }
    }

    /// Takes as many permits as are missing for a body that has this length by now.
    fn hold(&self, held: &mut Option<OwnedSemaphorePermit>, length: usize) -> Result<(), BodyError> {
        let missing = length - held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more =
            u32::try_from(missing).ok().and_then(|more| Arc::clone(&self.free).try_acquire_many_owned(more).ok());
        match (more, held) {
            (Some(more), Some(held)) => held.merge(more),
            (Some(more), none) => *none = Some(more),
            (None, _) => {
                if self.log.is_due((), Instant::now()) {
                    let most = MAX_BYTES_OF_LARGE / 1024 / 1024;
                    tracing::warn!("large requests hold {most} MiB: further ones are answered 503");
                }
                return Err(BodyError::NoRoom);
            }
        }
        Ok(())
    }
}
