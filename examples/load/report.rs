//! The table: what the handler took beside what the relay took.

use std::time::Duration;

use crate::target::{Faults, Round};

/// Everything that is known of one target.
#[derive(Debug)]
pub struct Findings {
    /// One list for each round, all with the same names.
    pub rounds: Vec<Figures>,
    /// How long each start took.
    pub starts: Vec<f64>,
    pub peak_memory: f64,
    pub requests_per_event: f64,
    pub faults: Faults,
}

/// What was measured, by name.
pub type Figures = Vec<(&'static str, f64)>;

/// The figures of one round.
pub fn figures(round: &mut Round) -> Figures {
    let Round { answers, cpu, .. } = round;
    let events = answers.latencies.len() + answers.calls.len();
    let took = answers.took.as_secs_f64();
    let mut figures = vec![
        ("events/s", events as f64 / took),
        ("CPU, us/event", cpu.as_secs_f64() * 1e6 / events as f64),
        ("CPU, cores", cpu.as_secs_f64() / took),
    ];
    let names = ["latency p50, ms", "latency p90, ms", "latency p99, ms", "latency p99.9, ms", "latency max, ms"];
    figures.extend(names.into_iter().zip(percentiles(&mut answers.latencies)));
    if !answers.calls.is_empty() {
        let names = ["calls p50, ms", "calls p90, ms", "calls p99, ms", "calls p99.9, ms", "calls max, ms"];
        figures.extend(names.into_iter().zip(percentiles(&mut answers.calls)));
    }
    figures
}

/// The times that so many per mille do not exceed, in milliseconds.
fn percentiles(times: &mut [Duration]) -> [f64; 5] {
    times.sort_unstable();
    [500, 900, 990, 999, 1000].map(|per_mille| {
        let rank = (times.len() * per_mille).div_ceil(1000).max(1);
        times.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    })
}

/// Prints the medians, and of the ratios of each round to its neighbour the median, too.
pub fn print([first, second]: [&str; 2], relay: &Findings, handler: &Findings) {
    println!("{:<36}{first:>12}{second:>12}{:>10}", "", "ratio");
    let row = |name: &str, [relay, handler, ratio]: [f64; 3]| {
        println!("{name:<36}{:>12}{:>12}{ratio:>10.2}", short(relay), short(handler));
    };
    let first = handler.rounds.first().map(Vec::as_slice).unwrap_or_default();
    for (index, (name, _)) in first.iter().enumerate() {
        let of = |findings: &Findings| findings.rounds.iter().map(|round| round[index].1).collect::<Vec<_>>();
        row(name, beside(of(relay), of(handler)));
    }
    row("peak RSS, MiB", beside(vec![relay.peak_memory], vec![handler.peak_memory]));
    row("exec to first answer, ms", beside(relay.starts.clone(), handler.starts.clone()));
    row("requests at the hub/event", beside(vec![relay.requests_per_event], vec![handler.requests_per_event]));
    for ((name, relay), (_, handler)) in relay.faults.counts.iter().zip(&handler.faults.counts) {
        println!("{name:<36}{relay:>12}{handler:>12}");
    }
}

fn beside(relay: Vec<f64>, handler: Vec<f64>) -> [f64; 3] {
    let ratios = relay.iter().zip(&handler).map(|(relay, handler)| handler / relay).collect();
    [median(relay), median(handler), median(ratios)]
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// Three digits that matter.
fn short(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}
