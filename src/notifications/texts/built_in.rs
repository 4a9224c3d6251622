//! The texts and options that come with the program: English with the options, and a file for each other language.

use super::file::{self, Layer};
use crate::events::EventType;

const BUILT_IN: &str = concat!(
    include_str!("defaults.toml"),
    include_str!("languages/de.toml"),
    include_str!("languages/es.toml"),
    include_str!("languages/fr.toml"),
    include_str!("languages/ja.toml"),
    include_str!("languages/ko.toml"),
    include_str!("languages/pt.toml"),
    include_str!("languages/zh-Hans.toml"),
    include_str!("languages/zh-Hant.toml"),
);

/// Types that read like another one, in every language.
const READS_LIKE: [(EventType, EventType); 2] = [
    (EventType::ChatMessageEdited, EventType::ChatMessageReceived),
    (EventType::ChatParticipantAddedToThreadWithUser, EventType::ChatThreadCreatedWithUser),
];

/// All of them, by language and type.
pub fn layer() -> Layer {
    let mut layer = file::read(BUILT_IN, false).expect("a test reads them").layer;
    for types in layer.values_mut() {
        for (event_type, like) in READS_LIKE {
            if let Some(like) = types.get(&like).cloned() {
                let entry = types.entry(event_type).or_default();
                (entry.title, entry.body) = (like.title, like.body);
            }
        }
    }
    layer
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::entry::Entry;
    use super::super::template::{Context, Template};
    use super::*;
    use crate::notifications::locale::Locale;
    use crate::notifications::template_fields::{TemplateField, TemplateFields};

    const LANGUAGES: [&str; 8] = ["de", "es", "fr", "ja", "ko", "pt", "zh-Hans", "zh-Hant"];

    /// The lines of an alert, by name.
    type Line = (&'static str, fn(&Entry) -> Option<&Template>);
    const LINES: [Line; 2] = [("title", |entry| entry.title.as_ref()), ("body", |entry| entry.body.as_ref())];

    #[test]
    fn the_built_in_texts_have_no_mistake_and_every_option() {
        assert!(file::read(BUILT_IN, true).is_ok());
        let layer = layer();
        for event_type in EventType::ALL {
            let entry = &layer[&None][&event_type];
            assert!(entry.on.is_some() && entry.time_to_live.is_some() && entry.content.is_some(), "{event_type:?}");
        }
        let languages: Vec<String> = layer.keys().flatten().map(ToString::to_string).collect();
        assert_eq!(languages, LANGUAGES);
    }

    /// What a field can hold, as far as a sentence depends on it.
    fn values(field: TemplateField) -> &'static [&'static str] {
        match field.name() {
            "attachment" => &["", "picture", "gif", "video", "audio", "file", "card", "location", "several"],
            "attachment_count" => &["", "3"],
            "mentioned" | "anonymous" => &["", "yes"],
            "thread_id" | "message_id" | "call_id" => &["1"],
            _ => &["", "⟨1⟩"],
        }
    }

    /// Every combination of them.
    fn situations(event_type: EventType) -> Vec<Vec<(&'static str, &'static str)>> {
        TemplateField::of(event_type).iter().fold(vec![Vec::new()], |situations, field| {
            let with = |known: &Vec<_>, value: &&'static str| [known.as_slice(), &[(field.name(), *value)]].concat();
            situations.iter().flat_map(|known| values(*field).iter().map(move |value| with(known, value))).collect()
        })
    }

    /// What is wrong with a language's line: a sentence that is missing, still English, or stands for two of English.
    fn problems(english: &Template, other: Option<&Template>, event_type: EventType) -> Vec<String> {
        let Some(other) = other else { return vec!["is missing".to_owned()] };
        let mut sentences: BTreeMap<String, String> = BTreeMap::new();
        let mut problems = Vec::new();
        for situation in situations(event_type) {
            let context = Context::of(&TemplateFields::from_iter(situation));
            let [english, other] = [english, other].map(|template| template.render(&context).unwrap());
            // What somebody wrote is no sentence of ours.
            if !english.replace("⟨1⟩", "").contains(char::is_alphabetic) {
                continue;
            }
            if english == other {
                problems.push(format!("\"{english}\" is in English"));
            }
            if ["⟨1⟩", "3"].iter().any(|value| english.contains(value) != other.contains(value)) {
                problems.push(format!("\"{english}\" is \"{other}\", which lacks a value or has one more"));
            }
            let known = sentences.entry(other.clone()).or_insert_with(|| english.clone());
            if *known != english {
                problems.push(format!("\"{other}\" is both \"{known}\" and \"{english}\""));
            }
        }
        problems.sort();
        problems.dedup();
        problems
    }

    #[test]
    fn every_sentence_of_every_type_is_there_in_every_language() {
        let layer = layer();
        let mut told = Vec::new();
        let mut compared = 0;
        for event_type in EventType::ALL {
            for language in LANGUAGES {
                let entry = layer[&Locale::parse(language)].get(&event_type).cloned().unwrap_or_default();
                for (name, line) in LINES {
                    let Some(english) = line(&layer[&None][&event_type]) else { continue };
                    let is_sentence = situations(event_type).into_iter().any(|situation| {
                        let context = Context::of(&TemplateFields::from_iter(situation));
                        english.render(&context).unwrap().replace("⟨1⟩", "").contains(char::is_alphabetic)
                    });
                    if !is_sentence {
                        continue;
                    }
                    compared += 1;
                    let of = problems(english, line(&entry), event_type);
                    told.extend(
                        of.iter().map(|problem| format!("[{}.{language}] {name}: {problem}", event_type.name())),
                    );
                }
            }
        }
        assert!(told.is_empty(), "{told:#?}");
        // Two lines of SMS, chat message, edit, both invitations and call, and the title of a failed SMS.
        assert_eq!(compared, 13 * LANGUAGES.len());
    }

    #[test]
    fn a_sentence_that_is_missing_is_named() {
        let template = |source: &str| Template::new(source).unwrap();
        let english = template("{{ 'From ' ~ sender if sender else 'New' }}");
        let of = |source: Option<&str>| problems(&english, source.map(template).as_ref(), EventType::SmsReceived);
        assert_eq!(of(None), ["is missing"]);
        assert_eq!(of(Some("{{ 'Von ' ~ sender if sender else 'New' }}")), ["\"New\" is in English"]);
        assert_eq!(of(Some("{{ 'Von ' ~ sender if sender else 'Neu' }}")), Vec::<String>::new());
        let both = of(Some("Neu"));
        assert!(both.iter().any(|problem| problem == "\"Neu\" is both \"New\" and \"From ⟨1⟩\""), "{both:?}");
        assert!(both.iter().any(|problem| problem.contains("lacks a value")), "{both:?}");
    }
}
