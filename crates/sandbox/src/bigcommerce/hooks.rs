//! Webhooks: the API, what happens at which change, and the queue of deliveries.
//!
//! A webhook is about one scope; `*` at its end stands for all scopes that begin so. A delivery that fails is repeated on a
//! ladder of waits; after the last one the webhook is switched off. A domain at which too many fail is blocked for a time.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use axum::body::Bytes;
use reqwest::Url;
use ring::digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Change, Settings, Whose,
    error::ApiError,
    query::{Paging, Parameters},
    state::{State, Tracking},
};

/// Waits before further attempts, in seconds; after the last one the webhook is switched off.
const LADDER: [i64; 11] = [60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400];
/// A webhook without an event for so long is switched off.
const IDLE_MS: i64 = 90 * 24 * 3_600_000;
/// Webhooks for one scope.
const MOST_OF_SCOPE: usize = 10;
/// Rows per page.
const MOST: u64 = 250;
/// A domain is judged by the attempts within this time.
const WINDOW_MS: i64 = 120_000;
/// Attempts from which on a domain is judged.
const JUDGED: usize = 100;
/// A blocked domain is blocked for this long.
const BLOCKED_MS: i64 = 180_000;
/// The store's number.
const STORE_ID: &str = "1025646";

/// All webhooks of an API account.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    by_id: BTreeMap<u64, Hook>,
    last_id: u64,
    queue: VecDeque<Due>,
    last_event: u64,
    domains: BTreeMap<String, Domain>,
    mischief: Mischief,
}

#[derive(Debug)]
struct Hook {
    scope: String,
    destination: String,
    headers: BTreeMap<String, String>,
    active: bool,
    /// The platform switched it off.
    deactivated: bool,
    created: i64,
    updated: i64,
    /// When something happened that it is about.
    last: i64,
}

/// A delivery that is to be attempted.
#[derive(Clone, Debug)]
struct Due {
    hook: u64,
    event: u64,
    body: String,
    attempts: usize,
    at: i64,
}

#[derive(Debug, Default)]
struct Domain {
    attempts: VecDeque<(i64, bool)>,
    blocked_until: i64,
}

/// What goes wrong on the way of deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mischief {
    /// Events from now on are lost.
    pub lose: bool,
    /// How often each is delivered besides.
    pub repeat: usize,
    /// The latest come first.
    pub reverse: bool,
}

/// One attempt at a delivery.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Where it goes.
    pub address: String,
    /// Headers that were asked for.
    pub headers: BTreeMap<String, String>,
    /// The delivery's id, the same for each attempt.
    pub id: String,
    /// The body.
    pub body: String,
    due: Due,
}

#[derive(Deserialize)]
struct Draft {
    scope: Option<String>,
    destination: Option<String>,
    is_active: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
}

impl Draft {
    fn read(body: &Bytes) -> Result<Self, ApiError> {
        serde_json::from_slice(body).map_err(|error| ApiError::invalid("body", error.to_string()))
    }
}

/// The platform delivers over https, and to port 443 only.
fn check_destination(destination: &str, settings: &Settings) -> Result<(), ApiError> {
    let url = Url::parse(destination).map_err(|_| ApiError::invalid("destination", "must be a valid URL"))?;
    if settings.local_hooks || (url.scheme() == "https" && url.port().is_none()) {
        return Ok(());
    }
    Err(ApiError::invalid("destination", "must be an HTTPS URL, served on port 443"))
}

impl Hooks {
    fn shown(&self, id: u64, settings: &Settings) -> Result<Value, ApiError> {
        let hook = self.by_id.get(&id).ok_or_else(ApiError::not_found)?;
        Ok(json!({
            "id": id, "client_id": settings.client_id, "store_hash": settings.store_hash, "scope": hook.scope,
            "destination": hook.destination, "headers": hook.headers, "is_active": hook.active,
            "created_at": hook.created.div_euclid(1000), "updated_at": hook.updated.div_euclid(1000),
        }))
    }

    /// `GET /v3/hooks/{id}`
    pub(super) fn show(&self, id: u64, settings: &Settings) -> Result<Value, ApiError> {
        Ok(json!({ "data": self.shown(id, settings)?, "meta": {} }))
    }

