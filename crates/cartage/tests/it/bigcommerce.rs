//! An emulated BigCommerce to emulated Clerk.io stores, end to end.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::Arc,
};

use cartage::{assemble, config::Config};
use sandbox::{
    bigcommerce::{Change, Emulator, Localization, Settings, Whose},
    catalogue::{Catalogue, Market, Options, generate, load},
    clerk::{self, StoreSettings, StoreView},
    shop::LivingShop,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use engine::observe::Silent;

use crate::harness::{FakeClock, Pass, Process, serve, shared};

pub(crate) const TOKEN: &str = "bc-secret-token";

/// A market of the test: the store, currency and customer group whose prices it shows.
pub(crate) struct Buyer {
    key: String,
    store: Option<u64>,
    currency: String,
    group: Option<u64>,
}

/// The emulators, and a configuration that reaches them.
pub(crate) struct World {
    pub(crate) shop: Emulator,
    clerk: clerk::Emulator,
    pub(crate) url: String,
    folder: TempDir,
    buyers: Vec<Buyer>,
}

impl World {
    pub(crate) async fn start(catalogue: &Catalogue, buyers: impl FnOnce(&Emulator) -> Vec<Buyer>) -> Self {
        Self::start_with(Settings::default(), catalogue, buyers).await
    }

    /// The same with other settings of the emulator, of which those that the test needs are set here.
    pub(crate) async fn start_with(
        settings: Settings,
        catalogue: &Catalogue,
        buyers: impl FnOnce(&Emulator) -> Vec<Buyer>,
    ) -> Self {
        let settings = Settings {
            store_hash: "shop".to_owned(),
            access_token: TOKEN.to_owned(),
            local_hooks: true,
            hook_warm_up_ms: 0,
            ..settings
        };
        let shop = Emulator::new(settings);
        shop.seed(catalogue).unwrap();
        let buyers = buyers(&shop);
        let stores = buyers.iter().map(|buyer| StoreSettings::sandbox(&buyer.key, "english", &buyer.currency));
        let clerk = clerk::Emulator::new(clerk::Settings { stores: stores.collect(), ..clerk::Settings::default() });
        let url = serve(shop.router()).await;
        let clerk_url = serve(clerk.router()).await + "/v2";
        let folder = tempfile::tempdir().unwrap();
        let world = Self { shop, clerk, url, folder, buyers };
        world.configure(&clerk_url);
        world
    }

    pub(crate) fn secret(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        format!("file:{}", path.display())
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("cartage.toml")
    }

    fn configure(&self, clerk_url: &str) {
        let (url, token) = (&self.url, self.secret("token", TOKEN));
        let locations: Vec<String> = self.shop.location_codes();
        let mut text = format!(
            "[store]\npath = \"shop.db\"\n[sources.shop]\nkind = \"bigcommerce\"\nstore_hash = \"shop\"\n\
             access_token = {token:?}\napi_url = {url:?}\nstock_locations = {locations:?}\n\
             [sources.shop.lanes]\ncustomer_groups = true\n"
        );
        for buyer in &self.buyers {
            let key = &buyer.key;
            let of = StoreSettings::sandbox(key, "", "");
            let private = self.secret(&format!("{key}-private"), &of.private_key);
            let public = self.secret(&format!("{key}-public"), &of.public_key);
            let part = format!(
                "[destinations.{key}]\nkind = \"clerk\"\nurl = {clerk_url:?}\npublic_key = {public:?}\nprivate_key = {private:?}\n\
                 [markets.{key}]\nlocale = \"en\"\ncurrency = {:?}\nproduct_url = \"https://{key}.shop.example/{{path}}\"\n\
                 category_url = \"https://{key}.shop.example/{{path}}\"\n",
                buyer.currency,
            );
            text.push_str(&part);
            text.extend(buyer.store.map(|store| format!("store = \"{store}\"\n")));
            text.extend(buyer.group.map(|group| format!("customer_group = \"{group}\"\n")));
            let part = format!(
                "[flows.{key}]\nsource = \"shop\"\ndestination = {key:?}\nmarket = {key:?}\n[flows.{key}.fields]\n"
            );
            text.push_str(&part);
            text += "image = \"size(product.images) > 0 ? product.images[0] : 'https://shop.example/no-image.png'\"\n";
        }
        fs::write(self.config(), text).unwrap();
    }

    /// Has a market shown in this language.
    fn speak(&self, market: &str, locale: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        let section = format!("[markets.{market}]\n");
        let text = text.replace(&format!("{section}locale = \"en\""), &format!("{section}locale = {locale:?}"));
        fs::write(self.config(), text).unwrap();
    }

    /// Adds a setting of the source.
    fn set(&self, setting: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), text.replace("[sources.shop]\n", &format!("[sources.shop]\n{setting}\n"))).unwrap();
    }

    /// Has the store's webhooks arrive at this address, and every lane rest for a day, apart from one.
    pub(crate) fn hook(&self, public_url: &str, client_secret: &str, busy: Option<&str>) {
        let secret = self.secret("client-secret", client_secret);
        let text = fs::read_to_string(self.config()).unwrap() + &hooked(public_url, &secret, busy);
        fs::write(self.config(), text).unwrap();
    }

    /// A hub of the present configuration with a database of its own.
    pub(crate) async fn open_beside(&self) -> Process {
        let text = fs::read_to_string(self.config()).unwrap().replace("shop.db", "beside.db");
        fs::write(self.config(), text).unwrap();
        Process { database: self.folder.path().join("beside.db"), ..self.open_at(1).await }
    }

    pub(crate) async fn open(&self) -> Process {
        self.open_at(20).await
    }

    /// A hub whose clock runs so many times as fast as the machine's.
    pub(crate) async fn open_at(&self, speed: u32) -> Process {
        let loaded = Config::load(&self.config()).unwrap_or_else(|errors| panic!("{errors:#?}"));
        let store = assemble::open(&loaded).unwrap();
        let clock = FakeClock::new(speed);
        let engine = assemble::engine(&loaded, Arc::clone(&store), clock, Arc::new(Silent), false);
        let engine = engine.unwrap_or_else(|failure| panic!("{failure}"));
        engine.register().await.unwrap();
        Process { engine, store, database: self.folder.path().join("shop.db") }
    }

    pub(crate) fn store(&self, market: &str) -> StoreView {
        self.clerk.store(market).unwrap()
    }

    /// What the vendor's calculator says that each variant costs a buyer, by variant: price and price without sale.
    async fn calculated(&self, buyer: &Buyer) -> BTreeMap<String, (f64, f64)> {
        let items: Vec<Value> = self
            .shop
            .variant_ids()
            .into_iter()
            .flat_map(|(product, variants)| {
                variants.into_iter().map(move |variant| json!({ "product_id": product, "variant_id": variant }))
            })
            .collect();
        let client = sandbox_client();
        let mut prices = BTreeMap::new();
        for part in items.chunks(50) {
            let wanted = json!({
                "channel_id": buyer.store, "currency_code": buyer.currency, "country_code": "DE",
                "customer_group_id": buyer.group.unwrap_or(0), "items": part,
            });
            let url = format!("{}/stores/shop/v3/pricing/products", self.url);
            let answer = client.post(url).header("x-auth-token", TOKEN).body(wanted.to_string()).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
            for item in answer["data"].as_array().unwrap() {
                let amount = |name: &str| item[name]["as_entered"].as_f64().unwrap();
                prices.insert(item["variant_id"].to_string(), (amount("calculated_price"), amount("price")));
            }
        }
        prices
    }
}

