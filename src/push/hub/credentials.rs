//! A hub's address and access keys: URLs, cached SAS tokens, and which key is in use.
//!
//! A rule has two keys so that one can be replaced while the other works. The first is used until the hub refuses it;
//! then the second is used, and the first is tried again after five minutes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::connection_string::ConnectionString;
use super::sas;

/// How long a SAS token is valid, and after which time it is replaced.
const SAS_TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);
const SAS_TOKEN_RENEWED_AFTER: Duration = Duration::from_secs(48 * 60);

/// After this time on the second key, the first is tried again.
const FIRST_KEY_RETRIED_AFTER: Duration = Duration::from_secs(5 * 60);

/// If the clocks differ by more seconds than this, SAS tokens follow the server's clock.
const CLOCK_TOLERANCE: i64 = 60;

/// The access keys of one hub: one, or two so that keys can be rotated.
#[derive(Debug)]
pub struct HubCredentials {
    keys: Vec<AccessKey>,
    /// Since when the second key is in use.
    second_since: Mutex<Option<Instant>>,
}

/// Address and key of one connection string.
#[derive(Debug)]
pub struct AccessKey {
    /// Where a Direct Send is posted.
    pub messages: Url,
    /// Where one for several handles is posted.
    pub batch: Url,
    /// Where the address of the hub's feedback is asked for.
    pub feedback: Url,
    resource: String,
    rule: String,
    key: SecretString,
    /// Seconds that the server's clock is ahead of ours; 0 within the tolerance.
    clock_offset: AtomicI64,
    sas_token: Mutex<Option<(HeaderValue, Instant)>>,
}

/// Which key is used from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyChange {
    /// The first one, again.
    ToFirst,
    /// The second one, because the first was refused.
    ToSecond,
}

impl HubCredentials {
    /// The keys of each connection string, of which there is at least one, for the hub `name`.
    pub fn new(name: &str, connection_strings: &[ConnectionString]) -> Self {
        let keys = connection_strings.iter().map(|connection_string| AccessKey::new(name, connection_string)).collect();
        Self { keys, second_since: Mutex::new(None) }
    }

    /// The index of the key to try first.
    pub fn preferred(&self) -> usize {
        let second_since = *self.second_since.lock().expect("nothing panics while it is held");
        usize::from(second_since.is_some_and(|since| since.elapsed() < FIRST_KEY_RETRIED_AFTER))
    }

    /// How many keys there are: one or two.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The key at `index`.
    pub fn key(&self, index: usize) -> &AccessKey {
        &self.keys[index]
    }

    /// The index of the other key, if there are two.
    pub fn other(&self, index: usize) -> Option<usize> {
        (self.keys.len() > 1).then_some(1 - index)
    }

    /// Whether the second key is in use.
    pub fn uses_second(&self) -> bool {
        self.second_since.lock().expect("nothing panics while it is held").is_some()
    }

    /// Remembers which key the hub accepted, so that the next request tries it first. Returns whether this is another one than
    /// before.
    pub fn accepted(&self, index: usize) -> Option<KeyChange> {
        let mut second_since = self.second_since.lock().expect("nothing panics while it is held");
        if index == 0 {
            return second_since.take().map(|_| KeyChange::ToFirst);
        }
        let begins = second_since.is_none_or(|since| since.elapsed() >= FIRST_KEY_RETRIED_AFTER);
        if begins {
            *second_since = Some(Instant::now());
        }
        begins.then_some(KeyChange::ToSecond)
    }
}

impl AccessKey {
    /// The key of a connection string for a hub.
    pub fn new(hub: &str, connection_string: &ConnectionString) -> Self {
        let path: Vec<_> = hub.split('/').map(|segment| urlencoding::encode(segment).into_owned()).collect();
        let path = path.join("/");
        let mut url = connection_string.endpoint.clone();
        url.set_path(&path);
        let resource = url.as_str().to_owned();
        let below = |what: &str, query: &str| {
            let mut url = url.clone();
            url.set_path(&format!("{path}/{what}"));
            url.set_query(Some(&format!("{query}api-version=2020-06")));
            url
        };
        Self {
            messages: below("messages", "direct&"),
            batch: below("messages/$batch", "direct&"),
            feedback: below("feedbackcontainer", ""),
            resource,
            rule: connection_string.rule.clone(),
            key: connection_string.key.clone(),
            clock_offset: AtomicI64::new(0),
            sas_token: Mutex::new(None),
        }
    }

    /// The name of the hub's host.
    pub fn host(&self) -> &str {
        self.messages.host_str().unwrap_or_default()
    }

