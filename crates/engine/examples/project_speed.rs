//! How long one projection takes, and what a user's expressions and their validation add to it:
//! `cargo run --release -p engine --example project_speed`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement that a person reads"
)]

use std::{hint::black_box, time::Instant};

use contract::{Constraint, Facet, FieldSpec, FieldType, Writer};
use engine::{
    mapping::{Expression, Mapping, Place},
    market::{Reference, View},
};
use model::{
    Attribute, AttributeDefinition, AttributeType, Category, Image, Keywords, Kind, Listing, Locale, Localized, Market,
    Money, Price, PricePolicy, Product, ProductType, Record, Stock, StockLevel, Timestamp, Value, Variant,
    market::Untracked,
    price::{Scope, ScopeMatch},
};

const fn field(name: &'static str, of: FieldType, required: bool, constraint: Constraint) -> FieldSpec {
    FieldSpec { name, of, required, facet: Facet::CONTENT, default: "", constraint, note: "" }
}

static FIELDS: [FieldSpec; 6] = [
    field("name", FieldType::Text, true, Constraint::NotBlank),
    field("url", FieldType::Text, true, Constraint::AbsoluteUrl),
    field("description", FieldType::Text, false, Constraint::None),
    field("price", FieldType::Number, true, Constraint::NotNegative),
    field("variant_skus", FieldType::TextList, false, Constraint::None),
    field("categories", FieldType::IdList, false, Constraint::None),
];

const fn level(group: bool, channel: bool, country: bool) -> ScopeMatch {
    ScopeMatch { group, channel, country }
}

const POLICY: PricePolicy = PricePolicy::FirstScope(&[
    level(true, true, true),
    level(true, false, false),
    level(false, false, true),
    level(false, false, false),
]);

fn main() {
    let market = market();
    let view = View::new(&market, &Reference::new(reference()), POLICY).unwrap();
    for variants in [1, 5, 20, 100] {
        let (product, joined) = (product(variants), joined(variants));
        let projection = view.product(&product, &joined, Timestamp::from_millis(0));
        let bytes = serde_json::to_string(&projection.listing.unwrap()).unwrap().len();
        let took = measure(|| drop(black_box(view.product(&product, &joined, Timestamp::from_millis(0)))));
        println!("projection, {variants} variants, {bytes} bytes as JSON: {took:.2} µs");
    }
    let (product, joined) = (product(5), joined(5));
    let listing = view.product(&product, &joined, Timestamp::from_millis(0)).listing.unwrap();
    expressions(&listing, &market);
}

fn expressions(listing: &Listing<'_>, market: &Market) {
    let mapping = |texts: &[(&str, &str)]| {
        let at = |line| Place { file: "cartage.toml".into(), line, column: 1 };
        let expressions: Vec<_> = (1..)
            .zip(texts)
            .map(|(line, (name, text))| Expression { name: (*name).into(), text: (*text).into(), at: at(line) })
            .collect();
        Mapping::compile(Kind::Product, &FIELDS, Some(|_| true), &expressions).unwrap()
    };
    for (name, mapping) in [
        ("no expression", Mapping::default()),
        ("one over the variant", mapping(&[("colour", "variant.attributes.text0.label")])),
        ("one over all variants", mapping(&[("variant_skus", "product.variants.map(v, v.sku)")])),
        (
            "five",
            mapping(&[
                ("colour", "variant.attributes.text0.label"),
                ("cheap", "variant.price < 20.0"),
                ("title", "product.name + ' ' + market.key"),
                ("slug", "has(product.slug) ? product.slug : product.id"),
                ("variant_skus", "product.variants.map(v, v.sku)"),
            ]),
        ),
    ] {
        let took = measure(|| {
            let taken = |name: &str| mapping.taken(name);
            let mut writer = Writer::new(&taken);
            mapping.apply_product(listing, None, market, &mut writer).unwrap();
            drop(black_box(writer.finish()));
        });
        println!("expressions, {name}: {took:.2} µs");
    }
}

/// Microseconds per call, in the best of many rounds: other work on the machine only ever slows one down.
fn measure(mut call: impl FnMut()) -> f64 {
    const CALLS: u32 = 50;
    let round = |_| {
        let began = Instant::now();
        (0..CALLS).for_each(|_| call());
        began.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
    };
    (0..200).map(round).fold(f64::INFINITY, f64::min)
}

