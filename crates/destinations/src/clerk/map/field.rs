//! Attributes as fields of their own.
//!
//! A name may hold `[A-Za-z0-9_]` only: other characters become `_`. A field of the schema is never overwritten: the
//! attribute's name is then prefixed with `attr_`. If two names become equal, the attribute that has this name at the
//! source keeps it, and the others get `_2`, `_3` in the order of their names. So the names depend on the attributes of
//! the product, never on their order.

use std::borrow::Cow;

use model::{Listing, Offer, Spread, listing::Plain};
use serde::{Serialize, Serializer};

use crate::clerk::{config::Attributes, schema::is_reserved};

/// A value of an attribute as Clerk.io gets it.
#[derive(Debug)]
pub(super) enum Shown<'l, 'a> {
    /// The value of the item as a whole.
    One(&'l Plain<'a>),
    /// The distinct values of the variants: a list also if all are equal, so that a field has one type in all products.
    Many(Vec<&'l Plain<'a>>),
}

impl Serialize for Shown<'_, '_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            // The values of a list that are not blank.
            Self::One(Plain::List(values)) => out.collect_seq(values.iter().filter(|value| !value.is_blank())),
            Self::One(plain) => plain.serialize(out),
            Self::Many(values) => values.serialize(out),
        }
    }
}

impl Shown<'_, '_> {
    /// As one text, lists joined by a comma.
    pub(super) fn text(&self) -> String {
        match self {
            Self::One(plain) => joined(plain),
            Self::Many(values) => values.iter().map(|plain| joined(plain)).collect::<Vec<_>>().join(", "),
        }
    }

    fn is_blank(&self) -> bool {
        match self {
            Self::One(plain) => plain.is_blank(),
            Self::Many(values) => values.is_empty(),
        }
    }
}

/// As one text, lists joined by a comma.
pub(super) fn joined(plain: &Plain<'_>) -> String {
    match plain {
        Plain::List(values) => values.iter().filter(|it| !it.is_blank()).map(joined).collect::<Vec<_>>().join(", "),
        single if single.is_blank() => String::new(),
        single => single.text().unwrap_or_default().into_owned(),
    }
}

/// An attribute under its name at the source.
pub(super) type Named<'l, 'a> = (&'a str, Shown<'l, 'a>);

/// The attributes of a product with all its variants: options, then those of the product, then those of its variants.
/// An attribute of the product is one value; an attribute of variants is the list of their distinct values.
pub(super) fn of_listing<'l, 'a>(listing: &'l Listing<'a>) -> Vec<Named<'l, 'a>> {
    let options = listing.options.iter().map(|option| (option.name, merged(option.name, 0, &listing.variants)));
    let own = listing.attributes.iter().map(|field| (field.name, Shown::One(&field.label)));
    let mut named: Vec<Named<'l, 'a>> = Vec::with_capacity(32);
    for (name, shown) in options.chain(own) {
        if !has(&named, name) && !shown.is_blank() {
            named.push((name, shown));
        }
    }
    for (place, offer) in listing.variants.iter().enumerate() {
        for (at, field) in offer.attributes.iter().enumerate() {
            if !has(&named, field.name) {
                let variants = listing.variants.get(place..).unwrap_or_default();
                let shown = match field.spread {
                    Spread::Product => Shown::One(&field.label),
                    _ => merged(field.name, at, variants),
                };
                if !shown.is_blank() {
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
        if !has(&named, field.name) && !shown.is_blank() {
            named.push((field.name, shown));
        }
    }
    named
}

fn has(named: &[Named<'_, '_>], name: &str) -> bool {
    named.iter().any(|(it, _)| *it == name)
}

/// The distinct values of the variants; lists are flattened. Platforms list the attributes of sibling variants in one
/// order, so the same place is looked at first.
fn merged<'l, 'a>(name: &str, at: usize, variants: &'l [Offer<'a>]) -> Shown<'l, 'a> {
    let mut distinct: Vec<&'l Plain<'a>> = Vec::with_capacity(variants.len());
    let mut add = |value: &'l Plain<'a>| {
        if !value.is_blank() && !distinct.contains(&value) {
            distinct.push(value);
        }
    };
    for offer in variants {
        let beside = offer.attributes.get(at).filter(|it| it.name == name);
        let found = beside.or_else(|| offer.attributes.iter().find(|it| it.name == name));
        match found.map(|field| &field.label) {
            Some(Plain::List(values)) => values.iter().for_each(&mut add),
            Some(single) => add(single),
            None => {}
        }
    }
    Shown::Many(distinct)
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
