//! Price tables of price books.
//!
//! A table holds in its window, and of those of one product in one book the one whose window began last. Amounts are for
//! one piece from a quantity on. A percentage is taken off the price that the book's parent has then (assumed: that of the
//! parent's table for the same product that holds, for the same quantity); a table with percentages becomes an entry for
//! each span in which another table of the parent holds.

use std::collections::BTreeMap;

use model::{
    BookId, Currency, ItemKey, Kind, Money, Notice, Precise, Price, PriceEntry, Record, Sku, TaxMode, Tier, Timestamp,
    Window,
};

use super::{
    Mapped, Shop,
    site::taxes,
    text::window,
};
use crate::sfcc::{contents::Row, xml::Element};

/// Most books of which one refers to the next.
const MOST_PARENTS: usize = 8;

/// A book, as far as prices need it.
struct Book<'s> {
    currency: Currency,
    window: Window,
    parent: Option<&'s str>,
    tax: Option<TaxMode>,
}

/// A table of a product in a book.
struct Table<'e> {
    window: Window,
    steps: Vec<Step>,
    element: &'e Element,
}

impl Table<'_> {
    /// Whether it needs the prices of the parent.
    fn takes_off(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.of, Of::Off(_)))
    }
}

/// A price from a quantity on.
struct Step {
    minimum: u32,
    of: Of,
}

enum Of {
    Amount(Precise),
    /// Percent off the parent's price.
    Off(Precise),
}

/// A span in which the prices of a product in a book stay the same.
struct Span {
    window: Window,
    steps: Vec<(u32, Money)>,
}

/// Maps a page: it has all tables of its products.
pub fn page(shop: &Shop, rows: Vec<Row>) -> Mapped {
    let mut mapped = Mapped::default();
    let taxes = taxes(shop);
    let mut books: BTreeMap<&str, Book<'_>> = BTreeMap::new();
    for (id, header) in &shop.facts.books {
        if let (Some(Ok(currency)), Ok(window)) = (header.value_of("currency").map(str::parse), window(header)) {
            let (parent, tax) = (header.value_of("parent"), taxes.get(id.as_str()).copied());
            books.insert(id, Book { currency, window, parent, tax });
        }
    }
    let mut elements: BTreeMap<String, BTreeMap<String, Vec<Element>>> = BTreeMap::new();
    for row in rows {
        match row {
            Row::Is { of, element, .. } => match element.attribute("product-id").map(str::to_owned) {
                None => mapped.unread(Kind::Price, None, &format!("a price table of book {of} has no product-id")),
                // What is deleted is not there: an export has no table of it.
                Some(_) if element.attribute("mode").is_some() => {}
                Some(id) => elements.entry(id).or_default().entry(of).or_default().push(element),
            },
            Row::Unread { kind, id, why } => mapped.unread(kind, id, &why),
            Row::Variant { .. } | Row::Assigned { .. } => {}
        }
    }
    for (product, of_books) in &elements {
        let mut product = OfProduct { id: product, books: &books, tables: BTreeMap::new() };
        for (book, elements) in of_books {
            for element in elements {
                match (books.contains_key(book.as_str()), table(element)) {
                    (true, Ok(table)) if shop.facts.prices_break_off && table.takes_off() => mapped.unread(
                        Kind::Price,
                        Some(price_id(book, product.id, table.window)),
                        "it takes percents off prices of a file that can't be read further",
                    ),
                    (true, Ok(table)) => product.tables.entry(book).or_default().push(table),
                    (false, _) => mapped.unread(
                        Kind::Price,
                        Some(price_id(book, product.id, window(element).unwrap_or(Window::OPEN))),
                        &format!("the header of book {book} can't be read"),
                    ),
                    (true, Err(why)) => {
                        mapped.unread(Kind::Price, Some(price_id(book, product.id, window(element).unwrap_or(Window::OPEN))), &why);
                    }
                }
            }
        }
        product.entries().into_iter().for_each(|entry| mapped.is(Record::Price(entry)));
    }
    mapped
}

