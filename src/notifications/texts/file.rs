//! Reads a notifications file: TOML, a table for each event type and within it one for each language, and the tables that name
//! values of the app. Finds every mistake at once, and reports it with its line and what is expected.
//! <https://toml.io/en/v1.0.0>

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, Key};
use super::template::Template;
use super::value;
use crate::events::EventType;
use crate::notifications::locale::Locale;
use crate::notifications::template_fields::{CustomField, CustomSource, TemplateField};

/// What a file says.
#[derive(Debug, Default)]
pub struct NotificationsFile {
    /// Texts and options.
    pub layer: Layer,
    /// The values of the app that templates may name.
    pub custom_fields: Vec<CustomField>,
}

/// Texts and options: by language, `None` for all of them, and by type.
pub type Layer = BTreeMap<Option<Locale>, BTreeMap<EventType, Entry>>;

/// Something that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    /// The table and the key; empty where TOML itself is at fault.
    place: String,
    problem: String,
}

type Table<'a> = DeTable<'a>;
type Value<'a> = Spanned<DeValue<'a>>;

/// Reads the file. `Err` has every mistake, in the order of the lines.
pub fn read(source: &str, check: bool) -> Result<NotificationsFile, Vec<Mistake>> {
    let line_ends = source.match_indices('\n').map(|(at, _)| at).collect();
    let mut reader = Reader { source, line_ends, check, file: NotificationsFile::default(), mistakes: Vec::new() };
    let (document, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let problem = error.message().lines().collect::<Vec<_>>().join(", ");
        reader.mistake(at, "", format!("is not valid TOML: {problem}"));
    }
    let source_of = |name: &str| CustomSource::ALL.into_iter().find(|source| source.name() == name);
    // First the names that templates may use, wherever they stand.
    for (name, value) in document.get_ref() {
        if let Some(source) = source_of(name.get_ref()) {
            reader.custom_fields(source, name.span().start, value);
        }
    }
    for (name, value) in document.get_ref() {
        if source_of(name.get_ref()).is_none() {
            reader.event_type(name.get_ref(), name.span().start, value);
        }
    }
    if reader.mistakes.is_empty() {
        return Ok(reader.file);
    }
    reader.mistakes.sort();
    Err(reader.mistakes)
}

