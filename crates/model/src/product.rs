//! Products and their variants.

use serde::{Deserialize, Serialize};

use crate::{Attribute, CategoryId, Level, Localized, Price, ProductId, ProductTypeId, Sku, Timestamp, VariantId};

/// A product: what a shopper sees as one thing, in one or more variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Id at the source.
    pub id: ProductId,
    /// Key given by the shop.
    pub key: Option<String>,
    /// What kind of product it is.
    pub product_type: Option<ProductTypeId>,
    /// Visible to shoppers.
    pub published: bool,
    /// Shown name.
    pub name: Localized,
    /// Part of a URL.
    pub slug: Localized,
    /// Description, may hold HTML.
    pub description: Localized,
    /// Title for search engines.
    pub meta_title: Localized,
    /// Description for search engines.
    pub meta_description: Localized,
    /// Words that find it, by locale, joined by a comma and a space.
    pub keywords: Localized,
    /// Categories it is directly in.
    pub categories: Vec<CategoryId>,
    /// Attributes of the product as a whole.
    pub attributes: Vec<Attribute>,
    /// Variants; the first is the main one.
    pub variants: Vec<Variant>,
    /// Where its prices are kept.
    pub price_home: PriceHome,
    /// Reviews in short.
    pub rating: Option<Rating>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
}

/// Where a product's prices are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceHome {
    /// In [`Variant::prices`].
    Variant,
    /// In records of their own, by SKU ([`crate::PriceEntry`]).
    Entries,
}

/// A purchasable form of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Id within the product.
    pub id: VariantId,
    /// Stock keeping unit; a shop may leave it out.
    pub sku: Option<Sku>,
    /// Key given by the shop.
    pub key: Option<String>,
    /// Global trade item number (EAN, UPC).
    pub gtin: Option<String>,
    /// Attributes of this variant.
    pub attributes: Vec<Attribute>,
    /// Prices, where they are kept here.
    pub prices: Vec<Price>,
    /// Images, the first is the main one.
    pub images: Vec<Image>,
    /// Stock as the product brings it along, where stock is not read as records of its own. Empty: not tracked.
    pub stock: Vec<Level>,
}

/// An image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Absolute URL.
    pub url: String,
    /// What it shows.
    pub label: Option<String>,
}

/// Reviews in short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// Mean rating, in the shop's scale.
    pub average: f64,
    /// Number of ratings.
    pub count: u32,
}
