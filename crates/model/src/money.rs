//! Money in integer minor units.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(iso_currency::Currency);

/// Text that is no ISO 4217 code.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no ISO 4217 currency code (three letters such as EUR)")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD (ISO 4217). Units without a minor one count as 0.
    pub fn digits(self) -> u8 {
        u8::try_from(self.0.exponent().unwrap_or(0)).unwrap_or(0)
    }

    /// Whether it is a currency of a country (ISO 4217, table A.1).
    pub fn is_of(self, country: Country) -> bool {
        self.0.used_by().iter().any(|used| used.to_string().as_bytes() == country.0)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(code).map(Self).ok_or_else(|| UnknownCurrency(code.to_owned()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Code;
        impl serde::de::Visitor<'_> for Code {
            type Value = Currency;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an ISO 4217 currency code")
            }
            fn visit_str<E: serde::de::Error>(self, code: &str) -> Result<Currency, E> {
                code.parse().map_err(E::custom)
            }
        }
        from.deserialize_str(Code)
    }
}

/// An ISO 3166-1 alpha-2 country, two upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Country([u8; 2]);

/// Text that is no country code.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no ISO 3166-1 country code (two letters such as DE)")]
pub struct UnknownCountry(pub String);

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(code: &str) -> Result<Self, UnknownCountry> {
        match code.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Ok(Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
            }
            _ => Err(UnknownCountry(code.to_owned())),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(std::str::from_utf8(&self.0).unwrap_or("??"))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// An amount of money in minor units: EUR 19.99 is 1999 with [`Currency::digits`] 2. A shop that prices finer than the
/// minor unit gives the exact amount as well; the minor units are then rounded.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; may be negative.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
    /// The exact amount, where it is finer than the minor unit.
    pub exact: Option<Precise>,
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency, exact: None }
    }

    /// An exact amount, and the same rounded to minor units.
    pub const fn precise(minor: i64, currency: Currency, exact: Precise) -> Self {
        Self { minor, currency, exact: Some(exact) }
    }

    /// An amount of any scale: minor units, rounded half away from zero, and the exact amount as well where that is finer.
    /// `None` if the amount is out of range.
    pub fn of(amount: Precise, currency: Currency) -> Option<Self> {
        let (from, to) = (amount.digits, currency.digits());
        let factor = 10_i128.checked_pow(from.abs_diff(to).into())?;
        let units = i128::from(amount.units);
        if from <= to {
            return Some(Self::new(i64::try_from(units.checked_mul(factor)?).ok()?, currency));
        }
        let half = if units < 0 { -(factor / 2) } else { factor / 2 };
        let minor = i64::try_from((units + half) / factor).ok()?;
        Some(Self { exact: (units % factor != 0).then_some(amount), ..Self::new(minor, currency) })
    }

    /// The exact amount.
    pub fn amount(self) -> Precise {
        self.exact.unwrap_or(Precise { units: self.minor, digits: self.currency.digits() })
    }

    /// Compares the exact amounts, whatever the currencies.
    pub fn compare(self, other: Self) -> Ordering {
        match (self.exact, other.exact) {
            (None, None) if self.currency == other.currency => self.minor.cmp(&other.minor),
            _ => self.amount().compare(other.amount()),
        }
    }

    /// Below zero, by however little.
    pub fn is_negative(self) -> bool {
        self.amount().units < 0
    }

    /// The exact amount as a decimal number, for destinations whose JSON asks for one: 1999 EUR is 19.99, and a tenth of
    /// a cent is 0.001.
    pub fn decimal(self) -> f64 {
        self.amount().decimal()
    }

    /// Converted by a rate into another currency, rounded half away from zero to its minor unit; what is less than that
    /// stays exact as far as it can, so that it is not free. `None` if the amount is out of range.
    pub fn converted(self, rate: Precise, into: Currency) -> Option<Self> {
        let amount = self.amount();
        let product = i128::from(amount.units).checked_mul(i128::from(rate.units))?;
        let digits = u32::from(amount.digits) + u32::from(rate.digits);
        let wanted = u32::from(into.digits());
        let minor = if digits <= wanted {
            product.checked_mul(10_i128.checked_pow(wanted - digits)?)?
        } else {
            // What is divided by more than an i128 holds is less than half a minor unit.
            let Some(divisor) = 10_i128.checked_pow(digits - wanted) else {
                return Some(Self { exact: Precise::nearest(product, digits), ..Self::new(0, into) });
            };
            let half = if product < 0 { -(divisor / 2) } else { divisor / 2 };
            product.checked_add(half)? / divisor
        };
        if minor == 0 && product != 0 {
            return Some(Self { exact: Precise::nearest(product, digits), ..Self::new(0, into) });
        }
        Some(Self::new(i64::try_from(minor).ok()?, into))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.digits());
        match self.exact {
            Some(exact) => write!(out, "{:.*} {}", usize::from(exact.digits), exact.decimal(), self.currency),
            None => write!(out, "{:.digits$} {}", self.decimal(), self.currency),
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// A decimal number: `units` / 10^`digits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Precise {
    /// The number, scaled.
    pub units: i64,
    /// Decimal digits of the scale, at most 20.
    pub digits: u8,
}

