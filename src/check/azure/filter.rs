//! The filter of an event subscription: whether an event of some type and with some start of its subject can pass.
//!
//! <https://learn.microsoft.com/azure/event-grid/event-filtering>

use serde::Deserialize;
use serde_json::Value;

/// What is known of a filter. A condition that is not known here lets everything pass.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Filter {
    /// `None` or `All` is all types.
    pub included_event_types: Option<Vec<String>>,
    subject_begins_with: Option<String>,
    is_subject_case_sensitive: Option<bool>,
    advanced_filters: Option<Vec<AdvancedFilter>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdvancedFilter {
    operator_type: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    values: Vec<Value>,
}

impl Filter {
    /// Whether events of a type can pass, by its full name.
    pub fn may_pass_type(&self, full_name: &str) -> bool {
        let is_it = |name: &String| name.eq_ignore_ascii_case(full_name) || name.eq_ignore_ascii_case("All");
        let is_included = self.included_event_types.as_ref().is_none_or(|types| types.iter().any(is_it));
        is_included && self.advanced("eventType").chain(self.advanced("type")).all(|filter| filter.may_be(full_name))
    }

    /// Whether a subject that starts so can pass.
    pub fn may_pass_subject(&self, start: &str) -> bool {
        let sensitive = self.is_subject_case_sensitive == Some(true);
        let fits = self.subject_begins_with.as_ref().is_none_or(|prefix| {
            if sensitive { meets(prefix, start) } else { meets(&prefix.to_lowercase(), &start.to_lowercase()) }
        });
        fits && self.advanced("subject").all(|filter| filter.may_start(start))
    }

    fn advanced(&self, key: &str) -> impl Iterator<Item = &AdvancedFilter> {
        self.advanced_filters.iter().flatten().filter(move |filter| filter.key.eq_ignore_ascii_case(key))
    }
}

impl AdvancedFilter {
    /// Whether a subject that starts so can pass. These filters never look at case.
    fn may_start(&self, start: &str) -> bool {
        let start = start.to_lowercase();
        let mut values = self.texts();
        match self.operator_type.as_str() {
            "StringBeginsWith" => values.any(|value| meets(&value, &start)),
            "StringIn" => values.any(|value| value.starts_with(&start)),
            "StringNotBeginsWith" => !values.any(|value| start.starts_with(&value)),
            _ => true,
        }
    }

    /// Whether this very value can pass.
    fn may_be(&self, whole: &str) -> bool {
        let whole = whole.to_lowercase();
        let mut values = self.texts();
        match self.operator_type.as_str() {
            "StringBeginsWith" => values.any(|value| whole.starts_with(&value)),
            "StringEndsWith" => values.any(|value| whole.ends_with(&value)),
            "StringContains" => values.any(|value| whole.contains(&value)),
            "StringIn" => values.any(|value| value == whole),
            "StringNotIn" => values.all(|value| value != whole),
            _ => true,
        }
    }

    fn texts(&self) -> impl Iterator<Item = String> {
        self.values.iter().filter_map(Value::as_str).map(str::to_lowercase)
    }
}

/// Whether one text can start with both.
fn meets(prefix: &str, start: &str) -> bool {
    prefix.starts_with(start) || start.starts_with(prefix)
}
