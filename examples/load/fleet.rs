//! Whom the events are for, and which devices they have.

use std::io;

use serde_json::json;

use crate::wire::Wire;

/// Recipients with as many devices each, of both platforms in turn.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    pub recipients: usize,
    /// Of each recipient.
    pub devices: usize,
}

/// So many digits has the number of a device, in hexadecimal.
const DIGITS: usize = 63;

impl Fleet {
    /// Who an event is for.
    pub fn recipient_of(&self, event: usize) -> usize {
        event % self.recipients
    }

    /// Which of the recipient's devices has the handle; `None` when it is nobody's or somebody else's.
    pub fn device_of(&self, recipient: usize, handle: &str) -> Option<usize> {
        let device = usize::from_str_radix(handle.get(1..)?, 16).ok()?;
        (device / self.devices == recipient).then_some(device % self.devices)
    }

    /// Registers every device, as the backend of an app does.
    pub async fn register(&self, wire: &mut Wire) -> io::Result<()> {
        for device in 0..self.recipients * self.devices {
            let platform = if device % 2 == 0 { "apns" } else { "fcmv1" };
            let (handle, user) = (handle(platform, device), user_id_of(device / self.devices));
            let installation = json!({"userId": user, "platform": platform, "pushChannel": handle}).to_string();
            let request = format!(
                "PUT /api/installations/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{installation}",
                installation_id(device),
                installation.len()
            );
            let answer = wire.exchange(request.as_bytes()).await?;
            if !matches!(answer.status(), 200 | 201) {
                return Err(io::Error::other(format!("a registration was answered with {}", answer.head)));
            }
        }
        Ok(())
    }
}

/// The id of a device's installation.
pub fn installation_id(device: usize) -> String {
    format!("device-{device}")
}

/// The handle of a device. All have one length. With a letter in it that is no hexadecimal digit, it can be no token of APNs.
pub fn handle(platform: &str, device: usize) -> String {
    let letter = if platform == "apns" { 'a' } else { 'g' };
    format!("{letter}{device:0DIGITS$x}")
}

/// The raw id of a recipient.
pub fn user_id_of(recipient: usize) -> String {
    user_id(&format!("{recipient:012x}"))
}

/// The raw id of a user by twelve hexadecimal digits.
pub fn user_id(digits: &str) -> String {
    format!("8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000000-0000-0000-0000-{digits}")
}
