//! The newest of what comes, bounded in number and in bytes, so that a demo may run for weeks.

use std::collections::VecDeque;

/// So many at most, whatever their size.
pub(crate) const KEPT: usize = 10_000;
/// So many bytes at most, as their keepers count them; the newest is kept whatever its size.
pub(crate) const KEPT_BYTES: usize = 64 << 20;

/// A queue that forgets its oldest entries. Each entry has a sequence number, counted from 0.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    /// The sequence number of the entry at the front.
    first: u64,
    bytes: usize,
    entries: VecDeque<(T, usize)>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { first: 0, bytes: 0, entries: VecDeque::new() }
    }
}

impl<T> Recent<T> {
    /// Adds an entry of about `bytes` bytes and returns its sequence number.
    pub(crate) fn push(&mut self, entry: T, bytes: usize) -> u64 {
        self.entries.push_back((entry, bytes));
        self.bytes += bytes;
        while self.entries.len() > KEPT || (self.bytes > KEPT_BYTES && self.entries.len() > 1) {
            if let Some((_, bytes)) = self.entries.pop_front() {
                self.bytes -= bytes;
                self.first += 1;
            }
        }
        self.next() - 1
    }

    /// The sequence number that the next entry gets.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The entry of that number, unless it is forgotten.
    pub(crate) fn get_mut(&mut self, sequence: u64) -> Option<&mut T> {
        let index = usize::try_from(sequence.checked_sub(self.first)?).ok()?;
        self.entries.get_mut(index).map(|(entry, _)| entry)
    }

    /// The oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.entries.iter().map(|(entry, _)| entry)
    }

    pub(crate) fn clear(&mut self) {
        self.first = self.next();
        self.bytes = 0;
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_when_there_are_too_many_or_too_large_ones() {
        let mut recent = Recent::default();
        for number in 0..=KEPT {
            assert_eq!(recent.push(number, 1), number as u64);
        }
        assert_eq!((recent.iter().count(), recent.iter().next()), (KEPT, Some(&1)));
        assert_eq!(recent.get_mut(0), None);
        assert_eq!(recent.get_mut(1), Some(&mut 1));

        recent.push(7, KEPT_BYTES - 1);
        assert_eq!(recent.iter().copied().collect::<Vec<_>>(), [KEPT, 7]);
        let sequence = recent.push(8, KEPT_BYTES + 1);
        assert_eq!(recent.iter().copied().collect::<Vec<_>>(), [8]);
        recent.clear();
        assert_eq!((recent.next(), recent.get_mut(sequence)), (sequence + 1, None));
    }
}
