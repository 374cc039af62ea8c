//! The importer of JSON Feed V2: fetches a shop's feeds and mirrors them.
//!
//! **Invariant:** absence deletes, so deletion happens only after every page of a feed has arrived whole. Any page that
//! isn't a 200 with a whole list of objects aborts the import; objects of earlier pages stay.
//!
//! Objects that the API wrote after a page was requested are newer than the page, and are neither replaced nor deleted.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::Emulator;
use super::import_log::{FeedRecord, SyncRecord};
use super::json::Fields;
use super::resource::Resource;
use super::store::{Manner, Store};
use super::validate::id_of;

/// Largest page in bytes.
const PAGE_BYTES: usize = 256 * 1024 * 1024;

const TIMEOUT: Duration = Duration::from_mins(1);

/// Which feeds to fetch. `{{limit}}`, `{{offset}}` and `{{modified_after}}` in a URL are filled in; a feed without
/// `{{offset}}` is fetched once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedImport {
    /// Feed of products.
    pub products_url: Option<String>,
    /// Feed of categories.
    pub categories_url: Option<String>,
    /// Feed of customers.
    pub customers_url: Option<String>,
    /// Feed of orders.
    pub orders_url: Option<String>,
    /// Feed of pages.
    pub pages_url: Option<String>,
    /// Makes the import incremental, so that nothing is deleted: hours back (below 1,000,000) or unix seconds; the
    /// sources don't agree. `None` = full, and `{{modified_after}}` is filled with nothing.
    #[serde(deserialize_with = "number_or_text")]
    pub modified_after: Option<String>,
}

/// An import that can't be tried.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No such store.
    #[error("no store has this name or public key")]
    UnknownStore,
    /// An import is under way.
    #[error("an import into this store is already running")]
    Running,
    /// The HTTP client can't be built.
    #[error("the importer has no HTTP client")]
    Client(#[source] reqwest::Error),
}

impl FeedImport {
    fn url(&self, resource: Resource) -> Option<&str> {
        let url = match resource {
            Resource::Products => &self.products_url,
            Resource::Categories => &self.categories_url,
            Resource::Customers => &self.customers_url,
            Resource::Orders => &self.orders_url,
            Resource::Pages => &self.pages_url,
        };
        url.as_deref()
    }
}

impl Emulator {
    /// Imports the feeds into the store of this name or public key, as the dashboard's "start sync" does.
    ///
    /// # Errors
    /// When it can't be tried. An import that fails on the way is a [`SyncRecord`] with the reason.
    pub async fn import_feed(&self, store: &str, feeds: &FeedImport) -> Result<SyncRecord, ImportError> {
        let store = self.find(store).ok_or(ImportError::UnknownStore)?;
        let _alone = store.importing.try_lock().map_err(|_| ImportError::Running)?;
        // The process may have chosen a provider already; then that one is used.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().map_err(ImportError::Client)?;
        let mut record = SyncRecord { incremental: feeds.modified_after.is_some(), aborted: None, feeds: Vec::new() };
        for resource in Resource::ALL {
            let Some(url) = feeds.url(resource) else { continue };
            let mut import =
                Import { emulator: self, store, client: &client, feeds, url, record: FeedRecord::new(resource) };
            let outcome = import.run().await;
            record.feeds.push(import.record);
            if let Err(why) = outcome {
                record.aborted = Some(format!("{}: {why}", resource.name()));
                break;
            }
        }
        if record.aborted.is_none() && !record.incremental {
            store.write().analyse();
        }
        store.remember_import(record.clone());
        Ok(record)
    }
}

/// One feed on its way in.
struct Import<'a> {
    emulator: &'a Emulator,
    store: &'a Arc<Store>,
    client: &'a reqwest::Client,
    feeds: &'a FeedImport,
    url: &'a str,
    record: FeedRecord,
}

