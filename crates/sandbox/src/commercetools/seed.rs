//! Fills the emulated project from a catalogue.
//!
//! Products are rendered in chunks on all cores and added in order. Seeded records are a day old and one millisecond
//! apart, so that a first delta does not find all of them at one instant. No messages: the shop existed before.

use std::collections::{BTreeMap, HashMap};
use std::thread;

use super::order::Id;
use super::render::{self, Given, LooseStock, Rendered};
use super::state::{Kind, Member, State, Types};
use super::{SeedError, Seeded};
use crate::catalogue::{Catalogue, Head, Product, Stock};

/// Products rendered at once.
const CHUNK: usize = 2048;
/// Age of the first seeded record.
pub(super) const AGE_MS: i64 = 24 * 60 * 60 * 1000;

/// Puts `catalogue` into the empty `state` at the instant `now`.
pub(super) fn seed(state: &mut State, catalogue: &Catalogue, now: i64) -> Result<Seeded, SeedError> {
    let start = now - AGE_MS;
    let head = &catalogue.head;
    settings(state, head);
    let types: Types = head.product_types.iter().map(|kind| (kind.key.clone(), kind.clone())).collect();
    reference_data(state, head, start)?;
    let mut loose = LooseStock::new();
    for (sku, stock) in &head.loose_stock {
        loose.entry(sku.clone()).or_default().push(stock.clone());
    }
    let mut seeded = Seeded::default();
    let mut products = (catalogue.products)();
    loop {
        let chunk: Vec<Product> = products.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        let first = i64::try_from(seeded.products).unwrap_or(i64::MAX);
        seeded.variants += chunk.iter().map(|product| product.variants.len()).sum::<usize>();
        let given = Given { types: &types, loose: &loose, model: state.project.model };
        for rendered in render_all(&chunk, given, start + first)? {
            add(state, rendered)?;
            seeded.products += 1;
        }
    }
    for (sku, stock) in &head.loose_stock {
        add_loose(state, sku, stock, start);
    }
    seeded.inventory_entries = state.table(Kind::InventoryEntry).len();
    seeded.standalone_prices = state.table(Kind::StandalonePrice).len();
    seeded.categories = state.table(Kind::Category).len();
    state.types = types;
    Ok(seeded)
}

fn settings(state: &mut State, head: &Head) {
    state.project.languages.clone_from(&head.languages);
    state.project.currencies.clone_from(&head.currencies);
    state.project.countries.clone_from(&head.countries);
}

fn reference_data(state: &mut State, head: &Head, at: i64) -> Result<(), SeedError> {
    for given in &head.product_types {
        state.table_mut(Kind::ProductType).put(render::product_type(given, at));
    }
    for given in &head.channels {
        state.table_mut(Kind::Channel).put(render::channel(given, at));
    }
    for key in &head.customer_groups {
        state.table_mut(Kind::CustomerGroup).put(render::customer_group(key, at));
    }
    let parents: HashMap<&str, Option<&str>> =
        head.categories.iter().map(|category| (category.key.as_str(), category.parent.as_deref())).collect();
    for given in &head.categories {
        state.table_mut(Kind::Category).put(render::category(given, &parents, at)?);
    }
    for given in &head.selections {
        state.table_mut(Kind::ProductSelection).put(render::selection(given, at));
        let members: BTreeMap<Id, Member> = given
            .products
            .iter()
            .map(|key| (Id::of(Kind::Product.type_id(), key), Member { variants: None, created: at }))
            .collect();
        state.members.insert(Id::of(Kind::ProductSelection.type_id(), &given.key), members);
    }
    for given in &head.stores {
        state.table_mut(Kind::Store).put(render::store(given, at));
    }
    Ok(())
}

fn render_all(chunk: &[Product], given: Given<'_>, start: i64) -> Result<Vec<Rendered>, SeedError> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let share = chunk.len().div_ceil(workers).max(1);
    let part = |number: usize, products: &[Product]| -> Result<Vec<Rendered>, SeedError> {
        let first = start + i64::try_from(number * share).unwrap_or(0);
        products.iter().zip(first..).map(|(product, at)| render::product(product, given, at)).collect()
    };
    let part = &part;
    let parts: Vec<Result<Vec<Rendered>, SeedError>> = thread::scope(|scope| {
        let running: Vec<_> = chunk
            .chunks(share)
            .enumerate()
            .map(|(number, products)| scope.spawn(move || part(number, products)))
            .collect();
        running.into_iter().map(|worker| worker.join().unwrap_or(Err(SeedError::Interrupted))).collect()
    });
    let mut all = Vec::with_capacity(chunk.len());
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}

/// Adds a product with its stock and standalone prices.
pub(super) fn add(state: &mut State, rendered: Rendered) -> Result<(), SeedError> {
    let Rendered { mut product, variants, others } = rendered;
    if state.table(Kind::Product).slot(product.id).is_some() {
        return Err(SeedError::Twice { product: product.key.as_deref().unwrap_or_default().to_owned() });
    }
    if let Some(part) = &mut product.product {
        part.fixed = state.share(&part.fixed);
    }
    state.table_mut(Kind::Product).put(product);
    for (kind, row) in variants.into_iter().map(|row| (Kind::Variant, row)).chain(others) {
        if state.table(kind).slot(row.id).is_none() {
            state.table_mut(kind).put(row);
        }
    }
    Ok(())
}

fn add_loose(state: &mut State, sku: &str, stock: &Stock, at: i64) {
    let row = render::inventory(sku, stock, at);
    if state.table(Kind::InventoryEntry).slot(row.id).is_none() {
        state.table_mut(Kind::InventoryEntry).put(row);
    }
}
