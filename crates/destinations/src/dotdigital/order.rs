//! Orders as records of their contacts, and the contacts that orders need.
//!
//! What is sent of an order is its first facet; the second names the customer that it waits for.

use std::collections::BTreeMap;

use contract::{
    Facet, Fault, Item, Payload, Writer,
    destination::{Made, Mapped},
};
use model::{Address, Filtered, Money, Order, OrderLine};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    account::Facts,
    config::{Config, OrderContacts, OrderId, UnknownConsent, Variants, is_name_char},
    contact,
    ids::Place,
    map::cut,
    schema::OWNER,
};

/// The items of an order: its record, and the contact that it needs where its customer is none of the flow's.
///
/// # Errors
/// `C0446` for a key that does not fit. No value of the order is in it.
pub fn order(config: &Config, facts: Option<&Facts>, order: &Order) -> Result<Mapped, Fault> {
    let Some(email) = order.email.as_ref().map(model::Email::key) else {
        return Ok(Mapped::Filtered(Filtered::NoEmail));
    };
    let lines: Vec<&OrderLine> = order.lines.iter().filter(|it| it.product.is_some() && it.quantity > 0).collect();
    if lines.is_empty() {
        return Ok(Mapped::Filtered(Filtered::NothingBought));
    }
    let customer = order.customer.as_ref().filter(|_| facts.is_some_and(|facts| facts.customers));
    let may_create = config.unknown_consent != Some(UnknownConsent::Filtered);
    let creates = match config.order_contacts {
        OrderContacts::All => true,
        OrderContacts::Guests => customer.is_none(),
        OrderContacts::None => false,
    };
    if creates && !may_create && customer.is_none() {
        return Ok(Mapped::Filtered(Filtered::UnknownConsent));
    }
    let key = key(config, order)?;
    let unfit = |_| Fault::record("C0445", "an order has a value that is no JSON");
    let mut writer = Writer::new(&|_| false);
    for (name, value) in record(config, order, key, &email, &lines) {
        writer.put(Facet::CONTENT, &name, &value).map_err(unfit)?;
    }
    let creates = creates && may_create;
    if let Some(customer) = customer.filter(|_| !creates) {
        writer.put(OWNER, "customer", customer.as_str()).map_err(unfit)?;
    }
    let mut items = vec![Made::whole(Item { id: Place::Order(key).id(), payload: writer.finish() })];
    if creates {
        let mut writer = Writer::new(&|_| false);
        let body = contact::owner(config, facts, &email, order.customer.is_none());
        for (name, value) in body.as_object().into_iter().flatten() {
            writer.put(Facet::CONTENT, name, value).map_err(unfit)?;
        }
        items.push(Made::whole(Item { id: Place::Owner(key).id(), payload: writer.finish() }));
    }
    Ok(Mapped::Items(items))
}

fn key<'o>(config: &Config, order: &'o Order) -> Result<&'o str, Fault> {
    let key = match config.order_id {
        OrderId::Id => order.id.as_str(),
        OrderId::Number => order.number.as_deref().unwrap_or_default(),
    };
    if (1..=255).contains(&key.len()) && key.chars().all(is_name_char) {
        return Ok(key);
    }
    Err(Fault::record("C0446", "an order has no id or number that can be the key of a record")
        .hint("a key has letters, digits, - and _, at most 255: choose another order_id"))
}

