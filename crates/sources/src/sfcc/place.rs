//! Positions in walks.

use std::collections::BTreeMap;

use contract::{Digest, Fault, Token};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// A job that exports an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// Name of the archive, without `.zip`, which also names the folder of its rows.
    pub archive: String,
    /// Id of the execution; `None`: it is not started yet.
    pub execution: Option<String>,
    /// When it was started, by our clock: what it exports is no older.
    pub began: Timestamp,
    /// What it exports.
    pub units: Vec<Unit>,
    /// The sites that it exports.
    pub sites: Vec<String>,
    /// Number of the last archive of each delta export before it was started: what that one is about is in this export.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub deltas: BTreeMap<Unit, u64>,
}

/// What an export may hold. Sites come with each of them, metadata with catalogues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Catalogues.
    Catalogs,
    /// Price books.
    PriceBooks,
    /// Inventory lists.
    InventoryLists,
}

impl Unit {
    /// All units.
    pub const ALL: [Self; 3] = [Self::Catalogs, Self::PriceBooks, Self::InventoryLists];
}

/// Where a walk goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The export that is read.
    pub job: Job,
    /// The page of rows that is next, once they are there.
    pub page: usize,
    /// How many records of it were read before.
    pub at: usize,
    /// What the export said of sites and metadata, once it was read.
    #[serde(default, skip_serializing_if = "About::is_empty")]
    pub about: About,
}

/// What an export says of sites and metadata, in short. Other lanes map this beside their own data, and no delta export tells
/// of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Of sites, and of the settings that stand in for what they say.
    pub sites: Option<Digest>,
    /// Of metadata, which comes with catalogues only.
    pub metadata: Option<Digest>,
}

impl About {
    /// Whether nothing is known.
    pub const fn is_empty(&self) -> bool {
        self.sites.is_none() && self.metadata.is_none()
    }

    /// Whether another export, which is newer, says something else that this data is mapped with.
    pub fn is_behind(&self, unit: Unit, newer: &Self) -> bool {
        let differs = |own: Option<Digest>, newer: Option<Digest>| newer.is_some() && own != newer;
        let by_metadata = unit == Unit::Catalogs && differs(self.metadata, newer.metadata);
        by_metadata || differs(self.sites, newer.sites)
    }
}

/// Writes a place.
///
/// # Errors
/// `C0216`; never for the types of this module.
pub fn write(place: &Place) -> Result<Token, Fault> {
    let text = serde_json::to_string(place);
    text.map(Token).map_err(|error| Fault::protocol("C0216", format!("a position can't be written: {error}")))
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// `C0216` for anything else, such as the token of another release.
pub fn read(token: &Token) -> Result<Place, Fault> {
    serde_json::from_str(&token.0).map_err(|_| {
        Fault::config("C0216", "the position that was kept for this lane is not one of this release")
            .hint("read the lane from the beginning: cartage sync --full")
    })
}
