//! Attributes as fields of their own.
//!
//! A name may hold `[A-Za-z0-9_]` only: other characters become `_`. A field of the schema is never overwritten: the
//! attribute's name is then prefixed with `attr_`. Where two names become one, the attribute that has it exactly keeps
//! it, the others get `_2`, `_3` in the order of their names. So the name depends on the attributes of the product, and
//! never on their order.

use std::borrow::Cow;

use model::{Listing, Offer, listing::Field, listing::Plain};
use serde::{Serialize, Serializer};

use crate::clerk::{config::Attributes, schema::is_reserved};

/// A value of an attribute as Clerk.io gets it.
#[derive(Debug)]
pub(super) enum Shown<'l, 'a> {
    /// One value.
    One(&'l Plain<'a>),
    /// Distinct values of an option.
    Texts(&'l [Cow<'a, str>]),
    /// Distinct values of the variants, where they differ.
    Many(Vec<&'l Plain<'a>>),
}

impl Serialize for Shown<'_, '_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(plain) => plain.serialize(out),
            Self::Texts(texts) => texts.serialize(out),
            Self::Many(values) => values.serialize(out),
        }
    }
}

impl Shown<'_, '_> {
    /// As one text, lists joined by a comma.
    pub(super) fn text(&self) -> String {
        match self {
            Self::One(plain) => joined(plain),
            Self::Texts(texts) => texts.join(", "),
            Self::Many(values) => values.iter().map(|plain| joined(plain)).collect::<Vec<_>>().join(", "),
        }
    }
}

fn joined(plain: &Plain<'_>) -> String {
    match plain {
        Plain::List(values) => values.iter().map(joined).collect::<Vec<_>>().join(", "),
        single => single.text().unwrap_or_default().into_owned(),
    }
}

/// An attribute under its name at the source.
pub(super) type Named<'l, 'a> = (&'a str, Shown<'l, 'a>);

/// The attributes of a product with all its variants: options, then those of the product, then those of its variants
/// (one value where the variants agree, else the distinct ones).
pub(super) fn of_listing<'l, 'a>(listing: &'l Listing<'a>) -> Vec<Named<'l, 'a>> {
    let options = listing.options.iter().map(|option| (option.name, Shown::Texts(&option.values)));
    let own = listing.attributes.iter().map(|field| (field.name, Shown::One(&field.label)));
    let mut named: Vec<Named<'l, 'a>> = Vec::with_capacity(32);
    for (name, shown) in options.chain(own) {
        if !has(&named, name) && is_sayable(&shown) {
            named.push((name, shown));
        }
    }
    for (place, offer) in listing.variants.iter().enumerate() {
        for (at, field) in offer.attributes.iter().enumerate() {
            if !has(&named, field.name) {
                let later = listing.variants.iter().skip(place + 1);
                let shown = merged(field, at, later);
                if is_sayable(&shown) {
                    named.push((field.name, shown));
                }
            }
        }
    }
    named
}

/// The attributes of one variant, its own before those of its product.
pub(super) fn of_offer<'l, 'a>(listing: &'l Listing<'a>, offer: &'l Offer<'a>) -> Vec<Named<'l, 'a>> {
    let mut named: Vec<Named<'l, 'a>> = Vec::with_capacity(32);
    for field in offer.attributes.iter().chain(&listing.attributes) {
        let shown = Shown::One(&field.label);
        if !has(&named, field.name) && is_sayable(&shown) {
            named.push((field.name, shown));
        }
    }
    named
}

fn has(named: &[Named<'_, '_>], name: &str) -> bool {
    named.iter().any(|(it, _)| *it == name)
}

/// Platforms list the attributes of sibling variants in one order, so the same place is looked at first.
fn merged<'l, 'a>(field: &'l Field<'a>, at: usize, later: impl Iterator<Item = &'l Offer<'a>>) -> Shown<'l, 'a> {
    let mut values = vec![&field.label];
    for offer in later {
        let beside = offer.attributes.get(at).filter(|it| it.name == field.name);
        let found = beside.or_else(|| offer.attributes.iter().find(|it| it.name == field.name));
        if let Some(found) = found
            && !values.contains(&&found.label)
        {
            values.push(&found.label);
        }
    }
    match values.as_slice() {
        [_] => Shown::One(&field.label),
        _ => Shown::Many(spread(values)),
    }
}

/// Distinct values; lists are taken apart, so that none lies within another.
fn spread<'l, 'a>(values: Vec<&'l Plain<'a>>) -> Vec<&'l Plain<'a>> {
    let mut distinct: Vec<&'l Plain<'a>> = Vec::with_capacity(values.len());
    let mut add = |value: &'l Plain<'a>| {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    };
    for value in values {
        match value {
            Plain::List(inner) => inner.iter().for_each(&mut add),
            single => add(single),
        }
    }
    distinct
}

/// JSON has no word for a number that is none, and an empty text says nothing.
fn is_sayable(shown: &Shown<'_, '_>) -> bool {
    match shown {
        Shown::One(Plain::Text(text)) => !text.is_empty(),
        Shown::One(plain) => is_finite(plain),
        Shown::Texts(_) => true,
        Shown::Many(values) => values.iter().all(|plain| is_finite(plain)),
    }
}

fn is_finite(plain: &Plain<'_>) -> bool {
    match plain {
        Plain::Number(number) => number.is_finite(),
        Plain::List(values) => values.iter().all(is_finite),
        Plain::Text(_) | Plain::Integer(_) | Plain::Boolean(_) => true,
    }
}

/// Those that become fields, under their names at Clerk.io. `brand` and `gender` are fields of the schema and not among
/// them.
pub(super) fn named<'l, 'a>(all: Vec<Named<'l, 'a>>, wanted: &Attributes) -> Vec<(Cow<'a, str>, Shown<'l, 'a>)> {
    let mut fields: Vec<_> = all
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "brand" | "gender") && wanted.has(name))
        .map(|(name, shown)| (name, restricted(name), shown))
        .collect();
    if fields.iter().all(|(_, name, _)| matches!(name, Cow::Borrowed(_))) {
        return fields.into_iter().map(|(_, name, shown)| (name, shown)).collect();
    }
    // Exact names first, then by name at the source.
    let mut order: Vec<usize> = (0..fields.len()).collect();
    order.sort_by_key(|at| fields.get(*at).map(|(source, name, _)| (matches!(name, Cow::Owned(_)), *source)));
    let mut used: Vec<String> = Vec::with_capacity(fields.len());
    for at in order {
        if let Some((_, name, _)) = fields.get_mut(at) {
            if used.iter().any(|it| it == name) {
                *name = Cow::Owned(next_free(name, &used));
            }
            used.push(name.clone().into_owned());
        }
    }
    fields.into_iter().map(|(_, name, shown)| (name, shown)).collect()
}

fn next_free(name: &str, used: &[String]) -> String {
    let mut number = 2_usize;
    loop {
        let candidate = format!("{name}_{number}");
        if !used.contains(&candidate) && !is_reserved(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

/// The name at Clerk.io of an attribute of this name.
pub fn restricted(name: &str) -> Cow<'_, str> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fit = if !name.is_empty() && name.chars().all(is_fit) {
        Cow::Borrowed(name)
    } else {
        let fit: String = name.chars().map(|c| if is_fit(c) { c } else { '_' }).collect();
        Cow::Owned(if fit.is_empty() { "_".to_owned() } else { fit })
    };
    if is_reserved(&fit) { Cow::Owned(format!("attr_{fit}")) } else { fit }
}
