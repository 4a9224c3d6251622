//! Templates that are sentences: literal text, facts, and `~`, `or`, `if` between them. They say what minijinja would make
//! of them, to the byte, without starting it. All built-in texts are such; what is not read here is left to minijinja.

use crate::notification::facts::{Fact, Facts};

#[cfg(test)]
mod tests;

/// A template without loops, filters and whitespace control.
#[derive(Debug)]
pub struct Sentence(Vec<Piece>);

#[derive(Debug)]
enum Piece {
    Literal(Box<str>),
    Fact(Fact),
    /// `first ~ second`
    Joined(Box<[Self; 2]>),
    /// `first or second`
    Either(Box<[Self; 2]>),
    /// `first if second else third`
    Chosen(Box<[Self; 3]>),
}

/// Four times what the largest payload can hold: no fact and no text is worth more.
pub const LONGEST: usize = 16 * 1024;

/// A template that joins more could, with the longest facts, take more steps than minijinja may.
const MOST_JOINED: usize = 3;

impl Sentence {
    /// Reads a template that may name these facts; `None` for what only minijinja understands, mistakes among it.
    pub fn read(source: &str, facts: &[Fact]) -> Option<Self> {
        if source.contains("{%") || source.contains("{#") {
            return None;
        }
        // A last line break is the file's and not the text's.
        let source = source.strip_suffix('\n').unwrap_or(source);
        let mut reader = Reader { rest: source.strip_suffix('\r').unwrap_or(source), facts, joined: 0 };
        let mut pieces = Vec::new();
        while let Some((literal, rest)) = reader.rest.split_once("{{") {
            pieces.push(Piece::Literal(literal.into()));
            reader.rest = rest;
            pieces.push(reader.expression()?);
            if !reader.takes("}}") {
                return None;
            }
        }
        pieces.push(Piece::Literal(reader.rest.into()));
        (reader.joined <= MOST_JOINED).then_some(Self(pieces))
    }

    /// The text, cut to what no payload could hold.
    pub fn render(&self, facts: &Facts<'_>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            piece.write(facts, &mut text);
            if text.len() > LONGEST {
                text.truncate(text.floor_char_boundary(LONGEST));
                break;
            }
        }
        text
    }
}

impl Piece {
    fn is_empty(&self, facts: &Facts<'_>) -> bool {
        match self {
            Self::Literal(text) => text.is_empty(),
            Self::Fact(fact) => facts.get(*fact).is_empty(),
            Self::Joined(both) | Self::Either(both) => both.iter().all(|piece| piece.is_empty(facts)),
            Self::Chosen(pieces) => Self::chosen(pieces, facts).is_empty(facts),
        }
    }

    fn write(&self, facts: &Facts<'_>, text: &mut String) {
        match self {
            Self::Literal(literal) => text.push_str(literal),
            Self::Fact(fact) => text.push_str(cut(facts.get(*fact))),
            Self::Joined(both) => both.iter().for_each(|piece| piece.write(facts, text)),
            Self::Either(both) => {
                let [first, second] = &**both;
                if first.is_empty(facts) { second } else { first }.write(facts, text);
            }
            Self::Chosen(pieces) => Self::chosen(pieces, facts).write(facts, text),
        }
    }

    fn chosen<'a>([then, condition, otherwise]: &'a [Self; 3], facts: &Facts<'_>) -> &'a Self {
        if condition.is_empty(facts) { otherwise } else { then }
    }
}

/// As much of a fact as is worth anything.
pub fn cut(fact: &str) -> &str {
    &fact[..fact.floor_char_boundary(LONGEST)]
}

/// Goes through a template as minijinja's parser does: `~` binds closest, then `or`, then `if`.
struct Reader<'a> {
    rest: &'a str,
    facts: &'a [Fact],
    joined: usize,
}

impl<'a> Reader<'a> {
    fn expression(&mut self) -> Option<Piece> {
        let mut piece = self.either()?;
        while self.takes_word("if") {
            let condition = self.either()?;
            let otherwise = if self.takes_word("else") { self.expression()? } else { Piece::Literal("".into()) };
            piece = Piece::Chosen(Box::new([piece, condition, otherwise]));
        }
        Some(piece)
    }

    fn either(&mut self) -> Option<Piece> {
        let mut piece = self.joined()?;
        while self.takes_word("or") {
            piece = Piece::Either(Box::new([piece, self.joined()?]));
        }
        Some(piece)
    }

    fn joined(&mut self) -> Option<Piece> {
        let mut piece = self.single()?;
        while self.takes("~") {
            piece = Piece::Joined(Box::new([piece, self.single()?]));
            self.joined += 1;
        }
        Some(piece)
    }

    fn single(&mut self) -> Option<Piece> {
        if self.takes("(") {
            let piece = self.expression()?;
            return self.takes(")").then_some(piece);
        }
        for quote in ["'", "\""] {
            if self.takes(quote) {
                let (literal, rest) = self.rest.split_once(quote)?;
                self.rest = rest;
                return (!literal.contains('\\')).then(|| Piece::Literal(literal.into()));
            }
        }
        let word = self.word();
        let fact = self.facts.iter().find(|fact| fact.name() == word)?;
        self.rest = &self.rest[word.len()..];
        Some(Piece::Fact(*fact))
    }

    fn takes(&mut self, symbol: &str) -> bool {
        self.rest = self.rest.trim_ascii_start();
        let rest = self.rest.strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_ascii_start();
        self.word() == word && self.takes(word)
    }

    /// The word that comes next; empty where something else does.
    fn word(&self) -> &'a str {
        let end = self.rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        &self.rest[..end.unwrap_or(self.rest.len())]
    }
}
