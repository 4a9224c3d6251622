//! One payload for many device handles in one request: how many handles, and the body.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-batch-send>. It documents 1000 handles and 64 KB, but not
//! what is counted; the limits here are lower, to be safe.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::notifications::device::DeviceHandle;
use crate::push::payload::Payload;

/// With fewer devices each gets its own request, with its own response and tracking id.
pub const MIN_HANDLES: usize = 10;
const MAX_HANDLES: usize = 200;
const MAX_BYTES: usize = 60 * 1024;

/// A namespace may have been moved to another tier by then.
const RETRIED_AFTER: Duration = Duration::from_secs(60 * 60);

/// Whether a hub supports batches. One of the Free tier does not, which only its response tells.
#[derive(Debug, Default)]
pub struct BatchSupport {
    refused_at: Mutex<Option<Instant>>,
}

impl BatchSupport {
    /// Whether to try a batch.
    pub fn is_supported(&self) -> bool {
        let refused_at = self.refused_at.lock().expect("nothing panics while it is held");
        refused_at.is_none_or(|at| at.elapsed() >= RETRIED_AFTER)
    }

    /// Remembers that the hub refused a batch. Returns whether this was not known.
    pub fn mark_unsupported(&self) -> bool {
        let mut refused_at = self.refused_at.lock().expect("nothing panics while it is held");
        let is_news = refused_at.is_none_or(|at| at.elapsed() >= RETRIED_AFTER);
        if is_news {
            *refused_at = Some(Instant::now());
        }
        is_news
    }
}

/// How many of `handles`, in their order, go into each batch: evenly, within the limits.
pub fn batch_sizes(payload: &Payload, handles: &[&DeviceHandle]) -> Vec<usize> {
    let share = handles.len().div_ceil(handles.len().div_ceil(MAX_HANDLES).max(1));
    let frame = body(payload, &[], &boundary(0)).len();
    let (mut batch_sizes, mut bytes) = (Vec::<usize>::new(), 0);
    for handle in handles {
        let size = size(handle);
        match batch_sizes.last_mut() {
            Some(last) if *last < share && bytes + size <= MAX_BYTES => {
                *last += 1;
                bytes += size;
            }
            Some(_) | None => {
                batch_sizes.push(1);
                bytes = frame + size;
            }
        }
    }
    batch_sizes
}

/// The boundary between the parts; random, so no payload contains it.
pub fn boundary(random: u128) -> String {
    format!("acs-push-{random:032x}")
}

/// The two parts, as the official SDKs write them.
pub fn body(payload: &Payload, handles: &[&DeviceHandle], boundary: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(payload.body.len() + handles.len() * 200 + 400);
    let devices = json(handles);
    for (name, content_type, content) in [
        ("notification", "application/json;charset=utf-8", &*payload.body),
        ("devices", "application/json", devices.as_bytes()),
    ] {
        body.extend_from_slice(format!("--{boundary}\r\nContent-Type: {content_type}\r\n").as_bytes());
        body.extend_from_slice(format!("Content-Disposition: inline; name={name}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--").as_bytes());
    body
}

fn json(handles: &[&DeviceHandle]) -> String {
    let handles: Vec<&str> = handles.iter().map(|handle| handle.expose()).collect();
    serde_json::to_string(&handles).expect("texts always serialize")
}

/// The bytes of a handle in the JSON array: with quotes, comma and escapes.
fn size(handle: &DeviceHandle) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        0..b' ' => 6,
        _ => 1,
    };
    handle.expose().bytes().map(escaped).sum::<usize>() + 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notifications::device::Platform;

    fn payload(bytes: usize) -> Payload {
        Payload { platform: Platform::Apns, headers: Vec::new(), body: vec![b' '; bytes].into() }
    }

    #[test]
    fn handles_are_shared_out_evenly_and_no_batch_is_over_a_limit() {
        for (handles, length, payload_length, batches) in [
            (10, 64, 200, 1),
            (200, 64, 200, 1),
            (201, 64, 200, 2),
            (450, 64, 4096, 3),
            (1000, 163, 4096, 5),
            (40, 2048, 4096, 2),
            (200, 2048, 4096, 8),
            // Each of these takes two bytes.
            (200, 0, 4096, 1),
        ] {
            let handle = DeviceHandle::new(if length == 0 { "\"".repeat(100) } else { "f".repeat(length) });
            let (handles, payload) = (vec![&handle; handles], payload(payload_length));
            let batch_sizes = batch_sizes(&payload, &handles);
            assert_eq!(
                (batch_sizes.len(), batch_sizes.iter().sum()),
                (batches, handles.len()),
                "{length}: {batch_sizes:?}"
            );
            for share in batch_sizes {
                assert!(share <= MAX_HANDLES);
                assert!(body(&payload, &handles[..share], &boundary(u128::MAX)).len() <= MAX_BYTES);
            }
        }
    }
}
