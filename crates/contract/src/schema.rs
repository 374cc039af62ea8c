//! Field schemas as data: one list validates payloads, prints the mapping reference and checks a user's expressions.

use serde::Serialize;

use crate::Facet;

/// A field of a destination's records.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FieldSpec {
    /// Name at the destination.
    pub name: &'static str,
    /// What its JSON must be.
    pub of: FieldType,
    /// Whether the destination refuses a record without it.
    pub required: bool,
    /// Which facet it belongs to.
    pub facet: Facet,
    /// The built-in mapping, written as an expression over the model. Documentation, checked by a test against the code.
    pub default: &'static str,
    /// What the vendor asks of the value.
    pub constraint: Constraint,
    /// What it is for, one line.
    pub note: &'static str,
}

/// JSON types of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// A string.
    Text,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// The store's id type: a string or an integer.
    Id,
    /// A list of ids.
    IdList,
    /// A list of strings.
    TextList,
    /// A list of numbers.
    NumberList,
    /// A list of integers.
    IntegerList,
    /// Any JSON but null: for fields that the user adds.
    Any,
}

impl FieldType {
    /// Whether `value` is of this type.
    pub fn admits(self, value: &serde_json::Value) -> bool {
        use serde_json::Value as Json;
        let list = |of: fn(&Json) -> bool| value.as_array().is_some_and(|values| values.iter().all(of));
        let is_integer = |value: &Json| value.is_i64() || value.is_u64();
        let is_id = |value: &Json| value.is_string() || value.is_i64() || value.is_u64();
        match self {
            Self::Text => value.is_string(),
            Self::Integer => is_integer(value),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Id => is_id(value),
            Self::IdList => list(is_id),
            Self::TextList => list(Json::is_string),
            Self::NumberList => list(Json::is_number),
            Self::IntegerList => list(is_integer),
            Self::Any => !value.is_null(),
        }
    }

    /// The type's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Id => "an id (text or an integer)",
            Self::IdList => "a list of ids",
            Self::TextList => "a list of texts",
            Self::NumberList => "a list of numbers",
            Self::IntegerList => "a list of integers",
            Self::Any => "any value but null",
        }
    }
}

/// What a vendor asks of a value beyond its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Constraint {
    /// Nothing more.
    None,
    /// Not blank.
    NotBlank,
    /// An absolute `http` or `https` URL.
    AbsoluteUrl,
    /// Zero or more.
    NotNegative,
    /// Seconds since the epoch, a whole number.
    UnixSeconds,
}

impl Constraint {
    /// What is wrong with `value`, if anything.
    pub fn violation(self, value: &serde_json::Value) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::NotBlank => value.as_str().is_some_and(|text| text.trim().is_empty()).then_some("is blank"),
            Self::AbsoluteUrl => (!value.as_str().is_some_and(is_absolute_url)).then_some("is no absolute http(s) URL"),
            Self::NotNegative => value.as_f64().is_none_or(|number| number < 0.0).then_some("is below zero"),
            Self::UnixSeconds => value.as_i64().is_none_or(|at| at < 0).then_some("is no time in whole seconds"),
        }
    }
}

/// Starts with `http://` or `https://` and a host, without white space.
pub fn is_absolute_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && !text.contains(char::is_whitespace)
}
