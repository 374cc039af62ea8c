//! Reading: lanes, walks and pages.
//!
//! **Invariants:** products are paged by id, so that a walk meets every product that exists throughout it, whatever is
//! added or deleted meanwhile; records of price lists by the vendor's cursor; everything else by the number of the page,
//! whose size stays throughout a walk. The mark that the next walk over changes starts from is the instant at which this
//! one began, by the earlier of the server's clock and this machine's, less lag and overlap. A page may be shorter than
//! was asked for: what the server says of its size decides.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use contract::{Change, Fault, Fetched, Lane, Next, Page, Position, Ref, source::MOST_REFS};
use model::{Kind, RecordId, TaxMode, Timestamp};
use tokio::{sync::Mutex, time::Instant};
use wire::{Response, Retry, retry};

use super::{
    api, by_id,
    calculator::Buyer,
    classify::{Refusal, Remedy},
    client::Api,
    config::{Config, Lanes, Prices},
    decode::{self, Decoded},
    map::{Settings, catalogue, offer, price, product},
    metafields,
    place::{self, Mark, Place, Stage},
    texts::Languages,
};

/// How long facts about the store are trusted.
const STORE_AGE: Duration = Duration::from_mins(10);
/// What is read with a product. Asking for options or modifiers cuts the page to 10; the options are in the variants.
const INCLUDE: &str = "variants,images,custom_fields,bulk_pricing_rules,videos";
/// The same with modifiers.
const INCLUDE_MODIFIERS: &str = "variants,images,custom_fields,bulk_pricing_rules,videos,modifiers";
/// Products of a page that shows modifiers.
const MOST_WITH_MODIFIERS: u16 = 10;
/// Products whose stock is asked for at once: the length of an address is bounded.
const MOST_TRACKED: u16 = 250;
/// Rows per page of what is read in one go.
const WHOLE: &str = "250";
/// Pages read in one go at most.
const MOST_PAGES: u64 = 100;

/// Kinds that are read by id, those of lanes that are off left out.
pub(super) fn fetches(lanes: &Lanes) -> Vec<Kind> {
    let kinds = [
        (true, Kind::Product),
        (true, Kind::Category),
        (true, Kind::Brand),
        (lanes.inventory, Kind::Stock),
        (lanes.channels, Kind::Assignment),
    ];
    kinds.into_iter().filter(|(on, _)| *on).map(|(_, kind)| kind).collect()
}

/// Reads the lanes of one store.
#[derive(Debug)]
pub(super) struct Reader {
    /// The API.
    pub(super) api: Arc<Api>,
    pub(super) config: Config,
    /// For whom the calculator is asked for prices.
    pub(super) buyers: Vec<Buyer>,
    pub(super) retry: Retry,
    /// Page size of products that worked last; 0 where there was none yet.
    products: AtomicU16,
    /// The store and the settings that follow from it, and when they were read.
    store: Mutex<Option<(Instant, Arc<Settings>)>>,
    /// The languages of the channels.
    pub(super) languages: Languages,
    pub(super) metafields: metafields::Kept,
}

impl Reader {
    /// A reader that has read nothing.
    pub(super) fn new(api: Api, config: Config, buyers: Vec<Buyer>) -> Self {
        let retry = Retry {
            attempts: config.attempts.into(),
            first: Duration::from_millis(config.retry_wait_milliseconds.into()),
            ..Retry::default()
        };
        Self {
            api: Arc::new(api),
            config,
            buyers,
            retry,
            products: AtomicU16::new(0),
            store: Mutex::new(None),
            languages: Languages::default(),
            metafields: metafields::Kept::default(),
        }
    }

