//! Cartage from end to end: an emulated commercetools, the engine, emulated Clerk.io stores.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod acp;
mod alike;
mod bad_input;
mod bench;
#[cfg(unix)]
mod beside;
mod bigcommerce;
mod capabilities;
mod check;
mod cli;
mod crash;
mod dead;
mod deltas;
mod demo;
mod documents;
mod dotdigital;
mod edges;
mod erase;
mod exposure;
mod faults;
mod feeds;
mod fidelity;
mod first_edition;
mod forget;
mod guard;
mod guides;
mod harness;
mod hooks;
mod init;
mod insider;
mod json;
mod kinds;
mod logs;
mod looking;
mod luma;
mod matrix;
mod merchant;
mod modular;
mod payloads;
mod people;
mod seeds;
mod service;
mod sfcc;
mod sfcc_crash;
mod sfcc_events;
mod shared_ids;
mod shelf;
mod subscriptions;
mod tailoring;
mod traces;
