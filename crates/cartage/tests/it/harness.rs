//! Shared by the tests: a shop with its Clerk.io stores, an engine on a database of its own, a clock under control of
//! the test, and the binary.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use async_trait::async_trait;
use cartage::{
    assemble,
    commands::demo::{Goods, Listen, Platform, Service, Shop as On, ShopArgs, World},
    commands::status::{self, FlowStatus},
    config::Config,
};
use contract::{Clock, Store};
use engine::{
    SystemClock,
    observe::Silent,
    run::{Engine, SyncOptions, Synced},
};
use model::{SourceName, Timestamp};
use sandbox::{
    catalogue::{Catalogue, Head, Options, Product, generate},
    clerk::StoreView,
    commercetools::{CatalogModel, Change, Emulator, Settings},
    serve::Port,
};
use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::{sync::watch, time::Instant};

use crate::sfcc::read_by_apis;

/// The markets of every made-up shop.
pub(crate) const MARKETS: [&str; 2] = ["de", "uk"];

// ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A clock that tests own: it stands, or runs so many times as fast as the machine's, and can be set forward.
pub(crate) struct FakeClock {
    begins: Timestamp,
    speed: u32,
    started: Instant,
    advanced: watch::Sender<Duration>,
}

impl FakeClock {
    /// Begins now and runs `speed` times as fast as the machine's clock; 0: stands.
    pub(crate) fn new(speed: u32) -> Arc<Self> {
        Self::at(SystemClock.now(), speed)
    }

    /// Begins at this instant.
    pub(crate) fn at(begins: Timestamp, speed: u32) -> Arc<Self> {
        Arc::new(Self { begins, speed, started: Instant::now(), advanced: watch::channel(Duration::ZERO).0 })
    }

    /// Sets it forward; tasks that sleep until then wake up.
    pub(crate) fn advance(&self, by: Duration) {
        self.advanced.send_modify(|advanced| *advanced += by);
    }

    /// Sets it back, at most to where it began.
    pub(crate) fn set_back(&self, by: Duration) {
        self.advanced.send_modify(|advanced| *advanced = advanced.saturating_sub(by));
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        self.begins.plus(self.started.elapsed() * self.speed).plus(*self.advanced.borrow())
    }

    async fn sleep_until(&self, at: Timestamp) {
        let mut advanced = self.advanced.subscribe();
        loop {
            let left = self.now().until(at);
            if left.is_zero() {
                return;
            }
            let wait =
                if self.speed == 0 { Duration::from_mins(10) } else { left / self.speed + Duration::from_millis(1) };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = advanced.changed() => {}
            }
        }
    }
}

// ── the shop ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Where a shop is, and how it is read there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Commercetools,
    Bigcommerce,
    SfccByExports,
    SfccByApis,
}

impl Origin {
    pub(crate) const fn platform(self) -> Platform {
        match self {
            Self::Commercetools => Platform::Commercetools,
            Self::Bigcommerce => Platform::Bigcommerce,
            Self::SfccByExports | Self::SfccByApis => Platform::Sfcc,
        }
    }
}

/// An emulated shop with its stores, and a configuration that reaches them, in a folder of its own.
pub(crate) struct Shop {
    pub(crate) world: World,
    pub(crate) config: PathBuf,
    folder: TempDir,
}

impl Shop {
    /// So many complete products, alike in shape, sold in both markets.
    pub(crate) async fn uniform(products: usize) -> Self {
        Self::start(ShopArgs { products, data: None, uniform: true }).await
    }

    /// The same on BigCommerce.
    pub(crate) async fn uniform_on_bigcommerce(products: usize) -> Self {
        let args = ShopArgs { products, data: None, uniform: true };
        Self::of(World::start_on(Platform::Bigcommerce, &args, &[Service::Clerk], Listen::default()).await.unwrap())
    }

    /// So many products as real shops have them.
    pub(crate) async fn odd(products: usize) -> Self {
        Self::start(ShopArgs { products, data: None, uniform: false }).await
    }

    /// The same on this platform, read in pages that small that there are many calls to go wrong.
    pub(crate) async fn odd_on(origin: Origin, products: usize, page: usize) -> Self {
        let options = Options { products, ..Options::default() };
        let goods = Goods::new(generate(&options), options.markets());
        let shop = Self::serve(origin.platform(), goods, &[Service::Clerk]).await;
        let others = 4 * page;
        match origin {
            Origin::Commercetools => shop.configure(&format!(
                "[sources.shop.page_size]\nfirst_products = {page}\nproducts = {page}\nothers = {others}\n"
            )),
            Origin::Bigcommerce => shop.configure(&format!(
                "[sources.shop.page_size]\nproducts = {page}\ninventory = {others}\nothers = {others}\n"
            )),
            // An archive comes as a whole.
            Origin::SfccByExports => shop.set(&format!("page_size = {others}")),
            Origin::SfccByApis => {
                read_by_apis(&shop, &shop.world.shop_url);
                // A search finds variants, too, and prices take a call for each site and currency.
                shop.set(&format!("scapi.search_size = {others}"));
            }
        }
        shop
    }

