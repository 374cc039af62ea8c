//! Queries and filters of searches, which OCAPI and SCAPI write alike but for the case of names; and parameters of URLs.

use std::cmp::Ordering;

use serde_json::Value;

/// How a search names its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `term_query`: OCAPI.
    Snake,
    /// `termQuery`: SCAPI.
    Camel,
}

impl Style {
    /// A name that is written in snake case, in this style.
    pub(super) fn name(self, snake: &str) -> String {
        if self == Self::Snake {
            return snake.to_owned();
        }
        let mut name = String::with_capacity(snake.len());
        let mut upper = false;
        for character in snake.chars() {
            match character {
                '_' => upper = true,
                other if upper => {
                    name.extend(other.to_uppercase());
                    upper = false;
                }
                other => name.push(other),
            }
        }
        name
    }
}

/// What a document has for a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Nothing,
    Texts(Vec<String>),
    /// Milliseconds since 1970.
    Time(i64),
    Flag(bool),
}

impl Field {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Texts(vec![text.into()])
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Clause {
    All,
    Term { fields: Vec<String>, operator: Operator, values: Vec<Value> },
    Text { fields: Vec<String>, phrase: String },
    Range { field: String, from: Option<(Value, bool)>, to: Option<(Value, bool)> },
    And(Vec<Clause>),
    Or(Vec<Clause>),
    Not(Vec<Clause>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Is,
    OneOf,
    IsNull,
    IsNotNull,
    Less,
    Greater,
    NotIn,
    Neq,
}

impl Operator {
    fn read(name: &str) -> Option<Self> {
        Some(match name {
            "is" => Self::Is,
            "one_of" => Self::OneOf,
            "is_null" => Self::IsNull,
            "is_not_null" => Self::IsNotNull,
            "less" => Self::Less,
            "greater" => Self::Greater,
            "not_in" => Self::NotIn,
            "neq" => Self::Neq,
            _ => return None,
        })
    }

    /// How many values it takes.
    fn takes(self, count: usize) -> bool {
        match self {
            Self::IsNull | Self::IsNotNull => count == 0,
            Self::OneOf | Self::NotIn => count > 0,
            Self::Is | Self::Less | Self::Greater | Self::Neq => count == 1,
        }
    }
}

/// Why a query is refused.
pub(super) type Refusal = String;

/// Reads queries of one style.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) style: Style,
}

impl Reader {
    /// A query or a filter: an object with one member.
    pub(super) fn clause(self, value: &Value) -> Result<Clause, Refusal> {
        let members = value.as_object().ok_or("A query is an object.")?;
        let mut each = members.iter();
        let (Some((name, body)), None) = (each.next(), each.next()) else {
            return Err("A query has exactly one member.".to_owned());
        };
        let is = |snake: &str| *name == self.style.name(snake);
        if is("match_all_query") {
            return Ok(Clause::All);
        }
        let known = |names: &[&str]| self.known(body, name, names);
        if is("term_query") {
            known(&["fields", "operator", "values"])?;
            return self.term(body, self.texts(body, "fields")?);
        }
        if is("term_filter") {
            known(&["field", "operator", "values"])?;
            return self.term(body, vec![self.text(body, "field")?]);
        }
        if is("text_query") {
            known(&["fields", "search_phrase"])?;
            return Ok(Clause::Text { fields: self.texts(body, "fields")?, phrase: self.text(body, "search_phrase")? });
        }
        if is("range_filter") {
            known(&["field", "from", "to", "from_inclusive", "to_inclusive"])?;
            return self.range(body);
        }
        if is("bool_query") {
            known(&["must", "should", "must_not"])?;
            let mut all = self.list(body, "must")?;
            let (any, none) = (self.list(body, "should")?, self.list(body, "must_not")?);
            if !any.is_empty() {
                all.push(Clause::Or(any));
            }
            if !none.is_empty() {
                all.push(Clause::Not(none));
            }
            return Ok(Clause::And(all));
        }
        if is("filtered_query") {
            known(&["query", "filter"])?;
            let part = |name: &str| body.get(name).ok_or_else(|| format!("A filtered query needs '{name}'."));
            return Ok(Clause::And(vec![self.clause(part("query")?)?, self.clause(part("filter")?)?]));
        }
        if is("bool_filter") {
            known(&["operator", "filters"])?;
            let filters = self.list(body, "filters")?;
            return match self.text(body, "operator")?.as_str() {
                "and" => Ok(Clause::And(filters)),
                "or" => Ok(Clause::Or(filters)),
                "not" => Ok(Clause::Not(filters)),
                other => Err(format!("'{other}' is no operator of a boolean filter.")),
            };
        }
        if is("query_filter") {
            known(&["query"])?;
            return self.clause(body.get("query").ok_or("A query filter needs 'query'.")?);
        }
        Err(format!("'{name}' is no query."))
    }