fn table(element: &Element) -> Result<Table<'_>, String> {
    let window = window(element)?;
    let mut steps = Vec::new();
    for it in element.children.iter().filter(|it| matches!(it.name.as_str(), "amount" | "percentage")) {
        let number = |text: &str| Precise::parse(text).ok_or_else(|| format!("its {} is {text:?}", it.name));
        let amount = number(it.value().unwrap_or_default())?;
        let quantity = number(it.attribute("quantity").unwrap_or("1"))?;
        let of = if it.name == "amount" { Of::Amount(amount) } else { Of::Off(amount) };
        steps.push((quantity, Step { minimum: pieces(quantity), of }));
    }
    // Of two for up to one piece the one from the larger quantity on counts.
    steps.sort_by(|(left, _), (right, _)| left.compare(*right));
    let mut sorted: Vec<Step> = Vec::new();
    for (_, step) in steps {
        sorted.retain(|it| it.minimum != step.minimum);
        sorted.push(step);
    }
    Ok(Table { window, steps: sorted, element })
}

/// The first whole number of pieces from a quantity on.
fn pieces(quantity: Precise) -> u32 {
    let scale = 10_i128.pow(u32::from(quantity.digits.min(Precise::MOST_DIGITS)));
    let units = i128::from(quantity.units);
    u32::try_from((units + scale - 1).div_euclid(scale)).unwrap_or(u32::MAX).max(1)
}

/// All tables of one product.
struct OfProduct<'s, 'e> {
    id: &'e str,
    books: &'s BTreeMap<&'s str, Book<'s>>,
    tables: BTreeMap<&'e str, Vec<Table<'e>>>,
}

impl OfProduct<'_, '_> {
    fn entries(&self) -> Vec<PriceEntry> {
        let mut entries: Vec<PriceEntry> = Vec::new();
        for (id, tables) in &self.tables {
            let Some(book) = self.books.get(id) else { continue };
            for table in tables {
                let found = entries.len();
                for span in self.spans(book, table, 0) {
                    entries.extend(self.entry(id, book, table, &span));
                }
                // A table without a price that can be shown is kept, because it replaces others.
                if entries.len() == found {
                    entries.push(self.unusable(id, book, table));
                }
            }
        }
        entries.sort_by(|left, right| left.id.cmp(&right.id));
        // Two tables of one window: the platform keeps one.
        entries.dedup_by(|later, earlier| later.id == earlier.id);
        entries
    }

    fn entry(&self, id: &str, book: &Book<'_>, table: &Table<'_>, span: &Span) -> Option<PriceEntry> {
        let (_, value) = span.steps.iter().find(|(minimum, _)| *minimum == 1)?;
        let tiers = span.steps.iter().filter(|(minimum, _)| *minimum > 1);
        let tiers = tiers.map(|(minimum, value)| Tier { minimum: *minimum, value: *value }).collect();
        let price = Price { window: span.window, tiers, tax: book.tax, ..Price::new(*value) };
        Some(self.kept(id, table, price, true, Vec::new()))
    }

    fn unusable(&self, id: &str, book: &Book<'_>, table: &Table<'_>) -> PriceEntry {
        let why = if table.steps.iter().any(|step| step.minimum == 1) {
            "its percentage has no price in the parent book to be taken off"
        } else {
            "it has no price for one piece"
        };
        let price = Price { window: table.window, ..Price::new(Money::new(0, book.currency)) };
        self.kept(id, table, price, false, vec![Notice::new("price-table", format!("{}: {why}", self.id))])
    }

