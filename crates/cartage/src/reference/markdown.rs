//! Markdown tables.

/// The content of a cell.
pub(super) struct Cell(String);

impl Cell {
    /// Words.
    pub(super) fn text(text: &str) -> Self {
        Self(text.replace('|', "\\|").replace('\n', " "))
    }

    /// Code; empty if there is none.
    pub(super) fn code(text: &str) -> Self {
        Self(if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|").replace('\n', " ")) })
    }
}

/// A table with a heading.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: impl Iterator<Item = [Cell; N]>) -> String {
    let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&heading);
    text.push_str(&line(&["---"; N]));
    for row in rows {
        text.push_str(&line(&row.each_ref().map(|cell| cell.0.as_str())));
    }
    text
}
