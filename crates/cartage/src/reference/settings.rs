//! The configuration reference, from the schema of the configuration.

use serde_json::Value as Json;

use super::markdown::{Cell, table};
use crate::config::schema::{at, flat};

const INTRODUCTION: &str = "\
# Configuration

Cartage reads `cartage.toml`, or the file named with `--config`. `cartage init` prints one to begin with, `cartage check`
tells whether it works, and [cartage.example.toml](cartage.example.toml) shows every setting.
[configuration.schema.json](configuration.schema.json) is its JSON Schema; editors that know TOML complete and check with
it (`cartage schema` prints the same).

- Unknown keys are refused.
- Names of sources, destinations, markets and flows are of `a-z`, `0-9` and `-`.
- A secret is written as `env:NAME` (an environment variable) or `file:/path` (the first line of a file).
- A time span is written as `30s`, `15m` or `24h`.
- Paths count from the folder of the file.
";

/// The page.
pub(super) fn page(schema: &Json) -> String {
    let schema = flat(schema);
    let mut text = INTRODUCTION.to_owned();
    for (name, section) in at(&schema, &["properties"]).as_object().into_iter().flatten() {
        let inner = at(section, &["additionalProperties"]);
        if inner.is_object() {
            let kinds = at(inner, &["oneOf"]).as_array();
            match kinds {
                Some(kinds) => kinds.iter().for_each(|kind| {
                    let which = at(kind, &["properties", "kind", "const"]).as_str().unwrap_or_default();
                    part(&mut text, &format!("{name}.NAME"), &format!(" with `kind = \"{which}\"`"), kind);
                }),
                None => part(&mut text, &format!("{name}.NAME"), "", inner),
            }
        } else {
            part(&mut text, name, "", section);
        }
    }
    text
}

/// One table of the file, and the tables inside it.
fn part(text: &mut String, path: &str, heading: &str, schema: &Json) {
    text.extend(["\n## `[", path, "]`", heading, "\n\n"]);
    if let Some(described) = description(schema) {
        text.push_str(&described);
        text.push_str("\n\n");
    }
    let required: Vec<&str> =
        at(schema, &["required"]).as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let properties = || at(schema, &["properties"]).as_object().into_iter().flatten();
    let (tables, keys): (Vec<_>, Vec<_>) = properties().partition(|(_, property)| is_table(property));
    if !keys.is_empty() {
        let rows = keys.into_iter().map(|(key, property)| {
            let default = if required.contains(&key.as_str()) {
                Cell::text("needed")
            } else {
                Cell::code(&default(at(property, &["default"])))
            };
            [Cell::code(key), Cell::text(&type_of(property)), default, Cell::text(&meaning(property))]
        });
        text.push_str(&table(["key", "type", "default", "meaning"], rows));
    }
    for (key, property) in tables {
        if at(property, &["properties"]).is_object() {
            part(text, &format!("{path}.{key}"), "", property);
        } else {
            text.extend(["\n## `[", path, ".", key, "]`\n\n", &description(property).unwrap_or_default(), "\n"]);
        }
    }
}

fn is_table(schema: &Json) -> bool {
    at(schema, &["type"]).as_str() == Some("object")
}

fn description(schema: &Json) -> Option<String> {
    Some(at(schema, &["description"]).as_str()?.replace('\n', " "))
}

/// Its purpose, and the meaning of its words.
fn meaning(property: &Json) -> String {
    let mut parts: Vec<String> = description(property).into_iter().collect();
    let words = at(property, &["oneOf"]).as_array().into_iter().flatten();
    let explained: Vec<(&str, String)> =
        words.filter_map(|word| Some((at(word, &["const"]).as_str()?, description(word)?))).collect();
    let is_explained = |word: &str| parts.iter().any(|part| part.contains(&format!("`{word}`")));
    if !explained.iter().all(|(word, _)| is_explained(word)) {
        parts.extend(explained.iter().map(|(word, means)| format!("`{word}`: {means}")));
    }
    let range = (at(property, &["minimum"]).as_f64(), at(property, &["maximum"]).as_f64());
    if let (Some(least), Some(most)) = range
        && most < 1e12
        && !is_machine_range(least, most)
    {
        parts.push(format!("From {least} to {most}."));
    }
    parts.join(" ")
}

/// The range of the integer type, which is of no use to a reader.
fn is_machine_range(least: f64, most: f64) -> bool {
    least == 0.0 && [f64::from(u8::MAX), f64::from(u16::MAX), f64::from(u32::MAX)].contains(&most)
}

fn type_of(property: &Json) -> String {
    let is_secret = at(property, &["pattern"]).as_str().is_some_and(|pattern| pattern.starts_with("^(env:"));
    if is_secret {
        return "secret".to_owned();
    }
    let consts =
        at(property, &["oneOf"]).as_array().into_iter().flatten().filter_map(|one| at(one, &["const"]).as_str());
    let words: Vec<String> = consts
        .chain(at(property, &["enum"]).as_array().into_iter().flatten().filter_map(Json::as_str))
        .map(|word| format!("`\"{word}\"`"))
        .collect();
    if !words.is_empty() {
        return words.join(" or ");
    }
    if let Some(constant) = at(property, &["const"]).as_str() {
        return format!("`\"{constant}\"`");
    }
    let of = |name: &str| match name {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => format!("list of {}", type_of(at(property, &["items"]))),
        "object" => "table".to_owned(),
        other => other.to_owned(),
    };
    match at(property, &["type"]) {
        Json::String(name) => of(name),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            let choices = at(property, &["anyOf"]).as_array().into_iter().flatten().map(type_of);
            choices.collect::<Vec<_>>().join(" or ")
        }
    }
}

fn default(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::Object(table) if table.is_empty() => String::new(),
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => value.to_string(),
    }
}
