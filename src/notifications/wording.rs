//! Title, body and data of a notification: texts, or keys of texts that the app itself has.

/// What is said. `Debug` leaves it out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wording {
    /// Who, as a rule.
    pub title: LocalizableText,
    /// What; may be empty.
    pub body: LocalizableText,
    /// Further members of the payload, by name. Those without a value are left out.
    pub data: Vec<(String, String)>,
    /// For the app: the name, or the number, of who it is from; may be empty.
    pub sender: String,
    /// For the app: the name of the thread; may be empty.
    pub topic: String,
}

/// A sentence.
#[derive(Clone, PartialEq, Eq)]
pub enum LocalizableText {
    /// As it is shown.
    Text(String),
    /// For the app to look up in its own language.
    Localized {
        /// The name of the sentence in the app.
        key: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

impl Wording {
    /// Whether title and body are blank.
    pub fn is_blank(&self) -> bool {
        let is_blank = |line: &LocalizableText| matches!(line, LocalizableText::Text(text) if text.trim().is_empty());
        is_blank(&self.title) && is_blank(&self.body)
    }

    /// All its texts that can be as long as they like, in the order of importance.
    pub fn texts(&self) -> impl Iterator<Item = &String> {
        [&self.title, &self.body].into_iter().flat_map(|line| match line {
            LocalizableText::Text(text) => std::slice::from_ref(text),
            LocalizableText::Localized { args, .. } => args,
        })
    }

    /// The same, to be changed.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.title, &mut self.body].into_iter().flat_map(|line| match line {
            LocalizableText::Text(text) => std::slice::from_mut(text),
            LocalizableText::Localized { args, .. } => args,
        })
    }
}

impl LocalizableText {
    /// The text, unless there is none or the app has it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()).filter(|text| !text.is_empty()),
            Self::Localized { .. } => None,
        }
    }

    /// The key of the sentence that the app has.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Localized { key, .. } => Some(key),
        }
    }

    /// Its arguments.
    pub fn args(&self) -> &[String] {
        match self {
            Self::Text(_) => &[],
            Self::Localized { args, .. } => args,
        }
    }
}

impl Default for LocalizableText {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl std::fmt::Debug for Wording {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Wording(redacted)")
    }
}

impl std::fmt::Debug for LocalizableText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LocalizableText(redacted)")
    }
}
