//! A shop and its Clerk.io stores on loopback: the emulators, started, and the configuration that reaches them.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use sandbox::{
    bigcommerce,
    catalogue::{Catalogue, EXAMPLE, Market, generate, load, with_example},
    clerk, commercetools,
    fault::Faults,
    requests::Requests,
    shop::{Edit, LivingShop},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::args::{Platform, ShopArgs};

/// How a configuration of the sandbox begins; a file that begins otherwise is never overwritten.
const MADE: &str = "# Made by `cartage sandbox` for its emulators.";

/// How long after the start of the sandbox the sale of its example begins: time to explain it before and after.
const SALE_IN: Duration = Duration::from_mins(3);
/// The same for the demo, which is watched from its start.
const SALE_OF_DEMO_IN: Duration = Duration::from_secs(30);

/// Where the emulators listen; port 0 takes a free one.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// commercetools.
    pub commercetools: SocketAddr,
    /// Clerk.io.
    pub clerk: SocketAddr,
}

impl Default for Listen {
    fn default() -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self { commercetools: free, clerk: free }
    }
}

/// The emulators, running.
pub struct World {
    /// The shop.
    pub shop: commercetools::Emulator,
    /// The same shop on BigCommerce, where it is sold there instead.
    pub bigcommerce: Option<BigCommerce>,
    /// Its faults.
    pub shop_faults: Faults,
    /// What the shop is asked for, recorded on demand.
    pub requests: Requests,
    /// The Clerk.io stores, one per market.
    pub clerk: clerk::Emulator,
    /// Their faults.
    pub clerk_faults: Faults,
    /// The markets the shop is made for.
    pub markets: Vec<Market>,
    /// Where commercetools is.
    pub commercetools_url: String,
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
    living: Option<LivingShop>,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<io::Result<()>>>,
}

/// The shop on BigCommerce.
pub struct BigCommerce {
    /// The store.
    pub store: bigcommerce::Emulator,
    /// Where BigCommerce is.
    pub url: String,
}

/// Ids of what edits are about, where the platform has no keys.
pub struct Ids {
    bigcommerce: Option<bigcommerce::Emulator>,
    /// Products that were added, by key, to know them once they are removed.
    added: Mutex<BTreeMap<String, String>>,
}

impl Ids {
    /// The id of the record that an edit is about, after the edit was made; none: its key or SKU finds it.
    pub fn of(&self, edit: &Edit) -> Option<String> {
        let store = self.bigcommerce.as_ref()?;
        let product = |key: &str| store.product_id(key).map(|id| id.to_string());
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        match edit {
            Edit::Stock { .. } | Edit::Price { .. } | Edit::PriceWindow { .. } => None,
            Edit::Name { product: key, .. } | Edit::Published { product: key, .. } => product(key),
            Edit::Category { category, .. } => store.category_ids(category).first().map(ToString::to_string),
            Edit::Added(new) => {
                let id = product(&new.key)?;
                added.insert(new.key.clone(), id.clone());
                Some(id)
            }
            Edit::Removed { product } => added.remove(product),
        }
    }
}

const PROJECT: &str = "sandbox";
const CLIENT_ID: &str = "sandbox";
const CLIENT_SECRET: &str = "sandbox-secret";

/// The image of a product, or a placeholder.
const PLACEHOLDER: &str = "size(product.images) > 0 ? product.images[0] : 'https://shop.example/no-image.png'";

impl World {
    /// Starts the emulators with a shop.
    ///
    /// # Errors
    /// The catalogue can't be read, or an address can't be listened on.
    pub async fn start(args: &ShopArgs, listen: Listen) -> anyhow::Result<Self> {
        let (catalogue, markets, skipped) = catalogue_of(args)?;
        let living = LivingShop::new(&catalogue, 7);
        Self::serve(catalogue, markets, skipped, living, listen).await
    }

