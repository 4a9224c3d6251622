//! Language tags as phones write them, and their fallbacks.
//!
//! BCP 47 as far as an app's texts need it: language, script, region. <https://www.rfc-editor.org/info/bcp47>

use std::fmt::{self, Write};

/// A language, perhaps in a script and of a region: `fr`, `pt-BR`, `zh-Hant-HK`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale {
    language: Subtag,
    script: Option<Subtag>,
    region: Option<Subtag>,
}

/// Up to four ASCII letters or digits, then zeros. No string: each event looks for the texts of each device.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Subtag([u8; 4]);

impl Locale {
    /// Reads a tag with `-` or `_`, in any case; what follows the region is left out. So is what iOS adds after `@` and
    /// POSIX after `.`; Java's `zh_TW_#Hant` has the script last. `None` for what is no tag.
    pub fn parse(text: &str) -> Option<Self> {
        let tag = text.split(['@', '.']).next()?;
        let (tag, last) = tag.split_once("_#").map_or((tag, ""), |(tag, last)| (tag.trim_end_matches('_'), last));
        let mut parts = tag.split(['-', '_']).peekable();
        let is_alpha = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
        let language = parts.next().filter(|part| matches!(part.len(), 2..=3)).filter(is_alpha)?;
        let is_script = |part: &&str| part.len() == 4 && is_alpha(part);
        let script = parts.next_if(is_script).or_else(|| last.split(['-', '_']).next().filter(is_script));
        let region = parts.next_if(|part| {
            (part.len() == 2 && is_alpha(part)) || (part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit()))
        });
        let is_rest = |part: &str| matches!(part.len(), 1..=8) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        parts.all(is_rest).then(|| Self {
            language: Subtag::lower_case(language),
            script: script.map(Subtag::capitalized),
            region: region.map(Subtag::upper_case),
        })
    }

    /// The locales whose texts can be used for this one, the best first. Chinese differs by script, which a region implies;
    /// texts without a script serve those only who read it by habit.
    pub fn fallbacks(&self) -> Vec<Self> {
        let script = self.script.or_else(|| self.usual_script());
        let mut fallbacks = Vec::with_capacity(5);
        fallbacks.push(self.clone());
        for region in [self.region, None] {
            let plain = Self { language: self.language, script: None, region };
            let by_habit = script.is_none() || script == plain.usual_script();
            for fallback in [Some(Self { script, ..plain }), by_habit.then_some(plain)].into_iter().flatten() {
                if !fallbacks.contains(&fallback) {
                    fallbacks.push(fallback);
                }
            }
        }
        fallbacks
    }

    /// The script that Chinese is written in where the tag does not say.
    fn usual_script(&self) -> Option<Subtag> {
        let traditional = ["TW", "HK", "MO"].map(Subtag::upper_case).map(Some).contains(&self.region);
        (self.language == Subtag::lower_case("zh"))
            .then(|| Subtag::capitalized(if traditional { "Hant" } else { "Hans" }))
    }
}

impl Subtag {
    fn lower_case(text: &str) -> Self {
        let mut bytes = [0; 4];
        // Nothing longer is parsed.
        bytes.iter_mut().zip(text.bytes()).for_each(|(byte, of)| *byte = of.to_ascii_lowercase());
        Self(bytes)
    }

    fn upper_case(text: &str) -> Self {
        Self(Self::lower_case(text).0.map(|byte| byte.to_ascii_uppercase()))
    }

    fn capitalized(text: &str) -> Self {
        let Self([first, rest @ ..]) = Self::lower_case(text);
        let [second, third, fourth] = rest;
        Self([first.to_ascii_uppercase(), second, third, fourth])
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.language)?;
        [self.script, self.region].into_iter().flatten().try_for_each(|part| write!(formatter, "-{part}"))
    }
}

impl fmt::Display for Subtag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().filter(|byte| **byte != 0).try_for_each(|byte| formatter.write_char(char::from(*byte)))
    }
}

impl fmt::Debug for Subtag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallbacks(text: &str) -> String {
        let all = Locale::parse(text).unwrap().fallbacks();
        all.iter().map(Locale::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn texts_fall_back_to_the_language_and_chinese_to_its_script() {
        for (tag, expected) in [
            ("fr", "fr"),
            ("fr-CA", "fr-CA fr"),
            ("FR_ca", "fr-CA fr"),
            ("es-419", "es-419 es"),
            ("en-US-u-hc-h12", "en-US en"),
            ("sr-Latn-RS", "sr-Latn-RS sr-Latn"),
            ("zh", "zh zh-Hans"),
            ("zh-CN", "zh-CN zh-Hans-CN zh-Hans zh"),
            ("zh_SG", "zh-SG zh-Hans-SG zh-Hans zh"),
            ("zh-TW", "zh-TW zh-Hant-TW zh-Hant"),
            ("zh-HK", "zh-HK zh-Hant-HK zh-Hant"),
            ("zh-MO", "zh-MO zh-Hant-MO zh-Hant"),
            ("zh-Hant", "zh-Hant"),
            ("zh-hant-hk", "zh-Hant-HK zh-HK zh-Hant"),
            ("zh-Hans-HK", "zh-Hans-HK zh-Hans zh"),
            ("en_US@calendar=gregorian", "en-US en"),
            ("fr_CA.UTF-8", "fr-CA fr"),
            ("zh_TW_#Hant", "zh-Hant-TW zh-TW zh-Hant"),
            ("zh__#Hans", "zh-Hans zh"),
            ("th_TH_TH_#u-nu-thai", "th-TH th"),
        ] {
            assert_eq!(fallbacks(tag), expected, "{tag}");
        }
    }

    #[test]
    fn an_invalid_tag_is_none() {
        for text in ["", "-", "f", "french", "12", "fr-", "fr-C!", "한국어", "_CA", "@fr", "_#Hant"] {
            assert_eq!(Locale::parse(text), None, "{text}");
        }
    }
}
