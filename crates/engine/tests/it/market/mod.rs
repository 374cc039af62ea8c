//! Projections of products and categories into a market.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod assortment;
mod attributes;
mod books;
pub(crate) mod build;
mod categories;
pub(crate) mod history;
mod many;
mod parts;
mod prices;
mod products;
mod stock;
mod touched;
