//! The shop, on each platform that can be read, by each route.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use axum::Router;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sandbox::{
    bigcommerce,
    catalogue::{Catalogue, Market},
    commercetools::{self, CatalogModel},
    sfcc,
    shop::Edit,
};
use serde_json::{Value, json};

use crate::{
    clock::SimClock,
    hooks::{Attempt, PUBLIC},
    mutant::Mutant,
    scenario::{Plan, Platform},
    seed::{Draws as _, child},
};

/// Its host.
pub(crate) const HOST: &str = "shop.test";

/// Keeps a secret under a name, and gives what a configuration says of it.
pub(crate) type Keep<'a> = &'a dyn Fn(&str, &str) -> anyhow::Result<String>;

/// A shop, as a run needs it.
pub(crate) trait Shop {
    fn router(&self) -> Router;
    /// The body of an injected fault.
    fn fault_body(&self) -> fn(StatusCode) -> Value;
    /// Settings of the source that reads it: the lines of its section.
    fn source(&self, plan: &Plan, mutant: Option<Mutant>, keep: Keep<'_>) -> anyhow::Result<String>;
    /// What a market says in the platform's terms.
    fn market(&self, market: &Market) -> String;
    /// The variable of addresses that stands for a record's path.
    fn path(&self) -> &'static str {
        "{slug}"
    }
    /// Fields that flows need because the platform has nothing to fill them with.
    fn fields(&self) -> &'static str {
        ""
    }
    /// Makes an edit; the error is the platform's refusal.
    fn edit(&self, edit: Edit) -> Result<(), String>;
    /// Keys of all products.
    fn product_keys(&self) -> Vec<String>;
    /// Makes every token invalid that has been given out, where there are such.
    fn revoke_tokens(&self) {}
    /// Deliveries of webhooks that are due now, taken out of the platform's queue.
    fn deliveries(&self) -> Vec<Attempt> {
        Vec::new()
    }
    /// Ends disturbances of the platform's own.
    fn calm(&self) {}
    /// Secrets of the source.
    fn secrets(&self) -> Vec<String>;
    /// Whether reads of changes, and webhooks that are not lost, tell every change.
    fn tells_every_change(&self, _: &Plan) -> bool {
        false
    }
}

/// The shop of a run.
pub(crate) fn shop(
    platform: Platform,
    seed: u64,
    plan: &Plan,
    catalogue: &Catalogue,
    clock: &Arc<SimClock>,
) -> anyhow::Result<Box<dyn Shop>> {
    Ok(match platform {
        Platform::Commercetools => Box::new(Commercetools::new(seed, plan, catalogue, clock, CatalogModel::Classic)?),
        Platform::CommercetoolsModular => {
            Box::new(Commercetools::new(seed, plan, catalogue, clock, CatalogModel::Modular)?)
        }
        Platform::BigCommerce => Box::new(BigCommerce::new(seed, plan, catalogue, clock.for_sandbox())?),
        Platform::Sfcc => Box::new(Sfcc::new(seed, plan, catalogue, clock.for_sandbox(), false)?),
        Platform::SfccApi => Box::new(Sfcc::new(seed, plan, catalogue, clock.for_sandbox(), true)?),
    })
}

/// How far reads of changes stay behind and go back, in seconds.
fn margin(mutant: Option<Mutant>) -> u32 {
    if mutant == Some(Mutant::NoLag) { 0 } else { 5 }
}

/// What the address of a webhook of Azure Event Grid ends with.
const GRID_TOKEN: &str = "token-of-the-event-grid";
/// The access key of its topic.
const GRID_KEY: &str = "access-key-of-the-event-grid";

struct Commercetools(commercetools::Emulator);

impl Commercetools {
    fn new(
        seed: u64,
        plan: &Plan,
        catalogue: &Catalogue,
        clock: &Arc<SimClock>,
        catalog_model: CatalogModel,
    ) -> anyhow::Result<Self> {
        let shop = commercetools::Emulator::new(commercetools::Settings {
            catalog_model,
            variant_subscriptions: child(seed, "variants").hits(500),
            messages_enabled: plan.messages,
            timestamp_behind_ms: 2_000,
            ..commercetools::Settings::default()
        });
        shop.set_clock(clock.for_sandbox());
        shop.seed(catalogue).context("the shop can't be set up")?;
        shop.push_to(vec![commercetools::Push::EventGrid {
            endpoint: format!("{PUBLIC}/hooks/shop?token={GRID_TOKEN}"),
        }]);
        Ok(Self(shop))
    }
}

