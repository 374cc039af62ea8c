//! The parser of query predicates (`where`).
//!
//! ```text
//! expression  = conjunct { "or" conjunct }
//! conjunct    = term { "and" term }
//! term        = "not" term | "(" expression ")" | field test
//! test        = "(" expression ")"
//!             | ( "=" | "!=" | "<>" | "<" | ">" | "<=" | ">=" ) value
//!             | [ "not" ] "in" list
//!             | "contains" ( "any" | "all" ) list
//!             | "is" [ "not" ] ( "defined" | "empty" )
//!             | "matches" "ignore" "case" value
//! list        = "(" value { "," value } ")" | variable
//! value       = string | number | "true" | "false" | variable
//! variable    = ":" name
//! field       = name | "`" any text "`"
//! ```
//!
//! Anything else is an error whose text goes into the platform's 400 answer. A circle is `within circle(longitude, latitude, radius)`, the
//! radius in metres.

use std::iter::Peekable;
use std::str::CharIndices;

/// Parentheses and `not` may nest this deep.
const DEEPEST: usize = 64;

/// A predicate as written: fields and literals are not yet checked against a resource.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// All hold.
    And(Vec<Self>),
    /// At least one holds.
    Or(Vec<Self>),
    /// Does not hold.
    Not(Box<Self>),
    /// A test of one field.
    Field(String, Test),
}

/// A test of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// The object, or some element of the list, fulfils an expression.
    Nested(Box<Expression>),
    /// Compares with a value.
    Compare(Comparison, Literal),
    /// One of the values; negated by the flag.
    In(Vec<Literal>, bool),
    /// The list holds any (false) or all (true) of the values.
    Contains(Vec<Literal>, bool),
    /// Exists (true) or is missing (false).
    Defined(bool),
    /// Is an empty list (true) or one with elements (false).
    Empty(bool),
    /// Equals without regard to case.
    IgnoringCase(Literal),
    /// A point within so many metres of a longitude and latitude.
    Within([Literal; 3]),
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value as written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    /// In double quotes.
    Text(String),
    /// Digits with optional sign, fraction and exponent.
    Number(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// The text of a variable; its type follows from the field it meets.
    Variable(String),
}

/// Parses `text`; `variables` are the request's `var.<name>` parameters, names without the prefix.
pub(super) fn parse(text: &str, variables: &[(String, String)]) -> Result<Expression, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, variables, depth: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unexpected("the end of the predicate")),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Text(String),
    Number(f64),
    Variable(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, first)) = chars.next() {
        let token = match first {
            space if space.is_whitespace() => continue,
            '(' => Token::Sign("("),
            ')' => Token::Sign(")"),
            ',' => Token::Sign(","),
            '=' => Token::Sign("="),
            '!' if follows(&mut chars, '=') => Token::Sign("!="),
            '<' if follows(&mut chars, '=') => Token::Sign("<="),
            '<' if follows(&mut chars, '>') => Token::Sign("<>"),
            '<' => Token::Sign("<"),
            '>' if follows(&mut chars, '=') => Token::Sign(">="),
            '>' => Token::Sign(">"),
            '"' => Token::Text(quoted(&mut chars, '"').ok_or(format!("string starting at {at} has no end"))?),
            '`' => Token::Quoted(quoted(&mut chars, '`').ok_or(format!("name starting at {at} has no end"))?),
            ':' => Token::Variable(word(&mut chars, String::new(), |next| next.is_ascii_alphanumeric())),
            digit if digit.is_ascii_digit() || digit == '-' => number(&mut chars, digit, at)?,
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                Token::Word(word(&mut chars, letter.to_string(), |next| {
                    next.is_ascii_alphanumeric() || next == '_' || next == '-'
                }))
            }
            other => return Err(format!("unexpected '{}' at {at}", other.escape_default())),
        };
        found.push((at, token));
    }
    Ok(found)
}

type Chars<'a> = Peekable<CharIndices<'a>>;

fn follows(chars: &mut Chars<'_>, wanted: char) -> bool {
    chars.next_if(|(_, next)| *next == wanted).is_some()
}

fn word(chars: &mut Chars<'_>, mut start: String, belongs: impl Fn(char) -> bool) -> String {
    while let Some((_, next)) = chars.next_if(|(_, next)| belongs(*next)) {
        start.push(next);
    }
    start
}

