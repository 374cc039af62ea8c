//! Clerk.io: requests byte by byte, and the handling of answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod acp;
mod calls;
mod careless;
mod classify;
mod contacts;
mod dotdigital;
mod emulator;
mod faults;
mod insider;
mod mapping;
mod merchant;
mod people;
mod registry;
mod sample;
mod schema;
