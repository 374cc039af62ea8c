//! Customers and orders. Their types have no `Debug`, so that what they hold of people reaches no log.
//!
//! What is not here is never read; a customer's `password` is not here.

use serde::Deserialize;

use super::{AttributeValue, KeyReference, LocalizedString, Members, Reference, Text, TypedMoney};

/// `Customer`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Customer<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub created_at: Option<Text<'a>>,
    pub last_modified_at: Option<Text<'a>>,
    pub customer_number: Option<Text<'a>>,
    pub external_id: Option<Text<'a>>,
    pub email: Option<Text<'a>>,
    pub first_name: Option<Text<'a>>,
    pub last_name: Option<Text<'a>>,
    pub middle_name: Option<Text<'a>>,
    pub title: Option<Text<'a>>,
    pub salutation: Option<Text<'a>>,
    pub date_of_birth: Option<Text<'a>>,
    pub company_name: Option<Text<'a>>,
    pub addresses: Option<Vec<Address<'a>>>,
    pub default_shipping_address_id: Option<Text<'a>>,
    pub shipping_address_ids: Option<Vec<Text<'a>>>,
    pub customer_group: Option<Reference<'a>>,
    pub customer_group_assignments: Option<Vec<CustomerGroupAssignment<'a>>>,
    pub custom: Option<CustomFields<'a>>,
    pub locale: Option<Text<'a>>,
    pub stores: Option<Vec<KeyReference<'a>>>,
}

/// `Address`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Address<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub country: Option<Text<'a>>,
    pub title: Option<Text<'a>>,
    pub salutation: Option<Text<'a>>,
    pub first_name: Option<Text<'a>>,
    pub last_name: Option<Text<'a>>,
    pub street_name: Option<Text<'a>>,
    pub street_number: Option<Text<'a>>,
    pub additional_street_info: Option<Text<'a>>,
    pub postal_code: Option<Text<'a>>,
    pub city: Option<Text<'a>>,
    pub region: Option<Text<'a>>,
    pub state: Option<Text<'a>>,
    pub company: Option<Text<'a>>,
    pub department: Option<Text<'a>>,
    pub building: Option<Text<'a>>,
    pub apartment: Option<Text<'a>>,
    #[serde(rename = "pOBox")]
    pub po_box: Option<Text<'a>>,
    pub phone: Option<Text<'a>>,
    pub mobile: Option<Text<'a>>,
    pub additional_address_info: Option<Text<'a>>,
}

/// `CustomerGroupAssignment`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct CustomerGroupAssignment<'a> {
    #[serde(borrow)]
    pub customer_group: Reference<'a>,
}

/// `CustomFields`.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct CustomFields<'a> {
    #[serde(borrow)]
    pub fields: Option<Members<'a, AttributeValue<'a>>>,
}

/// `Order`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Order<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(default)]
    pub version: u64,
    pub created_at: Option<Text<'a>>,
    pub last_modified_at: Option<Text<'a>>,
    pub completed_at: Option<Text<'a>>,
    pub order_number: Option<Text<'a>>,
    pub customer_id: Option<Text<'a>>,
    pub customer_email: Option<Text<'a>>,
    pub store: Option<KeyReference<'a>>,
    pub country: Option<Text<'a>>,
    pub locale: Option<Text<'a>>,
    pub line_items: Option<Vec<LineItem<'a>>>,
    pub custom_line_items: Option<Vec<CustomLineItem<'a>>>,
    pub total_price: TypedMoney<'a>,
    pub price_rounding_mode: Option<Text<'a>>,
    pub taxed_price: Option<TaxedPrice<'a>>,
    pub taxed_shipping_price: Option<TaxedPrice<'a>>,
    pub discount_on_total_price: Option<DiscountOnTotalPrice<'a>>,
    pub shipping_info: Option<ShippingInfo<'a>>,
    pub shipping: Option<Vec<Shipping<'a>>>,
    pub shipping_address: Option<Address<'a>>,
    pub billing_address: Option<Address<'a>>,
    pub discount_codes: Option<Vec<DiscountCodeInfo<'a>>>,
    pub order_state: Text<'a>,
    pub shipment_state: Option<Text<'a>>,
    pub payment_state: Option<Text<'a>>,
    pub return_info: Option<Vec<ReturnInfo<'a>>>,
    pub custom: Option<CustomFields<'a>>,
}

