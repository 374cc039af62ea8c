//! Money in integer minor units.

use std::{fmt, str::FromStr};

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

/// An amount of money in minor units: EUR 19.99 is 1999 with [`Currency::digits`] 2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; may be negative.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The amount as a decimal number, for destinations whose JSON asks for one: 1999 EUR is 19.99.
    #[expect(clippy::cast_precision_loss, reason = "amounts beyond 2^53 minor units do not occur in a shop")]
    pub fn decimal(self) -> f64 {
        self.minor as f64 / 10f64.powi(i32::from(self.currency.digits()))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.currency.digits());
        write!(out, "{:.digits$} {}", self.decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// An amount finer than the minor unit: `units` / 10^`digits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Precise {
    /// The amount, scaled.
    pub units: i64,
    /// Decimal digits of the scale, at most 20.
    pub digits: u8,
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
}
