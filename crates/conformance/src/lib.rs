//! The suites that any implementation of a wall must pass.

pub mod store;
