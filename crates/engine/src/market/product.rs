//! Products as a market sells them.
//!
//! Rules are tried in this order, and the first that applies is the reason: not published, no variant, not in the
//! store's assortment, no name, no price. A variant that is not published, not in the assortment or has no price is left
//! out; the product is filtered only when none is left.

use std::collections::HashSet;

use model::{
    Attribute, CategoryId, Filtered, Listing, Localized, Offer, PriceHome, Product, Record, Sku, Tailored, Timestamp,
    Variant, listing::CategoryName, market::Untracked,
};

use super::{
    Projection, View,
    attribute::{Reader, Seen},
    book::{Policy, Prices},
    parts::Parts,
    price::{Candidate, Choice, earlier},
    reference::Definitions,
    stock::available,
    url,
};

impl View {
    /// The product in this market at `at`. `joined` holds its parts: variants, placements, assignments, and the stock and
    /// price entries of the product, its variants and their SKUs. Other records in it are ignored.
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
        let store = self.market.store.as_ref();
        let online = product.online.in_store(store);
        *next = earlier(*next, online.next(at));
        if !online.at(at) {
            return Err(Filtered::Unpublished);
        }
        let parts = Parts::new(product, joined);
        if parts.variants().next().is_none() {
            return Err(Filtered::NoVariant);
        }
        let shown = parts.variants().filter(|variant| {
            let online = variant.online.in_store(store);
            *next = earlier(*next, online.next(at));
            online.at(at)
        });
        let mut held: Vec<_> = shown.collect();
        if held.is_empty() {
            return Err(Filtered::Unpublished);
        }
        held.retain(|variant| self.assortment.holds(variant.sku.as_ref(), joined));
        if held.is_empty() {
            return Err(Filtered::NotInAssortment);
        }
        let tailored = product.tailored.iter().find(|it| Some(&it.store) == store);
        let name = self.text(tailored.map(|it| &it.name), &product.name).ok_or(Filtered::NoText)?;

        let reader = Reader { language: &self.language, reference: &self.reference };
        let definitions = product.product_type.as_ref().and_then(|id| self.reference.product_type(id));
        let mut seen = Seen::default();
        let mut axes: Vec<&'a str> = Vec::new();
        let mut shares_stock = false;
        let mut variants = Vec::with_capacity(held.len());
        for variant in held {
            let choice = self.price(product, variant, &parts, at);
            *next = earlier(*next, choice.next);
            let Some((price, list_price)) = choice.amounts() else { continue };
            let (levels, shared) = parts.levels(variant);
            shares_stock |= shared;
            let available = available(levels, &self.places);
            for axis in &variant.axes {
                if !axes.contains(&axis.as_str()) {
                    axes.push(axis);
                }
            }
            variants.push(Offer {
                id: &variant.id,
                sku: variant.sku.as_ref(),
                key: variant.key.as_deref(),
                gtin: variant.gtin.as_deref(),
                price,
                list_price,
                on_sale: price.decimal() < list_price.decimal(),
                tax: choice.basis.and_then(|basis| basis.price.tax),
                basis: choice.basis,
                stock: available.pieces(),
                in_stock: available.in_stock(self.market.untracked == Untracked::Available),
                attributes: reader.fields(variant.attributes.iter(), definitions, &mut seen),
                images: images(variant),
            });
        }
        if variants.is_empty() {
            return Err(Filtered::NoPrice);
        }
        let key = product.key.as_deref();
        let slug = self.text(tailored.map(|it| &it.slug), &product.slug);
        let sku = variants.first().and_then(|offer| offer.sku).map(Sku::as_str);
        let values = url::Parts { id: product.id.as_str(), key, slug, sku, locale: self.locale() };
        let brand = product.brand.as_ref().and_then(|id| self.reference.brand(id));
        Ok(Listing {
            id: &product.id,
            key,
            product_type: definitions.map(Definitions::name),
            name,
            description: self.text(tailored.map(|it| &it.description), &product.description),
            slug,
            meta_title: self.text(tailored.map(|it| &it.meta_title), &product.meta_title),
            meta_description: self.text(tailored.map(|it| &it.meta_description), &product.meta_description),
            keywords: self.language.words(&product.keywords),
            brand: brand.and_then(|brand| self.language.pick(&brand.name)),
            searchable: *product.searchable.in_store(store),
            url: self.product_url.fill(&values),
            images: without_repeats(&variants),
            categories: self.categories(&parts, product, at, next),
            attributes: reader.fields(attributes(tailored, product), definitions, &mut Seen::default()),
            options: reader.options(&axes, &variants, definitions),
            variants,
            shares_stock,
            rating: product.rating,
            created_at: product.created_at,
            product,
        })
    }

    /// The store's own text, else the product's.
    fn text<'a>(&self, tailored: Option<&'a Localized>, own: &'a Localized) -> Option<&'a str> {
        tailored.and_then(|text| self.language.pick(text)).or_else(|| self.language.pick(own))
    }

    fn categories<'a>(
        &'a self,
        parts: &Parts<'a>,
        product: &'a Product,
        at: Timestamp,
        next: &mut Option<Timestamp>,
    ) -> Vec<CategoryName<'a>> {
        let placement = |id: &CategoryId| parts.placements.iter().find(|it| it.category == *id);
        let placed = parts.placements.iter().map(|it| &it.category).filter(|id| !product.categories.contains(id));
        let known = product.categories.iter().chain(placed).filter_map(|id| self.reference.category(id));
        let shown = known.filter(|category| self.stands(category, at, next).is_ok());
        let named = shown.map(|category| {
            let placement = placement(&category.id);
            CategoryName {
                id: &category.id,
                name: self.language.pick(&category.name),
                primary: placement.is_some_and(|it| it.primary),
                position: placement.and_then(|it| it.position),
            }
        });
        named.collect()
    }

    fn price<'a>(&self, product: &'a Product, variant: &'a Variant, parts: &Parts<'a>, at: Timestamp) -> Choice<'a> {
        let embedded = variant.prices.iter().map(Candidate::from);
        let of_product = product.prices.iter().map(Candidate::from);
        let (entries, inherited) = (parts.prices(variant), parts.inherited_prices());
        let buyer = self.buyer();
        match (&self.policy, product.price_home) {
            (Policy::FirstScope(_), PriceHome::Variant) => {
                self.policy.choose(Prices { own: embedded, inherited: of_product }, &buyer, at)
            }
            (Policy::FirstScope(_), PriceHome::Entries) => {
                self.policy.choose(Prices { own: entries, inherited }, &buyer, at)
            }
            // Books are records; the catalogue's prices may stand in either home.
            _ => {
                let own = entries.chain(embedded);
                self.policy.choose(Prices { own, inherited: inherited.chain(of_product) }, &buyer, at)
            }
        }
    }
}

/// The store's own attributes, then those of the product; of one name the first counts.
fn attributes<'a>(tailored: Option<&'a Tailored>, product: &'a Product) -> impl Iterator<Item = &'a Attribute> {
    tailored.map_or(&[][..], |it| &it.attributes).iter().chain(&product.attributes)
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
