//! TRAIL-42, the product that help texts and guides use as their example.
//!
//! It shows one rule each of language, price and stock: its description exists in German alone, a sale in EUR begins by
//! the clock some time after the start, and each market sells from a warehouse of its own.

use jiff::{SignedDuration, Timestamp};

use super::{Catalogue, Localized, Price, Product, Stock, Value, Variant};

/// Key of the product, and the beginning of its SKUs (`TRAIL-42-S`, `TRAIL-42-M`, `TRAIL-42-L`).
pub const KEY: &str = "TRAIL-42";

/// For how long its sale lasts.
const SALE_LASTS: SignedDuration = SignedDuration::from_hours(1);

/// The catalogue with [`KEY`] as one more product, sold in both markets of a generated shop. `sale`: when its sale begins.
pub fn with_example(catalogue: Catalogue, sale: Timestamp) -> Catalogue {
    let Catalogue { mut head, product_count, products } = catalogue;
    for selection in head.selections.iter_mut().filter(|selection| !selection.excludes) {
        selection.products.push(KEY.to_owned());
    }
    let example = product(sale);
    Catalogue {
        head,
        product_count: product_count + 1,
        products: Box::new(move || Box::new(products().chain([example.clone()]))),
    }
}

fn product(sale: Timestamp) -> Product {
    Product {
        key: KEY.to_owned(),
        product_type: "apparel".to_owned(),
        name: texts(&[("de", "Trailjacke 42, wasserdicht"), ("en", "Trail Jacket 42, waterproof")]),
        slug: texts(&[("de", "trailjacke-42"), ("en", "trail-jacket-42")]),
        description: texts(&[("de", "<p>Leicht, wasserdicht und atmungsaktiv, für lange Tage in den Bergen.</p>")]),
        categories: vec!["women-clothing-jackets".to_owned()],
        attributes: vec![("brand".to_owned(), Value::Key("nordwerk".to_owned()))],
        variants: [("s", 4, 7), ("m", 12, 3), ("l", 0, 5)].map(|sized| variant(sized, sale)).to_vec(),
        published: true,
        standalone_prices: false,
    }
}

/// The variant of a size, with its pieces in the German and in the British warehouse.
fn variant((size, german, british): (&str, i64, i64), begins: Timestamp) -> Variant {
    let level = |channel: &str, quantity| Stock { channel: Some(channel.to_owned()), quantity };
    Variant {
        sku: Some(format!("{KEY}-{}", size.to_uppercase())),
        attributes: vec![
            ("colour".to_owned(), Value::Key("green".to_owned())),
            ("size".to_owned(), Value::Key(size.to_owned())),
        ],
        prices: vec![price(24_900, "EUR"), sale(begins), price(21_900, "GBP")],
        images: vec!["https://images.shop.example/trail-42/green-1.jpg".to_owned()],
        stock: vec![level("warehouse-de", german), level("warehouse-uk", british)],
    }
}

fn sale(begins: Timestamp) -> Price {
    let ends = begins.checked_add(SALE_LASTS).ok();
    let text = |at: Timestamp| format!("{at:.3}");
    Price { valid_from: Some(text(begins)), valid_until: ends.map(text), ..price(19_900, "EUR") }
}

fn price(minor: i64, currency: &str) -> Price {
    Price { minor, currency: currency.to_owned(), ..Price::default() }
}

fn texts(texts: &[(&str, &str)]) -> Localized {
    texts.iter().map(|(locale, text)| ((*locale).to_owned(), (*text).to_owned())).collect()
}
