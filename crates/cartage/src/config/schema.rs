//! The JSON Schema of the configuration file, for editors and for the reference.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::{Value as Json, json};

use super::file;

/// Keys that every source has, whatever its kind.
pub(super) const SOURCE_KEYS: &[&str] = &["sweep_guard", "full_every", "cadence"];

/// The whole file; used for its schema only.
#[derive(JsonSchema)]
#[schemars(rename = "Cartage", deny_unknown_fields)]
#[expect(dead_code, clippy::zero_sized_map_values, reason = "its schema is what matters")]
struct File {
    store: Option<file::Store>,
    personal_data: Option<file::PersonalData>,
    server: Option<file::Server>,
    telemetry: Option<file::Telemetry>,
    /// Shops that are read, by name.
    sources: Option<BTreeMap<String, AnySource>>,
    /// Services that are written to, by name.
    destinations: Option<BTreeMap<String, AnyDestination>>,
    /// Markets, by name.
    markets: Option<BTreeMap<String, file::Market>>,
    /// Flows, by name.
    flows: Option<BTreeMap<String, file::Flow>>,
}

struct AnySource;

impl JsonSchema for AnySource {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let common = table_of::<file::Source>();
        let kinds = sources::KINDS.iter().map(|kind| (kind.descriptor.name, (kind.schema)().to_value()));
        let kinds: Vec<Json> = kinds.map(|(name, schema)| kind(name, &schema, Some(&common))).collect();
        json_schema!({ "oneOf": kinds })
    }
}

struct AnyDestination;

impl JsonSchema for AnyDestination {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Destination".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kinds = destinations::KINDS.iter().map(|kind| (kind.descriptor.name, (kind.schema)().to_value()));
        let kinds: Vec<Json> = kinds.map(|(name, schema)| kind(name, &schema, None)).collect();
        json_schema!({ "oneOf": kinds })
    }
}

/// A kind's own settings, with `kind` and what all have in common, references written out.
fn kind(name: &str, own: &Json, common: Option<&Json>) -> Json {
    let own = flat(own);
    let mut properties = serde_json::Map::new();
    properties.insert("kind".to_owned(), json!({ "const": name, "description": "Which platform it is." }));
    for part in [Some(&own), common].into_iter().flatten() {
        properties.extend(at(part, &["properties"]).as_object().cloned().unwrap_or_default());
    }
    let mut required = vec![json!("kind")];
    required.extend(at(&own, &["required"]).as_array().cloned().unwrap_or_default());
    json!({
        "title": name,
        "description": at(&own, &["description"]),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The schema at a path; null if there is none.
pub(crate) fn at<'a>(schema: &'a Json, path: &[&str]) -> &'a Json {
    path.iter().try_fold(schema, |part, key| part.get(key)).unwrap_or(&Json::Null)
}

/// The schema of a table with everything written out in place.
pub(super) fn table_of<T: JsonSchema>() -> Json {
    flat(&SchemaGenerator::default().into_root_schema_for::<T>().to_value())
}

/// The schema with references replaced by what they refer to.
pub(crate) fn flat(schema: &Json) -> Json {
    let mut whole = schema.clone();
    let definitions = whole.as_object_mut().and_then(|object| object.remove("$defs")).unwrap_or_default();
    if let Some(object) = whole.as_object_mut() {
        object.remove("$schema");
    }
    resolve(&whole, &definitions, 0)
}

fn resolve(schema: &Json, definitions: &Json, depth: u8) -> Json {
    // Settings are not recursive; the bound keeps a recursive one from hanging the generator.
    if depth > 20 {
        return schema.clone();
    }
    match schema {
        Json::Object(object) => {
            let name = object.get("$ref").and_then(Json::as_str).and_then(|path| path.rsplit('/').next());
            let mut resolved = match name.map(|name| resolve(at(definitions, &[name]), definitions, depth + 1)) {
                Some(Json::Object(target)) => target,
                Some(_) | None => serde_json::Map::new(),
            };
            for (key, value) in object.iter().filter(|(key, _)| *key != "$ref") {
                resolved.insert(key.clone(), resolve(value, definitions, depth + 1));
            }
            Json::Object(resolved)
        }
        Json::Array(items) => Json::Array(items.iter().map(|item| resolve(item, definitions, depth + 1)).collect()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => schema.clone(),
    }
}

/// JSON Schema (2020-12) of `cartage.toml`.
pub fn schema() -> Json {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<File>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("title".to_owned(), json!("Configuration of Cartage"));
        object.insert("description".to_owned(), json!("The file cartage.toml."));
    }
    without_null(schema)
}

/// TOML has no null: what may be left out is not in `required`, and that is all there is to it.
fn without_null(schema: Json) -> Json {
    match schema {
        Json::Object(object) => {
            let mut kept = serde_json::Map::new();
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("default", Json::Null) => {}
                    ("type", Json::Array(names)) => {
                        let names: Vec<Json> = names.into_iter().filter(|name| name != "null").collect();
                        kept.insert(key, if let [name] = names.as_slice() { name.clone() } else { Json::Array(names) });
                    }
                    ("anyOf", Json::Array(choices)) => {
                        let is_some = |choice: &Json| choice.get("type").is_none_or(|name| name != "null");
                        let choices: Vec<Json> = choices.into_iter().filter(is_some).map(without_null).collect();
                        match choices.as_slice() {
                            [Json::Object(only)] => {
                                for (key, value) in only {
                                    kept.entry(key.clone()).or_insert_with(|| value.clone());
                                }
                            }
                            _ => {
                                kept.insert(key, Json::Array(choices));
                            }
                        }
                    }
                    (_, value) => {
                        kept.insert(key, without_null(value));
                    }
                }
            }
            Json::Object(kept)
        }
        Json::Array(items) => Json::Array(items.into_iter().map(without_null).collect()),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => schema,
    }
}
