//! Mistakes in a configuration, worded so that they can be corrected without looking anything up.
//!
//! **Invariant:** the shown line never holds a secret: values of keys that name a secret are blanked, and so is a value
//! that proved to be one.

use std::{borrow::Cow, fmt, ops::Range};

use serde::Serialize;

use super::code;

/// A mistake with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ConfigError {
    /// Stable code with a page under `docs/errors/`.
    pub code: Cow<'static, str>,
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1; 0 if it is about the whole file.
    pub line: usize,
    /// Column in characters, from 1; 0 if it is about the whole file.
    pub column: usize,
    /// The line itself, secrets blanked.
    pub excerpt: String,
    /// Length of the marked text in characters, at least 1.
    pub width: usize,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "error[{}]: {}", self.code, self.message)?;
        if self.line == 0 {
            writeln!(out, "  --> {}", self.file)?;
        } else {
            let number = self.line.to_string();
            let margin = " ".repeat(number.len());
            let before = " ".repeat(self.column.saturating_sub(1));
            let marks = "^".repeat(self.width);
            writeln!(out, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
            writeln!(out, "{margin} |")?;
            writeln!(out, "{number} | {}", self.excerpt)?;
            writeln!(out, "{margin} | {before}{marks}")?;
        }
        if let Some(hint) = &self.hint {
            writeln!(out, "  hint: {}", hint.replace('\n', "\n        "))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// All mistakes of a configuration, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(out, "{error}")?;
        }
        match self.0.as_slice() {
            [_] => write!(out, "1 error in the configuration"),
            errors => write!(out, "{} errors in the configuration", errors.len()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// A problem before its place in the file is determined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: Cow<'static, str>,
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    pub(super) hidden: Hidden,
}

/// The part of the line that is not shown, because it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// Only values of keys that name a secret.
    Named,
    /// What is meant, too.
    Meant,
    /// The value of the marked key too, because its meaning is unknown.
    Behind,
}

impl Problem {
    pub(super) fn new(code: impl Into<Cow<'static, str>>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { code: code.into(), span, message: message.into(), hint: None, hidden: Hidden::Named }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(super) fn hidden(mut self, hidden: Hidden) -> Self {
        self.hidden = hidden;
        self
    }
}

/// Places problems in the text, sorted, without repeats.
pub(super) fn place(problems: Vec<Problem>, text: &str, file: &str) -> Vec<ConfigError> {
    let mut problems = problems;
    problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
    // Of several problems with a value the first is the most useful.
    problems.dedup_by(|later, first| later.span == first.span && later.code == first.code && later.code == code::VALUE);
    problems.into_iter().map(|problem| located(problem, text, file)).collect()
}

/// The problem as an error at its place.
pub(super) fn located(problem: Problem, text: &str, file: &str) -> ConfigError {
    // Spans come from the parser, but a wrong one must not panic.
    let start = (0..=problem.span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    let meant = text.get(start..problem.span.end.min(text.len())).unwrap_or_default();
    let width = meant.chars().take_while(|letter| *letter != '\n').count();
    let (head, tail) = line.split_at_checked(start - line_start).unwrap_or((line, ""));
    let (excerpt, width) = match problem.hidden {
        Hidden::Named => (blank_secrets(line), width),
        Hidden::Meant => (format!("{}\"…\"", blank_secrets(head)), 3),
        Hidden::Behind => {
            let cut = meant.len().min(tail.len());
            let (key, behind) = tail.split_at_checked(cut).unwrap_or((tail, ""));
            let behind = if behind.trim_start().starts_with('=') { " = …" } else { behind };
            (format!("{}{key}{behind}", blank_secrets(head)), width)
        }
    };
    ConfigError {
        code: problem.code,
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column,
        width: width.min(excerpt.chars().count().saturating_sub(column - 1)).max(1),
        excerpt: shorten(excerpt.trim_end(), column + width),
        message: problem.message,
        hint: problem.hint,
    }
}

/// Where a line and column, both from 1 and in characters, stand in the text.
pub(super) fn byte_at(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let inside = text.get(start..).unwrap_or_default();
    let skipped: usize = inside.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
    start + skipped
}

/// Long lines are cut, but not before what is meant.
fn shorten(line: &str, needed: usize) -> String {
    const MOST: usize = 160;
    let keep = MOST.max(needed.min(400));
    if line.chars().count() <= keep { line.to_owned() } else { line.chars().take(keep).chain(['…']).collect() }
}

/// Whether the value of this key is, or may be meant as, a secret.
fn names_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let words = ["secr", "passw", "token", "private", "public_key", "api_key", "client_id"];
    key == "keys" || words.iter().any(|word| key.contains(word))
}

/// The line with the values of keys that name a secret replaced by `"…"`, references to secrets left as they are.
fn blank_secrets(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('=') {
        let (key, after) = rest.split_at(at + 1);
        shown.push_str(key);
        let spaces = after.len() - after.trim_start().len();
        let (space, value) = after.split_at(spaces);
        shown.push_str(space);
        let name = key.trim_end_matches('=').trim_end().rsplit([' ', ',', '{', '\t']).next().unwrap_or_default();
        let end = value_end(value);
        let (value, following) = value.split_at(end);
        let is_reference = |item: &str| {
            let bare = item.trim().trim_matches(['"', '\'']);
            bare.is_empty() || bare.starts_with("env:") || bare.starts_with("file:")
        };
        let items = value.trim_start_matches('[').trim_end_matches(']');
        if names_secret(name) && !items.split(',').all(is_reference) {
            shown.push_str("\"…\"");
        } else {
            shown.push_str(value);
        }
        rest = following;
    }
    shown.push_str(rest);
    shown
}

/// The end of a value: inside its opening brace, behind its closing bracket or quote, before a comma, brace or comment, or at the
/// end of the line.
fn value_end(value: &str) -> usize {
    let Some(quote @ ('"' | '\'')) = value.chars().next() else {
        if value.starts_with('{') {
            return 1;
        }
        if value.starts_with('[') {
            return value.find(']').map_or(value.len(), |at| at + 1);
        }
        return value.find([',', '}', '#']).unwrap_or(value.len());
    };
    let mut escaped = false;
    for (at, letter) in value.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_with_its_line_and_mark() {
        let text = "[markets.de]\ncurrancy = \"EUR\"\n";
        let problem = Problem::new("C0802", 13..21, "unknown key \"currancy\"").hint("did you mean \"currency\"?");
        let shown = place(vec![problem], text, "cartage.toml").first().map(ToString::to_string).unwrap_or_default();
        insta::assert_snapshot!(shown, @r#"
        error[C0802]: unknown key "currancy"
         --> cartage.toml:2:1
          |
        2 | currancy = "EUR"
          | ^^^^^^^^
          hint: did you mean "currency"?
        "#);
    }

    #[test]
    fn secrets_are_blanked_in_shown_lines() {
        for (line, shown) in [
            (r#"private_key = "abc""#, r#"private_key = "…""#),
            (r#"private_key = "env:CLERK""#, r#"private_key = "env:CLERK""#),
            (r#"a = { client_secret = "a\"b", url = "u" } # x"#, r#"a = { client_secret = "…", url = "u" } # x"#),
            ("api_token=12345", r#"api_token="…""#),
            (r#"password = "unclosed"#, r#"password = "…""#),
            (r#"keys = ["env:NEW", 'file:/run/old'] # x"#, r#"keys = ["env:NEW", 'file:/run/old'] # x"#),
            (r#"keys = ["env:NEW", "s3cret"] # x"#, r#"keys = "…" # x"#),
            ("keys = [s3cret", r#"keys = "…""#),
            (r#"project_key = "shop""#, r#"project_key = "shop""#),
            ("[sources.shop]", "[sources.shop]"),
        ] {
            assert_eq!(blank_secrets(line), shown);
        }
    }

    #[test]
    fn spans_outside_the_text_do_no_harm() {
        for span in [0..0, 5..900, 900..1000, 1..2] {
            let found = place(vec![Problem::new("C0801", span, "x")], "é\nb", "f");
            assert_eq!(found.len(), 1);
        }
        assert_eq!(place(vec![Problem::new("C0801", 0..0, "x")], "", "f").len(), 1);
    }

    #[test]
    fn a_secret_under_the_mark_is_blanked_whatever_its_key() {
        let text = "odd = \"s3cret\"";
        let found = place(vec![Problem::new("C0806", 6..14, "x").hidden(Hidden::Meant)], text, "f");
        assert_eq!(found.first().map(|error| error.excerpt.as_str()), Some("odd = \"…\""));
    }
}
