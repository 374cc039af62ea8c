//! A check of calls and their answers against OpenAPI descriptions: known paths, required parameters and members, types, enums,
//! bounds, date-times, discriminators, and no parameter or member that a description does not know.
//!
//! The tests of sources take it too, for what a connector asks.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
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

/// A call, and how it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) answer: Vec<u8>,
}

/// The calls to an emulator. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// A router that notes its calls, and compresses no answer.
    pub(crate) fn wrap(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), note))
    }

    /// Those to paths that begin with one of these; all are forgotten.
    pub(crate) fn take(&self, paths: &[&str]) -> Vec<Call> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap());
        all.retain(|call| paths.iter().any(|path| call.path.starts_with(path)));
        all
    }
}

async fn note(State(calls): State<Calls>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if path.contains("/webdav/") {
        // Archives are large, and no description has them.
        return next.run(Request::from_parts(parts, body)).await;
    }
    parts.headers.remove("accept-encoding");
    let (method, query) = (parts.method.to_string(), parts.uri.query().unwrap_or_default().to_owned());
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let answer = next.run(Request::from_parts(parts, Body::from(body.clone()))).await;
    let (parts, answered) = answer.into_parts();
    let answered = to_bytes(answered, usize::MAX).await.unwrap();
    let (status, body, answer) = (parts.status.as_u16(), body.to_vec(), answered.to_vec());
    calls.0.lock().unwrap().push(Call { method, path, query, body, status, answer });
    Response::from_parts(parts, Body::from(answered))
}

/// Checks values against the schemas of a description, and calls against its operations.
pub(crate) struct Checker {
    /// What its paths begin with.
    base: String,
    document: Json,
}

/// A schema with what its `allOf` parts say.
#[derive(Default)]
struct Flat {
    properties: BTreeMap<String, Json>,
    required: BTreeSet<String>,
    kind: Option<String>,
    open: bool,
    open_by_pattern: bool,
    /// Of members that are not named.
    others: Option<Json>,
    items: Option<Json>,
    values: Option<Vec<Json>>,
    format: Option<String>,
    nullable: bool,
    /// Schemas of which one must fit, for each list of them.
    choices: Vec<Vec<Json>>,
    bounds: Vec<(&'static str, f64)>,
    discriminator: Option<(String, Json)>,
}

/// Bounds of a value, and whether each is its most.
const BOUNDS: [(&str, bool); 8] = [
    ("minimum", false),
    ("maximum", true),
    ("minLength", false),
    ("maxLength", true),
    ("minItems", false),
    ("maxItems", true),
    ("minProperties", false),
    ("maxProperties", true),
];

/// The size of a value that a bound is about. `None`: it is about other values.
fn measured(bound: &str, value: &Json) -> Option<f64> {
    let count = |count: usize| u32::try_from(count).ok().map(f64::from);
    match (&bound[3..], value) {
        ("imum", Json::Number(number)) => number.as_f64(),
        ("Length", Json::String(text)) => count(text.chars().count()),
        ("Items", Json::Array(items)) => count(items.len()),
        ("Properties", Json::Object(members)) => count(members.len()),
        _ => None,
    }
}

impl Checker {
    /// A description in YAML.
    pub(crate) fn yaml(base: &str, text: &str) -> Self {
        let lines: Vec<(usize, &str)> = text
            .lines()
            .skip_while(|line| *line != "paths:")
            .map(|line| (line.len() - line.trim_start().len(), line.trim()))
            .filter(|(_, line)| !line.is_empty())
            .collect();
        Self { base: base.to_owned(), document: Yaml { lines, at: 0 }.block(0) }
    }

    /// A description in JSON.
    pub(crate) fn json(base: &str, text: &str) -> Self {
        Self { base: base.to_owned(), document: serde_json::from_str(text).unwrap() }
    }

    fn named(&self, name: &str) -> &Json {
        &self.document["components"]["schemas"][name]
    }

