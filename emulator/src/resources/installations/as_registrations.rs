//! An installation as the registrations that the service makes of it. Their tags have the installation's id; that of the
//! user is inferred from `$UserId`, which a tag expression may name.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::Installation;
use crate::platforms::Format;
use crate::resources::platform::Platform;
use crate::resources::registration::{Registration, Template};
use crate::resources::registrations::id_of;

/// The registration for the device, and one for each template.
pub(super) fn of(hub: &str, id: &str, installation: &Installation) -> Vec<Registration> {
    let text = |name| installation.get(name).and_then(Value::as_str);
    let Some(platform) = text("platform").and_then(Platform::of_installation) else { return Vec::new() };
    let Some(handle) = installation.get("pushChannel").and_then(|channel| handle(platform, channel)) else {
        return Vec::new();
    };
    let mut tags = vec![format!("$InstallationId:{{{id}}}")];
    tags.extend(text("userId").map(|user| format!("$UserId:{{{user}}}")));
    tags.extend(texts(installation.get("tags")));
    let registration = |name: &str, own_tags: Vec<String>, template| Registration {
        id: registration_id(&[hub, id, name]),
        version: 1,
        platform,
        handle: handle.clone(),
        tags: [tags.clone(), own_tags].concat(),
        push_variables: installation.get("pushVariables").map(Value::to_string),
        secondary_tile: None,
        template,
        installation: Some(id.to_owned()),
    };
    let mut registrations = vec![registration("", Vec::new(), None)];
    for (name, value) in installation.get("templates").and_then(Value::as_object).into_iter().flatten() {
        let headers = value.get("headers").and_then(Value::as_object).into_iter().flatten();
        let template = Template {
            name: Some(name.clone()),
            body: value.get("body").and_then(Value::as_str).unwrap_or_default().to_owned(),
            headers: headers.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect(),
            expiry: value.get("expiry").and_then(Value::as_str).map(str::to_owned),
        };
        registrations.push(registration(name, texts(value.get("tags")), Some(template)));
    }
    registrations
}

/// The values of the platform's handle elements. For a browser the channel is an object, or the text of one.
fn handle(platform: &Platform, channel: &Value) -> Option<Vec<String>> {
    if platform.format != Format::Browser {
        return channel.as_str().map(|channel| vec![channel.to_owned()]);
    }
    let parsed = channel.as_str().and_then(|text| serde_json::from_str(text).ok());
    let channel: Value = parsed.unwrap_or_else(|| channel.clone());
    let part = |name| channel.get(name).and_then(Value::as_str).map(str::to_owned);
    ["endpoint", "p256dh", "auth"].into_iter().map(part).collect()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let values = value.and_then(Value::as_array).into_iter().flatten();
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// The same for the same installation and template, so that a client can ask for it later.
fn registration_id(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n"));
    let bytes = digest.iter().take(16);
    id_of(bytes.fold(0, |number, byte| number << 8 | u128::from(*byte)))
}
