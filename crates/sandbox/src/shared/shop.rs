//! The living shop: changes that the staff and customers of a shop make to its catalogue.
//!
//! [`LivingShop`] yields one plausible [`Edit`] after the other, in no platform's shape; a platform's `drive` applies
//! them to its emulator at a rate. Stock moves most, then prices, texts, categories, publication; now and then a price
//! window is set that opens by the clock alone, and a product is added or removed.
//!
//! **Invariants:** the same catalogue and seed give the same edits. The shop stays close to its first state: prices and
//! texts change from that state, only products that were added here are removed, and at most [`MOST_HIDDEN`] are
//! unpublished at a time. Memory is bounded: it works on at most [`MOST_PRODUCTS`] products.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use super::catalogue::{Catalogue, Category, Localized, Price, Product, Stock, dice::Dice};

/// The products it works on are taken evenly from a larger catalogue.
pub const MOST_PRODUCTS: usize = 2_000;

/// The most products that it keeps unpublished at a time.
pub const MOST_HIDDEN: usize = 5;

/// The most products that it has added and not yet removed.
const MOST_ADDED: usize = 20;

/// One change to a shop.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Pieces on stock from now on.
    Stock {
        /// Which variant.
        sku: String,
        /// In which supply channel; none for stock that is in no channel.
        channel: Option<String>,
        /// Pieces.
        quantity: i64,
    },
    /// The price that has the same scope as this one is now this one.
    Price {
        /// Key of the product.
        product: String,
        /// Which variant.
        sku: String,
        /// Scope and new amount. Never one with tiers.
        price: Price,
    },
    /// A price is added that holds for a time only. Its own validity isn't set.
    PriceWindow {
        /// Key of the product.
        product: String,
        /// Which variant.
        sku: String,
        /// Scope and amount.
        price: Price,
        /// How long until it holds.
        opens_in: Duration,
        /// For how long it then holds.
        lasts: Duration,
    },
    /// The product has another name.
    Name {
        /// Key of the product.
        product: String,
        /// In this locale.
        locale: String,
        /// The name.
        text: String,
    },
    /// The category has another name.
    Category {
        /// Key of the category.
        category: String,
        /// In this locale.
        locale: String,
        /// The name.
        text: String,
    },
    /// The product is shown to shoppers, or no longer.
    Published {
        /// Key of the product.
        product: String,
        /// Whether it is shown.
        published: bool,
    },
    /// A product is new.
    Added(Box<Product>),
    /// A product is gone. Only such as were added.
    Removed {
        /// Key of the product.
        product: String,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Stock,
    Price,
    Name,
    Category,
    Published,
    PriceWindow,
    Assortment,
}

/// How often each kind comes, of a hundred.
const WEIGHTS: [(Kind, usize); 7] = [
    (Kind::Stock, 58),
    (Kind::Price, 20),
    (Kind::Name, 9),
    (Kind::Category, 4),
    (Kind::Published, 4),
    (Kind::PriceWindow, 3),
    (Kind::Assortment, 2),
];

const NOTES: &[&str] = &["new", "bestseller", "★", "limited", "2.0"];

/// A variant whose stock or prices may move.
struct Piece {
    product: String,
    sku: String,
    /// As in the catalogue.
    prices: Vec<Price>,
    /// As it is now.
    stock: Vec<Stock>,
}

/// An endless stream of edits; it ends at once for a catalogue in which there is nothing to edit.
pub struct LivingShop {
    dice: Dice,
    /// A hundred entries, or as many as are left of kinds that can happen here.
    kinds: Vec<Kind>,
    pieces: Vec<Piece>,
    /// Keys and first names of products.
    names: Vec<(String, Localized)>,
    /// Keys and first names of categories.
    categories: Vec<(String, Localized)>,
    /// Keys of products that were published at first.
    published: Vec<String>,
    hidden: VecDeque<String>,
    added: VecDeque<String>,
    /// How many were ever added: their keys go on.
    ever_added: u64,
    patterns: Vec<Product>,
    /// SKUs that have had a window already; a second might overlap it.
    windows: HashSet<String>,
}

