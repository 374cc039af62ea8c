//! What clients send, read member by member.
//!
//! A member that is missing is a `RequiredField` error, one of the wrong shape an `InvalidJsonInput` error. A member that
//! is null counts as absent.

use serde_json::{Value, json};

use super::error::ApiError;
use super::order::Id;
use super::state::{Kind, Object, State, reference};
use super::time;

/// An optional member.
pub(super) fn given<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A required member.
pub(super) fn need<'a>(object: &'a Object, name: &str) -> Result<&'a Value, ApiError> {
    given(object, name).ok_or_else(|| ApiError::required(name))
}

/// An optional string.
pub(super) fn text<'a>(object: &'a Object, name: &str) -> Result<Option<&'a str>, ApiError> {
    given(object, name).map(|value| value.as_str().ok_or_else(|| wrong(name, "a string"))).transpose()
}

/// A required string.
pub(super) fn need_text<'a>(object: &'a Object, name: &str) -> Result<&'a str, ApiError> {
    text(object, name)?.ok_or_else(|| ApiError::required(name))
}

/// An optional whole number.
pub(super) fn number(object: &Object, name: &str) -> Result<Option<i64>, ApiError> {
    given(object, name).map(|value| value.as_i64().ok_or_else(|| wrong(name, "a whole number"))).transpose()
}

/// A required whole number.
pub(super) fn need_number(object: &Object, name: &str) -> Result<i64, ApiError> {
    number(object, name)?.ok_or_else(|| ApiError::required(name))
}

/// An optional whole number in a range; outside of it the field is invalid.
pub(super) fn number_in(
    object: &Object,
    name: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, ApiError> {
    match number(object, name)? {
        Some(number) if !range.contains(&number) => Err(ApiError::field(name, &json!(number))),
        number => Ok(number),
    }
}

/// An optional true or false.
pub(super) fn flag(object: &Object, name: &str) -> Result<Option<bool>, ApiError> {
    given(object, name).map(|value| value.as_bool().ok_or_else(|| wrong(name, "true or false"))).transpose()
}

/// A required true or false.
pub(super) fn need_flag(object: &Object, name: &str) -> Result<bool, ApiError> {
    flag(object, name)?.ok_or_else(|| ApiError::required(name))
}

/// The elements of an optional list.
pub(super) fn list<'a>(object: &'a Object, name: &str) -> Result<&'a [Value], ApiError> {
    let list = given(object, name).map(|value| value.as_array().ok_or_else(|| wrong(name, "a list"))).transpose()?;
    Ok(list.map_or(&[], Vec::as_slice))
}

/// The strings of a list.
pub(super) fn texts<'a>(object: &'a Object, name: &str) -> Result<Vec<&'a str>, ApiError> {
    list(object, name)?.iter().map(|value| value.as_str().ok_or_else(|| wrong(name, "a list of strings"))).collect()
}

/// An optional text by locale.
pub(super) fn localized<'a>(object: &'a Object, name: &str) -> Result<Option<&'a Value>, ApiError> {
    let Some(value) = given(object, name) else { return Ok(None) };
    let texts = value.as_object().filter(|texts| texts.values().all(Value::is_string));
    let texts = texts.ok_or_else(|| wrong(name, "an object of strings by locale"))?;
    match texts.keys().find(|locale| !is_locale(locale)) {
        Some(locale) => Err(wrong(name, &format!("locales, of which '{locale}' is none"))),
        None => Ok(Some(value)),
    }
}

/// A required text by locale.
pub(super) fn need_localized<'a>(object: &'a Object, name: &str) -> Result<&'a Value, ApiError> {
    localized(object, name)?.ok_or_else(|| ApiError::required(name))
}

/// Whether `text` has the form of a language tag: `en`, `en-US`, `zh-Hans-SG`.
pub(super) fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    matches!(language.len(), 2 | 3)
        && language.bytes().all(|letter| letter.is_ascii_lowercase())
        && parts.all(|part| matches!(part.len(), 1..=8) && part.bytes().all(|letter| letter.is_ascii_alphanumeric()))
}

/// An optional string of a fixed set.
pub(super) fn one_of<'a>(object: &'a Object, name: &str, allowed: &[&str]) -> Result<Option<&'a str>, ApiError> {
    match text(object, name)? {
        Some(value) if !allowed.contains(&value) => Err(wrong(name, &format!("one of {}", allowed.join(", ")))),
        value => Ok(value),
    }
}

/// An optional `key` of 2 to 256 letters, digits, hyphens and underscores.
pub(super) fn key(object: &Object) -> Result<Option<String>, ApiError> {
    match text(object, "key")? {
        Some(key) if !is_identifier(key) => Err(ApiError::field("key", &json!(key))),
        key => Ok(key.map(str::to_owned)),
    }
}

/// Whether `text` has the form of a user-given identifier: 2 to 256 letters, digits, hyphens and underscores.
pub(super) fn is_identifier(text: &str) -> bool {
    (2..=256).contains(&text.len())
        && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_'))
}

