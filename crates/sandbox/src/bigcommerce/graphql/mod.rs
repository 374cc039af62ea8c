//! GraphQL Admin, as far as texts in other languages need it: `store { products, product, locales, translations }`.
//!
//! The documents show queries and answers, not the schema: types and messages of refusals are inferred. What is not asked
//! for as the documents show it is refused.

mod syntax;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Localization,
    state::{Product, State, Words},
};
use syntax::{Field, Given};

/// Most rows of a page.
const MOST: usize = 50;
/// Rows of a page where nothing is said.
const DEFAULT: usize = 10;

/// What an account may and a store has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) localization: Localization,
    /// `store_v2_products_read_only`
    pub(super) products: bool,
    /// `store_translations_read_only`
    pub(super) translations: bool,
    /// `store_channel_settings_read_only`
    pub(super) channels: bool,
}

#[derive(Deserialize)]
struct Asked {
    query: String,
}

/// The answer to a request: `data`, or `errors`. Both have the status 200.
pub(super) fn answer(state: &State, access: Access, body: &[u8]) -> Value {
    let asked = serde_json::from_slice::<Asked>(body).map_err(|error| error.to_string());
    let fields = asked.and_then(|asked| syntax::read(&asked.query));
    match fields.and_then(|fields| object(&fields, "Query", |field| root(state, access, field))) {
        Ok(data) => json!({ "data": data }),
        Err(message) => json!({ "data": null, "errors": [{ "message": message, "locations": [] }] }),
    }
}

type Answered = Result<Value, String>;

/// The fields of an object, each as `of` gives it; `None`: there is no such field.
fn object(fields: &[Field], kind: &str, mut of: impl FnMut(&Field) -> Option<Answered>) -> Answered {
    let mut members = Map::new();
    for field in fields {
        let value = of(field).ok_or_else(|| format!("Cannot query field \"{}\" on type \"{kind}\".", field.name))??;
        members.insert(field.alias.clone(), value);
    }
    if members.is_empty() {
        Err(format!("Field of type \"{kind}\" must have a selection of subfields."))
    } else {
        Ok(Value::Object(members))
    }
}

/// What a selection takes of a value. Only objects and lists of them have one.
fn picked(field: &Field, kind: &str, value: &Value) -> Answered {
    if let Some((name, _)) = field.arguments.first() {
        return Err(format!("Unknown argument \"{name}\" on field \"{}\".", field.name));
    }
    match value {
        Value::Object(members) => {
            object(&field.fields, kind, |inner| members.get(&inner.name).map(|value| picked(inner, &inner.name, value)))
        }
        Value::Array(values) => values.iter().map(|value| picked(field, kind, value)).collect(),
        value if field.fields.is_empty() => Ok(value.clone()),
        Value::Null => Ok(Value::Null),
        _ => Err(format!("Field \"{}\" must not have a selection.", field.name)),
    }
}

/// The argument of this name. Others than `known` are refused.
fn argument<'f>(field: &'f Field, name: &str, known: &[&str]) -> Result<Option<&'f Given>, String> {
    if let Some((name, _)) = field.arguments.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(format!("Unknown argument \"{name}\" on field \"{}\".", field.name));
    }
    Ok(field.arguments.iter().find(|(known, _)| known == name).map(|(_, value)| value))
}

/// A member of an input, which has no others than `known`.
fn required<'g>(input: Option<&'g Given>, name: &str, known: &[&str]) -> Result<&'g Given, String> {
    let input = input.ok_or_else(|| format!("Argument with \"{name}\" is required."))?;
    if let Some(unknown) = input.names().into_iter().find(|name| !known.contains(name)) {
        return Err(format!("Field \"{unknown}\" is not defined by the input."));
    }
    input.member(name).ok_or_else(|| format!("Field \"{name}\" of the input is required."))
}

/// The number behind `bc/store/{of}/`.
fn id(of: &str, text: &str) -> Result<u64, String> {
    let number = text.strip_prefix("bc/store/").and_then(|rest| rest.strip_prefix(of)?.strip_prefix('/')?.parse().ok());
    number.ok_or_else(|| format!("Invalid ID: {text}"))
}

fn id_of(of: &str, given: &Given) -> Result<u64, String> {
    id(of, given.text().ok_or("ID cannot represent a value that is no string.")?)
}

fn root(state: &State, access: Access, field: &Field) -> Option<Answered> {
    (field.name == "store").then(|| object(&field.fields, "Store", |field| store(state, access, field)))
}

fn store(state: &State, access: Access, field: &Field) -> Option<Answered> {
    let (allowed, answered): (bool, &dyn Fn() -> Answered) = match field.name.as_str() {
        "products" => (access.products, &|| products(state, access, field)),
        "product" => (access.products, &|| {
            let given = argument(field, "id", &["id"])?.ok_or("Argument \"id\" is required.")?;
            let product = state.products.get(&id_of("product", given)?);
            product.map_or(Ok(Value::Null), |product| node(state, access, product, &field.fields))
        }),
        "locales" => (access.channels, &|| locales(state, access, field)),
        "translations" => (access.translations, &|| translations(state, access, field)),
        _ => return None,
    };
    Some(if allowed { answered() } else { Err("Insufficient access scope.".to_owned()) })
}