    /// A real catalogue.
    pub(crate) async fn data(folder: PathBuf) -> Self {
        Self::start(ShopArgs { products: 0, data: Some(folder), uniform: false }).await
    }

    /// Complete products as in [`Shop::uniform`], altered by `alter` before they are put in.
    pub(crate) async fn altered(products: usize, alter: impl FnOnce(&mut Head, &mut Vec<Product>)) -> Self {
        let shop = Self::uniform(1).await;
        shop.world.shop.seed(&catalogue(products, alter)).unwrap();
        shop
    }

    /// So many products as real shops have them, and the example of help texts and guides.
    pub(crate) async fn with_example(products: usize) -> Self {
        let args = ShopArgs { products, data: None, uniform: false };
        Self::of(World::start_with_example(&args, &[Service::Clerk], Listen::default()).await.unwrap())
    }

    /// A shop on this platform, sold to these services.
    pub(crate) async fn serve(from: Platform, goods: Goods, to: &[Service]) -> Self {
        Self::of(World::serve(from, goods, to, Listen::default()).await.unwrap())
    }

    async fn start(args: ShopArgs) -> Self {
        Self::of(World::start(&args, Listen::default()).await.unwrap())
    }

    fn of(world: World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("cartage.toml");
        world.configure(&config, "").unwrap();
        Self { world, config, folder }
    }

    /// The same shop in a Modular project.
    pub(crate) async fn modular(mut self) -> Self {
        let settings = Settings { catalog_model: CatalogModel::Modular, ..self.world.shop.settings().clone() };
        let project = Emulator::new(Settings { variant_subscriptions: true, ..settings });
        project.seed(&self.world.catalogue).unwrap();
        let url = serve(project.router()).await;
        self.replace(&self.world.shop_url, &url);
        self.world.shop_url = url;
        self.world.on = On::Commercetools(project.clone());
        self.world.shop = project;
        self
    }

    /// Adds to the configuration.
    pub(crate) fn configure(&self, extra: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        fs::write(&self.config, format!("{text}\n{extra}\n")).unwrap();
    }

    /// Replaces a text of the configuration that stands there.
    pub(crate) fn replace(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        assert!(text.contains(from), "{from:?} is not in\n{text}");
        fs::write(&self.config, text.replace(from, to)).unwrap();
    }

    /// Adds a setting of the source.
    pub(crate) fn set(&self, setting: &str) {
        self.replace("[sources.shop]\n", &format!("[sources.shop]\n{setting}\n"));
    }

    /// A file in the shop's folder, such as a secret.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Lets an hour pass at the shop, so that a read of changes brings what changes from here on.
    pub(crate) fn age(&self) {
        self.world.on.set_clock_offset(3_600_000);
    }

    pub(crate) fn change(&self, change: Change) {
        self.world.shop.change(change).unwrap();
    }

    /// The id of a product by its key.
    pub(crate) fn id(&self, key: &str) -> String {
        self.world.shop.product(key).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// The published data of a product by its key, as the platform shows it.
    pub(crate) fn current(&self, key: &str) -> Value {
        self.world.shop.product(key).unwrap()["masterData"]["current"].clone()
    }

    /// SKUs of a product by its key, the master's first.
    pub(crate) fn skus(&self, key: &str) -> Vec<String> {
        if self.world.on.platform() != Platform::Commercetools {
            let product = (self.world.catalogue.products)().find(|product| product.key == key).unwrap();
            return product.variants.into_iter().filter_map(|variant| variant.sku).collect();
        }
        if self.world.shop.settings().catalog_model == CatalogModel::Modular {
            let product = self.id(key);
            let is_of =
                |sku: &String| self.world.shop.variant(sku).unwrap()["product"]["id"].as_str() == Some(&*product);
            return self.world.shop.skus().into_iter().filter(is_of).collect();
        }
        let current = self.current(key);
        let others = current["variants"].as_array().cloned().unwrap_or_default();
        let variants = std::iter::once(current["masterVariant"].clone()).chain(others);
        variants.filter_map(|variant| Some(variant["sku"].as_str()?.to_owned())).collect()
    }

    /// The Clerk.io store of a market.
    pub(crate) fn store(&self, market: &str) -> StoreView {
        self.world.clerk.store(market).unwrap()
    }

    /// The content of every store: products and categories by market.
    pub(crate) fn held(&self) -> BTreeMap<String, [BTreeMap<String, Value>; 2]> {
        let held = |market: &str| {
            let store = self.store(market);
            (market.to_owned(), [store.products(), store.categories()])
        };
        self.world.markets.iter().map(|market| held(&market.key)).collect()
    }

    /// Write calls to the store of a market since [`Shop::forget_calls`].
    pub(crate) fn sent(&self, market: &str) -> Vec<Sent> {
        self.store(market).calls().into_iter().map(Sent::of).collect()
    }

    pub(crate) fn forget_calls(&self) {
        for market in &self.world.markets {
            self.store(&market.key).forget_calls();
        }
        self.world.clerk_faults.forget_calls();
        self.world.shop_faults.forget_calls();
    }

    /// Calls of any kind that reached Clerk.io since [`Shop::forget_calls`].
    pub(crate) fn destination_calls(&self) -> u64 {
        self.world.clerk_faults.calls().iter().map(|call| call.count).sum()
    }

    /// Calls of any kind that reached commercetools since [`Shop::forget_calls`].
    pub(crate) fn source_calls(&self) -> u64 {
        self.world.shop_faults.calls().iter().map(|call| call.count).sum()
    }

    /// The file of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("sandbox.db")
    }

