//! What notifications say and how: the built-in texts and options, and those of a notifications file which override them.
//!
//! For each key of a type, in this order: the file's table of the device's language (and of the languages it falls back
//! to), the file's table of the type, the built-in table of the language, the built-in table of the type, in English.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::OnceLock;

use chrono::TimeDelta;

use crate::events::EventType;
use crate::notifications::device::{AndroidMode, ContentMode};
use crate::notifications::locale::Locale;

mod built_in;
mod entry;
mod file;
mod template;
mod value;

use entry::Entry;
use file::{Layer, Mistake, NotificationsFile};
use template::{Context, RenderError, Template};

use super::bidi;
use super::template_fields::{CustomField, TemplateFields};
use super::{LocalizableText, Urgency, Wording};

/// All texts and options.
#[derive(Debug)]
pub struct Texts {
    /// What the notifications file says.
    own: NotificationsFile,
    /// The same over what is built in: made when the first event needs it, so that the start does not wait for it.
    merged: OnceLock<MergedTexts>,
}

#[derive(Debug)]
struct MergedTexts {
    /// Every locale that some text is for.
    locales: Vec<Locale>,
    types: BTreeMap<EventType, TypeTexts>,
}

/// The texts of a language: two devices with the same one read the same. The first is for everybody who has no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Language(usize);

/// How a type is pushed in one language.
#[derive(Debug, Clone)]
pub struct Options {
    /// iOS: the sound, if any.
    pub sound: Option<String>,
    /// How much it may disturb.
    pub urgency: Urgency,
    /// iOS: what can be done with it.
    pub category: Option<String>,
    /// Android: the channel; `None` is the app's default one.
    pub android_channel: Option<String>,
    /// Android: the channel of what is to be quiet; `None` is the usual one.
    pub android_quiet_channel: Option<String>,
    /// iOS: whether the app may change it before it is shown.
    pub mutable: bool,
    /// The most that it shows.
    pub content: ContentMode,
    templates: Templates,
    built_in: Templates,
}

#[derive(Debug, Clone)]
struct TypeTexts {
    on: bool,
    time_to_live: TimeDelta,
    has_own_time_to_live: bool,
    android: AndroidMode,
    analytics_label: Option<String>,
    by_language: Vec<Options>,
}

#[derive(Debug, Clone, Default)]
struct Templates {
    title: Option<Template>,
    body: Option<Template>,
    title_loc_key: Option<Template>,
    title_loc_args: Vec<Template>,
    loc_key: Option<Template>,
    loc_args: Vec<Template>,
    data: Vec<(String, Template)>,
}

impl Texts {
    /// The built-in texts, with those of `file` laid over them. `Err` has every mistake of the file.
    pub fn new(file: Option<&str>) -> Result<Self, Vec<Mistake>> {
        let own = file.map_or(Ok(NotificationsFile::default()), |source| file::read(source, true))?;
        Ok(Self { own, merged: OnceLock::new() })
    }

    fn merged(&self) -> &MergedTexts {
        self.merged.get_or_init(|| MergedTexts::new(&self.own.layer))
    }

    /// Whether the type is pushed at all.
    pub fn is_on(&self, event_type: EventType) -> bool {
        self.merged().types[&event_type].on
    }

    /// How long a push about it is worth something, counted from the event's time.
    pub fn time_to_live(&self, event_type: EventType) -> TimeDelta {
        self.merged().types[&event_type].time_to_live
    }

    /// Whether the notifications file says how long that is.
    pub fn has_own_time_to_live(&self, event_type: EventType) -> bool {
        self.merged().types[&event_type].has_own_time_to_live
    }

    /// How Android gets what the type shows, where the installation does not say.
    pub fn android_mode(&self, event_type: EventType) -> AndroidMode {
        self.merged().types[&event_type].android
    }

    /// What Google's delivery statistics know the type by.
    pub fn analytics_label(&self, event_type: EventType) -> Option<&str> {
        self.merged().types[&event_type].analytics_label.as_deref()
    }

    /// The texts that serve a device of that locale.
    pub fn language(&self, locale: Option<&Locale>) -> Language {
        let fallbacks = locale.map(Locale::fallbacks).unwrap_or_default();
        let known = |locale: &Locale| self.merged().locales.iter().position(|known| known == locale);
        Language(fallbacks.iter().find_map(known).map_or(0, |index| index + 1))
    }

    /// The values of the app that templates may name.
    pub fn custom_fields(&self) -> &[CustomField] {
        &self.own.custom_fields
    }

    /// The built-in title for an event.
    pub fn built_in_title(&self, event_type: EventType, language: Language, fields: &TemplateFields<'_>) -> String {
        let title = self.options(event_type, language).built_in.render(fields).unwrap_or_default().title;
        title.text().unwrap_or_default().to_owned()
    }

    /// How the type is pushed in that language.
    pub fn options(&self, event_type: EventType, language: Language) -> &Options {
        &self.merged().types[&event_type].by_language[language.0]
    }

