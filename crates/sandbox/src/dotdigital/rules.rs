//! What Insight data refuses in a record, whatever its collection.

use std::collections::BTreeSet;

use serde_json::Value;

/// Why a record is refused: the published reason, and a detail.
pub(super) type Reason = (&'static str, String);

/// Longest key of a record. The limit is not published.
const LONGEST_KEY: usize = 255;
/// Longest name of a member. The limit is not published.
const LONGEST_NAME: usize = 128;
/// Numbers are decimals of .NET, whose largest is near this.
const LARGEST_NUMBER: f64 = 7.9e28;

/// Whether a name can be that of a collection.
pub(super) fn is_collection_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    first && (2..=255).contains(&name.len()) && bytes.all(is_name_byte)
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Why this can't be the key of a record.
pub(super) fn of_key(key: &str) -> Option<Reason> {
    let fits = !key.is_empty() && key.len() <= LONGEST_KEY && key.bytes().all(is_name_byte);
    (!fits).then(|| ("InvalidClientKey", format!("The key '{key}' is invalid")))
}

/// Why this can't be a record.
pub(super) fn of_value(value: &Value, longest_text: usize) -> Option<Reason> {
    match value {
        Value::Object(object) => {
            let mut alike = BTreeSet::new();
            object.iter().find_map(|(name, value)| {
                if name.is_empty() || !name.bytes().all(is_name_byte) {
                    return Some(("JsonKeyInvalidCharacters", format!("The name '{name}' has invalid characters")));
                }
                if name.len() > LONGEST_NAME {
                    return Some(("JsonKeyTooLong", format!("The name '{name}' is too long")));
                }
                if !alike.insert(name.replace('-', "_")) {
                    return Some(("JsonContainsDashUnderscoreClash", format!("The name '{name}' clashes")));
                }
                of_value(value, longest_text)
            })
        }
        Value::Array(list) => list.iter().find_map(|value| {
            if value.is_array() {
                return Some(("JsonContainsNestedArray", "A list holds a list".to_owned()));
            }
            of_value(value, longest_text)
        }),
        Value::String(text) => (text.chars().count() > longest_text)
            .then(|| ("JsonValueTooLong", format!("A text has more than {longest_text} characters"))),
        Value::Number(number) => number
            .as_f64()
            .is_none_or(|number| number.abs() > LARGEST_NUMBER)
            .then(|| ("JsonNumberValueTooLarge", format!("The number {number} is too large"))),
        Value::Null | Value::Bool(_) => None,
    }
}
