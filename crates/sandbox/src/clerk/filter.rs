//! Filter strings: `on_sale = false or (categories not in [123, 456] and price <= 200)`.
//!
//! ```text
//! any   := all ("or" all)*
//! all   := term ("and" term)*
//! term  := "(" any ")" | name operator value
//! operator := "=" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in" | ["not"] "contains"
//! value := number | "true" | "false" | text in ' or " | "[" value ("," value)* "]"
//! ``` An attribute that an object doesn't have, or that holds an object, makes its term match nothing, `!=` and `not
//! in` included. Text outside the grammar is an error, never a guess.

use serde_json::{Map, Value};

/// Parentheses within parentheses.
const DEPTH: usize = 64;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Compare { name: String, operator: Operator, value: Value },
}

/// The operator between an attribute and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    NotContains,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Value(Value),
    Compare(Operator),
    Open,
    Close,
    ListOpen,
    ListClose,
    Comma,
}

impl Filter {
    /// `None` when `text` isn't in the grammar.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { tokens: tokens(text)?, depth: 0 };
        parser.tokens.reverse();
        let filter = parser.any()?;
        parser.tokens.is_empty().then_some(filter)
    }

    /// Whether it looks at the attribute `name`.
    pub(super) fn names(&self, name: &str) -> bool {
        match self {
            Self::All(terms) | Self::Any(terms) => terms.iter().any(|term| term.names(name)),
            Self::Compare { name: mine, .. } => mine == name,
        }
    }

    pub(super) fn matches(&self, attributes: &Map<String, Value>) -> bool {
        match self {
            Self::All(terms) => terms.iter().all(|term| term.matches(attributes)),
            Self::Any(terms) => terms.iter().any(|term| term.matches(attributes)),
            Self::Compare { name, operator, value } => match attributes.get(name) {
                None | Some(Value::Null | Value::Object(_)) => false,
                Some(attribute) => operator.holds(attribute, value),
            },
        }
    }
}

impl Operator {
    fn holds(self, attribute: &Value, value: &Value) -> bool {
        let any = |test: &dyn Fn(&Value) -> bool| match attribute {
            Value::Array(elements) => elements.iter().any(test),
            single => test(single),
        };
        let ordered = |test: fn(f64, f64) -> bool| {
            any(&|element| match (element.as_f64(), value.as_f64()) {
                (Some(element), Some(value)) => test(element, value),
                _ => false,
            })
        };
        let listed = |element: &Value| value.as_array().is_some_and(|list| list.iter().any(|one| same(element, one)));
        match self {
            Self::Equal => any(&|element| same(element, value)),
            Self::NotEqual => !any(&|element| same(element, value)),
            Self::Less => ordered(|element, value| element < value),
            Self::LessOrEqual => ordered(|element, value| element <= value),
            Self::Greater => ordered(|element, value| element > value),
            Self::GreaterOrEqual => ordered(|element, value| element >= value),
            Self::In => any(&listed),
            Self::NotIn => !any(&listed),
            Self::Contains => contains(attribute, value),
            Self::NotContains => !contains(attribute, value),
        }
    }
}

/// In a list an element, in a text a part of it.
fn contains(attribute: &Value, value: &Value) -> bool {
    match (attribute, value) {
        (Value::Array(elements), value) => elements.iter().any(|element| same(element, value)),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

/// Equality, where `5` is `5.0`, and an id is the same as a number and as text.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            number.to_string() == *text
        }
        _ => left == right,
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, rest.get(1..)?),
            ')' => (Token::Close, rest.get(1..)?),
            '[' => (Token::ListOpen, rest.get(1..)?),
            ']' => (Token::ListClose, rest.get(1..)?),
            ',' => (Token::Comma, rest.get(1..)?),
            '=' | '!' | '<' | '>' => comparison(rest)?,
            '\'' | '"' => {
                let (text, after) = rest.get(1..)?.split_once(first)?;
                (Token::Value(Value::from(text)), after)
            }
            '-' | '0'..='9' => number(rest)?,
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end)?;
                (Token::Word(word.to_owned()), after)
            }
            _ => return None,
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Some(tokens)
}

fn comparison(rest: &str) -> Option<(Token, &str)> {
    const SIGNS: [(&str, Operator); 6] = [
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    SIGNS.iter().find_map(|&(sign, operator)| Some((Token::Compare(operator), rest.strip_prefix(sign)?)))
}

fn number(rest: &str) -> Option<(Token, &str)> {
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '-' | '.' | 'e' | 'E' | '+');
    let end = rest.find(|c| !digits(c)).unwrap_or(rest.len());
    let (number, after) = rest.split_at_checked(end)?;
    let number = serde_json::from_str::<serde_json::Number>(number).ok()?;
    Some((Token::Value(Value::Number(number)), after))
}

/// Tokens are held in reverse: the next one is the last.
struct Parser {
    tokens: Vec<Token>,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Option<Filter> {
        let mut terms = vec![self.all()?];
        while self.take_word("or") {
            terms.push(self.all()?);
        }
        Some(if terms.len() == 1 { terms.pop()? } else { Filter::Any(terms) })
    }

