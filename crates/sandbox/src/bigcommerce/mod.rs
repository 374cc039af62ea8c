//! BigCommerce (REST Management API v2 and v3), emulated.
//!
//! [`Emulator`] holds one store and answers the endpoints that a catalogue connector reads, with the rules that matter to
//! a connector: page limits and how `include` lowers them, cursors, dates without a time, the quota in headers that all
//! apps share, scopes, error bodies of either version, and the changes that do **not** move a product's `date_modified`.
//! See `README.md` beside this file for the list of endpoints, rules and their certainty.

mod amount;
mod api;
mod change;
mod deliver;
mod error;
mod graphql;
mod hooks;
mod living;
mod prices;
mod products;
mod query;
mod seed;
mod state;
mod store;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use state::State;

pub use crate::shared::{living::Driven, seeding::SeedError};
pub use change::{Change, ChangeError, Whose};
pub use error::fault_body;
pub use hooks::{Attempt, Mischief};
pub use living::drive;

use crate::catalogue::Catalogue;
use crate::clock::{self, Clock};

/// Settings of an emulator.
#[derive(Clone)]
pub struct Settings {
    /// Hash of the store, as in its addresses.
    pub store_hash: String,
    /// Token of the API account.
    pub access_token: String,
    /// Scopes of the API account. Empty: all that there are.
    pub scopes: Vec<String>,
    /// Requests that all apps together may make in a window.
    pub quota: u32,
    /// Length of the window. The platform's is 30 seconds; tests that spend several have a shorter one.
    pub quota_window_ms: i64,
    /// Client id of the API account.
    pub client_id: String,
    /// Client secret of the API account, with which deliveries are signed.
    pub client_secret: String,
    /// Whether webhooks may deliver to any address, so that tests receive them on loopback. The platform takes https on
    /// port 443 only.
    pub local_hooks: bool,
    /// How long after its creation a webhook delivers nothing yet.
    pub hook_warm_up_ms: i64,
    /// How the store has texts in other languages.
    pub localization: Localization,
}

/// How a store has texts in other languages than the default one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Localization {
    /// Not at all.
    #[default]
    None,
    /// Overrides by channel and locale (International Enhancements for Multi-Storefront).
    Overrides,
    /// The Translations API, for storefronts with Catalyst.
    Translations,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store_hash: "sandbox".to_owned(),
            access_token: "sandbox-token".to_owned(),
            scopes: Vec::new(),
            quota: 100_000,
            quota_window_ms: 30_000,
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-client-secret".to_owned(),
            local_hooks: false,
            hook_warm_up_ms: 60_000,
            localization: Localization::None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("store_hash", &self.store_hash)
            .field("access_token", &"***")
            .finish_non_exhaustive()
    }
}

/// Counts of [`Emulator::seed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Products.
    pub products: usize,
    /// Variants of all products.
    pub variants: usize,
    /// Categories of all trees.
    pub categories: usize,
    /// Records of all price lists.
    pub price_records: usize,
}

/// How many rows the store has, by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct Rows {
    pub channels: usize,
    pub currencies: usize,
    pub trees: usize,
    pub categories: usize,
    pub brands: usize,
    pub price_lists: usize,
    pub price_list_assignments: usize,
    /// Records of each price list, in the order of the lists.
    pub price_records: Vec<usize>,
    pub channel_assignments: usize,
    pub products: usize,
    /// Variants whose stock is counted, those of products without options too.
    pub counted_variants: usize,
}

