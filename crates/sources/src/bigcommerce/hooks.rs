//! Webhooks: registered, kept up, verified, and read as hints.
//!
//! Each webhook is about one scope, and carries a key that only Cartage and BigCommerce know: derived from the client secret
//! and the store, so that nothing further has to be kept. Deliveries are signed as Standard Webhooks besides.
//!
//! **Invariants:** a delivery without the key is refused; so is one whose signature is missing (unless the settings allow
//! it), wrong or out of time, and one of another store. What is verified and not understood is a hint about everything of
//! its kind, never an error: BigCommerce switches webhooks off that fail.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use async_trait::async_trait;
use contract::{
    Fault, Token,
    source::{Delivery, Hooks, Mark, Reach, Received, Registered},
    store::Hint,
};
use model::{Kind, RecordId};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::{Environment, Method, Url, is_this_machine, signature};

use super::{
    BigCommerce, api, by_id, config, decode,
    classify::{Refusal, Remedy},
    profile,
};

/// The header with the key. BigCommerce sends back what a webhook was created with.
const KEY: &str = "x-cartage-key";
/// Headers of a signature; one that is there makes the delivery a signed one.
const SIGNED: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];
/// Rows per page.
const ROWS: &str = "250";
/// Pages of webhooks that are read at most.
const MOST_PAGES: u64 = 20;

/// What is about products, variants and categories: always of interest.
const CATALOGUE: [&str; 13] = [
    "store/product/created",
    "store/product/updated",
    "store/product/deleted",
    "store/product/inventory/updated",
    "store/product/inventory/order/updated",
    "store/sku/created",
    "store/sku/updated",
    "store/sku/deleted",
    "store/sku/inventory/updated",
    "store/sku/inventory/order/updated",
    "store/category/created",
    "store/category/updated",
    "store/category/deleted",
];
/// What is about price lists. One record and a batch of them have scopes of their own.
const PRICE_LISTS: [&str; 13] = [
    "store/priceList/created",
    "store/priceList/updated",
    "store/priceList/activated",
    "store/priceList/deactivated",
    "store/priceList/deleted",
    "store/priceList/assignment/updated",
    "store/priceList/assignment/deleted",
    "store/priceList/record/created",
    "store/priceList/record/updated",
    "store/priceList/record/deleted",
    "store/priceList/records/created",
    "store/priceList/records/updated",
    "store/priceList/records/deleted",
];
/// What is about channels as such.
const CHANNELS: [&str; 2] = ["store/channel/created", "store/channel/updated"];

/// What deliveries are verified with.
pub(super) struct Secrets {
    secret: SecretString,
    key: String,
    unsigned: bool,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Secrets").field("unsigned", &self.unsigned).finish_non_exhaustive()
    }
}

impl Secrets {
    /// Fetches the client secret.
    ///
    /// # Errors
    /// `C0214` if it can't be read.
    pub(super) fn new(store: &str, webhooks: &config::Webhooks, environment: &Environment) -> Result<Self, Fault> {
        let secret = environment.secret(&webhooks.client_secret).map_err(|error| {
            Fault::config("C0214", format!("the setting webhooks.client_secret can't be used: {error}"))
                .hint("it is shown once, with the token, when an API account is made in the control panel")
        })?;
        let key = signature::derived(secret.expose_secret().as_bytes(), &format!("cartage webhooks of stores/{store}"));
        Ok(Self { secret, key, unsigned: webhooks.unsigned })
    }

    /// The id of a delivery, which its repetitions share; `None` where an unsigned one is allowed.
    fn verify<'a>(&self, delivery: &Delivery<'a>) -> Result<Option<&'a str>, Fault> {
        let refused = |why: &str| Fault::credentials("C0219", format!("a delivery is not one of BigCommerce's: {why}"));
        let key = signature::header(delivery, KEY).unwrap_or_default();
        if !signature::same(key.as_bytes(), self.key.as_bytes()) {
            return Err(refused("it does not carry the key of the webhooks that Cartage registers"));
        }
        if self.unsigned && SIGNED.iter().all(|name| signature::header(delivery, name).is_none()) {
            return Ok(None);
        }
        let id = signature::standard_webhook(self.secret.expose_secret().as_bytes(), delivery);
        id.map(Some).map_err(|not| refused(&not.to_string()).hint("check webhooks.client_secret, and this machine's clock"))
    }
}

