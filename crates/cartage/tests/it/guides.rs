//! Guides, followed to the letter against the emulators: their configurations as they stand, with the addresses of the
//! emulators, and their commands with the variables that they name. The guides of Insider and Dotdigital are followed beside
//! their own tests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sandbox::{
    bigcommerce::Settings,
    catalogue::{Options, generate},
    sfcc,
};
use serde_json::{Value, json};
use toml::Table;

use crate::{
    bigcommerce::{World, of_markets},
    harness::{Ran, Shop, cartage_with},
    merchant,
    sfcc::{Route, move_to},
};

/// The blocks of a guide that are written in a language, in their order.
pub(crate) fn blocks(guide: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let (mut blocks, mut lines) = (Vec::new(), guide.lines());
    while let Some(line) = lines.next() {
        if line.trim() != fence {
            continue;
        }
        let indented = line.len() - line.trim_start().len();
        let block = lines.by_ref().take_while(|line| line.trim() != "```");
        blocks.push(block.map(|line| line.get(indented..).unwrap_or_default().to_owned() + "\n").collect());
    }
    blocks
}

/// A configuration that is put together as a reader of a guide does.
struct Written {
    path: PathBuf,
    table: Table,
}

impl Written {
    /// The configuration in this file.
    fn over(path: &Path) -> Self {
        Self { path: path.to_owned(), table: fs::read_to_string(path).unwrap().parse().unwrap() }
    }

    /// Leaves out a section.
    fn without(mut self, path: &[&str]) -> Self {
        let (last, parents) = path.split_last().unwrap();
        let parent = parents.iter().fold(&mut self.table, |table, name| table[*name].as_table_mut().unwrap());
        parent.remove(*last).unwrap();
        self
    }

    /// Adds a block, or replaces what it names; below this section, where the block has none.
    fn add(&mut self, block: &str, below: &[&str]) -> &mut Self {
        let block: Table = block.parse().unwrap_or_else(|error| panic!("{error}\n{block}"));
        let block =
            below.iter().rev().fold(block, |block, name| Table::from_iter([((*name).to_owned(), block.into())]));
        merge(&mut self.table, block);
        fs::write(&self.path, self.table.to_string()).unwrap();
        self
    }

    async fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let config = self.path.display().to_string();
        cartage_with(&[&["--config", &config], arguments].concat(), variables).await
    }
}

