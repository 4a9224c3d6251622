//! Templates: minijinja, with nothing in it but what a sentence needs.
//!
//! No function, no macro, no other template can be named, and steps are counted, each 64 bytes that are read or written as
//! one: a template can be wrong, but it can neither hang the program nor fill its memory. <https://docs.rs/minijinja>

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Object, Value};
use minijinja::{Environment, ErrorKind, filters};

use crate::notifications::bidi;
use crate::notifications::template_fields::TemplateFields;

/// A template, compiled. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Template(minijinja::Template<'static, 'static>);

/// The fields of an event, as templates take them.
pub struct Context(Value);

/// Looked through by name: there are a handful of them, and a template names one or two. `metadata.department` is a field of
/// that whole name, and `metadata` is what has the fields whose names begin with it.
struct FieldValues {
    all: Arc<Vec<(Value, Value)>>,
    prefix: String,
}

/// What is wrong with a template, to be read after its place in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    /// Lines before the one at fault.
    pub lines_before: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// A template that was compiled could not be rendered. It says how, never with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RenderError(ErrorKind);

/// A template of one sentence takes about ten, and some for a long text.
const MAX_STEPS: u64 = 10_000;

/// Four times what the largest payload can hold: no field is worth more.
const MAX_FIELD_BYTES: usize = 16 * 1024;

/// What the largest payload can hold. The compiler's recursion grows with it.
const MAX_TEMPLATE_BYTES: usize = 4096;

const FILTERS: &str = "capitalize, default, lower, replace, title, trim and upper";

/// What is the same for all templates.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_fuel(Some(MAX_STEPS));
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("default", filters::default);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment
});

impl Template {
    /// Compiles a template that is known to be right. Its source is never freed: templates live as long as the program.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        let compiled = ENVIRONMENT.template_from_str(Box::leak(source.into()));
        compiled.map(Self).map_err(|error| TemplateError::of(&error))
    }

    /// Compiles a template and tries it: with each of the fields that it names there and not there. `fields` has the names of those
    /// that it may name.
    pub fn checked(source: &str, fields: &[&str]) -> Result<Self, Vec<TemplateError>> {
        if source.len() > MAX_TEMPLATE_BYTES {
            let problem = format!("has {} bytes: expected at most {MAX_TEMPLATE_BYTES}", source.len());
            return Err(vec![TemplateError { lines_before: 0, problem }]);
        }
        let template = Self::new(source).map_err(|error| vec![error])?;
        let named: BTreeSet<String> = template.0.undeclared_variables(true).into_iter().collect();
        let unknown = named.iter().filter(|name| !fields.contains(&name.as_str()));
        let mut errors: Vec<TemplateError> = unknown.map(|name| TemplateError::unknown(source, name, fields)).collect();
        if errors.is_empty() {
            let subsets = (0..1_u32 << named.len()).map(|subset| {
                let is_there = |index: usize| subset >> index & 1 == 1;
                let fields = named.iter().enumerate();
                let fields = fields.map(|(index, name)| (name.as_str(), if is_there(index) { "Text" } else { "" }));
                Context::of(&fields.collect())
            });
            let tried = subsets.map(|context| template.0.render(&context.0));
            errors.extend(tried.filter_map(Result::err).next().map(|error| TemplateError::of(&error)));
        }
        if errors.is_empty() { Ok(template) } else { Err(errors) }
    }

    /// The text. It can be longer than any payload holds.
    pub fn render(&self, context: &Context) -> Result<String, RenderError> {
        self.0.render(&context.0).map_err(|error| RenderError(error.kind()))
    }
}

impl Context {
    /// The fields by name, for data.
    pub fn of(fields: &TemplateFields<'_>) -> Self {
        Self::new(fields, |value| Cow::Borrowed(value))
    }

    /// The same to be shown: no field changes the direction of what stands around it.
    pub fn shown(fields: &TemplateFields<'_>) -> Self {
        Self::new(fields, bidi::isolated)
    }

    /// Steps are counted by length as well, so a long field is cut before it can use them up.
    fn new(fields: &TemplateFields<'_>, with: fn(&str) -> Cow<'_, str>) -> Self {
        let cut = |value: &str| Value::from(&*with(&value[..value.floor_char_boundary(MAX_FIELD_BYTES)]));
        let all = Arc::new(fields.iter().map(|(name, value)| (Value::from(name), cut(value))).collect());
        Self(Value::from_object(FieldValues { all, prefix: String::new() }))
    }
}

impl fmt::Debug for FieldValues {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FieldValues(redacted)")
    }
}

impl Object for FieldValues {
    fn get_value(self: &Arc<Self>, name: &Value) -> Option<Value> {
        let name = name.as_str()?;
        let mut below = self.all.iter().filter_map(|(field, value)| {
            let rest = field.as_str()?.strip_prefix(&*self.prefix)?.strip_prefix(name)?;
            Some((rest, value)).filter(|(rest, _)| rest.is_empty() || rest.starts_with('.'))
        });
        match below.next()? {
            ("", value) => Some(value.clone()),
            _ => {
                let prefix = format!("{}{name}.", self.prefix);
                Some(Value::from_object(Self { all: Arc::clone(&self.all), prefix }))
            }
        }
    }
}

