//! The program: reads the environment and the command line, binds the port, serves until a signal.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use acs_push::{Config, Handler, init_log};
use tokio::net::TcpListener;

/// An event is a hundred small pieces of memory: with the system's allocator it takes a tenth more instructions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What `sysexits.h` calls `EX_USAGE` and `EX_CONFIG`.
const BAD_USAGE: u8 = 64;
const BAD_SETTINGS: u8 = 78;

const HELP: &str = "\
acs-push: turns Azure Communication Services events into APNs and FCM pushes

Usage: acs-push [serve]                    answer the Functions host on 127.0.0.1:$FUNCTIONS_CUSTOMHANDLER_PORT
       acs-push send FILE [--dry-run]      deliver the events of a file (- is standard input) and explain each
       acs-push replay [--force]           send the store's dead letters once more; the settled ones go
       acs-push replay [--force] FILE...   deliver the events of Event Grid's own dead-letter files
       acs-push --help
       acs-push --version

A dry run sends and writes nothing. Old events expire unless a replay is forced, or EXPIRE_EVENTS is false. Settings are environment variables; README.md lists them.
";

fn main() -> ExitCode {
    match Command::parse() {
        Ok(Command::Help) => {
            print(HELP);
            ExitCode::SUCCESS
        }
        Ok(Command::Version) => {
            print(concat!("acs-push ", env!("CARGO_PKG_VERSION"), "\n"));
            ExitCode::SUCCESS
        }
        Ok(command) => start(&command),
        Err(error) => {
            complain(&format!("acs-push: {error}\n\n{HELP}"));
            ExitCode::from(BAD_USAGE)
        }
    }
}

enum Command {
    Serve,
    Send { file: Option<PathBuf>, dry_run: bool },
    Replay { force: bool, files: Vec<PathBuf> },
    Help,
    Version,
}

impl Command {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::{Long, Short, Value};
        let mut command = Self::Serve;
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match (&mut command, argument) {
                (_, Short('h') | Long("help")) => return Ok(Self::Help),
                (_, Short('V') | Long("version")) => return Ok(Self::Version),
                (Self::Serve, Value(word)) if word == "serve" => {}
                (Self::Serve, Value(word)) if word == "replay" => {
                    command = Self::Replay { force: false, files: Vec::new() }
                }
                (Self::Serve, Value(word)) if word == "send" => command = Self::Send { file: None, dry_run: false },
                (Self::Send { dry_run, .. }, Long("dry-run")) => *dry_run = true,
                (Self::Send { file: file @ None, .. }, Value(path)) => *file = Some(path.into()),
                (Self::Replay { force, .. }, Long("force")) => *force = true,
                (Self::Replay { files, .. }, Value(file)) => files.push(file.into()),
                (_, other @ (Short(_) | Long(_) | Value(_))) => return Err(other.unexpected()),
            }
        }
        if matches!(command, Self::Send { file: None, .. }) {
            return Err("send needs a file of events, or - for standard input".into());
        }
        Ok(command)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn start(command: &Command) -> ExitCode {
    let vars = std::env::vars_os();
    let vars = vars.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    // One thread: an event is a handful of waits, and threads that share them cost more than they bring.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("acs-push: no event loop: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let _entered = runtime.enter();
    let handler = Config::from_vars(vars).map_err(Handler::all_faults).and_then(|config| {
        init_log(&config.log_filter);
        let config =
            if matches!(command, Command::Send { dry_run: true, .. }) { config.without_traces() } else { config };
        Handler::new(&config).map(|handler| (config.port, handler))
    });
    let (port, handler) = match handler {
        Ok(ready) => ready,
        Err(faults) => {
            complain(&faults.to_string());
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    runtime.block_on(async {
        match command {
            Command::Replay { force, files } => ended(handler.replay(*force, files, tell).await, "not settled"),
            Command::Send { file: Some(file), dry_run } => {
                ended(handler.send(file, *dry_run, tell).await, "failed or can never succeed")
            }
            Command::Serve | Command::Send { file: None, .. } | Command::Help | Command::Version => {
                serve(handler, port).await
            }
        }
    })
}

async fn serve(handler: Handler, port: u16) -> ExitCode {
    let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
        Ok(listener) => listener,
        Err(error) => {
            complain(&format!("acs-push: FUNCTIONS_CUSTOMHANDLER_PORT: cannot listen on 127.0.0.1:{port}: {error}"));
            return ExitCode::FAILURE;
        }
    };
    handler.serve(listener, stop_signal()).await;
    ExitCode::SUCCESS
}

/// How a command ends that counts what is left to be done.
fn ended<E: std::fmt::Display>(left: Result<usize, E>, what: &str) -> ExitCode {
    match left {
        Ok(0) => return ExitCode::SUCCESS,
        Ok(left) => complain(&format!("acs-push: {left} {what}")),
        Err(error) => complain(&format!("acs-push: {error}")),
    }
    ExitCode::FAILURE
}

fn tell(line: &str) {
    print(&format!("{line}\n"));
}

/// What a person asked for.
fn print(text: &str) {
    // Whoever closed the pipe has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// What went wrong before or beside the log.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Over when the platform (SIGTERM) or somebody at the keyboard (SIGINT) wants an end.
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
