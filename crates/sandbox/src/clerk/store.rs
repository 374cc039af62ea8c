//! The content of one store. Stores share nothing.
//!
//! **Invariant:** a write is applied whole or not at all: everything that can refuse it is checked before anything is
//! changed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::entry::{Collection, Entry, Moment, Past};
use super::envelope::Problem;
use super::import_log::SyncRecord;
use super::journal::Journal;
use super::json::{Fields, text};
use super::resource::Resource;
use super::returned::Returned;
use super::sales::Sales;
use super::settings::{PatchUnknown, Settings, StoreSettings};
use super::validate::{Checked, IdType, Mode, check};

/// Distinct warnings kept.
const WARNINGS: usize = 200;

/// Imports remembered.
const IMPORTS: usize = 100;

/// One store.
pub(super) struct Store {
    pub(super) settings: StoreSettings,
    state: RwLock<State>,
    journal: Mutex<Journal>,
    imports: Mutex<VecDeque<SyncRecord>>,
    /// Locked by the import under way.
    pub(super) importing: tokio::sync::Mutex<()>,
}

/// The objects of a store.
#[derive(Default)]
pub(super) struct State {
    collections: HashMap<Resource, Collection>,
    /// Keys of customers by email.
    emails: HashMap<Box<str>, Box<str>>,
    id_type: Option<IdType>,
    /// Grows with every object written.
    pub(super) sequence: u64,
    warnings: BTreeMap<String, u64>,
    pub(super) rejections: Vec<Rejection>,
    pub(super) disabled: bool,
    /// What came back of orders, in the order of the calls.
    pub(super) returns: Vec<Returned>,
    sales: OnceLock<Sales>,
    /// Objects as they were before writes that are not visible to all queries yet, the oldest first.
    pub(super) past: VecDeque<Past>,
}

/// Objects a test wants refused: those whose `field` equals `equals`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// Kind of object.
    #[serde(default = "products")]
    pub resource: Resource,
    /// Name of an attribute.
    pub field: String,
    /// Its value.
    pub equals: Value,
}

fn products() -> Resource {
    Resource::Products
}

/// How a write changes an existing object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// The object is replaced as a whole.
    Replace,
    /// Named attributes are replaced; unknown ids are left alone.
    Merge,
    /// Like replace, but objects written after this sequence number are kept: they are newer than the feed's page.
    Feed { asked_at: u64 },
}

