//! Events of replication, where the instance has them: hints that a publication has reached it.
//!
//! Events are a pilot: delivered once, never repeated, without a signature. So they only bring a read forward; what is read at
//! intervals stays as it is. A person sets them up in Business Manager, with a header that carries a key.
//!
//! **Invariants:** a delivery without the key is refused. What is verified and not understood is a hint about everything.

use std::fmt;

use async_trait::async_trait;
use contract::{
    Fault, Token,
    source::{Delivery, Hooks, Mark, Reach, Received, Registered},
    store::Hint,
};
use model::{Kind, RecordId};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use wire::{Environment, Url, is_this_machine, signature};

use super::{Sfcc, config};

/// The header with the key, which a person enters.
pub const KEY: &str = "x-cartage-key";
/// Longest id of a product, in bytes: 100 characters.
const LONGEST_ID: usize = 400;
/// Shortest key.
const SHORTEST: usize = 24;
/// What is read of an instance, by the words in the names of replication groups, such as `ORGANIZATION_CATALOG`.
const GROUPS: [(&str, &[Kind]); 4] = [
    ("CATALOG", &[Kind::Product, Kind::Category, Kind::Assignment]),
    ("PRICE", &[Kind::Book, Kind::Price]),
    ("INVENTORY", &[Kind::Stock]),
    ("SITE", &[Kind::Storefront]),
];

/// What deliveries are verified with.
pub(super) struct Receiver {
    key: SecretString,
}

impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Receiver").finish_non_exhaustive()
    }
}

impl Receiver {
    /// Fetches the key.
    ///
    /// # Errors
    /// `C0214` if it can't be read.
    pub(super) fn new(webhooks: &config::Webhooks, environment: &Environment) -> Result<Self, Fault> {
        let key = environment.secret(&webhooks.key).map_err(|error| {
            Fault::config("C0214", format!("the setting webhooks.key can't be used: {error}")).hint(hint())
        })?;
        Ok(Self { key })
    }

    /// Whether the key is too short to prove anything.
    fn is_weak(&self) -> bool {
        self.key.expose_secret().len() < SHORTEST
    }
}

fn hint() -> String {
    format!("choose {SHORTEST} random characters or more, and enter them as the header {KEY} of the endpoint")
}

#[async_trait]
impl Hooks for Sfcc {
    async fn receive(&self, delivery: &Delivery<'_>) -> Result<Received, Fault> {
        let receiver = self.webhooks.as_ref();
        let receiver = receiver.ok_or_else(|| Fault::config("C0623", "the source has no webhooks"))?;
        if receiver.is_weak() {
            return Err(Fault::credentials("C0219", "the setting webhooks.key is too short to prove anything").hint(hint()));
        }
        let key = signature::header(delivery, KEY).unwrap_or_default();
        if !signature::same(key.as_bytes(), receiver.key.expose_secret().as_bytes()) {
            let message = format!("a delivery does not carry the key in the header {KEY}");
            return Err(Fault::credentials("C0219", message).hint("enter webhooks.key there, in Business Manager"));
        }
        let of = |name| signature::header(delivery, name).unwrap_or_default();
        let (event, correlation) = (of("x-sf-cc-event-id"), of("x-sf-cc-correlation-id"));
        let body = serde_json::from_slice(delivery.body).unwrap_or(Value::Null);
        let mark = (!correlation.is_empty()).then(|| Mark {
            series: format!("{event} {correlation}"),
            number: 0,
            consecutive: false,
        });
        Ok(Received { hints: hints(event, &body), mark, reply: None })
    }

    fn objection(&self, address: &str) -> Option<String> {
        if self.webhooks.as_ref().is_some_and(Receiver::is_weak) {
            return Some(format!("the setting webhooks.key is too short to prove anything: {}", hint()));
        }
        let Ok(url) = Url::parse(address) else { return Some(format!("{address} is no address")) };
        let is_reached = url.scheme() == "https" || is_this_machine(&url);
        (!is_reached).then(|| format!("the key would travel in plain text to {address}: let a proxy end https"))
    }

    fn is_kept_up(&self) -> bool {
        false
    }

    /// The instance has no API for its endpoints: a person enters the address.
    async fn ensure(&self, _: &str, kept: Option<&Token>, _: Reach) -> Result<Registered, Fault> {
        let state = "entered in Business Manager by a person; it can't be read from here".to_owned();
        Ok(Registered {
            kept: kept.cloned(),
            state,
            is_whole: true,
            missed: false,
            renew_at: None,
            steps: Vec::new(),
        })
    }
}

