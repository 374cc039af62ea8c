//! Money: a currency code and whole minor units, or a finer amount.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{currency, need_number, number, object, one_of};
use super::super::render;
use crate::catalogue::fraction_digits;

/// Money as kept.
pub(in super::super) fn money(given: &Value) -> Result<Value, ApiError> {
    let given = object(given, "value")?;
    let code = currency(given, "currencyCode")?;
    if one_of(given, "type", &["centPrecision", "highPrecision"])? != Some("highPrecision") {
        return Ok(render::money(need_number(given, "centAmount")?, code));
    }
    let precise = need_number(given, "preciseAmount")?;
    let digits = u32::try_from(need_number(given, "fractionDigits")?).unwrap_or(u32::MAX);
    let whole = fraction_digits(code);
    if digits <= whole || digits > 20 {
        return Err(ApiError::invalid(
            "fractionDigits of highPrecision money must be above the currency's and at most 20.",
        ));
    }
    let divisor = 10_i128.pow(digits - whole);
    let (below, rest) = (i128::from(precise).div_euclid(divisor), i128::from(precise).rem_euclid(divisor));
    let cents = match number(given, "centAmount")? {
        Some(cents) if i128::from(cents) != below && (rest == 0 || i128::from(cents) != below + 1) => {
            return Err(ApiError::invalid("centAmount must be preciseAmount, correctly rounded."));
        }
        Some(cents) => cents,
        None => i64::try_from(below + i128::from(rounds_up(below, rest, divisor))).unwrap_or(i64::MAX),
    };
    Ok(json!({
        "type": "highPrecision",
        "currencyCode": code,
        "centAmount": cents,
        "preciseAmount": precise,
        "fractionDigits": digits,
    }))
}

/// Whether `below` and a rest of `divisor` round to the next number: halves go to the even one.
fn rounds_up(below: i128, rest: i128, divisor: i128) -> bool {
    match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => below % 2 != 0,
        std::cmp::Ordering::Greater => true,
    }
}
