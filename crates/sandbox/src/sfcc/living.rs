//! The living shop on the platform: its edits as a merchant, a job or an order would make them, and a driver at a rate.
//!
//! Which of them move a product's `lastModified` follows the reference: its own texts and flags do; prices, stock,
//! assignments and what happens to its master do not.

use std::time::Duration;

use super::amount::Amount;
use super::archive::Changed;
use super::state::{Product, Record, Role, State, Table};
use super::{Emulator, opened, seed_product};
use crate::{
    catalogue::Price,
    shared::living::{self, Driven, Edited},
    shop::Edit,
};

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// What it is about does not exist.
    #[error("there is no {kind} {key}")]
    Unknown {
        /// What is missing.
        kind: &'static str,
        /// Its key.
        key: String,
    },
    /// The platform has no place for it.
    #[error("the platform has no place for {0}")]
    NoPlace(&'static str),
}

fn unknown(kind: &'static str, key: &str) -> ChangeError {
    ChangeError::Unknown { kind, key: key.to_owned() }
}

impl Emulator {
    /// Makes an edit of the living shop.
    ///
    /// # Errors
    /// What it is about does not exist; or the platform has no place for it: a price of a customer group, one of a country
    /// or channel that no price book shows.
    pub fn edit(&self, edit: Edit) -> Result<(), ChangeError> {
        let now = self.now();
        let mut state = self.state();
        let mut outbox = opened(self.inner.outbox.lock());
        let mut unnoticed = Changed::default();
        let changed = if self.inner.settings.deltas.is_some() { &mut outbox.changed } else { &mut unnoticed };
        apply(&mut state, changed, edit, now)
    }
}

fn apply(state: &mut State, changed: &mut Changed, edit: Edit, now: i64) -> Result<(), ChangeError> {
    match edit {
        Edit::Stock { sku, channel, quantity } => {
            set_stock(state, changed, &sku, channel.as_deref(), quantity.max(0), now)
        }
        Edit::Price { sku, price, .. } => {
            let window =
                (seed_product::instant(price.valid_from.as_ref()), seed_product::instant(price.valid_until.as_ref()));
            set_price(state, changed, &sku, &price, window, now)
        }
        Edit::PriceWindow { sku, price, opens_in, lasts, .. } => {
            let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            let from = now.saturating_add(milliseconds(opens_in));
            let to = from.saturating_add(milliseconds(lasts));
            set_price(state, changed, &sku, &price, (Some(from), Some(to)), now)
        }
        Edit::Name { product, locale, text } => {
            let locale = state.plan.locale(&locale).to_owned();
            let id = state.keys.get(&product).cloned().ok_or_else(|| unknown("product", &product))?;
            let known = state.products.get_mut(&id).ok_or_else(|| unknown("product", &product))?;
            known.name.insert(locale, text.chars().take(4_000).collect());
            known.modified = now;
            changed.products.insert(id);
            Ok(())
        }
        Edit::Category { category, locale, text } => {
            let locale = state.plan.locale(&locale).to_owned();
            let id = state.plan.categories.get(&category).cloned().ok_or_else(|| unknown("category", &category))?;
            let known = state.categories.get_mut(&id).ok_or_else(|| unknown("category", &category))?;
            known.name.insert(locale, text);
            (known.modified, state.catalogs_modified) = (now, now);
            changed.categories.insert(id);
            Ok(())
        }
        Edit::Published { product, published } => {
            let family = state.family(&product);
            if family.is_empty() {
                return Err(unknown("product", &product));
            }
            for id in family {
                let Some(known) = state.products.get_mut(&id).filter(|it| it.online != published) else { continue };
                (known.online, known.modified) = (published, now);
                changed.products.insert(id);
            }
            Ok(())
        }
        Edit::Added(product) => {
            seed_product::add(state, &product, now)
                .map_err(|_| ChangeError::NoPlace("a product that is there already or lacks a variant"))?;
            for id in state.family(&product.key) {
                note(state, changed, &id);
            }
            Ok(())
        }
        Edit::Removed { product } => remove(state, changed, &product),
    }
}

/// Notes everything about a product as changed.
fn note(state: &State, changed: &mut Changed, id: &str) {
    changed.products.insert(id.to_owned());
    for book in state.books.values().filter(|book| book.tables.contains_key(id)) {
        changed.prices.entry(book.id.clone()).or_default().insert(id.to_owned());
    }
    for list in state.lists.values().filter(|list| list.records.contains_key(id)) {
        changed.stock.entry(list.id.clone()).or_default().insert(id.to_owned());
    }
}

fn remove(state: &mut State, changed: &mut Changed, key: &str) -> Result<(), ChangeError> {
    let family = state.family(key);
    if family.is_empty() {
        return Err(unknown("product", key));
    }
    for id in &family {
        note(state, changed, id);
        if let Some(categories) = state.assignments.remove(id) {
            changed.unassigned.entry(id.clone()).or_default().extend(categories.into_keys());
        }
        state.products.remove(id);
        for book in state.books.values_mut() {
            book.tables.remove(id);
        }
        for list in state.lists.values_mut() {
            list.records.remove(id);
        }
    }
    state.keys.remove(key);
    state.skus.retain(|_, id| !family.contains(id));
    Ok(())
}

