//! Dotdigital (Insight data v3, contacts v3, and what both need of v2), emulated from its OpenAPI documents.
//!
//! One account: contacts with channels, data fields and lists; collections with scope and type whose columns are typed by the first record, asynchronous imports that
//! take time and fail record by record, single records, deletion by keys, and call limits per tier in headers.
//! `README.md` in this folder lists how certain each call is, what was chosen where the sources are silent, and what is
//! not emulated.
//!
//! **Invariants:** a record is stored whole or not at all; an import has its effect at one instant, in the order of
//! submission; reads see every write that has had its effect.

mod admin;
mod api;
mod collection;
mod column;
mod contact;
mod error;
mod import;
mod insight;
mod people;
mod rate;
mod rules;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::{self, Clock};
use collection::Collection;
use contact::Contacts;
use import::Imports;
use people::ContactImport;
use rate::Windows;

pub use contact::{Contact, DataType};
pub use error::fault_body;
pub use import::{Ending, ImportSeen};
pub use people::Refused;
pub use rate::Tier;

/// Settings of an account.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Login of the API user.
    pub user: String,
    /// Its password.
    pub password: String,
    /// `ApiEndpoint` of the account; `None`: the host that is asked.
    pub api_endpoint: Option<String>,
    /// Calls per minute of the tier that bulk imports count in.
    pub low: u32,
    /// Calls per minute of the tier that writes of single records count in.
    pub medium: u32,
    /// Calls per minute of the tier that reads count in.
    pub high: u32,
    /// Whether a 429 carries `Retry-After` besides `X-RateLimit-Reset`. The vendor documents the latter alone.
    pub retry_after: bool,
    /// How long an import takes, in milliseconds.
    pub import_ms: u64,
    /// Name of the state of an import that is over: the schema and the example of the OpenAPI document disagree.
    pub complete: Complete,
    /// Most characters of a text. The limit is not published; the vendor's own connectors cut here.
    pub longest_text: usize,
    /// What a phone number becomes of which a call says nothing: *Settings > Contacts > Mobile subscription*.
    pub mobile_default: MobileDefault,
    /// Whether every new contact is asked by e-mail first.
    pub enforce_double_opt_in: bool,
}

/// What a phone number becomes of which a call says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MobileDefault {
    /// Nobody writes to it.
    NoSubscription,
    /// It is subscribed, whoever agreed.
    Subscribed,
}

/// Name of the state of an import that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Complete {
    /// As in the example, and as the vendor's own connectors read it.
    Finished,
    /// As in the enumeration of the schema.
    Complete,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user: "apiuser-sandbox@apiconnector.com".to_owned(),
            password: "sandbox-password".to_owned(),
            api_endpoint: None,
            low: 150,
            medium: 1_500,
            high: 3_000,
            retry_after: false,
            import_ms: 300,
            complete: Complete::Finished,
            longest_text: 1_000,
            mobile_default: MobileDefault::NoSubscription,
            enforce_double_opt_in: false,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings").field("user", &self.user).finish_non_exhaustive()
    }
}

/// One emulated account. Clones share it.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    collections: BTreeMap<String, Collection>,
    imports: Imports,
    contacts: Contacts,
    contact_imports: Vec<ContactImport>,
    /// Answers about deletions of contacts.
    deletions: BTreeMap<String, Value>,
    /// Addresses of contacts that imports refuse.
    refused_contacts: BTreeMap<String, Refused>,
    /// Asynchronous deletions by job, with the collection.
    jobs: BTreeMap<String, String>,
    windows: Windows,
    /// Makes ids.
    sequence: u64,
    /// Keys of records that are refused.
    refused: Vec<String>,
    disabled: bool,
}

impl State {
    /// A new id in the form of a GUID.
    fn guid(&mut self) -> String {
        self.sequence += 1;
        let hex = blake3::hash(format!("dotdigital {}", self.sequence).as_bytes()).to_hex();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(12, 15), part(15, 18), part(18, 30))
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Emulator").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Emulator {
    /// An empty account.
    pub fn new(settings: Settings) -> Self {
        Self::with_clock(settings, clock::machine())
    }

    /// The same on another clock than the machine's, for example [`crate::fault::Faults::clock`].
    pub fn with_clock(settings: Settings, clock: Clock) -> Self {
        Self { inner: Arc::new(Inner { settings, clock, state: Mutex::default() }) }
    }

    /// Serves `/v2/…`, `/contacts/v3/…`, `/insightData/v3/…` and `/_admin/dotdigital/…`.
    pub fn router(&self) -> axum::Router {
        api::router(self).merge(admin::router(self.clone()))
    }