    /// What a reference of any kind leads to.
    fn resolved<'a>(&'a self, value: &'a Json) -> &'a Json {
        let Some(path) = value["$ref"].as_str().and_then(|it| it.strip_prefix("#/components/")) else { return value };
        let (kind, name) = path.split_once('/').unwrap();
        &self.document["components"][kind][name]
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
                (flat.open, flat.open_by_pattern) = (true, true);
            } else {
                flat.required.insert(name.to_owned());
            }
        }
        let text = |name: &str| schema[name].as_str().map(str::to_owned);
        flat.kind = text("type").or(flat.kind.take());
        flat.format = text("format").or(flat.format.take());
        flat.nullable |= schema["nullable"] == true;
        let others = schema.get("additionalProperties").filter(|others| **others != json!(false));
        flat.open |= others.is_some();
        // Of maps whose names are patterns every value is called a string there, whatever the vendor's pages say of it.
        let is_told = others.filter(|others| others.is_object() && !flat.open_by_pattern);
        flat.others = is_told.cloned().or(flat.others.take());
        flat.items = schema.get("items").cloned().or(flat.items.take());
        flat.values = schema["enum"].as_array().cloned().or(flat.values.take());
        let choices = ["oneOf", "anyOf"].into_iter().filter_map(|name| schema[name].as_array().cloned());
        flat.choices.extend(choices);
        flat.bounds.extend(BOUNDS.iter().filter_map(|(name, _)| Some((*name, number(&schema[*name])?))));
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
        if flat.nullable && value.is_null() {
            return;
        }
        let fits = match flat.kind.as_deref() {
            // In OCAPI an object without members is any value.
            Some("object") => value.is_object() || (flat.properties.is_empty() && flat.others.is_none()),
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
            // The reader of YAML leaves numbers as texts.
            && !values.contains(&json!(value.to_string()))
        {
            found.push(format!("{at}: {value} is not one of {values:?}"));
        }
        let is_instant = || value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok());
        match flat.format.as_deref() {
            Some("datetime") if value.as_str().is_none_or(|text| text.len() != 24) || !is_instant() => {
                found.push(format!("{at}: {value} is not a date and time with milliseconds"));
            }
            Some("date-time") if !is_instant() => found.push(format!("{at}: {value} is not a date and time")),
            _ => {}
        }
        for (name, bound) in &flat.bounds {
            let is_most = BOUNDS.contains(&(*name, true));
            if measured(name, value).is_some_and(|size| if is_most { size > *bound } else { size < *bound }) {
                found.push(format!("{at}: {value} is beyond the {name} of {bound}"));
            }
        }
        for choice in &flat.choices {
            let problems = choice.iter().map(|schema| {
                let mut found = Vec::new();
                self.check(value, schema, at, &mut found);
                found
            });
            // Of none that fits the one that comes closest.
            found.extend(problems.min_by_key(Vec::len).unwrap_or_default());
        }
        for element in value.as_array().into_iter().flatten() {
            self.check(element, flat.items.as_ref().unwrap_or(&Json::Null), &format!("{at}[]"), found);
        }
        let Some(object) = value.as_object() else { return };
        for name in flat.required.iter().filter(|name| !object.contains_key(*name)) {
            found.push(format!("{at}: {name} is missing"));
        }
        for (name, value) in object {
            match (flat.properties.get(name), &flat.others) {
                // Of OCAPI's faults the publisher says otherwise than all answers that are public: `{"siteId":"x"}`.
                (None, Some(_)) if at.ends_with("fault.arguments") => {}
                (Some(property), _) => self.check(value, property, &format!("{at}.{name}"), found),
                (None, Some(others)) => self.check(value, others, &format!("{at}.{name}"), found),
                (None, None) if flat.open || flat.properties.is_empty() || is_beyond(name) => {}
                (None, None) => found.push(format!("{at}: {name} is not known")),
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

    /// The operation that a call is: its path in the description, what is said of all calls of that path, and of this one.
    fn operation(&self, call: &Call) -> Option<(&str, &Json, &Json)> {
        let path = call.path.strip_prefix(&self.base)?;
        let paths = self.document["paths"].as_object()?.iter();
        let fitting = paths.filter_map(|(template, item)| Some((literal(template, path)?, template, item)));
        // `/products/key={key}` says more than `/products/{id}`.
        let (_, template, item) = fitting.max_by_key(|(literal, ..)| *literal)?;
        Some((template.as_str(), item, item.get(call.method.to_lowercase())?))
    }

    /// What is wrong with a call of this operation, and with its answer.
    fn wrong(&self, call: &Call, item: &Json, operation: &Json) -> Vec<String> {
        let mut found = Vec::new();
        self.query(call, item, operation, &mut found);
        if call.status < 400 {
            self.body(call, operation, &mut found);
        }
        self.answer(call, operation, &mut found);
        found
    }

    fn query(&self, call: &Call, item: &Json, operation: &Json, found: &mut Vec<String>) {
        let lists = [&item["parameters"], &operation["parameters"]];
        let all = lists.into_iter().filter_map(Json::as_array).flatten().map(|it| self.resolved(it));
        let known: Vec<&Json> = all.filter(|it| it["in"] == "query").collect();
        let given = pairs(&call.query);
        if call.status < 400 {
            let needed = known.iter().filter(|it| it["required"] == true).filter_map(|it| it["name"].as_str());
            for name in needed.filter(|name| given.iter().all(|(is, _)| is != name)) {
                found.push(format!("the parameter {name} is missing"));
            }
        }
        for (name, text) in &given {
            // Some names are patterns: `/^var[.][a-zA-Z0-9]+$/`.
            let begins = |pattern: &str| name.starts_with(pattern.split('[').next().unwrap_or_default());
            let fits = |is: &str| is == name || is.strip_prefix("/^").is_some_and(begins);
            match known.iter().find(|it| it["name"].as_str().is_some_and(fits)) {
                None if call.status >= 400 => {}
                None => found.push(format!("the parameter {name} is not known")),
                Some(it) if call.status < 400 => {
                    self.check(&self.typed(text, &it["schema"]), &it["schema"], name, found);
                }
                Some(_) => {}
            }
        }
    }

    /// A text of a query or form in the type that a schema names.
    fn typed(&self, text: &str, schema: &Json) -> Json {
        let mut flat = Flat::default();
        self.flatten(schema, &mut flat);
        match flat.kind.as_deref() {
            Some("array") => {
                let items = flat.items.unwrap_or_default();
                // A predicate has commas of its own; no text with a name of its own is cut.
                let parts: Vec<&str> = if reference(&items).is_some() { vec![text] } else { text.split(',').collect() };
                parts.into_iter().map(|part| self.typed(part, &items)).collect()
            }
            Some("integer" | "number" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
            _ => json!(text),
        }
    }

    fn body(&self, call: &Call, operation: &Json, found: &mut Vec<String>) {
        let described = self.resolved(&operation["requestBody"]);
        if call.body.is_empty() {
            if described["required"] == true {
                found.push("the body is missing".to_owned());
            }
            return;
        }
        let content = &described["content"];
        if let Some(schema) = content.get("application/x-www-form-urlencoded").map(|it| &it["schema"]) {
            let mut flat = Flat::default();
            self.flatten(schema, &mut flat);
            let form = pairs(std::str::from_utf8(&call.body).unwrap()).into_iter().map(|(name, text)| {
                let value = self.typed(&text, flat.properties.get(&name).unwrap_or(&Json::Null));
                (name, value)
            });
            self.check(&Json::Object(form.collect()), schema, "form", found);
            return;
        }
        let Some(schema) = content.get("application/json").map(|it| &it["schema"]) else {
            found.push("it has a body".to_owned());
            return;
        };
        let mut flat = Flat::default();
        self.flatten(schema, &mut flat);
        // OCAPI calls the body of a job, which each job defines, a string.
        if flat.kind.as_deref() != Some("string") {
            self.check(&parsed(&call.body), schema, "body", found);
        }
    }

    fn answer(&self, call: &Call, operation: &Json, found: &mut Vec<String>) {
        let answers = &operation["responses"];
        let schema = |answer: &Json| {
            let content = self.resolved(answer)["content"].as_object()?;
            let json = content.iter().find(|(media, _)| media.contains("json"))?;
            Some(json.1["schema"].clone())
        };
        let own = answers.get(call.status.to_string());
        let known = if call.status < 400 {
            if own.is_none() {
                found.push(format!("no answer has the status {}", call.status));
            }
            own.and_then(schema)
        } else {
            // Not every refusal is listed; all look alike.
            let refusals = answers.as_object().into_iter().flatten().filter(|(status, _)| !status.starts_with('2'));
            own.and_then(schema).or_else(|| refusals.into_iter().find_map(|(_, answer)| schema(answer)))
        };
        let Some(schema) = known.filter(|_| call.method != "HEAD") else { return };
        let mut problems = Vec::new();
        self.check(&parsed(&call.answer), &schema, "answer", &mut problems);
        // A selector leaves out what is required, too.
        let is_selected = pairs(&call.query).iter().any(|(name, _)| name == "select");
        problems.retain(|problem| !(is_selected && problem.ends_with(" is missing")));
        found.extend(problems);
    }
}

/// Members that descriptions leave to the instance, or to the protocol around documents: custom attributes (SCAPI, OCAPI), and
/// the version and type of a document (OCAPI).
fn is_beyond(name: &str) -> bool {
    name.starts_with("c_") || ["_v", "_type"].contains(&name)
}

fn parsed(body: &[u8]) -> Json {
    serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}

fn reference(schema: &Json) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

/// A number, which the reader of YAML leaves as a text.
fn number(value: &Json) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// How much of a path a template names literally, where it fits.
fn literal(template: &str, path: &str) -> Option<usize> {
    let (of, is) = (template.split('/'), path.split('/'));
    if of.clone().count() != is.clone().count() {
        return None;
    }
    let segment = |(of, is): (&str, &str)| match of.split_once('{') {
        Some((before, _)) => (is.starts_with(before) && is.len() > before.len()).then_some(before.len()),
        None => (of == is).then_some(of.len()),
    };
    of.zip(is).map(segment).sum()
}

/// Names and values of a query or form.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

/// Asserts that a description knows each call as it was made, and its answer. Returns the operations.
pub(crate) fn assert_described(descriptions: &[Checker], calls: &[Call]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for call in calls {
        let name = format!("{} {}", call.method, call.path);
        let known = descriptions.iter().find_map(|it| Some((it, it.operation(call)?)));
        let Some((description, (template, item, operation))) = known else {
            found.insert(name, vec!["no description knows it".to_owned()]);
            continue;
        };
        let wrong = description.wrong(call, item, operation);
        if !wrong.is_empty() {
            found.insert(format!("{name}?{} {}", call.query, call.status), wrong);
        }
        seen.insert(format!("{} {}{template}", call.method, description.base));
    }
    assert!(found.is_empty(), "{found:#?}");
    seen
}

// ── the descriptions ────────────────────────────────────────────────────────────────────────────────────────────────

/// The folder of a vendor's descriptions. `None`, and a line that says so, where they are not at hand.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn folder(vendor: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/specs").join(vendor);
    if !path.is_dir() {
        eprintln!("skipped: the OpenAPI descriptions of {vendor} are not at hand");
        return None;
    }
    Some(path)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of the description of commercetools.
pub(crate) fn commercetools_text() -> Option<String> {
    Some(text(&folder("commercetools")?.join("api-openapi.yaml")))
}

/// The description of commercetools. Reading it takes seconds. It has neither the host of tokens nor what clouds push.
pub(crate) fn commercetools() -> Option<Checker> {
    Some(Checker::yaml("", &commercetools_text()?))
}

/// The descriptions of SFCC: SCAPI and the Data API of OCAPI. Account Manager (tokens) and WebDAV have none.
pub(crate) fn sfcc() -> Option<Vec<Checker>> {
    const SCAPI: [(&str, &str); 5] = [
        ("/product/products/v1", "products-oas-1.2.0.yaml"),
        ("/product/catalogs/v1", "catalogs-oas-1.0.46.yaml"),
        ("/product/shopper-products/v1", "shopper-products-oas-1.11.1.yaml"),
        ("/product/shopper-availability/v1", "shopper-availability-oas-1.3.0.yaml"),
        ("/shopper/auth/v1", "auth-oas-1.50.0.yaml"),
    ];
    let folder = folder("sfcc")?;
    let scapi = SCAPI.map(|(base, name)| Checker::yaml(base, &text(&folder.join("scapi-oas").join(name))));
    let ocapi = Checker::json("/s/-/dw/data/v25_6", &text(&folder.join("ocapi/data-api-25.6.openapi3.json")));
    Some(scapi.into_iter().chain([ocapi]).collect())
}
