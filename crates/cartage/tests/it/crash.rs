//! The binary, killed at random moments of its passes while both platforms fail, always converges to the result of an
//! undisturbed run; and its states add up at every stop. So it is for every platform that shops are on, by each way of reading it.
//!
//! `CARTAGE_CRASH_SEED` repeats a run, `CARTAGE_CRASHES` says how many times it is killed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use cartage::commands::demo;
use contract::{Admin as _, Ledger as _, Mirror as _};
use model::{FlowName, SourceName};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sandbox::{
    catalogue::{Options, generate},
    clerk,
    commercetools::Change,
    fault::{FaultPlan, Faults, Latency, SlowDrip},
    shop::{Edit, LivingShop},
};
use serde_json::Value;
use store::sqlite::Sqlite;
use tokio::time::Instant;

use crate::harness::{MARKETS, Origin, Ran, Shop, cartage, catalogue, serve, until};

/// Edits of the shop before each pass.
const EDITS: usize = 8;
/// Kills after which everything is compared.
const COMPARED_EVERY: u32 = 40;
/// Shops in parallel: most of a pass is waiting for answers and retries.
const SHOPS: u32 = 5;

pub(crate) type Held = BTreeMap<String, [BTreeMap<String, Value>; 2]>;

fn setting(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a knob of the test, not a setting of the product")]
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

// ── faults ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// One call in five fails in some way.
pub(crate) fn trouble(seed: u64, latency: Latency, retry_after_seconds: Option<u32>) -> FaultPlan {
    FaultPlan {
        latency_ms: Some(latency),
        error_rate: BTreeMap::from([(500, 0.04), (503, 0.04), (504, 0.02)]),
        throttle_rate: if retry_after_seconds.is_some() { 0.01 } else { 0.03 },
        retry_after_seconds,
        reset_before_effect_rate: 0.03,
        reset_after_effect_rate: 0.05,
        seed,
        ..FaultPlan::default()
    }
}

/// Makes both platforms fail. Writes take longer than reads, so that many kills happen while calls are under way.
pub(crate) fn disturb(shop: &Shop, seed: u64, retry_after_seconds: Option<u32>) {
    let (fast, slow) = (Latency { min: 0, max: 4 }, Latency { min: 5, max: 60 });
    shop.world.shop_faults.set(trouble(seed, fast, retry_after_seconds)).unwrap();
    shop.world.clerk_faults.set(trouble(seed + 1, slow, retry_after_seconds)).unwrap();
}

fn calm(shop: &Shop) {
    shop.world.shop_faults.set(FaultPlan::default()).unwrap();
    shop.world.clerk_faults.set(FaultPlan::default()).unwrap();
}

// ── the binary ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Begins a pass.
pub(crate) fn begin(config: &Path, arguments: &[&str]) -> Child {
    spawn(config, &[&["sync"], arguments].concat())
}

/// Begins a command.
pub(crate) fn spawn(config: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_cartage"))
        .arg("--config")
        .arg(config)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env_remove("RUST_LOG")
        .spawn()
        .unwrap()
}

pub(crate) async fn pass(config: &Path, arguments: &[&str]) -> Ran {
    let config = config.display().to_string();
    cartage(&[&["--config", &config, "sync"], arguments].concat()).await
}

/// Waits until so many calls were answered since the pass began, or it has ended. Progress is counted rather than timed:
/// on a busy machine a span of time would end before the pass had begun.
pub(crate) async fn until_answered(calls: impl Fn() -> u64, wanted: u64, child: &mut Child) {
    let (began, before) = (Instant::now(), calls());
    while calls() < before + wanted && child.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_secs(30)
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Kills it, with SIGKILL; true if it was still at work.
pub(crate) async fn kill(mut child: Child) -> bool {
    let was_at_work = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    was_at_work
}

// ── what a kill left ────────────────────────────────────────────────────────────────────────────────────────────────

/// The work during which a kill happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Moment {
    /// No database yet, or no work left.
    Idle,
    /// A walk was under way.
    Reading,
    /// Calls were under way, which may or may not have had their effect.
    Calling,
    /// Both.
    ReadingAndCalling,
    /// There was work left, but no walk or call was under way: between them, or during the wait for a retry.
    Between,
}

fn flow(market: &str) -> FlowName {
    FlowName::new(format!("clerk-{market}"))
}

/// Checks that the states add up; returns when the kill happened.
async fn examine(database: &Path, was_there: &mut bool) -> Moment {
    let store = match Sqlite::open_read_only(database) {
        Ok(store) => store,
        // It was killed before its tables were made.
        Err(fault) if !*was_there && (fault.code == "C0105" || fault.code == "C0107") => return Moment::Idle,
        Err(fault) => panic!("a kill left a database that can't be read: {} {fault}", fault.code),
    };
    *was_there = true;
    let mut mirrors = BTreeSet::new();
    let mut pending = 0;
    for market in MARKETS {
        let tally = store.tally(&flow(market)).await.unwrap();
        let sum = tally.sum();
        assert_eq!(sum, tally.mirror, "the states of {market} don't add up: {tally:?}");
        assert_eq!(tally.rules.values().sum::<u64>(), tally.filtered, "the rules of {market} don't add up: {tally:?}");
        assert_eq!(tally.dead, 0, "{:?}", store.dead(&flow(market), 3).await.unwrap());
        mirrors.insert(tally.mirror);
        pending += tally.pending;
    }
    // Flows are registered one after the other.
    assert!(mirrors.len() == 1 || mirrors.contains(&0), "flows of one source see one mirror: {mirrors:?}");
    let lanes = store.lanes(&SourceName::from("shop")).await.unwrap();
    let reading = lanes.values().any(|state| state.walk.is_some());
    drop(store);
    match (reading, calls_were_open(database).await) {
        (true, true) => Moment::ReadingAndCalling,
        (true, false) => Moment::Reading,
        (false, true) => Moment::Calling,
        (false, false) if pending > 0 => Moment::Between,
        (false, false) => Moment::Idle,
    }
}

/// Whether the next process will find calls that this one did not end. The question changes the database, so it is
/// asked of a copy.
async fn calls_were_open(database: &Path) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    for suffix in ["", "-wal"] {
        let beside = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if beside(database).exists() {
            fs::copy(beside(database), beside(&copy)).unwrap();
        }
    }
    let store = Sqlite::open(&copy).unwrap();
    let mut in_doubt = 0;
    for market in MARKETS {
        in_doubt += match store.recover(&flow(market)).await {
            Ok(recovered) => recovered.in_doubt,
            // It was killed before this flow was declared.
            Err(fault) if fault.code == "C0108" => 0,
            Err(fault) => panic!("{fault}"),
        };
    }
    in_doubt > 0
}

