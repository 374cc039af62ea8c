//! Stock, as each site shows it: for clients of OCAPI that may not read inventory lists.

use std::{collections::BTreeMap, sync::Arc};

use contract::Fault;
use model::Kind;
use serde_json::{Number, Value};

use super::{
    client::Api,
    convert,
    documents::{Available, Listed, Stock},
    packs::{ask, packs},
};
use crate::sfcc::{
    contents::Row,
    map::{self, Mapped},
};

/// What the platform shows for stock without an end.
const ENDLESS: f64 = 999_999.0;

/// Reads what can be sold of the products of a page on each of these sites. Two sites may sell from one list.
///
/// # Errors
/// A call's.
pub(super) async fn page(api: &Arc<Api>, sites: &[String], hits: Vec<Value>) -> Result<Mapped, Fault> {
    let call = |(site, pack): (String, Vec<String>)| {
        let api = Arc::clone(api);
        async move { api.available::<Listed<Value>>(&site, &pack).await }
    };
    let (mut mapped, mut records) = (Mapped::default(), BTreeMap::new());
    ask(packs(sites, hits), call, |answer: Result<Listed<Value>, Fault>| {
        for product in answer?.data {
            read(product, &mut records, &mut mapped);
        }
        Ok(())
    })
    .await?;
    let stock = map::stock::page(records.into_values().collect());
    mapped.changes.extend(stock.changes);
    mapped.unread.extend(stock.unread);
    Ok(mapped)
}

/// Reads what can be sold of a product, by inventory list.
fn read(product: Value, records: &mut BTreeMap<(String, String), Row>, mapped: &mut Mapped) {
    let id = product.get("id").and_then(Value::as_str).map(str::to_owned);
    let available: Available = match serde_json::from_value(product) {
        Ok(available) => available,
        Err(error) => {
            mapped.unread(Kind::Stock, None, &format!("that of {}: {error}", id.unwrap_or_default()));
            return;
        }
    };
    for inventory in available.inventories {
        let endless = inventory.ats.as_ref().and_then(Number::as_f64).is_some_and(|ats| ats >= ENDLESS);
        let stock = Stock {
            product_id: available.id.clone(),
            ats: inventory.ats,
            perpetual_flag: Some(endless),
            ..Stock::default()
        };
        let row = Row::Is { of: inventory.id.clone(), element: convert::stock(&stock), unfit: 0 };
        records.entry((inventory.id, available.id.clone())).or_insert(row);
    }
}
