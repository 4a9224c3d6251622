//! `acs-push installations`: looks at registered devices, and changes them as the HTTP API does.

use std::sync::Arc;

use chrono::Utc;

use super::{CommandError, Input, Output, Person, Undone, Workplace};
use crate::delivery::explanation::{masked, pretty_json, without_controls};
use crate::notifications::device::{Device, DeviceHandle};
use crate::storage::installations::{InstallationResponse, Installations, Limits};

/// What to do with installations.
#[derive(Debug)]
pub enum InstallationsCommand {
    /// Print one.
    Show(String),
    /// Write one, from the JSON of a PUT.
    Put {
        /// Its id.
        id: String,
        /// The JSON.
        body: Input,
    },
    /// Delete one.
    Delete(String),
    /// Print those of a person.
    List(Person),
}

/// The register, for who looks or takes away: the limits of these settings need not be those of the app.
pub(super) fn without_limits(place: Workplace<'_>) -> Installations {
    Installations::new(Arc::clone(&place.service.store), Limits::NONE)
}

/// Does it. What is left is an installation that is not there.
pub async fn run(
    place: Workplace<'_>,
    command: InstallationsCommand,
    output: &mut Output,
) -> Result<Undone, CommandError> {
    let (register, now) = (without_limits(place), Utc::now());
    let missing = Undone { count: 1, what: "not there: no installation has this id" };
    let done = Undone { count: 0, ..missing };
    match command {
        InstallationsCommand::Show(id) => {
            let Some(installation) = place.service.installations.get(&id, now).await? else { return Ok(missing) };
            let json = serde_json::to_vec(&InstallationResponse::new(&installation, &[]));
            output.print(&json_lines(&json.expect("it is a struct of texts")));
        }
        InstallationsCommand::Put { id, body } => {
            let (status, answer) = place.service.put_installation(&id, body.text.as_bytes()).await;
            match status {
                200 | 201 => output.print(&json_lines(&answer)),
                400 => return Err(CommandError::BadInput(message(&answer))),
                _ => return Err(CommandError::Unavailable(message(&answer))),
            }
        }
        InstallationsCommand::Delete(id) => {
            if register.get(&id, now).await?.is_none() {
                return Ok(missing);
            }
            register.delete(&id, now).await?;
            output.print(&format!("{}: deleted", without_controls(&id)));
        }
        InstallationsCommand::List(Person(recipient)) => {
            let devices = place.service.installations.devices_of(&recipient, now).await?;
            devices.iter().for_each(|device| output.print(&line(device)));
            if devices.is_empty() {
                output.print(&format!(
                    "{} has no installations in the store ({})",
                    masked(&recipient),
                    place.service.store_name
                ));
            }
        }
    }
    Ok(done)
}

fn line(device: &Device) -> String {
    let (platform, handle) = (device.platform.name(), shown(device.handle.as_ref()));
    let calls = device.voip_handle.as_ref().map(DeviceHandle::masked);
    let calls = calls.map(|handle| format!(", calls at {handle}")).unwrap_or_default();
    let app = device.app.as_ref().map(|app| format!(", app {}", app.as_str())).unwrap_or_default();
    let content = device.content.map(|content| format!(", content {}", content.name())).unwrap_or_default();
    let locale = device.locale.as_ref().map(|locale| format!(", locale {locale}")).unwrap_or_default();
    let id = without_controls(&device.installation_id);
    format!("{id}: {platform} at {handle}{calls}{app}{content}{locale}")
}

/// Where alerts go, for a person.
pub fn shown(handle: Option<&DeviceHandle>) -> String {
    handle.map_or_else(|| "no pushChannel".to_owned(), DeviceHandle::masked)
}

fn json_lines(json: &[u8]) -> String {
    let json = pretty_json(json).unwrap_or_else(|| String::from_utf8_lossy(json).into_owned());
    json.lines().map(without_controls).collect::<Vec<_>>().join("\n")
}

/// The message of an error response.
fn message(answer: &[u8]) -> String {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap_or_default();
    answer["error"]["message"].as_str().unwrap_or_default().to_owned()
}