struct Reader<'a> {
    source: &'a str,
    line_ends: Vec<usize>,
    /// Whether templates are tried. Those that come with the program are, in its tests.
    check: bool,
    file: NotificationsFile,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn custom_fields(&mut self, source: CustomSource, at: usize, value: &Value<'_>) {
        let place = format!("[{}]", source.name());
        let Some(table) = value.get_ref().as_table() else {
            return self.mistake(at, source.name(), format!("expected a table, {place}"));
        };
        for (key, value) in table {
            let (at, key) = (key.span().start, key.get_ref());
            if key != "fields" {
                self.mistake(at, &format!("{place} {key}"), "unknown key; did you mean fields?".to_owned());
                continue;
            }
            let place = format!("{place} fields");
            for member in self.checked(at, &place, value::member_names(value.get_ref())).unwrap_or_default() {
                let field = CustomField::new(source, &member);
                if self.file.custom_fields.iter().any(|known| known.name == field.name) {
                    let problem = format!("{} is there twice for templates: expected it once", field.name);
                    self.mistake(at, &place, problem);
                } else {
                    self.file.custom_fields.push(field);
                }
            }
        }
    }

    fn event_type(&mut self, name: &str, at: usize, value: &Value<'_>) {
        let known = EventType::ALL.map(EventType::name);
        let Some(event_type) = EventType::ALL.into_iter().find(|event_type| event_type.name() == name) else {
            let today =
                [name, &format!("Microsoft.Communication.{name}")].into_iter().find_map(EventType::from_full_name);
            let expected = today.map_or_else(|| nearest(name, known), EventType::name);
            return self.mistake(at, &format!("[{name}]"), format!("unknown event type; did you mean {expected}?"));
        };
        let Some(table) = value.get_ref().as_table() else {
            return self.mistake(at, name, format!("expected a table, [{name}]"));
        };
        let mut entry = Entry::default();
        let place = format!("[{name}]");
        for (key, value) in table {
            let at = key.span().start;
            match Key::ALL.into_iter().find(|known| known.name() == &**key.get_ref()) {
                Some(known) => self.key(event_type, known, &place, at, value, &mut entry),
                None => match value.get_ref().as_table() {
                    Some(table) => self.language(event_type, key.get_ref(), at, table),
                    None => self.unknown_key(event_type, &place, key.get_ref(), at),
                },
            }
        }
        self.file.layer.entry(None).or_default().insert(event_type, entry);
    }

    fn language(&mut self, event_type: EventType, tag: &str, at: usize, table: &Table<'_>) {
        let place = format!("[{}.{tag}]", event_type.name());
        let Some(locale) = Locale::parse(tag) else {
            let problem = "is neither a key nor a language tag: expected a tag such as fr, pt-BR or zh-Hant";
            return self.mistake(at, &place, problem.to_owned());
        };
        let mut entry = Entry::default();
        for (key, value) in table {
            let at = key.span().start;
            match Key::ALL.into_iter().find(|known| known.name() == &**key.get_ref()) {
                Some(known) if known.is_for_languages() => self.key(event_type, known, &place, at, value, &mut entry),
                Some(known) => {
                    let problem = format!("cannot differ by language: expected it in [{}]", event_type.name());
                    self.mistake(at, &format!("{place} {}", known.name()), problem);
                }
                None => self.unknown_key(event_type, &place, key.get_ref(), at),
            }
        }
        if self.file.layer.entry(Some(locale.clone())).or_default().insert(event_type, entry).is_some() {
            self.mistake(at, &place, format!("is there twice, in two spellings of {locale}: expected one"));
        }
    }

    fn key(&mut self, event_type: EventType, key: Key, place: &str, at: usize, value: &Value<'_>, entry: &mut Entry) {
        let place = format!("{place} {}", key.name());
        if !key.is_for(event_type) {
            let problem = "is not allowed, because this type shows nothing: expected on, time_to_live, content, data or \
                           analytics_label";
            return self.mistake(at, &place, problem.to_owned());
        }
        let fields = self.fields_of(event_type);
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let fields = fields.as_slice();
        let raw = value.get_ref();
        match key {
            Key::On => entry.on = self.checked(at, &place, value::boolean(raw)),
            Key::Sound => {
                entry.sound = self.checked(at, &place, value::name(raw, "\"default\", a sound file of the app"))
            }
            Key::InterruptionLevel => entry.urgency = self.checked(at, &place, value::urgency(raw)),
            Key::Category => entry.category = self.checked(at, &place, value::name(raw, "a category of the app")),
            Key::AndroidChannel => {
                entry.android_channel = self.checked(at, &place, value::name(raw, "a channel of the app"))
            }
            Key::AndroidQuietChannel => {
                entry.android_quiet_channel = self.checked(at, &place, value::name(raw, "a channel of the app"))
            }
            Key::Mutable => entry.mutable = self.checked(at, &place, value::boolean(raw)),
            Key::Android => entry.android = self.checked(at, &place, value::android(raw)),
            Key::AnalyticsLabel => entry.analytics_label = self.checked(at, &place, value::analytics_label(raw)),
            Key::TimeToLive => entry.time_to_live = self.checked(at, &place, value::time_to_live(raw, event_type)),
            Key::Content => entry.content = self.checked(at, &place, value::content(raw)),
            Key::Title => entry.title = self.template(&place, value, fields),
            Key::Body => entry.body = self.template(&place, value, fields),
            Key::TitleLoc => entry.title_loc_key = self.template(&place, value, fields),
            Key::Loc => entry.loc_key = self.template(&place, value, fields),
            Key::TitleLocArgs => entry.title_loc_args = self.templates(&place, value, fields),
            Key::LocArgs => entry.loc_args = self.templates(&place, value, fields),
            Key::Data => entry.data = self.data(&place, value, fields),
        }
    }

    /// The names that templates of this type may use.
    fn fields_of(&self, event_type: EventType) -> Vec<String> {
        let custom = self.file.custom_fields.iter().filter(|field| field.is_of(event_type));
        let fields = TemplateField::of(event_type).iter().map(|field| field.name().to_owned());
        fields.chain(custom.map(|field| field.name.clone())).collect()
    }

    fn template(&mut self, place: &str, value: &Value<'_>, fields: &[&str]) -> Option<Template> {
        let at = value.span().start;
        let source = self.checked(at, place, value::text(value.get_ref()))?;
        let added = if self.check {
            Template::checked(&source, fields)
        } else {
            Template::new(&source).map_err(|error| vec![error])
        };
        let errors = match added {
            Ok(template) => return Some(template),
            Err(errors) => errors,
        };
        // A text of several lines begins after its quotes, or on the line below them.
        let opening = self.source[at..].get(3..).is_some_and(|rest| rest.starts_with(['\n', '\r']));
        let first = self.line_of(at) + usize::from(opening);
        for error in errors {
            let (place, problem) = (place.to_owned(), error.problem);
            self.mistakes.push(Mistake { line: first + error.lines_before, place, problem });
        }
        None
    }

    fn templates(&mut self, place: &str, value: &Value<'_>, fields: &[&str]) -> Option<Vec<Template>> {
        let Some(elements) = value.get_ref().as_array() else {
            let problem = value::unexpected(value.get_ref(), "an array of strings, such as [\"{{ sender }}\"]");
            self.mistake(value.span().start, place, problem);
            return None;
        };
        Some(elements.iter().filter_map(|element| self.template(place, element, fields)).collect())
    }

    fn data(&mut self, place: &str, value: &Value<'_>, fields: &[&str]) -> Option<Vec<(String, Template)>> {
        let Some(table) = value.get_ref().as_table() else {
            let problem = value::unexpected(value.get_ref(), "a table of strings, such as { screen = \"chat\" }");
            self.mistake(value.span().start, place, problem);
            return None;
        };
        if table.len() > value::MAX_DATA_MEMBERS {
            let problem = format!("has {} members: expected at most {}", table.len(), value::MAX_DATA_MEMBERS);
            self.mistake(value.span().start, place, problem);
        }
        let mut data = Vec::new();
        for (name, value) in table {
            let place = format!("{place}.{}", name.get_ref());
            if let Some(name) = self.checked(name.span().start, &place, value::data_name(name.get_ref()))
                && let Some(template) = self.template(&place, value, fields)
            {
                data.push((name, template));
            }
        }
        Some(data)
    }

    fn unknown_key(&mut self, event_type: EventType, place: &str, key: &str, at: usize) {
        let known = Key::ALL.into_iter().filter(|known| known.is_for(event_type)).map(Key::name);
        let nearest = nearest(key, known);
        self.mistake(at, &format!("{place} {key}"), format!("unknown key; did you mean {nearest}?"));
    }

    fn checked<T>(&mut self, at: usize, place: &str, value: Result<T, String>) -> Option<T> {
        value.map_err(|problem| self.mistake(at, place, problem)).ok()
    }

    fn mistake(&mut self, at: usize, place: &str, problem: String) {
        let line = self.line_of(at);
        self.mistakes.push(Mistake { line, place: place.to_owned(), problem });
    }

    fn line_of(&self, at: usize) -> usize {
        self.line_ends.partition_point(|end| *end < at) + 1
    }
}

fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> &'a str {
    known.into_iter().min_by_key(|known| strsim::osa_distance(known, name)).unwrap_or_default()
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.place.is_empty() { "" } else { ": " };
        // A quoted name may hold anything, a line break too.
        write!(formatter, "line {}: {}{separator}{}", self.line, self.place.escape_debug(), self.problem)
    }
}