// ── the undisturbed run ─────────────────────────────────────────────────────────────────────────────────────────────

/// Separate stores, filled from the same shop through a separate database, without faults.
pub(crate) struct Undisturbed {
    clerk: clerk::Emulator,
    url: String,
    folder: tempfile::TempDir,
}

impl Undisturbed {
    pub(crate) async fn new() -> Self {
        let clerk = clerk::Emulator::new(clerk::Settings::default());
        let url = serve(clerk.router()).await + "/v2";
        Self { clerk, url, folder: tempfile::tempdir().unwrap() }
    }

    /// The content of the stores after a first sync of the present shop.
    pub(crate) async fn held(&self, shop: &Shop) -> Held {
        calm(shop);
        if let demo::Shop::Sfcc(instance) = &shop.world.on {
            // What was killed may have left an export under way, and there is one at a time.
            until("the export to end", || !instance.is_exporting()).await;
        }
        for market in MARKETS {
            self.clerk.store(market).unwrap().clear();
        }
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        let config = folder.path().join("cartage.toml");
        let text = fs::read_to_string(&shop.config).unwrap().replace(&shop.world.clerk_url, &self.url);
        fs::write(&config, text).unwrap();
        pass(&config, &[]).await.ended(0);
        let held = MARKETS.map(|market| {
            let store = self.clerk.store(market).unwrap();
            (market.to_owned(), [store.products(), store.categories()])
        });
        held.into()
    }
}

