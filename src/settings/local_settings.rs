//! The file `local.settings.json` of the Functions Core Tools, read as they read it: comments, commas at the end and a byte order
//! mark make no difference, a variable of the environment goes before a value of the file, and `null` is no value.
//!
//! For commands only: the Functions host hands the file's values over as variables.
//! <https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file>

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use jsonc_parser::ParseOptions;
use serde_json::{Map, Value};

use super::{ConfigError, read_text};

/// Where it is looked for: the working directory.
const NAME: &str = "local.settings.json";

/// The variables, and beside them the values of `file`; without `file`, of `local.settings.json` if it is there.
pub fn with_file(
    vars: impl IntoIterator<Item = (OsString, OsString)>,
    file: Option<&Path>,
) -> Result<Vec<(OsString, OsString)>, ConfigError> {
    let path = file.unwrap_or(Path::new(NAME));
    let fault = |problem: String| ConfigError::new(&path.display().to_string(), problem);
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && file.is_none() => return Ok(vars.into_iter().collect()),
        Err(error) => {
            let expected = "expected a file of UTF-8 text, 1 MiB at most";
            return Err(fault(format!("cannot be read ({error}): {expected}")));
        }
    };
    let mut all: BTreeMap<OsString, OsString> =
        values(&text).map_err(fault)?.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    all.extend(vars.into_iter().filter(|(_, value)| !value.is_empty()));
    Ok(all.into_iter().collect())
}

/// The names and values under `Values`.
fn values(text: &str) -> Result<Vec<(String, String)>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    let members: Map<String, Value> = jsonc_parser::parse_to_serde_value(text, &options).map_err(|error| {
        let (line, column) = (error.line_display(), error.column_display());
        format!("is not a JSON object (line {line}, column {column}): expected {{\"Values\": {{\"NAME\": \"value\"}}}}")
    })?;
    let member = |name: &str| members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    if member("IsEncrypted") == Some(&Value::Bool(true)) {
        return Err("is encrypted, which only the Functions Core Tools can read: run func settings decrypt".to_owned());
    }
    let values = match member("Values") {
        Some(Value::Object(values)) => values,
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(_) => return Err("Values is no object: expected names and texts".to_owned()),
    };
    let text = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some(Ok((name.clone(), text.clone()))),
        Value::Bool(_) | Value::Number(_) => Some(Ok((name.clone(), value.to_string()))),
        Value::Array(_) | Value::Object(_) => Some(Err(format!("Values.{name} is no text: expected a text"))),
    };
    values.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        values(text)
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_file_is_read_as_the_core_tools_read_it() {
        let text = "\u{feff}// a comment\n{\"IsEncrypted\": false, /* one more */ \"values\": {\"A\": \"1\", \"B\": true, \"C\": 7, \"D\": null,},\n\"Host\": {\"CORS\": \"*\"}}";
        assert_eq!(read(text), Ok(vec![pair("A", "1"), pair("B", "true"), pair("C", "7")]));
        assert_eq!(read("{}"), Ok(Vec::new()));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place_and_without_a_value() {
        let told = |text| read(text).unwrap_err();
        assert!(told("{\"Values\": {\n  \"A\": \"secret\" \"B\"}}").contains("(line 2, column "));
        assert!(told("[]").contains("is not a JSON object"));
        assert!(told("{\"IsEncrypted\": true, \"Values\": {\"A\": \"CfDJ8\"}}").contains("func settings decrypt"));
        assert!(told("{\"Values\": {\"A\": {\"B\": \"secret\"}}}").starts_with("Values.A is no text"));
        for wrong in ["{\"Values\": {\"A\": \"secret}}", "secret", "{\"Values\": {\"A\": [\"secret\"]}}"] {
            assert!(!told(wrong).contains("secret"));
        }
    }
}
