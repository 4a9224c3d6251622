//! A hub that takes as long as it is told for each request, and knows when each event was first pushed.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::events::number_in;
use crate::fleet::Fleet;
use crate::wire::{Message, Wire};

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

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\n\
    TrackingId: 8e3bd1a5-5b05-43bd-9dd2-1ec9a3cbbb28\r\n\
    Content-Length: 0\r\n\r\n";

impl Hub {
    pub async fn start(fleet: Fleet, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (port, pushes) = (listener.local_addr()?.port(), Arc::<Mutex<Pushes>>::default());
        let counted = Arc::clone(&pushes);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // It ends with the connection, which ends with the program.
                tokio::spawn(answer(Wire::new(stream), Arc::clone(&counted), fleet, delay));
            }
        });
        Ok(Self { port, pushes })
    }

    pub fn pushes(&self) -> Pushes {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(wire: io::Result<Wire>, pushes: Arc<Mutex<Pushes>>, fleet: Fleet, delay: Duration) -> io::Result<()> {
    let mut wire = wire?;
    while let Some(request) = wire.receive().await? {
        pushes.lock().unwrap_or_else(PoisonError::into_inner).add(&request, fleet);
        sleep(delay).await;
        wire.send(ANSWER).await?;
    }
    Ok(())
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
