//! Reads one table into its type and goes on after an error, so that all errors are reported at once.
//!
//! A wrong key or value is noted and removed, and the rest is read again; missing keys are found by the type's own
//! schema.

use std::ops::Range;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use toml::{Spanned, de::DeValue};

use super::{
    code,
    problem::{Hidden, Problem},
    schema::{at, table_of},
    source_map::SourceMap,
    suggest::{listed, nearest},
    value::{self, Error, Wrong},
};

/// Most problems of a table; one with more is another kind of file.
const MOST_PROBLEMS: usize = 50;

/// State of reading: the places of keys and values, and the problems so far.
pub(super) struct Reader<'a> {
    pub(super) map: &'a SourceMap,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The value without its wrong parts, so that the rest can be checked too; `None` if a required part is missing or
    /// wrong. All problems are noted. `extra` names keys that the caller has read itself.
    pub(super) fn read<T: DeserializeOwned + JsonSchema>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        extra: &[&str],
    ) -> Option<T> {
        if !matches!(value.get_ref(), DeValue::Table(_)) {
            let message = format!("{} must be a table", self.name(&value.span()));
            self.problems.push(Problem::new(code::VALUE, value.span(), message));
            return None;
        }
        let schema = table_of::<T>();
        self.ranges(&schema, value);
        let mut rest = value.clone();
        for _ in 0..MOST_PROBLEMS {
            let Error { wrong, span } = match value::read(&rest) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let span = span.unwrap_or_else(|| value.span());
            if let Wrong::Missing(key) = wrong {
                self.missing(key, &span, value, &schema);
                return None;
            }
            let problem = self.wrong(wrong, &span, extra, &schema);
            self.problems.push(problem);
            if !take_out(&mut rest, &span) {
                return None;
            }
        }
        None
    }

    /// `markets.de.currency` for the place of a key or value.
    pub(super) fn name(&self, span: &Range<usize>) -> String {
        self.map.path_at(span).map_or_else(|| "the value".to_owned(), |path| path.join("."))
    }

    fn missing(&mut self, key: &'static str, span: &Range<usize>, value: &Spanned<DeValue<'_>>, schema: &Json) {
        let given = |key: &str| value.get_ref().get(key).is_some();
        let of_this_table = *span == value.span();
        let required = at(schema, &["required"]).as_array().into_iter().flatten().filter_map(Json::as_str);
        // A mistyped key was reported already.
        let mistyped = |key: &&str| self.problems.iter().any(|problem| problem.hint == Some(meant(key)));
        let missing: Vec<&str> = if of_this_table {
            required.filter(|key| !given(key)).filter(|key| !mistyped(key)).collect()
        } else {
            vec![key]
        };
        if missing.is_empty() {
            return;
        }
        let message = format!("{} has no {}", self.name(span), listed(missing.iter().copied()));
        let mut problem = Problem::new(code::MISSING, span.clone(), message);
        let described = missing.iter().filter_map(|key| Some((*key, description(schema, key)?)));
        problem.hint = match missing.as_slice() {
            [key] => description(schema, key),
            _ => Some(described.map(|(key, text)| format!("{key}: {text}")).collect::<Vec<_>>().join("\n")),
        };
        problem.hint = problem.hint.filter(|hint| !hint.is_empty());
        self.problems.push(problem);
    }

    fn wrong(&self, wrong: Wrong, span: &Range<usize>, extra: &[&str], schema: &Json) -> Problem {
        let name = self.name(span);
        // An item of a list is described with the list.
        let named = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let named = named.strip_suffix('.').filter(|named| named.len() < name.len()).unwrap_or(&name);
        let key = named.rsplit('.').next().unwrap_or_default();
        let property = at(schema, &["properties", key]);
        let is_form = |property: &Json| at(property, &["pattern"]).as_str() == Some(contract::secret::FORM);
        let is_list = is_form(at(property, &["items"]));
        if (is_list || is_form(property)) && matches!(wrong, Wrong::Type { .. } | Wrong::Other(_)) {
            let within = named.split_once('.').map_or(named, |(_, within)| within);
            let variable = within.to_uppercase().replace(['.', '-'], "_");
            let (before, after) = if is_list { ("[", "]") } else { ("", "") };
            let hint = format!(
                "keep it in an environment variable and write {key} = {before}\"env:{variable}\"{after}, or in a file and \
                 write {key} = {before}\"file:/run/secrets/{key}\"{after}"
            );
            let message = format!("{name} must say where the secret is kept, not hold it");
            return Problem::new(code::SECRET, span.clone(), message).hint(hint).hidden(Hidden::Meant);
        }
        let message = match wrong {
            Wrong::Key(known) => {
                let known: Vec<&str> = known.into_iter().chain(extra.iter().copied()).collect();
                return unknown_key(key, &known, span.clone());
            }
            Wrong::Word { given, known } => {
                let message = format!("{name} can't be \"{given}\"");
                return Problem::new(code::VALUE, span.clone(), message).hint(choice(&given, &known));
            }
            Wrong::Missing(_) | Wrong::Type { .. } | Wrong::Other(_) if !choices(property).is_empty() => {
                let message = format!("{name} must be one of its words");
                let hint = format!("possible: {}", in_quotes(&choices(property)));
                return Problem::new(code::VALUE, span.clone(), message).hint(hint);
            }
            Wrong::Type { given, expected } => format!("{name} must be {}; this is {given}", in_words(&expected)),
            Wrong::Missing(key) => format!("{name} has no {key}"),
            Wrong::Other(message) => format!("{name}: {message}"),
        };
        let mut problem = Problem::new(code::VALUE, span.clone(), message);
        problem.hint = description(schema, key);
        problem
    }

    /// Numbers outside the range that the schema gives them.
    fn ranges(&mut self, schema: &Json, value: &Spanned<DeValue<'_>>) {
        let Some(table) = value.get_ref().as_table() else { return };
        for (key, given) in table {
            let property = at(schema, &["properties", key.get_ref()]);
            let number = match given.get_ref() {
                DeValue::Integer(number) => {
                    let sign = number.as_str().replace('_', "");
                    if number.radix() == 10 { sign.parse().ok() } else { None }
                }
                DeValue::Float(number) => number.as_str().replace('_', "").parse::<f64>().ok(),
                DeValue::String(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => None,
            };
            let (Some(number), Some(least)) = (number, at(property, &["minimum"]).as_f64()) else { continue };
            let most = at(property, &["maximum"]).as_f64().unwrap_or(f64::INFINITY);
            if !(least..=most).contains(&number) {
                let name = self.name(&given.span());
                let range =
                    if most.is_finite() { format!("from {least} to {most}") } else { format!("at least {least}") };
                let mut problem =
                    Problem::new(code::VALUE, given.span(), format!("{name} must be {range}; this is {number}"));
                problem.hint = description(schema, key.get_ref());
                self.problems.push(problem);
            }
        }
    }
}

