//! A shop and the services that it is sold to, on loopback: the emulators, started, and the configuration that reaches them.

use std::{collections::BTreeSet, fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::Context as _;
use sandbox::{
    acp,
    catalogue::{Catalogue, EXAMPLE, Market, generate, load, with_example},
    clerk, commercetools, dotdigital,
    fault::Faults,
    insider,
    people::{self, LivingPeople},
    requests::Requests,
    shop::LivingShop,
};
use store::sqlite::OperatorKey;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    args::{Platform, Service, ShopArgs},
    edits::Edit,
    services::{self, Account, Draft, quoted},
    serving::Serving,
    shops::{Ids, Shop},
};

/// How a configuration of the sandbox begins; a file that begins otherwise is never overwritten.
const MADE: &str = "# Made by `cartage sandbox` for its emulators.";

/// How long after the start of the sandbox the sale of its example begins: time to explain it before and after.
const SALE_IN: Duration = Duration::from_mins(3);
/// The same for the demo, which is watched from its start.
const SALE_OF_DEMO_IN: Duration = Duration::from_secs(30);

/// The people of the shop: few, so that the first pass is as short as without them.
const CUSTOMERS: usize = 60;
/// What they have ordered.
const ORDERS: usize = 90;
/// So much of what happens in the living shop is done by its people.
const BY_PEOPLE: f64 = 0.25;

/// Where the emulators listen; port 0 takes a free one.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// The shop.
    pub shop: SocketAddr,
    /// Clerk.io.
    pub clerk: SocketAddr,
    /// Insider.
    pub insider: SocketAddr,
    /// Dotdigital.
    pub dotdigital: SocketAddr,
    /// An agent with product feeds.
    pub acp: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { shop: free, clerk: free, insider: free, dotdigital: free, acp: free }
    }
}

/// The emulators, running.
pub struct World {
    /// The shop.
    pub on: Shop,
    /// The same where it is on commercetools; else it is empty.
    pub shop: commercetools::Emulator,
    /// Where the shop is.
    pub shop_url: String,
    /// What the shop is made of.
    pub catalogue: Catalogue,
    /// Its faults.
    pub shop_faults: Faults,
    /// What the shop is asked for, recorded on demand.
    pub requests: Requests,
    /// The Clerk.io stores, one per market.
    pub clerk: clerk::Emulator,
    /// Their faults.
    pub clerk_faults: Faults,
    /// The Insider account, where the shop is sold to it.
    pub insider: Option<Account<insider::Emulator>>,
    /// The Dotdigital account, where the shop is sold to it.
    pub dotdigital: Option<Account<dotdigital::Emulator>>,
    /// The agent with a product feed for each market, where the shop is sold to it.
    pub acp: Option<Account<acp::Emulator>>,
    /// The services that the configuration names.
    pub to: Vec<Service>,
    /// The markets the shop is made for.
    pub markets: Vec<Market>,
    /// Where Clerk.io is.
    pub clerk_url: String,
    /// What could not be read of a real catalogue.
    pub skipped: Vec<load::Skipped>,
    /// How many products the shop has.
    pub products: usize,
    /// A product to look at, as commands name it: the example of help texts and guides, where the shop has it.
    pub example: String,
    /// When the sale of that example begins, where it has one.
    pub sale: Option<jiff::Timestamp>,
    /// How many customers and orders it has.
    pub people: Option<(usize, usize)>,
    /// An order to look at, by its number.
    pub example_order: Option<String>,
    living: Option<LivingShop>,
    living_people: Option<Box<dyn Iterator<Item = people::Edit> + Send + Sync>>,
    serving: Serving,
}

/// A shop, before any platform has it.
pub struct Goods {
    catalogue: Catalogue,
    markets: Vec<Market>,
    skipped: Vec<load::Skipped>,
    living: LivingShop,
}

impl Goods {
    /// A catalogue for these markets.
    pub fn new(catalogue: Catalogue, markets: Vec<Market>) -> Self {
        Self { living: LivingShop::new(&catalogue, 7), catalogue, markets, skipped: Vec::new() }
    }

