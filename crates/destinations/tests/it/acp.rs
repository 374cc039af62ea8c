//! Product feeds of the Agentic Commerce Protocol: the mapping, byte by byte, and the connector against the emulated agent.

use std::{collections::BTreeMap, fs};

use async_trait::async_trait;
use conformance::destination::{Emulator, Failure};
use contract::{
    Account, Destination as _, Importer as _, Item, Subject,
    destination::{Mapped, Shown},
};
use destinations::acp::{Config, Connector};
use insta::assert_snapshot;
use model::{Kind, Listing, Money, Precise};
use sandbox::{
    acp::{self, Settings},
    fault::Faults,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    insider::de,
    sample::{Ids, eur, full},
};

const TOKEN: &str = "agent+token/one";

fn connector(url: &str, extra: &str) -> (Connector, TempDir) {
    wire::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    fs::write(&token, TOKEN).unwrap();
    let settings = format!("url = {url:?}\nfeed = \"feed-de\"\ntoken = \"file:{}\"\n{extra}", token.display());
    let config: Config = toml::from_str(&settings).unwrap();
    (Connector::new(&config, &wire::Environment::machine()).unwrap(), folder)
}

/// The item, or the fault's code and message.
fn item(extra: &str, listing: &Listing<'_>) -> Result<Item, String> {
    let (connector, _folder) = connector("https://agent.example", extra);
    let market = de();
    match connector.map(&Subject::Product(Shown::in_one(&market, listing)), &Account::default(), &|_| false) {
        Ok(Mapped::Items(items)) => Ok(items.into_iter().next().unwrap().item),
        Ok(Mapped::Filtered(filtered)) => Err(format!("filtered: {filtered}")),
        Err(fault) => Err(format!("{} {}", fault.code, fault.message)),
    }
}

#[test]
fn everything_a_product_can_be() {
    let ids = full();
    let made = item("seller = \"Shop\"\nlimited_stock = 5", &ids.full()).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&made.json()).unwrap());
}

#[test]
fn a_product_with_nothing_but_what_is_always_there() {
    let ids = Ids::new("p1", &["A"], &[]);
    let made = item("", &ids.listing()).unwrap().json();
    let variant = json!({
        "id": "A", "title": "Trail Jacket", "url": "https://shop.example/p/trail-jacket",
        "price": { "amount": 1999, "currency": "EUR" }, "availability": { "available": true, "status": "in_stock" },
    });
    let expected = json!({
        "id": "p1", "title": "Trail Jacket", "url": "https://shop.example/p/trail-jacket", "variants": [variant],
    });
    assert_eq!(made, expected);
}

#[test]
fn what_no_agent_could_order_is_refused() {
    let ids = Ids::new("p1", &["A", "A"], &[]);
    assert!(item("", &ids.listing()).unwrap_err().starts_with("C0463"));
    let by_variant = item("variant_id = \"variant\"", &ids.listing()).unwrap().json();
    assert_ne!(by_variant["variants"][0]["id"], by_variant["variants"][1]["id"]);
    let mut listing = ids.listing();
    listing.variants.truncate(1);
    listing.variants[0].price = eur(-1);
    assert!(item("", &listing).unwrap_err().starts_with("C0462"));
    listing.variants[0].price = Money::precise(0, "EUR".parse().unwrap(), Precise { units: 1, digits: 3 });
    assert!(item("", &listing).unwrap_err().starts_with("C0462"), "a price that would become 0");
}

struct Agent {
    feeds: acp::Emulator,
    url: String,
    faults: Faults,
    server: JoinHandle<std::io::Result<()>>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn agent() -> Agent {
    let feeds = acp::Emulator::new(Settings { token: TOKEN.to_owned(), ..Settings::default() });
    let faults = Faults::new(acp::fault_body);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = faults.wrap(feeds.router());
    let server = tokio::spawn(sandbox::serve::serve(router, listener, std::future::pending()));
    Agent { feeds, url, faults, server }
}

#[async_trait]
impl Emulator for Agent {
    async fn fail(&self, failure: Option<Failure>) {
        self.feeds.disable(failure == Some(Failure::KeysRefused));
        self.faults.set(crate::faults::plan(failure)).unwrap();
    }

    async fn refuse(&self, id: Option<&str>) {
        self.feeds.reject(id);
    }

    async fn objects(&self, kind: Kind) -> BTreeMap<String, Json> {
        let is_shown = |product: &Json| {
            let variants = product["variants"].as_array().unwrap();
            variants.iter().any(|variant| variant["availability"]["status"] != "discontinued")
        };
        let products = if kind == Kind::Product { self.feeds.products("feed-de") } else { BTreeMap::new() };
        let without_id = |(id, mut product): (String, Json)| {
            product.as_object_mut().unwrap().remove("id");
            (id, product)
        };
        products.into_iter().filter(|(_, product)| is_shown(product)).map(without_id).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned(), TOKEN.replace('+', "%2B").replace('/', "%2F")]
    }
}

#[tokio::test]
async fn it_conforms() {
    let agent = agent().await;
    let (connector, _folder) = connector(&agent.url, "");
    let checks = conformance::destination::destination(&connector, &agent).await;
    assert!(checks.len() > 25);
    let failed: Vec<_> = checks.into_iter().filter(|check| check.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn check_says_which_feed_it_is_and_what_is_wrong() {
    let agent = agent().await;
    let (connector, _folder) = connector(&agent.url, "");
    let found = connector.check().await;
    let said = found[0].result.clone().unwrap();
    assert!(said.contains("feed-de") && said.contains("DE"), "{said}");
    agent.feeds.disable(true);
    assert_eq!(connector.check().await[0].result.clone().unwrap_err().code, "C0464");
    agent.feeds.disable(false);
    let (other, _kept) = self::connector(&format!("{}/nowhere", agent.url), "");
    assert_eq!(other.check().await[0].result.clone().unwrap_err().code, "C0461");
}

#[tokio::test]
async fn the_file_is_given_to_whoever_has_the_feeds_token() {
    let (connector, _folder) = connector("https://agent.example", "");
    assert!(connector.admits(TOKEN).await.unwrap());
    for wrong in ["", "agent", "agent+token/onf"] {
        assert!(!connector.admits(wrong).await.unwrap(), "{wrong}");
    }
    let ids = Ids::new("p1", &["A"], &[]);
    let line = connector.object("products", &item("", &ids.listing()).unwrap()).unwrap();
    assert!(line.starts_with("{\"id\":\"p1\",\"title\"") && !line.contains('\n'), "{line}");
}
