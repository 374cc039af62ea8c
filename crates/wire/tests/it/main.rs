//! The HTTP kit from outside: against well-behaved servers and against raw sockets that are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod call;
mod download;
mod redaction;
mod repeat;
mod tokens;
