//! The route by APIs: SCAPI, and OCAPI where SCAPI has no way.
//!
//! Documents become the elements that an export has of the same things ([`convert`]), and are mapped as those: both routes
//! give the same records.

mod check;
mod client;
mod convert;
mod documents;
mod packs;
mod place;
mod prices;
mod products;
mod search;
mod shop;
mod stock;

use std::{sync::Arc, time::Duration};

use contract::{
    Change, Demand, Fault, Fetched, Lane, Next, Page, Position, Profile, Ref,
    source::{Finding, Unread, Urgency},
};
use model::{Kind, Timestamp};
use serde_json::Value;
use wire::{Environment, Retry};

pub use client::ScapiSecrets;
use client::Api;
use documents::{Category, Listed, Stock};
use place::{Next as What, Place};
use prices::Offer;
use products::Reach;
use search::Search;
use shop::{OCAPI_ROWS, Ocapi, ROWS, Shops};

use super::{
    client::{self as ocapi, Secrets},
    config::{Addresses, Config, Scapi, StockFrom},
    contents::{Part, Row},
    map::{self, Mapped, Shop},
    read::part_of,
};

/// Changes that are read once more: clocks differ, and what changes is not found at once.
const OVERLAP: Duration = Duration::from_mins(5);

/// What is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    Sites,
    Categories,
    Assignments,
    Prices,
    Inventory,
    Products,
}

impl Walk {
    const ALL: [Self; 6] =
        [Self::Sites, Self::Categories, Self::Assignments, Self::Prices, Self::Inventory, Self::Products];

    /// Names as those of the other route, where the kinds are the same.
    const fn name(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Categories => "categories",
            Self::Assignments => "assignments",
            Self::Prices => "prices",
            Self::Inventory => "inventory",
            Self::Products => "products",
        }
    }

    /// Whether it reads products: what changed of them can be told by its time.
    const fn is_of_products(self) -> bool {
        matches!(self, Self::Assignments | Self::Products)
    }

    const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Sites => &[Kind::Storefront, Kind::Selection, Kind::ProductType],
            Self::Categories => &[Kind::Tree, Kind::Category],
            Self::Assignments => &[Kind::Placement, Kind::Assignment],
            Self::Prices => &[Kind::Book, Kind::Price],
            Self::Inventory => &[Kind::Channel, Kind::Stock],
            Self::Products => &[Kind::Product],
        }
    }
}

/// Reads an instance by its APIs.
#[derive(Debug)]
pub(super) struct Reader {
    config: Config,
    scapi: Arc<Api>,
    ocapi: Ocapi,
    shops: Shops,
    demand: Demand,
}

impl Reader {
    /// A reader of what the flows need. Makes no call.
    ///
    /// # Errors
    /// `C0213` for a setting that can't be used.
    pub(super) fn new(
        config: Config,
        (secrets, of_scapi): (&Secrets, &ScapiSecrets),
        demand: &Demand,
        environment: &Environment,
    ) -> Result<Self, Fault> {
        let addresses: Addresses = config.addresses()?;
        let (Some(scapi), Some(base)) = (&config.scapi, &addresses.scapi) else {
            return Err(Fault::config("C0213", "the setting scapi is needed where the route is api"));
        };
        let scapi: &Scapi = scapi;
        let api = Api::new(&config, (scapi, &addresses, base), of_scapi, environment)?;
        let attempts = Retry {
            attempts: config.attempts.into(),
            first: Duration::from_millis(config.retry_wait_milliseconds.into()),
            ..Retry::default()
        };
        Ok(Self {
            scapi: Arc::new(api),
            ocapi: Ocapi::new(ocapi::Api::new(&config, secrets, environment)?, attempts),
            shops: Shops::new(config.clone()),
            demand: demand.clone(),
            config,
        })
    }