/// Whether `text` has the form of a currency code: three capitals, with `0` behind when it is not of ISO 4217.
pub(super) fn is_currency(text: &str) -> bool {
    let code = text.strip_suffix('0').unwrap_or(text);
    code.len() == 3 && code.bytes().all(|letter| letter.is_ascii_uppercase())
}

/// Whether `text` has the form of a country code of ISO 3166-1: two capitals.
pub(super) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_uppercase())
}

/// A required currency code.
pub(super) fn currency<'a>(object: &'a Object, name: &str) -> Result<&'a str, ApiError> {
    Some(need_text(object, name)?).filter(|code| is_currency(code)).ok_or_else(|| wrong(name, "a currency code"))
}

/// An optional country code.
pub(super) fn country<'a>(object: &'a Object, name: &str) -> Result<Option<&'a str>, ApiError> {
    match text(object, name)? {
        Some(code) if !is_country(code) => Err(wrong(name, "a country code")),
        code => Ok(code),
    }
}

/// An optional date and time, in the platform's form.
pub(super) fn instant(object: &Object, name: &str) -> Result<Option<Value>, ApiError> {
    let Some(text) = text(object, name)? else { return Ok(None) };
    let at = time::milliseconds(text).ok_or_else(|| wrong(name, "a date and time"))?;
    Ok(Some(json!(time::print(at))))
}

/// An error for a member of the wrong shape.
pub(super) fn wrong(field: &str, wanted: &str) -> ApiError {
    ApiError::json(format!("{field}: expected {wanted}"))
}

/// The members of an object.
pub(super) fn object<'a>(value: &'a Value, field: &str) -> Result<&'a Object, ApiError> {
    value.as_object().ok_or_else(|| wrong(field, "an object"))
}

/// How a resource identifier names its resource: by `id` or by `key`, and with which text.
fn named<'a>(identifier: &'a Value, type_id: &str) -> Result<(&'static str, &'a str), ApiError> {
    let identifier = object(identifier, type_id)?;
    if text(identifier, "typeId")?.is_some_and(|given| given != type_id) {
        return Err(wrong("typeId", &format!("'{type_id}'")));
    }
    match (text(identifier, "id")?, text(identifier, "key")?) {
        (Some(id), None) => Ok(("id", id)),
        (None, Some(key)) => Ok(("key", key)),
        _ => Err(wrong(type_id, "an object with either 'id' or 'key'")),
    }
}

/// The reference that a resource identifier stands for.
pub(super) fn resolve(state: &State, kind: Kind, identifier: &Value) -> Result<Value, ApiError> {
    let (how, what) = named(identifier, kind.type_id())?;
    match state.identified(kind, identifier) {
        Some(row) => Ok(reference(kind, row.id)),
        None => Err(ApiError::dangling(kind.type_id(), how, what)),
    }
}

/// The id in a reference.
pub(super) fn referenced(reference: &Value) -> Result<Id, ApiError> {
    let id = reference.get("id").and_then(Value::as_str).and_then(Id::parse);
    id.ok_or_else(|| ApiError::required("id"))
}

/// The reference that an optional member stands for.
pub(super) fn resolve_given(state: &State, kind: Kind, object: &Object, name: &str) -> Result<Option<Value>, ApiError> {
    given(object, name).map(|identifier| resolve(state, kind, identifier)).transpose()
}

/// Refuses a member that names a resource of a type of which the emulated project has none.
pub(super) fn refuse_reference(object: &Object, name: &str, type_id: &str) -> Result<(), ApiError> {
    let Some(identifier) = given(object, name) else { return Ok(()) };
    let (how, what) = named(identifier, type_id)?;
    Err(ApiError::dangling(type_id, how, what))
}

/// Refuses custom fields: they name a type, and the emulated project has none.
pub(super) fn refuse_custom(holder: &Object) -> Result<(), ApiError> {
    let Some(custom) = given(holder, "custom") else { return Ok(()) };
    let custom = object(custom, "custom")?;
    need(custom, "type")?;
    refuse_reference(custom, "type", "type")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    #[test]
    fn codes_have_their_forms() {
        for (check, good, bad) in [
            (
                is_locale as fn(&str) -> bool,
                &["en", "de-DE", "zh-Hans-SG"][..],
                &["English", "de_DE", "", "EN", "d"][..],
            ),
            (is_currency, &["EUR", "USD0"], &["Euro", "eur", "EURO", "EU0", ""]),
            (is_country, &["DE"], &["Spain", "de", "DEU", ""]),
            (is_identifier, &["ab", "A_b-9"], &["a", "a b", "ä-b", "", "a!"]),
        ] {
            for text in good {
                assert!(check(text), "{text}");
            }
            for text in bad {
                assert!(!check(text), "{text}");
            }
        }
        assert!(is_identifier(&"x".repeat(256)) && !is_identifier(&"x".repeat(257)));
    }
}
