//! The vendor's JSON, verbatim: field names as on the wire, unknown fields ignored, text borrowed from the page.
//!
//! Fields are required here if the vendor calls them required and a record can't be mapped without them; all others may
//! be missing or `null`.

pub mod people;

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

pub use people::{Customer, Order};

/// Text, borrowed where JSON holds it without escapes.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, out)
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> Self {
        text.0.into_owned()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        from.deserialize_str(Borrow)
    }
}

/// A JSON object as a list of its members, in their order: `LocalizedString`, `SearchKeywords`, channel maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Members<'a, T>(pub Vec<(Text<'a>, T)>);

impl<T> Default for Members<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Members<'a, T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Collect<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Collect<T> {
            type Value = Members<'de, T>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(2);
                while let Some(member) = map.next_entry::<Text<'de>, Option<T>>()? {
                    if let (name, Some(value)) = member {
                        members.push((name, value));
                    }
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Collect(PhantomData))
    }
}

/// `LocalizedString`.
pub type LocalizedString<'a> = Members<'a, Text<'a>>;

/// The value of an attribute. Only its shape shows its type.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are JSON's own")]
pub enum AttributeValue<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Text<'a>),
    Array(Vec<AttributeValue<'a>>),
    Object(Vec<(Text<'a>, AttributeValue<'a>)>),
}

impl<'de: 'a, 'a> Deserialize<'de> for AttributeValue<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = AttributeValue<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("any JSON value")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(AttributeValue::Null)
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
                Ok(AttributeValue::Boolean(truth))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(AttributeValue::Integer(number))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "what does not fit an i64 is kept as nearly as JSON's readers do"
            )]
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(i64::try_from(number).map_or(AttributeValue::Number(number as f64), AttributeValue::Integer))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(AttributeValue::Number(number))
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(AttributeValue::Text(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(AttributeValue::Text(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(AttributeValue::Array(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(2);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(AttributeValue::Object(members))
            }
        }
        from.deserialize_any(Any)
    }
}

/// `{"typeId": …, "id": …}`; the type follows from the field that holds it.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct Reference<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
}

/// `CentPrecisionMoney` and `HighPrecisionMoney`; only the latter has `preciseAmount`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct TypedMoney<'a> {
    #[serde(borrow)]
    pub currency_code: Text<'a>,
    pub cent_amount: i64,
    pub fraction_digits: Option<i64>,
    pub precise_amount: Option<i64>,
}

/// `Price`, embedded in a variant.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Price<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub value: TypedMoney<'a>,
    pub country: Option<Text<'a>>,
    pub customer_group: Option<Reference<'a>>,
    pub channel: Option<Reference<'a>>,
    pub valid_from: Option<Text<'a>>,
    pub valid_until: Option<Text<'a>>,
    pub discounted: Option<DiscountedPrice<'a>>,
    pub tiers: Option<Vec<PriceTier<'a>>>,
    pub recurrence_policy: Option<IgnoredAny>,
}

/// `DiscountedPrice`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct DiscountedPrice<'a> {
    #[serde(borrow)]
    pub value: TypedMoney<'a>,
}

/// `PriceTier`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct PriceTier<'a> {
    pub minimum_quantity: i64,
    #[serde(borrow)]
    pub value: TypedMoney<'a>,
}

/// `StandalonePrice`: the fields of a [`Price`] beside its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct StandalonePrice<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub created_at: Option<Text<'a>>,
    pub last_modified_at: Option<Text<'a>>,
    pub sku: Text<'a>,
    pub active: Option<bool>,
    pub value: TypedMoney<'a>,
    pub country: Option<Text<'a>>,
    pub customer_group: Option<Reference<'a>>,
    pub channel: Option<Reference<'a>>,
    pub valid_from: Option<Text<'a>>,
    pub valid_until: Option<Text<'a>>,
    pub discounted: Option<DiscountedPrice<'a>>,
    pub tiers: Option<Vec<PriceTier<'a>>>,
    pub recurrence_policy: Option<IgnoredAny>,
}

