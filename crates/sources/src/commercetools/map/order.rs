//! Orders.
//!
//! Amounts are taken as the platform states them. Those of a line are net where its tax comes on top, and gross where it is
//! included; those of the whole order are gross where the platform knows the tax.

use std::{cmp::Ordering, fmt::Display};

use contract::Change;
use model::{Currency, Money, Notice, Order, OrderLine, OrderStatus, Precise, Record, ReturnedLine, Timestamp, Totals};

use super::{Unfit, is, kept, localized, person, price, some};
use crate::commercetools::api::{
    self, Text,
    people::{self, TaxedPrice},
};

/// An `Order`, with the references to its discount codes expanded.
pub fn order(it: people::Order<'_>) -> Result<Change, Unfit> {
    let mut notices = Vec::new();
    let total = amount("totalPrice", &it.total_price)?;
    let amounts = Amounts { currency: total.currency, rounding: Rounding::of(it.price_rounding_mode.as_deref()) };
    let status = status(&it.order_state, it.shipment_state.as_deref())?;
    let (mut lines, mut reduced) = (Vec::new(), 0_i128);
    for line in it.line_items.unwrap_or_default() {
        lines.push(amounts.line(line, &mut reduced, &mut notices)?);
    }
    for line in it.custom_line_items.unwrap_or_default() {
        lines.push(amounts.custom_line(line, &mut reduced, &mut notices)?);
    }
    let shippings = it.shipping.unwrap_or_default();
    let infos = it.shipping_info.iter().chain(shippings.iter().filter_map(|shipping| shipping.shipping_info.as_ref()));
    let shipping: Vec<(i128, i128)> = infos.map(|info| amounts.shipping(info)).collect::<Result<_, _>>()?;
    reduced += shipping.iter().map(|(_, reduction)| reduction).sum::<i128>();
    if let Some(discount) = &it.discount_on_total_price {
        reduced += i128::from(amounts.of("discountOnTotalPrice", &discount.discounted_amount)?.minor);
    }
    let discount = amounts.money("discounts", reduced.max(0))?;
    let cost = amounts.money("shipping", shipping.iter().map(|(cost, _)| cost).sum())?;
    let taxed = it.taxed_price.as_ref().map(|taxed| amounts.taxed("taxedPrice", taxed)).transpose()?;
    let taxed_shipping = it.taxed_shipping_price.as_ref();
    let taxed_shipping = taxed_shipping.map(|taxed| amounts.taxed("taxedShippingPrice", taxed)).transpose()?;
    let totals = Totals {
        total: taxed.map_or(total, |taxed| taxed.gross),
        gross: taxed.map(|taxed| taxed.gross),
        net: taxed.map(|taxed| taxed.net),
        tax: taxed.map(|taxed| taxed.tax),
        shipping: taxed_shipping.map(|taxed| taxed.gross).or((!shipping.is_empty()).then_some(cost)),
        discount: (discount.minor > 0).then_some(discount),
    };
    let address = it.shipping_address.or_else(|| shippings.into_iter().find_map(|shipping| shipping.shipping_address));
    let shipping_address = address.map(|address| person::address("shippingAddress", address, &mut notices));
    let billing_address = it.billing_address.map(|address| person::address("billingAddress", address, &mut notices));
    // A cart names a country for its prices and taxes; without one, it is placed where it goes to, or where it is paid.
    let country = person::country("country", it.country, &mut notices)
        .or_else(|| shipping_address.as_ref()?.country)
        .or_else(|| billing_address.as_ref()?.country);
    let words = [("orderState", Some(it.order_state)), ("shipmentState", it.shipment_state), ("paymentState", it.payment_state)];
    let record = Order {
        id: String::from(it.id).into(),
        number: some(it.order_number),
        customer: some(it.customer_id).map(Into::into),
        email: person::email("customerEmail", it.customer_email, &mut notices),
        placed_at: placed_at(it.created_at.as_ref(), it.completed_at.as_ref())?,
        currency: total.currency,
        store: it.store.map(|store| String::from(store.key).into()),
        country,
        locale: person::locale(it.locale, &mut notices),
        status,
        states: words.into_iter().filter_map(|(name, state)| Some((name.to_owned(), state?.into()))).collect(),
        lines,
        totals,
        coupons: coupons(it.discount_codes.unwrap_or_default(), &mut notices),
        shipping: shipping_address,
        billing: billing_address,
        returns: returns(it.return_info.unwrap_or_default())?,
        attributes: person::attributes(it.custom, &mut notices),
        notices: Vec::new(),
    };
    let record = Order { notices, ..record };
    Ok(is(Record::Order(Box::new(record)), it.version, it.last_modified_at.as_ref()))
}

/// How far an order is. A shipment that is under way or delivered counts while the order itself is not closed.
fn status(order: &str, shipment: Option<&str>) -> Result<OrderStatus, Unfit> {
    Ok(match (order, shipment) {
        ("Cancelled", _) => OrderStatus::Cancelled,
        ("Complete", _) | ("Open" | "Confirmed", Some("Delivered")) => OrderStatus::Complete,
        ("Open" | "Confirmed", Some("Shipped")) => OrderStatus::Shipped,
        ("Confirmed", _) => OrderStatus::Confirmed,
        ("Open", _) => OrderStatus::Open,
        _ => return Err(Unfit::new("its orderState is not known")),
    })
}

