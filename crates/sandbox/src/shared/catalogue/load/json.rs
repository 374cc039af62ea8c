//! Reads JSON files that hold a list, entry by entry, so that a bad one does not make the others unreadable.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{LoadError, Skipped, read};

/// An entry and the line it begins on.
pub(super) struct Entry<T> {
    pub(super) line: u64,
    pub(super) value: T,
}

/// Reads a list of entries; those of another shape are skipped.
pub(super) fn entries<T: DeserializeOwned>(
    file: &Path,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Entry<T>>, LoadError> {
    let bytes = read(file)?;
    let raw: Vec<&RawValue> = serde_json::from_slice(&bytes).map_err(|error| malformed(file, &error))?;
    let mut entries = Vec::with_capacity(raw.len());
    // Entries come in the order of the file, so that each line break is counted once.
    let (mut counted, mut line) = (0, 1_u64);
    for entry in raw {
        let start = (entry.get().as_ptr().addr()).saturating_sub(bytes.as_ptr().addr());
        let passed = bytes.get(counted..start).unwrap_or_default();
        let breaks = passed.split(|byte| *byte == b'\n').count() - 1;
        line = line.saturating_add(u64::try_from(breaks).unwrap_or_default());
        counted = start;
        match serde_json::from_str(entry.get()) {
            Ok(value) => entries.push(Entry { line, value }),
            Err(error) => {
                // The place is relative to the entry, whose line is known already.
                let text = error.to_string();
                let why = text.split(" at line ").next().unwrap_or_default();
                skipped.push(Skipped { file: file.to_owned(), line, why: format!("{why}; entry left out") });
            }
        }
    }
    Ok(entries)
}

/// Reads a file that holds one object; a file that isn't there counts as the default.
pub(super) fn object_or_default<T: DeserializeOwned + Default>(file: &Path) -> Result<T, LoadError> {
    if !file.exists() {
        return Ok(T::default());
    }
    serde_json::from_slice(&read(file)?).map_err(|error| malformed(file, &error))
}

/// As [`entries`]; a file that isn't there counts as an empty list.
pub(super) fn entries_or_none<T: DeserializeOwned>(
    file: &Path,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Entry<T>>, LoadError> {
    if file.exists() { entries(file, skipped) } else { Ok(Vec::new()) }
}

fn malformed(file: &Path, error: &serde_json::Error) -> LoadError {
    let text = error.to_string();
    let why = text.split(" at line ").next().unwrap_or_default();
    LoadError {
        line: u64::try_from(error.line()).ok(),
        column: Some(error.column().to_string()),
        ..LoadError::new(
            file,
            format!("not the JSON that is expected: {why}"),
            "see that the file is complete and unchanged",
        )
    }
}