    /// `GET /v3/hooks`
    pub(super) fn list(&self, parameters: &Parameters, settings: &Settings) -> Result<Value, ApiError> {
        parameters.only(&["page", "limit", "is_active", "scope", "destination"])?;
        let paging = Paging::read(parameters, MOST)?;
        let (active, scope, to) =
            (parameters.flag("is_active")?, parameters.one("scope"), parameters.one("destination"));
        let fits = |(_, hook): &(&u64, &Hook)| {
            active.is_none_or(|active| hook.active == active)
                && scope.is_none_or(|scope| hook.scope == scope)
                && to.is_none_or(|to| hook.destination == to)
        };
        let rows: Vec<u64> = self.by_id.iter().filter(fits).map(|(id, _)| *id).collect();
        Ok(paging.answer(&rows, |id| self.shown(*id, settings).unwrap_or_default()))
    }

    /// `POST /v3/hooks`
    pub(super) fn create(&mut self, body: &Bytes, settings: &Settings, now: i64) -> Result<Value, ApiError> {
        let draft = Draft::read(body)?;
        let scope = draft
            .scope
            .filter(|scope| scope.starts_with("store/"))
            .ok_or_else(|| ApiError::invalid("scope", "is invalid"))?;
        let destination = draft.destination.ok_or_else(|| ApiError::invalid("destination", "is required"))?;
        check_destination(&destination, settings)?;
        let of_scope: Vec<&Hook> = self.by_id.values().filter(|hook| hook.scope == scope).collect();
        if of_scope.iter().any(|hook| hook.destination == destination) || of_scope.len() >= MOST_OF_SCOPE {
            return Err(ApiError::invalid("scope", "there are webhooks for it already"));
        }
        self.last_id += 1;
        let id = self.last_id;
        let (headers, active) = (draft.headers.unwrap_or_default(), draft.is_active.unwrap_or(true));
        let hook =
            Hook { scope, destination, headers, active, deactivated: false, created: now, updated: now, last: now };
        self.by_id.insert(id, hook);
        self.show(id, settings)
    }

    /// `PUT /v3/hooks/{id}`
    pub(super) fn update(&mut self, id: u64, body: &Bytes, settings: &Settings, now: i64) -> Result<Value, ApiError> {
        let draft = Draft::read(body)?;
        let hook = self.by_id.get_mut(&id).ok_or_else(ApiError::not_found)?;
        if let Some(destination) = draft.destination {
            check_destination(&destination, settings)?;
            hook.destination = destination;
        }
        hook.scope = draft.scope.unwrap_or_else(|| hook.scope.clone());
        hook.headers = draft.headers.unwrap_or_else(|| hook.headers.clone());
        if let Some(active) = draft.is_active {
            (hook.active, hook.deactivated) = (active, false);
        }
        (hook.updated, hook.last) = (now, now);
        self.show(id, settings)
    }

    /// `DELETE /v3/hooks/{id}`
    pub(super) fn delete(&mut self, id: u64, settings: &Settings) -> Result<Value, ApiError> {
        let shown = self.show(id, settings)?;
        self.by_id.remove(&id);
        self.queue.retain(|due| due.hook != id);
        Ok(shown)
    }

    /// `GET /v3/hooks/admin`
    pub(super) fn admin(&self, settings: &Settings, now: i64) -> Value {
        let status = |hook: &Hook| match (hook.active, hook.deactivated) {
            (true, _) => "active",
            (false, true) => "deactivated",
            (false, false) => "inactive",
        };
        let hooks = self.by_id.iter().map(|(id, hook)| {
            let mut shown = self.shown(*id, settings).unwrap_or_default();
            super::query::put(&mut shown, "status", json!(status(hook)));
            shown
        });
        let blocked = self.domains.iter().filter(|(_, domain)| domain.blocked_until > now);
        let blocked = blocked.map(|(name, domain)| {
            let left = (domain.blocked_until - now).div_euclid(1000);
            json!({ "destination": name, "time_left": left, "reasons": ["success rate below 90%"] })
        });
        let (hooks, blocked): (Vec<Value>, Vec<Value>) = (hooks.collect(), blocked.collect());
        json!({ "data": { "emails": [], "hooks_list": hooks, "blocked_domains": blocked }, "meta": {} })
    }

