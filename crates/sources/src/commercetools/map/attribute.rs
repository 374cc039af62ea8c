//! Attribute values, recognized by their shape.
//!
//! A projection does not say of which type an attribute is, and its product type may be read before or after it. The
//! shapes are disjoint, except for text that looks like a date: it becomes a date with the same characters.

use model::{Attribute, Kind, Locale, Notice, Value};

use super::{Unfit, kept, price};
use crate::commercetools::api::{self, AttributeValue, Text};

/// The attributes that have a value. One that can't be represented is left out with a notice. `of` names the variant
/// they belong to.
pub fn attributes(
    list: Option<Vec<api::Attribute<'_>>>,
    of: &str,
    notices: &mut Vec<Notice>,
) -> Result<Vec<Attribute>, Unfit> {
    let list = list.unwrap_or_default();
    let mut attributes = Vec::with_capacity(list.len());
    for attribute in list {
        let value = value(&attribute.name, attribute.value);
        let value = value.map_err(|unfit| Unfit { what: format!("{of}{}", unfit.what), ..unfit }.detail());
        if let Some(value) = kept("attributes", value, notices)?.flatten() {
            attributes.push(Attribute { name: attribute.name.into(), value });
        }
    }
    Ok(attributes)
}

/// An attribute; none if it has no value.
pub(super) fn attribute(it: api::Attribute<'_>) -> Result<Option<Attribute>, Unfit> {
    Ok(value(&it.name, it.value)?.map(|value| Attribute { name: it.name.into(), value }))
}

fn members<'a>(list: impl IntoIterator<Item = api::Attribute<'a>>) -> Result<Value, Unfit> {
    let list = list.into_iter().map(|it| Ok(value(&it.name, it.value)?.map(|value| (it.name, value))));
    let list = list.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Nested(list.into_iter().map(|(name, value)| Attribute { name: name.into(), value }).collect()))
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
        return members(elements.into_iter().filter_map(as_attribute));
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

fn object(name: &str, object: Vec<(Text<'_>, AttributeValue<'_>)>) -> Result<Value, Unfit> {
    if let Some(money) = as_money(&object) {
        return Ok(Value::Money(price::money(&format_args!("attribute {name}"), &money)?));
    }
    if let Some(of) = text(&object, "typeId")
        && let Some(id) = text(&object, "id").or_else(|| text(&object, "key"))
    {
        return Ok(Value::Reference { of: of.to_string(), kind: kind(of), id: (&**id).into() });
    }
    if let Some(key) = text(&object, "key")
        && let Some(label) = member(&object, "label")
        && let Some(value) = enumerated(key, label)
    {
        return Ok(value);
    }
    if let Some(labels) = labels_by_locale(&object) {
        return Ok(Value::Localized(labels));
    }
    // An unknown type: its members are kept under their names.
    members(object.into_iter().map(|(name, value)| api::Attribute { name, value }))
}

/// The kind of record that a reference of this `typeId` refers to; `None` for kinds that are not read.
fn kind(of: &str) -> Option<Kind> {
    Some(match of {
        "product" => Kind::Product,
        "category" => Kind::Category,
        "product-type" => Kind::ProductType,
        "channel" => Kind::Channel,
        "customer-group" => Kind::CustomerGroup,
        "store" => Kind::Storefront,
        _ => return None,
    })
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

/// Labels by locale; `None` if the value is something else. Invalid locales are left out, because no market has them; a
/// value with no other locale is no text.
pub(super) fn labels_by_locale(labels: &[(Text<'_>, AttributeValue<'_>)]) -> Option<model::Localized> {
    let mut list = Vec::with_capacity(labels.len());
    for (tag, label) in labels {
        match (Locale::parse(tag), label) {
            (_, AttributeValue::Null) => {}
            (Ok(locale), AttributeValue::Text(label)) => list.push((locale, label.to_string())),
            (Err(_), AttributeValue::Text(_)) if is_like_a_locale(tag) => {}
            _ => return None,
        }
    }
    Some(list.into_iter().collect())
}

/// `de_DE`, as other software writes it.
fn is_like_a_locale(tag: &str) -> bool {
    tag.split_once('_').is_some_and(|(language, region)| {
        matches!(language.len(), 2 | 3) && region.len() == 2 && Locale::parse(&format!("{language}-{region}")).is_ok()
    })
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
