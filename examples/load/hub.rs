//! A hub that does next to nothing: it answers 201 and counts. The emulator checks and keeps every request, which is too
//! much for load.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::answers;
use crate::events::number_in;
use crate::fleet::Fleet;
use crate::wire::Message;

/// One target's hub.
#[derive(Debug)]
pub struct Hub {
    pub port: u16,
    tally: Arc<Mutex<Tally>>,
}

/// What came to it.
#[derive(Debug, Clone)]
pub struct Tally {
    fleet: Fleet,
    /// One bit for each event and device, and all of them counted.
    seen: Vec<u64>,
    pub pushes: usize,
    /// Pushes of an event to a device that had it already.
    pub twice: usize,
    pub requests: usize,
    /// Requests for no device that the event is for.
    pub strange: usize,
}

impl Hub {
    /// Answers each request after `delay`.
    pub async fn start(fleet: Fleet, delay: Duration) -> io::Result<Self> {
        let tally = Tally { fleet, seen: Vec::new(), pushes: 0, twice: 0, requests: 0, strange: 0 };
        let tally = Arc::new(Mutex::new(tally));
        let counted = Arc::clone(&tally);
        let count = move |request: &Message<'_>| counted.lock().unwrap_or_else(PoisonError::into_inner).add(request);
        Ok(Self { port: answers::start(delay, count).await?, tally })
    }

    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Tally {
    fn add(&mut self, request: &Message<'_>) {
        self.requests += 1;
        if self.count(request).is_none() {
            self.strange += 1;
        }
    }

    /// `None` when the request is for nobody.
    fn count(&mut self, request: &Message<'_>) -> Option<()> {
        let event = number_in(request.body)?;
        let recipient = self.fleet.recipient_of(event);
        if request.path().contains("/$batch") {
            for handle in handles(request.body)? {
                self.mark(event, self.fleet.device_of(recipient, handle)?);
            }
        } else {
            // The relay knows of no devices.
            let handle = request.header("servicebusnotification-devicehandle");
            self.mark(event, handle.map_or(Some(0), |handle| self.fleet.device_of(recipient, handle))?);
        }
        Some(())
    }

    fn mark(&mut self, event: usize, device: usize) {
        let index = event * self.fleet.devices + device;
        let (word, bit) = (index / 64, 1 << (index % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        if self.seen[word] & bit == 0 {
            self.seen[word] |= bit;
            self.pushes += 1;
        } else {
            self.twice += 1;
        }
    }
}

/// The device handles of a batch: the array in its second part.
fn handles(body: &[u8]) -> Option<Vec<&str>> {
    let (_, part) = std::str::from_utf8(body).ok()?.split_once("name=devices\r\n\r\n")?;
    serde_json::from_str(part.split_once("\r\n--")?.0).ok()
}
