//! `cartage check` holds the configuration against the shop and the machine.

use std::{fs, net::TcpListener};

use sandbox::commercetools::Change;

use crate::harness::Shop;

#[tokio::test(flavor = "multi_thread")]
async fn a_market_is_held_against_what_the_shop_is_set_up_for() {
    let shop = Shop::uniform(1).await;
    let fits = ["market de of source shop", "ok    settings: texts in de · prices in EUR for DE"];
    shop.cartage(&["check"]).await.ended(0).says(&fits);
    let before = fs::read_to_string(&shop.config).unwrap();
    for (from, to, says) in [
        ("locale = \"de\"", "locale = \"fr\"", &["C0506", "market de shows texts in fr; the source has de, en"][..]),
        ("currency = \"EUR\"", "currency = \"USD\"", &["C0506", "market de sells in USD; the source has EUR, GBP"]),
        (
            "country = \"DE\"",
            "country = \"IT\"",
            &["C0506", "market de sells to IT; the source sells to DE, GB, AT, FR"],
        ),
        (
            "[markets.de]\n",
            "[markets.de]\nstore = \"dee\"\n",
            &["C0502", "market de names the store \"dee\"", "known: de, uk"],
        ),
        (
            "[markets.de]\n",
            "[markets.de]\nprice_channel = \"shop-dee\"\n",
            &["C0501", "market de names the price channel \"shop-dee\"", "warehouse-de, warehouse-uk"],
        ),
    ] {
        shop.replace(from, to);
        shop.cartage(&["check"]).await.ended(2).says(says).says(&["FAIL  settings", "hint: "]);
        fs::write(&shop.config, &before).unwrap();
    }
    // Two at once, and a market that no flow has.
    shop.replace("currency = \"EUR\"", "currency = \"USD\"");
    shop.replace("country = \"DE\"", "country = \"IT\"");
    shop.cartage(&["check"]).await.ended(2).says(&["sells in USD", "sells to IT"]);
    fs::write(&shop.config, &before).unwrap();
    shop.configure(
        "[markets.at]\nlocale = \"de-AT\"\ncurrency = \"EUR\"\nproduct_url = \"https://shop.example/at/{slug}\"\ncategory_url = \"https://shop.example/at/c/{slug}\"\n",
    );
    shop.cartage(&["check"]).await.ended(0).says(&["market at", "ok    flows: none has it"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_products_are_counted_for_every_market_before_and_after_they_are_read() {
    let shop = Shop::uniform(30).await;
    let counts = "coverage of market de: 30 of 30 published products have a name, 30 a price, ";
    shop.cartage(&["check"]).await.ended(0).says(&[counts, "(in all 30 products, read now)"]);
    shop.cartage(&["sync"]).await.ended(0);
    let product = "p-000003".to_owned();
    shop.age();
    shop.change(Change::SetName { product: product.clone(), locale: "de".to_owned(), text: None });
    shop.change(Change::DeleteProduct { product: "p-000004".to_owned() });
    shop.cartage(&["sync", "--full"]).await.ended(0);
    let ran = shop.cartage(&["check"]).await.ended(0);
    ran.says(&["coverage of market de: 28 of 29 published products have a name, 29 a price, ", "(in the mirror)"]);
    // A market that fits the shop's settings, and none of its products.
    shop.age();
    for product in shop.world.shop.product_keys() {
        shop.change(Change::SetName { product, locale: "de".to_owned(), text: None });
    }
    shop.cartage(&["sync", "--full"]).await.ended(4);
    let says = ["FAIL  coverage of market de", "C0508", "none of 29 published products has a name", "see `locale`"];
    shop.cartage(&["check"]).await.ended(2).says(&says);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_another_market_are_found_by_what_its_account_holds() {
    let shop = Shop::uniform(5).await;
    shop.cartage(&["check"]).await.ended(0);
    shop.cartage(&["sync"]).await.ended(0);
    shop.cartage(&["check"]).await.ended(0).says(&["ok    products there: it holds products of this market"]);
    // The markets change places, and with them the keys.
    let before = fs::read_to_string(&shop.config).unwrap();
    let swapped = before.replace("market = \"de\"", "market = \"xx\"").replace("market = \"uk\"", "market = \"de\"");
    fs::write(&shop.config, swapped.replace("market = \"xx\"", "market = \"uk\"")).unwrap();
    let says = ["FAIL  products there", "C0509", "those of market uk", "those of market de", "compare the keys"];
    shop.cartage(&["check"]).await.ended(2).says(&says);
    // A site that no market has.
    fs::write(&shop.config, &before).unwrap();
    let site = before.lines().find_map(|line| line.strip_prefix("product_url = \"")).unwrap();
    let site = site.split('/').take(3).collect::<Vec<_>>().join("/");
    fs::write(&shop.config, before.replace(&site, "https://elsewhere.example")).unwrap();
    shop.cartage(&["check"]).await.ended(2).says(&["C0509", "of another site"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_come_from_a_shorter_locale_or_a_fallback() {
    let shop = Shop::uniform(1).await;
    shop.replace("locale = \"de\"", "locale = \"de-AT\"");
    shop.cartage(&["check"]).await.ended(0).says(&["texts in de-AT"]);
    shop.replace("locale = \"de-AT\"", "locale = \"fr\"\nfallback = [\"de\"]");
    shop.cartage(&["check"]).await.ended(0).says(&["texts in fr (the source does not have it), de"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_looked_for_where_groups_are_read() {
    let shop = Shop::uniform(1).await;
    shop.replace("[markets.de]\n", "[markets.de]\ncustomer_group = \"friends\"\n");
    shop.configure("[sources.shop.lanes]\ncustomer_groups = true\n");
    let ran = shop.cartage(&["check"]).await.ended(2);
    ran.says(&["C0503", "market de names the customer group \"friends\"", "b2b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_that_no_product_type_has_is_named_with_its_field() {
    let shop = Shop::uniform(1).await;
    let section = "[flows.clerk-de.fields]\n";
    shop.replace(section, &format!("{section}ean = \"variant.attributes.gtinn.value\"\n"));
    let ran = shop.cartage(&["check"]).await.ended(2);
    ran.says(&["fields of flow clerk-de", "C0507", "the field ean asks for the attribute \"gtinn\"", "\"gtin\"?"]);
    shop.replace("gtinn", "gtin");
    shop.cartage(&["check"]).await.ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_without_flows_is_refused() {
    let shop = Shop::uniform(1).await;
    let text = fs::read_to_string(&shop.config).unwrap();
    let cut = text.split("[flows.").next().unwrap().to_owned();
    for flowless in ["", "# nothing\n", "[sto", &cut[..cut.find("[destinations").unwrap()]] {
        fs::write(&shop.config, flowless).unwrap();
        let code = if flowless == "[sto" { "error[C0802]" } else { "error[C0813]" };
        for command in ["check", "plan", "sync", "verify", "run"] {
            shop.cartage(&[command]).await.ended(2).says(&[code, "hint: "]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_can_be_written_and_the_port_is_free() {
    let shop = Shop::uniform(1).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    shop.configure(&format!("[server]\nlisten = \"{address}\"\n"));
    let ran = shop.cartage(&["check"]).await.ended(0);
    ran.says(&["this machine", "sandbox.db will be made by the first sync", &format!("{address} is taken")]);
    drop(taken);
    shop.cartage(&["check"]).await.ended(0).says(&[&format!("{address} is free")]);
    shop.cartage(&["sync"]).await.ended(0);
    shop.cartage(&["check"]).await.ended(0).says(&["sandbox.db can be written"]);
    fs::create_dir(shop.config.with_file_name("folder")).unwrap();
    for path in ["folder", "nowhere/cartage.db"] {
        shop.replace("path = \"sandbox.db\"", &format!("path = \"{path}\""));
        shop.cartage(&["check"]).await.ended(1).says(&["FAIL  database", "C0105", path, "hint: "]);
        shop.replace(&format!("path = \"{path}\""), "path = \"sandbox.db\"");
    }
}
