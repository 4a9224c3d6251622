//! Watches what a handler writes and answers: nothing in it may be what the test planted. It looks when the handler ends, so
//! every test of a handler is a test of this, too.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

use serde_json::Value;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::canaries::Canaries;

/// Every line of every handler in this process, at every level.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What was planted beside the processes of a folder, for commands that run there.
static PLANTED: Mutex<BTreeMap<PathBuf, Planted>> = Mutex::new(BTreeMap::new());

/// What a test planted.
#[derive(Default, Clone)]
pub struct Planted {
    pub all: Canaries,
    /// Handles and keys, which nothing ever shows.
    pub secrets: Canaries,
}

/// What was planted, and what was heard since.
#[derive(Default)]
pub struct Watch {
    canaries: Mutex<Canaries>,
    heard: Mutex<String>,
    /// Where the process runs.
    folder: Option<PathBuf>,
    /// Where the lines of a handler in this process begin.
    from: Option<usize>,
}

struct Lines;

impl Watch {
    /// Of a process with these settings that runs in that folder.
    pub fn of_process(settings: &BTreeMap<String, String>, folder: &Path) -> Self {
        let mut watch = Self::with(settings);
        watch.folder = Some(folder.to_owned());
        watch
    }

    fn with(settings: &BTreeMap<String, String>) -> Self {
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
        let mut watch = Self::with(settings);
        watch.from = Some(lock(&LINES).len());
        watch
    }

    pub fn plant_installation(&self, installation: &Value) {
        lock(&self.canaries).plant_installation(installation);
        self.plant_in_folder(|planted| planted.plant_installation(installation));
    }

    pub fn plant_event(&self, event: &Value) {
        lock(&self.canaries).plant_event(event);
        self.plant_in_folder(|planted| planted.all.plant_event(event));
    }

    /// Anything else that nobody may read.
    pub fn plant(&self, value: &str) {
        lock(&self.canaries).plant(value);
    }

    fn plant_in_folder(&self, plant: impl FnOnce(&mut Planted)) {
        if let Some(folder) = &self.folder {
            plant(lock(&PLANTED).entry(folder.clone()).or_default());
        }
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
        let heard = lock(&self.heard).clone();
        assert_clean(&lock(&self.canaries), &[&heard, &lines.unwrap_or_default()]);
    }
}

/// Fails if one of these texts holds a planted value.
pub fn assert_clean(canaries: &Canaries, texts: &[&str]) {
    if texts.iter().all(|text| text.is_empty()) {
        return;
    }
    let net = canaries.net();
    if let Some(caught) = texts.iter().find_map(|text| net.caught(text)) {
        panic!("a planted value was written: {caught}");
    }
}

impl Planted {
    /// What was planted beside the processes of a folder.
    pub fn in_folder(folder: &Path) -> Self {
        lock(&PLANTED).get(folder).cloned().unwrap_or_default()
    }

    pub fn plant_installation(&mut self, installation: &Value) {
        self.all.plant_installation(installation);
        self.secrets.plant_handles(installation);
    }

    pub fn plant_settings(&mut self, settings: &BTreeMap<String, String>) {
        self.all.plant_settings(settings);
        self.secrets.plant_settings(settings);
    }

    /// What a file says of people, be it an installation, an event, several, or an invocation; and keys in it.
    pub fn plant_file(&mut self, text: &str) {
        self.all.plant_keys(text);
        self.secrets.plant_keys(text);
        match serde_json::from_str(text) {
            Ok(document) => self.plant_document(&document),
            // An event on each line, perhaps.
            Err(_) => {
                let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
                lines.for_each(|document: Value| self.plant_document(&document));
            }
        }
    }

    fn plant_document(&mut self, document: &Value) {
        if document.get("platform").is_some() || document.get("pushChannel").is_some() {
            self.plant_installation(document);
        } else if document.is_object() || document.is_array() {
            self.all.plant_event(document.pointer("/Data/event").unwrap_or(document));
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
