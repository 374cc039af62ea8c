//! What emulators share: sample catalogues, injected faults, the clock, the server, and the edits of a living shop.

pub mod catalogue;
pub mod clock;
pub mod fault;
pub mod requests;
pub mod serve;
pub mod shop;
