//! The calls about Insight data.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::collection::{Collection, Held, Scope, Type};
use super::error::Refusal;
use super::import::{AT_ONCE, Submitted};
use super::{Settings, State, column, rules};

/// Collections per account.
const MOST_COLLECTIONS: usize = 1_000;
/// Keys per deletion.
const MOST_KEYS: usize = 5_000;
/// Records per page.
const MOST_ITEMS: usize = 1_000;

/// A status, and a body where there is one.
pub(super) type Answer = Result<(u16, Option<Value>), Refusal>;

/// What a call has beside its path.
pub(super) struct Call<'a> {
    pub(super) settings: &'a Settings,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: &'a Bytes,
    pub(super) now: i64,
}

fn named(name: &str) -> Result<(), Refusal> {
    if rules::is_collection_name(name) { Ok(()) } else { Err(Refusal::collection_name(name)) }
}

fn found<'s>(state: &'s mut State, name: &str) -> Result<&'s mut Collection, Refusal> {
    let collection = found_of_any_scope(state, name)?;
    if collection.scope == Scope::Account { Ok(collection) } else { Err(Refusal::no_collection(name)) }
}

fn found_of_any_scope<'s>(state: &'s mut State, name: &str) -> Result<&'s mut Collection, Refusal> {
    named(name)?;
    state.collections.get_mut(name).ok_or_else(|| Refusal::no_collection(name))
}

fn parsed<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| Refusal::bad_request(error.to_string()))
}

