//! What a market makes of a record: one language, one price per variant, one stock figure. Destinations map from here.
//!
//! Listings borrow from the records they were projected from. Their serde form is what a user's expressions see, so
//! field names here are part of the product.

use std::{borrow::Cow, fmt};

use serde::{Serialize, Serializer};

use crate::{
    BookId, Category, CategoryId, Currency, Money, Price, PriceId, Product, ProductId, Rating, Sku, Spread, TaxMode,
    Tier, Timestamp, VariantId,
    price::{BookMatch, ScopeMatch},
};

/// A product as one market sells it.
#[derive(Clone, Debug, Serialize)]
pub struct Listing<'a> {
    /// Id at the source.
    pub id: &'a ProductId,
    /// Key given by the shop.
    pub key: Option<&'a str>,
    /// SKU of its main variant, whether that is sold in this market or not.
    pub sku: Option<&'a Sku>,
    /// Name of its product type.
    pub product_type: Option<&'a str>,
    /// Shown name; never blank.
    pub name: &'a str,
    /// Description, may hold HTML.
    pub description: Option<&'a str>,
    /// Part of a URL.
    pub slug: Option<&'a str>,
    /// Title for search engines.
    pub meta_title: Option<&'a str>,
    /// Description for search engines.
    pub meta_description: Option<&'a str>,
    /// Search keywords.
    pub keywords: &'a [String],
    /// Name of its brand, where brands are records.
    pub brand: Option<&'a str>,
    /// Whether the shop's search may find it.
    pub searchable: bool,
    /// Absolute URL of its page.
    pub url: String,
    /// Absolute URLs of its images, without repeats: the main one, which is the same in every market, then those of the
    /// variants that are sold.
    pub images: Vec<&'a str>,
    /// Categories it is directly in that the market shows.
    pub categories: Vec<CategoryName<'a>>,
    /// Attributes of the product as a whole.
    #[serde(serialize_with = "by_name")]
    pub attributes: Vec<Field<'a>>,
    /// Options by which its variants differ, each with the distinct values on offer.
    #[serde(serialize_with = "options_by_name")]
    pub options: Vec<ProductOption<'a>>,
    /// Variants that are sold in this market; never empty. The main one first.
    pub variants: Vec<Offer<'a>>,
    /// Attributes of variants that are not sold in this market, the first of each name. A mapping looks here for values
    /// that belong to the product although the shop keeps them with one variant.
    #[serde(skip)]
    pub unsold: Vec<Field<'a>>,
    /// Whether stock is counted for the product as a whole: each variant then has the same figure, which must not be
    /// added up.
    #[serde(skip)]
    pub shares_stock: bool,
    /// Summary of its reviews.
    pub rating: Option<Rating>,
    /// Seconds since the epoch.
    #[serde(serialize_with = "seconds")]
    pub created_at: Option<Timestamp>,
    /// The record it was projected from, for details that a listing leaves out.
    #[serde(skip)]
    pub product: &'a Product,
}

/// A variant as one market sells it.
#[derive(Clone, Debug, Serialize)]
pub struct Offer<'a> {
    /// Id within the product.
    pub id: &'a VariantId,
    /// Stock keeping unit.
    pub sku: Option<&'a Sku>,
    /// Key given by the shop.
    pub key: Option<&'a str>,
    /// Global trade item number.
    pub gtin: Option<&'a str>,
    /// What one piece costs now, positive or zero.
    #[serde(serialize_with = "decimal")]
    pub price: Money,
    /// What it costs without the discount; equals `price` where there is none.
    #[serde(serialize_with = "decimal")]
    pub list_price: Money,
    /// Whether `price` is below `list_price`.
    pub on_sale: bool,
    /// The lowest price of the 30 days before the reduction that holds now ([`crate::history`]); `None` where none
    /// holds, where no price was seen before it, and where the flow keeps no history of prices.
    #[serde(serialize_with = "maybe_decimal")]
    pub lowest_price_30d: Option<Money>,
    /// Since when its prices in this market are known, in seconds since the epoch; `None` where the flow keeps no history.
    #[serde(serialize_with = "seconds")]
    pub price_seen_since: Option<Timestamp>,
    /// Whether tax is in the price; `None` if the source does not say.
    pub tax: Option<TaxMode>,
    /// Lower prices for larger quantities, by rising quantity.
    #[serde(serialize_with = "steps")]
    pub tiers: &'a [Tier],
    /// Which price was chosen, and by which rule.
    #[serde(skip)]
    pub basis: Option<PriceBasis<'a>>,
    /// Pieces that can be sold now, at least 0; `None` if the shop does not track them.
    pub stock: Option<i64>,
    /// Whether it can be bought now.
    pub in_stock: bool,
    /// Attributes of the variant.
    #[serde(serialize_with = "by_name")]
    pub attributes: Vec<Field<'a>>,
    /// Absolute URLs of its images.
    pub images: Vec<&'a str>,
}