/// What is kept between two registrations.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    address: String,
    /// Webhooks that were there.
    ids: BTreeSet<u64>,
    /// The domain was blocked at the last look: what happened meanwhile is partly lost.
    #[serde(default)]
    is_blocked: bool,
}

#[async_trait]
impl Hooks for BigCommerce {
    async fn receive(&self, delivery: &Delivery<'_>) -> Result<Received, Fault> {
        let id = self.secrets()?.verify(delivery)?;
        let delivered: api::Delivered = serde_json::from_slice(delivery.body)
            .map_err(|error| Fault::protocol("C0225", format!("a delivery can't be understood: {error}")))?;
        if delivered.producer != format!("stores/{}", self.config.store_hash) {
            return Err(Fault::credentials("C0219", "a delivery is of another store"));
        }
        let series = id.map_or_else(
            || format!("{} {} {}", delivered.scope, delivered.hash, delivered.created_at),
            str::to_owned,
        );
        let hints = hints(&delivered.scope, &delivered.data, &self.config.lanes);
        Ok(Received { hints, mark: Some(Mark { series, number: 0, consecutive: false }), reply: None })
    }

    fn objection(&self, address: &str) -> Option<String> {
        let Ok(url) = Url::parse(address) else { return Some(format!("{address} is no address")) };
        if is_this_machine(&url) {
            // An emulator on this machine reaches it; BigCommerce itself answers that it does not.
            return None;
        }
        if url.scheme() != "https" {
            return Some(format!("BigCommerce delivers over https only, not to {address}"));
        }
        let port = url.port()?;
        Some(format!("BigCommerce delivers to port 443 only, not to {port}: let a proxy or tunnel end on 443"))
    }

    fn is_kept_up(&self) -> bool {
        true
    }

    async fn ensure(&self, address: &str, kept: Option<&Token>, reach: Reach) -> Result<Registered, Fault> {
        let before = kept;
        let kept: Kept = before.and_then(|kept| serde_json::from_str(&kept.0).ok()).unwrap_or_default();
        let known = self.registered().await?;
        let wanted = self.scopes().await?;
        let mut plan = Plan { refused: BTreeMap::new(), steps: Vec::new(), reach };
        let (mut ids, mut missed) = (BTreeSet::new(), false);
        for scope in &wanted {
            let Some(hook) = known.iter().find(|hook| hook.destination == address && hook.scope == *scope) else {
                ids.extend(self.create(scope, address, &mut plan).await?);
                continue;
            };
            ids.insert(hook.id);
            missed |= !hook.is_active;
            let key = hook.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(KEY)).map(|(_, key)| key.as_str());
            if !hook.is_active || key != Some(&self.secrets()?.key) {
                let what = if hook.is_active { "give the present key to" } else { "switch on again" };
                let body = json!({ "is_active": true, "headers": { KEY: self.secrets()?.key } });
                let path = format!("v3/hooks/{}", hook.id);
                self.apply(&mut plan, format!("{what} the webhook {scope}"), Method::PUT, &path, Some(body)).await?;
            }
        }
        // One that someone deleted delivered nothing since.
        missed |= kept.address == address && kept.ids.iter().any(|id| known.iter().all(|hook| hook.id != *id));
        for hook in &known {
            let is_former = hook.destination == kept.address && kept.address != address;
            let is_unwanted = hook.destination == address && !wanted.contains(&hook.scope);
            if is_former || is_unwanted {
                let step = format!("delete the webhook {} to {}", hook.scope, hook.destination);
                self.apply(&mut plan, step, Method::DELETE, &format!("v3/hooks/{}", hook.id), None).await?;
            }
        }
        let is_blocked = self.is_blocked(address).await?;
        missed |= kept.is_blocked && !is_blocked;
        let refused = plan.refused.first_key_value();
        let refused = refused.map(|(scope, why)| format!("{scope} was refused: {why}"));
        let why = "BigCommerce delivers nothing to this domain for some minutes, because too many deliveries failed";
        let troubles = refused.into_iter().chain(is_blocked.then(|| why.to_owned()));
        let state = std::iter::once(format!("{} of {} active", ids.len(), wanted.len())).chain(troubles);
        let state = state.collect::<Vec<_>>().join("; ");
        let is_whole = plan.refused.is_empty() && ids.len() == wanted.len() && !is_blocked;
        let kept = match reach {
            Reach::Apply => {
                let kept = Kept { address: address.to_owned(), ids, is_blocked };
                serde_json::to_string(&kept).ok().map(Token)
            }
            Reach::Look => before.cloned(),
        };
        Ok(Registered { kept, state, is_whole, missed, renew_at: None, steps: plan.steps })
    }
}

