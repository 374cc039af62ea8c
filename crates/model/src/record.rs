//! One record of the mirror, whatever its kind, and how records depend on each other.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Assignment, Attribute, Book, Brand, BrandId, Category, CategoryId, Channel, Customer, CustomerGroup, Notice,
    Online, Order, Placement, PriceEntry, Product, ProductId, ProductType, ProductTypeId, Rate, RecordId, Selection,
    Sku, Stock, Storefront, Tailoring, Tree, Value, Variant, VariantEntry,
};

/// What a record is. The numbers are stored; never reuse one. 21, 23 and 24 are kept for consents, refunds and
/// traits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
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
    #[serde(rename = "store")]
    Storefront = 8,
    Selection = 9,
    Assignment = 10,
    Variant = 11,
    Placement = 12,
    Tree = 13,
    Book = 14,
    Brand = 15,
    Rate = 16,
    Tailoring = 17,
    Customer = 20,
    Order = 22,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::Product,
        Self::Category,
        Self::ProductType,
        Self::Stock,
        Self::Price,
        Self::Channel,
        Self::CustomerGroup,
        Self::Storefront,
        Self::Selection,
        Self::Assignment,
        Self::Variant,
        Self::Placement,
        Self::Tree,
        Self::Book,
        Self::Brand,
        Self::Rate,
        Self::Tailoring,
        Self::Customer,
        Self::Order,
    ];

    /// Kinds that flows carry; the others only contribute to them.
    pub const CARRIED: [Self; 4] = [Self::Product, Self::Category, Self::Customer, Self::Order];

    /// Those of them that flows carry unless they name others.
    pub const CATALOGUE: [Self; 2] = [Self::Product, Self::Category];

    /// Kinds few enough to be held in memory while projecting.
    pub const REFERENCE: [Self; 10] = [
        Self::Category,
        Self::ProductType,
        Self::Channel,
        Self::CustomerGroup,
        Self::Storefront,
        Self::Selection,
        Self::Tree,
        Self::Book,
        Self::Brand,
        Self::Rate,
    ];

    /// Kinds whose records are parts of a product: the mirror joins them to it.
    pub const PARTS: [Self; 6] =
        [Self::Stock, Self::Price, Self::Assignment, Self::Variant, Self::Placement, Self::Tailoring];

    /// Parts with one value: they are small and many, and a product finds each under one hub.
    pub const SMALL_PARTS: [Self; 4] = [Self::Stock, Self::Price, Self::Assignment, Self::Placement];

    /// Whether its records are about people: the store seals them, and they train no compression dictionary.
    pub const fn is_personal(self) -> bool {
        match self {
            Self::Product
            | Self::Category
            | Self::ProductType
            | Self::Stock
            | Self::Price
            | Self::Channel
            | Self::CustomerGroup
            | Self::Storefront
            | Self::Selection
            | Self::Assignment
            | Self::Variant
            | Self::Placement
            | Self::Tree
            | Self::Book
            | Self::Brand
            | Self::Rate
            | Self::Tailoring => false,
            Self::Customer | Self::Order => true,
        }
    }

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
            Self::Storefront => "store",
            Self::Selection => "selection",
            Self::Assignment => "assignment",
            Self::Variant => "variant",
            Self::Placement => "placement",
            Self::Tree => "tree",
            Self::Book => "book",
            Self::Brand => "brand",
            Self::Rate => "rate",
            Self::Tailoring => "tailoring",
            Self::Customer => "customer",
            Self::Order => "order",
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
    // Far larger than the others, of which there are far more.
    Product(Box<Product>),
    Category(Category),
    ProductType(ProductType),
    Stock(Stock),
    Price(PriceEntry),
    Channel(Channel),
    CustomerGroup(CustomerGroup),
    Storefront(Storefront),
    Selection(Selection),
    Assignment(Assignment),
    Variant(VariantEntry),
    Placement(Placement),
    Tree(Tree),
    Book(Book),
    Brand(Brand),
    Rate(Rate),
    Tailoring(Box<Tailoring>),
    Customer(Box<Customer>),
    Order(Box<Order>),
}

/// A key that connects records: some provide it, some use it. When a record changes, whatever uses a hub that it
/// provides is projected again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hub {
    /// A category, for what is in it.
    Category(CategoryId),
    /// The tree of categories, for each of them: its path names all above it, its children are below it.
    Tree,
    /// A type of products.
    ProductType(ProductTypeId),
    /// A SKU: products and variants use it, stock and price entries provide it.
    Sku(Sku),
    /// A product, for its parts. Every product uses its own implicitly.
    Product(ProductId),
    /// A brand.
    Brand(BrandId),
    /// The whole offer (stores, assortments, category trees, books, rates, and the channels and groups that markets
    /// name by key). Every product uses it implicitly.
    Offer,
}

