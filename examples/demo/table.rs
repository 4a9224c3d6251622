//! The table: a line for each event, and below it one for each push that the hub received. Decides nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use notification_hubs_emulator::ReceivedRequest;
use serde_json::Value;

use crate::backstage::{self, Answer};
use crate::samples::Sample;

/// Where a title stands: alerts of both platforms, Android's edits, calls of both platforms.
const TITLES: [&str; 5] = [
    "/aps/alert/title",
    "/message/notification/title",
    "/message/data/title",
    "/data/displayName",
    "/message/data/displayName",
];

/// What came of all events.
#[derive(Default)]
pub struct Summary {
    outcomes: BTreeMap<String, usize>,
    /// Those that the hub accepted.
    pushes: usize,
    /// Events that failed and pushes that the hub refused.
    pub problems: usize,
}

pub fn print_head() {
    println!("{:<41} {:<15} {:<14} REASON", "EVENT", "SAMPLE", "OUTCOME");
    println!("  → {:<20} {:<8} {:<11} {:<46} HUB\n", "DEVICE", "PLATFORM", "PUSH", "TITLE");
}

pub fn print_event(sample: &Sample, answer: &Answer) {
    // The folder `cloudevents` says it already.
    let schema = if sample.is_cloud_event() && sample.folder != "cloudevents" { " CE" } else { "" };
    let folder = format!("{}{schema}", sample.folder);
    let line = format!("{:<41} {folder:<15} {:<14} {}", clip(sample.short_type(), 41), answer.outcome, answer.reason);
    println!("{}", clip(line.trim_end(), 120));
}

pub fn print_push(push: &ReceivedRequest) {
    let body: Value = serde_json::from_str(&push.body).unwrap_or_default();
    let title = TITLES.iter().find_map(|pointer| body.pointer(pointer)?.as_str()).unwrap_or_default();
    let device = backstage::device_of(push.device_handle.as_deref().unwrap_or("?"));
    let platform = match push.format.as_deref() {
        Some("apple") => "apns",
        other => other.unwrap_or("?"),
    };
    let kind = match push.headers.get("apns-push-type") {
        Some(push_type) => push_type,
        None if body.pointer("/message/notification").is_some() => "alert",
        None => "data",
    };
    let status = push.status.map_or("no answer".to_owned(), |status| status.to_string());
    println!("  → {:<20} {platform:<8} {kind:<11} {:<46} {status}", clip(device, 20), clip(title, 46));
    if let Some(reason) = &push.reason {
        println!("      {}", clip(reason, 114));
    }
}

impl Summary {
    pub fn add(&mut self, answer: &Answer, pushes: &[ReceivedRequest]) {
        *self.outcomes.entry(answer.outcome.clone()).or_default() += 1;
        let accepted = pushes.iter().filter(|push| matches!(push.status, Some(200 | 201))).count();
        self.pushes += accepted;
        self.problems += usize::from(answer.is_problem()) + pushes.len() - accepted;
    }

    pub fn print(&self, took: Duration) {
        let events: usize = self.outcomes.values().sum();
        let counts: Vec<String> = self.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let seconds = took.as_secs_f64();
        println!("\n{events} events in {seconds:.2} s: {}; {} pushes", counts.join(", "), self.pushes);
    }
}

/// At most `width` characters, none of which moves the cursor.
fn clip(text: &str, width: usize) -> String {
    let printable = |character: char| if character.is_control() { ' ' } else { character };
    if text.chars().count() <= width {
        return text.chars().map(printable).collect();
    }
    text.chars().take(width - 1).map(printable).chain(['…']).collect()
}