impl Shop for Commercetools {
    fn router(&self) -> Router {
        self.0.router()
    }

    fn fault_body(&self) -> fn(StatusCode) -> Value {
        |status| json!({ "statusCode": status.as_u16(), "message": "injected" })
    }

    fn source(&self, plan: &Plan, mutant: Option<Mutant>, keep: Keep<'_>) -> anyhow::Result<String> {
        let (settings, margin) = (self.0.settings(), margin(mutant));
        let mut text = format!(
            "kind = \"commercetools\"\nproject_key = {:?}\napi_url = \"http://{HOST}\"\nauth_url = \"http://{HOST}\"\n\
             client_id = {:?}\nclient_secret = {:?}\nlag_seconds = {margin}\noverlap_seconds = {margin}\n\
             page_size.first_products = {page}\npage_size.products = {page}\npage_size.others = {}\n",
            settings.project_key,
            keep("client-id", &settings.client_id)?,
            keep("client-secret", &settings.client_secret)?,
            plan.page * 3,
            page = plan.page,
        );
        if plan.hooks.is_some() {
            writeln!(
                text,
                "webhooks.event_grid.uri = \"https://grid.test/api/events\"\nwebhooks.event_grid.access_key = {:?}\n\
                 webhooks.event_grid.token = {:?}\nwebhooks.variants = {}",
                keep("grid-key", GRID_KEY)?,
                keep("grid-token", GRID_TOKEN)?,
                settings.variant_subscriptions,
            )?;
        }
        Ok(text)
    }

    fn market(&self, market: &Market) -> String {
        let mut text = String::new();
        text.extend(market.store.iter().map(|store| format!("store = {store:?}\n")));
        if !market.supply_channels.is_empty() {
            text.extend([format!("supply_channels = {:?}\n", market.supply_channels)]);
        }
        text
    }

    fn edit(&self, edit: Edit) -> Result<(), String> {
        self.0.change(edit.into_change(self.0.instant())).map_err(|error| error.to_string())
    }

    fn product_keys(&self) -> Vec<String> {
        self.0.product_keys()
    }

    fn revoke_tokens(&self) {
        self.0.revoke_tokens();
    }

    fn deliveries(&self) -> Vec<Attempt> {
        let of = |attempt: commercetools::Attempt| {
            let shop = self.0.clone();
            let (address, headers, body) = (attempt.address.clone(), attempt.headers.clone(), attempt.body.clone());
            Attempt::new(address, headers, body, move |is_taken| shop.settle_push(attempt, is_taken))
        };
        self.0.take_pushes().into_iter().map(of).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.0.settings().client_secret.clone(), GRID_KEY.to_owned(), GRID_TOKEN.to_owned()]
    }

    fn tells_every_change(&self, plan: &Plan) -> bool {
        let settings = self.0.settings();
        let are_subscribed = settings.catalog_model == CatalogModel::Classic || settings.variant_subscriptions;
        settings.messages_enabled || are_subscribed && plan.hooks.is_some_and(|way| way.lost == 0)
    }
}

struct BigCommerce(bigcommerce::Emulator);

impl BigCommerce {
    fn new(seed: u64, plan: &Plan, catalogue: &Catalogue, clock: sandbox::clock::Clock) -> anyhow::Result<Self> {
        let mut settings = bigcommerce::Settings::default();
        let random = child(seed, "quota");
        if plan.is_disturbed() && random.hits(300) {
            settings.quota = u32::try_from(random.between(30, 200))?;
        }
        let shop = bigcommerce::Emulator::new(settings);
        shop.set_clock(clock);
        shop.seed(catalogue).context("the shop can't be set up")?;
        Ok(Self(shop))
    }
}

impl Shop for BigCommerce {
    fn router(&self) -> Router {
        self.0.router()
    }

