//! Attributes and options in a market's language.
//!
//! A label of an enum comes from the product type where that still has the key, else from the product itself, else it is
//! the key: so a renamed label reaches every product, and a removed one does no harm. Values without
//! text in the market's locales are left out, never sent empty.
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
    Attribute, AttributeDefinition, AttributeType, Localized, ProductTypeId, Value,
    listing::{Field, Offer, Plain, ProductOption},
};

use super::{
    language::Fallback,
    reference::{Definitions, Reference},
};

/// What attributes are read with: the market's locales and the types that define them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) language: &'a Fallback,
    pub(super) reference: &'a Reference,
}

/// Names with what is known of them, by place. Variants of a product mostly have the same attributes in the same order,
/// so that each name is looked up once and not once per variant.
#[derive(Debug, Default)]
pub(super) struct Seen<'a>(Vec<Known<'a>>);

#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    name: &'a str,
    title: Option<&'a str>,
    of: Option<&'a AttributeType>,
}

/// Sets and nested attributes deeper than this are left out; no platform goes beyond five.
const DEPTH: usize = 8;

impl<'a> Reader<'a> {
    /// The attributes that say something in this market, in their order. Of two with one name the first counts.
    pub(super) fn fields(
        self,
        attributes: impl Iterator<Item = &'a Attribute>,
        of: Option<&'a Definitions>,
        seen: &mut Seen<'a>,
    ) -> Vec<Field<'a>> {
        let mut fields = Vec::with_capacity(attributes.size_hint().0);
        for (place, attribute) in attributes.enumerate() {
            let before = seen.0.get(place).filter(|known| known.name == attribute.name).copied();
            let Some(known) = before.or_else(|| self.look_up(place, &attribute.name, of, seen)) else { continue };
            if let Some((value, label)) = self.plain(&attribute.value, known.of, DEPTH) {
                fields.push(Field { name: known.name, title: known.title, value, label });
            }
        }
        fields
    }

    /// Returns `None` for a duplicate name.
    fn look_up(
        self,
        place: usize,
        name: &'a str,
        of: Option<&'a Definitions>,
        seen: &mut Seen<'a>,
    ) -> Option<Known<'a>> {
        seen.0.truncate(place);
        if seen.0.iter().any(|known| known.name == name) {
            return None;
        }
        let known = self.known(name, of);
        seen.0.push(known);
        Some(known)
    }

    fn known(self, name: &'a str, of: Option<&'a Definitions>) -> Known<'a> {
        let definition = of.and_then(|of| of.get(name));
        Known { name, title: definition.and_then(|it| self.title(it)), of: definition.map(|it| &it.of) }
    }

    fn title(self, definition: &'a AttributeDefinition) -> Option<&'a str> {
        self.language.pick(&definition.label)
    }

    /// Machine form and shown form.
    fn plain(self, value: &'a Value, of: Option<&'a AttributeType>, depth: usize) -> Option<(Plain<'a>, Plain<'a>)> {
        let depth = depth.checked_sub(1)?;
        let same = |plain: Plain<'a>| Some((plain.clone(), plain));
        match value {
            Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::DateTime(text) => same(borrowed(text)),
            Value::Localized(text) => same(borrowed(self.language.pick(text)?)),
            Value::Enum { key, label } => {
                let label = defined(of, key).or(Some(label)).filter(|label| !label.trim().is_empty());
                Some((borrowed(key), borrowed(label.map_or(key, String::as_str))))
            }
            Value::LocalizedEnum { key, label } => {
                let label =
                    localized(of, key).and_then(|it| self.language.pick(it)).or_else(|| self.language.pick(label));
                Some((borrowed(key), borrowed(label.unwrap_or(key))))
            }
            Value::Integer(number) => same(Plain::Integer(*number)),
            Value::Number(number) => same(Plain::Number(*number)).filter(|_| number.is_finite()),
            Value::Money(money) => same(Plain::Number(money.decimal())),
            Value::Boolean(truth) => same(Plain::Boolean(*truth)),
            Value::Reference { id, .. } => same(borrowed(id.as_str())),
            Value::Nested(attributes) => {
                let of = self.definitions(of);
                let lines = attributes.iter().filter_map(|attribute| {
                    let known = self.known(&attribute.name, of);
                    let (value, label) = self.plain(&attribute.value, known.of, depth)?;
                    Some((line(known.name, &value), line(known.title.unwrap_or(known.name), &label)))
                });
                let (values, labels) = lines.unzip();
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

    /// The options of a product: the attributes that its variants name as their axes; else those that its type says are
    /// options, in the type's order; where it says so of none, texts, numbers and enums in which the variants differ, in
    /// the order of the variants.
    pub(super) fn options(
        self,
        axes: &[&'a str],
        offers: &[Offer<'a>],
        of: Option<&'a Definitions>,
    ) -> Vec<ProductOption<'a>> {
        if !axes.is_empty() {
            let title = |name| of.and_then(|of| of.get(name)).and_then(|definition| self.title(definition));
            return axes.iter().filter_map(|name| option(name, title(name), 0, offers)).collect();
        }
        let declared = of.map(Definitions::attributes).unwrap_or_default().iter().filter(|it| it.option);
        let options: Vec<_> =
            declared.filter_map(|definition| option(&definition.name, self.title(definition), 0, offers)).collect();
        if options.is_empty() && offers.len() > 1 { differing(offers) } else { options }
    }
}

fn differing<'a>(offers: &[Offer<'a>]) -> Vec<ProductOption<'a>> {
    let mut names: Vec<(&'a str, Option<&'a str>)> = Vec::new();
    for offer in offers {
        for (place, field) in offer.attributes.iter().enumerate() {
            let simple = matches!(field.value, Plain::Text(_) | Plain::Integer(_) | Plain::Number(_));
            let in_place = names.get(place).is_some_and(|(name, _)| *name == field.name);
            if simple && !in_place && names.iter().all(|(name, _)| *name != field.name) {
                names.push((field.name, field.title));
            }
        }
    }
    let differs = |(place, (name, _)): &(usize, (&str, _))| {
        let mut values = offers.iter().map(|offer| find(offer, name, *place).map(|field| &field.value));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    let differing = names.into_iter().enumerate().filter(differs);
    differing.filter_map(|(place, (name, title))| option(name, title, place, offers)).collect()
}

/// None where no variant has a value.
fn option<'a>(name: &'a str, title: Option<&'a str>, place: usize, offers: &[Offer<'a>]) -> Option<ProductOption<'a>> {
    let mut values: Vec<Cow<'a, str>> = Vec::new();
    for field in offers.iter().filter_map(|offer| find(offer, name, place)) {
        for text in texts(&field.label) {
            if !values.contains(&text) {
                values.push(text);
            }
        }
    }
    (!values.is_empty()).then_some(ProductOption { name, title, values })
}

/// `place` is where it most likely stands.
fn find<'o, 'a>(offer: &'o Offer<'a>, name: &str, place: usize) -> Option<&'o Field<'a>> {
    let likely = offer.attributes.get(place).filter(|field| field.name == name);
    likely.or_else(|| offer.attributes.iter().find(|field| field.name == name))
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

/// `name: value` of a nested attribute.
fn line<'a>(name: &str, plain: &Plain<'a>) -> Plain<'a> {
    Plain::Text(format!("{name}: {}", texts(plain).join(", ")).into())
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
