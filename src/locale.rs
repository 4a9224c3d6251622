//! Language tags as phones write them, and which texts serve where theirs are missing.
//!
//! BCP 47 as far as an app's texts need it: language, script, region. <https://www.rfc-editor.org/info/bcp47>

use std::fmt;

/// A language, perhaps in a script and of a region: `fr`, `pt-BR`, `zh-Hant-HK`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale {
    language: String,
    script: Option<String>,
    region: Option<String>,
}

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
        let capitalized = |script: &str| script[..1].to_ascii_uppercase() + &script[1..].to_ascii_lowercase();
        parts.all(is_rest).then(|| Self {
            language: language.to_ascii_lowercase(),
            script: script.map(capitalized),
            region: region.map(str::to_ascii_uppercase),
        })
    }

    /// The locales whose texts serve this one, the best first. Chinese is told apart by script, which a region implies;
    /// texts without a script serve those only who read it by habit.
    pub fn fallbacks(&self) -> Vec<Self> {
        let script = self.script.clone().or_else(|| self.usual_script());
        let mut fallbacks = vec![self.clone()];
        for region in [&self.region, &None] {
            let plain = Self { language: self.language.clone(), script: None, region: region.clone() };
            let by_habit = script.is_none() || script == plain.usual_script();
            fallbacks.push(Self { script: script.clone(), ..plain.clone() });
            fallbacks.extend(by_habit.then_some(plain));
        }
        let mut unique = Vec::new();
        fallbacks.retain(|fallback| {
            let is_new = !unique.contains(fallback);
            unique.push(fallback.clone());
            is_new
        });
        fallbacks
    }

    /// The script that Chinese is written in where the tag does not say.
    fn usual_script(&self) -> Option<String> {
        let traditional = matches!(self.region.as_deref(), Some("TW" | "HK" | "MO"));
        (self.language == "zh").then(|| if traditional { "Hant" } else { "Hans" }.to_owned())
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.language)?;
        [&self.script, &self.region].into_iter().flatten().try_for_each(|part| write!(formatter, "-{part}"))
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
    fn what_is_no_tag_is_none() {
        for text in ["", "-", "f", "french", "12", "fr-", "fr-C!", "한국어", "_CA", "@fr", "_#Hant"] {
            assert_eq!(Locale::parse(text), None, "{text}");
        }
    }
}