/// What an event says may have changed.
fn hints(event: &str, body: &Value) -> Vec<Hint> {
    match event {
        "sf.cc.replication.granular.completed" | "sf.cc.replication.granular.incomplete" => granular(body),
        "sf.cc.replication.completed" => replicated(body),
        // What failed has changed nothing; shoppers are no part of the catalogue.
        other if other.ends_with(".failed") || other.starts_with("sf.cc.shopper.") => Vec::new(),
        _ => everything(),
    }
}

fn everything() -> Vec<Hint> {
    GROUPS.into_iter().flat_map(|(_, kinds)| kinds).map(|kind| Hint { kind: *kind, id: None }).collect()
}

/// Single products and price tables that were published.
fn granular(body: &Value) -> Vec<Hint> {
    let Some(objects) = body.get("successfulObjects").or_else(|| body.get("objects")) else { return everything() };
    let rows = |name: &str| objects.get(name).and_then(Value::as_array).into_iter().flatten();
    let mut hints: Vec<Hint> = Vec::new();
    for product in rows("products") {
        let id = product.get("id").and_then(Value::as_str);
        let id = id.filter(|id| (1..=LONGEST_ID).contains(&id.len()));
        hints.push(Hint { kind: Kind::Product, id: id.map(RecordId::from) });
    }
    if rows("priceTables").next().is_some() {
        hints.push(Hint { kind: Kind::Price, id: None });
    }
    hints
}

/// Whole groups that were published.
fn replicated(body: &Value) -> Vec<Hint> {
    let payload = body.get("payload").unwrap_or(body);
    if payload.get("isDataReplication") == Some(&Value::Bool(false)) || payload.get("success") == Some(&Value::Bool(false)) {
        return Vec::new();
    }
    let groups = payload.get("replicationGroups").and_then(Value::as_array).filter(|groups| !groups.is_empty());
    let Some(groups) = groups else { return everything() };
    let mut hints: Vec<Hint> = Vec::new();
    for group in groups {
        let name = group.get("id").and_then(Value::as_str).unwrap_or_default();
        // `SITE_…` is also the form of groups of one site: the other words say what they hold.
        match GROUPS.iter().find(|(word, _)| name.contains(word)) {
            Some((_, kinds)) => hints.extend(kinds.iter().map(|kind| Hint { kind: *kind, id: None })),
            None => return everything(),
        }
    }
    hints.sort_unstable();
    hints.dedup();
    hints
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(event: &str, body: &Value) -> Vec<(Kind, String)> {
        let hints = hints(event, body);
        hints.into_iter().map(|hint| (hint.kind, hint.id.map_or("*".to_owned(), |id| id.to_string()))).collect()
    }

    #[test]
    fn each_event_names_what_it_published() {
        let all = |kind| (kind, "*".to_owned());
        let granular = json!({
            "processId": "p", "type": "GRANULAR", "success": true,
            "objects": { "products": [{ "id": "BOOT-1" }], "priceTables": [{ "id": "BOOT-1@eur-sale" }], "contentAssets": [] },
        });
        let wanted = [(Kind::Product, "BOOT-1".to_owned()), all(Kind::Price)];
        assert_eq!(named("sf.cc.replication.granular.completed", &granular), wanted);
        let partly = json!({
            "successfulObjects": { "products": [{ "id": "A" }] }, "failedObjects": { "products": [{ "id": "B" }] },
        });
        assert_eq!(named("sf.cc.replication.granular.incomplete", &partly), [(Kind::Product, "A".to_owned())]);
        let catalogue = json!({ "payload": {
            "isDataReplication": true, "success": true,
            "replicationGroups": [{ "id": "ORGANIZATION_CATALOG", "type": "ORGANIZATION", "domain": "store-cat" }],
        } });
        let wanted = [all(Kind::Product), all(Kind::Category), all(Kind::Assignment)];
        assert_eq!(named("sf.cc.replication.completed", &catalogue), wanted);
    }

    #[test]
    fn what_changed_nothing_is_no_hint_and_what_is_not_understood_is_one_about_everything() {
        assert_eq!(named("sf.cc.replication.failed", &json!({})), []);
        assert_eq!(named("sf.cc.replication.granular.failed", &json!({})), []);
        assert_eq!(named("sf.cc.shopper.registered", &json!({ "customerNo": "1" })), []);
        assert_eq!(named("sf.cc.replication.completed", &json!({ "payload": { "isDataReplication": false } })), []);
        let whole = everything().len();
        for (event, body) in [
            ("sf.cc.replication.completed", json!(null)),
            ("sf.cc.replication.completed", json!({ "payload": { "replicationGroups": [{ "id": "ORGANIZATION_NEW" }] } })),
            ("sf.cc.replication.granular.completed", json!([1])),
            ("sf.cc.something.new", json!({})),
            ("", json!({})),
        ] {
            assert_eq!(named(event, &body).len(), whole, "{event} {body}");
        }
    }
}
