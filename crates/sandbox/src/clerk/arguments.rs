//! Arguments of a call: the query and the JSON body merged, whatever the `Content-Type` says.
//!
//! If both have an argument, that of the body counts. Lists and objects in the query are JSON text; other values there
//! are plain text, so numbers and booleans are also accepted in that form.

use axum::extract::Query;
use http::Uri;
use serde_json::{Map, Value};

use super::envelope::Problem;

/// The query string, decoded, in its order.
pub(super) struct QueryString(Vec<(String, String)>);

impl QueryString {
    pub(super) fn of(uri: &Uri) -> Self {
        Self(Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Merged arguments by name.
pub(super) struct Arguments(Map<String, Value>);

impl Arguments {
    pub(super) fn read(query: &QueryString, body: &[u8]) -> Result<Self, Problem> {
        let mut merged = Map::new();
        for (name, text) in &query.0 {
            match name.strip_suffix("[]") {
                None => {
                    merged.entry(name.as_str()).or_insert_with(|| from_query(text));
                }
                Some(name) => match merged.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(list) => list.push(Value::String(text.clone())),
                    _ => return Err(Problem::invalid(name)),
                },
            }
        }
        if !body.iter().all(u8::is_ascii_whitespace) {
            let body = serde_json::from_slice::<Map<String, Value>>(body)
                .map_err(|_| Problem::parsing("Request body is not a JSON object"))?;
            merged.extend(body);
        }
        Ok(Self(merged))
    }

    /// An argument that is present and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn required(&self, name: &str) -> Result<&Value, Problem> {
        self.get(name).ok_or_else(|| Problem::missing(name))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::invalid(name)),
        }
    }

    /// A number that counts something.
    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let count = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse::<u64>().ok(),
            _ => None,
        };
        count.and_then(|count| usize::try_from(count).ok()).map(Some).ok_or_else(|| Problem::invalid(name))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(Value::String(text)) if matches!(text.as_str(), "true" | "1") => Ok(true),
            Some(Value::String(text)) if matches!(text.as_str(), "false" | "0" | "") => Ok(false),
            Some(_) => Err(Problem::invalid(name)),
        }
    }

    /// One id, in its text form.
    pub(super) fn id(&self, name: &str) -> Result<String, Problem> {
        id_text(self.required(name)?).ok_or_else(|| Problem::invalid(name))
    }

    /// A list of ids, in their text form.
    pub(super) fn ids(&self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(list)) => list
                .iter()
                .map(|id| id_text(id).ok_or_else(|| Problem::invalid(name)))
                .collect::<Result<_, _>>()
                .map(Some),
            Some(_) => Err(Problem::invalid(name)),
        }
    }

    /// A list of attribute names: a JSON list, or names parted by commas.
    pub(super) fn names(&self, name: &str) -> Result<Option<Vec<String>>, Problem> {
        match self.get(name) {
            Some(Value::String(text)) => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                Ok(Some(names.map(str::to_owned).collect()))
            }
            _ => self.ids(name),
        }
    }
}

/// The text form of an id: ids are compared by it, because plugins write numbers and delete texts.
pub(super) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

fn from_query(text: &str) -> Value {
    let structured = text.trim_start().starts_with(['[', '{']);
    let decoded = structured.then(|| serde_json::from_str(text).ok()).flatten();
    decoded.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use super::*;

    fn read(query: &str, body: &str) -> Result<Arguments, Problem> {
        Arguments::read(&QueryString::of(&format!("http://x/?{query}").parse().unwrap()), body.as_bytes())
    }

    #[test]
    fn the_query_carries_json_lists_and_plain_text() {
        let arguments = read("key=abc&products=%5B1,%22b%22%5D&limit=10&attributes=id,name&debug=true", "").unwrap();
        assert_eq!(arguments.text("key"), Ok(Some("abc")));
        assert_eq!(arguments.ids("products"), Ok(Some(vec!["1".to_owned(), "b".to_owned()])));
        assert_eq!(arguments.count("limit"), Ok(Some(10)));
        assert_eq!(arguments.names("attributes"), Ok(Some(vec!["id".to_owned(), "name".to_owned()])));
        assert_eq!(arguments.flag("debug"), Ok(true));
    }

    #[test]
    fn the_body_wins_over_the_query() {
        let arguments = read("key=a&limit=1", r#" {"limit": 5} "#).unwrap();
        assert_eq!((arguments.text("key"), arguments.count("limit")), (Ok(Some("a")), Ok(Some(5))));
    }

    #[test]
    fn repeated_brackets_make_a_list() {
        let arguments = read("attributes[]=id&attributes[]=name", "").unwrap();
        assert_eq!(arguments.names("attributes"), Ok(Some(vec!["id".to_owned(), "name".to_owned()])));
    }

    #[test]
    fn what_is_no_object_or_of_another_type_is_a_parsing_error() {
        assert_eq!(read("", "[1]").err(), Some(Problem::parsing("Request body is not a JSON object")));
        assert_eq!(read("", "{\"a\":").err(), Some(Problem::parsing("Request body is not a JSON object")));
        let arguments = read("products=1&limit=-1&category=%5B%5B1%5D%5D", "").unwrap();
        assert_eq!(arguments.ids("products"), Err(Problem::invalid("products")));
        assert_eq!(arguments.count("limit"), Err(Problem::invalid("limit")));
        assert_eq!(arguments.ids("category"), Err(Problem::invalid("category")));
        assert_eq!(arguments.id("email"), Err(Problem::missing("email")));
    }
}
