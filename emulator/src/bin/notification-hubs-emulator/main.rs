//! The emulator as a program: starts it, prints the settings for acs-push, prints a line for each request, and stops on
//! SIGINT or SIGTERM. `args` parses the command line.

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
    let result = match args::parse(std::env::args_os()) {
        Ok(Command::Run(start)) => run(*start).await,
        Ok(Command::Help) => print(args::HELP),
        Ok(Command::Version) => print(concat!(env!("CARGO_BIN_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n")),
        Err(error) => {
            print_error(&format!("{error}\n\nTry --help."));
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn run(start: Start) -> io::Result<()> {
    let Start { options, faults, devices } = start;
    let faults = faults.map_or(Ok(Vec::new()), |path| read_faults(&path))?;
    let hubs = options.hubs.clone();
    let emulator = Emulator::start(options).await?;
    faults.into_iter().for_each(|fault| emulator.add_fault(fault));
    devices.iter().for_each(|(handle, state)| emulator.set_device(handle, *state));
    let mut stop = std::pin::pin!(stop_signal()?);
    let mut requests = emulator.subscribe();
    if let Some(certificate) = emulator.ca_certificate() {
        print(&format!("CA_FILE={}\n", write_ca_certificate(certificate, emulator.port())?))?;
    }
    print(&settings(&hubs, |hub| emulator.connection_string_of(hub)))?;
    loop {
        tokio::select! {
            () = &mut stop => {
                emulator.stop().await;
                return Ok(());
            }
            request = requests.recv() => match request {
                Ok(request) => print(&line(&request))?,
                Err(RecvError::Lagged(count)) => print(&format!("({count} requests not shown)\n"))?,
                Err(RecvError::Closed) => return Ok(()),
            },
        }
    }
}

/// Parses the faults in a file. The error names the file.
fn read_faults(path: &Path) -> io::Result<Vec<Fault>> {
    let with_path = |error: &dyn Display| format!("{}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| io::Error::new(error.kind(), with_path(&error)))?;
    Fault::from_json(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, with_path(&error)))
}

/// Writes the certificate that clients must trust, and returns the path of its file, which is the same for each start on
/// this port. The error names the file.
fn write_ca_certificate(certificate: &str, port: u16) -> io::Result<String> {
    let path = std::env::temp_dir().join(format!("notification-hubs-emulator-{port}-ca.pem"));
    // A new file: in a folder for everybody the existing one may be a link of somebody else.
    let write = || {
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        std::fs::File::create_new(&path)?.write_all(certificate.as_bytes())
    };
    let with_path = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    write().map_err(with_path)?;
    Ok(path.display().to_string())
}

/// The settings for two hubs: the first one without and the first one with a VoIP bundle id.
fn settings(hubs: &[HubOptions], connection_string_of: impl Fn(&str) -> Option<String>) -> String {
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

/// A request on one line: hub, format, masked device handle, push type, status, reason, warnings.
fn line(request: &ReceivedRequest) -> String {
    let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let mut columns = vec![
        request.hub.clone(),
        or_dash(request.format.as_deref()),
        recipient(request),
        or_dash(request.headers.get("apns-push-type").map(String::as_str)),
        request.status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
    ];
    columns.extend(request.reason.clone());
    columns.extend(request.warnings.iter().map(|warning| format!("warning: {warning}")));
    // A client must not be able to add lines.
    columns.join("  ").replace(char::is_control, " ") + "\n"
}

/// The device, the number of devices, tags with the number of devices, or the method of a request that is not a send.
fn recipient(request: &ReceivedRequest) -> String {
    if let Some(recipients) = &request.recipients {
        let tags = recipients.tag_expression.as_deref().unwrap_or("everybody");
        return format!("{} devices of {tags}", recipients.count);
    }
    match (&request.device_handle, &request.batch) {
        (_, Some(batch)) => format!("{} devices", batch.device_handles.len()),
        (Some(handle), None) => masked(handle),
        (None, None) if request.method == "POST" => "-".to_owned(),
        (None, None) => request.method.clone(),
    }
}

/// The last four characters, which tell devices apart but are not enough to send to one.
fn masked(handle: &str) -> String {
    let hidden = handle.chars().count().saturating_sub(4);
    let shown: String = handle.chars().skip(hidden).collect();
    if hidden == 0 { "…".to_owned() } else { format!("…{shown}") }
}

/// Resolves on SIGINT or SIGTERM. Both are caught from this call on, not only from the first poll: a script may stop the
/// program as soon as it has read the settings.
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

/// Writes and flushes: stdout is often a pipe whose reader waits for the line.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn print_error(text: &str) {
    // Without stderr the message can't be shown.
    let _ = writeln!(io::stderr(), "{}: {text}", env!("CARGO_BIN_NAME"));
}
