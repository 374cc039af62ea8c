//! The platforms, each with the same catalogue.

use std::{collections::BTreeMap, fs};

use sandbox::{bigcommerce, catalogue::Catalogue, commercetools, sfcc};
use tempfile::TempDir;

use super::Buyer;

/// A shop on one platform.
pub(super) trait On: Send + Sync {
    fn router(&self) -> axum::Router;
    /// Settings of the source that reads it for a buyer, without the section's name.
    fn source(&self, url: &str, buyer: &Buyer, secrets: &Secrets) -> String;
    /// What the buyer's market says in the platform's terms.
    fn market(&self, buyer: &Buyer) -> String;
    /// The template of addresses.
    fn address(&self) -> &'static str;
    /// Keys of products and categories by id.
    fn products(&self) -> BTreeMap<String, String>;
    fn categories(&self, keys: &[String]) -> BTreeMap<String, String>;
}

/// One line for each source, commercetools first.
pub(super) fn all(catalogue: &Catalogue) -> Vec<(&'static str, Box<dyn On>)> {
    vec![
        ("commercetools", Box::new(Commercetools::new(catalogue)) as Box<dyn On>),
        ("bigcommerce", Box::new(BigCommerce::new(catalogue))),
        ("sfcc", Box::new(Sfcc::new(catalogue))),
    ]
}

/// Files of secrets.
pub(super) struct Secrets(pub(super) TempDir);

impl Secrets {
    /// Writes a secret, and gives what a configuration says of it.
    pub(super) fn keep(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        format!("file:{}", path.display())
    }
}

struct Commercetools(commercetools::Emulator);

impl Commercetools {
    fn new(catalogue: &Catalogue) -> Self {
        let settings = commercetools::Settings {
            client_id: "client".to_owned(),
            client_secret: "secret".to_owned(),
            ..commercetools::Settings::default()
        };
        let shop = commercetools::Emulator::new(settings);
        shop.seed(catalogue).unwrap();
        Self(shop)
    }
}

impl On for Commercetools {
    fn router(&self) -> axum::Router {
        self.0.router()
    }

    fn source(&self, url: &str, _: &Buyer, secrets: &Secrets) -> String {
        format!(
            "kind = \"commercetools\"\nproject_key = {:?}\napi_url = {url:?}\nauth_url = {url:?}\nclient_id = {:?}\n\
             client_secret = {:?}\nlanes.customer_groups = true\nlanes.messages = false\n",
            self.0.settings().project_key,
            secrets.keep("client_id", "client"),
            secrets.keep("client_secret", "secret"),
        )
    }

    fn market(&self, buyer: &Buyer) -> String {
        let mut text = String::new();
        text.extend(buyer.market.store.iter().map(|store| format!("store = {store:?}\n")));
        text.extend(buyer.group.iter().map(|group| format!("customer_group = {group:?}\n")));
        text.extend(buyer.price_channel.iter().map(|channel| format!("price_channel = {channel:?}\n")));
        if !buyer.market.supply_channels.is_empty() {
            text.extend([format!("supply_channels = {:?}\n", buyer.market.supply_channels)]);
        }
        text
    }

    fn address(&self) -> &'static str {
        "https://shop.example/{slug}/"
    }

    fn products(&self) -> BTreeMap<String, String> {
        let id = |key: &String| self.0.product(key).unwrap()["id"].as_str().unwrap().to_owned();
        self.0.product_keys().into_iter().map(|key| (id(&key), key)).collect()
    }

    fn categories(&self, keys: &[String]) -> BTreeMap<String, String> {
        keys.iter().map(|key| (self.0.category_id(key).unwrap(), key.clone())).collect()
    }
}

struct BigCommerce {
    shop: bigcommerce::Emulator,
    /// Codes of locations by supply channel.
    locations: BTreeMap<String, String>,
}

