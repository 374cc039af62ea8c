//! The shop, on its platform: all that differs between platforms. One that joins has a name in [`Platform`], and an arm in
//! each `match` here.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use contract::SourceDescriptor;
use sandbox::{
    bigcommerce,
    catalogue::{Catalogue, Market},
    commercetools,
    fault::Faults,
    people::{self, People},
    sfcc,
    shop::{Edit, LivingShop},
};

use super::{
    args::Platform,
    edits,
    services::{Draft, quoted},
};

const PROJECT: &str = "sandbox";
const CLIENT_ID: &str = "sandbox";
const CLIENT_SECRET: &str = "sandbox-secret";
const HOST: &str = "zzte-053.dx.commercecloud.salesforce.com";

/// The shop, on its platform. Clones share it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "they are names of platforms")]
pub enum Shop {
    Commercetools(commercetools::Emulator),
    Bigcommerce(bigcommerce::Emulator),
    Sfcc(sfcc::Emulator),
}

impl Platform {
    /// What describes its source.
    pub fn descriptor(self) -> &'static SourceDescriptor {
        match self {
            Self::Commercetools => &sources::commercetools::DESCRIPTOR,
            Self::Bigcommerce => &sources::bigcommerce::DESCRIPTOR,
            Self::Sfcc => &sources::sfcc::DESCRIPTOR,
        }
    }
}

impl Shop {
    /// A shop that sells this catalogue.
    ///
    /// # Errors
    /// The catalogue contradicts itself.
    pub(super) fn new(platform: Platform, catalogue: &Catalogue) -> anyhow::Result<Self> {
        let shop = match platform {
            Platform::Commercetools => Self::Commercetools(commercetools::Emulator::new(commercetools::Settings {
                project_key: PROJECT.to_owned(),
                client_id: CLIENT_ID.to_owned(),
                client_secret: CLIENT_SECRET.to_owned(),
                ..commercetools::Settings::default()
            })),
            // Its webhooks arrive on this machine.
            Platform::Bigcommerce => Self::Bigcommerce(bigcommerce::Emulator::new(bigcommerce::Settings {
                local_hooks: true,
                hook_warm_up_ms: 0,
                ..bigcommerce::Settings::default()
            })),
            Platform::Sfcc => Self::Sfcc(sfcc::Emulator::new(sfcc::Settings::default())),
        };
        shop.seed(catalogue)?;
        Ok(shop)
    }

    /// Replaces what it sells.
    ///
    /// # Errors
    /// As [`Shop::new`].
    pub(super) fn seed(&self, catalogue: &Catalogue) -> anyhow::Result<()> {
        let seeded = match self {
            Self::Commercetools(project) => project.seed(catalogue).map(drop),
            Self::Bigcommerce(store) => store.seed(catalogue).map(drop),
            Self::Sfcc(instance) => instance.seed(catalogue).map(drop),
        };
        seeded.context("the shop can't be set up")
    }

    /// Has these people shop in it; false: people can't be read from its platform.
    ///
    /// # Errors
    /// They name what the shop does not have.
    pub(super) fn add_people(&self, people: &People) -> anyhow::Result<bool> {
        match self {
            Self::Commercetools(project) => {
                project.seed_people(people).context("the shop can't have these people")?;
                Ok(true)
            }
            Self::Bigcommerce(_) | Self::Sfcc(_) => Ok(false),
        }
    }

    pub(super) fn router(&self) -> sandbox::serve::Router {
        match self {
            Self::Commercetools(project) => project.router(),
            Self::Bigcommerce(store) => store.router(),
            Self::Sfcc(instance) => instance.router(),
        }
    }

    /// No faults yet; those that will be there look as the platform's own.
    pub(super) fn faults(&self) -> Faults {
        match self {
            Self::Commercetools(_) => Faults::default(),
            Self::Bigcommerce(_) => Faults::new(bigcommerce::fault_body),
            Self::Sfcc(_) => Faults::new(sfcc::fault_body),
        }
    }

    /// Its platform.
    pub const fn platform(&self) -> Platform {
        match self {
            Self::Commercetools(_) => Platform::Commercetools,
            Self::Bigcommerce(_) => Platform::Bigcommerce,
            Self::Sfcc(_) => Platform::Sfcc,
        }
    }

