//! The JSON of an installation in an answer, its members in the order of the recordings of the .NET SDK.

use serde_json::{Map, Value, json};

use super::Installation;

/// The expiration time of an installation that never expires.
const NEVER_EXPIRES: &str = "9999-12-31T23:59:59.9999999Z";

/// Where `userId` stands beside `tags` was not recorded.
const MEMBERS: [&str; 9] = [
    "installationId",
    "pushChannel",
    "pushChannelExpired",
    "platform",
    "expirationTime",
    "userId",
    "tags",
    "pushVariables",
    "templates",
];

const TEMPLATE_MEMBERS: [&str; 4] = ["body", "headers", "expiry", "tags"];

/// The installation with the members that the service adds.
pub(super) fn of(installation: &Installation, is_expired: bool) -> String {
    let mut members = installation.clone();
    members.insert("pushChannelExpired".to_owned(), is_expired.into());
    members.entry("expirationTime").or_insert_with(|| NEVER_EXPIRES.into());
    in_order(&members, &MEMBERS, |name, value| match value.as_object() {
        Some(templates) if name == "templates" => in_order(templates, &[], |_, template| match template.as_object() {
            Some(template) => in_order(template, &TEMPLATE_MEMBERS, |_, value| value.to_string()),
            None => template.to_string(),
        }),
        Some(_) | None => value.to_string(),
    })
}

/// A JSON object whose `first` members come first. `serde_json` sorts them by name.
fn in_order(object: &Map<String, Value>, first: &[&str], write: impl Fn(&str, &Value) -> String) -> String {
    let known = first.iter().filter_map(|name| object.get_key_value(*name));
    let others = object.iter().filter(|(name, _)| !first.contains(&name.as_str()));
    let members = known.chain(others).map(|(name, value)| format!("{}:{}", json!(name), write(name, value)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}
