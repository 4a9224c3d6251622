//! The states of devices, as scripted by the emulator's user. The service accepts a notification in every state; the
//! state decides the outcome.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::limits::MAX_KEPT;

/// What the push platform says about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// It gets its notifications: the state of every device at start.
    Healthy,
    /// Its handle has expired: outcome `ExpiredChannel`.
    Expired,
    /// The push platform does not know its handle: outcome `BadChannel`, for FCM v1 `UnknownError`.
    Unregistered,
    /// It gets too many notifications: outcome `ChannelThrottled`.
    Throttled,
}

/// The state of one device, as in `{"deviceHandle":"abc","state":"expired"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Device {
    pub(crate) device_handle: String,
    pub(crate) state: DeviceState,
}

/// Why device states are refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeviceStateError {
    #[error("not a device or an array of devices: {0}")]
    Shape(#[from] serde_json::Error),
    #[error("at most {MAX_KEPT} devices may be other than healthy")]
    TooMany,
}

/// The devices that are not healthy, by device handle.
#[derive(Debug, Default)]
pub(crate) struct DeviceStates(Mutex<BTreeMap<String, DeviceState>>);

impl DeviceStates {
    pub(crate) fn get(&self, handle: &str) -> DeviceState {
        self.lock().get(handle).copied().unwrap_or(DeviceState::Healthy)
    }

    pub(crate) fn set(&self, handle: &str, state: DeviceState) -> Result<(), DeviceStateError> {
        self.set_all(&[Device { device_handle: handle.to_owned(), state }])
    }

    /// Sets one state or an array of them; all or none.
    pub(crate) fn set_from_json(&self, text: &[u8]) -> Result<(), DeviceStateError> {
        // In two steps: the error of an untagged enum does not name the member.
        let json: serde_json::Value = serde_json::from_slice(text)?;
        let devices = if json.is_array() { Vec::deserialize(json)? } else { vec![Device::deserialize(json)?] };
        self.set_all(&devices)
    }

    fn set_all(&self, devices: &[Device]) -> Result<(), DeviceStateError> {
        let mut states = self.lock();
        let new = devices.iter().filter(|device| device.state != DeviceState::Healthy);
        if states.len() + new.filter(|device| !states.contains_key(&device.device_handle)).count() > MAX_KEPT {
            return Err(DeviceStateError::TooMany);
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

    /// The devices that are not healthy, ordered by device handle.
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
