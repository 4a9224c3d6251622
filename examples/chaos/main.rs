//! The long chaos run and the soak: one command, and a table of what came of it. What happens in it is told in `scenario`; the short
//! run of the same is `tests/chaos.rs`.

#![expect(clippy::print_stdout, reason = "the table is what it is run for")]
#![expect(clippy::print_stderr, reason = "what went wrong belongs beside the table")]

// With a path, so that its modules lie beside it for this program and for the test alike.
#[path = "scenario.rs"]
#[expect(dead_code, reason = "the short run is for the test")]
mod scenario;
mod program;

use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt as _};
use scenario::{Failure, Options, StoreKind};

/// What `sysexits.h` calls `EX_USAGE`.
const BAD_USAGE: u8 = 64;

const HELP: &str = "\
chaos: handlers that are killed, a hub that fails, an Event Grid that repeats: is anything lost, or shown twice?

Usage: cargo run --release --example chaos -- [OPTIONS]

  --events N        how many events; 10000 unless told
  --store S         file or azurite; file unless told. Azurite comes from `npm ci` in tests/foreign
  --webhook         the handlers are webhooks, which Event Grid calls without the Functions host
  --processes N     handlers that share the store, 2 or more; 4 unless told
  --seed N          repeats the choices of a run, though not its timing; random unless told
  --stalls P        percent of requests that the hub never answers; 10 unless told
  --late P          percent of requests that the hub answers late; 10 unless told
  --batches N       batches under way at a time; 300 unless told
  --kill-every N    seconds from one kill to the next, about; 10 unless told
  --soak N          goes on for N minutes, 10 or more, with fewer events a second, a store (a folder) that comes and goes,
                    and one process that is not killed: in the end it must be what it was after five minutes
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("chaos: {error}\n\n{HELP}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    println!("seed {}", options.seed);
    match scenario::run(&options, |progress| eprintln!("{progress}")).await {
        Ok(verdict) => {
            println!("{verdict}");
            if verdict.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `None` when help is asked for.
fn options() -> Result<Option<Options>, Failure> {
    let mut options = Options::long(program::build()?, fastrand::u64(..));
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("webhook") => options.webhook = true,
            Long("events") => options.events = arguments.value()?.parse()?,
            Long("processes") => options.processes = arguments.value()?.parse()?,
            Long("seed") => options.seed = arguments.value()?.parse()?,
            Long("stalls") => options.stalls = arguments.value()?.parse()?,
            Long("batches") => options.batches = arguments.value()?.parse()?,
            Long("kill-every") => options.kill_every = Duration::from_secs(arguments.value()?.parse()?),
            Long("soak") => options = options.soak(Duration::from_secs(60 * arguments.value()?.parse::<u64>()?)),
            Long("late") => options.late = arguments.value()?.parse()?,
            Long("store") => {
                options.store = match arguments.value()?.to_str() {
                    Some("file") => StoreKind::File,
                    Some("azurite") => StoreKind::Azurite,
                    _ => return Err("--store is file or azurite".into()),
                }
            }
            Long("help") | Short('h') => return Ok(None),
            Short(_) | Long(_) | lexopt::Arg::Value(_) => return Err(argument.unexpected().into()),
        }
    }
    if options.processes < 2 {
        return Err("--processes is 2 or more: one is killed now and then".into());
    }
    if options.soak.is_some_and(|length| length < Duration::from_secs(600)) {
        return Err("--soak is 10 minutes or more".into());
    }
    if options.soak.is_some() && (options.webhook || options.store != StoreKind::File) {
        return Err("--soak is for the Functions host's handlers on a folder".into());
    }
    Ok(Some(options))
}
