//! Price books and inventory lists, in the order of the schemas `pricebook/2006-10-31` and `inventory/2007-05-31`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::super::state::{Book, List, Record, Table};
use super::Goods;
use super::xml::{Xml, time};

const PRICE_BOOK: &str = "http://www.demandware.com/xml/impex/pricebook/2006-10-31";
const INVENTORY: &str = "http://www.demandware.com/xml/impex/inventory/2007-05-31";

/// Writes a price book with its tables of these products.
pub(super) fn price_book(out: &mut dyn Write, book: &Book, goods: Goods<'_>) -> io::Result<()> {
    let mut xml = begin_book(out, book)?;
    goods(&mut |some| {
        let tables = some.books.get(&book.id).into_iter().flat_map(|book| &book.tables);
        tables.flat_map(|(id, all)| all.iter().map(move |it| (id, it))).try_for_each(|(id, it)| table(&mut xml, id, it))
    })?;
    xml.end()
}

/// Writes the tables of some products anew.
pub(super) fn changed_prices(out: &mut dyn Write, book: &Book, products: &BTreeSet<String>) -> io::Result<()> {
    let mut xml = begin_book(out, book)?;
    for product in products {
        xml.leaf("price-table", &[("product-id", product), ("mode", "delete-all")], "")?;
        let mut tables = book.tables.get(product).into_iter().flatten();
        tables.try_for_each(|it| table(&mut xml, product, it))?;
    }
    xml.end()
}

/// Begins a price book, up to its tables.
fn begin_book<'w>(out: &'w mut dyn Write, book: &Book) -> io::Result<Xml<'w>> {
    let mut xml = Xml::begin(out, "pricebooks", PRICE_BOOK, &[])?;
    xml.open("pricebook", &[])?;
    xml.open("header", &[("pricebook-id", &book.id)])?;
    xml.text("currency", &book.currency)?;
    xml.leaf("display-name", &[("xml:lang", "x-default")], &book.name)?;
    xml.text("online-flag", "true")?;
    if let Some(parent) = &book.parent {
        xml.text("parent", parent)?;
    }
    xml.close()?;
    xml.open("price-tables", &[])?;
    Ok(xml)
}

fn table(xml: &mut Xml, product: &str, it: &Table) -> io::Result<()> {
    xml.open("price-table", &[("product-id", product)])?;
    if let Some(from) = it.from {
        xml.text("online-from", &time(from))?;
    }
    if let Some(to) = it.to {
        xml.text("online-to", &time(to))?;
    }
    for (quantity, amount) in &it.amounts {
        xml.leaf("amount", &[("quantity", &quantity.to_string())], &amount.text())?;
    }
    xml.close()
}

/// Writes an inventory list with its records of these products.
pub(super) fn inventory(out: &mut dyn Write, list: &List, goods: Goods<'_>) -> io::Result<()> {
    let mut xml = begin_list(out, list)?;
    goods(&mut |some| {
        let mut records = some.lists.get(&list.id).into_iter().flat_map(|list| &list.records);
        records.try_for_each(|(product, it)| record(&mut xml, product, *it))
    })?;
    xml.end()
}

/// Writes the records of some products.
pub(super) fn changed_stock(out: &mut dyn Write, list: &List, products: &BTreeSet<String>) -> io::Result<()> {
    let mut xml = begin_list(out, list)?;
    for product in products {
        match list.records.get(product) {
            Some(it) => record(&mut xml, product, *it)?,
            None => xml.leaf("record", &[("product-id", product), ("mode", "delete")], "")?,
        }
    }
    xml.end()
}

/// Begins an inventory list, up to its records.
fn begin_list<'w>(out: &'w mut dyn Write, list: &List) -> io::Result<Xml<'w>> {
    let mut xml = Xml::begin(out, "inventory", INVENTORY, &[])?;
    xml.open("inventory-list", &[])?;
    xml.open("header", &[("list-id", &list.id)])?;
    xml.text("default-instock", if list.default_in_stock { "true" } else { "false" })?;
    xml.text("description", &list.description)?;
    xml.text("use-bundle-inventory-only", "false")?;
    xml.text("on-order", "false")?;
    xml.close()?;
    xml.open("records", &[])?;
    Ok(xml)
}

fn record(xml: &mut Xml, product: &str, it: Record) -> io::Result<()> {
    xml.open("record", &[("product-id", product)])?;
    xml.text("allocation", &format!("{}.0", it.allocation))?;
    xml.text("allocation-timestamp", &time(it.reset))?;
    xml.text("perpetual", if it.perpetual { "true" } else { "false" })?;
    xml.text("preorder-backorder-handling", "none")?;
    xml.text("ats", &format!("{}.0", it.level()))?;
    xml.text("on-order", "0.0")?;
    xml.text("turnover", &format!("{}.0", it.turnover))?;
    xml.close()
}
