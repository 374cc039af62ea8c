//! Products and their variants.
//!
//! A source gives a product whole, with its variants, prices and categories inside, or in parts: variants
//! ([`VariantEntry`]), prices ([`crate::PriceEntry`]), stock ([`crate::Stock`]), placements ([`crate::Placement`]) and the
//! values of single stores ([`Tailoring`]) as records of their own, which the mirror joins. A projection can't tell the difference.

use serde::{Deserialize, Serialize};

use crate::{
    Attribute, BrandId, CategoryId, Keywords, Localized, Notice, Online, PerStorefront, Price, ProductId,
    ProductTypeId, RecordId, Sku, StockLevel, StorefrontKey, Timestamp, VariantId,
};

/// A product: what a shopper sees as one thing, in one or more variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// Id at the source.
    pub id: ProductId,
    /// Key given by the shop.
    pub key: Option<String>,
    /// What kind of product it is.
    pub product_type: Option<ProductTypeId>,
    /// The SKU of the product as a whole, where prices and stock may refer to it.
    pub sku: Option<Sku>,
    /// Its brand, where brands are records.
    pub brand: Option<BrandId>,
    /// Whether and when each store shows it.
    pub online: PerStorefront<Online>,
    /// Whether the search of each store may find it.
    pub searchable: PerStorefront<bool>,
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
    /// Search keywords, by locale.
    pub keywords: Keywords,
    /// Categories it is directly in. [`crate::Placement`]s add to them.
    pub categories: Vec<CategoryId>,
    /// Attributes of the product as a whole.
    pub attributes: Vec<Attribute>,
    /// Variants; the first is the main one. Where variants are records of their own they follow these.
    pub variants: Vec<Variant>,
    /// SKUs of variants that are records of their own, in their order, where only the product knows them.
    pub variant_skus: Vec<Sku>,
    /// The main one of the variants that are records of their own, where the product names it.
    pub main_variant: Option<RecordId>,
    /// Prices of the variants that have none of their own.
    pub prices: Vec<Price>,
    /// Where its prices are kept.
    pub price_home: PriceHome,
    /// Texts and attributes that single stores show in place of the product's own.
    pub tailored: Vec<Tailored>,
    /// Reviews in short.
    pub rating: Option<Rating>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Details that were left out, of its variants as well.
    pub notices: Vec<Notice>,
}

impl Product {
    /// A product with this id, shown everywhere, and nothing else.
    pub fn new(id: impl Into<ProductId>) -> Self {
        Self {
            id: id.into(),
            key: None,
            product_type: None,
            sku: None,
            brand: None,
            online: PerStorefront::everywhere(Online::ALWAYS),
            searchable: PerStorefront::everywhere(true),
            name: Localized::empty(),
            slug: Localized::empty(),
            description: Localized::empty(),
            meta_title: Localized::empty(),
            meta_description: Localized::empty(),
            keywords: Keywords::default(),
            categories: Vec::new(),
            attributes: Vec::new(),
            variants: Vec::new(),
            variant_skus: Vec::new(),
            main_variant: None,
            prices: Vec::new(),
            price_home: PriceHome::Variant,
            tailored: Vec::new(),
            rating: None,
            created_at: None,
            notices: Vec::new(),
        }
    }
}

/// Texts and attributes that one store shows in place of the product's own. Empty fields are taken from the product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tailored {
    /// The store.
    pub store: StorefrontKey,
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
    /// Attributes of the product as a whole, each in place of the product's own of that name.
    pub attributes: Vec<Attribute>,
}

/// What one store shows of a product in place of the product's own values, as a record of its own. It counts before what
/// the product itself holds for that store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tailoring {
    /// Id at the source.
    pub id: RecordId,
    /// The product.
    pub product: ProductId,
    /// Texts and attributes, and the store.
    pub values: Tailored,
    /// All images of a variant, in place of its own.
    pub images: Vec<(VariantId, Vec<Image>)>,
    /// Details that were left out.
    pub notices: Vec<Notice>,
}

impl Tailoring {
    /// The images of a variant, if it has other ones in this store.
    pub fn images(&self, variant: &VariantId) -> Option<&[Image]> {
        self.images.iter().find(|(of, _)| of == variant).map(|(_, images)| images.as_slice())
    }
}

/// Where a product's prices are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceHome {
    /// In [`Variant::prices`], else [`Product::prices`].
    Variant,
    /// In records of their own ([`crate::PriceEntry`]).
    Entries,
}

/// A purchasable form of a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its id.
    pub id: VariantId,
    /// Stock keeping unit; a shop may leave it out.
    pub sku: Option<Sku>,
    /// Key given by the shop.
    pub key: Option<String>,
    /// Global trade item number (EAN, UPC).
    pub gtin: Option<String>,
    /// Whether and when each store sells it.
    pub online: PerStorefront<Online>,
    /// Attributes of this variant.
    pub attributes: Vec<Attribute>,
    /// Names of the attributes by which it differs from the other variants, in the shop's order. Empty: the product
    /// type decides, or else the attributes that differ.
    pub axes: Vec<String>,
    /// Prices, where they are kept here.
    pub prices: Vec<Price>,
    /// Images, the first is the main one.
    pub images: Vec<Image>,
    /// Stock that the source gives with the product, where stock entries are not records of their own. Empty: not
    /// tracked.
    pub stock: Vec<StockLevel>,
}

impl Variant {
    /// A variant with this id, sold everywhere, and nothing else.
    pub fn new(id: impl Into<VariantId>) -> Self {
        Self {
            id: id.into(),
            sku: None,
            key: None,
            gtin: None,
            online: PerStorefront::everywhere(Online::ALWAYS),
            attributes: Vec::new(),
            axes: Vec::new(),
            prices: Vec::new(),
            images: Vec::new(),
            stock: Vec::new(),
        }
    }
}

/// A variant that is a record of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariantEntry {
    /// Its id, unique within the source.
    pub id: RecordId,
    /// Its product; `None` if only the product knows ([`Product::variant_skus`]).
    pub product: Option<ProductId>,
    /// Its place among the variants that are records, lowest first; ids settle ties.
    pub position: i64,
    /// The variant. Its id is unique within the product: of two with one id, the one that the product itself holds counts.
    pub variant: Variant,
    /// Details that were left out.
    pub notices: Vec<Notice>,
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
