//! Attributes and options in a market's language.
//!
//! A label of an enum comes from the product type where that still has the key, else from the product itself, else it
//! is the key: so a renamed label reaches every product, and a product with a removed key keeps a label. Values without
//! text in the market's locales, blank texts and empty lists are left out, never sent empty. Whether a field is a list
//! follows from the type of the attribute, and no list lies within another.
//!
//! | value | machine form | shown form |
//! |---|---|---|
//! | text, date, time, instant | the text | the text |
//! | text by locale | the text along the locales | the same |
//! | enum | key | label |
//! | number, boolean | itself | itself |
//! | money | decimal number | decimal number |
//! | reference | id | name of what is referred to, blank where the market does not have that |
//! | nested | list of `name: value` | list of `title: label` |
//! | set | list | list, blank ones left out |

use std::{borrow::Cow, cell::Cell};

use model::{
    Attribute, AttributeDefinition, AttributeType, Kind, Localized, ProductTypeId, RecordId, Sku, Spread, Timestamp,
    Value, Variant, Window,
    listing::{Field, Offer, Plain, ProductOption},
};

use super::{View, reference::Definitions};

/// Reads attributes with the market's locales and the types that define them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a, 'n> {
    pub(super) view: &'a View,
    pub(super) at: Timestamp,
    /// When a referenced record may begin or cease to be shown.
    pub(super) holds: &'n Cell<Window>,
}

/// Names with their definitions, by index. Variants of a product mostly have the same attributes in the same order, so
/// each name is looked up once and not once per variant.
#[derive(Debug, Default)]
pub(super) struct Seen<'a>(Vec<Known<'a>>);

#[derive(Clone, Copy, Debug)]
struct Known<'a> {
    name: &'a str,
    title: Option<&'a str>,
    of: Option<&'a AttributeType>,
    /// `None` if no type defines it.
    spread: Option<Spread>,
}

/// Sets and nested attributes deeper than this are left out; no platform goes beyond five.
const DEPTH: usize = 8;

impl<'a> Reader<'a, '_> {
    /// The attributes with a value in this market, in their order. Of two with one name the first counts. `undefined`:
    /// the spread of attributes that no type defines.
    pub(super) fn fields(
        self,
        attributes: impl Iterator<Item = &'a Attribute>,
        of: Option<&'a Definitions>,
        undefined: Spread,
        seen: &mut Seen<'a>,
    ) -> Vec<Field<'a>> {
        let mut fields = Vec::with_capacity(attributes.size_hint().0);
        for (place, attribute) in attributes.enumerate() {
            let before = seen.0.get(place).filter(|known| known.name == attribute.name).copied();
            let Some(known) = before.or_else(|| self.look_up(place, &attribute.name, of, seen)) else { continue };
            if let Some((value, label)) = self.plain(&attribute.value, known.of, DEPTH) {
                let spread = known.spread.unwrap_or(undefined);
                fields.push(Field { name: known.name, spread, title: known.title, value, label });
            }
        }
        fields
    }

    /// Gives all offers the one value of each attribute that belongs to the product as a whole: that of the first of all
    /// variants that has one. `variants` are all of the product.
    pub(super) fn share(self, variants: &[&'a Variant], of: &'a Definitions, offers: &mut [Offer<'a>]) {
        if variants.len() < 2 {
            return;
        }
        let find = |variant: &'a Variant, name: &str| variant.attributes.iter().find(|it| it.name == name);
        for definition in of.attributes().iter().filter(|definition| definition.spread == Spread::Product) {
            let values: Vec<_> = variants.iter().map(|variant| find(variant, &definition.name)).collect();
            let Some(first) = values.iter().flatten().next() else { continue };
            if values.iter().all(|value| value.is_some_and(|value| value.value == first.value)) {
                continue;
            }
            let shown = values.iter().flatten().find_map(|it| self.plain(&it.value, Some(&definition.of), DEPTH));
            let Some((value, label)) = shown else { continue };
            let title = self.title(definition);
            let field = Field { name: &definition.name, spread: Spread::Product, title, value, label };
            for offer in &mut *offers {
                match offer.attributes.iter_mut().find(|it| it.name == definition.name) {
                    Some(own) => own.clone_from(&field),
                    None => offer.attributes.push(field.clone()),
                }
            }
        }
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
        Known {
            name,
            title: definition.and_then(|it| self.title(it)),
            of: definition.map(|it| &it.of),
            spread: definition.map(|it| it.spread),
        }
    }

    fn title(self, definition: &'a AttributeDefinition) -> Option<&'a str> {
        self.view.language.pick(&definition.label)
    }

    /// Machine form and shown form; `None` if the machine form has no content.
    fn plain(self, value: &'a Value, of: Option<&'a AttributeType>, depth: usize) -> Option<(Plain<'a>, Plain<'a>)> {
        let (value, label) = self.of_any(value, of, depth)?;
        let list = |plain| match plain {
            Plain::List(_) => plain,
            single => Plain::List(vec![single]),
        };
        let shown = match of {
            Some(AttributeType::Set(_)) => (list(value), list(label)),
            _ => (value, label),
        };
        (!shown.0.is_blank()).then_some(shown)
    }

    fn of_any(self, value: &'a Value, of: Option<&'a AttributeType>, depth: usize) -> Option<(Plain<'a>, Plain<'a>)> {
        let depth = depth.checked_sub(1)?;
        let same = |plain: Plain<'a>| Some((plain.clone(), plain));
        match value {
            Value::Text(text) | Value::Date(text) | Value::Time(text) | Value::DateTime(text) => same(borrowed(text)),
            Value::Localized(text) => same(borrowed(self.view.language.pick(text)?)),
            Value::Enum { key, label } => {
                let label = defined(of, key).or(Some(label)).filter(|label| !label.trim().is_empty());
                Some((borrowed(key), borrowed(label.map_or(key, String::as_str))))
            }
            Value::LocalizedEnum { key, label } => {
                let pick = |label| self.view.language.pick(label);
                let label = localized(of, key).and_then(pick).or_else(|| pick(label));
                Some((borrowed(key), borrowed(label.unwrap_or(key))))
            }
            Value::Integer(number) => same(Plain::Integer(*number)),
            Value::Number(number) => same(Plain::Number(*number)),
            Value::Money(money) => same(Plain::Number(money.decimal())),
            Value::Boolean(truth) => same(Plain::Boolean(*truth)),
            Value::Reference { kind, id, .. } => {
                let name = kind.and_then(|kind| self.name(kind, id));
                Some((borrowed(id.as_str()), borrowed(name.unwrap_or_default())))
            }
            Value::Nested(attributes) => {
                let of = self.definitions(of);
                let (mut values, mut labels) = (Vec::new(), Vec::new());
                for attribute in attributes {
                    let known = self.known(&attribute.name, of);
                    let Some((value, label)) = self.plain(&attribute.value, known.of, depth) else { continue };
                    values.push(line(known.name, &value));
                    if !label.is_blank() {
                        labels.push(line(known.title.unwrap_or(known.name), &label));
                    }
                }
                Some((Plain::List(values), Plain::List(labels)))
            }
            Value::Set(values) => {
                let of = match of {
                    Some(AttributeType::Set(of)) => Some(&**of),
                    _ => None,
                };
                let (mut flat, mut labels) = (Vec::new(), Vec::new());
                for (value, label) in values.iter().filter_map(|value| self.plain(value, of, depth)) {
                    flatten(value, &mut flat);
                    flatten(label, &mut labels);
                }
                Some((Plain::List(flat), Plain::List(labels)))
            }
        }
    }

    /// The shown name of a referenced record; `None` if the market does not have it.
    fn name(self, kind: Kind, id: &RecordId) -> Option<&'a str> {
        let view = self.view;
        if kind != Kind::Category {
            return view.language.pick(view.reference.name(kind, id)?);
        }
        let category = view.reference.category(&id.as_str().into())?;
        let mut holds = self.holds.get();
        let is_shown = view.is_shown(category, self.at, &mut holds);
        self.holds.set(holds);
        view.language.pick(&category.name).filter(|_| is_shown)
    }

    fn definitions(self, of: Option<&'a AttributeType>) -> Option<&'a Definitions> {
        match of {
            Some(AttributeType::Nested(id)) => self.product_type(id),
            _ => None,
        }
    }

    pub(super) fn product_type(self, id: &ProductTypeId) -> Option<&'a Definitions> {
        self.view.reference.product_type(id)
    }

    /// The options of a product: the attributes that its variants name as axes; else those that its type declares as
    /// options, in the type's order; if it declares none, texts, numbers and enums in which the variants differ, in the
    /// order of the variants.
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
        let declared = of.map(Definitions::attributes).unwrap_or_default().iter();
        let declared = declared.filter(|it| it.spread == Spread::Option);
        let options: Vec<_> =
            declared.filter_map(|definition| option(&definition.name, self.title(definition), 0, offers)).collect();
        if options.is_empty() && offers.len() > 1 { differing(offers) } else { options }
    }
}

