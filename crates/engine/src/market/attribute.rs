//! Attributes and options in a market's language.
//!
//! A label of an enum comes from the product type where that still has the key, else from the product itself, else it is
//! the key: so a renamed label reaches every product, and a removed one does no harm. Values that have nothing to say in
//! the market's locales are left out, never sent empty.
//!
//! | value | machine form | shown form |
//! |---|---|---|
//! | text, date, time, instant | the text | the text |
//! | text by locale | the text along the locales | the same |
//! | enum | key | label |
//! | number, boolean | itself | itself |
//! | money | decimal number | decimal number |
//! | reference | id | id |
//! | nested | list of `name: value` | list of `title: label` |
//! | set | list | list |

use std::borrow::Cow;

use model::{
    Attribute, AttributeDefinition, AttributeType, Locale, Localized, ProductTypeId, Value,
    listing::{Field, Offer, Plain, ProductOption},
};

use super::reference::{Definitions, Reference};

/// What attributes are read with: the market's locales and the types that define them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) locales: &'a [Locale],
    pub(super) reference: &'a Reference,
}

/// Sets and nested attributes deeper than this are left out; no platform goes beyond five.
const DEPTH: usize = 8;

impl<'a> Reader<'a> {
    /// The attributes that say something in this market, in their order. Of two with one name the first counts.
    pub(super) fn fields(self, attributes: &'a [Attribute], of: Option<&'a Definitions>) -> Vec<Field<'a>> {
        let mut fields: Vec<Field<'a>> = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            if fields.iter().all(|field| field.name != attribute.name) {
                fields.extend(self.field(attribute, of, DEPTH));
            }
        }
        fields
    }

    fn field(self, attribute: &'a Attribute, of: Option<&'a Definitions>, depth: usize) -> Option<Field<'a>> {
        let definition = of.and_then(|of| of.get(&attribute.name));
        let (value, label) = self.plain(&attribute.value, definition.map(|definition| &definition.of), depth)?;
        Some(Field { name: &attribute.name, title: definition.and_then(|it| self.title(it)), value, label })
    }

    fn title(self, definition: &'a AttributeDefinition) -> Option<&'a str> {
        definition.label.along(self.locales)
    }

    /// Machine form and shown form.
    fn plain(self, value: &'a Value, of: Option<&'a AttributeType>, depth: usize) -> Option<(Plain<'a>, Plain<'a>)> {
        let depth = depth.checked_sub(1)?;
        let same = |plain: Plain<'a>| Some((plain.clone(), plain));
        match value {
            Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::DateTime(text) => same(borrowed(text)),
            Value::Localized(text) => same(borrowed(text.along(self.locales)?)),
            Value::Enum { key, label } => {
                let label = defined(of, key).or(Some(label)).filter(|label| !label.trim().is_empty());
                Some((borrowed(key), borrowed(label.map_or(key, String::as_str))))
            }
            Value::LocalizedEnum { key, label } => {
                let label = localized(of, key).and_then(|it| it.along(self.locales)).or(label.along(self.locales));
                Some((borrowed(key), borrowed(label.unwrap_or(key))))
            }
            Value::Integer(number) => same(Plain::Integer(*number)),
            Value::Number(number) => same(Plain::Number(*number)).filter(|_| number.is_finite()),
            Value::Money(money) => same(Plain::Number(money.decimal())),
            Value::Boolean(truth) => same(Plain::Boolean(*truth)),
            Value::Reference { id, .. } => same(borrowed(id.as_str())),
            Value::Nested(attributes) => {
                let of = self.definitions(of);
                let fields = attributes.iter().filter_map(|attribute| self.field(attribute, of, depth));
                let (values, labels) = fields.map(|field| pair(&field)).unzip();
                Some((Plain::List(values), Plain::List(labels)))
            }
            Value::Set(values) => {
                let of = match of {
                    Some(AttributeType::Set(of)) => Some(&**of),
                    _ => None,
                };
                let plain = values.iter().filter_map(|value| self.plain(value, of, depth));
                let (values, labels) = plain.unzip();
                Some((Plain::List(values), Plain::List(labels)))
            }
        }
    }

    fn definitions(self, of: Option<&'a AttributeType>) -> Option<&'a Definitions> {
        match of {
            Some(AttributeType::Nested(id)) => self.product_type(id),
            _ => None,
        }
    }

    pub(super) fn product_type(self, id: &ProductTypeId) -> Option<&'a Definitions> {
        self.reference.product_type(id)
    }

    /// The options of a product: attributes that its type says are options, in the type's order; where it says so of
    /// none, texts, numbers and enums in which the variants differ, in the order of the variants.
    pub(super) fn options(self, offers: &[Offer<'a>], of: Option<&'a Definitions>) -> Vec<ProductOption<'a>> {
        let declared = of.map(Definitions::attributes).unwrap_or_default().iter().filter(|it| it.option);
        let options: Vec<_> = declared
            .filter_map(|definition| option(&definition.name, self.title(definition), offers))
            .collect();
        if options.is_empty() && offers.len() > 1 { differing(offers) } else { options }
    }
}