/// Which price was chosen, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriceBasis<'a> {
    /// The price as the source gives it.
    pub price: &'a Price,
    /// The rule that chose it.
    pub rule: PriceRule,
    /// The price record that holds it; `None` where the price is part of the product.
    pub entry: Option<&'a PriceId>,
    /// The price book that holds it; `None`: the catalogue.
    pub book: Option<&'a BookId>,
    /// The price book that holds the list price.
    pub list_book: Option<&'a BookId>,
    /// Whether it is the product's price, because the variant has none of its own.
    pub inherited: bool,
}

/// The rule that chose a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceRule {
    /// Its scope was the first of those tried.
    Scope(ScopeMatch),
    /// Its book was the first of those tried.
    Book(BookMatch),
    /// It was the lowest price in all books.
    Lowest,
    /// No book had one, so the catalogue's price holds.
    Catalogue,
    /// As [`PriceRule::Catalogue`], converted from this currency by the source's rate.
    Converted(Currency),
}

impl<'a> CategoryName<'a> {
    /// The category as others refer to it.
    pub fn reference(&self) -> CategoryRef<'a> {
        CategoryRef { id: self.id, key: self.key, external_id: self.external_id }
    }
}

/// A category that a product is in.
#[derive(Clone, Debug, Serialize)]
pub struct CategoryName<'a> {
    /// Id at the source.
    pub id: &'a CategoryId,
    /// Key given by the shop.
    pub key: Option<&'a str>,
    /// Id in a system beside the source, such as an ERP.
    pub external_id: Option<&'a str>,
    /// Shown name; `None` if no locale of the market has one.
    pub name: Option<&'a str>,
    /// It is the product's main category.
    #[serde(skip)]
    pub primary: bool,
    /// The product's place in the category's merchandising order, lowest first.
    #[serde(skip)]
    pub position: Option<i64>,
    /// Names from the root down to this category, without those that no locale of the market has a name for.
    #[serde(skip)]
    pub path: Vec<&'a str>,
}

/// An attribute with its value in the market's language.
#[derive(Clone, Debug, Serialize)]
pub struct Field<'a> {
    /// Machine name.
    #[serde(skip)]
    pub name: &'a str,
    /// How its values lie over the variants of a product.
    #[serde(skip)]
    pub spread: Spread,
    /// Label of the attribute itself, where its type has one.
    pub title: Option<&'a str>,
    /// Machine form: the key of an enum value, the number, the text, the id of the referenced record. Lists hold no
    /// lists.
    pub value: Plain<'a>,
    /// Shown form: the label of an enum value, the name of the referenced record, else as `value`. Blank where the
    /// referenced record has no name in this market.
    pub label: Plain<'a>,
}

/// An option by which variants differ.
#[derive(Clone, Debug, Serialize)]
pub struct ProductOption<'a> {
    /// Machine name of the attribute.
    #[serde(skip)]
    pub name: &'a str,
    /// Shown name.
    pub title: Option<&'a str>,
    /// Distinct shown values, in the order of the variants.
    pub values: Vec<Cow<'a, str>>,
}

/// A value in one language, in the forms JSON has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names are JSON's own")]
pub enum Plain<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    List(Vec<Plain<'a>>),
}

impl<'a> Plain<'a> {
    /// Whether it has no content: blank text, a list of nothing else, or a number that is not finite.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(number) => !number.is_finite(),
            Self::List(values) => values.iter().all(Self::is_blank),
            Self::Integer(_) | Self::Boolean(_) => false,
        }
    }

    /// As text, lists left out.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Number(number) => Some(Cow::Owned(number.to_string())),
            Self::Boolean(truth) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
            Self::List(_) => None,
        }
    }
}

/// A category as others refer to it. Expressions see its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryRef<'a> {
    /// Id at the source.
    pub id: &'a CategoryId,
    /// Key given by the shop.
    pub key: Option<&'a str>,
    /// Id in a system beside the source.
    pub external_id: Option<&'a str>,
}

impl<'a> From<&'a Category> for CategoryRef<'a> {
    fn from(category: &'a Category) -> Self {
        Self { id: &category.id, key: category.key.as_deref(), external_id: category.external_id.as_deref() }
    }
}

impl Serialize for CategoryRef<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        self.id.serialize(out)
    }
}