    /// The lanes. Products come last: they must not be shown without their prices.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let least = self.config.scapi.as_ref().map(|it| it.shortest_interval).unwrap_or_default();
        let lane = |walk: Walk| {
            let (floor, ceiling, urgency) = match walk {
                Walk::Prices => (least.prices, least.prices.saturating_mul(4), Urgency::Urgent),
                Walk::Inventory => (least.stock, least.stock.saturating_mul(4), Urgency::Urgent),
                _ => (least.catalogs, least.catalogs.saturating_mul(8).max(3_600), Urgency::Live),
            };
            Lane {
                name: walk.name().into(),
                sweeps: walk.kinds().iter().map(|kind| (*kind, None)).collect(),
                // What is read by offset may be missed while something else goes.
                stable: walk == Walk::Sites,
                urgency,
                delta: walk.is_of_products(),
                needed: walk != Walk::Products,
                interval_seconds: (floor, ceiling),
                covered_by: None,
            }
        };
        Walk::ALL.into_iter().map(lane).collect()
    }

    /// Reads one page.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        let walk = Walk::ALL.into_iter().find(|walk| walk.name() == lane.name);
        let walk = walk.ok_or_else(|| Fault::config("C0205", format!("an SFCC source has no lane {}", lane.name)))?;
        let kept = match position {
            Position::Full => None,
            Position::Delta(token) | Position::Within(token) => Some(place::read(token)?),
        };
        if kept.is_none() {
            self.shops.forget().await;
        }
        let shop = self.shops.get(&self.scapi, &self.ocapi).await?;
        let place = match kept {
            None => Place { next: self.beginning(walk, &shop), at: 0 },
            Some(Place { next: What::Over(at), .. }) if walk.is_of_products() => {
                let from = Timestamp::from_millis(at).minus(OVERLAP).millis().max(1);
                Place { next: What::Products(Search::since(from)), at: 0 }
            }
            Some(place) => place,
        };
        let place = Place { next: self.begun(place.next).await?, ..place };
        let (mapped, next) = match (walk, place.next.clone()) {
            (Walk::Sites, What::Sites) => (map::site::page(&shop), OVER),
            (Walk::Categories, What::Categories { catalog, offset }) => self.categories(&shop, catalog, offset).await?,
            (Walk::Prices, What::Prices { search, books }) => self.prices(&shop, search, books).await?,
            (Walk::Inventory, What::Stock { list, start }) => self.inventory(&shop, list, start).await?,
            (Walk::Inventory, What::Products(search)) => self.shown_stock(&shop, search).await?,
            (Walk::Assignments, What::Products(search)) => self.products(&shop, search, Part::Assignments).await?,
            (Walk::Products, What::Products(search)) => self.products(&shop, search, Part::Products).await?,
            _ => return Err(place::foreign()),
        };
        let most = usize::from(self.config.page_size);
        let (mapped, is_whole) = part_of(mapped, place.at, most);
        let next = match next {
            // The rest of it is asked for again.
            _ if !is_whole => Next::Within(place::write(&Place { at: place.at.saturating_add(most), ..place })?),
            What::Over(at) => Next::End(place::write(&Place { next: What::Over(at), at: 0 })?),
            next => Next::Within(place::write(&Place { next, at: 0 })?),
        };
        Ok(Page { changes: mapped.changes, unread: mapped.unread, next, age: Duration::ZERO })
    }

    /// What a walk over everything begins with.
    fn beginning(&self, walk: Walk, shop: &Shop) -> What {
        match walk {
            Walk::Sites => What::Sites,
            Walk::Categories => What::Categories { catalog: first(shop.facts.catalogs.keys()), offset: 0 },
            Walk::Prices => What::Prices { search: Search::since(0), books: place::Books::new() },
            Walk::Inventory if self.config.stock_from() == StockFrom::Sites => What::Products(Search::since(0)),
            Walk::Inventory => What::Stock { list: first(shop.facts.lists.keys()), start: 0 },
            Walk::Assignments | Walk::Products => What::Products(Search::since(0)),
        }
    }

    /// The same with a window of time that is known.
    async fn begun(&self, next: What) -> Result<What, Fault> {
        Ok(match next {
            What::Prices { search, books } => What::Prices { search: search.begun(&self.scapi).await?, books },
            What::Products(search) => What::Products(search.begun(&self.scapi).await?),
            other => other,
        })
    }

    async fn categories(&self, shop: &Shop, catalog: String, offset: usize) -> Result<(Mapped, What), Fault> {
        let catalogs = || shop.facts.catalogs.keys();
        let is_first = offset == 0 && catalog == first(catalogs());
        let mut mapped = if is_first { map::site::trees(shop) } else { Mapped::default() };
        if catalog.is_empty() {
            return Ok((mapped, OVER));
        }
        let at = offset.to_string();
        let listed: Listed<Value> =
            self.scapi.catalogs(&[&catalog, "categories"], &[("limit", ROWS), ("offset", &at)]).await?;
        let count = listed.data.len();
        let row = |category: Value| {
            let id = category.get("id").and_then(Value::as_str).map(|id| map::category_id(&catalog, id));
            match serde_json::from_value::<Category>(category) {
                Ok(it) => Row::Is { of: catalog.clone(), element: convert::category(&it), unfit: 0 },
                Err(error) => Row::Unread { kind: Kind::Category, id, why: error.to_string() },
            }
        };
        extend(&mut mapped, map::category::categories(shop, listed.data.into_iter().map(row).collect()));
        let offset = offset.saturating_add(count);
        let next = if count > 0 && (offset as u64) < listed.total {
            What::Categories { catalog, offset }
        } else {
            after(catalogs(), &catalog).map_or(OVER, |catalog| What::Categories { catalog, offset: 0 })
        };
        Ok((mapped, next))
    }

    /// Sites that are asked what they show.
    fn sites(&self, shop: &Shop) -> Vec<String> {
        let is_wanted = |site: &&String| {
            let (set, needed) = (&self.config.sites, &self.demand.stores);
            if set.is_empty() { needed.is_empty() || needed.contains(*site) } else { set.contains_key(*site) }
        };
        shop.facts.sites.keys().filter(is_wanted).cloned().collect()
    }

    /// Sites with the currencies in which their prices are read.
    fn offers(&self, shop: &Shop) -> Vec<Offer> {
        let of_markets: Vec<String> = self.demand.currencies.iter().map(ToString::to_string).collect();
        let offers = self.sites(shop).into_iter().flat_map(|site| {
            let set = self.config.sites.get(&site).and_then(|it| it.currencies.as_ref());
            let currencies = set.unwrap_or(&of_markets).iter();
            currencies.map(|currency| Offer { site: site.clone(), currency: currency.clone() }).collect::<Vec<_>>()
        });
        offers.collect()
    }

    async fn prices(&self, shop: &Shop, search: Search, mut books: place::Books) -> Result<(Mapped, What), Fault> {
        let step = search.step(&self.scapi, packs::PRODUCTS).await?;
        let offers = self.offers(shop);
        let settings = (&self.config, self.shops.mapping());
        let mut mapped = prices::page(&self.scapi, settings, &offers, step.hits, &mut books).await?;
        if let Some(search) = step.next {
            return Ok((mapped, What::Prices { search, books }));
        }
        extend(&mut mapped, prices::books(&self.config, self.shops.mapping(), &books));
        Ok((mapped, OVER))
    }

    async fn inventory(&self, shop: &Shop, list: String, start: usize) -> Result<(Mapped, What), Fault> {
        let lists = || shop.facts.lists.keys();
        let is_first = start == 0 && list == first(lists());
        let mut mapped = if is_first { map::site::lists(shop) } else { Mapped::default() };
        if list.is_empty() {
            return Ok((mapped, OVER));
        }
        let path = ["inventory_lists", &list, "product_inventory_records"];
        let listed: Listed<Value> = self.ocapi.rows(&path, (start, OCAPI_ROWS), shop::RECORDS).await?;
        let count = listed.data.len();
        let row = |record: Value| {
            let id = record.get("product_id").and_then(Value::as_str).map(|id| map::stock_id(&list, id));
            match serde_json::from_value::<Stock>(record) {
                Ok(it) => Row::Is { of: list.clone(), element: convert::stock(&it), unfit: 0 },
                Err(error) => Row::Unread { kind: Kind::Stock, id, why: error.to_string() },
            }
        };
        extend(&mut mapped, map::stock::page(listed.data.into_iter().map(row).collect()));
        let start = start.saturating_add(count);
        let next = if count > 0 && (start as u64) < listed.total {
            What::Stock { list, start }
        } else {
            after(lists(), &list).map_or(OVER, |list| What::Stock { list, start: 0 })
        };
        Ok((mapped, next))
    }

    /// Stock, from what sites show.
    async fn shown_stock(&self, shop: &Shop, search: Search) -> Result<(Mapped, What), Fault> {
        let step = search.step(&self.scapi, packs::PRODUCTS).await?;
        let mut mapped = stock::page(&self.scapi, &self.sites(shop), step.hits).await?;
        if let Some(search) = step.next {
            return Ok((mapped, What::Products(search)));
        }
        extend(&mut mapped, map::site::lists(shop));
        Ok((mapped, OVER))
    }

    async fn products(&self, shop: &Shop, search: Search, part: Part) -> Result<(Mapped, What), Fault> {
        let (began, reach) = (search.began(), if search.all { Reach::Met } else { Reach::Masters });
        let step = search.step(&self.scapi, usize::MAX).await?;
        let mapped = products::page(&self.scapi, shop, step.hits, reach, part).await?;
        Ok((mapped, step.next.map_or(What::Over(began), What::Products)))
    }

    /// Reads products by id.
    ///
    /// # Errors
    /// As [`Reader::page`].
    pub(super) async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        let products = refs.iter().filter(|it| it.kind == Kind::Product);
        let ids: Vec<String> = products.map(|it| it.id.as_str().to_owned()).collect();
        if ids.is_empty() {
            return Ok(Fetched::default());
        }
        let shop = self.shops.get(&self.scapi, &self.ocapi).await?;
        let hits = search::named(&self.scapi, &ids).await?;
        // An event may name a variant: its product is read.
        let mapped = products::page(&self.scapi, &shop, hits, Reach::Masters, Part::Products).await?;
        let is_there = |id: &String| {
            let known = |change: &Change| matches!(change, Change::Is { record: model::Record::Product(it), .. } if it.id.as_str() == id);
            let unread = |it: &Unread| it.id.as_ref().is_none_or(|known| known.as_str() == id);
            mapped.changes.iter().any(known) || mapped.unread.iter().any(unread)
        };
        let gone = ids.iter().filter(|id| !is_there(id));
        let gone: Vec<Change> =
            gone.map(|id| Change::Gone { kind: Kind::Product, id: id.as_str().into(), version: None }).collect();
        Ok(Fetched { changes: mapped.changes.into_iter().chain(gone).collect(), unread: mapped.unread })
    }

    /// Looks at credentials, scopes and permissions, one by one.
    pub(super) async fn check(&self) -> Vec<Finding> {
        check::check(self).await
    }

    /// The sites and their languages.
    ///
    /// # Errors
    /// As [`Reader::page`].
    pub(super) async fn profile(&self) -> Result<Profile, Fault> {
        check::profile(self).await
    }

    /// Calls made so far.
    pub(super) fn calls(&self) -> u64 {
        self.scapi.calls() + self.ocapi.calls()
    }
}

/// A walk that says nothing about when it began.
const OVER: What = What::Over(0);

/// The first id; none at all is empty.
fn first<'i>(mut ids: impl Iterator<Item = &'i String>) -> String {
    ids.next().cloned().unwrap_or_default()
}

/// The id after this one.
fn after<'i>(mut ids: impl Iterator<Item = &'i String>, id: &String) -> Option<String> {
    ids.find(|it| *it > id).cloned()
}

fn extend(mapped: &mut Mapped, more: Mapped) {
    mapped.changes.extend(more.changes);
    mapped.unread.extend(more.unread);
}
