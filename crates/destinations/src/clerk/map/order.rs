//! Orders, and what came back of them.

use contract::{
    Facet, Fault,
    destination::{Made, Mapped},
};
use model::{Filtered, Order, OrderLine, OrderStatus};
use serde::Serialize;

use super::{
    id::{JsonId, integer, not_integer},
    sheet::{Each, Sheet},
};
use crate::clerk::config::{Config, Grain, IdType, OrderId};

/// Begins the id of an item that is a return, not an order.
pub const RETURN: &str = "return/";

/// A line as Clerk.io takes it: `price` is what one piece cost.
#[derive(Serialize)]
struct Line<'a> {
    id: JsonId<'a>,
    quantity: u64,
    price: f64,
}

/// The item of an order, and one for each of its returns that is back at the shop. Lines that are no products are left out:
/// Clerk.io counts products.
///
/// # Errors
/// `C0411` for an id that does not fit. No value of the order is in it.
pub fn order(config: &Config, order: &Order, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
    let name = || "order".to_owned();
    let id = id_of(config, order)?;
    let bought = |line: &&OrderLine| line.quantity > 0 && line.product.is_some();
    let mut lines = Vec::with_capacity(order.lines.len());
    for line in order.lines.iter().filter(bought) {
        let price = line.paid_per_piece().decimal();
        lines.push(Line { id: product_of(config, line)?, quantity: line.quantity, price });
    }
    if lines.is_empty() {
        return Ok(Mapped::Filtered(Filtered::NothingBought));
    }
    let mut sheet = Sheet::new(taken, &name);
    sheet.put(Facet::CONTENT, "products", &Each(|| lines.iter()))?;
    sheet.put(Facet::CONTENT, "time", &order.placed_at.seconds())?;
    sheet.put(Facet::CONTENT, "status", status(order))?;
    sheet.maybe(Facet::CONTENT, "email", order.email.as_ref().map(model::Email::as_str))?;
    let customer = order.customer.as_ref().map(model::CustomerId::as_str);
    customer.map_or(Ok(()), |id| fitting(config, id, "the id of the customer of an order"))?;
    let customer = customer.map(|id| JsonId::new(id, config.id_type));
    sheet.maybe(Facet::CONTENT, "customer", customer)?;
    let mut items = vec![Made::whole(sheet.finish(id))];
    for returned in order.returns.iter().filter(|it| it.is_back && it.quantity > 0) {
        let Some(line) = order.lines.iter().filter(bought).find(|line| line.id == returned.line) else { continue };
        let untaken = |_: &str| false;
        let mut sheet = Sheet::new(&untaken, &name);
        sheet.put(Facet::CONTENT, "product", &product_of(config, line)?)?;
        sheet.put(Facet::CONTENT, "order", &JsonId::new(id, config.id_type))?;
        sheet.put(Facet::CONTENT, "quantity", &returned.quantity)?;
        items.push(Made::whole(sheet.finish(format!("{RETURN}{id}/{}", returned.id))));
    }
    Ok(Mapped::Items(items))
}

fn id_of<'a>(config: &Config, order: &'a Order) -> Result<&'a str, Fault> {
    let id = match config.order_id {
        OrderId::Id => Some(order.id.as_str()),
        OrderId::Number => order.number.as_deref(),
    };
    let Some(id) = id.filter(|id| !id.is_empty() && !id.starts_with(RETURN)) else {
        return Err(Fault::record("C0411", "an order has no number to make its Clerk.io id from")
            .hint("give orders numbers at the source, or set order_id = \"id\""));
    };
    fitting(config, id, "the id of an order")?;
    Ok(id)
}

/// The id under which the catalogue of the store has what was bought.
fn product_of<'a>(config: &Config, line: &'a OrderLine) -> Result<JsonId<'a>, Fault> {
    let product = line.product.as_ref().map_or("", model::ProductId::as_str);
    let id: std::borrow::Cow<'a, str> = match (config.grain, &line.sku, &line.variant) {
        (Grain::Variant, Some(sku), _) if !sku.as_str().is_empty() => sku.as_str().into(),
        (Grain::Variant, _, Some(variant)) => format!("{product}_{variant}").into(),
        (Grain::Variant, _, None) | (Grain::Product, ..) => product.into(),
    };
    fitting(config, &id, "the id of a product in an order")?;
    Ok(JsonId::new(id, config.id_type))
}

fn fitting(config: &Config, id: &str, what: &str) -> Result<(), Fault> {
    if config.id_type == IdType::Text || integer(id).is_some() {
        return Ok(());
    }
    Err(not_integer(what, "it is no whole number"))
}

/// The states that Clerk.io knows. An order all of whose pieces are back was returned.
fn status(order: &Order) -> &'static str {
    let pieces: u64 = order.lines.iter().filter(|line| line.product.is_some()).map(|line| line.quantity).sum();
    let back: u64 = order.returns.iter().filter(|it| it.is_back).map(|it| it.quantity).sum();
    match order.status {
        OrderStatus::Cancelled => "CANCELLED",
        _ if back > 0 && back >= pieces => "RETURNED",
        OrderStatus::Open | OrderStatus::Confirmed => "CONFIRMED",
        OrderStatus::Shipped => "SENT",
        OrderStatus::Complete => "DELIVERED",
    }
}
