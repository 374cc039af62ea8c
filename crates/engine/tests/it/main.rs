//! Tests of the engine through its public interface.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on should end there"
)]

mod covered;
mod deliveries;
mod hints;
mod mapping;
mod market;
mod pull;
mod push;
mod scripted;
