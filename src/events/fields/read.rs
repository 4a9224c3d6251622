//! Reads objects by serde: a name and a raw value for each member, in one pass, including nested objects.
//!
//! A raw value may have any depth: `serde_json` finds its end without recursion.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Fields, Names, Value, text_of};

/// Most objects of an invocation have fewer members. Up to 1 KiB is fastest with the allocator.
const TYPICAL_MEMBERS: usize = 14;

/// Reads a document that is an object, and in the same pass the objects nested in it under these names.
pub fn read<'a>(document: &'a str, nested: Names) -> serde_json::Result<Fields<'a>> {
    let read = |object: Object| {
        let mut reader = serde_json::Deserializer::from_str(document);
        let fields = object.deserialize(&mut reader)?;
        reader.end().map(|()| fields)
    };
    // A nested value may not be an object, or a name may contain half a surrogate pair: read without nesting.
    read(Object { nested, any_names: false }).or_else(|_| read(Object { nested: &[], any_names: true }))
}

/// Reads an object, and with it the first object in it that has the first name of `nested`, and so on.
struct Object {
    nested: Names,
    /// Whether to accept names that are not valid as a `str`.
    any_names: bool,
}

/// Serde's own `Cow<str>` always copies unless it is a field; this one borrows.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Object {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    /// Serde's own error would quote the text, which can be an array of events.
    fn visit_str<E: Error>(self, _: &str) -> Result<Fields<'de>, E> {
        Err(E::custom("a text"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut members = Vec::with_capacity(TYPICAL_MEMBERS);
        let mut next = self.nested.split_first();
        loop {
            let name = if self.any_names {
                map.next_key::<&RawValue>()?.and_then(text_of)
            } else {
                map.next_key()?.map(|Name(name)| name)
            };
            let Some(name) = name else { return Ok(Fields { path: Cow::Borrowed(&[]), members }) };
            let value = match next.take_if(|(first, _)| **first == name) {
                Some((_, nested)) => {
                    let fields = map.next_value_seed(Self { nested, ..self })?;
                    Value::Object(fields.with_path(&self.nested[..1]))
                }
                None => Value::Raw(map.next_value()?),
            };
            members.push((name, value));
        }
    }
}
