//! Amounts and prices.

use std::fmt::{self, Display};

use contract::Change;
use model::{Country, Currency, Money, Notice, Precise, Price, PriceEntry, Record, Scope, Sku, Tier, Window};

use super::{Unfit, instant, is, kept, since};
use crate::commercetools::api;

/// A `TypedMoney`: the amount in minor units, and the exact one of a `HighPrecisionMoney`.
///
/// The vendor states the fraction digits of its minor unit, which may differ from those of ISO 4217. The amount is then
/// rescaled; if that is not exact, the exact amount is kept as well.
pub fn money(field: &dyn Display, money: &api::TypedMoney<'_>) -> Result<Money, Unfit> {
    let wrong = |what: String| Unfit { code: "C0212", what: format!("{field}: {what}"), is_detail: false };
    // No market has a currency that ISO 4217 does not know.
    let currency: Currency = money.currency_code.parse().map_err(|unknown| wrong(format!("{unknown}")).detail())?;
    let stated =
        money.fraction_digits.map(u8::try_from).transpose().ok().filter(|digits| digits.is_none_or(|it| it <= 20));
    let Some(stated) = stated else {
        return Err(wrong(format!("{:?} fraction digits", money.fraction_digits.unwrap_or_default())));
    };
    if let Some(units) = money.precise_amount {
        let digits = stated.unwrap_or(currency.digits());
        return Ok(Money::precise(money.cent_amount, currency, Precise { units, digits }));
    }
    let (units, digits) = (money.cent_amount, stated.unwrap_or(currency.digits()));
    Money::of(Precise { units, digits }, currency)
        .ok_or_else(|| wrong(format!("{units} with {digits} fraction digits is beyond what {currency} can be")))
}

/// Names an embedded price in messages; formatted only for a message.
struct Named<'a>(Option<&'a str>);

impl Display for Named<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "price {}", self.0.unwrap_or("without an id"))
    }
}

/// An embedded `Price`.
pub fn embedded(price: api::Price<'_>, notices: &mut Vec<Notice>) -> Result<Price, Unfit> {
    let id = price.id.clone();
    terms(&Named(id.as_deref()), price, notices)
}

/// A `StandalonePrice`.
pub fn standalone(price: api::StandalonePrice<'_>) -> Result<Change, Unfit> {
    let of = api::Price {
        id: None,
        value: price.value,
        country: price.country,
        customer_group: price.customer_group,
        channel: price.channel,
        valid_from: price.valid_from,
        valid_until: price.valid_until,
        discounted: price.discounted,
        tiers: price.tiers,
        recurrence_policy: price.recurrence_policy,
    };
    let mut notices = Vec::new();
    let terms = terms(&"it", of, &mut notices);
    let terms = kept("value", terms, &mut notices)?;
    let entry = PriceEntry {
        id: String::from(price.id).into(),
        item: Sku::from(String::from(price.sku)).into(),
        book: None,
        active: price.active.unwrap_or(true) && terms.is_some(),
        // The currency that ISO 4217 reserves for tests: no market has it.
        price: terms.unwrap_or(Price::new(Money::new(0, no_currency()?))),
        created_at: since("createdAt", price.created_at.as_ref(), &mut notices)?,
        notices,
    };
    Ok(is(Record::Price(entry), price.version, price.last_modified_at.as_ref()))
}

fn no_currency() -> Result<Currency, Unfit> {
    "XTS".parse().map_err(|unknown| Unfit::new(format!("{unknown}")))
}

/// What embedded and standalone prices have in common; `name` is for messages.
fn terms(name: &dyn Display, price: api::Price<'_>, notices: &mut Vec<Notice>) -> Result<Price, Unfit> {
    let value = money(name, &price.value)?;
    let discounted = price.discounted.map(|discounted| money(&format_args!("{name}, discounted"), &discounted.value));
    let discounted = discounted.and_then(|value| kept("discounted", value, notices).transpose()).transpose()?;
    // No market has an invalid country.
    let country: Option<Country> = price
        .country
        .map(|code| code.parse().map_err(|unknown| Unfit::new(format!("{name}: {unknown}")).detail()))
        .transpose()?;
    let mut tiers = Vec::new();
    for it in price.tiers.unwrap_or_default() {
        tiers.extend(kept("tiers", tier(name, &it).map_err(Unfit::detail), notices)?);
    }
    tiers.sort_by_key(|tier| tier.minimum);
    Ok(Price {
        value,
        scope: Scope {
            country,
            group: price.customer_group.map(|it| String::from(it.id).into()),
            channel: price.channel.map(|it| String::from(it.id).into()),
        },
        window: Window {
            from: instant("validFrom", price.valid_from.as_ref())?,
            until: instant("validUntil", price.valid_until.as_ref())?,
        },
        discounted,
        tiers,
        recurring: price.recurrence_policy.is_some(),
        tax: None,
    })
}

fn tier(name: &dyn Display, tier: &api::PriceTier<'_>) -> Result<Tier, Unfit> {
    let minimum = u32::try_from(tier.minimum_quantity)
        .map_err(|_| Unfit::new(format!("{name}: a tier from {} pieces", tier.minimum_quantity)))?;
    Ok(Tier { minimum, value: money(name, &tier.value)? })
}
