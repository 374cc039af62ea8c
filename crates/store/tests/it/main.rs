//! The SQLite store against the suite that any store must pass, and against what only it can get wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod conformance;
mod erasures;
mod file;
mod model;
mod naive;
mod seal;
