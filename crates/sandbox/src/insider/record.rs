//! What a record may hold: types, lengths, required fields. A record is flat: `item_id`, `locale` and fields.

use serde_json::{Map, Value};

use super::settings::{Feed, Settings};

/// A record: its fields by name, with `item_id` and `locale`.
pub(super) type Record = Map<String, Value>;

/// A problem of a record: the field and the message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(field: &str, what: &str) -> Self {
        Self { field: field.to_owned(), message: format!("Field is invalidated: '{field}' {what}") }
    }
}

/// The type of a field, with its limit.
#[derive(Clone, Copy)]
enum Shape {
    /// A string of so many characters at most.
    Text(usize),
    /// An absolute URL.
    Url,
    /// The URL of an image, which may lack its scheme.
    ImageUrl,
    /// Numbers by currency.
    Prices,
    /// 0 or 1.
    Flag,
    /// A number from 0 to this.
    Number(f64),
    /// `YYYY-MM-DD hh:mm:ss`.
    Date,
    /// Strings of 512 characters at most, all together of so many.
    Texts(usize),
    /// An object.
    Object,
}

/// Longest string unless a field says otherwise.
const LONGEST: usize = 512;
/// A list without a limit of its own.
const ANY: usize = usize::MAX;

/// The fields of a record beside its key.
const FIELDS: &[(&str, Shape)] = &[
    ("name", Shape::Text(LONGEST)),
    ("url", Shape::Url),
    ("image_url", Shape::ImageUrl),
    ("price", Shape::Prices),
    ("original_price", Shape::Prices),
    ("omnibus_price", Shape::Prices),
    ("in_stock", Shape::Flag),
    ("stock_count", Shape::Number(f64::MAX)),
    ("item_update_date", Shape::Date),
    ("item_start_date", Shape::Date),
    ("item_end_date", Shape::Date),
    ("category", Shape::Texts(1024)),
    ("description", Shape::Text(1024)),
    ("brand", Shape::Text(LONGEST)),
    ("sku", Shape::Text(LONGEST)),
    ("color", Shape::Text(LONGEST)),
    ("size", Shape::Text(LONGEST)),
    ("gender", Shape::Text(LONGEST)),
    ("tags", Shape::Texts(4096)),
    ("groupcode", Shape::Text(LONGEST)),
    ("variants", Shape::Texts(ANY)),
    ("rating", Shape::Number(10.0)),
    ("product_attributes", Shape::Object),
    ("is_status_passive", Shape::Flag),
];

/// Fields that a store of a nested item may have.
pub(super) const STORE_FIELDS: [&str; 5] = ["price", "original_price", "omnibus_price", "in_stock", "stock_count"];

/// Required of every new record.
const REQUIRED: [&str; 3] = ["name", "url", "image_url"];

/// Texts that count as a missing value.
const MISSING: [&str; 4] = ["", "undefined", "unknown", "null"];

fn is_missing(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => MISSING.contains(&text.trim()),
        Some(_) => false,
    }
}

/// What keeps a record from being taken in. `whole`: it replaces a record; otherwise it changes one.
pub(super) fn problems(record: &Record, whole: bool, feed: Feed, settings: &Settings) -> Vec<Problem> {
    let mut found = Vec::new();
    match record.get("item_id") {
        Some(Value::String(id)) if is_missing(record.get("item_id")) || id.is_empty() => {
            found.push(Problem::new("item_id", "is required"));
        }
        Some(Value::String(id)) if id.chars().count() > settings.longest_item_id => {
            let what = format!("must be shorter than or equal to {} characters", settings.longest_item_id);
            found.push(Problem::new("item_id", &what));
        }
        Some(Value::String(_)) => {}
        Some(_) => found.push(Problem::new("item_id", "must be a string")),
        None => found.push(Problem::new("item_id", "is required")),
    }
    let required = REQUIRED.iter().chain(feed.required());
    for name in required.filter(|name| is_missing(record.get(**name))) {
        if whole || record.contains_key(*name) {
            found.push(Problem::new(name, "is required"));
        }
    }
    for (name, shape) in FIELDS {
        let value = record.get(*name).filter(|value| !is_missing(Some(value)));
        if let Some(what) = value.and_then(|value| violation(*shape, value)) {
            found.push(Problem::new(name, &what));
        }
    }
    found
}

