//! Tags, and the boolean expressions of tags that choose the devices of a send.
//!
//! <https://learn.microsoft.com/azure/notification-hubs/notification-hubs-tags-segment-push-message>

use crate::limits::{MAX_TAG_LENGTH, MAX_TAGS_IN_EXPRESSION, MAX_TAGS_IN_OR_LIST};

/// The beginnings of the tags that the service makes from an id: `$UserId:{ada}`.
const OF_AN_ID: [&str; 2] = ["$InstallationId:{", "$UserId:{"];

/// Whether a client may give a device this tag, or may send to it.
pub(crate) fn is_valid(tag: &str) -> bool {
    let inner = OF_AN_ID.iter().find_map(|start| tag.strip_prefix(start)?.strip_suffix('}'));
    let is_allowed = |character: char| is_tag_character(character) || (inner.is_some() && character == '=');
    let text = inner.unwrap_or(tag);
    !text.is_empty() && tag.chars().count() <= MAX_TAG_LENGTH && text.chars().all(is_allowed)
}

fn is_tag_character(character: char) -> bool {
    character.is_alphanumeric() || "_@#.:-".contains(character)
}

/// A parsed tag expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TagExpression {
    Tag(String),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

/// Why a tag expression is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TagExpressionError {
    #[error("it ends where a tag, '!' or '(' is expected")]
    End,
    #[error("'{0}' stands where a tag, '!' or '(' is expected")]
    NoTag(String),
    #[error("'{0}' stands where '&&', '||' or ')' is expected")]
    NoOperator(String),
    #[error("a ')' is missing")]
    MissingParenthesis,
    #[error("'{0}' is not a valid tag")]
    Tag(String),
    #[error("it has {0} tags; at most {MAX_TAGS_IN_OR_LIST} are allowed with '||' alone")]
    TooManyInOrList(usize),
    #[error("it has {0} tags; at most {MAX_TAGS_IN_EXPRESSION} are allowed with '&&' or '!'")]
    TooMany(usize),
}

impl TagExpression {
    pub(crate) fn parse(text: &str) -> Result<Self, TagExpressionError> {
        let tokens = tokens(text);
        let (has_others, count) = (
            tokens.iter().any(|token| ["&&", "!"].contains(token)),
            tokens.iter().filter(|token| !["&&", "||", "!", "(", ")"].contains(*token)).count(),
        );
        // Before anything is built: the depth of the expression is then limited, too.
        if has_others && count > MAX_TAGS_IN_EXPRESSION {
            return Err(TagExpressionError::TooMany(count));
        }
        if count > MAX_TAGS_IN_OR_LIST {
            return Err(TagExpressionError::TooManyInOrList(count));
        }
        let mut parser = Parser { tokens: &tokens, depth: 0 };
        let expression = parser.or()?;
        match parser.tokens.first() {
            None => Ok(expression),
            Some(token) => Err(TagExpressionError::NoOperator((*token).to_owned())),
        }
    }

    pub(crate) fn matches(&self, tags: &[String]) -> bool {
        match self {
            Self::Tag(tag) => tags.contains(tag),
            Self::Not(inner) => !inner.matches(tags),
            Self::And(one, other) => one.matches(tags) && other.matches(tags),
            Self::Or(one, other) => one.matches(tags) || other.matches(tags),
        }
    }
}

/// Operators, parentheses, and what stands between them and blanks.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("&&") || rest.starts_with("||") {
            2
        } else if "!()&|".contains(first) {
            1
        } else {
            rest.find(|next: char| next.is_whitespace() || "!()&|".contains(next)).unwrap_or(rest.len())
        };
        let (token, behind) = rest.split_at(length);
        tokens.push(token);
        rest = behind.trim_start();
    }
    tokens
}

struct Parser<'t> {
    tokens: &'t [&'t str],
    depth: usize,
}

/// More `!` and `(` inside of each other than an expression of so few tags needs.
const MAX_DEPTH: usize = 64;