impl LivingShop {
    /// Gets to know a catalogue. Reads all its products once and keeps what it needs of at most [`MOST_PRODUCTS`].
    pub fn new(catalogue: &Catalogue, seed: u64) -> Self {
        let named = |category: &Category| (category.key.clone(), category.name.clone());
        let mut shop = Self {
            dice: Dice::new(seed, 0x5B0F),
            kinds: Vec::new(),
            pieces: Vec::new(),
            names: Vec::new(),
            categories: catalogue.head.categories.iter().map(named).filter(|(_, name)| !name.is_empty()).collect(),
            published: Vec::new(),
            hidden: VecDeque::new(),
            added: VecDeque::new(),
            ever_added: 0,
            patterns: Vec::new(),
            windows: HashSet::new(),
        };
        let step = catalogue.product_count.div_ceil(MOST_PRODUCTS).max(1);
        for product in (catalogue.products)().step_by(step).take(MOST_PRODUCTS) {
            shop.learn(product);
        }
        for (kind, weight) in WEIGHTS {
            if shop.can(kind) {
                shop.kinds.extend(std::iter::repeat_n(kind, weight));
            }
        }
        shop
    }

    fn learn(&mut self, product: Product) {
        for variant in &product.variants {
            if let Some(sku) = &variant.sku {
                self.pieces.push(Piece {
                    product: product.key.clone(),
                    sku: sku.clone(),
                    prices: variant.prices.clone(),
                    stock: variant.stock.clone(),
                });
            }
        }
        if !product.name.is_empty() {
            self.names.push((product.key.clone(), product.name.clone()));
        }
        if product.published {
            self.published.push(product.key.clone());
            let complete = product.variants.iter().all(|variant| variant.sku.is_some() && !variant.prices.is_empty());
            if complete && self.patterns.len() < MOST_ADDED {
                self.patterns.push(product);
            }
        }
    }

    fn can(&self, kind: Kind) -> bool {
        match kind {
            Kind::Stock => self.pieces.iter().any(|piece| !piece.stock.is_empty()),
            Kind::Price | Kind::PriceWindow => self.pieces.iter().any(|piece| !piece.prices.is_empty()),
            Kind::Name => !self.names.is_empty(),
            Kind::Category => !self.categories.is_empty(),
            Kind::Published => !self.published.is_empty(),
            Kind::Assortment => !self.patterns.is_empty(),
        }
    }

    /// One edit of a kind; none if what was picked can't be edited so.
    fn edit(&mut self, kind: Kind) -> Option<Edit> {
        match kind {
            Kind::Stock => self.stock(),
            Kind::Price => self.price(),
            Kind::PriceWindow => self.price_window(),
            Kind::Name => {
                let (product, locale, text) = renamed(&self.names, &mut self.dice)?;
                Some(Edit::Name { product, locale, text })
            }
            Kind::Category => {
                let (category, locale, text) = renamed(&self.categories, &mut self.dice)?;
                Some(Edit::Category { category, locale, text })
            }
            Kind::Published => self.publication(),
            Kind::Assortment => self.assortment(),
        }
    }

    /// A sale of a few pieces, or a delivery where few are left.
    fn stock(&mut self) -> Option<Edit> {
        let at = self.dice.below(self.pieces.len());
        let piece = self.pieces.get_mut(at)?;
        let level = self.dice.below(piece.stock.len());
        let level = piece.stock.get_mut(level)?;
        let delivered = level.quantity <= 0 || (level.quantity < 5 && self.dice.one_in(2));
        let moved = if delivered { self.dice.between(20, 200) } else { -self.dice.between(1, 5) };
        level.quantity = level.quantity.saturating_add(moved).max(0);
        Some(Edit::Stock { sku: piece.sku.clone(), channel: level.channel.clone(), quantity: level.quantity })
    }

    /// Up to 15 % above or below the first amount.
    fn price(&mut self) -> Option<Edit> {
        let at = self.dice.below(self.pieces.len());
        let piece = self.pieces.get(at)?;
        let price = piece.prices.get(self.dice.below(piece.prices.len())).filter(|price| price.tiers.is_empty())?;
        let percent = self.dice.between(85, 115);
        Some(Edit::Price { product: piece.product.clone(), sku: piece.sku.clone(), price: scaled(price, percent) })
    }

