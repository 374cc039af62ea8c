//! Checks the token, its scopes and the settings, without reading the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Fault, source::Finding};

use super::{
    api,
    config::{Config, Prices, Texts},
    decode, profile,
    read::Reader,
};

/// Channels whose address is shown.
const MOST_SHOWN: usize = 10;

/// One line per finding, in the order in which they matter.
pub(super) async fn check(reader: &Reader, config: &Config) -> Vec<Finding> {
    let store = match reader.read_store().await {
        Ok(store) => store,
        Err(fault) => return vec![Finding::new("credentials", Err(fault))],
    };
    let mut found = vec![Finding::new("credentials", Ok("the token is taken".to_owned()))];
    found.push(Finding::new("store", Ok(described(&store))));
    found.extend(scopes(reader, config).await);
    if config.lanes.channels {
        found.extend(channels(reader).await);
    }
    // The calculator knows their discount rules.
    if config.lanes.customer_groups && config.prices == Prices::Lists {
        found.extend(groups(reader).await);
    }
    if config.prices == Prices::Calculator {
        found.extend(reader.check_calculator().await);
    }
    if config.lanes.inventory {
        found.extend(sold_out(reader).await);
    }
    found.push(texts(reader, config, &store).await);
    found.extend(reader.api.clock().difference().map(|difference| Finding::new("clock", Ok(difference))));
    found
}

