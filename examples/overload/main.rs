//! Overload: the program is offered many times as many events as it can serve, with calls among them, and what it refuses is
//! posted again as Event Grid does. What its figures mean is told in `docs/reliability.md`.
//!
//! Hub and Event Grid are this process, the program is a child. Everything happens on loopback. A run fails when an event is
//! lost or pushed twice, when a call is refused, and on any answer but 200, 500 and 503; no time fails it.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]
#![expect(clippy::print_stderr, reason = "progress and faults belong beside the table")]

#[path = "../load/answers.rs"]
mod answers;
mod event_grid;
mod events;
#[path = "../load/fleet.rs"]
mod fleet;
mod hub;
#[path = "../load/number.rs"]
mod number;
mod options;
#[path = "../load/process.rs"]
#[expect(dead_code, reason = "the load benchmark needs CPU times")]
mod process;
#[path = "../chaos/program.rs"]
mod program;
mod report;
mod trial;
#[path = "../load/wire.rs"]
#[expect(dead_code, reason = "the load benchmark needs paths")]
mod wire;

use std::process::ExitCode;

use options::{HELP, Options};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What `sysexits.h` calls `EX_USAGE`.
const BAD_USAGE: u8 = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::read() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("overload: {error}\n\n{HELP}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    acs_push::raise_limit_of_files();
    match trial::run(&options).await {
        Ok(findings) => {
            println!("{findings}");
            if findings.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("overload: {error}");
            ExitCode::FAILURE
        }
    }
}