    /// Settings of the source that reads it at this address.
    pub(super) fn settings(&self, url: &str, draft: &Draft) -> anyhow::Result<Vec<(&'static str, String)>> {
        let kind = ("kind", quoted(self.platform().descriptor().name));
        Ok(match self {
            Self::Commercetools(_) => vec![
                kind,
                ("project_key", quoted(PROJECT)),
                ("api_url", quoted(url)),
                ("auth_url", quoted(url)),
                ("client_id", draft.secret("client-id", CLIENT_ID)?),
                ("client_secret", draft.secret("client-secret", CLIENT_SECRET)?),
            ],
            Self::Bigcommerce(store) => vec![
                kind,
                ("store_hash", quoted(&store.settings().store_hash)),
                ("api_url", quoted(url)),
                ("access_token", draft.secret("access-token", &store.settings().access_token)?),
                ("stock_locations", format!("{:?}", store.location_codes())),
            ],
            Self::Sfcc(_) => vec![
                kind,
                ("host", quoted(HOST)),
                ("api_url", quoted(url)),
                ("token_url", quoted(&format!("{url}/dwsso/oauth2/access_token"))),
                ("client_id", draft.secret("client-id", sfcc::OCAPI_CLIENT)?),
                ("client_secret", draft.secret("client-secret", sfcc::OCAPI_SECRET)?),
                // As often as can be.
                ("export.poll_seconds", "3".to_owned()),
                ("export.shortest_interval", "{ catalogs = 30, price_books = 30, inventory_lists = 30 }".to_owned()),
            ],
        })
    }

