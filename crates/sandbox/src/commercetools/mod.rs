//! commercetools (Composable Commerce HTTP API), emulated.
//!
//! [`Emulator`] holds one project and answers the endpoints that a catalogue connector reads, with the rules that
//! matter to a connector: predicates by a real parser, the id order of the stored bytes, limits, versions and
//! conflicts, scopes, messages, and the changes that do **not** move a product's `lastModifiedAt`. See `README.md`
//! beside this file for the list of endpoints, rules and their certainty.

mod admin;
mod answer;
mod api;
mod assignments;
mod auth;
mod body;
mod change;
mod draft;
mod error;
mod fields;
mod filter;
mod input;
mod living;
mod order;
mod people;
mod predicate;
mod price;
mod query;
mod render;
mod rules;
mod seed;
mod show;
mod sns;
mod state;
mod subscriptions;
mod table;
mod time;
mod update;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard};

use api::opened;
use auth::{Tokens, known_scopes};
use error::ApiError;
use jiff::Timestamp;
use serde_json::Value;
use state::{Kind, Project, State, View};
use write::{Rules, Writer};

pub use crate::shared::{living::Driven, seeding::SeedError};
pub use change::{Change, PriceScope};
pub use living::{drive, drive_people};
pub use people::SeededPeople;
pub use subscriptions::{Attempt, Disturbed, Push};

use crate::catalogue::Catalogue;
use crate::clock::{self, Clock};

/// Whether variants are part of products (Classic) or resources of their own (Modular).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatalogModel {
    /// Variants are part of products.
    #[default]
    Classic,
    /// Variants are resources of their own (`/variants`), and all prices standalone ones.
    Modular,
}

/// Limits of list endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `limit` when none is given.
    pub default_limit: usize,
    /// Highest `limit`.
    pub max_limit: usize,
    /// Highest `offset`.
    pub max_offset: usize,
    /// A response longer than this many bytes of JSON is refused with `ContentTooLarge`.
    pub max_response_bytes: usize,
    /// A longer URL (path and query) is refused with 414.
    pub max_url_bytes: usize,
}

impl CatalogModel {
    fn name(self) -> &'static str {
        match self {
            Self::Classic => "Classic",
            Self::Modular => "Modular",
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            default_limit: 20,
            max_limit: 500,
            max_offset: 10_000,
            max_response_bytes: 64 << 20,
            max_url_bytes: 8192,
        }
    }
}

/// Settings of an emulator.
#[derive(Clone)]
pub struct Settings {
    /// Key of the project.
    pub project_key: String,
    /// Id of the API client.
    pub client_id: String,
    /// Secret of the API client.
    pub client_secret: String,
    /// Scopes of the API client, without project key. Empty: all that the platform has.
    pub client_scopes: Vec<String>,
    /// Lifetime of tokens in seconds.
    pub token_lifetime_seconds: u64,
    /// Limits of list endpoints.
    pub limits: Limits,
    /// Whether messages can be queried. Off by default, as on the platform.
    pub messages_enabled: bool,
    /// Days after which messages are deleted, 1 to 90.
    pub messages_days: u32,
    /// Most messages that are kept; the oldest are deleted first.
    pub message_capacity: usize,
    /// Catalogue model.
    pub catalog_model: CatalogModel,
    /// Whether variants can be subscribed to. Off by default, as in the platform's description.
    pub variant_subscriptions: bool,
    /// Milliseconds until stock reaches products, moved categories their descendants, and a deleted category leaves
    /// its products. 0: at once.
    pub availability_lag_ms: u64,
    /// Whether the background update of a product's availability moves its `lastModifiedAt`. Its version always moves.
    pub availability_moves_last_modified: bool,
    /// Timestamps of writes lie up to this many milliseconds behind the clock, as those of distributed nodes do.
    pub timestamp_behind_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            project_key: "sandbox".to_owned(),
            client_id: "sandbox".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            client_scopes: Vec::new(),
            token_lifetime_seconds: 172_800,
            limits: Limits::default(),
            messages_enabled: false,
            messages_days: 15,
            message_capacity: 100_000,
            catalog_model: CatalogModel::Classic,
            variant_subscriptions: false,
            availability_lag_ms: 500,
            availability_moves_last_modified: false,
            timestamp_behind_ms: 0,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("project_key", &self.project_key)
            .field("client_id", &self.client_id)
            .field("client_secret", &"***")
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Scopes of the client with the project key.
    fn scopes(&self) -> Vec<String> {
        let with_project = |scope: &str| format!("{scope}:{}", self.project_key);
        if self.client_scopes.is_empty() {
            return known_scopes().map(|scope| with_project(&scope)).collect();
        }
        self.client_scopes.iter().map(|scope| with_project(scope)).collect()
    }

