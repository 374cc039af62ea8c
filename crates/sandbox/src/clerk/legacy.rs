//! Calls beside the resources that plugins still make: helpers on products, the account, and feed tokens.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Emulator;
use super::arguments::Arguments;
use super::crud;
use super::entry::{Entry, Moment};
use super::envelope::{Problem, Reply};
use super::facets;
use super::json::attributes;
use super::resource::Resource;
use super::select::chosen;
use super::store::{State, Store};

impl Emulator {
    /// `client/account/info`: plugins check their keys with it.
    pub(super) fn account(&self, arguments: &Arguments) -> Reply {
        let store = self.private(arguments.text("key")?, arguments.text("private_key")?)?;
        let settings = &store.settings;
        crud::json(&json!({
            "status": "ok", "name": settings.name, "language": settings.language, "currency": settings.currency,
        }))
    }

    /// `client/account/content/list`: contents are made in the dashboard, and there is none here.
    pub(super) fn contents(&self, arguments: &Arguments) -> Reply {
        self.private(arguments.text("key")?, arguments.text("private_key")?)?;
        crud::json(&json!({ "status": "ok", "contents": [] }))
    }

    /// `product/attributes`: a bare list without an envelope.
    pub(super) fn product_attributes(&self, arguments: &Arguments, moment: Option<Moment>) -> Reply {
        let store = self.public(arguments.text("key")?)?;
        let ids = arguments.ids("products")?.ok_or_else(|| Problem::missing("products"))?;
        let names = arguments.names("attributes")?;
        let state = store.read();
        let state = state.seen(moment);
        let told = |entry: &Entry| match &names {
            Some(names) => chosen(entry, names),
            None => attributes(&entry.raw, &|_| true),
        };
        let list =
            ids.iter().filter_map(|id| state.entry(Resource::Products, id)).map(|entry| Value::Object(told(entry)));
        crud::json(&list.collect::<Value>())
    }

    /// `product/facets`: of the named products, or of the catalogue.
    pub(super) fn product_facets(&self, arguments: &Arguments, moment: Option<Moment>) -> Reply {
        let store = self.public(arguments.text("key")?)?;
        let ids = arguments.ids("products")?;
        let names = arguments.names("attributes")?;
        let state = store.read();
        let state = state.seen(moment);
        let entries = match &ids {
            Some(ids) => ids.iter().filter_map(|id| state.entry(Resource::Products, id)).collect::<Vec<_>>(),
            None => state.entries(Resource::Products).map(|(_, entry)| entry).filter(|entry| entry.visible).collect(),
        };
        let names = names.unwrap_or_else(|| all_names(&entries));
        crud::json(&json!({ "status": "ok", "facets": facets::of(&state, entries.into_iter(), &names) }))
    }

    /// `token/verify`: whether a feed request's token was made here. A `jwt` cookie overrides the argument.
    pub(super) fn token_verify(&self, arguments: &Arguments, cookie: Option<&str>) -> Reply {
        let stores = match arguments.text("key")? {
            Some(key) => vec![self.public(Some(key))?],
            None => self.inner.stores.values().collect::<Vec<&Arc<Store>>>(),
        };
        let token = match cookie {
            Some(token) => token,
            None => arguments.text("token")?.ok_or_else(|| Problem::missing("token"))?,
        };
        let now = self.second();
        let payload = stores.iter().find_map(|store| store.verified(token, now));
        let payload = payload.ok_or_else(|| Problem::authentication("Invalid token"))?;
        crud::json(&json!({ "status": "ok", "token_payload": payload }))
    }
}

fn all_names(entries: &[&Entry]) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    for entry in entries {
        names.extend(
            attributes(&entry.raw, &|name| !matches!(name, "id" | "url" | "image" | "description"))
                .into_iter()
                .map(|(name, _)| name),
        );
    }
    names.into_iter().collect()
}

impl State {
    /// Objects of a kind as values, by id.
    pub(super) fn snapshot(&self, resource: Resource) -> std::collections::BTreeMap<String, Value> {
        let parsed = |entry: &Entry| serde_json::from_str(entry.raw.get()).unwrap_or_default();
        self.entries(resource).map(|(id, entry)| (id.to_owned(), parsed(entry))).collect()
    }
}