/// Fewer pieces are orders, which no delta tells; more are a new allocation.
fn set_stock(
    state: &mut State,
    changed: &mut Changed,
    sku: &str,
    channel: Option<&str>,
    quantity: i64,
    now: i64,
) -> Result<(), ChangeError> {
    let id = state.skus.get(sku).cloned().ok_or_else(|| unknown("SKU", sku))?;
    let list = state
        .plan
        .lists
        .get(&channel.map(str::to_owned))
        .ok_or_else(|| unknown("supply channel", channel.unwrap_or_default()))?;
    let list = state.lists.get_mut(list).ok_or_else(|| unknown("SKU", sku))?;
    let known = list.records.get(&id).copied();
    let record = match known {
        Some(known) if !known.perpetual && quantity < known.level() => {
            Record { turnover: known.allocation - quantity, modified: now, ..known }
        }
        _ => {
            changed.stock.entry(list.id.clone()).or_default().insert(id.clone());
            Record { perpetual: false, allocation: quantity, reset: now, turnover: 0, modified: now }
        }
    };
    list.records.insert(id, record);
    list.modified = now;
    Ok(())
}

/// The master of a variant: a variant without prices has those of its master.
fn master_of(products: &std::collections::BTreeMap<String, Product>, id: &str) -> Option<String> {
    match &products.get(id)?.role {
        Role::Variant(master) => Some(master.clone()),
        Role::Item | Role::Master(_) => None,
    }
}

fn set_price(
    state: &mut State,
    changed: &mut Changed,
    sku: &str,
    price: &Price,
    (from, to): (Option<i64>, Option<i64>),
    now: i64,
) -> Result<(), ChangeError> {
    if price.customer_group.is_some() {
        return Err(ChangeError::NoPlace("a price of a customer group"));
    }
    let id = state.skus.get(sku).cloned().ok_or_else(|| unknown("SKU", sku))?;
    let pairs = state.plan.books.get(&price.currency).cloned().unwrap_or_default();
    let ranked: Vec<_> = pairs
        .into_iter()
        .filter_map(|pair| Some((pair.rank(price.country.as_ref(), price.channel.as_ref())?, pair)))
        .filter(|(rank, pair)| {
            let tables = state
                .books
                .get(&pair.list)
                .and_then(|book| book.tables.get(&id).or_else(|| book.tables.get(&master_of(&state.products, &id)?)));
            let narrower = |table: &&Table| (table.from, table.to) == (from, to) && table.rank > *rank;
            !tables.into_iter().flatten().any(|table| narrower(&table))
        })
        .collect();
    if ranked.is_empty() {
        return Err(ChangeError::NoPlace("a price that no price book shows"));
    }
    own_prices(state, changed, &id, now);
    let amount = |minor| vec![(1, Amount::minor(minor, &price.currency))];
    for (rank, pair) in ranked {
        let sale = price.discounted.map(amount);
        for (book, amounts) in [(&pair.list, Some(amount(price.minor))), (&pair.sale, sale)] {
            let Some(book) = state.books.get_mut(book) else { continue };
            let tables = book.tables.entry(id.clone()).or_default();
            tables.retain(|table| (table.from, table.to) != (from, to));
            tables.extend(amounts.map(|amounts| Table { from, to, amounts, rank }));
            if tables.is_empty() {
                book.tables.remove(&id);
            }
            book.modified = now;
            changed.prices.entry(book.id.clone()).or_default().insert(id.clone());
        }
    }
    Ok(())
}

/// Gives a variant that has no prices those of its master in every book, so that one change leaves the others as they
/// are.
fn own_prices(state: &mut State, changed: &mut Changed, id: &str, now: i64) {
    let Some(master) = master_of(&state.products, id) else { return };
    if state.books.values().any(|book| book.tables.contains_key(id)) {
        return;
    }
    for book in state.books.values_mut() {
        if let Some(tables) = book.tables.get(&master).cloned() {
            book.tables.insert(id.to_owned(), tables);
            book.modified = now;
            changed.prices.entry(book.id.clone()).or_default().insert(id.to_owned());
        }
    }
}

/// Makes the edits on the emulator ([`living::drive`]).
pub async fn drive(
    emulator: &Emulator,
    shop: impl Iterator<Item = Edit>,
    pace: Duration,
    told: impl Fn(&Edit),
    shutdown: impl Future<Output = ()>,
) -> Driven {
    let make = |edit: &Edit| match emulator.edit(edit.clone()) {
        Ok(()) => Edited::Made,
        Err(ChangeError::NoPlace(_)) => Edited::NoPlace,
        Err(error) => Edited::Refused(error.to_string()),
    };
    living::drive(make, shop, pace, told, shutdown).await
}