/// One emulated store. Clones share it.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    state: Mutex<State>,
    calls: Mutex<BTreeMap<String, u64>>,
    /// Beginning of the quota's window, and requests made in it.
    window: Mutex<(i64, u32)>,
    refused: AtomicU64,
    clock: RwLock<Clock>,
    clock_offset_ms: AtomicI64,
    hooks: Mutex<hooks::Hooks>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Emulator").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Emulator {
    /// An empty store.
    pub fn new(settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                state: Mutex::default(),
                calls: Mutex::default(),
                window: Mutex::default(),
                refused: AtomicU64::new(0),
                clock: RwLock::new(clock::machine()),
                clock_offset_ms: AtomicI64::new(0),
                hooks: Mutex::default(),
            }),
        }
    }

    /// Replaces everything by `catalogue`. The same catalogue gives the same ids.
    ///
    /// # Errors
    /// When the catalogue contradicts itself; then the store stays as it was.
    pub fn seed(&self, catalogue: &Catalogue) -> Result<Seeded, SeedError> {
        let mut state = State::default();
        let seeded = seed::seed(&mut state, catalogue, self.now())?;
        *self.state() = state;
        Ok(seeded)
    }

    /// The API below `/stores/{store_hash}`, relative to where the router is nested.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Makes a change as the API or the control panel would.
    ///
    /// # Errors
    /// What the change is about does not exist, or the platform has no place for it.
    pub fn change(&self, change: Change) -> Result<(), ChangeError> {
        let now = self.now();
        let mut state = self.state();
        let added = if let Change::AddProduct(product) = &change { Some(product.key.clone()) } else { None };
        let before = hooks::events(&state, &change);
        change::apply(&mut state, change, now)?;
        let events = before.into_iter().chain(added.iter().flat_map(|key| hooks::added(&state, key)));
        let mut hooks = self.hooks();
        for (scope, data) in events {
            hooks.happen(&scope, &data, &self.inner.settings, now);
        }
        Ok(())
    }

    /// The id of the product with this key of the catalogue.
    pub fn product_id(&self, key: &str) -> Option<u64> {
        self.state().keys.get(key).copied()
    }

    /// The catalogue's keys of all products, by id.
    pub fn product_keys(&self) -> BTreeMap<u64, String> {
        self.state().products.values().map(|it| (it.id, it.key.clone())).collect()
    }

    /// The ids of the category with this key of the catalogue, one in each tree that has it.
    pub fn category_ids(&self, key: &str) -> Vec<u64> {
        self.state().plan.categories(key).to_vec()
    }

    /// The id of the channel with this key of the catalogue.
    pub fn channel_id(&self, key: &str) -> Option<u64> {
        self.state().channels.values().find(|channel| channel.key == key).map(|channel| channel.id)
    }

    /// Ids of all products with those of their variants.
    pub fn variant_ids(&self) -> BTreeMap<u64, Vec<u64>> {
        let state = self.state();
        state.products.values().map(|it| (it.id, it.variants.iter().map(|variant| variant.id).collect())).collect()
    }

    /// How many rows it has.
    pub fn rows(&self) -> Rows {
        let state = self.state();
        let records = |list: u64| state.records.range((list, 0, String::new())..(list + 1, 0, String::new())).count();
        let counted = state.products.values().filter(|it| it.tracking != state::Tracking::None);
        Rows {
            channels: state.channels.len(),
            currencies: state.currencies.len(),
            trees: state.trees.len(),
            categories: state.categories.len(),
            brands: state.brands.len(),
            price_lists: state.lists.len(),
            price_list_assignments: state.list_assignments.len(),
            price_records: state.lists.keys().map(|list| records(*list)).collect(),
            channel_assignments: state.assigned.len(),
            products: state.products.len(),
            counted_variants: counted.map(|product| product.variants.len()).sum(),
        }
    }

    /// Codes of all locations, the default one first.
    pub fn location_codes(&self) -> Vec<String> {
        self.state().locations.values().map(|location| location.code.clone()).collect()
    }

    /// The id of the customer group with this name.
    pub fn group_id(&self, name: &str) -> Option<u64> {
        self.state().groups.iter().find(|(_, known)| *known == name).map(|(id, _)| *id)
    }

    /// Calls so far by endpoint, such as `GET /v3/catalog/products`.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        opened(self.inner.calls.lock()).clone()
    }

    /// Calls so far that were refused because the quota was spent.
    pub fn refused(&self) -> u64 {
        self.inner.refused.load(Ordering::Relaxed)
    }

    /// Starts counting again.
    pub fn reset_counters(&self) {
        opened(self.inner.calls.lock()).clear();
    }

    /// Replaces the clock behind dates, the `Date` header and the quota's window.
    pub fn set_clock(&self, clock: Clock) {
        *opened(self.inner.clock.write()) = clock;
    }

    /// Shifts the clock.
    pub fn set_clock_offset(&self, milliseconds: i64) {
        self.inner.clock_offset_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// Requests of other apps, which spend the same quota.
    pub fn spend(&self, requests: u32) {
        let now = self.now();
        for _ in 0..requests {
            self.take(now);
        }
    }

    /// The emulator's time in milliseconds since 1970.
    fn now(&self) -> i64 {
        let clock: Clock = Arc::clone(&*opened(self.inner.clock.read()));
        clock().as_millisecond().saturating_add(self.inner.clock_offset_ms.load(Ordering::Relaxed))
    }

    fn hooks(&self) -> MutexGuard<'_, hooks::Hooks> {
        opened(self.inner.hooks.lock())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        opened(self.inner.state.lock())
    }

    /// Takes one request of the quota; `None` when it is spent.
    fn take(&self, now: i64) -> Option<api::Quota> {
        let mut window = opened(self.inner.window.lock());
        // A clock that was set back begins a window of its own.
        if !(0..self.inner.settings.quota_window_ms).contains(&(now - window.0)) {
            *window = (now, 0);
        }
        if window.1 >= self.inner.settings.quota {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        window.1 += 1;
        drop(window);
        Some(self.quota(now))
    }

    fn quota(&self, now: i64) -> api::Quota {
        let (began, used) = *opened(self.inner.window.lock());
        let (allowed, window_ms) = (self.inner.settings.quota, self.inner.settings.quota_window_ms);
        let reset_ms = (began + window_ms - now).clamp(0, window_ms);
        api::Quota { allowed, left: allowed.saturating_sub(used), window_ms, reset_ms }
    }

    fn count(&self, endpoint: &str) {
        *opened(self.inner.calls.lock()).entry(endpoint.to_owned()).or_default() += 1;
    }
}

/// A lock that a panic elsewhere does not close for good.
fn opened<T>(lock: Result<T, PoisonError<T>>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}
