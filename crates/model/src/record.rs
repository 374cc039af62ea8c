//! One record of the mirror, whatever its kind, and how records hang together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Assignment, Category, CategoryId, Channel, CustomerGroup, PriceEntry, Product, ProductId, ProductType,
    ProductTypeId, RecordId, Selection, Sku, Stock, Store, Value,
};

/// What a record is. The numbers are stored; never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the record of that name")]
#[repr(u8)]
pub enum Kind {
    Product = 1,
    Category = 2,
    ProductType = 3,
    Stock = 4,
    Price = 5,
    Channel = 6,
    CustomerGroup = 7,
    Store = 8,
    Selection = 9,
    Assignment = 10,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Product,
        Self::Category,
        Self::ProductType,
        Self::Stock,
        Self::Price,
        Self::Channel,
        Self::CustomerGroup,
        Self::Store,
        Self::Selection,
        Self::Assignment,
    ];

    /// Kinds that flows carry; the others only bear on them.
    pub const CARRIED: [Self; 2] = [Self::Product, Self::Category];

    /// Kinds few enough to be held in memory while projecting.
    pub const REFERENCE: [Self; 6] =
        [Self::Category, Self::ProductType, Self::Channel, Self::CustomerGroup, Self::Store, Self::Selection];

    /// The stored number.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this stored number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Name in messages, in snake case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Category => "category",
            Self::ProductType => "product_type",
            Self::Stock => "stock",
            Self::Price => "price",
            Self::Channel => "channel",
            Self::CustomerGroup => "customer_group",
            Self::Store => "store",
            Self::Selection => "selection",
            Self::Assignment => "assignment",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A record of the mirror.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the type of that name")]
pub enum Record {
    Product(Product),
    Category(Category),
    ProductType(ProductType),
    Stock(Stock),
    Price(PriceEntry),
    Channel(Channel),
    CustomerGroup(CustomerGroup),
    Store(Store),
    Selection(Selection),
    Assignment(Assignment),
}

/// A point that records meet at: some provide it, some use it. When a record changes, whatever uses a hub that it
/// provides is projected again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hub {
    /// A category, for what is in it.
    Category(CategoryId),
    /// The tree of categories, for each of them: its path names all above it, its children are below it.
    Tree,
    /// A type of products.
    ProductType(ProductTypeId),
    /// A SKU: products use it, stock and price entries provide it.
    Sku(Sku),
    /// A product, for its assignments. Every product uses its own without saying so.
    Product(ProductId),
    /// The whole offer (stores, assortments, and the channels and groups that markets name by key). Every product uses it without saying so.
    Offer,
}

impl Record {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Product(_) => Kind::Product,
            Self::Category(_) => Kind::Category,
            Self::ProductType(_) => Kind::ProductType,
            Self::Stock(_) => Kind::Stock,
            Self::Price(_) => Kind::Price,
            Self::Channel(_) => Kind::Channel,
            Self::CustomerGroup(_) => Kind::CustomerGroup,
            Self::Store(_) => Kind::Store,
            Self::Selection(_) => Kind::Selection,
            Self::Assignment(_) => Kind::Assignment,
        }
    }

    /// Its id, unique within source and kind.
    pub fn id(&self) -> RecordId {
        match self {
            Self::Product(it) => it.id.as_str().into(),
            Self::Category(it) => it.id.as_str().into(),
            Self::ProductType(it) => it.id.as_str().into(),
            Self::Stock(it) => it.id.as_str().into(),
            Self::Price(it) => it.id.as_str().into(),
            Self::Channel(it) => it.id.as_str().into(),
            Self::CustomerGroup(it) => it.id.as_str().into(),
            Self::Store(it) => it.key.as_str().into(),
            Self::Selection(it) => it.id.as_str().into(),
            Self::Assignment(it) => format!("{}/{}", it.selection, it.product).into(),
        }
    }

    /// Hubs that others are touched through when this record changes, appears or goes.
    pub fn provides(&self) -> Vec<Hub> {
        match self {
            Self::Product(_) => Vec::new(),
            Self::Category(it) => vec![Hub::Category(it.id.clone()), Hub::Tree],
            Self::ProductType(it) => vec![Hub::ProductType(it.id.clone()), any_type()],
            Self::Stock(it) => vec![Hub::Sku(it.sku.clone())],
            Self::Price(it) => vec![Hub::Sku(it.sku.clone())],
            Self::Channel(_) | Self::CustomerGroup(_) | Self::Store(_) | Self::Selection(_) => vec![Hub::Offer],
            Self::Assignment(it) => vec![Hub::Product(it.product.clone())],
        }
    }

    /// Hubs whose change touches this record.
    pub fn uses(&self) -> Vec<Hub> {
        match self {
            Self::Product(it) => {
                let categories = it.categories.iter().map(|id| Hub::Category(id.clone()));
                let product_type = it.product_type.iter().map(|id| Hub::ProductType(id.clone()));
                let skus = it.variants.iter().filter_map(|variant| variant.sku.clone()).map(Hub::Sku);
                let nested = is_nested(it).then(any_type);
                categories.chain(product_type).chain(skus).chain(nested).collect()
            }
            Self::Category(_) => vec![Hub::Tree],
            Self::ProductType(_)
            | Self::Stock(_)
            | Self::Price(_)
            | Self::Channel(_)
            | Self::CustomerGroup(_)
            | Self::Store(_)
            | Self::Selection(_)
            | Self::Assignment(_) => Vec::new(),
        }
    }
}

/// Any type of products: a product names its own type, but not those of its nested attributes.
fn any_type() -> Hub {
    Hub::ProductType(ProductTypeId::new(""))
}

fn is_nested(product: &Product) -> bool {
    let own = product.attributes.iter();
    let attributes = own.chain(product.variants.iter().flat_map(|variant| &variant.attributes));
    attributes.map(|attribute| &attribute.value).any(has_nested)
}

fn has_nested(value: &Value) -> bool {
    match value {
        Value::Nested(_) => true,
        Value::Set(values) => values.iter().any(has_nested),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_number_of_its_own_that_finds_it_again() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_number(kind.number()), Some(kind));
        }
        assert_eq!(Kind::from_number(0), None);
    }
}
