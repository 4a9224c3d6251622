//! The table, and whether what has to hold did.

use std::fmt;
use std::time::{Duration, Instant};

use crate::event_grid::{Acknowledged, Records};
use crate::events::Kind;
use crate::hub::Pushes;
use crate::trial::{Memory, PHASES};

/// All that is known of a run.
#[derive(Debug)]
pub struct Findings {
    /// Messages a second.
    pub capacity: f64,
    /// When each phase began, and when the last one ended.
    pub began: Vec<Instant>,
    pub records: Records,
    pub pushes: Pushes,
    pub memory: Memory,
    pub peak: f64,
}

const OVERLOAD: usize = 1;
const RECOVERY: usize = 2;

impl Findings {
    /// Whether nothing was lost, pushed twice, or answered oddly, and no call was refused.
    pub fn holds(&self) -> bool {
        self.violations().iter().all(|(_, count)| *count == 0)
    }

    fn violations(&self) -> [(&'static str, usize); 5] {
        let called = self.records.acknowledged.iter().filter(|done| done.events.kind == Kind::Call);
        let refused = called.map(|done| done.refused).sum::<usize>();
        [
            ("lost", self.records.offered - self.pushes.at.len()),
            ("pushed twice", self.pushes.doubles),
            ("pushes for nobody", self.pushes.strange),
            ("answers other than 200, 500 and 503", self.records.odd.len()),
            ("refusals of calls", refused),
        ]
    }

    /// The requests of a phase, of one kind, refused before or not.
    fn requests(&self, phase: usize, kind: Kind, refused: bool) -> impl Iterator<Item = &Acknowledged> {
        let all = self.records.acknowledged.iter();
        all.filter(move |done| done.phase == phase && done.events.kind == kind && (done.refused > 0) == refused)
    }

    /// The latencies of the events of those requests, in order.
    fn latencies(&self, phase: usize, kind: Kind, refused: bool) -> Vec<Duration> {
        let requests = self.requests(phase, kind, refused);
        let mut latencies: Vec<_> = requests.flat_map(|done| self.latencies_of(done)).collect();
        latencies.sort_unstable();
        latencies
    }

    /// From when each of its events was due until it came to the hub.
    fn latencies_of(&self, done: &Acknowledged) -> impl Iterator<Item = Duration> {
        let numbers = done.events.first..done.events.first + done.events.count;
        let due = done.due;
        numbers.filter_map(move |number| Some(self.pushes.at.get(&number)?.saturating_duration_since(due)))
    }

    fn peak_of(&self, phase: usize) -> f64 {
        let within = self.memory.iter().filter(|(at, _)| (self.began[phase]..self.began[phase + 1]).contains(at));
        within.map(|(_, memory)| *memory).fold(0.0, f64::max)
    }

    /// How long after the overload new messages were as quick as before and stayed so: within twice the calm median, by
    /// the median of each second.
    fn recovered_after(&self) -> Duration {
        let calm = middle(&self.latencies(0, Kind::Message, false));
        let mut seconds = vec![Vec::new(); self.began[3].duration_since(self.began[RECOVERY]).as_secs() as usize + 1];
        for done in [false, true].into_iter().flat_map(|refused| self.requests(RECOVERY, Kind::Message, refused)) {
            let second = done.due.duration_since(self.began[RECOVERY]).as_secs() as usize;
            if let Some(latencies) = seconds.get_mut(second) {
                latencies.extend(self.latencies_of(done));
            }
        }
        seconds.iter_mut().for_each(|latencies| latencies.sort_unstable());
        let slow = seconds.iter().rposition(|latencies| !latencies.is_empty() && middle(latencies) > 2 * calm);
        Duration::from_secs(slow.map_or(0, |second| second as u64 + 1))
    }

    /// How long after the overload the last of its events came to the hub.
    fn last_delivered_after(&self) -> Duration {
        let overload = self.records.acknowledged.iter().filter(|done| done.phase == OVERLOAD);
        let pushed = overload.flat_map(|done| self.latencies_of(done).map(|latency| done.due + latency));
        pushed.max().map_or(Duration::ZERO, |last| last.saturating_duration_since(self.began[RECOVERY]))
    }

    fn rows(&self) -> Vec<(String, [String; 3])> {
        let row = |name: &str, value: &dyn Fn(usize) -> String| (name.to_owned(), [0, 1, 2].map(value));
        let counted = |phase, kind, refused| {
            let events = self.requests(phase, kind, refused).map(|done| done.events.count);
            events.sum::<usize>()
        };
        let seconds = |phase: usize| self.began[phase + 1].duration_since(self.began[phase]).as_secs_f64();
        vec![
            row("seconds", &|phase| format!("{:.0}", seconds(phase))),
            row("messages offered", &|phase| {
                let both = [false, true].map(|refused| counted(phase, Kind::Message, refused));
                both.iter().sum::<usize>().to_string()
            }),
            row("  taken at the first try", &|phase| counted(phase, Kind::Message, false).to_string()),
            row("    p50, p99, max, ms", &|phase| milliseconds(&self.latencies(phase, Kind::Message, false))),
            row("  refused, taken at a later try", &|phase| counted(phase, Kind::Message, true).to_string()),
            row("    p50, p99, max, s", &|phase| whole_seconds(&self.latencies(phase, Kind::Message, true))),
            row("calls offered", &|phase| counted(phase, Kind::Call, false).to_string()),
            row("    p50, p99, max, ms", &|phase| milliseconds(&self.latencies(phase, Kind::Call, false))),
            row("peak RSS, MiB", &|phase| format!("{:.1}", self.peak_of(phase))),
        ]
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<36} {:>20} {:>20} {:>20}", "", PHASES[0], PHASES[1], PHASES[2])?;
        for (name, [calm, overload, recovery]) in self.rows() {
            writeln!(f, "{name:<36} {calm:>20} {overload:>20} {recovery:>20}")?;
        }
        writeln!(f)?;
        let memory = self.memory.last().map_or(0.0, |(_, memory)| *memory);
        let calm = self.peak_of(0);
        let recovered = format!("{} s", self.recovered_after().as_secs());
        let mut lines = vec![
            ("capacity, messages a second".to_owned(), format!("{:.0}", self.capacity)),
            (
                "RSS in the calm, at the peak, after, MiB".to_owned(),
                format!("{calm:.1}, {:.1}, {memory:.1}", self.peak),
            ),
            ("  by the calm".to_owned(), format!("{:.2}, {:.2}", self.peak / calm, memory / calm)),
            ("new messages as quick as in the calm after".to_owned(), recovered),
            ("last one delivered after".to_owned(), format!("{} s", self.last_delivered_after().as_secs())),
        ];
        for (refusal, count) in &self.records.refusals {
            lines.push((format!("answered {refusal}"), count.to_string()));
        }
        lines.extend(self.violations().map(|(name, count)| (name.to_owned(), count.to_string())));
        for (name, value) in lines {
            writeln!(f, "{name:<76} {value:>22}")?;
        }
        for odd in self.records.odd.iter().take(5) {
            writeln!(f, "\n{odd}")?;
        }
        Ok(())
    }
}

fn middle(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn milliseconds(sorted: &[Duration]) -> String {
    percentiles(sorted, 1e3)
}

fn whole_seconds(sorted: &[Duration]) -> String {
    percentiles(sorted, 1.0)
}

fn percentiles(sorted: &[Duration], unit: f64) -> String {
    let at = |share: f64| sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1)));
    let shown = [0.5, 0.99, 1.0].map(|share| at(share).map(|latency| format!("{:.0}", latency.as_secs_f64() * unit)));
    shown.into_iter().collect::<Option<Vec<_>>>().map_or_else(|| "-".to_owned(), |shown| shown.join(", "))
}
