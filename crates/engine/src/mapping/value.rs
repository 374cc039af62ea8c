//! Listings as values that expressions see, and results as JSON.
//!
//! A field that is missing in a listing is missing in its value, so that `has(product.key)` works. Only fields that
//! some expression names are converted: most expressions name two or three fields of a hundred.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use cel::{
    Value,
    common::{
        types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString},
        value::Val,
    },
    objects::{Key, OptionalValue},
};
use serde::{
    Serialize,
    ser::{self, Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, Serializer},
};
use serde_json::Value as Json;

/// Which parts of a value expressions name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Used {
    /// All of it.
    All,
    /// These fields; of a list, [`ELEMENT`] stands for each element.
    Parts(BTreeMap<String, Used>),
}

/// The step from a list to its elements. No field is called like this.
pub(super) const ELEMENT: &str = "[]";

impl Used {
    pub(super) const NOTHING: Self = Self::Parts(BTreeMap::new());

    /// The part at the end of a path, created if it is missing.
    pub(super) fn at(&mut self, path: &[String]) -> &mut Self {
        path.iter().fold(self, |used, step| match used {
            Self::All => used,
            Self::Parts(parts) => parts.entry(step.clone()).or_insert(Self::NOTHING),
        })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::All, _) => {}
            (used, Self::All) => *used = Self::All,
            (Self::Parts(parts), Self::Parts(more)) => {
                for (name, used) in more {
                    parts.entry(name.clone()).or_insert(Self::NOTHING).merge(used);
                }
            }
        }
    }

    fn part(&self, name: &str) -> Option<&Self> {
        match self {
            Self::All => Some(&Self::All),
            Self::Parts(parts) => parts.get(name),
        }
    }
}

type Made = Option<Box<dyn Val>>;

/// The used parts of a value; `None` where it is missing.
///
/// # Errors
/// A map whose keys are no text.
pub(super) fn make<T: Serialize + ?Sized>(value: &T, used: &Used) -> Result<Made, Unfit> {
    value.serialize(Maker { used })
}

/// A value that expressions can't see.
#[derive(Debug)]
pub(super) struct Unfit(String);

impl fmt::Display for Unfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

impl ser::Error for Unfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// A result that JSON has no form for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoJson(&'static str);

impl fmt::Display for NoJson {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, which JSON has no form for", self.0)
    }
}

/// The result as JSON, object members sorted by name so that the same result is the same text.
pub(super) fn json(value: &Value) -> Result<Json, NoJson> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(number) => (*number).into(),
        Value::UInt(number) => (*number).into(),
        Value::Float(number) if number.is_finite() => (*number).into(),
        Value::Float(_) => return Err(NoJson("a number that is not finite")),
        Value::String(text) => Json::String((**text).clone()),
        Value::List(list) => list.iter().map(json).collect::<Result<_, _>>()?,
        Value::Map(map) => {
            #[expect(clippy::disallowed_methods, reason = "they are sorted below")]
            let members = map.map.iter().map(|(key, value)| Ok((text(key), json(value)?)));
            let mut members: Vec<_> = members.collect::<Result<_, _>>()?;
            members.sort_by(|(left, _), (right, _)| left.cmp(right));
            Json::Object(members.into_iter().collect())
        }
        Value::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => optional.value().map_or(Ok(Json::Null), json)?,
            None => return Err(NoJson("an opaque value")),
        },
        Value::Bytes(_) => return Err(NoJson("bytes")),
        Value::Function(..) => return Err(NoJson("a function")),
        Value::Struct(_) => return Err(NoJson("a message")),
    })
}

fn text(key: &Key) -> String {
    match key {
        Key::Int(number) => number.to_string(),
        Key::Uint(number) => number.to_string(),
        Key::Bool(truth) => truth.to_string(),
        Key::String(text) => (**text).clone(),
    }
}

/// Makes one value.
#[derive(Clone, Copy)]
struct Maker<'u> {
    used: &'u Used,
}

struct ListMaker<'u> {
    used: &'u Used,
    made: Vec<Box<dyn Val>>,
}

struct MapMaker<'u> {
    used: &'u Used,
    /// The part that the last key stands for; `None` if it is not used.
    next: Option<(String, &'u Used)>,
    made: HashMap<CelMapKey<'static>, Box<dyn Val>>,
}

