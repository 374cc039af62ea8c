//! Makes an answer from products: filter, order, page, and the attributes of each.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::arguments::{Arguments, id_text};
use super::entry::Entry;
use super::envelope::Problem;
use super::facets;
use super::filter::Filter;
use super::json::attributes;
use super::resource::Resource;
use super::store::State;

/// Objects returned when `limit` may be left out and is.
const LIMIT_LEFT_OUT: usize = 10;

/// What every query has in common.
pub(super) struct Wish {
    pub(super) limit: usize,
    pub(super) offset: usize,
    exclude: HashSet<String>,
    filter: Option<Filter>,
    attributes: Option<Vec<String>>,
    facets: Option<Vec<String>>,
    order: Option<Order>,
}

struct Order {
    by: String,
    descending: bool,
}

/// A product that matches, and how well.
pub(super) struct Hit<'a> {
    pub(super) entry: &'a Entry,
    pub(super) score: i64,
}

impl Wish {
    /// `most` clamps the limit where the documentation names a largest one.
    pub(super) fn read(arguments: &Arguments, limit_required: bool, most: Option<usize>) -> Result<Self, Problem> {
        let limit = match arguments.count("limit")? {
            Some(limit) => limit,
            None if limit_required => return Err(Problem::missing("limit")),
            None => LIMIT_LEFT_OUT,
        };
        let filter = match arguments.text("filter")?.filter(|filter| !filter.trim().is_empty()) {
            None => None,
            Some(filter) => Some(Filter::parse(filter).ok_or_else(|| Problem::invalid("filter"))?),
        };
        let descending = match arguments.text("order")? {
            None | Some("asc" | "") => false,
            Some("desc") => true,
            Some(_) => return Err(Problem::invalid("order")),
        };
        let order_by = arguments.text("orderby")?.filter(|by| !by.is_empty());
        Ok(Self {
            limit: most.map_or(limit, |most| limit.min(most)),
            offset: arguments.count("offset")?.unwrap_or_default(),
            exclude: arguments.ids("exclude")?.unwrap_or_default().into_iter().collect(),
            filter,
            attributes: arguments.names("attributes")?,
            facets: arguments.names("facets")?,
            order: order_by.map(|by| Order { by: by.to_owned(), descending }),
        })
    }

    /// The products to which `score` gives one and that the wish admits, best first.
    pub(super) fn hits<'a>(&self, state: &'a State, score: &dyn Fn(&str, &Entry) -> Option<i64>) -> Vec<Hit<'a>> {
        let mut hits = state
            .entries(Resource::Products)
            .filter(|(id, entry)| entry.visible && !self.exclude.contains(*id))
            .filter_map(|(id, entry)| Some(Hit { entry, score: score(id, entry)? }))
            .filter(|hit| self.admits(hit.entry))
            .collect::<Vec<_>>();
        hits.sort_by(rank);
        if let Some(order) = &self.order {
            hits.sort_by_cached_key(|hit| Place::of(hit.entry, order));
        }
        hits
    }

    fn admits(&self, entry: &Entry) -> bool {
        let Some(filter) = &self.filter else { return true };
        filter.matches(&attributes(&entry.raw, &|name| filter.names(name)))
    }

    /// The asked part of `hits`.
    pub(super) fn page<'h, 'a>(&self, hits: &'h [Hit<'a>]) -> &'h [Hit<'a>] {
        let rest = hits.get(self.offset..).unwrap_or_default();
        rest.get(..self.limit).unwrap_or(rest)
    }

    /// The answer for `hits`: ids, and what else was asked for.
    pub(super) fn answer(&self, state: &State, hits: &[Hit<'_>]) -> Map<String, Value> {
        let page = self.page(hits);
        let mut answer = Map::new();
        answer.insert("status".to_owned(), json!("ok"));
        answer.insert("result".to_owned(), page.iter().map(|hit| typed_id(hit.entry)).collect());
        answer.insert("count".to_owned(), json!(hits.len()));
        answer.insert("hits".to_owned(), json!(hits.len()));
        if let Some(names) = &self.attributes {
            let data = page.iter().map(|hit| Value::Object(chosen(hit.entry, names)));
            answer.insert("product_data".to_owned(), data.collect());
        }
        if let Some(names) = &self.facets {
            answer.insert("facets".to_owned(), facets::of(state, hits.iter().map(|hit| hit.entry), names));
        }
        answer
    }
}

/// Attributes by name.
pub(super) fn chosen(entry: &Entry, names: &[String]) -> Map<String, Value> {
    attributes(&entry.raw, &|name| names.iter().any(|wanted| wanted == name))
}

/// An object's id in the type it was written with.
pub(super) fn typed_id(entry: &Entry) -> Value {
    attributes(&entry.raw, &|name| name == "id").remove("id").unwrap_or_default()
}

/// The text forms of a list of ids in an object.
pub(super) fn id_list(entry: &Entry, name: &str) -> Vec<String> {
    let list = attributes(&entry.raw, &|key| key == name).remove(name);
    list.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(id_text).collect()
}

/// Sorts by analysed or not, then by score, then by order of arrival.
fn rank(left: &Hit<'_>, right: &Hit<'_>) -> Ordering {
    let key = |hit: &Hit<'_>| (!hit.entry.analysed, -hit.score, hit.entry.born);
    key(left).cmp(&key(right))
}

/// Sort position of a product by an attribute; products without it come last in both directions.
struct Place {
    value: Option<Value>,
    descending: bool,
}

impl Place {
    fn of(entry: &Entry, order: &Order) -> Self {
        let value = attributes(&entry.raw, &|name| name == order.by).remove(&order.by);
        let value = value.filter(|value| value.is_number() || value.is_string() || value.is_boolean());
        Self { value, descending: order.descending }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let (Some(left), Some(right)) = (&self.value, &other.value) else {
            return self.value.is_none().cmp(&other.value.is_none());
        };
        let upward = match (left, right) {
            (Value::String(left), Value::String(right)) => left.cmp(right),
            (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
            (Value::Number(left), Value::Number(right)) => {
                left.as_f64().unwrap_or_default().total_cmp(&right.as_f64().unwrap_or_default())
            }
            _ => kind(left).cmp(&kind(right)),
        };
        if self.descending { upward.reverse() } else { upward }
    }
}

/// An order for values that have none between them.
fn kind(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => 0,
        Value::Number(_) => 1,
        _ => 2,
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}