    fn fault_body(&self) -> fn(StatusCode) -> Value {
        bigcommerce::fault_body
    }

    fn source(&self, plan: &Plan, mutant: Option<Mutant>, keep: Keep<'_>) -> anyhow::Result<String> {
        let (settings, margin) = (self.0.settings(), margin(mutant));
        let mut text = format!(
            "kind = \"bigcommerce\"\nstore_hash = {:?}\napi_url = \"http://{HOST}\"\naccess_token = {:?}\n\
             stock_locations = {:?}\nlag_seconds = {margin}\noverlap_seconds = {margin}\npage_size.products = {}\n\
             page_size.inventory = {others}\npage_size.others = {others}\n",
            settings.store_hash,
            keep("token", &settings.access_token)?,
            self.0.location_codes(),
            plan.page,
            others = plan.page * 3,
        );
        if plan.hooks.is_some() {
            writeln!(text, "webhooks.client_secret = {:?}", keep("client-secret", &settings.client_secret)?)?;
        }
        Ok(text)
    }

    /// A shop without stores has one channel.
    fn market(&self, market: &Market) -> String {
        let channel = self.0.channel_id(market.store.as_deref().unwrap_or("www"));
        channel.map(|channel| format!("store = \"{channel}\"\n")).unwrap_or_default()
    }

    fn path(&self) -> &'static str {
        "{path}"
    }

    fn edit(&self, edit: Edit) -> Result<(), String> {
        self.0.edit(edit).map_err(|error| error.to_string())
    }

    fn product_keys(&self) -> Vec<String> {
        self.0.product_keys().into_values().collect()
    }

    fn deliveries(&self) -> Vec<Attempt> {
        let of = |attempt: bigcommerce::Attempt| {
            let shop = self.0.clone();
            let headers = shop.signed(&attempt).unwrap_or_default();
            let (address, body) = (attempt.address.clone(), attempt.body.clone());
            Attempt::new(address, headers, body, move |is_success| shop.settle_delivery(attempt, is_success))
        };
        self.0.take_deliveries().into_iter().map(of).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.0.settings().access_token.clone(), self.0.settings().client_secret.clone()]
    }
}

/// What proves events of SFCC.
const EVENTS_KEY: &str = "key-of-the-events-of-replication";

struct Sfcc {
    shop: sfcc::Emulator,
    /// Whether it is read by its APIs, and not by exports.
    by_apis: bool,
    /// Events that were not delivered yet.
    events: Mutex<Vec<sfcc::Event>>,
}

impl Sfcc {
    fn new(
        seed: u64,
        plan: &Plan,
        catalogue: &Catalogue,
        clock: sandbox::clock::Clock,
        by_apis: bool,
    ) -> anyhow::Result<Self> {
        let random = child(seed, "jobs");
        let shop = sfcc::Emulator::new(sfcc::Settings {
            job_duration_ms: random.between(200, 60_000),
            jobs_take_parameters: random.hits(300),
            ..sfcc::Settings::default()
        });
        shop.set_clock(clock);
        shop.seed(catalogue).context("the shop can't be set up")?;
        if plan.is_disturbed() && random.hits(400) {
            shop.end_jobs((0..20).map(|_| match random.below(5) {
                0 => sfcc::JobEnd::Error,
                1 => sfcc::JobEnd::Aborted,
                _ => sfcc::JobEnd::Ok,
            }));
        }
        Ok(Self { shop, by_apis, events: Mutex::default() })
    }

    /// The event of an edit that is published at once: by its product where it has one.
    fn event(&self, edit: &Edit) -> sfcc::Event {
        match edit {
            Edit::Name { product, .. } | Edit::Published { product, .. } | Edit::Removed { product } => {
                let id = self.shop.product_id(product).unwrap_or_default();
                self.shop.published(&[&id], &[])
            }
            Edit::Price { sku, .. } | Edit::PriceWindow { sku, .. } => {
                let id = self.shop.sku_id(sku).unwrap_or_default();
                self.shop.published(&[], &[&format!("{id}@book")])
            }
            Edit::Stock { .. } => self.shop.replicated(&["ORGANIZATION_INVENTORY"], true),
            Edit::Category { .. } | Edit::Added(_) => self.shop.replicated(&["ORGANIZATION_CATALOG"], true),
        }
    }
}

