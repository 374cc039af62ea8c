//! Vendor JSON to model. Pure: no I/O, no clock, no configuration beyond [`Settings`].
//!
//! A record that can't be represented (an amount out of range, an invalid window of a price) is [`Unfit`] as a whole:
//! half a product is never passed on. A detail that no market can need (a price in a currency that ISO 4217 does not
//! know, a tier, a text in an invalid locale, an image without an address) is left out with a notice. An incomplete
//! record, such as one without SKU, price or name, is passed on as it is: the market decides whether it can be sold.
//!
//! What is said of customers and orders, as unfit or in notices, names fields and ids, and never repeats names, addresses
//! or whatever else is about a person.

pub mod attribute;
pub mod catalogue;
pub mod consent;
pub mod customer;
pub mod offer;
pub mod order;
mod person;
pub mod price;
pub mod product;

use contract::{Change, Fault};
use model::{Kind, Locale, Localized, Notice, Record, Timestamp};

use super::api::{LocalizedString, Text};

/// The settings of the mapping.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Attributes that may hold a GTIN, in the order they are tried.
    pub gtin_attributes: Vec<String>,
    /// Whether stock is taken from the products' own availability.
    pub stock_from_products: bool,
    /// What custom fields of customers say about consent.
    pub consents: Vec<consent::Rule>,
}

/// Why a record can't be represented.
#[derive(Debug)]
pub struct Unfit {
    /// `C0206`, or `C0212` for money.
    pub code: &'static str,
    /// What is wrong, naming the field.
    pub what: String,
    /// Whether it is a detail that no market can need: the detail is left out, and the record is kept.
    pub is_detail: bool,
}

impl Unfit {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { code: "C0206", what: what.into(), is_detail: false }
    }

    /// The same for a detail that no market can need.
    pub(crate) fn detail(self) -> Self {
        Self { is_detail: true, ..self }
    }

    /// The fault of the record with this id.
    pub fn fault(self, kind: Kind, id: &str) -> Fault {
        let hint = match self.code {
            "C0212" => "correct the amount or its currency in commercetools",
            _ => "look at the record in commercetools; it is kept as it was until it can be read",
        };
        Fault::record(self.code, format!("{kind} {id} can't be read: {}", self.what)).hint(hint)
    }
}

/// A record as a change.
pub(crate) fn is(record: Record, version: u64, modified_at: Option<&Text<'_>>) -> Change {
    Change::Is { record, version, modified_at: modified_at.and_then(|at| Timestamp::parse(at)) }
}

/// An optional instant that does not decide what is sold.
pub(crate) fn since(field: &str, text: Option<&Text<'_>>, notices: &mut Vec<Notice>) -> Result<Option<Timestamp>, Unfit> {
    Ok(kept(field, instant(field, text).map_err(Unfit::detail), notices)?.flatten())
}

/// An address in canonical form; one that can't be used is left out with a notice. `of` names its owner.
pub(crate) fn address(field: &str, of: &str, address: &str, notices: &mut Vec<Notice>) -> Option<String> {
    match wire::canonical(address) {
        Ok(address) => Some(address.into_owned()),
        Err(why) => {
            notices.push(Notice::new(field, format!("{of}the address {address:?} {why}")));
            None
        }
    }
}

/// An optional instant.
pub(crate) fn instant(field: &str, text: Option<&Text<'_>>) -> Result<Option<Timestamp>, Unfit> {
    text.map(|text| Timestamp::parse(text).ok_or_else(|| Unfit::new(format!("{field} {text:?} is no time"))))
        .transpose()
}

/// The value; `None` and a notice that names the field if it is a detail that no market can need.
pub(crate) fn kept<T>(field: &str, value: Result<T, Unfit>, notices: &mut Vec<Notice>) -> Result<Option<T>, Unfit> {
    match value {
        Ok(value) => Ok(Some(value)),
        Err(unfit) if unfit.is_detail => {
            notices.push(Notice::new(field, unfit.what));
            Ok(None)
        }
        Err(unfit) => Err(unfit),
    }
}

/// An optional `LocalizedString`.
pub(crate) fn localized(
    field: &str,
    texts: Option<LocalizedString<'_>>,
    notices: &mut Vec<Notice>,
) -> Result<Localized, Unfit> {
    let Some(texts) = texts else { return Ok(Localized::empty()) };
    let mut list = Vec::with_capacity(texts.0.len());
    for (tag, text) in texts.0 {
        list.extend(kept(field, locale(field, &tag), notices)?.map(|locale| (locale, text.into())));
    }
    Ok(list.into_iter().collect())
}

pub(crate) fn locale(field: &str, tag: &str) -> Result<Locale, Unfit> {
    Locale::parse(tag).map_err(|unknown| Unfit::new(format!("{field}: {unknown}")).detail())
}

/// An optional text that is not blank.
pub(crate) fn some(text: Option<Text<'_>>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).map(String::from)
}