fn violation(shape: Shape, value: &Value) -> Option<String> {
    let too_long = |text: &str, most: usize| {
        (text.chars().count() > most).then(|| format!("must be shorter than or equal to {most} characters"))
    };
    match (shape, value) {
        (Shape::Text(most), Value::String(text)) => too_long(text, most),
        (Shape::Url, Value::String(text)) => {
            let is_url = is_http(text);
            too_long(text, LONGEST).or_else(|| (!is_url).then(|| "must match pattern".to_owned()))
        }
        (Shape::ImageUrl, Value::String(text)) => {
            let is_url = is_http(text) || text.starts_with("//");
            too_long(text, LONGEST).or_else(|| (!is_url).then(|| "must match pattern".to_owned()))
        }
        (Shape::Text(_) | Shape::Url | Shape::ImageUrl, _) => Some("must be a string".to_owned()),
        (Shape::Prices, Value::Object(prices)) => {
            let is_price = |(currency, amount): (&String, &Value)| {
                currency.len() == 3
                    && currency.bytes().all(|byte| byte.is_ascii_uppercase())
                    && amount.as_f64().is_some_and(|amount| amount >= 0.0)
            };
            let fits = !prices.is_empty() && prices.iter().all(is_price);
            (!fits).then(|| "must be an object of currency codes and numbers".to_owned())
        }
        (Shape::Prices, _) => Some("must be an object of currency codes and numbers".to_owned()),
        (Shape::Flag, value) => (!matches!(value.as_f64(), Some(0.0 | 1.0))).then(|| "must be 0 or 1".to_owned()),
        (Shape::Number(most), value) => {
            let fits = value.as_f64().is_some_and(|number| (0.0..=most).contains(&number));
            (!fits).then(|| "must be a number within its range".to_owned())
        }
        (Shape::Date, Value::String(text)) => {
            let parsed = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text);
            parsed.is_err().then(|| "must be YYYY-MM-DD hh:mm:ss".to_owned())
        }
        (Shape::Date, _) => Some("must be YYYY-MM-DD hh:mm:ss".to_owned()),
        (Shape::Texts(most), Value::Array(texts)) => {
            let Some(texts) = texts.iter().map(Value::as_str).collect::<Option<Vec<_>>>() else {
                return Some("must be an array of strings".to_owned());
            };
            let lengths = || texts.iter().map(|text| text.chars().count());
            let one = lengths().find(|length| *length > LONGEST);
            let all = lengths().sum::<usize>() > most;
            match one {
                Some(_) => Some(format!("must hold strings shorter than or equal to {LONGEST} characters")),
                None => all.then(|| format!("must be shorter than or equal to {most} characters in all")),
            }
        }
        (Shape::Texts(_), _) => Some("must be an array of strings".to_owned()),
        (Shape::Object, value) => (!value.is_object()).then(|| "must be an object".to_owned()),
    }
}

fn is_http(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| rest.contains('.')))
}

/// Drops what an account does not store, and returns the warnings.
pub(super) fn drop_unknown(record: &mut Record, attributes: &[String]) -> Vec<Problem> {
    let mut found = Vec::new();
    let is_known = |name: &str| matches!(name, "item_id" | "locale") || FIELDS.iter().any(|(field, _)| *field == name);
    let unknown: Vec<String> = record.keys().filter(|name| !is_known(name)).cloned().collect();
    for name in unknown {
        record.remove(&name);
        let message = format!("Field '{name}' is not known and was dropped");
        found.push(Problem { field: name, message });
    }
    if let Some(Value::Object(own)) = record.get_mut("product_attributes") {
        let undefined: Vec<String> = own.keys().filter(|name| !attributes.contains(name)).cloned().collect();
        for name in undefined {
            own.remove(&name);
            let message = format!("Attribute '{name}' is not defined and was dropped");
            found.push(Problem { field: format!("product_attributes.{name}"), message });
        }
    }
    record.retain(|_, value| !is_missing(Some(value)));
    found
}

/// Whether a record has a field beside its key.
pub(super) fn has_fields(record: &Record) -> bool {
    record.keys().any(|name| !matches!(name.as_str(), "item_id" | "locale"))
}
