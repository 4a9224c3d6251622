//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::Parser;
use lexopt::prelude::{Long, Short};

use crate::Failure;
use crate::number::number;

pub const HELP: &str = "\
overload: many times as many events as can be served, repeated as Event Grid does until each is delivered

Usage: cargo run --release --example overload -- [OPTIONS]

  --times N         so many times the measured capacity; 10 unless told
  --seconds N       for so long; 10 unless told
  --burst N         N events at once instead
  --hub-ms N        the hub answers after so many milliseconds; 200 unless told
  --text-kib N      each message has a text of so many KiB; 0 unless told, which is a sentence
  --webhook         the program as a webhook, which Event Grid calls itself
  --binary PATH     judge this binary instead of building one
";

#[derive(Debug)]
pub struct Options {
    pub amount: Amount,
    pub hub_delay: Duration,
    pub text_kib: usize,
    pub webhook: bool,
    pub binary: Option<PathBuf>,
}

/// How much more than can be served.
#[derive(Debug, Clone, Copy)]
pub enum Amount {
    /// So many times the capacity, for so long.
    Rate { times: u32, seconds: u32 },
    /// So many events at once.
    Burst(usize),
}

impl Options {
    /// `None` when help is asked for.
    pub fn read() -> Result<Option<Self>, Failure> {
        let (mut times, mut seconds, mut burst, mut binary) = (10, 10, None, None);
        let (mut hub_ms, mut text_kib, mut webhook) = (200, 0, false);
        let mut arguments = Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("times") => times = number(&mut arguments, "--times", 1..=100)?,
                Long("seconds") => seconds = number(&mut arguments, "--seconds", 1..=60)?,
                Long("burst") => burst = Some(number(&mut arguments, "--burst", 1..=20_000)?),
                Long("hub-ms") => hub_ms = number(&mut arguments, "--hub-ms", 1..=10_000)?,
                Long("text-kib") => text_kib = number(&mut arguments, "--text-kib", 0..=400)?,
                Long("webhook") => webhook = true,
                Long("binary") => binary = Some(arguments.value()?.into()),
                Long("help") | Short('h') => return Ok(None),
                Short(_) | Long(_) | lexopt::Arg::Value(_) => return Err(argument.unexpected().into()),
            }
        }
        let amount = burst.map_or(Amount::Rate { times, seconds }, Amount::Burst);
        Ok(Some(Self { amount, hub_delay: Duration::from_millis(hub_ms), text_kib, webhook, binary }))
    }
}