impl Record {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Product(_) => Kind::Product,
            Self::Category(_) => Kind::Category,
            Self::ProductType(_) => Kind::ProductType,
            Self::Stock(_) => Kind::Stock,
            Self::Price(_) => Kind::Price,
            Self::Channel(_) => Kind::Channel,
            Self::CustomerGroup(_) => Kind::CustomerGroup,
            Self::Storefront(_) => Kind::Storefront,
            Self::Selection(_) => Kind::Selection,
            Self::Assignment(_) => Kind::Assignment,
            Self::Variant(_) => Kind::Variant,
            Self::Placement(_) => Kind::Placement,
            Self::Tree(_) => Kind::Tree,
            Self::Book(_) => Kind::Book,
            Self::Brand(_) => Kind::Brand,
            Self::Rate(_) => Kind::Rate,
            Self::Tailoring(_) => Kind::Tailoring,
            Self::Customer(_) => Kind::Customer,
            Self::Order(_) => Kind::Order,
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
            Self::Storefront(it) => it.key.as_str().into(),
            Self::Selection(it) => it.id.as_str().into(),
            Self::Assignment(it) => format!("{}/{}", it.selection, it.product).into(),
            Self::Variant(it) => it.id.clone(),
            Self::Placement(it) => format!("{}/{}", it.category, it.product).into(),
            Self::Tree(it) => it.id.as_str().into(),
            Self::Book(it) => it.id.as_str().into(),
            Self::Brand(it) => it.id.as_str().into(),
            Self::Rate(it) => format!("{}/{}", it.from, it.to).into(),
            Self::Tailoring(it) => it.id.clone(),
            Self::Customer(it) => it.id.as_str().into(),
            Self::Order(it) => it.id.as_str().into(),
        }
    }

    /// Hubs through which other records are touched when this record changes, appears or is deleted. A part of a
    /// product ([`Kind::PARTS`]) is joined to it under these hubs as well.
    pub fn provides(&self) -> Vec<Hub> {
        match self {
            Self::Product(_) | Self::Customer(_) | Self::Order(_) => Vec::new(),
            Self::Category(it) => {
                let mut hubs = vec![Hub::Category(it.id.clone()), Hub::Tree];
                // It hides the categories below it, so that their products lose a category.
                if it.online != Online::ALWAYS {
                    hubs.push(Hub::Offer);
                }
                hubs
            }
            Self::ProductType(it) => vec![Hub::ProductType(it.id.clone()), any_type()],
            Self::Stock(it) => vec![it.item.hub()],
            Self::Price(it) => vec![it.item.hub()],
            Self::Channel(_)
            | Self::CustomerGroup(_)
            | Self::Storefront(_)
            | Self::Selection(_)
            | Self::Book(_)
            | Self::Rate(_) => vec![Hub::Offer],
            Self::Tree(_) => vec![Hub::Tree, Hub::Offer],
            Self::Brand(it) => vec![Hub::Brand(it.id.clone())],
            Self::Assignment(it) => vec![Hub::Product(it.product.clone())],
            Self::Placement(it) => vec![Hub::Product(it.product.clone())],
            Self::Tailoring(it) => vec![Hub::Product(it.product.clone())],
            Self::Variant(it) => {
                let product = it.product.iter().cloned().map(Hub::Product);
                product.chain(it.variant.sku.iter().cloned().map(Hub::Sku)).collect()
            }
        }
    }

    /// Hubs whose change touches this record. What touches a part of a product touches the product.
    pub fn uses(&self) -> Vec<Hub> {
        match self {
            Self::Product(it) => {
                let categories = it.categories.iter().map(|id| Hub::Category(id.clone()));
                let product_type = it.product_type.iter().map(|id| Hub::ProductType(id.clone()));
                let brand = it.brand.iter().map(|id| Hub::Brand(id.clone()));
                let mut hubs: Vec<Hub> = categories.chain(product_type).chain(brand).chain(skus(it)).collect();
                of_values(&it.attributes, &mut hubs);
                it.variants.iter().for_each(|variant| of_values(&variant.attributes, &mut hubs));
                hubs
            }
            Self::Category(_) => vec![Hub::Tree],
            Self::Variant(it) => {
                let mut hubs: Vec<Hub> = sku(&it.variant).into_iter().collect();
                of_values(&it.variant.attributes, &mut hubs);
                hubs
            }
            Self::Placement(it) => vec![Hub::Category(it.category.clone())],
            Self::Tailoring(it) => {
                let mut hubs = Vec::new();
                of_values(&it.values.attributes, &mut hubs);
                hubs
            }
            Self::ProductType(_)
            | Self::Stock(_)
            | Self::Price(_)
            | Self::Channel(_)
            | Self::CustomerGroup(_)
            | Self::Storefront(_)
            | Self::Selection(_)
            | Self::Assignment(_)
            | Self::Tree(_)
            | Self::Book(_)
            | Self::Brand(_)
            | Self::Rate(_)
            | Self::Customer(_)
            | Self::Order(_) => Vec::new(),
        }
    }

    /// Hubs under which the parts of this record are found. Parts have parts: the stock of a variant that is a record of
    /// its own is found under the variant's SKU.
    pub fn joins(&self) -> Vec<Hub> {
        match self {
            Self::Product(it) => std::iter::once(Hub::Product(it.id.clone())).chain(skus(it)).collect(),
            Self::Variant(it) => sku(&it.variant).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whom a personal record is about ([`Kind::is_personal`]): what is kept of the record is sealed with that person's
    /// key. A customer by id; an order by its customer, or a guest by e-mail address; one without either is its own.
    pub fn person(&self) -> Option<String> {
        match self {
            Self::Customer(it) => Some(format!("customer/{}", it.id)),
            Self::Order(it) => Some(match (&it.customer, &it.email) {
                (Some(customer), _) => format!("customer/{customer}"),
                (None, Some(email)) => format!("email/{}", email.key()),
                (None, None) => format!("order/{}", it.id),
            }),
            _ => None,
        }
    }

    /// Adds notices, where records of its kind have a field for them.
    pub fn note(&mut self, more: impl IntoIterator<Item = Notice>) {
        let notices = match self {
            Self::Product(it) => &mut it.notices,
            Self::Category(it) => &mut it.notices,
            Self::ProductType(it) => &mut it.notices,
            Self::Price(it) => &mut it.notices,
            Self::Storefront(it) => &mut it.notices,
            Self::Variant(it) => &mut it.notices,
            Self::Tailoring(it) => &mut it.notices,
            Self::Customer(it) => &mut it.notices,
            Self::Order(it) => &mut it.notices,
            _ => return,
        };
        notices.extend(more);
    }

    /// Details that were left out of it.
    pub fn notices(&self) -> &[Notice] {
        match self {
            Self::Product(it) => &it.notices,
            Self::Category(it) => &it.notices,
            Self::ProductType(it) => &it.notices,
            Self::Price(it) => &it.notices,
            Self::Storefront(it) => &it.notices,
            Self::Variant(it) => &it.notices,
            Self::Tailoring(it) => &it.notices,
            Self::Customer(it) => &it.notices,
            Self::Order(it) => &it.notices,
            _ => &[],
        }
    }
}

/// The SKUs of a product and of its variants.
fn skus(product: &Product) -> impl Iterator<Item = Hub> {
    let variants = product.variants.iter().filter_map(sku);
    let others = product.sku.iter().chain(&product.variant_skus).cloned().map(Hub::Sku);
    variants.chain(others)
}

fn sku(variant: &Variant) -> Option<Hub> {
    variant.sku.clone().map(Hub::Sku)
}

/// Any type of products: a product names its own type, but not those of its nested attributes.
fn any_type() -> Hub {
    Hub::ProductType(ProductTypeId::new(""))
}

/// Hubs that attribute values depend on: types of nested values, and records that are shown by name. Each hub once.
fn of_values(attributes: &[Attribute], hubs: &mut Vec<Hub>) {
    for attribute in attributes {
        of_value(&attribute.value, hubs);
    }
}

fn of_value(value: &Value, hubs: &mut Vec<Hub>) {
    let hub = match value {
        Value::Nested(attributes) => {
            of_values(attributes, hubs);
            any_type()
        }
        Value::Set(values) => return values.iter().for_each(|value| of_value(value, hubs)),
        Value::Reference { kind: Some(Kind::Category), id, .. } => Hub::Category(id.as_str().into()),
        Value::Reference { kind: Some(Kind::Brand), id, .. } => Hub::Brand(id.as_str().into()),
        Value::Reference { kind: Some(Kind::ProductType), id, .. } => Hub::ProductType(id.as_str().into()),
        // Channels, groups and stores belong to the offer, which every product uses.
        _ => return,
    };
    if !hubs.contains(&hub) {
        hubs.push(hub);
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
