//! Finds the members of JSON objects in one pass over a document, and checks all of it by the way.
//!
//! Most of an invocation is read by nobody, so what counts is to get past a value soon: strings are looked through eight
//! bytes at a time, and nothing is kept of a value but where it stands. What is JSON is said by RFC 8259, and serde_json
//! accepts the same. Where anything is wrong there is no answer; serde_json can tell what it was.

use std::borrow::Cow;

use super::Raw;

/// Members in the order of the text.
pub type Members<'a> = Vec<(Cow<'a, str>, Raw<'a>)>;

/// An object.
#[derive(Debug)]
pub struct Object<'a> {
    /// Its text.
    pub raw: Raw<'a>,
    /// Its members.
    pub members: Members<'a>,
    /// The members of the first object in it that has the name asked for. It is not among `members`.
    pub inner: Option<Members<'a>>,
}

/// Reads the object at the end of `path`, and the object `inner` in it, where they stand under exactly these names.
pub fn object_at<'a>(document: &'a str, path: &[&str], inner: Option<&str>) -> Option<Object<'a>> {
    let mut scanner = Scanner { document, at: 0, closing: Vec::new() };
    let object = scanner.object_at(path, inner)?;
    // A token further on is one too many.
    scanner.token().is_none().then_some(object)
}

struct Scanner<'a> {
    document: &'a str,
    /// Where it goes on.
    at: usize,
    /// The brackets to come in a value that is passed. A list and no recursion, as what nobody reads may have any depth.
    closing: Vec<u8>,
}

impl<'a> Scanner<'a> {
    fn object_at(&mut self, path: &[&str], inner: Option<&str>) -> Option<Object<'a>> {
        let [first, rest @ ..] = path else { return self.object(inner) };
        let mut found = None;
        self.members(|scanner, name| {
            if found.is_none() && name == *first {
                found = Some(scanner.object_at(rest, inner)?);
            } else {
                scanner.value()?;
            }
            Some(())
        })?;
        found
    }

    fn object(&mut self, inner: Option<&str>) -> Option<Object<'a>> {
        self.token()?;
        let start = self.at;
        let mut members = Vec::with_capacity(16);
        let mut inner_members = None;
        self.members(|scanner, name| {
            if inner_members.is_none() && inner == Some(&name) {
                inner_members = Some(scanner.object(None)?.members);
            } else {
                members.push((name, scanner.value()?));
            }
            Some(())
        })?;
        Some(Object { raw: Raw::new(&self.document[start..self.at], false), members, inner: inner_members })
    }

    /// Passes an object. `read` is told each name, and passes the value.
    fn members(&mut self, mut read: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let name = self.name()?.text()?;
            read(self, name)?;
            if !self.eat(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Passes a name and the colon behind it.
    fn name(&mut self) -> Option<Raw<'a>> {
        if self.token()? != b'"' {
            return None;
        }
        let name = self.value()?;
        self.expect(b':')?;
        Some(name)
    }

    fn value(&mut self) -> Option<Raw<'a>> {
        let first = self.token()?;
        let start = self.at;
        let mut plain = false;
        match first {
            b'"' => plain = self.string()?,
            b'{' | b'[' => self.nested()?,
            first => self.word(first)?,
        }
        Some(Raw::new(&self.document[start..self.at], plain))
    }

    /// Passes an object or an array.
    fn nested(&mut self) -> Option<()> {
        loop {
            let opened = match self.token()? {
                b'{' => Some(b'}'),
                b'[' => Some(b']'),
                b'"' => self.string().map(|_| None)?,
                first => self.word(first).map(|()| None)?,
            };
            if let Some(closing) = opened {
                self.at += 1;
                if !self.eat(closing) {
                    self.closing.push(closing);
                    if closing == b'}' {
                        self.name()?;
                    }
                    continue;
                }
            }
            // Behind a value.
            loop {
                let Some(closing) = self.closing.last().copied() else { return Some(()) };
                if self.eat(b',') {
                    if closing == b'}' {
                        self.name()?;
                    }
                    break;
                }
                self.expect(closing)?;
                self.closing.pop();
            }
        }
    }

    /// Passes a string, and tells whether it is without escapes.
    fn string(&mut self) -> Option<bool> {
        let mut plain = true;
        self.at += 1;
        loop {
            self.at += ordinary(self.rest());
            self.at += match self.rest() {
                [b'"', ..] => break,
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
                [b'\\', b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 6,
                _ => return None,
            };
            plain = false;
        }
        self.at += 1;
        Some(plain)
    }

    /// Passes what is neither a string nor in brackets.
    fn word(&mut self, first: u8) -> Option<()> {
        let word: &[u8] = match first {
            b'n' => b"null",
            b't' => b"true",
            b'f' => b"false",
            _ => return self.number(),
        };
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.is_at(b"-"));
        // A zero stands alone.
        if self.is_at(b"0") {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.is_at(b".") {
            self.at += 1;
            self.digits()?;
        }
        if self.is_at(b"eE") {
            self.at += 1;
            self.at += usize::from(self.is_at(b"+-"));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.is_at(b"0123456789") {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn is_at(&self, any: &[u8]) -> bool {
        self.rest().first().is_some_and(|byte| any.contains(byte))
    }

    /// Goes on to what is no space, and tells what it is.
    fn token(&mut self) -> Option<u8> {
        loop {
            match *self.document.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn eat(&mut self, token: u8) -> bool {
        let found = self.token() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: u8) -> Option<()> {
        self.eat(token).then_some(())
    }

    fn rest(&self) -> &'a [u8] {
        &self.document.as_bytes()[self.at..]
    }
}

/// How many bytes there are before a quotation mark, a backslash or a control character.
fn ordinary(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // The highest bit of each byte that is below `limit`, and perhaps of some behind the first such byte.
    let below = |chunk: u64, limit: u8| chunk.wrapping_sub(ONES * u64::from(limit)) & !chunk & (ONES << 7);
    let equal = |chunk: u64, byte: u8| below(chunk ^ (ONES * u64::from(byte)), 1);
    let (chunks, rest) = bytes.as_chunks();
    for (index, chunk) in chunks.iter().enumerate() {
        let chunk = u64::from_le_bytes(*chunk);
        let ends = below(chunk, b' ') | equal(chunk, b'"') | equal(chunk, b'\\');
        if ends != 0 {
            return 8 * index + ends.trailing_zeros() as usize / 8;
        }
    }
    let ends = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    8 * chunks.len() + rest.iter().position(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
