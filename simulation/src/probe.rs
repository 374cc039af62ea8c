//! Tracks on the wire what the stores have acknowledged: no item may be sent again as it was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;
use wire::Request;

use crate::{shop, steps::Steps};

/// An item: host, resource, id.
type Key = (String, String, String);

/// The acknowledged payload of each item. An item whose last call has no answer, or was refused, is left out.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    acknowledged: Mutex<BTreeMap<Key, Value>>,
    /// Hosts with a failed call since the hub last probed them with an item that they had accepted.
    failing: Mutex<BTreeSet<String>>,
    /// Hosts that asked for a pause: when, and until when.
    quiet: Mutex<BTreeMap<String, (Instant, Instant)>>,
    /// Items whose removal was requested without approval; `None`: all removals are approved from now on.
    removed: Mutex<Removed>,
}

/// Items whose removal was requested.
#[derive(Debug, Default)]
struct Removed {
    approved: bool,
    items: BTreeMap<String, BTreeSet<Key>>,
}

/// How many items a flow of this size may remove without approval.
const MOST_REMOVED: usize = 20;
/// A call may be under way when its host asks for a pause.
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// What a request writes.
#[derive(Debug)]
struct Asked {
    items: Vec<(Key, Option<Value>)>,
    whole: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A call under way. Dropped before its answer came, it was abandoned.
pub(crate) struct UnderWay {
    probe: Arc<Probe>,
    asked: Option<Asked>,
}

impl UnderWay {
    /// Its answer came.
    pub(crate) fn ended(mut self, accepted: bool) {
        if let Some(asked) = self.asked.take() {
            self.probe.answered(asked, accepted);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.probe.answered(asked, false);
        }
    }
}

impl Probe {
    /// A request is sent.
    pub(crate) fn asks(self: &Arc<Self>, host: &str, request: &Request, steps: &Arc<Steps>) -> UnderWay {
        let asked = read(host, request);
        // The stores read their keys from the query.
        let query = request.url.query().filter(|_| host == shop::HOST);
        tracing::trace!(method = %request.method, host, path = request.url.path(), query, items = ?asked.items, "asks");
        self.is_quiet(host, &asked, steps);
        self.counts_removals(host, &asked, steps);
        let mut acknowledged = locked(&self.acknowledged);
        for (key, object) in &asked.items {
            let known = acknowledged.remove(key);
            let again = match (object, &known) {
                (Some(object), Some(known)) if asked.whole => object == known,
                (Some(object), Some(known)) => merged(known, object) == *known,
                _ => false,
            };
            // After a failed call the hub may probe the account with one item that it is known to accept.
            if again && !locked(&self.failing).remove(host) {
                steps.fail(format!("{} is sent again as it was acknowledged: {key:?}", request.method));
            }
            if let Some(known) = known {
                // A patch needs what it is merged into.
                acknowledged.insert(pending(key), known);
            }
        }
        drop(acknowledged);
        UnderWay { probe: Arc::clone(self), asked: Some(asked) }
    }

    /// Checks that no call begins during a pause that its host asked for.
    fn is_quiet(&self, host: &str, asked: &Asked, steps: &Steps) {
        let now = Instant::now();
        let quiet = locked(&self.quiet).get(host).copied();
        if let Some((since, until)) = quiet.filter(|_| !asked.items.is_empty())
            && now > since + ON_ITS_WAY
            && now < until
        {
            steps.fail(format!("{host} asked for quiet until {:?} from now, and is called", until - now));
        }
    }

    /// Checks that no flow removes most of a destination without approval.
    fn counts_removals(&self, host: &str, asked: &Asked, steps: &Steps) {
        let mut removed = locked(&self.removed);
        if removed.approved {
            return;
        }
        let of_host = removed.items.entry(host.to_owned()).or_default();
        of_host.extend(asked.items.iter().filter(|(_, object)| object.is_none()).map(|(key, _)| key.clone()));
        if of_host.len() > MOST_REMOVED {
            steps.fail(format!("{} items of {host} are removed without approval", of_host.len()));
        }
    }

    /// From now on all removals are approved.
    pub(crate) fn approve_removals(&self) {
        locked(&self.removed).approved = true;
    }

    /// A host asks for a pause.
    pub(crate) fn quieten(&self, host: &str, seconds: u64) {
        let now = Instant::now();
        locked(&self.quiet).insert(host.to_owned(), (now, now + Duration::from_secs(seconds)));
    }

    /// Drops all pauses: a new hub does not know them.
    pub(crate) fn forget_quiet(&self) {
        locked(&self.quiet).clear();
    }

    /// The outcomes of calls to this host could not be stored: its items may be sent once more.
    pub(crate) fn doubt(&self, host: &str) {
        locked(&self.acknowledged).retain(|(of, ..), _| of != host);
    }

    fn answered(&self, asked: Asked, accepted: bool) {
        let mut acknowledged = locked(&self.acknowledged);
        let host = asked.items.first().map(|((host, ..), _)| host.clone());
        if let Some(host) = host.filter(|_| !accepted) {
            locked(&self.failing).insert(host);
        }
        for (key, object) in asked.items {
            let before = acknowledged.remove(&pending(&key));
            let now = match (object, before) {
                (Some(object), _) if asked.whole => Some(object),
                (Some(object), Some(before)) => Some(merged(&before, &object)),
                _ => None,
            };
            if let Some(now) = now.filter(|_| accepted) {
                acknowledged.insert(key, now);
            }
        }
    }

    /// The hub was killed: items whose outcome it did not store may be sent again.
    pub(crate) fn keep(&self, noted: impl Fn(&str, &str, &str) -> bool) {
        self.forget_quiet();
        let mut acknowledged = locked(&self.acknowledged);
        acknowledged.retain(|(host, resource, id), _| noted(host, resource, id));
    }
}

/// Holds an item's last acknowledged payload while a call of it is under way.
fn pending(key: &Key) -> Key {
    (key.0.clone(), format!("{} under way", key.1), key.2.clone())
}

fn merged(before: &Value, patch: &Value) -> Value {
    let mut merged = before.clone();
    if let (Some(into), Some(from)) = (merged.as_object_mut(), patch.as_object()) {
        into.extend(from.clone());
    }
    merged
}

fn read(host: &str, request: &Request) -> Asked {
    let nothing = Asked { items: Vec::new(), whole: true };
    let resource = request.url.path().rsplit('/').next().unwrap_or_default().to_owned();
    if !host.starts_with("clerk") || !matches!(resource.as_str(), "products" | "categories") {
        return nothing;
    }
    let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let key = |id: &Value| (host.to_owned(), resource.clone(), text(id));
    match request.method.as_str() {
        "POST" | "PATCH" => {
            let body: Value =
                request.body.as_ref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
            let objects = body.get(resource.as_str()).and_then(Value::as_array).cloned().unwrap_or_default();
            let items = objects.into_iter().filter_map(|object| Some((key(object.get("id")?), Some(object)))).collect();
            Asked { items, whole: request.method == http::Method::POST }
        }
        "DELETE" => {
            let ids = request.url.query_pairs().find(|(name, _)| *name == resource.as_str());
            let ids: Vec<Value> = ids.and_then(|(_, ids)| serde_json::from_str(&ids).ok()).unwrap_or_default();
            Asked { items: ids.iter().map(|id| (key(id), None)).collect(), whole: true }
        }
        _ => nothing,
    }
}
