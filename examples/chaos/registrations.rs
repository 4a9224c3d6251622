//! What was asked of the register for the guests' phones, and from that, whose each handle may have been at any time.
//!
//! A request whose answer never came may have been done or not; the next one that is answered, and is about the same
//! installation or handle, settles it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Requests, by the phones that have to do with each other: within a group each begins after the one before it ended.
#[derive(Debug)]
pub struct Registrations {
    groups: Vec<Mutex<Vec<Request>>>,
    /// The incarnation that was sent the last one.
    sent_to: watch::Sender<usize>,
}

/// One request to the register.
#[derive(Debug, Clone)]
pub struct Request {
    pub change: Change,
    /// Milliseconds since the start of the run, as is `answered`.
    pub sent: u64,
    /// `None` where no answer came that says that it was done.
    pub answered: Option<u64>,
}

/// What is asked for. Installations, handles and users have numbers; no two groups share an installation or a handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Put { id: usize, handle: usize, user: usize },
    Delete { id: usize },
}

/// A handle and its owner, as long as that is possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    pub id: usize,
    pub handle: usize,
    pub user: usize,
    pub from: u64,
    /// `None` where it did not end.
    pub until: Option<u64>,
    /// Whether it did not end, and nothing else is possible.
    pub is_certain: bool,
}

impl Registrations {
    pub fn new(groups: usize) -> Self {
        Self { groups: (0..groups).map(|_| Mutex::default()).collect(), sent_to: watch::Sender::default() }
    }

    /// One is about to be sent there.
    pub fn send_to(&self, incarnation: usize) {
        self.sent_to.send_replace(incarnation);
    }

    /// Where the next one is sent.
    pub async fn next_sent_to(&self) -> usize {
        let mut sent_to = self.sent_to.subscribe();
        // The only error is that there is no sender, and it is here.
        let _ = sent_to.changed().await;
        *sent_to.borrow()
    }

    pub fn add(&self, group: usize, request: Request) {
        self.groups[group].lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    /// The installations that a group may have.
    pub fn possible(&self, group: usize) -> BTreeSet<usize> {
        let requests = self.groups[group].lock().unwrap_or_else(PoisonError::into_inner).clone();
        ownerships(&requests).into_iter().filter(|owner| owner.until.is_none()).map(|owner| owner.id).collect()
    }

    /// All of them, by group.
    pub fn requests(&self) -> Vec<Vec<Request>> {
        self.groups.iter().map(|group| group.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

/// A handle and its user, or neither.
type Form = Option<(usize, usize)>;

/// What the requests of one group make possible.
pub fn ownerships(requests: &[Request]) -> Vec<Ownership> {
    let (mut possible, mut ended) = (BTreeMap::<usize, BTreeMap<Form, u64>>::new(), Vec::new());
    for Request { change, sent, answered } in requests {
        let (id, form) = match *change {
            Change::Put { id, handle, user } => (id, Some((handle, user))),
            Change::Delete { id } => (id, None),
        };
        possible.entry(id).or_insert_with(|| BTreeMap::from([(None, 0)])).entry(form).or_insert(*sent);
        for (other, forms) in &mut possible {
            // Its own other forms, and whoever else has the handle.
            let loses = |old: &Form| {
                if *other == id {
                    *old != form
                } else {
                    form.is_some() && old.map(|old| old.0) == form.map(|new| new.0)
                }
            };
            let lost: Vec<(Form, u64)> =
                forms.iter().filter(|(old, _)| loses(old)).map(|(old, from)| (*old, *from)).collect();
            if *other != id && !lost.is_empty() {
                forms.entry(None).or_insert(*sent);
            }
            let Some(answered) = answered else { continue };
            for (old, from) in lost {
                forms.remove(&old);
                ended.extend(old.map(|(handle, user)| Ownership {
                    id: *other,
                    handle,
                    user,
                    from,
                    until: Some(*answered),
                    is_certain: false,
                }));
            }
        }
        // Installations that are surely gone are of no interest.
        possible.retain(|_, forms| forms.keys().any(Option::is_some));
    }
    let certain: BTreeSet<usize> = possible.iter().filter(|(_, forms)| forms.len() == 1).map(|(id, _)| *id).collect();
    for (id, forms) in possible {
        ended.extend(forms.into_iter().filter_map(|(form, from)| {
            let (handle, user) = form?;
            Some(Ownership { id, handle, user, from, until: None, is_certain: certain.contains(&id) })
        }));
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each takes ten milliseconds, and begins a hundred after the one before.
    fn after(changes: &[(Change, bool)]) -> Vec<(usize, usize, usize, u64, Option<u64>, bool)> {
        let requests = changes.iter().zip(1..).map(|((change, is_answered), number)| {
            let sent = number * 100;
            Request { change: *change, sent, answered: is_answered.then_some(sent + 10) }
        });
        let mut found: Vec<_> = ownerships(&requests.collect::<Vec<_>>())
            .into_iter()
            .map(|one| (one.id, one.handle, one.user, one.from, one.until, one.is_certain))
            .collect();
        found.sort_unstable();
        found
    }

    fn put(id: usize, handle: usize, user: usize) -> Change {
        Change::Put { id, handle, user }
    }

    #[test]
    fn an_answered_request_ends_what_was_before() {
        let moved = [(1, 7, 5, 100, Some(210), false), (1, 7, 6, 200, None, true)];
        assert_eq!(after(&[(put(1, 7, 5), true), (put(1, 7, 6), true)]), moved);
        let reinstalled = [(1, 7, 5, 100, Some(210), false), (2, 7, 6, 200, None, true)];
        assert_eq!(after(&[(put(1, 7, 5), true), (put(2, 7, 6), true)]), reinstalled);
        assert_eq!(
            after(&[(put(1, 7, 5), true), (Change::Delete { id: 1 }, true)]),
            [(1, 7, 5, 100, Some(210), false)]
        );
    }

    #[test]
    fn a_request_without_an_answer_leaves_both_until_another_settles_it() {
        let rotated = [(put(1, 7, 5), true), (put(1, 8, 5), false)];
        assert_eq!(after(&rotated), [(1, 7, 5, 100, None, false), (1, 8, 5, 200, None, false)]);
        let settled = [rotated[0], rotated[1], (put(2, 7, 6), true)];
        let (old, new) = ((1, 7, 5, 100, Some(310), false), (1, 8, 5, 200, None, false));
        assert_eq!(after(&settled), [old, new, (2, 7, 6, 300, None, true)]);
        let repeated = [rotated[0], rotated[1], (put(1, 8, 5), true)];
        assert_eq!(after(&repeated), [(1, 7, 5, 100, Some(310), false), (1, 8, 5, 200, None, true)]);
        // Whoever may have lost the handle is no longer certain.
        let taken = [(put(1, 7, 5), true), (put(2, 7, 6), false)];
        assert_eq!(after(&taken), [(1, 7, 5, 100, None, false), (2, 7, 6, 200, None, false)]);
    }
}