    /// Something happened: it is delivered to all webhooks that are about it.
    pub(super) fn happen(&mut self, scope: &str, data: &Value, settings: &Settings, now: i64) {
        let is_about = |hook: &Hook| match hook.scope.strip_suffix('*') {
            Some(beginning) => scope.starts_with(beginning),
            None => hook.scope == scope,
        };
        let (mischief, mut due) = (self.mischief, Vec::new());
        self.last_event += 1;
        for (id, hook) in &mut self.by_id {
            if !is_about(hook) {
                continue;
            }
            hook.last = now;
            let is_warm = now - hook.created >= settings.hook_warm_up_ms;
            if hook.active && is_warm && !mischief.lose {
                let body = json!({
                    "scope": scope, "store_id": STORE_ID, "data": data, "hash": sha1(&data.to_string()),
                    "created_at": now.div_euclid(1000), "producer": format!("stores/{}", settings.store_hash),
                });
                let event = Due { hook: *id, event: self.last_event, body: body.to_string(), attempts: 0, at: now };
                due.extend(std::iter::repeat_n(event, 1 + mischief.repeat));
            }
        }
        for due in due {
            if mischief.reverse { self.queue.push_front(due) } else { self.queue.push_back(due) }
        }
    }

    /// The deliveries that are due now, taken out of the queue.
    pub(super) fn take(&mut self, now: i64) -> Vec<Attempt> {
        for hook in self.by_id.values_mut().filter(|hook| hook.active && now - hook.last > IDLE_MS) {
            (hook.active, hook.deactivated) = (false, true);
        }
        let (due, later): (Vec<Due>, Vec<Due>) = self.queue.drain(..).partition(|due| due.at <= now);
        self.queue.extend(later);
        let mut attempts = Vec::new();
        for due in due {
            let Some(hook) = self.by_id.get(&due.hook).filter(|hook| hook.active) else { continue };
            let blocked = self.domains.get(&domain(&hook.destination)).is_some_and(|it| it.blocked_until > now);
            if blocked {
                // Some of the events of a blocked domain come later; the others never do.
                if due.event % 2 == 0 {
                    self.queue.push_back(Due { at: now + BLOCKED_MS, ..due });
                }
                continue;
            }
            attempts.push(Attempt {
                address: hook.destination.clone(),
                headers: hook.headers.clone(),
                id: format!("msg_{}_{}", due.hook, due.event),
                body: due.body.clone(),
                due,
            });
        }
        attempts
    }

    /// What came of an attempt.
    pub(super) fn settle(&mut self, attempt: Attempt, is_success: bool, now: i64) {
        let domain = self.domains.entry(domain(&attempt.address)).or_default();
        domain.attempts.push_back((now, is_success));
        domain.attempts.retain(|(at, _)| now - at < WINDOW_MS);
        let good = domain.attempts.iter().filter(|(_, good)| *good).count();
        if domain.attempts.len() >= JUDGED && good * 10 < domain.attempts.len() * 9 {
            domain.blocked_until = now + BLOCKED_MS;
            domain.attempts.clear();
        }
        if is_success {
            return;
        }
        let due = attempt.due;
        match LADDER.get(due.attempts) {
            Some(wait) => self.queue.push_back(Due { attempts: due.attempts + 1, at: now + wait * 1000, ..due }),
            None => {
                if let Some(hook) = self.by_id.get_mut(&due.hook) {
                    (hook.active, hook.deactivated) = (false, true);
                }
            }
        }
    }

    pub(super) fn set_mischief(&mut self, mischief: Mischief) {
        self.mischief = mischief;
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Switches all webhooks off, as the platform does after two days of failures.
    pub(super) fn deactivate(&mut self) {
        for hook in self.by_id.values_mut() {
            (hook.active, hook.deactivated) = (false, true);
        }
    }
}

fn domain(address: &str) -> String {
    Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn sha1(text: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing into a String can't fail.
        let _written = write!(text, "{byte:02x}").is_ok();
        text
    })
}

type Event = (String, Value);

fn event(scope: &str, data: Value) -> Event {
    (scope.to_owned(), data)
}

fn product(id: u64, what: &str) -> Event {
    event(&format!("store/product/{what}"), json!({ "type": "product", "id": id }))
}

fn sku(product: u64, variant: u64, what: &str) -> Event {
    let of = json!({ "product_id": product, "variant_id": variant });
    event(&format!("store/sku/{what}"), json!({ "type": "sku", "id": variant + 1_000_000, "sku": of }))
}