/// Settings by which a store's webhooks arrive at this address, and every lane rests for a day, apart from one.
pub(crate) fn hooked(public_url: &str, client_secret: &str, busy: Option<&str>) -> String {
    let mut text = format!(
        "[server]\npublic_url = {public_url:?}\n[sources.shop.webhooks]\nclient_secret = {client_secret:?}\n\
         [sources.shop.cadence]\n"
    );
    for lane in [
        "channels",
        "currencies",
        "categories",
        "brands",
        "price_lists",
        "assignments",
        "prices",
        "inventory",
        "products",
        "variants",
    ] {
        text.push_str(lane);
        text.push_str(if busy == Some(lane) { " = \"1s\"\n" } else { " = \"24h\"\n" });
    }
    text
}

/// A client for loopback.
#[expect(clippy::disallowed_methods, reason = "it speaks to an emulator, not through a connector")]
pub(crate) fn sandbox_client() -> reqwest::Client {
    wire::install_tls();
    reqwest::Client::new()
}

/// The markets of a catalogue, without groups.
pub(crate) fn of_markets(markets: &[Market]) -> impl FnOnce(&Emulator) -> Vec<Buyer> + '_ {
    move |shop| {
        let buyer = |market: &Market| Buyer {
            key: market.key.clone(),
            store: market.store.as_deref().map(|store| shop.channel_id(store).unwrap()),
            currency: market.currency.clone(),
            group: None,
        };
        markets.iter().map(buyer).collect()
    }
}