    fn term(self, body: &Value, fields: Vec<String>) -> Result<Clause, Refusal> {
        let name = self.text(body, "operator")?;
        let operator = Operator::read(&name).ok_or_else(|| format!("'{name}' is no operator."))?;
        let values = body.get("values").and_then(Value::as_array).cloned().unwrap_or_default();
        if !operator.takes(values.len()) {
            return Err(format!("The operator '{name}' does not take {} values.", values.len()));
        }
        if fields.is_empty() {
            return Err("A term needs a field.".to_owned());
        }
        Ok(Clause::Term { fields, operator, values })
    }

    fn range(self, body: &Value) -> Result<Clause, Refusal> {
        let inclusive = |name: &str| body.get(self.style.name(name)).and_then(Value::as_bool).unwrap_or(true);
        let bound = |name: &str| body.get(name).filter(|value| !value.is_null()).cloned();
        let from = bound("from").map(|value| (value, inclusive("from_inclusive")));
        let to = bound("to").map(|value| (value, inclusive("to_inclusive")));
        if from.is_none() && to.is_none() {
            return Err("A range needs 'from' or 'to'.".to_owned());
        }
        Ok(Clause::Range { field: self.text(body, "field")?, from, to })
    }

    fn list(self, body: &Value, name: &str) -> Result<Vec<Clause>, Refusal> {
        match body.get(self.style.name(name)) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(rows)) => rows.iter().map(|row| self.clause(row)).collect(),
            Some(one) => Ok(vec![self.clause(one)?]),
        }
    }

    fn text(self, body: &Value, name: &str) -> Result<String, Refusal> {
        let name = self.style.name(name);
        body.get(&name).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("'{name}' is missing."))
    }

    fn texts(self, body: &Value, name: &str) -> Result<Vec<String>, Refusal> {
        let name = self.style.name(name);
        let rows = body.get(&name).and_then(Value::as_array).ok_or_else(|| format!("'{name}' is missing."))?;
        rows.iter()
            .map(|row| row.as_str().map(str::to_owned).ok_or_else(|| format!("'{name}' has a value that is no text.")))
            .collect()
    }

    fn known(self, body: &Value, of: &str, names: &[&str]) -> Result<(), Refusal> {
        let members = body.as_object().ok_or_else(|| format!("'{of}' is an object."))?;
        match members.keys().find(|key| !names.iter().any(|name| **key == self.style.name(name))) {
            Some(key) => Err(format!("'{key}' is no member of '{of}'.")),
            None => Ok(()),
        }
    }
}

impl Clause {
    /// Every field that is named, below whatever.
    pub(super) fn fields(&self) -> Vec<&str> {
        match self {
            Self::All => Vec::new(),
            Self::Term { fields, .. } | Self::Text { fields, .. } => fields.iter().map(String::as_str).collect(),
            Self::Range { field, .. } => vec![field],
            Self::And(parts) | Self::Or(parts) | Self::Not(parts) => parts.iter().flat_map(Self::fields).collect(),
        }
    }

