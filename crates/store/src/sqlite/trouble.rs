//! Errors inside the store, and their faults for people.

use std::path::Path;

use contract::Fault;
use rusqlite::ErrorCode;

/// An error of a step inside the store.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite refused.
    Sql(rusqlite::Error),
    /// A fault already.
    Fault(Box<Fault>),
}

/// The result of a step inside the store.
pub(super) type Outcome<T> = Result<T, Trouble>;

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl Trouble {
    /// Stored data that can't be decoded.
    pub(super) fn unreadable(what: &str, why: impl std::fmt::Display) -> Self {
        Fault::config("C0106", format!("{what} in the database can't be read: {why}"))
            .hint("restore the database from a backup, or move it away and let the source be read again")
            .into()
    }

    /// As a fault about this file.
    pub(super) fn fault(self, path: &Path) -> Fault {
        let error = match self {
            Self::Fault(fault) => return *fault,
            Self::Sql(error) => error,
        };
        let file = path.display();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => disk_full(&file),
            Some(ErrorCode::NotADatabase) => not_ours(path, "it is no SQLite database"),
            Some(ErrorCode::DatabaseCorrupt) => damaged(path, &error),
            _ => Fault::transient("C0105", format!("the database {file} could not be used: {error}"))
                .hint("check the disk, the folder's rights and that no other program holds the file"),
        }
    }
}

/// There is no room for what is to be written to a file.
pub(super) fn disk_full(file: &dyn std::fmt::Display) -> Fault {
    Fault::transient("C0104", format!("the disk is full: {file} could not be written"))
        .hint("free some space; nothing is lost: `cartage run` goes on by itself, other commands are run again")
}

/// A file that holds what nobody wrote.
pub(super) fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Fault {
    Fault::config("C0106", format!("the database {} is damaged: {why}", path.display()))
        .hint("restore it from a backup, or move it away and let the source be read again")
}

/// A file that Cartage did not make.
pub(super) fn not_ours(path: &Path, why: &str) -> Fault {
    Fault::config("C0102", format!("{} is not a Cartage database: {why}", path.display()))
        .hint("name another file in the configuration, or move this one away")
}

/// A fault as it is kept.
pub(super) fn fault_text(fault: &Fault) -> Outcome<String> {
    serde_json::to_string(fault).map_err(|error| Trouble::unreadable("a fault on its way", error))
}
