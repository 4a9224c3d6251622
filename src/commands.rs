//! The commands that handle events without the Functions host: `acs-push send` and `acs-push replay`.

mod events_file;
pub mod replay;
pub mod send;

pub use events_file::EventsFileError;
pub use replay::ReplayError;
