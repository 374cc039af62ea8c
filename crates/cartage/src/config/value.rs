//! Reads a parsed TOML value into a typed one, with typed errors and their places.
//!
//! The parser's own errors are sentences, which a reporter would have to parse.

use std::{fmt, ops::Range};

use serde::{
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
        Unexpected, Visitor, value::StrDeserializer,
    },
    forward_to_deserialize_any,
};
use toml::{Spanned, de::DeValue};

/// Why a value can't be read into a type.
#[derive(Debug)]
pub(super) struct Error {
    pub(super) wrong: Wrong,
    /// The key or value that is wrong, the innermost.
    pub(super) span: Option<Range<usize>>,
}

/// The mistake.
#[derive(Debug)]
pub(super) enum Wrong {
    /// A key that is not among these.
    Key(Vec<&'static str>),
    /// A required key is missing.
    Missing(&'static str),
    /// A word that is not among these.
    Word { given: String, known: Vec<&'static str> },
    /// A value of another type, or out of its range.
    Type { given: String, expected: String },
    /// The type's own message.
    Other(String),
}

/// Reads a value.
pub(super) fn read<T: DeserializeOwned>(value: &Spanned<DeValue<'_>>) -> Result<T, Error> {
    T::deserialize(Node(value))
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        Self { wrong, span: None }
    }
}

impl Error {
    /// Sets the place, unless an inner one is set.
    fn at(mut self, span: Range<usize>) -> Self {
        self.span.get_or_insert(span);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.wrong)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Wrong::Other(message.to_string()).into()
    }

    fn invalid_type(given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Wrong::Type { given: shown(given), expected: expected.to_string() }.into()
    }

    fn invalid_value(given: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Wrong::Type { given: shown(given), expected: expected.to_string() }.into()
    }

    fn unknown_variant(given: &str, known: &'static [&'static str]) -> Self {
        Wrong::Word { given: given.to_owned(), known: known.to_vec() }.into()
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Wrong::Key(known.to_vec()).into()
    }

    fn missing_field(key: &'static str) -> Self {
        Wrong::Missing(key).into()
    }
}

/// A given value, for people.
fn shown(given: Unexpected<'_>) -> String {
    match given {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => value.to_string(),
        Unexpected::Signed(value) => value.to_string(),
        Unexpected::Float(value) => format!("{value:?}"),
        Unexpected::Str(text) => format!("the text {text:?}"),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Seq => "a list in [ ]".to_owned(),
        other => other.to_string(),
    }
}

/// A value with its place.
#[derive(Clone, Copy)]
struct Node<'a, 'i>(&'a Spanned<DeValue<'i>>);

/// A key with its place.
struct Key<'a>(&'a str, Range<usize>);

/// The items of a list.
struct Items<I>(I);

impl<'de, 'a, 'i: 'a, I: Iterator<Item = Node<'a, 'i>>> SeqAccess<'de> for Items<I> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.0.next() else { return Ok(None) };
        seed.deserialize(item).map(Some).map_err(|error| error.at(item.0.span()))
    }
}

/// The keys and values of a table.
struct Entries<'a, 'i, I> {
    entries: I,
    /// The value of the key that was read last.
    value: Option<Node<'a, 'i>>,
}

impl<'de, 'a, 'i: 'a, I: Iterator<Item = (Key<'a>, Node<'a, 'i>)>> MapAccess<'de> for Entries<'a, 'i, I> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value = self.value.take().ok_or_else(|| Error::from(Wrong::Other("a key without a value".to_owned())))?;
        seed.deserialize(value).map_err(|error| error.at(value.0.span()))
    }
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.0).map_err(|error: Error| error.at(self.1))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl Node<'_, '_> {
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.get_ref() {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Boolean(value) => visitor.visit_bool(*value),
            DeValue::Datetime(at) => visitor.visit_str(&at.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => visitor.visit_i64(number),
                Err(_) => Err(de::Error::invalid_value(Unexpected::Other(number.as_str()), &visitor)),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(de::Error::invalid_value(Unexpected::Other(number.as_str()), &visitor)),
            },
            DeValue::Array(items) => visitor.visit_seq(Items(items.iter().map(Node))),
            DeValue::Table(table) => {
                let entries = table.iter().map(|(key, value)| (Key(key.get_ref(), key.span()), Node(value)));
                visitor.visit_map(Entries { entries, value: None })
            }
        }
    }
}

impl<'de> Deserializer<'de> for Node<'_, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor).map_err(|error| error.at(self.0.span()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self).map_err(|error: Error| error.at(self.0.span()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self).map_err(|error: Error| error.at(self.0.span()))
    }

    /// The settings' enums are words.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0.get_ref() {
            DeValue::String(text) => {
                let word: StrDeserializer<'_, Error> = (**text).into_deserializer();
                visitor.visit_enum(word).map_err(|error: Error| error.at(self.0.span()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
