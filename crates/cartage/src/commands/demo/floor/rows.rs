//! Pages of JSON whose records are parsed one after the other and dropped, and text as it is parsed in them.
//!
//! **Invariant:** no connector uses or shares this; see the other files of this folder.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

/// Text, borrowed where JSON holds it without escapes.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        from.deserialize_str(Borrow)
    }
}

/// Parses a page whose records are in its member `rows`, one after the other, and returns their number.
pub(super) fn page<'a, T: Deserialize<'a>>(rows: &'static str, body: &'a str) -> Result<usize, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(body);
    let count = Page::<T>(rows, PhantomData).deserialize(&mut reader)?;
    reader.end()?;
    Ok(count)
}

/// Parses a list of such records.
pub(super) fn list<'a, T: Deserialize<'a>>(body: &'a str) -> Result<usize, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(body);
    let count = Results::<T>(PhantomData).deserialize(&mut reader)?;
    reader.end()?;
    Ok(count)
}

struct Page<T>(&'static str, PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Page<T> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Page<T> {
    type Value = usize;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a page with {}", self.0)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut count = None;
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "limit" => drop(map.next_value::<Option<u64>>()?),
                rows if rows == self.0 => count = Some(map.next_value_seed(Results::<T>(PhantomData))?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        count.ok_or_else(|| de::Error::missing_field(self.0))
    }
}

struct Results<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Results<T> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Results<T> {
    type Value = usize;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while let Some(record) = seq.next_element::<T>()? {
            drop(std::hint::black_box(record));
            count += 1;
        }
        Ok(count)
    }
}
