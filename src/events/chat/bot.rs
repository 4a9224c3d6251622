//! Messages of bots: their body is JSON for programs, as their metadata tells.
//! <https://learn.microsoft.com/azure/communication-services/quickstarts/chat/quickstart-botframework-integration>

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// What metadata says of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotContent {
    /// Cards, and perhaps a text.
    AdaptiveCard,
    /// For programs.
    Event,
}

/// The metadata's member.
pub const CONTENT_TYPE: &str = "microsoft.azure.communication.chat.bot.contenttype";

/// A bot's activity, as far as a person sees it.
#[derive(Debug, Deserialize)]
struct Activity {
    #[serde(default)]
    text: String,
    #[serde(default)]
    attachments: Vec<CardAttachment>,
}

#[derive(Debug, Deserialize)]
struct CardAttachment {
    #[serde(default)]
    content: Value,
}

impl BotContent {
    /// What the metadata's value stands for.
    pub fn parse(value: &str) -> Option<Self> {
        match value.to_ascii_lowercase().as_str() {
            "azurebotservice.adaptivecard" => Some(Self::AdaptiveCard),
            "azurebotservice.event" => Some(Self::Event),
            _ => None,
        }
    }
}

/// The words of a message with cards: its own text, or else what the first card says in place of itself, or its first text. Empty
/// where there are none. `None` is a body that is no JSON, and so is a text.
pub fn text_of_cards(body: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(body).ok()?;
    let Ok(activity) = serde_json::from_str::<Activity>(body) else { return Some(String::new()) };
    let cards = || activity.attachments.iter().map(|attachment| &attachment.content);
    let fallback =
        |card: &Value| card["fallbackText"].as_str().map(str::to_owned).filter(|text| !text.trim().is_empty());
    let own = Some(activity.text.clone()).filter(|text| !text.trim().is_empty());
    Some(own.or_else(|| cards().find_map(fallback)).or_else(|| cards().find_map(first_text)).unwrap_or_default())
}

/// The first text block of a card, wherever it stands. `serde_json` bounds the depth.
fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) => {
            let is_text = members.get("type").and_then(Value::as_str) == Some("TextBlock");
            let text = members.get("text").and_then(Value::as_str).filter(|text| is_text && !text.trim().is_empty());
            // In the order of a person's eyes: what a card's body shows, not its actions.
            let inner = ["body", "items", "columns", "content", "rows", "cells"];
            text.map(str::to_owned).or_else(|| inner.iter().filter_map(|name| members.get(*name)).find_map(first_text))
        }
        Value::Array(elements) => elements.iter().find_map(first_text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Option<String> {
        text_of_cards(body)
    }

    #[test]
    fn the_words_of_a_card_are_its_text_or_what_it_says_in_place_of_itself_or_its_first_text() {
        let card = r#"{"attachments":[{"content":{"type":"AdaptiveCard","fallbackText":"Pick","body":[{"type":"TextBlock","text":"Pick a slot"}]}}]}"#;
        assert_eq!(text(card).as_deref(), Some("Pick"));
        assert_eq!(
            text(&card.replace("{\"attachments", "{\"text\":\"Hello\",\"attachments")).as_deref(),
            Some("Hello")
        );
        assert_eq!(text(&card.replace("Pick\",", " \",")).as_deref(), Some("Pick a slot"));
        let nested = r#"{"attachments":[{"content":{"body":[{"type":"Image"},{"type":"ColumnSet","columns":[{"items":[{"type":"TextBlock","text":"In"}]}]}]}}]}"#;
        assert_eq!(text(nested).as_deref(), Some("In"));
        let actions = r#"{"attachments":[{"content":{"actions":[{"type":"TextBlock","text":"no"}]}}]}"#;
        assert_eq!(text(actions).as_deref(), Some(""));
        for other in ["[]", "7", "{}", r#"{"attachments":7}"#, r#"{"text":7}"#] {
            assert_eq!(text(other).as_deref(), Some(""), "{other}");
        }
        assert_eq!(text("Hello {you}"), None);
    }
}