    /// What arguments of the command line ask for.
    fn of(args: &ShopArgs) -> anyhow::Result<Self> {
        let Some(folder) = &args.data else {
            let (products, oddities) = (args.products, !args.uniform);
            let options = generate::Options { products, oddities, ..generate::Options::default() };
            return Ok(Self::new(generate(&options), options.markets()));
        };
        let loaded = load(folder)?;
        anyhow::ensure!(
            !loaded.markets.is_empty() || loaded.catalogue.product_count == 0,
            "the catalogue in {} names no market to sell it in",
            folder.display()
        );
        // Such a catalogue has no stores either.
        let anywhere = generate::Options { oddities: false, ..generate::Options::default() };
        let markets = if loaded.markets.is_empty() { anywhere.markets() } else { loaded.markets };
        Ok(Self { skipped: loaded.skipped, ..Self::new(loaded.catalogue, markets) })
    }
}

impl World {
    /// Starts the emulators with a shop on commercetools that is sold to Clerk.io.
    ///
    /// # Errors
    /// The catalogue can't be read, or an address can't be listened on.
    pub async fn start(args: &ShopArgs, listen: Listen) -> anyhow::Result<Self> {
        Self::serve(Platform::Commercetools, Goods::of(args)?, &[Service::Clerk], listen).await
    }

