//! `acs-push send`: delivers the events of a file as if Event Grid had sent them, and prints what was decided.

use std::path::Path;

use chrono::Utc;

use crate::commands::events_file::{EventsFile, EventsFileError};
use crate::delivery::DeliveryService;
use crate::delivery::explanation::Explanation;
use crate::delivery::outcome::{DeliveryResult, Outcome};
use crate::events::RawEvent;

/// Delivers the events of a file, and prints an explanation of each. A dry run sends nothing and writes nothing. Returns how
/// many failed or can never succeed.
pub async fn send(
    delivery_service: &DeliveryService,
    file: &Path,
    dry_run: bool,
    mut print_line: impl FnMut(&str),
) -> Result<usize, EventsFileError> {
    let mut unsuccessful = 0;
    let each = async |number: usize, raw_event: RawEvent<'_>| {
        let explanation = Explanation::new(dry_run);
        let delivery = delivery_service.explain(raw_event, &explanation, Utc::now()).await;
        print_line(&format!("event {number}: {}", delivery.event.as_deref().unwrap_or("(no id)").escape_debug()));
        explanation.into_lines().iter().for_each(|line| print_line(line));
        print_line(&outcome(&delivery, dry_run));
        unsuccessful += usize::from(matches!(delivery.outcome, Outcome::Failed | Outcome::DeadLettered));
    };
    EventsFile::read(file)?.for_each(each).await?;
    Ok(unsuccessful)
}

fn outcome(delivery: &DeliveryResult, dry_run: bool) -> String {
    let reason = delivery.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let (name, delivered, devices) = (delivery.outcome.name(), delivery.delivered, delivery.devices);
    let dry = match (dry_run, devices) {
        (false, _) => "",
        (true, 0) => "; dry run",
        (true, _) => "; dry run: nothing was sent, acceptance is assumed",
    };
    format!("  outcome    {name}{reason}, {delivered} of {devices} devices{dry}")
}