    /// Reads one page.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        let mut place = match position {
            Position::Within(token) => place::read(token)?,
            Position::Full => self.begin(lane, None)?,
            Position::Delta(token) => self.begin(lane, Some(place::read::<Mark>(token)?))?,
        };
        let settings = self.settings().await?;
        let (decoded, at) = retry(self.retry, self.api.random(), |_| self.shrinking(&settings, &place)).await?;
        place.began = place.began.or(Some(at));
        let next = match self.after(&place, &decoded) {
            Some(place) => Next::Within(place::write(&place)?),
            None => Next::End(place::write(&self.mark(&place))?),
        };
        Ok(Page { changes: decoded.page.changes, unread: decoded.page.unread, next, age: Duration::ZERO })
    }

    /// Begins a walk.
    fn begin(&self, lane: &Lane, mark: Option<Mark>) -> Result<Place, Fault> {
        let stage = match Stage::first(&lane.name) {
            Some(Stage::Records) if self.config.prices == Prices::Calculator => Stage::Calculated,
            Some(stage) => stage,
            None => return Err(Fault::config("C0205", format!("a BigCommerce source has no lane {}", lane.name))),
        };
        let from = mark.filter(|_| stage.has_delta()).map(|mark| mark.since);
        Ok(Place::beginning(stage, from, self.size(stage)))
    }

    fn size(&self, stage: Stage) -> u16 {
        let most = &self.config.page_size;
        let products = if self.config.modifiers { most.products.min(MOST_WITH_MODIFIERS) } else { most.products };
        match stage {
            Stage::Items => most.inventory,
            Stage::Calculated => most.priced,
            Stage::Tracked => most.inventory.min(MOST_TRACKED),
            Stage::Products => match self.products.load(Ordering::Relaxed) {
                0 => products,
                size => size.min(products),
            },
            _ => most.others,
        }
    }

    /// Where the next walk over changes starts, so that it reads what was not visible yet when this one began.
    fn mark(&self, place: &Place) -> Mark {
        let seconds = self.config.lag_seconds.saturating_add(self.config.overlap_seconds);
        let began = place.began.unwrap_or_else(|| self.api.clock().now().earlier);
        Mark { since: began.minus(Duration::from_secs(seconds.into())) }
    }

    // ── the store ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// The store, from an answer that is asked for now.
    pub(super) async fn read_store(&self) -> Result<api::Store, Fault> {
        let response = self.api.get("v2/store", &[]).await.map_err(|refusal| refusal.fault)?;
        decode::one(&response.body).map_err(|fault: Fault| fault.response(self.api.excerpt(&response)))
    }

    /// What the mapping needs to know; reads the store from time to time.
    pub(super) async fn settings(&self) -> Result<Arc<Settings>, Fault> {
        let mut known = self.store.lock().await;
        if let Some((at, settings)) = known.as_ref()
            && at.elapsed() <= STORE_AGE
        {
            return Ok(Arc::clone(settings));
        }
        let store = retry(self.retry, self.api.random(), |_| self.read_store()).await?;
        let currency = store.currency.to_uppercase().parse().map_err(|unknown| {
            Fault::protocol("C0207", format!("the store has no currency that is known: {unknown}"))
                .hint("check api_url: the answer to GET /v2/store names it")
        })?;
        let settings = Arc::new(Settings {
            currency,
            tax: if store.is_price_entered_with_tax { TaxMode::Gross } else { TaxMode::Net },
            list_price: self.config.list_price,
            disabled_products: self.config.disabled_products,
            stock_from_products: !self.config.lanes.inventory,
            stock_locations: self.config.stock_locations.clone(),
        });
        *known = Some((Instant::now(), Arc::clone(&settings)));
        Ok(settings)
    }

    // ── one page ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Asks for a page until the answer is not too large, or the page can't be smaller. Only products are asked for in
    /// smaller pages: they are paged by id.
    async fn shrinking(&self, settings: &Settings, place: &Place) -> Result<(Read, Timestamp), Fault> {
        loop {
            let size = if place.stage == Stage::Products { self.size(place.stage).min(place.size) } else { place.size };
            let refusal = match self.attempt(settings, place, size).await {
                Ok(read) => {
                    // Pages that have shrunk grow back.
                    if place.stage == Stage::Products && self.products.load(Ordering::Relaxed) != 0 {
                        self.products.store(size.saturating_mul(2), Ordering::Relaxed);
                    }
                    return Ok(read);
                }
                Err(refusal) => refusal,
            };
            if place.stage == Stage::Products && refusal.remedy.shrinks() {
                self.products.store((size / 2).max(1), Ordering::Relaxed);
                tracing::debug!(size = size / 2, "asking for smaller pages");
            }
            if place.stage != Stage::Products || refusal.remedy != Remedy::Smaller || size == 1 {
                return Err(refusal.fault);
            }
        }
    }

    async fn attempt(&self, settings: &Settings, place: &Place, size: u16) -> Result<(Read, Timestamp), Refusal> {
        let (path, query) = request(place, size, self.include());
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response = match self.api.get(&path, &query).await {
            Ok(response) => response,
            // The list or category was deleted before its records were read: it has none.
            Err(refusal) if refusal.remedy == Remedy::Missing && is_of_one(place) => {
                return Ok((Read { asked: size, ..Read::default() }, self.api.clock().now().earlier));
            }
            Err(refusal) => return Err(refusal),
        };
        let at = self.api.clock().asked(&response).earlier;
        let mut read = decoded(settings, place, &response)
            .map_err(|fault| Refusal::from(fault.response(self.api.excerpt(&response))))?;
        if place.stage == Stage::PriceLists {
            let lists: Vec<api::PriceList> = std::mem::take(&mut read.lists);
            let assignments = self.list_assignments(&lists).await?;
            read.page.changes = lists.iter().map(|list| offer::list(list, &assignments)).collect();
        }
        if place.stage == Stage::Calculated {
            let items = std::mem::take(&mut read.items);
            let priced = self.calculated(settings, &items, place.after == 0).await?;
            read.page.changes = priced.changes;
            read.page.unread.extend(priced.unread);
        }
        // The first page of a walk over all products; a delta adds what is known.
        let anew = place.stage == Stage::Products && place.after == 0 && place.from.is_none();
        self.add_metafields(&mut read.page.changes, anew).await?;
        self.speak(&mut read.page.changes).await?;
        Ok((Read { asked: size, ..read }, at))
    }

    /// The assignments of some price lists.
    async fn list_assignments(&self, lists: &[api::PriceList]) -> Result<Vec<api::ListAssignment>, Refusal> {
        let mut all = Vec::new();
        if lists.is_empty() {
            return Ok(all);
        }
        let ids = joined(lists.iter().map(|list| list.id));
        for page in 1..=MOST_PAGES {
            let number = page.to_string();
            let query = [("price_list_id:in", ids.as_str()), ("limit", WHOLE), ("page", number.as_str())];
            let response = self.api.get("v3/pricelists/assignments", &query).await?;
            let (rows, meta) = decode::whole(&response.body)?;
            all.extend(rows);
            if meta.pagination.is_none_or(|it| it.current_page >= it.total_pages) {
                return Ok(all);
            }
        }
        Err(Fault::protocol("C0217", "the assignments of price lists have no end").into())
    }

    /// Where the walk goes on after a page; `None`: it is over.
    fn after(&self, place: &Place, read: &Read) -> Option<Place> {
        let page = &read.page;
        // A page is full that holds as many rows as were asked for, or as the server gives at most.
        let most = page.meta.pagination.map_or(0, |it| it.per_page);
        let most = if most == 0 { u64::from(read.asked) } else { most.min(read.asked.into()) };
        let is_full = page.count as u64 >= most;
        let more = match page.meta.pagination {
            Some(it) => it.current_page < it.total_pages,
            None => is_full && page.count > 0,
        };
        let by_number = || more.then(|| Place { page: place.page + 1, ..place.clone() });
        match place.stage {
            Stage::Trees => {
                Some(by_number().unwrap_or_else(|| place.stage(Stage::Categories, self.size(Stage::Categories))))
            }
            Stage::Products => {
                let last = page.last.filter(|_| is_full)?;
                Some(Place { after: last, size: self.size(Stage::Products).max(read.asked), ..place.clone() })
            }
            Stage::Calculated => Some(Place { after: page.last.filter(|_| is_full)?, ..place.clone() }),
            Stage::Tracked => {
                let ids: Vec<u64> = place.ids.iter().chain(&read.ids).copied().collect();
                let known = Place { after: page.last.unwrap_or(place.after), ids, last: !is_full, ..place.clone() };
                self.stock_after(&known)
            }
            Stage::Items => by_number().or_else(|| {
                let rows = page.meta.pagination.map_or(page.count as u64, |it| it.total);
                let taken = place.taken().len();
                let ids = place.ids.get(taken..).unwrap_or_default().to_vec();
                let take = filling(place.size, taken as u64, rows);
                self.stock_after(&Place { ids, take, ..place.clone() })
            }),
            Stage::Records | Stage::Ordered if !is_of_one(place) => {
                // A page of lists or categories was read: their records follow.
                let next = Place { page: place.page + 1, last: !more, ids: read.ids.clone(), ..place.clone() };
                if read.ids.is_empty() { more.then_some(next) } else { Some(next) }
            }
            Stage::Records => {
                let cursor = page.meta.cursor_pagination.as_ref().filter(|it| it.links.next.is_some());
                one_after(place, cursor.and_then(|it| it.end_cursor.clone()))
            }
            Stage::Ordered => {
                let next = page.meta.pagination.filter(|it| it.current_page < it.total_pages);
                one_after(place, next.map(|it| (it.current_page + 1).to_string()))
            }
            _ => by_number(),
        }
    }

    /// Where a walk over stock goes on: with the stock of products that wait for it, once they fill a page, or with more
    /// products.
    fn stock_after(&self, place: &Place) -> Option<Place> {
        let fills = place.ids.len() >= usize::from(place.take).max(1);
        if place.last && place.ids.is_empty() {
            return None;
        }
        let stage = if fills || place.last { Stage::Items } else { Stage::Tracked };
        let begun = place.stage(stage, self.size(stage));
        Some(Place { after: place.after, ids: place.ids.clone(), take: place.take, last: place.last, ..begun })
    }

    // ── by id ───────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Reads these records as they are now.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        let settings = self.settings().await?;
        let mut fetched = Fetched::default();
        for (kind, stage) in
            [(Kind::Product, Stage::Products), (Kind::Category, Stage::Categories), (Kind::Brand, Stage::Brands)]
        {
            let wanted: BTreeSet<&RecordId> = refs.iter().filter(|it| it.kind == kind).map(|it| &it.id).collect();
            let numbers: Vec<u64> = wanted.iter().filter_map(|id| id.as_str().parse().ok()).collect();
            let mut there = BTreeSet::new();
            // What is no number is no id of the vendor.
            let most =
                if stage == Stage::Products && self.config.modifiers { MOST_WITH_MODIFIERS.into() } else { MOST_REFS };
            for numbers in numbers.chunks(most) {
                let read = retry(self.retry, self.api.random(), |_| self.by_id(&settings, stage, numbers)).await?;
                for change in read.page.changes {
                    if let Change::Is { record, .. } = &change {
                        there.insert(record.id());
                    }
                    fetched.changes.push(change);
                }
                there.extend(read.page.unread.iter().filter_map(|unread| unread.id.clone()));
                fetched.unread.extend(read.page.unread);
            }
            let gone = wanted.into_iter().filter(|id| !there.contains(*id));
            fetched.changes.extend(gone.map(|id| Change::Gone { kind, id: id.clone(), version: None }));
        }
        by_id::stock(self, &settings, refs, &mut fetched).await?;
        by_id::assignments(self, refs, &mut fetched).await?;
        Ok(fetched)
    }

    const fn include(&self) -> &'static str {
        if self.config.modifiers { INCLUDE_MODIFIERS } else { INCLUDE }
    }

    async fn by_id(&self, settings: &Settings, stage: Stage, ids: &[u64]) -> Result<Read, Fault> {
        let ids = joined(ids.iter().copied());
        let mut query =
            vec![("limit", WHOLE), (if stage == Stage::Categories { "category_id:in" } else { "id:in" }, &ids)];
        if stage == Stage::Products {
            query.push(("include", self.include()));
        }
        let response = self.api.get(stage.path(), &query).await.map_err(|refusal| refusal.fault)?;
        let place = Place::beginning(stage, None, 1);
        let mut read =
            decoded(settings, &place, &response).map_err(|fault| fault.response(self.api.excerpt(&response)))?;
        self.add_metafields(&mut read.page.changes, false).await.map_err(|refusal| refusal.fault)?;
        self.speak(&mut read.page.changes).await.map_err(|refusal| refusal.fault)?;
        Ok(read)
    }
}

