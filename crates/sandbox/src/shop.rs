//! The living shop.
