//! The figures as a row of a table.

use std::time::Duration;

use crate::blobs::Requests;
use crate::options::{Options, StoreKind};

/// What one measurement found.
#[derive(Debug)]
pub struct Figures {
    pub runs: Vec<Duration>,
    /// CPU time of all runs, without that of the events.
    pub cpu: Duration,
    /// Requests of all runs, without those of the events.
    pub requests: Requests,
    /// The most memory that the program had before the runs and after them, in MiB.
    pub memory: [f64; 2],
    /// Latencies of events before the runs and meanwhile.
    pub latencies: [Vec<Duration>; 2],
    /// Cores that went to other programs, before the runs and meanwhile.
    pub other_cores: [f64; 2],
}

pub const HEAD: &str = "\
| store | installations | expired | runs | time | CPU time | lists | opened | written, deleted | peak RSS before, MiB | and after | \
events before | p50, ms | p99, ms | events meanwhile | p50, ms | p99, ms | other programs, cores |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

impl Figures {
    /// The row. Where nothing had expired, one run does everything, and all of them are averaged.
    pub fn row(self, options: &Options, expired: usize) -> String {
        let (runs, divisor) = if expired == 0 { (1, self.runs.len() as f64) } else { (self.runs.len(), 1.0) };
        let seconds = |time: Duration| format!("{:.3} s", time.as_secs_f64() / divisor);
        let (store, requests) = match options.store {
            StoreKind::Folder => ("folder", ["", "", ""].map(str::to_owned)),
            StoreKind::Azurite => {
                let Requests { lists, reads, writes } = self.requests;
                // The requests of events are estimated. A negative rest becomes 0.
                ("Azurite", [lists, reads, writes].map(|count| ((count / divisor).round() as u64).to_string()))
            }
        };
        let latencies = self.latencies.map(|latencies| {
            let [p50, p99] = percentiles(latencies.clone());
            format!("{} | {p50:.2} | {p99:.2}", latencies.len())
        });
        format!(
            "| {store} | {} | {expired} | {runs} | {} | {} | {} | {:.1} | {:.1} | {} | {:.2}, {:.2} |",
            options.installations,
            seconds(self.runs.iter().sum()),
            seconds(self.cpu),
            requests.join(" | "),
            self.memory[0],
            self.memory[1],
            latencies.join(" | "),
            self.other_cores[0],
            self.other_cores[1],
        )
    }
}

/// The times that half of all and 99 of 100 do not exceed, in milliseconds.
fn percentiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [50, 99].map(|percent| {
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    })
}