fn assert_converged(pass: &Pass) {
    assert!(pass.converged(), "{pass:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shop_converges_and_stays_so_while_it_changes() {
    let options = Options { products: 120, ..Options::default() };
    let catalogue = generate(&options);
    let world = World::start(&catalogue, of_markets(&options.markets())).await;
    let process = world.open().await;
    assert_converged(&process.sync().await);
    let count = |market: &str| world.store(market).products().len();
    assert!(count("de") > 100 && count("uk") > 100, "{} {}", count("de"), count("uk"));
    let again = process.sync_full().await;
    assert_converged(&again);
    let sent: usize = ["de", "uk"]
        .iter()
        .map(|market| {
            world.store(market).forget_calls();
            world.store(market).calls().len()
        })
        .sum();
    assert_eq!(sent, 0);
    process.sync_full().await;
    assert!(
        ["de", "uk"].iter().all(|market| world.store(market).calls().is_empty()),
        "nothing changed, nothing is sent"
    );

    // An hour of the shop's life.
    world.shop.set_clock_offset(3_600_000);
    let edits = LivingShop::new(&catalogue, 3).take(400);
    let made = edits.filter(|edit| world.shop.edit(edit.clone()).is_ok()).count();
    assert!(made > 300, "{made}");
    assert_converged(&process.sync().await);
    assert_converged(&process.sync_full().await);
    let held =
        |world: &World| ["de", "uk"].map(|market| [world.store(market).products(), world.store(market).categories()]);
    // A hub that begins now comes to the same.
    let fresh = World::start(&generate(&options), of_markets(&options.markets())).await;
    fresh.shop.set_clock_offset(3_600_000);
    for edit in LivingShop::new(&catalogue, 3).take(400) {
        let _without_place = fresh.shop.edit(edit).is_err();
    }
    let begun = fresh.open().await;
    assert_converged(&begun.sync().await);
    let without_dates = |mut held: [[BTreeMap<String, Value>; 2]; 2]| {
        for object in held.iter_mut().flatten().flat_map(BTreeMap::values_mut) {
            object.as_object_mut().unwrap().remove("created_at");
        }
        held
    };
    assert_eq!(without_dates(held(&world)), without_dates(held(&fresh)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_buyer_pays_is_what_the_vendors_calculator_says() {
    pays_as_calculated("lists").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_buyer_pays_can_be_asked_of_the_vendors_calculator() {
    pays_as_calculated("calculator").await;
}

/// Holds what every buyer is shown against the vendor's calculator, over channels, currencies and groups.
async fn pays_as_calculated(prices: &str) {
    let catalogue = generate(&Options {
        products: 60,
        currencies: vec!["EUR".into(), "GBP".into(), "JPY".into()],
        ..Options::default()
    });
    let world = World::start(&catalogue, |shop| {
        let mut buyers = Vec::new();
        for store in ["de", "uk"] {
            for currency in ["EUR", "GBP", "JPY"] {
                for group in [None, Some("b2b"), Some("staff")] {
                    buyers.push(Buyer {
                        key: format!("{store}-{}-{}", currency.to_lowercase(), group.unwrap_or("all")),
                        store: shop.channel_id(store),
                        currency: currency.to_owned(),
                        group: group.map(|group| shop.group_id(group).unwrap()),
                    });
                }
            }
        }
        buyers
    })
    .await;
    // Some prices that only one store, group, or group in a store has.
    let skus: Vec<String> =
        (catalogue.products)().filter_map(|product| product.variants.first()?.sku.clone()).collect();
    let channels = || ["shop-de", "shop-uk"].map(str::to_owned).into_iter();
    let groups = || ["b2b", "staff"].map(str::to_owned).into_iter();
    let both = channels().flat_map(|channel| groups().map(move |group| Whose::GroupInChannel(group, channel.clone())));
    let everyone = channels().map(Whose::Channel).chain(groups().map(Whose::Group)).chain(both);
    let mut minor = 500;
    for (whose, sku) in everyone.zip(skus.iter().cycle().step_by(2)) {
        for currency in ["EUR", "GBP", "JPY"] {
            minor += 7;
            let (sku, currency, whose) = (sku.clone(), currency.to_owned(), whose.clone());
            let sale = (minor % 2 == 0).then_some(minor - 100);
            world.shop.change(Change::SetPrice { sku, whose, currency, minor, sale }).unwrap();
        }
    }
    world.set(&format!("prices = {prices:?}"));
    let process = world.open().await;
    assert_converged(&process.sync().await);
    let listed = world.shop.counters().keys().any(|call| call.contains("pricelists"));
    assert_eq!(listed, prices == "lists");
    let mut compared = BTreeSet::new();
    for buyer in &world.buyers {
        let expected = world.calculated(buyer).await;
        let mut amounts = 0;
        for product in world.store(&buyer.key).products().into_values() {
            let list = |name: &str| product[name].as_array().unwrap().clone();
            let (ids, now, before) = (list("variant_ids"), list("variant_prices"), list("variant_list_prices"));
            for ((id, now), before) in ids.iter().zip(now).zip(before) {
                let shown = (now.as_f64().unwrap(), before.as_f64().unwrap());
                assert_eq!(shown, expected[id.as_str().unwrap()], "variant {id} for {}", buyer.key);
                amounts += 1;
            }
        }
        assert!(amounts > 100, "{amounts} for {}", buyer.key);
        compared.insert(format!("{expected:?}"));
    }
    assert_eq!(compared.len(), world.buyers.len(), "every buyer has prices of its own");
}

/// Two stores in languages of their own, read through GraphQL Admin.
async fn speaks(localization: Localization, texts: &str) {
    let options = Options { products: 20, oddities: false, ..Options::default() };
    let catalogue = generate(&options);
    let settings = Settings { localization, ..Settings::default() };
    let markets = Options { oddities: true, ..options }.markets();
    let world = World::start_with(settings, &catalogue, of_markets(&markets)).await;
    world.set(&format!("texts = {texts:?}"));
    for market in &markets {
        world.speak(&market.key, &market.locale);
    }
    let process = world.open().await;
    assert_converged(&process.sync().await);
    let name = |market: &str, product: &str| {
        let id = world.shop.product_id(product).unwrap().to_string();
        world.store(market).products()[&id]["name"].clone()
    };
    let mut differ = 0;
    for product in (catalogue.products)() {
        for market in &markets {
            assert_eq!(name(&market.key, &product.key), json!(product.name[&market.locale]), "{}", market.key);
        }
        differ += usize::from(product.name["de"] != product.name["en"]);
    }
    assert!(differ > 10, "{differ}");
    // A text that changes in one language only.
    let product = (catalogue.products)().next().unwrap();
    let before = name("de", &product.key);
    let (product, locale) = (product.key, "en".to_owned());
    let change = Change::SetText { product: product.clone(), channel: None, locale, name: "Renamed".to_owned() };
    world.shop.change(change).unwrap();
    assert_converged(&process.sync_full().await);
    assert_eq!((name("uk", &product), name("de", &product)), (json!("Renamed"), before));
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_reach_a_destination_in_a_second_language() {
    speaks(Localization::Overrides, "overrides").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn translations_reach_a_destination_in_a_second_language() {
    speaks(Localization::Translations, "translations").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_moves_no_date_arrives_with_the_next_pass() {
    let options = Options { products: 10, oddities: false, ..Options::default() };
    let catalogue = generate(&options);
    let world = World::start(&catalogue, of_markets(&Options { oddities: true, ..options.clone() }.markets())).await;
    let process = world.open().await;
    assert_converged(&process.sync().await);
    world.shop.set_clock_offset(7_200_000);
    let product = (catalogue.products)().next().unwrap();
    let id = world.shop.product_id(&product.key).unwrap().to_string();
    let shown = |name: &str| world.store("de").products().get(&id).map(|product| product[name].clone());
    let sku = product.variants[0].sku.clone().unwrap();
    let set = Change::SetPrice {
        sku: sku.clone(),
        whose: Whose::Everyone,
        currency: "EUR".to_owned(),
        minor: 100,
        sale: None,
    };
    world.shop.change(set).unwrap();
    world.shop.change(Change::SetStock { sku, channel: None, quantity: 4321 }).unwrap();
    let brand = shown("brand").unwrap().as_str().unwrap().to_owned();
    world.shop.change(Change::RenameBrand { brand, name: "Renamed".to_owned() }).unwrap();
    assert_converged(&process.sync().await);
    assert_eq!(shown("variant_prices").unwrap()[0], json!(1.0));
    assert_eq!(shown("variant_stocks").unwrap()[0].as_i64(), Some(4321 + other_stock(&product)));
    assert_eq!(shown("brand"), Some(json!("Renamed")));
    let channel = world.shop.channel_id("de").unwrap();
    world.shop.change(Change::Assign { product: product.key.clone(), channel, assigned: false }).unwrap();
    assert_converged(&process.sync().await);
    assert_eq!(shown("name"), None, "it is no longer assigned to the channel");
    assert!(world.store("uk").products().contains_key(&id));
}

/// Pieces of the first variant outside the first warehouse.
fn other_stock(product: &sandbox::catalogue::Product) -> i64 {
    let first = product.variants[0].stock.first().and_then(|stock| stock.channel.clone());
    product.variants[0].stock.iter().filter(|stock| stock.channel != first).map(|stock| stock.quantity).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_product_of_the_luma_shop_arrives() {
    let Some(folder) = shared("magento-luma") else { return };
    let loaded = load(&folder).unwrap();
    let world = World::start(&loaded.catalogue, of_markets(&loaded.markets)).await;
    let process = world.open().await;
    assert_converged(&process.sync().await);
    for market in &loaded.markets {
        assert_eq!(world.store(&market.key).products().len(), 179);
        assert_eq!(world.store(&market.key).warnings(), BTreeMap::new());
    }
    assert_converged(&process.sync_full().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_sells_from_it_too() {
    let ran = crate::harness::cartage(&["demo", "--once", "--json", "--from", "bigcommerce", "--products", "30"]).await;
    let report = ran.ended(0).json();
    let flows = report["flows"].as_array().unwrap();
    assert_eq!(flows.len(), 2);
    for flow in flows {
        assert!(flow["in_sync"].as_u64().unwrap() > 60 && flow["pending"] == 0, "{flow:#}");
    }
}
