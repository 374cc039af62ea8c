//! Columns of a collection: the first record that has a value at a path fixes its type; later ones may add paths.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Text,
    Number,
    Boolean,
    /// An ISO 8601 time with its offset.
    Time,
    Record(BTreeMap<String, Self>),
    /// A list, with the type of its elements once it had any.
    List(Option<Box<Self>>),
}

/// A value of another type than the column's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clash {
    /// Name of the member.
    pub(super) name: String,
    /// The column's type.
    pub(super) of: &'static str,
}

impl Clash {
    /// In the vendor's words.
    pub(super) fn detail(&self) -> String {
        let Self { name, of } = self;
        format!(
            "A value named '{name}' of type {of} already exists in this collection and new values must be of this type."
        )
    }
}

impl Column {
    const fn name(&self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Number => "Number",
            Self::Boolean => "Boolean",
            Self::Time => "DateTime",
            Self::Record(_) => "Object",
            Self::List(_) => "List",
        }
    }

    /// The column once it has this value; `None` where a null has none.
    fn merged(column: Option<&Self>, name: &str, value: &Value) -> Result<Option<Self>, Clash> {
        let clash = |column: &Self| Clash { name: name.to_owned(), of: column.name() };
        let column = match (column, value) {
            (column, Value::Null) => return Ok(column.cloned()),
            (None, Value::String(text)) if is_time(text) => Self::Time,
            (None | Some(Self::Text), Value::String(_)) => Self::Text,
            (Some(Self::Time), Value::String(text)) if is_time(text) => Self::Time,
            (None | Some(Self::Number), Value::Number(_)) => Self::Number,
            (None | Some(Self::Boolean), Value::Bool(_)) => Self::Boolean,
            (None, Value::Object(object)) => Self::Record(extended(&BTreeMap::new(), object)?),
            (Some(Self::Record(members)), Value::Object(object)) => Self::Record(extended(members, object)?),
            (None, Value::Array(list)) => Self::List(Self::element(None, name, list)?),
            (Some(Self::List(element)), Value::Array(list)) => {
                Self::List(Self::element(element.as_deref(), name, list)?)
            }
            (Some(other), _) => return Err(clash(other)),
        };
        Ok(Some(column))
    }

    fn element(element: Option<&Self>, name: &str, list: &[Value]) -> Result<Option<Box<Self>>, Clash> {
        let mut element = element.cloned();
        for value in list {
            element = Self::merged(element.as_ref(), name, value)?;
        }
        Ok(element.map(Box::new))
    }

    /// As the schema call tells it.
    fn told(&self, name: &str) -> Value {
        let (mode, of, fields) = match self {
            Self::List(None) => ("REPEATED", "STRING", json!([])),
            Self::List(Some(element)) => ("REPEATED", element.told_type(), element.told_fields()),
            single => ("NULLABLE", single.told_type(), single.told_fields()),
        };
        json!({ "name": name, "mode": mode, "type": of, "fields": fields })
    }

    const fn told_type(&self) -> &'static str {
        match self {
            Self::Text | Self::List(_) => "STRING",
            Self::Number => "FLOAT",
            Self::Boolean => "BOOLEAN",
            Self::Time => "TIMESTAMP",
            Self::Record(_) => "RECORD",
        }
    }

    fn told_fields(&self) -> Value {
        match self {
            Self::Record(members) => told(members),
            _ => json!([]),
        }
    }
}

/// The columns once they hold this record.
pub(super) fn extended(
    columns: &BTreeMap<String, Column>,
    record: &Map<String, Value>,
) -> Result<BTreeMap<String, Column>, Clash> {
    let mut extended = columns.clone();
    for (name, value) in record {
        if let Some(column) = Column::merged(columns.get(name), name, value)? {
            extended.insert(name.clone(), column);
        }
    }
    Ok(extended)
}

/// The columns as the schema call tells them.
pub(super) fn told(columns: &BTreeMap<String, Column>) -> Value {
    columns.iter().map(|(name, column)| column.told(name)).collect()
}

/// A date and a time with an offset, as in `2024-08-28T11:18:30Z`.
fn is_time(text: &str) -> bool {
    text.get(10..11) == Some("T") && text.parse::<Timestamp>().is_ok()
}