    /// A fifth off for a minute or two, in half a minute at most.
    fn price_window(&mut self) -> Option<Edit> {
        let at = self.dice.below(self.pieces.len());
        let piece = self.pieces.get(at)?;
        let first = self.dice.below(piece.prices.len());
        let price = piece.prices.iter().cycle().skip(first).take(piece.prices.len()).find(|price| {
            let windows = piece.prices.iter().filter(|other| same_scope(price, other) && limited(other));
            windows.count() == 0 && price.tiers.is_empty()
        })?;
        if !self.windows.insert(piece.sku.clone()) {
            return None;
        }
        let seconds = |dice: &mut Dice, low, high| Duration::from_secs(dice.between(low, high).unsigned_abs());
        Some(Edit::PriceWindow {
            product: piece.product.clone(),
            sku: piece.sku.clone(),
            price: scaled(price, 80),
            opens_in: seconds(&mut self.dice, 3, 30),
            lasts: seconds(&mut self.dice, 60, 120),
        })
    }

    fn publication(&mut self) -> Option<Edit> {
        let show = self.hidden.len() >= MOST_HIDDEN || (!self.hidden.is_empty() && self.dice.one_in(2));
        if show {
            let product = self.hidden.pop_front()?;
            return Some(Edit::Published { product, published: true });
        }
        let at = self.dice.below(self.published.len());
        let product = self.published.get(at).filter(|key| !self.hidden.contains(key))?.clone();
        self.hidden.push_back(product.clone());
        Some(Edit::Published { product, published: false })
    }

    fn assortment(&mut self) -> Option<Edit> {
        let remove = self.added.len() >= MOST_ADDED || (!self.added.is_empty() && self.dice.one_in(3));
        if remove {
            return Some(Edit::Removed { product: self.added.pop_front()? });
        }
        let pattern = self.patterns.get(self.dice.below(self.patterns.len()))?;
        self.ever_added += 1;
        let mark = format!("new{}", self.ever_added);
        let mut product = pattern.clone();
        product.key = format!("{}-{mark}", pattern.key);
        for slug in product.slug.values_mut() {
            slug.push('-');
            slug.push_str(&mark);
        }
        for name in product.name.values_mut() {
            name.push(' ');
            name.push_str(&mark);
        }
        for variant in &mut product.variants {
            variant.sku = variant.sku.as_ref().map(|sku| format!("{sku}-{mark}"));
        }
        self.added.push_back(product.key.clone());
        Some(Edit::Added(Box::new(product)))
    }
}

impl Iterator for LivingShop {
    type Item = Edit;

    fn next(&mut self) -> Option<Edit> {
        // What is picked may have no stock or no price; then another is picked. A catalogue of nothing but such is left
        // alone after some tries.
        for _ in 0..1_000 {
            if self.kinds.is_empty() {
                return None;
            }
            let kind = self.dice.pick(&self.kinds);
            if let Some(edit) = self.edit(kind) {
                return Some(edit);
            }
        }
        None
    }
}

/// A first name with a note, or as it was.
fn renamed(names: &[(String, Localized)], dice: &mut Dice) -> Option<(String, String, String)> {
    let (key, name) = names.get(dice.below(names.len()))?;
    let (locale, text) = name.iter().nth(dice.below(name.len()))?;
    let text = if dice.one_in(4) { text.clone() } else { format!("{text} – {}", dice.pick(NOTES)) };
    Some((key.clone(), locale.clone(), text))
}

fn scaled(price: &Price, percent: i64) -> Price {
    let scale = |minor: i64| minor.saturating_mul(percent) / 100;
    Price { minor: scale(price.minor), precise: None, discounted: price.discounted.map(scale), ..price.clone() }
}

fn limited(price: &Price) -> bool {
    price.valid_from.is_some() || price.valid_until.is_some()
}

/// Whether two prices differ by validity and amount only.
fn same_scope(one: &Price, other: &Price) -> bool {
    one.currency == other.currency
        && one.country == other.country
        && one.customer_group == other.customer_group
        && one.channel == other.channel
}
