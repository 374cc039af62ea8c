//! The platforms Cartage talks to, emulated from their own specs, with quotas, faults and a living shop.
//!
//! **Invariant:** this crate uses nothing else of Cartage. It types each platform's JSON again from that platform's
//! spec, so that a connector and its emulator can't share one misreading.

pub mod catalogue;
pub mod clerk;
pub mod clock;
pub mod commercetools;
pub mod fault;
pub mod serve;
pub mod shop;
