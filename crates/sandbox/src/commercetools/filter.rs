//! A predicate checked against a resource's fields, its evaluation, and hints where its matches are.
//!
//! Choices where the platform's behaviour isn't documented: a missing field equals nothing and is unequal to everything;
//! order comparisons with a missing field do not hold; a test on a list holds when some element fulfils it.

use std::borrow::Cow;

use serde_json::Value;

use super::fields::Shape;
use super::order::Id;
use super::predicate::{Comparison, Expression, Literal, Test};
use super::table::{Term, term};
use super::time;

/// A checked predicate.
#[derive(Debug)]
pub(super) enum Filter {
    /// All hold.
    And(Vec<Self>),
    /// At least one holds.
    Or(Vec<Self>),
    /// Does not hold.
    Not(Box<Self>),
    /// A check of one field.
    Field(String, Check),
}

/// A checked test of a field.
#[derive(Debug)]
pub(super) enum Check {
    Nested(Box<Filter>),
    Compare(Comparison, Scalar<'static>),
    In(Vec<Scalar<'static>>, bool),
    Contains(Vec<Scalar<'static>>, bool),
    Defined(bool),
    Empty(bool),
    IgnoringCase(String),
    /// Longitude and latitude in degrees, and metres.
    Within([f64; 3]),
}

/// A value that can be compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Boolean(bool),
    /// Microseconds since 1970.
    Instant(i64),
    Id(Id),
}

/// The value of a record's field.
pub(super) enum Found<'a> {
    Missing,
    Scalar(Scalar<'a>),
    Json(&'a Value),
    Record(Box<dyn Record + 'a>),
}

/// Something a filter can look into.
pub(super) trait Record {
    /// The field `name`.
    fn field(&self, name: &str) -> Found<'_>;
}

impl Record for Value {
    fn field(&self, name: &str) -> Found<'_> {
        self.get(name).map_or(Found::Missing, Found::Json)
    }
}

impl Filter {
    /// Checks `expression` against `shape`. The error names the field at fault.
    pub(super) fn check(expression: Expression, shape: &Shape) -> Result<Self, String> {
        let all = |parts: Vec<Expression>| -> Result<Vec<Self>, String> {
            parts.into_iter().map(|part| Self::check(part, shape)).collect()
        };
        Ok(match expression {
            Expression::And(parts) => Self::And(all(parts)?),
            Expression::Or(parts) => Self::Or(all(parts)?),
            Expression::Not(part) => Self::Not(Box::new(Self::check(*part, shape)?)),
            Expression::Field(name, test) => {
                let Some(field) = shape.field(&name) else {
                    return Err(format!("The field '{name}' does not exist."));
                };
                let check = Check::of(&name, test, field)?;
                Self::Field(name, check)
            }
        })
    }

    /// Whether `record` fulfils the predicate.
    pub(super) fn holds(&self, record: &dyn Record) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(record)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(record)),
            Self::Not(part) => !part.holds(record),
            Self::Field(name, check) => check.holds(record.field(name)),
        }
    }
}

