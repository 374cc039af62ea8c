//! Product types of the generated shop. Between them they have an attribute of every kind.

use super::words::{BRANDS, COLOURS, MATERIALS, Word, in_all};
use crate::catalogue::{AttributeDefinition, AttributeKind, ProductType};

pub(super) const SIZES: &[&str] = &["xs", "s", "m", "l", "xl", "xxl", "3xl", "4xl"];
pub(super) const SHOE_SIZES: &[&str] = &["36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46", "47"];
pub(super) const PIECES: &[u8] = &[1, 2, 3, 4, 6, 8, 10, 12];

/// Where an attribute is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Product,
    Variant,
    /// On the variant, and variants differ by it.
    Option,
}

/// The types: `apparel`, `footwear`, `equipment`, `homeware`, and `dimensions`, which is only nested in others.
pub(super) fn product_types(locales: &[String]) -> Vec<ProductType> {
    let define = |name: &str, label: Word, kind: AttributeKind, on: On| AttributeDefinition {
        name: name.to_owned(),
        label: in_all(locales, label),
        kind,
        product_level: on == On::Product,
        option: on == On::Option,
    };
    let keys =
        |keys: &[&str]| AttributeKind::Enum(keys.iter().map(|key| ((*key).into(), key.to_uppercase())).collect());
    let labelled = |words: &[(&str, Word)]| {
        let values = words.iter().map(|(key, label)| ((*key).to_owned(), in_all(locales, *label)));
        AttributeKind::LocalizedEnum(values.collect())
    };
    let brands = BRANDS.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect();
    let common = [
        define("brand", ("Brand", "Marke"), AttributeKind::Enum(brands), On::Product),
        define("materials", ("Materials", "Materialien"), AttributeKind::Set(labelled(MATERIALS).into()), On::Product),
        define("care", ("Care", "Pflege"), AttributeKind::LocalizedText, On::Product),
        define("sustainable", ("Sustainable", "Nachhaltig"), AttributeKind::Boolean, On::Product),
        define("launched", ("Launched", "Neu seit"), AttributeKind::Date, On::Product),
        define("goes_with", ("Goes with", "Passt zu"), AttributeKind::ProductReference, On::Product),
        define("gtin", ("GTIN", "GTIN"), AttributeKind::Text, On::Variant),
        define("colour", ("Colour", "Farbe"), labelled(COLOURS), On::Option),
    ];
    let size = define("size", ("Size", "Größe"), keys(SIZES), On::Option);
    let shoe_size = define("shoe_size", ("Shoe size", "Schuhgröße"), keys(SHOE_SIZES), On::Option);
    let pieces = define("pieces", ("Pieces", "Teile"), AttributeKind::Number, On::Option);
    let tags = define("tags", ("Tags", "Schlagworte"), AttributeKind::Set(AttributeKind::Text.into()), On::Product);
    let weight = define("weight", ("Weight in g", "Gewicht in g"), AttributeKind::Number, On::Product);
    let deposit = define("deposit", ("Deposit", "Pfand"), AttributeKind::Money, On::Product);
    let pickup = define("pickup_from", ("Pick-up from", "Abholung ab"), AttributeKind::Time, On::Product);
    let restocked = define("restocked", ("Restocked", "Aufgefüllt"), AttributeKind::DateTime, On::Variant);
    let nested = AttributeKind::Nested("dimensions".into());
    let dimensions = define("dimensions", ("Dimensions", "Maße"), nested, On::Product);
    let measure = |name: &str, label: Word| define(name, label, AttributeKind::Number, On::Variant);
    let measures = vec![
        measure("width_mm", ("Width in mm", "Breite in mm")),
        measure("height_mm", ("Height in mm", "Höhe in mm")),
        measure("depth_mm", ("Depth in mm", "Tiefe in mm")),
    ];
    let of_type = |key: &str, name: &str, own: Vec<AttributeDefinition>| ProductType {
        key: key.to_owned(),
        name: name.to_owned(),
        attributes: common.iter().cloned().chain(own).collect(),
    };
    vec![
        ProductType { key: "dimensions".into(), name: "Dimensions".into(), attributes: measures },
        of_type("apparel", "Apparel", vec![size.clone(), tags.clone(), weight.clone(), restocked.clone()]),
        of_type("footwear", "Footwear", vec![shoe_size, tags, weight.clone()]),
        of_type("equipment", "Equipment", vec![size, weight, deposit.clone(), pickup, dimensions.clone()]),
        of_type("homeware", "Homeware", vec![pieces, deposit, dimensions, restocked]),
    ]
}