/// `ProductProjection`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductProjection<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub created_at: Option<Text<'a>>,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub product_type: Option<Reference<'a>>,
    pub name: Option<LocalizedString<'a>>,
    pub slug: Option<LocalizedString<'a>>,
    pub description: Option<LocalizedString<'a>>,
    pub meta_title: Option<LocalizedString<'a>>,
    pub meta_description: Option<LocalizedString<'a>>,
    pub meta_keywords: Option<LocalizedString<'a>>,
    pub search_keywords: Option<Members<'a, Vec<SearchKeyword<'a>>>>,
    pub categories: Option<Vec<Reference<'a>>>,
    pub published: Option<bool>,
    pub price_mode: Option<Text<'a>>,
    pub review_rating_statistics: Option<ReviewRatingStatistics>,
    pub attributes: Option<Vec<Attribute<'a>>>,
    pub master_variant: ProductVariant<'a>,
    pub variants: Option<Vec<ProductVariant<'a>>>,
}

/// `ProductTailoring`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductTailoring<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
    pub store: KeyReference<'a>,
    pub product: Reference<'a>,
    pub published: bool,
    pub current: ProductTailoringData<'a>,
}

/// `StoreKeyReference`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct KeyReference<'a> {
    #[serde(borrow)]
    pub key: Text<'a>,
}

/// `ProductTailoringData`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductTailoringData<'a> {
    #[serde(borrow)]
    pub name: Option<LocalizedString<'a>>,
    pub slug: Option<LocalizedString<'a>>,
    pub description: Option<LocalizedString<'a>>,
    pub meta_title: Option<LocalizedString<'a>>,
    pub meta_description: Option<LocalizedString<'a>>,
    pub attributes: Option<Vec<Attribute<'a>>>,
    pub variants: Option<Vec<ProductVariantTailoring<'a>>>,
}

/// `ProductVariantTailoring`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductVariantTailoring<'a> {
    pub id: i64,
    #[serde(borrow)]
    pub images: Option<Vec<Image<'a>>>,
}

/// `SearchKeyword`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct SearchKeyword<'a> {
    #[serde(borrow)]
    pub text: Text<'a>,
}

/// `ReviewRatingStatistics`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ReviewRatingStatistics {
    pub average_rating: f64,
    pub count: u64,
}

/// `Attribute`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct Attribute<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    pub value: AttributeValue<'a>,
}

/// `ProductVariant`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductVariant<'a> {
    pub id: i64,
    #[serde(borrow)]
    pub sku: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub prices: Option<Vec<Price<'a>>>,
    pub attributes: Option<Vec<Attribute<'a>>>,
    pub images: Option<Vec<Image<'a>>>,
    pub availability: Option<ProductVariantAvailability<'a>>,
}

/// `Image`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct Image<'a> {
    #[serde(borrow)]
    pub url: Option<Text<'a>>,
    pub label: Option<Text<'a>>,
}

/// `ProductVariantAvailability`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductVariantAvailability<'a> {
    pub is_on_stock: Option<bool>,
    pub available_quantity: Option<i64>,
    #[serde(borrow)]
    pub channels: Option<Members<'a, ProductVariantChannelAvailability>>,
}

/// `ProductVariantChannelAvailability`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductVariantChannelAvailability {
    pub is_on_stock: Option<bool>,
    pub available_quantity: Option<i64>,
}

/// The fields of a `Product` that its un-publication needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct UnpublishedProduct<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
}

/// `Product`, of a Modular project.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Product<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub created_at: Option<Text<'a>>,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub product_type: Option<Reference<'a>>,
    pub review_rating_statistics: Option<ReviewRatingStatistics>,
    pub master_data: ProductCatalogData<'a>,
}

/// `ProductCatalogData`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductCatalogData<'a> {
    pub published: bool,
    #[serde(borrow)]
    pub current: ProductData<'a>,
}