    /// Fields of which one or another may fit, for each place where there is such a choice.
    pub(super) fn choices(&self) -> Vec<Vec<&str>> {
        match self {
            Self::All | Self::Range { .. } => Vec::new(),
            Self::Term { fields, .. } | Self::Text { fields, .. } => vec![fields.iter().map(String::as_str).collect()],
            Self::Or(parts) => std::iter::once(self.fields()).chain(parts.iter().flat_map(Self::choices)).collect(),
            Self::And(parts) | Self::Not(parts) => parts.iter().flat_map(Self::choices).collect(),
        }
    }

    /// Whether a document fits, by what it has for fields.
    pub(super) fn fits(&self, document: &dyn Fn(&str) -> Field) -> bool {
        match self {
            Self::All => true,
            Self::Term { fields, operator, values } => {
                let of = |field: &String| term(&document(field), *operator, values);
                match operator {
                    Operator::NotIn | Operator::Neq => fields.iter().all(of),
                    _ => fields.iter().any(of),
                }
            }
            Self::Text { fields, phrase } => fields.iter().any(|field| contains(&document(field), phrase)),
            Self::Range { field, from, to } => {
                let value = document(field);
                let above = from.as_ref().is_none_or(|(bound, inclusive)| match order(&value, bound) {
                    Some(Ordering::Equal) => *inclusive,
                    found => found == Some(Ordering::Greater),
                });
                let below = to.as_ref().is_none_or(|(bound, inclusive)| match order(&value, bound) {
                    Some(Ordering::Equal) => *inclusive,
                    found => found == Some(Ordering::Less),
                });
                above && below
            }
            Self::And(parts) => parts.iter().all(|part| part.fits(document)),
            Self::Or(parts) => parts.iter().any(|part| part.fits(document)),
            Self::Not(parts) => !parts.iter().any(|part| part.fits(document)),
        }
    }
}

fn term(field: &Field, operator: Operator, values: &[Value]) -> bool {
    let equal = |value: &Value| order(field, value) == Some(Ordering::Equal);
    match operator {
        Operator::Is | Operator::OneOf => values.iter().any(equal),
        Operator::NotIn | Operator::Neq => !values.iter().any(equal),
        Operator::IsNull => *field == Field::Nothing,
        Operator::IsNotNull => *field != Field::Nothing,
        Operator::Less => values.iter().all(|value| order(field, value) == Some(Ordering::Less)),
        Operator::Greater => values.iter().all(|value| order(field, value) == Some(Ordering::Greater)),
    }
}

/// How a field stands to a value; of several texts, one that is equal counts.
fn order(field: &Field, value: &Value) -> Option<Ordering> {
    match (field, value) {
        (Field::Texts(texts), Value::String(value)) => {
            if texts.iter().any(|text| text == value) {
                return Some(Ordering::Equal);
            }
            texts.first().map(|text| text.cmp(value))
        }
        (Field::Time(at), Value::String(value)) => {
            Some(at.cmp(&value.parse::<jiff::Timestamp>().ok()?.as_millisecond()))
        }
        (Field::Flag(flag), Value::Bool(value)) => Some(flag.cmp(value)),
        (Field::Flag(flag), Value::String(value)) => Some(flag.cmp(&value.parse().ok()?)),
        _ => None,
    }
}

/// Whether the words of a phrase are whole words of the text.
fn contains(field: &Field, phrase: &str) -> bool {
    let Field::Texts(texts) = field else { return false };
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect()
    };
    let wanted = words(phrase);
    texts.iter().any(|text| {
        let there = words(text);
        wanted.iter().all(|word| there.contains(word))
    })
}

/// The parameters of a request, decoded.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads a query. None: it can't be read.
    pub(super) fn read(query: &str) -> Option<Self> {
        let url = reqwest::Url::parse(&format!("http://localhost/?{query}")).ok()?;
        Some(Self(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Values of a list: the parameter may repeat, and a value may be several with commas.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let all = self.0.iter().filter(|(known, _)| known == name);
        all.flat_map(|(_, value)| value.split(',')).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A name that is none of these.
    pub(super) fn stranger(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }
}
