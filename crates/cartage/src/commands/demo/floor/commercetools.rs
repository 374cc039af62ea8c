//! The JSON of commercetools as the first edition's connector parsed it: the fixed floor of benchmarks.
//!
//! **Invariant:** this file does not follow the connector. A floor that became slower or faster with the connector would
//! hide what the connector costs.

#![expect(dead_code, reason = "the floor parses every field and reads none")]

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::rows::{self, Text};

/// Parses what a path below `/{project}/` gives; returns the number of records.
pub(super) fn parse(path: &str, body: &str) -> Result<usize, serde_json::Error> {
    let mut segments = path.split('/').skip(2);
    match (segments.next(), segments.nth(1)) {
        (Some("product-projections"), None) => page::<ProductProjection<'_>>(body),
        (Some("products"), None) => page::<UnpublishedProduct<'_>>(body),
        (Some("categories"), None) => page::<Category<'_>>(body),
        (Some("product-types"), None) => page::<ProductType<'_>>(body),
        (Some("inventory"), None) => page::<InventoryEntry<'_>>(body),
        (Some("standalone-prices"), None) => page::<StandalonePrice<'_>>(body),
        (Some("channels"), None) => page::<Channel<'_>>(body),
        (Some("customer-groups"), None) => page::<CustomerGroup<'_>>(body),
        (Some("stores"), None) => page::<Store<'_>>(body),
        (Some("product-selections"), None) => page::<ProductSelection<'_>>(body),
        (Some("product-selections"), Some("products")) => page::<AssignedProductReference<'_>>(body),
        (Some("messages"), None) => page::<Message<'_>>(body),
        (None, _) => serde_json::from_str::<Project>(body).map(|_| 1),
        _ => serde_json::from_str::<IgnoredAny>(body).map(|_| 1),
    }
}

fn page<'a, T: Deserialize<'a>>(body: &'a str) -> Result<usize, serde_json::Error> {
    rows::page::<T>("results", body)
}

/// A JSON object as a list of its members, in their order: `LocalizedString`, `SearchKeywords`, channel maps.
pub(super) struct Members<'a, T>(Vec<(Text<'a>, T)>);

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
pub(super) type LocalizedString<'a> = Members<'a, Text<'a>>;

/// The value of an attribute, recognized by its shape alone.
pub(super) enum AttributeValue<'a> {
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

/// `{"typeId": …, "id": …}`; the type is known from where it stands.
#[derive(Deserialize)]
pub(super) struct Reference<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
}

/// `CentPrecisionMoney` and `HighPrecisionMoney`, of which only the latter has `preciseAmount`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypedMoney<'a> {
    #[serde(borrow)]
    pub(super) currency_code: Text<'a>,
    pub(super) cent_amount: i64,
    pub(super) fraction_digits: Option<i64>,
    pub(super) precise_amount: Option<i64>,
}

/// `Price`, embedded in a variant.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Price<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) value: TypedMoney<'a>,
    pub(super) country: Option<Text<'a>>,
    pub(super) customer_group: Option<Reference<'a>>,
    pub(super) channel: Option<Reference<'a>>,
    pub(super) valid_from: Option<Text<'a>>,
    pub(super) valid_until: Option<Text<'a>>,
    pub(super) discounted: Option<DiscountedPrice<'a>>,
    pub(super) tiers: Option<Vec<PriceTier<'a>>>,
    pub(super) recurrence_policy: Option<IgnoredAny>,
}

/// `DiscountedPrice`.
#[derive(Deserialize)]
pub(super) struct DiscountedPrice<'a> {
    #[serde(borrow)]
    pub(super) value: TypedMoney<'a>,
}

/// `PriceTier`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PriceTier<'a> {
    pub(super) minimum_quantity: i64,
    #[serde(borrow)]
    pub(super) value: TypedMoney<'a>,
}

/// `StandalonePrice`: the fields of a [`Price`] beside its own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StandalonePrice<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) sku: Text<'a>,
    pub(super) active: Option<bool>,
    pub(super) value: TypedMoney<'a>,
    pub(super) country: Option<Text<'a>>,
    pub(super) customer_group: Option<Reference<'a>>,
    pub(super) channel: Option<Reference<'a>>,
    pub(super) valid_from: Option<Text<'a>>,
    pub(super) valid_until: Option<Text<'a>>,
    pub(super) discounted: Option<DiscountedPrice<'a>>,
    pub(super) tiers: Option<Vec<PriceTier<'a>>>,
    pub(super) recurrence_policy: Option<IgnoredAny>,
}