impl Check {
    fn of(name: &str, test: Test, shape: &Shape) -> Result<Self, String> {
        let each = |values: Vec<Literal>, shape: &Shape| -> Result<Vec<Scalar<'static>>, String> {
            values.into_iter().map(|value| scalar(name, value, shape)).collect()
        };
        Ok(match test {
            Test::Nested(inner) => match shape {
                Shape::Object(_) | Shape::List(_) | Shape::Map(_) | Shape::Open => {
                    Self::Nested(Box::new(Filter::check(*inner, shape)?))
                }
                _ => return Err(format!("The field '{name}' has no fields of its own.")),
            },
            Test::Compare(comparison, value) => Self::Compare(comparison, scalar(name, value, shape)?),
            Test::In(values, negated) => Self::In(each(values, shape)?, negated),
            Test::Contains(values, all) => match shape {
                Shape::List(element) => Self::Contains(each(values, element)?, all),
                Shape::Open => Self::Contains(each(values, shape)?, all),
                _ => return Err(format!("The field '{name}' is not a list.")),
            },
            Test::Defined(positive) => Self::Defined(positive),
            Test::Empty(positive) => match shape {
                Shape::List(_) | Shape::Open | Shape::Map(_) => Self::Empty(positive),
                _ => return Err(format!("The field '{name}' is not a list.")),
            },
            Test::IgnoringCase(value) => match scalar(name, value, shape)? {
                Scalar::Text(wanted) => Self::IgnoringCase(wanted.to_lowercase()),
                _ => return Err(format!("The field '{name}' is not a string.")),
            },
            Test::Within(values) => {
                if name != "geoLocation" {
                    return Err(format!("The field '{name}' is not a geo location."));
                }
                let mut circle = [0.0; 3];
                for (number, value) in circle.iter_mut().zip(values) {
                    if let Scalar::Number(given) = scalar(name, value, &Shape::Number)? {
                        *number = given;
                    }
                }
                Self::Within(circle)
            }
        })
    }

    fn holds(&self, found: Found<'_>) -> bool {
        match self {
            Self::Defined(positive) => !matches!(found, Found::Missing | Found::Json(Value::Null)) == *positive,
            Self::Empty(positive) => {
                let empty = match found {
                    Found::Json(Value::Array(list)) => list.is_empty(),
                    Found::Json(Value::Object(map)) => map.is_empty(),
                    Found::Missing => true,
                    _ => false,
                };
                empty == *positive
            }
            Self::Nested(inner) => match found {
                Found::Json(Value::Array(list)) => list.iter().any(|element| inner.holds(element)),
                Found::Json(value @ Value::Object(_)) => inner.holds(value),
                Found::Record(record) => inner.holds(record.as_ref()),
                _ => false,
            },
            Self::Contains(wanted, all) => match found {
                Found::Json(Value::Array(list)) => {
                    let has = |value: &Scalar<'_>| list.iter().any(|element| equals(element, value));
                    if *all { wanted.iter().all(has) } else { wanted.iter().any(has) }
                }
                _ => false,
            },
            Self::Compare(comparison, value) => compares(&found, *comparison, value),
            Self::In(values, negated) => {
                values.iter().any(|value| compares(&found, Comparison::Equal, value)) != *negated
            }
            Self::Within(circle) => match found {
                Found::Json(point) => metres_from(point, circle).is_some_and(|metres| metres <= circle[2]),
                _ => false,
            },
            Self::IgnoringCase(wanted) => match found {
                Found::Scalar(Scalar::Text(text)) => text.to_lowercase() == *wanted,
                Found::Json(Value::String(text)) => text.to_lowercase() == *wanted,
                _ => false,
            },
        }
    }
}

/// The distance of a GeoJSON point from the centre of a circle, on a sphere.
fn metres_from(point: &Value, [longitude, latitude, _]: &[f64; 3]) -> Option<f64> {
    const RADIUS: f64 = 6_371_008.8;
    let coordinate = |at: usize| point.get("coordinates")?.get(at)?.as_f64();
    let (from, to) = (latitude.to_radians(), coordinate(1)?.to_radians());
    let (across, along) = ((coordinate(0)? - longitude).to_radians(), to - from);
    let half = (along / 2.0).sin().powi(2) + from.cos() * to.cos() * (across / 2.0).sin().powi(2);
    Some(2.0 * RADIUS * half.sqrt().asin())
}

