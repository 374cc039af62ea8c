//! What SCAPI and OCAPI answer with, as far as it is read (Products 1.2.0, Catalogs 1.0.46, Shopper Products 1.11.1, OCAPI
//! Data 25.6).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Number, Value};

/// Texts by locale: `default`, `de`, `de-DE`.
pub(super) type Texts = BTreeMap<String, String>;

/// An error of SCAPI (RFC 7807).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    /// An address whose last segment names the kind.
    #[serde(rename = "type")]
    pub(super) of: String,
    pub(super) title: String,
    pub(super) detail: String,
}

/// A page of a search.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    /// Left out where there are none.
    #[serde(default)]
    pub(super) hits: Vec<Value>,
    pub(super) total: u64,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Listed<T> {
    #[serde(default = "Vec::new", alias = "hits")]
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) total: u64,
}

/// A product of the Products API: the values of all locales and sites.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Product {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) of: Types,
    pub(super) owning_catalog_id: Option<String>,
    pub(super) brand: Option<String>,
    pub(super) manufacturer_name: Option<String>,
    pub(super) manufacturer_sku: Option<String>,
    pub(super) ean: Option<String>,
    pub(super) upc: Option<String>,
    pub(super) unit: Option<String>,
    pub(super) unit_measure: Option<String>,
    pub(super) unit_quantity: Option<Number>,
    pub(super) tax_class_id: Option<String>,
    pub(super) name: Texts,
    pub(super) short_description: BTreeMap<String, Text>,
    pub(super) long_description: BTreeMap<String, Text>,
    pub(super) page_title: Texts,
    pub(super) page_description: Texts,
    pub(super) page_keywords: Texts,
    /// By `default` and `default@{siteId}`, as the next ones.
    pub(super) online_flag: BTreeMap<String, bool>,
    pub(super) searchable: BTreeMap<String, bool>,
    pub(super) valid_from: Texts,
    pub(super) valid_to: Texts,
    pub(super) image: Option<Media>,
    pub(super) image_groups: Vec<ImageGroup>,
    pub(super) variation_attributes: Vec<Axis>,
    pub(super) variation_values: Texts,
    pub(super) variants: Vec<Member>,
    pub(super) variation_groups: Vec<Member>,
    pub(super) default_variant_id: Option<String>,
    pub(super) master: Option<Master>,
    pub(super) bundled_products: Vec<Part>,
    pub(super) set_products: Vec<Part>,
    pub(super) assigned_categories: Vec<Place>,
    pub(super) primary_categories: Vec<Place>,
    pub(super) classification_category: Option<Place>,
    /// Custom attributes (`c_…`), and what is not read.
    #[serde(flatten)]
    pub(super) more: BTreeMap<String, Value>,
}

/// What a product is. One may be several things.
#[expect(clippy::struct_excessive_bools, reason = "the platform's own flags")]
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Types {
    pub(super) master: bool,
    pub(super) variant: bool,
    pub(super) variation_group: bool,
    pub(super) set: bool,
    pub(super) retail_set: bool,
}

impl Types {
    /// Whether it is a variant or a variation group, which is read with its master.
    pub(super) const fn is_member(self) -> bool {
        self.variant || self.variation_group
    }
}

impl Types {
    /// Whether it has a price of its own.
    pub(super) const fn is_priced(self) -> bool {
        !self.master && !self.variation_group && !self.set && !self.retail_set
    }
}

/// What is needed of any product: which it is.
#[derive(Debug, Deserialize)]
pub(super) struct Kind {
    pub(super) id: String,
    #[serde(default, rename = "type")]
    pub(super) of: Types,
}

/// A text with markup.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Markup { source: String },
    Plain(String),
}

impl Text {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Markup { source } => source,
            Self::Plain(text) => text,
        }
    }
}

/// An image.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Media {
    pub(super) path: Option<String>,
    pub(super) abs_url: Option<String>,
    pub(super) alt: Texts,
}

/// Images of one view, perhaps only of some values of variation attributes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ImageGroup {
    pub(super) view_type: String,
    pub(super) images: Vec<Media>,
    pub(super) variation_attributes: Vec<Axis>,
}

/// A variation attribute.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Axis {
    pub(super) id: Option<String>,
    pub(super) attribute_definition_id: Option<String>,
    pub(super) values: Vec<AxisValue>,
}