/// `ProductProjection`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductProjection<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) created_at: Option<Text<'a>>,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) key: Option<Text<'a>>,
    pub(super) product_type: Option<Reference<'a>>,
    pub(super) name: Option<LocalizedString<'a>>,
    pub(super) slug: Option<LocalizedString<'a>>,
    pub(super) description: Option<LocalizedString<'a>>,
    pub(super) meta_title: Option<LocalizedString<'a>>,
    pub(super) meta_description: Option<LocalizedString<'a>>,
    pub(super) meta_keywords: Option<LocalizedString<'a>>,
    pub(super) search_keywords: Option<Members<'a, Vec<SearchKeyword<'a>>>>,
    pub(super) categories: Option<Vec<Reference<'a>>>,
    pub(super) published: Option<bool>,
    pub(super) price_mode: Option<Text<'a>>,
    pub(super) review_rating_statistics: Option<ReviewRatingStatistics>,
    pub(super) attributes: Option<Vec<Attribute<'a>>>,
    pub(super) master_variant: ProductVariant<'a>,
    pub(super) variants: Option<Vec<ProductVariant<'a>>>,
}

/// `SearchKeyword`.
#[derive(Deserialize)]
pub(super) struct SearchKeyword<'a> {
    #[serde(borrow)]
    pub(super) text: Text<'a>,
}

/// `ReviewRatingStatistics`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReviewRatingStatistics {
    pub(super) average_rating: f64,
    pub(super) count: u64,
}

/// `Attribute`.
#[derive(Deserialize)]
pub(super) struct Attribute<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) value: AttributeValue<'a>,
}

/// `ProductVariant`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductVariant<'a> {
    pub(super) id: i64,
    #[serde(borrow)]
    pub(super) sku: Option<Text<'a>>,
    pub(super) key: Option<Text<'a>>,
    pub(super) prices: Option<Vec<Price<'a>>>,
    pub(super) attributes: Option<Vec<Attribute<'a>>>,
    pub(super) images: Option<Vec<Image<'a>>>,
    pub(super) availability: Option<ProductVariantAvailability<'a>>,
}

/// `Image`.
#[derive(Deserialize)]
pub(super) struct Image<'a> {
    #[serde(borrow)]
    pub(super) url: Text<'a>,
    pub(super) label: Option<Text<'a>>,
}

/// `ProductVariantAvailability`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductVariantAvailability<'a> {
    pub(super) is_on_stock: Option<bool>,
    pub(super) available_quantity: Option<i64>,
    #[serde(borrow)]
    pub(super) channels: Option<Members<'a, ProductVariantChannelAvailability>>,
}

/// `ProductVariantChannelAvailability`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductVariantChannelAvailability {
    pub(super) is_on_stock: Option<bool>,
    pub(super) available_quantity: Option<i64>,
}

/// As much of a `Product` as its un-publication needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UnpublishedProduct<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
}

/// `Category`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Category<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) created_at: Option<Text<'a>>,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) key: Option<Text<'a>>,
    pub(super) name: Option<LocalizedString<'a>>,
    pub(super) slug: Option<LocalizedString<'a>>,
    pub(super) description: Option<LocalizedString<'a>>,
    pub(super) parent: Option<Reference<'a>>,
    pub(super) order_hint: Option<Text<'a>>,
    pub(super) assets: Option<Vec<Asset<'a>>>,
}

/// `Asset`.
#[derive(Deserialize)]
pub(super) struct Asset<'a> {
    #[serde(borrow)]
    pub(super) sources: Option<Vec<AssetSource<'a>>>,
}

/// `AssetSource`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssetSource<'a> {
    #[serde(borrow)]
    pub(super) uri: Text<'a>,
    pub(super) content_type: Option<Text<'a>>,
}

/// `ProductType`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductType<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) key: Option<Text<'a>>,
    pub(super) name: Text<'a>,
    pub(super) attributes: Option<Vec<AttributeDefinition<'a>>>,
}

/// `AttributeDefinition`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttributeDefinition<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) label: Option<LocalizedString<'a>>,
    #[serde(rename = "type")]
    pub(super) of: AttributeType<'a>,
    pub(super) level: Option<Text<'a>>,
    pub(super) attribute_constraint: Option<Text<'a>>,
}

