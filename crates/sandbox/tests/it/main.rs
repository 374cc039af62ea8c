//! The emulators as a client meets them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bigcommerce;
mod catalogue;
mod clerk;
mod commercetools;
mod dotdigital;
mod dotdigital_contacts;
mod fault;
mod host;
mod insider;
mod openapi;
mod sfcc;
mod shop;
