//! Data about people, at rest.
//!
//! The bodies, payloads, answers and faults of personal kinds are sealed; ids, here and at destinations, are sealed so
//! that the same id always gives the same text, because rows are found by them; hashes of what links records take a
//! key. They never train a dictionary, which would hold their words in clear. The data of a flow is sealed if one of
//! its kinds is personal.

use model::Kind;

/// Seals data about people. The holder of the operator's key implements it.
pub trait Seal: Send + Sync {
    /// Whether records of this kind are about people.
    fn is_personal(&self, kind: Kind) -> bool {
        kind.is_personal()
    }

    /// Seals bytes.
    fn seal(&self, plain: &[u8]) -> Vec<u8>;

    /// Opens what [`Seal::seal`] gave; `None`: it was changed, or another key sealed it.
    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>>;

    /// Seals a name by which a record is found: the same name always gives the same text.
    fn seal_name(&self, name: &str) -> String;

    /// Opens what [`Seal::seal_name`] gave; `None`: it was changed, or another key sealed it.
    fn open_name(&self, sealed: &str) -> Option<String>;

    /// The key of hashes that link personal records.
    fn hash_key(&self) -> [u8; 32];
}

/// Seals nothing: for a store without a key, which must hold no personal kinds.
#[derive(Clone, Copy, Debug)]
pub struct Unsealed;

impl Seal for Unsealed {
    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        plain.to_vec()
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        Some(sealed.to_vec())
    }

    fn seal_name(&self, name: &str) -> String {
        name.to_owned()
    }

    fn open_name(&self, sealed: &str) -> Option<String> {
        Some(sealed.to_owned())
    }

    fn hash_key(&self) -> [u8; 32] {
        [0; 32]
    }
}
