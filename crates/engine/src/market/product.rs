//! Products as a market sells them.
//!
//! Rules are tried in this order, and the first that applies is the reason: not published, no variant, not in the
//! store's assortment, no name, no price, no URL. A variant that is not published, not in the assortment or has no price is
//! left out; the product is filtered only when none is left.
//!
//! **Invariant:** values of the product as a whole do not depend on which variants a market sells: its main image, its
//! SKU, and attributes with one value.

use std::{cell::Cell, collections::HashSet};

use model::{
    Attribute, CategoryId, Filtered, Image, Listing, Localized, Offer, PriceHome, Product, Record, Sku, Spread,
    Tailored, Timestamp, Variant, VariantId, Window,
    listing::{CategoryName, Field},
};

use super::{
    Projection, View,
    attribute::{Reader, Seen},
    book::{Policy, Prices},
    parts::Parts,
    price::{Candidate, Choice},
    reference::Definitions,
    stock::available,
    url,
};

impl View {
    /// The product in this market at `at`. `joined` holds its parts: variants, placements, assignments, and the stock and
    /// price entries of the product, its variants and their SKUs. Other records in it are ignored.
    pub fn product<'a>(&'a self, product: &'a Product, joined: &'a [Record], at: Timestamp) -> Projection<Listing<'a>> {
        let mut holds = Window::OPEN;
        let listing = self.listing(product, joined, at, &mut holds);
        Projection { listing, holds }
    }

    fn listing<'a>(
        &'a self,
        product: &'a Product,
        joined: &'a [Record],
        at: Timestamp,
        holds: &mut Window,
    ) -> Result<Listing<'a>, Filtered> {
        let store = self.market.store.as_ref();
        let online = product.online.in_store(store);
        *holds = holds.and(online.steady(at));
        if !online.at(at) {
            return Err(Filtered::Unpublished);
        }
        let parts = Parts::new(product, joined);
        let all: Vec<&'a Variant> = parts.variants().collect();
        let Some(main) = all.first() else { return Err(Filtered::NoVariant) };
        let held = self.held(&all, joined, at, holds)?;
        let tailored = parts.tailored(store);
        let name = self.text(tailored.map(|it| &it.name), &product.name).ok_or(Filtered::NoText)?;

        let references = Cell::new(Window::OPEN);
        let reader = Reader { view: self, at, holds: &references };
        let definitions = product.product_type.as_ref().and_then(|id| self.reference.product_type(id));
        let mut seen = Seen::default();
        let mut axes: Vec<&'a str> = Vec::new();
        let mut shares_stock = false;
        let mut variants = Vec::with_capacity(held.len());
        for variant in held {
            let choice = self.price(product, variant, &parts, at);
            *holds = holds.and(choice.holds);
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
                lowest_price_30d: None,
                price_seen_since: None,
                tax: choice.basis.and_then(|basis| basis.price.tax),
                // Tiers of a price that was converted are in the other currency.
                tiers: choice.basis.filter(|_| choice.rate.is_none()).map_or(&[], |basis| &basis.price.tiers),
                basis: choice.basis,
                stock: available.pieces(),
                in_stock: available.in_stock(self.sells_untracked()),
                attributes: reader.fields(variant.attributes.iter(), definitions, Spread::Variant, &mut seen),
                images: images(parts.images(variant, store)),
            });
        }
        if variants.is_empty() {
            return Err(Filtered::NoPrice);
        }
        if let Some(definitions) = definitions {
            reader.share(&all, definitions, &mut variants);
        }
        let unsold = unsold(reader, definitions, &all, &variants);
        let key = product.key.as_deref();
        let slug = self.text(tailored.map(|it| &it.slug), &product.slug);
        let sku = main.sku.as_ref();
        let values =
            url::Parts { id: product.id.as_str(), key, slug, sku: sku.map(Sku::as_str), locale: self.locale() };
        let url = self.product_url.fill(&values).ok_or(Filtered::NoUrl)?;
        let brand = product.brand.as_ref().and_then(|id| self.reference.brand(id));
        let own = attributes(tailored, product);
        let attributes = reader.fields(own, definitions, Spread::Product, &mut Seen::default());
        *holds = holds.and(references.get());
        Ok(Listing {
            id: &product.id,
            key,
            sku,
            product_type: definitions.map(Definitions::name),
            name,
            description: self.text(tailored.map(|it| &it.description), &product.description),
            slug,
            meta_title: self.text(tailored.map(|it| &it.meta_title), &product.meta_title),
            meta_description: self.text(tailored.map(|it| &it.meta_description), &product.meta_description),
            keywords: self.language.words(&product.keywords),
            brand: brand.and_then(|brand| self.language.pick(&brand.name)),
            searchable: *product.searchable.in_store(store),
            url,
            images: without_repeats(all.iter().map(|variant| parts.images(variant, store)), &variants),
            categories: self.categories(&parts, product, at, holds),
            attributes,
            options: reader.options(&axes, &variants, definitions),
            variants,
            unsold,
            shares_stock,
            rating: product.rating,
            created_at: product.created_at,
            product,
        })
    }

    /// The variants that the market's store shows and its assortment includes.
    fn held<'a>(
        &self,
        all: &[&'a Variant],
        joined: &[Record],
        at: Timestamp,
        holds: &mut Window,
    ) -> Result<Vec<&'a Variant>, Filtered> {
        let shown = all.iter().copied().filter(|variant| {
            let online = variant.online.in_store(self.market.store.as_ref());
            *holds = holds.and(online.steady(at));
            online.at(at)
        });
        let mut held: Vec<_> = shown.collect();
        if held.is_empty() {
            return Err(Filtered::Unpublished);
        }
        held.retain(|variant| self.assortment.holds(variant.sku.as_ref(), joined));
        if held.is_empty() { Err(Filtered::NotInAssortment) } else { Ok(held) }
    }

    /// The store's own text, else the product's.
    pub(super) fn text<'a>(&self, tailored: Option<&'a Localized>, own: &'a Localized) -> Option<&'a str> {
        tailored.and_then(|text| self.language.pick(text)).or_else(|| self.language.pick(own))
    }

    fn categories<'a>(
        &'a self,
        parts: &Parts<'a>,
        product: &'a Product,
        at: Timestamp,
        holds: &mut Window,
    ) -> Vec<CategoryName<'a>> {
        let placement = |id: &CategoryId| parts.placements.iter().find(|it| it.category == *id);
        let placed = parts.placements.iter().map(|it| &it.category).filter(|id| !product.categories.contains(id));
        let known = product.categories.iter().chain(placed).filter_map(|id| self.reference.category(id));
        let shown = known.filter(|category| self.is_shown(category, at, holds));
        let named = shown.map(|category| {
            let placement = placement(&category.id);
            let name = self.language.pick(&category.name);
            CategoryName {
                id: &category.id,
                key: category.key.as_deref(),
                external_id: category.external_id.as_deref(),
                name,
                primary: placement.is_some_and(|it| it.primary),
                position: placement.and_then(|it| it.position),
                path: name.map(|name| self.path(category, name)).unwrap_or_default(),
            }
        });
        named.collect()
    }

    pub(super) fn price<'a>(
        &self,
        product: &'a Product,
        variant: &'a Variant,
        parts: &Parts<'a>,
        at: Timestamp,
    ) -> Choice<'a> {
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
            // Prices of books are records; those of the catalogue may be records or inside the product.
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

