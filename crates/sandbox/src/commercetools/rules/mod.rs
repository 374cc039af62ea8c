//! What the platform refuses: one file for each kind of thing that has rules of its own.
//!
//! A rule takes what a client sent and gives back what is kept, or compares it with what the project has. Rules are asked
//! by drafts and update actions alike, and only about what a request brings: what was seeded may break them and can still
//! be changed in its other parts.

pub(super) mod attribute;
pub(super) mod channel;
pub(super) mod custom;
pub(super) mod customer;
pub(super) mod deletion;
pub(super) mod modular;
pub(super) mod money;
pub(super) mod price;
pub(super) mod product;
pub(super) mod selection;
pub(super) mod slug;
pub(super) mod store;
