//! Categories with their trees, and brands.

use contract::Change;
use model::{Brand, Category, Online, Placement, Record, Tree};

use super::{address, is, path, plain};
use crate::bigcommerce::api;

/// A category.
pub fn category(of: api::Category) -> Change {
    let mut notices = Vec::new();
    let image = address("image_url", "", of.image_url.as_deref().unwrap_or_default(), &mut notices);
    let record = Category {
        id: of.category_id.to_string().into(),
        key: None,
        external_id: None,
        tree: Some(of.tree_id.to_string().into()),
        parent: (of.parent_id != 0).then(|| of.parent_id.to_string().into()),
        name: plain(Some(of.name)),
        slug: path(of.url.and_then(|url| url.path)),
        description: plain(of.description),
        order: Some(of.sort_order).filter(|order| order.is_finite()),
        online: if of.is_visible { Online::ALWAYS } else { Online::NEVER },
        image,
        created_at: None,
        notices,
    };
    is(Record::Category(record), None)
}

/// The place of a product in a category; none where it has no place of its own.
pub fn placement(category: u64, of: &api::Ordered) -> Option<Change> {
    let (category, product) = (category.to_string().into(), of.product_id.to_string().into());
    let position = Some(of.sort_order?);
    Some(is(Record::Placement(Placement { category, product, position, primary: false }), None))
}

/// A tree with the channels that show it. Its root is not a category.
pub fn tree(of: &api::Tree) -> Change {
    let stores = of.channels.iter().map(|channel| channel.to_string().into()).collect();
    is(Record::Tree(Tree { id: of.id.to_string().into(), stores, root: None }), None)
}

/// A brand.
pub fn brand(of: api::Brand) -> Change {
    is(Record::Brand(Brand { id: of.id.to_string().into(), name: plain(Some(of.name)) }), None)
}
