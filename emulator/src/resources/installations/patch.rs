//! A partial update of an installation: JSON Patch as the service understands it. `tags` is a set, members are found in any
//! letter case, and a value that is an object or an array may be text, as the official SDKs send it.
//!
//! <https://learn.microsoft.com/rest/api/notificationhubs/update-installation>

use serde_json::{Map, Value};

use super::{Installation, InstallationError};

/// Members that a patch can't change: those that only the service writes, id and platform.
const READ_ONLY: [&str; 4] = ["installationId", "platform", "pushChannelExpired", "lastUpdate"];

/// The other members of an installation.
const MEMBERS: [&str; 7] =
    ["expirationTime", "pushChannel", "pushVariables", "secondaryTiles", "tags", "templates", "userId"];

/// The members of a template.
const TEMPLATE_MEMBERS: [&str; 4] = ["body", "expiry", "headers", "tags"];

/// Members that hold an object. An `add` to one that does not exist creates it.
const OBJECTS: [&str; 4] = ["headers", "pushVariables", "secondaryTiles", "templates"];

/// Those that hold an object for each name.
const NAMED_OBJECTS: [&str; 2] = ["secondaryTiles", "templates"];

/// Applies all operations of `body`. After an error `installation` is half changed and must be discarded.
pub(super) fn apply(installation: &mut Installation, body: &[u8]) -> Result<(), InstallationError> {
    let operations: Vec<Map<String, Value>> = serde_json::from_slice(body).map_err(|_| InstallationError::NotPatch)?;
    operations.iter().try_for_each(|operation| apply_one(installation, operation))
}

fn apply_one(installation: &mut Installation, operation: &Map<String, Value>) -> Result<(), InstallationError> {
    let text = |name| operation.get(name).and_then(Value::as_str).ok_or(InstallationError::NotPatch);
    let (op, path) = (text("op")?.to_ascii_lowercase(), text("path")?);
    let invalid_path = || InstallationError::Path(path.to_owned());
    let steps = resolve(installation, path).ok_or_else(invalid_path)?;
    let (last, parents) = steps.split_last().ok_or_else(invalid_path)?;
    if READ_ONLY.contains(&steps[0].as_str()) {
        return Err(invalid_path());
    }
    // `/tags/{tag}` names one tag, any other path a member.
    let (member, parents, tag) = match parents.split_last() {
        Some((tags, parents)) if tags == "tags" => (tags, parents, Some(last)),
        _ => (last, parents, None),
    };
    let value = || {
        let value = operation.get("value").ok_or(InstallationError::NotPatch)?;
        let is_object = OBJECTS.contains(&member.as_str())
            || parents.last().is_some_and(|parent| NAMED_OBJECTS.contains(&parent.as_str()));
        let value = if is_object || member == "tags" { parse_text(value) } else { value.clone() };
        if is_object && !value.is_object() { Err(InstallationError::NotObjectAt(path.to_owned())) } else { Ok(value) }
    };
    let object = descend(installation, parents, op == "add").ok_or_else(invalid_path)?;
    match (op.as_str(), member.as_str(), tag) {
        ("add", "tags", None) => add_tags(object, value()?),
        ("replace", "tags", None) => {
            let value = value()?;
            object.remove("tags");
            add_tags(object, value);
        }
        ("remove" | "replace", "tags", Some(tag)) => {
            if !remove_tag(object, tag) {
                return Err(invalid_path());
            }
            if op == "replace" {
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
        _ => return Err(InstallationError::Operation(op)),
    }
    Ok(())
}

/// The members that a path names, each in the letter case of the existing member, else as the service writes it.
fn resolve(installation: &Installation, path: &str) -> Option<Vec<String>> {
    let mut object = Some(installation);
    let mut steps = Vec::new();
    for (depth, step) in path.strip_prefix('/')?.split('/').map(unescaped).enumerate() {
        let known = match depth {
            0 => [MEMBERS.as_slice(), &READ_ONLY].concat(),
            2 => TEMPLATE_MEMBERS.to_vec(),
            _ => Vec::new(),
        };
        let mut names = object.into_iter().flat_map(Map::keys).map(String::as_str).chain(known);
        let name = names.find(|name| name.eq_ignore_ascii_case(&step)).unwrap_or(&step).to_owned();
        object = object.and_then(|object| object.get(&name)?.as_object());
        steps.push(name);
    }
    Some(steps)
}

/// The object at the path `steps`, where `add` creates members that hold objects.
fn descend<'o>(object: &'o mut Installation, steps: &[String], add: bool) -> Option<&'o mut Installation> {
    steps.iter().try_fold(object, |object, step| {
        if add && OBJECTS.contains(&step.as_str()) {
            object.entry(step.clone()).or_insert_with(|| Value::Object(Map::new()));
        }
        object.get_mut(step)?.as_object_mut()
    })
}

