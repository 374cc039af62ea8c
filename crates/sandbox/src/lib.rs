//! The platforms Cartage talks to, emulated from their own specs, with quotas, faults and a shop that keeps changing.
//!
//! A folder per platform, and one for what platforms share; a platform's emulator never imports another's.
//!
//! **Invariant:** this crate uses nothing else of Cartage. It types each platform's JSON again from that platform's
//! spec, so that a connector and its emulator can't share one misreading.

pub mod acp;
pub mod bigcommerce;
pub mod clerk;
pub mod commercetools;
pub mod dotdigital;
pub mod insider;
pub mod sfcc;
mod shared;

pub use shared::{catalogue, clock, fault, people, requests, serve, shop};
