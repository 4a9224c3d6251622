//! A stand-in for Azure Notification Hubs on loopback, for tests, demos and laptops.
//!
//! It checks a Direct Send the way the service does (SAS signature, headers, body), records what
//! it received, shows it on a web page the way a phone would, tells what became of it in telemetry
//! and feedback, keeps installations, and fails on request in the ways the service and the network
//! fail. It delivers nothing. The foreign document is the REST reference,
//! <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>; which behaviour is
//! confirmed and which is inferred stands in the crate's README.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use notification_hubs_emulator::{Emulator, Fault, Options};
//!
//! let emulator = Emulator::start(Options::default()).await?;
//! emulator.add_fault(Fault::status(503).retry_after("1"));
//! // ... let the code under test send with emulator.connection_string() ...
//! let accepted = emulator.wait_for_accepted(1).await;
//! assert_eq!(accepted[0].format.as_deref(), Some("apple"));
//! # Ok(())
//! # }
//! ```

// Comes in.
mod server;
mod service;
mod address;
mod reception;

// Is decided.
mod hub;
mod sas;
mod direct_send;
mod batch;
mod multipart;
mod format;
mod content;
mod outcome;
mod budget;
mod fault;

// Goes out.
mod wording;
mod answer;
mod moment;
mod drip;
mod control;

// Is shown.
mod page;

// Is kept.
mod namespace;
mod record;
mod history;
mod recent;
mod installations;
mod telemetry;
mod feedback;
mod devices;

// Is told.
mod options;
mod emulator;

pub use batch::Batch;
pub use devices::DeviceState;
pub use emulator::Emulator;
pub use fault::{Action, Fault, FaultError};
pub use options::{Budget, HubOptions, Mode, Options, Right, Rule, Tier};
pub use page::{Page, Phone, Sample};
pub use record::ReceivedRequest;
