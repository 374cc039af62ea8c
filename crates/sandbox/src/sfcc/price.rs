//! What a product costs on a site, by the platform's rule: the lowest active price of the site's books in a currency.

use std::collections::BTreeMap;

use super::amount::Amount;
use super::state::{Book, Product, Site, State, Table};

/// Prices of a product in the books of a site, in one currency.
#[derive(Debug, Default)]
pub(super) struct Prices<'s> {
    /// The table that holds now, by book.
    tables: BTreeMap<&'s str, &'s Table>,
}

/// The table of a product that holds: of those that are active the one that began last.
fn active<'b>(book: &'b Book, product: &str, now: i64) -> Option<&'b Table> {
    let tables = book.tables.get(product)?.iter().filter(|table| table.holds(now));
    tables.max_by_key(|table| table.from.unwrap_or(i64::MIN))
}

impl<'s> Prices<'s> {
    /// The prices of a product. A variant without any has those of its master.
    pub(super) fn of(state: &'s State, site: &'s Site, currency: &str, product: &'s Product, now: i64) -> Self {
        let books = || site.books.iter().filter_map(|id| state.books.get(id)).filter(|book| book.currency == currency);
        let read = |id: &str| -> BTreeMap<&'s str, &'s Table> {
            books().filter_map(|book| Some((book.id.as_str(), active(book, id, now)?))).collect()
        };
        let own = read(&product.id);
        let tables = match state.master_of(product) {
            Some(master) if own.is_empty() => read(&master.id),
            _ => own,
        };
        Self { tables }
    }

    /// For one piece, by book.
    pub(super) fn by_book(&self) -> impl Iterator<Item = (&'s str, Amount)> {
        let first = |(book, table): (&&'s str, &&'s Table)| {
            table.amounts.iter().find(|(quantity, _)| *quantity == 1).map(|(_, amount)| (*book, *amount))
        };
        self.tables.iter().filter_map(first)
    }

    /// For one piece.
    pub(super) fn effective(&self) -> Option<Amount> {
        self.by_book().map(|(_, amount)| amount).min()
    }

    /// Book, quantity and price of every tier.
    pub(super) fn tiers(&self) -> impl Iterator<Item = (&'s str, u32, Amount)> {
        let rows = |(book, table): (&&'s str, &&'s Table)| {
            let book = *book;
            table.amounts.iter().map(move |(quantity, amount)| (book, *quantity, *amount))
        };
        self.tables.iter().flat_map(rows)
    }
}

/// Lowest and highest price of a product: of its variants if it is a master.
pub(super) fn range(
    state: &State,
    site: &Site,
    currency: &str,
    product: &Product,
    now: i64,
) -> Option<(Amount, Amount)> {
    let sold = product.sold_as().iter().filter_map(|id| state.products.get(id));
    let all: Vec<Amount> = sold.filter_map(|it| Prices::of(state, site, currency, it, now).effective()).collect();
    Some((all.iter().min().copied()?, all.iter().max().copied()?))
}
