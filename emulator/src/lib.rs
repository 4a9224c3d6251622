//! An emulator of Azure Notification Hubs on loopback, for tests, demos and laptops.
//!
//! It checks sends as the service does (SAS signature, headers, body, tags), keeps installations and registrations with
//! their templates, records every request, shows accepted notifications on a web page as a phone would, reports delivery
//! outcomes in telemetry and feedback, and simulates failures of the service and of the network on request. It delivers nothing. It
//! implements the REST reference, <https://learn.microsoft.com/rest/api/notificationhubs/direct-send>; the crate's README
//! says which behaviour is confirmed and which is inferred.
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

// From top to bottom: each module imports only from those below it. ARCHITECTURE.md has the table.
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod emulator;
mod server;
mod control;
mod service;
mod resources;
mod platforms;
mod faults;
mod record;
mod http;
mod options;
mod limits;

pub use emulator::Emulator;
pub use faults::{Action, Fault, FaultError};
pub use options::{Budget, FrontEnd, HubOptions, Mode, Options, Page, Phone, Right, Rule, Sample, Tier};
pub use platforms::DeviceState;
pub use record::{Batch, ReceivedRequest, Recipient, Recipients};