/// The headers of an event, with the key that a person entered.
fn with_key(event: &sfcc::Event) -> HeaderMap {
    let own = event.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    own.chain([("x-cartage-key", EVENTS_KEY)])
        .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?)))
        .collect()
}

impl Shop for Sfcc {
    fn router(&self) -> Router {
        self.shop.router()
    }

    fn fault_body(&self) -> fn(StatusCode) -> Value {
        sfcc::fault_body
    }

    fn source(&self, plan: &Plan, _: Option<Mutant>, keep: Keep<'_>) -> anyhow::Result<String> {
        let mut text = format!(
            "kind = \"sfcc\"\nhost = \"zzte-053.dx.commercecloud.salesforce.com\"\napi_url = \"http://{HOST}\"\n\
             token_url = \"http://{HOST}/dwsso/oauth2/access_token\"\nclient_id = {:?}\nclient_secret = {:?}\n\
             page_size = {}\nexport.poll_seconds = 3\n",
            keep("client-id", sfcc::OCAPI_CLIENT)?,
            keep("client-secret", sfcc::OCAPI_SECRET)?,
            plan.page * 3,
        );
        if self.by_apis {
            writeln!(
                text,
                "route = \"api\"\nscapi.short_code = \"kv7kzm78\"\nscapi.tenant = {:?}\nscapi.url = \"http://{HOST}\"\n\
                 scapi.client_id = {:?}\nscapi.client_secret = {:?}\nscapi.slas_client_id = {:?}\n\
                 scapi.slas_client_secret = {:?}\nscapi.search_size = {}",
                self.shop.settings().tenant,
                keep("scapi-id", sfcc::SCAPI_CLIENT)?,
                keep("scapi-secret", sfcc::SCAPI_SECRET)?,
                keep("slas-id", sfcc::SLAS_CLIENT)?,
                keep("slas-secret", sfcc::SLAS_SECRET)?,
                plan.page,
            )?;
        }
        let (intervals, kinds) = if self.by_apis {
            ("scapi", ["catalogs", "prices", "stock"])
        } else {
            ("export", ["catalogs", "price_books", "inventory_lists"])
        };
        for kind in kinds {
            writeln!(text, "{intervals}.shortest_interval.{kind} = 60")?;
        }
        if plan.hooks.is_some() {
            writeln!(text, "webhooks.key = {:?}", keep("events-key", EVENTS_KEY)?)?;
        }
        Ok(text)
    }

    /// A shop without stores has one site.
    fn market(&self, market: &Market) -> String {
        let site = market.store.clone().or_else(|| self.shop.site_ids().into_iter().next());
        site.map(|site| format!("store = {site:?}\n")).unwrap_or_default()
    }

    /// No API has page URLs.
    fn path(&self) -> &'static str {
        if self.by_apis { "{id}" } else { "{slug}" }
    }

    /// Exports name no dates, and Clerk.io requires one.
    fn fields(&self) -> &'static str {
        "created_at = \"0\"\n"
    }

    fn edit(&self, edit: Edit) -> Result<(), String> {
        let event = self.event(&edit);
        self.shop.edit(edit).map_err(|error| error.to_string())?;
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        Ok(())
    }

    fn product_keys(&self) -> Vec<String> {
        self.shop.product_keys().into_values().collect()
    }

    fn revoke_tokens(&self) {
        self.shop.revoke_tokens();
    }

    /// The platform delivers an event once, whatever becomes of it.
    fn deliveries(&self) -> Vec<Attempt> {
        let events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        let of =
            |event: sfcc::Event| Attempt::new(format!("{PUBLIC}/hooks/shop"), with_key(&event), event.body, |_| {});
        events.into_iter().map(of).collect()
    }

    fn calm(&self) {
        self.shop.end_jobs([]);
    }

    fn secrets(&self) -> Vec<String> {
        [sfcc::OCAPI_SECRET, sfcc::SCAPI_SECRET, sfcc::SLAS_SECRET, EVENTS_KEY].map(str::to_owned).to_vec()
    }
}
