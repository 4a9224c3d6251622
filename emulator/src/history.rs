//! The requests as the page is told of them: numbered in the order in which they were settled, the last few kept, so
//! that a page that was away for a moment goes on where it was. Nothing of HTTP here.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use crate::record::ReceivedRequest;

/// More than a page shows; whoever comes late sees no more than this.
const KEPT: usize = 500;

#[derive(Debug)]
pub(crate) struct History {
    kept: Mutex<Kept>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Kept {
    /// Another one after each clearing and each start: numbers of different epochs have nothing to do with each other.
    epoch: Uuid,
    /// How many were settled in this epoch.
    newest: u64,
    requests: VecDeque<Arc<ReceivedRequest>>,
}

/// A place in the history, written `EPOCH.NUMBER`: what comes behind it is news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    epoch: Uuid,
    number: u64,
}

/// What is news at some position.
#[derive(Debug)]
pub(crate) struct News {
    /// The position was of another epoch, or none: what was told before is void.
    pub(crate) starts_over: bool,
    /// The number of the newest request; it may be behind the last one here.
    pub(crate) newest: u64,
    /// How many were forgotten before they could be told.
    pub(crate) missed: u64,
    /// Where the first of `requests` stands, less one.
    pub(crate) after: Position,
    pub(crate) requests: Vec<Arc<ReceivedRequest>>,
}

impl History {
    pub(crate) fn new() -> Self {
        let kept = Kept { epoch: Uuid::new_v4(), newest: 0, requests: VecDeque::new() };
        Self { kept: Mutex::new(kept), changed: watch::Sender::default() }
    }

    pub(crate) fn push(&self, request: ReceivedRequest) {
        let mut kept = self.lock();
        kept.newest += 1;
        kept.requests.push_back(Arc::new(request));
        if kept.requests.len() > KEPT {
            kept.requests.pop_front();
        }
        drop(kept);
        self.changed.send_replace(());
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Kept { epoch: Uuid::new_v4(), newest: 0, requests: VecDeque::new() };
        self.changed.send_replace(());
    }

    /// Learns of every change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What comes behind `position`: as many requests as `bytes` hold, and one at least.
    pub(crate) fn since(&self, position: Option<Position>, bytes: usize) -> News {
        let kept = self.lock();
        let position = position.filter(|position| position.epoch == kept.epoch && position.number <= kept.newest);
        let oldest = kept.newest - kept.requests.len() as u64;
        let number = position.map_or(oldest, |position| position.number.max(oldest));
        let skip = usize::try_from(number - oldest).unwrap_or(usize::MAX);
        let mut sum = 0;
        let has_room = |request: &&Arc<ReceivedRequest>| {
            let is_first = sum == 0;
            sum += request.size();
            is_first || sum <= bytes
        };
        News {
            starts_over: position.is_none(),
            newest: kept.newest,
            missed: number - position.map_or(0, |position| position.number),
            after: Position { epoch: kept.epoch, number },
            requests: kept.requests.iter().skip(skip).take_while(has_room).cloned().collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl News {
    /// The position of each request, and the request.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (Position, &ReceivedRequest)> {
        let Position { epoch, number } = self.after;
        (number + 1..).map(move |number| Position { epoch, number }).zip(self.requests.iter().map(Arc::as_ref))
    }

    /// Where to go on from.
    pub(crate) fn position(&self) -> Position {
        Position { number: self.after.number + self.requests.len() as u64, ..self.after }
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

    /// Room for any number of the requests here.
    const ALL: usize = usize::MAX;

    fn push(history: &History, numbers: std::ops::RangeInclusive<usize>) {
        for number in numbers {
            history.push(ReceivedRequest { path: number.to_string(), ..ReceivedRequest::default() });
        }
    }

    fn paths(news: &News) -> Vec<&str> {
        news.requests.iter().map(|request| request.path.as_str()).collect()
    }

    #[test]
    fn whoever_comes_back_is_told_what_is_new_and_nothing_twice() {
        let history = History::new();
        push(&history, 1..=3);
        let two = 2 * ReceivedRequest { path: "1".to_owned(), ..ReceivedRequest::default() }.size();
        let first = history.since(None, two);
        assert_eq!((first.starts_over, first.missed, first.newest, paths(&first)), (true, 0, 3, vec!["1", "2"]));
        let written = first.position().to_string();
        let second = history.since(written.parse().ok(), two);
        assert_eq!((second.starts_over, second.missed, paths(&second)), (false, 0, vec!["3"]));
        assert!(history.since(Some(second.position()), two).requests.is_empty());
    }

    #[test]
    fn what_was_forgotten_is_counted() {
        let history = History::new();
        push(&history, 1..=1);
        let position = history.since(None, ALL).position();
        push(&history, 2..=KEPT + 8);
        let news = history.since(Some(position), 1);
        assert_eq!((news.starts_over, news.missed, paths(&news)), (false, 7, vec!["9"]));
        let late = history.since(None, ALL);
        assert_eq!((late.starts_over, late.missed, late.requests.len()), (true, 8, KEPT));
    }

    #[test]
    fn a_position_from_before_a_clearing_starts_over() {
        let history = History::new();
        push(&history, 1..=5);
        let position = history.since(None, ALL).position();
        history.clear();
        push(&history, 6..=6);
        let news = history.since(Some(position), ALL);
        assert_eq!((news.starts_over, news.missed, paths(&news)), (true, 0, vec!["6"]));
        assert!("".parse::<Position>().is_err() && "a.1".parse::<Position>().is_err());
    }
}
