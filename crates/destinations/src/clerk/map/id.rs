//! Ids of a store: all text, or all whole numbers.

use std::borrow::Cow;

use contract::{Fault, Item};
use model::{Listing, Offer, listing::CategoryRef};
use serde::{Serialize, Serializer, ser::Error};

use crate::clerk::config::{CategoryId, Config, IdType};

/// An id in the store's type.
#[derive(Clone, Debug)]
pub(super) struct JsonId<'a>(Cow<'a, str>, IdType);

impl<'a> JsonId<'a> {
    pub(super) fn new(id: impl Into<Cow<'a, str>>, of: IdType) -> Self {
        Self(id.into(), of)
    }
}

impl Serialize for JsonId<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.1 {
            IdType::Text => out.serialize_str(&self.0),
            IdType::Integer => match integer(&self.0) {
                Some(number) => out.serialize_i64(number),
                None => Err(S::Error::custom(format_args!("{:?} is no whole number", self.0))),
            },
        }
    }
}

/// Whether the text is a whole number, written as JSON would.
pub fn is_integer(text: &str) -> bool {
    integer(text).is_some()
}

/// The number whose text is exactly this, so that two ids never become equal.
pub(super) fn integer(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

/// The id of a category; `None` if the field that it is made from is empty: the category is then not sent.
pub(super) fn of_category<'a>(config: &Config, category: CategoryRef<'a>) -> Option<Cow<'a, str>> {
    let id = category.id.as_str();
    match config.category_id {
        CategoryId::Id => Some(id.into()),
        CategoryId::Key => category.key.map(Into::into),
        CategoryId::ExternalId => category.external_id.map(Into::into),
        CategoryId::Number if is_integer(id) => Some(id.into()),
        CategoryId::Number => Some(number(id).to_string().into()),
    }
}

/// The FNV-1a hash of an id, in the 53 bits that every JSON reader keeps. Among ten thousand ids two are equal in one
/// of a hundred million shops; the ledger then gives the item to one of them and reports it.
fn number(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 53)) & ((1 << 53) - 1)
}

/// The id of a product.
pub(super) fn of_product<'a>(config: &Config, listing: &Listing<'a>) -> Result<&'a str, Fault> {
    let id = config.product_id.of(listing).map_err(|what| {
        Fault::record("C0411", format!("product {} has no {what} to make its Clerk.io id from", listing.id))
            .hint("give it one at the source, or choose another product_id")
    })?;
    checked(config, id, listing)?;
    Ok(id)
}

/// The id of a variant that is an item of its own.
pub(super) fn of_offer(config: &Config, listing: &Listing<'_>, parent: &str, offer: &Offer<'_>) -> Result<String, Fault> {
    let id = match offer.sku {
        Some(sku) if !sku.as_str().is_empty() => sku.as_str().to_owned(),
        _ => format!("{parent}_{}", offer.id),
    };
    checked(config, &id, listing)?;
    Ok(id)
}

fn checked(config: &Config, id: &str, listing: &Listing<'_>) -> Result<(), Fault> {
    if config.id_type == IdType::Text || integer(id).is_some() {
        return Ok(());
    }
    Err(not_integer(&format!("product {}", listing.id), &format!("{id:?} is no whole number")))
}

/// Whether an item's id is of the store's type.
///
/// # Errors
/// `C0411` where it is not.
pub fn fitting(config: &Config, item: &Item) -> Result<(), Fault> {
    let id = item.id.as_str();
    if config.id_type == IdType::Text || is_integer(id) {
        return Ok(());
    }
    Err(not_integer(&format!("item {id:?}"), "its id is no whole number"))
}

/// An id that does not fit the store's type.
pub(super) fn not_integer(item: &str, why: &str) -> Fault {
    Fault::record("C0411", format!("{item}: {why}, and id_type is integer"))
        .hint("use id_type = \"text\", or ids that are whole numbers; all ids of one Clerk.io store have one type")
}