    /// An engine on this shop's database, as a process of its own would open it.
    pub(crate) async fn open(&self) -> Process {
        // Waits between attempts pass quickly.
        self.open_with(FakeClock::new(20), false).await
    }

    pub(crate) async fn open_with(&self, clock: Arc<FakeClock>, allow_deletes: bool) -> Process {
        let loaded = Config::load(&self.config).unwrap_or_else(|errors| panic!("{errors:#?}"));
        // A former process may keep the file for a moment.
        let mut opened = assemble::open(&loaded);
        for _ in 0..100 {
            if !opened.as_ref().is_err_and(|fault| fault.code == "C0103") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
            opened = assemble::open(&loaded);
        }
        let store = opened.unwrap();
        let engine = assemble::engine(
            &loaded,
            Arc::clone(&store),
            Arc::<FakeClock>::clone(&clock),
            Arc::new(Silent),
            allow_deletes,
        );
        let engine = engine.unwrap_or_else(|failure| panic!("{failure}"));
        engine.register().await.unwrap();
        Process { engine, store, database: self.database() }
    }

    /// Syncs for the first time, then forgets the calls it took and lets the shop age.
    pub(crate) async fn synced(&self) -> Process {
        let process = self.open().await;
        let pass = process.sync().await;
        assert!(pass.converged(), "{pass:?}");
        self.forget_calls();
        self.age();
        process
    }

    /// Runs the binary with this shop's configuration.
    pub(crate) async fn cartage(&self, arguments: &[&str]) -> Ran {
        let config = self.config.display().to_string();
        let mut ran = cartage(&[&["--config", &config], arguments].concat()).await;
        // An engine of this test may keep the file for a moment.
        for _ in 0..20 {
            if !ran.err.contains("error[C0103]") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            ran = cartage(&[&["--config", &config], arguments].concat()).await;
        }
        ran
    }
}

/// Complete products as in [`Shop::uniform`], altered by `alter`.
pub(crate) fn catalogue(products: usize, alter: impl FnOnce(&mut Head, &mut Vec<Product>)) -> Catalogue {
    let made = generate(&Options { products, oddities: false, ..Options::default() });
    let mut head = made.head.clone();
    let mut list: Vec<Product> = (made.products)().collect();
    alter(&mut head, &mut list);
    let product_count = list.len();
    let list = Arc::new(list);
    let products = Box::new(move || -> Box<dyn Iterator<Item = Product> + Send> {
        let list = Arc::clone(&list);
        Box::new((0..list.len()).map(move |at| list[at].clone()))
    });
    Catalogue { head, product_count, products }
}

/// One write call to a Clerk.io store.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// `POST products` and the like.
    pub(crate) operation: String,
    pub(crate) refused: Option<String>,
    /// Objects or ids in it.
    pub(crate) items: usize,
    /// The objects of its body; a DELETE has none.
    pub(crate) objects: Vec<Map<String, Value>>,
}

impl Sent {
    fn of(call: sandbox::clerk::WriteCall) -> Self {
        let body: Value = call.body.and_then(|body| serde_json::from_slice(&body).ok()).unwrap_or_default();
        let list = body.get("products").or_else(|| body.get("categories")).and_then(Value::as_array);
        let objects = list.into_iter().flatten().filter_map(|object| object.as_object().cloned()).collect();
        Self { operation: call.operation, refused: call.refused, items: call.items, objects }
    }

