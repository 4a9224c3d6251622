//! Devices that are not well, by handle: what a script says of them. The service takes a
//! notification for each of them; what it reports later follows from `outcome`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::recent::KEPT;

/// How the push service finds a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// It gets what is sent: how every device begins.
    Healthy,
    /// Its handle was valid once: outcome `ExpiredChannel`.
    Expired,
    /// The push service does not know its handle: outcome `BadChannel`, for FCM v1 `UnknownError`.
    Unregistered,
    /// It gets too much: outcome `ChannelThrottled`.
    Throttled,
}

/// A device in a script, as in `{"deviceHandle":"abc","state":"expired"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) device_handle: String,
    pub(crate) state: DeviceState,
}

/// Why a script of devices is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevicesError {
    #[error("not a device or an array of devices: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("at most {KEPT} devices may be other than healthy")]
    TooMany,
}

#[derive(Debug, Default)]
pub(crate) struct Devices(Mutex<BTreeMap<String, DeviceState>>);

impl Devices {
    pub(crate) fn state(&self, handle: &str) -> DeviceState {
        self.lock().get(handle).copied().unwrap_or(DeviceState::Healthy)
    }

    pub(crate) fn set(&self, handle: &str, state: DeviceState) -> Result<(), DevicesError> {
        self.set_all(&[Device { device_handle: handle.to_owned(), state }])
    }

    /// Sets one device or an array of them, all or none.
    pub(crate) fn set_from_json(&self, text: &[u8]) -> Result<(), DevicesError> {
        // Two steps instead of an untagged enum, whose errors say nothing.
        let json: serde_json::Value = serde_json::from_slice(text)?;
        let devices = if json.is_array() { Vec::deserialize(json)? } else { vec![Device::deserialize(json)?] };
        self.set_all(&devices)
    }

    fn set_all(&self, devices: &[Device]) -> Result<(), DevicesError> {
        let mut states = self.lock();
        let new = devices.iter().filter(|device| device.state != DeviceState::Healthy);
        if states.len() + new.filter(|device| !states.contains_key(&device.device_handle)).count() > KEPT {
            return Err(DevicesError::TooMany);
        }
        for Device { device_handle, state } in devices {
            match state {
                DeviceState::Healthy => states.remove(device_handle),
                DeviceState::Expired | DeviceState::Unregistered | DeviceState::Throttled => {
                    states.insert(device_handle.clone(), *state)
                }
            };
        }
        Ok(())
    }

    pub(crate) fn all(&self) -> Vec<Device> {
        let states = self.lock();
        states.iter().map(|(handle, state)| Device { device_handle: handle.clone(), state: *state }).collect()
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, DeviceState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
