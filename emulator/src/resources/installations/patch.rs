//! A partial update of an installation: JSON Patch as the service understands it, where `tags` is a set.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/update-installation>

use serde_json::{Map, Value};

use super::{Installation, InstallationError};

/// Members that a patch can't change: those that only the service writes, id and platform.
const READ_ONLY: [&str; 4] = ["installationId", "platform", "pushChannelExpired", "lastUpdate"];

/// Applies all operations of `body`. After an error `installation` is half changed and must be discarded.
pub(super) fn apply(installation: &mut Installation, body: &[u8]) -> Result<(), InstallationError> {
    let operations: Vec<Map<String, Value>> = serde_json::from_slice(body).map_err(|_| InstallationError::NotPatch)?;
    operations.iter().try_for_each(|operation| apply_one(installation, operation))
}

fn apply_one(installation: &mut Installation, operation: &Map<String, Value>) -> Result<(), InstallationError> {
    let text = |name| operation.get(name).and_then(Value::as_str).ok_or(InstallationError::NotPatch);
    let (op, path) = (text("op")?, text("path")?);
    let value = || operation.get("value").cloned().ok_or(InstallationError::NotPatch);
    let invalid_path = || InstallationError::Path(path.to_owned());
    let steps: Vec<_> = path.strip_prefix('/').ok_or_else(invalid_path)?.split('/').map(unescaped).collect();
    let (last, parents) = steps.split_last().ok_or_else(invalid_path)?;
    if READ_ONLY.contains(&steps[0].as_str()) {
        return Err(invalid_path());
    }
    let mut object = installation;
    // `/tags/{tag}` names one tag, any other path a member.
    let (member, tag) = match parents.split_last() {
        Some((tags, parents)) if tags == "tags" => {
            object = descend(object, parents).ok_or_else(invalid_path)?;
            (tags, Some(last))
        }
        _ => {
            object = descend(object, parents).ok_or_else(invalid_path)?;
            (last, None)
        }
    };
    match (op.to_ascii_lowercase().as_str(), member.as_str(), tag) {
        ("add", "tags", None) => add_tags(object, value()?),
        ("remove" | "replace", "tags", Some(tag)) => {
            if !remove_tag(object, tag) {
                return Err(invalid_path());
            }
            if op.eq_ignore_ascii_case("replace") {
                add_tags(object, value()?);
            }
        }
        ("remove", _, None) => {
            object.remove(member).ok_or_else(invalid_path)?;
        }
        ("add" | "replace", _, None) => {
            object.insert(member.clone(), value()?);
        }
        ("add" | "remove" | "replace", ..) => return Err(invalid_path()),
        _ => return Err(InstallationError::Operation(op.to_owned())),
    }
    Ok(())
}

/// The object at the path `steps`.
fn descend<'o>(object: &'o mut Installation, steps: &[String]) -> Option<&'o mut Installation> {
    steps.iter().try_fold(object, |object, step| object.get_mut(step)?.as_object_mut())
}

/// Adds one tag or an array of tags; those that exist are skipped.
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

/// Removes a tag, and `tags` with the last one. Returns whether the tag existed.
fn remove_tag(object: &mut Installation, tag: &str) -> bool {
    let Some(Value::Array(tags)) = object.get_mut("tags") else { return false };
    let before = tags.len();
    tags.retain(|present| present != tag);
    let existed = tags.len() < before;
    if tags.is_empty() {
        object.remove("tags");
    }
    existed
}

/// Decodes a step of a JSON pointer: `~1` is a slash, `~0` a tilde.
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
    fn an_impossible_operation_is_named() {
        for (patch, wanted) in [
            (json!({"op": "add"}), "a patch is a JSON array"),
            (json!([{"op": "add", "path": "/userId"}]), "a patch is a JSON array"),
            (json!([{"op": "move", "path": "/userId", "value": "a"}]), "the operation 'move' does not exist"),
            (json!([{"op": "remove", "path": "/userId"}]), "the path '/userId' can't"),
            (json!([{"op": "remove", "path": "/tags/z"}]), "the path '/tags/z' can't"),
            (json!([{"op": "add", "path": "/tags/z", "value": "z"}]), "the path '/tags/z' can't"),
            (json!([{"op": "add", "path": "/a/b", "value": "z"}]), "the path '/a/b' can't"),
            (json!([{"op": "replace", "path": "/installationId", "value": "2"}]), "'/installationId'"),
            (json!([{"op": "add", "path": "userId", "value": "a"}]), "'userId'"),
        ] {
            let error = patched(&patch).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
