//! What the fuzz targets do with their input.
//!
//! The usual suite takes each seed through the same functions (`crates/cartage/tests/it/seeds.rs`), so that the targets can't rot.

pub mod configuration;
pub mod delivery;
pub mod feed_parameters;
pub mod predicate;
pub mod sfcc_archive;
pub mod sfcc_xml;
pub mod token;

/// A target: its name, which is also that of its folder of seeds, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them. Each has a file in `fuzz_targets/`.
pub const TARGETS: [Target; 8] = [
    ("configuration", configuration::run),
    ("delivery_bigcommerce", delivery::bigcommerce),
    ("delivery_commercetools", delivery::commercetools),
    ("feed_parameters", feed_parameters::run),
    ("predicate", predicate::run),
    ("sfcc_archive", sfcc_archive::run),
    ("sfcc_xml", sfcc_xml::run),
    ("token", token::run),
];