    /// Another region's host: it tells where the account is, and refuses everything else.
    pub fn other_region(&self) -> axum::Router {
        api::other_region(self)
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The records of a collection by key; empty where there is no such collection.
    pub fn records(&self, collection: &str) -> BTreeMap<String, Value> {
        let state = self.settled();
        let records = state.collections.get(collection).map(|it| it.records.iter());
        records.into_iter().flatten().map(|(key, held)| (key.clone(), held.json.clone())).collect()
    }

    /// Names of the collections.
    pub fn collections(&self) -> Vec<String> {
        self.settled().collections.keys().cloned().collect()
    }

    /// The imports so far, in the order of submission.
    pub fn imports(&self) -> Vec<ImportSeen> {
        self.settled().imports.seen()
    }

    /// How imports that are submitted from now on end.
    pub fn end_imports(&self, ending: Ending) {
        self.state().imports.ending = ending;
    }

    /// Refuses records of this key from now on.
    pub fn refuse(&self, key: &str) {
        self.state().refused.push(key.to_owned());
    }

    /// Refuses no record any more.
    pub fn accept_all(&self) {
        self.state().refused.clear();
    }

    /// Whether the API user's credentials stop working.
    pub fn disable(&self, disabled: bool) {
        self.state().disabled = disabled;
    }

    /// The contacts, in the order in which they were created.
    pub fn contacts(&self) -> Vec<Contact> {
        self.settled().contacts.all().cloned().collect()
    }

    /// The contact of this address.
    pub fn contact(&self, email: &str) -> Option<Contact> {
        self.settled().contacts.all().find(|contact| contact.email == email).cloned()
    }

    /// Has a contact leave all mails, as its owner would.
    pub fn unsubscribe(&self, email: &str) {
        let mut state = self.settled();
        let id = state.contacts.all().find(|contact| contact.email == email).map(|contact| contact.id);
        if let Some(contact) = id.and_then(|id| state.contacts.get_mut(id)) {
            "unsubscribed".clone_into(&mut contact.email_status);
        }
    }

    /// Unsubscribes the phone of a contact, as an answer with STOP does.
    pub fn stop(&self, email: &str) {
        let mut state = self.settled();
        let id = state.contacts.all().find(|contact| contact.email == email).map(|contact| contact.id);
        if let Some(contact) = id.and_then(|id| state.contacts.get_mut(id)) {
            "unsubscribed".clone_into(&mut contact.sms);
            "unsubscribed".clone_into(&mut contact.whats_app);
        }
    }

    /// Deletes a contact with its records, as a person would.
    pub fn delete_contact(&self, email: &str) {
        let mut state = self.settled();
        let id = state.contacts.all().find(|contact| contact.email == email).map(|contact| contact.id);
        if let Some(id) = id {
            state.forget_contact(id);
        }
    }

    /// Creates a list; returns its id.
    pub fn add_list(&self, name: &str) -> u64 {
        let mut state = self.state();
        let id = state.contacts.next();
        state.contacts.lists.insert(id, name.to_owned());
        id
    }

    /// Creates a data field, or gives it another type.
    pub fn add_data_field(&self, name: &str, of: DataType) {
        self.state().contacts.fields.insert(name.to_uppercase(), of);
    }

    /// Names of the data fields with their types.
    pub fn data_fields(&self) -> BTreeMap<String, DataType> {
        self.state().contacts.fields.clone()
    }

    /// Has imports refuse contacts of this address from now on; `None`: not any more.
    pub fn refuse_contact(&self, email: &str, refused: Option<Refused>) {
        let mut state = self.state();
        match refused {
            Some(refused) => drop(state.refused_contacts.insert(email.to_owned(), refused)),
            None => drop(state.refused_contacts.remove(email)),
        }
    }

    /// Address of the contact that a record belongs to.
    pub fn owner(&self, collection: &str, key: &str) -> Option<String> {
        let state = self.settled();
        let owner = state.collections.get(collection)?.records.get(key)?.owner?;
        state.contacts.get(owner).map(|contact| contact.email.clone())
    }

    /// Removes a record, as a person would.
    pub fn remove(&self, collection: &str, key: &str) {
        if let Some(collection) = self.settled().collections.get_mut(collection) {
            collection.records.remove(key);
        }
    }

    /// Puts a record, as a person or another integration would; creates the collection.
    ///
    /// # Errors
    /// The reason for which an import would refuse it.
    pub fn put(&self, collection: &str, key: &str, record: Value) -> Result<(), String> {
        let now = self.now();
        let most = self.inner.settings.longest_text;
        let mut state = self.settled();
        let into = state.collections.entry(collection.to_owned()).or_insert_with(Collection::catalogue);
        into.put(key, None, record, most, now).map(drop).map_err(|(reason, detail)| format!("{reason}: {detail}"))
    }

    /// Puts the calls of every tier back to their limits.
    pub fn forget_calls(&self) {
        self.state().windows = Windows::default();
    }

    /// Now, in milliseconds.
    fn now(&self) -> i64 {
        (self.inner.clock)().as_millisecond()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state once every import that is due has had its effect.
    fn settled(&self) -> MutexGuard<'_, State> {
        let now = self.now();
        let mut state = self.state();
        people::settle(&mut state, &self.inner.settings, now);
        import::settle(&mut state, &self.inner.settings, now);
        state
    }
}
