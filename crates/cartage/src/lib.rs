//! The binary's parts: command line, configuration, and the only place that knows the concrete types.
//!
//! **Invariants:** the concrete source, destination and store of an engine are chosen here and nowhere else; a command
//! prints text or one JSON document, and its exit code is its result.

#![allow(clippy::format_push_string, reason = "text for people is built once and short; it reads better so")]

pub mod assemble;
pub mod cli;
pub mod commands;
pub mod config;
pub mod measure;
pub mod output;
pub mod progress;
pub mod reference;
pub mod telemetry;
