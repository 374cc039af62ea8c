//! The result of a feed import, as the store's sync log shows it.

use serde::Serialize;

use super::resource::Resource;

/// Errors listed per feed; further ones are only counted.
const ERRORS: usize = 100;

/// The result of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyncRecord {
    /// Nothing was to be deleted.
    pub incremental: bool,
    /// Why the import ended early; `None` = it went through.
    pub aborted: Option<String>,
    /// The feeds that were fetched, in this order.
    pub feeds: Vec<FeedRecord>,
}

/// The result for one feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeedRecord {
    /// What it holds.
    pub resource: Resource,
    /// Pages that arrived whole.
    pub pages: usize,
    /// Objects in them.
    pub fetched: usize,
    /// Objects that were stored.
    pub stored: usize,
    /// Objects that were deleted for being absent.
    pub deleted: usize,
    /// Objects that were refused.
    pub refused: usize,
    /// Which were refused and why, the first hundred.
    pub errors: Vec<String>,
}

impl FeedRecord {
    pub(super) fn new(resource: Resource) -> Self {
        Self { resource, pages: 0, fetched: 0, stored: 0, deleted: 0, refused: 0, errors: Vec::new() }
    }

    pub(super) fn refuse(&mut self, why: String) {
        self.refused += 1;
        if self.errors.len() < ERRORS {
            self.errors.push(why);
        }
    }
}
