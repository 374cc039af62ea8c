//! Validates an object in one pass: documented fields exist and have their type; attributes that Clerk ignores are
//! found.
//!
//! Nothing is built but a list of borrowed fields. An object is stored as it came, unless it has attributes that
//! Clerk ignores (names outside `[A-Za-z0-9_]`, nulls), which are cut out.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::envelope::Problem;
use super::json::{Fields, text};
use super::resource::{Kind, Resource, Rule};
use super::settings::Validation;

/// Seconds beyond this are surely milliseconds: it is the year 5138.
const LATEST_SECOND: u64 = 100_000_000_000;

/// An object that may be stored.
pub(super) struct Checked<'a> {
    pub(super) raw: Cow<'a, RawValue>,
    /// Its id in text form; only customers may be without.
    pub(super) id: Option<Id<'a>>,
    /// Email of a customer.
    pub(super) email: Option<Cow<'a, str>>,
    /// `index` isn't false.
    pub(super) index: bool,
    /// It has all that is required.
    pub(super) complete: bool,
}

/// An id in text form.
#[derive(Clone, Debug)]
pub(super) struct Id<'a> {
    pub(super) text: Cow<'a, str>,
    pub(super) kind: IdType,
}

/// The type a store's ids have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdType {
    Integer,
    Text,
}

/// Whether an object is whole or names only what changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Whole,
    Partial,
}

/// How a value fits its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Good,
    /// A lenient server might accept it.
    Tolerable,
    Wrong,
}

/// Checks one object. `note` receives what is tolerated or dropped.
pub(super) fn check<'a>(
    resource: Resource,
    raw: &'a RawValue,
    mode: Mode,
    validation: Validation,
    note: &mut dyn FnMut(String),
) -> Result<Checked<'a>, Problem> {
    let mut fields = Fields::of(raw).ok_or_else(|| Problem::invalid(resource.name()))?;
    let mut found = 0_u32;
    let mut vanishing = false;
    for (name, value) in &fields.0 {
        if vanishes(name, value) {
            vanishing = true;
            note(format!("{}: attribute {name} ignored for its name or null", resource.name()));
        } else if let Some((place, rule)) = rule_of(resource, name) {
            found |= u32::from(judge(resource, rule, value, validation, note)?) << place;
        }
    }
    if vanishing {
        fields.0.retain(|(name, value)| !vanishes(name, value));
    }
    let id = identity(resource, &fields)?;
    let email = (resource == Resource::Customers)
        .then(|| fields.get("email").and_then(|email| text(email.get())))
        .flatten()
        .filter(|email| !email.is_empty());
    let complete = mode == Mode::Partial || is_complete(resource, found, validation)?;
    if id.is_none() && email.is_none() {
        return Err(Problem::missing("id"));
    }
    let index = fields.get("index").is_none_or(|index| index.get() != "false");
    let raw = match vanishing.then(|| fields.to_raw()).flatten() {
        Some(rest) => Cow::Owned(rest),
        None => Cow::Borrowed(raw),
    };
    Ok(Checked { raw, id, email, index, complete })
}