    /// Ids of its objects, sorted.
    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.objects.iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    }

    /// Names of the members of its only object, sorted.
    pub(crate) fn members(&self) -> Vec<String> {
        assert_eq!(self.objects.len(), 1, "{self:?}");
        let mut names: Vec<String> = self.objects[0].keys().cloned().collect();
        names.sort();
        names
    }
}

// ── a running engine ────────────────────────────────────────────────────────────────────────────────────────────────

/// What a process of Cartage has: an engine on the shop's database.
pub(crate) struct Process {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) database: PathBuf,
}

/// The result of a pass, and the states of the flows after it.
#[derive(Debug)]
pub(crate) struct Pass {
    pub(crate) synced: Synced,
    /// By market; of several flows of one market the last.
    pub(crate) flows: BTreeMap<String, FlowStatus>,
    pub(crate) all: Vec<FlowStatus>,
}

impl Pass {
    /// Nothing is left to do or to look at.
    pub(crate) fn converged(&self) -> bool {
        let lanes = self.synced.lanes.iter().all(|(_, _, walked)| walked.is_ok());
        lanes && self.all.iter().all(|flow| flow.converged && flow.tally.dead == 0)
    }
}

impl Process {
    /// A pass over what changed.
    pub(crate) async fn sync(&self) -> Pass {
        self.pass(false, Duration::from_mins(20)).await
    }

    /// A pass over everything.
    pub(crate) async fn sync_full(&self) -> Pass {
        self.pass(true, Duration::from_mins(20)).await
    }

    /// The same of many flows, however long they take by a clock that runs fast.
    pub(crate) async fn sync_to_the_end(&self) -> Pass {
        self.pass(true, Duration::from_hours(100)).await
    }

    async fn pass(&self, full: bool, patience: Duration) -> Pass {
        let options = SyncOptions { full, flows: Vec::new(), patience };
        let (_stop, stopped) = watch::channel(false);
        let synced = self.engine.sync(&options, &stopped).await.unwrap();
        let all = self.statuses().await;
        Pass { synced, flows: by_market(&all), all }
    }

    /// How the flows stand, by market. Their states must add up, whenever this is asked.
    pub(crate) async fn status(&self) -> BTreeMap<String, FlowStatus> {
        by_market(&self.statuses().await)
    }

    /// How all flows stand.
    pub(crate) async fn statuses(&self) -> Vec<FlowStatus> {
        let flows = status::flows(self.store.as_ref(), &self.engine.flows, &status::lanes(&self.engine)).await.unwrap();
        for FlowStatus { flow, tally, .. } in &flows {
            let sum = tally.sum();
            assert_eq!(sum, tally.mirror, "the states of {flow} don't add up: {tally:?}");
        }
        flows
    }
}

fn by_market(flows: &[FlowStatus]) -> BTreeMap<String, FlowStatus> {
    flows.iter().map(|flow| (flow.market.clone(), flow.clone())).collect()
}

// ── the binary ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// The result of a run of the binary.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The JSON document it printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless it ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    /// Fails unless all of these stand in what it printed, on whichever channel.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(
                self.out.contains(text) || self.err.contains(text),
                "{text:?} is not in\n{}\n{}",
                self.out,
                self.err
            );
        }
        self
    }
}

/// Runs the binary.
pub(crate) async fn cartage(arguments: &[&str]) -> Ran {
    cartage_with(arguments, &[]).await
}

/// Runs the binary with these variables of the environment.
pub(crate) async fn cartage_with(arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cartage"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).env_remove("RUST_LOG");
    command.envs(variables.iter().copied());
    let output = tokio::time::timeout(Duration::from_mins(2), command.output()).await.expect("it hangs").unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

// ── servers and waiting ─────────────────────────────────────────────────────────────────────────────────────────────

/// Serves a router on a free port for as long as the test runs; its address.
pub(crate) async fn serve(router: axum::Router) -> String {
    Port::free().await.unwrap().serve(router)
}

/// Waits until a condition holds; long enough for any busy machine.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(3), "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until a running engine has read every lane and delivered all of it.
pub(crate) async fn until_settled(process: &Process) {
    let began = Instant::now();
    loop {
        let lanes = process.store.lanes(&SourceName::from("shop")).await.unwrap();
        let origins = process.engine.origins.iter();
        let wanted: usize = origins.map(|origin| origin.pull.source.lanes().len()).sum();
        let read = lanes.values().filter(|lane| lane.full_at.is_some() && lane.walk.is_none()).count();
        // Touches may wait for a clock that stands.
        if read == wanted && process.status().await.values().all(|flow| flow.tally.pending == 0) {
            return;
        }
        assert!(began.elapsed() < Duration::from_mins(3), "it does not settle: {lanes:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A data set beside the project, where there is one.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: there is no {}", path.display());
    }
    path.exists().then_some(path)
}
