//! How long a first pass to a service with limits takes on virtual time, beside the time that its limits imply.
//!
//! Network, shop and database take no time here, so what is left is waiting: for the limit of calls, and for imports.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::Router;
use engine::observe::Silent;
use sandbox::{
    catalogue::{Market, generate},
    commercetools, dotdigital, insider,
};
use tokio::{runtime::Builder, time::Instant};

use crate::{
    clock::SimClock,
    end,
    executor::Plain,
    hub::{Around, Hub},
    network::Network,
    seed::child,
    shop::HOST,
};

/// The service's host.
const SERVICE: &str = "service.test";
/// A pass may take so much longer than the limits imply.
const BAR: f64 = 1.05;
/// Bulk imports that a Dotdigital account may have under way.
const IMPORTS_AT_ONCE: u64 = 5;
/// How long a bulk import takes.
const IMPORT: Duration = Duration::from_secs(4);
/// When the outcome of such an import is asked for: the vendor asks for 5 seconds or more between two questions.
const ASKED: f64 = 5.0;
/// Calls per minute of Dotdigital's lowest tier in its smallest package: the lowest number that is known.
const LOWEST_TIER: u32 = 35;

/// A service whose limits decide how long a pass takes.
enum Service {
    Insider(insider::Emulator),
    Dotdigital(dotdigital::Emulator),
}

/// What one pass took.
struct Pass {
    calls: u64,
    items: usize,
    took: Duration,
    /// What the limits imply for so many calls, in seconds.
    implied: f64,
}

/// Measures each service with a shop of so many products, and prints a line for each; true when all are within the bar.
/// `batch`: most items of a call; `None`: the connectors' own number.
pub(crate) fn measure(products: usize, batch: Option<u16>) -> anyhow::Result<bool> {
    let mut within = true;
    for name in ["insider", "dotdigital"] {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let Pass { calls, items, took, implied } = runtime.block_on(pass(name, products, batch))?;
        let ratio = took.as_secs_f64() / implied;
        within &= ratio <= BAR;
        println!(
            "{name}: {products} products, {items} items in {calls} calls of the limited kind; {:.0} s on the virtual \
             clock, {implied:.0} s implied by the limits, ratio {ratio:.3} (bar {BAR})",
            took.as_secs_f64()
        );
    }
    Ok(within)
}

async fn pass(name: &str, products: usize, batch: Option<u16>) -> anyhow::Result<Pass> {
    let clock = SimClock::new(Instant::now());
    let options = generate::Options { products, ..generate::Options::default() };
    let shop = commercetools::Emulator::new(commercetools::Settings::default());
    shop.set_clock(clock.for_sandbox());
    shop.seed(&generate::generate(&options)).context("the shop can't be set up")?;
    let service = Service::new(name, clock.for_sandbox());
    let folder = tempfile::tempdir()?;
    let config = configure(folder.path(), name, &options.markets(), batch)?;
    let hosts = BTreeMap::from([(HOST.to_owned(), shop.router()), (SERVICE.to_owned(), service.router())]);
    let around = Around {
        executor: Arc::new(Plain),
        clock: clock.clone(),
        transport: Network::new(hosts, child(0, "network"), None, None),
        random: child(0, "jitter"),
        allow_deletes: false,
        observer: Arc::new(Silent),
        most_pages: None,
    };
    let hub = Hub::start(&config, &folder.path().join("hub.db"), around).await?;
    let began = Instant::now();
    end::pass(&hub, false).await?;
    let took = began.elapsed();
    for flow in hub.status().await? {
        anyhow::ensure!(flow.converged, "the pass does not converge: {flow:?}");
    }
    let (calls, items, implied) = service.implied();
    Ok(Pass { calls, items, took, implied })
}

impl Service {
    fn new(name: &str, clock: sandbox::clock::Clock) -> Self {
        if name == "insider" {
            let settings = insider::Settings { journal_calls: usize::MAX, ..insider::Settings::default() };
            return Self::Insider(insider::Emulator::with_clock(settings, clock));
        }
        let import_ms = u64::try_from(IMPORT.as_millis()).unwrap_or(u64::MAX);
        let settings = dotdigital::Settings { low: LOWEST_TIER, import_ms, ..dotdigital::Settings::default() };
        Self::Dotdigital(dotdigital::Emulator::with_clock(settings, clock))
    }

