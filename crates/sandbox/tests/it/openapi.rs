//! A check of JSON against an OpenAPI description: required members, types, enums, date-times, discriminators, and no member
//! that the description does not know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

/// A reader of the part of YAML that the description uses: block mappings and lists, plain and
/// quoted scalars; texts over several lines are cut.
struct Yaml<'a> {
    lines: Vec<(usize, &'a str)>,
    at: usize,
}

impl Yaml<'_> {
    fn block(&mut self, indent: usize) -> Json {
        let (mut map, mut list) = (serde_json::Map::new(), Vec::new());
        while let Some((found, line)) = self.lines.get(self.at).copied() {
            if found < indent {
                break;
            }
            if found > indent {
                self.at += 1; // text that goes on
                continue;
            }
            if let Some(item) = line.strip_prefix("- ") {
                if entry(item).is_some() {
                    // A mapping that starts on the line of its dash.
                    self.lines[self.at] = (indent + 2, item);
                    list.push(self.block(indent + 2));
                } else {
                    self.at += 1;
                    list.push(scalar(item));
                }
            } else {
                self.at += 1;
                let Some((key, value)) = entry(line) else { continue };
                let value = match value {
                    "" => self.below(indent),
                    value => {
                        // What goes on in deeper lines is text.
                        while self.lines.get(self.at).is_some_and(|(deeper, _)| *deeper > indent) {
                            self.at += 1;
                        }
                        scalar(value)
                    }
                };
                map.insert(key, value);
            }
        }
        if list.is_empty() { Json::Object(map) } else { Json::Array(list) }
    }

    /// What belongs to a key without a value: a deeper block, or a list at the same depth.
    fn below(&mut self, indent: usize) -> Json {
        match self.lines.get(self.at) {
            Some((deeper, _)) if *deeper > indent => self.block(*deeper),
            Some((same, line)) if *same == indent && line.starts_with("- ") => self.block(indent),
            _ => Json::Null,
        }
    }
}

fn entry(line: &str) -> Option<(String, &str)> {
    let (key, value) = match line.strip_prefix(['"', '\'']) {
        Some(rest) => {
            let end = rest.find(['"', '\''])?;
            (&rest[..end], rest[end + 1..].strip_prefix(':')?)
        }
        None => match line.split_once(": ") {
            Some(pair) => pair,
            None => (line.strip_suffix(':')?, ""),
        },
    };
    Some((key.to_owned(), value.trim()))
}

fn scalar(text: &str) -> Json {
    match text {
        "{}" => json!({}),
        "[]" => json!([]),
        "true" | "false" => json!(text == "true"),
        _ => json!(text.trim_matches(['"', '\''])),
    }
}

/// Checks values against schemas.
pub(crate) struct Checker {
    schemas: Json,
}

/// A schema with what its `allOf` parts say.
#[derive(Default)]
struct Flat {
    properties: BTreeMap<String, Json>,
    required: BTreeSet<String>,
    kind: Option<String>,
    open: bool,
    items: Option<Json>,
    values: Option<Vec<Json>>,
    format: Option<String>,
    discriminator: Option<(String, Json)>,
}

impl Checker {
    /// The schemas of a description in YAML.
    pub(crate) fn of(text: &str) -> Self {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .skip_while(|line| *line != "components:")
            .skip_while(|line| *line != "  schemas:")
            .skip(1)
            .map(|line| (line.len() - line.trim_start().len(), line.trim()))
            .take_while(|(indent, line)| *indent >= 4 || line.is_empty())
            .filter(|(_, line)| !line.is_empty())
            .collect();
        Self { schemas: Yaml { lines, at: 0 }.block(4) }
    }

    fn named(&self, name: &str) -> &Json {
        &self.schemas[name]
    }

    fn flatten(&self, schema: &Json, flat: &mut Flat) {
        if let Some(name) = reference(schema) {
            self.flatten(self.named(name), flat);
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.flatten(part, flat);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            flat.properties.insert(name.clone(), property.clone());
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap();
            if name.starts_with('/') {
                flat.open = true;
            } else {
                flat.required.insert(name.to_owned());
            }
        }
        let text = |name: &str| schema[name].as_str().map(str::to_owned);
        flat.kind = text("type").or(flat.kind.take());
        flat.format = text("format").or(flat.format.take());
        flat.open |= schema.get("additionalProperties").is_some();
        flat.items = schema.get("items").cloned().or(flat.items.take());
        flat.values = schema["enum"].as_array().cloned().or(flat.values.take());
        if let Some(name) = schema["discriminator"]["propertyName"].as_str() {
            flat.discriminator = Some((name.to_owned(), schema["discriminator"]["mapping"].clone()));
        }
    }

    fn check(&self, value: &Json, schema: &Json, at: &str, found: &mut Vec<String>) {
        let mut flat = Flat::default();
        self.flatten(schema, &mut flat);
        if let Some((name, mapping)) = &flat.discriminator
            && let Some(target) = value[name].as_str().and_then(|tag| mapping[tag].as_str())
            && reference(schema) != target.rsplit('/').next()
        {
            self.check(value, &json!({ "$ref": target }), at, found);
            return;
        }
        let fits = match flat.kind.as_deref() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            _ => true,
        };
        if !fits {
            found.push(format!("{at}: {value} is not of type {:?}", flat.kind));
        }
        if let Some(values) = &flat.values
            && !values.contains(value)
        {
            found.push(format!("{at}: {value} is not one of {values:?}"));
        }
        if flat.format.as_deref() == Some("datetime")
            && value.as_str().is_none_or(|text| text.len() != 24 || text.parse::<jiff::Timestamp>().is_err())
        {
            found.push(format!("{at}: {value} is not a date and time with milliseconds"));
        }
        for element in value.as_array().into_iter().flatten() {
            self.check(element, flat.items.as_ref().unwrap_or(&Json::Null), &format!("{at}[]"), found);
        }
        let Some(object) = value.as_object() else { return };
        for name in flat.required.iter().filter(|name| !object.contains_key(*name)) {
            found.push(format!("{at}: {name} is missing"));
        }
        for (name, value) in object {
            match flat.properties.get(name) {
                Some(property) => self.check(value, property, &format!("{at}.{name}"), found),
                None if flat.open || flat.properties.is_empty() => {}
                None => found.push(format!("{at}: {name} is not known")),
            }
        }
    }

    /// Where a value is not as the schema of this name says.
    pub(crate) fn problems(&self, value: &Json, schema: &str) -> Vec<String> {
        assert!(self.named(schema).is_object(), "the description has no {schema}");
        let mut found = Vec::new();
        self.check(value, &json!({ "$ref": format!("#/components/schemas/{schema}") }), schema, &mut found);
        found
    }

    /// Asserts that a value is as the schema of this name says.
    pub(crate) fn assert(&self, value: &Json, schema: &str) {
        let found = self.problems(value, schema);
        assert!(found.is_empty(), "{found:#?}\n{value:#}");
    }
}

fn reference(schema: &Json) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}
