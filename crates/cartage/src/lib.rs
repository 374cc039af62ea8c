//! The binary's parts: command line, configuration, and the only place that knows the concrete types.
//!
//! **Invariants:** what the engine calls a source, a destination and a store is chosen here and nowhere else; a command
//! prints text or one JSON document, and tells in its exit code how it ended.

#![allow(clippy::format_push_string, reason = "text for people is built once and short; it reads better so")]

pub mod assemble;
pub mod cli;
pub mod commands;
pub mod config;
pub mod output;
pub mod progress;
pub mod reference;
pub mod telemetry;
