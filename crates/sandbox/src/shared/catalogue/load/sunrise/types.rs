//! `product-type.json` of the Sunrise shop.

use std::path::Path;

use serde::Deserialize;

use crate::catalogue::{
    AttributeDefinition, AttributeKind, Localized, ProductType,
    load::{LoadError, Skipped, json},
};

#[derive(Deserialize)]
struct TypeDraft {
    key: String,
    name: String,
    attributes: Vec<AttributeDraft>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttributeDraft {
    name: String,
    label: Localized,
    #[serde(rename = "type")]
    kind: KindDraft,
    level: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KindDraft {
    name: String,
    #[serde(default)]
    values: Vec<EnumDraft>,
    element_type: Option<Box<KindDraft>>,
    type_reference: Option<TypeReference>,
}

#[derive(Deserialize)]
struct EnumDraft {
    key: String,
    label: Label,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Plain(String),
    Localized(Localized),
}

#[derive(Deserialize)]
struct TypeReference {
    key: Option<String>,
}

/// Reads the types; attributes of a type that can't be had are skipped.
pub(super) fn read(file: &Path, skipped: &mut Vec<Skipped>) -> Result<Vec<ProductType>, LoadError> {
    let mut types = Vec::new();
    for entry in json::entries::<TypeDraft>(file, skipped)? {
        let mut attributes = Vec::with_capacity(entry.value.attributes.len());
        for draft in entry.value.attributes {
            let name = draft.kind.name.clone();
            let Some(kind) = kind(draft.kind) else {
                let why = format!("attributes of type {name} aren't known; attribute {} left out", draft.name);
                skipped.push(Skipped { file: file.to_owned(), line: entry.line, why });
                continue;
            };
            attributes.push(AttributeDefinition {
                option: ["size", "color"].contains(&draft.name.as_str()),
                product_level: draft.level.as_deref() == Some("Product"),
                name: draft.name,
                label: draft.label,
                kind,
            });
        }
        types.push(ProductType { key: entry.value.key, name: entry.value.name, attributes });
    }
    Ok(types)
}

fn kind(draft: KindDraft) -> Option<AttributeKind> {
    let plain = |label: Label| match label {
        Label::Plain(label) => label,
        Label::Localized(label) => label.into_values().next().unwrap_or_default(),
    };
    let localized = |label: Label| match label {
        Label::Plain(label) => Localized::from([("en".to_owned(), label)]),
        Label::Localized(label) => label,
    };
    Some(match draft.name.as_str() {
        "text" => AttributeKind::Text,
        "ltext" => AttributeKind::LocalizedText,
        "enum" => AttributeKind::Enum(draft.values.into_iter().map(|v| (v.key, plain(v.label))).collect()),
        "lenum" => {
            AttributeKind::LocalizedEnum(draft.values.into_iter().map(|v| (v.key, localized(v.label))).collect())
        }
        "number" => AttributeKind::Number,
        "money" => AttributeKind::Money,
        "date" => AttributeKind::Date,
        "time" => AttributeKind::Time,
        "datetime" => AttributeKind::DateTime,
        "boolean" => AttributeKind::Boolean,
        "nested" => AttributeKind::Nested(draft.type_reference?.key?),
        "set" => AttributeKind::Set(Box::new(kind(*draft.element_type?)?)),
        _ => return None,
    })
}
