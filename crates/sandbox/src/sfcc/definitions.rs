//! The definitions of the attributes of products, as the OCAPI Data API shows them.

use serde_json::{Value, json};

use super::ocapi::decimal;
use super::state::{Attribute, Kind};

/// Attributes of the system that are shown beside the custom ones.
const SYSTEM: [(&str, &str); 3] = [("ID", "string"), ("brand", "string"), ("onlineFlag", "boolean")];

/// `object_attribute_definition` of a custom attribute. Its link is made by the caller.
pub(super) fn custom(id: &str, it: &Attribute) -> Value {
    let values = (1_i64..).zip(&it.values).map(|(place, (value, shown))| {
        json!({
            "_type": "object_attribute_value_definition", "id": value, "value": value, "display_value": shown,
            "position": decimal(place),
        })
    });
    let mut document = json!({
        "_type": "object_attribute_definition", "id": id, "effective_id": format!("c_{id}"), "display_name": it.name,
        "value_type": value_type(it.kind), "localizable": it.localizable, "system": false, "mandatory": false,
        "multi_value_type": matches!(it.kind, Kind::SetOfString | Kind::EnumSet),
        "set_value_type": it.kind == Kind::SetOfString, "searchable": false, "site_specific": false, "visible": true,
    });
    if let (Kind::Enum | Kind::EnumSet, Some(members)) = (it.kind, document.as_object_mut()) {
        members.insert("value_definitions".to_owned(), values.collect());
    }
    document
}

/// Those of the attributes that every instance has.
pub(super) fn system() -> impl Iterator<Item = (String, Value)> {
    SYSTEM.into_iter().map(|(id, of)| {
        let document = json!({
            "_type": "object_attribute_definition", "id": id, "effective_id": id, "display_name": { "default": id },
            "value_type": of, "localizable": false, "system": true, "multi_value_type": false,
        });
        (id.to_owned(), document)
    })
}

fn value_type(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "string",
        Kind::Double => "double",
        Kind::Boolean => "boolean",
        Kind::Date => "date",
        Kind::DateTime => "datetime",
        Kind::SetOfString => "set_of_string",
        Kind::Enum | Kind::EnumSet => "enum_of_string",
    }
}