    /// As [`World::start`], sold to these services; a generated shop also has the product that help texts and guides use
    /// as their example. No edit of the living shop is about that product, so that it stays as the guides describe it.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn start_with_example(args: &ShopArgs, to: &[Service], listen: Listen) -> anyhow::Result<Self> {
        Self::start_with_sale((Platform::Commercetools, to), args, listen, SALE_IN).await
    }

    /// As [`World::start_with_example`], with the shop on this platform, for the demo.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn start_on(from: Platform, args: &ShopArgs, to: &[Service], listen: Listen) -> anyhow::Result<Self> {
        Self::start_with_sale((from, to), args, listen, SALE_OF_DEMO_IN).await
    }

    async fn start_with_sale(
        (from, to): (Platform, &[Service]),
        args: &ShopArgs,
        listen: Listen,
        sale_in: Duration,
    ) -> anyhow::Result<Self> {
        let mut goods = Goods::of(args)?;
        let begins = sandbox::clock::machine()().checked_add(jiff::SignedDuration::try_from(sale_in)?).ok();
        let sale = begins.filter(|_| args.data.is_none() && !args.uniform);
        if let Some(sale) = sale {
            goods.catalogue = with_example(goods.catalogue, sale);
        }
        let mut world = Self::serve(from, goods, to, listen).await?;
        if sale.is_some() {
            EXAMPLE.clone_into(&mut world.example);
        }
        world.sale = sale.filter(|_| world.on.times_prices());
        Ok(world)
    }

    /// Starts the emulators: a shop on this platform, sold to these services.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn serve(from: Platform, goods: Goods, to: &[Service], listen: Listen) -> anyhow::Result<Self> {
        let Goods { catalogue, markets, skipped, living } = goods;
        let mut serving = Serving::new();
        let clerk_faults = Faults::new(clerk::fault_body);
        let requests = Requests::default();
        let on = Shop::new(from, &catalogue)?;
        let shop_faults = on.faults();
        let shop = match &on {
            Shop::Commercetools(project) => project.clone(),
            Shop::Bigcommerce(_) | Shop::Sfcc(_) => commercetools::Emulator::new(commercetools::Settings::default()),
        };
        let shop_url = serving.serve(requests.wrap(shop_faults.wrap(on.router())), listen.shop).await?;
        let stores = markets.iter().map(|market| {
            let language = if market.locale.starts_with("de") { "german" } else { "english" };
            clerk::StoreSettings::sandbox(&market.key, language, &market.currency)
        });
        let clerk = clerk::Emulator::new(clerk::Settings { stores: stores.collect(), ..clerk::Settings::default() });
        let clerk_url = serving.serve(clerk_faults.wrap(clerk.router()), listen.clerk).await? + "/v2";
        let to: BTreeSet<Service> = to.iter().copied().collect();
        let (mut insider, mut dotdigital, mut acp) = (None, None, None);
        if to.contains(&Service::Insider) {
            insider = Some(services::insider(&mut serving, listen.insider).await?);
        }
        if to.contains(&Service::Dotdigital) {
            dotdigital = Some(services::dotdigital(&mut serving, listen.dotdigital).await?);
        }
        if to.contains(&Service::Acp) {
            acp = Some(services::acp(&mut serving, listen.acp, &markets).await?);
        }
        let products = catalogue.product_count;
        let example = (catalogue.products)().flat_map(|product| product.variants).find_map(|variant| variant.sku);
        Ok(Self {
            on,
            shop,
            shop_url,
            catalogue,
            shop_faults,
            requests,
            clerk,
            clerk_faults,
            insider,
            dotdigital,
            acp,
            to: to.into_iter().collect(),
            markets,
            clerk_url,
            skipped,
            products,
            example: example.unwrap_or_default(),
            sale: None,
            people: None,
            example_order: None,
            living: Some(living),
            living_people: None,
            serving,
        })
    }

    /// Adds customers and orders if the source reads them and a service takes them; before the configuration is written.
    /// `return_things`: whether they do while the shop is open.
    ///
    /// # Errors
    /// Never with a catalogue that is whole.
    pub fn add_people(&mut self, return_things: bool) -> anyhow::Result<()> {
        if !self.to.iter().any(|service| service.takes_people()) {
            return Ok(());
        }
        let currencies = self.markets.iter().map(|market| market.currency.clone()).collect();
        let (oddities, shared_addresses) = (false, false);
        let options = people::Options {
            customers: CUSTOMERS,
            orders: ORDERS,
            currencies,
            oddities,
            shared_addresses,
            ..people::Options::default()
        };
        let mut people = people::generate(&options, &self.catalogue);
        // Most are of one of the markets; the rest is of none, as in a shop that sells elsewhere too.
        let markets = self.markets.iter().cycle();
        for (_, (order, market)) in people.orders.iter_mut().zip(markets).enumerate().filter(|(at, _)| at % 10 != 9) {
            (order.store, order.country) = (market.store.clone(), Some(market.country.clone()));
        }
        if self.on.add_people(&people)? {
            self.people = Some((people.customers.len(), people.orders.len()));
            self.example_order = people.orders.iter().find_map(|order| order.number.clone());
            let living = LivingPeople::new(&people, 7).keeping_addresses();
            let happens = move |edit: &people::Edit| return_things || !matches!(edit, people::Edit::Returned { .. });
            self.living_people = Some(Box::new(living.filter(happens)));
        }
        Ok(())
    }

    /// Writes a configuration that reaches the emulators, with the secrets in files beside it.
    ///
    /// # Errors
    /// The disk's.
    pub fn configure(&self, file: &Path, extra: &str) -> anyhow::Result<()> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let folder = fs::canonicalize(folder).with_context(|| format!("{} is no folder", folder.display()))?;
        let foreign = fs::read_to_string(file).is_ok_and(|text| !text.starts_with(MADE));
        anyhow::ensure!(!foreign, "{} exists and is not the sandbox's; name another file", file.display());
        let mut draft = Draft::new(format!("{MADE}\n"), folder, self.people.is_some());
        draft.section("store", &[("path", quoted("sandbox.db"))]);
        let mut source = self.on.settings(&self.shop_url, &draft)?;
        if self.people.is_some() {
            let key = draft.secret("data-key", &OperatorKey::generate()?)?;
            draft.section("personal_data", &[("keys", format!("[{key}]"))]);
            source.extend(self.on.consent().map(|consent| ("consent", consent.to_owned())));
        }
        draft.section("sources.shop", &source);
        let slug = self.on.slug();
        for market in &self.markets {
            let key = &market.key;
            let mut pairs = vec![
                ("locale", quoted(&market.locale)),
                ("currency", quoted(&market.currency)),
                ("country", quoted(&market.country)),
                ("time_zone", quoted(if key == "de" { "Europe/Berlin" } else { "Europe/London" })),
                ("product_url", quoted(&format!("https://shop.example/{key}/p/{slug}"))),
                ("category_url", quoted(&format!("https://shop.example/{key}/c/{slug}"))),
            ];
            pairs.extend(self.on.of_market(market));
            draft.section(&format!("markets.{key}"), &pairs);
        }
        let source = self.on.platform().descriptor();
        for service in &self.to {
            match service {
                Service::Acp => {
                    self.acp.iter().try_for_each(|it| services::add_acp(&mut draft, it, &self.markets))?;
                }
                Service::Clerk => {
                    let add = |it| services::add_clerk(&mut draft, &self.clerk_url, source, it);
                    self.markets.iter().try_for_each(add)?;
                }
                Service::Dotdigital => {
                    self.dotdigital
                        .iter()
                        .try_for_each(|it| services::add_dotdigital(&mut draft, it, &self.markets))?;
                }
                Service::Insider => {
                    self.insider.iter().try_for_each(|it| services::add_insider(&mut draft, it, &self.markets))?;
                }
                Service::Merchant => services::add_merchant(&mut draft, &self.markets)?,
            }
        }
        draft.text.push_str(extra);
        fs::write(file, draft.text).with_context(|| format!("{} can't be written", file.display()))
    }

    /// Faults of the services.
    pub fn service_faults(&self) -> impl Iterator<Item = &Faults> {
        let others = [
            self.insider.as_ref().map(|it| &it.faults),
            self.dotdigital.as_ref().map(|it| &it.faults),
            self.acp.as_ref().map(|it| &it.faults),
        ];
        std::iter::once(&self.clerk_faults).chain(others.into_iter().flatten())
    }

    /// Where each service is, for people.
    pub(super) fn service_addresses(&self) -> Vec<(Service, String)> {
        let address = |service: Service| match service {
            Service::Acp => Some(format!("{}  (one feed per market)", self.acp.as_ref()?.url)),
            Service::Clerk => Some(format!("{}  (one store per market)", self.clerk_url)),
            Service::Dotdigital => Some(format!("{}  (one collection per market)", self.dotdigital.as_ref()?.url)),
            Service::Insider => Some(format!("{}  (one account for all markets)", self.insider.as_ref()?.url)),
            Service::Merchant => Some("one product feed per market".to_owned()),
        };
        self.to.iter().filter_map(|service| Some((*service, address(*service)?))).collect()
    }

    /// Finds what the edits of the living shop are about.
    pub(super) fn ids(&self) -> Ids {
        Ids::new(self.on.clone())
    }

    /// Keeps changing the shop, so many times a second, until `closed` turns true; each change that was made is passed to
    /// `told`. Can be had once.
    pub fn live(
        &mut self,
        rate: f64,
        closed: watch::Receiver<bool>,
        told: impl Fn(&Edit) + Send + Sync + 'static,
    ) -> Option<JoinHandle<()>> {
        let living = self.living.take()?;
        let (shop, people) = (self.on.clone(), self.living_people.take());
        let by_people = if people.is_some() { BY_PEOPLE } else { 0.0 };
        let pace = move |share: f64| Duration::from_secs_f64(1.0 / (rate * share));
        Some(tokio::spawn(async move {
            let until_closed = |mut closed: watch::Receiver<bool>| async move {
                let _ended = closed.wait_for(|closed| *closed).await.is_ok();
            };
            let of_goods = |edit: &sandbox::shop::Edit| told(&Edit::Goods(Box::new(edit.clone())));
            let of_people = |edit: &people::Edit| told(&Edit::People(edit.clone()));
            let goods = shop.drive(living, pace(1.0 - by_people), of_goods, until_closed(closed.clone()));
            let people = async {
                if let Some(people) = people {
                    shop.drive_people(people, pace(by_people), of_people, until_closed(closed)).await;
                }
            };
            tokio::join!(goods, people);
        }))
    }

    /// Stops what was started and waits for it.
    pub async fn stop(self) {
        self.serving.stop().await;
    }
}
