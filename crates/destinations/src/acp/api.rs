//! The protocol's JSON, verbatim (`schema.feed.json` of version 2026-04-17). No other keys are allowed.

use serde::{Deserialize, Serialize};

/// At least one of its texts.
#[derive(Debug, Serialize)]
pub(super) struct Description {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) html: Option<String>,
}

/// An amount in minor units of ISO 4217, zero or more.
#[derive(Debug, Serialize)]
pub(super) struct Price {
    pub(super) amount: i64,
    pub(super) currency: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Availability {
    pub(super) available: bool,
    pub(super) status: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Barcode<'a> {
    pub(super) r#type: &'static str,
    pub(super) value: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct Media<'a> {
    pub(super) r#type: &'static str,
    pub(super) url: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct VariantOption {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Category {
    pub(super) value: String,
    pub(super) taxonomy: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Seller<'a> {
    pub(super) name: &'a str,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the protocol's names")]
pub(super) struct Variant<'a> {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) url: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) barcodes: Vec<Barcode<'a>>,
    pub(super) price: Price,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) list_price: Option<Price>,
    pub(super) availability: Availability,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) categories: Vec<Category>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) condition: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) variant_options: Vec<VariantOption>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) media: Vec<Media<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seller: Option<Seller<'a>>,
}

/// `FeedMetadata`.
#[derive(Debug, Deserialize)]
pub(super) struct Feed {
    pub(super) id: String,
    #[serde(default)]
    pub(super) target_country: Option<String>,
}

/// `UpsertProductsResponse`.
#[derive(Debug, Deserialize)]
pub(super) struct Accepted {
    pub(super) accepted: bool,
}

/// `Error`.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}
