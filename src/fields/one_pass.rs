//! Reads several levels of a JSON document in one pass, for the names that are known beforehand.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Members in the order of the text.
pub type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Reads a document to its end.
pub fn read<'a, R: serde_json::de::Read<'a>, S: DeserializeSeed<'a>>(
    mut document: serde_json::Deserializer<R>,
    seed: S,
) -> serde_json::Result<S::Value> {
    let value = seed.deserialize(&mut document)?;
    document.end().map(|()| value)
}

/// Reads the members of an object, and apart from them those of the first object in it that has the name `inner`.
pub struct Object {
    /// Of the object to be read along, if any.
    pub inner: Option<&'static str>,
}

impl<'de> DeserializeSeed<'de> for Object {
    type Value = (Members<'de>, Option<Members<'de>>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = (Members<'de>, Option<Members<'de>>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        let mut inner = None;
        while let Some(Name(name)) = map.next_key()? {
            if inner.is_none() && self.inner == Some(&name) {
                inner = Some(map.next_value_seed(Self { inner: None })?.0);
            } else {
                members.push((name, map.next_value()?));
            }
        }
        Ok((members, inner))
    }
}

/// Goes along a path of names, and reads what stands at its end.
pub struct At<'p, S> {
    /// The names.
    pub path: &'p [&'p str],
    /// Reads the end.
    pub end: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for At<'_, S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.path {
            [] => self.end.deserialize(deserializer).map(Some),
            [..] => deserializer.deserialize_map(self),
        }
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for At<'_, S> {
    type Value = Option<S::Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut end = Some(self.end);
        let mut found = None;
        while let Some(Name(name)) = map.next_key()? {
            match end.take_if(|_| self.path.first() == Some(&&*name)) {
                Some(end) => found = map.next_value_seed(At { path: &self.path[1..], end })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

/// Serde's own `Cow<str>` always copies unless it is a named field; this one borrows.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