impl Call<'_> {
    fn object(&self) -> Result<Map<String, Value>, Refusal> {
        serde_json::from_slice(self.body).map_err(|_| Refusal::bad_json())
    }

    // ── imports ─────────────────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn import(&self, state: &mut State) -> Answer {
        let mut body = self.object()?;
        let mut required = |name: &'static str| {
            let value = body.remove(name).filter(|value| !value.is_null());
            value.ok_or_else(|| Refusal::bad_request(format!("The {name} field is required")))
        };
        let name: String = parsed(required("collectionName")?)?;
        let scope: Scope = parsed(required("collectionScope")?)?;
        let of: Type = parsed(required("collectionType")?)?;
        let records = match required("records")? {
            Value::Array(records) if !records.is_empty() => records,
            _ => return Err(Refusal::bad_request("The records field must hold at least one record")),
        };
        named(&name)?;
        match state.collections.get(&name) {
            Some(there) if (there.scope, there.of) != (scope, of) => {
                return Err(Refusal::bad_request(format!("The collection '{name}' has another scope or type")));
            }
            None if state.collections.len() >= MOST_COLLECTIONS => return Err(too_many_collections()),
            _ => {}
        }
        let records = records.into_iter().map(|record| submitted(record, scope)).collect::<Result<Vec<_>, _>>()?;
        if state.imports.under_way() >= AT_ONCE {
            let description = "The account has too many active imports";
            return Err(Refusal::v3(429, "tooManyActiveImports", description));
        }
        let id = state.guid();
        state.imports.begin((id.clone(), self.now), (name, scope, of), records);
        Ok((202, Some(json!({ "importId": id }))))
    }

    pub(super) fn import_status(&self, state: &mut State, id: &str) -> Answer {
        let status = state.imports.status(id, self.settings, self.now);
        status
            .map(|status| (200, Some(status)))
            .ok_or_else(|| Refusal::v3(404, "importNotFound", format!("The import request '{id}' could not be found!")))
    }

    // ── collections ─────────────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn collections(state: &State) -> (u16, Option<Value>) {
        let told = |(name, it): (&String, &Collection)| {
            json!({
                "collectionName": name, "collectionType": it.of, "collectionScope": it.scope,
                "recordCount": it.records.len(),
            })
        };
        (200, Some(state.collections.iter().map(told).collect()))
    }

    pub(super) fn create(&self, state: &mut State, name: &str) -> Answer {
        named(name)?;
        let argument = |argument: &str| {
            let value = self.query.get(argument).map(|value| Value::from(value.as_str()));
            value.ok_or_else(|| Refusal::bad_request(format!("The {argument} field is required")))
        };
        let scope: Scope = parsed(argument("collectionScope")?)?;
        let of: Type = parsed(argument("collectionType")?)?;
        match state.collections.get(name) {
            Some(there) if (there.scope, there.of) != (scope, of) => {
                Err(Refusal::bad_request(format!("The collection '{name}' has another scope or type")))
            }
            Some(_) => Ok((200, None)),
            None if state.collections.len() >= MOST_COLLECTIONS => Err(too_many_collections()),
            None => {
                state.collections.insert(name.to_owned(), Collection::new(scope, of));
                Ok((201, None))
            }
        }
    }

    pub(super) fn schema(state: &mut State, name: &str) -> Answer {
        named(name)?;
        let Some(it) = state.collections.get(name) else { return Err(Refusal::no_collection(name)) };
        let own = |name: &str, mode: &str, of: &str| json!({ "name": name, "mode": mode, "type": of, "fields": [] });
        let schema = json!([
            own("key", "NULLABLE", "STRING"),
            own("contactIdentifier", "REQUIRED", "INTEGER"),
            own("dateModified", "REQUIRED", "TIMESTAMP"),
            own("deleted", "NULLABLE", "BOOLEAN"),
            { "name": "json", "mode": "NULLABLE", "type": "RECORD", "fields": column::told(&it.columns) },
        ]);
        Ok((200, Some(json!({ "collectionName": name, "collectionType": it.of, "schema": schema }))))
    }

    /// Deletes a collection, or its records alone.
    pub(super) fn clear(state: &mut State, name: &str, keep: bool) -> Answer {
        named(name)?;
        let Some(it) = state.collections.get_mut(name) else { return Err(Refusal::no_collection(name)) };
        it.records.clear();
        if !keep {
            state.collections.remove(name);
        }
        let id = state.guid();
        state.jobs.insert(id.clone(), name.to_owned());
        Ok((202, Some(json!({ "jobId": id }))))
    }

    pub(super) fn job(state: &State, id: &str) -> Answer {
        if state.jobs.contains_key(id) {
            return Ok((200, Some(json!({ "jobId": id, "status": "Finished" }))));
        }
        Err(Refusal::v3(404, "jobNotFound", format!("The job '{id}' could not be found!")))
    }

    // ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn put(&self, state: &mut State, name: &str, key: &str) -> Answer {
        let refused = state.refused.iter().any(|refused| refused == key);
        self.put_into(found(state, name)?, (key, refused), None)
    }

    /// A record of a contact.
    pub(super) fn record_of(&self, state: &mut State, method: &str, (name, key): (&str, &str), owner: u64) -> Answer {
        named(name)?;
        let refused = state.refused.iter().any(|refused| refused == key);
        let collection = state.collections.get_mut(name).filter(|collection| collection.scope == Scope::Contact);
        let collection = collection.ok_or_else(|| Refusal::no_collection(name))?;
        let held = collection.records.get(key).filter(|held| held.owner == Some(owner));
        match method {
            "PUT" => self.put_into(collection, (key, refused), Some(owner)),
            "GET" => held.map(|held| (200, Some(told(key, held)))).ok_or_else(|| Refusal::no_record(name, key)),
            "DELETE" if held.is_some() => {
                collection.records.remove(key);
                Ok((204, None))
            }
            "DELETE" => Err(Refusal::no_record(name, key)),
            _ => Err(Refusal::v3(405, "methodNotAllowed", "The method is not allowed here")),
        }
    }

    fn put_into(&self, collection: &mut Collection, (key, refused): (&str, bool), owner: Option<u64>) -> Answer {
        let value: Value = serde_json::from_slice(self.body).map_err(|_| Refusal::bad_json())?;
        // The OpenAPI document types the body as a string that holds the record.
        let record = match value {
            Value::String(text) => serde_json::from_str(&text).map_err(|_| Refusal::bad_json())?,
            other => other,
        };
        let refusal = |reason: &str, detail: &str| {
            Refusal::of(400, "badRequest", "The Insight data record is invalid", key, &format!("{reason}. {detail}"))
        };
        if refused {
            return Err(refusal("Unknown", "The record could not be stored"));
        }
        match collection.put(key, owner, record, self.settings.longest_text, self.now) {
            Ok(true) => Ok((201, None)),
            Ok(false) => Ok((204, None)),
            Err((reason, detail)) => Err(refusal(reason, &detail)),
        }
    }

    pub(super) fn get(state: &mut State, name: &str, key: &str) -> Answer {
        let collection = found(state, name)?;
        let held = collection.records.get(key).ok_or_else(|| Refusal::no_record(name, key))?;
        Ok((200, Some(told(key, held))))
    }

    pub(super) fn delete(state: &mut State, name: &str, key: &str) -> Answer {
        Self::remove(found(state, name)?, name, key)
    }

    /// `DELETE /v2/contacts/transactional-data/{collection}/{key}`: the record may belong to the account or to a contact.
    pub(super) fn delete_of_any_scope(state: &mut State, name: &str, key: &str) -> Answer {
        Self::remove(found_of_any_scope(state, name)?, name, key)
    }

    fn remove(collection: &mut Collection, name: &str, key: &str) -> Answer {
        let gone = collection.records.remove(key);
        gone.map(|_| (204, None)).ok_or_else(|| Refusal::no_record(name, key))
    }

    /// A page. The marker is the key that the page begins after.
    pub(super) fn page(&self, state: &mut State, name: &str) -> Answer {
        let collection = found(state, name)?;
        let limit = match self.query.get("limit").map(|limit| limit.parse::<usize>()) {
            None => MOST_ITEMS,
            Some(Ok(limit)) if (1..=MOST_ITEMS).contains(&limit) => limit,
            Some(_) => return Err(Refusal::bad_request(format!("The limit must be between 1 and {MOST_ITEMS}"))),
        };
        let since = match self.query.get("~modified") {
            None => i64::MIN,
            Some(since) => since
                .strip_prefix("gte::")
                .and_then(|since| since.parse::<Timestamp>().ok())
                .ok_or_else(|| Refusal::bad_request("The ~modified filter is invalid"))?
                .as_millisecond(),
        };
        let marker = self.query.get("marker").map_or("", String::as_str);
        let after = |(key, held): &(&String, &Held)| key.as_str() > marker && held.updated >= since;
        let mut items: Vec<_> = collection.records.iter().filter(after).take(limit + 1).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let link = |marker: &str| json!({ "marker": marker, "link": format!("/insightData/v3/account/{name}?limit={limit}&marker={marker}") });
        let mut links = Map::from_iter([("self".to_owned(), link(marker)), ("first".to_owned(), link(""))]);
        if let Some((last, _)) = items.last().filter(|_| more) {
            links.insert("next".to_owned(), link(last));
        }
        let items: Vec<Value> = items.into_iter().map(|(key, held)| told(key, held)).collect();
        Ok((200, Some(json!({ "_links": links, "_items": items }))))
    }

    pub(super) fn delete_records(&self, state: &mut State, name: &str) -> Answer {
        let none = || {
            let description = "You must specify the keys for the records to be deleted from the collection.";
            Refusal::v3(400, "noRecordsSpecified", description)
        };
        let keys = self.object()?.remove("keys").ok_or_else(none)?;
        let keys: Vec<String> = parsed(keys)?;
        if keys.is_empty() {
            return Err(none());
        }
        if keys.len() > MOST_KEYS {
            return Err(Refusal::bad_request(format!("At most {MOST_KEYS} keys can be deleted at once")));
        }
        let collection = found(state, name)?;
        let total = keys.len();
        let missing: Vec<String> = keys.into_iter().filter(|key| collection.records.remove(key).is_none()).collect();
        let summary = json!({
            "totalRecords": total, "totalDeleted": total - missing.len(), "totalNotFound": missing.len(),
        });
        let mut answer = Map::from_iter([("summary".to_owned(), summary)]);
        if !missing.is_empty() {
            answer.insert("notFound".to_owned(), json!(missing));
        }
        Ok((200, Some(Value::Object(answer))))
    }
}