/// `AttributeType` of any kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttributeType<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    pub(super) values: Option<Vec<EnumValue<'a>>>,
    pub(super) element_type: Option<Box<AttributeType<'a>>>,
    pub(super) type_reference: Option<Reference<'a>>,
}

/// `AttributePlainEnumValue` and `AttributeLocalizedEnumValue`.
#[derive(Deserialize)]
pub(super) struct EnumValue<'a> {
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    pub(super) label: AttributeValue<'a>,
}

/// `InventoryEntry`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InventoryEntry<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) sku: Text<'a>,
    pub(super) supply_channel: Option<Reference<'a>>,
    pub(super) quantity_on_stock: Option<i64>,
    pub(super) available_quantity: Option<i64>,
    pub(super) expected_delivery: Option<Text<'a>>,
}

/// `Channel`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Channel<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) key: Text<'a>,
    pub(super) name: Option<LocalizedString<'a>>,
}

/// `CustomerGroup`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomerGroup<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) key: Option<Text<'a>>,
    pub(super) name: Text<'a>,
}

/// `Store`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Store<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) key: Text<'a>,
    pub(super) name: Option<LocalizedString<'a>>,
    pub(super) languages: Option<Vec<Text<'a>>>,
    pub(super) countries: Option<Vec<StoreCountry<'a>>>,
    pub(super) distribution_channels: Option<Vec<Reference<'a>>>,
    pub(super) supply_channels: Option<Vec<Reference<'a>>>,
    pub(super) product_selections: Option<Vec<ProductSelectionSetting<'a>>>,
}

/// `StoreCountry`.
#[derive(Deserialize)]
pub(super) struct StoreCountry<'a> {
    #[serde(borrow)]
    pub(super) code: Text<'a>,
}

/// `ProductSelectionSetting`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductSelectionSetting<'a> {
    #[serde(borrow)]
    pub(super) product_selection: Reference<'a>,
    #[serde(default)]
    pub(super) active: bool,
}

/// `ProductSelection`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductSelection<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(default)]
    pub(super) version: u64,
    pub(super) last_modified_at: Option<Text<'a>>,
    pub(super) key: Option<Text<'a>>,
    pub(super) mode: Option<Text<'a>>,
}

/// `AssignedProductReference`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AssignedProductReference<'a> {
    #[serde(borrow)]
    pub(super) product: Reference<'a>,
    pub(super) variant_selection: Option<VariantSelection<'a>>,
    pub(super) variant_exclusion: Option<VariantExclusion<'a>>,
}

/// `ProductVariantSelection` of any kind.
#[derive(Deserialize)]
pub(super) struct VariantSelection<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) of: Text<'a>,
    pub(super) skus: Option<Vec<Text<'a>>>,
}

/// `ProductVariantExclusion`.
#[derive(Deserialize)]
pub(super) struct VariantExclusion<'a> {
    #[serde(borrow)]
    pub(super) skus: Option<Vec<Text<'a>>>,
}

/// As much of a `Message` as a deletion needs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) created_at: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub(super) of: Text<'a>,
    pub(super) resource: Reference<'a>,
    pub(super) resource_version: Option<u64>,
}

/// `Project`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Project {
    pub(super) key: String,
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) countries: Vec<String>,
    #[serde(default)]
    pub(super) currencies: Vec<String>,
    #[serde(default)]
    pub(super) languages: Vec<String>,
    pub(super) messages: Option<MessagesConfiguration>,
    pub(super) product_catalog_model: Option<String>,
}

/// `MessagesConfiguration`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessagesConfiguration {
    #[serde(default)]
    pub(super) enabled: bool,
    pub(super) delete_days_after_creation: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_kind_of_page_is_parsed_as_what_it_is() {
        let entry = r#"{"limit": 1, "results": [{"id": "a", "sku": "A-1"}]}"#;
        assert_eq!(parse("/shop/inventory", entry).unwrap(), 1);
        assert!(parse("/shop/product-projections", entry).is_err(), "an inventory entry is no product");
        assert!(parse("/shop/product-selections/s/products", entry).is_err(), "nor an assignment");
        assert_eq!(parse("/shop", r#"{"key": "shop"}"#).unwrap(), 1);
    }
}
