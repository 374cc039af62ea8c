//! What is said once for many records: catalogues, sites, inventory lists, definitions of attributes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use contract::Fault;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};
use wire::{Retry, retry};

use super::{
    client::Api,
    convert,
    documents::{Catalog, Definition, List, Listed, Locale, SiteOf},
};
use crate::sfcc::{
    client,
    config::{Config, StockFrom, Taxation},
    contents::{Catalog as Kept, Facts, Site},
    map::{Settings, Shop},
};

/// What is kept is read anew after this time.
const FRESH: Duration = Duration::from_mins(10);
/// Rows of a list of SCAPI, and of one of OCAPI, asked for at once.
pub(super) const ROWS: &str = "50";
pub(super) const OCAPI_ROWS: usize = 200;
/// Most rows of a list that is held in memory.
const MOST_ROWS: usize = 20_000;

/// The shop, kept for a while.
#[derive(Debug)]
pub(super) struct Shops {
    config: Config,
    mapping: Settings,
    kept: Mutex<Option<(Instant, Arc<Shop>)>>,
}

impl Shops {
    pub(super) fn new(config: Config) -> Self {
        Self { mapping: config.mapping(), config, kept: Mutex::default() }
    }

    /// Settings of the mapping.
    pub(super) const fn mapping(&self) -> &Settings {
        &self.mapping
    }

    /// The shop.
    ///
    /// # Errors
    /// A call's.
    pub(super) async fn get(&self, scapi: &Api, ocapi: &Ocapi) -> Result<Arc<Shop>, Fault> {
        let mut kept = self.kept.lock().await;
        if let Some((_, shop)) = kept.as_ref().filter(|(read, _)| read.elapsed() < FRESH) {
            return Ok(Arc::clone(shop));
        }
        let shop = Arc::new(Shop::new(self.facts(scapi, ocapi).await?, &self.mapping));
        *kept = Some((Instant::now(), Arc::clone(&shop)));
        Ok(shop)
    }

    /// Has it read anew when it is needed next.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    async fn facts(&self, scapi: &Api, ocapi: &Ocapi) -> Result<Facts, Fault> {
        let catalogs = catalogs(scapi).await?;
        let lists: Vec<List> = match self.config.stock_from() {
            StockFrom::Lists => ocapi.all(&["inventory_lists"], LISTS).await?,
            StockFrom::Sites => self.named_lists(),
        };
        let definitions: Vec<Definition> =
            ocapi.all(&["system_object_definitions", "Product", "attribute_definitions"], DEFINITIONS).await?;
        let sites: Vec<SiteOf> = ocapi.all(&["sites"], SITES).await?;
        let is_wanted = |named: &Option<Vec<String>>, id: &String| named.as_ref().is_none_or(|all| all.contains(id));
        let mut facts = Facts::default();
        let mut of_sites: BTreeMap<String, Site> = BTreeMap::new();
        for site in sites.iter().filter(|site| self.config.sites.is_empty() || self.config.sites.contains_key(&site.id)) {
            of_sites.insert(site.id.clone(), self.site(ocapi, site).await?);
        }
        for catalog in catalogs.into_iter().filter(|it| is_wanted(&self.config.catalogs, &it.id)) {
            for site in &catalog.assigned_sites {
                set(&mut of_sites, &site.id, "SiteCatalog", &catalog.id);
            }
            facts.catalogs.insert(catalog.id, Kept { root: catalog.root_category, ..Kept::default() });
        }
        for list in lists.into_iter().filter(|it| is_wanted(&self.config.inventory_lists, &it.id)) {
            for site in list.assigned_sites.iter().filter_map(site_id) {
                set(&mut of_sites, site, "SiteInventoryList", &list.id);
            }
            facts.lists.insert(list.id.clone(), convert::list(&list));
        }
        facts.sites = of_sites;
        facts.attributes = definitions.iter().filter(|it| !it.system).map(convert::definition).collect();
        Ok(facts)
    }

    /// The inventory lists that the configuration names of sites.
    fn named_lists(&self) -> Vec<List> {
        let ids: BTreeSet<&String> = self.config.sites.values().filter_map(|site| site.inventory_list.as_ref()).collect();
        ids.into_iter().map(|id| List { id: id.clone(), ..List::default() }).collect()
    }

    async fn site(&self, ocapi: &Ocapi, it: &SiteOf) -> Result<Site, Fault> {
        let locales: Vec<Locale> = ocapi.all(&["sites", &it.id, "locale_info", "locales"], LOCALES).await?;
        let locales: Vec<String> = locales.into_iter().filter(|it| it.active != Some(false)).map(|it| it.id).collect();
        let mut site = Site { described: described(&self.config, &it.id), ..Site::default() };
        if let Some(name) = it.display_name.get("default").or_else(|| it.display_name.values().next()) {
            site.described.insert("name".to_owned(), name.clone());
        }
        site.preferences.insert("SiteLocales".to_owned(), locales.join(":"));
        Ok(site)
    }
}

