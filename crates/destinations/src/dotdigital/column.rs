//! The types that a collection already has, and values in these types.
//!
//! The first record that has a value at a path fixes its type; Dotdigital refuses every later record with another. So a
//! value is brought into the column's type where nothing of it is lost, and refused here otherwise, with path and types.

use std::collections::BTreeMap;

use model::Timestamp;
use serde_json::{Map, Value};

use super::api;

/// The columns of a collection, by name.
pub type Columns = BTreeMap<String, Column>;

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// Text.
    Text,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A time with its offset.
    Time,
    /// An object.
    Record(Columns),
    /// A list of such values.
    List(Box<Self>),
    /// Of a type that is not known here: the server decides.
    Other,
}

/// The columns of the records of a collection, as its schema tells them.
pub fn columns(schema: &[api::Column]) -> Columns {
    let record = schema.iter().find(|column| column.name == "json");
    record.map(|column| of(&column.fields)).unwrap_or_default()
}

fn of(columns: &[api::Column]) -> Columns {
    columns.iter().map(|column| (column.name.clone(), one(column))).collect()
}

fn one(column: &api::Column) -> Column {
    let single = match column.of.as_str() {
        "STRING" => Column::Text,
        "FLOAT" | "INTEGER" | "NUMERIC" => Column::Number,
        "BOOLEAN" => Column::Boolean,
        "TIMESTAMP" => Column::Time,
        "RECORD" => Column::Record(of(&column.fields)),
        _ => Column::Other,
    };
    if column.mode.as_deref() == Some("REPEATED") { Column::List(Box::new(single)) } else { single }
}

/// A value that can't stand at its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The path, with dots.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

impl Column {
    const fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Time => "a time",
            Self::Record(_) => "an object",
            Self::List(_) => "a list",
            Self::Other => "a value",
        }
    }
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Brings a record into the types of the columns; true if it changed. Members that are null are left out.
///
/// # Errors
/// The first member that can't be brought into its type, or that no collection can hold.
pub fn fit(record: &mut Map<String, Value>, columns: &Columns, longest_text: usize) -> Result<bool, Clash> {
    object(record, columns, longest_text, "")
}

fn object(record: &mut Map<String, Value>, columns: &Columns, longest: usize, above: &str) -> Result<bool, Clash> {
    let before = record.len();
    record.retain(|_, value| !value.is_null());
    let mut changed = record.len() != before;
    let mut alike: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in record.iter_mut() {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        if name.is_empty() || !name.chars().all(super::config::is_name_char) {
            let what = "is a name with other characters than letters, digits, - and _".to_owned();
            return Err(Clash { path, what });
        }
        if let Some(other) = alike.insert(name.replace('-', "_"), name.clone()) {
            return Err(Clash { path, what: format!("differs from {other} by - and _ alone") });
        }
        changed |= one_value(value, column(columns, name), longest, path)?;
    }
    Ok(changed)
}

/// The columns of the service's warehouse have no case.
fn column<'c>(columns: &'c Columns, name: &str) -> Option<&'c Column> {
    columns.get(name).or_else(|| columns.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, it)| it))
}

fn one_value(value: &mut Value, column: Option<&Column>, longest: usize, path: String) -> Result<bool, Clash> {
    let mut changed = match column.map_or(Some(None), |column| converted(value, column)) {
        Some(None) => false,
        Some(Some(other)) => {
            *value = other;
            true
        }
        None => {
            let there = column.map_or("", Column::name);
            let what = format!("is {} here, and the collection holds {there} there", type_of(value));
            return Err(Clash { path, what });
        }
    };
    match value {
        Value::Object(members) => {
            let none = Columns::new();
            let columns = if let Some(Column::Record(columns)) = column { columns } else { &none };
            changed |= object(members, columns, longest, &path)?;
        }
        Value::Array(values) => {
            let element = if let Some(Column::List(element)) = column { Some(&**element) } else { None };
            for value in values {
                if value.is_array() || value.is_null() {
                    let what = format!("is a list that holds {}", type_of(value));
                    return Err(Clash { path, what });
                }
                changed |= one_value(value, element, longest, path.clone())?;
            }
        }
        Value::String(text) if text.chars().count() > longest => {
            return Err(Clash { path, what: format!("has more than {longest} characters") });
        }
        _ => {}
    }
    Ok(changed)
}