/// Gives a literal the type of the field it meets.
fn scalar(name: &str, value: Literal, shape: &Shape) -> Result<Scalar<'static>, String> {
    let wrong = |wanted: &str| Err(format!("The value of the field '{name}' must be {wanted}."));
    match (shape, value) {
        (Shape::Text | Shape::Open, Literal::Text(text) | Literal::Variable(text)) => Ok(Scalar::Text(text.into())),
        (Shape::Text, _) => wrong("a string"),
        (Shape::Id, Literal::Text(text) | Literal::Variable(text)) => match Id::parse(&text) {
            Some(id) => Ok(Scalar::Id(id)),
            None => wrong("a UUID"),
        },
        (Shape::Id, _) => wrong("a UUID"),
        (Shape::Instant, Literal::Text(text) | Literal::Variable(text)) => match time::microseconds(&text) {
            Some(instant) => Ok(Scalar::Instant(instant)),
            None => wrong("a date and time in ISO 8601"),
        },
        (Shape::Instant, _) => wrong("a date and time in ISO 8601"),
        (Shape::Number | Shape::Open, Literal::Number(number)) => Ok(Scalar::Number(number)),
        (Shape::Number, Literal::Variable(text)) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Scalar::Number(number)),
            _ => wrong("a number"),
        },
        (Shape::Number, _) => wrong("a number"),
        (Shape::Boolean | Shape::Open, Literal::Boolean(flag)) => Ok(Scalar::Boolean(flag)),
        (Shape::Boolean, Literal::Variable(text)) if text == "true" || text == "false" => {
            Ok(Scalar::Boolean(text == "true"))
        }
        (Shape::Boolean, _) => wrong("true or false"),
        (Shape::Object(_) | Shape::List(_) | Shape::Map(_), _) => {
            Err(format!("The field '{name}' can't be compared with a value."))
        }
    }
}

/// Reads a JSON value as the kind of `like`.
fn read<'a>(value: &'a Value, like: &Scalar<'_>) -> Option<Scalar<'a>> {
    match (value, like) {
        (Value::String(text), Scalar::Text(_)) => Some(Scalar::Text(Cow::Borrowed(text))),
        (Value::String(text), Scalar::Id(_)) => Id::parse(text).map(Scalar::Id),
        (Value::String(text), Scalar::Instant(_)) => time::microseconds(text).map(Scalar::Instant),
        (Value::Number(number), Scalar::Number(_)) => number.as_f64().map(Scalar::Number),
        (Value::Bool(flag), Scalar::Boolean(_)) => Some(Scalar::Boolean(*flag)),
        _ => None,
    }
}

fn equals(value: &Value, wanted: &Scalar<'_>) -> bool {
    read(value, wanted).is_some_and(|read| read == *wanted)
}