/// What is set of a site and no API says.
pub(super) fn described(config: &Config, site: &str) -> BTreeMap<String, String> {
    let taxation = config.sites.get(site).and_then(|site| site.taxation).map(|taxation| match taxation {
        Taxation::Gross => "gross",
        Taxation::Net => "net",
    });
    taxation.map(|taxation| ("taxation".to_owned(), taxation.to_owned())).into_iter().collect()
}

fn set(sites: &mut BTreeMap<String, Site>, site: &str, preference: &str, value: &str) {
    if let Some(site) = sites.get_mut(site) {
        site.preferences.entry(preference.to_owned()).or_insert_with(|| value.to_owned());
    }
}

/// A site that an inventory list names: by its id, or by a document.
fn site_id(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("id")?.as_str())
}

/// All catalogues.
///
/// # Errors
/// A call's.
pub(super) async fn catalogs(scapi: &Api) -> Result<Vec<Catalog>, Fault> {
    let mut all: Vec<Catalog> = Vec::new();
    let mut ids = BTreeSet::new();
    loop {
        let offset = all.len().to_string();
        let page: Listed<Catalog> = scapi.catalogs(&[], &[("limit", ROWS), ("offset", &offset)]).await?;
        let count = page.data.len();
        all.extend(page.data);
        if count == 0 || all.len() as u64 >= page.total || all.len() >= MOST_ROWS {
            // A list that changes while it is read may name one twice.
            all.retain(|it| ids.insert(it.id.clone()));
            return Ok(all);
        }
    }
}

/// The Data API of OCAPI, whose calls are repeated.
#[derive(Debug)]
pub(super) struct Ocapi {
    api: client::Api,
    attempts: Retry,
}

impl Ocapi {
    pub(super) const fn new(api: client::Api, attempts: Retry) -> Self {
        Self { api, attempts }
    }

    /// Rows of a list from one on.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn rows<T: DeserializeOwned>(
        &self,
        path: &[&str],
        (start, count): (usize, usize),
        right: &str,
    ) -> Result<Listed<T>, Fault> {
        let (start, count) = (start.to_string(), count.to_string());
        // Without a selector rows are little more than ids.
        let query = [("start", start.as_str()), ("count", count.as_str()), ("select", "(**)")];
        retry(self.attempts, self.api.random(), |_| async {
            self.api.get(path, &query, right).await.map_err(|refusal| refusal.fault)
        })
        .await
    }

    /// All rows of a list that is short.
    ///
    /// # Errors
    /// As [`Ocapi::rows`].
    pub(super) async fn all<T: DeserializeOwned>(&self, path: &[&str], right: &str) -> Result<Vec<T>, Fault> {
        let mut all = Vec::new();
        loop {
            let page = self.rows::<T>(path, (all.len(), OCAPI_ROWS), right).await?;
            let count = page.data.len();
            all.extend(page.data);
            if count == 0 || all.len() as u64 >= page.total || all.len() >= MOST_ROWS {
                return Ok(all);
            }
        }
    }

    /// Calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.api.calls()
    }
}

/// What permits each list.
pub(super) const SITES: &str = "give the client get on /sites in the OCAPI Data settings";
pub(super) const LOCALES: &str = "give the client get on /sites/*/locale_info/locales in the OCAPI Data settings";
pub(super) const LISTS: &str = "give the client get on /inventory_lists in the OCAPI Data settings";
pub(super) const RECORDS: &str = "give the client get on /inventory_lists/*/product_inventory_records in the OCAPI Data settings";
pub(super) const DEFINITIONS: &str = "give the client get on /system_object_definitions/*/attribute_definitions in the OCAPI \
                                      Data settings";
