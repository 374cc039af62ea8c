//! Checks the clients, their scopes and permissions, one by one, without reading the catalogue.

use std::collections::BTreeMap;

use contract::{Fault, Profile, StoreProfile, source::Finding};
use serde_json::{Value, json};

use super::{
    Reader,
    client::SCOPES,
    documents::{Definition, Listed, Locale, SiteOf, Stock},
    shop::{self, DEFINITIONS, LISTS, LOCALES, RECORDS, SITES},
};
use crate::sfcc::{classify::Remedy, config::StockFrom, map::Shop};

/// One line per finding, in the order in which they matter.
pub(super) async fn check(reader: &Reader) -> Vec<Finding> {
    let mut found = Vec::new();
    for scope in SCOPES {
        let granted = reader.scapi.grant(scope).await;
        found.push(Finding::new(format!("scope {scope}"), granted.map(|()| "granted by Account Manager".to_owned())));
    }
    found.push(Finding::new("products", products(reader).await));
    let catalogs = shop::catalogs(&reader.scapi).await;
    found.push(Finding::new("catalogs", catalogs.map(|all| {
        let ids: Vec<&str> = all.iter().map(|it| it.id.as_str()).collect();
        ids.join(", ")
    })));
    permissions(reader, &mut found).await;
    // What keeps it from being read was found above.
    if let Ok(shop) = reader.shops.get(&reader.scapi, &reader.ocapi).await {
        found.extend(guests(reader, &shop).await);
    }
    found.push(Finding::new(
        "changes",
        Ok("of products by the time of their last change; prices, stock, categories and deletions by reading everything again"
            .to_owned()),
    ));
    found.extend(reader.scapi.clock().difference().map(|difference| Finding::new("clock", Ok(difference))));
    found
}

/// Searches one product.
async fn products(reader: &Reader) -> Result<String, Fault> {
    let body = |limit: usize| json!({ "limit": limit, "offset": 0, "query": { "matchAllQuery": {} } });
    reader.scapi.search(&body, 1).await.map(|(found, _)| format!("{}, variants included", found.total))
}

/// Each list of OCAPI that is read.
async fn permissions(reader: &Reader, found: &mut Vec<Finding>) {
    let ocapi = &reader.ocapi;
    let listed: Result<Vec<SiteOf>, Fault> = ocapi.all(&["sites"], SITES).await;
    let (shown, sites) = match listed {
        Ok(sites) => {
            let ids: Vec<&str> = sites.iter().map(|site| site.id.as_str()).collect();
            (Ok(ids.join(", ")), sites)
        }
        Err(fault) => (Err(fault), Vec::new()),
    };
    found.push(Finding::new("permission /sites", shown));
    let readable = |found: &mut Vec<Finding>, what: &str, result: Result<u64, Fault>| {
        found.push(Finding::new(format!("permission {what}"), result.map(|total| format!("{total} rows"))));
    };
    if let Some(site) = sites.first() {
        let path = ["sites", &site.id, "locale_info", "locales"];
        let locales: Result<Listed<Locale>, Fault> = ocapi.rows(&path, (0, 1), LOCALES).await;
        readable(found, "/sites/*/locale_info/locales", locales.map(|it| it.total));
    }
    let path = ["system_object_definitions", "Product", "attribute_definitions"];
    let definitions: Result<Listed<Definition>, Fault> = ocapi.rows(&path, (0, 1), DEFINITIONS).await;
    readable(found, "/system_object_definitions/*/attribute_definitions", definitions.map(|it| it.total));
    if reader.config.stock_from() == StockFrom::Sites {
        return;
    }
    let lists: Result<Listed<super::documents::List>, Fault> = ocapi.rows(&["inventory_lists"], (0, 1), LISTS).await;
    let first = lists.as_ref().ok().and_then(|lists| lists.data.first()).map(|list| list.id.clone());
    readable(found, "/inventory_lists", lists.map(|it| it.total));
    if let Some(list) = first {
        let path = ["inventory_lists", &list, "product_inventory_records"];
        let records: Result<Listed<Stock>, Fault> = ocapi.rows(&path, (0, 1), RECORDS).await;
        readable(found, "/inventory_lists/*/product_inventory_records", records.map(|it| it.total));
    }
}

/// A guest of each site whose prices are read, and the currencies it sells in.
async fn guests(reader: &Reader, shop: &Shop) -> Vec<Finding> {
    let mut of_sites: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for offer in reader.offers(shop) {
        of_sites.entry(offer.site).or_default().push(offer.currency);
    }
    let mut found = Vec::new();
    // No product has this id: what is asked is whether one may ask.
    let nothing = ["0".to_owned()];
    for (site, currencies) in of_sites {
        let what = format!("prices of site {site}");
        if let Err(fault) = reader.scapi.grant_guest(&site).await {
            let hint = "check scapi.slas_client_id and scapi.slas_client_secret, and that the client is private and has the site \
                        among its channels";
            found.push(Finding::new(what, Err(fault.hint(hint))));
            continue;
        }
        let mut sold = Vec::new();
        let mut refused = None;
        for currency in currencies {
            match reader.scapi.shown::<Listed<Value>>(&site, &currency, &nothing).await {
                Ok(_) => sold.push(currency),
                Err(refusal) if refusal.remedy == Remedy::Currency => {}
                Err(refusal) => {
                    refused = Some(refusal.fault);
                    break;
                }
            }
        }
        found.push(Finding::new(what, refused.map_or_else(|| Ok(format!("in {}", sold.join(", "))), Err)));
        if reader.config.stock_from() == StockFrom::Sites {
            let shown = reader.scapi.available::<Listed<Value>>(&site, &nothing).await;
            found.push(Finding::new(format!("stock of site {site}"), shown.map(|_| "is shown".to_owned())));
        }
    }
    found
}

/// The sites with their languages, the inventory lists, and the attributes of products.
pub(super) async fn profile(reader: &Reader) -> Result<Profile, Fault> {
    let shop = reader.shops.get(&reader.scapi, &reader.ocapi).await?;
    let store = |site: &crate::sfcc::map::site::Site| StoreProfile {
        key: site.id.clone(),
        name: site.name.clone(),
        languages: site.locales.iter().filter(|tag| *tag != "default").cloned().collect(),
        ..StoreProfile::default()
    };
    Ok(Profile {
        stores: Some(shop.sites.iter().map(store).collect()),
        channels: Some(shop.facts.lists.keys().cloned().collect()),
        groups: Some(Vec::new()),
        ..Profile::default()
    })
}
