//! The suites that any implementation of a wall must pass.

pub mod destination;
pub mod source;
pub mod store;
