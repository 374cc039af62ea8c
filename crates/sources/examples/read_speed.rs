//! Measures the cost of reading a page of products: `cargo run --release -p sources --example read_speed`.
//!
//! Prints microseconds per product for parsing alone (into the vendor's form, which is dropped) and for parsing and
//! mapping (what the source does), on a page of 500 made-up products with 5 variants and 2 locales, about 5 KB each. An
//! argument picks one of them, for `perf stat`: on a busy machine only the number of instructions is steady.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, run by hand"
)]

use std::{hint::black_box, time::Instant};

use serde_json::{Value, json};
use sources::commercetools::{
    api::{self, ProductProjection},
    decode::decode,
    map::Settings,
    place::Stage,
};

const PRODUCTS: usize = 500;
const ROUNDS: u32 = 40;

fn main() {
    let page = page();
    println!("{PRODUCTS} products, {} bytes each", page.len() / PRODUCTS);
    let settings =
        Settings { gtin_attributes: vec!["ean".to_owned()], stock_from_products: false, ..Settings::default() };
    measure("check as JSON, nothing kept", || {
        black_box(serde_json::from_str::<serde::de::IgnoredAny>(&page).unwrap());
    });
    measure("parse", || {
        let read = api::page(&page, |product: ProductProjection<'_>| drop(black_box(product))).unwrap();
        assert_eq!(read.count, PRODUCTS);
    });
    measure("parse and map", || {
        let read = decode(Stage::Projections, &settings, "", page.as_bytes()).unwrap();
        assert_eq!(black_box(read).changes.len(), PRODUCTS);
    });
    measure("parse into serde_json::Value", || {
        black_box(serde_json::from_str::<Value>(&page).unwrap());
    });
}

/// The best of several rounds: others share the machine.
fn measure(what: &str, mut round: impl FnMut()) {
    if std::env::args().nth(1).is_some_and(|only| only != what) {
        return;
    }
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        round();
        best = best.min(began.elapsed().as_secs_f64());
    }
    println!("{what}: {:.2} µs per product", best * 1e6 / 500.0);
}

fn page() -> String {
    let results: Vec<Value> = (0..PRODUCTS).map(product).collect();
    json!({ "limit": 500, "offset": 0, "count": PRODUCTS, "results": results }).to_string()
}

fn product(number: usize) -> Value {
    let text = "Ein leichtes Hemd aus Baumwolle mit Knöpfen aus Perlmutt. ".repeat(8);
    let variants: Vec<Value> = (1..=5).map(|variant| self::variant(number, variant)).collect();
    json!({
        "id": format!("b32d0000-0000-4000-8000-{number:012}"),
        "version": 7,
        "createdAt": "2025-05-01T10:00:00.000Z",
        "lastModifiedAt": "2026-05-01T10:00:00.000Z",
        "lastModifiedBy": { "clientId": "abc", "isPlatformClient": false },
        "key": format!("shirt-{number}"),
        "productType": { "typeId": "product-type", "id": "aa110000-0000-4000-8000-000000000001" },
        "name": { "de": format!("Hemd {number}"), "en": format!("Shirt {number}") },
        "slug": { "de": format!("hemd-{number}"), "en": format!("shirt-{number}") },
        "description": { "de": text, "en": text },
        "categories": [
            { "typeId": "category", "id": "cc110000-0000-4000-8000-000000000001" },
            { "typeId": "category", "id": "cc110000-0000-4000-8000-000000000002" },
        ],
        "categoryOrderHints": {},
        "searchKeywords": { "de": [{ "text": "hemd" }], "en": [{ "text": "shirt" }] },
        "hasStagedChanges": false,
        "published": true,
        "priceMode": "Embedded",
        "taxCategory": { "typeId": "tax-category", "id": "dd110000-0000-4000-8000-000000000001" },
        "attributes": [{ "name": "brand", "value": "Acme" }],
        "masterVariant": variants[0],
        "variants": variants[1..],
    })
}

fn variant(number: usize, variant: usize) -> Value {
    let price = |currency: &str, amount: usize| {
        json!({
            "id": format!("ee110000-0000-4000-8000-{number:08}{variant:04}"),
            "value": { "type": "centPrecision", "currencyCode": currency, "centAmount": amount, "fractionDigits": 2 },
        })
    };
    json!({
        "id": variant,
        "sku": format!("S-{number}-{variant}"),
        "key": format!("s-{number}-{variant}"),
        "prices": [price("EUR", 1999 + variant), price("GBP", 1799 + variant)],
        "attributes": [
            { "name": "color", "value": { "key": "red", "label": { "de": "Rot", "en": "Red" } } },
            { "name": "size", "value": { "key": "m", "label": "M" } },
            { "name": "ean", "value": "4006381333931" },
        ],
        "images": [
            { "url": format!("https://images.example/{number}/{variant}.jpg"), "dimensions": { "w": 800, "h": 1200 } },
        ],
        "assets": [],
        "availability": { "isOnStock": true, "availableQuantity": 5, "id": "x", "version": 4 },
    })
}
