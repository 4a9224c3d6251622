//! Who is reached where: everybody is sent something, and the hub tells at which device handles it came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use notification_hubs_emulator::Emulator;
use serde_json::{Value, json};

use crate::binary::Process;
use crate::support::*;

/// The device handles at which each user is reached.
pub type Reach = BTreeMap<String, BTreeSet<String>>;

/// No two messages and no two calls are the same.
static SENT: AtomicUsize = AtomicUsize::new(0);

/// Where a message to each of these users comes, and if they have handles for calls, a call.
pub async fn reach(process: &Process, hub: &Emulator, users: &[String], calls: bool) -> Reach {
    hub.clear();
    let kinds: &[fn(&str) -> Value] = if calls { &[message_to, call_to] } else { &[message_to] };
    let events = users.iter().flat_map(|user| kinds.iter().map(move |event| event(user))).collect();
    let mut reply = process.invoke(&events).await;
    for _ in 0..5 {
        if reply.status == 200 {
            break;
        }
        // As Event Grid does.
        reply = process.invoke(&events).await;
    }
    assert_eq!(reply.status, 200, "{reply:?}");
    let mut reach: Reach = users.iter().map(|user| (user.clone(), BTreeSet::new())).collect();
    for request in hub.accepted() {
        let user = users.iter().find(|user| request.body.contains(&format!("\"{user}\"")));
        let user = user.unwrap_or_else(|| panic!("for none of {users:?}: {request:?}"));
        reach.get_mut(user).unwrap().insert(request.device_handle.unwrap());
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

/// Where each user is reached by what the API shows of these installations: handles as it masks them.
pub async fn shown(process: &Process, ids: &[String]) -> Reach {
    let mut shown = Reach::new();
    for id in ids {
        let installation = process.get(id).await;
        if installation["error"]["code"] == "NotFound" {
            continue;
        }
        let user = installation["userId"].as_str().unwrap_or_else(|| panic!("{id}: {installation}"));
        for member in ["pushChannel", "voipPushChannel"] {
            let handle = installation[member].as_str().map(str::to_owned);
            shown.entry(user.to_owned()).or_default().extend(handle);
        }
    }
    shown
}

/// The same with handles masked as the API does it.
pub fn masked(reach: &Reach) -> Reach {
    let mask = |handle: &String| format!("****{}", &handle[handle.len() - 4..]);
    let reached = reach.iter().filter(|(_, handles)| !handles.is_empty());
    reached.map(|(user, handles)| (user.clone(), handles.iter().map(mask).collect())).collect()
}

/// A message that says whom it is for.
fn message_to(user: &str) -> Value {
    let id = format!("m{}", SENT.fetch_add(1, Ordering::Relaxed));
    let mut event = chat(&id, "ChatMessageReceived", &id, 1, user);
    event["data"]["recipientCommunicationIdentifier"] = json!({"rawId": user});
    event
}

/// A call whose caller is named like whom it is for.
fn call_to(user: &str) -> Value {
    let number = SENT.fetch_add(1, Ordering::Relaxed);
    let mut event = call(&format!("c{number}"), &format!("00000000-0000-4000-8000-{number:012x}"));
    event["data"]["to"] = json!({"kind": "communicationUser", "rawId": user, "communicationUser": {"id": user}});
    event["data"]["callerDisplayName"] = json!(user);
    event
}
