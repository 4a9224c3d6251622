//! Measures Maintenance: what it costs by the number of installations and by how many of them have expired, and what it does
//! to the latency of events meanwhile. `docs/performance.md` describes it and has its results.
//!
//! The store is filled without the program: one installation is registered, and its documents are copied under other ids.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]
#![expect(clippy::print_stderr, reason = "what went wrong belongs beside the table")]

#[path = "../load/answers.rs"]
mod answers;
#[path = "../chaos/azurite.rs"]
#[expect(dead_code, reason = "the chaos run needs no log")]
mod azurite;
mod blobs;
#[path = "../load/driver.rs"]
#[expect(dead_code, reason = "the load benchmark's pace is another")]
mod driver;
#[path = "../load/events.rs"]
#[expect(dead_code, reason = "only the load benchmark posts to a webhook")]
mod events;
#[path = "../load/fleet.rs"]
mod fleet;
#[path = "../load/hub.rs"]
mod hub;
mod measurement;
mod options;
#[path = "../load/process.rs"]
mod process;
#[path = "../chaos/program.rs"]
mod program;
mod report;
mod store;
mod template;
#[path = "../load/wire.rs"]
mod wire;

use std::process::ExitCode;
use std::time::Instant;

use chrono::{TimeDelta, Utc};

use measurement::Measurement;
use options::{HELP, Options};
use store::Store;
use template::{Age, Template};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What `sysexits.h` calls `EX_USAGE`.
const BAD_USAGE: u8 = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let result = match Options::read() {
        Ok(Some(options)) => run(&options).await,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("maintenance: {error}\n\n{HELP}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("maintenance: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures one store twice: with nothing expired, and after a part of it has expired.
async fn run(options: &Options) -> Result<(), Failure> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => program::build()?,
    };
    let template = Template::make(&binary).await?;
    let store = Store::open(options.store).await?;
    let expired = options.installations * options.expired_percent / 100;
    let alive = options.installations - expired;
    let now = Utc::now();

    let started = Instant::now();
    store.write_layout(&template).await?;
    store.fill(&template, 0..options.installations, Age::Alive(now - TimeDelta::days(1))).await?;
    eprintln!("{} installations written in {:.0} s", options.installations, started.elapsed().as_secs_f64());
    let measurement = Measurement { binary: &binary, store: &store, alive, options };
    println!("{}", report::HEAD);
    println!("{}", measurement.run(0).await?.row(options, 0));
    if expired > 0 {
        let age = match &store {
            Store::Folder(_) => Age::Old(now - TimeDelta::days(61)),
            // The time of a blob cannot be set.
            Store::Azurite(_) => Age::Ended(now - TimeDelta::days(1)),
        };
        store.fill(&template, alive..options.installations, age).await?;
        eprintln!("{expired} of them expired after {:.0} s", started.elapsed().as_secs_f64());
        println!("{}", measurement.run(expired).await?.row(options, expired));
    }
    Ok(())
}
