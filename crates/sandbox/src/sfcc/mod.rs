//! Salesforce B2C Commerce (SFCC), emulated.
//!
//! [`Emulator`] holds one instance with its organization and answers what a catalogue connector asks: Account Manager's
//! tokens, the OCAPI Data API with the job that exports site archives, WebDAV with the archives that it writes, SLAS,
//! and SCAPI's admin and shopper APIs for products, categories and availability. All
//! of them are below one address; on the platform they are on several hosts with the same paths. See `README.md` beside
//! this file for the endpoints, the rules and how certain each is.

mod access;
mod admin;
mod amount;
mod api;
mod archive;
mod definitions;
mod error;
mod events;
mod jobs;
mod living;
mod ocapi;
mod outbox;
mod price;
mod query;
mod scapi;
mod seed;
mod seed_product;
mod select;
mod shopper;
mod slas;
mod state;
mod uptime;
mod webdav;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use state::State;
use uptime::Moment;

pub use crate::shared::{living::Driven, seeding::SeedError};
pub use access::Client;
pub use error::fault_body;
pub use events::Event;
pub use living::{ChangeError, drive};
pub use outbox::Deltas;
pub use slas::SlasClient;

use crate::catalogue::Catalogue;
use crate::clock::{self, Clock};

/// Settings of an emulator.
#[derive(Clone)]
pub struct Settings {
    /// Tenant, such as `zzte_053`: realm and instance.
    pub tenant: String,
    /// Clients of Account Manager. One that may use SCAPI may not use OCAPI.
    pub clients: Vec<Client>,
    /// Private clients of SLAS.
    pub slas: Vec<SlasClient>,
    /// Users of Business Manager with their access keys, for WebDAV.
    pub users: Vec<(String, String)>,
    /// How long a job takes, in milliseconds of the emulator's clock.
    pub job_duration_ms: u64,
    /// Whether jobs take the form with `parameters` and refuse the short one, as instances do for some users.
    pub jobs_take_parameters: bool,
    /// Delta exports. Support must enable them, so that most instances have none.
    pub deltas: Option<Deltas>,
}

/// Id of the client of OCAPI and WebDAV in the default settings.
pub const OCAPI_CLIENT: &str = "00000000-0000-4000-8000-0000000000c1";
/// Its password.
pub const OCAPI_SECRET: &str = "sandbox-ocapi-secret";
/// Id of the client of SCAPI in the default settings.
pub const SCAPI_CLIENT: &str = "00000000-0000-4000-8000-0000000000c2";
/// Its password.
pub const SCAPI_SECRET: &str = "sandbox-scapi-secret";

/// Id of the client of SLAS in the default settings.
pub const SLAS_CLIENT: &str = "00000000-0000-4000-8000-0000000000c3";
/// Its password.
pub const SLAS_SECRET: &str = "sandbox-slas-secret";

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenant: "zzte_053".to_owned(),
            clients: vec![Client::ocapi(OCAPI_CLIENT, OCAPI_SECRET), Client::scapi(SCAPI_CLIENT, SCAPI_SECRET)],
            slas: vec![SlasClient::catalogue(SLAS_CLIENT, SLAS_SECRET)],
            users: Vec::new(),
            job_duration_ms: 1_000,
            jobs_take_parameters: false,
            deltas: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Products that are held at once where a catalogue is streamed.
const AT_A_TIME: usize = 5_000;

/// How an execution of a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Well.
    Ok,
    /// Finished with the exit status `ERROR`, without a file.
    Error,
    /// Aborted, without a file.
    Aborted,
}

/// Counts of [`Emulator::seed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Products of the catalogue.
    pub products: usize,
    /// Variants of all products.
    pub variants: usize,
    /// Categories, without the root.
    pub categories: usize,
    /// Price tables of all price books.
    pub prices: usize,
}

/// One emulated instance. Clones share it.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

/// Locks are taken in the order of these fields.
struct Inner {
    settings: Settings,
    state: Mutex<State>,
    outbox: Mutex<outbox::Outbox>,
    jobs: Mutex<jobs::Jobs>,
    files: Mutex<webdav::Files>,
    tokens: Mutex<access::Tokens>,
    /// Tokens of shoppers, and those that refresh them.
    shoppers: Mutex<access::Tokens>,
    refreshes: Mutex<access::Tokens>,
    calls: Mutex<BTreeMap<String, u64>>,
    trouble: Mutex<Trouble>,
    clock: RwLock<Clock>,
    clock_offset_ms: AtomicI64,
    uptime: Mutex<uptime::Uptime>,
    serial: AtomicU64,
}

/// What the platform says about itself.
#[derive(Debug, Default)]
struct Trouble {
    load: Option<u8>,
    maintenance: Option<&'static str>,
}

