//! The Event Grid and the Functions host between it and the handlers: a batch goes to one instance, as one array or as
//! one invocation for each event, and all of it comes again, to any instance, until each of its events was acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::events::{Kind, Written};
use super::fleet::{self, Fleet, Handler};
use super::{Failure, since};

#[derive(Debug)]
pub struct EventGrid {
    fleet: Arc<Fleet>,
    started: Instant,
    /// Whether it posts to the handlers itself.
    webhook: bool,
    tries: Mutex<HashMap<usize, Vec<Try>>>,
    heard: Mutex<Vec<String>>,
}

/// One event's part in one invocation.
#[derive(Debug, Clone)]
pub struct Try {
    pub incarnation: usize,
    /// Milliseconds since the start of the run, as is `end`.
    pub start: u64,
    pub end: u64,
    pub result: TryResult,
}

/// What the Event Grid heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryResult {
    /// 200, with the outcome and its reason.
    Acknowledged { outcome: String, reason: String },
    /// 500.
    Failed,
    /// No answer: a broken connection, or 30 seconds.
    Broken(String),
    /// What no handler should answer.
    Odd(String),
}

/// So often comes a batch at most; after that, its events are given up.
const MOST_DELIVERIES: u32 = 60;

/// So long does Event Grid wait.
const PATIENCE: Duration = Duration::from_secs(30);

impl EventGrid {
    pub fn new(fleet: Arc<Fleet>, started: Instant, webhook: bool) -> Self {
        Self { fleet, started, webhook, tries: Mutex::default(), heard: Mutex::default() }
    }

    /// All tries so far, by event.
    pub fn tries(&self) -> HashMap<usize, Vec<Try>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tracking ids of answers that handlers got, as the log lines of acknowledged events name them.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Delivers until it is acknowledged. Calls that were served are then told of once more, on another process.
    pub async fn deliver(self: Arc<Self>, batch: Vec<Written>, mut rng: Rng) {
        let as_array = rng.bool();
        for delivery in 1..=MOST_DELIVERIES {
            if let Some(handler) = self.fleet.any(&mut rng)
                && self.deliver_once(&handler, &batch, as_array).await
            {
                return self.repeat_calls(&handler, &batch, &mut rng).await;
            }
            let bound = u64::from(delivery.min(5)) * 300;
            sleep(Duration::from_millis(rng.u64(50..50 + bound))).await;
        }
    }

    /// Delivers to that handler until it is acknowledged.
    pub async fn insist(&self, handler: &Handler, event: Written) -> Result<(), Failure> {
        let batch = [event];
        for _ in 0..MOST_DELIVERIES {
            if self.invoke(handler, &batch, true).await {
                return Ok(());
            }
        }
        let [event] = batch;
        let last = self.tries().remove(&event.number).and_then(|mut tries| tries.pop());
        Err(format!("a handler that nobody killed does not acknowledge event {}: {last:?}", event.number).into())
    }

    async fn deliver_once(&self, handler: &Handler, batch: &[Written], as_array: bool) -> bool {
        if as_array {
            return self.invoke(handler, batch, true).await;
        }
        let invocations = batch.iter().map(|event| self.invoke(handler, std::slice::from_ref(event), false));
        join_all(invocations).await.into_iter().all(|acknowledged| acknowledged)
    }

    /// One of several reasons for a repeat that follows no failure: an acknowledgement that Event Grid did not see.
    async fn repeat_calls(&self, served_by: &Handler, batch: &[Written], rng: &mut Rng) {
        for call in batch.iter().filter(|event| event.kind == Kind::Call) {
            if let Some(handler) = self.fleet.other(served_by.incarnation, rng) {
                // A kill may break it. It was acknowledged, so nothing has to come of it.
                self.invoke(&handler, std::slice::from_ref(call), false).await;
            }
        }
    }

    /// One invocation; says whether it was acknowledged.
    async fn invoke(&self, handler: &Handler, events: &[Written], as_array: bool) -> bool {
        let event = match events {
            [event] if !as_array => event.json.clone(),
            _ => events.iter().map(|event| event.json.clone()).collect(),
        };
        let body = match self.webhook {
            true => event,
            false => json!({"Data": {"event": event}, "Metadata": {"sys": {"MethodName": "EventGridTrigger"}}}),
        };
        let start = since(self.started);
        let result = self.post(handler, body.to_string(), events.len()).await;
        let end = since(self.started);
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut acknowledged = true;
        for (event, result) in events.iter().zip(result) {
            acknowledged &= matches!(result, TryResult::Acknowledged { .. });
            tries.entry(event.number).or_default().push(Try { incarnation: handler.incarnation, start, end, result });
        }
        acknowledged
    }

    /// What came of each event.
    async fn post(&self, handler: &Handler, body: String, events: usize) -> Vec<TryResult> {
        let all = |result: TryResult| vec![result; events];
        let path = if self.webhook { "webhooks/eventgrid" } else { "EventGridTrigger" };
        let url = format!("{}/{path}", handler.address);
        let request = self.fleet.client().post(url).header("content-type", "application/json").timeout(PATIENCE);
        let answer = match request.body(body).send().await {
            Ok(answer) => answer,
            Err(error) => return all(TryResult::Broken(error.to_string())),
        };
        let status = answer.status().as_u16();
        let text = match answer.text().await {
            Ok(text) => text,
            Err(error) => return all(TryResult::Broken(error.to_string())),
        };
        self.fleet.searcher().hear(&text);
        match status {
            // Too much is in flight, or of a webhook that an event failed.
            503 => all(TryResult::Failed),
            500 if !self.webhook => all(TryResult::Failed),
            200 => match self.outcomes(&text) {
                Some(outcomes) if outcomes.len() == events => outcomes,
                _ => all(TryResult::Odd(format!("200 with {text}"))),
            },
            _ => all(TryResult::Odd(format!("{status} with {text}"))),
        }
    }

    /// The outcomes in the log lines of an invocation, or in the answer of a webhook, in the order of the events.
    fn outcomes(&self, text: &str) -> Option<Vec<TryResult>> {
        let answer: Value = serde_json::from_str(text).ok()?;
        if self.webhook {
            let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
            let outcome =
                |event| TryResult::Acknowledged { outcome: text(event, "outcome"), reason: text(event, "code") };
            return Some(answer["events"].as_array()?.iter().map(outcome).collect());
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = |line: &Value| {
            heard.extend(fleet::tracking_ids(line.as_str()?));
            let line: Value = serde_json::from_str(line.as_str()?).ok()?;
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            Some(TryResult::Acknowledged { outcome: text("outcome"), reason: text("reason") })
        };
        answer["Logs"].as_array()?.iter().map(outcome).collect()
    }
}
