//! Query parameters, and finding the rows they ask for.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use serde_json::Value;

use super::Limits;
use super::error::ApiError;
use super::fields::Shape;
use super::filter::{Filter, Found, Hints, Record, Scalar, order};
use super::order::Id;
use super::predicate;
use super::state::{Kind, RowRecord, State, View};
use super::table::{Range, Slot, Table};

/// Highest `total` of a query with a predicate.
const TOTAL_CAP: usize = 10_000;

/// The parameters of a request, decoded, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(pub(super) Vec<(String, String)>);

impl Parameters {
    /// Reads the query part of a URL.
    pub(super) fn read(query: &str) -> Result<Self, ApiError> {
        let mut pairs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, decode(value)?));
        }
        Ok(Self(pairs))
    }

    /// The last value of `name`.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A whole number in a range.
    pub(super) fn number(&self, name: &str, default: usize, most: usize) -> Result<usize, ApiError> {
        let Some(text) = self.one(name) else { return Ok(default) };
        match text.parse::<usize>() {
            Ok(number) if number <= most => Ok(number),
            _ => Err(ApiError::malformed(name, format!("The {name} parameter must be in the range of [0..{most}]."))),
        }
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.one(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(ApiError::malformed(name, format!("'{other}' is not true or false."))),
        }
    }
}

/// Decodes `%xx` and `+`.
pub(super) fn decode(text: &str) -> Result<String, ApiError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let code = digit(rest.next()).zip(digit(rest.next())).map(|(high, low)| high << 4 | low);
                code.and_then(|code| u8::try_from(code).ok()).ok_or_else(|| {
                    ApiError::invalid("Malformed URL: a '%' is not followed by two hexadecimal digits.")
                })?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid("Malformed URL: not UTF-8."))
}

/// A list query.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) filter: Option<Filter>,
    pub(super) sort: Vec<Sort>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    pub(super) with_total: bool,
}

/// One `sort` parameter.
#[derive(Debug, PartialEq)]
pub(super) struct Sort {
    path: Vec<String>,
    descending: bool,
}

impl Query {
    /// Reads and checks the parameters of a list endpoint whose elements look like `shape`.
    pub(super) fn read(
        parameters: &Parameters,
        shape: &Shape,
        limits: &Limits,
        with_total: bool,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            filter: filter(parameters, shape)?,
            sort: sorts(parameters, shape)?,
            limit: parameters.number("limit", limits.default_limit, limits.max_limit)?,
            offset: parameters.number("offset", 0, limits.max_offset)?,
            with_total: parameters.flag("withTotal", with_total)?,
        })
    }
}

/// All `sort` parameters.
pub(super) fn sorts(parameters: &Parameters, shape: &Shape) -> Result<Vec<Sort>, ApiError> {
    parameters.all("sort").map(|text| Sort::read(text, shape)).collect()
}

/// Values of this shape in this order; those that are alike stay in theirs.
pub(super) fn sorted(sort: &[Sort], shape: &Shape, values: Vec<Value>) -> Vec<Value> {
    let keys = |value: &Value| -> Vec<_> { sort.iter().map(|sort| sort.key(value, shape)).collect() };
    let mut keyed: Vec<_> = values.into_iter().map(|value| (keys(&value), value)).collect();
    keyed.sort_by(|left, right| by_keys(sort, &left.0, &right.0));
    keyed.into_iter().map(|(_, value)| value).collect()
}

/// All `where` parameters as one filter.
pub(super) fn filter(parameters: &Parameters, shape: &Shape) -> Result<Option<Filter>, ApiError> {
    let variables: Vec<(String, String)> = parameters
        .0
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("var.")?.to_owned(), value.clone())))
        .collect();
    let parts: Vec<Filter> = parameters
        .all("where")
        .map(|text| Filter::check(predicate::parse(text, &variables)?, shape))
        .collect::<Result<_, String>>()
        .map_err(|why| ApiError::malformed("where", why))?;
    Ok(if parts.is_empty() { None } else { Some(Filter::And(parts)) })
}

