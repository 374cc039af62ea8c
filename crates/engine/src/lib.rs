//! The loop that makes the ledger agree with the mirror.
//!
//! Data flows one way: [`pull`] reads a source into the mirror; [`push`] walks the mirror past a flow's cursor,
//! projects each record into the flow's [`market`], maps it (the destination's own mapping, then the user's
//! [`mapping`]), compares it with the ledger, sends what differs and settles the outcome. Everything else (first sync,
//! delta, retry, new destination, changed mapping, repair) is that loop from another starting cursor.
//!
//! **Invariants:** the engine names no platform, no HTTP client and no SQL. It alone retries, pauses, bisects and
//! dead-letters. Nothing here asks the machine for the time: it comes through [`contract::Clock`].

pub mod check;
pub mod compose;
mod defect;
pub mod erase;
pub mod explain;
pub mod feed;
pub mod flow;
pub mod forget;
pub mod hidden;
pub mod imported;
pub mod mapping;
pub mod market;
mod named;
pub mod observe;
mod owners;
pub mod plan;
pub mod prepare;
mod prices;
pub mod pull;
pub mod push;
pub mod run;
pub mod signals;
mod turns;
pub mod verify;

pub use contract::SystemClock;
pub use flow::Flow;
pub use named::Named;
pub use observe::{Event, Observer};
pub use pull::Pull;
pub use push::{Decision, Push, decide, unknown_outcome};
pub use turns::Turns;
