//! The syntax of GraphQL queries, as far as the emulator knows it: one anonymous or named query, fields with aliases,
//! arguments and selections. Variables, fragments and directives are refused.

use serde_json::Value;

/// Selections within each other at most.
const DEEPEST: usize = 16;

/// A field that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// The name in the answer.
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Given)>,
    /// Empty: a value.
    pub(super) fields: Vec<Self>,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    Text(String),
    Number(i64),
    /// A name without quotation marks.
    Enum(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Given {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The members' names.
    pub(super) fn names(&self) -> Vec<&str> {
        let Self::Object(members) = self else { return Vec::new() };
        members.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn texts(&self) -> Option<Vec<&str>> {
        let Self::List(values) = self else { return None };
        values.iter().map(Self::text).collect()
    }
}

/// Reads a document with one query; gives its fields.
pub(super) fn read(document: &str) -> Result<Vec<Field>, String> {
    let mut reader = Reader { rest: document };
    if reader.name().is_some_and(|word| word != "query") {
        return Err("Syntax Error: a query is expected".to_owned());
    }
    let _name = reader.name();
    let fields = reader.selection(0)?;
    reader.skip();
    if reader.rest.is_empty() { Ok(fields) } else { Err(reader.unexpected()) }
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// White space, commas and comments.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches(|it: char| it.is_whitespace() || it == ',');
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
    }

    fn take(&mut self, mark: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> String {
        format!("Syntax Error: unexpected {:?}", self.rest.chars().next().map_or("<EOF>".to_owned(), String::from))
    }

    fn name(&mut self) -> Option<&'a str> {
        self.skip();
        let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
        let end = self.rest.find(|it| !is_part(it)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|it: char| it.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        Some(name)
    }

    fn selection(&mut self, depth: usize) -> Result<Vec<Field>, String> {
        self.expect('{')?;
        if depth > DEEPEST {
            return Err("The query is too deep.".to_owned());
        }
        let mut fields = Vec::new();
        while !self.take('}') {
            fields.push(self.field(depth)?);
        }
        if fields.is_empty() { Err("Syntax Error: expected a name, found \"}\"".to_owned()) } else { Ok(fields) }
    }

    fn field(&mut self, depth: usize) -> Result<Field, String> {
        let mut name = self.name().ok_or_else(|| self.unexpected())?;
        let alias = name;
        if self.take(':') {
            name = self.name().ok_or_else(|| self.unexpected())?;
        }
        let mut arguments = Vec::new();
        if self.take('(') {
            while !self.take(')') {
                arguments.push(self.member(depth)?);
            }
        }
        self.skip();
        let fields = if self.rest.starts_with('{') { self.selection(depth + 1)? } else { Vec::new() };
        Ok(Field { alias: alias.to_owned(), name: name.to_owned(), arguments, fields })
    }

    fn member(&mut self, depth: usize) -> Result<(String, Given), String> {
        let name = self.name().ok_or_else(|| self.unexpected())?;
        self.expect(':')?;
        Ok((name.to_owned(), self.value(depth + 1)?))
    }

    fn value(&mut self, depth: usize) -> Result<Given, String> {
        if depth > DEEPEST {
            return Err("The query is too deep.".to_owned());
        }
        if self.take('[') {
            let mut values = Vec::new();
            while !self.take(']') {
                values.push(self.value(depth + 1)?);
            }
            return Ok(Given::List(values));
        }
        if self.take('{') {
            let mut members = Vec::new();
            while !self.take('}') {
                members.push(self.member(depth)?);
            }
            return Ok(Given::Object(members));
        }
        if self.rest.starts_with('"') {
            return self.text();
        }
        if let Some(name) = self.name() {
            return Ok(Given::Enum(name.to_owned()));
        }
        let end = self.rest.find(|it: char| !it.is_ascii_digit() && it != '-').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        let number = number.parse().map_err(|_| self.unexpected())?;
        self.rest = rest;
        Ok(Given::Number(number))
    }

    /// A text in quotation marks, which is written as in JSON.
    fn text(&mut self) -> Result<Given, String> {
        let mut texts = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let Some(Ok(Value::String(text))) = texts.next() else {
            return Err("Syntax Error: unterminated string".to_owned());
        };
        self.rest = self.rest.get(texts.byte_offset()..).unwrap_or_default();
        Ok(Given::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_aliases_arguments_and_selections() {
        let fields =
            read("query All { a: b(x: {ids: [\"1\", \"2\"], of: KIND} first: 50) { id # why\n name } c }").unwrap();
        assert_eq!(fields.len(), 2);
        assert_eq!((fields[0].alias.as_str(), fields[0].name.as_str(), fields[0].fields.len()), ("a", "b", 2));
        let (name, filters) = &fields[0].arguments[0];
        assert_eq!((name.as_str(), filters.names()), ("x", vec!["ids", "of"]));
        assert_eq!(filters.member("ids").unwrap().texts(), Some(vec!["1", "2"]));
        assert_eq!(filters.member("of"), Some(&Given::Enum("KIND".to_owned())));
        assert_eq!(fields[0].arguments[1].1, Given::Number(50));
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for wrong in
            ["", "{", "{}", "mutation { a }", "{ a } b", "{ a(x: ) }", "{ a(x: \"1) }", "{ ...f }", "{ a(x: $v) }"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let deep = "{a".repeat(100) + &"}".repeat(100);
        assert!(read(&deep).is_err());
        assert!(read(&format!("{{ a(x: {}) }}", "[".repeat(10_000))).is_err());
    }
}