impl TemplateError {
    fn of(error: &minijinja::Error) -> Self {
        let (kind, detail) = (error.kind(), error.detail().unwrap_or_default());
        let problem = if kind == ErrorKind::UnknownFilter {
            format!("{detail}: expected one of {FILTERS}")
        } else if kind == ErrorKind::OutOfFuel {
            format!("takes more than {MAX_STEPS} steps: expected a sentence")
        } else {
            format!("{kind}: {detail}: expected a text with {{{{ field }}}} in it")
        };
        Self { lines_before: error.line().map_or(0, |line| line.saturating_sub(1)), problem }
    }

    fn unknown(source: &str, name: &str, fields: &[&str]) -> Self {
        let problem = format!("unknown field {name}: expected one of {}", fields.join(", "));
        // The compiler does not tell where: the first place between braces where a word begins like it.
        let is_named = |before: &&str| {
            let opened = before.rfind("{{").max(before.rfind("{%"));
            opened > before.rfind("}}").max(before.rfind("%}")) && !before.ends_with(char::is_alphanumeric)
        };
        let before = source.match_indices(name).map(|(at, _)| &source[..at]).find(is_named);
        Self { lines_before: before.unwrap_or_default().matches('\n').count(), problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["sender", "text", "metadata.room"];

    fn render(source: &str, text: &str) -> Result<String, RenderError> {
        let fields = TemplateFields::from_iter([("sender", "Alice"), ("text", text), ("metadata.room", "7")]);
        Template::new(source).unwrap().render(&Context::of(&fields))
    }

    fn problems(source: &str) -> Vec<String> {
        let errors = Template::checked(source, FIELDS).err().unwrap_or_default();
        errors.into_iter().map(|error| error.problem).collect()
    }

    #[test]
    fn values_are_values_and_never_templates_or_markup() {
        assert_eq!(render("{{ sender }}: {{ text }}", "{{ sender }} <b>\"").unwrap(), "Alice: {{ sender }} <b>\"");
    }

    #[test]
    fn a_value_of_the_app_has_the_name_of_its_table_before_its_own() {
        assert_eq!(render("{{ metadata.room }}{{ metadata.roo }}{{ metadata.room2 or '-' }}", "").unwrap(), "7-");
        assert_eq!(problems("{{ metadata.room or sender }}"), Vec::<String>::new());
    }

    #[test]
    fn a_long_text_is_cut_to_more_than_a_payload_holds() {
        let rendered = render("{{ text }}", &"안".repeat(100_000)).unwrap();
        assert!(rendered.len() > MAX_FIELD_BYTES - 3 && rendered.chars().all(|character| character == '안'));
    }

    #[test]
    fn a_template_that_takes_too_long_or_writes_too_much_is_an_error() {
        let nested = "{% for a in text %}{% for b in text %}{% for c in text %}{% endfor %}{% endfor %}{% endfor %}";
        let repeated = "{% for a in text %}{{ text }}{% endfor %}";
        for source in [nested, repeated] {
            assert_eq!(render(source, &"a".repeat(1000)), Err(RenderError(ErrorKind::OutOfFuel)), "{source}");
        }
    }

    #[test]
    fn each_mistake_says_what_is_expected() {
        assert_eq!(problems("{{ sender or 'New' }} {{ text|upper }}"), Vec::<String>::new());
        for (source, expected) in [
            ("{{ nobody }}", "unknown field nobody: expected one of sender, text, metadata.room"),
            ("{{ sender.name }}", "unknown field sender.name: expected"),
            ("{{ metadata }}", "unknown field metadata: expected"),
            ("{{ metadata.secret }}", "unknown field metadata.secret: expected"),
            ("{{ metadata['room'] }}", "unknown field metadata: expected"),
            ("{% set all = metadata %}{{ all.room }}", "unknown field metadata: expected"),
            ("{{ range(5) }}", "unknown field range: expected"),
            ("{{ text|shout }}", "shout"),
            ("{{ 'a'|shout if not sender and not text }}", "expected one of capitalize"),
            ("{{ text", "syntax error"),
            ("{% include 'other' %}", "syntax error"),
            ("{% macro a() %}{% endmacro %}", "syntax error"),
        ] {
            let told = problems(source);
            assert!(told.len() == 1 && told[0].contains(expected), "{source}: {told:?}");
        }
        assert_eq!(problems("{{ a }} {{ b }}").len(), 2);
    }

    #[test]
    fn a_template_longer_than_any_payload_is_a_mistake_before_it_overflows_the_stack() {
        assert_eq!(problems(&"x".repeat(MAX_TEMPLATE_BYTES)), Vec::<String>::new());
        for long in ["x".repeat(MAX_TEMPLATE_BYTES + 1), format!("{{{{ {} text }}}}", "not ".repeat(100_000))] {
            assert!(matches!(problems(&long).as_slice(), [told] if told.contains("expected at most 4096")));
        }
    }
}
