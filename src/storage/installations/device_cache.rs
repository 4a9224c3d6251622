//! Devices that were read in the last seconds: messages come in bursts, and each would read the same.
//!
//! Five seconds after a change was answered no instance may act on the older state, so nothing here is used for longer
//! than [`CACHE_TTL`] after its reading began. A change on this instance shows at once. An empty list is never
//! cached.
//!
//! moka would bring the bound and the expiry, by a clock that no test can advance; the rule about changes, and with it this
//! lock, would stay.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use crate::events::recipient::Recipient;
use crate::notifications::device::Device;

/// How long a read is used.
pub const CACHE_TTL: Duration = Duration::from_secs(3);

/// About two megabytes.
pub(super) const MAX_DEVICES: usize = 4096;

/// The devices of recipients that were looked up last.
#[derive(Debug, Default)]
pub struct DeviceCache(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    readings: HashMap<Recipient, (Instant, Arc<[Device]>)>,
    /// Of all readings together.
    devices: usize,
    /// Grows with each change on this instance: what began to be read before one is not kept after it.
    changes: u64,
}

/// When something began to be read.
#[derive(Debug, Clone, Copy)]
pub struct StartedRead {
    began: Instant,
    changes: u64,
}

impl DeviceCache {
    /// The recipient's devices, if they were read a moment ago.
    pub fn get(&self, recipient: &Recipient) -> Option<Arc<[Device]>> {
        let memory = self.0.lock().expect("nothing panics while it is held");
        let (began, devices) = memory.readings.get(recipient)?;
        (began.elapsed() < CACHE_TTL).then(|| Arc::clone(devices))
    }

    /// Something is read from now on.
    pub fn begin_read(&self) -> StartedRead {
        let changes = self.0.lock().expect("nothing panics while it is held").changes;
        StartedRead { began: Instant::now(), changes }
    }

    /// Keeps what was read, unless it is nothing or there was a change meanwhile.
    pub fn insert(&self, recipient: &Recipient, devices: &Arc<[Device]>, reading: StartedRead) {
        let mut memory = self.0.lock().expect("nothing panics while it is held");
        if devices.is_empty() || devices.len() > MAX_DEVICES || memory.changes != reading.changes {
            return;
        }
        if memory.devices + devices.len() > MAX_DEVICES {
            // Most of it is too old by now.
            memory.readings.clear();
            memory.devices = 0;
        }
        memory.devices += devices.len();
        let before = memory.readings.insert(recipient.clone(), (reading.began, Arc::clone(devices)));
        memory.devices -= before.map_or(0, |(_, devices)| devices.len());
    }

    /// The recipient's devices were changed.
    pub fn forget(&self, recipient: &Recipient) {
        let mut memory = self.0.lock().expect("nothing panics while it is held");
        memory.changes += 1;
        let before = memory.readings.remove(recipient);
        memory.devices -= before.map_or(0, |(_, devices)| devices.len());
    }
}
