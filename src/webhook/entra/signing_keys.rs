//! The keys with which a tenant's tokens are signed: fetched when they are needed, kept, and fetched again when a token names
//! an unknown one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use reqwest::{Method, Request, Response};
use serde::Deserialize;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::client::Client;

/// A tenant's keys.
pub struct SigningKeys {
    url: Option<Url>,
    client: Client,
    known: Mutex<Known>,
    /// Held while they are fetched: others wait for the same keys.
    fetching: tokio::sync::Mutex<()>,
}

/// What is known of them.
#[derive(Default)]
struct Known {
    keys: BTreeMap<String, Arc<DecodingKey>>,
    /// When these were fetched.
    fetched: Option<Instant>,
    /// The attempts of the last minute.
    attempts: Vec<Instant>,
}

/// Why there is no key of that id.
#[derive(Debug)]
pub enum UnknownKey {
    /// The tenant has none.
    None,
    /// It cannot be found out now.
    NotNow(String),
}

/// The answer to a request for keys.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

/// A key. Those that are not RSA have other members.
#[derive(Deserialize)]
struct Key {
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

/// Entra tells of a new key a day before it uses it, and an old one is withdrawn only when it was stolen.
const FRESH_FOR: Duration = Duration::from_secs(60 * 60);
/// Where they cannot be fetched, known ones are used so long.
const KNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens that name invented keys cause no more requests than this in a minute.
const MOST_ATTEMPTS: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);

const LONGEST_FETCH: Duration = Duration::from_secs(5);
const LARGEST_ANSWER: usize = 1024 * 1024;

impl SigningKeys {
    /// The keys of the tenant with that address.
    pub fn new(authority: &Url, client: Client) -> Self {
        let url = Url::parse(&format!("{authority}/discovery/v2.0/keys")).ok();
        Self { url, client, known: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    /// The keys of a document. Others are never fetched.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn known_from(document: &[u8], client: Client) -> Result<Self, &'static str> {
        let known = Known { keys: read(document)?, fetched: Some(Instant::now()), attempts: Vec::new() };
        Ok(Self { url: None, client, known: Mutex::new(known), fetching: tokio::sync::Mutex::default() })
    }

    /// The key of that id.
    pub async fn find(&self, id: &str) -> Result<Arc<DecodingKey>, UnknownKey> {
        let asked = Instant::now();
        let found = self.known(id, asked, FRESH_FOR);
        if let Some(key) = found {
            return Ok(key);
        }
        let _fetching = self.fetching.lock().await;
        let now = Instant::now();
        // Somebody else may have fetched them meanwhile.
        let is_new = self.with_known(|known| known.fetched.is_some_and(|at| at >= asked));
        let problem = if is_new {
            None
        } else if self.with_known(|known| known.may_fetch(now)) {
            self.fetch().await.err()
        } else {
            Some("the keys were fetched too often within a minute".to_owned())
        };
        match (self.known(id, Instant::now(), KNOWN_FOR), problem) {
            (Some(key), _) => Ok(key),
            (None, None) => Err(UnknownKey::None),
            (None, Some(problem)) => Err(UnknownKey::NotNow(problem)),
        }
    }

    fn known(&self, id: &str, now: Instant, for_so_long: Duration) -> Option<Arc<DecodingKey>> {
        self.with_known(|known| {
            let is_recent = known.fetched.is_some_and(|at| now.saturating_duration_since(at) < for_so_long);
            if is_recent { known.keys.get(id).cloned() } else { None }
        })
    }

    fn with_known<R>(&self, look: impl FnOnce(&mut Known) -> R) -> R {
        look(&mut self.known.lock().expect("nothing panics while it is held"))
    }

    async fn fetch(&self) -> Result<(), String> {
        let problem = match timeout(LONGEST_FETCH, self.request()).await {
            Ok(Ok(keys)) => {
                self.with_known(|known| (known.keys, known.fetched) = (keys, Some(Instant::now())));
                return Ok(());
            }
            Ok(Err(problem)) => problem,
            Err(_) => "the tenant's authority did not answer in time".to_owned(),
        };
        tracing::error!("the keys of bearer tokens cannot be fetched: {problem}");
        Err(problem)
    }

    async fn request(&self) -> Result<BTreeMap<String, Arc<DecodingKey>>, String> {
        let url = self.url.clone().ok_or("the tenant's address is not one of HTTP")?;
        let mut response =
            self.client.execute(Request::new(Method::GET, url)).await.map_err(|error| error.to_string())?;
        if response.status() != 200 {
            return Err(format!("the tenant's authority answered {}", response.status().as_u16()));
        }
        Ok(read(&body(&mut response).await?)?)
    }
}

/// The RSA keys of a document, by id.
fn read(document: &[u8]) -> Result<BTreeMap<String, Arc<DecodingKey>>, &'static str> {
    let set: KeySet = serde_json::from_slice(document)
        .map_err(|_| "the tenant's authority answered with something else than keys")?;
    let key = |Key { kid, n, e }| {
        let key = DecodingKey::from_rsa_components(n.as_deref()?, e.as_deref()?).ok()?;
        Some((kid?, Arc::new(key)))
    };
    Ok(set.keys.into_iter().filter_map(key).collect())
}

async fn body(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| "the connection was lost")? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err("the tenant's authority answered with more than 1 MiB".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Known {
    fn may_fetch(&mut self, now: Instant) -> bool {
        self.attempts.retain(|at| now.saturating_duration_since(*at) < MINUTE);
        let may = self.attempts.len() < MOST_ATTEMPTS;
        if may {
            self.attempts.push(now);
        }
        may
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKeys").field("url", &self.url.as_ref().map(Url::as_str)).finish_non_exhaustive()
    }
}