    /// Where the shop says what its customers have agreed to, as a setting of the source.
    pub(super) fn consent(&self) -> Option<&'static str> {
        matches!(self, Self::Commercetools(_)).then_some(
            r#"[{ to = "email", field = "custom.newsletterOptIn", granted = ["true"], denied = ["false"], at = "custom.newsletterSince" }]"#,
        )
    }

    /// Settings of a market that name a part of the shop.
    pub(super) fn of_market(&self, market: &Market) -> Vec<(&'static str, String)> {
        let store = match self {
            Self::Commercetools(_) => market.store.clone(),
            Self::Bigcommerce(store) => {
                let channel = market.store.as_ref().and_then(|key| store.channel_id(key));
                channel.map(|id| id.to_string())
            }
            // A shop without stores has one site.
            Self::Sfcc(instance) => market.store.clone().or_else(|| instance.site_ids().into_iter().next()),
        };
        let channels = match self {
            Self::Commercetools(_) => market.supply_channels.as_slice(),
            // BigCommerce has locations, and a site of SFCC its inventory list.
            Self::Bigcommerce(_) | Self::Sfcc(_) => &[],
        };
        let channels: Vec<String> = channels.iter().map(|channel| quoted(channel)).collect();
        let channels = (!channels.is_empty()).then(|| ("supply_channels", format!("[{}]", channels.join(", "))));
        store.map(|store| ("store", quoted(&store))).into_iter().chain(channels).collect()
    }

    /// What its addresses end with.
    pub(super) const fn slug(&self) -> &'static str {
        match self {
            Self::Commercetools(_) | Self::Sfcc(_) => "{slug}",
            // There it is a whole path.
            Self::Bigcommerce(_) => "{path}",
        }
    }

    /// Whether it has prices that hold for a time.
    pub(super) const fn times_prices(&self) -> bool {
        match self {
            Self::Commercetools(_) | Self::Sfcc(_) => true,
            // Its REST API has none.
            Self::Bigcommerce(_) => false,
        }
    }

    /// The id of a product by its key, where the platform has no keys.
    fn product_id(&self, key: &str) -> Option<String> {
        match self {
            Self::Commercetools(_) => None,
            Self::Bigcommerce(store) => store.product_id(key).map(|id| id.to_string()),
            Self::Sfcc(instance) => instance.product_id(key),
        }
    }

    /// The same of a category.
    fn category_id(&self, key: &str) -> Option<String> {
        match self {
            Self::Commercetools(_) => None,
            Self::Bigcommerce(store) => store.category_ids(key).first().map(ToString::to_string),
            // Unique in its catalogue only.
            Self::Sfcc(instance) => {
                let catalogs = instance.catalog_ids();
                Some(format!("{}/{}", catalogs.last()?, instance.category_id(key)?))
            }
        }
    }

    /// Makes an edit of the living shop.
    ///
    /// # Errors
    /// The platform refuses it, or has no place for it.
    pub fn edit(&self, edit: Edit) -> Result<(), String> {
        match self {
            Self::Commercetools(project) => {
                let change = edit.into_change(project.instant());
                project.change(change).map(drop).map_err(|error| error.to_string())
            }
            Self::Bigcommerce(store) => store.edit(edit).map_err(|error| error.to_string()),
            Self::Sfcc(instance) => instance.edit(edit).map_err(|error| error.to_string()),
        }
    }

    /// Makes one edit after the other until `shutdown`; passes each that was made to `told`.
    pub(super) async fn drive(
        &self,
        living: LivingShop,
        pace: Duration,
        told: impl Fn(&Edit),
        shutdown: impl Future<Output = ()>,
    ) {
        let driven = match self {
            Self::Commercetools(project) => {
                commercetools::drive(project, living, pace, &sandbox::clock::machine(), told, shutdown).await
            }
            Self::Bigcommerce(store) => bigcommerce::drive(store, living, pace, told, shutdown).await,
            Self::Sfcc(instance) => sfcc::drive(instance, living, pace, told, shutdown).await,
        };
        tracing::debug!(made = driven.made, refused = driven.refused, "the living shop closed");
    }

    /// The same of what its people do.
    pub(super) async fn drive_people(
        &self,
        people: impl Iterator<Item = people::Edit>,
        pace: Duration,
        told: impl Fn(&people::Edit),
        shutdown: impl Future<Output = ()>,
    ) {
        let Self::Commercetools(project) = self else { return };
        let driven = commercetools::drive_people(project, people, pace, told, shutdown).await;
        tracing::debug!(made = driven.made, refused = driven.refused, "the people of the living shop left");
    }

    /// The id of a customer or an order by its key.
    fn person_id(&self, edit: &people::Edit) -> Option<String> {
        let Self::Commercetools(project) = self else { return None };
        let found = match edits::about_people(edit) {
            (model::Kind::Customer, key) => project.customer(key)?,
            (_, key) => project.order(key)?,
        };
        found.get("id")?.as_str().map(str::to_owned)
    }

    /// Sets its clock forward.
    pub fn set_clock_offset(&self, milliseconds: i64) {
        match self {
            Self::Commercetools(project) => project.set_clock_offset(milliseconds),
            Self::Bigcommerce(store) => store.set_clock_offset(milliseconds),
            Self::Sfcc(instance) => instance.set_clock_offset(milliseconds),
        }
    }
}

/// Ids of what edits are about, where the platform has no keys.
pub(super) struct Ids {
    shop: Shop,
    /// Products that were added, by key, to know them once they are removed.
    added: Mutex<BTreeMap<String, String>>,
}

impl Ids {
    pub(super) fn new(shop: Shop) -> Self {
        Self { shop, added: Mutex::default() }
    }

    /// The id of the record that an edit is about, after the edit was made; none: its key or SKU finds it.
    pub(super) fn of(&self, edit: &edits::Edit) -> Option<String> {
        let edit = match edit {
            edits::Edit::Goods(edit) => edit,
            edits::Edit::People(edit) => return self.shop.person_id(edit),
        };
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        match &**edit {
            Edit::Stock { .. } | Edit::Price { .. } | Edit::PriceWindow { .. } => None,
            Edit::Name { product, .. } | Edit::Published { product, .. } => self.shop.product_id(product),
            Edit::Category { category, .. } => self.shop.category_id(category),
            Edit::Added(new) => {
                let id = self.shop.product_id(&new.key)?;
                added.insert(new.key.clone(), id.clone());
                Some(id)
            }
            Edit::Removed { product } => added.remove(product),
        }
    }
}
