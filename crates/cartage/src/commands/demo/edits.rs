//! Changes of the living shop: of its goods, and by its people.

use model::Kind;
use sandbox::{people, shop};

/// A change of the living shop.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Of what it sells.
    Goods(Box<shop::Edit>),
    /// Something that its people do.
    People(people::Edit),
}

impl Edit {
    /// What it is about: the kind of a record, and its key or the SKU of a variant.
    pub(super) fn about(&self) -> (Kind, &str) {
        match self {
            Self::Goods(edit) => about_goods(edit),
            Self::People(edit) => about_people(edit),
        }
    }
}

fn about_goods(edit: &shop::Edit) -> (Kind, &str) {
    use shop::Edit::{Added, Category, Name, Price, PriceWindow, Published, Removed, Stock};
    match edit {
        Stock { sku, .. } | Price { sku, .. } | PriceWindow { sku, .. } => (Kind::Product, sku),
        Name { product, .. } | Published { product, .. } | Removed { product } => (Kind::Product, product),
        Category { category, .. } => (Kind::Category, category),
        Added(product) => (Kind::Product, &product.key),
    }
}

/// The same of what people do.
pub(super) fn about_people(edit: &people::Edit) -> (Kind, &str) {
    use people::Edit::{Consent, Edited, Email, Moved, Placed, Registered, Returned};
    match edit {
        Registered { customer, .. } => (Kind::Customer, &customer.key),
        Email { customer, .. } | Consent { customer, .. } => (Kind::Customer, customer),
        Placed(order) | Edited(order) => (Kind::Order, &order.key),
        Moved { order, .. } | Returned { order, .. } => (Kind::Order, order),
    }
}
