//! Categories with their trees, and brands.

use contract::Change;
use model::{Brand, Category, Online, Record, Tree};

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

/// A tree with the channels that show it. Its root is not a category.
pub fn tree(of: &api::Tree) -> Change {
    let stores = of.channels.iter().map(|channel| channel.to_string().into()).collect();
    is(Record::Tree(Tree { id: of.id.to_string().into(), stores, root: None }), None)
}

/// A brand.
pub fn brand(of: api::Brand) -> Change {
    is(Record::Brand(Brand { id: of.id.to_string().into(), name: plain(Some(of.name)) }), None)
}