/// Of how many products the stock fills a page of this size, if so many had so many rows.
fn filling(size: u16, products: u64, rows: u64) -> u16 {
    let products = u64::from(size).saturating_mul(products).checked_div(rows).unwrap_or(u64::from(MOST_TRACKED));
    u16::try_from(products).unwrap_or(MOST_TRACKED).clamp(1, MOST_TRACKED)
}

/// A page that was read, and what its stage needs besides.
#[derive(Debug, Default)]
struct Read {
    page: Decoded,
    /// Number of rows that were asked for.
    asked: u16,
    /// Price lists, or products whose stock is counted by variant.
    ids: Vec<u64>,
    /// Price lists whose assignments are still to be read.
    lists: Vec<api::PriceList>,
    /// Variants whose prices are still to be asked for.
    items: Vec<api::Priced>,
}

pub(super) fn joined(ids: impl Iterator<Item = u64>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

/// Whether the records of one price list or category are read, rather than the lists or categories.
fn is_of_one(place: &Place) -> bool {
    matches!(place.stage, Stage::Records | Stage::Ordered) && !place.ids.is_empty()
}

/// The next page of the records of one, or the first of the next one.
fn one_after(place: &Place, next: Option<String>) -> Option<Place> {
    if next.is_some() {
        return Some(Place { cursor: next, ..place.clone() });
    }
    let ids: Vec<u64> = place.ids.iter().skip(1).copied().collect();
    let is_over = ids.is_empty() && place.last;
    (!is_over).then(|| Place { cursor: None, ids, ..place.clone() })
}

/// Path and query of a page. `include`: what is read with a product.
fn request(place: &Place, size: u16, include: &str) -> (String, Vec<(&'static str, String)>) {
    let mut query = vec![("limit", size.to_string())];
    let path = place.stage.path().to_owned();
    match place.stage {
        Stage::Products | Stage::Tracked | Stage::Calculated => {
            query.push(("sort", "id".to_owned()));
            query.push(("direction", "asc".to_owned()));
            query.push(("id:greater", place.after.to_string()));
            match place.stage {
                Stage::Products => query.push(("include", include.to_owned())),
                // What is included comes besides.
                Stage::Calculated => {
                    query.extend([("include", "variants".to_owned()), ("include_fields", "id".to_owned())]);
                }
                _ => query.push(("include_fields", "inventory_tracking,inventory_level,base_variant_id".to_owned())),
            }
            query.extend(place.from.map(|from| ("date_modified:min", date(from))));
        }
        Stage::Items => {
            query.push(("product_id:in", joined(place.taken().iter().copied())));
            query.push(("page", place.page.to_string()));
        }
        Stage::Ordered => {
            if let Some(category) = place.ids.first() {
                query.push(("page", place.cursor.clone().unwrap_or_else(|| "1".to_owned())));
                return (format!("v3/catalog/categories/{category}/products/sort-order"), query);
            }
            query.push(("page", place.page.to_string()));
        }
        Stage::Records => {
            if let Some(list) = place.ids.first() {
                query.push(("include", "bulk_pricing_tiers".to_owned()));
                query.extend(place.cursor.clone().map(|cursor| ("after", cursor)));
                query.extend(place.from.map(|from| ("date_modified:min", date(from))));
                return (format!("{path}/{list}/records"), query);
            }
            query.push(("page", place.page.to_string()));
        }
        _ => query.push(("page", place.page.to_string())),
    }
    (path, query)
}

/// With time and offset: the server completes a date without a time by the time of the request.
fn date(at: Timestamp) -> String {
    let text = Timestamp::from_millis(at.seconds() * 1000).to_string();
    format!("{}+00:00", text.get(..19).unwrap_or(&text))
}

fn decoded(settings: &Settings, place: &Place, response: &Response) -> Result<Read, Fault> {
    let body = &response.body;
    let mut ids = Vec::new();
    let mut lists = Vec::new();
    let mut items = Vec::new();
    let page = match place.stage {
        Stage::Channels => decode::v3(body, Kind::Storefront, |it| Ok(offer::channel(it))),
        Stage::Currencies => decode::v2(body, Kind::Rate, |it| Ok(offer::rate(settings, &it))),
        Stage::CustomerGroups => decode::v2(body, Kind::CustomerGroup, |it| Ok(Some(offer::group(it)))),
        Stage::Trees => decode::v3(body, Kind::Tree, |it| Ok(Some(catalogue::tree(&it)))),
        Stage::Categories => decode::v3(body, Kind::Category, |it| Ok(Some(catalogue::category(it)))),
        Stage::Brands => decode::v3(body, Kind::Brand, |it| Ok(Some(catalogue::brand(it)))),
        Stage::Assignments => decode::v3(body, Kind::Assignment, |it| Ok(Some(offer::assignment(&it)))),
        Stage::PriceLists => decode::v3(body, Kind::Book, |it: api::PriceList| {
            lists.push(it);
            Ok(None)
        }),
        Stage::Records => match place.ids.first() {
            Some(list) => {
                decode::v3(body, Kind::Price, |it: api::PriceRecord| price::record(settings, *list, &it)).map(of_one)
            }
            None => decode::v3(body, Kind::Book, |it: api::PriceList| {
                ids.push(it.id);
                Ok(None)
            }),
        },
        Stage::Ordered => match place.ids.first() {
            Some(category) => {
                decode::v3(body, Kind::Placement, |it: api::Ordered| Ok(catalogue::placement(*category, &it)))
                    .map(of_one)
            }
            None => decode::v3(body, Kind::Category, |it: api::Category| {
                ids.push(it.category_id);
                Ok(None)
            }),
        },
        Stage::Calculated => decode::v3(body, Kind::Price, |it: api::Sold| {
            items.extend(it.variants.iter().map(|of| api::Priced { product_id: it.id, variant_id: of.id }));
            Ok(None)
        })
        .map(of_one),
        Stage::Tracked => decode::v3(body, Kind::Stock, |it: api::Tracked| {
            Ok(match (it.inventory_tracking.as_str(), it.base_variant_id) {
                ("variant", _) | ("product", Some(_)) => {
                    ids.push(it.id);
                    None
                }
                ("product", None) => Some(product::whole(&it)),
                _ => None,
            })
        }),
        Stage::Items => decode::v3(body, Kind::Stock, |it: api::Item| Ok(Some(product::item(settings, &it)))),
        Stage::Products => decode::v3(body, Kind::Product, |it| product::product(settings, it).map(Some)),
    }?;
    Ok(Read { page, ids, lists, items, asked: place.size })
}

/// The records of a price list, a category or a calculation. One that can't be read has no id of its own: what it would be made of may be
/// what can't be read.
pub(super) fn of_one(mut page: Decoded) -> Decoded {
    for unread in &mut page.unread {
        unread.id = None;
    }
    page
}
