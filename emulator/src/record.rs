//! The record: every request to a hub in order of arrival, bounded, and observable. A request is added when it arrives and
//! settled when its result is known.

mod history;
mod request;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{broadcast, watch};

use crate::limits::BoundedQueue;

pub(crate) use history::{History, HistoryUpdate, Position};
pub(crate) use request::RequestOutcome;
pub use request::{Batch, ReceivedRequest, Recipient, Recipients};

/// How many requests a subscriber may be behind before it misses some.
const SUBSCRIPTION_BUFFER: usize = 16 * 1024;

/// How many requests were received and accepted since the start or the last clearing, including dropped ones.
#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    received: usize,
    accepted: usize,
}

#[derive(Debug)]
pub(crate) struct Record {
    started: Instant,
    stored: Mutex<Stored>,
    totals: watch::Sender<Totals>,
    settled: broadcast::Sender<ReceivedRequest>,
    /// The settled requests, for the page.
    pub(crate) history: History,
}

#[derive(Debug, Default)]
struct Stored {
    /// The sequence number of the first request since the last clearing.
    first_after_clear: u64,
    requests: BoundedQueue<ReceivedRequest>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            stored: Mutex::default(),
            totals: watch::Sender::default(),
            settled: broadcast::Sender::new(SUBSCRIPTION_BUFFER),
            history: History::new(),
        }
    }

    /// Adds a request that has just arrived.
    pub(crate) fn add(&self, mut request: ReceivedRequest) -> PendingRequest<'_> {
        request.at_ms = self.now_ms();
        let mut stored = self.lock();
        let sequence = stored.requests.push(request.clone(), request.size());
        self.totals.send_modify(|totals| totals.received += 1);
        PendingRequest { record: self, request, sequence, settled: false }
    }

    fn settle(&self, request: &mut ReceivedRequest, sequence: u64, outcome: RequestOutcome) {
        let mut stored = self.lock();
        // The record was cleared after its arrival: it no longer counts.
        if sequence < stored.first_after_clear {
            return;
        }
        request.status = outcome.status;
        request.reason = outcome.reason;
        request.warnings = outcome.warnings;
        request.notification_id = outcome.notification_id;
        request.tracking_id = outcome.tracking_id;
        request.batch = outcome.batch;
        request.recipients = outcome.recipients;
        request.settled_at_ms = Some(self.now_ms());
        // A request that was dropped meanwhile still goes to the subscribers.
        if let Some(kept) = stored.requests.get_mut(sequence) {
            kept.clone_from(request);
        }
        // An error means that there is no subscriber.
        let _ = self.settled.send(request.clone());
        self.history.push(request.clone());
        if request.is_accepted() {
            self.totals.send_modify(|totals| totals.accepted += 1);
        }
    }

    pub(crate) fn requests(&self) -> Vec<ReceivedRequest> {
        self.lock().requests.iter().cloned().collect()
    }

    pub(crate) fn accepted(&self) -> Vec<ReceivedRequest> {
        self.lock().requests.iter().filter(|request| request.is_accepted()).cloned().collect()
    }

    /// Milliseconds since the start of the emulator.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn total(&self) -> usize {
        self.totals.borrow().received
    }

    pub(crate) fn clear(&self) {
        let mut stored = self.lock();
        stored.requests.clear();
        stored.first_after_clear = stored.requests.next_sequence();
        self.history.clear();
        self.totals.send_replace(Totals::default());
    }

    pub(crate) async fn wait_for_received(&self, count: usize) -> Vec<ReceivedRequest> {
        self.wait_until(|totals| totals.received >= count).await;
        self.requests()
    }

    pub(crate) async fn wait_for_accepted(&self, count: usize) -> Vec<ReceivedRequest> {
        self.wait_until(|totals| totals.accepted >= count).await;
        self.accepted()
    }

    async fn wait_until(&self, reached: impl Fn(&Totals) -> bool) {
        // It fails only without a sender, and `self` holds the sender.
        let _ = self.totals.subscribe().wait_for(reached).await;
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ReceivedRequest> {
        self.settled.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A recorded request without a result. Dropping it records that the connection ended.
#[derive(Debug)]
pub(crate) struct PendingRequest<'r> {
    record: &'r Record,
    request: ReceivedRequest,
    sequence: u64,
    settled: bool,
}

impl PendingRequest<'_> {
    pub(crate) fn settle(mut self, outcome: RequestOutcome) {
        self.settled = true;
        self.record.settle(&mut self.request, self.sequence, outcome);
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let reason = Some("the connection ended before the answer".to_owned());
            self.record.settle(
                &mut self.request,
                self.sequence,
                RequestOutcome { reason, ..RequestOutcome::default() },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_KEPT;

    fn request(path: String) -> ReceivedRequest {
        ReceivedRequest { method: "POST".to_owned(), path, ..ReceivedRequest::default() }
    }

    fn accepted() -> RequestOutcome {
        RequestOutcome { status: Some(201), ..RequestOutcome::default() }
    }

    #[tokio::test]
    async fn the_last_ten_thousand_are_kept_and_all_are_counted() {
        let record = Record::new();
        let mut subscriber = record.subscribe();
        let oldest = record.add(request("oldest".to_owned()));
        let last = record.add(request("held back".to_owned()));
        for number in 0..MAX_KEPT - 1 {
            record.add(request(number.to_string())).settle(accepted());
        }
        // It was dropped: settling it must not change another one, but reaches the subscribers.
        oldest.settle(RequestOutcome::default());
        last.settle(accepted());
        while subscriber.len() > 2 {
            let _ = subscriber.recv().await;
        }
        assert_eq!(subscriber.recv().await.unwrap().path, "oldest");
        let requests = record.requests();
        assert_eq!((requests.len(), record.total()), (MAX_KEPT, MAX_KEPT + 1));
        assert_eq!((requests[0].path.as_str(), requests[0].status), ("held back", Some(201)));
        assert_eq!(record.wait_for_accepted(MAX_KEPT).await.len(), MAX_KEPT);
    }

    #[tokio::test]
    async fn a_request_from_before_a_clearing_does_not_count() {
        let record = Record::new();
        let mut subscriber = record.subscribe();
        let held_back = record.add(request("held back".to_owned()));
        record.clear();
        record.add(request("after".to_owned())).settle(accepted());
        held_back.settle(accepted());
        assert_eq!(record.wait_for_accepted(1).await.len(), 1);
        assert_eq!((record.total(), record.totals.borrow().accepted), (1, 1));
        assert_eq!((subscriber.recv().await.unwrap().path.as_str(), subscriber.len()), ("after", 0));
    }
}