    fn rules(&self) -> Rules {
        Rules {
            availability_lag_ms: i64::try_from(self.availability_lag_ms).unwrap_or(i64::MAX / 2),
            availability_moves_modified: self.availability_moves_last_modified,
            timestamp_behind_ms: self.timestamp_behind_ms,
            message_capacity: self.message_capacity,
        }
    }

    fn project(&self, created: i64) -> Project {
        Project {
            key: self.project_key.clone(),
            version: 1,
            created,
            languages: Vec::new(),
            currencies: Vec::new(),
            countries: Vec::new(),
            messages_enabled: self.messages_enabled,
            messages_days: self.messages_days,
            model: self.catalog_model,
        }
    }
}

/// Counts of [`Emulator::seed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Products.
    pub products: usize,
    /// Variants of all products.
    pub variants: usize,
    /// Categories.
    pub categories: usize,
    /// Inventory entries.
    pub inventory_entries: usize,
    /// Standalone prices.
    pub standalone_prices: usize,
}

/// Why a change can't be made: the platform's own refusal.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ChangeError {
    /// The platform's error code.
    pub code: &'static str,
    /// The platform's message.
    pub message: String,
}

impl From<ApiError> for ChangeError {
    fn from(error: ApiError) -> Self {
        Self { code: error.code, message: error.message }
    }
}

