//! A hub that takes as long as it is told for each request, and knows when each event was first pushed.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::answers;
use crate::events::number_in;
use crate::fleet::Fleet;
use crate::wire::Message;

#[derive(Debug)]
pub struct Hub {
    pub port: u16,
    pushes: Arc<Mutex<Pushes>>,
}

/// What came to it.
#[derive(Debug, Clone, Default)]
pub struct Pushes {
    /// When each event was pushed first.
    pub at: HashMap<usize, Instant>,
    /// Further pushes of an event.
    pub doubles: usize,
    /// Requests for no device of an event.
    pub strange: usize,
}

impl Hub {
    pub async fn start(fleet: Fleet, delay: Duration) -> io::Result<Self> {
        let pushes = Arc::<Mutex<Pushes>>::default();
        let counted = Arc::clone(&pushes);
        let count =
            move |request: &Message<'_>| counted.lock().unwrap_or_else(PoisonError::into_inner).add(request, fleet);
        Ok(Self { port: answers::start(delay, count).await?, pushes })
    }

    pub fn pushes(&self) -> Pushes {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Pushes {
    fn add(&mut self, request: &Message<'_>, fleet: Fleet) {
        let now = Instant::now();
        let handle = request.header("servicebusnotification-devicehandle");
        let number = number_in(request.body).zip(handle);
        let number = number.filter(|(number, handle)| fleet.device_of(fleet.recipient_of(*number), handle).is_some());
        match number {
            Some((number, _)) if self.at.contains_key(&number) => self.doubles += 1,
            Some((number, _)) => drop(self.at.insert(number, now)),
            None => self.strange += 1,
        }
    }
}