    /// The name of the access policy.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The value of the `Authorization` header: the cached SAS token, or a new one.
    pub fn authorization(&self, now: Instant, clock: impl Fn() -> DateTime<Utc>) -> HeaderValue {
        let mut cached = self.sas_token.lock().expect("nothing panics while it is held");
        match &*cached {
            Some((sas_token, renewed_at)) if now < *renewed_at => sas_token.clone(),
            _ => {
                let issued_at = clock().timestamp() + self.clock_offset.load(Ordering::Relaxed);
                let expires_at = issued_at + SAS_TOKEN_LIFETIME.as_secs().cast_signed();
                let sas_token = sas::create_sas_token(&self.resource, &self.rule, self.key.expose_secret(), expires_at);
                let mut sas_token = HeaderValue::try_from(sas_token).expect("every part of it is percent-encoded");
                sas_token.set_sensitive(true);
                *cached = Some((sas_token.clone(), now + SAS_TOKEN_RENEWED_AFTER));
                sas_token
            }
        }
    }

    /// A token that no hub may take: signed with another key.
    pub fn wrong_authorization(&self, now: DateTime<Utc>) -> HeaderValue {
        let expires_at = now.timestamp() + SAS_TOKEN_LIFETIME.as_secs().cast_signed();
        let wrong_key = format!("{}-", self.key.expose_secret());
        let sas_token = sas::create_sas_token(&self.resource, &self.rule, &wrong_key, expires_at);
        HeaderValue::try_from(sas_token).expect("every part of it is percent-encoded")
    }

    /// By how many seconds the server's clock is ahead, if that is more than the tolerance. New tokens follow it.
    pub fn clock_difference(&self, server_time: DateTime<Utc>, now: DateTime<Utc>) -> Option<i64> {
        let ahead = (server_time - now).num_seconds();
        let ahead = (ahead.abs() > CLOCK_TOLERANCE).then_some(ahead)?;
        self.clock_offset.store(ahead, Ordering::Relaxed);
        Some(ahead)
    }

    /// Drops the SAS token `refused`, so that the next one is new. If the server's clock differs by more than the tolerance, new
    /// ones follow it; returns by how many seconds it is ahead then.
    pub fn renew(&self, refused: &HeaderValue, server_time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<i64> {
        let mut cached = self.sas_token.lock().expect("nothing panics while it is held");
        if cached.as_ref().is_some_and(|(sas_token, _)| sas_token == refused) {
            *cached = None;
        }
        let ahead = (server_time? - now).num_seconds();
        let offset = if ahead.abs() > CLOCK_TOLERANCE { ahead } else { 0 };
        let before = self.clock_offset.swap(offset, Ordering::Relaxed);
        (offset != 0 && (offset - before).abs() > CLOCK_TOLERANCE).then_some(offset)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    const KEY: &str = "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=r;SharedAccessKey=k";

    fn key() -> AccessKey {
        AccessKey::new("hub", &ConnectionString::parse(KEY).unwrap())
    }

    fn start() -> (Instant, DateTime<Utc>) {
        (Instant::now(), "2026-11-22T10:00:00Z".parse().unwrap())
    }

    /// When a signature ends.
    fn end(authorization: &HeaderValue) -> DateTime<Utc> {
        let (_, end) = authorization.to_str().unwrap().split_once("&se=").unwrap();
        DateTime::from_timestamp(end.split('&').next().unwrap().parse().unwrap(), 0).unwrap()
    }

    #[test]
    fn a_sas_token_is_reused_and_replaced_at_least_ten_minutes_before_it_expires() {
        let (key, (began, opened)) = (key(), start());
        let mut used = Vec::new();
        for minute in 0..180 {
            let now = opened + TimeDelta::minutes(minute);
            let at = began + Duration::from_secs(60) * u32::try_from(minute).unwrap();
            let authorization = key.authorization(at, || now);
            let left = end(&authorization) - now;
            assert!(left >= TimeDelta::minutes(10), "{left} are left at minute {minute}");
            used.push(authorization);
        }
        used.dedup();
        assert!(used.len() <= 4, "{} signatures in three hours", used.len());
    }

    #[test]
    fn sas_tokens_follow_a_clock_that_differs_by_more_than_a_minute() {
        for (ahead, followed) in [(0, 0), (60, 0), (61, 61), (-60, 0), (-61, -61), (7200, 7200)] {
            let (key, (began, now)) = (key(), start());
            let refused = key.authorization(began, || now);
            let told = key.renew(&refused, Some(now + TimeDelta::seconds(ahead)), now);
            assert_eq!(told, Some(followed).filter(|seconds| *seconds != 0), "{ahead}");
            let later = end(&key.authorization(began, || now)) - end(&refused);
            assert_eq!(later.num_seconds(), followed, "{ahead}");
        }
    }
}
