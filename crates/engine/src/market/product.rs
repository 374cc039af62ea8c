//! Products as a market sells them.
//!
//! Rules are tried in this order, and the first that applies is the reason: not published, no variant, not in the
//! store's assortment, no name, no price. A variant that fails assortment or price is left out; the product goes only
//! when none is left.

use std::collections::HashSet;

use model::{
    Attribute, Filtered, Level, Listing, Offer, Price, PriceHome, Product, Record, Sku, Timestamp, Variant,
    listing::CategoryName, market::Untracked,
};

use super::{
    Projection, View,
    attribute::{Reader, Seen},
    price::{Choice, amounts, choose, earlier},
    reference::Definitions,
    stock::pieces,
    url::Parts,
};

impl View {
    /// The product in this market at `at`. `joined` holds the stock and price entries of its SKUs and its assignments;
    /// other records in it are ignored.
    pub fn product<'a>(&'a self, product: &'a Product, joined: &'a [Record], at: Timestamp) -> Projection<Listing<'a>> {
        let mut next = None;
        let listing = self.listing(product, joined, at, &mut next);
        Projection { listing, next }
    }

    fn listing<'a>(
        &'a self,
        product: &'a Product,
        joined: &'a [Record],
        at: Timestamp,
        next: &mut Option<Timestamp>,
    ) -> Result<Listing<'a>, Filtered> {
        if !product.published {
            return Err(Filtered::Unpublished);
        }
        if product.variants.is_empty() {
            return Err(Filtered::NoVariant);
        }
        let held: Vec<_> =
            product.variants.iter().filter(|it| self.assortment.holds(it.sku.as_ref(), joined)).collect();
        if held.is_empty() {
            return Err(Filtered::NotInAssortment);
        }
        let tongue = &self.tongue;
        let name = tongue.say(&product.name).ok_or(Filtered::NoText)?;

        let reader = Reader { tongue, reference: &self.reference };
        let definitions = product.product_type.as_ref().and_then(|id| self.reference.product_type(id));
        let entries = Entries::new(joined);
        let mut seen = Seen::default();
        let mut variants = Vec::with_capacity(held.len());
        for variant in held {
            let choice = self.price(product, variant, &entries, at);
            *next = earlier(*next, choice.next);
            if let Some((price, list_price)) = choice.price.and_then(amounts) {
                let stock = pieces(entries.levels(variant), &self.places);
                variants.push(Offer {
                    id: &variant.id,
                    sku: variant.sku.as_ref(),
                    key: variant.key.as_deref(),
                    gtin: variant.gtin.as_deref(),
                    price,
                    list_price,
                    on_sale: price.minor < list_price.minor,
                    stock,
                    in_stock: stock.map_or(self.market.untracked == Untracked::Available, |pieces| pieces > 0),
                    attributes: reader.fields(&variant.attributes, definitions, &mut seen),
                    images: images(variant),
                });
            }
        }
        if variants.is_empty() {
            return Err(Filtered::NoPrice);
        }
        Ok(self.described(product, name, variants, reader, definitions))
    }

    fn described<'a>(
        &'a self,
        product: &'a Product,
        name: &'a str,
        variants: Vec<Offer<'a>>,
        reader: Reader<'a>,
        definitions: Option<&'a Definitions>,
    ) -> Listing<'a> {
        let tongue = &self.tongue;
        let key = product.key.as_deref();
        let slug = tongue.say(&product.slug);
        let sku = variants.first().and_then(|offer| offer.sku).map(Sku::as_str);
        let parts = Parts { id: product.id.as_str(), key, slug, sku, locale: self.locale() };
        let attributes: &'a [Attribute] = &product.attributes;
        Listing {
            id: &product.id,
            key,
            product_type: definitions.map(Definitions::name),
            name,
            description: tongue.say(&product.description),
            slug,
            meta_title: tongue.say(&product.meta_title),
            meta_description: tongue.say(&product.meta_description),
            keywords: tongue.say(&product.keywords),
            url: self.product_url.fill(&parts),
            images: without_repeats(&variants),
            categories: self.categories(product),
            attributes: reader.fields(attributes, definitions, &mut Seen::default()),
            options: reader.options(&variants, definitions),
            variants,
            rating: product.rating,
            created_at: product.created_at,
            product,
        }
    }

    fn categories<'a>(&'a self, product: &'a Product) -> Vec<CategoryName<'a>> {
        let known = product.categories.iter().filter_map(|id| self.reference.category(id));
        known.map(|it| CategoryName { id: &it.id, name: self.tongue.say(&it.name) }).collect()
    }

    fn price<'a>(
        &self,
        product: &'a Product,
        variant: &'a Variant,
        entries: &Entries<'a>,
        at: Timestamp,
    ) -> Choice<'a> {
        match product.price_home {
            PriceHome::Variant => choose(&variant.prices, &self.buyer(), self.order, at),
            PriceHome::Entries => choose(entries.prices(variant), &self.buyer(), self.order, at),
        }
    }
}

/// Stock and price entries, found by SKU.
struct Entries<'a> {
    levels: Vec<(&'a Sku, &'a Level)>,
    prices: Vec<(&'a Sku, &'a Price)>,
}

impl<'a> Entries<'a> {
    fn new(joined: &'a [Record]) -> Self {
        let mut entries = Self { levels: Vec::new(), prices: Vec::new() };
        for record in joined {
            match record {
                Record::Stock(stock) => entries.levels.push((&stock.sku, &stock.level)),
                Record::Price(entry) if entry.active => entries.prices.push((&entry.sku, &entry.price)),
                _ => {}
            }
        }
        entries.levels.sort_by_key(|(sku, _)| *sku);
        entries.prices.sort_by_key(|(sku, _)| *sku);
        entries
    }

    /// Of its SKU's records, else of the variant itself.
    fn levels(&self, variant: &'a Variant) -> impl Iterator<Item = &'a Level> {
        let records = of_sku(&self.levels, variant);
        let own: &'a [Level] = if records.is_empty() { &variant.stock } else { &[] };
        records.iter().map(|(_, level)| *level).chain(own)
    }

    fn prices(&self, variant: &Variant) -> impl Iterator<Item = &'a Price> {
        of_sku(&self.prices, variant).iter().map(|(_, price)| *price)
    }
}

fn of_sku<'e, 'a, T>(sorted: &'e [(&'a Sku, T)], variant: &Variant) -> &'e [(&'a Sku, T)] {
    let Some(sku) = &variant.sku else { return &[] };
    let from = sorted.partition_point(|(it, _)| *it < sku);
    let rest = sorted.get(from..).unwrap_or_default();
    let count = rest.partition_point(|(it, _)| *it == sku);
    rest.get(..count).unwrap_or_default()
}

/// Only absolute URLs: a destination can't use others. A variant has few, so that looking through them is cheapest.
fn images(variant: &Variant) -> Vec<&str> {
    let mut urls: Vec<&str> = Vec::with_capacity(variant.images.len());
    for image in &variant.images {
        if contract::schema::is_absolute_url(&image.url) && !urls.contains(&image.url.as_str()) {
            urls.push(&image.url);
        }
    }
    urls
}

fn without_repeats<'a>(offers: &[Offer<'a>]) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    let urls = offers.iter().flat_map(|offer| offer.images.iter().copied());
    urls.filter(|url| seen.insert(*url)).collect()
}