fn merge(into: &mut Table, from: Table) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(toml::Value::Table(known)), toml::Value::Table(more)) => merge(known, more),
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bigcommerce_is_connected_as_its_guide_says() {
    let guide = include_str!("../../../../docs/guides/connect-bigcommerce.md");
    // An account with the scopes of the table, and no other.
    let scopes: BTreeSet<&str> =
        guide.split('`').filter(|word| word.starts_with("store_") && word.ends_with("_read_only")).collect();
    assert!(scopes.len() >= 6, "{scopes:?}");
    let settings = Settings { scopes: scopes.into_iter().map(str::to_owned).collect(), ..Settings::default() };
    let options = Options { products: 20, oddities: false, ..Options::default() };
    let world = World::start_with(settings, &generate(&options), of_markets(&options.markets())).await;
    let toml = blocks(guide, "toml");
    let mut written = Written::over(&world.config()).without(&["sources", "shop"]);
    written.add(&toml[0], &[]);
    // Its own store and address.
    let own = format!("store_hash = \"shop\"\napi_url = {:?}\n", world.url);
    written.add(&own, &["sources", "shop"]);
    let token = [("BIGCOMMERCE_TOKEN", crate::bigcommerce::TOKEN), ("BIGCOMMERCE_CLIENT_SECRET", "a-client-secret")];
    written.run(&["check"], &[]).await.ended(2).says(&["BIGCOMMERCE_TOKEN"]);
    written.run(&["check"], &token).await.ended(0).says(&["source shop", "channel"]);
    written.run(&["plan"], &token).await.ended(0);

    let locations = format!("{:?}", world.shop.location_codes());
    let stock = toml.iter().find(|block| block.starts_with("stock_locations")).unwrap();
    let (before, _) = stock.split_once('[').unwrap();
    written.add(&format!("{before}{locations}"), &["sources", "shop"]);
    written.run(&["sync"], &token).await.ended(0);
    assert_eq!(world.store("de").products().len(), 20);
    for section in ["price_lists = false", "modifiers = true"] {
        let block = toml.iter().find(|block| block.contains(section)).unwrap();
        written.add(block, &[]);
        written.run(&["sync"], &token).await.ended(0);
    }
    let webhooks = toml.iter().find(|block| block.contains("[sources.shop.webhooks]")).unwrap();
    written.add(webhooks, &[]);
    written.run(&["check"], &token).await.ended(0).says(&["https://cartage.shop.example/hooks/shop"]);
    written.run(&["hooks", "plan"], &token).await.ended(0).says(&["would create the webhook store/product/updated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn salesforce_is_connected_as_its_guide_says() {
    const VARIABLES: [(&str, &str); 7] = [
        ("SFCC_CLIENT_ID", sfcc::OCAPI_CLIENT),
        ("SFCC_CLIENT_SECRET", sfcc::OCAPI_SECRET),
        ("SFCC_SCAPI_CLIENT_ID", sfcc::SCAPI_CLIENT),
        ("SFCC_SCAPI_CLIENT_SECRET", sfcc::SCAPI_SECRET),
        ("SFCC_SLAS_CLIENT_ID", sfcc::SLAS_CLIENT),
        ("SFCC_SLAS_CLIENT_SECRET", sfcc::SLAS_SECRET),
        ("SFCC_EVENTS_KEY", "twenty-four-random-characters"),
    ];
    let guide = include_str!("../../../../docs/guides/connect-sfcc.md");
    let toml = blocks(guide, "toml");
    let json: Vec<Value> = blocks(guide, "json").iter().map(|block| serde_json::from_str(block).unwrap()).collect();
    let [of_exports, of_archives, of_apis] = json.as_slice() else { panic!("{} permissions", json.len()) };
    let archives = of_archives["clients"][0]["permissions"].clone();
    let outbox = guide.split('`').find(|text| text.starts_with("{ \"path\": \"/impex/src/platform\"")).unwrap();
    let outbox: Value = serde_json::from_str(outbox).unwrap();
    let both = Value::Array(archives.as_array().unwrap().iter().cloned().chain([outbox]).collect());
    for (route, permissions, webdav, has_deltas) in [
        (Route::Exports(1_000), of_exports, Some(archives), false),
        (Route::Exports(1_000), of_exports, Some(both), true),
        (Route::Apis, of_apis, None, false),
    ] {
        // A client with these permissions, and no other.
        let data = Some(permissions["clients"][0]["resources"].clone());
        let ocapi = sfcc::Client { data, webdav, ..sfcc::Client::ocapi(sfcc::OCAPI_CLIENT, sfcc::OCAPI_SECRET) };
        let clients = vec![ocapi, sfcc::Client::scapi(sfcc::SCAPI_CLIENT, sfcc::SCAPI_SECRET)];
        let shop = Shop::uniform(12).await;
        let deltas = has_deltas.then(|| sfcc::Deltas { job: "catalogs".to_owned(), ..sfcc::Deltas::default() });
        let settings = sfcc::Settings { clients, deltas, ..sfcc::Settings::default() };
        move_to(&shop, 12, route, settings).await;
        let written = Written::over(&shop.config);
        let at = |name: &str| written.table["sources"]["shop"][name].to_string();
        let mut own = format!("api_url = {}\ntoken_url = {}\n", at("api_url"), at("token_url"));
        if route == Route::Apis {
            own.extend([format!("scapi.url = {}\n", written.table["sources"]["shop"]["scapi"]["url"])]);
        }
        let mut written = written.without(&["sources", "shop"]);
        let whole = if route == Route::Apis { "route = \"api\"" } else { "kind = \"sfcc\"" };
        written.add(toml.iter().find(|block| block.contains(whole)).unwrap(), &[]).add(&own, &["sources", "shop"]);
        written.run(&["check"], &VARIABLES).await.ended(0).says(&["source shop"]);
        written.run(&["sync"], &VARIABLES).await.ended(0);
        assert_eq!(shop.store("de").products().len(), 12, "{route:?}");
        if has_deltas {
            written.run(&["check"], &VARIABLES).await.ended(0).says(&["there are none"]);
            written.add(toml.iter().find(|block| block.contains("[sources.shop.export.deltas]")).unwrap(), &[]);
            written.run(&["check"], &VARIABLES).await.ended(0).says(&["Support"]);
            written.run(&["sync"], &VARIABLES).await.ended(0);
        }
        let events = toml.iter().find(|block| block.contains("[sources.shop.webhooks]")).unwrap();
        written.add(events, &[]);
        written.run(&["check"], &VARIABLES).await.ended(0).says(&["https://cartage.shop.example/hooks/shop"]);
        written.run(&["hooks", "plan"], &VARIABLES).await.ended(0).says(&["Business Manager"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn merchant_feeds_are_entered_as_their_guide_says() {
    let guide = include_str!("../../../../docs/guides/merchant-feeds.md");
    let toml = blocks(guide, "toml");
    let shop = Shop::uniform(12).await;
    let mut written = Written::over(&shop.config);
    written.add("[server]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://cartage.shop.example\"\n", &[]);
    written.add(&toml[0], &[]);
    let password = [("FEED_PASSWORD", merchant::PASSWORD)];
    let addresses = ["xml", "tsv"].map(|form| format!("https://cartage.shop.example/feed/merchant-de/products.{form}"));
    written.run(&["check"], &password).await.ended(0).says(&addresses.each_ref().map(String::as_str));
    written.run(&["sync"], &password).await.ended(0);
    written.add(&toml[1], &[]);
    written.run(&["sync"], &password).await.ended(0);
    written.run(&["status"], &password).await.ended(0).says(&["merchant-de"]);
    written.run(&["dead", "list"], &password).await.ended(0);
    let file = shop.write("feed-password", merchant::PASSWORD);
    written.add(&format!("password = \"file:{}\"", file.display()), &["destinations", "merchant"]);
    let items = merchant::read_rss(&merchant::feed(&shop.open().await, "/feed/merchant-de/products.xml").await);
    assert!(items.len() > 12, "{}", items.len());
    assert!(items.values().all(|item| item["google_product_category"] == ["Apparel & Accessories > Shoes"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_of_commercetools_are_made_as_their_guide_says() {
    let guide = include_str!("../../../../docs/guides/commercetools-subscriptions.md");
    let toml = blocks(guide, "toml");
    assert_eq!(toml.len(), 4, "the server, and a cloud each");
    let variables = [("EVENT_GRID_ACCESS_KEY", "an-access-key"), ("EVENT_GRID_TOKEN", "a-long-random-token")];
    for cloud in &toml[1..] {
        let shop = Shop::uniform(5).await;
        let mut written = Written::over(&shop.config);
        written.add(&toml[0], &[]).add(cloud, &[]);
        written.run(&["check"], &variables).await.ended(0).says(&["https://cartage.shop.example/hooks/shop"]);
        let steps = async |command: &str| -> Value {
            let ran = written.run(&["hooks", command, "--json"], &variables).await.ended(0);
            ran.json()[0]["steps"].clone()
        };
        let planned = steps("plan").await;
        assert_eq!(planned.as_array().map(Vec::len), Some(1), "one subscription for everything: {planned}");
        assert_eq!(steps("apply").await, planned, "{cloud}");
        assert_eq!(steps("plan").await, json!([]), "{cloud}");
    }
}