impl Import<'_> {
    async fn run(&mut self) -> Result<(), String> {
        let resource = self.record.resource;
        let limit = self.emulator.inner.settings.feed_limit.max(1);
        let begun_at = self.store.read().sequence;
        let mut named = HashSet::new();
        loop {
            let asked_at = self.store.read().sequence;
            let page = self.fetch(limit, self.record.fetched).await?;
            let items = items(&page)?;
            let before = named.len();
            named.extend(items.iter().filter_map(|raw| key_of(resource, raw)));
            self.record.pages += 1;
            self.record.fetched += items.len();
            self.store_page(&items, asked_at);
            if items.len() < limit || !self.url.contains("{{offset}}") {
                break;
            }
            if named.len() == before {
                return Err(format!("page {} names nothing new; does the feed heed its offset?", self.record.pages));
            }
        }
        if self.feeds.modified_after.is_none() && resource != Resource::Orders {
            // Pages imported here were written after the beginning too, but those are named.
            self.record.deleted = self.store.write().mirror(resource, &named, begun_at);
        }
        Ok(())
    }

    /// A page as text.
    async fn fetch(&self, limit: usize, offset: usize) -> Result<String, String> {
        let modified_after = self.feeds.modified_after.as_deref().unwrap_or_default();
        let url = self
            .url
            .replace("{{limit}}", &limit.to_string())
            .replace("{{offset}}", &offset.to_string())
            .replace("{{modified_after}}", modified_after);
        let token = self.store.token(self.emulator.second());
        let request = self.client.get(url).header("X-Clerk-Authorization", format!("Bearer {token}"));
        // The URL may hold a password, so errors go without it.
        let told =
            |error: reqwest::Error| format!("the page at offset {offset} failed: {}", cause(&error.without_url()));
        let mut response = request.send().await.map_err(told)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("the page at offset {offset} answered {}", response.status().as_u16()));
        }
        let mut page = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if page.len() + chunk.len() > PAGE_BYTES {
                return Err(format!("the page at offset {offset} is larger than {PAGE_BYTES} bytes"));
            }
            page.extend_from_slice(&chunk);
        }
        String::from_utf8(page).map_err(|error| format!("the page at offset {offset} is not UTF-8: {error}"))
    }

    /// Stores the valid objects; a refused one does not stop the others.
    fn store_page(&mut self, items: &[&RawValue], asked_at: u64) {
        let settings = &self.emulator.inner.settings;
        let resource = self.record.resource;
        let manner = Manner::Feed { asked_at };
        if self.store.put(settings, resource, items, manner, None).is_ok() {
            self.record.stored += items.len();
            return;
        }
        for raw in items {
            match self.store.put(settings, resource, std::slice::from_ref(raw), manner, None) {
                Ok(()) => self.record.stored += 1,
                Err(problem) => {
                    let key = key_of(resource, raw).unwrap_or_else(|| "(without id)".into());
                    self.record.refuse(format!("{key}: {}", problem.message));
                }
            }
        }
    }
}

/// The objects of a page: a JSON array, or one object per line.
fn items(page: &str) -> Result<Vec<&RawValue>, String> {
    if page.trim_start().starts_with('[') {
        return serde_json::from_str(page).map_err(|error| format!("the page is not a JSON array: {error}"));
    }
    let object = |line: &'_ str| -> bool { line.trim_start().starts_with('{') };
    let mut items = Vec::new();
    for (number, line) in page.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let item = serde_json::from_str::<&RawValue>(line).ok().filter(|_| object(line));
        items.push(item.ok_or_else(|| format!("line {} of the page is not a JSON object", number + 1))?);
    }
    Ok(items)
}

/// Under which key an object is held.
fn key_of(resource: Resource, raw: &RawValue) -> Option<Box<str>> {
    let fields = Fields::of(raw)?;
    let id = match resource {
        Resource::Customers => fields.get("customerid").or_else(|| fields.get("id")).or_else(|| fields.get("email")),
        _ => fields.get("id"),
    };
    id_of(id?.get()).map(|id| id.text.into())
}

/// An error with its causes.
fn cause(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        told.push_str(": ");
        told.push_str(&error.to_string());
        source = error.source();
    }
    told
}

fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    Ok(Option::<Either>::deserialize(deserializer)?.map(|either| match either {
        Either::Number(number) => number.to_string(),
        Either::Text(text) => text,
    }))
}