/// Only absolute URLs: a destination can't use others. A variant has few, so a linear search is cheapest.
pub(super) fn images(given: &[Image]) -> Vec<&str> {
    let mut urls: Vec<&str> = Vec::with_capacity(given.len());
    for image in given {
        if contract::schema::is_absolute_url(&image.url) && !urls.contains(&image.url.as_str()) {
            urls.push(&image.url);
        }
    }
    urls
}

/// The first image of all variants, then those of the ones that are sold.
fn without_repeats<'a>(mut all: impl Iterator<Item = &'a [Image]>, offers: &[Offer<'a>]) -> Vec<&'a str> {
    let mut seen = HashSet::new();
    let main = all.find_map(|given| images(given).first().copied());
    let urls = main.into_iter().chain(offers.iter().flat_map(|offer| offer.images.iter().copied()));
    urls.filter(|url| seen.insert(*url)).collect()
}

/// The attributes of the variants that are not sold; of one name the first.
fn unsold<'a>(
    reader: Reader<'a, '_>,
    definitions: Option<&'a Definitions>,
    all: &[&'a Variant],
    offers: &[Offer<'a>],
) -> Vec<Field<'a>> {
    if all.len() == offers.len() {
        return Vec::new();
    }
    let sold: HashSet<&VariantId> = offers.iter().map(|offer| offer.id).collect();
    let mut fields: Vec<Field<'a>> = Vec::new();
    for variant in all.iter().filter(|variant| !sold.contains(&variant.id)) {
        for field in reader.fields(variant.attributes.iter(), definitions, Spread::Variant, &mut Seen::default()) {
            if fields.iter().all(|known| known.name != field.name) {
                fields.push(field);
            }
        }
    }
    fields
}