fn differing<'a>(offers: &[Offer<'a>]) -> Vec<ProductOption<'a>> {
    let mut names: Vec<(&'a str, Option<&'a str>)> = Vec::new();
    for field in offers.iter().flat_map(|offer| &offer.attributes) {
        let simple = matches!(field.value, Plain::Text(_) | Plain::Integer(_) | Plain::Number(_));
        if simple && names.iter().all(|(name, _)| *name != field.name) {
            names.push((field.name, field.title));
        }
    }
    let differs = |name: &str| {
        let mut values = offers.iter().map(|offer| find(offer, name).map(|field| &field.value));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    names
        .into_iter()
        .filter(|(name, _)| differs(name))
        .filter_map(|(name, title)| option(name, title, offers))
        .collect()
}

/// None where no variant has a value.
fn option<'a>(name: &'a str, title: Option<&'a str>, offers: &[Offer<'a>]) -> Option<ProductOption<'a>> {
    let mut values: Vec<Cow<'a, str>> = Vec::new();
    for field in offers.iter().filter_map(|offer| find(offer, name)) {
        for text in texts(&field.label) {
            if !values.contains(&text) {
                values.push(text);
            }
        }
    }
    (!values.is_empty()).then_some(ProductOption { name, title, values })
}

fn find<'o, 'a>(offer: &'o Offer<'a>, name: &str) -> Option<&'o Field<'a>> {
    offer.attributes.iter().find(|field| field.name == name)
}

fn texts<'a>(plain: &Plain<'a>) -> Vec<Cow<'a, str>> {
    match plain {
        Plain::List(values) => values.iter().flat_map(texts).collect(),
        single => single.text().into_iter().collect(),
    }
}

fn borrowed(text: &str) -> Plain<'_> {
    Plain::Text(Cow::Borrowed(text))
}

/// `name: value` and `title: label` of a nested attribute.
fn pair<'a>(field: &Field<'a>) -> (Plain<'a>, Plain<'a>) {
    let line = |name: &str, plain: &Plain<'a>| Plain::Text(format!("{name}: {}", texts(plain).join(", ")).into());
    (line(field.name, &field.value), line(field.title.unwrap_or(field.name), &field.label))
}

fn defined<'a>(of: Option<&'a AttributeType>, key: &str) -> Option<&'a String> {
    match of {
        Some(AttributeType::Enum(values)) => lookup(values, key),
        _ => None,
    }
}

fn localized<'a>(of: Option<&'a AttributeType>, key: &str) -> Option<&'a Localized> {
    match of {
        Some(AttributeType::LocalizedEnum(values)) => lookup(values, key),
        _ => None,
    }
}

/// [`Reference::new`] sorts the values by key.
fn lookup<'a, T>(values: &'a [(String, T)], key: &str) -> Option<&'a T> {
    let place = values.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
    values.get(place).map(|(_, label)| label)
}
