//! Positions in walks.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Fault, Token};
use serde::{Deserialize, Serialize};

use super::search::Search;

/// Where a walk goes on, or what the next one begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// What is read next.
    pub(super) next: Next,
    /// How many records of it were read before.
    pub(super) at: usize,
}

/// What is read next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Next {
    /// The sites, which are one page.
    Sites,
    /// Categories of a catalogue from one on; without an id there is no catalogue.
    Categories { catalog: String, offset: usize },
    /// The prices of the next products, with the books that were seen.
    Prices { search: Search, books: Books },
    /// Records of an inventory list from one on; without an id there is no list.
    Stock { list: String, start: usize },
    /// The next products.
    Products(Search),
    /// Nothing: a walk is over. All products that had changed by this instant were read.
    Over(i64),
}

/// Price books that were seen: their currency, and the sites that use them.
pub(super) type Books = BTreeMap<String, Book>;

/// A price book, as far as prices show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) currency: String,
    pub(super) sites: BTreeSet<String>,
}

/// Writes a place.
///
/// # Errors
/// `C0216`; never for the types of this module.
pub(super) fn write(place: &Place) -> Result<Token, Fault> {
    let text = serde_json::to_string(place);
    text.map(Token).map_err(|error| Fault::protocol("C0216", format!("a position can't be written: {error}")))
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// `C0216` for anything else, such as the token of another route.
pub(super) fn read(token: &Token) -> Result<Place, Fault> {
    serde_json::from_str(&token.0).map_err(|_| foreign())
}

/// A position that is none of the lane.
pub(super) fn foreign() -> Fault {
    Fault::config("C0216", "the position that was kept for this lane is not one of this release and route")
        .hint("read the lane from the beginning: cartage sync --full")
}
