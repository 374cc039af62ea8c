//! The shop, its Clerk.io stores, and the configuration of a hub that reaches them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use sandbox::{
    catalogue::{Market, generate},
    clerk::{self, Resource, StoreSettings},
    fault::Faults,
    shop::LivingShop,
};
use serde_json::Value;

use crate::{
    clock::SimClock,
    hooks::PUBLIC,
    mutant::Mutant,
    scenario::{Plan, Platform},
    seed::child,
    shop::{self, Shop},
};

/// The content of every store: products and categories by market.
pub(crate) type Held = BTreeMap<String, [BTreeMap<String, Value>; 2]>;

/// The configuration that the hub runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Usual,
    /// With one more field.
    OtherMapping,
    /// In a currency that no product has a price in.
    WrongCurrency,
}

/// The emulators.
pub(crate) struct World {
    pub(crate) shop: Box<dyn Shop>,
    pub(crate) shop_faults: Faults,
    pub(crate) clerk: clerk::Emulator,
    pub(crate) clerk_faults: Faults,
    pub(crate) markets: Vec<Market>,
    pub(crate) living: LivingShop,
}

/// The Clerk.io host of a market: each has its own, so that one can be unreachable.
pub(crate) fn host_of(market: &str) -> String {
    format!("clerk-{market}.test")
}

fn stores(markets: &[Market]) -> Vec<StoreSettings> {
    let store = |market: &Market| {
        let language = if market.locale.starts_with("de") { "german" } else { "english" };
        StoreSettings::sandbox(&market.key, language, &market.currency)
    };
    markets.iter().map(store).collect()
}

/// Empty stores.
fn clerk(markets: &[Market], clock: sandbox::clock::Clock) -> clerk::Emulator {
    clerk::Emulator::with_clock(clerk::Settings { stores: stores(markets), ..clerk::Settings::default() }, clock)
}

impl World {
    pub(crate) fn new(seed: u64, platform: Platform, plan: &Plan, clock: &Arc<SimClock>) -> anyhow::Result<Self> {
        let options = generate::Options {
            products: plan.products,
            oddities: plan.oddities,
            variants_per_product: 3,
            seed: child(seed, "catalogue").draw(),
            json_bytes: 1_000,
            ..generate::Options::default()
        };
        let catalogue = generate::generate(&options);
        let shop = shop::shop(platform, seed, plan, &catalogue, clock)?;
        let markets = options.markets();
        let shop_faults = Faults::with_clock(shop.fault_body(), clock.for_sandbox());
        let clerk_faults = Faults::with_clock(clerk::fault_body, clock.for_sandbox());
        let clerk = clerk(&markets, clock.for_sandbox());
        let living = LivingShop::new(&catalogue, child(seed, "edits").draw());
        Ok(Self { shop, shop_faults, clerk, clerk_faults, markets, living })
    }

    /// The hosts of the disturbed run.
    pub(crate) fn hosts(&self) -> BTreeMap<String, Router> {
        let stores = self.clerk_faults.wrap(self.clerk.router());
        self.hosts_with(self.shop_faults.wrap(self.shop.router()), &stores)
    }

    /// The same shop with other stores, without disturbances.
    pub(crate) fn undisturbed(&self, clock: &Arc<SimClock>) -> (clerk::Emulator, BTreeMap<String, Router>) {
        let clerk = clerk(&self.markets, clock.for_sandbox());
        let hosts = self.hosts_with(self.shop.router(), &clerk.router());
        (clerk, hosts)
    }

    fn hosts_with(&self, shop: Router, stores: &Router) -> BTreeMap<String, Router> {
        let stores = self.markets.iter().map(|market| (host_of(&market.key), stores.clone()));
        stores.chain([(shop::HOST.to_owned(), shop)]).collect()
    }

    /// Every secret of the configuration.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let keys = stores(&self.markets).into_iter().map(|store| store.private_key);
        keys.chain(self.shop.secrets()).collect()
    }

    /// The content of the stores of `clerk`.
    pub(crate) fn held(&self, clerk: &clerk::Emulator) -> Held {
        let held = |market: &Market| {
            let store = clerk.store(&market.key)?;
            Some((market.key.clone(), [store.objects(Resource::Products), store.objects(Resource::Categories)]))
        };
        self.markets.iter().filter_map(held).collect()
    }

    /// Writes the configuration and its secrets into `folder`.
    pub(crate) fn configure(
        &self,
        folder: &Path,
        plan: &Plan,
        setting: Setting,
        mutant: Option<Mutant>,
    ) -> anyhow::Result<PathBuf> {
        let secret = |name: &str, text: &str| -> anyhow::Result<String> {
            let path = folder.join(format!("{name}.secret"));
            fs::write(&path, text)?;
            Ok(format!("file:{}", path.display()))
        };
        let mut text = String::new();
        writeln!(text, "[store]\npath = \"hub.db\"")?;
        if plan.hooks.is_some() {
            writeln!(text, "[server]\npublic_url = {PUBLIC:?}")?;
        }
        writeln!(text, "[sources.shop]\n{}", self.shop.source(plan, mutant, &secret)?)?;
        let path_of = self.shop.path();
        let mapping = if setting == Setting::OtherMapping { "sim_note = \"product.name + '!'\"\n" } else { "" };
        for market in &self.markets {
            let key = &market.key;
            let currency = if setting == Setting::WrongCurrency { "CHF" } else { &market.currency };
            let store = StoreSettings::sandbox(key, "", "");
            writeln!(
                text,
                "[destinations.clerk-{key}]\nkind = \"clerk\"\nurl = \"http://{}/v2\"\npublic_key = {:?}\n\
                 private_key = {:?}\nbatch_items = {}",
                host_of(key),
                secret(&format!("{key}-public"), &store.public_key)?,
                secret(&format!("{key}-private"), &store.private_key)?,
                plan.batch_items,
            )?;
            writeln!(
                text,
                "[markets.{key}]\nlocale = {:?}\ncurrency = {:?}\ncountry = {:?}\ntime_zone = {:?}\n\
                 product_url = \"https://shop.example/{key}/p/{path_of}\"\n\
                 category_url = \"https://shop.example/{key}/c/{path_of}\"\n{}",
                market.locale,
                currency,
                market.country,
                if key == "de" { "Europe/Berlin" } else { "Europe/London" },
                self.shop.market(market),
            )?;
            writeln!(
                text,
                "[flows.clerk-{key}]\nsource = \"shop\"\ndestination = \"clerk-{key}\"\nmarket = {key:?}\n\
                 [flows.clerk-{key}.fields]\n\
                 image = \"size(product.images) > 0 ? product.images[0] : 'https://shop.example/none.png'\"\n{mapping}{}",
                self.shop.fields(),
            )?;
        }
        let path = folder.join("cartage.toml");
        fs::write(&path, text)?;
        Ok(path)
    }
}
