//! Amounts of money as decimals.

use crate::catalogue::fraction_digits;

/// `units` / 10^`digits`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount {
    units: i64,
    digits: u32,
}

impl Amount {
    /// Minor units of a currency.
    pub(super) fn minor(units: i64, currency: &str) -> Self {
        Self { units, digits: fraction_digits(currency) }
    }

    /// A decimal of its own scale.
    pub(super) const fn precise(units: i64, digits: u32) -> Self {
        Self { units, digits }
    }

    /// `79.90`, as XML has it.
    pub(super) fn text(self) -> String {
        let scale = 10_i64.saturating_pow(self.digits);
        let (whole, rest) = (self.units.abs() / scale, self.units.abs() % scale);
        let sign = if self.units < 0 { "-" } else { "" };
        if self.digits == 0 {
            format!("{sign}{whole}.0")
        } else {
            format!("{sign}{whole}.{rest:0width$}", width = self.digits as usize)
        }
    }

    /// As JSON has it.
    #[expect(clippy::cast_precision_loss, reason = "prices are far below 2^53 units")]
    pub(super) fn number(self) -> f64 {
        self.units as f64 / 10_f64.powi(i32::try_from(self.digits).unwrap_or(0))
    }

    fn scaled(self, digits: u32) -> i128 {
        i128::from(self.units) * 10_i128.pow(digits - self.digits)
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let digits = self.digits.max(other.digits);
        self.scaled(digits).cmp(&other.scaled(digits))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn an_amount_keeps_all_its_decimal_places() {
        for (amount, text) in [
            (Amount::minor(7990, "EUR"), "79.90"),
            (Amount::minor(5, "EUR"), "0.05"),
            (Amount::minor(800, "JPY"), "800.0"),
            (Amount::precise(-123_463, 4), "-12.3463"),
        ] {
            assert_eq!(amount.text(), text);
        }
        assert!(Amount::minor(7990, "EUR") < Amount::precise(799_001, 4));
    }
}
