//! A queue that is bounded in entries and in bytes.

use std::collections::VecDeque;

use super::{MAX_KEPT, MAX_KEPT_BYTES};

/// A queue that drops its oldest entries when it holds more than [`MAX_KEPT`] entries or [`MAX_KEPT_BYTES`] bytes. The
/// newest entry stays, whatever its size. Each entry has a sequence number, counted from 0.
#[derive(Debug)]
pub(crate) struct BoundedQueue<T> {
    /// The sequence number of the oldest entry.
    first: u64,
    bytes: usize,
    entries: VecDeque<(T, usize)>,
}

impl<T> Default for BoundedQueue<T> {
    fn default() -> Self {
        Self { first: 0, bytes: 0, entries: VecDeque::new() }
    }
}

impl<T> BoundedQueue<T> {
    /// Adds an entry of about `bytes` bytes and returns its sequence number.
    pub(crate) fn push(&mut self, entry: T, bytes: usize) -> u64 {
        self.entries.push_back((entry, bytes));
        self.bytes += bytes;
        while self.entries.len() > MAX_KEPT || (self.bytes > MAX_KEPT_BYTES && self.entries.len() > 1) {
            if let Some((_, bytes)) = self.entries.pop_front() {
                self.bytes -= bytes;
                self.first += 1;
            }
        }
        self.next_sequence() - 1
    }

    /// The sequence number that the next entry gets.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The entry with this sequence number; `None` when it was dropped.
    pub(crate) fn get_mut(&mut self, sequence: u64) -> Option<&mut T> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index).map(|(entry, _)| entry)
    }

    /// All entries, the oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    pub(crate) fn clear(&mut self) {
        self.first = self.next_sequence();
        self.bytes = 0;
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_are_dropped_when_there_are_too_many_or_too_many_bytes() {
        let mut queue = BoundedQueue::default();
        for number in 0..=MAX_KEPT {
            assert_eq!(queue.push(number, 1), number as u64);
        }
        assert_eq!((queue.iter().count(), queue.iter().next()), (MAX_KEPT, Some(&1)));
        assert_eq!(queue.get_mut(0), None);
        assert_eq!(queue.get_mut(1), Some(&mut 1));

        queue.push(7, MAX_KEPT_BYTES - 1);
        assert_eq!(queue.iter().copied().collect::<Vec<_>>(), [MAX_KEPT, 7]);
        let sequence = queue.push(8, MAX_KEPT_BYTES + 1);
        assert_eq!(queue.iter().copied().collect::<Vec<_>>(), [8]);
        queue.clear();
        assert_eq!((queue.next_sequence(), queue.get_mut(sequence)), (sequence + 1, None));
    }
}
