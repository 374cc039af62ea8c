//! CSV files with a header, quoted cells that may span lines, in UTF-8.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{LoadError, Skipped, read};

/// The rows of a file that have a cell in every column.
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
    columns: Arc<HashMap<String, usize>>,
}

/// One row.
pub(super) struct Row {
    file: Arc<PathBuf>,
    line: u64,
    columns: Arc<HashMap<String, usize>>,
    cells: csv::StringRecord,
}

impl Table {
    /// Reads a file whose header must hold the `needed` columns.
    pub(super) fn read(file: &Path, needed: &[&str], skipped: &mut Vec<Skipped>) -> Result<Self, LoadError> {
        let bytes = read(file)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
        let columns = header(file, &mut reader)?;
        for column in needed {
            if !columns.contains_key(*column) {
                return Err(LoadError {
                    line: Some(1),
                    column: Some((*column).to_owned()),
                    ..LoadError::new(
                        file,
                        "the header has no such column",
                        "see that it is the file of the data set, unchanged",
                    )
                });
            }
        }
        let (file, columns) = (Arc::new(file.to_owned()), Arc::new(columns));
        let mut rows = Vec::new();
        let mut record = csv::ByteRecord::new();
        loop {
            let more = reader.read_byte_record(&mut record).map_err(|error| unreadable(&file, &error))?;
            if !more {
                return Ok(Self { rows, columns });
            }
            let line = record.position().map_or(0, csv::Position::line);
            let mut skip = |why: String| skipped.push(Skipped { file: file.to_path_buf(), line, why });
            if record.len() != columns.len() {
                skip(format!("the row has {} cells, the header {}; row left out", record.len(), columns.len()));
                continue;
            }
            match csv::StringRecord::from_byte_record(record.clone()) {
                Ok(cells) => rows.push(Row { file: Arc::clone(&file), line, columns: Arc::clone(&columns), cells }),
                Err(_) => skip("the row isn't valid UTF-8; row left out".to_owned()),
            }
        }
    }

    /// What follows `prefix` in the names of columns, in their order: the locales of `name.`.
    #[expect(clippy::disallowed_methods, reason = "they are sorted")]
    pub(super) fn suffixes(&self, prefix: &str) -> Vec<String> {
        let mut found: Vec<_> =
            self.columns.iter().filter_map(|(name, at)| Some((*at, name.strip_prefix(prefix)?.to_owned()))).collect();
        found.sort();
        found.into_iter().map(|(_, suffix)| suffix).collect()
    }
}

impl Row {
    /// The cell in a column, empty if there is no such column.
    pub(super) fn cell(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.cells.get(*at)).unwrap_or_default()
    }

    /// Names of all columns with a cell that isn't empty, in their order.
    #[expect(clippy::disallowed_methods, reason = "they are sorted")]
    pub(super) fn filled(&self) -> Vec<(&str, &str)> {
        let mut filled: Vec<_> = self.columns.iter().map(|(name, at)| (*at, name.as_str())).collect();
        filled.sort_unstable();
        let cells = filled.into_iter().map(|(at, name)| (name, self.cells.get(at).unwrap_or_default()));
        cells.filter(|(_, cell)| !cell.is_empty()).collect()
    }

    /// Notes that this row, or a part of it, is left out.
    pub(super) fn skip(&self, why: impl Into<String>) -> Skipped {
        Skipped { file: self.file.to_path_buf(), line: self.line, why: why.into() }
    }
}

fn header(file: &Path, reader: &mut csv::Reader<&[u8]>) -> Result<HashMap<String, usize>, LoadError> {
    let names = reader.headers().map_err(|error| unreadable(file, &error))?;
    let mut columns = HashMap::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        if columns.insert(name.trim().to_owned(), at).is_some() {
            return Err(LoadError {
                line: Some(1),
                column: Some(name.to_owned()),
                ..LoadError::new(file, "two columns have this name", "rename one of them")
            });
        }
    }
    Ok(columns)
}

fn unreadable(file: &Path, error: &csv::Error) -> LoadError {
    let why = match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the header isn't valid UTF-8".to_owned(),
        _ => error.to_string(),
    };
    LoadError {
        line: error.position().map(csv::Position::line),
        ..LoadError::new(file, why, "see that it is a CSV file in UTF-8, with commas and a header")
    }
}