/// What is changed, and what was refused.
struct Plan {
    reach: Reach,
    steps: Vec<String>,
    /// By scope: webhooks that the plan of the store or its account does not allow.
    refused: BTreeMap<String, String>,
}

impl BigCommerce {
    fn secrets(&self) -> Result<&Secrets, Fault> {
        self.webhooks.as_ref().ok_or_else(|| Fault::config("C0623", "the source has no webhooks"))
    }

    /// The scopes that its lanes are about, in the order of their names.
    async fn scopes(&self) -> Result<BTreeSet<String>, Fault> {
        let lanes = &self.config.lanes;
        let mut scopes: BTreeSet<String> = CATALOGUE.iter().map(|scope| (*scope).to_owned()).collect();
        if lanes.price_lists {
            scopes.extend(PRICE_LISTS.iter().map(|scope| (*scope).to_owned()));
        }
        if lanes.channels {
            scopes.extend(CHANNELS.iter().map(|scope| (*scope).to_owned()));
            for channel in profile::channels(&self.reader).await? {
                let of = |event: &str| format!("store/channel/{}/product/{event}", channel.id);
                scopes.extend([of("assigned"), of("unassigned")]);
            }
        }
        Ok(scopes)
    }

    /// The webhooks of this API account.
    async fn registered(&self) -> Result<Vec<api::Hook>, Fault> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let number = page.to_string();
            let response = self.reader.api.get("v3/hooks", &[("limit", ROWS), ("page", number.as_str())]).await;
            let response = response.map_err(|refusal| refusal.fault)?;
            let (rows, meta) = decode::whole::<api::Hook>(&response.body)?;
            all.extend(rows);
            if meta.pagination.is_none_or(|it| it.current_page >= it.total_pages) {
                return Ok(all);
            }
        }
        Err(Fault::protocol("C0217", "the list of webhooks has no end"))
    }

    async fn is_blocked(&self, address: &str) -> Result<bool, Fault> {
        let response = match self.reader.api.get("v3/hooks/admin", &[]).await {
            Ok(response) => response,
            // Not every account may ask.
            Err(refusal) if refusal.remedy == Remedy::Missing || refusal.fault.code == "C0202" => return Ok(false),
            Err(refusal) => return Err(refusal.fault),
        };
        let admin: Data<api::HooksAdmin> = decode::one(&response.body)?;
        let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let is_ours = |domain: &api::BlockedDomain| {
            let blocked = Url::parse(&domain.destination).ok().and_then(|url| url.host_str().map(str::to_owned));
            blocked.as_deref().unwrap_or(&domain.destination) == host
        };
        Ok(admin.data.blocked_domains.iter().any(is_ours))
    }

    /// Creates a webhook; `None` where it is only planned or was refused.
    async fn create(&self, scope: &str, address: &str, plan: &mut Plan) -> Result<Option<u64>, Fault> {
        let body = json!({
            "scope": scope, "destination": address, "is_active": true, "headers": { KEY: self.secrets()?.key },
        });
        let step = format!("create the webhook {scope}");
        match self.apply(plan, step, Method::POST, "v3/hooks", Some(body)).await {
            Ok(Some(body)) => Ok(Some(decode::one::<Data<api::Hook>>(&body)?.data.id)),
            Ok(None) => Ok(None),
            // The request was understood, and this one scope is none for this store.
            Err(fault) if fault.code == "C0205" => {
                plan.refused.insert(scope.to_owned(), fault.message);
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Makes a change, or notes it where only looking is allowed.
    async fn apply(
        &self,
        plan: &mut Plan,
        step: String,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Option<Vec<u8>>, Fault> {
        let mut answer = None;
        if plan.reach == Reach::Apply {
            let body = body.map(|body| body.to_string());
            match self.reader.api.write(method.clone(), path, body).await {
                Ok(response) => answer = Some(response.body.to_vec()),
                // Someone deleted it meanwhile.
                Err(Refusal { remedy: Remedy::Missing, .. }) if method == Method::DELETE => {}
                Err(refusal) => return Err(refusal.fault),
            }
        }
        plan.steps.push(step);
        Ok(answer)
    }
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// A member of `data`, or of an object within it.
fn number(data: &Value, path: &[&str]) -> Option<u64> {
    let value = path.iter().try_fold(data, |value, name| value.get(name))?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The records that a delivery is about. A scope that is not known is about nothing; data of another form than is known are
/// about all records of the kind.
fn hints(scope: &str, data: &Value, lanes: &config::Lanes) -> Vec<Hint> {
    let hint = |kind, id: Option<RecordId>| Hint { kind, id };
    let id = |number: Option<u64>| number.map(|number| RecordId::from(number.to_string()));
    let product_of = |parts: &[&str]| match parts {
        ["sku", ..] => number(data, &["sku", "product_id"]).or_else(|| number(data, &["inventory", "product_id"])),
        _ => number(data, &["inventory", "product_id"]).or_else(|| number(data, &["id"])),
    };
    let parts: Vec<&str> = scope.split('/').skip(1).filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["product" | "sku", "inventory", ..] => {
            let product = product_of(&parts);
            if lanes.inventory {
                vec![hint(Kind::Stock, product.map(by_id::stock_of))]
            } else {
                vec![hint(Kind::Product, id(product))]
            }
        }
        ["product" | "sku", "created" | "updated" | "deleted"] => {
            let product = product_of(&parts);
            let mut hints = vec![hint(Kind::Product, id(product))];
            // A product says whether and where its stock is counted.
            if lanes.inventory {
                hints.extend(product.map(|product| hint(Kind::Stock, Some(by_id::stock_of(product)))));
            }
            hints
        }
        ["category", "created" | "updated" | "deleted"] => vec![hint(Kind::Category, id(number(data, &["id"])))],
        ["priceList", "record" | "records", ..] if lanes.price_lists => vec![hint(Kind::Price, None)],
        ["priceList", ..] if lanes.price_lists => vec![hint(Kind::Book, None)],
        ["channel", "created" | "updated"] if lanes.channels => vec![hint(Kind::Storefront, None)],
        ["channel", channel, "product", "assigned" | "unassigned"] if lanes.channels => {
            let product = number(data, &["product_id"]);
            let pair = channel.parse().ok().zip(product).map(|(channel, product)| by_id::assignment_of(channel, product));
            vec![hint(Kind::Assignment, pair)]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(scope: &str, data: &Value) -> Vec<(Kind, String)> {
        let hints = hints(scope, data, &config::Lanes::default());
        hints.into_iter().map(|hint| (hint.kind, hint.id.map_or("*".to_owned(), |id| id.to_string()))).collect()
    }

    #[test]
    fn each_scope_names_the_records_it_is_about() {
        let of = |kind, id: &str| vec![(kind, id.to_owned())];
        let product = || vec![(Kind::Product, "205".to_owned()), (Kind::Stock, "product-205".to_owned())];
        assert_eq!(told("store/product/updated", &json!({ "type": "product", "id": 205 })), product());
        let sku = json!({ "type": "sku", "id": 461, "sku": { "product_id": 205, "variant_id": 7 } });
        assert_eq!(told("store/sku/created", &sku), product());
        let inventory = json!({ "type": "product", "id": 167, "inventory": { "product_id": 167, "method": "absolute", "value": 4 } });
        assert_eq!(told("store/product/inventory/updated", &inventory), of(Kind::Stock, "product-167"));
        let inventory = json!({ "type": "sku", "id": 461, "inventory": { "product_id": 206, "variant_id": 7, "method": "relative" } });
        assert_eq!(told("store/sku/inventory/order/updated", &inventory), of(Kind::Stock, "product-206"));
        assert_eq!(told("store/category/deleted", &json!({ "type": "category", "id": 42 })), of(Kind::Category, "42"));
        assert_eq!(told("store/channel/3/product/assigned", &json!({ "product_id": 9 })), of(Kind::Assignment, "3/9"));
        assert_eq!(told("store/priceList/records/deleted", &json!([{ "price_list_id": 1 }])), of(Kind::Price, "*"));
        assert_eq!(told("store/priceList/assignment/updated/", &json!({})), of(Kind::Book, "*"));
        assert_eq!(told("store/order/created", &json!({ "id": 1 })), []);
    }

    #[test]
    fn data_of_another_form_are_about_all_records_of_the_kind() {
        for data in [json!(null), json!([1]), json!({ "id": "no number" }), json!({ "id": -1 })] {
            assert_eq!(told("store/product/updated", &data), [(Kind::Product, "*".to_owned())]);
        }
        assert_eq!(told("store/product/updated", &json!({ "id": "205" })).len(), 2);
    }
}
