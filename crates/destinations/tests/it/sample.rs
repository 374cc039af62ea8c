//! Listings to map: a builder over the few things that tests vary.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write};

use contract::{Facet, Item, destination::Mapped};
use destinations::clerk::{Config, map};
use model::{
    CategoryId, Currency, Listing, Money, Offer, Product, Rating, Sku, Timestamp, VariantId,
    listing::{CategoryName, Field, Plain, ProductOption},
};

pub(crate) fn config(toml: &str) -> Config {
    let text = format!("public_key = \"env:CLERK_PUBLIC\"\nprivate_key = \"env:CLERK_PRIVATE\"\n{toml}");
    toml::from_str(&text).expect("settings")
}

pub(crate) fn eur(minor: i64) -> Money {
    Money::new(minor, "EUR".parse::<Currency>().unwrap())
}

/// Owns what listings borrow.
pub(crate) struct Ids {
    pub(crate) product: Product,
    pub(crate) variants: Vec<(VariantId, Option<Sku>)>,
    pub(crate) categories: Vec<CategoryId>,
    pub(crate) keywords: [String; 2],
}

impl Ids {
    pub(crate) fn new(id: &str, skus: &[&str], categories: &[&str]) -> Self {
        let variants = (1..)
            .zip(skus)
            .map(|(number, sku)| (VariantId::new(number.to_string()), (!sku.is_empty()).then(|| Sku::from(*sku))));
        Self {
            product: Product { key: Some("trail-jacket".to_owned()), ..Product::new(id) },
            keywords: ["anorak", "windbreaker"].map(str::to_owned),
            variants: variants.collect(),
            categories: categories.iter().map(|id| CategoryId::from(*id)).collect(),
        }
    }

    /// A listing with nothing but what is always there; every variant costs 19.99 and has 5 pieces.
    pub(crate) fn listing(&self) -> Listing<'_> {
        Listing {
            id: &self.product.id,
            key: self.product.key.as_deref(),
            sku: self.variants.first().and_then(|(_, sku)| sku.as_ref()),
            product_type: None,
            name: "Trail Jacket",
            description: None,
            slug: None,
            meta_title: None,
            meta_description: None,
            keywords: &[],
            brand: None,
            searchable: true,
            url: "https://shop.example/p/trail-jacket".to_owned(),
            images: Vec::new(),
            categories: Vec::new(),
            attributes: Vec::new(),
            options: Vec::new(),
            variants: self.variants.iter().map(|(id, sku)| offer(id, sku.as_ref())).collect(),
            unsold: Vec::new(),
            shares_stock: false,
            rating: None,
            created_at: None,
            product: &self.product,
        }
    }

    /// A listing with everything there can be, in three variants.
    pub(crate) fn full(&self) -> Listing<'_> {
        let mut listing = self.listing();
        listing.description = Some("<p>Light <b>shell</b></p>\n<ul><li>3&nbsp;layers</li></ul>");
        listing.slug = Some("trail-jacket");
        listing.keywords = &self.keywords;
        listing.images = vec!["https://img.example/a.jpg", "https://img.example/b.jpg"];
        listing.categories = self
            .categories
            .iter()
            .zip([Some("Jackets"), Some("Sale"), None])
            .map(|(id, name)| CategoryName {
                key: None,
                external_id: None,
                id,
                name,
                primary: false,
                position: None,
                path: name.into_iter().collect(),
            })
            .collect();
        listing.attributes = vec![
            text("brand", "Nordby"),
            field("weight-g", Plain::Integer(310)),
            field("waterproof", Plain::Boolean(true)),
            field("uses", Plain::List(vec![Plain::Text("hike".into()), Plain::Text("run".into())])),
        ];
        listing.options = vec![option("size", &["S", "M", "L"]), option("color", &["red", "blue"])];
        listing.rating = Some(Rating { average: 4.5, count: 12 });
        listing.created_at = Some(Timestamp::from_millis(1_718_000_000_123));
        for (offer, (size, color)) in listing.variants.iter_mut().zip([("S", "red"), ("M", "blue"), ("L", "red")]) {
            offer.attributes = vec![text("size", size), text("color", color), text("season", "winter")];
        }
        if let [first, second, third] = listing.variants.as_mut_slice() {
            first.images = vec!["https://img.example/a.jpg"];
            second.images = vec!["https://img.example/b.jpg"];
            (second.price, second.list_price, second.on_sale) = (eur(1499), eur(1999), true);
            (third.stock, third.in_stock) = (Some(0), false);
            (third.price, third.list_price) = (eur(999), eur(999));
        }
        listing
    }
}

pub(crate) fn full() -> Ids {
    Ids::new("c2a1", &["TJ-S", "TJ-M", "TJ-L"], &["12", "34", "56"])
}

fn offer<'a>(id: &'a VariantId, sku: Option<&'a Sku>) -> Offer<'a> {
    Offer {
        id,
        sku,
        key: None,
        gtin: None,
        price: eur(1999),
        list_price: eur(1999),
        on_sale: false,
        lowest_price_30d: None,
        price_seen_since: None,
        tax: None,
        tiers: &[],
        basis: None,
        stock: Some(5),
        in_stock: true,
        attributes: Vec::new(),
        images: Vec::new(),
    }
}

pub(crate) fn field<'a>(name: &'a str, label: Plain<'a>) -> Field<'a> {
    Field { name, spread: model::Spread::Variant, title: None, value: label.clone(), label }
}

pub(crate) fn text<'a>(name: &'a str, label: &'a str) -> Field<'a> {
    field(name, Plain::Text(Cow::Borrowed(label)))
}

pub(crate) fn option<'a>(name: &'a str, values: &[&'a str]) -> ProductOption<'a> {
    ProductOption { name, title: None, values: values.iter().map(|it| Cow::Borrowed(*it)).collect() }
}

/// The items, or the fault's code and message.
pub(crate) fn items(config: &Config, listing: &Listing<'_>) -> Result<Vec<Item>, String> {
    match map::product(config, listing, &|_| false) {
        Ok(Mapped::Items(items)) => Ok(items.into_iter().map(|made| made.item).collect()),
        Ok(Mapped::Filtered(filtered)) => Err(format!("filtered: {filtered}")),
        Err(fault) => Err(format!("{} {}", fault.code, fault.message)),
    }
}

/// The bytes as they are sent, a facet a line.
pub(crate) fn shown(items: &[Item]) -> String {
    let mut text = String::new();
    for item in items {
        writeln!(text, "id {}", item.id).unwrap();
        for (facet, name) in Facet::ALL.into_iter().zip(["Content", "Price", "Availability"]) {
            writeln!(text, "{name} {}", item.payload.members(facet)).unwrap();
        }
    }
    text
}

pub(crate) fn sent(config: &Config, listing: &Listing<'_>) -> String {
    items(config, listing).map_or_else(|refused| refused, |items| shown(&items))
}

/// The whole of the first item as JSON members by name.
pub(crate) fn members(config: &Config, listing: &Listing<'_>) -> BTreeMap<String, serde_json::Value> {
    let items = items(config, listing).unwrap();
    serde_json::from_str(&format!("{{{}}}", items[0].payload.joined())).unwrap()
}