impl Axis {
    /// Its id, and the attribute of variants that has its value.
    pub(super) fn names(&self) -> Option<(&str, &str)> {
        let (id, attribute) = (self.id.as_deref(), self.attribute_definition_id.as_deref());
        Some((id.or(attribute)?, attribute.or(id)?))
    }
}

/// A value of a variation attribute.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AxisValue {
    pub(super) value: String,
    pub(super) name: Texts,
}

/// A variant or variation group, as its master names it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Member {
    pub(super) product_id: String,
    #[serde(default)]
    pub(super) default_product_variation: bool,
}

/// The master of a variant.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Master {
    pub(super) master_id: String,
}

/// A product of a bundle or set.
#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(alias = "productId")]
    pub(super) id: Option<String>,
    pub(super) product: Option<Kind>,
}

/// A category.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    pub(super) catalog_id: String,
    pub(super) category_id: String,
}

/// A catalogue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Catalog {
    pub(super) id: String,
    pub(super) root_category: Option<String>,
    #[serde(default)]
    pub(super) assigned_sites: Vec<Site>,
}

/// A site, as a catalogue names it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Site {
    pub(super) id: String,
}

/// A category of a catalogue.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Category {
    pub(super) id: String,
    pub(super) parent_category_id: Option<String>,
    pub(super) name: Texts,
    pub(super) description: Texts,
    pub(super) online: bool,
    pub(super) position: Option<Number>,
    pub(super) image: Option<String>,
    pub(super) thumbnail: Option<String>,
}

/// A product of the Shopper Products API: one site and currency.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown {
    pub(super) id: String,
    /// What one piece costs, by the platform's own rule.
    pub(super) price: Option<Number>,
    /// For one piece, by price book.
    #[serde(default)]
    pub(super) prices: BTreeMap<String, Number>,
    #[serde(default)]
    pub(super) tiered_prices: Vec<Tier>,
}

/// What can be sold of a product, as a site shows it.
#[derive(Debug, Deserialize)]
pub(super) struct Available {
    pub(super) id: String,
    #[serde(default)]
    pub(super) inventories: Vec<Inventory>,
}

/// What can be sold from an inventory list.
#[derive(Debug, Deserialize)]
pub(super) struct Inventory {
    /// Id of the list.
    pub(super) id: String,
    pub(super) ats: Option<Number>,
}

/// A price from a quantity on.
#[derive(Debug, Deserialize)]
pub(super) struct Tier {
    pub(super) pricebook: Option<String>,
    pub(super) price: Option<Number>,
    pub(super) quantity: Option<Number>,
}

/// A site of OCAPI.
#[derive(Debug, Deserialize)]
pub(super) struct SiteOf {
    pub(super) id: String,
    #[serde(default)]
    pub(super) display_name: Texts,
}

/// A locale of a site.
#[derive(Debug, Deserialize)]
pub(super) struct Locale {
    pub(super) id: String,
    #[serde(default)]
    pub(super) active: Option<bool>,
}

/// An inventory list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct List {
    pub(super) id: String,
    pub(super) default_in_stock: Option<bool>,
    #[serde(default)]
    pub(super) assigned_sites: Vec<Value>,
}

/// An inventory record.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stock {
    pub(super) product_id: String,
    pub(super) allocation: Option<Allocation>,
    pub(super) ats: Option<Number>,
    pub(super) perpetual_flag: Option<bool>,
    pub(super) pre_order_back_order_handling: Option<String>,
    pub(super) pre_order_back_order_allocation: Option<Number>,
    pub(super) quantity_on_order: Option<Number>,
    pub(super) inventory_turnover: Option<Number>,
    pub(super) in_stock_date: Option<String>,
}

/// What was put into an inventory list.
#[derive(Debug, Deserialize)]
pub(super) struct Allocation {
    pub(super) amount: Option<Number>,
}

/// The definition of an attribute.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Definition {
    pub(super) id: String,
    pub(super) system: bool,
    pub(super) display_name: Texts,
    pub(super) value_type: String,
    pub(super) localizable: bool,
    pub(super) multi_value_type: bool,
    pub(super) value_definitions: Vec<ValueDefinition>,
}

/// A value of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ValueDefinition {
    pub(super) id: String,
    pub(super) display_value: Texts,
    /// The value itself, which some releases write by locale.
    pub(super) value: Option<Value>,
}
