//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::Parser;
use lexopt::prelude::{Long, Short};

use crate::Failure;
use crate::driver::Amount;
use crate::number::number;

pub const HELP: &str = "\
load: what one event costs, beside a relay that makes the same two HTTP exchanges and does nothing else

Usage: cargo run --release --example load -- [OPTIONS]

  --seconds N       how long each round lasts; 5 unless told
  --events N        so many events for each round instead, and the memory after every 50,000
  --rounds N        so many times the relay and the handler in turn; 3 unless told, 1 with --events
  --connections N   events under way at a time; 32 unless told, 256 with --calls
  --rate R          R events a second, due whether or not the last ones were answered; without it, each connection
                    posts the next event when one was answered
  --hub-ms N        the hub answers after so many milliseconds; 0 unless told, 20 with --calls
  --calls           20 calls a second among the chat messages, timed by themselves
  --devices N       devices of each recipient, 1 to 1000, of both platforms; 1 unless told
  --recipients N    whom the events are for, in turn; 100 unless told, 1 with --devices
  --in-flight N     the handler's setting HUB_MAX_IN_FLIGHT
  --webhook         the program as a webhook, beside the same as functions in place of the relay
  --binary PATH     judge this binary instead of building one
";

#[derive(Debug)]
pub struct Options {
    pub amount: Amount,
    pub rounds: usize,
    pub connections: usize,
    pub rate: Option<u32>,
    pub hub_delay: Duration,
    pub calls: bool,
    pub webhook: bool,
    pub devices: usize,
    pub recipients: usize,
    pub in_flight: Option<usize>,
    pub binary: Option<PathBuf>,
}

impl Options {
    /// `None` when help is asked for.
    pub fn read() -> Result<Option<Self>, Failure> {
        let (mut rate, mut calls, mut devices, mut in_flight, mut binary) = (None, false, 1, None, None);
        let mut webhook = false;
        // What depends on others unless it is told.
        let (mut seconds, mut events, mut rounds) = (None, None, None);
        let (mut connections, mut hub_ms, mut recipients) = (None, None, None);
        let mut arguments = Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("seconds") => seconds = Some(number(&mut arguments, "--seconds", 1..=3600)?),
                Long("events") => events = Some(number(&mut arguments, "--events", 1..=10_000_000)?),
                Long("rounds") => rounds = Some(number(&mut arguments, "--rounds", 1..=100)?),
                Long("connections") => connections = Some(number(&mut arguments, "--connections", 1..=4096)?),
                Long("rate") => rate = Some(number(&mut arguments, "--rate", 1..=1_000_000)?),
                Long("hub-ms") => hub_ms = Some(number(&mut arguments, "--hub-ms", 0..=10_000)?),
                Long("calls") => calls = true,
                Long("webhook") => webhook = true,
                Long("devices") => devices = number(&mut arguments, "--devices", 1..=1000)?,
                Long("recipients") => recipients = Some(number(&mut arguments, "--recipients", 1..=100_000)?),
                Long("in-flight") => in_flight = Some(number(&mut arguments, "--in-flight", 1..=10_000)?),
                Long("binary") => binary = Some(arguments.value()?.into()),
                Long("help") | Short('h') => return Ok(None),
                Short(_) | Long(_) | lexopt::Arg::Value(_) => return Err(argument.unexpected().into()),
            }
        }
        if seconds.is_some() && events.is_some() {
            return Err("--seconds or --events, not both".into());
        }
        Ok(Some(Self {
            rounds: rounds.unwrap_or(if events.is_some() { 1 } else { 3 }),
            amount: events.map_or(Amount::Seconds(seconds.unwrap_or(5)), Amount::Events),
            connections: connections.unwrap_or(if calls { 256 } else { 32 }),
            rate,
            hub_delay: Duration::from_millis(hub_ms.unwrap_or(if calls { 20 } else { 0 })),
            calls,
            webhook,
            devices,
            recipients: recipients.unwrap_or(if devices == 1 { 100 } else { 1 }),
            in_flight,
            binary,
        }))
    }
}