/// The record, without members that have no value.
fn record(config: &Config, order: &Order, key: &str, email: &str, lines: &[&OrderLine]) -> Vec<(String, Value)> {
    let totals = &order.totals;
    let products: Vec<Value> = lines.iter().map(|line| product(config, order, line)).collect();
    let subtotal = lines.iter().copied().map(net);
    let subtotal = subtotal.reduce(|sum, net| Money::new(sum.minor.saturating_add(net.minor), sum.currency));
    let text = |text: &str| Value::from(cut(text, config.longest_text));
    let coupons = (!order.coupons.is_empty()).then(|| text(&order.coupons.join(", ")));
    let members = [
        ("id", Some(Value::from(key))),
        ("email", Some(Value::from(email))),
        ("purchase_date", Some(Value::from(order.placed_at.to_string()))),
        ("order_status", Some(Value::from(config.order_status.name(order.status)))),
        ("currency", Some(Value::from(order.currency.code()))),
        ("order_total", Some(number(totals.gross.unwrap_or(totals.total)))),
        ("order_subtotal", subtotal.map(number)),
        ("discount_amount", totals.discount.map(number)),
        ("delivery_total", totals.shipping.map(number)),
        ("couponcode", coupons),
        ("store_name", order.store.as_ref().map(|store| text(store.as_str()))),
        ("billing_address", order.billing.as_ref().and_then(|it| address(config, "billing", it))),
        ("delivery_address", order.shipping.as_ref().and_then(|it| address(config, "delivery", it))),
        ("products", Some(Value::Array(products))),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn product(config: &Config, order: &Order, line: &OrderLine) -> Value {
    let parent = line.product.as_ref().map_or("", model::ProductId::as_str);
    let own = match (&line.variant, config.variants) {
        (Some(variant), Variants::ParentAndChildren) => format!("{parent}-{variant}"),
        (_, Variants::Parents) | (None, Variants::ParentAndChildren) => parent.to_owned(),
    };
    let locale = order.locale.as_ref().map_or("", model::Locale::as_str);
    let name = line.name.get(locale).or_else(|| line.name.iter().next().map(|(_, text)| text));
    let each = |total: Money| OrderLine { total, ..line.clone() }.paid_per_piece();
    let members = [
        ("name", name.map(|name| Value::from(cut(name, config.longest_text)))),
        ("parent_id", Some(Value::from(parent))),
        ("price", Some(number(each(net(line))))),
        ("price_inc_tax", gross(line).map(|gross| number(each(gross)))),
        ("product_id", Some(Value::from(own))),
        ("qty", Some(Value::from(line.quantity))),
        ("sku", line.sku.as_ref().map(|sku| Value::from(sku.as_str()))),
    ];
    // In an order of their own, so that a payload always has the same digest.
    json!(members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect::<BTreeMap<_, _>>())
}

/// What a line cost without tax; what it cost where the source does not tell the tax.
const fn net(line: &OrderLine) -> Money {
    match (line.tax, line.tax_included) {
        (Some(tax), Some(true)) => Money::new(line.total.minor.saturating_sub(tax.minor), line.total.currency),
        _ => line.total,
    }
}

/// What it cost with tax, where the source tells it.
fn gross(line: &OrderLine) -> Option<Money> {
    match (line.tax, line.tax_included?) {
        (_, true) => Some(line.total),
        (Some(tax), false) => Some(Money::new(line.total.minor.saturating_add(tax.minor), line.total.currency)),
        (None, false) => None,
    }
}

/// An amount with two decimals, as the vendor's own connectors send it: one of a currency with three is rounded.
fn number(money: Money) -> Value {
    Value::from((money.decimal() * 100.0).round() / 100.0)
}

fn address(config: &Config, of: &str, address: &Address) -> Option<Value> {
    let line = |place: usize| address.lines.get(place).map(String::as_str);
    let country = address.country.map(|country| country.to_string());
    let members = [
        (format!("{of}_address_1"), line(0)),
        (format!("{of}_address_2"), line(1)),
        (format!("{of}_city"), address.city.as_deref()),
        (format!("{of}_region"), address.region.as_deref()),
        (format!("{of}_country"), country.as_deref()),
        (format!("{of}_postcode"), address.postal_code.as_deref()),
    ];
    let has_value = |(name, value): (String, Option<&str>)| Some((name, Value::from(cut(value?, config.longest_text))));
    let members: BTreeMap<String, Value> = members.into_iter().filter_map(has_value).collect();
    (!members.is_empty()).then(|| json!(members))
}

/// The address of the contact that this payload creates.
pub fn created(payload: &Payload) -> Option<String> {
    let body: Value = serde_json::from_str(&payload.object()).ok()?;
    Some(body.get("identifiers")?.get("email")?.as_str()?.to_owned())
}

/// What a payload says of an order.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Owned {
    /// Address of its contact.
    pub email: String,
    /// The customer whose contact it waits for.
    pub customer: Option<String>,
}

impl Owned {
    /// Reads a payload back.
    pub fn of(payload: &Payload) -> Self {
        serde_json::from_str(&payload.object()).unwrap_or_default()
    }
}
