//! The load benchmark: what one event costs the whole program, beside a relay that makes the same two HTTP exchanges and
//! does nothing else. Whatever the machine, the ratio between the two says something.
//!
//! Driver, hubs and counting are this process; relay and handler are children with a core for themselves where there are
//! two. Everything happens on loopback. A run fails on any answer but 200 and on any push that is missing, double or for
//! somebody else; no time fails it. What its figures mean is told in `docs/performance.md`.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]
#![expect(clippy::print_stderr, reason = "what went wrong belongs beside the table")]

mod answers;
mod driver;
mod events;
mod fleet;
mod hub;
mod number;
mod options;
mod process;
#[path = "../chaos/program.rs"]
mod program;
mod relay;
mod report;
mod target;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use driver::Amount;
use events::Front;
use options::{HELP, Options};
use process::peak_memory;
use report::{Figures, Findings};
use target::{RELAY, Round, Target};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What `sysexits.h` calls `EX_USAGE`.
const BAD_USAGE: u8 = 64;

/// So many starts of each are timed.
const STARTS: usize = 5;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [RELAY, hub] = words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return ended(serve_relay(hub).await);
    }
    match Options::read() {
        Ok(Some(options)) => ended(run(&options).await),
        Ok(None) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("load: {error}\n\n{HELP}");
            ExitCode::from(BAD_USAGE)
        }
    }
}

fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_relay(hub: &str) -> Result<(), Failure> {
    Ok(relay::serve(hub.parse()?).await?)
}

async fn run(options: &Options) -> Result<(), Failure> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => program::build()?,
    };
    let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let (mut relay, front) = if options.webhook {
        (Target::handler(options, binary.clone(), other.path(), Front::Functions).await?, Front::Webhook)
    } else {
        (Target::relay(options).await?, Front::Functions)
    };
    let mut handler = Target::handler(options, binary, folder.path(), front).await?;

    let (mut relay_starts, mut handler_starts) = (Vec::new(), Vec::new());
    let (relay_process, handler_process) = loop {
        let (relay_process, relay_start) = relay.start().await?;
        let (handler_process, handler_start) = handler.start().await?;
        relay_starts.push(milliseconds(relay_start));
        handler_starts.push(milliseconds(handler_start));
        if relay_starts.len() == STARTS {
            break (relay_process, handler_process);
        }
        relay_process.kill().await?;
        handler_process.kill().await?;
    };

    if let Amount::Seconds(_) = options.amount {
        // Connections are made and caches filled before anything is timed.
        relay.round(&relay_process, options, Amount::Seconds(1), false).await?;
        handler.round(&handler_process, options, Amount::Seconds(1), false).await?;
    }
    let (mut relay_rounds, mut handler_rounds) = (Vec::new(), Vec::new());
    let mut foreign = 0.0_f64;
    let mut note = |rounds: &mut Vec<Figures>, mut round: Round| {
        foreign = foreign.max(round.foreign.as_secs_f64() / round.answers.took.as_secs_f64());
        rounds.push(report::figures(&mut round));
    };
    for _ in 0..options.rounds {
        note(&mut relay_rounds, relay.round(&relay_process, options, options.amount, false).await?);
        note(&mut handler_rounds, handler.round(&handler_process, options, options.amount, true).await?);
    }

    let findings = |target: &Target, rounds, starts, peak_memory| Findings {
        rounds,
        starts,
        peak_memory,
        requests_per_event: target.requests_per_event(),
        faults: target.faults(),
    };
    let relay = findings(&relay, relay_rounds, relay_starts, peak_memory(relay_process.id)?);
    let handler = findings(&handler, handler_rounds, handler_starts, peak_memory(handler_process.id)?);
    let names = if options.webhook { ["functions", "webhook"] } else { ["relay", "acs-push"] };
    report::print(names, &relay, &handler);
    println!("\nAt most {foreign:.2} cores went to other programs while a round was under way.");
    for faults in [relay.faults, handler.faults] {
        if !faults.is_none() {
            return Err(faults
                .example
                .unwrap_or_else(|| "pushes and events do not match, see above".to_owned())
                .into());
        }
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
