//! Attribute values, told apart by their shape.
//!
//! A projection does not say of which type an attribute is, and its product type may be read before or after it. The
//! shapes are disjoint but for text that looks like a date, which is passed on as a date: the same characters.

use model::{Attribute, Locale, Value};

use super::{Unfit, price};
use crate::commercetools::api::{self, AttributeValue, Text};

/// The attributes that have a value.
pub fn attributes(list: Option<Vec<api::Attribute<'_>>>) -> Result<Vec<Attribute>, Unfit> {
    let list = list.unwrap_or_default();
    let mut attributes = Vec::with_capacity(list.len());
    for attribute in list {
        if let Some(value) = value(&attribute.name, attribute.value)? {
            attributes.push(Attribute { name: attribute.name.into(), value });
        }
    }
    Ok(attributes)
}

fn value(name: &str, value: AttributeValue<'_>) -> Result<Option<Value>, Unfit> {
    Ok(Some(match value {
        AttributeValue::Null => return Ok(None),
        AttributeValue::Boolean(truth) => Value::Boolean(truth),
        AttributeValue::Integer(number) => Value::Integer(number),
        AttributeValue::Number(number) => Value::Number(number),
        AttributeValue::Text(text) => plain(text),
        AttributeValue::Array(elements) => array(name, elements)?,
        AttributeValue::Object(members) => object(name, members)?,
    }))
}

fn plain(text: Text<'_>) -> Value {
    let shape = shape(&text);
    let text = text.into();
    match shape {
        Shape::Date => Value::Date(text),
        Shape::Time => Value::Time(text),
        Shape::DateTime => Value::DateTime(text),
        Shape::Text => Value::Text(text),
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Text,
    Date,
    Time,
    DateTime,
}

/// The vendor writes dates as `2026-05-01`, times as `12:34:56.000`, instants as `2026-05-01T12:34:56.000Z`.
fn shape(text: &str) -> Shape {
    let like = |pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                _ => byte == wanted,
            })
    };
    match text.len() {
        10 if like("0000-00-00") => Shape::Date,
        12 if like("00:00:00.000") => Shape::Time,
        24 if like("0000-00-00T00:00:00.000Z") => Shape::DateTime,
        _ => Shape::Text,
    }
}

fn array(name: &str, elements: Vec<AttributeValue<'_>>) -> Result<Value, Unfit> {
    if !elements.is_empty() && elements.iter().all(is_attribute) {
        let nested = elements.into_iter().filter_map(as_attribute).collect();
        return Ok(Value::Nested(attributes(Some(nested))?));
    }
    let values = elements.into_iter().map(|element| value(name, element));
    Ok(Value::Set(values.filter_map(Result::transpose).collect::<Result<_, _>>()?))
}

/// `{"name": …, "value": …}`
fn is_attribute(value: &AttributeValue<'_>) -> bool {
    let AttributeValue::Object(members) = value else { return false };
    let has = |wanted: &str| members.iter().any(|(name, _)| &**name == wanted);
    members.len() == 2 && matches!(member(members, "name"), Some(AttributeValue::Text(_))) && has("value")
}

fn as_attribute(value: AttributeValue<'_>) -> Option<api::Attribute<'_>> {
    let AttributeValue::Object(members) = value else { return None };
    let (mut name, mut of) = (None, AttributeValue::Null);
    for (member, value) in members {
        match value {
            AttributeValue::Text(text) if &*member == "name" => name = Some(text),
            value => of = value,
        }
    }
    Some(api::Attribute { name: name?, value: of })
}

fn member<'m, 'a>(members: &'m [(Text<'a>, AttributeValue<'a>)], wanted: &str) -> Option<&'m AttributeValue<'a>> {
    members.iter().find(|(name, _)| &**name == wanted).map(|(_, value)| value)
}

fn text<'m, 'a>(members: &'m [(Text<'a>, AttributeValue<'a>)], wanted: &str) -> Option<&'m Text<'a>> {
    match member(members, wanted)? {
        AttributeValue::Text(text) => Some(text),
        _ => None,
    }
}

fn object(name: &str, members: Vec<(Text<'_>, AttributeValue<'_>)>) -> Result<Value, Unfit> {
    if let Some(money) = as_money(&members) {
        return Ok(Value::Money(price::money(&format_args!("attribute {name}"), &money)?));
    }
    if let Some(of) = text(&members, "typeId")
        && let Some(id) = text(&members, "id").or_else(|| text(&members, "key"))
    {
        return Ok(Value::Reference { of: of.to_string(), id: (&**id).into() });
    }
    if let Some(key) = text(&members, "key")
        && let Some(label) = member(&members, "label")
        && let Some(value) = enumerated(key, label)
    {
        return Ok(value);
    }
    if members.iter().all(|(tag, value)| matches!(value, AttributeValue::Text(_)) && Locale::parse(tag).is_ok()) {
        return Ok(Value::Localized(labels_by_locale(&members).unwrap_or_default()));
    }
    // No type that is known: its members are kept under their names.
    let members = members.into_iter().map(|(name, value)| api::Attribute { name, value });
    Ok(Value::Nested(attributes(Some(members.collect()))?))
}

fn as_money<'a>(members: &[(Text<'a>, AttributeValue<'a>)]) -> Option<api::TypedMoney<'a>> {
    let integer = |wanted: &str| match member(members, wanted)? {
        AttributeValue::Integer(number) => Some(*number),
        _ => None,
    };
    Some(api::TypedMoney {
        currency_code: text(members, "currencyCode")?.clone(),
        cent_amount: integer("centAmount")?,
        fraction_digits: integer("fractionDigits"),
        precise_amount: integer("preciseAmount"),
    })
}

fn enumerated(key: &Text<'_>, label: &AttributeValue<'_>) -> Option<Value> {
    let key = key.to_string();
    match label {
        AttributeValue::Text(label) => Some(Value::Enum { key, label: label.to_string() }),
        AttributeValue::Object(labels) => Some(Value::LocalizedEnum { key, label: labels_by_locale(labels)? }),
        _ => None,
    }
}

/// Labels by locale; none where it is something else.
pub(super) fn labels_by_locale(labels: &[(Text<'_>, AttributeValue<'_>)]) -> Option<model::Localized> {
    let mut list = Vec::with_capacity(labels.len());
    for (tag, label) in labels {
        let AttributeValue::Text(label) = label else { return None };
        list.push((Locale::parse(tag).ok()?, label.to_string()));
    }
    Some(list.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_vendors_own_form_is_taken_for_a_date() {
        assert_eq!(shape("2026-05-01"), Shape::Date);
        assert_eq!(shape("12:34:56.000"), Shape::Time);
        assert_eq!(shape("2026-05-01T12:34:56.000Z"), Shape::DateTime);
        for text in ["", "2026-5-1", "01.05.2026", "2026-05-01 ", "12:34", "2026-05-01T12:34:56Z", "äöü-äö"] {
            assert_eq!(shape(text), Shape::Text, "{text}");
        }
    }
}