    /// As [`World::start`]; a generated shop also has the product that help texts and guides use as their example. No
    /// edit of the living shop is about that product, so that it stays as the guides describe it.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn start_with_example(args: &ShopArgs, listen: Listen) -> anyhow::Result<Self> {
        Self::start_with_sale(args, listen, SALE_IN).await
    }

    /// As [`World::start_with_example`], with the shop on this platform, for the demo.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn start_on(platform: Platform, args: &ShopArgs, listen: Listen) -> anyhow::Result<Self> {
        let mut world = Self::start_with_sale(args, listen, SALE_OF_DEMO_IN).await?;
        if platform == Platform::Bigcommerce {
            let (mut catalogue, ..) = catalogue_of(args)?;
            // The REST API has no prices for a time.
            if let Some(sale) = world.sale.take() {
                catalogue = with_example(catalogue, sale);
            }
            // Its webhooks arrive on this machine.
            let settings =
                bigcommerce::Settings { local_hooks: true, hook_warm_up_ms: 0, ..bigcommerce::Settings::default() };
            let store = bigcommerce::Emulator::new(settings);
            store.seed(&catalogue).context("the shop can't be set up")?;
            let router = world.requests.wrap(world.shop_faults.wrap(store.router()));
            let (url, server) = served(router, Listen::default().commercetools, world.stop.subscribe()).await?;
            world.servers.push(server);
            world.bigcommerce = Some(BigCommerce { store, url });
        }
        Ok(world)
    }

    async fn start_with_sale(args: &ShopArgs, listen: Listen, sale_in: Duration) -> anyhow::Result<Self> {
        let (mut catalogue, markets, skipped) = catalogue_of(args)?;
        let living = LivingShop::new(&catalogue, 7);
        let sale = if args.data.is_none() && !args.uniform {
            sandbox::clock::machine()().checked_add(jiff::SignedDuration::try_from(sale_in)?).ok()
        } else {
            None
        };
        if let Some(sale) = sale {
            catalogue = with_example(catalogue, sale);
        }
        let mut world = Self::serve(catalogue, markets, skipped, living, listen).await?;
        if sale.is_some() {
            EXAMPLE.clone_into(&mut world.example);
        }
        world.sale = sale;
        Ok(world)
    }

    /// The shop's platform and where it is.
    pub fn shop_address(&self) -> (&'static str, &str) {
        match &self.bigcommerce {
            Some(shop) => ("BigCommerce", &shop.url),
            None => ("commercetools", &self.commercetools_url),
        }
    }

    async fn serve(
        catalogue: Catalogue,
        markets: Vec<Market>,
        skipped: Vec<load::Skipped>,
        living: LivingShop,
        listen: Listen,
    ) -> anyhow::Result<Self> {
        let shop_faults = Faults::default();
        let clerk_faults = Faults::new(clerk::fault_body);
        let requests = Requests::default();
        let shop = commercetools::Emulator::new(commercetools::Settings {
            project_key: PROJECT.to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            ..commercetools::Settings::default()
        });
        shop.seed(&catalogue).context("the shop can't be set up")?;
        let stores = markets.iter().map(|market| {
            let language = if market.locale.starts_with("de") { "german" } else { "english" };
            clerk::StoreSettings::sandbox(&market.key, language, &market.currency)
        });
        let clerk = clerk::Emulator::new(clerk::Settings { stores: stores.collect(), ..clerk::Settings::default() });
        let (closing, closed) = watch::channel(false);
        let mut servers = Vec::new();
        let mut serve = async |router, address: SocketAddr| -> anyhow::Result<String> {
            let (url, server) = served(router, address, closed.clone()).await?;
            servers.push(server);
            Ok(url)
        };
        let commercetools_url = serve(requests.wrap(shop_faults.wrap(shop.router())), listen.commercetools).await?;
        let clerk_url = serve(clerk_faults.wrap(clerk.router()), listen.clerk).await? + "/v2";
        let products = catalogue.product_count;
        let example = (catalogue.products)().flat_map(|product| product.variants).find_map(|variant| variant.sku);
        Ok(Self {
            shop,
            bigcommerce: None,
            shop_faults,
            requests,
            clerk,
            clerk_faults,
            markets,
            commercetools_url,
            clerk_url,
            skipped,
            products,
            example: example.unwrap_or_default(),
            sale: None,
            living: Some(living),
            stop: closing,
            servers,
        })
    }

    /// Writes a configuration that reaches the emulators, with the secrets in files beside it.
    ///
    /// # Errors
    /// The disk's.
    pub fn configure(&self, file: &Path, extra: &str) -> anyhow::Result<()> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let folder = fs::canonicalize(folder).with_context(|| format!("{} is no folder", folder.display()))?;
        let secret = |name: &str, text: &str| -> anyhow::Result<String> {
            let path = folder.join(format!("sandbox-{name}.secret"));
            private(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
            Ok(format!("file:{}", path.display()))
        };
        let foreign = fs::read_to_string(file).is_ok_and(|text| !text.starts_with(MADE));
        anyhow::ensure!(!foreign, "{} exists and is not the sandbox's; name another file", file.display());
        let mut text = format!("{MADE}\n");
        let mut settings = |section: String, pairs: &[(&str, String)]| {
            text += &format!("\n[{section}]\n");
            for (key, value) in pairs {
                text += &format!("{key} = {value}\n");
            }
        };
        let quoted = |text: &str| format!("{text:?}");
        settings("store".to_owned(), &[("path", quoted("sandbox.db"))]);
        let source = match &self.bigcommerce {
            None => vec![
                ("kind", quoted("commercetools")),
                ("project_key", quoted(PROJECT)),
                ("api_url", quoted(&self.commercetools_url)),
                ("auth_url", quoted(&self.commercetools_url)),
                ("client_id", quoted(&secret("client-id", CLIENT_ID)?)),
                ("client_secret", quoted(&secret("client-secret", CLIENT_SECRET)?)),
            ],
            Some(shop) => vec![
                ("kind", quoted("bigcommerce")),
                ("store_hash", quoted(&shop.store.settings().store_hash)),
                ("api_url", quoted(&shop.url)),
                ("access_token", quoted(&secret("access-token", &shop.store.settings().access_token)?)),
                ("stock_locations", format!("{:?}", shop.store.location_codes())),
            ],
        };
        settings("sources.shop".to_owned(), &source);
        // The slug of BigCommerce is a whole path.
        let slug = if self.bigcommerce.is_some() { "{path}" } else { "{slug}" };
        for market in &self.markets {
            let key = &market.key;
            let store = clerk::StoreSettings::sandbox(key, "", "");
            settings(
                format!("destinations.clerk-{key}"),
                &[
                    ("kind", quoted("clerk")),
                    ("url", quoted(&self.clerk_url)),
                    ("public_key", quoted(&secret(&format!("{key}-public"), &store.public_key)?)),
                    ("private_key", quoted(&secret(&format!("{key}-private"), &store.private_key)?)),
                ],
            );
            let mut pairs = vec![
                ("locale", quoted(&market.locale)),
                ("currency", quoted(&market.currency)),
                ("country", quoted(&market.country)),
                ("time_zone", quoted(if key == "de" { "Europe/Berlin" } else { "Europe/London" })),
                ("product_url", quoted(&format!("https://shop.example/{key}/p/{slug}"))),
                ("category_url", quoted(&format!("https://shop.example/{key}/c/{slug}"))),
            ];
            if let Some(store) = self.store_of(market) {
                pairs.push(("store", quoted(&store)));
            }
            if !market.supply_channels.is_empty() && self.bigcommerce.is_none() {
                let channels: Vec<String> = market.supply_channels.iter().map(|channel| quoted(channel)).collect();
                pairs.push(("supply_channels", format!("[{}]", channels.join(", "))));
            }
            settings(format!("markets.{key}"), &pairs);
            settings(
                format!("flows.clerk-{key}"),
                &[
                    ("source", quoted("shop")),
                    ("destination", quoted(&format!("clerk-{key}"))),
                    ("market", quoted(key)),
                ],
            );
            // Some products of a real shop have no image, and Clerk.io asks for one: an expression of the user's own.
            settings(format!("flows.clerk-{key}.fields"), &[("image", quoted(PLACEHOLDER))]);
        }
        text.push_str(extra);
        fs::write(file, text).with_context(|| format!("{} can't be written", file.display()))
    }

    /// What a market calls its store: the key at commercetools, the id of the channel at BigCommerce.
    fn store_of(&self, market: &Market) -> Option<String> {
        let key = market.store.as_ref()?;
        match &self.bigcommerce {
            None => Some(key.clone()),
            Some(shop) => Some(shop.store.channel_id(key)?.to_string()),
        }
    }

    /// Finds what the edits of the living shop are about.
    pub fn ids(&self) -> Ids {
        Ids { bigcommerce: self.bigcommerce.as_ref().map(|shop| shop.store.clone()), added: Mutex::default() }
    }

    /// Keeps changing the shop, so many times a second, until `closed` turns true; each change that was made is passed to
    /// `told`. Can be had once.
    pub fn live(
        &mut self,
        rate: f64,
        mut closed: watch::Receiver<bool>,
        told: impl Fn(&Edit) + Send + Sync + 'static,
    ) -> Option<JoinHandle<()>> {
        let living = self.living.take()?;
        let (shop, clock) = (self.shop.clone(), sandbox::clock::machine());
        let pace = Duration::from_secs_f64(1.0 / rate);
        let bigcommerce = self.bigcommerce.as_ref().map(|shop| shop.store.clone());
        Some(tokio::spawn(async move {
            let shutdown = async move {
                let _ended = closed.wait_for(|closed| *closed).await.is_ok();
            };
            if let Some(shop) = bigcommerce {
                let driven = bigcommerce::drive(&shop, living, pace, told, shutdown).await;
                tracing::debug!(made = driven.made, refused = driven.refused, "the living shop closed");
                return;
            }
            let driven = commercetools::drive(&shop, living, pace, &clock, told, shutdown).await;
            tracing::debug!(made = driven.made, refused = driven.refused, "the living shop closed");
        }))
    }

    /// Stops what was started and waits for it.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for server in self.servers {
            let _ended = tokio::time::timeout(Duration::from_secs(5), server).await;
        }
    }
}

