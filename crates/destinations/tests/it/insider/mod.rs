//! Insider: mapping, composition and answers, against an emulator that was written separately.

mod answers;
mod bodies;
mod emulator;
mod mapping;
mod schema;

use std::fs;

use contract::{
    Account, Destination, Item, Subject,
    destination::{Mapped, Need, Shown},
};
use destinations::insider::{Config, Connector, map, place::Places};
use model::{Listing, Locale, Market, market::Untracked};
use serde_json::Value as Json;
use tempfile::TempDir;

pub(crate) const TOKEN: &str = "CATALOG+key/one";

/// A connector, and the folder that holds its key.
pub(crate) struct Bench {
    pub(crate) connector: Connector,
    _folder: TempDir,
}

pub(crate) fn config(toml: &str) -> Config {
    toml::from_str(&format!("partner_name = \"shop\"\ntoken = \"env:INSIDER\"\n{toml}")).expect("settings")
}

pub(crate) fn bench(url: &str, toml: &str) -> Bench {
    bench_with(url, toml, "shop", TOKEN)
}

pub(crate) fn bench_with(url: &str, toml: &str, partner: &str, token: &str) -> Bench {
    wire::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, token).unwrap();
    let pace = if toml.contains("calls_per_minute") { "" } else { "calls_per_minute = 60000\n" };
    let text = format!("partner_name = {partner:?}\ntoken = \"file:{}\"\nurl = {url:?}\n{pace}{toml}", file.display());
    let config: Config = toml::from_str(&text).expect("settings");
    let connector = Connector::new(&config, &wire::Environment::machine()).unwrap_or_else(|fault| panic!("{fault:?}"));
    Bench { connector, _folder: folder }
}

/// A market of this key, locale, country and currency.
pub(crate) fn market(key: &str, locale: &str, country: &str, currency: &str) -> Market {
    Market {
        key: key.into(),
        locales: vec![Locale::parse(locale).unwrap()],
        currency: currency.parse().unwrap(),
        country: (!country.is_empty()).then(|| country.parse().unwrap()),
        customer_group: None,
        price_channel: None,
        supply_channels: Vec::new(),
        store: None,
        time_zone: "UTC".into(),
        product_url: "https://shop.example/p/{id}".into(),
        category_url: "https://shop.example/c/{id}".into(),
        untracked: Untracked::Available,
    }
}

pub(crate) fn de() -> Market {
    market("de", "de", "DE", "EUR")
}

pub(crate) fn uk() -> Market {
    market("uk", "en", "GB", "GBP")
}

/// The items of a product as these markets show it.
pub(crate) fn items(config: &Config, shown: &[(&Market, &Listing<'_>)]) -> Result<Vec<Item>, String> {
    let markets: Vec<Market> = shown.iter().map(|(market, _)| (*market).clone()).collect();
    let places = Places::new(&config.locales, &markets).map_err(|fault| format!("{} {}", fault.code, fault.message))?;
    let shown = Shown { first: shown[0], others: shown[1..].to_vec() };
    match map::product(config, &shown, &places, &|_| false) {
        Ok(Mapped::Items(made)) => Ok(made.into_iter().map(|made| made.item).collect()),
        Ok(Mapped::Filtered(filtered)) => Err(format!("filtered: {filtered}")),
        Err(fault) => Err(format!("{} {}", fault.code, fault.message)),
    }
}

/// The members of an item.
pub(crate) fn members(item: &Item) -> Json {
    serde_json::from_str(&item.payload.object()).unwrap()
}

/// The account as the connector prepares it for these markets.
pub(crate) async fn prepared(connector: &Connector, markets: &[&Market]) -> Account {
    let markets = markets.iter().map(|market| (*market).clone()).collect();
    connector
        .prepare(&Need { markets, creates: true, ..Need::default() })
        .await
        .unwrap_or_else(|fault| panic!("{fault:?}"))
}

/// The items that a connector makes of a product.
pub(crate) fn made(connector: &Connector, account: &Account, shown: &[(&Market, &Listing<'_>)]) -> Vec<Item> {
    let subject = Subject::Product(Shown { first: shown[0], others: shown[1..].to_vec() });
    match connector.map(&subject, account, &|_| false) {
        Ok(Mapped::Items(made)) => made.into_iter().map(|made| made.item).collect(),
        other => panic!("{other:?}"),
    }
}
