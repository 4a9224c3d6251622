//! A partial change of an installation: JSON Patch in the service's reading, where `tags` is a set.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/update-installation>

use serde_json::{Map, Value};

use super::Installation;
use crate::wording::InstallationError;

/// Members that only the service writes, and the one that names the installation.
const FIXED: [&str; 4] = ["installationId", "platform", "pushChannelExpired", "lastUpdate"];

/// Applies all operations of `body`; after an error `installation` is of no use.
pub(super) fn apply(installation: &mut Installation, body: &[u8]) -> Result<(), InstallationError> {
    let operations: Vec<Map<String, Value>> = serde_json::from_slice(body).map_err(|_| InstallationError::NotPatch)?;
    operations.iter().try_for_each(|operation| apply_one(installation, operation))
}

fn apply_one(installation: &mut Installation, operation: &Map<String, Value>) -> Result<(), InstallationError> {
    let text = |name| operation.get(name).and_then(Value::as_str).ok_or(InstallationError::NotPatch);
    let (op, path) = (text("op")?, text("path")?);
    let value = || operation.get("value").cloned().ok_or(InstallationError::NotPatch);
    let nothing = || InstallationError::Path(path.to_owned());
    let steps: Vec<_> = path.strip_prefix('/').ok_or_else(nothing)?.split('/').map(unescaped).collect();
    let (last, parents) = steps.split_last().ok_or_else(nothing)?;
    if FIXED.contains(&steps[0].as_str()) {
        return Err(nothing());
    }
    let mut object = installation;
    // `/tags/{tag}` names an element, any other path a member.
    let (member, tag) = match parents.split_last() {
        Some((tags, parents)) if tags == "tags" => {
            object = descend(object, parents).ok_or_else(nothing)?;
            (tags, Some(last))
        }
        _ => {
            object = descend(object, parents).ok_or_else(nothing)?;
            (last, None)
        }
    };
    match (op.to_ascii_lowercase().as_str(), member.as_str(), tag) {
        ("add", "tags", None) => add_tags(object, value()?),
        ("remove" | "replace", "tags", Some(tag)) => {
            if !remove_tag(object, tag) {
                return Err(nothing());
            }
            if op.eq_ignore_ascii_case("replace") {
                add_tags(object, value()?);
            }
        }
        ("remove", _, None) => {
            object.remove(member).ok_or_else(nothing)?;
        }
        ("add" | "replace", _, None) => {
            object.insert(member.clone(), value()?);
        }
        ("add" | "remove" | "replace", ..) => return Err(nothing()),
        _ => return Err(InstallationError::Operation(op.to_owned())),
    }
    Ok(())
}

/// The object at the end of `steps`.
fn descend<'o>(object: &'o mut Installation, steps: &[String]) -> Option<&'o mut Installation> {
    steps.iter().try_fold(object, |object, step| object.get_mut(step)?.as_object_mut())
}

/// Adds one tag, or each of an array, that is not there yet.
fn add_tags(object: &mut Installation, value: Value) {
    let new = value.as_array().cloned().unwrap_or_else(|| vec![value]);
    let entry = object.entry("tags").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(tags) = entry {
        for tag in new {
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
    }
}

/// Removes a tag, and the member with the last one; says whether the tag was there.
fn remove_tag(object: &mut Installation, tag: &str) -> bool {
    let Some(Value::Array(tags)) = object.get_mut("tags") else { return false };
    let before = tags.len();
    tags.retain(|present| present != tag);
    let was_there = tags.len() < before;
    if tags.is_empty() {
        object.remove("tags");
    }
    was_there
}

/// A step of a JSON pointer: `~1` is a slash, `~0` a tilde.
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(patch: &Value) -> Result<Value, String> {
        let start =
            json!({"installationId": "1", "pushChannel": "a", "tags": ["x", "y"], "templates": {"t": {"body": "b"}}});
        let mut installation = start.as_object().cloned().unwrap();
        let applied = apply(&mut installation, patch.to_string().as_bytes());
        applied.map(|()| Value::Object(installation)).map_err(|error| error.to_string())
    }

    #[test]
    fn members_and_tags_are_added_replaced_and_removed() {
        let result = patched(&json!([
            {"op": "replace", "path": "/pushChannel", "value": "b"},
            {"op": "add", "path": "/userId", "value": "ada"},
            {"op": "add", "path": "/tags", "value": "z"},
            {"op": "add", "path": "/tags", "value": ["x", "w"]},
            {"op": "remove", "path": "/tags/y"},
            {"op": "replace", "path": "/tags/x", "value": "v"},
            {"op": "add", "path": "/templates/t/tags", "value": "k"},
            {"op": "remove", "path": "/templates/t/body"},
        ]));
        assert_eq!(
            result.unwrap(),
            json!({"installationId": "1", "pushChannel": "b", "userId": "ada", "tags": ["z", "w", "v"],
                   "templates": {"t": {"tags": ["k"]}}})
        );
        let no_tags = patched(&json!([{"op": "remove", "path": "/tags/x"}, {"op": "remove", "path": "/tags/y"}]));
        assert_eq!(no_tags.unwrap().get("tags"), None);
    }

    #[test]
    fn what_can_t_be_done_is_named() {
        for (patch, wanted) in [
            (json!({"op": "add"}), "a patch is a JSON array"),
            (json!([{"op": "add", "path": "/userId"}]), "a patch is a JSON array"),
            (json!([{"op": "move", "path": "/userId", "value": "a"}]), "no operation 'move'"),
            (json!([{"op": "remove", "path": "/userId"}]), "nothing to change at '/userId'"),
            (json!([{"op": "remove", "path": "/tags/z"}]), "nothing to change at '/tags/z'"),
            (json!([{"op": "add", "path": "/tags/z", "value": "z"}]), "nothing to change at '/tags/z'"),
            (json!([{"op": "add", "path": "/a/b", "value": "z"}]), "nothing to change at '/a/b'"),
            (json!([{"op": "replace", "path": "/installationId", "value": "2"}]), "'/installationId'"),
            (json!([{"op": "add", "path": "userId", "value": "a"}]), "'userId'"),
        ] {
            let error = patched(&patch).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
