//! A shop of a few products and categories, and the items that a destination should hold, computed without the engine.

use std::collections::BTreeMap;

use contract::{
    Change,
    source::Urgency,
    store::{Intake, LaneState},
};
use model::{
    Category, Kind, Locale, Localized, Money, Price, Product, Record, SourceName, StockLevel, Timestamp, Variant,
};
use serde_json::{Value, json};

/// Items of a destination: members by kind and id.
pub(super) type Held = BTreeMap<(Kind, String), Value>;

/// A product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Goods {
    pub(super) name: u32,
    /// None: not sold.
    pub(super) price: Option<i64>,
    /// Of each variant.
    pub(super) stock: Vec<i64>,
    /// For each variant: its SKU of those that others may have too; `None` or missing: a SKU of its own.
    pub(super) skus: Vec<Option<usize>>,
    pub(super) nature: Nature,
}

/// Special behaviour of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Good,
    /// The destination refuses its first item.
    Poison,
    /// It can't be mapped.
    Unmakeable,
    /// Every call that carries it fails.
    Toxic,
}

/// The shop as it is now.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    /// Products by number; `None`: deleted.
    pub(super) products: Vec<Option<Goods>>,
    /// Names, by number.
    pub(super) categories: Vec<u32>,
    /// Products that ever existed: the mirror has them.
    pub(super) ever: Vec<bool>,
    versions: u64,
    /// Another mapping.
    pub(super) mapping: u32,
}

pub(super) const CATEGORIES: usize = 3;

pub(super) fn source() -> SourceName {
    "shop".into()
}

fn english(text: String) -> Localized {
    [(Locale::parse("en").unwrap(), text)].into_iter().collect()
}

pub(super) fn product_id(product: usize) -> String {
    format!("p{product}")
}

fn category_id(category: usize) -> String {
    format!("c{category}")
}

/// The product that an item's id names.
pub(super) fn product_of(item: &str) -> Option<usize> {
    item.strip_prefix('p')?.split('.').next()?.parse().ok()
}

impl Goods {
    pub(super) fn new(name: u32) -> Self {
        Self { name, price: Some(100), stock: vec![1], skus: Vec::new(), nature: Nature::Good }
    }

    /// The id of an item of it.
    pub(super) fn item(&self, product: usize, variant: usize) -> String {
        let shared = self.skus.get(variant).copied().flatten();
        shared.map_or_else(|| format!("p{product}.{variant}"), |sku| format!("sku {sku}"))
    }

    fn text(&self) -> String {
        match self.nature {
            Nature::Good => format!("good {}", self.name),
            Nature::Poison => format!("poison {}", self.name),
            Nature::Unmakeable => format!("unmakeable {}", self.name),
            Nature::Toxic => format!("toxic {}", self.name),
        }
    }
}

impl Shop {
    pub(super) fn new(products: usize) -> Self {
        Self {
            products: vec![None; products],
            categories: vec![0; CATEGORIES],
            ever: vec![false; products],
            versions: 0,
            mapping: 0,
        }
    }

    fn version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    /// Sets the product to this form.
    pub(super) fn set(&mut self, product: usize, goods: Option<Goods>) {
        self.ever[product] |= goods.is_some();
        self.products[product] = goods;
    }

    /// The change of a product.
    pub(super) fn product(&mut self, product: usize) -> Change {
        let version = self.version();
        let Some(goods) = &self.products[product] else {
            return Change::Gone { kind: Kind::Product, id: product_id(product).into(), version: None };
        };
        Change::Is { record: Record::Product(Box::new(record(product, goods))), version, modified_at: None }
    }

    /// The change of a category.
    pub(super) fn category(&mut self, category: usize) -> Change {
        let version = self.version();
        let record = Record::Category(Category {
            name: english(format!("category {}", self.categories[category])),
            ..Category::new(category_id(category))
        });
        Change::Is { record, version, modified_at: None }
    }

    /// A page of everything that ever existed.
    pub(super) fn all(&mut self) -> Vec<Change> {
        let categories: Vec<Change> = (0..CATEGORIES).map(|category| self.category(category)).collect();
        let products = (0..self.products.len()).filter(|product| self.ever[*product]).collect::<Vec<_>>();
        let products = products.into_iter().map(|product| self.product(product));
        categories.into_iter().chain(products).collect()
    }

    /// The items that the destination should hold, except for products that can't be sent.
    pub(super) fn wanted(&self) -> Held {
        let mut held = Held::new();
        for (category, name) in self.categories.iter().enumerate() {
            let members = json!({ "name": format!("category {name}"), "mapping": self.mapping });
            held.insert((Kind::Category, category_id(category)), members);
        }
        for number in 0..self.products.len() {
            held.extend(self.wanted_of(number).into_iter().map(|(id, members)| ((Kind::Product, id), members)));
        }
        held
    }

    /// The items that it should hold of a product.
    pub(super) fn wanted_of(&self, number: usize) -> BTreeMap<String, Value> {
        let Some(goods) = &self.products[number] else { return BTreeMap::new() };
        let Some(price) = goods.price else { return BTreeMap::new() };
        let member = |(variant, stock): (usize, &i64)| {
            let members = json!({
                "name": goods.text(),
                "category": format!("category {}", self.categories[number % CATEGORIES]),
                "mapping": self.mapping,
                "first": variant == 0,
                "price": price,
                "stock": stock,
            });
            (goods.item(number, variant), members)
        };
        goods.stock.iter().enumerate().map(member).collect()
    }

    /// Records that the mirror counts.
    pub(super) fn known(&self) -> u64 {
        (CATEGORIES + self.ever.iter().filter(|ever| **ever).count()) as u64
    }

    /// Records that end as dead letters.
    pub(super) fn dead(&self) -> u64 {
        self.products.iter().flatten().filter(|goods| goods.is_dead()).count() as u64
    }
}

impl Goods {
    pub(super) fn is_dead(&self) -> bool {
        self.price.is_some() && self.nature != Nature::Good
    }
}

/// A product of the model.
pub(super) fn record(number: usize, goods: &Goods) -> Product {
    let price = |minor: i64| Price::new(Money::new(minor, "EUR".parse().unwrap()));
    let variants = goods.stock.iter().enumerate().map(|(variant, stock)| Variant {
        sku: Some(goods.item(number, variant).into()),
        prices: goods.price.map(price).into_iter().collect(),
        stock: vec![StockLevel::limited(None, *stock)],
        ..Variant::new(variant.to_string())
    });
    Product {
        name: english(goods.text()),
        categories: vec![category_id(number % CATEGORIES).into()],
        variants: variants.collect(),
        ..Product::new(product_id(number))
    }
}

/// The newest possible lease.
pub(super) const NEWEST: contract::store::Lease = contract::store::Lease(u64::MAX);

/// A page.
pub(super) fn page(changes: Vec<Change>, urgency: Urgency, at: Timestamp) -> Intake {
    Intake {
        source: source(),
        lane: "catalogue".to_owned(),
        lease: NEWEST,
        state: LaneState::default(),
        expected: None,
        as_of: at,
        fetched: false,
        confirm: Vec::new(),
        scopes: Vec::new(),
        hints: Vec::new(),
        changes,
        unread: Vec::new(),
        pass: None,
        marks: false,
        urgency,
        at,
    }
}