/// Serves a router on loopback until `closed`; returns its address.
async fn served(
    router: sandbox::serve::Router,
    address: SocketAddr,
    mut closed: watch::Receiver<bool>,
) -> anyhow::Result<(String, JoinHandle<io::Result<()>>)> {
    anyhow::ensure!(address.ip().is_loopback(), "{address} is not loopback; emulators listen on loopback only");
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!("{address} can't be listened on; is another sandbox running? name another port, or port 0")
    })?;
    let url = format!("http://{}", listener.local_addr()?);
    let shutdown = async move {
        let _closed = closed.wait_for(|closing| *closing).await.is_ok();
    };
    Ok((url, tokio::spawn(sandbox::serve::serve(router, listener, shutdown))))
}

/// Writes a file that only its owner may read.
fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}

fn catalogue_of(args: &ShopArgs) -> anyhow::Result<(Catalogue, Vec<Market>, Vec<load::Skipped>)> {
    if let Some(folder) = &args.data {
        let loaded = load(folder)?;
        anyhow::ensure!(
            !loaded.markets.is_empty() || loaded.catalogue.product_count == 0,
            "the catalogue in {} names no market to sell it in",
            folder.display()
        );
        // Such a catalogue has no stores either.
        let anywhere = generate::Options { oddities: false, ..generate::Options::default() };
        let markets = if loaded.markets.is_empty() { anywhere.markets() } else { loaded.markets };
        return Ok((loaded.catalogue, markets, loaded.skipped));
    }
    let options =
        generate::Options { products: args.products, oddities: !args.uniform, ..generate::Options::default() };
    Ok((generate(&options), options.markets(), Vec::new()))
}