impl Store {
    pub(super) fn new(settings: StoreSettings, journal: Journal) -> Self {
        Self {
            settings,
            state: RwLock::default(),
            journal: Mutex::new(journal),
            imports: Mutex::default(),
            importing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn imports(&self) -> Vec<SyncRecord> {
        self.imports.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn remember_import(&self, record: SyncRecord) {
        let mut imports = self.imports.lock().unwrap_or_else(PoisonError::into_inner);
        if imports.len() == IMPORTS {
            imports.pop_front();
        }
        imports.push_back(record);
    }

    /// Checks `items` and writes them, all or none.
    pub(super) fn put(
        &self,
        settings: &Settings,
        resource: Resource,
        items: &[&RawValue],
        manner: Manner,
        moment: Option<Moment>,
    ) -> Result<(), Problem> {
        let mut notes = Vec::new();
        let mode = if manner == Manner::Merge { Mode::Partial } else { Mode::Whole };
        let checked = items
            .iter()
            .map(|raw| check(resource, raw, mode, settings.validation, &mut |note| notes.push(note)))
            .collect::<Result<Vec<_>, _>>()?;
        let mut state = self.write();
        state.refuse(settings, resource, &checked, manner, &mut notes)?;
        for item in checked {
            state.apply(resource, item, manner, moment);
        }
        for note in notes {
            state.warn(note);
        }
        if resource == Resource::Orders {
            state.sales = OnceLock::new();
        }
        Ok(())
    }

    /// Deletes by id; unknown ids are no error.
    pub(super) fn delete(&self, resource: Resource, ids: &[Cow<'_, str>], moment: Option<Moment>) {
        let mut state = self.write();
        for id in ids {
            state.keep_past(moment, resource, id);
            state.remove(resource, id);
        }
    }
}

impl State {
    pub(super) fn collection(&self, resource: Resource) -> Option<&Collection> {
        self.collections.get(&resource)
    }

    pub(super) fn entries(&self, resource: Resource) -> impl Iterator<Item = (&str, &Entry)> {
        self.collection(resource).into_iter().flatten().map(|(id, entry)| (&**id, entry))
    }

    pub(super) fn entry(&self, resource: Resource, id: &str) -> Option<&Entry> {
        self.collection(resource)?.get(id)
    }

    pub(super) fn customer_by_email(&self, email: &str) -> Option<&Entry> {
        self.entry(Resource::Customers, self.emails.get(email)?)
    }

    pub(super) fn warnings(&self) -> &BTreeMap<String, u64> {
        &self.warnings
    }

    /// Sales, read from the orders at the first query.
    pub(super) fn sales(&self) -> &Sales {
        self.sales.get_or_init(|| Sales::of(self.entries(Resource::Orders).map(|(_, order)| &*order.raw)))
    }

    pub(super) fn warn(&mut self, what: String) {
        if self.warnings.len() < WARNINGS || self.warnings.contains_key(&what) {
            *self.warnings.entry(what).or_default() += 1;
        }
    }

    /// Everything known now counts as analysed.
    #[expect(clippy::disallowed_methods, reason = "all of them, in any order")]
    pub(super) fn analyse(&mut self) {
        for entry in self.collections.values_mut().flat_map(HashMap::values_mut) {
            entry.analysed = true;
        }
    }

    /// Forgets every object.
    pub(super) fn clear(&mut self) {
        self.collections.clear();
        self.emails.clear();
        self.id_type = None;
        self.warnings.clear();
        self.returns.clear();
        self.sales = OnceLock::new();
        self.past.clear();
    }

    /// The objects alone.
    pub(super) fn without_past(&self) -> Self {
        Self { collections: self.collections.clone(), emails: self.emails.clone(), ..Self::default() }
    }

    /// Restores an object.
    pub(super) fn restore(&mut self, resource: Resource, id: &str, before: Option<Entry>) {
        let collection = self.collections.entry(resource).or_default();
        let Some(entry) = before else {
            collection.remove(id);
            return;
        };
        if resource == Resource::Customers
            && let Some(email) = email_of(&entry.raw)
        {
            self.emails.insert((*email).into(), id.into());
        }
        collection.insert(id.into(), entry);
    }

    /// Deletes objects that a full feed does not name and that were not written since `asked_at`; returns their number.
    pub(super) fn mirror(&mut self, resource: Resource, named: &HashSet<Box<str>>, asked_at: u64) -> usize {
        let absent =
            |(id, entry): (&str, &Entry)| (!named.contains(id) && entry.written <= asked_at).then(|| id.to_owned());
        let absent = self.entries(resource).filter_map(absent).collect::<Vec<_>>();
        for id in &absent {
            self.remove(resource, id);
        }
        absent.len()
    }

    fn remove(&mut self, resource: Resource, id: &str) {
        let removed = self.collections.get_mut(&resource).and_then(|collection| collection.remove(id));
        match (resource, removed) {
            (Resource::Customers, Some(customer)) => {
                if let Some(email) = email_of(&customer.raw) {
                    self.emails.remove(&*email);
                }
            }
            (Resource::Orders, Some(_)) => self.sales = OnceLock::new(),
            (_, None) | (Resource::Products | Resource::Categories | Resource::Pages, Some(_)) => {}
        }
    }

    /// The reason to refuse a batch in this state.
    fn refuse(
        &mut self,
        settings: &Settings,
        resource: Resource,
        items: &[Checked<'_>],
        manner: Manner,
        notes: &mut Vec<String>,
    ) -> Result<(), Problem> {
        let mut id_type = self.id_type;
        // One address in one call is one customer, as it is over several calls.
        let mut addresses: HashMap<&str, &str> = HashMap::new();
        for item in items {
            if let (Resource::Customers, Some(email), Some(id)) = (resource, &item.email, &item.id)
                && addresses.insert(email, &id.text).is_some_and(|other| other != id.text)
            {
                return Err(Problem::logical("customerid of a customer can not be changed"));
            }
            if let Some(id) = &item.id {
                match id_type {
                    None => id_type = Some(id.kind),
                    Some(kind) if kind == id.kind => {}
                    Some(_) if settings.strict_id_types => return Err(Problem::invalid(resource.name())),
                    Some(_) => notes.push(format!("{}: id of another type than the store's first", resource.name())),
                }
            }
            if resource == Resource::Customers {
                self.refuse_customer(item)?;
            }
            let unknown = manner == Manner::Merge && self.entry(resource, &self.key(resource, item)).is_none();
            if unknown && settings.patch_unknown == PatchUnknown::LogicalError {
                return Err(Problem::logical(format!("Unknown id in argument: {}", resource.name())));
            }
            if let Some(rejection) = self.rejections.iter().find(|rejection| rejection.applies(resource, &item.raw)) {
                return Err(Problem::logical(format!("Value of {} is not accepted", rejection.field)));
            }
        }
        self.id_type = id_type;
        Ok(())
    }

    /// Neither the id nor the email of a customer may change.
    fn refuse_customer(&self, item: &Checked<'_>) -> Result<(), Problem> {
        let immutable = |what| Err(Problem::logical(format!("{what} of a customer can not be changed")));
        let Some(email) = &item.email else { return Ok(()) };
        if let Some(id) = &item.id {
            let known_key = self.emails.get(&**email);
            let has_id = |key: &str| self.entry(Resource::Customers, key).is_some_and(|entry| has_id(&entry.raw));
            if known_key.is_some_and(|key| **key != *id.text && has_id(key)) {
                return immutable("customerid");
            }
            let known_email = self.entry(Resource::Customers, &id.text).and_then(|entry| email_of(&entry.raw));
            if known_email.is_some_and(|known| *known != **email) {
                return immutable("email");
            }
        }
        Ok(())
    }

    /// Under which key an object is held: its id; for customers without one, that of the same email, or the email.
    fn key<'a>(&'a self, resource: Resource, item: &'a Checked<'_>) -> Cow<'a, str> {
        match (&item.id, &item.email) {
            (Some(id), _) => Cow::Borrowed(&id.text),
            (None, Some(email)) if resource == Resource::Customers => {
                Cow::Borrowed(self.emails.get(&**email).map_or(email, |key| key))
            }
            (None, _) => Cow::Borrowed(""),
        }
    }

    fn apply(&mut self, resource: Resource, item: Checked<'_>, manner: Manner, moment: Option<Moment>) {
        let key = self.key(resource, &item).into_owned().into_boxed_str();
        self.keep_past(moment, resource, &key);
        if resource == Resource::Customers {
            self.link_email(&key, &item, moment);
        }
        let sequence = self.sequence + 1;
        let collection = self.collections.entry(resource).or_default();
        match (collection.get_mut(&key), manner) {
            (None, Manner::Merge) => return,
            (Some(entry), Manner::Feed { asked_at }) if entry.written > asked_at => return,
            (Some(entry), Manner::Merge) => entry.merge(resource, &item.raw, sequence),
            (Some(entry), Manner::Replace | Manner::Feed { .. }) => {
                let (born, analysed) = (entry.born, entry.analysed);
                *entry = Entry { born, analysed, ..Entry::of(item, sequence) };
            }
            (None, Manner::Replace | Manner::Feed { .. }) => {
                collection.insert(key, Entry::of(item, sequence));
            }
        }
        self.sequence = sequence;
    }

    fn link_email(&mut self, key: &str, item: &Checked<'_>, moment: Option<Moment>) {
        let Some(email) = &item.email else { return };
        let held_under = self.emails.insert((**email).into(), key.into());
        // A customer known by email alone has been given an id.
        let Some(old) = held_under.filter(|old| **old != *key) else { return };
        self.keep_past(moment, Resource::Customers, &old);
        if let Some(customers) = self.collections.get_mut(&Resource::Customers)
            && let Some(entry) = customers.remove(&old)
        {
            customers.insert(key.into(), entry);
        }
    }
}

fn email_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    Fields::of(raw)?.get("email").and_then(|email| text(email.get()))
}

fn has_id(raw: &RawValue) -> bool {
    Fields::of(raw).is_some_and(|fields| fields.get("customerid").or_else(|| fields.get("id")).is_some())
}

impl Rejection {
    fn applies(&self, resource: Resource, raw: &RawValue) -> bool {
        let value = || Fields::of(raw)?.get(&self.field).map(RawValue::get);
        self.resource == resource
            && value()
                .and_then(|value| serde_json::from_str::<Value>(value).ok())
                .is_some_and(|value| value == self.equals)
    }
}