/// Order of two values of one kind; none for different kinds.
pub(super) fn order(left: &Scalar<'_>, right: &Scalar<'_>) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Scalar::Text(left), Scalar::Text(right)) => Some(left.cmp(right)),
        (Scalar::Number(left), Scalar::Number(right)) => left.partial_cmp(right),
        (Scalar::Boolean(left), Scalar::Boolean(right)) => Some(left.cmp(right)),
        (Scalar::Instant(left), Scalar::Instant(right)) => Some(left.cmp(right)),
        (Scalar::Id(left), Scalar::Id(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn compares(found: &Found<'_>, comparison: Comparison, wanted: &Scalar<'_>) -> bool {
    let value = match found {
        // An attribute that is a set holds when one of its elements does.
        Found::Json(Value::Array(list)) => {
            return list.iter().any(|element| compares(&Found::Json(element), comparison, wanted));
        }
        Found::Scalar(value) => Some(value.clone()),
        Found::Json(value) => read(value, wanted),
        Found::Missing | Found::Record(_) => None,
    };
    let ordering = value.and_then(|value| order(&value, wanted));
    match comparison {
        Comparison::Equal => ordering.is_some_and(std::cmp::Ordering::is_eq),
        Comparison::Unequal => !ordering.is_some_and(std::cmp::Ordering::is_eq),
        Comparison::Less => ordering.is_some_and(std::cmp::Ordering::is_lt),
        Comparison::LessOrEqual => ordering.is_some_and(std::cmp::Ordering::is_le),
        Comparison::Greater => ordering.is_some_and(std::cmp::Ordering::is_gt),
        Comparison::GreaterOrEqual => ordering.is_some_and(std::cmp::Ordering::is_ge),
    }
}

/// A hint where the matches of a filter are: every match fulfils each hint, but not every such row is a match.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hints {
    /// Lowest and highest id, both included.
    pub(super) ids: (Option<Id>, Option<Id>),
    /// Earliest and latest lastModifiedAt in milliseconds, both included.
    pub(super) modified: (Option<i64>, Option<i64>),
    /// Matches come after this (lastModifiedAt, id).
    pub(super) after: Option<(i64, Id)>,
    /// The matches are among the rows indexed under these terms.
    pub(super) terms: Option<Vec<u64>>,
    /// The matches are among these ids.
    pub(super) one_of: Option<Vec<Id>>,
}

impl Hints {
    /// Hints of `filter` on a resource. `created_is_modified` for resources that never change after creation.
    pub(super) fn of(filter: &Filter, created_is_modified: bool) -> Self {
        Self::at(filter, Place::Root, created_is_modified)
    }

    fn at(filter: &Filter, place: Place, created_is_modified: bool) -> Self {
        match filter {
            Filter::And(parts) => {
                parts.iter().map(|part| Self::at(part, place, created_is_modified)).fold(Self::default(), Self::both)
            }
            Filter::Or(parts) => {
                let mut parts = parts.iter().map(|part| Self::at(part, place, created_is_modified));
                let first = parts.next().unwrap_or_default();
                parts.fold(first, Self::either)
            }
            Filter::Not(_) => Self::default(),
            Filter::Field(name, check) => Self::of_field(name, check, place, created_is_modified),
        }
    }

    fn of_field(name: &str, check: &Check, place: Place, created_is_modified: bool) -> Self {
        if let Check::Nested(inner) = check {
            return match name {
                "masterData" | "current" | "staged" => Self::at(inner, Place::Data, created_is_modified),
                "masterVariant" | "variants" if place != Place::Other => {
                    Self::at(inner, Place::Variant, created_is_modified)
                }
                "categories" if place != Place::Other => Self::at(inner, Place::Category, created_is_modified),
                _ => Self::default(),
            };
        }
        let terms = |field: Term| Self { terms: texts(check, field), ..Self::default() };
        match (place, name) {
            (Place::Root, "id") => Self::of_id(check),
            (Place::Root, "lastModifiedAt") => Self::of_modified(check),
            (Place::Root, "createdAt") if created_is_modified => Self::of_modified(check),
            (Place::Root, "key") => terms(Term::Key),
            (Place::Root | Place::Variant, "sku") if !created_is_modified => terms(Term::Sku),
            (Place::Category, "id") => terms(Term::Category),
            _ => Self::default(),
        }
    }

    fn of_id(check: &Check) -> Self {
        let ids = match check {
            Check::Compare(Comparison::Equal, Scalar::Id(id)) => {
                return Self { one_of: Some(vec![*id]), ..Self::default() };
            }
            Check::In(values, false) => {
                let ids = values.iter().filter_map(|value| if let Scalar::Id(id) = value { Some(*id) } else { None });
                return Self { one_of: Some(ids.collect()), ..Self::default() };
            }
            Check::Compare(Comparison::Greater | Comparison::GreaterOrEqual, Scalar::Id(id)) => (Some(*id), None),
            Check::Compare(Comparison::Less | Comparison::LessOrEqual, Scalar::Id(id)) => (None, Some(*id)),
            _ => (None, None),
        };
        Self { ids, ..Self::default() }
    }

    fn of_modified(check: &Check) -> Self {
        let Check::Compare(comparison, Scalar::Instant(micros)) = check else { return Self::default() };
        let (floor, ceiling) = (micros.div_euclid(1000), -(-micros).div_euclid(1000));
        let exact = floor == ceiling;
        let (modified, after) = match comparison {
            Comparison::Equal if exact => ((Some(floor), Some(floor)), Some((floor, Id::FIRST))),
            Comparison::Greater => ((Some(floor), None), Some((floor, Id::LAST))),
            Comparison::GreaterOrEqual => ((Some(ceiling), None), Some((ceiling, Id::FIRST))),
            Comparison::Less | Comparison::LessOrEqual => ((None, Some(floor)), None),
            _ => ((None, None), None),
        };
        Self { modified, after, ..Self::default() }
    }

    fn both(self, other: Self) -> Self {
        let ids = (self.ids.0.max(other.ids.0), least(self.ids.1, other.ids.1));
        let modified = (self.modified.0.max(other.modified.0), least(self.modified.1, other.modified.1));
        let mut after = self.after.max(other.after);
        // `lastModifiedAt = t and id > i` starts after (t, i).
        if let ((Some(from), Some(until)), Some(id)) = (modified, ids.0)
            && from == until
        {
            after = after.max(Some((from, id)));
        }
        Self { ids, modified, after, terms: self.terms.or(other.terms), one_of: self.one_of.or(other.one_of) }
    }

    fn either(self, other: Self) -> Self {
        fn hull<T: Ord>(left: (Option<T>, Option<T>), right: (Option<T>, Option<T>)) -> (Option<T>, Option<T>) {
            // For the lower end a missing bound is the widest, and `None` is the least of an Option.
            (left.0.min(right.0), left.1.zip(right.1).map(|(left, right)| left.max(right)))
        }
        fn join<T>(left: Option<Vec<T>>, right: Option<Vec<T>>) -> Option<Vec<T>> {
            let (mut left, right) = left.zip(right)?;
            left.extend(right);
            Some(left)
        }
        Self {
            ids: hull(self.ids, other.ids),
            modified: hull(self.modified, other.modified),
            after: self.after.min(other.after),
            terms: join(self.terms, other.terms),
            one_of: join(self.one_of, other.one_of),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Root,
    Data,
    Variant,
    Category,
    Other,
}

/// The lesser of two upper bounds, where a missing one bounds nothing.
fn least<T: Ord>(left: Option<T>, right: Option<T>) -> Option<T> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}

fn texts(check: &Check, field: Term) -> Option<Vec<u64>> {
    let number = |value: &Scalar<'_>| match value {
        Scalar::Text(text) => Some(term(field, text)),
        Scalar::Id(id) => Some(term(field, &id.to_string())),
        _ => None,
    };
    match check {
        Check::Compare(Comparison::Equal, value) => number(value).map(|term| vec![term]),
        Check::In(values, false) => values.iter().map(number).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use serde_json::json;

    use super::super::{fields, predicate};
    use super::*;

    fn filter(text: &str) -> Result<Filter, String> {
        Filter::check(predicate::parse(text, &[])?, &fields::PROJECTION)
    }

    fn holds(text: &str, record: &Value) -> bool {
        filter(text).unwrap_or_else(|error| panic!("{text}: {error}")).holds(record)
    }

    #[test]
    fn tests_look_into_objects_and_lists() {
        let record = json!({
            "key": "Shirt", "version": 3, "published": true,
            "name": {"en": "Shirt", "de-DE": "Hemd"},
            "categories": [{"typeId": "category", "id": "00010203-0405-4007-8009-0a0b0c0d0e0f"}],
            "masterVariant": {"id": 1, "sku": "A", "attributes": [
                {"name": "colour", "value": {"key": "red", "label": "Red"}},
                {"name": "sizes", "value": ["s", "m"]},
                {"name": "weight", "value": 12.5}]},
            "variants": [{"id": 2, "sku": "B", "prices": [{"validFrom": "2026-05-01T00:00:00.000Z"}]}],
            "lastModifiedAt": "2026-05-01T10:00:00.000Z",
        });
        for (text, expected) in [
            (r#"name(en = "Shirt")"#, true),
            (r#"name(de-DE = "Hemd" and en = "Shirt")"#, true),
            ("name(fr is defined)", false),
            (r#"categories(id = "00010203-0405-4007-8009-0a0b0c0d0e0f")"#, true),
            ("categories is empty", false),
            (r#"masterVariant(sku in ("A","B")) and variants(sku in ("A","B"))"#, true),
            (r#"variants(sku not in ("B"))"#, false),
            (r#"masterVariant(attributes(name = "colour" and value(key = "red")))"#, true),
            (r#"masterVariant(attributes(name = "colour" and value(key = "blue")))"#, false),
            (r#"masterVariant(attributes(name = "weight" and value > 12))"#, true),
            (r#"masterVariant(attributes(name = "sizes" and value contains all ("s","m")))"#, true),
            (r#"masterVariant(attributes(name = "sizes" and value contains any ("xl")))"#, false),
            (r#"key matches ignore case "sHIRT""#, true),
            ("version <> 3", false),
            ("version >= 3 and version < 4 and not(version > 3)", true),
            ("published = true and hasStagedChanges is not defined", true),
            // The same instant in another offset.
            (r#"lastModifiedAt = "2026-05-01T12:00:00+02:00""#, true),
            (r#"lastModifiedAt > "2026-05-01T09:59:59.999Z""#, true),
            (r#"variants(prices(validFrom < "2026-06-01T00:00:00Z"))"#, true),
        ] {
            assert_eq!(holds(text, &record), expected, "{text}");
        }
    }

    #[test]
    fn unknown_fields_and_wrong_types_are_refused() {
        for (text, part) in [
            (r#"colour = "red""#, "'colour' does not exist"),
            ("masterVariant(size = 1)", "'size' does not exist"),
            (r#"version = "3""#, "must be a number"),
            (r#"lastModifiedAt > "yesterday""#, "must be a date and time"),
            (r#"id > "abc""#, "must be a UUID"),
            (r#"published = "yes""#, "true or false"),
            ("key = 1", "must be a string"),
            ("key(a = 1)", "no fields of its own"),
            (r#"name = "x""#, "can't be compared"),
            ("key is empty", "is not a list"),
            (r#"key contains any ("a")"#, "is not a list"),
        ] {
            let error = filter(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_keyset_delta_starts_right_after_its_cursor() {
        let id = Id::of("product", "a");
        let text = format!(
            r#"lastModifiedAt <= "1970-01-01T00:00:09Z" and (lastModifiedAt > "1970-01-01T00:00:05Z" or (lastModifiedAt = "1970-01-01T00:00:05Z" and id > "{id}"))"#
        );
        let hints = Hints::of(&filter(&text).unwrap(), false);
        assert_eq!(hints.after, Some((5000, id)));
        assert_eq!(hints.modified, (Some(5000), Some(9000)));
    }

    #[test]
    fn hints_never_lose_a_match() {
        let hint = |text: &str| Hints::of(&filter(text).unwrap(), false);
        let id = Id::of("product", "a");
        assert_eq!(hint(&format!(r#"id > "{id}" and version = 1"#)).ids, (Some(id), None));
        assert_eq!(hint(&format!(r#"id > "{id}" or version = 1"#)).ids, (None, None));
        assert_eq!(hint(&format!(r#"not(id = "{id}")"#)), Hints::default());
        assert_eq!(hint(r#"masterVariant(sku = "A") or variants(sku = "B")"#).terms.unwrap().len(), 2);
        assert_eq!(hint(r#"masterVariant(sku = "A") or key is defined"#).terms, None);
        assert_eq!(hint(&format!(r#"productType(id = "{id}")"#)), Hints::default());
        assert_eq!(hint(r#"createdAt > "1970-01-01T00:00:05Z""#), Hints::default());
    }
}