impl Sort {
    fn read(text: &str, shape: &Shape) -> Result<Self, ApiError> {
        let mut words = text.split_whitespace();
        let path = words.next().unwrap_or_default();
        let descending = match (words.next(), words.next()) {
            (None | Some("asc"), None) => false,
            (Some("desc"), None) => true,
            _ => {
                return Err(ApiError::malformed("sort", format!("'{text}' is not a field with 'asc' or 'desc'.")));
            }
        };
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        let mut place = shape;
        for name in &path {
            place = place
                .field(name)
                .ok_or_else(|| ApiError::malformed("sort", format!("The field '{name}' does not exist.")))?;
        }
        if matches!(place, Shape::Object(_) | Shape::List(_) | Shape::Map(_)) {
            return Err(ApiError::malformed("sort", format!("The field '{}' can't be sorted by.", path.join("."))));
        }
        Ok(Self { path, descending })
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.path.as_slice(), [only] if only == name)
    }

    fn key(&self, record: &dyn Record, shape: &Shape) -> Option<Scalar<'static>> {
        let mut place = shape;
        let mut names = self.path.iter();
        let first = names.next()?;
        place = place.field(first)?;
        let value: Value = match record.field(first) {
            Found::Scalar(scalar) => return Some(owned(scalar)),
            Found::Json(value) => value.clone(),
            Found::Missing | Found::Record(_) => return None,
        };
        let mut value = value;
        for name in names {
            place = place.field(name)?;
            value = match value {
                Value::Array(list) => list.into_iter().next()?,
                other => other,
            };
            value = value.get(name)?.clone();
        }
        match (value, place) {
            (Value::String(text), Shape::Id) => Id::parse(&text).map(Scalar::Id),
            (Value::String(text), Shape::Instant) => super::time::microseconds(&text).map(Scalar::Instant),
            (Value::String(text), _) => Some(Scalar::Text(text.into())),
            (Value::Number(number), _) => number.as_f64().map(Scalar::Number),
            (Value::Bool(flag), _) => Some(Scalar::Boolean(flag)),
            _ => None,
        }
    }
}

fn owned(scalar: Scalar<'_>) -> Scalar<'static> {
    match scalar {
        Scalar::Text(text) => Scalar::Text(text.into_owned().into()),
        Scalar::Number(number) => Scalar::Number(number),
        Scalar::Boolean(flag) => Scalar::Boolean(flag),
        Scalar::Instant(instant) => Scalar::Instant(instant),
        Scalar::Id(id) => Scalar::Id(id),
    }
}

/// The result of a query.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selected {
    /// The page's rows in order.
    pub(super) slots: Vec<Slot>,
    /// Number of matches, capped when there is a predicate.
    pub(super) total: Option<usize>,
}

/// Orders with an index.
enum Ordered {
    ById(bool),
    ByModified(bool),
    ByInsertion,
    No,
}

/// Finds the rows of a page.
pub(super) fn select(state: &State, view: View, query: &Query) -> Selected {
    let table = state.table(view.kind());
    let hints = query.filter.as_ref().map(|filter| Hints::of(filter, view == View::Resource(Kind::Message)));
    let hints = hints.unwrap_or_default();
    let matches = |slot: &Slot| {
        table.row(*slot).is_some_and(|row| {
            view.shows(row)
                && query.filter.as_ref().is_none_or(|filter| filter.holds(&RowRecord::new(state, row, view)))
        })
    };
    let ordered = ordered(view, &query.sort);
    let found = candidates(table, &hints, &ordered);
    if let Some(found) = found {
        return page(found.filter(matches), query);
    }
    let mut found: Vec<Slot> = unordered(table, &hints).filter(matches).collect();
    arrange(state, view, &query.sort, &ordered, &mut found);
    page(found.into_iter(), query)
}

fn ordered(view: View, sort: &[Sort]) -> Ordered {
    let time = |sort: &Sort| sort.is("lastModifiedAt") || view == View::Resource(Kind::Message) && sort.is("createdAt");
    match sort {
        [] => Ordered::ByInsertion,
        [first, ..] if first.is("id") => Ordered::ById(first.descending),
        [only] if time(only) => Ordered::ByModified(only.descending),
        [first, second, ..] if time(first) && second.is("id") && first.descending == second.descending => {
            Ordered::ByModified(first.descending)
        }
        _ => Ordered::No,
    }
}

fn id_range(hints: &Hints) -> Range<Id> {
    let bound = |id: Option<Id>| id.map_or(Bound::Unbounded, Bound::Included);
    (bound(hints.ids.0), bound(hints.ids.1))
}

fn modified_range(hints: &Hints) -> Range<(i64, Id)> {
    let from = hints.after.max(hints.modified.0.map(|from| (from, Id::FIRST)));
    let until = hints.modified.1.map(|until| (until, Id::LAST));
    (from.map_or(Bound::Unbounded, Bound::Included), until.map_or(Bound::Unbounded, Bound::Included))
}