/// The differences of two contents, in a few lines.
fn difference(got: &Held, wanted: &Held) -> String {
    let mut lines = Vec::new();
    for market in MARKETS {
        for (got, wanted) in got[market].iter().zip(&wanted[market]) {
            let ids: BTreeSet<&String> = got.keys().chain(wanted.keys()).collect();
            for id in ids.into_iter().filter(|id| got.get(*id) != wanted.get(*id)) {
                let members = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
                let (got, wanted) = (members(got.get(id)), members(wanted.get(id)));
                let names: BTreeSet<&String> = got.keys().chain(wanted.keys()).collect();
                let differing = names.into_iter().filter(|name| got.get(*name) != wanted.get(*name));
                let members = differing.map(|name| format!("{name}: {:?}, not {:?}", got.get(name), wanted.get(name)));
                lines.push(format!("{market} {id} {}", members.take(3).collect::<Vec<_>>().join("; ")));
            }
        }
    }
    format!("{} differ\n{}", lines.len(), lines.iter().take(6).cloned().collect::<Vec<_>>().join("\n"))
}

// ── the shop ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A shop of odd products, with small pages and calls so that there are many moments to be killed at.
async fn shop(origin: Origin, products: usize) -> Shop {
    let shop = Shop::odd_on(origin, products, 25).await;
    shop.set("retry_wait_milliseconds = 5");
    // The emulators give their timestamps in order and at once: no lag is needed, and hardly an overlap.
    let at_once = "lag_seconds = 0\noverlap_seconds = 2";
    match origin {
        Origin::Commercetools => {
            shop.change(Change::SetMessages { enabled: true });
            shop.set(&format!("{at_once}\nmessage_lag_seconds = 0"));
        }
        Origin::Bigcommerce => shop.set(at_once),
        Origin::SfccByExports => {}
        // Prices of products that are not shown are gone, and there are few products.
        Origin::SfccByApis => shop.set("sweep_guard = 1"),
    }
    for market in MARKETS {
        let section = format!("[destinations.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}batch_items = 8\ndescription = \"text\"\n"));
        // Over all rounds the shop deletes more of its products than a flow may remove in a day.
        let section = format!("[flows.clerk-{market}]\n");
        shop.replace(&section, &format!("{section}removal_guard = 1\n"));
    }
    shop
}

/// Another mapping: what was sent has to be sent again.
fn remap(shop: &Shop) {
    let text = fs::read_to_string(&shop.config).unwrap();
    let (from, to) = if text.contains("description = \"text\"") { ("text", "html") } else { ("html", "text") };
    shop.replace(&format!("description = \"{from}\""), &format!("description = \"{to}\""));
}

/// Makes edits; not those that open by the clock, after which two runs at different instants differ rightly.
fn edit(shop: &Shop, living: &mut LivingShop, edits: usize) {
    let timeless = living.filter(|edit| !matches!(edit, Edit::PriceWindow { .. }));
    for edit in timeless.take(edits) {
        if let Err(error) = shop.world.on.edit(edit) {
            // An odd product may be one that the platform refuses to change.
            eprintln!("the shop refused an edit: {error}");
        }
    }
}

/// The most calls to the source that a pass is let go on for. An export takes few of them.
const fn most_calls(origin: Origin) -> u64 {
    match origin {
        Origin::Commercetools | Origin::Bigcommerce => 20,
        Origin::SfccByExports => 8,
        // The first of them are about the instance.
        Origin::SfccByApis => 60,
    }
}