/// When it was placed: an imported order may say that it was completed before it was created here.
fn placed_at(created: Option<&Text<'_>>, completed: Option<&Text<'_>>) -> Result<Timestamp, Unfit> {
    let created = created.and_then(|at| Timestamp::parse(at)).ok_or_else(|| Unfit::new("its createdAt is no time"))?;
    Ok(completed.and_then(|at| Timestamp::parse(at)).filter(|at| *at < created).unwrap_or(created))
}

fn amount(field: &str, amount: &api::TypedMoney<'_>) -> Result<Money, Unfit> {
    // The text of the reason quotes what stands there.
    price::money(&field, amount).map_err(|unfit| Unfit { what: format!("{field} is no amount of a currency"), ..unfit })
}

/// The codes that took effect.
fn coupons(codes: Vec<people::DiscountCodeInfo<'_>>, notices: &mut Vec<Notice>) -> Vec<String> {
    let mut coupons = Vec::new();
    for info in codes.into_iter().filter(|info| &*info.state == "MatchesCart") {
        let id = &info.discount_code.id;
        let missing = || format!("the code of discount code {id} is not shown: it was deleted, or its scope is missing");
        match &info.discount_code.obj {
            Some(of) => coupons.push(of.code.to_string()),
            None => notices.push(Notice::new("discountCodes", missing())),
        }
    }
    coupons
}

fn returns(infos: Vec<people::ReturnInfo<'_>>) -> Result<Vec<ReturnedLine>, Unfit> {
    let mut returns = Vec::new();
    for info in infos {
        for item in info.items.unwrap_or_default() {
            let line = item.line_item_id.or(item.custom_line_item_id);
            let line = line.ok_or_else(|| Unfit::new(format!("return item {} names no line", item.id)))?;
            let at = info.return_date.as_ref().or(item.created_at.as_ref());
            returns.push(ReturnedLine {
                quantity: pieces(&format_args!("return item {}", item.id), item.quantity)?,
                id: item.id.into(),
                line: line.into(),
                // Otherwise it is `Advised`: they are to come back.
                is_back: matches!(&*item.shipment_state, "Returned" | "BackInStock" | "Unusable"),
                is_refunded: &*item.payment_state == "Refunded",
                at: at.and_then(|at| Timestamp::parse(at)),
            });
        }
    }
    Ok(returns)
}

fn pieces(of: &dyn Display, quantity: i64) -> Result<u64, Unfit> {
    u64::try_from(quantity).map_err(|_| Unfit::new(format!("{of} has {quantity} pieces")))
}

/// Amounts of an order: all are in its currency.
#[derive(Clone, Copy)]
struct Amounts {
    currency: Currency,
    rounding: Rounding,
}

/// `RoundingMode`: what becomes of half a minor unit.
#[derive(Clone, Copy)]
enum Rounding {
    Even,
    Up,
    Down,
}

impl Rounding {
    /// The mode of this name; half-even, the platform's own, where an order names none.
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("HalfUp") => Self::Up,
            Some("HalfDown") => Self::Down,
            _ => Self::Even,
        }
    }

    /// Minor units of so many pieces at this price. `None` if they are out of range.
    fn times(self, price: Money, quantity: i64) -> Option<i128> {
        let Precise { units, digits } = price.amount();
        let units = i128::from(units).checked_mul(quantity.into())?;
        let factor = 10_i128.checked_pow(digits.abs_diff(price.currency.digits()).into())?;
        if digits <= price.currency.digits() {
            return units.checked_mul(factor);
        }
        let (whole, rest) = (units / factor, units % factor);
        let is_more = match (rest.abs() * 2).cmp(&factor) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => match self {
                Self::Even => whole % 2 != 0,
                Self::Up => true,
                Self::Down => false,
            },
        };
        Some(if is_more { whole + units.signum() } else { whole })
    }
}

#[derive(Clone, Copy)]
struct Taxed {
    net: Money,
    gross: Money,
    tax: Money,
}

impl Taxed {
    /// Whether the tax is within this amount, or comes on top of it; `None`: it is neither's.
    fn is_within(self, total: Money) -> Option<bool> {
        (self.gross.minor == total.minor).then_some(true).or((self.net.minor == total.minor).then_some(false))
    }
}

/// The fields that lines of both kinds have.
struct Line<'a> {
    id: Text<'a>,
    name: Option<api::LocalizedString<'a>>,
    quantity: i64,
    total: api::TypedMoney<'a>,
    unit_price: Option<api::TypedMoney<'a>>,
    is_reduced: bool,
    taxed: Option<TaxedPrice<'a>>,
    tax_included: Option<bool>,
}

