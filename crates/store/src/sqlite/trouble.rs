//! Errors inside the store, and their faults for people.

use std::path::Path;

use contract::Fault;
use rusqlite::ErrorCode;

use super::seal::shown;

/// An error of a step inside the store.
#[derive(Debug)]
pub(super) enum Trouble {
    /// SQLite refused.
    Sql(rusqlite::Error),
    /// A fault already.
    Fault(Box<Fault>),
    /// Data about people comes, and no key of the operator is given to seal it.
    NoKey,
    /// There is data about people, and no key of the operator is given to open it.
    Locked,
    /// A key of data was wrapped by another key of the operator than those that are given.
    OtherKey {
        /// Its fingerprint.
        wrapped_by: i64,
        /// Theirs.
        given: Vec<String>,
    },
    /// This is about a person whose key was deleted.
    Forgotten(String),
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
    pub(super) fn unreadable(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Fault::config("C0106", format!("{what} in the database can't be read: {why}"))
            .hint("restore the database from a backup, or move it away and let the source be read again")
            .into()
    }

    /// As a fault about this file.
    pub(super) fn fault(self, path: &Path) -> Fault {
        let file = path.display();
        let error = match self {
            Self::Fault(fault) => return *fault,
            Self::NoKey => {
                return Fault::config("C0114", format!("there is no key to seal data about people with in {file}"))
                    .hint(format!("{KEYS}; `openssl rand -base64 32` makes one"));
            }
            Self::Locked => {
                return Fault::config(
                    "C0114",
                    format!("the database {file} holds data about people, and no key is given"),
                )
                .hint(format!("{KEYS}: the one that it was written with"));
            }
            Self::OtherKey { wrapped_by, given } => {
                let (key, given) = (shown(wrapped_by), given.join(", "));
                let message = format!("{file} holds data about people that the key {key} sealed; given: {given}");
                return Fault::config("C0115", message)
                    .hint("put the key that was in use before behind the new one, under `keys` in [personal_data]");
            }
            Self::Forgotten(what) => return forgotten(&what),
            Self::Sql(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => disk_full(&file),
            Some(ErrorCode::NotADatabase) => not_ours(path, "it is no SQLite database"),
            Some(ErrorCode::DatabaseCorrupt) => damaged(path, &error),
            _ => Fault::transient("C0105", format!("the database {file} could not be used: {error}"))
                .hint("check the disk, the folder's rights and that no other program holds the file"),
        }
    }
}

const KEYS: &str = "name the key in the configuration: `keys = [\"env:CARTAGE_DATA_KEY\"]` in [personal_data]";

/// What stands in place of data about a person whose key was deleted.
pub(super) fn forgotten(what: &str) -> Fault {
    Fault::record("C0116", format!("{what} is about a person who was forgotten, and can't be read any more"))
        .hint("nothing to do: the key that sealed it was deleted, as was asked for")
}

/// The outcome, with this in place of what is about a person whose key was deleted.
pub(super) fn unless_forgotten<T>(done: Outcome<T>, otherwise: T) -> Outcome<T> {
    match done {
        Err(Trouble::Forgotten(_)) => Ok(otherwise),
        done => done,
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
