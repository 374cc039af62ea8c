//! Mirror, ledger, dead letters, calls, cursors, links and due times, kept on disk.
//!
//! [`sqlite::Sqlite`] implements [`contract::Store`] for one process: one file, one writer, some readers.

mod scratch;
pub mod sqlite;

pub use scratch::Scratch;
pub use sqlite::{Options, Sqlite};