fn vanishes(name: &str, value: &RawValue) -> bool {
    value.get() == "null" || name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn rule_of(resource: Resource, name: &str) -> Option<(usize, &'static Rule)> {
    resource.rules().iter().enumerate().find(|(_, rule)| rule.name == name)
}

/// Whether the field counts as present.
fn judge(
    resource: Resource,
    rule: &Rule,
    value: &RawValue,
    validation: Validation,
    note: &mut dyn FnMut(String),
) -> Result<bool, Problem> {
    let fit = fit(rule.kind, value.get());
    match (fit, validation) {
        (Fit::Good, _) => Ok(true),
        (_, Validation::Strict) => Err(Problem::invalid(rule.name)),
        (Fit::Wrong, Validation::Lenient) if rule.kind == Kind::Id => Err(Problem::invalid(rule.name)),
        (Fit::Tolerable | Fit::Wrong, Validation::Lenient) => {
            note(format!("{}: {} is not what is documented", resource.name(), rule.name));
            Ok(fit == Fit::Tolerable)
        }
    }
}

fn is_complete(resource: Resource, found: u32, validation: Validation) -> Result<bool, Problem> {
    let missing = resource.rules().iter().enumerate().find(|(place, rule)| rule.required && found & (1 << place) == 0);
    match (missing, validation) {
        (None, _) => Ok(true),
        (Some((_, rule)), Validation::Strict) => Err(Problem::missing(rule.name)),
        (Some((_, rule)), Validation::Lenient) if rule.kind == Kind::Id => Err(Problem::missing(rule.name)),
        (Some(_), Validation::Lenient) => Ok(false),
    }
}

fn identity<'a>(resource: Resource, fields: &Fields<'a>) -> Result<Option<Id<'a>>, Problem> {
    let raw = match resource {
        Resource::Customers => fields.get("customerid").or_else(|| fields.get("id")),
        _ => fields.get("id"),
    };
    match raw {
        Some(raw) => id_of(raw.get()).map(Some).ok_or_else(|| Problem::invalid("id")),
        None if resource == Resource::Customers => Ok(None),
        None => Err(Problem::missing("id")),
    }
}

/// An id from its JSON; `None` when it is neither an integer nor a text.
pub(super) fn id_of(raw: &str) -> Option<Id<'_>> {
    if is_integer(raw) {
        return Some(Id { text: Cow::Borrowed(raw), kind: IdType::Integer });
    }
    let text = text(raw).filter(|text| !text.is_empty())?;
    Some(Id { text, kind: IdType::Text })
}

fn is_integer(raw: &str) -> bool {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn fit(kind: Kind, raw: &str) -> Fit {
    let first = raw.as_bytes().first().copied().unwrap_or(b'n');
    let is_text = first == b'"';
    let is_number = first == b'-' || first.is_ascii_digit();
    let good = |good: bool| if good { Fit::Good } else { Fit::Wrong };
    match kind {
        Kind::Id => good(id_of(raw).is_some()),
        Kind::Ids => good(
            first == b'['
                && list(raw).is_some_and(|ids| ids.iter().all(|id| is_integer(id.get()) || id.get().starts_with('"'))),
        ),
        Kind::Text => good(is_text),
        Kind::TextOrList => good(is_text || first == b'['),
        Kind::Boolean => good(first == b't' || first == b'f'),
        Kind::Number if is_number => Fit::Good,
        Kind::Integer if is_integer(raw) => Fit::Good,
        Kind::Number => tolerable(numeric_text(raw, &|text| text.parse::<f64>().is_ok_and(f64::is_finite))),
        Kind::Integer => tolerable(numeric_text(raw, &is_integer)),
        Kind::Seconds if is_number => good(is_second(raw)),
        // Numbers in quotes are accepted by the real one, and a plugin sends ISO 8601.
        Kind::Seconds => tolerable(is_text),
        Kind::Url => good(text(raw).is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"))),
        Kind::Lines => lines(raw),
        Kind::State => {
            good(matches!(raw.trim_matches('"'), "CONFIRMED" | "SENT" | "DELIVERED" | "RETURNED" | "CANCELLED"))
        }
    }
}

fn tolerable(tolerable: bool) -> Fit {
    if tolerable { Fit::Tolerable } else { Fit::Wrong }
}

fn numeric_text(raw: &str, is_numeric: &dyn Fn(&str) -> bool) -> bool {
    text(raw).is_some_and(|text| is_numeric(&text))
}

fn is_second(raw: &str) -> bool {
    raw.parse::<u64>().is_ok_and(|second| second < LATEST_SECOND)
}

fn list(raw: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw).ok()
}

fn lines(raw: &str) -> Fit {
    let Some(lines) = list(raw) else { return Fit::Wrong };
    let line_fits = |line: &&RawValue| {
        Fields::of(line).is_some_and(|fields| {
            let fits = |name, kind| fields.get(name).is_some_and(|value| fit(kind, value.get()) == Fit::Good);
            fits("id", Kind::Id) && fits("quantity", Kind::Integer) && fits("price", Kind::Number)
        })
    };
    if lines.iter().all(line_fits) { Fit::Good } else { Fit::Wrong }
}
