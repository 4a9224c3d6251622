//! What was received: every request to a hub, kept in order of arrival, bounded, and watched by
//! those who wait. What a request deserves is decided elsewhere.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::{broadcast, watch};

use crate::batch::Batch;
use crate::history::History;
use crate::recent::Recent;

/// So far may a watcher fall behind before it misses one.
const WATCHED: usize = 16 * 1024;

/// A request as it was received, and what became of it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivedRequest {
    /// The HTTP method.
    pub method: String,
    /// The raw path, not decoded.
    pub path: String,
    /// The raw query without `?`; empty when there is none.
    pub query: String,
    /// The complete headers as received, names in lower case; repeated ones joined with `, `.
    pub headers: BTreeMap<String, String>,
    /// The body, at most 64 KiB of it; bytes that are no UTF-8 are replaced.
    pub body: String,
    /// The hub addressed, as configured; as in the path when there is no such hub.
    pub hub: String,
    /// `ServiceBusNotification-Format`.
    pub format: Option<String>,
    /// `ServiceBusNotification-DeviceHandle`.
    pub device_handle: Option<String>,
    /// What was answered; `None` for a request that was not (reset, or still held back).
    pub status: Option<u16>,
    /// Why it was refused, or which fault met it.
    pub reason: Option<String>,
    /// What was accepted but will not work as its sender may think.
    pub warnings: Vec<String>,
    /// The id of an accepted notification.
    pub notification_id: Option<String>,
    /// `TrackingId` of the answer, by which its receiver can tell that it came.
    pub tracking_id: Option<String>,
    /// What a batch consisted of, when it was accepted; its device handles are here and not in
    /// `device_handle`.
    pub batch: Option<Batch>,
    /// Milliseconds from the emulator's start to the arrival.
    pub at_ms: u64,
    /// Milliseconds from the emulator's start to the moment when its fate was decided: for one that
    /// was accepted the moment of acceptance, however late its answer went out.
    pub settled_at_ms: Option<u64>,
}

impl ReceivedRequest {
    fn is_accepted(&self) -> bool {
        self.method == "POST" && matches!(self.status, Some(200 | 201))
    }

    /// About as many bytes as it takes; a batch, which has no handle, holds its parts once more.
    pub(crate) fn size(&self) -> usize {
        let copies = if self.device_handle.is_none() { 2 } else { 1 };
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 50).sum();
        headers + self.path.len() + self.query.len() + copies * self.body.len() + 500
    }
}

/// What became of a request: the fields that are unknown on arrival.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    pub(crate) status: Option<u16>,
    pub(crate) reason: Option<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) notification_id: Option<String>,
    pub(crate) tracking_id: Option<String>,
    pub(crate) batch: Option<Batch>,
}

/// How many were received and accepted since the start or the last clearing, forgotten ones too.
#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    received: usize,
    accepted: usize,
}

#[derive(Debug)]
pub(crate) struct Record {
    started: Instant,
    kept: Mutex<Kept>,
    totals: watch::Sender<Totals>,
    settled: broadcast::Sender<ReceivedRequest>,
    /// The settled ones, for the page.
    pub(crate) history: History,
}

#[derive(Debug, Default)]
struct Kept {
    /// The sequence number of the first request since the last clearing.
    cleared: u64,
    requests: Recent<ReceivedRequest>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            kept: Mutex::default(),
            totals: watch::Sender::default(),
            settled: broadcast::Sender::new(WATCHED),
            history: History::new(),
        }
    }

    /// Keeps a request that has just arrived; it is settled through what is returned.
    pub(crate) fn arrive(&self, mut request: ReceivedRequest) -> Arrival<'_> {
        request.at_ms = self.now_ms();
        let mut kept = self.lock();
        let sequence = kept.requests.push(request.clone(), request.size());
        self.totals.send_modify(|totals| totals.received += 1);
        Arrival { record: self, request, sequence, settled: false }
    }

    fn settle(&self, request: &mut ReceivedRequest, sequence: u64, settlement: Settlement) {
        let mut kept = self.lock();
        // A request that was cleared away while it was held back counts for nobody any more.
        if sequence < kept.cleared {
            return;
        }
        request.status = settlement.status;
        request.reason = settlement.reason;
        request.warnings = settlement.warnings;
        request.notification_id = settlement.notification_id;
        request.tracking_id = settlement.tracking_id;
        request.batch = settlement.batch;
        request.settled_at_ms = Some(self.now_ms());
        // One that was forgotten meanwhile is told of all the same.
        if let Some(stored) = kept.requests.get_mut(sequence) {
            stored.clone_from(request);
        }
        // An error only says that nobody is subscribed.
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

    /// Milliseconds since the start.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn total(&self) -> usize {
        self.totals.borrow().received
    }

    pub(crate) fn clear(&self) {
        let mut kept = self.lock();
        kept.requests.clear();
        kept.cleared = kept.requests.next();
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
        // Fails only when the sender is gone, and `self` holds it.
        let _ = self.totals.subscribe().wait_for(reached).await;
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ReceivedRequest> {
        self.settled.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is in the record and not settled yet. Dropping it says that its client left.
#[derive(Debug)]
pub(crate) struct Arrival<'r> {
    record: &'r Record,
    request: ReceivedRequest,
    sequence: u64,
    settled: bool,
}

impl Arrival<'_> {
    pub(crate) fn settle(mut self, settlement: Settlement) {
        self.settled = true;
        self.record.settle(&mut self.request, self.sequence, settlement);
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let reason = Some("the connection ended before the answer".to_owned());
            self.record.settle(&mut self.request, self.sequence, Settlement { reason, ..Settlement::default() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::KEPT;

    fn request(path: String) -> ReceivedRequest {
        ReceivedRequest { method: "POST".to_owned(), path, ..ReceivedRequest::default() }
    }

    fn accepted() -> Settlement {
        Settlement { status: Some(201), ..Settlement::default() }
    }

    #[tokio::test]
    async fn the_last_ten_thousand_are_kept_and_all_are_counted() {
        let record = Record::new();
        let mut told = record.subscribe();
        let oldest = record.arrive(request("oldest".to_owned()));
        let last = record.arrive(request("held back".to_owned()));
        for number in 0..KEPT - 1 {
            record.arrive(request(number.to_string())).settle(accepted());
        }
        // It is forgotten, and settling it must not change another; whoever watches is told of it all the same.
        oldest.settle(Settlement::default());
        last.settle(accepted());
        while told.len() > 2 {
            let _ = told.recv().await;
        }
        assert_eq!(told.recv().await.unwrap().path, "oldest");
        let requests = record.requests();
        assert_eq!((requests.len(), record.total()), (KEPT, KEPT + 1));
        assert_eq!((requests[0].path.as_str(), requests[0].status), ("held back", Some(201)));
        assert_eq!(record.wait_for_accepted(KEPT).await.len(), KEPT);
    }
    #[tokio::test]
    async fn what_was_held_back_while_the_record_was_cleared_counts_for_nobody() {
        let record = Record::new();
        let mut told = record.subscribe();
        let held_back = record.arrive(request("held back".to_owned()));
        record.clear();
        record.arrive(request("after".to_owned())).settle(accepted());
        held_back.settle(accepted());
        assert_eq!(record.wait_for_accepted(1).await.len(), 1);
        assert_eq!((record.total(), record.totals.borrow().accepted), (1, 1));
        assert_eq!((told.recv().await.unwrap().path.as_str(), told.len()), ("after", 0));
    }
}
