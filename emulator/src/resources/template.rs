//! The expression language of templates, <https://learn.microsoft.com/azure/notification-hubs/notification-hubs-templates-cross-platform-push-messages>.
//!
//! `$(name)`, `$(name, n)`, `.(name, n)`, `%(name)`, `#(name)`, and `{'text' + $(name)}`. What is no expression stays as
//! it is.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::http::escape_xml;

const NOT_IN_URI: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The properties of a template notification by name in lower case: letter case is ignored.
#[derive(Debug)]
pub(crate) struct Properties(BTreeMap<String, String>);

impl Properties {
    /// The members of a JSON object; `None` when one of them is not a string.
    pub(crate) fn from_json(object: &Map<String, Value>) -> Option<Self> {
        let property = |(name, value): (&String, &Value)| Some((name.to_lowercase(), value.as_str()?.to_owned()));
        object.iter().map(property).collect::<Option<_>>().map(Self)
    }

    /// The text of a property; empty for one that does not exist.
    fn get(&self, name: &str) -> &str {
        self.0.get(&name.trim().to_lowercase()).map_or("", String::as_str)
    }
}

/// The notification that `template` makes of `properties`. In a JSON template expressions stand in string values, in any
/// other one everywhere.
pub(crate) fn render(template: &str, properties: &Properties) -> String {
    if serde_json::from_str::<IgnoredAny>(template).is_err() {
        return evaluate(template, properties, &|text| escape_xml(&text).replace('"', "&quot;"));
    }
    let mut rendered = String::new();
    let mut rest = template;
    while let Some(start) = rest.find('"') {
        let length = literal_length(&rest[start..]);
        let (literal, behind) = rest[start..].split_at(length);
        rendered += &rest[..start];
        let is_key = behind.trim_start().starts_with(':');
        match serde_json::from_str::<String>(literal) {
            Ok(value) if !is_key => rendered += &json_value(&value, properties),
            Ok(_) | Err(_) => rendered += literal,
        }
        rest = behind;
    }
    rendered + rest
}

/// The length of the JSON string at the beginning of `text`, with both quotes.
fn literal_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return index + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// The JSON value for a string of the template: a number where `#(name)` is one, else a string.
fn json_value(text: &str, properties: &Properties) -> String {
    let number = text.strip_prefix("#(").and_then(|rest| rest.strip_suffix(')')).map(|name| properties.get(name));
    let is_number = |value: &&str| !value.starts_with('-') && serde_json::from_str::<serde_json::Number>(value).is_ok();
    match number.filter(is_number) {
        Some(number) => number.to_owned(),
        None => Value::String(evaluate(text, properties, &|value| value)).to_string(),
    }
}

/// `text` with the values of its expressions, each changed by `escape`.
fn evaluate(text: &str, properties: &Properties, escape: &dyn Fn(String) -> String) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((value, behind)) = concatenation(rest, properties).or_else(|| function(rest, properties)) {
            result += &escape(value);
            rest = behind;
        } else {
            result.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    result
}

/// `{term + term}` at the beginning of `text`: its value, and what stands behind it.
fn concatenation<'t>(text: &'t str, properties: &Properties) -> Option<(String, &'t str)> {
    let mut rest = text.strip_prefix('{')?;
    let mut result = String::new();
    loop {
        rest = rest.trim_start();
        let (value, behind) = literal(rest).or_else(|| function(rest, properties))?;
        result += &value;
        rest = behind.trim_start();
        match rest.strip_prefix('+') {
            Some(next) => rest = next,
            None => return Some((result, rest.strip_prefix('}')?)),
        }
    }
}

/// A text in single or double quotes.
fn literal(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|first| ['\'', '"'].contains(first))?;
    let (inner, behind) = text[1..].split_once(quote)?;
    Some((inner.to_owned(), behind))
}

/// `$(name)` and the like.
fn function<'t>(text: &'t str, properties: &Properties) -> Option<(String, &'t str)> {
    let kind = text.chars().next().filter(|first| "$.%#".contains(*first))?;
    let (inner, behind) = text[1..].strip_prefix('(')?.split_once(')')?;
    let (name, length) = match inner.split_once(',') {
        Some((name, length)) => (name, Some(length.trim().parse::<usize>().ok()?)),
        None => (inner, None),
    };
    let value = properties.get(name);
    let value = match (kind, length) {
        ('$' | '#', None) => value.to_owned(),
        ('$', Some(length)) => value.chars().take(length).collect(),
        ('.', Some(length)) => with_dots(value, length),
        ('%', None) => utf8_percent_encode(value, NOT_IN_URI).to_string(),
        _ => return None,
    };
    Some((value, behind))
}

/// At most `length` characters; three dots stand for what is cut off.
fn with_dots(value: &str, length: usize) -> String {
    if value.chars().count() <= length {
        return value.to_owned();
    }
    let kept: String = value.chars().take(length.saturating_sub(3)).collect();
    kept + &"...".chars().take(length).collect::<String>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(template: &str) -> String {
        let properties =
            json!({"Name": "Ada \"L\" & Co", "count": "40", "long": "This is the title line", "minus": "-1"});
        render(template, &Properties::from_json(properties.as_object().unwrap()).unwrap())
    }

    #[test]
    fn every_documented_expression_is_evaluated() {
        for (expression, wanted) in [
            ("$(name)", r#""Ada \"L\" & Co""#),
            ("$(NAME)", r#""Ada \"L\" & Co""#),
            ("$(unknown)", r#""""#),
            ("$(long, 7)", r#""This is""#),
            (".(long, 20)", r#""This is the title...""#),
            (".(long, 99)", r#""This is the title line""#),
            ("%(name)", r#""Ada%20%22L%22%20%26%20Co""#),
            ("#(count)", "40"),
            ("{#(count)}", r#""40""#),
            ("#(minus)", r#""-1""#),
            ("#(name)", r#""Ada \"L\" & Co""#),
            ("{'Hi, ' + $(count) + '!'}", r#""Hi, 40!""#),
            ("Hi, $(count)", r#""Hi, 40""#),
            ("{'open' + $(count)", r#""{'open' + 40""#),
            ("$ (count) .(count) $(count, x)", r#""$ (count) .(count) $(count, x)""#),
        ] {
            let template = json!({"a": expression}).to_string();
            assert_eq!(rendered(&template), format!("{{\"a\":{wanted}}}"), "{expression}");
        }
    }

    #[test]
    fn only_values_of_a_json_template_are_evaluated_and_its_order_stays() {
        let template = r##"{"z": {"$(count)": ["#(count)", 1, true, "\\\"$(count)"]}, "a" : "$(count)"}"##;
        assert_eq!(rendered(template), r##"{"z": {"$(count)": [40, 1, true, "\\\"40"]}, "a" : "40"}"##);
    }

    #[test]
    fn values_are_escaped_in_an_xml_template() {
        let template = r#"<toast><text id="$(name)">{'Hi, ' + $(name)}</text></toast>"#;
        let name = "Ada &quot;L&quot; &amp; Co";
        assert_eq!(rendered(template), format!(r#"<toast><text id="{name}">Hi, {name}</text></toast>"#));
    }

    #[test]
    fn a_property_must_be_a_string() {
        assert!(Properties::from_json(json!({"a": 1}).as_object().unwrap()).is_none());
    }
}
