//! Two processes on one store behind a load balancer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Method};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::PATH;
use crate::binary::Process;
use crate::support::*;

/// As many events are under way at the same time.
const SENDERS: usize = 8;
const EVENTS: usize = 400;
/// So many are acknowledged before a process is killed.
const KILLED_AFTER: usize = 150;

/// A load balancer that asks the next process when one does not answer, as Event Grid's repeats would find it.
struct Balancer {
    addresses: Vec<String>,
    next: AtomicUsize,
    client: Client,
}

impl Balancer {
    /// Posts an event until it is acknowledged. Returns how often it was posted.
    async fn deliver(&self, event: &str) -> usize {
        for tries in 1..100 {
            let address = &self.addresses[self.next.fetch_add(1, Ordering::Relaxed) % self.addresses.len()];
            let request = self.client.request(Method::POST, format!("{address}{PATH}")).body(event.to_owned());
            match request.send().await {
                Ok(response) if response.status() == 200 => return tries,
                // A short back-off in place of Event Grid's.
                Ok(_) | Err(_) => sleep(Duration::from_millis(20)).await,
            }
        }
        panic!("nobody takes {event}");
    }
}

/// Two processes on this store, one of them killed under load.
async fn lose_nothing(settings: &[(&str, &str)]) {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let vars = vars(&hub, settings);
    let mut processes =
        [Process::start_webhook(&vars, folder.path()).await, Process::start_webhook(&vars, folder.path()).await];
    processes[0].register("iphone", phone()).await;
    let event = |n: usize| sms(&format!("e{n}"), "15551234567", &format!("message {n}."));
    processes.iter().for_each(|process| (0..EVENTS).for_each(|n| process.plant_event(&event(n))));
    let addresses = processes.iter().map(|process| process.address.clone()).collect();
    let balancer = Arc::new(Balancer { addresses, next: AtomicUsize::new(0), client: client() });
    let done = Arc::new(AtomicUsize::new(0));
    let senders = (0..SENDERS).map(|sender| {
        let (balancer, done) = (Arc::clone(&balancer), Arc::clone(&done));
        tokio::spawn(async move {
            let mut repeats = 0;
            for n in (sender..EVENTS).step_by(SENDERS) {
                repeats += balancer.deliver(&json!([event(n)]).to_string()).await - 1;
                done.fetch_add(1, Ordering::Relaxed);
            }
            repeats
        })
    });
    let senders = join_all(senders);
    let kill = async {
        while done.load(Ordering::Relaxed) < KILLED_AFTER {
            sleep(Duration::from_millis(1)).await;
        }
        processes[1].kill().await;
    };
    let (repeats, ()) = timeout(Duration::from_secs(120), async { tokio::join!(senders, kill) }).await.unwrap();
    let repeats: usize = repeats.into_iter().map(Result::unwrap).sum();
    assert!(repeats > 0, "nothing was under way when the process was killed");
    let accepted = hub.accepted();
    let texts: Vec<String> = accepted.iter().map(|request| body(request)["aps"]["alert"]["body"].to_string()).collect();
    for n in 0..EVENTS {
        assert!(texts.iter().any(|text| text.contains(&format!("message {n}."))), "event {n} is lost");
    }
    // Only what the killed process had sent and not yet acknowledged came twice.
    assert!(accepted.len() <= EVENTS + SENDERS, "{} pushes for {EVENTS} events", accepted.len());
    let [first, second] = processes;
    let outputs = [first.terminate().await.1, second.output().await.1];
    let runs: usize = outputs.iter().map(|output| output.matches("{\"maintenance\":").count()).sum();
    assert_eq!(runs, 1, "{outputs:?}");
}

#[cfg(feature = "foreign-tests")]
#[tokio::test]
async fn one_of_two_on_azurite_is_killed_under_load_and_nothing_is_lost_and_maintenance_runs_once() {
    let azurite = crate::azurite::Azurite::start().await;
    lose_nothing(&borrowed(&azurite.settings())).await;
}

#[tokio::test]
async fn one_of_two_is_killed_under_load_and_nothing_is_lost_and_maintenance_runs_once() {
    lose_nothing(&[("STORE", "file:store")]).await;
}