    /// The templates for an event. Where the file's own cannot be made, or are none, the built-in ones stand in: a person who
    /// is to see something sees something.
    pub fn wording(&self, event_type: EventType, language: Language, fields: &TemplateFields<'_>) -> Wording {
        let options = self.options(event_type, language);
        let built_in = || options.built_in.render(fields).unwrap_or_default();
        match options.templates.render(fields) {
            Ok(wording) if wording.is_blank() => Wording { data: wording.data, ..built_in() },
            Ok(wording) => wording,
            Err(error) => {
                let event_type = event_type.name();
                tracing::error!(
                    "NOTIFICATIONS_FILE: a text of {event_type}: {error}; the built-in text is used instead"
                );
                built_in()
            }
        }
    }
}

impl MergedTexts {
    fn new(own: &Layer) -> Self {
        let built_in = built_in::layer();
        let named: BTreeSet<&Locale> = built_in.keys().chain(own.keys()).flatten().collect();
        let locales: Vec<Locale> = named.into_iter().cloned().collect();
        let with_fallbacks = |locale: &Locale| locale.fallbacks().into_iter().map(Some).chain([None]).collect();
        let languages: Vec<Vec<Option<Locale>>> =
            iter::once(vec![None]).chain(locales.iter().map(with_fallbacks)).collect();
        let texts_of = |event_type| {
            let options = languages.iter().map(|language| {
                let built_in = merge_tables(&built_in, event_type, language);
                Options::of(merge_tables(own, event_type, language).or(&built_in), Templates::of(built_in))
            });
            let own = merge_tables(own, event_type, &[None]);
            let has_own_time_to_live = own.time_to_live.is_some();
            let merged = own.or(&merge_tables(&built_in, event_type, &[None]));
            let texts = TypeTexts {
                on: merged.on.unwrap_or_default(),
                time_to_live: merged.time_to_live.unwrap_or_default(),
                has_own_time_to_live,
                android: merged.android.unwrap_or_default(),
                analytics_label: merged.analytics_label.filter(|label| !label.is_empty()),
                by_language: options.collect(),
            };
            (event_type, texts)
        };
        let types = EventType::ALL.into_iter().map(texts_of).collect();
        Self { locales, types }
    }
}

/// What a layer says in a language, the best of its tables above the others.
fn merge_tables(layer: &Layer, event_type: EventType, language: &[Option<Locale>]) -> Entry {
    let tables = language.iter().filter_map(|locale| layer.get(locale)?.get(&event_type));
    tables.fold(Entry::default(), Entry::or)
}

impl Options {
    fn of(entry: Entry, built_in: Templates) -> Self {
        let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        Self {
            sound: named(&entry.sound),
            urgency: entry.urgency.unwrap_or(Urgency::Active),
            category: named(&entry.category),
            android_channel: named(&entry.android_channel),
            android_quiet_channel: named(&entry.android_quiet_channel),
            mutable: entry.mutable.unwrap_or_default(),
            content: entry.content.unwrap_or(ContentMode::Full),
            templates: Templates::of(entry),
            built_in,
        }
    }
}

impl Templates {
    fn of(entry: Entry) -> Self {
        Self {
            title: entry.title,
            body: entry.body,
            title_loc_key: entry.title_loc_key,
            title_loc_args: entry.title_loc_args.unwrap_or_default(),
            loc_key: entry.loc_key,
            loc_args: entry.loc_args.unwrap_or_default(),
            data: entry.data.unwrap_or_default(),
        }
    }

    fn render(&self, fields: &TemplateFields<'_>) -> Result<Wording, RenderError> {
        let shown = Context::shown(fields);
        // A template may have cut a field in two.
        let text = |template: &Template| template.render(&shown).map(bidi::balanced);
        let optional = |template: &Option<Template>| template.as_ref().map_or(Ok(String::new()), text);
        let line = |plain: &Option<Template>, key: &Option<Template>, args: &[Template]| {
            let key = optional(key)?;
            if key.is_empty() {
                return optional(plain).map(LocalizableText::Text);
            }
            Ok(LocalizableText::Localized { key, args: args.iter().map(text).collect::<Result<_, _>>()? })
        };
        let as_sent = LazyCell::new(|| Context::of(fields));
        let data = self.data.iter().map(|(name, template)| Ok((name.clone(), template.render(&as_sent)?)));
        Ok(Wording {
            title: line(&self.title, &self.title_loc_key, &self.title_loc_args)?,
            body: line(&self.body, &self.loc_key, &self.loc_args)?,
            data: data.collect::<Result<_, _>>()?,
            ..Wording::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_own_text_for_all_goes_before_a_built_in_one_for_a_language() {
        let texts = Texts::new(Some("[IncomingCall]\nbody = 'Ring'\n[IncomingCall.ko]\ntitle = 'Own'")).unwrap();
        let source = |tag, template: fn(&Templates) -> &Option<Template>| {
            let language = texts.language(Locale::parse(tag).as_ref());
            let templates = &texts.options(EventType::IncomingCall, language).templates;
            template(templates).as_ref().unwrap().render(&Context::of(&TemplateFields::from_iter([]))).unwrap()
        };
        assert_eq!(source("fr", |templates| &templates.body), "Ring");
        assert_eq!(source("fr", |templates| &templates.title), "Appel entrant");
        assert_eq!(source("ko-KR", |templates| &templates.title), "Own");
        assert_eq!(source("it", |templates| &templates.title), "Incoming call");
        assert_eq!(source("pt-BR", |templates| &templates.title), "Chamada recebida");
        assert_eq!(source("zh-HK", |templates| &templates.title), "來電");
    }
}