/// How many rows a page has.
fn first(field: &Field, known: &[&str]) -> Result<usize, String> {
    match argument(field, "first", known)? {
        None => Ok(DEFAULT),
        Some(Given::Number(number)) if (1..=50).contains(number) => Ok(usize::try_from(*number).unwrap_or(MOST)),
        Some(_) => Err(format!("\"first\" must be between 1 and {MOST}.")),
    }
}

/// A connection: `edges { node, cursor }` and `pageInfo`.
fn connection<T>(field: &Field, rows: &[(String, T)], total: usize, node: impl Fn(&T, &Field) -> Answered) -> Answered {
    object(&field.fields, "Connection", |inner| match inner.name.as_str() {
        "edges" => {
            let edge = |(cursor, row): &(String, T)| {
                object(&inner.fields, "Edge", |inner| match inner.name.as_str() {
                    "node" => Some(node(row, inner)),
                    "cursor" => Some(picked(inner, "String", &json!(cursor))),
                    _ => None,
                })
            };
            Some(rows.iter().map(edge).collect())
        }
        "pageInfo" => {
            let end = rows.last().map(|(cursor, _)| cursor);
            Some(picked(inner, "PageInfo", &json!({ "hasNextPage": total > rows.len(), "endCursor": end })))
        }
        _ => None,
    })
}

/// The rows of a page, in the order of their ids.
fn page<T>(
    field: &Field,
    known: &[&str],
    rows: impl Iterator<Item = (u64, T)>,
) -> Result<(Vec<(String, T)>, usize), String> {
    let first = first(field, known)?;
    let after = match argument(field, "after", known)? {
        None => 0,
        Some(given) => given.text().and_then(|text| text.parse().ok()).ok_or("Invalid cursor.")?,
    };
    let mut left: Vec<(u64, T)> = rows.filter(|(id, _)| *id > after).collect();
    left.sort_by_key(|(id, _)| *id);
    let total = left.len();
    left.truncate(first);
    Ok((left.into_iter().map(|(id, row)| (id.to_string(), row)).collect(), total))
}

const PRODUCTS: [&str; 3] = ["filters", "first", "after"];

fn products(state: &State, access: Access, field: &Field) -> Answered {
    let wanted = match argument(field, "filters", &PRODUCTS)? {
        None => None,
        Some(filters) => {
            let ids = required(Some(filters), "ids", &["ids"])?.texts().ok_or("\"ids\" must be a list of IDs.")?;
            Some(ids.into_iter().map(|text| id("product", text)).collect::<Result<Vec<u64>, String>>()?)
        }
    };
    if wanted.as_ref().is_some_and(|ids| ids.len() > MOST) {
        return Err(format!("\"ids\" must be at most {MOST}."));
    }
    let fits = |product: &&Product| wanted.as_ref().is_none_or(|ids| ids.contains(&product.id));
    let rows = state.products.values().filter(fits).map(|product| (product.id, product));
    let (rows, total) = page(field, &PRODUCTS, rows)?;
    connection(field, &rows, total, |product, inner| node(state, access, product, &inner.fields))
}

fn node(state: &State, access: Access, product: &Product, fields: &[Field]) -> Answered {
    let global = json!({
        "id": format!("bc/store/product/{}", product.id),
        "basicInformation": { "name": product.name, "description": product.description },
        "seoInformation": { "pageTitle": "", "metaDescription": "" },
        "urlPath": { "path": product.url },
    });
    object(fields, "Product", |field| {
        if field.name == "overridesForLocale" {
            return Some(overrides(state, access, product, field));
        }
        global.get(&field.name).map(|value| picked(field, &field.name, value))
    })
}

fn overrides(state: &State, access: Access, product: &Product, field: &Field) -> Answered {
    if access.localization != Localization::Overrides {
        return Err("Cannot query field \"overridesForLocale\": the feature is not enabled for this store.".to_owned());
    }
    let context = argument(field, "localeContext", &["localeContext"])?;
    let known = ["channelId", "locale"];
    let channel = id_of("channel", required(context, "channelId", &known)?)?;
    let locale = required(context, "locale", &known)?.text().ok_or("\"locale\" must be a string.")?;
    known_locale(state, channel, locale)?;
    let none = Words::default();
    let words = product.words(channel, locale).unwrap_or(&none);
    let shown = json!({
        "basicInformation": { "name": words.name, "description": words.description },
        "seoInformation": { "pageTitle": words.page_title, "metaDescription": words.meta_description },
        "urlPath": { "path": words.path },
    });
    object(&field.fields, "ProductOverridesForLocale", |inner| {
        shown.get(&inner.name).map(|value| picked(inner, &inner.name, value))
    })
}

