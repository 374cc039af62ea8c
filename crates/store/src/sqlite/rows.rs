//! Inserts many rows with one statement: the start of a statement opens its table and each index, which costs as much
//! as a row.

use std::sync::OnceLock;

use rusqlite::{Connection, Statement, ToSql};

use super::trouble::Outcome;

/// Rows per statement.
const ROWS: usize = 32;

/// A statement that inserts rows.
pub(super) struct Insert {
    /// Text up to the first row.
    into: &'static str,
    /// A row: `?` for each value of its own, after `?1`, `?2`, … for those that all rows share.
    row: &'static str,
    /// Text after the last row.
    then: &'static str,
    many: OnceLock<String>,
    one: OnceLock<String>,
}

/// The values of one row.
pub(super) struct Values<'s, 'c> {
    statement: &'s mut Statement<'c>,
    next: usize,
}

impl Values<'_, '_> {
    /// The next value of the row.
    pub(super) fn put(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }
}

impl Insert {
    pub(super) const fn new(into: &'static str, row: &'static str, then: &'static str) -> Self {
        Self { into, row, then, many: OnceLock::new(), one: OnceLock::new() }
    }

    /// Inserts rows, each with the values that `put` gives; returns their number.
    pub(super) fn insert<T>(
        &self,
        db: &Connection,
        shared: &[&dyn ToSql],
        rows: &[T],
        mut put: impl FnMut(&mut Values<'_, '_>, &T) -> rusqlite::Result<()>,
    ) -> Outcome<usize> {
        let (chunks, rest) = rows.as_chunks::<ROWS>();
        let mut inserted = 0;
        for (text, most, rows) in [(&self.many, ROWS, chunks.as_flattened()), (&self.one, 1, rest)] {
            if rows.is_empty() {
                continue;
            }
            let text = text.get_or_init(|| format!("{} {} {}", self.into, vec![self.row; most].join(", "), self.then));
            let mut statement = db.prepare_cached(text)?;
            for rows in rows.chunks(most) {
                let mut values = Values { statement: &mut statement, next: 1 };
                shared.iter().try_for_each(|value| values.put(value))?;
                rows.iter().try_for_each(|row| put(&mut values, row))?;
                inserted += statement.raw_execute()?;
            }
        }
        Ok(inserted)
    }
}