impl Precise {
    /// Reads a decimal as JSON writes numbers: `12.50`, `-3`, `1.5e3`. Nothing is rounded: `None` for what is no number or
    /// is finer or larger than can be kept.
    pub fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole.strip_prefix('-').unwrap_or(whole)) || (mantissa.contains('.') && !is_number(fraction)) {
            return None;
        }
        // Zeros at the end say nothing.
        let fraction = fraction.trim_end_matches('0');
        let mut units: i64 = format!("{whole}{fraction}").parse().ok()?;
        let mut digits = i64::try_from(fraction.len()).ok()? - exponent.parse::<i64>().ok()?;
        if units == 0 {
            return Some(Self { units, digits: 0 });
        }
        while digits < 0 {
            (units, digits) = (units.checked_mul(10)?, digits + 1);
        }
        let digits = u8::try_from(digits).ok().filter(|digits| *digits <= Self::MOST_DIGITS)?;
        Some(Self { units, digits })
    }

    /// As a floating-point number.
    #[expect(clippy::cast_precision_loss, reason = "amounts beyond 2^53 units do not occur in a shop")]
    pub fn decimal(self) -> f64 {
        self.units as f64 / 10f64.powi(i32::from(self.digits))
    }

    /// Compares the numbers, whatever their scales.
    pub fn compare(self, other: Self) -> Ordering {
        // Whole parts first, so that no step leaves the range of an i128.
        let split = |it: Self| {
            let scale = 10_i128.pow(u32::from(it.digits.min(Self::MOST_DIGITS)));
            let units = i128::from(it.units);
            let rest = units.rem_euclid(scale) * (10_i128.pow(u32::from(Self::MOST_DIGITS)) / scale);
            (units.div_euclid(scale), rest)
        };
        split(self).cmp(&split(other))
    }

    /// `units` / 10^`digits`, cut where that is too fine; `None` if nothing is left or too much.
    fn nearest(mut units: i128, mut digits: u32) -> Option<Self> {
        while digits > u32::from(Self::MOST_DIGITS) || i64::try_from(units).is_err() {
            digits = digits.checked_sub(1)?;
            units /= 10;
        }
        let (units, digits) = (i64::try_from(units).ok()?, u8::try_from(digits).ok()?);
        (units != 0).then_some(Self { units, digits })
    }

    /// The finest scale there is.
    pub const MOST_DIGITS: u8 = 20;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, code: &str) -> Option<Money> {
        Some(Money::new(minor, code.parse().ok()?))
    }

    #[test]
    fn digits_follow_the_currency() {
        let shown = |minor, code| money(minor, code).map(|money| money.to_string());
        assert_eq!(shown(1999, "EUR").as_deref(), Some("19.99 EUR"));
        assert_eq!(shown(1999, "JPY").as_deref(), Some("1999 JPY"));
        assert_eq!(shown(-1999, "KWD").as_deref(), Some("-1.999 KWD"));
    }

    #[test]
    fn every_amount_of_cents_becomes_the_decimal_a_person_would_write() {
        for minor in -20_000..20_000_i64 {
            let written = format!("{}{}.{:02}", if minor < 0 { "-" } else { "" }, minor.abs() / 100, minor.abs() % 100);
            let decimal = money(minor, "EUR").map(Money::decimal);
            assert_eq!(decimal, written.parse().ok(), "{minor}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused_by_name() {
        let refused = "EURO".parse::<Currency>().map_err(|error| error.to_string());
        assert_eq!(refused, Err("\"EURO\" is no ISO 4217 currency code (three letters such as EUR)".to_owned()));
        assert!("D".parse::<Country>().is_err());
        assert_eq!("de".parse::<Country>().map(|country| country.to_string()).ok().as_deref(), Some("DE"));
    }

    #[test]
    fn an_amount_below_the_minor_unit_is_not_free() {
        let finer = |minor, units, digits| Some(Money::precise(minor, "EUR".parse().ok()?, Precise { units, digits }));
        assert_eq!(finer(0, 4, 3).map(Money::decimal), Some(0.004));
        assert_eq!(finer(123, 12_345, 4).map(Money::decimal), Some(1.2345));
        assert_eq!(finer(1999, 19_994_999, 6).map(Money::decimal), Some(19.994_999));
        assert_eq!(finer(123, 12_345, 4).map(|it| it.to_string()).as_deref(), Some("1.2345 EUR"));
        assert_eq!(finer(0, -1, 5).map(Money::is_negative), Some(true));
    }

    #[test]
    fn decimals_are_read_without_rounding() {
        let read = |text| Precise::parse(text).map(|it| (it.units, it.digits));
        for (text, units, digits) in [
            ("79.95", 7995, 2),
            ("22.6600", 2266, 2),
            ("-3", -3, 0),
            ("0.000", 0, 0),
            ("1.5e3", 1500, 0),
            ("12E-1", 12, 1),
            ("0.00000000000000000001", 1, 20),
        ] {
            assert_eq!(read(text), Some((units, digits)), "{text}");
        }
        for text in ["", "-", ".5", "5.", "1,5", "+1", "0x1", "1e", "1e99", "NaN", "99999999999999999999", "1e-21"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_amount_of_any_scale_becomes_minor_units_and_stays_exact_where_it_is_finer() {
        let of = |text, code: &str| Money::of(Precise::parse(text)?, code.parse().ok()?);
        assert_eq!(of("79.95", "EUR"), money(7995, "EUR"));
        assert_eq!(of("800", "JPY"), money(800, "JPY"));
        assert_eq!(of("12.3450", "EUR").map(|it| (it.minor, it.decimal())), Some((1235, 12.345)));
        assert_eq!(of("-0.005", "EUR").map(|it| it.minor), Some(-1));
        assert_eq!(of("99999999999999999", "KWD"), None);
    }

    #[test]
    fn numbers_of_different_scales_are_compared_exactly() {
        let number = |units, digits| Precise { units, digits };
        let rising = [
            number(i64::MIN, 0),
            number(-1, 0),
            number(-1, 20),
            number(0, 7),
            number(1, 20),
            number(i64::MAX, 20),
            number(12_344, 4),
            number(12_345, 4),
            number(124, 2),
            number(i64::MAX, 0),
        ];
        for (place, left) in rising.iter().enumerate() {
            for (other, right) in rising.iter().enumerate() {
                assert_eq!(left.compare(*right), place.cmp(&other), "{left:?} {right:?}");
            }
        }
        assert_eq!(number(15, 1).compare(number(1500, 3)), Ordering::Equal);
    }

    #[test]
    fn a_converted_amount_is_rounded_half_away_from_zero() {
        let to = |code: &str, minor, units, digits| {
            let into = code.parse().ok()?;
            Some(money(minor, "USD")?.converted(Precise { units, digits }, into)?.minor)
        };
        assert_eq!(to("EUR", 1999, 9, 1), Some(1799));
        assert_eq!(to("EUR", 5, 9, 1), Some(5));
        assert_eq!(to("EUR", -5, 9, 1), Some(-5));
        assert_eq!(to("JPY", 1999, 150, 0), Some(2999));
        assert_eq!(to("KWD", 1999, 307, 3), Some(6137));
        assert_eq!(to("EUR", i64::MAX, 9, 20), Some(1), "0.00000000000000000009 times a lot");
        assert_eq!(to("EUR", i64::MAX, i64::MAX, 0), None);
        let exact = |units, digits| {
            let into = "EUR".parse().ok()?;
            Some(money(1, "USD")?.converted(Precise { units, digits }, into)?.decimal())
        };
        assert_eq!(exact(4, 1), Some(0.004), "0.4 cents are not free");
        assert_eq!(exact(1, 18), Some(1e-20));
        assert_eq!(exact(0, 0), Some(0.0));
    }
}
