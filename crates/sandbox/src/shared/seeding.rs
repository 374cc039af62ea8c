//! Why a catalogue can't be put into a platform.

/// Why a catalogue can't be seeded. Odd data (duplicate or missing SKUs, missing texts, cyclic categories, zero prices) are
/// let through, so that a connector meets them.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A record names another that is not in the catalogue, or comes after it.
    #[error("{kind} {key} names the {other_kind} {other}, which the catalogue does not have before it")]
    Unknown {
        /// What names it.
        kind: &'static str,
        /// Its key.
        key: String,
        /// What is missing.
        other_kind: &'static str,
        /// Its key.
        other: String,
    },
    /// A product without any variant.
    #[error("product {product} has no variant; it needs at least one")]
    NoVariant {
        /// Key of the product.
        product: String,
    },
    /// Two products with one key.
    #[error("two products have the key {product}; keys are unique")]
    Twice {
        /// Key of the products.
        product: String,
    },
    /// Two customers or two orders with one key.
    #[error("two records of kind {kind} have the key {key}; keys are unique")]
    TwiceOf {
        /// What they are.
        kind: &'static str,
        /// Their key.
        key: String,
    },
    /// A worker of the seeding ended early.
    #[error("rendering the catalogue was interrupted")]
    Interrupted,
}

impl SeedError {
    pub(crate) fn unknown(kind: &'static str, key: &str, other_kind: &'static str, other: &str) -> Self {
        Self::Unknown { kind, key: key.to_owned(), other_kind, other: other.to_owned() }
    }
}
