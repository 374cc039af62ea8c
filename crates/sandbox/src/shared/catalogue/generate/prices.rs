//! Prices of the generated shop, in every scope a price can have.
//!
//! Validity windows have fixed dates far enough away that "past", "current" and "to come" stay true, so that a shop
//! doesn't depend on the day it is made on.

use super::{Oddity, Plan};
use crate::catalogue::{Price, dice::Dice, fraction_digits};

const PAST: (&str, &str) = ("2019-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z");
const CURRENT: (&str, &str) = ("2024-01-01T00:00:00.000Z", "2090-01-01T00:00:00.000Z");
const TO_COME: (&str, &str) = ("2091-01-01T00:00:00.000Z", "2092-01-01T00:00:00.000Z");

/// The prices of one variant whose amount in the main currency is `minor` hundredths.
pub(super) fn prices(plan: &Plan, oddity: Oddity, minor: i64, dice: &mut Dice) -> Vec<Price> {
    if oddity == Oddity::NoPrice {
        return Vec::new();
    }
    let options = &plan.options;
    let mut prices = Vec::with_capacity(options.currencies.len());
    for currency in &options.currencies {
        let sold = oddity != Oddity::NotSoldInUk || *currency != plan.uk_currency || options.currencies.len() == 1;
        if sold {
            prices.push(Price { minor: converted(minor, currency), currency: currency.clone(), ..Price::default() });
        }
    }
    if let Some(main) = options.currencies.first() {
        add_scopes(&mut prices, oddity, converted(minor, main), main);
    }
    if oddity == Oddity::HighPrecision {
        refine(&mut prices);
    }
    if options.oddities && oddity == Oddity::None && dice.one_in(10) {
        discount(&mut prices);
    }
    prices
}

fn add_scopes(prices: &mut Vec<Price>, oddity: Oddity, minor: i64, currency: &str) {
    let scoped =
        |percent: i64| Price { minor: minor * percent / 100, currency: currency.to_owned(), ..Price::default() };
    let every = oddity == Oddity::EveryScope;
    if oddity == Oddity::CountryPrices {
        prices.retain(|price| price.currency != currency);
    }
    if oddity == Oddity::CountryPrices || every {
        for (country, percent) in [("DE", 100), ("AT", 105), ("FR", 110)] {
            prices.push(Price { country: Some(country.to_owned()), ..scoped(percent) });
        }
    }
    if oddity == Oddity::CustomerGroupPrice || every {
        prices.push(Price { customer_group: Some("b2b".to_owned()), ..scoped(80) });
        prices.push(Price { customer_group: Some("staff".to_owned()), country: Some("DE".to_owned()), ..scoped(60) });
    }
    if oddity == Oddity::ChannelPrice || every {
        prices.push(Price { channel: Some("shop-de".to_owned()), ..scoped(95) });
    }
    if oddity == Oddity::ValidityWindows || every {
        for (window, percent) in [(PAST, 50), (CURRENT, 90), (TO_COME, 70)] {
            prices.push(Price {
                valid_from: Some(window.0.to_owned()),
                valid_until: Some(window.1.to_owned()),
                ..scoped(percent)
            });
        }
    }
    if oddity == Oddity::Tiers || every {
        for price in prices.iter_mut() {
            price.tiers = vec![(10, price.minor * 90 / 100), (50, price.minor * 80 / 100)];
        }
    }
    if oddity == Oddity::Discounted || every {
        discount(prices);
    }
}

/// Gives prices two decimal places more, below and above what they are rounded to by turns.
fn refine(prices: &mut [Price]) {
    for (place, price) in prices.iter_mut().enumerate() {
        let digits = fraction_digits(&price.currency) + 2;
        let beyond = if place % 2 == 0 { -37 } else { 49 };
        price.precise = Some((price.minor * 100 + beyond, digits));
    }
}

fn discount(prices: &mut [Price]) {
    for price in prices {
        price.discounted = Some(price.minor * 75 / 100);
    }
}

/// An amount in hundredths of the main currency, in minor units of another. The rates are made up.
fn converted(hundredths: i64, currency: &str) -> i64 {
    match currency {
        "GBP" => hundredths * 85 / 100,
        "USD" => hundredths * 110 / 100,
        "CHF" => hundredths * 95 / 100,
        "SEK" | "NOK" | "DKK" => hundredths * 11,
        "JPY" | "KRW" => hundredths * 160 / 100,
        "KWD" | "BHD" => hundredths * 10 / 3,
        _ => hundredths,
    }
}