    fn all(&mut self) -> Option<Filter> {
        let mut terms = vec![self.term()?];
        while self.take_word("and") {
            terms.push(self.term()?);
        }
        Some(if terms.len() == 1 { terms.pop()? } else { Filter::All(terms) })
    }

    fn term(&mut self) -> Option<Filter> {
        match self.tokens.pop()? {
            Token::Open if self.depth < DEPTH => {
                self.depth += 1;
                let inner = self.any()?;
                self.depth -= 1;
                (self.tokens.pop()? == Token::Close).then_some(inner)
            }
            Token::Word(name) => {
                let operator = self.operator()?;
                let value = self.value()?;
                let takes_list = matches!(operator, Operator::In | Operator::NotIn);
                (takes_list == value.is_array()).then_some(Filter::Compare { name, operator, value })
            }
            _ => None,
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        match self.tokens.pop()? {
            Token::Compare(operator) => Some(operator),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "in" => Some(Operator::In),
                "contains" => Some(Operator::Contains),
                "not" if self.take_word("in") => Some(Operator::NotIn),
                "not" if self.take_word("contains") => Some(Operator::NotContains),
                _ => None,
            },
            _ => None,
        }
    }

    fn value(&mut self) -> Option<Value> {
        match self.tokens.pop()? {
            Token::ListOpen => self.list(),
            single => scalar(single),
        }
    }

    fn list(&mut self) -> Option<Value> {
        let mut list = Vec::new();
        if self.tokens.last() == Some(&Token::ListClose) {
            self.tokens.pop();
            return Some(Value::Array(list));
        }
        loop {
            list.push(scalar(self.tokens.pop()?)?);
            match self.tokens.pop()? {
                Token::Comma => {}
                Token::ListClose => return Some(Value::Array(list)),
                _ => return None,
            }
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.last(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        if found {
            self.tokens.pop();
        }
        found
    }
}

fn scalar(token: Token) -> Option<Value> {
    match token {
        Token::Value(value) => Some(value),
        Token::Word(word) if word == "true" => Some(Value::Bool(true)),
        Token::Word(word) if word == "false" => Some(Value::Bool(false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn holds(filter: &str, attributes: &Value) -> bool {
        Filter::parse(filter).unwrap_or_else(|| panic!("{filter}")).matches(attributes.as_object().unwrap())
    }

    #[test]
    fn terms_compare_attributes_with_values() {
        let jacket = json!({
            "price": 120.5, "on_sale": true, "brand": "Nordby", "categories": [12, 34], "tags": ["Special Offer", "new"],
            "meta": {"a": 1},
        });
        for yes in [
            "price = 120.5",
            "price != 120",
            "price < 121",
            "price <= 120.50",
            "price > -1",
            "price>=1.2e2",
            "on_sale = true",
            "brand = 'Nordby'",
            "brand = \"Nordby\"",
            "brand in ['Other','Nordby']",
            "brand not in ['Other']",
            "brand contains 'ord'",
            "categories in [34]",
            "categories = 12",
            "categories in ['12']",
            "categories not in [56]",
            "tags contains 'Special Offer'",
            "tags not contains 'Special'",
            "brand in [] or price > 1",
        ] {
            assert!(holds(yes, &jacket), "{yes}");
        }
        for no in [
            "price = 120",
            "price > 'x'",
            "brand = 'nordby'",
            "brand != 'Nordby'",
            "categories not in [12, 99]",
            "tags contains 'Special'",
            "missing != 1",
            "missing not in [1]",
            "meta != 1",
            "on_sale = 1",
        ] {
            assert!(!holds(no, &jacket), "{no}");
        }
    }

    #[test]
    fn and_binds_tighter_than_or_unless_in_parentheses() {
        let attributes = json!({"a": 1, "b": 2});
        assert!(holds("a = 1 or a = 2 and b = 3", &attributes));
        assert!(!holds("(a = 1 or a = 2) and b = 3", &attributes));
        assert!(holds("a = 5 or (b = 2 AND (a = 1))", &attributes));
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        for wrong in [
            "",
            "price",
            "price =",
            "= 3",
            "price = 3 and",
            "(price = 3",
            "price = 3)",
            "price == 3",
            "price = 'x",
            "price in 3",
            "price = [3]",
            "price in [3",
            "price in [3,]",
            "price ~ 3",
            "price = 3 price = 4",
            "price = --3",
            "price = abc",
            "not price = 3",
            "a = 1 or or b = 2",
            "ü = 1",
            "price in [[1]]",
        ] {
            assert_eq!(Filter::parse(wrong), None, "{wrong}");
        }
        assert!(Filter::parse(&format!("{}a = 1{}", "(".repeat(60), ")".repeat(60))).is_some());
        assert!(Filter::parse(&"(".repeat(100_000)).is_none());
    }

    proptest! {
        #[test]
        fn no_text_brings_the_parser_down(text in "\\PC{0,60}") {
            Filter::parse(&text);
        }

        #[test]
        fn no_sequence_of_tokens_brings_the_parser_down(tokens in proptest::collection::vec(
            proptest::sample::select(vec!["a", "and", "or", "not", "in", "=", "(", ")", "[", "]", ",", "1", "'x'", "contains"]), 0..30,
        )) {
            Filter::parse(&tokens.join(" "));
        }
    }
}
