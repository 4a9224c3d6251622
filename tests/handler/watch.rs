//! Watches what a handler writes and answers: nothing in it may be what the test planted. It looks when the handler ends, so
//! every test of a handler is a test of this, too.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, Once, PoisonError};

use serde_json::Value;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::canaries::Canaries;

/// Every line of every handler in this process, at every level.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What was planted, and what was heard since.
#[derive(Default)]
pub struct Watch {
    canaries: Mutex<Canaries>,
    heard: Mutex<String>,
    /// Where the lines of a handler in this process begin.
    from: Option<usize>,
}

struct Lines;

impl Watch {
    /// Of a process with these settings.
    pub fn of_process(settings: &BTreeMap<String, String>) -> Self {
        let watch = Self::default();
        lock(&watch.canaries).plant_settings(settings);
        watch
    }

    /// Of a handler in this process.
    pub fn of_handler(settings: &BTreeMap<String, String>) -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let ours = filter_fn(|metadata| metadata.target().starts_with("acs_push"));
            let lines = tracing_subscriber::fmt::layer()
                .without_time()
                .with_ansi(false)
                .with_writer(|| Lines)
                .with_filter(ours);
            tracing_subscriber::registry().with(lines).init();
        });
        let mut watch = Self::of_process(settings);
        watch.from = Some(lock(&LINES).len());
        watch
    }

    pub fn plant_installation(&self, installation: &Value) {
        lock(&self.canaries).plant_installation(installation);
    }

    pub fn plant_event(&self, event: &Value) {
        lock(&self.canaries).plant_event(event);
    }

    /// Keeps what was written or answered.
    pub fn hear(&self, text: &str) {
        let mut heard = lock(&self.heard);
        heard.push_str(text);
        heard.push('\n');
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let lines = self.from.map(|from| String::from_utf8_lossy(&lock(&LINES)[from..]).into_owned());
        let net = lock(&self.canaries).net();
        for text in [Some(lock(&self.heard).clone()), lines].into_iter().flatten() {
            if let Some(caught) = net.caught(&text) {
                panic!("a planted value was written: {caught}");
            }
        }
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&LINES).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    #[should_panic(expected = "a planted value was written: fcm-canary (plain) in: refused fcm-canary")]
    fn a_planted_value_in_an_answer_fails_its_test() {
        let watch = Watch::default();
        watch.plant_installation(&json!({"pushChannel": "fcm-canary"}));
        watch.hear("refused fcm-canary");
    }

    #[test]
    #[should_panic(expected = "a planted value was written: c2luZ2luZyBjYW5hcn (base64) in: TRACE")]
    fn a_planted_value_in_a_line_fails_its_test() {
        let watch = Watch::of_handler(&BTreeMap::new());
        watch.plant_event(&json!({"data": {"messageBody": "singing canary"}}));
        tracing::trace!(target: "acs_push", "decoded c2luZ2luZyBjYW5hcnk=");
    }
}