/// `ProductData`; a Modular project's has no master variant.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductData<'a> {
    #[serde(borrow)]
    pub name: Option<LocalizedString<'a>>,
    pub slug: Option<LocalizedString<'a>>,
    pub description: Option<LocalizedString<'a>>,
    pub meta_title: Option<LocalizedString<'a>>,
    pub meta_description: Option<LocalizedString<'a>>,
    pub meta_keywords: Option<LocalizedString<'a>>,
    pub search_keywords: Option<Members<'a, Vec<SearchKeyword<'a>>>>,
    pub categories: Option<Vec<Reference<'a>>>,
    pub attributes: Option<Vec<Attribute<'a>>>,
    pub default_variant: Option<Reference<'a>>,
    pub master_variant: Option<IgnoredAny>,
}

/// `Variant`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Variant<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub variant_id: i64,
    pub product: Reference<'a>,
    pub published: bool,
    pub current: VariantData<'a>,
}

/// `VariantData`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct VariantData<'a> {
    #[serde(borrow)]
    pub sku: Option<Text<'a>>,
    pub images: Option<Vec<Image<'a>>>,
    pub attributes: Option<Vec<Attribute<'a>>>,
}

/// `Category`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Category<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub created_at: Option<Text<'a>>,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub name: Option<LocalizedString<'a>>,
    pub slug: Option<LocalizedString<'a>>,
    pub description: Option<LocalizedString<'a>>,
    pub external_id: Option<Text<'a>>,
    pub parent: Option<Reference<'a>>,
    pub order_hint: Option<Text<'a>>,
    pub assets: Option<Vec<Asset<'a>>>,
}

/// `Asset`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct Asset<'a> {
    #[serde(borrow)]
    pub sources: Option<Vec<AssetSource<'a>>>,
}

/// `AssetSource`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct AssetSource<'a> {
    #[serde(borrow)]
    pub uri: Text<'a>,
    pub content_type: Option<Text<'a>>,
    pub dimensions: Option<IgnoredAny>,
}

/// `ProductType`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductType<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub name: Text<'a>,
    pub attributes: Option<Vec<AttributeDefinition<'a>>>,
}

/// `AttributeDefinition`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct AttributeDefinition<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    pub label: Option<LocalizedString<'a>>,
    #[serde(rename = "type")]
    pub of: AttributeType<'a>,
    pub level: Option<Text<'a>>,
    pub attribute_constraint: Option<Text<'a>>,
}

/// `AttributeType` of any kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct AttributeType<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    pub values: Option<Vec<EnumValue<'a>>>,
    pub element_type: Option<Box<AttributeType<'a>>>,
    pub type_reference: Option<Reference<'a>>,
}

/// `AttributePlainEnumValue` and `AttributeLocalizedEnumValue`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct EnumValue<'a> {
    #[serde(borrow)]
    pub key: Text<'a>,
    pub label: AttributeValue<'a>,
}

/// `InventoryEntry`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct InventoryEntry<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub created_at: Option<Text<'a>>,
    pub last_modified_at: Option<Text<'a>>,
    pub sku: Text<'a>,
    pub supply_channel: Option<Reference<'a>>,
    pub quantity_on_stock: Option<i64>,
    pub available_quantity: Option<i64>,
    pub expected_delivery: Option<Text<'a>>,
}

/// `Channel`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Channel<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Text<'a>,
    pub name: Option<LocalizedString<'a>>,
}

/// `CustomerGroup`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct CustomerGroup<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub name: Text<'a>,
}

/// `Store`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Store<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Text<'a>,
    pub name: Option<LocalizedString<'a>>,
    pub languages: Option<Vec<Text<'a>>>,
    pub countries: Option<Vec<StoreCountry<'a>>>,
    pub distribution_channels: Option<Vec<Reference<'a>>>,
    pub supply_channels: Option<Vec<Reference<'a>>>,
    pub product_selections: Option<Vec<ProductSelectionSetting<'a>>>,
}

/// `StoreCountry`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct StoreCountry<'a> {
    #[serde(borrow)]
    pub code: Text<'a>,
}

/// `ProductSelectionSetting`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductSelectionSetting<'a> {
    #[serde(borrow)]
    pub product_selection: Reference<'a>,
    #[serde(default)]
    pub active: bool,
}

