//! Templates: sentences by themselves, all else by minijinja, with nothing in it but what a sentence needs.
//!
//! No function, no macro, no other template can be named, steps are counted, and output is bounded: a template can be
//! wrong, but it can neither hang the program nor fill its memory. <https://docs.rs/minijinja>

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, filters};

use super::sentence::{LONGEST, Sentence, cut};
use crate::notification::facts::{Fact, Facts};

/// A template, compiled. Clones are the same one.
#[derive(Debug, Clone)]
pub enum Template {
    /// One that needs no minijinja.
    Sentence(Arc<Sentence>),
    /// Any other.
    Engine(Arc<Engine>),
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

/// A template of one sentence takes about ten.
const STEPS: u64 = 10_000;

/// What the largest payload can hold. The compiler's recursion grows with it.
const LONGEST_SOURCE: usize = 4096;

const FILTERS: &str = "capitalize, default, lower, replace, title, trim and upper";

impl Template {
    /// Compiles a template that is known to be right. It may name these facts.
    pub fn new(source: &str, facts: &[Fact]) -> Result<Self, TemplateError> {
        Ok(match Sentence::read(source, facts) {
            Some(sentence) => Self::Sentence(Arc::new(sentence)),
            None => Self::Engine(Arc::new(Engine::new(source)?)),
        })
    }

