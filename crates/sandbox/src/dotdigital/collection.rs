//! A collection: its scope, its type, its columns and its records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::column::{self, Column};
use super::rules::{self, Reason};

/// Whose records a collection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Scope {
    Account,
    Contact,
}

/// What a collection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Type {
    CartInsight,
    Catalog,
    ConsentInsight,
    Custom,
    EasyEditorExtensions,
    NostoEmailCampaigns,
    Orders,
    ProductCategories,
    WebInsight,
    WishList,
}

/// A record, as it came.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) json: Value,
    /// The contact that it belongs to.
    pub(super) owner: Option<u64>,
    pub(super) created: i64,
    pub(super) updated: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Collection {
    pub(super) scope: Scope,
    pub(super) of: Type,
    pub(super) columns: BTreeMap<String, Column>,
    pub(super) records: BTreeMap<String, Held>,
}

impl Collection {
    pub(super) const fn new(scope: Scope, of: Type) -> Self {
        Self { scope, of, columns: BTreeMap::new(), records: BTreeMap::new() }
    }

    pub(super) const fn catalogue() -> Self {
        Self::new(Scope::Account, Type::Catalog)
    }

    /// Creates or replaces a record; true if it is new.
    pub(super) fn put(
        &mut self,
        key: &str,
        owner: Option<u64>,
        json: Value,
        longest_text: usize,
        now: i64,
    ) -> Result<bool, Reason> {
        if let Some(reason) = rules::of_key(key).or_else(|| rules::of_value(&json, longest_text)) {
            return Err(reason);
        }
        if self.records.get(key).is_some_and(|held| held.owner != owner) {
            return Err(("KeyExistingForDifferentContact", format!("The key '{key}' belongs to another contact")));
        }
        let Some(object) = json.as_object() else {
            return Err(("InvalidJson", "A record is a JSON object".to_owned()));
        };
        self.columns = column::extended(&self.columns, object)
            .map_err(|clash| ("JsonValueIncompatibleWithSchema", clash.detail()))?;
        let created = self.records.get(key).map_or(now, |held| held.created);
        Ok(self.records.insert(key.to_owned(), Held { json, owner, created, updated: now }).is_none())
    }
}
