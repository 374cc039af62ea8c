//! Attributes of products: values, and the types that define them.

use serde::{Deserialize, Serialize};

use crate::{Kind, Localized, Money, Notice, ProductTypeId, RecordId};

/// A named value on a product or a variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// Machine name.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// A value of an attribute, in any of the types that shop platforms know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Text in no particular language.
    Text(String),
    /// Text by locale.
    Localized(Localized),
    /// One of a list of keys; the label is in no particular language.
    Enum {
        /// Machine key.
        key: String,
        /// Shown label.
        label: String,
    },
    /// One of a list of keys with a label by locale.
    LocalizedEnum {
        /// Machine key.
        key: String,
        /// Shown label by locale.
        label: Localized,
    },
    /// A number that JSON writes without a fraction.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// An amount of money.
    Money(Money),
    /// A calendar date, `2026-05-01`.
    Date(String),
    /// A time of day, `12:34:56.000`.
    Time(String),
    /// An instant, RFC 3339.
    DateTime(String),
    /// True or false.
    Boolean(bool),
    /// Another record, of any type the platform has.
    Reference {
        /// The platform's name for the type of the referenced record.
        of: String,
        /// Its kind in the mirror; `None` where the mirror does not keep such records.
        kind: Option<Kind>,
        /// Its id.
        id: RecordId,
    },
    /// Attributes within the attribute.
    Nested(Vec<Attribute>),
    /// Several values; the order has no meaning.
    Set(Vec<Value>),
}

/// A type of product: defines the attributes that its products may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductType {
    /// Id at the source.
    pub id: ProductTypeId,
    /// Key given by the shop.
    pub key: Option<String>,
    /// Shown name.
    pub name: String,
    /// The attributes.
    pub attributes: Vec<AttributeDefinition>,
    /// Details that were left out.
    pub notices: Vec<Notice>,
}

/// Definition of one attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributeDefinition {
    /// Machine name.
    pub name: String,
    /// Shown label.
    pub label: Localized,
    /// Type of its values.
    pub of: AttributeType,
    /// Whether its values belong to the product or to each variant.
    pub spread: Spread,
}

/// Whether the values of an attribute belong to the product as a whole or to each variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// One value for the product as a whole, though a source may keep it with its variants.
    Product,
    /// A value for each variant.
    Variant,
    /// A value for each variant, by which buyers choose one: an option such as size or colour.
    Option,
    /// A value for each variant that identifies it, such as a barcode.
    Identifier,
}

/// Type of an attribute's values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of `Value`")]
pub enum AttributeType {
    Text,
    Localized,
    /// Allowed keys with labels, in the shop's order.
    Enum(Vec<(String, String)>),
    /// Allowed keys with labels by locale, in the shop's order.
    LocalizedEnum(Vec<(String, Localized)>),
    Number,
    Money,
    Date,
    Time,
    DateTime,
    Boolean,
    Reference,
    /// Attributes of another product type.
    Nested(ProductTypeId),
    Set(Box<AttributeType>),
    /// A type this release does not know, by the platform's name.
    Other(String),
}
