//! Finds a server's addresses: once for all connections that are opened at the same time.
//!
//! The system's resolver blocks a thread for each question. A burst of events opens as many connections as a hub may have
//! requests under way, and each would ask the same on a thread of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, vec};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tokio::time::Instant;
use tower_service::Service;

/// The system's resolver, asked by one at a time for each name.
#[derive(Debug, Clone, Default)]
pub struct SharedResolver(Arc<Mutex<HashMap<Name, LastAnswer>>>);

/// Held while the question is under way.
type LastAnswer = Arc<tokio::sync::Mutex<Option<Answer>>>;

/// What was found, and when.
#[derive(Debug)]
struct Answer {
    addresses: Vec<SocketAddr>,
    at: Instant,
}

/// As long as a burst of new connections takes. What moved is found by the next try.
const USED_FOR: Duration = Duration::from_secs(1);

impl Service<Name> for SharedResolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        // A process has a handful of names, so none of them has to be forgotten.
        let mut answers = self.0.lock().expect("nothing panics while it is held");
        let answer = Arc::clone(answers.entry(name.clone()).or_default());
        Box::pin(async move {
            let mut answer = answer.lock().await;
            if let Some(Answer { addresses, .. }) = answer.as_ref().filter(|answer| answer.at.elapsed() < USED_FOR) {
                return Ok(addresses.clone().into_iter());
            }
            let addresses: Vec<SocketAddr> = GaiResolver::new().call(name).await?.collect();
            *answer = Some(Answer { addresses: addresses.clone(), at: Instant::now() });
            Ok(addresses.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;

    #[tokio::test(start_paused = true)]
    async fn a_burst_asks_once_and_everybody_gets_the_answer() {
        let (resolver, name) = (SharedResolver::default(), "localhost".parse::<Name>().unwrap());
        let burst = || join_all((0..50).map(|_| resolver.clone().call(name.clone())));
        let asked_at = async || {
            let answer = Arc::clone(&resolver.0.lock().unwrap()[&name]);
            let answer = answer.lock().await;
            answer.as_ref().unwrap().at
        };
        for found in burst().await {
            assert!(found.unwrap().all(|address| address.ip().is_loopback()));
        }
        let first = asked_at().await;
        tokio::time::advance(USED_FOR / 2).await;
        burst().await;
        assert_eq!(asked_at().await, first);
        tokio::time::advance(USED_FOR).await;
        burst().await;
        assert!(asked_at().await > first);
    }
}
