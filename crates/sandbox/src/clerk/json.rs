//! Reads JSON without building it: objects are kept as text, and their fields borrow from that text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A text that borrows from the JSON unless it has escapes.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// The text in a JSON string; `None` when it is none.
pub(super) fn text(raw: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0)
}

/// An object's fields in their order, values as text.
pub(super) struct Fields<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// `None` when `raw` is no object.
    pub(super) fn of(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// The last field of that name, as JSON readers agree on.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|&(_, value)| value)
    }

    /// The object with only these fields.
    pub(super) fn to_raw(&self) -> Option<Box<RawValue>> {
        let mut json = String::with_capacity(self.0.iter().map(|(key, value)| key.len() + value.get().len() + 4).sum());
        for (key, value) in &self.0 {
            json.push(if json.is_empty() { '{' } else { ',' });
            json.push_str(&serde_json::to_string(key).ok()?);
            json.push(':');
            json.push_str(value.get());
        }
        if json.is_empty() {
            json.push('{');
        }
        json.push('}');
        RawValue::from_string(json).ok()
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(48);
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    fields.push((key.0, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// The attributes of an object that `wanted` accepts, read in one pass that skips the others.
pub(super) fn attributes(raw: &RawValue, wanted: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let mut found = Map::new();
    for (name, value) in Fields::of(raw).map(|fields| fields.0).unwrap_or_default() {
        if wanted(&name)
            && let Ok(value) = serde_json::from_str(value.get())
        {
            found.insert(name.into_owned(), value);
        }
    }
    found
}

/// The list an argument carries, or that it is no list.
pub(super) enum Items<'a> {
    List(Vec<&'a RawValue>),
    NoList,
}

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;
        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element::<&'de RawValue>()? {
                    items.push(item);
                }
                Ok(Items::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Items::NoList)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Items::NoList)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Items::NoList)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Items::NoList)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Items::NoList)
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Items::NoList)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Items::NoList)
            }
        }
        deserializer.deserialize_any(ItemsVisitor)
    }
}

/// A write call's body, read in one pass: the keys, and the objects as text.
pub(super) struct WriteBody<'a> {
    pub(super) key: Option<Cow<'a, str>>,
    pub(super) private_key: Option<Cow<'a, str>>,
    pub(super) items: Option<Items<'a>>,
}

impl<'a> WriteBody<'a> {
    /// Reads `body`, whose objects stand under `argument`. `None` when it is no JSON object.
    pub(super) fn read(body: &'a str, argument: &str) -> Option<Self> {
        if body.trim_ascii().is_empty() {
            return Some(Self { key: None, private_key: None, items: None });
        }
        let mut deserializer = serde_json::Deserializer::from_str(body);
        let read = deserializer.deserialize_map(BodyVisitor { argument }).ok()?;
        deserializer.end().ok().map(|()| read)
    }
}

struct BodyVisitor<'n> {
    argument: &'n str,
}

impl<'de> Visitor<'de> for BodyVisitor<'_> {
    type Value = WriteBody<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut read = WriteBody { key: None, private_key: None, items: None };
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            match name.as_ref() {
                "key" => read.key = Some(key_text(map.next_value::<&'de RawValue>()?)?),
                "private_key" => read.private_key = Some(key_text(map.next_value::<&'de RawValue>()?)?),
                name if name == self.argument => read.items = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(read)
    }
}

fn key_text<E: serde::de::Error>(raw: &RawValue) -> Result<Cow<'_, str>, E> {
    text(raw.get()).ok_or_else(|| E::custom("a key is a text"))
}