fn too_many_collections() -> Refusal {
    Refusal::v3(412, "collectionLimitExceeded", "The account has too many Insight data collections")
}

fn submitted(record: Value, scope: Scope) -> Result<Submitted, Refusal> {
    let Value::Object(mut record) = record else { return Err(Refusal::bad_request("A record must be an object")) };
    // The vendor's own example has a number.
    let key = match record.remove("key") {
        Some(Value::String(key)) => key,
        Some(Value::Number(key)) => key.to_string(),
        _ => return Err(Refusal::bad_request("The key field is required")),
    };
    let json = record.remove("json").ok_or_else(|| Refusal::bad_request("The json field is required"))?;
    let owner = record.remove("contactIdentity");
    let part = |name: &str| owner.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let owner = part("identifier").zip(part("value"));
    if owner.is_some() != (scope == Scope::Contact) {
        return Err(Refusal::bad_request(
            "The contactIdentity field is required for records of contacts, and for no others",
        ));
    }
    Ok(Submitted { key, json, owner })
}

fn told(key: &str, held: &Held) -> Value {
    let time = |millis: i64| Timestamp::from_millisecond(millis).map(|at| at.to_string()).unwrap_or_default();
    json!({ "key": key, "json": held.json, "created": time(held.created), "updated": time(held.updated) })
}