/// One emulated project. Clones share it.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    rules: Rules,
    state: RwLock<State>,
    tokens: Mutex<Tokens>,
    calls: Mutex<BTreeMap<String, u64>>,
    clock: RwLock<Clock>,
    clock_offset_ms: AtomicI64,
    correlations: AtomicU64,
    subscriptions: Mutex<subscriptions::Subscriptions>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Emulator").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Emulator {
    /// An empty project.
    pub fn new(settings: Settings) -> Self {
        let clock = clock::machine();
        let state = State::new(settings.project(clock().as_millisecond()), settings.client_id.clone());
        let subscriptions = subscriptions::Subscriptions::new(settings.variant_subscriptions);
        Self {
            inner: Arc::new(Inner {
                rules: settings.rules(),
                settings,
                state: RwLock::new(state),
                tokens: Mutex::default(),
                calls: Mutex::default(),
                clock: RwLock::new(clock),
                clock_offset_ms: AtomicI64::new(0),
                correlations: AtomicU64::new(0),
                subscriptions: Mutex::new(subscriptions),
            }),
        }
    }

    /// Replaces everything by `catalogue`. Ids follow from keys, so two runs agree on them.
    ///
    /// # Errors
    /// When the catalogue contradicts itself; then the project stays as it was.
    pub fn seed(&self, catalogue: &Catalogue) -> Result<Seeded, SeedError> {
        let now = self.now();
        let mut state = State::new(self.inner.settings.project(now), self.inner.settings.client_id.clone());
        let seeded = seed::seed(&mut state, catalogue, now)?;
        *opened(self.inner.state.write()) = state;
        Ok(seeded)
    }

    /// The token endpoint, the API below `/{projectKey}` and `/_admin`, relative to where the router is nested.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Makes a change as the API would.
    ///
    /// # Errors
    /// The platform's refusal, for example when a key or SKU does not exist.
    pub fn change(&self, change: Change) -> Result<(), ChangeError> {
        let now = self.now();
        self.settle(now);
        Ok(self.write(now, |writer| change::apply(writer, change))?)
    }

    /// Keys of all products, oldest first.
    pub fn product_keys(&self) -> Vec<String> {
        self.keys(Kind::Product)
    }

    /// Keys of all categories, oldest first.
    pub fn category_keys(&self) -> Vec<String> {
        self.keys(Kind::Category)
    }

    /// The id of the category with this key.
    pub fn category_id(&self, key: &str) -> Option<String> {
        self.read().table(Kind::Category).find_key(key).map(|row| row.id.to_string())
    }

    /// Keys of all stores, oldest first.
    pub fn store_keys(&self) -> Vec<String> {
        self.keys(Kind::Store)
    }

    /// Keys of all product selections, oldest first.
    pub fn selection_keys(&self) -> Vec<String> {
        self.keys(Kind::ProductSelection)
    }

    fn keys(&self, kind: Kind) -> Vec<String> {
        let state = self.read();
        let table = state.table(kind);
        table.slots().filter_map(|slot| Some(table.row(slot)?.key.as_deref()?.to_owned())).collect()
    }

    /// SKUs of all variants in the current data, by product; in a Modular project in the order of variants. Reads all.
    pub fn skus(&self) -> Vec<String> {
        let state = self.read();
        if state.is_modular() {
            let table = state.table(Kind::Variant);
            let members = table.slots().filter_map(|slot| table.row(slot)).map(|row| State::members_of(&row.body));
            return members.filter_map(|it| Some(it.get("current")?.get("sku")?.as_str()?.to_owned())).collect();
        }
        let table = state.table(Kind::Product);
        let mut skus = Vec::new();
        for row in table.slots().filter_map(|slot| table.row(slot)) {
            let side = State::members_of(&row.body);
            skus.extend(state::variants(&side).filter_map(|variant| variant.get("sku")?.as_str()).map(str::to_owned));
        }
        skus
    }

    /// The product with this key as the API shows it (`masterData` and all).
    pub fn product(&self, key: &str) -> Option<Value> {
        let state = self.read();
        let row = state.table(Kind::Product).find_key(key)?;
        Some(state.value(row, View::Resource(Kind::Product)))
    }

    /// The variant of a Modular project with this SKU as the API shows it.
    pub fn variant(&self, sku: &str) -> Option<Value> {
        let state = self.read();
        let row = state.table(Kind::Variant).find(change::variant_of(&state, sku).ok()?)?;
        Some(state.value(row, View::Resource(Kind::Variant)))
    }

    /// Number of products.
    pub fn product_count(&self) -> usize {
        self.read().table(Kind::Product).len()
    }

    /// Calls so far by endpoint, such as `GET /product-projections` or `POST /oauth/token`. Admin calls do not count.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        opened(self.inner.calls.lock()).clone()
    }

    /// Starts counting again.
    pub fn reset_counters(&self) {
        opened(self.inner.calls.lock()).clear();
    }

    /// Replaces the clock behind timestamps, the `Date` header, token expiry, validity windows and background effects.
    pub fn set_clock(&self, clock: Clock) {
        *opened(self.inner.clock.write()) = clock;
    }

    /// Shifts the clock.
    pub fn set_clock_offset(&self, milliseconds: i64) {
        self.inner.clock_offset_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// Makes every token invalid that has been given out.
    pub fn revoke_tokens(&self) {
        self.tokens().revoke_all();
    }

    /// The emulator's time: what its `Date` header says.
    pub fn instant(&self) -> Timestamp {
        Timestamp::from_millisecond(self.now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The emulator's time in milliseconds since 1970.
    fn now(&self) -> i64 {
        let clock: Clock = Arc::clone(&*opened(self.inner.clock.read()));
        clock().as_millisecond().saturating_add(self.inner.clock_offset_ms.load(Ordering::Relaxed))
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        opened(self.inner.state.read())
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        opened(self.inner.tokens.lock())
    }

    fn write<T>(&self, now: i64, change: impl FnOnce(&mut Writer<'_>) -> T) -> T {
        let listens = !self.subscriptions().is_empty();
        let mut state = opened(self.inner.state.write());
        state.listens = listens;
        change(&mut Writer { state: &mut state, now, rules: self.inner.rules })
    }

    /// Carries out due background effects.
    fn settle(&self, now: i64) {
        let due = self.read().effects.first_key_value().is_some_and(|((at, _), _)| *at <= now);
        if due {
            let mut state = opened(self.inner.state.write());
            Writer { state: &mut state, now, rules: self.inner.rules }.settle();
        }
    }

    fn count(&self, endpoint: &str) {
        let mut calls = opened(self.inner.calls.lock());
        match calls.get_mut(endpoint) {
            Some(count) => *count += 1,
            None => {
                calls.insert(endpoint.to_owned(), 1);
            }
        }
    }

    /// A correlation id in the platform's form.
    fn new_correlation(&self) -> String {
        let number = self.inner.correlations.fetch_add(1, Ordering::Relaxed);
        format!("{}/{}", self.inner.settings.project_key, order::Id::of("correlation", &number.to_string()))
    }
}