fn locale(tag: &str) -> Locale {
    Locale::parse(tag).unwrap()
}

fn texts(text: &str) -> Localized {
    [(locale("de"), format!("{text} auf Deutsch")), (locale("en"), format!("{text} in English"))].into_iter().collect()
}

fn market() -> Market {
    Market {
        key: "de".into(),
        locales: vec![locale("de-AT"), locale("en")],
        currency: "EUR".parse().unwrap(),
        country: Some("DE".parse().unwrap()),
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "Europe/Berlin".into(),
        product_url: "https://shop.example/p/{slug}".into(),
        category_url: "https://shop.example/c/{slug}".into(),
        untracked: Untracked::Available,
    }
}

fn reference() -> Vec<Record> {
    let keys = || (0..50).map(|at| format!("key{at}"));
    let definition =
        |name: String, of| AttributeDefinition { label: texts(&name), name, of, spread: model::Spread::Variant };
    let attributes = (0..5)
        .flat_map(|at| {
            [
                definition(format!("text{at}"), AttributeType::Text),
                definition(format!("enum{at}"), AttributeType::Enum(keys().map(|key| (key.clone(), key)).collect())),
                definition(
                    format!("lenum{at}"),
                    AttributeType::LocalizedEnum(keys().map(|key| (key.clone(), texts(&key))).collect()),
                ),
            ]
        })
        .collect();
    let product_type =
        ProductType { id: "type".into(), key: None, name: "Clothing".into(), attributes, notices: Vec::new() };
    let category =
        |at: usize| Category { name: texts("Category"), slug: texts("category"), ..Category::new(format!("c{at}")) };
    (0..1000).map(|at| Record::Category(category(at))).chain([Record::ProductType(product_type)]).collect()
}

fn product(variants: usize) -> Product {
    Product {
        key: Some("shirt".into()),
        product_type: Some("type".into()),
        name: texts("Shirt"),
        slug: texts("shirt"),
        description: texts(&"A long description of a shirt. ".repeat(20)),
        meta_title: texts("Shirt"),
        meta_description: texts("Shirt"),
        keywords: keywords(&["shirt", "top"]),
        categories: vec!["c1".into(), "c20".into(), "c300".into()],
        attributes: attributes("product"),
        variants: (0..variants).map(variant).collect(),
        ..Product::new("5c0f4c2e-0000-4000-8000-000000000001")
    }
}

fn variant(at: usize) -> Variant {
    let image = |shot: usize| Image { url: format!("https://cdn.example/images/{at}/{shot}.jpg"), label: None };
    Variant {
        sku: Some(format!("SKU-{at:04}").into()),
        attributes: attributes(&at.to_string()),
        prices: vec![price(1999, "EUR", None), price(1899, "EUR", Some("DE")), price(1699, "GBP", None)],
        images: (0..2).map(image).collect(),
        ..Variant::new(at.to_string())
    }
}

fn keywords(words: &[&str]) -> Keywords {
    let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
    std::iter::once((Locale::parse("de").unwrap(), words)).collect()
}

fn attributes(text: &str) -> Vec<Attribute> {
    (0..3)
        .flat_map(|at| {
            let key = format!("key{}", at * 7);
            [
                (format!("text{at}"), Value::Text(format!("{text} {at}"))),
                (format!("enum{at}"), Value::Enum { key: key.clone(), label: key.clone() }),
                (format!("lenum{at}"), Value::LocalizedEnum { label: texts(&key), key }),
            ]
        })
        .map(|(name, value)| Attribute { name, value })
        .collect()
}

fn price(minor: i64, currency: &str, country: Option<&str>) -> Price {
    Price {
        scope: Scope { country: country.map(|code| code.parse().unwrap()), ..Scope::default() },
        ..Price::new(Money::new(minor, currency.parse().unwrap()))
    }
}

fn joined(variants: usize) -> Vec<Record> {
    (0..variants)
        .map(|at| {
            let sku = format!("SKU-{at:04}");
            let level = StockLevel::limited(None, 5);
            Record::Stock(Stock { id: at.to_string().into(), item: sku.as_str().into(), level, created_at: None })
        })
        .collect()
}
