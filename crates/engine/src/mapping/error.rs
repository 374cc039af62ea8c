//! Mistakes in a user's expression, with place and remedy.

use std::fmt;

/// A place in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What is wrong with an expression, or with the name of its field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError {
    /// Stable code with a page under `docs/errors/`.
    pub code: &'static str,
    /// The field it is for.
    pub field: String,
    /// The place of the mistake in the configuration.
    pub at: Place,
    /// The expression's text.
    pub expression: String,
    /// The place of the mistake in the expression, in characters from its beginning.
    pub offset: usize,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl std::error::Error for MappingError {}

impl fmt::Display for MappingError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: field {}: {} [{}]", self.at, self.field, self.message, self.code)?;
        let (line, column) = line_and_column(&self.expression, self.offset);
        if let Some(text) = self.expression.split('\n').nth(line) {
            write!(out, "\n    {text}\n    {:column$}^", "")?;
        }
        match &self.hint {
            Some(hint) => write!(out, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Line and column of a character, both from 0.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.chars().take(offset);
    before.fold((0, 0), |(line, column), letter| if letter == '\n' { (line + 1, 0) } else { (line, column + 1) })
}

/// The known name that is most similar.
pub(crate) fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (name.chars().count() / 3).max(1);
    let near = known.into_iter().map(|it| (distance(&name.to_lowercase(), &it.to_lowercase()), it));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, it)| it)
}

/// Levenshtein's edit distance. Names are short; a text longer than any name is as far as it is long.
fn distance(left: &str, right: &str) -> usize {
    const LONGEST: usize = 64;
    let right: Vec<char> = right.chars().collect();
    let length = left.chars().count();
    if length > LONGEST || right.len() > LONGEST {
        return length.max(right.len());
    }
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(above + 1);
        for ((other, corner), up) in right.iter().zip(&row).zip(row.iter().skip(1)) {
            let before = next.last().copied().unwrap_or(0);
            next.push((corner + usize::from(letter != *other)).min(up + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(length)
}