impl Amounts {
    fn of(self, field: &str, amount: &api::TypedMoney<'_>) -> Result<Money, Unfit> {
        let money = self::amount(field, amount)?;
        if money.currency == self.currency {
            return Ok(money);
        }
        let what = format!("{field} is in {} and totalPrice in {}", money.currency, self.currency);
        Err(Unfit { code: "C0212", what, is_detail: false })
    }

    /// A sum of amounts.
    fn money(self, field: &str, minor: i128) -> Result<Money, Unfit> {
        let minor = i64::try_from(minor);
        minor.map(|minor| Money::new(minor, self.currency)).map_err(|_| {
            Unfit { code: "C0212", what: format!("{field} are beyond what {} can be", self.currency), is_detail: false }
        })
    }

    fn taxed(self, field: &str, taxed: &TaxedPrice<'_>) -> Result<Taxed, Unfit> {
        let (net, gross) = (self.of(field, &taxed.total_net)?, self.of(field, &taxed.total_gross)?);
        let tax = match &taxed.total_tax {
            Some(tax) => self.of(field, tax)?,
            None => self.money(field, i128::from(gross.minor) - i128::from(net.minor))?,
        };
        Ok(Taxed { net, gross, tax })
    }

    /// What shipping costs, and by how much that was reduced.
    fn shipping(self, info: &people::ShippingInfo<'_>) -> Result<(i128, i128), Unfit> {
        let full = self.of("shippingInfo.price", &info.price)?.minor;
        let discounted = info.discounted_price.as_ref().map(|it| self.of("shippingInfo.discountedPrice", &it.value));
        let paid = discounted.transpose()?.map_or(full, |money| money.minor);
        let gross = info.taxed_price.as_ref().map(|taxed| self.taxed("shippingInfo.taxedPrice", taxed)).transpose()?;
        let cost = gross.map_or(paid, |taxed| taxed.gross.minor);
        Ok((cost.into(), (i128::from(full) - i128::from(paid)).max(0)))
    }

    fn line(self, it: people::LineItem<'_>, reduced: &mut i128, notices: &mut Vec<Notice>) -> Result<OrderLine, Unfit> {
        // The discount of a product is not one of the order.
        let unit_price = it.price.map(|price| price.discounted.map_or(price.value, |discounted| discounted.value));
        let line = Line {
            id: it.id,
            name: it.name,
            quantity: it.quantity,
            total: it.total_price,
            unit_price,
            is_reduced: it.discounted_price_per_quantity.is_some_and(|prices| !prices.is_empty()),
            taxed: it.taxed_price,
            tax_included: it.tax_rate.and_then(|rate| rate.included_in_price),
        };
        let (variant, sku) = it.variant.map_or((None, None), |it| (Some(it.id.to_string()), some(it.sku)));
        Ok(OrderLine {
            product: some(it.product_id).map(Into::into),
            variant: variant.map(Into::into),
            sku: sku.map(Into::into),
            ..self.any_line(line, reduced, notices)?
        })
    }

    /// A fee, a voucher or something else that is no product.
    fn custom_line(self, it: people::CustomLineItem<'_>, reduced: &mut i128, notices: &mut Vec<Notice>) -> Result<OrderLine, Unfit> {
        let line = Line {
            id: it.id,
            name: it.name,
            quantity: it.quantity,
            total: it.total_price,
            unit_price: it.money,
            is_reduced: it.discounted_price_per_quantity.is_some_and(|prices| !prices.is_empty()),
            taxed: it.taxed_price,
            tax_included: it.tax_rate.and_then(|rate| rate.included_in_price),
        };
        self.any_line(line, reduced, notices)
    }

    /// Adds to `reduced` by how much discounts of the order made the line cheaper.
    fn any_line(self, it: Line<'_>, reduced: &mut i128, notices: &mut Vec<Notice>) -> Result<OrderLine, Unfit> {
        let field = |name: &str| format!("line {}, {name}", it.id);
        let quantity = pieces(&format_args!("line {}", it.id), it.quantity)?;
        let total = self.of(&field("totalPrice"), &it.total)?;
        let unit_price = it.unit_price.as_ref().map(|price| self.of(&field("price"), price).map_err(Unfit::detail));
        let unit_price = unit_price.and_then(|price| kept("lineItems", price, notices).transpose()).transpose()?;
        if let Some(unit) = unit_price.filter(|_| it.is_reduced) {
            let full = self.rounding.times(unit, it.quantity).unwrap_or(0);
            *reduced += (full - i128::from(total.minor)).max(0);
        }
        let tax = it.taxed.as_ref().map(|taxed| self.taxed(&field("taxedPrice"), taxed)).transpose()?;
        // A line whose shippings have different rates has no rate of its own.
        let tax_included = it.tax_included.or_else(|| tax.and_then(|taxed| taxed.is_within(total)));
        Ok(OrderLine {
            product: None,
            variant: None,
            sku: None,
            name: localized("lineItems", it.name, notices)?,
            quantity,
            unit_price,
            total,
            tax: tax.map(|taxed| taxed.tax),
            tax_included,
            id: it.id.into(),
        })
    }
}