    fn router(&self) -> Router {
        match self {
            Self::Insider(emulator) => emulator.router(),
            Self::Dotdigital(emulator) => emulator.router(),
        }
    }

    /// The calls that count, the items that are held, and the seconds that the limits imply for these calls.
    fn implied(&self) -> (u64, usize, f64) {
        match self {
            Self::Insider(emulator) => {
                let per_minute = insider::Settings::default().requests_per_minute.unwrap_or(u32::MAX);
                let account = emulator.account(&insider::AccountSettings::sandbox().partner_name);
                let (calls, items) = account.map_or((0, 0), |it| (it.calls().len(), it.records().len()));
                let calls = u64::try_from(calls).unwrap_or(u64::MAX);
                (calls, items, seconds(calls) * 60.0 / f64::from(per_minute))
            }
            Self::Dotdigital(emulator) => {
                let calls = u64::try_from(emulator.imports().len()).unwrap_or(u64::MAX);
                let items = emulator.collections().iter().map(|name| emulator.records(name).len()).sum();
                let turns = |imports: u64| seconds(imports.div_ceil(IMPORTS_AT_ONCE)) * ASKED;
                let (most, last) = (u64::from(LOWEST_TIER), calls.saturating_sub(1));
                let full_minutes = last / most;
                let minute = turns(most).max(60.0);
                (calls, items, seconds(full_minutes) * minute + turns(calls - full_minutes * most))
            }
        }
    }
}

fn seconds(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Writes the configuration and its secrets into `folder`.
fn configure(folder: &Path, name: &str, markets: &[Market], batch: Option<u16>) -> anyhow::Result<PathBuf> {
    let secret = |name: &str, text: &str| -> anyhow::Result<String> {
        let path = folder.join(format!("{name}.secret"));
        fs::write(&path, text)?;
        Ok(format!("file:{}", path.display()))
    };
    let mut text = String::from("[store]\npath = \"hub.db\"\n");
    writeln!(
        text,
        "[sources.shop]\nkind = \"commercetools\"\nproject_key = \"sandbox\"\napi_url = \"http://{HOST}\"\n\
         auth_url = \"http://{HOST}\"\nclient_id = {:?}\nclient_secret = {:?}",
        secret("client-id", "sandbox")?,
        secret("client-secret", "sandbox-secret")?,
    )?;
    writeln!(text, "[destinations.{name}]\nkind = {name:?}")?;
    if name == "insider" {
        let account = insider::AccountSettings::sandbox();
        let token = secret("token", &account.token)?;
        writeln!(text, "url = \"http://{SERVICE}/v2\"\npartner_name = {:?}\ntoken = {token:?}", account.partner_name)?;
    } else {
        let account = dotdigital::Settings::default();
        let (user, password) = (secret("user", &account.user)?, secret("password", &account.password)?);
        writeln!(text, "url = \"http://{SERVICE}\"\nuser = {user:?}\npassword = {password:?}")?;
    }
    if let Some(batch) = batch {
        writeln!(text, "batch_items = {batch}")?;
    }
    for Market { key, locale, currency, country, store, supply_channels } in markets {
        writeln!(
            text,
            "[markets.{key}]\nlocale = {locale:?}\ncurrency = {currency:?}\ncountry = {country:?}\n\
             product_url = \"https://shop.example/{key}/p/{{slug}}\"\n\
             category_url = \"https://shop.example/{key}/c/{{slug}}\"\nsupply_channels = {supply_channels:?}"
        )?;
        if let Some(store) = store {
            writeln!(text, "store = {store:?}")?;
        }
    }
    let keys: Vec<&String> = markets.iter().map(|market| &market.key).collect();
    let image = if name == "insider" { "image_url" } else { "image_path" };
    writeln!(
        text,
        "[flows.{name}]\nsource = \"shop\"\ndestination = {name:?}\nmarkets = {keys:?}\n[flows.{name}.fields]\n\
         {image} = \"size(product.images) > 0 ? product.images[0] : 'https://shop.example/none.png'\""
    )?;
    let path = folder.join("cartage.toml");
    fs::write(&path, text)?;
    Ok(path)
}