impl<'u> MapMaker<'u> {
    fn new(used: &'u Used) -> Self {
        Self { used, next: None, made: HashMap::new() }
    }

    fn put<T: Serialize + ?Sized>(&mut self, name: String, used: &Used, value: &T) -> Result<(), Unfit> {
        if let Some(value) = make(value, used)? {
            self.made.insert(CelMapKey::from(name), value);
        }
        Ok(())
    }

    fn finish(self) -> Box<dyn Val> {
        Box::new(CelMap::from(self.made))
    }
}

impl SerializeSeq for ListMaker<'_> {
    type Ok = Made;
    type Error = Unfit;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        self.made.push(make(value, self.used)?.unwrap_or_else(|| Box::new(CelNull)));
        Ok(())
    }

    fn end(self) -> Result<Made, Unfit> {
        Ok(Some(Box::new(CelList::from(self.made))))
    }
}

impl SerializeMap for MapMaker<'_> {
    type Ok = Made;
    type Error = Unfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unfit> {
        let Ok(Json::String(name)) = serde_json::to_value(key) else {
            return Err(Unfit::custom("a map whose keys are no text"));
        };
        self.next = self.used.part(&name).map(|used| (name, used));
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unfit> {
        match self.next.take() {
            Some((name, used)) => self.put(name, used, value),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<Made, Unfit> {
        Ok(Some(self.finish()))
    }
}

impl SerializeStruct for MapMaker<'_> {
    type Ok = Made;
    type Error = Unfit;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unfit> {
        match self.used.part(name) {
            Some(used) => self.put(name.to_owned(), used, value),
            None => Ok(()),
        }
    }

    fn end(self) -> Result<Made, Unfit> {
        Ok(Some(self.finish()))
    }
}

macro_rules! integers {
    ($($method:ident($of:ty);)*) => {$(
        fn $method(self, number: $of) -> Result<Made, Unfit> {
            let number = i64::try_from(number).map_err(|_| Unfit::custom("a number that is too large"))?;
            Ok(Some(Box::new(CelInt::from(number))))
        }
    )*};
}

impl<'u> Serializer for Maker<'u> {
    type Ok = Made;
    type Error = Unfit;
    type SerializeSeq = ListMaker<'u>;
    type SerializeTuple = Impossible<Made, Unfit>;
    type SerializeTupleStruct = Impossible<Made, Unfit>;
    type SerializeTupleVariant = Impossible<Made, Unfit>;
    type SerializeMap = MapMaker<'u>;
    type SerializeStruct = MapMaker<'u>;
    type SerializeStructVariant = Impossible<Made, Unfit>;

    integers! {
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
    }

    fn serialize_bool(self, truth: bool) -> Result<Made, Unfit> {
        Ok(Some(Box::new(CelBool::from(truth))))
    }

    fn serialize_f32(self, number: f32) -> Result<Made, Unfit> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<Made, Unfit> {
        Ok(Some(Box::new(CelDouble::from(number))))
    }

    fn serialize_char(self, letter: char) -> Result<Made, Unfit> {
        self.serialize_str(letter.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<Made, Unfit> {
        Ok(Some(Box::new(CelString::from(text.to_owned()))))
    }

    fn serialize_none(self) -> Result<Made, Unfit> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Made, Unfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Made, Unfit> {
        Ok(None)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Made, Unfit> {
        Ok(None)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Made, Unfit> {
        self.serialize_str(name)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Made, Unfit> {
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<ListMaker<'u>, Unfit> {
        static NOTHING: Used = Used::NOTHING;
        let used = self.used.part(ELEMENT).unwrap_or(&NOTHING);
        Ok(ListMaker { used, made: Vec::with_capacity(length.unwrap_or(0)) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<MapMaker<'u>, Unfit> {
        Ok(MapMaker::new(self.used))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<MapMaker<'u>, Unfit> {
        Ok(MapMaker::new(self.used))
    }

    // Listings have no values of the following types.

    fn serialize_bytes(self, _: &[u8]) -> Result<Made, Unfit> {
        Err(Unfit::custom("bytes"))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Made, Unfit> {
        Err(Unfit::custom("a variant with a value"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unfit> {
        Err(Unfit::custom("a tuple"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Unfit> {
        Err(Unfit::custom("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unfit> {
        Err(Unfit::custom("a variant with a value"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unfit> {
        Err(Unfit::custom("a variant with a value"))
    }
}