impl BigCommerce {
    fn new(catalogue: &Catalogue) -> Self {
        let shop = bigcommerce::Emulator::new(bigcommerce::Settings::default());
        shop.seed(catalogue).unwrap();
        let supply = catalogue.head.channels.iter().filter(|channel| channel.supply);
        let locations = supply.map(|channel| channel.key.clone()).zip(shop.location_codes()).collect();
        Self { shop, locations }
    }
}

impl On for BigCommerce {
    fn router(&self) -> axum::Router {
        self.shop.router()
    }

    /// Locations belong to the source: a market that sells from others is read by a source of its own.
    fn source(&self, url: &str, buyer: &Buyer, secrets: &Secrets) -> String {
        let named = buyer.market.supply_channels.iter().map(|key| self.locations[key].clone()).collect::<Vec<_>>();
        let locations = if named.is_empty() { self.shop.location_codes() } else { named };
        format!(
            "kind = \"bigcommerce\"\nstore_hash = \"sandbox\"\napi_url = {url:?}\naccess_token = {:?}\n\
             stock_locations = {locations:?}\nlanes.customer_groups = true\n",
            secrets.keep("token", &self.shop.settings().access_token),
        )
    }

    fn market(&self, buyer: &Buyer) -> String {
        // A shop without stores has one channel.
        let channel = self.shop.channel_id(buyer.market.store.as_deref().unwrap_or("www")).unwrap();
        let group = buyer.group.map(|group| format!("customer_group = \"{}\"\n", self.shop.group_id(group).unwrap()));
        format!("store = \"{channel}\"\n{}", group.unwrap_or_default())
    }

    fn address(&self) -> &'static str {
        "https://shop.example/{path}"
    }

    fn products(&self) -> BTreeMap<String, String> {
        self.shop.product_keys().into_iter().map(|(id, key)| (id.to_string(), key)).collect()
    }

    fn categories(&self, keys: &[String]) -> BTreeMap<String, String> {
        let ids = |key: &String| self.shop.category_ids(key).into_iter().map(|id| id.to_string()).collect::<Vec<_>>();
        keys.iter().flat_map(|key| ids(key).into_iter().map(|id| (id, key.clone()))).collect()
    }
}

struct Sfcc(sfcc::Emulator);

impl Sfcc {
    fn new(catalogue: &Catalogue) -> Self {
        let shop = sfcc::Emulator::new(sfcc::Settings::default());
        shop.seed(catalogue).unwrap();
        Self(shop)
    }
}

impl On for Sfcc {
    fn router(&self) -> axum::Router {
        self.0.router()
    }

    fn source(&self, url: &str, _: &Buyer, secrets: &Secrets) -> String {
        format!(
            "kind = \"sfcc\"\nhost = \"zzte-053.dx.commercecloud.salesforce.com\"\napi_url = {url:?}\n\
             token_url = \"{url}/dwsso/oauth2/access_token\"\nclient_id = {:?}\nclient_secret = {:?}\nexport.poll_seconds = 3\n",
            secrets.keep("client_id", sfcc::OCAPI_CLIENT),
            secrets.keep("client_secret", sfcc::OCAPI_SECRET),
        )
    }

    /// A site has its own price books and inventory list; groups of customers have none.
    fn market(&self, buyer: &Buyer) -> String {
        let sites = self.0.site_ids();
        // A shop without stores has one site.
        let site = buyer.market.store.as_ref().unwrap_or(&sites[0]);
        assert!(sites.contains(site), "{site} is none of {sites:?}");
        format!("store = {site:?}\n")
    }

    fn address(&self) -> &'static str {
        "https://shop.example/{slug}/"
    }

    fn products(&self) -> BTreeMap<String, String> {
        self.0.product_keys()
    }

    fn categories(&self, keys: &[String]) -> BTreeMap<String, String> {
        let catalog = self.0.catalog_ids().pop().unwrap();
        keys.iter().map(|key| (format!("{catalog}/{}", self.0.category_id(key).unwrap()), key.clone())).collect()
    }
}
