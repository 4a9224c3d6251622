//! The program: reads the environment and the command line, binds the port, serves until a signal.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use acs_push::{Config, Handler, init_log};
use tokio::net::TcpListener;

/// What `sysexits.h` calls `EX_USAGE` and `EX_CONFIG`.
const BAD_USAGE: u8 = 64;
const BAD_SETTINGS: u8 = 78;

const HELP: &str = "\
acs-push: turns Azure Communication Services events into APNs and FCM pushes

Usage: acs-push [serve]     answer the Functions host on 127.0.0.1:$FUNCTIONS_CUSTOMHANDLER_PORT
       acs-push --help
       acs-push --version

Settings are environment variables; README.md lists them.
";

#[expect(clippy::print_stdout, reason = "this is what --help and --version are for")]
#[expect(clippy::print_stderr, reason = "nothing else is listening before the log is set up")]
fn main() -> ExitCode {
    match Command::parse() {
        Ok(Command::Serve) => serve(),
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Ok(Command::Version) => {
            println!("acs-push {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("acs-push: {error}\n\n{HELP}");
            ExitCode::from(BAD_USAGE)
        }
    }
}

enum Command {
    Serve,
    Help,
    Version,
}

impl Command {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::prelude::{Long, Short, Value};
        let mut command = Self::Serve;
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            command = match argument {
                Short('h') | Long("help") => Self::Help,
                Short('V') | Long("version") => Self::Version,
                Value(word) if word == "serve" => command,
                other @ (Short(_) | Long(_) | Value(_)) => return Err(other.unexpected()),
            };
        }
        Ok(command)
    }
}

#[expect(clippy::print_stderr, reason = "faults in the settings come before the log is set up")]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn serve() -> ExitCode {
    let vars =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let handler = Config::from_vars(vars).and_then(|config| {
        init_log(&config.log_filter);
        Handler::new(&config).map(|handler| (config.port, handler))
    });
    let (port, handler) = match handler {
        Ok(ready) => ready,
        Err(faults) => {
            eprintln!("{faults}");
            return ExitCode::from(BAD_SETTINGS);
        }
    };
    // One thread: an event is a handful of waits, and threads that share them cost more than they bring.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("acs-push: no event loop: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => listener,
            Err(error) => {
                eprintln!("acs-push: FUNCTIONS_CUSTOMHANDLER_PORT: cannot listen on 127.0.0.1:{port}: {error}");
                return ExitCode::FAILURE;
            }
        };
        handler.serve(listener, stop_signal()).await;
        ExitCode::SUCCESS
    })
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
