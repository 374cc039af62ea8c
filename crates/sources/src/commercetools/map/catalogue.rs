//! Categories and product types.

use contract::Change;
use model::{AttributeDefinition, AttributeType, Category, Notice, Online, ProductType, Record};

use super::{Unfit, attribute::labels_by_locale, instant, is, localized, some};
use crate::commercetools::api::{self, AttributeValue};

/// A `Category`. Its image is the first asset that says it is one; the vendor has no field for it.
pub fn category(category: api::Category<'_>) -> Result<Change, Unfit> {
    let mut notices = Vec::new();
    let record = Category {
        id: String::from(category.id).into(),
        key: some(category.key),
        tree: None,
        parent: category.parent.map(|it| String::from(it.id).into()),
        name: localized("name", category.name, &mut notices)?,
        slug: localized("slug", category.slug, &mut notices)?,
        description: localized("description", category.description, &mut notices)?,
        // Text of a decimal between 0 and 1.
        order: category.order_hint.and_then(|hint| hint.parse::<f64>().ok()).filter(|order| order.is_finite()),
        online: Online::ALWAYS,
        image: image(category.assets),
        created_at: instant("createdAt", category.created_at.as_ref())?,
        notices,
    };
    is(Record::Category(record), category.version, category.last_modified_at.as_ref())
}

fn image(assets: Option<Vec<api::Asset<'_>>>) -> Option<String> {
    let mut sources = assets.into_iter().flatten().flat_map(|asset| asset.sources.unwrap_or_default());
    let is_image = |it: &api::AssetSource<'_>| it.content_type.as_deref().is_some_and(|of| of.starts_with("image/"));
    sources.find(is_image).map(|source| source.uri.into())
}

/// A `ProductType`.
pub fn product_type(of: api::ProductType<'_>) -> Result<Change, Unfit> {
    let mut notices = Vec::new();
    let attributes = of.attributes.unwrap_or_default().into_iter();
    let attributes = attributes.map(|it| definition(it, &mut notices)).collect::<Result<_, _>>()?;
    let record = ProductType {
        id: String::from(of.id).into(),
        key: some(of.key),
        name: of.name.into(),
        attributes,
        notices,
    };
    is(Record::ProductType(record), of.version, of.last_modified_at.as_ref())
}

fn definition(of: api::AttributeDefinition<'_>, notices: &mut Vec<Notice>) -> Result<AttributeDefinition, Unfit> {
    Ok(AttributeDefinition {
        label: localized("label", of.label, notices)?,
        // Variants are told apart by the combination of these; other constraints say nothing about options.
        option: of.attribute_constraint.as_deref() == Some("CombinationUnique")
            && of.level.as_deref() != Some("Product"),
        of: attribute_type(of.of),
        name: of.name.into(),
    })
}

fn attribute_type(of: api::AttributeType<'_>) -> AttributeType {
    match &*of.name {
        "text" => AttributeType::Text,
        "ltext" => AttributeType::Localized,
        "number" => AttributeType::Number,
        "boolean" => AttributeType::Boolean,
        "money" => AttributeType::Money,
        "date" => AttributeType::Date,
        "time" => AttributeType::Time,
        "datetime" => AttributeType::DateTime,
        "reference" => AttributeType::Reference,
        "enum" => AttributeType::Enum(of.values.unwrap_or_default().into_iter().map(labelled).collect()),
        "lenum" => {
            AttributeType::LocalizedEnum(of.values.unwrap_or_default().into_iter().map(localized_label).collect())
        }
        "nested" if let Some(reference) = of.type_reference => AttributeType::Nested(String::from(reference.id).into()),
        "set" if let Some(element) = of.element_type => AttributeType::Set(Box::new(attribute_type(*element))),
        _ => AttributeType::Other(of.name.into()),
    }
}

fn labelled(value: api::EnumValue<'_>) -> (String, String) {
    let key = String::from(value.key);
    let label = match value.label {
        AttributeValue::Text(label) => label.into(),
        _ => key.clone(),
    };
    (key, label)
}

fn localized_label(value: api::EnumValue<'_>) -> (String, model::Localized) {
    let labels = match &value.label {
        AttributeValue::Object(labels) => labels_by_locale(labels),
        _ => None,
    };
    (value.key.into(), labels.unwrap_or_default())
}