/// The value in the column's type; `Some(None)`: it is of that type; `None`: it can't be.
#[expect(clippy::option_option, reason = "the three cases are told apart here alone")]
fn converted(value: &Value, column: &Column) -> Option<Option<Value>> {
    match (column, value) {
        (Column::Other, _)
        | (Column::Text, Value::String(_))
        | (Column::Number, Value::Number(_))
        | (Column::Boolean, Value::Bool(_))
        | (Column::Record(_), Value::Object(_))
        | (Column::List(_), Value::Array(_)) => Some(None),
        (Column::Text, Value::Number(number)) => Some(Some(Value::String(number.to_string()))),
        (Column::Text, Value::Bool(truth)) => Some(Some(Value::String(truth.to_string()))),
        (Column::Number, Value::String(text)) => {
            let number = text.trim().parse::<serde_json::Number>().ok()?;
            Some(Some(Value::Number(number)))
        }
        (Column::Boolean, Value::String(text)) => match text.trim() {
            "true" => Some(Some(Value::Bool(true))),
            "false" => Some(Some(Value::Bool(false))),
            _ => None,
        },
        (Column::Time, Value::String(text)) => Timestamp::parse(text).map(|_| None),
        (Column::List(element), single) if !single.is_null() => {
            let single = converted(single, element)?.unwrap_or_else(|| single.clone());
            Some(Some(Value::Array(vec![single])))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn schema() -> Columns {
        let column = |name: &str, mode: Option<&str>, of: &str, fields: Vec<api::Column>| api::Column {
            name: name.to_owned(),
            mode: mode.map(str::to_owned),
            of: of.to_owned(),
            fields,
        };
        columns(&[
            column("key", Some("NULLABLE"), "STRING", vec![]),
            column(
                "json",
                Some("NULLABLE"),
                "RECORD",
                vec![
                    column("sku", None, "STRING", vec![]),
                    column("price", None, "FLOAT", vec![]),
                    column("specialprice", None, "FLOAT", vec![]),
                    column("isnew", None, "BOOLEAN", vec![]),
                    column("since", None, "TIMESTAMP", vec![]),
                    column("tags", Some("REPEATED"), "STRING", vec![]),
                    column("brand", None, "RECORD", vec![column("name", None, "STRING", vec![])]),
                ],
            ),
        ])
    }

    fn fitted(mut value: Value) -> Result<Value, String> {
        let Value::Object(record) = &mut value else { panic!("no record") };
        fit(record, &schema(), 20).map_err(|clash| format!("{} {}", clash.path, clash.what))?;
        Ok(value)
    }

    #[test]
    fn values_come_in_the_types_that_the_collection_has() {
        let record = json!({ "sku": 17, "price": "19.90", "isnew": "true", "tags": 5, "brand": { "name": true }, "gone": null });
        let expected = json!({ "sku": "17", "price": 19.90, "isnew": true, "tags": ["5"], "brand": { "name": "true" } });
        assert_eq!(fitted(record), Ok(expected));
        let right = json!({ "sku": "a", "price": 1, "since": "2024-08-28T11:18:30Z", "tags": [], "other": { "x": [1] } });
        assert_eq!(fitted(right.clone()), Ok(right));
    }

    #[test]
    fn what_can_not_is_refused_with_path_and_both_types() {
        for (record, expected) in [
            (json!({ "price": "cheap" }), "price is text here, and the collection holds a number there"),
            (json!({ "specialPrice": true }), "specialPrice is true or false here, and the collection holds a number there"),
            (json!({ "brand": { "name": ["a"] } }), "brand.name is a list here, and the collection holds text there"),
            (json!({ "brand": "a" }), "brand is text here, and the collection holds an object there"),
            (json!({ "since": "in May" }), "since is text here, and the collection holds a time there"),
            (json!({ "tags": [["a"]] }), "tags is a list that holds a list"),
            (json!({ "a b": 1 }), "a b is a name with other characters than letters, digits, - and _"),
            (json!({ "a-b": 1, "a_b": 1 }), "a_b differs from a-b by - and _ alone"),
            (json!({ "note": "x".repeat(21) }), "note has more than 20 characters"),
        ] {
            assert_eq!(fitted(record).unwrap_err(), expected);
        }
    }
}
