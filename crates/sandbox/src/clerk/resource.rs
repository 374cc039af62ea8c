//! The five resources and the fields the documentation names for each.

use serde::{Deserialize, Serialize};

/// What can be written, read and deleted by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Products.
    Products,
    /// Categories.
    Categories,
    /// Customers; known by id and by email.
    Customers,
    /// Orders.
    Orders,
    /// Pages of content.
    Pages,
}

/// A field the documentation names.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Integer or text.
    Id,
    /// List of integers or texts.
    Ids,
    Text,
    TextOrList,
    Number,
    Integer,
    Boolean,
    /// Unix time in seconds.
    Seconds,
    /// Absolute URL.
    Url,
    /// Lines of an order.
    Lines,
    /// State of an order.
    State,
}

const fn required(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, required: false }
}

const PRODUCT: &[Rule] = &[
    required("id", Kind::Id),
    required("name", Kind::Text),
    required("description", Kind::Text),
    required("price", Kind::Number),
    required("image", Kind::Url),
    required("url", Kind::Url),
    required("categories", Kind::Ids),
    required("created_at", Kind::Seconds),
    optional("list_price", Kind::Number),
    optional("brand", Kind::Text),
    optional("sku", Kind::Text),
    optional("gender", Kind::Text),
    optional("stock", Kind::Integer),
    optional("on_sale", Kind::Boolean),
    optional("color", Kind::TextOrList),
    optional("colors", Kind::TextOrList),
    optional("keywords", Kind::TextOrList),
    optional("index", Kind::Boolean),
    optional("age", Kind::Integer),
];

const CATEGORY: &[Rule] = &[
    required("id", Kind::Id),
    required("name", Kind::Text),
    required("url", Kind::Url),
    required("subcategories", Kind::Ids),
    optional("image", Kind::Url),
    optional("description", Kind::Text),
];

/// Either id or email is required, which [`super::validate`] sees to.
const CUSTOMER: &[Rule] = &[
    optional("customerid", Kind::Id),
    optional("id", Kind::Id),
    optional("email", Kind::Text),
    optional("name", Kind::Text),
    optional("zip", Kind::Text),
    optional("gender", Kind::Text),
    optional("subscribed", Kind::Boolean),
    optional("age", Kind::Integer),
    optional("is_b2b", Kind::Boolean),
];

/// `customer` is called required and left out by plugins for guests.
const ORDER: &[Rule] = &[
    required("id", Kind::Id),
    required("products", Kind::Lines),
    required("time", Kind::Seconds),
    optional("customer", Kind::Id),
    optional("email", Kind::Text),
    optional("status", Kind::State),
];

const PAGE: &[Rule] = &[
    required("id", Kind::Id),
    required("type", Kind::Text),
    required("url", Kind::Url),
    required("title", Kind::Text),
    required("text", Kind::Text),
    optional("image", Kind::Url),
];

impl Resource {
    /// All of them, in the order an import takes.
    pub const ALL: [Self; 5] = [Self::Categories, Self::Products, Self::Customers, Self::Orders, Self::Pages];

    /// Name in paths and of the argument that carries the objects or ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Categories => "categories",
            Self::Customers => "customers",
            Self::Orders => "orders",
            Self::Pages => "pages",
        }
    }

    pub(super) fn rules(self) -> &'static [Rule] {
        match self {
            Self::Products => PRODUCT,
            Self::Categories => CATEGORY,
            Self::Customers => CUSTOMER,
            Self::Orders => ORDER,
            Self::Pages => PAGE,
        }
    }
}
