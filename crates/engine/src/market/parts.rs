//! The parts that are joined to a product: variants, stock, prices, placements and the values of single stores that are
//! records of their own.
//!
//! **Invariant:** the order of the joined records decides nothing.

use model::{
    Image, ItemKey, Placement, PriceEntry, Product, Record, Sku, Stock, StockLevel, StorefrontKey, Tailored, Tailoring,
    Variant, VariantEntry, VariantId,
};

use super::price::Candidate;

/// The parts of a product, by owner.
pub(super) struct Parts<'a> {
    product: &'a Product,
    /// Variants that are records, in their order.
    variants: Vec<&'a VariantEntry>,
    /// By category, main one first.
    pub(super) placements: Vec<&'a Placement>,
    /// By store; ids settle ties.
    tailorings: Vec<&'a Tailoring>,
    /// By item, then place, then the time they were created.
    stock: Vec<(Item<'a>, &'a Stock)>,
    /// By item.
    prices: Vec<(Item<'a>, &'a PriceEntry)>,
}

/// The owner of a part within one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item<'a> {
    Sku(&'a Sku),
    Variant(&'a VariantId),
    Product,
}

impl<'a> Parts<'a> {
    pub(super) fn new(product: &'a Product, joined: &'a [Record]) -> Self {
        let mut parts = Self {
            product,
            variants: Vec::new(),
            placements: Vec::new(),
            tailorings: Vec::new(),
            stock: Vec::new(),
            prices: Vec::new(),
        };
        let item = |key: &'a ItemKey| match key {
            ItemKey::Sku(sku) => Some(Item::Sku(sku)),
            ItemKey::Variant(of, variant) => (*of == product.id).then_some(Item::Variant(variant)),
            ItemKey::Product(of) => (*of == product.id).then_some(Item::Product),
        };
        for record in joined {
            match record {
                Record::Stock(stock) => parts.stock.extend(item(&stock.item).map(|item| (item, stock))),
                Record::Price(entry) => parts.prices.extend(item(&entry.item).map(|item| (item, entry))),
                Record::Variant(entry) if parts.has(entry) => parts.variants.push(entry),
                Record::Placement(placement) if placement.product == product.id => parts.placements.push(placement),
                Record::Tailoring(tailoring) if tailoring.product == product.id => parts.tailorings.push(tailoring),
                _ => {}
            }
        }
        parts.stock.sort_unstable_by_key(|(item, it)| (*item, &it.level.channel, it.created_at, &it.id));
        parts.prices.sort_unstable_by_key(|(item, _)| *item);
        parts.placements.sort_unstable_by_key(|it| (!it.primary, &it.category));
        parts.tailorings.sort_unstable_by_key(|it| (&it.values.store, &it.id));
        let place = |it: &VariantEntry| {
            let listed = product.variant_skus.iter().position(|sku| Some(sku) == it.variant.sku.as_ref());
            listed.unwrap_or(usize::MAX)
        };
        let is_main = |it: &VariantEntry| product.main_variant.as_ref() == Some(&it.id);
        parts.variants.sort_by_cached_key(|it| (!is_main(it), place(it), it.position, &it.id));
        parts
    }

    fn has(&self, entry: &VariantEntry) -> bool {
        if self.product.variants.iter().any(|own| own.id == entry.variant.id) {
            return false;
        }
        match &entry.product {
            Some(product) => *product == self.product.id,
            None => entry.variant.sku.as_ref().is_some_and(|sku| self.product.variant_skus.contains(sku)),
        }
    }

    /// All variants, the main one first.
    pub(super) fn variants(&self) -> impl Iterator<Item = &'a Variant> {
        self.product.variants.iter().chain(self.variants.iter().map(|entry| &entry.variant))
    }

    /// What this store shows in place of the product's own values, as a record.
    pub(super) fn tailoring(&self, store: Option<&StorefrontKey>) -> Option<&'a Tailoring> {
        self.tailorings.iter().copied().find(|it| Some(&it.values.store) == store)
    }

    /// The texts and attributes that this store shows in place of the product's own.
    pub(super) fn tailored(&self, store: Option<&StorefrontKey>) -> Option<&'a Tailored> {
        let record = self.tailoring(store).map(|it| &it.values);
        record.or_else(|| self.product.tailored.iter().find(|it| Some(&it.store) == store))
    }

    /// The images of a variant in this store.
    pub(super) fn images(&self, variant: &'a Variant, store: Option<&StorefrontKey>) -> &'a [Image] {
        let own = self.tailoring(store).and_then(|it| it.images(&variant.id));
        own.unwrap_or(&variant.images)
    }

    /// The stock of a variant, and whether it is counted for the product as a whole.
    pub(super) fn levels(&self, variant: &'a Variant) -> (impl Iterator<Item = &'a StockLevel>, bool) {
        let of = |item| of(&self.stock, item);
        let of_sku = |sku: Option<&'a Sku>| sku.map_or(&[][..], |sku| of(Item::Sku(sku)));
        let mut records = of(Item::Variant(&variant.id));
        if records.is_empty() {
            records = of_sku(variant.sku.as_ref());
        }
        let own: &'a [StockLevel] = if records.is_empty() { &variant.stock } else { &[] };
        let mut shared = false;
        if records.is_empty() && own.is_empty() {
            records = of(Item::Product);
            if records.is_empty() {
                records = of_sku(self.product.sku.as_ref());
            }
            shared = !records.is_empty();
        }
        // Entries of one place are adjacent, the one created last at the end.
        let latest = records.chunk_by(|(_, left), (_, right)| left.level.channel == right.level.channel);
        (latest.filter_map(<[_]>::last).map(|(_, stock)| &stock.level).chain(own), shared)
    }

    /// Prices of a variant that are records.
    pub(super) fn prices(&self, variant: &'a Variant) -> impl Iterator<Item = Candidate<'a>> {
        let by_sku = variant.sku.as_ref().map_or(&[][..], |sku| of(&self.prices, Item::Sku(sku)));
        let by_variant = of(&self.prices, Item::Variant(&variant.id));
        by_variant.iter().chain(by_sku).map(|(_, entry)| Candidate::from(*entry))
    }

    /// Prices of the product as a whole that are records.
    pub(super) fn inherited_prices(&self) -> impl Iterator<Item = Candidate<'a>> {
        let by_sku = self.product.sku.as_ref().map_or(&[][..], |sku| of(&self.prices, Item::Sku(sku)));
        of(&self.prices, Item::Product).iter().chain(by_sku).map(|(_, entry)| Candidate::from(*entry))
    }
}

fn of<'e, 'a, T>(sorted: &'e [(Item<'a>, T)], item: Item<'a>) -> &'e [(Item<'a>, T)] {
    let from = sorted.partition_point(|(it, _)| *it < item);
    let rest = sorted.get(from..).unwrap_or_default();
    let count = rest.partition_point(|(it, _)| *it == item);
    rest.get(..count).unwrap_or_default()
}
