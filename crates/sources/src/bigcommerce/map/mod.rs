//! Vendor JSON to model. Pure: no I/O, no clock, no configuration beyond [`Settings`].
//!
//! A record that can't be represented (an amount out of range) is [`Unfit`] as a whole: half a product is never passed on. A
//! detail that no market needs (a quantity price, an image without an address) is left out with a notice.

pub mod catalogue;
pub mod offer;
pub mod price;
pub mod product;
pub mod texts;

use contract::{Change, Fault};
use model::{Currency, Kind, Localized, Notice, Record, TaxMode, Timestamp};

use super::config::{DisabledProducts, ListPrice};

/// The settings of the mapping, and what the store itself says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The default currency.
    pub currency: Currency,
    /// Whether tax is in the prices.
    pub tax: TaxMode,
    /// What a reduced price is compared with.
    pub list_price: ListPrice,
    /// What becomes of products that can't be bought.
    pub disabled_products: DisabledProducts,
    /// Whether stock is taken from inside products.
    pub stock_from_products: bool,
    /// Codes of the locations whose stock counts; `None`: the default location.
    pub stock_locations: Option<Vec<String>>,
}

/// Why a record can't be represented, naming the field.
#[derive(Debug)]
pub struct Unfit {
    /// `C0206`, or `C0212` for money.
    pub code: &'static str,
    /// What is wrong.
    pub what: String,
}

impl Unfit {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { code: "C0206", what: what.into() }
    }

    /// The fault of the record with this id.
    pub fn fault(self, kind: Kind, id: &str) -> Fault {
        let hint = match self.code {
            "C0212" => "correct the amount in the control panel of the store",
            _ => "look at the record in the control panel of the store; it is kept as it was until it can be read",
        };
        Fault::record(self.code, format!("{kind} {id} can't be read: {}", self.what)).hint(hint)
    }
}

/// A record as a change. The vendor has no versions.
pub(crate) fn is(record: Record, modified_at: Option<&str>) -> Change {
    Change::Is { record, version: 0, modified_at: modified_at.and_then(Timestamp::parse) }
}

/// A text that is not blank.
pub(crate) fn some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// A text in the store's default language, the only one that REST shows.
pub(crate) fn plain(text: Option<String>) -> Localized {
    some(text).map_or(Localized::empty(), Localized::plain)
}

/// A path as part of an address: without the slash that it begins with.
pub(crate) fn path(path: Option<String>) -> Localized {
    plain(path.map(|path| path.trim_start_matches('/').to_owned()))
}

/// An address in canonical form; one that can't be used is left out with a notice. `of` names its owner.
pub(crate) fn address(field: &str, of: &str, address: &str, notices: &mut Vec<Notice>) -> Option<String> {
    if address.trim().is_empty() {
        return None;
    }
    match wire::canonical(address) {
        Ok(address) => Some(address.into_owned()),
        Err(why) => {
            notices.push(Notice::new(field, format!("{of}the address {address:?} {why}")));
            None
        }
    }
}
