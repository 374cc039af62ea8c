//! Measures the mapping of a product of five variants to the members that Clerk.io is sent:
//! `cargo run --release -p destinations --example map_speed`.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a measurement prints its result"
)]

use std::{
    borrow::Cow,
    hint::black_box,
    time::{Duration, Instant},
};

use contract::destination::Mapped;
use destinations::clerk::{Config, map};
use model::{
    CategoryId, Listing, Money, Offer, Product, Sku, Timestamp, VariantId,
    listing::{CategoryName, Field, Plain, ProductOption},
};

const ROUNDS: u32 = 20_000;

fn main() {
    let plain = "A light shell for wind and rain, made from recycled yarn that breathes. ".repeat(20);
    let html =
        "<p>A light shell for <b>wind &amp; rain</b>, made from recycled yarn.</p>\n<ul><li>breathes</li></ul>\n"
            .repeat(14);
    for (what, settings, description) in [
        ("product grain, 1.4 KB of plain text", "", &plain),
        ("product grain, 1.4 KB of HTML", "", &html),
        ("product grain, 1.4 KB of HTML sent as it is", "description = \"html\"", &html),
        ("variant grain, 1.4 KB of HTML", "grain = \"variant\"", &html),
    ] {
        let config: Config = toml::from_str(&format!("public_key = \"env:A\"\nprivate_key = \"env:B\"\n{settings}"))
            .expect("settings that are written here");
        report(what, &config, description);
    }
}

fn report(what: &str, config: &Config, description: &str) {
    let product = product();
    let ids: Vec<_> = (1..=5).map(|number| VariantId::new(number.to_string())).collect();
    let skus: Vec<_> = (1..=5).map(|number| Sku::new(format!("TRAIL-JACKET-0{number}"))).collect();
    let categories = [CategoryId::from("0f1e2d3c-0000-4000-8000-00000000000a"), CategoryId::from("0f1e2d3c-0001")];
    let keywords = ["anorak", "windbreaker", "shell"].map(str::to_owned);
    let listing = listing(&product, &ids, &skus, &categories, &keywords, description);
    // The best of several runs: other processes only ever add time.
    let (mut best, mut bytes) = (Duration::MAX, 0);
    for _ in 0..7 {
        let began = Instant::now();
        for _ in 0..ROUNDS {
            let mapped = map::product(config, black_box(&listing), &|_| false);
            if let Ok(Mapped::Items(items)) = black_box(mapped) {
                bytes = items.iter().map(|made| made.item.payload.len()).sum();
            }
        }
        best = best.min(began.elapsed() / ROUNDS);
    }
    println!("{what}: {:.2} µs for {bytes} bytes", best.as_secs_f64() * 1e6);
}

fn product() -> Product {
    Product::new("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")
}

fn listing<'a>(
    product: &'a Product,
    ids: &'a [VariantId],
    skus: &'a [Sku],
    categories: &'a [CategoryId],
    keywords: &'a [String],
    description: &'a str,
) -> Listing<'a> {
    const SIZES: [&str; 5] = ["XS", "S", "M", "L", "XL"];
    const COLOURS: [&str; 5] = ["red", "blue", "red", "green", "blue"];
    let currency = "EUR".parse().expect("EUR is a currency");
    let variants =
        ids.iter().zip(skus).zip(SIZES.iter().zip(COLOURS)).zip(1..).map(|(((id, sku), (size, colour)), n)| Offer {
            id,
            sku: Some(sku),
            key: None,
            gtin: None,
            price: Money::new(8_999 + n * 100, currency),
            list_price: Money::new(9_999 + n * 100, currency),
            on_sale: true,
            lowest_price_30d: None,
            price_seen_since: None,
            tax: None,
            tiers: &[],
            basis: None,
            stock: Some(n * 3),
            in_stock: true,
            attributes: vec![
                text("size", size),
                text("color", colour),
                text("brand", "Nordby"),
                text("season", "winter"),
                text("material-outer", "recycled polyester"),
                Field {
                    name: "weight",
                    spread: model::Spread::Variant,
                    title: None,
                    value: Plain::Integer(310),
                    label: Plain::Integer(310),
                },
                Field {
                    name: "waterproof",
                    spread: model::Spread::Variant,
                    title: None,
                    value: Plain::Boolean(true),
                    label: Plain::Boolean(true),
                },
            ],
            images: vec!["https://images.shop.example/products/trail-jacket/front-large.jpg"],
        });
    Listing {
        id: &product.id,
        key: None,
        sku: None,
        product_type: None,
        name: "Trail Jacket with taped seams",
        description: Some(description),
        slug: Some("trail-jacket"),
        meta_title: None,
        meta_description: None,
        keywords,
        brand: None,
        searchable: true,
        url: "https://shop.example/de/p/trail-jacket-with-taped-seams".to_owned(),
        images: vec!["https://images.shop.example/products/trail-jacket/front-large.jpg"],
        categories: categories
            .iter()
            .map(|id| CategoryName {
                key: None,
                external_id: None,
                id,
                name: Some("Jackets"),
                primary: false,
                position: None,
                path: Vec::new(),
            })
            .collect(),
        attributes: vec![],
        options: vec![option("size", &SIZES), option("color", &["red", "blue", "green"])],
        variants: variants.collect(),
        unsold: Vec::new(),
        shares_stock: false,
        rating: None,
        created_at: Some(Timestamp::from_millis(1_718_000_000_000)),
        product,
    }
}

fn text<'a>(name: &'a str, label: &'a str) -> Field<'a> {
    let label = Plain::Text(Cow::Borrowed(label));
    Field { name, spread: model::Spread::Variant, title: None, value: label.clone(), label }
}

fn option<'a>(name: &'a str, values: &[&'a str]) -> ProductOption<'a> {
    ProductOption { name, title: None, values: values.iter().map(|value| Cow::Borrowed(*value)).collect() }
}
