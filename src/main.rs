//! The program: reads the environment and the command line, binds the port, serves until a signal.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use acs_push::{Config, Handler, init_log};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use tokio::net::TcpListener;

/// An event makes a hundred small allocations: with the system's allocator it takes a tenth more instructions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What `sysexits.h` calls `EX_USAGE` and `EX_CONFIG`.
const BAD_USAGE: u8 = 64;
const BAD_SETTINGS: u8 = 78;

/// Turns Azure Communication Services events into APNs and FCM pushes
#[derive(Parser)]
#[command(name = "acs-push", version, after_help = "Settings are environment variables; docs/settings.md lists them.")]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Task(Task),
    /// Print a script that completes these commands in a shell
    Completions { shell: Shell },
}

#[derive(Subcommand)]
enum Task {
    /// Answer the Functions host on `127.0.0.1:$FUNCTIONS_CUSTOMHANDLER_PORT`, as without a command
    Serve,
    /// Deliver the events of a file and explain each
    ///
    /// Old events expire, unless `EXPIRE_EVENTS` is `false`.
    #[command(override_usage = "acs-push send [--dry-run] FILE")]
    Send {
        /// Send and write nothing
        #[arg(long)]
        dry_run: bool,
        /// One event, an array of them, or a file of Event Grid's own dead-lettering; - is standard input
        file: Option<PathBuf>,
    },
    /// Send the store's dead letters once more; the settled ones go
    ///
    /// Old events expire, unless forced or `EXPIRE_EVENTS` is `false`.
    Replay {
        /// Send what has expired, too
        #[arg(long)]
        force: bool,
        /// Deliver the events of Event Grid's own dead-letter files instead
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

fn main() -> ExitCode {
    match CommandLine::read() {
        Ok(Command::Task(task)) => start(&task),
        Ok(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut CommandLine::command(), "acs-push", &mut script);
            print(&String::from_utf8_lossy(&script));
            ExitCode::SUCCESS
        }
        Err(error) if error.use_stderr() => {
            print_error(&format!("acs-push: {}; try --help", in_one_line(&error)));
            ExitCode::from(BAD_USAGE)
        }
        // Help or version, as asked for.
        Err(told) => {
            print(&told.to_string());
            ExitCode::SUCCESS
        }
    }
}

impl CommandLine {
    fn read() -> Result<Command, clap::Error> {
        let command = Self::try_parse()?.command.unwrap_or(Command::Task(Task::Serve));
        if matches!(command, Command::Task(Task::Send { file: None, .. })) {
            let problem = "send needs a file of events, or - for standard input";
            return Err(Self::command().error(ErrorKind::MissingRequiredArgument, problem));
        }
        Ok(command)
    }
}

/// The error and clap's suggestion in one line, without the usage.
fn in_one_line(error: &clap::Error) -> String {
    let told = error.to_string();
    let is_usage = |text: &str| text.starts_with("Usage:") || text.starts_with("For more information");
    let paragraphs = told.trim_start_matches("error: ").split("\n\n").filter(|text| !is_usage(text));
    let lines = paragraphs.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.collect::<Vec<_>>().join("; ")
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn start(task: &Task) -> ExitCode {
    // One thread: an event mostly waits, so more threads would cost more than they save.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&format!("acs-push: cannot start the async runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let _entered = runtime.enter();
    let handler = Config::from_vars(std::env::vars_os()).map_err(Handler::all_faults).and_then(|config| {
        init_log(&config.log_filter);
        let config = if matches!(task, Task::Send { dry_run: true, .. }) { config.for_dry_run() } else { config };
        Handler::new(&config).map(|handler| (config.port, handler))
    });
    let (port, handler) = match handler {
        Ok(ready) => ready,
        Err(faults) => {
            faults.warnings().iter().for_each(|warning| print_error(&format!("warning: {warning}")));
            print_error(&faults.to_string());
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    runtime.block_on(async {
        match task {
            Task::Replay { force, files } => exit_code(handler.replay(*force, files, print_line).await, "not settled"),
            Task::Send { file: Some(file), dry_run } => {
                exit_code(handler.send(file, *dry_run, print_line).await, "failed or can never succeed")
            }
            Task::Serve | Task::Send { file: None, .. } => serve(handler, port).await,
        }
    })
}

async fn serve(handler: Handler, port: u16) -> ExitCode {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => listener,
        Err(error) => {
            print_error(&format!("acs-push: FUNCTIONS_CUSTOMHANDLER_PORT: cannot listen on 127.0.0.1:{port}: {error}"));
            return ExitCode::FAILURE;
        }
    };
    handler.serve(listener, stop_signal()).await;
    ExitCode::SUCCESS
}

/// The exit code of a command that returns how many events are left.
fn exit_code<E: std::fmt::Display>(left: Result<usize, E>, what: &str) -> ExitCode {
    match left {
        Ok(0) => return ExitCode::SUCCESS,
        Ok(left) => print_error(&format!("acs-push: {left} {what}")),
        Err(error) => print_error(&format!("acs-push: {error}")),
    }
    ExitCode::FAILURE
}

fn print_line(line: &str) {
    print(&format!("{line}\n"));
}

/// Writes to standard output.
fn print(text: &str) {
    // The reader may have closed the pipe.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Writes an error that is not part of the log.
fn print_error(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Completes on SIGTERM (from the platform) or SIGINT (Ctrl-C).
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminated = async {
            match signal(SignalKind::terminate()) {
                Ok(mut signals) => drop(signals.recv().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = terminated => {}
            () = interrupted() => {}
        }
    }
    #[cfg(not(unix))]
    interrupted().await;
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
