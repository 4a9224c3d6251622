//! The guests' phones: their push service gives them other handles and their old ones to somebody else, they move from
//! user to user, are set up anew, vanish and return.

use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::Method;
use tokio::sync::watch;
use tokio::time::sleep;

use super::fleet::{Fleet, Handler};
use super::people::{Device, RESIDENTS, request};
use super::registrations::{Change, Registrations, Request};
use super::{Failure, since};

/// Phones of one group have to do with each other, and with no others.
pub const GROUPS: usize = 6;

const PHONES: usize = 4;

/// So soon is an old handle somebody else's.
const MOST_OLD_HANDLES: usize = 2;

/// More than a group uses up.
const NUMBERS: usize = 1_000_000;

/// The number of a group's installation or handle.
pub fn id(group: usize, number: usize) -> usize {
    group * NUMBERS + number
}

/// The phones of one group.
#[derive(Debug)]
pub struct Group {
    number: usize,
    rng: Rng,
    phones: Vec<Phone>,
    /// Phones whose apps nobody starts before the end of the run, after a request that nobody answered.
    abandoned: Vec<Phone>,
    /// Handles that no phone has any more. Some are given to another one.
    old_handles: Vec<usize>,
    /// The number of the next installation, and of the next handle.
    next: usize,
}

#[derive(Debug, Clone, Copy)]
struct Phone {
    id: usize,
    handle: usize,
    user: usize,
}

/// Where an app registers, and who notes what was asked and answered.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    pub fleet: &'a Fleet,
    pub handler: &'a Handler,
    pub asked: &'a Registrations,
    pub started: Instant,
}

impl Group {
    pub fn new(number: usize, mut rng: Rng) -> Self {
        let first = id(number, 0);
        let phones = (first..first + PHONES).map(|id| Phone { id, handle: id, user: rng.usize(..RESIDENTS) }).collect();
        Self { number, rng, phones, abandoned: Vec::new(), old_handles: Vec::new(), next: first + PHONES }
    }

    /// Goes on until it is told to stop. Whatever a kill breaks stays broken until its next turn, or until the end.
    pub async fn come_and_go(
        mut self,
        fleet: Arc<Fleet>,
        asked: Arc<Registrations>,
        started: Instant,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        while !*stop.borrow() {
            sleep(Duration::from_millis(self.rng.u64(10..150))).await;
            let index = self.rng.usize(..PHONES);
            let change = self.change(index);
            let Some(handler) = fleet.any(&mut self.rng) else { continue };
            let desk = Desk { fleet: &fleet, handler: &handler, asked: &asked, started };
            let is_broken = self.ask(change, desk).await?;
            if is_broken && self.rng.u8(..4) > 0 {
                let (id, handle, user) = (self.number(), self.number(), self.rng.usize(..RESIDENTS));
                self.abandoned.push(std::mem::replace(&mut self.phones[index], Phone { id, handle, user }));
            }
        }
        Ok(self)
    }

    /// Every app starts and registers what it is.
    pub async fn register_all(&self, desk: Desk<'_>) -> Result<(), Failure> {
        for phone in self.phones.iter().chain(&self.abandoned) {
            self.ask(phone.put(), desk).await?;
        }
        Ok(())
    }

    /// Every app starts, and is removed, and so is whatever else may be registered of phones that were set up anew.
    pub async fn leave(&self, desk: Desk<'_>) -> Result<(), Failure> {
        self.register_all(desk).await?;
        for id in desk.asked.possible(self.number) {
            self.ask(Change::Delete { id }, desk).await?;
        }
        Ok(())
    }

    /// What happens to a phone. Whether its registration comes to its end does not change what the phone is.
    fn change(&mut self, index: usize) -> Change {
        let mut phone = self.phones[index];
        match self.rng.u8(..10) {
            // Its app starts.
            0 => {}
            // Somebody else logs in.
            1..3 => phone.user = self.rng.usize(..RESIDENTS),
            // It is set up anew, perhaps by somebody else.
            3 => {
                phone.id = self.number();
                phone.user = if self.rng.bool() { phone.user } else { self.rng.usize(..RESIDENTS) };
            }
            4 => return Change::Delete { id: phone.id },
            // It gets another handle, which may have been another phone's.
            _ => {
                let handle = match self.old_handles.len() {
                    0..MOST_OLD_HANDLES => self.number(),
                    some => self.old_handles.swap_remove(self.rng.usize(..some)),
                };
                self.old_handles.push(std::mem::replace(&mut phone.handle, handle));
            }
        }
        self.phones[index] = phone;
        phone.put()
    }

    fn number(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    /// Says whether there was no answer.
    async fn ask(&self, change: Change, desk: Desk<'_>) -> Result<bool, Failure> {
        let Desk { fleet, handler, asked, started } = desk;
        let sent = since(started);
        asked.send_to(handler.incarnation);
        let answer = match change {
            Change::Put { id, handle, user } => {
                let body = Device::Guest(handle).installation(user).to_string();
                request(fleet, handler, Method::PUT, &format!("guest-{id}"), &body).await
            }
            Change::Delete { id } => request(fleet, handler, Method::DELETE, &format!("guest-{id}"), "").await,
        };
        let (answered, is_broken) = match answer {
            Ok(200 | 201 | 204) => (Some(since(started)), false),
            // Many may want the same document at once, and the store may be away.
            Ok(503) => (None, false),
            // The trace of a kill.
            Err(_) => (None, true),
            Ok(status) => return Err(format!("a registration was answered with {status}").into()),
        };
        asked.add(self.number, Request { change, sent, answered });
        Ok(is_broken)
    }
}

impl Phone {
    fn put(self) -> Change {
        Change::Put { id: self.id, handle: self.handle, user: self.user }
    }
}
