//! Amounts, prices and quantity prices.

use contract::Change;
use model::{
    BookId, Currency, ItemKey, Money, Notice, Precise, Price, PriceEntry, Record, Scope, TaxMode, Tier, Timestamp, Window,
};

use super::{Settings, Unfit, is};
use crate::bigcommerce::{
    api::{self, Decimal},
    config::ListPrice,
};

/// Price, sale and retail price of one item, as far as they are set. Zero is a price, and no sale or retail price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Price without its sale.
    pub price: Option<Precise>,
    /// Reduced price.
    pub sale: Option<Precise>,
    /// Manufacturer's price.
    pub retail: Option<Precise>,
}

impl Amounts {
    /// What is not set is that of the product. A sale price of zero is set, and means none.
    #[must_use]
    pub fn or(self, product: Self) -> Self {
        Self {
            price: self.price.or(product.price),
            sale: self.sale.or(product.sale),
            retail: self.retail.or(product.retail),
        }
    }

    /// The amounts of these fields.
    pub const fn new(price: Decimal, sale: Decimal, retail: Decimal) -> Self {
        Self { price: price.0, sale: sale.0, retail: retail.0 }
    }
}

/// An amount in a currency. `field` names it.
pub fn money(field: &str, amount: Precise, currency: Currency) -> Result<Money, Unfit> {
    let beyond = || Unfit { code: "C0212", what: format!("{field} is beyond what {currency} can be") };
    Money::of(amount, currency).ok_or_else(beyond)
}

fn unless_zero(amount: Option<Precise>) -> Option<Precise> {
    amount.filter(|amount| amount.units != 0)
}

/// The price of one item; `None` where there is none. Rules that can't be represented are left out with a notice.
pub fn price(
    settings: &Settings,
    amounts: Amounts,
    rules: &[api::Rule],
    currency: Currency,
    notices: &mut Vec<Notice>,
) -> Result<Option<Price>, Unfit> {
    let Some(own) = amounts.price else { return Ok(None) };
    let own = money("price", own, currency)?;
    let sale = unless_zero(amounts.sale).map(|sale| money("sale_price", sale, currency)).transpose()?;
    let retail = match settings.list_price {
        ListPrice::Price => None,
        ListPrice::Retail => unless_zero(amounts.retail).map(|it| money("retail_price", it, currency)).transpose()?,
    };
    let now = sale.unwrap_or(own);
    let list = retail.filter(|retail| retail.compare(own).is_gt()).unwrap_or(own);
    let is_reduced = list.compare(now).is_ne();
    Ok(Some(Price {
        value: list,
        scope: Scope { country: None, group: None, channel: None },
        window: Window::OPEN,
        discounted: is_reduced.then_some(now),
        tiers: tiers(now, rules, notices),
        recurring: false,
        tax: Some(settings.tax),
    }))
}

/// Prices for larger quantities. Where a range ends and none follows, the price of one piece holds again.
fn tiers(one: Money, rules: &[api::Rule], notices: &mut Vec<Notice>) -> Vec<Tier> {
    let mut sorted: Vec<&api::Rule> = rules.iter().filter(|rule| rule.quantity_min >= 2).collect();
    sorted.sort_by_key(|rule| rule.quantity_min);
    let mut tiers: Vec<Tier> = Vec::with_capacity(sorted.len());
    for (place, rule) in sorted.iter().enumerate() {
        let Some(value) = reduced(one, rule) else {
            let what = format!("the price from {} pieces ({}) can't be represented", rule.quantity_min, rule.of);
            notices.push(Notice::new("bulk_pricing_rules", what));
            continue;
        };
        tiers.push(Tier { minimum: rule.quantity_min, value });
        let end = rule.quantity_max.filter(|end| *end >= rule.quantity_min).and_then(|end| end.checked_add(1));
        let next = sorted.get(place + 1).map(|next| next.quantity_min);
        if let Some(end) = end
            && next.is_none_or(|next| next > end)
        {
            tiers.push(Tier { minimum: end, value: one });
        }
    }
    tiers
}

/// The price of one piece under a rule.
fn reduced(one: Money, rule: &api::Rule) -> Option<Money> {
    let amount = rule.amount.0?;
    match rule.of.as_str() {
        "fixed" => Money::of(amount, one.currency),
        "percent" => {
            let whole = 100_i64.checked_mul(10_i64.checked_pow(amount.digits.into())?)?;
            let left = whole.checked_sub(amount.units).filter(|left| *left >= 0)?;
            one.converted(Precise { units: left, digits: amount.digits.checked_add(2)? }, one.currency)
        }
        "price" => {
            let less = Money::of(amount, one.currency)?;
            let minor = one.minor.checked_sub(less.minor)?;
            Some(Money::new(minor.max(0), one.currency))
        }
        _ => None,
    }
}

/// A record of a price list. One that names a currency which ISO 4217 does not know is none: no market has it.
pub fn record(settings: &Settings, list: u64, record: &api::PriceRecord) -> Result<Option<Change>, Unfit> {
    let Ok(currency) = record.currency.to_uppercase().parse::<Currency>() else { return Ok(None) };
    let mut notices = Vec::new();
    let amounts = Amounts::new(record.price, record.sale_price, record.retail_price);
    let Some(price) = price(settings, amounts, &record.bulk_pricing_tiers, currency, &mut notices)? else {
        return Ok(None);
    };
    let entry = PriceEntry {
        id: record_id(list, record.variant_id, currency.code()).into(),
        item: ItemKey::Variant(record.product_id.to_string().into(), record.variant_id.to_string().into()),
        book: Some(list.to_string().into()),
        active: true,
        price,
        created_at: record.date_created.as_deref().and_then(Timestamp::parse),
        notices,
    };
    Ok(Some(is(Record::Price(entry), record.date_modified.as_deref())))
}

/// A price that the calculator gave for an item of a book.
pub fn calculated(
    settings: &Settings,
    book: &BookId,
    currency: Currency,
    row: &api::Calculated,
) -> Result<Option<Change>, Unfit> {
    let of = |entered: Option<api::Entered>| entered.and_then(|it| it.as_entered.0);
    let (own, Some(now)) = (of(row.price), of(row.calculated_price)) else { return Ok(None) };
    // What is paid counts; it is a reduced price where the other is higher.
    let higher = own.filter(|own| own.compare(now).is_gt() && now.units > 0);
    let amounts =
        Amounts { price: higher.or(Some(now)), sale: higher.map(|_| now), retail: of(row.retail_price) };
    let mut notices = Vec::new();
    let Some(price) = price(settings, amounts, &row.bulk_pricing, currency, &mut notices)? else { return Ok(None) };
    let is_gross = row.calculated_price.and_then(|it| it.entered_inclusive);
    let tax = is_gross.map_or(settings.tax, |is_gross| if is_gross { TaxMode::Gross } else { TaxMode::Net });
    let entry = PriceEntry {
        id: format!("{book}/{}/{}", row.variant_id, currency.code()).into(),
        item: ItemKey::Variant(row.product_id.to_string().into(), row.variant_id.to_string().into()),
        book: Some(book.clone()),
        active: true,
        price: Price { tax: Some(tax), ..price },
        created_at: None,
        notices,
    };
    Ok(Some(is(Record::Price(entry), None)))
}

/// The vendor gives records of price lists no id.
pub fn record_id(list: u64, variant: u64, currency: &str) -> String {
    format!("{list}/{variant}/{currency}")
}
