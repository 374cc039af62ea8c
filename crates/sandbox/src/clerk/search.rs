//! `search/*`: which products, categories and pages hold the words of a query.
//!
//! The search is simple: each word must begin a word of the object; words of the name count more. There is no stemming,
//! no correction and no meaning.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::Emulator;
use super::arguments::Arguments;
use super::crud;
use super::entry::{Entry, Moment};
use super::envelope::{Problem, Reply};
use super::json::{Fields, attributes, text};
use super::resource::Resource;
use super::select::{Hit, Wish, typed_id};
use super::store::State;

/// Largest `limit` of the searches for boxes that open while typing.
const SMALL_LIMIT: usize = 10;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    Full,
    Predictive,
    Suggestions,
    Categories,
    Pages,
}

impl Emulator {
    pub(super) fn search(&self, search: Search, arguments: &Arguments, moment: Option<Moment>) -> Reply {
        let store = self.public(arguments.text("key")?)?;
        let query = match arguments.required("query")? {
            Value::String(query) => query.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(Problem::invalid("query")),
        };
        let most = (search != Search::Full).then_some(SMALL_LIMIT);
        let wish = Wish::read(arguments, self.inner.settings.require_limit, most)?;
        let longtail = arguments.flag("longtail")?;
        let state = store.read();
        let state = state.seen(moment);
        let answer = match search {
            Search::Full => products(&state, &wish, &query, longtail),
            Search::Predictive => {
                let mut answer = products(&state, &wish, &query, longtail);
                answer.insert("query".to_owned(), Value::String(query));
                answer
            }
            Search::Suggestions => suggestions(&state, &wish, &query),
            Search::Categories => objects(&state, Resource::Categories, &wish, &query, None),
            Search::Pages => objects(&state, Resource::Pages, &wish, &query, arguments.text("type")?),
        };
        crud::json(&answer)
    }
}

fn products(state: &State, wish: &Wish, query: &str, longtail: bool) -> Map<String, Value> {
    let wanted = words(query);
    let direct = wish.hits(state, &|_, entry| score(entry, &wanted, longtail));
    let (hits, no_exact_match) =
        if direct.is_empty() && !wanted.is_empty() { (by_sku(state, wish, query), true) } else { (direct, false) };
    let mut answer = wish.answer(state, &hits);
    answer.insert("no_exact_match".to_owned(), Value::Bool(no_exact_match));
    answer
}

/// The fallback for a query no text holds: a SKU that begins with it.
fn by_sku<'a>(state: &'a State, wish: &Wish, query: &str) -> Vec<Hit<'a>> {
    let query = query.trim().to_lowercase();
    let begins = |value: &Value| value.as_str().is_some_and(|sku| sku.to_lowercase().starts_with(&query));
    wish.hits(state, &|_, entry| {
        let skus = attributes(&entry.raw, &is_sku);
        let found =
            skus.values().any(|value| begins(value) || value.as_array().is_some_and(|all| all.iter().any(begins)));
        found.then_some(0)
    })
}

fn is_sku(name: &str) -> bool {
    matches!(name, "sku" | "variant_skus")
}

/// How well an object holds the words `wanted`: all of them, or with `any` at least one. `None` = not at all.
pub(super) fn score(entry: &Entry, wanted: &[String], any: bool) -> Option<i64> {
    let text = entry.words.get_or_init(|| searchable(&entry.raw).into_boxed_str());
    let (name, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut total = 0;
    for word in wanted {
        let found = 4 * occurs(name, word) + occurs(rest, word);
        if found == 0 && !any {
            return None;
        }
        total += found;
    }
    (total > 0 || wanted.is_empty()).then_some(total)
}

/// 2 for a whole word, 1 for the beginning of one.
fn occurs(words: &str, word: &str) -> i64 {
    let whole = format!(" {word} ");
    if words.contains(&whole) { 2 } else { i64::from(words.contains(whole.trim_end())) }
}

/// The words of an object's texts, each between spaces: those of its name, a line end, then the others.
fn searchable(raw: &RawValue) -> String {
    let (mut name, mut rest) = (String::from(" "), String::from(" "));
    for (field, value) in Fields::of(raw).map(|fields| fields.0).unwrap_or_default() {
        let target = match &*field {
            "name" | "title" => &mut name,
            "id" | "url" | "image" | "variant_images" => continue,
            field if is_sku(field) => continue,
            _ => &mut rest,
        };
        match value.get().as_bytes().first() {
            Some(b'"') => text(value.get()).into_iter().for_each(|text| append_words(target, &text)),
            Some(b'[') => {
                let texts = serde_json::from_str::<Vec<Value>>(value.get()).unwrap_or_default();
                texts.iter().filter_map(Value::as_str).for_each(|text| append_words(target, text));
            }
            _ => {}
        }
    }
    format!("{name}\n{rest}")
}

fn append_words(target: &mut String, text: &str) {
    for word in words(text) {
        target.push_str(&word);
        target.push(' ');
    }
}

/// Lower-case runs of letters and digits.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Categories or pages with the words in them; all of them for an empty query.
fn objects(state: &State, resource: Resource, wish: &Wish, query: &str, kind: Option<&str>) -> Map<String, Value> {
    let wanted = words(query);
    let of_kind = |entry: &Entry| {
        kind.is_none_or(|kind| {
            attributes(&entry.raw, &|name| name == "type").get("type").is_some_and(|own| own == kind)
        })
    };
    let mut hits = state
        .entries(resource)
        .filter(|(_, entry)| entry.visible && of_kind(entry))
        .filter_map(|(_, entry)| Some(Hit { entry, score: score(entry, &wanted, false)? }))
        .collect::<Vec<_>>();
    hits.sort_by_key(|hit| (-hit.score, hit.entry.born));
    let page = wish.page(&hits);
    let ids = page.iter().map(|hit| typed_id(hit.entry)).collect::<Value>();
    let whole = page.iter().map(|hit| Value::Object(attributes(&hit.entry.raw, &|_| true))).collect::<Value>();
    let mut answer = Map::new();
    answer.insert("status".to_owned(), json!("ok"));
    answer.insert("result".to_owned(), ids);
    answer.insert("count".to_owned(), json!(hits.len()));
    answer.insert("hits".to_owned(), json!(hits.len()));
    answer.insert(resource.name().to_owned(), whole);
    answer
}

/// Names of categories, brands and products that begin with the query or hold a word that does.
fn suggestions(state: &State, wish: &Wish, query: &str) -> Map<String, Value> {
    let wanted = words(query);
    let fits = |text: &str| {
        let mut line = String::from(" ");
        append_words(&mut line, text);
        !wanted.is_empty() && wanted.iter().all(|word| occurs(&line, word) > 0)
    };
    let mut found = BTreeSet::new();
    for (resource, fields) in [(Resource::Categories, ["name", "name"]), (Resource::Products, ["name", "brand"])] {
        for (_, entry) in state.entries(resource).filter(|(_, entry)| entry.visible) {
            let texts = attributes(&entry.raw, &|name| fields.contains(&name));
            let texts = texts.into_iter().filter_map(|(_, text)| text.as_str().map(str::to_owned));
            found.extend(texts.filter(|text| fits(text)).map(|text| (text.len(), text.to_lowercase())));
        }
    }
    let result = found.into_iter().map(|(_, text)| Value::String(text)).take(wish.limit).collect::<Value>();
    let mut answer = Map::new();
    answer.insert("status".to_owned(), json!("ok"));
    answer.insert("result".to_owned(), result);
    answer
}
