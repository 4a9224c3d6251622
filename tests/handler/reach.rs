//! Who is reached where: everybody is sent something, and the hub tells at which device handles it came.
//!
//! Users and phone numbers are addresses alike: one begins with letters or has colons, the other is all digits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use notification_hubs_emulator::Emulator;
use serde_json::{Value, json};

use crate::binary::Process;
use crate::support::*;

/// The device handles at which each address is reached.
pub type Reach = BTreeMap<String, BTreeSet<String>>;

/// No two messages and no two calls are the same.
static SENT: AtomicUsize = AtomicUsize::new(0);

/// Where a message to each of these addresses comes, and if there are handles for calls, a call to each user.
pub async fn reach(process: &Process, hub: &Emulator, addresses: &[String], calls: bool) -> Reach {
    hub.clear();
    let mut events: Vec<Value> = addresses.iter().map(|address| message_to(address)).collect();
    if calls {
        events.extend(addresses.iter().filter(|address| !is_number(address)).map(|user| call_to(user)));
    }
    let events = json!(events);
    let mut reply = process.invoke(&events).await;
    for _ in 0..5 {
        if reply.status == 200 {
            break;
        }
        // As Event Grid does.
        reply = process.invoke(&events).await;
    }
    assert_eq!(reply.status, 200, "{reply:?}");
    accepted(hub, addresses)
}

/// Where what the hub accepted was for each of these addresses.
pub fn accepted(hub: &Emulator, addresses: &[String]) -> Reach {
    let mut reach: Reach = addresses.iter().map(|address| (address.clone(), BTreeSet::new())).collect();
    for request in hub.accepted() {
        let address = addresses.iter().find(|address| request.body.contains(&format!("\"{address}\"")));
        let address = address.unwrap_or_else(|| panic!("for none of {addresses:?}: {request:?}"));
        reach.get_mut(address).unwrap().insert(request.device_handle.unwrap());
    }
    reach
}

/// A device handle at which more than one user is reached, and who they are.
pub fn shared_handle(reach: &Reach) -> Option<(String, Vec<String>)> {
    let mut owners: BTreeMap<&String, Vec<String>> = BTreeMap::new();
    for (user, handles) in reach {
        for handle in handles {
            owners.entry(handle).or_default().push(user.clone());
        }
    }
    owners.into_iter().find(|(_, users)| users.len() > 1).map(|(handle, users)| (handle.clone(), users))
}

/// Where each address is reached by what the API shows of these installations: handles as it masks them.
/// What could not be shown is an error.
pub async fn shown(process: &Process, ids: &[String]) -> Result<Reach, String> {
    let mut shown = Reach::new();
    for id in ids {
        let installation = process.get(id).await;
        if installation["error"]["code"] == "NotFound" {
            continue;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let user = text(&installation["userId"]).ok_or_else(|| format!("{id}: {installation}"))?;
        let [alerts, calls] = ["pushChannel", "voipPushChannel"].map(|member| text(&installation[member]));
        for number in installation["phoneNumbers"].as_array().into_iter().flatten().filter_map(text) {
            shown.entry(number).or_default().extend(alerts.clone());
        }
        shown.entry(user).or_default().extend(alerts.into_iter().chain(calls));
    }
    Ok(shown)
}

/// The same with handles masked as the API does it.
pub fn masked(reach: &Reach) -> Reach {
    let mask = |handle: &String| format!("****{}", &handle[handle.len() - 4..]);
    let reached = reach.iter().filter(|(_, handles)| !handles.is_empty());
    reached.map(|(user, handles)| (user.clone(), handles.iter().map(mask).collect())).collect()
}

fn is_number(address: &str) -> bool {
    address.bytes().all(|byte| byte.is_ascii_digit())
}

/// A message that says whom it is for.
pub fn message_to(address: &str) -> Value {
    let id = format!("m{}", SENT.fetch_add(1, Ordering::Relaxed));
    if is_number(address) {
        return sms(&id, address, address);
    }
    let mut event = chat(&id, "ChatMessageReceived", &id, 1, address);
    event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": address});
    event
}

/// A call whose caller is named like whom it is for.
pub fn call_to(user: &str) -> Value {
    let number = SENT.fetch_add(1, Ordering::Relaxed);
    let mut event = call(&format!("c{number}"), &format!("00000000-0000-4000-8000-{number:012x}"));
    event["data"]["to"] = json!({"kind": "communicationUser", "rawId": user, "communicationUser": {"id": user}});
    event["data"]["callerDisplayName"] = json!(user);
    event
}
