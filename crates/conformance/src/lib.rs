//! The suites that any implementation of a trait of `contract` must pass.

pub mod destination;
pub mod source;
pub mod store;
