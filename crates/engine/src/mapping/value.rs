//! Listings as values that expressions see, and results as JSON.
//!
//! A field that is missing in a listing is missing in its value, so that `has(product.key)` says what it seems to say.
//! Only the fields that some expression names are made.

use std::{collections::HashMap, fmt, sync::Arc};

use cel::{
    SerializationError, Value,
    objects::{Key, Map, OptionalValue},
};
use serde::{
    Serialize,
    ser::{Error as _, Impossible, SerializeStruct, Serializer},
};
use serde_json::Value as Json;

/// Which fields of a variable are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Used {
    /// The variable as a whole.
    All,
    /// These fields, sorted.
    Fields(Vec<String>),
}

impl Used {
    pub(super) fn nothing() -> Self {
        Self::Fields(Vec::new())
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::nothing()
    }

    pub(super) fn add(&mut self, field: &str) {
        if let Self::Fields(fields) = self
            && let Err(place) = fields.binary_search_by(|known| known.as_str().cmp(field))
        {
            fields.insert(place, field.to_owned());
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match other {
            Self::All => *self = Self::All,
            Self::Fields(fields) => fields.iter().for_each(|field| self.add(field)),
        }
    }

    fn has(&self, field: &str) -> bool {
        match self {
            Self::All => true,
            Self::Fields(fields) => fields.iter().any(|known| known == field),
        }
    }
}

/// The used fields of a record.
///
/// # Errors
/// `record` is no struct.
pub(super) fn record<T: Serialize>(record: &T, used: &Used) -> Result<Value, SerializationError> {
    record.serialize(Fields { used, made: HashMap::new() })
}

/// Without what is missing, and with one type of integer.
fn tidy(value: Value) -> Value {
    match value {
        Value::Map(map) => {
            let map = Arc::try_unwrap(map.map).unwrap_or_else(|shared| (*shared).clone());
            let kept = map.into_iter().filter(|(_, value)| *value != Value::Null);
            Value::Map(Map { map: Arc::new(kept.map(|(key, value)| (key, tidy(value))).collect()) })
        }
        Value::List(list) => {
            let list = Arc::try_unwrap(list).unwrap_or_else(|shared| (*shared).clone());
            Value::List(Arc::new(list.into_iter().map(tidy).collect()))
        }
        Value::UInt(number) => i64::try_from(number).map_or(value, Value::Int),
        other => other,
    }
}

/// A result that JSON has no form for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoJson(pub(super) &'static str);

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

/// Takes a struct apart and keeps the used fields.
struct Fields<'u> {
    used: &'u Used,
    made: HashMap<Key, Value>,
}

impl SerializeStruct for Fields<'_> {
    type Ok = Value;
    type Error = SerializationError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), SerializationError> {
        if self.used.has(name) {
            let value = tidy(cel::to_value(value)?);
            if value != Value::Null {
                self.made.insert(Key::String(Arc::new(name.to_owned())), value);
            }
        }
        Ok(())
    }

    fn end(self) -> Result<Value, SerializationError> {
        Ok(Value::Map(Map { map: Arc::new(self.made) }))
    }
}

macro_rules! refuse {
    ($($method:ident($($of:ty),*);)*) => {$(
        fn $method(self, $(_: $of),*) -> Result<Value, SerializationError> {
            Err(SerializationError::custom("not a record"))
        }
    )*};
}

type Never = Impossible<Value, SerializationError>;

impl<'u> Serializer for Fields<'u> {
    type Ok = Value;
    type Error = SerializationError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Fields<'u>;
    type SerializeStructVariant = Never;

    refuse! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, SerializationError> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, SerializationError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, SerializationError> {
        Err(SerializationError::custom("not a record"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Never, SerializationError> {
        Err(SerializationError::custom("not a record"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, SerializationError> {
        Err(SerializationError::custom("not a record"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, SerializationError> {
        Err(SerializationError::custom("not a record"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, SerializationError> {
        Err(SerializationError::custom("not a record"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, SerializationError> {
        Err(SerializationError::custom("not a record"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, SerializationError> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Never, SerializationError> {
        Err(SerializationError::custom("not a record"))
    }
}