/// Runs complete passes with faults, then one without; both results must equal those of an undisturbed run.
async fn converges(shop: &Shop, undisturbed: &Undisturbed, seed: u64) {
    let wanted = undisturbed.held(shop).await;
    disturb(shop, seed, None);
    let mut code = 1;
    for _ in 0..20 {
        code = pass(&shop.config, &["--full", "--patience", "20"]).await.code;
        if code == 0 {
            break;
        }
    }
    assert_eq!(code, 0, "it does not converge while one call in five fails");
    let got = shop.held();
    assert!(got == wanted, "while things went wrong: {}", difference(&got, &wanted));
    calm(shop);
    shop.forget_calls();
    pass(&shop.config, &["--full"]).await.ended(0);
    let got = shop.held();
    assert!(got == wanted, "after all: {}", difference(&got, &wanted));
    assert_eq!(shop.destination_calls(), 0, "nothing was in doubt any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_converges_to_what_an_undisturbed_run_ends_with() {
    survives(Origin::Commercetools, (150, 200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_converges_with_a_shop_on_bigcommerce_as_well() {
    survives(Origin::Bigcommerce, (150, 100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_converges_with_an_instance_that_exports_as_well() {
    survives(Origin::SfccByExports, (60, 25)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_it_converges_with_an_instance_that_is_read_by_its_apis_as_well() {
    survives(Origin::SfccByApis, (60, 40)).await;
}

/// Kills hubs of shops with so many products so many times in all.
async fn survives(origin: Origin, (products, crashes): (usize, u64)) {
    let seed = setting("CARTAGE_CRASH_SEED").unwrap_or(1);
    let crashes = u32::try_from(setting("CARTAGE_CRASHES").unwrap_or(crashes)).unwrap();
    eprintln!("CARTAGE_CRASH_SEED={seed} CARTAGE_CRASHES={crashes}");
    let began = Instant::now();
    let mut shops = tokio::task::JoinSet::new();
    for number in 0..SHOPS {
        shops.spawn(killed((origin, products), seed + u64::from(number) * 1_000, crashes.div_ceil(SHOPS)));
    }
    let mut moments: BTreeMap<Moment, u32> = BTreeMap::new();
    for (moment, count) in shops.join_all().await.into_iter().flatten() {
        *moments.entry(moment).or_default() += count;
    }
    eprintln!("killed: {moments:?}; {:.0?} in all", began.elapsed());
    let hit = |wanted: &[Moment]| wanted.iter().filter_map(|moment| moments.get(moment)).sum::<u32>();
    let reading = hit(&[Moment::Reading, Moment::ReadingAndCalling]);
    let calling = hit(&[Moment::Calling, Moment::ReadingAndCalling]);
    // The moments between them are short: only many kills are sure to meet some.
    let between = (crashes >= 100).then(|| ("between", hit(&[Moment::Between])));
    for (what, count) in [("reading", reading), ("calling", calling)].into_iter().chain(between) {
        assert!(count * 40 >= crashes, "too few of {crashes} kills fell while {what}: {moments:?}");
    }
}

/// Kills a hub so many times while its shop changes, and compares; returns when the kills happened.
async fn killed((origin, products): (Origin, usize), seed: u64, crashes: u32) -> BTreeMap<Moment, u32> {
    let mut dice = StdRng::seed_from_u64(seed);
    let shop = shop(origin, products).await;
    let database = shop.config.with_file_name("sandbox.db");
    let mut living = LivingShop::new(&shop.world.catalogue, dice.random());
    let undisturbed = Undisturbed::new().await;
    let mut was_there = false;
    let mut kills = 0;
    let mut passes = 0;
    let mut moments: BTreeMap<Moment, u32> = BTreeMap::new();
    while kills < crashes {
        passes += 1;
        assert!(passes < 3 * crashes + 20, "most passes end before they are killed: {moments:?}");
        edit(&shop, &mut living, EDITS);
        if dice.random_bool(0.2) {
            remap(&shop);
        }
        // Throttled calls that say when to come back cost whole seconds, so there are few of them.
        let retry_after = dice.random_bool(0.3).then_some(1);
        disturb(&shop, dice.random::<u32>().into(), retry_after);
        let full: &[&str] = if dice.random_bool(0.3) { &["--full"] } else { &[] };
        let mut child = begin(&shop.config, full);
        // Passes read far longer than they write: some kills wait for that.
        if dice.random_bool(0.4) {
            until_answered(|| shop.destination_calls(), dice.random_range(1..5), &mut child).await;
        } else {
            until_answered(|| shop.source_calls(), dice.random_range(0..most_calls(origin)), &mut child).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..60))).await;
        if !kill(child).await {
            continue;
        }
        kills += 1;
        *moments.entry(examine(&database, &mut was_there).await).or_default() += 1;
        if kills % COMPARED_EVERY == 0 || kills == crashes {
            converges(&shop, &undisturbed, dice.random::<u32>().into()).await;
        }
    }
    eprintln!("seed {seed}: killed {kills} times in {passes} passes: {moments:?}");
    moments
}

// ── one more service ────────────────────────────────────────────────────────────────────────────────────────────────

/// Kills passes so many times, while a shop of so many products changes and its platform and a service fail, then lets it
/// come to rest, first with faults and then without.
pub(crate) async fn trial(shop: &Shop, service: &Faults, (products, kills): (usize, u32)) {
    let mut dice = StdRng::seed_from_u64(setting("CARTAGE_CRASH_SEED").unwrap_or(1));
    let mut living = LivingShop::new(&generate(&Options { products, ..Options::default() }), dice.random());
    let calls = || service.calls().iter().map(|call| call.count).sum::<u64>();
    let disturb = |seed: u64| {
        disturb(shop, seed, None);
        service.set(trouble(seed + 2, Latency { min: 5, max: 60 }, None)).unwrap();
    };
    let (mut killed, mut passes) = (0, 0);
    while killed < kills {
        passes += 1;
        assert!(passes < 4 * kills + 20, "most passes end before they are killed");
        edit(shop, &mut living, EDITS);
        disturb(dice.random::<u32>().into());
        let full: &[&str] = if dice.random_bool(0.3) { &["--full"] } else { &[] };
        let mut child = begin(&shop.config, full);
        if dice.random_bool(0.6) {
            until_answered(calls, dice.random_range(1..4), &mut child).await;
        } else {
            until_answered(|| shop.source_calls(), dice.random_range(1..20), &mut child).await;
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(0..60))).await;
        killed += u32::from(kill(child).await);
    }
    disturb(dice.random::<u32>().into());
    let mut code = 1;
    for _ in 0..20 {
        code = pass(&shop.config, &["--full", "--patience", "20"]).await.code;
        if code == 0 {
            break;
        }
    }
    assert_eq!(code, 0, "it does not converge while one call in five fails");
    calm(shop);
    service.set(FaultPlan::default()).unwrap();
    service.forget_calls();
    shop.forget_calls();
    pass(&shop.config, &["--full"]).await.ended(0);
}

/// Shops for a trial: small pages, no lag, and no guard, because over all rounds more is deleted than a flow may remove.
pub(crate) fn for_trial(shop: &Shop, flows: &[&str]) {
    shop.change(Change::SetMessages { enabled: true });
    let settings = "retry_wait_milliseconds = 5\nlag_seconds = 0\nmessage_lag_seconds = 0\noverlap_seconds = 2\n";
    shop.replace("[sources.shop]\n", &format!("[sources.shop]\n{settings}"));
    shop.configure("[sources.shop.page_size]\nfirst_products = 25\nproducts = 25\nothers = 100\n");
    for flow in MARKETS.map(|market| format!("clerk-{market}")).iter().map(String::as_str).chain(flows.iter().copied())
    {
        let section = format!("[flows.{flow}]\n");
        shop.replace(&section, &format!("{section}removal_guard = 1\n"));
    }
}

// ── the order of things ─────────────────────────────────────────────────────────────────────────────────────────────

/// Runs a pass until the store of the German market fulfils `arrived`, and kills it before it has the answer.
async fn killed_before_the_answer(shop: &Shop, arrived: impl Fn(&BTreeMap<String, Value>) -> bool) {
    // What is asked for happens; the answer trickles.
    let drip = Some(SlowDrip { bytes_per_second: std::num::NonZeroU32::MIN });
    shop.world.clerk_faults.set(FaultPlan { slow_drip: drip, ..FaultPlan::default() }).unwrap();
    let child = begin(&shop.config, &[]);
    let began = Instant::now();
    while !arrived(&shop.store("de").products()) {
        assert!(began.elapsed() < Duration::from_mins(3), "it never arrives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(kill(child).await, "it was to be killed before the answer");
    assert!(calls_were_open(&shop.config.with_file_name("sandbox.db")).await);
    shop.world.clerk_faults.set(FaultPlan::default()).unwrap();
}

async fn small_shop() -> Shop {
    let shop = Shop::uniform(8).await;
    shop.replace("[sources.shop]\n", "[sources.shop]\nlag_seconds = 0\nmessage_lag_seconds = 0\n");
    shop.change(Change::SetMessages { enabled: true });
    pass(&shop.config, &[]).await.ended(0);
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_again_what_it_was_while_it_is_down_is_so_in_the_store() {
    let shop = small_shop().await;
    let id = shop.id("p-000003");
    let before = shop.store("de").products()[&id].clone();
    let first = before["name"].as_str().unwrap().to_owned();
    let rename = |text: &str| {
        let (product, locale) = ("p-000003".to_owned(), "de".to_owned());
        shop.change(Change::SetName { product, locale, text: Some(text.to_owned()) });
    };
    rename("Zweiter Name");
    killed_before_the_answer(&shop, |products| products[&id]["name"] == "Zweiter Name").await;
    rename(&first);
    pass(&shop.config, &[]).await.ended(0);
    assert_eq!(shop.store("de").products()[&id], before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_new_and_goes_while_it_is_down_is_not_left_in_the_store() {
    let shop = small_shop().await;
    let before = shop.held();
    let new = (catalogue(9, |_, products| products.drain(..8).for_each(drop)).products)().next().unwrap();
    let key = new.key.clone();
    for unpublish in [true, false] {
        shop.change(Change::AddProduct(Box::new(new.clone())));
        let id = shop.id(&key);
        killed_before_the_answer(&shop, |products| products.contains_key(&id)).await;
        if unpublish {
            shop.change(Change::Unpublish { product: key.clone() });
            pass(&shop.config, &[]).await.ended(0);
            assert!(shop.held() == before, "{}", difference(&shop.held(), &before));
        }
        shop.change(Change::DeleteProduct { product: key.clone() });
        pass(&shop.config, &[]).await.ended(0);
        assert!(shop.held() == before, "{}", difference(&shop.held(), &before));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_behind_a_walk_that_was_cut_off_is_read_as_well() {
    let shop = small_shop().await;
    shop.configure("[sources.shop.page_size]\nfirst_products = 1\nproducts = 1\n");
    let latency = Some(Latency { min: 40, max: 40 });
    shop.world.shop_faults.set(FaultPlan { latency_ms: latency, ..FaultPlan::default() }).unwrap();
    let child = begin(&shop.config, &["--full"]);
    let store = Sqlite::open_read_only(&shop.config.with_file_name("sandbox.db")).unwrap();
    let began = Instant::now();
    while store.lane(&SourceName::from("shop"), "products").await.unwrap().walk.is_none() {
        assert!(began.elapsed() < Duration::from_mins(3), "it never reads products");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(store);
    assert!(kill(child).await, "it was to be killed while it reads");
    calm(&shop);
    // Whichever of them it had read by then.
    for product in shop.world.shop.product_keys() {
        let change = Change::SetName { product, locale: "de".to_owned(), text: Some("Neuer Name".to_owned()) };
        shop.change(change);
    }
    pass(&shop.config, &[]).await.ended(0);
    for (id, product) in shop.store("de").products() {
        assert_eq!(product["name"], "Neuer Name", "{id}");
    }
}