fn quoted(chars: &mut Chars<'_>, end: char) -> Option<String> {
    let mut text = String::new();
    loop {
        let (_, next) = chars.next()?;
        match next {
            next if next == end => return Some(text),
            '\\' => match chars.next()?.1 {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'u' => {
                    let code = (0..4).try_fold(0, |code, _| Some(code << 4 | chars.next()?.1.to_digit(16)?))?;
                    text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

fn number(chars: &mut Chars<'_>, first: char, at: usize) -> Result<Token, String> {
    let text = word(chars, first.to_string(), |next| {
        next.is_ascii_alphanumeric() || next == '.' || next == '-' || next == '+'
    });
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Token::Number(number)),
        _ => Err(format!("'{text}' at {at} is not a number")),
    }
}

struct Parser<'a> {
    tokens: Vec<(usize, Token)>,
    at: usize,
    variables: &'a [(String, String)],
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.tokens.get(self.at) {
            None => format!("unexpected end of input, expected {wanted}"),
            Some((at, token)) => {
                let seen = match token {
                    Token::Word(word) | Token::Quoted(word) => word.clone(),
                    Token::Text(text) => format!("\"{text}\""),
                    Token::Number(number) => number.to_string(),
                    Token::Variable(name) => format!(":{name}"),
                    Token::Sign(sign) => (*sign).to_owned(),
                };
                format!("unexpected '{seen}' at {at}, expected {wanted}")
            }
        }
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(seen)) if *seen == sign);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(seen)) if seen == word);
        self.at += usize::from(found);
        found
    }

    fn need_sign(&mut self, sign: &str) -> Result<(), String> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("'{sign}'"))) }
    }

    fn need_word(&mut self, word: &str) -> Result<(), String> {
        if self.take_word(word) { Ok(()) } else { Err(self.unexpected(&format!("'{word}'"))) }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.conjunct()?];
        while self.take_word("or") {
            parts.push(self.conjunct()?);
        }
        Ok(single(parts, Expression::Or))
    }

    fn conjunct(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.term()?];
        while self.take_word("and") {
            parts.push(self.term()?);
        }
        Ok(single(parts, Expression::And))
    }

    fn term(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("nested deeper than {DEEPEST}"));
        }
        let term = if self.take_word("not") {
            Expression::Not(Box::new(self.term()?))
        } else if self.take_sign("(") {
            let inner = self.expression()?;
            self.need_sign(")")?;
            inner
        } else {
            self.field()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn field(&mut self) -> Result<Expression, String> {
        let Some(Token::Word(name) | Token::Quoted(name)) = self.peek().cloned() else {
            return Err(self.unexpected("a field"));
        };
        self.at += 1;
        Ok(Expression::Field(name, self.test()?))
    }

    fn test(&mut self) -> Result<Test, String> {
        if self.take_sign("(") {
            let inner = self.expression()?;
            self.need_sign(")")?;
            return Ok(Test::Nested(Box::new(inner)));
        }
        for (sign, comparison) in [
            ("=", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<>", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
        ] {
            if self.take_sign(sign) {
                return Ok(Test::Compare(comparison, self.value()?));
            }
        }
        if self.take_word("in") {
            return Ok(Test::In(self.list()?, false));
        }
        if self.take_word("not") {
            self.need_word("in")?;
            return Ok(Test::In(self.list()?, true));
        }
        if self.take_word("contains") {
            let all = self.take_word("all");
            if !all {
                self.need_word("any")?;
            }
            return Ok(Test::Contains(self.list()?, all));
        }
        if self.take_word("is") {
            let positive = !self.take_word("not");
            if self.take_word("defined") {
                return Ok(Test::Defined(positive));
            }
            self.need_word("empty")?;
            return Ok(Test::Empty(positive));
        }
        if self.take_word("matches") {
            self.need_word("ignore")?;
            self.need_word("case")?;
            return Ok(Test::IgnoringCase(self.value()?));
        }
        if self.take_word("within") {
            self.need_word("circle")?;
            self.need_sign("(")?;
            let longitude = self.value()?;
            self.need_sign(",")?;
            let latitude = self.value()?;
            self.need_sign(",")?;
            let radius = self.value()?;
            self.need_sign(")")?;
            return Ok(Test::Within([longitude, latitude, radius]));
        }
        Err(self.unexpected("an operator"))
    }

    fn list(&mut self) -> Result<Vec<Literal>, String> {
        if let Some(Token::Variable(name)) = self.peek().cloned() {
            self.at += 1;
            return self.variable(&name);
        }
        self.need_sign("(")?;
        let mut values = self.values()?;
        while self.take_sign(",") {
            values.extend(self.values()?);
        }
        self.need_sign(")")?;
        Ok(values)
    }

    /// One element of a list: a value, or a variable that may stand for several.
    fn values(&mut self) -> Result<Vec<Literal>, String> {
        match self.peek().cloned() {
            Some(Token::Variable(name)) => {
                self.at += 1;
                self.variable(&name)
            }
            _ => Ok(vec![self.value()?]),
        }
    }

    fn variable(&self, name: &str) -> Result<Vec<Literal>, String> {
        let values: Vec<Literal> = self
            .variables
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| Literal::Variable(value.clone()))
            .collect();
        if values.is_empty() { Err(format!("the variable '{name}' is not given")) } else { Ok(values) }
    }

    fn value(&mut self) -> Result<Literal, String> {
        let value = match self.peek().cloned() {
            Some(Token::Text(text)) => Literal::Text(text),
            Some(Token::Number(number)) => Literal::Number(number),
            Some(Token::Word(word)) if word == "true" => Literal::Boolean(true),
            Some(Token::Word(word)) if word == "false" => Literal::Boolean(false),
            Some(Token::Variable(name)) => {
                let mut values = self.variable(&name)?;
                match (values.pop(), values.is_empty()) {
                    (Some(value), true) => value,
                    _ => return Err(format!("the variable '{name}' has several values where one is expected")),
                }
            }
            _ => return Err(self.unexpected("a value")),
        };
        self.at += 1;
        Ok(value)
    }
}