fn differing<'a>(offers: &[Offer<'a>]) -> Vec<ProductOption<'a>> {
    let mut names: Vec<(&'a str, Option<&'a str>)> = Vec::new();
    for offer in offers {
        for (place, field) in offer.attributes.iter().enumerate() {
            let simple = matches!(field.value, Plain::Text(_) | Plain::Integer(_) | Plain::Number(_))
                && !matches!(field.spread, Spread::Product | Spread::Identifier);
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
    // A buyer does not choose by an attribute that identifies a variant.
    let identifies = |(place, (name, _)): &(usize, (&str, _))| {
        let fields = offers.iter().filter_map(|offer| Some((offer, find(offer, name, *place)?.value.text()?)));
        fields
            .into_iter()
            .all(|(offer, text)| [offer.gtin, offer.key, offer.sku.map(Sku::as_str)].contains(&Some(&*text)))
    };
    let differing = names.into_iter().enumerate().filter(|name| differs(name) && !identifies(name));
    differing.filter_map(|(place, (name, title))| option(name, title, place, offers)).collect()
}

/// `None` if no variant has a value.
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

/// `place`: its most likely index.
fn find<'o, 'a>(offer: &'o Offer<'a>, name: &str, place: usize) -> Option<&'o Field<'a>> {
    let likely = offer.attributes.get(place).filter(|field| field.name == name);
    likely.or_else(|| offer.attributes.iter().find(|field| field.name == name))
}

/// The texts of a label that are not blank.
fn texts<'a>(plain: &Plain<'a>) -> Vec<Cow<'a, str>> {
    match plain {
        Plain::List(values) => values.iter().flat_map(texts).collect(),
        single => single.text().into_iter().filter(|text| !text.trim().is_empty()).collect(),
    }
}

fn flatten<'a>(plain: Plain<'a>, flat: &mut Vec<Plain<'a>>) {
    match plain {
        Plain::List(values) => values.into_iter().for_each(|value| flatten(value, flat)),
        single if single.is_blank() => {}
        single => flat.push(single),
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