/// `ProductSelection`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ProductSelection<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub last_modified_at: Option<Text<'a>>,
    pub key: Option<Text<'a>>,
    pub mode: Option<Text<'a>>,
    pub product_count: Option<u64>,
}

/// `AssignedProductReference`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct AssignedProductReference<'a> {
    #[serde(borrow)]
    pub product: Reference<'a>,
    pub variant_selection: Option<VariantSelection<'a>>,
    pub variant_exclusion: Option<VariantExclusion<'a>>,
}

/// `ProductVariantSelection` of any kind.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct VariantSelection<'a> {
    #[serde(rename = "type", borrow)]
    pub of: Text<'a>,
    pub skus: Option<Vec<Text<'a>>>,
}

/// `ProductVariantExclusion`.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct VariantExclusion<'a> {
    #[serde(borrow)]
    pub skus: Option<Vec<Text<'a>>>,
}

/// The fields of a `Message` that a deletion needs.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Message<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    pub created_at: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub of: Text<'a>,
    pub resource: Reference<'a>,
    pub resource_version: Option<u64>,
}

/// `Project`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Project {
    pub key: String,
    pub name: Option<String>,
    #[serde(default)]
    pub countries: Vec<String>,
    #[serde(default)]
    pub currencies: Vec<String>,
    #[serde(default)]
    pub languages: Vec<String>,
    pub messages: Option<MessagesConfiguration>,
    pub product_catalog_model: Option<String>,
}

/// `MessagesConfiguration`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct MessagesConfiguration {
    #[serde(default)]
    pub enabled: bool,
    pub delete_days_after_creation: Option<u32>,
}

/// `ErrorResponse` and `AuthErrorResponse`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ErrorResponse {
    pub message: Option<String>,
    pub errors: Vec<ErrorObject>,
    pub error: Option<String>,
    pub error_description: Option<String>,
}

/// `ErrorObject`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "verbatim")]
pub struct ErrorObject {
    pub code: String,
    pub message: String,
}

/// Members of a page's envelope other than its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The limit that the server applied, which may be lower than the requested one.
    pub limit: Option<u64>,
    /// How many records there were.
    pub count: usize,
}

/// Reads a page and passes each record on as soon as it is parsed, so that only one is held in this form.
///
/// # Errors
/// The page or one of its records is not of that form; records that were passed on until then must be dropped.
pub fn page<'a, T: Deserialize<'a>>(body: &'a str, each: impl FnMut(T)) -> Result<Envelope, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(body);
    let envelope = PageSeed { each, of: PhantomData::<T> }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(envelope)
}

/// Reads a page and leaves its records as text, for pages with a record that can't be parsed.
///
/// # Errors
/// The page itself is not of that form.
pub fn raw_page(body: &str) -> Result<(Envelope, Vec<&RawValue>), serde_json::Error> {
    let mut records = Vec::new();
    let envelope = page(body, |record: &RawValue| records.push(record))?;
    Ok((envelope, records))
}

struct PageSeed<F, T> {
    each: F,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for PageSeed<F, T> {
    type Value = Envelope;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Envelope, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for PageSeed<F, T> {
    type Value = Envelope;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a page with results")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Envelope, A::Error> {
        let mut limit = None;
        let mut count = None;
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "limit" => limit = map.next_value::<Option<u64>>()?,
                "results" => count = Some(map.next_value_seed(ResultsSeed { each: &mut self.each, of: PhantomData })?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let count = count.ok_or_else(|| de::Error::missing_field("results"))?;
        Ok(Envelope { limit, count })
    }
}

struct ResultsSeed<'f, F, T> {
    each: &'f mut F,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> DeserializeSeed<'de> for ResultsSeed<'_, F, T> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<usize, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T)> Visitor<'de> for ResultsSeed<'_, F, T> {
    type Value = usize;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while let Some(record) = seq.next_element::<T>()? {
            (self.each)(record);
            count += 1;
        }
        Ok(count)
    }
}
