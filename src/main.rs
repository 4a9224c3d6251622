//! The program: reads the environment and the command line, binds the port, serves until a signal.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use acs_push::{
    AzureInstance, Command, CommandError, Config, ConfigError, Handler, Output, Undone, bind, check, init_log,
    serve_faults, tell_panics, with_file,
};
use clap::Parser;
use command_line::{CommandLine, FileError, Task, in_one_line};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

mod command_line;

/// An event makes a hundred small allocations: with the system's allocator it takes a tenth more instructions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What `sysexits.h` calls `EX_USAGE`, `EX_DATAERR` and `EX_CONFIG`.
const BAD_USAGE: u8 = 64;
const BAD_DATA: u8 = 65;
const BAD_SETTINGS: u8 = 78;

fn main() -> ExitCode {
    tell_panics();
    let read = CommandLine::try_parse().and_then(|line| {
        let settings = line.settings.clone();
        line.task().map(|task| (task, settings))
    });
    let (task, settings) = match read {
        Ok(read) => read,
        Err(error) if error.use_stderr() => {
            print_error(&format!("acs-push: {}; try --help", in_one_line(&error)));
            return ExitCode::from(BAD_USAGE);
        }
        // Help or version, as asked for.
        Err(told) => {
            print(&told.to_string());
            return ExitCode::SUCCESS;
        }
    };
    // One thread: an event mostly waits, so more threads would cost more than they save.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error(&format!("acs-push: cannot start the async runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let _entered = runtime.enter();
    match task {
        // The Functions host hands over the values of its file.
        Ok(Task::Serve { webhook }) => {
            let vars = settings.map_or_else(|| Ok(vars()), |file| with_file(vars(), Some(&file)));
            start_serving(&runtime, vars, webhook)
        }
        Ok(Task::Command(command)) => run(&runtime, *command, with_file(vars(), settings.as_deref())),
        Ok(Task::Check(command, folder, app)) => {
            let config = with_file(vars(), settings.as_deref()).and_then(Config::from_vars);
            let config = config.map_err(Handler::all_faults);
            let mut output = Output::new(false, false);
            match runtime.block_on(check(config, folder.as_ref(), app.as_deref(), command, &mut output)) {
                0 => ExitCode::SUCCESS,
                _ => ExitCode::FAILURE,
            }
        }
        Ok(Task::Completions(shell)) => {
            print(&CommandLine::completions(shell));
            ExitCode::SUCCESS
        }
        Err(error) => bad_file(&error),
    }
}

type Vars = Vec<(OsString, OsString)>;

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn vars() -> Vars {
    std::env::vars_os().collect()
}

fn start_serving(runtime: &Runtime, vars: Result<Vars, ConfigError>, webhook: bool) -> ExitCode {
    // Only the Functions host of Azure would stop with the program.
    let instance = vars.as_ref().ok().filter(|_| !webhook).and_then(|vars| AzureInstance::of(vars.clone()));
    let read = |vars| if webhook { Config::for_webhook(vars) } else { Config::from_vars(vars) };
    let config = vars.and_then(|vars| read(vars).map_err(Handler::all_faults));
    let setting = if webhook { "LISTEN" } else { "FUNCTIONS_CUSTOMHANDLER_PORT" };
    match (config.and_then(|config| build(&config)), instance) {
        (Ok((address, handler)), _) => {
            runtime.block_on(listen(setting, address, |listener| handler.serve(listener, stop_signal())))
        }
        (Err(faults), Some(instance)) => {
            init_log("info");
            warn_of(&faults);
            let address = (Ipv4Addr::LOCALHOST, instance.port).into();
            runtime
                .block_on(listen(setting, address, |listener| serve_faults(&faults, instance, listener, stop_signal())))
        }
        (Err(faults), None) => bad_settings(&faults),
    }
}

fn run(runtime: &Runtime, command: Command, vars: Result<Vars, ConfigError>) -> ExitCode {
    // <https://no-color.org>
    let forbids_colour = |(name, value): &(OsString, OsString)| {
        (name == "NO_COLOR" && !value.is_empty()) || (name == "TERM" && value == "dumb")
    };
    let no_colour = vars.as_ref().is_ok_and(|vars| vars.iter().any(forbids_colour));
    let config = vars.and_then(|vars| Handler::config_for(&command, vars).map_err(Handler::all_faults));
    let handler = match config.and_then(|config| build(&config)) {
        Ok((_, handler)) => handler,
        Err(faults) => return bad_settings(&faults),
    };
    let mut output = Output::new(std::io::stdout().is_terminal() && !no_colour, std::io::stderr().is_terminal());
    let done = runtime.block_on(handler.run(command, &mut output));
    drop(output);
    exit_code(done)
}

fn build(config: &Config) -> Result<(SocketAddr, Handler), ConfigError> {
    init_log(&config.log_filter);
    Handler::new(config).map(|handler| (config.listen(), handler))
}

fn bad_settings(faults: &ConfigError) -> ExitCode {
    warn_of(faults);
    print_error(&faults.to_string());
    ExitCode::from(BAD_SETTINGS)
}

fn warn_of(faults: &ConfigError) {
    faults.warnings().iter().for_each(|warning| print_error(&format!("warning: {warning}")));
}

fn bad_file(error: &FileError) -> ExitCode {
    print_error(&format!("acs-push: {error}"));
    if error.is_about_data() { ExitCode::from(BAD_DATA) } else { ExitCode::FAILURE }
}

async fn listen<F: Future<Output = ()>>(
    setting: &str,
    address: SocketAddr,
    serve: impl FnOnce(TcpListener) -> F,
) -> ExitCode {
    let listener = match bind(address) {
        Ok(listener) => listener,
        Err(error) => {
            print_error(&format!("acs-push: {setting}: cannot listen on {address}: {error}"));
            return ExitCode::FAILURE;
        }
    };
    serve(listener).await;
    ExitCode::SUCCESS
}

fn exit_code(done: Result<Undone, CommandError>) -> ExitCode {
    match done {
        Ok(Undone { count: 0, .. }) => return ExitCode::SUCCESS,
        Ok(Undone { count, what }) => print_error(&format!("acs-push: {count} {what}")),
        Err(error) => {
            print_error(&format!("acs-push: {error}"));
            if matches!(error, CommandError::BadInput(_)) {
                return ExitCode::from(BAD_DATA);
            }
        }
    }
    ExitCode::FAILURE
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
