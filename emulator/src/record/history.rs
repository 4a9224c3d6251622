//! The last settled requests, numbered in the order in which they were settled, so that a page that was disconnected can
//! go on where it stopped.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use super::ReceivedRequest;

/// More than a page shows. A page that is opened later gets no more than this.
const MAX_HISTORY: usize = 500;

#[derive(Debug)]
pub(crate) struct History {
    stored: Mutex<Stored>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Stored {
    /// New after each clearing and each start; numbers of different epochs can't be compared.
    epoch: Uuid,
    /// How many requests were settled in this epoch.
    newest: u64,
    requests: VecDeque<Arc<ReceivedRequest>>,
}

/// A position in the history, written `EPOCH.NUMBER`: that of the request with this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    epoch: Uuid,
    number: u64,
}

/// The requests after a position.
#[derive(Debug)]
pub(crate) struct HistoryUpdate {
    /// There was no position, or one of another epoch: the reader must discard what it has.
    pub(crate) starts_over: bool,
    /// The number of the newest request in the history, which may be later than the last one here.
    pub(crate) newest: u64,
    /// How many requests after the position are no longer in the history.
    pub(crate) missed: u64,
    /// The position before the first of `requests`.
    pub(crate) start: Position,
    pub(crate) requests: Vec<Arc<ReceivedRequest>>,
}

impl History {
    pub(crate) fn new() -> Self {
        let stored = Stored { epoch: Uuid::new_v4(), newest: 0, requests: VecDeque::new() };
        Self { stored: Mutex::new(stored), changed: watch::Sender::default() }
    }

    pub(crate) fn push(&self, request: ReceivedRequest) {
        let mut stored = self.lock();
        stored.newest += 1;
        stored.requests.push_back(Arc::new(request));
        if stored.requests.len() > MAX_HISTORY {
            stored.requests.pop_front();
        }
        drop(stored);
        self.changed.send_replace(());
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Stored { epoch: Uuid::new_v4(), newest: 0, requests: VecDeque::new() };
        self.changed.send_replace(());
    }

    /// Notifies of every change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The requests after `position`: as many as fit into `bytes`, but at least one.
    pub(crate) fn since(&self, position: Option<Position>, bytes: usize) -> HistoryUpdate {
        let stored = self.lock();
        let position = position.filter(|position| position.epoch == stored.epoch && position.number <= stored.newest);
        let oldest = stored.newest - stored.requests.len() as u64;
        let number = position.map_or(oldest, |position| position.number.max(oldest));
        let skip = usize::try_from(number - oldest).unwrap_or(usize::MAX);
        let mut sum = 0;
        let has_room = |request: &&Arc<ReceivedRequest>| {
            let is_first = sum == 0;
            sum += request.size();
            is_first || sum <= bytes
        };
        HistoryUpdate {
            starts_over: position.is_none(),
            newest: stored.newest,
            missed: number - position.map_or(0, |position| position.number),
            start: Position { epoch: stored.epoch, number },
            requests: stored.requests.iter().skip(skip).take_while(has_room).cloned().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HistoryUpdate {
    /// Each request with its position.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (Position, &ReceivedRequest)> {
        let Position { epoch, number } = self.start;
        (number + 1..).map(move |number| Position { epoch, number }).zip(self.requests.iter().map(Arc::as_ref))
    }

    /// The position of the last request: the next update starts there.
    pub(crate) fn end(&self) -> Position {
        Position { number: self.start.number + self.requests.len() as u64, ..self.start }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.simple(), self.number)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (epoch, number) = text.split_once('.').ok_or(())?;
        Ok(Self { epoch: Uuid::try_parse(epoch).map_err(|_| ())?, number: number.parse().map_err(|_| ())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No limit.
    const ALL: usize = usize::MAX;

    fn push(history: &History, numbers: std::ops::RangeInclusive<usize>) {
        for number in numbers {
            history.push(ReceivedRequest { path: number.to_string(), ..ReceivedRequest::default() });
        }
    }

    fn paths(update: &HistoryUpdate) -> Vec<&str> {
        update.requests.iter().map(|request| request.path.as_str()).collect()
    }

    #[test]
    fn a_reader_that_comes_back_gets_the_new_requests_once() {
        let history = History::new();
        push(&history, 1..=3);
        let two = 2 * ReceivedRequest { path: "1".to_owned(), ..ReceivedRequest::default() }.size();
        let first = history.since(None, two);
        assert_eq!((first.starts_over, first.missed, first.newest, paths(&first)), (true, 0, 3, vec!["1", "2"]));
        let written = first.end().to_string();
        let second = history.since(written.parse().ok(), two);
        assert_eq!((second.starts_over, second.missed, paths(&second)), (false, 0, vec!["3"]));
        assert!(history.since(Some(second.end()), two).requests.is_empty());
    }

    #[test]
    fn dropped_requests_are_counted() {
        let history = History::new();
        push(&history, 1..=1);
        let position = history.since(None, ALL).end();
        push(&history, 2..=MAX_HISTORY + 8);
        let update = history.since(Some(position), 1);
        assert_eq!((update.starts_over, update.missed, paths(&update)), (false, 7, vec!["9"]));
        let late = history.since(None, ALL);
        assert_eq!((late.starts_over, late.missed, late.requests.len()), (true, 8, MAX_HISTORY));
    }

    #[test]
    fn a_position_from_before_a_clearing_starts_over() {
        let history = History::new();
        push(&history, 1..=5);
        let position = history.since(None, ALL).end();
        history.clear();
        push(&history, 6..=6);
        let update = history.since(Some(position), ALL);
        assert_eq!((update.starts_over, update.missed, paths(&update)), (true, 0, vec!["6"]));
        assert!("".parse::<Position>().is_err() && "a.1".parse::<Position>().is_err());
    }
}
