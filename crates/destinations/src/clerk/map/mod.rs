//! The payload of a product, category, customer or order for Clerk.io. Pure: no call, no clock, no secret.
//!
//! **Invariants:**
//! - the same listing and settings give the same bytes;
//! - no member is `null`: a member without a value is left out, and only in the facet `content`, which is always
//!   replaced as a whole. Every member of `price` and `availability` is always there, because these facets are sent by
//!   PATCH, which merges and so can't remove a member;
//! - lists about variants have one entry per variant of the item, all in the same order;
//! - names of fields are made of `[A-Za-z0-9_]`; a field of the schema is never overwritten by an attribute.

use crate::clerk::config::{Attributes, Config, OrderId};

mod category;
mod customer;
mod field;
mod id;
mod order;
mod product;
mod sheet;

pub use category::category;
pub use customer::customer;
pub use field::restricted;
pub use id::{fitting, is_integer};
pub use order::{RETURN, order};
pub use product::product;

pub use crate::{markup::plain_text, options::options_text};

/// The settings that change payloads or how they are removed, and the version of this mapping, as text.
pub fn fingerprint(config: &Config, mapping: u32) -> String {
    let names = match &config.attributes {
        Attributes::All => "all".to_owned(),
        // Debug quotes the names, so that no two lists look alike.
        Attributes::Only(names) => format!("{names:?}"),
    };
    // Only where it is not the default, so that databases from before it send nothing again.
    let orders = if config.order_id == OrderId::Id { "" } else { " order number" };
    format!(
        "clerk {mapping} {:?} {:?} {:?} {:?} {:?} {} {:?} {:?} {} {:?} {names}{orders}",
        config.grain,
        config.id_type,
        config.product_id,
        config.category_id,
        config.out_of_stock,
        config.untracked_quantity,
        config.description,
        config.missing_image,
        config.parent_image,
        config.category_removal,
    )
}