    fn kept(&self, id: &str, table: &Table<'_>, price: Price, active: bool, notices: Vec<Notice>) -> PriceEntry {
        debug_assert_eq!(table.element.name, "price-table");
        PriceEntry {
            id: price_id(id, self.id, price.window).into(),
            item: ItemKey::Sku(Sku::new(self.id)),
            book: Some(BookId::new(id)),
            active,
            price,
            created_at: None,
            notices,
        }
    }

    /// The spans of a table, in each of which its prices stay the same.
    fn spans(&self, book: &Book<'_>, table: &Table<'_>, depth: usize) -> Vec<Span> {
        let amounts = || {
            let amount = |step: &Step| match step.of {
                Of::Amount(amount) => Some((step.minimum, Money::of(amount, book.currency)?)),
                Of::Off(_) => None,
            };
            table.steps.iter().filter_map(amount).collect::<Vec<_>>()
        };
        if !table.takes_off() {
            return vec![Span { window: table.window, steps: amounts() }];
        }
        let parent = book.parent.and_then(|id| Some((id, self.books.get(id)?)));
        let Some((parent_id, parent)) = parent.filter(|(_, it)| it.currency == book.currency && depth < MOST_PARENTS) else {
            return vec![Span { window: table.window, steps: amounts() }];
        };
        let of_parent = self.tables.get(parent_id).map(Vec::as_slice).unwrap_or_default();
        let below: Vec<Span> = of_parent.iter().flat_map(|it| self.spans(parent, it, depth + 1)).collect();
        let edges = below.iter().map(|span| span.window).chain([parent.window]);
        let mut cuts: Vec<Timestamp> = edges.flat_map(|window| [window.from, window.until]).flatten().collect();
        cuts.retain(|cut| table.window.contains(*cut) && Some(*cut) != table.window.from);
        cuts.sort();
        cuts.dedup();
        let mut spans = Vec::new();
        let mut from = table.window.from;
        for until in cuts.into_iter().map(Some).chain([table.window.until]) {
            let window = Window { from, until };
            let base = below.iter().filter(|span| covers(span.window, window) && covers(parent.window, window));
            let base = base.max_by_key(|span| (span.window.from, std::cmp::Reverse(span.window.until.map_or(i64::MAX, Timestamp::millis))));
            spans.push(Span { window, steps: reduced(table, book.currency, base) });
            from = until;
        }
        spans
    }
}

/// The prices of a table over those of the parent.
fn reduced(table: &Table<'_>, currency: Currency, base: Option<&Span>) -> Vec<(u32, Money)> {
    let price = |step: &Step| {
        let value = match step.of {
            Of::Amount(amount) => Money::of(amount, currency)?,
            Of::Off(percent) => {
                let fitting = base?.steps.iter().filter(|(minimum, _)| *minimum <= step.minimum);
                let (_, value) = fitting.max_by_key(|(minimum, _)| *minimum)?;
                value.converted(share_left(percent)?, currency)?
            }
        };
        Some((step.minimum, value))
    };
    table.steps.iter().filter_map(price).collect()
}

/// What is left of one when so many percent are taken off.
fn share_left(percent: Precise) -> Option<Precise> {
    let hundred = 100_i64.checked_mul(10_i64.checked_pow(percent.digits.into())?)?;
    Some(Precise { units: hundred.checked_sub(percent.units)?, digits: percent.digits.checked_add(2)? })
}

/// Whether a window holds throughout a span that has none of its ends inside.
fn covers(window: Window, span: Window) -> bool {
    window.from.is_none_or(|from| span.from.is_some_and(|at| from <= at))
        && window.until.is_none_or(|until| span.until.is_some_and(|at| at <= until))
}

/// Id of an entry: a book has one table of a product for a window.
fn price_id(book: &str, product: &str, window: Window) -> String {
    if window.is_open() {
        return format!("{book}/{product}");
    }
    let at = |it: Option<Timestamp>| it.map(|it| it.millis().to_string()).unwrap_or_default();
    format!("{book}/{product}/{}-{}", at(window.from), at(window.until))
}
