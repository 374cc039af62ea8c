//! Products and categories for the suite.

use std::borrow::Cow;

use model::{
    CategoryId, CategoryListing, Listing, Locale, Market, Money, Offer, Product, Sku, Timestamp, VariantId,
    listing::{CategoryName, Field, Plain, ProductOption},
    market::Untracked,
};

/// A product of two variants; owns what its listing borrows.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    product: Product,
    name: String,
    description: String,
    variants: [(VariantId, Sku); 2],
    category: CategoryId,
    keywords: [String; 2],
    bare: bool,
    discounted: bool,
    stock: Option<i64>,
    in_stock: bool,
}

impl Sample {
    pub(super) fn new(id: &str) -> Self {
        Self {
            product: Product { key: Some(id.to_owned()), ..Product::new(id) },
            name: format!("Product {id}"),
            description: "A light shell".to_owned(),
            variants: ["1", "2"].map(|number| (VariantId::from(number), Sku::new(format!("{id}-{number}")))),
            category: "jackets".into(),
            keywords: ["anorak", "windbreaker"].map(str::to_owned),
            bare: false,
            discounted: false,
            stock: Some(5),
            in_stock: true,
        }
    }

    pub(super) fn id(&self) -> &str {
        self.product.id.as_str()
    }

    pub(super) fn renamed(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    pub(super) fn described(&self, description: &str) -> Self {
        Self { description: description.to_owned(), ..self.clone() }
    }

    /// Without everything that a product may lack.
    pub(super) fn bare(&self) -> Self {
        Self { bare: true, ..self.clone() }
    }

    pub(super) fn discounted(&self) -> Self {
        Self { discounted: true, ..self.clone() }
    }

    pub(super) fn restocked(&self) -> Self {
        Self { stock: Some(6), ..self.clone() }
    }

    pub(super) fn untracked(&self) -> Self {
        Self { stock: None, ..self.clone() }
    }

    pub(super) fn sold_out(&self) -> Self {
        Self { stock: Some(0), in_stock: false, ..self.clone() }
    }

    pub(super) fn listing(&self) -> Listing<'_> {
        let full = !self.bare;
        let some = |text: &'static str| full.then_some(text);
        let offers = self.variants.iter().zip(["S", "M"]).take(if full { 2 } else { 1 });
        Listing {
            id: &self.product.id,
            key: self.product.key.as_deref(),
            sku: self.variants.first().map(|(_, sku)| sku),
            product_type: some("jacket"),
            name: &self.name,
            description: full.then_some(self.description.as_str()),
            slug: some("jacket"),
            meta_title: None,
            meta_description: None,
            keywords: if full { &self.keywords } else { &[] },
            brand: None,
            searchable: true,
            url: format!("https://shop.example/p/{}", self.product.id),
            // Some destinations require an image and a time.
            images: vec!["https://img.example/a.jpg"],
            categories: vec![CategoryName {
                key: None,
                external_id: None,
                id: &self.category,
                name: some("Jackets"),
                primary: false,
                position: None,
                path: vec!["Jackets"],
            }],
            attributes: if full { vec![text("brand", "Nordby")] } else { Vec::new() },
            options: if full { vec![sizes()] } else { Vec::new() },
            variants: offers.map(|((id, sku), size)| self.offer(id, sku, size)).collect(),
            unsold: Vec::new(),
            shares_stock: false,
            rating: None,
            created_at: Some(Timestamp::from_millis(1_718_000_000_000)),
            product: &self.product,
        }
    }

    fn offer<'a>(&self, id: &'a VariantId, sku: &'a Sku, size: &'a str) -> Offer<'a> {
        let list_price = euros(1999);
        let price = if self.discounted { euros(1499) } else { list_price };
        Offer {
            id,
            sku: Some(sku),
            key: None,
            gtin: None,
            price,
            list_price,
            on_sale: self.discounted,
            lowest_price_30d: None,
            price_seen_since: None,
            tax: None,
            tiers: &[],
            basis: None,
            stock: self.stock,
            in_stock: self.in_stock,
            attributes: if self.bare { Vec::new() } else { vec![text("size", size)] },
            images: Vec::new(),
        }
    }
}

/// The market that shows the samples.
pub(super) fn market() -> Market {
    Market {
        key: "en".into(),
        locales: Locale::parse("en").into_iter().collect(),
        currency: currency(),
        country: None,
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "UTC".into(),
        product_url: "https://shop.example/p/{id}".into(),
        category_url: "https://shop.example/c/{id}".into(),
        untracked: Untracked::Available,
    }
}

/// A category as `map` sees it.
pub(super) fn category<T>(id: &str, name: &str, map: impl FnOnce(&CategoryListing<'_>) -> T) -> T {
    let (id, child) = (CategoryId::from(id), CategoryId::from("child"));
    map(&CategoryListing {
        id: &id,
        key: None,
        external_id: None,
        parent: None,
        name,
        description: None,
        slug: None,
        url: "https://shop.example/c".to_owned(),
        image: None,
        children: vec![model::listing::CategoryRef { id: &child, key: None, external_id: None }],
        path: vec![name],
    })
}

fn euros(cents: i64) -> Money {
    Money::new(cents, currency())
}

#[expect(clippy::expect_used, reason = "EUR is a currency")]
fn currency() -> model::Currency {
    "EUR".parse().expect("EUR is a currency")
}

fn text<'a>(name: &'a str, label: &'a str) -> Field<'a> {
    let label = Plain::Text(Cow::Borrowed(label));
    Field { name, spread: model::Spread::Variant, title: None, value: label.clone(), label }
}

fn sizes<'a>() -> ProductOption<'a> {
    ProductOption { name: "size", title: None, values: vec!["S".into(), "M".into()] }
}
