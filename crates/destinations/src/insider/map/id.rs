//! Ids of items.

use contract::Fault;
use model::{Listing, Offer, Sku};

use crate::insider::config::{Config, VariantIds};

/// The id of a product.
pub(super) fn of_product<'a>(config: &Config, listing: &Listing<'a>) -> Result<&'a str, Fault> {
    let id = config.product_id.of(listing).map_err(|what| {
        Fault::record("C0429", format!("product {} has no {what} to make its Insider id from", listing.id))
            .hint("give it one at the source, or choose another product_id")
    })?;
    checked(config, listing, id)?;
    Ok(id)
}

/// The id of a variant.
pub(super) fn of_variant(config: &Config, listing: &Listing<'_>, offer: &Offer<'_>) -> Result<String, Fault> {
    let own = match config.variant_id {
        VariantIds::Sku => offer.sku.map(Sku::as_str),
        VariantIds::Key => offer.key,
        VariantIds::Id => None,
    };
    let id = match own.filter(|id| !id.is_empty()) {
        Some(id) => id.to_owned(),
        None => format!("{}_{}", listing.id, offer.id),
    };
    checked(config, listing, &id)?;
    Ok(id)
}

/// An id that was cut would be another item's.
fn checked(config: &Config, listing: &Listing<'_>, id: &str) -> Result<(), Fault> {
    let most = usize::from(config.longest_id);
    let long = id.chars().count();
    if long > most {
        return Err(Fault::record("C0429", format!("product {}: item_id {id:?} has {long} characters", listing.id))
            .hint(format!("Insider takes {most} (longest_id); shorten it at the source, or make ids from another field")));
    }
    Ok(())
}