fn single(mut parts: Vec<Expression>, join: impl Fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Expression {
        parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn equal(name: &str, value: Literal) -> Expression {
        Expression::Field(name.to_owned(), Test::Compare(Comparison::Equal, value))
    }

    #[test]
    fn and_binds_tighter_than_or_and_parentheses_tighter_than_both() {
        let [a, b, c] = ["a", "b", "c"].map(|name| equal(name, Literal::Number(1.0)));
        assert_eq!(
            parsed("a = 1 or b = 1 and c = 1"),
            Expression::Or(vec![a.clone(), Expression::And(vec![b.clone(), c.clone()])])
        );
        assert_eq!(
            parsed("(a = 1 or b = 1) and not(c = 1)"),
            Expression::And(vec![Expression::Or(vec![a, b]), Expression::Not(Box::new(c))])
        );
    }

    #[test]
    fn every_operator_of_the_reference_parses() {
        for text in [
            r#"lastModifiedAt >= "2026-05-01T10:00:00.000Z" and lastModifiedAt < "2026-05-01T10:05:00.000Z""#,
            r#"masterVariant(sku in ("A","B")) or variants(sku in ("A","B"))"#,
            r#"slug(en = "shirt")"#,
            r#"slug(en-US = "shirt") and slug(`de-DE` <> "hemd")"#,
            r#"categories(id = "c1")"#,
            "masterData(published = true)",
            "custom(fields(optIn = true))",
            "key is defined and key is not defined or categories is empty and categories is not empty",
            r#"roles contains any ("InventorySupply") and roles contains all ("Primary", "OrderExport")"#,
            r#"id not in ("a") and version != 3 and version <> -4.5e2 and version <= 1"#,
            r#"key matches ignore case "SHIRT""#,
        ] {
            parsed(text);
        }
    }

    #[test]
    fn variables_stand_for_one_value_or_for_a_list() {
        let variables: Vec<(String, String)> =
            [("ids", "a"), ("ids", "b"), ("t", "2026")].map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
        let ids = vec![Literal::Variable("a".to_owned()), Literal::Variable("b".to_owned())];
        for text in ["id in :ids", "id in (:ids)"] {
            let expected = Expression::Field("id".to_owned(), Test::In(ids.clone(), false));
            assert_eq!(parse(text, &variables).unwrap(), expected);
        }
        assert_eq!(parse("t = :t", &variables).unwrap(), equal("t", Literal::Variable("2026".to_owned())));
        assert!(parse("t = :ids", &variables).unwrap_err().contains("several values"));
        assert!(parse("t = :missing", &variables).unwrap_err().contains("not given"));
    }

    #[test]
    fn strings_know_escapes() {
        assert_eq!(parsed(r#"a = "x\"y\\é""#), equal("a", Literal::Text("x\"y\\é".to_owned())));
    }

    #[test]
    fn whatever_is_not_a_predicate_is_refused_with_its_place() {
        for (text, part) in [
            ("", "unexpected end of input"),
            ("id", "an operator"),
            ("id =", "a value"),
            ("id = abc", "unexpected 'abc' at 5"),
            ("id > \"a", "string starting at 5 has no end"),
            ("id == 1", "a value"),
            ("masterData.published = true", "unexpected '.' at 10"),
            ("(a = 1", "expected ')'"),
            ("a = 1)", "the end of the predicate"),
            ("a = 1 AND b = 2", "unexpected 'AND'"),
            ("a in ()", "a value"),
            ("a contains (1)", "'any'"),
            ("a is null", "'empty'"),
            ("a = 1.2.3", "is not a number"),
            ("geoLocation within circle(1,2)", "','"),
            ("a = '1'", "unexpected"),
        ] {
            let error = parse(text, &[]).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let deep = "(".repeat(10_000);
        assert!(parse(&deep, &[]).unwrap_err().contains("deeper"));
        assert!(parse(&"not ".repeat(10_000), &[]).unwrap_err().contains("deeper"));
        assert!(parse(&"a(".repeat(10_000), &[]).unwrap_err().contains("deeper"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in r#"[a-c0-9 ()=<>!",:`.\\-]{0,40}|(a|b|not|and|or|in|is|defined|\(|\)|=|1|"x"|,| ){0,30}"#) {
            drop(parse(&text, &[]));
        }
    }
}