/// The problem of an unknown key.
pub(super) fn unknown_key(key: &str, known: &[&str], span: Range<usize>) -> Problem {
    let problem = Problem::new(code::UNKNOWN_KEY, span, format!("unknown key \"{key}\"")).hidden(Hidden::Behind);
    match nearest(key, known.iter().copied()) {
        Some(near) => problem.hint(meant(near)),
        None if known.is_empty() => problem.hint("take it out; nothing can be set here"),
        None => problem.hint(format!("known here: {}", known.join(", "))),
    }
}

fn meant(key: &str) -> String {
    format!("did you mean \"{key}\"?")
}

/// "did you mean" or all that is possible.
pub(super) fn choice(given: &str, known: &[&str]) -> String {
    match nearest(given, known.iter().copied()) {
        Some(near) if known.len() == 1 => format!("did you mean \"{near}\"?"),
        Some(near) => format!("did you mean \"{near}\"? Possible: {}", in_quotes(known)),
        None => format!("possible: {}", in_quotes(known)),
    }
}

fn in_quotes(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    listed(quoted.iter().map(String::as_str))
}

/// The words that a setting of a few words may have.
fn choices(property: &Json) -> Vec<&str> {
    let consts =
        at(property, &["oneOf"]).as_array().into_iter().flatten().filter_map(|one| at(one, &["const"]).as_str());
    let words = at(property, &["enum"]).as_array().into_iter().flatten().filter_map(Json::as_str);
    consts.chain(words).collect()
}

/// What a type expects, for people: serde names types as Rust does.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" => "text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" | "sequence" => "a list in [ ]".to_owned(),
        "a map" | "map" => "a table".to_owned(),
        _ if expected.starts_with("struct ") => "a table".to_owned(),
        _ => expected.replace("floating point ", "").replace('`', ""),
    }
}

/// What the schema says of a key, in one line.
fn description(schema: &Json, key: &str) -> Option<String> {
    let text = at(schema, &["properties", key, "description"]).as_str()?;
    Some(text.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

/// Takes out the key or value that stands here, a list as a whole; false where there is none.
fn take_out(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    let DeValue::Table(table) = value.get_mut() else { return false };
    let found = table.iter().find(|(key, value)| key.span() == *span || holds(value, span));
    if let Some(key) = found.map(|(key, _)| key.clone()) {
        table.remove(&key);
        return true;
    }
    table.iter_mut().any(|(_, value)| take_out(value, span))
}

/// The value stands here, or is a list with something that does.
fn holds(value: &Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    value.span() == *span || value.get_ref().as_array().is_some_and(|items| items.iter().any(|item| holds(item, span)))
}
