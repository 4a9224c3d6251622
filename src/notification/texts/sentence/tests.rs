//! A sentence says what minijinja says, whatever the facts; what minijinja alone understands is left to it.

use proptest::prelude::*;

use super::*;
use crate::event::EventType;
use crate::notification::texts::BUILT_IN;
use crate::notification::texts::template::Engine;

const FACTS: &[Fact] = &[Fact::Sender, Fact::Text];

/// What facts may be: usual, empty, like a template, and so long that they are cut within a character or before one.
fn values() -> [String; 10] {
    let long = |less: usize, last: &str| "a".repeat(LONGEST - less) + last;
    [
        "Text".to_owned(),
        String::new(),
        "'\"\\ {{ sender }} {% if %} }} {#".to_owned(),
        "\n a\r\n\n".to_owned(),
        "<b>&amp;".to_owned(),
        "안".repeat(LONGEST),
        long(0, ""),
        long(1, "b"),
        long(2, "👍🏽"),
        long(3, "é👨‍👩‍👧‍👦"),
    ]
}

/// Compares both, with each subset of the facts, and each value for all that are there.
fn assert_same(source: &str, sentence: &Sentence, facts: &[Fact]) {
    let engine = Engine::new(source).unwrap_or_else(|error| panic!("{source:?}: {error}"));
    for value in &values() {
        for subset in 0..1_u32 << facts.len() {
            let fact = |(index, fact): (usize, &Fact)| (*fact, if subset >> index & 1 == 1 { value } else { "" });
            let facts: Facts<'_> = facts.iter().enumerate().map(fact).collect();
            let expected = engine.render(&facts).unwrap_or_else(|error| panic!("{source:?}: {error}"));
            assert!(sentence.render(&facts) == expected, "{source:?}, {subset:b}, {:?}", value.get(..20));
        }
    }
}

#[test]
fn all_built_in_texts_are_sentences_that_say_the_same() {
    let mut read = 0;
    let mut facts = FACTS;
    for line in BUILT_IN.lines() {
        if let Some(table) = line.strip_prefix('[') {
            let name = table.split(['.', ']']).next().unwrap();
            facts = Fact::of(EventType::ALL.into_iter().find(|event_type| event_type.name() == name).unwrap());
        }
        let text = line.strip_prefix("title = \"").or_else(|| line.strip_prefix("body = \""));
        if let Some(source) = text.and_then(|text| text.strip_suffix('"')) {
            assert_same(source, &Sentence::read(source, facts).unwrap_or_else(|| panic!("{source}")), facts);
            read += 1;
        }
    }
    assert!(read > 50, "{read}");
}

#[test]
fn what_is_no_sentence_is_left_to_minijinja() {
    for source in [
        "{{- text }}",
        "{{ text -}}",
        "{{+ text }}",
        "{% if text %}a{% endif %}",
        "{# text #}",
        "{{{ text }}}",
        "{{ text|upper }}",
        "{{ text[0] }}",
        "{{ text.a }}",
        "{{ text() }}",
        "{{ not text }}",
        "{{ text and sender }}",
        "{{ text is defined }}",
        "{{ text == 'a' }}",
        "{{ 'a' 'b' }}",
        r"{{ 'a\n' }}",
        "{{ (text, sender) }}",
        "{{ () }}",
        "{{ true }}",
        "{{ 1 }}",
        "{{ nobody }}",
        "{{ topic }}",
        "{{ texts }}",
        "{{ text",
        "{{ text }",
        "{{ 'text }}",
        "{{ (text }}",
        "{{ text) }}",
        "{{ text if }}",
        "{{ text ifsender }}",
        "{{ textif sender }}",
        "{{ text else sender }}",
        "{{\u{a0}text }}",
        "{{ }}",
    ] {
        assert!(Sentence::read(source, FACTS).is_none(), "{source}");
    }
}

#[test]
fn no_facts_are_so_long_that_minijinja_would_give_up_where_a_sentence_does_not() {
    let joined = |times: usize| format!("{{{{ {} }}}}", vec!["text"; times + 1].join(" ~ "));
    assert!(Sentence::read(&joined(MOST_JOINED + 1), FACTS).is_none());
    // As many steps as fit into the longest source.
    let costly = joined(MOST_JOINED).replace("}}", &("if'a'".repeat(800) + "}}"));
    for source in [joined(MOST_JOINED), costly, "{{text}}".repeat(512)] {
        assert_same(&source, &Sentence::read(&source, FACTS).unwrap(), FACTS);
    }
}

/// Anything between braces that minijinja takes and that is made as sentences are.
fn expressions() -> impl Strategy<Value = String> {
    let single =
        prop::sample::select(&["text", "sender", "''", "\"\"", "'a'", "\"it's {{ }}\"", "' \n안'", "'or'"][..]);
    single.prop_map(str::to_owned).prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} ~ {other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one}~{other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} or {other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} if {other}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(one, condition, other)| format!("{one} if {condition} else\n{other}")),
            inner.prop_map(|one| format!("({one})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sentence_says_the_same(
        before in "[a{}' \n]{0,3}", expression in expressions(), between in "[a} \r\n]{0,3}", last in expressions(),
        after in "[a{}' \r\n]{0,3}",
    ) {
        let source = format!("{before}{{{{ {expression} }}}}{between}{{{{{last}}}}}{after}");
        let few = source.matches('~').count() <= MOST_JOINED && !source.contains("{{{");
        match Sentence::read(&source, FACTS) {
            Some(sentence) => assert_same(&source, &sentence, FACTS),
            // An `else` may be one too many.
            None => prop_assert!(!few || Engine::new(&source).is_err(), "{source:?}"),
        }
    }

    #[test]
    fn what_is_read_by_chance_says_the_same(
        parts in prop::collection::vec(
            prop::sample::select(&[
                "{{", "}}", "{{", "}}", "'", "''", "'a'", "\"", "sender", "text", "~", "or", "if", "else", "(", ")",
                " ", " ", " ", "\n", "\r", "-", "{", "}", "a",
            ][..]),
            1..12,
        ),
    ) {
        let source = parts.concat();
        if let Some(sentence) = Sentence::read(&source, FACTS) {
            assert_same(&source, &sentence, FACTS);
        }
    }
}
