//! A view of a store for tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::import_log::SyncRecord;
use super::journal::{OperationCount, WriteCall};
use super::resource::Resource;
use super::returned::Returned;
use super::store::{Rejection, Store};

/// A handle on one store; what it returns is a copy of that moment.
#[derive(Clone)]
pub struct StoreView {
    pub(super) store: Arc<Store>,
}

impl StoreView {
    /// Products by id in text form.
    pub fn products(&self) -> BTreeMap<String, Value> {
        self.objects(Resource::Products)
    }

    /// Categories by id in text form.
    pub fn categories(&self) -> BTreeMap<String, Value> {
        self.objects(Resource::Categories)
    }

    /// Objects of a kind by id in text form.
    pub fn objects(&self, resource: Resource) -> BTreeMap<String, Value> {
        self.store.read().snapshot(resource)
    }

    /// One object as the JSON text it is stored as.
    pub fn raw(&self, resource: Resource, id: &str) -> Option<String> {
        self.store.read().entry(resource, id).map(|entry| entry.raw.get().to_owned())
    }

    /// What came back of orders, in the order of the calls.
    pub fn returns(&self) -> Vec<Returned> {
        self.store.read().returns.clone()
    }

    /// Number of objects of a kind.
    pub fn count(&self, resource: Resource) -> usize {
        self.store.read().collection(resource).map_or(0, std::collections::HashMap::len)
    }

    /// Write calls by operation (`POST products`, `PATCH products`, `DELETE products`, `POST product/add`, …).
    pub fn operations(&self) -> BTreeMap<String, OperationCount> {
        self.store.journal().counts()
    }

    /// The last write calls, the oldest first.
    pub fn calls(&self) -> Vec<WriteCall> {
        self.store.journal().calls()
    }

    /// Tolerated or ignored fields, each with its count.
    pub fn warnings(&self) -> BTreeMap<String, u64> {
        self.store.read().warnings().clone()
    }

    /// The sync log, the oldest import first.
    pub fn imports(&self) -> Vec<SyncRecord> {
        self.store.imports()
    }

    /// From now on a batch with an object like this is refused with a `LogicalError`; a feed's object is left out.
    pub fn reject(&self, rejection: Rejection) {
        self.store.write().rejections.push(rejection);
    }

    /// Forgets every rejection.
    pub fn accept_all(&self) {
        self.store.write().rejections.clear();
    }

    /// Makes the store's keys stop working, or work again.
    pub fn disable(&self, disabled: bool) {
        self.store.write().disabled = disabled;
    }

    /// Runs the analysis that a full sync ends with: what is there now is ranked.
    pub fn analyse(&self) {
        self.store.write().analyse();
    }

    /// Forgets calls and their counts.
    pub fn forget_calls(&self) {
        self.store.journal().clear();
    }

    /// Forgets objects, warnings, calls and counts.
    pub fn clear(&self) {
        self.store.write().clear();
        self.store.journal().clear();
    }
}
