//! acs-push: an Azure Functions custom handler that turns Azure Communication Services events into push notifications.
//!
//! The modules form a tower: each imports only from those below it. `ARCHITECTURE.md` has one line for each file, and says
//! where each decision is made.

// Single steps for `benches/` to measure; in no program.
#[cfg(feature = "benches")]
pub mod benches;

// What has to hold for every input, for `fuzz/` and the tests; in no program.
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;

// Puts the program together. `main.rs` above it reads the environment and the command line, and handles signals.
mod app;
// `acs-push send` and all other commands that do their work without the Functions host.
mod commands;
// What Event Grid calls where there is no Functions host, over HTTP.
mod webhook;
// What the Functions host calls, over HTTP.
mod functions;
// What every front shares, over HTTP: bodies, tasks, the graceful stop.
mod server;
// What can be checked without a push: files, settings, keys, store.
mod check;
// What happens to one event, from the host's JSON to the hubs' responses.
mod delivery;
// Every setting; all faults are reported at once.
mod settings;
// Documents in Azure Blob, a folder or memory: installations, ledger, dead letters, and their maintenance.
mod storage;
// One platform's JSON, and Direct Send through Notification Hubs.
mod push;
// What a person should see, for no particular platform.
mod notifications;
// The JSON of events, what each type says, and which events are wanted.
mod events;

// The one HTTP client, for hubs and storage.
mod client;
// Where log lines go.
mod log;

pub use app::{Handler, check, serve_faults};
pub use check::{AppFolder, AppFolderError, ArmAddress, ArmAddressError, AzureApp, SiteId, SiteIdError};
pub use commands::{
    CheckCommand, Command, CommandError, DeadLettersCommand, EventsFile, EventsFileError, ExampleDevice, Input,
    InputError, InstallationsCommand, LetterId, LocaleArgument, Output, Person, SendCommand, Undone, Workplace,
};
pub use log::{init as init_log, tell_panics};
pub use server::{bind, raise_limit_of_files};
pub use settings::{AzureInstance, Config, ConfigError, with_file};