impl<'t> Parser<'t> {
    fn or(&mut self) -> Result<TagExpression, TagExpressionError> {
        let mut expression = self.and()?;
        while self.take("||") {
            expression = TagExpression::Or(Box::new(expression), Box::new(self.and()?));
        }
        Ok(expression)
    }

    fn and(&mut self) -> Result<TagExpression, TagExpressionError> {
        let mut expression = self.not()?;
        while self.take("&&") {
            expression = TagExpression::And(Box::new(expression), Box::new(self.not()?));
        }
        Ok(expression)
    }

    fn not(&mut self) -> Result<TagExpression, TagExpressionError> {
        let Some((token, rest)) = self.tokens.split_first() else { return Err(TagExpressionError::End) };
        self.tokens = rest;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TagExpressionError::NoTag((*token).to_owned()));
        }
        let expression = match *token {
            "!" => TagExpression::Not(Box::new(self.not()?)),
            "(" => {
                let inner = self.or()?;
                if !self.take(")") {
                    let next = self.tokens.first().map(|next| TagExpressionError::NoOperator((*next).to_owned()));
                    return Err(next.unwrap_or(TagExpressionError::MissingParenthesis));
                }
                inner
            }
            ")" | "&&" | "||" | "&" | "|" => return Err(TagExpressionError::NoTag((*token).to_owned())),
            tag if is_valid(tag) => TagExpression::Tag(tag.to_owned()),
            tag => return Err(TagExpressionError::Tag(tag.to_owned())),
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn take(&mut self, wanted: &'t str) -> bool {
        match self.tokens.split_first() {
            Some((token, rest)) if *token == wanted => {
                self.tokens = rest;
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(expression: &str, tags: &[&str]) -> bool {
        let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        TagExpression::parse(expression).unwrap().matches(&tags)
    }

    #[test]
    fn an_expression_is_read_as_in_most_languages() {
        assert!(matches("a || b && c", &["a"]), "&& binds tighter");
        assert!(!matches("(a || b) && c", &["a"]));
        assert!(matches("(a||b)&&!c", &["b"]));
        assert!(!matches("(a || b) && !c", &["b", "c"]));
        assert!(matches("!!a", &["a"]) && matches("!a || b", &[]) && !matches("!(a || b)", &["b"]));
        assert!(matches(
            "$InstallationId:{a-1} && $UserId:{8:acs:b=}",
            &["$UserId:{8:acs:b=}", "$InstallationId:{a-1}"]
        ));
        assert!(!matches("likes_hockey", &["Likes_hockey"]), "tags differ by letter case");
    }

    #[test]
    fn the_number_of_tags_is_limited_as_documented() {
        let list = |operator: &str, count: usize| vec!["a"; count].join(operator);
        assert!(TagExpression::parse(&list(" || ", 20)).is_ok() && TagExpression::parse(&list(" && ", 6)).is_ok());
        assert_eq!(TagExpression::parse(&list(" || ", 21)), Err(TagExpressionError::TooManyInOrList(21)));
        assert_eq!(TagExpression::parse(&list(" && ", 7)), Err(TagExpressionError::TooMany(7)));
        assert_eq!(TagExpression::parse(&format!("!{}", list("||", 7))), Err(TagExpressionError::TooMany(7)));
    }

    #[test]
    fn a_mistake_is_named() {
        for (expression, wanted) in [
            ("a &&", "it ends where a tag"),
            ("a && || b", "'||' stands where a tag"),
            ("a b", "'b' stands where '&&'"),
            ("a & b", "'&' stands where '&&'"),
            ("(a || b", "a ')' is missing"),
            ("a)", "')' stands where '&&'"),
            ("a,b", "'a,b' is not a valid tag"),
            (&format!("{}a", "(".repeat(100_000)), "'(' stands where a tag"),
        ] {
            let error = TagExpression::parse(expression).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
