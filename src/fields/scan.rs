//! Finds the members of JSON objects in one pass over a document, and checks all of it by the way.
//!
//! Most of an invocation is read by nobody, so what counts is to get past a value soon: strings are looked through eight
//! bytes at a time, and nothing is kept of a value but where it stands. What is JSON is said by RFC 8259, and `serde_json`
//! accepts the same. Where anything is wrong there is no answer; `serde_json` can tell what it was.

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
            self.expect(b':')?;
            read(self, name)?;
            if !self.eat(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Passes a name.
    fn name(&mut self) -> Option<Raw<'a>> {
        self.token()?;
        let start = self.at;
        let plain = self.quoted()?;
        Some(Raw::new(&self.document[start..self.at], plain))
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
                        self.pass_name()?;
                    }
                    continue;
                }
            }
            // Behind a value.
            loop {
                let Some(closing) = self.closing.last().copied() else { return Some(()) };
                if self.eat(b',') {
                    if closing == b'}' {
                        self.pass_name()?;
                    }
                    break;
                }
                self.expect(closing)?;
                self.closing.pop();
            }
        }
    }

    /// Passes a name that nobody reads, and the colon behind it.
    fn pass_name(&mut self) -> Option<()> {
        self.quoted()?;
        self.expect(b':')
    }

    /// Passes what has to be a string.
    fn quoted(&mut self) -> Option<bool> {
        if self.token()? == b'"' { self.string() } else { None }
    }

    /// Passes a string, and tells whether it is without escapes.
    fn string(&mut self) -> Option<bool> {
        let special = from_special(&self.document.as_bytes()[self.at + 1..]);
        let is_plain = special.first() == Some(&b'"');
        let closed = if is_plain { special } else { from_end_of_string(special)? };
        self.at = self.document.len() - closed.len() + 1;
        Some(is_plain)
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
        self.pass_if(|byte| byte == b'-');
        // A zero stands alone.
        if !self.pass_if(|byte| byte == b'0') {
            self.digits()?;
        }
        if self.pass_if(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.pass_if(|byte| matches!(byte, b'e' | b'E')) {
            self.pass_if(|byte| matches!(byte, b'+' | b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.pass_if(|byte| byte.is_ascii_digit()) {}
        (self.at > start).then_some(())
    }

    fn pass_if(&mut self, is_wanted: impl Fn(u8) -> bool) -> bool {
        let passed = self.rest().first().is_some_and(|byte| is_wanted(*byte));
        self.at += usize::from(passed);
        passed
    }

    /// Goes on to what is no space, and tells what it is.
    fn token(&mut self) -> Option<u8> {
        match self.document.as_bytes().get(self.at) {
            Some(byte) if *byte > b' ' => Some(*byte),
            _ => self.token_behind_space(),
        }
    }

    /// Stands apart, as programs write no spaces.
    #[inline(never)]
    fn token_behind_space(&mut self) -> Option<u8> {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += self.rest().iter().take_while(|byte| is_space(byte)).count();
        self.rest().first().copied()
    }

    fn eat(&mut self, token: u8) -> bool {
        if self.token() != Some(token) {
            return false;
        }
        self.at += 1;
        true
    }

    fn expect(&mut self, token: u8) -> Option<()> {
        self.eat(token).then_some(())
    }

    fn rest(&self) -> &'a [u8] {
        &self.document.as_bytes()[self.at..]
    }
}

/// Goes on to the quotation mark at the end of a string that has an escape, or a mistake. Few have any, so it stands apart.
#[inline(never)]
fn from_end_of_string(mut special: &[u8]) -> Option<&[u8]> {
    loop {
        special = from_special(match special {
            [b'"', ..] => return Some(special),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', rest @ ..] => rest,
            [b'\\', b'u', a, b, c, d, rest @ ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => rest,
            _ => return None,
        });
    }
}

/// What comes from the first quotation mark, backslash or control character on: what no JSON string holds as it is.
pub fn from_special(mut bytes: &[u8]) -> &[u8] {
    const ONES: u64 = u64::MAX / 255;
    while let Some((chunk, rest)) = bytes.split_first_chunk() {
        let chunk = u64::from_le_bytes(*chunk);
        // A subtraction sets the highest bit of each byte that is less, and perhaps of some behind the first such byte. With
        // one bit flipped, a quotation mark stands right behind the control characters.
        let control_or_quote = (chunk ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
        let backslash = (chunk ^ (ONES * u64::from(b'\\'))).wrapping_sub(ONES);
        let special = (control_or_quote | backslash) & !chunk & (ONES << 7);
        if special != 0 {
            return &bytes[special.trailing_zeros() as usize / 8..];
        }
        bytes = rest;
    }
    let is_special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    &bytes[bytes.iter().position(is_special).unwrap_or(bytes.len())..]
}

#[cfg(test)]
mod tests;
