//! The emulator as a program: start it, print the lines to paste, report each request, stop on
//! SIGINT or SIGTERM. The command line is in `args`; everything else is the library's.

mod args;

use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use notification_hubs_emulator::{Emulator, Fault, HubOptions, ReceivedRequest};
use tokio::sync::broadcast::error::RecvError;

use crate::args::{Command, Start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match args::parse(std::env::args_os()) {
        Ok(Command::Run(start)) => run(*start).await,
        Ok(Command::Help) => say(args::HELP),
        Ok(Command::Version) => say(concat!(env!("CARGO_BIN_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(error) => {
            complain(&format!("{error}\n\nTry --help."));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(start: Start) -> io::Result<()> {
    let Start { options, faults, devices } = start;
    let faults = faults.map_or(Ok(Vec::new()), |path| faults_of(&path))?;
    let hubs = options.hubs.clone();
    let emulator = Emulator::start(options).await?;
    faults.into_iter().for_each(|fault| emulator.add_fault(fault));
    devices.iter().for_each(|(handle, state)| emulator.set_device(handle, *state));
    let mut stop = std::pin::pin!(stop_signal()?);
    let mut requests = emulator.subscribe();
    say(&lines_to_paste(&hubs, |hub| emulator.connection_string_of(hub)))?;
    loop {
        tokio::select! {
            () = &mut stop => {
                emulator.stop().await;
                return Ok(());
            }
            request = requests.recv() => match request {
                Ok(request) => say(&line(&request))?,
                Err(RecvError::Lagged(count)) => say(&format!("({count} requests not shown)\n"))?,
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

/// The script in a file; the error names the file.
fn faults_of(path: &Path) -> io::Result<Vec<Fault>> {
    let named = |error: &dyn Display| format!("{}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| io::Error::new(error.kind(), named(&error)))?;
    Fault::from_json(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, named(&error)))
}

/// The settings for two hubs: the first ordinary one and the first one for VoIP.
fn lines_to_paste(hubs: &[HubOptions], connection_string_of: impl Fn(&str) -> Option<String>) -> String {
    let is_voip = |hub: &HubOptions| hub.bundle_id.as_deref().is_some_and(|bundle_id| bundle_id.ends_with(".voip"));
    let mut lines = String::new();
    for (prefix, voip) in [("NOTIFICATION_HUB_", false), ("NOTIFICATION_HUB_VOIP_", true)] {
        if let Some(hub) = hubs.iter().find(|hub| is_voip(hub) == voip) {
            if let Some(connection_string) = connection_string_of(&hub.name) {
                lines += &format!("{prefix}CONNECTION_STRING={connection_string}\n");
            }
            lines += &format!("{prefix}NAME={}\n", hub.name);
        }
    }
    lines
}

/// One request on one line: hub, format, masked handle, push type, status, reason, warnings.
fn line(request: &ReceivedRequest) -> String {
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let mut columns = vec![
        request.hub.clone(),
        or_dash(request.format.as_deref()),
        addressee(request),
        or_dash(request.headers.get("apns-push-type").map(String::as_str)),
        request.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
    ];
    columns.extend(request.reason.clone());
    columns.extend(request.warnings.iter().map(|warning| format!("warning: {warning}")));
    // What a client sent must not be able to write lines of its own.
    columns.join("  ").replace(char::is_control, " ") + "\n"
}

/// One device, how many devices, or what else was asked for.
fn addressee(request: &ReceivedRequest) -> String {
    match (&request.device_handle, &request.batch) {
        (_, Some(batch)) => format!("{} devices", batch.device_handles.len()),
        (Some(handle), None) => masked(handle),
        (None, None) if request.method == "POST" => "-".to_owned(),
        (None, None) => request.method.clone(),
    }
}

/// The last four characters: enough to tell devices apart, too little to send to one.
fn masked(handle: &str) -> String {
    let hidden = handle.chars().count().saturating_sub(4);
    let shown: String = handle.chars().skip(hidden).collect();
    if hidden == 0 { "…".to_owned() } else { format!("…{shown}") }
}

/// Resolves on SIGINT or SIGTERM. Both are caught from the call on, not from the first poll: who
/// reads the lines to paste may stop the program in the same moment.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves on Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
    })
}

/// Writes at once: stdout is often a pipe that somebody waits on.
fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn complain(text: &str) {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{}: {text}", env!("CARGO_BIN_NAME"));
}
