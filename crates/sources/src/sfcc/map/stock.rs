//! Inventory records.

use model::{ItemKey, Kind, Precise, Record, Sku, Stock, StockLevel, Supply};

use super::{Mapped, stock_id, text::instant};
use crate::sfcc::{contents::Row, xml::Element};

/// Maps a page of inventory records.
pub fn page(rows: Vec<Row>) -> Mapped {
    let mut mapped = Mapped::default();
    for row in rows {
        match row {
            Row::Is { of, element, .. } => {
                let Some(product) = element.attribute("product-id") else {
                    mapped.unread(Kind::Stock, None, &format!("a record of list {of} has no product-id"));
                    continue;
                };
                let id = stock_id(&of, product);
                if element.is_deletion() {
                    mapped.gone(Kind::Stock, id);
                    continue;
                }
                match level(&of, &element) {
                    Err(why) => mapped.unread(Kind::Stock, Some(id), &why),
                    Ok(level) => {
                        let item = ItemKey::Sku(Sku::new(product));
                        mapped.is(Record::Stock(Stock { id: id.into(), item, level, created_at: None }));
                    }
                }
            }
            Row::Unread { kind, id, why } => mapped.unread(kind, id, &why),
            Row::Variant { .. } | Row::Assigned { .. } => {}
        }
    }
    mapped
}

/// What can be sold is the allocation and what may be ordered before it is there, less what was sold since the allocation.
/// An order beyond that is refused, also where back-orders are taken.
fn level(list: &str, element: &Element) -> Result<StockLevel, String> {
    let number = |name: &str| match element.value_of(name) {
        None => Ok(None),
        Some(text) => whole(text).map(Some).ok_or_else(|| format!("its {name} is {text:?}")),
    };
    let sum = || -> Result<i64, String> {
        let number = |name| number(name).map(Option::unwrap_or_default);
        let takes_more = element.value_of("preorder-backorder-handling").is_some_and(|it| it != "none");
        let more = if takes_more { number("preorder-backorder-allocation")? } else { 0 };
        Ok(number("allocation")?.saturating_add(more).saturating_sub(number("turnover")?).saturating_sub(number("on-order")?))
    };
    let available = match number("ats")? {
        Some(available) => available,
        None => sum()?,
    };
    let perpetual = element.value_of("perpetual") == Some("true");
    let expected = element.value_of("in-stock-datetime").and_then(instant);
    let day = || instant(&format!("{}T00:00:00Z", element.value_of("in-stock-date")?.get(..10)?));
    Ok(StockLevel {
        channel: Some(list.into()),
        available,
        expected: expected.or_else(day),
        supply: if perpetual { Supply::Perpetual } else { Supply::Limited },
    })
}

/// Whole pieces of a decimal number.
fn whole(text: &str) -> Option<i64> {
    let number = Precise::parse(text)?;
    let scale = 10_i64.checked_pow(number.digits.into())?;
    Some(number.units.div_euclid(scale))
}
