//! Every line of the handler at every level, and what it answers, searched for what the phones and events hold of people. What is
//! on the screen is there on purpose.

use std::io;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::backstage;
use crate::canaries::Canaries;
use crate::samples::Sample;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;

/// Keeps all lines of the handler, and shows its warnings and errors.
pub fn keep_lines() {
    let ours = filter_fn(|metadata| metadata.target().starts_with("acs_push"));
    let writer = (|| Lines).and(io::stderr.with_max_level(Level::WARN));
    let lines = tracing_subscriber::fmt::layer().without_time().with_target(false).with_ansi(false).with_writer(writer);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}

/// What the handler was told of people and keys by these samples and settings.
pub fn planted(samples: &[Sample], settings: &[(&'static str, String)]) -> Canaries {
    let mut canaries = Canaries::default();
    canaries.plant_settings(settings.iter().map(|(name, value)| (name, value)));
    for sample in samples {
        canaries.plant_event(&sample.event);
        let owner = sample.recipient().unwrap_or(Value::Null);
        backstage::installations(&owner).iter().for_each(|(_, installation)| canaries.plant_installation(installation));
    }
    canaries
}

/// The first planted value in the handler's lines and in what it answered.
pub fn find(canaries: &Canaries, answers: &str) -> Option<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let net = canaries.net();
    net.caught(&String::from_utf8_lossy(&lines)).or_else(|| net.caught(answers))
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
