//! GET, POST, PATCH and DELETE on the five resources. A write answers for the batch as a whole.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Emulator;
use super::arguments::QueryString;
use super::entry::Moment;
use super::envelope::{Problem, Reply, ok};
use super::json::{Items, WriteBody, text};
use super::resource::Resource;
use super::settings::CategoryDelete;
use super::store::{Manner, Store};
use super::validate::id_of;

/// An operation on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Replace,
    Merge,
    Delete,
}

impl Operation {
    pub(super) fn of(method: &Method) -> Option<Self> {
        match *method {
            Method::GET => Some(Self::Read),
            Method::POST => Some(Self::Replace),
            Method::PATCH => Some(Self::Merge),
            Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }
}

/// A call on a resource as it arrived.
pub(super) struct Call<'a> {
    pub(super) resource: Resource,
    pub(super) operation: Operation,
    /// Name in the journal.
    pub(super) name: String,
    pub(super) query: &'a QueryString,
    pub(super) body: &'a Bytes,
    pub(super) moment: Option<Moment>,
}

impl Emulator {
    pub(super) fn resource(&self, call: &Call<'_>) -> Reply {
        let argument = call.resource.name();
        let body = std::str::from_utf8(call.body).ok().and_then(|body| WriteBody::read(body, argument));
        let body = body.ok_or_else(|| Problem::parsing("Request body is not a JSON object"))?;
        let key = body.key.as_deref().or_else(|| call.query.get("key"));
        let private_key = body.private_key.as_deref().or_else(|| call.query.get("private_key"));
        let store = self.private(key, private_key)?;

        let items = match body.items {
            Some(items) => Some(items),
            None => call.query.get(argument).map(|text| serde_json::from_str(text).unwrap_or(Items::NoList)),
        };
        let items = match items {
            Some(Items::List(items)) => Ok(items),
            Some(Items::NoList) => Err(Problem::invalid(argument)),
            None => Err(Problem::missing(argument)),
        };
        if call.operation == Operation::Read {
            return selected(store, call.resource, &items?, call.moment);
        }
        let count = items.as_ref().map_or(0, Vec::len);
        let outcome = items.and_then(|items| self.change(store, call, &items));
        let refused = outcome.as_ref().err().map(|problem| format!("{:?}: {}", problem.kind, problem.message));
        store.journal().note(call.name.clone(), count, refused, call.body.clone());
        outcome.map(|()| ok())
    }

    fn change(&self, store: &Arc<Store>, call: &Call<'_>, items: &[&RawValue]) -> Result<(), Problem> {
        let settings = &self.inner.settings;
        if settings.max_batch_items.is_some_and(|most| items.len() > most) {
            return Err(Problem::logical(format!("Too many items in argument: {}", call.resource.name())));
        }
        match call.operation {
            Operation::Read => Ok(()),
            Operation::Replace => store.put(settings, call.resource, items, Manner::Replace, call.moment),
            Operation::Merge => store.put(settings, call.resource, items, Manner::Merge, call.moment),
            Operation::Delete => {
                if call.resource == Resource::Categories && settings.category_delete == CategoryDelete::Refuse {
                    return Err(Problem::logical("Categories can not be deleted"));
                }
                store.delete(call.resource, &ids(call.resource, items)?, call.moment);
                Ok(())
            }
        }
    }
}

fn ids<'a>(resource: Resource, items: &[&'a RawValue]) -> Result<Vec<Cow<'a, str>>, Problem> {
    let id = |raw: &&'a RawValue| id_of(raw.get()).map(|id| id.text).ok_or_else(|| Problem::invalid(resource.name()));
    items.iter().map(id).collect()
}

/// The objects asked for that are known. Customers are asked for by email.
fn selected(store: &Store, resource: Resource, items: &[&RawValue], moment: Option<Moment>) -> Reply {
    let state = store.read();
    let state = state.seen(moment);
    let found = if resource == Resource::Customers {
        let emails = items.iter().map(|raw| text(raw.get()).ok_or_else(|| Problem::invalid(resource.name())));
        let emails = emails.collect::<Result<Vec<_>, _>>()?;
        emails.iter().filter_map(|email| state.customer_by_email(email)).map(|entry| &*entry.raw).collect::<Vec<_>>()
    } else {
        let ids = ids(resource, items)?;
        ids.iter().filter_map(|id| state.entry(resource, id)).map(|entry| &*entry.raw).collect()
    };
    json(&std::collections::BTreeMap::from([(resource.name(), Found::Objects(found)), ("status", Found::Ok("ok"))]))
}

/// A field of the answer to a GET.
#[derive(Serialize)]
#[serde(untagged)]
enum Found<'a> {
    Ok(&'a str),
    Objects(Vec<&'a RawValue>),
}

/// `value` as an answer.
pub(super) fn json(value: &impl Serialize) -> Reply {
    serde_json::to_vec(value).map_err(|error| Problem::internal(error.to_string()))
}