/// A category as one market shows it.
#[derive(Clone, Debug, Serialize)]
pub struct CategoryListing<'a> {
    /// Id at the source.
    pub id: &'a CategoryId,
    /// Key given by the shop.
    pub key: Option<&'a str>,
    /// Id in a system beside the source, such as an ERP.
    pub external_id: Option<&'a str>,
    /// The category above.
    pub parent: Option<CategoryRef<'a>>,
    /// Shown name; never blank.
    pub name: &'a str,
    /// Description.
    pub description: Option<&'a str>,
    /// Part of a URL.
    pub slug: Option<&'a str>,
    /// Absolute URL of its page.
    pub url: String,
    /// Absolute image URL.
    pub image: Option<&'a str>,
    /// Immediate children that the market shows, in the shop's order.
    pub children: Vec<CategoryRef<'a>>,
    /// Names from the root down to this category.
    pub path: Vec<&'a str>,
}

/// Why a market does not sell or show a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "rule")]
pub enum Filtered {
    /// The market's store does not show it, or not now.
    Unpublished,
    /// No variant has a price for this market's currency, country, group and channel now.
    NoPrice,
    /// It is not in the store's assortment.
    NotInAssortment,
    /// No locale of the market has a name for it.
    NoText,
    /// A placeholder of the market's URL template has no value.
    NoUrl,
    /// It has no variant.
    NoVariant,
    /// All its variants are out of stock, and the flow removes such products.
    OutOfStock,
    /// It is below itself in the category tree.
    CategoryCycle,
    /// The market's store does not show its category tree.
    OtherTree,
    /// It holds the other categories of its tree and is never shown itself.
    TreeRoot,
    /// It belongs to another store, country or currency.
    OtherMarket,
    /// No line of the order is a product.
    NothingBought,
    /// Nobody knows an e-mail address of it.
    NoEmail,
    /// It is not known whether the person agreed to get e-mail, and the destination's settings leave out such people.
    UnknownConsent,
}

impl Filtered {
    /// The rule's name, as stored and printed.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unpublished => "unpublished",
            Self::NoPrice => "no_price",
            Self::NotInAssortment => "not_in_assortment",
            Self::NoText => "no_text",
            Self::NoUrl => "no_url",
            Self::NoVariant => "no_variant",
            Self::OutOfStock => "out_of_stock",
            Self::CategoryCycle => "category_cycle",
            Self::OtherTree => "other_tree",
            Self::TreeRoot => "tree_root",
            Self::OtherMarket => "other_market",
            Self::NothingBought => "nothing_bought",
            Self::NoEmail => "no_email",
            Self::UnknownConsent => "unknown_consent",
        }
    }
}

impl fmt::Display for Filtered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Unpublished => "it is not published",
            Self::NoPrice => "no variant has a price in this market now",
            Self::NotInAssortment => "it is not in the store's assortment",
            Self::NoText => "no locale of the market has a name for it",
            Self::NoUrl => "a placeholder of the market's URL template, such as the slug, has no value",
            Self::NoVariant => "it has no variant",
            Self::OutOfStock => "all its variants are out of stock, and this flow removes such products",
            Self::CategoryCycle => "it is below itself in the category tree",
            Self::OtherTree => "the store of the market does not show its category tree",
            Self::TreeRoot => "it is the root of a category tree, which holds the others and is not shown itself",
            Self::OtherMarket => "it belongs to another store, country or currency",
            Self::NothingBought => "no line of it is a product",
            Self::NoEmail => "it has no e-mail address",
            Self::UnknownConsent => "it is not known whether the person agreed to get e-mail",
        })
    }
}

fn decimal<S: Serializer>(money: &Money, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64(money.decimal())
}

#[expect(clippy::ref_option, reason = "the shape serde asks for")]
fn maybe_decimal<S: Serializer>(money: &Option<Money>, out: S) -> Result<S::Ok, S::Error> {
    money.map(Money::decimal).serialize(out)
}

fn steps<S: Serializer>(tiers: &[Tier], out: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Step {
        minimum: u32,
        price: f64,
    }
    out.collect_seq(tiers.iter().map(|tier| Step { minimum: tier.minimum, price: tier.value.decimal() }))
}

#[expect(clippy::ref_option, reason = "the shape serde asks for")]
fn seconds<S: Serializer>(at: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
    at.map(Timestamp::seconds).serialize(out)
}

fn by_name<S: Serializer>(fields: &[Field<'_>], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(fields.iter().map(|field| (field.name, field)))
}

fn options_by_name<S: Serializer>(options: &[ProductOption<'_>], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(options.iter().map(|option| (option.name, option)))
}