/// The object or the array in a text; any other value unchanged.
fn parse_text(value: &Value) -> Value {
    let parsed = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    parsed.filter(|parsed: &Value| parsed.is_object() || parsed.is_array()).unwrap_or_else(|| value.clone())
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
    fn objects_and_arrays_may_be_text_as_the_sdks_send_them() {
        let template = json!({"body": "{\"a\":1}", "headers": {"x": "y"}});
        let result = patched(&json!([
            {"op": "add", "path": "/templates/new", "value": template.to_string()},
            {"op": "add", "path": "/templates/t/headers", "value": "{\"apns-expiration\":\"1\"}"},
            {"op": "replace", "path": "/templates/t/body", "value": "{\"stays\":\"text\"}"},
            {"op": "add", "path": "/templates/t/tags", "value": "[\"k\",\"l\"]"},
            {"op": "replace", "path": "/tags", "value": "[\"v\",\"w\",\"v\"]"},
            {"op": "add", "path": "/pushVariables/p", "value": "[1]"},
            {"op": "replace", "path": "/pushChannel", "value": "{\"stays\":\"text\"}"},
        ]));
        assert_eq!(
            result.unwrap(),
            json!({"installationId": "1", "pushChannel": "{\"stays\":\"text\"}", "tags": ["v", "w"],
                   "pushVariables": {"p": "[1]"},
                   "templates": {"new": template,
                                 "t": {"body": "{\"stays\":\"text\"}", "headers": {"apns-expiration": "1"},
                                       "tags": ["k", "l"]}}})
        );
        let one_tag = patched(&json!([{"op": "replace", "path": "/tags", "value": "z"}]));
        assert_eq!(one_tag.unwrap()["tags"], json!(["z"]));
    }

    #[test]
    fn the_first_template_and_the_first_header_create_their_object() {
        let mut installation = Map::new();
        let patch = json!([
            {"op": "add", "path": "/templates/t", "value": "{\"body\":\"b\"}"},
            {"op": "add", "path": "/templates/t/headers/x", "value": "y"},
        ]);
        apply(&mut installation, patch.to_string().as_bytes()).unwrap();
        let wanted = json!({"templates": {"t": {"body": "b", "headers": {"x": "y"}}}});
        assert_eq!(Value::Object(installation), wanted);
        let missing = patched(&json!([{"op": "replace", "path": "/templates/other/body", "value": "b"}]));
        assert!(missing.unwrap_err().contains("'/templates/other/body'"));
    }

    #[test]
    fn a_path_names_the_same_member_in_any_letter_case() {
        let result = patched(&json!([
            {"op": "replace", "path": "/PushChannel", "value": "b"},
            {"op": "add", "path": "/Tags", "value": "z"},
            {"op": "remove", "path": "/TAGS/x"},
            {"op": "add", "path": "/UserID", "value": "ada"},
            {"op": "replace", "path": "/Templates/T/Body", "value": "c"},
            {"op": "add", "path": "/templates/t/Headers/X", "value": "y"},
        ]));
        assert_eq!(
            result.unwrap(),
            json!({"installationId": "1", "pushChannel": "b", "userId": "ada", "tags": ["y", "z"],
                   "templates": {"t": {"body": "c", "headers": {"X": "y"}}}})
        );
        let read_only = patched(&json!([{"op": "replace", "path": "/InstallationID", "value": "2"}]));
        assert!(read_only.unwrap_err().contains("'/InstallationID'"));
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
            (json!([{"op": "add", "path": "/templates/u", "value": "b"}]), "'/templates/u' must be a JSON object"),
            (json!([{"op": "add", "path": "/templates", "value": "[]"}]), "'/templates' must be a JSON object"),
        ] {
            let error = patched(&patch).unwrap_err();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
