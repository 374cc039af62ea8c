//! Amounts of money as the platform writes them: JSON numbers, without a currency beside them.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::catalogue::fraction_digits;

/// `units` / 10^`digits`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount {
    units: i64,
    digits: u32,
}

impl Amount {
    /// Nothing.
    pub(super) const ZERO: Self = Self { units: 0, digits: 0 };

    /// Minor units of a currency.
    pub(super) fn minor(units: i64, currency: &str) -> Self {
        Self { units, digits: fraction_digits(currency) }
    }

    /// A decimal of its own scale.
    pub(super) const fn precise(units: i64, digits: u32) -> Self {
        Self { units, digits }
    }

    #[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53 units")]
    pub(super) fn number(self) -> f64 {
        self.units as f64 / 10_f64.powi(i32::try_from(self.digits).unwrap_or(0))
    }

    /// As the API shows it.
    pub(super) fn json(self) -> Value {
        json!(self.number())
    }

    pub(super) const fn is_zero(self) -> bool {
        self.units == 0
    }

    /// Times `factor` / 10^`scale`, rounded half up to the minor unit of a currency.
    pub(super) fn times(self, factor: i64, scale: u32, currency: &str) -> Self {
        let product = i128::from(self.units) * i128::from(factor);
        Self::rounded(product, self.digits + scale, currency)
    }

    /// Less another amount of the same currency, never below zero.
    pub(super) fn less(self, other: Self, currency: &str) -> Self {
        let digits = self.digits.max(other.digits);
        let scaled = |it: Self| i128::from(it.units) * 10_i128.pow(digits - it.digits);
        Self::rounded((scaled(self) - scaled(other)).max(0), digits, currency)
    }

    fn rounded(units: i128, digits: u32, currency: &str) -> Self {
        let wanted = fraction_digits(currency);
        let units = if digits > wanted {
            let divisor = 10_i128.pow(digits - wanted);
            (units + divisor / 2).div_euclid(divisor)
        } else {
            units * 10_i128.pow(wanted - digits)
        };
        Self { units: i64::try_from(units).unwrap_or(i64::MAX), digits: wanted }
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        let digits = self.digits.max(other.digits);
        let scaled = |it: &Self| i128::from(it.units) * 10_i128.pow(digits - it.digits);
        scaled(self).cmp(&scaled(other))
    }
}

/// A price field: null where there is none.
pub(super) fn or_null(amount: Option<Amount>) -> Value {
    amount.map_or(Value::Null, Amount::json)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_amount_is_printed_as_a_person_would_write_it() {
        for (amount, text) in [
            (Amount::minor(7995, "EUR"), "79.95"),
            (Amount::minor(800, "JPY"), "800.0"),
            (Amount::precise(123_463, 4), "12.3463"),
        ] {
            assert_eq!(amount.json().to_string(), text);
        }
    }

    #[test]
    fn products_are_rounded_half_up_to_the_minor_unit() {
        assert_eq!(Amount::minor(1999, "EUR").times(85, 2, "GBP"), Amount::precise(1699, 2));
        assert_eq!(Amount::minor(10, "EUR").times(85, 2, "GBP"), Amount::precise(9, 2), "8.5 pence");
        assert_eq!(Amount::minor(1000, "EUR").less(Amount::minor(1200, "EUR"), "EUR"), Amount::ZERO);
    }
}