/// What a change lets happen, apart from a product that it adds. `state`: before the change.
pub(super) fn events(state: &State, change: &Change) -> Vec<Event> {
    let of_key = |key: &str, what: &str| state.keys.get(key).map(|id| product(*id, what)).into_iter().collect();
    let of_sku = |sku: &str| state.skus.get(sku).copied();
    match change {
        Change::SetName { product, .. }
        | Change::SetVisible { product, .. }
        | Change::SetRelated { product, .. }
        | Change::SetPreorder { product, .. } => of_key(product, "updated"),
        // Videos, modifiers, brands and settings fire nothing, nor do texts of categories; metafields have webhooks of their
        // own.
        Change::AddProduct(_)
        | Change::RenameBrand { .. }
        | Change::SetCategoryText { .. }
        | Change::AddVideo { .. }
        | Change::AddModifier { .. }
        | Change::SetMetafield { .. }
        | Change::SetPlace { .. }
        | Change::AddRoute { .. }
        | Change::HideSoldOut(_) => Vec::new(),
        Change::SetText { product, channel, locale, .. } => {
            let context = json!({ "channel_id": channel, "locale": locale });
            let told = |id| {
                let data =
                    json!({ "type": "product", "id": id, "properties": ["basicInformation"], "context": context });
                event("store/product/updated", data)
            };
            state.keys.get(product).map(told).into_iter().collect()
        }
        Change::DeleteProduct { product } => of_key(product, "deleted"),
        Change::RenameCategory { category, .. } => {
            let ids = state.plan.categories(category).iter();
            ids.map(|id| event("store/category/updated", json!({ "type": "category", "id": id }))).collect()
        }
        Change::Assign { product, channel, assigned } => {
            let what = if *assigned { "assigned" } else { "unassigned" };
            let scope = format!("store/channel/{channel}/product/{what}");
            state.keys.get(product).map(|id| event(&scope, json!({ "product_id": id }))).into_iter().collect()
        }
        Change::SetPurchasable { sku: of, .. } => {
            of_sku(of).map(|(product, variant)| sku(product, variant, "updated")).into_iter().collect()
        }
        Change::SetStock { sku: of, quantity, .. } => {
            let Some((id, variant)) = of_sku(of) else { return Vec::new() };
            let told = json!({ "product_id": id, "variant_id": variant, "method": "absolute", "value": quantity });
            match state.products.get(&id).map(|product| product.tracking) {
                Some(Tracking::Variant) => {
                    let data = json!({ "type": "sku", "id": variant + 1_000_000, "inventory": told });
                    vec![event("store/sku/inventory/updated", data)]
                }
                Some(Tracking::Product) => {
                    let told = json!({ "product_id": id, "method": "absolute", "value": quantity });
                    let data = json!({ "type": "product", "id": id, "inventory": told });
                    vec![event("store/product/inventory/updated", data), product(id, "updated")]
                }
                _ => Vec::new(),
            }
        }
        Change::SetPrice { sku: of, whose, currency, .. } => {
            let Some((id, variant)) = of_sku(of) else { return Vec::new() };
            let is_catalogue = *whose == Whose::Everyone && *currency == state.currency;
            let has_options = state.products.get(&id).is_some_and(|product| !product.options.is_empty());
            vec![match (is_catalogue, has_options) {
                (true, true) => sku(id, variant, "updated"),
                (true, false) => product(id, "updated"),
                (false, _) => {
                    event("store/priceList/record/updated", json!({ "variant_id": variant, "currency": currency }))
                }
            }]
        }
        Change::SetListActive { list, active } => {
            let what = if *active { "activated" } else { "deactivated" };
            vec![event(&format!("store/priceList/{what}"), json!({ "price_list_id": list }))]
        }
        Change::DeletePriceRecord { sku: of, currency } => {
            let data = |(_, variant)| json!({ "variant_id": variant, "currency": currency });
            of_sku(of).map(|it| event("store/priceList/record/deleted", data(it))).into_iter().collect()
        }
    }
}

/// What happens when a product was added.
pub(super) fn added(state: &State, key: &str) -> Vec<Event> {
    let Some(found) = state.keys.get(key).and_then(|id| state.products.get(id)) else { return Vec::new() };
    let variants = found.variants.iter().filter(|variant| !variant.values.is_empty());
    std::iter::once(product(found.id, "created"))
        .chain(variants.map(|variant| sku(found.id, variant.id, "created")))
        .collect()
}
