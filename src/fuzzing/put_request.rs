//! The body of a PUT of an installation, what the register makes of it, and what is shown of it.

use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::Value;

use super::{NOW, block_on};
use crate::events::recipient::Recipient;
use crate::notifications::device::Device;
use crate::storage::installations::{
    Installation, InstallationError, InstallationResponse, Installations, Limits, PutRequest,
};
use crate::storage::store::Store;

const ID: &str = "phone-1";

/// The beginning of the handle in the seeds.
const HANDLE: &str = "00fc13adff785122";

/// A valid installation is found again, under each of its recipients; the errors of another one name fields.
pub fn check(data: &[u8]) {
    match PutRequest::parse(ID, data, NOW, |app| app.as_str() == "sandbox") {
        Ok(PutRequest { installation, .. }) => assert_registered(&installation),
        Err(error) => assert_told(data, &error),
    }
}

fn assert_registered(installation: &Installation) {
    let recipients: Vec<Recipient> = installation
        .user_id
        .iter()
        .cloned()
        .map(Recipient::User)
        .chain(installation.phone_numbers.iter().cloned().map(Recipient::Number))
        .collect();
    assert!(!recipients.is_empty(), "an installation for nobody");
    assert!(installation.expires_at.is_none_or(|time| time > NOW), "it has expired already");
    let limits = Limits { per_user: 20, per_number: 20, time_to_live: TimeDelta::days(90) };
    let register = Installations::new(Arc::new(Store::memory()), limits);
    block_on(async {
        assert!(register.put(installation, NOW).await.expect("the store is in memory").created);
        let stored = register.get(ID, NOW).await.expect("the store is in memory");
        assert_eq!(stored.as_ref(), Some(installation));
        for recipient in &recipients {
            let devices = register.devices_of(recipient, NOW).await.expect("the store is in memory");
            let [Device { handle, voip_handle, platform, .. }] = &*devices else { panic!("{} devices", devices.len()) };
            assert_eq!((handle, platform), (&installation.handle, &installation.platform));
            assert_eq!(voip_handle, &installation.voip_handle);
        }
    });
    let shown = serde_json::to_string(&InstallationResponse::new(installation, &[])).expect("texts serialize");
    let handle = installation.handle.as_ref().expect("a PUT has a handle").expose();
    let others = [&installation.id].into_iter().chain(installation.locale.as_ref());
    let is_elsewhere = recipients.iter().map(Recipient::as_str).chain(others.map(String::as_str));
    let is_elsewhere = is_elsewhere.into_iter().any(|other| other.contains(handle));
    assert!(is_elsewhere || !shown.contains(&format!("\"{handle}\"")), "the handle is shown");
}

/// A sentence for each fault, and nothing of the handle.
fn assert_told(data: &[u8], InstallationError(faults): &InstallationError) {
    assert!(!faults.is_empty(), "refused without a reason");
    // Names that are not known are repeated.
    let body: Option<Value> = serde_json::from_slice(data).ok();
    let is_name =
        body.as_ref().and_then(Value::as_object).is_none_or(|body| body.keys().any(|name| name.contains(HANDLE)));
    for fault in faults {
        assert!(fault.contains(": "), "no field is named: {fault}");
        assert!(is_name || !fault.contains(HANDLE), "a handle is shown: {fault}");
    }
}
