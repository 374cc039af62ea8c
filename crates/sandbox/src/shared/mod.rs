//! What emulators share: sample catalogues, people, injected faults, the clock, the server, and the edits of a living shop.

pub mod catalogue;
pub mod clock;
pub mod fault;
pub(crate) mod living;
pub mod people;
pub mod requests;
pub(crate) mod seeding;
pub mod serve;
pub mod shop;
