//! Categories and product types.

use contract::Change;
use model::{AttributeDefinition, AttributeType, Category, Notice, Online, ProductType, Record, Spread};

use super::{Unfit, address, attribute::labels_by_locale, is, localized, since, some};
use crate::commercetools::api::{self, AttributeValue};

/// A `Category`. Its image is the first asset that is an image; the vendor has no field for it.
pub fn category(category: api::Category<'_>) -> Result<Change, Unfit> {
    let mut notices = Vec::new();
    let record = Category {
        id: String::from(category.id).into(),
        key: some(category.key),
        external_id: some(category.external_id),
        tree: None,
        parent: category.parent.map(|it| String::from(it.id).into()),
        name: localized("name", category.name, &mut notices)?,
        slug: localized("slug", category.slug, &mut notices)?,
        description: localized("description", category.description, &mut notices)?,
        // Text of a decimal between 0 and 1.
        order: category.order_hint.and_then(|hint| hint.parse::<f64>().ok()).filter(|order| order.is_finite()),
        online: Online::ALWAYS,
        image: image(category.assets, &mut notices),
        created_at: since("createdAt", category.created_at.as_ref(), &mut notices)?,
        notices,
    };
    Ok(is(Record::Category(record), category.version, category.last_modified_at.as_ref()))
}

/// The first asset with an image's content type; else the first whose name may be an image's; else the first with a
/// size.
fn image(assets: Option<Vec<api::Asset<'_>>>, notices: &mut Vec<Notice>) -> Option<String> {
    let mut sources: Vec<_> = assets.into_iter().flatten().flat_map(|asset| asset.sources.unwrap_or_default()).collect();
    sources.sort_by_key(certainty);
    let mut images = sources.iter().filter(|source| certainty(source) < NO_IMAGE);
    images.find_map(|source| address("assets", "", &source.uri, notices))
}

const NO_IMAGE: u8 = 3;

/// The content type is optional, as is the size.
fn certainty(source: &api::AssetSource<'_>) -> u8 {
    const IMAGES: [&str; 12] =
        ["jpg", "jpeg", "jfif", "png", "gif", "webp", "avif", "svg", "bmp", "tif", "tiff", "heic"];
    if let Some(of) = source.content_type.as_deref().map(str::trim).filter(|of| !of.is_empty()) {
        let is_image = of.get(..6).is_some_and(|of| of.eq_ignore_ascii_case("image/"));
        return if is_image { 0 } else { NO_IMAGE };
    }
    let path = source.uri.trim().split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some((_, of)) if IMAGES.iter().any(|it| of.eq_ignore_ascii_case(it)) => 1,
        None if source.dimensions.is_some() => 2,
        _ => NO_IMAGE,
    }
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
    Ok(is(Record::ProductType(record), of.version, of.last_modified_at.as_ref()))
}

fn definition(of: api::AttributeDefinition<'_>, notices: &mut Vec<Notice>) -> Result<AttributeDefinition, Unfit> {
    Ok(AttributeDefinition {
        label: localized("label", of.label, notices)?,
        spread: match (of.level.as_deref(), of.attribute_constraint.as_deref()) {
            (Some("Product"), _) | (_, Some("SameForAll")) => Spread::Product,
            // The combination of these identifies a variant.
            (_, Some("CombinationUnique")) => Spread::Option,
            (_, Some("Unique")) => Spread::Identifier,
            _ => Spread::Variant,
        },
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
