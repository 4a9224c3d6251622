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

#[derive(Debug, Default)]
pub(crate) struct Devices(Mutex<BTreeMap<String, DeviceState>>);

impl Devices {
    pub(crate) fn state(&self, handle: &str) -> DeviceState {
        self.lock().get(handle).copied().unwrap_or(DeviceState::Healthy)
    }

    /// Says whether there was room for it.
    pub(crate) fn set(&self, handle: &str, state: DeviceState) -> bool {
        let mut states = self.lock();
        if state == DeviceState::Healthy {
            states.remove(handle);
            return true;
        }
        let has_room = states.len() < KEPT || states.contains_key(handle);
        if has_room {
            states.insert(handle.to_owned(), state);
        }
        has_room
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
