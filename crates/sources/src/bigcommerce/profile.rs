//! What a store is set up with: its currencies, and the ids that markets may name.

use std::collections::BTreeMap;

use contract::{Fault, Profile, StoreProfile};
use serde::de::DeserializeOwned;

use super::{
    api,
    config::{Config, Texts},
    decode,
    read::Reader,
};

/// Rows per page.
const PAGE: &str = "250";
/// Pages read at most. Of what has more, nothing is said.
const MOST_PAGES: u32 = 20;

/// Reads what the API account may read. Languages are said where texts in several are read: REST shows one, whatever it is.
pub(super) async fn read(reader: &Reader, config: &Config) -> Result<Profile, Fault> {
    let currencies: Option<Vec<api::Currency>> = v2(reader, "v2/currencies").await?;
    let enabled = |it: &api::Currency| it.enabled || it.is_default;
    let currencies = currencies.map(|all| all.iter().filter(|it| enabled(it)).map(|it| it.currency_code.to_uppercase()).collect());
    let spoken = match config.texts {
        Texts::DefaultLanguage => BTreeMap::new(),
        Texts::Overrides | Texts::Translations => reader.spoken_in().await?,
    };
    let stores = if config.lanes.channels {
        let store = |channel: api::Channel| StoreProfile {
            languages: spoken.get(&channel.id).into_iter().flatten().cloned().collect(),
            key: channel.id.to_string(),
            name: Some(channel.name).filter(|name| !name.is_empty()),
            ..StoreProfile::default()
        };
        Some(channels(reader).await?.into_iter().map(store).collect())
    } else {
        None
    };
    let groups: Option<Vec<api::Group>> =
        if config.lanes.customer_groups { v2(reader, "v2/customer_groups").await? } else { None };
    Ok(Profile {
        languages: None,
        currencies,
        countries: None,
        stores,
        // Stock is added up over locations, and prices are bound to stores: no market names a channel beside its store.
        channels: Some(Vec::new()),
        groups: groups.map(|all| all.iter().map(|group| group.id.to_string()).collect()),
        attributes: None,
    })
}

/// The first channels.
pub(super) async fn channels(reader: &Reader) -> Result<Vec<api::Channel>, Fault> {
    let response = reader.api.get("v3/channels", &[("limit", PAGE), ("page", "1")]).await;
    let response = response.map_err(|refusal| refusal.fault)?;
    Ok(decode::whole(&response.body)?.0)
}

/// All rows of a list of v2; none when there are too many to read.
pub(super) async fn v2<T: DeserializeOwned>(reader: &Reader, path: &str) -> Result<Option<Vec<T>>, Fault> {
    let mut all: Vec<T> = Vec::new();
    for page in 1..=MOST_PAGES {
        let number = page.to_string();
        let response = reader.api.get(path, &[("limit", PAGE), ("page", number.as_str())]).await;
        let response = response.map_err(|refusal| refusal.fault)?;
        let rows: Vec<T> = if response.body.is_empty() { Vec::new() } else { decode::one(&response.body)? };
        let is_last = rows.len().to_string() != PAGE;
        all.extend(rows);
        if is_last {
            return Ok(Some(all));
        }
    }
    Ok(None)
}