fn known_locale(state: &State, channel: u64, locale: &str) -> Result<(), String> {
    if !state.channels.contains_key(&channel) {
        return Err(format!("Channel bc/store/channel/{channel} not found."));
    }
    if state.languages.iter().any(|known| known == locale) {
        Ok(())
    } else {
        Err(format!("Locale {locale} not found."))
    }
}

fn locales(state: &State, access: Access, field: &Field) -> Answered {
    let channel = id_of("channel", required(argument(field, "input", &["input"])?, "channelId", &["channelId"])?)?;
    if !state.channels.contains_key(&channel) {
        return Err(format!("Channel bc/store/channel/{channel} not found."));
    }
    let more = if access.localization == Localization::None { 1 } else { state.languages.len() };
    let rows: Vec<(String, Value)> = (0..)
        .zip(state.languages.iter().take(more))
        .map(|(place, code)| (code.clone(), json!({ "code": code, "status": "ACTIVE", "isDefault": place == 0 })))
        .collect();
    connection(field, &rows, rows.len(), |locale, inner| {
        picked(&Field { arguments: Vec::new(), ..inner.clone() }, "Locale", locale)
    })
}

const TRANSLATIONS: [&str; 3] = ["filters", "first", "after"];

fn translations(state: &State, access: Access, field: &Field) -> Answered {
    if access.localization != Localization::Translations {
        return Err("Cannot query field \"translations\": the feature is not enabled for this store.".to_owned());
    }
    let filters = argument(field, "filters", &TRANSLATIONS)?;
    let known = ["resourceType", "channelId", "localeId", "resourceIds"];
    let Given::Enum(of) = required(filters, "resourceType", &known)? else {
        return Err("Invalid value for resourceType".to_owned());
    };
    let channel = id_of("channel", required(filters, "channelId", &known)?)?;
    let locale = required(filters, "localeId", &known)?.text().and_then(|text| text.strip_prefix("bc/store/locale/"));
    let locale = locale.ok_or("Invalid value for localeId")?;
    known_locale(state, channel, locale)?;
    let of_channel = |tree: u64| state.trees.get(&tree) == Some(&channel);
    let rows: Vec<(u64, String, Value)> = match of.as_str() {
        "PRODUCTS" => {
            let row = |it: &Product| {
                let original = Words {
                    name: Some(it.name.clone()),
                    description: Some(it.description.clone()),
                    ..Words::default()
                };
                (it.id, "product", original, it.words(channel, locale).cloned())
            };
            state.products.values().map(row).map(|row| translated(row, ["pageTitle", "metaDescription"])).collect()
        }
        "CATEGORIES" => {
            let row = |it: &super::state::Category| {
                let original = Words { name: Some(it.name.clone()), ..Words::default() };
                (it.id, "category", original, it.texts.get(locale).cloned())
            };
            let here = state.categories.values().filter(|category| of_channel(category.tree));
            here.map(row).map(|row| translated(row, ["page_title", "meta_description"])).collect()
        }
        "BRANDS" => {
            let row = |(id, name): (&u64, &String)| {
                (*id, "brand", Words { name: Some(name.clone()), ..Words::default() }, None)
            };
            state.brands.iter().map(row).map(|row| translated(row, ["page_title", "meta_description"])).collect()
        }
        _ => return Err("Invalid value for resourceType".to_owned()),
    };
    let wanted = filters.and_then(|filters| filters.member("resourceIds"));
    let wanted = wanted.map(|ids| ids.texts().ok_or("\"resourceIds\" must be a list of IDs.")).transpose()?;
    if wanted.as_ref().is_some_and(|ids| ids.len() > MOST) {
        return Err(format!("\"resourceIds\" must be at most {MOST}."));
    }
    let fits =
        |(_, resource, _): &(u64, String, Value)| wanted.as_ref().is_none_or(|ids| ids.contains(&resource.as_str()));
    let rows = rows.into_iter().filter(fits).map(|(id, _, row)| (id, row));
    let (rows, total) = page(field, &TRANSLATIONS, rows)?;
    connection(field, &rows, total, |row, inner| picked(inner, "Translation", row))
}

/// A row of translations. A field without a translation has the default language's text in its place.
fn translated(
    (id, of, original, words): (u64, &str, Words, Option<Words>),
    [page_title, meta_description]: [&str; 2],
) -> (u64, String, Value) {
    let words = words.unwrap_or_default();
    let field = |name: &str, original: Option<String>, translation: Option<String>| {
        let original = original.unwrap_or_default();
        let translation = translation.unwrap_or_else(|| original.clone());
        json!({ "fieldName": name, "original": original, "translation": translation })
    };
    let fields = [
        field("name", original.name, words.name),
        field("description", original.description, words.description),
        field(page_title, original.page_title, words.page_title),
        field(meta_description, original.meta_description, words.meta_description),
    ];
    let resource = format!("bc/store/{of}/{id}");
    (id, resource.clone(), json!({ "resourceId": resource, "fields": fields }))
}