    /// Compiles a template and tries it: with each of the facts that it may name there and not there.
    pub fn checked(source: &str, facts: &[Fact]) -> Result<Self, Vec<TemplateError>> {
        if source.len() > LONGEST_SOURCE {
            let problem = format!("has {} bytes: expected at most {LONGEST_SOURCE}", source.len());
            return Err(vec![TemplateError { lines_before: 0, problem }]);
        }
        let engine = Engine::new(source).map_err(|error| vec![error])?;
        let named = engine.named();
        let unknown = named.iter().filter(|name| !facts.iter().any(|fact| fact.name() == **name));
        let mut errors: Vec<TemplateError> = unknown.map(|name| TemplateError::unknown(source, name, facts)).collect();
        if errors.is_empty() {
            let subsets = (0..1_u32 << facts.len()).map(|subset| {
                let fact = |(index, fact): (usize, &Fact)| (*fact, if subset >> index & 1 == 1 { "Text" } else { "" });
                facts.iter().enumerate().map(fact).collect()
            });
            let tried = subsets.map(|facts: Facts<'_>| engine.render(&facts));
            errors.extend(tried.filter_map(Result::err).next().map(|error| TemplateError::of(&error)));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(match Sentence::read(source, facts) {
            Some(sentence) => Self::Sentence(Arc::new(sentence)),
            None => Self::Engine(Arc::new(engine)),
        })
    }

    /// The text, cut to what no payload could hold.
    pub fn render(&self, facts: &Facts<'_>) -> Result<String, RenderError> {
        match self {
            Self::Sentence(sentence) => Ok(sentence.render(facts)),
            Self::Engine(engine) => engine.render(facts).map_err(|error| RenderError(error.kind())),
        }
    }
}

/// minijinja, with one template in it.
#[derive(Debug)]
pub struct Engine(Environment<'static>);

impl Engine {
    const TEMPLATE: &str = "text";

    /// Compiles the template, whatever it names.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::empty();
        environment.set_fuel(Some(STEPS));
        environment.add_filter("capitalize", filters::capitalize);
        environment.add_filter("default", filters::default);
        environment.add_filter("lower", filters::lower);
        environment.add_filter("replace", filters::replace);
        environment.add_filter("title", filters::title);
        environment.add_filter("trim", filters::trim);
        environment.add_filter("upper", filters::upper);
        let added = environment.add_template_owned(Self::TEMPLATE, source.to_owned());
        added.map_err(|error| TemplateError::of(&error))?;
        Ok(Self(environment))
    }

    fn template(&self) -> minijinja::Template<'_, '_> {
        self.0.get_template(Self::TEMPLATE).expect("every engine is made with it")
    }

    fn named(&self) -> BTreeSet<String> {
        self.template().undeclared_variables(true).into_iter().collect()
    }

    /// The text, cut to what no payload could hold.
    pub fn render(&self, facts: &Facts<'_>) -> Result<String, minijinja::Error> {
        // Steps are counted by length as well, so a long fact is cut before it can use them up.
        let context = Value::from_pairs(facts.iter().map(|(fact, value)| (fact.name(), Value::from(cut(value)))));
        let mut bounded = Bounded(Vec::new());
        match self.template().render_captured_to(context, &mut bounded) {
            Err(error) if !bounded.is_full() => Err(error),
            _ => Ok(bounded.into_text()),
        }
    }
}

impl TemplateError {
    fn of(error: &minijinja::Error) -> Self {
        let (kind, detail) = (error.kind(), error.detail().unwrap_or_default());
        let problem = if kind == ErrorKind::UnknownFilter {
            format!("{detail}: expected one of {FILTERS}")
        } else if kind == ErrorKind::OutOfFuel {
            format!("takes more than {STEPS} steps: expected a sentence")
        } else {
            format!("{kind}: {detail}: expected a text with {{{{ field }}}} in it")
        };
        Self { lines_before: error.line().map_or(0, |line| line.saturating_sub(1)), problem }
    }

    fn unknown(source: &str, name: &str, facts: &[Fact]) -> Self {
        let known: Vec<&str> = facts.iter().map(|fact| fact.name()).collect();
        let problem = format!("has no field {name}: expected one of {}", known.join(", "));
        // The compiler does not tell where: the first place between braces where a word begins like it.
        let is_named = |before: &&str| {
            let opened = before.rfind("{{").max(before.rfind("{%"));
            opened > before.rfind("}}").max(before.rfind("%}")) && !before.ends_with(char::is_alphanumeric)
        };
        let before = source.match_indices(name).map(|(at, _)| &source[..at]).find(is_named);
        Self { lines_before: before.unwrap_or_default().matches('\n').count(), problem }
    }
}

/// Takes so many bytes and then no more.
struct Bounded(Vec<u8>);

impl Bounded {
    fn is_full(&self) -> bool {
        self.0.len() == LONGEST
    }

    /// What was taken, without the half of a character that the end may have.
    fn into_text(self) -> String {
        let whole = match std::str::from_utf8(&self.0) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let mut bytes = self.0;
        bytes.truncate(whole);
        String::from_utf8(bytes).expect("it was valid up to here")
    }
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(LONGEST - self.0.len());
        self.0.extend_from_slice(&bytes[..taken]);
        // Taking none of something ends the rendering.
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: &[Fact] = &[Fact::Sender, Fact::Text];

    fn render(source: &str, text: &str) -> Result<String, RenderError> {
        let template = Template::new(source, FACTS).unwrap();
        template.render(&Facts::from_iter([(Fact::Sender, "Alice"), (Fact::Text, text)]))
    }

    fn problems(source: &str) -> Vec<String> {
        let errors = Template::checked(source, FACTS).err().unwrap_or_default();
        errors.into_iter().map(|error| error.problem).collect()
    }

    #[test]
    fn values_are_values_and_never_templates_or_markup() {
        assert_eq!(render("{{ sender }}: {{ text }}", "{{ sender }} <b>\"").unwrap(), "Alice: {{ sender }} <b>\"");
    }

    #[test]
    fn a_long_text_is_cut_to_more_than_a_payload_holds() {
        let rendered = render("{{ text }}", &"안".repeat(100_000)).unwrap();
        assert!(rendered.len() > LONGEST - 3 && rendered.chars().all(|character| character == '안'));
        assert_eq!(render("{% for a in text %}{{ text }}{% endfor %}", &"a".repeat(9_000)).unwrap().len(), LONGEST);
    }

    #[test]
    fn a_template_that_takes_too_long_is_an_error() {
        let nested = "{% for a in text %}{% for b in text %}{% for c in text %}{% endfor %}{% endfor %}{% endfor %}";
        assert_eq!(render(nested, &"a".repeat(1000)), Err(RenderError(ErrorKind::OutOfFuel)));
    }

    #[test]
    fn each_mistake_says_what_would_be_right() {
        assert_eq!(problems("{{ sender or 'New' }} {{ text|upper }}"), Vec::<String>::new());
        for (source, expected) in [
            ("{{ nobody }}", "has no field nobody: expected one of sender, text"),
            ("{{ sender.name }}", "has no field sender.name: expected"),
            ("{{ range(5) }}", "has no field range: expected"),
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
        assert_eq!(problems(&"x".repeat(LONGEST_SOURCE)), Vec::<String>::new());
        for long in ["x".repeat(LONGEST_SOURCE + 1), format!("{{{{ {} text }}}}", "not ".repeat(100_000))] {
            assert!(matches!(problems(&long).as_slice(), [told] if told.contains("expected at most 4096")));
        }
    }
}