/// `LineItem`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct LineItem<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    pub product_id: Option<Text<'a>>,
    pub name: Option<LocalizedString<'a>>,
    pub variant: Option<LineVariant<'a>>,
    pub price: Option<LinePrice<'a>>,
    pub quantity: i64,
    pub total_price: TypedMoney<'a>,
    pub discounted_price_per_quantity: Option<Vec<serde::de::IgnoredAny>>,
    pub taxed_price: Option<TaxedPrice<'a>>,
    pub tax_rate: Option<TaxRate>,
}

/// The fields of a `ProductVariant` that an order needs of its snapshot.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct LineVariant<'a> {
    pub id: i64,
    #[serde(borrow)]
    pub sku: Option<Text<'a>>,
}

/// The fields of a `Price` that an order needs of its snapshot.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct LinePrice<'a> {
    #[serde(borrow)]
    pub value: TypedMoney<'a>,
    pub discounted: Option<super::DiscountedPrice<'a>>,
}

/// `CustomLineItem`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct CustomLineItem<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    pub name: Option<LocalizedString<'a>>,
    pub money: Option<TypedMoney<'a>>,
    pub quantity: i64,
    pub total_price: TypedMoney<'a>,
    pub discounted_price_per_quantity: Option<Vec<serde::de::IgnoredAny>>,
    pub taxed_price: Option<TaxedPrice<'a>>,
    pub tax_rate: Option<TaxRate>,
}

/// `TaxedPrice` and `TaxedItemPrice`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct TaxedPrice<'a> {
    #[serde(borrow)]
    pub total_net: TypedMoney<'a>,
    pub total_gross: TypedMoney<'a>,
    pub total_tax: Option<TypedMoney<'a>>,
}

/// `TaxRate`.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct TaxRate {
    pub included_in_price: Option<bool>,
}

/// `DiscountOnTotalPrice`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct DiscountOnTotalPrice<'a> {
    #[serde(borrow)]
    pub discounted_amount: TypedMoney<'a>,
}

/// `ShippingInfo`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ShippingInfo<'a> {
    #[serde(borrow)]
    pub price: TypedMoney<'a>,
    pub taxed_price: Option<TaxedPrice<'a>>,
    pub discounted_price: Option<DiscountedLineItemPrice<'a>>,
}

/// `DiscountedLineItemPrice`.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct DiscountedLineItemPrice<'a> {
    #[serde(borrow)]
    pub value: TypedMoney<'a>,
}

/// `Shipping`, of an order with several.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Shipping<'a> {
    #[serde(borrow)]
    pub shipping_info: Option<ShippingInfo<'a>>,
    pub shipping_address: Option<Address<'a>>,
}

/// `DiscountCodeInfo`, with its reference expanded.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct DiscountCodeInfo<'a> {
    #[serde(borrow)]
    pub discount_code: ExpandedDiscountCode<'a>,
    pub state: Text<'a>,
}

/// `DiscountCodeReference`.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct ExpandedDiscountCode<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    pub obj: Option<DiscountCode<'a>>,
}

/// `DiscountCode`.
#[derive(Clone, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct DiscountCode<'a> {
    #[serde(borrow)]
    pub code: Text<'a>,
}

/// `ReturnInfo`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ReturnInfo<'a> {
    #[serde(borrow)]
    pub items: Option<Vec<ReturnItem<'a>>>,
    pub return_date: Option<Text<'a>>,
}

/// `LineItemReturnItem` and `CustomLineItemReturnItem`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct ReturnItem<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    pub line_item_id: Option<Text<'a>>,
    pub custom_line_item_id: Option<Text<'a>>,
    pub quantity: i64,
    pub shipment_state: Text<'a>,
    pub payment_state: Text<'a>,
    pub created_at: Option<Text<'a>>,
}

/// `Type`, as far as its fields are looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "verbatim")]
pub struct Type {
    pub id: String,
    #[serde(default)]
    pub resource_type_ids: Vec<String>,
    #[serde(default)]
    pub field_definitions: Vec<FieldDefinition>,
}

/// `FieldDefinition`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct FieldDefinition {
    pub name: String,
    #[serde(rename = "type")]
    pub of: FieldType,
}

/// `FieldType` of any kind.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "verbatim")]
pub struct FieldType {
    pub name: String,
    /// Of a set.
    #[serde(rename = "elementType")]
    pub element_type: Option<Box<FieldType>>,
}