/// Candidate rows, in the requested order, if an index gives both.
fn candidates<'a>(table: &'a Table, hints: &Hints, ordered: &Ordered) -> Option<Box<dyn Iterator<Item = Slot> + 'a>> {
    fn turned<'a>(
        slots: impl DoubleEndedIterator<Item = Slot> + 'a,
        descending: bool,
    ) -> Box<dyn Iterator<Item = Slot> + 'a> {
        if descending { Box::new(slots.rev()) } else { Box::new(slots) }
    }
    if hints.one_of.is_some() || hints.terms.is_some() {
        return None;
    }
    match ordered {
        Ordered::ByModified(descending) => Some(turned(table.by_modified(modified_range(hints)), *descending)),
        // A changed-since predicate narrows more than a range of ids does.
        Ordered::ById(descending) if hints.modified.0.is_none() || hints.ids.0.is_some() => {
            Some(turned(table.by_id(id_range(hints)), *descending))
        }
        Ordered::ByInsertion if *hints == Hints::default() => Some(Box::new(table.slots())),
        Ordered::ById(_) | Ordered::ByInsertion | Ordered::No => None,
    }
}

/// Candidate rows in any order, each once.
fn unordered<'a>(table: &'a Table, hints: &Hints) -> Box<dyn Iterator<Item = Slot> + 'a> {
    if let Some(ids) = &hints.one_of {
        let slots: BTreeSet<Slot> = ids.iter().filter_map(|id| table.slot(*id)).collect();
        return Box::new(slots.into_iter());
    }
    if let Some(terms) = &hints.terms {
        let slots: BTreeSet<Slot> = terms.iter().flat_map(|term| table.with_term(*term)).collect();
        return Box::new(slots.into_iter());
    }
    if hints.modified != (None, None) {
        return Box::new(table.by_modified(modified_range(hints)));
    }
    if hints.ids != (None, None) {
        return Box::new(table.by_id(id_range(hints)));
    }
    Box::new(table.slots())
}

fn arrange(state: &State, view: View, sort: &[Sort], ordered: &Ordered, found: &mut [Slot]) {
    let table = state.table(view.kind());
    let id = |slot: &Slot| table.row(*slot).map(|row| row.id);
    let modified = |slot: &Slot| table.row(*slot).map(|row| (row.modified, row.id));
    match ordered {
        Ordered::ByInsertion => found.sort_unstable(),
        Ordered::ById(false) => found.sort_unstable_by_key(id),
        Ordered::ById(true) => found.sort_unstable_by_key(|slot| std::cmp::Reverse(id(slot))),
        Ordered::ByModified(false) => found.sort_unstable_by_key(modified),
        Ordered::ByModified(true) => found.sort_unstable_by_key(|slot| std::cmp::Reverse(modified(slot))),
        Ordered::No => {
            let keys = |slot: &Slot| -> Vec<Option<Scalar<'static>>> {
                let Some(row) = table.row(*slot) else { return Vec::new() };
                let record = RowRecord::new(state, row, view);
                sort.iter().map(|sort| sort.key(&record, view.shape())).collect()
            };
            let mut keyed: Vec<(Vec<Option<Scalar<'static>>>, Slot)> =
                found.iter().map(|slot| (keys(slot), *slot)).collect();
            keyed.sort_by(|left, right| by_keys(sort, &left.0, &right.0).then_with(|| id(&left.1).cmp(&id(&right.1))));
            for (place, (_, slot)) in found.iter_mut().zip(keyed) {
                *place = slot;
            }
        }
    }
}

fn by_keys(sort: &[Sort], left: &[Option<Scalar<'_>>], right: &[Option<Scalar<'_>>]) -> Ordering {
    for ((sort, left), right) in sort.iter().zip(left).zip(right) {
        let ordering = match (left, right) {
            (Some(left), Some(right)) => order(left, right).unwrap_or(Ordering::Equal),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        let ordering = if sort.descending { ordering.reverse() } else { ordering };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

fn page(found: impl Iterator<Item = Slot>, query: &Query) -> Selected {
    let cap = if query.filter.is_some() { TOTAL_CAP } else { usize::MAX };
    let end = query.offset + query.limit;
    let mut selected = Selected::default();
    let mut seen = 0;
    for slot in found {
        if seen >= end && (!query.with_total || seen >= cap) {
            break;
        }
        if (query.offset..end).contains(&seen) {
            selected.slots.push(slot);
        }
        seen += 1;
        if seen == end && !query.with_total {
            break;
        }
    }
    selected.total = query.with_total.then(|| seen.min(cap));
    selected
}