impl fmt::Debug for Emulator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Emulator").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Emulator {
    /// An empty instance.
    pub fn new(settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                state: Mutex::default(),
                outbox: Mutex::default(),
                jobs: Mutex::default(),
                files: Mutex::default(),
                tokens: Mutex::default(),
                shoppers: Mutex::default(),
                refreshes: Mutex::default(),
                calls: Mutex::default(),
                trouble: Mutex::default(),
                clock: RwLock::new(clock::machine()),
                clock_offset_ms: AtomicI64::new(0),
                uptime: Mutex::default(),
                serial: AtomicU64::new(0),
            }),
        }
    }

    /// Replaces the catalogues, price books and inventory lists by `catalogue`.
    ///
    /// # Errors
    /// When the catalogue contradicts itself; then the instance stays as it was.
    pub fn seed(&self, catalogue: &Catalogue) -> Result<Seeded, SeedError> {
        let mut state = State::default();
        let seeded = seed::seed(&mut state, catalogue, self.now())?;
        *self.state() = state;
        Ok(seeded)
    }

    /// All APIs, by their paths.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The id of the master, or of the single product, that has this key of the catalogue.
    pub fn product_id(&self, key: &str) -> Option<String> {
        self.state().keys.get(key).cloned()
    }

    /// The id of the variant or single product with this SKU.
    pub fn sku_id(&self, sku: &str) -> Option<String> {
        self.state().skus.get(sku).cloned()
    }

    /// The catalogue's keys of all products but variants, by id.
    pub fn product_keys(&self) -> BTreeMap<String, String> {
        let state = self.state();
        let groups = state.products.values().filter(|it| !matches!(it.role, state::Role::Variant(_)));
        groups.map(|it| (it.id.clone(), it.key.clone())).collect()
    }

    /// The id of the category with this key of the catalogue.
    pub fn category_id(&self, key: &str) -> Option<String> {
        self.state().plan.categories.get(key).cloned()
    }

    /// Ids of all sites.
    pub fn site_ids(&self) -> Vec<String> {
        self.state().sites.keys().cloned().collect()
    }

    /// Ids of the catalogues, the one with the products first.
    pub fn catalog_ids(&self) -> Vec<String> {
        seed::CATALOGS.map(str::to_owned).to_vec()
    }

    /// Ids of the price books of a site, each list before its sale.
    pub fn price_book_ids(&self, site: &str) -> Vec<String> {
        self.state().sites.get(site).map(|site| site.books.clone()).unwrap_or_default()
    }

    /// The id of the inventory list of a site.
    pub fn inventory_list_id(&self, site: &str) -> Option<String> {
        self.state().sites.get(site).map(|site| site.list.clone())
    }

    /// Ids of all inventory lists.
    pub fn inventory_list_ids(&self) -> Vec<String> {
        self.state().lists.keys().cloned().collect()
    }

    /// Puts a file where WebDAV shows it, such as `Impex/src/instance/shop.zip`.
    ///
    /// # Errors
    /// The disk's.
    pub fn put_file(&self, path: &str, content: &[u8]) -> std::io::Result<()> {
        use std::io::Write as _;
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(content)?;
        file.flush()?;
        self.files().put(path.to_owned(), Arc::new(file), self.moment(), 0)
    }

    /// Paths of the files there are.
    pub fn file_paths(&self) -> Vec<String> {
        self.settle(self.moment());
        self.files().paths().cloned().collect()
    }

    /// Executions of jobs that were ever started.
    pub fn executions(&self) -> usize {
        self.jobs().count()
    }

    /// Whether an export is under way.
    pub fn is_exporting(&self) -> bool {
        let uptime = self.moment().uptime;
        self.jobs().is_running(jobs::EXPORT, uptime)
    }

    /// How the next executions end from now on; those after them end well.
    pub fn end_jobs(&self, ends: impl IntoIterator<Item = JobEnd>) {
        self.jobs().ends = ends.into_iter().collect();
    }

    /// Lets exports contain these files, such as `catalogs/a/catalog.xml`, rather than what the instance has; none: that
    /// again. The other APIs go on to show the instance.
    pub fn set_export(&self, files: Option<BTreeMap<String, Vec<u8>>>) {
        self.jobs().instead = files.map(jobs::Instead::Files);
    }

    /// Lets exports contain all of this catalogue, whatever they are asked for: its archive is written here, and its products
    /// are never all held. The other APIs show the instance without products. Returns the archive's size in bytes.
    ///
    /// # Errors
    /// The catalogue contradicts itself; the disk's.
    pub fn set_export_of(&self, catalogue: &Catalogue) -> std::io::Result<u64> {
        let now = self.now();
        let mut state = State::default();
        seed::seed_head(&mut state, catalogue, now).map_err(std::io::Error::other)?;
        let out = std::io::BufWriter::new(tempfile::NamedTempFile::new()?);
        let goods =
            |each: &mut dyn FnMut(&State) -> std::io::Result<()>| seed::some_at_a_time(catalogue, AT_A_TIME, now, each);
        let out = archive::write(out, &state, &goods, &archive::Units::all(&state), "shop", now)?;
        let archive = jobs::finished(out)?;
        let size = archive.as_file().metadata()?.len();
        self.jobs().instead = Some(jobs::Instead::Archive(archive));
        *self.state() = state;
        Ok(size)
    }

    /// Puts the archive of [`Emulator::set_export_of`] where WebDAV shows it, such as at `Impex/src/instance/shop.zip`, without
    /// a job; whether there is one.
    ///
    /// # Errors
    /// The disk's.
    pub fn put_export(&self, path: &str) -> std::io::Result<bool> {
        let archive = match &self.jobs().instead {
            Some(jobs::Instead::Archive(archive)) => Arc::clone(archive),
            Some(jobs::Instead::Files(_)) | None => return Ok(false),
        };
        self.files().put(path.to_owned(), archive, self.moment(), 0).map(|()| true)
    }

    /// Revokes all tokens, of clients and of shoppers.
    pub fn revoke_tokens(&self) {
        self.tokens().clear();
        self.shoppers().clear();
    }

    /// The organization, as paths of SCAPI name it.
    pub fn organization(&self) -> String {
        format!("f_ecom_{}", self.inner.settings.tenant)
    }

    /// The load in percent that answers tell in `sfdc_load`: from 80 they warn, from 90 they ask to wait, and at 100 they
    /// are 503. None: they tell nothing.
    pub fn set_load(&self, percent: Option<u8>) {
        opened(self.inner.trouble.lock()).load = percent;
    }

    /// Whether the instance is under maintenance, as a whole (`system`) or for the site that is asked (`site`).
    pub fn set_maintenance(&self, scope: Option<&'static str>) {
        opened(self.inner.trouble.lock()).maintenance = scope;
    }

    /// Calls so far by endpoint, such as `GET /data/sites`.
    pub fn counters(&self) -> BTreeMap<String, u64> {
        opened(self.inner.calls.lock()).clone()
    }

    /// Starts counting again.
    pub fn reset_counters(&self) {
        opened(self.inner.calls.lock()).clear();
    }

    /// Replaces the clock behind prices, dates and the life of tokens. Jobs take as long as it goes on; where it is set back,
    /// nothing that has ended begins again.
    pub fn set_clock(&self, clock: Clock) {
        *opened(self.inner.clock.write()) = clock;
    }

    /// Shifts the clock.
    pub fn set_clock_offset(&self, milliseconds: i64) {
        self.inner.clock_offset_ms.store(milliseconds, Ordering::Relaxed);
    }

    /// The emulator's time in milliseconds since 1970.
    fn now(&self) -> i64 {
        let clock: Clock = Arc::clone(&*opened(self.inner.clock.read()));
        clock().as_millisecond().saturating_add(self.inner.clock_offset_ms.load(Ordering::Relaxed))
    }

    /// The emulator's time, and how long it runs.
    fn moment(&self) -> Moment {
        let now = self.now();
        Moment { now, uptime: opened(self.inner.uptime.lock()).at(now) }
    }

    /// What became due since the last call: archives of executions that have ended, deltas on their schedule.
    fn settle(&self, moment: Moment) {
        if let Some(deltas) = &self.inner.settings.deltas {
            let state = self.state();
            let mut outbox = opened(self.inner.outbox.lock());
            outbox.settle(deltas, &state, &mut self.files(), moment);
        }
        self.jobs().settle(&mut self.files(), moment.uptime);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        opened(self.inner.state.lock())
    }

    fn jobs(&self) -> MutexGuard<'_, jobs::Jobs> {
        opened(self.inner.jobs.lock())
    }

    fn files(&self) -> MutexGuard<'_, webdav::Files> {
        opened(self.inner.files.lock())
    }

    fn tokens(&self) -> MutexGuard<'_, access::Tokens> {
        opened(self.inner.tokens.lock())
    }

    fn shoppers(&self) -> MutexGuard<'_, access::Tokens> {
        opened(self.inner.shoppers.lock())
    }

    fn refreshes(&self) -> MutexGuard<'_, access::Tokens> {
        opened(self.inner.refreshes.lock())
    }

    fn load(&self) -> Option<u8> {
        opened(self.inner.trouble.lock()).load
    }

    fn maintenance(&self) -> Option<&'static str> {
        opened(self.inner.trouble.lock()).maintenance
    }

    fn serial(&self) -> u64 {
        self.inner.serial.fetch_add(1, Ordering::Relaxed)
    }

    fn count(&self, endpoint: &str) {
        *opened(self.inner.calls.lock()).entry(endpoint.to_owned()).or_default() += 1;
    }
}

/// A lock that a panic elsewhere does not close for good.
fn opened<T>(lock: Result<T, PoisonError<T>>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}