fn described(store: &api::Store) -> String {
    let tax = if store.is_price_entered_with_tax { "prices with tax" } else { "prices without tax" };
    [store.name.as_str(), store.currency.as_str(), tax, store.plan_name.as_str()]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Which languages markets can show.
async fn texts(reader: &Reader, config: &Config, store: &api::Store) -> Finding {
    let language = store.language.as_deref().filter(|language| !language.is_empty()).unwrap_or("the default language");
    let spoken = if config.lanes.channels { reader.spoken_in().await } else { Ok(BTreeMap::new()) };
    let by_channel = |spoken: &BTreeMap<u64, BTreeSet<String>>| {
        let of = |(channel, codes): (&u64, &BTreeSet<String>)| {
            format!("{channel}: {}", codes.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        };
        spoken.iter().map(of).collect::<Vec<_>>().join(" · ")
    };
    let result = match (config.texts, spoken) {
        (Texts::DefaultLanguage, Ok(spoken)) if spoken.values().any(|codes| codes.len() > 1) => Ok(format!(
            "in {language} only, in every market: the setting texts is \"default_language\", though channels have further \
             languages ({})",
            by_channel(&spoken)
        )),
        // The plan or the account lacks what is not wanted.
        (Texts::DefaultLanguage, _) => Ok(format!("in {language} only, in every market: no other languages are read")),
        (_, Err(fault)) => Err(fault),
        (_, Ok(spoken)) => Ok(format!("in {language}, and by channel in {}", by_channel(&spoken))),
    };
    Finding::new("texts", result)
}

/// Asks each endpoint that the lanes read for one row: the API has no list of an account's scopes.
async fn scopes(reader: &Reader, config: &Config) -> Vec<Finding> {
    let lanes = &config.lanes;
    let reads_lists = lanes.price_lists && config.prices == Prices::Lists;
    let needed = [
        (true, "v3/catalog/products", "store_v2_products_read_only", "products"),
        (true, "v2/currencies", "store_v2_information_read_only", "currencies"),
        (lanes.channels, "v3/channels", "store_channel_settings_read_only", "the lane channels"),
        (reads_lists, "v3/pricelists", "store_v2_products_read_only, and a plan with price lists", "the lane price_lists"),
        (lanes.inventory, "v3/inventory/items", "store_inventory_read_only", "the lane inventory"),
        (lanes.customer_groups, "v2/customer_groups", "store_v2_customers_read_only", "the lane customer_groups"),
    ];
    let mut found = Vec::new();
    let mut count = 0;
    for (_, path, scope, purpose) in needed.into_iter().filter(|(on, ..)| *on) {
        count += 1;
        if let Err(refusal) = reader.api.get(path, &[("limit", "1"), ("page", "1")]).await {
            let fault = refusal.fault;
            let message = format!("{}; needed for {purpose}: {scope}", fault.message);
            found.push(Finding::new("scopes", Err(Fault { message, ..fault })));
        }
    }
    if found.is_empty() {
        found.push(Finding::new("scopes", Ok(format!("all {count} endpoints that are read can be read"))));
    }
    found
}

/// Each channel with the id that a market's `store` names, and the addresses of its pages.
async fn channels(reader: &Reader) -> Vec<Finding> {
    // The finding about scopes names the fault.
    let Ok(all) = profile::channels(reader).await else { return Vec::new() };
    let mut found = Vec::new();
    for channel in all.iter().take(MOST_SHOWN) {
        let mut text = format!("{}: {} ({}, {})", channel.id, channel.name, channel.of, channel.status);
        if let Ok(response) = reader.api.get(&format!("v3/channels/{}/site", channel.id), &[]).await
            && let Ok(site) = decode::one::<Data<api::Site>>(&response.body)
        {
            text = format!("{text}; {}", addresses(&site.data, &routes(reader, site.data.id).await));
        }
        found.push(Finding::new("channel", Ok(text)));
    }
    if all.len() > MOST_SHOWN {
        found.push(Finding::new("channel", Ok(format!("and {} more", all.len() - MOST_SHOWN))));
    }
    found
}

/// The routes of a headless storefront; none where the theme is BigCommerce's own or the account may not ask.
async fn routes(reader: &Reader, site: u64) -> Vec<api::Route> {
    let response = reader.api.get(&format!("v3/sites/{site}/routes"), &[("limit", "250")]).await;
    response.ok().and_then(|it| decode::whole(&it.body).ok()).map(|(routes, _)| routes).unwrap_or_default()
}

/// What a market's addresses are to be. A route of one record is left out: a market has one form of address.
fn addresses(site: &api::Site, routes: &[api::Route]) -> String {
    let base = site.url.trim_end_matches('/');
    let address = |kind: &str| {
        let route = routes.iter().find(|route| route.of == kind && route.matching == "*")?;
        // The slug of a product is its whole path, as the vendor's may hold slashes.
        let path = route.route.replace("{slug}", "{path}").replace("{lang}", "{locale}");
        Some(format!("{base}/{}", path.trim_start_matches('/')))
    };
    let named = |setting: &str, kind: &str| address(kind).map(|address| format!("{setting} = {address:?}"));
    let of_routes: Vec<String> =
        [named("product_url", "product"), named("category_url", "category")].into_iter().flatten().collect();
    if of_routes.is_empty() {
        format!("product_url = \"{base}/{{path}}\" where its theme is BigCommerce's own")
    } else {
        format!("{}, by its routes", of_routes.join(", "))
    }
}

/// What storefronts do with what is sold out, and which setting of a flow does the same.
async fn sold_out(reader: &Reader) -> Option<Finding> {
    let response = reader.api.get("v3/settings/inventory", &[]).await.ok()?;
    let settings = decode::one::<Data<api::InventorySettings>>(&response.body).ok()?.data;
    let text = match settings.product_out_of_stock_behavior.as_deref()? {
        "do_nothing" => "storefronts go on showing what is sold out; out_of_stock = \"keep\" of a destination does the same".to_owned(),
        behaviour => format!(
            "storefronts hide what is sold out ({behaviour}); out_of_stock = \"remove\" or \"hide\" of a destination does the same"
        ),
    };
    let option = match settings.option_out_of_stock_behavior.as_deref() {
        Some("hide_option") => "; options that are sold out are hidden, too",
        _ => "",
    };
    Some(Finding::new("sold out", Ok(format!("{text}{option}"))))
}

#[derive(serde::Deserialize)]
struct Data<T> {
    data: T,
}

/// Groups whose prices come about in a way that is not read.
async fn groups(reader: &Reader) -> Vec<Finding> {
    let Ok(Some(all)) = profile::v2::<api::Group>(reader, "v2/customer_groups").await else { return Vec::new() };
    let is_other = |group: &&api::Group| group.discount_rules.iter().any(|rule| rule.of != "price_list");
    let named: Vec<String> = all.iter().filter(is_other).map(|group| format!("{} ({})", group.name, group.id)).collect();
    if named.is_empty() {
        return vec![Finding::new("customer groups", Ok(format!("{}, with price lists or without prices of their own", all.len())))];
    }
    let text = format!("discount rules of {} are not read: their markets show the prices of everyone", named.join(", "));
    vec![Finding::new("customer groups", Ok(text))]
}
