//! Reading: lanes, walks, pages, and how large a page may be.
//!
//! **Invariants:** a walk over everything goes by id and ends at the first page that is not full. A walk over changes
//! goes by (time, id) up to the instant at which it began, so that a busy shop can't keep it from ending. The mark that
//! the next one starts from is that instant by the earlier of two clocks, less lag and overlap: records that became visible
//! late are read then. The last id and time are sent back exactly as they came, never compared or computed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use contract::{Change, Fault, FaultClass, Fetched, Lane, Next, Page, Position, Ref};
use model::{Kind, Record, RecordId, Timestamp};
use tokio::{sync::Mutex, time::Instant};
use wire::{Instants, Response, Retry, retry};

use super::{
    api::Project,
    catalog_model::CatalogModel,
    classify::{Refusal, Remedy},
    client::{Api, quoted},
    config::{Config, SelectionPaging},
    decode::{Decoded, decode},
    map,
    place::{self, After, Assortment, Mark, Place, Stage},
};

/// How far back the first read of messages goes: records that were deleted earlier were never read.
const MESSAGES_BACK: Duration = Duration::from_hours(48);
/// The `Date` of an answer has whole seconds: changes within the second in which a walk began belong to the walk.
const DATE_STEP: Duration = Duration::from_secs(1);
/// How long facts about the project are trusted.
const PROJECT_AGE: Duration = Duration::from_mins(10);
/// A page that takes longer than this is too large: the vendor cuts queries off after 20 seconds.
const SLOW: Duration = Duration::from_secs(20);
/// Pages that take longer than this grow no further.
const FAST: Duration = Duration::from_secs(5);
/// Pages with more bytes than this grow no further.
const LARGE: usize = 6 << 20;
/// Selections per page: the token holds their ids.
const SELECTIONS: u16 = 20;
/// The vendor's highest offset.
const LAST_OFFSET: u32 = 10_000;
/// Paging by id is not documented for the products of a selection: a walk that gives less than this share of them, in
/// percent, was not ordered by id. Some may be added or removed meanwhile.
const WHOLE_PERCENT: u64 = 90;

/// Ids in one predicate: a longer URL than 8 kB may be refused.
const IDS: usize = 100;

/// Kinds that are read by id.
pub(super) const FETCHES: &[Kind] = &[
    Kind::Product,
    Kind::Variant,
    Kind::Category,
    Kind::ProductType,
    Kind::Stock,
    Kind::Price,
    Kind::Channel,
    Kind::CustomerGroup,
    Kind::Selection,
    Kind::Tailoring,
    Kind::Customer,
    Kind::Order,
];

/// Reads the lanes of one project.
#[derive(Debug)]
pub(super) struct Reader {
    /// The API.
    pub(super) api: Api,
    config: Config,
    settings: map::Settings,
    retry: Retry,
    /// Page sizes that worked last, by stage; 0 where there was none yet.
    sizes: [AtomicU16; Stage::COUNT],
    /// The project, and when it was read.
    project: Mutex<Option<(Instant, Instants, Project)>>,
}

impl Reader {
    /// A reader that has read nothing.
    pub(super) fn new(api: Api, config: Config) -> Self {
        let retry = Retry {
            attempts: config.attempts.into(),
            first: Duration::from_millis(config.retry_wait_milliseconds.into()),
            ..Retry::default()
        };
        let settings = config.mapping();
        Self { api, config, settings, retry, sizes: Default::default(), project: Mutex::new(None) }
    }

    /// Reads one page.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        let mut place = match position {
            Position::Within(token) => place::read(token)?,
            Position::Full => self.begin(lane, None).await?,
            Position::Delta(token) => self.begin(lane, Some(place::read::<Mark>(token)?)).await?,
        };
        if place.stage == Stage::Messages
            && let Some(at) = self.without_messages().await?
        {
            place = place.begun(at);
            let next = Next::End(place::write(&self.mark(&place))?);
            return Ok(Page { changes: Vec::new(), unread: Vec::new(), next, age: Duration::ZERO });
        }
        self.choose_paging(&mut place);
        let decoded = self.read(&place).await?;
        if let Some(fault) = decoded.refused {
            let next = Next::Within(place::write(&self.by_keyset(&place, fault)?)?);
            return Ok(Page { changes: Vec::new(), unread: Vec::new(), next, age: Duration::ZERO });
        }
        if place.began.is_none() {
            place = place.begun(decoded.at);
        }
        if place.stage == Stage::Stores && !place.again && decoded.changes.iter().any(|it| is_after(it, place.began)) {
            // Its present assortment may not have been read: read the selections once more, and then the stores.
            let size = self.first_size(Stage::Selections);
            let anew = Place { again: true, ..Place::beginning(Stage::Selections, None, size) }.begun(decoded.at);
            return Ok(Page { changes: Vec::new(), unread: Vec::new(), next: Next::Within(place::write(&anew)?), age: Duration::ZERO });
        }
        let next = match place.stage {
            Stage::Selections => Some(self.after_selections(&place, &decoded)),
            Stage::Members => self.after_members(&place, &decoded)?,
            _ => self.after_records(&place, &decoded)?,
        };
        let next = match next {
            Some(place) => Next::Within(place::write(&place)?),
            None => Next::End(place::write(&self.mark(&place))?),
        };
        Ok(Page { changes: decoded.changes, unread: decoded.unread, next, age: Duration::ZERO })
    }

    /// Reads these records as they are now.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        let model = self.project().await?;
        let mut by_kind = BTreeMap::<Kind, BTreeSet<&str>>::new();
        for it in refs.iter().filter(|it| FETCHES.contains(&it.kind)) {
            by_kind.entry(it.kind).or_default().insert(it.id.as_str());
        }
        let mut fetched = Fetched::default();
        for (kind, ids) in by_kind {
            let gone = |id: RecordId| Change::Gone { kind, id, version: None };
            let Some(stage) = Stage::of(kind, model) else {
                fetched.changes.extend(ids.into_iter().map(RecordId::from).map(gone));
                continue;
            };
            let ids: Vec<&str> = ids.into_iter().collect();
            for ids in ids.chunks(IDS) {
                let decoded = match retry(self.retry, self.api.random(), |_| self.by_id(stage, ids)).await {
                    // Their own lane says so, and reads them once it may; products do not wait for that.
                    Err(fault) if stage.is_personal() && fault.class == FaultClass::Credentials => break,
                    decoded => decoded?,
                };
                let there: BTreeSet<RecordId> = decoded.records().collect();
                let missing = ids.iter().map(|id| RecordId::from(*id)).filter(|id| !there.contains(id));
                fetched.changes.extend(missing.map(gone));
                fetched.changes.extend(decoded.changes);
                fetched.unread.extend(decoded.unread);
            }
        }
        Ok(fetched)
    }

    /// Records of a stage by their ids, in smaller pieces where that helps.
    async fn by_id(&self, stage: Stage, ids: &[&str]) -> Result<Decoded, Fault> {
        let mut all = Decoded::default();
        let (mut rest, mut most) = (ids, ids.len().max(1));
        while !rest.is_empty() {
            let (some, left) = rest.split_at(most.min(rest.len()));
            let list: Vec<String> = some.iter().copied().map(quoted).collect();
            let only = format!("id in ({})", list.join(", "));
            let limit = some.len().to_string();
            let mut query = vec![("limit", limit.as_str()), ("withTotal", "false"), ("where", only.as_str())];
            query.extend((stage == Stage::Projections).then_some(("staged", "false")));
            query.extend(stage.expansion().map(|path| ("expand", path)));
            let response = match self.api.get(stage.path(), &query).await {
                Ok(response) => response,
                Err(refusal) if refusal.remedy.shrinks() && most > 1 => {
                    most = (most / 2).max(1);
                    continue;
                }
                Err(refusal) => return Err(refusal.fault),
            };
            let decoded = self.decode(stage, "", &response.body)?;
            all.changes.extend(decoded.changes);
            all.unread.extend(decoded.unread);
            rest = left;
        }
        Ok(all)
    }

    /// Begins a walk.
    async fn begin(&self, lane: &Lane, mark: Option<Mark>) -> Result<Place, Fault> {
        let model = self.project().await?;
        let stage = Stage::first(&lane.name, model)
            .ok_or_else(|| Fault::config("C0205", format!("a commercetools source has no lane {}", lane.name)))?;
        let from = match (stage, mark) {
            (stage, Some(mark)) if stage.has_delta() && stage.model() == mark.model => Some(mark.since),
            (Stage::Messages, _) => Some(self.api.clock().now().earlier.minus(MESSAGES_BACK)),
            _ => None,
        };
        Ok(Place::beginning(stage, from, self.first_size(stage)))
    }

    /// How long after its timestamp a record may still become visible.
    fn lag(&self, stage: Stage) -> Duration {
        let seconds = match stage {
            Stage::Messages => self.config.message_lag_seconds,
            _ => self.config.lag_seconds,
        };
        Duration::from_secs(seconds.into())
    }

    /// Where the next walk over changes starts, so that it reads records that were not visible yet when this one began.
    fn mark(&self, place: &Place) -> Mark {
        let overlap = Duration::from_secs(self.config.overlap_seconds.into());
        let earlier = place.earlier.or(place.began).unwrap_or_else(|| self.api.clock().now().earlier);
        Mark { since: earlier.minus(self.lag(place.stage)).minus(overlap), model: place.stage.model() }
    }

    // ── the project ─────────────────────────────────────────────────────────────────────────────────────────────────

    /// Checks from time to time that the project can be read, and how.
    pub(super) async fn project(&self) -> Result<CatalogModel, Fault> {
        let mut known = self.project.lock().await;
        if known.as_ref().is_none_or(|(at, ..)| at.elapsed() > PROJECT_AGE) {
            let project =
                retry(self.retry, self.api.random(), |_| async { self.api.project().await.map_err(|refusal| refusal.fault) })
                    .await?;
            let model = CatalogModel::of(&project, &self.config)?;
            *known = Some((Instant::now(), self.api.clock().now(), project));
            return Ok(model);
        }
        known.as_ref().map_or(Ok(CatalogModel::Classic), |(_, _, project)| CatalogModel::of(project, &self.config))
    }

    /// When the project was last seen with its messages off; `None` if they are on.
    async fn without_messages(&self) -> Result<Option<Instants>, Fault> {
        self.project().await?;
        let known = self.project.lock().await;
        let off = |project: &Project| !project.messages.is_some_and(|messages| messages.enabled);
        Ok(known.as_ref().filter(|(_, _, project)| off(project)).map(|(_, at, _)| *at))
    }

    // ── one page ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// Asks for a page until it is answered, in smaller ones where that helps.
    async fn read(&self, place: &Place) -> Result<Decoded, Fault> {
        retry(self.retry, self.api.random(), |_| self.shrinking(place)).await
    }

    /// Asks until the answer is not too large, or the page can't be smaller.
    async fn shrinking(&self, place: &Place) -> Result<Decoded, Fault> {
        let size = self.size(place.stage);
        loop {
            let now = size.get().unwrap_or(place.size).max(1);
            let refusal = match self.attempt(place, now).await {
                Ok(decoded) => return Ok(decoded),
                Err(refusal) => refusal,
            };
            if refusal.remedy.shrinks() {
                size.set((now / 2).max(1));
                tracing::debug!(stage = ?place.stage, size = now / 2, "asking for smaller pages");
            }
            if refusal.remedy != Remedy::Smaller || now == 1 {
                return Err(refusal.fault);
            }
        }
    }

    async fn attempt(&self, place: &Place, size: u16) -> Result<Decoded, Refusal> {
        let selection = place.selections.first().map_or("", |selection| &selection.id);
        let path = match place.stage {
            Stage::Members => format!("product-selections/{}/products", wire::query::encoded(selection)),
            stage => stage.path().to_owned(),
        };
        let query = self.query(place, size);
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let response = match self.api.get(&path, &query).await {
            Ok(response) => response,
            Err(refusal) if place.stage == Stage::Members => match refusal.remedy {
                // The selection was deleted before its products were read: it has none.
                Remedy::Missing => return Ok(Decoded::default()),
                Remedy::OtherQuery if self.config.selection_paging == SelectionPaging::Auto => {
                    return Ok(Decoded { refused: Some(refusal.fault), ..Decoded::default() });
                }
                _ => return Err(refusal),
            },
            Err(refusal) => return Err(refusal),
        };
        let decoded = self.decode(place.stage, selection, &response.body)?;
        let next = next_size(size, self.most(place.stage), decoded.envelope.count, &response);
        self.size(place.stage).set(next);
        let at = self.api.clock().asked(&response);
        Ok(Decoded { at, asked: size, ..decoded })
    }

    /// Reads the body of an answer. A fault shows its beginning, unless it is about people.
    fn decode(&self, stage: Stage, selection: &str, body: &[u8]) -> Result<Decoded, Fault> {
        decode(stage, &self.settings, selection, body).map_err(|fault| {
            let quoted = (!stage.is_personal()).then(|| self.api.redactor().excerpt(body));
            match quoted {
                Some(quoted) => fault.response(quoted),
                None => fault,
            }
        })
    }

    fn query(&self, place: &Place, size: u16) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", size.to_string()), ("withTotal", "false".to_owned())];
        if place.stage == Stage::Projections {
            query.push(("staged", "false".to_owned()));
        }
        query.extend(place.stage.expansion().map(|path| ("expand", path.to_owned())));
        if place.stage == Stage::Members {
            query.extend(members_query(place));
            return query;
        }
        let time = place.stage.time_field();
        if place.from.is_some() {
            query.push(("sort", format!("{time} asc")));
        }
        query.push(("sort", "id asc".to_owned()));
        let conditions = [self.only(place), Self::within(place)];
        let conditions: Vec<String> = conditions.into_iter().flatten().collect();
        if !conditions.is_empty() {
            query.push(("where", conditions.join(" and ")));
        }
        query
    }

    /// The part of the predicate that selects the kinds of records that are wanted. Among changes are those that are no
    /// longer published.
    fn only(&self, place: &Place) -> Option<String> {
        let is_full = place.from.is_none();
        match place.stage {
            Stage::Unpublished => Some("masterData(published = false)".to_owned()),
            Stage::Products => is_full.then(|| "masterData(published = true)".to_owned()),
            Stage::Variants => is_full.then(|| "published = true".to_owned()),
            Stage::Messages => {
                let mut types = vec!["ProductDeleted", "ProductUnpublished", "VariantDeleted", "VariantUnpublished"];
                types.extend(self.config.reads_inventory().then_some("InventoryEntryDeleted"));
                types.extend(self.config.lanes.standalone_prices.then_some("StandalonePriceDeleted"));
                types.extend(self.config.lanes.tailoring.then_some("ProductTailoringDeleted"));
                types.extend(self.config.lanes.customers.then_some("CustomerDeleted"));
                types.extend(self.config.lanes.orders.then_some("OrderDeleted"));
                let types: Vec<String> = types.into_iter().map(quoted).collect();
                Some(format!("type in ({})", types.join(", ")))
            }
            _ => None,
        }
    }

    /// The part of the predicate that holds the position of the walk. A first page has no upper bound, because its
    /// answer sets the beginning of the walk.
    fn within(place: &Place) -> Option<String> {
        let time = place.stage.time_field();
        let Some(from) = place.from else {
            return place.after.as_ref().map(|after| format!("id > {}", quoted(&after.id)));
        };
        let Some(After { id, at: Some(at) }) = &place.after else {
            return Some(format!("{time} >= {}", quoted(&from.to_string())));
        };
        let (id, at) = (quoted(id), quoted(at));
        let beyond = format!("({time} > {at} or ({time} = {at} and id > {id}))");
        let until = place.began.map(|began| quoted(&began.plus(DATE_STEP).to_string()));
        Some(match until {
            Some(until) => format!("{time} <= {until} and {beyond}"),
            None => beyond,
        })
    }

    // ── what comes next ─────────────────────────────────────────────────────────────────────────────────────────────

    /// The next page of the same stage, or the next stage, or the end.
    fn after_records(&self, place: &Place, decoded: &Decoded) -> Result<Option<Place>, Fault> {
        if let Some(after) = decoded.last.as_ref().filter(|_| decoded.is_full()) {
            let same = place.after.as_ref().is_some_and(|before| before.id == after.id);
            if same {
                let message = format!("GET /{} gave the same page again after id {}", place.stage.path(), after.id);
                return Err(Fault::protocol("C0217", message).hint("the server does not keep to the where parameter"));
            }
            let size = self.first_size(place.stage);
            return Ok(Some(Place { after: Some(after.clone()), size, ..place.clone() }));
        }
        Ok(match place.stage {
            Stage::Projections if place.from.is_some() && self.config.detect_unpublished => {
                Some(place.stage(Stage::Unpublished, self.first_size(Stage::Unpublished)))
            }
            Stage::Variants => Some(place.stage(Stage::Products, self.first_size(Stage::Products))),
            _ => None,
        })
    }

    /// The members of the selections that were read; the stores if there were none.
    fn after_selections(&self, place: &Place, decoded: &Decoded) -> Place {
        let read = decoded.changes.iter().filter_map(|change| match change {
            Change::Is { record: Record::Selection(selection), .. } => Some(selection.id.to_string()),
            _ => None,
        });
        // A selection that could not be read is kept as it was, and so are its members.
        let unread = decoded.unread.iter().filter_map(|unread| Some(unread.id.as_ref()?.to_string()));
        let assortment = |id: String| Assortment { count: decoded.counts.get(&id).copied(), id };
        let selections: Vec<Assortment> = read.chain(unread).map(assortment).collect();
        let more_after = decoded.last.as_ref().filter(|_| decoded.is_full()).map(|after| after.id.clone());
        if selections.is_empty() {
            return self.stores(place);
        }
        let members = place.stage(Stage::Members, self.first_size(Stage::Members));
        Place { selections, more_after, ..members }
    }

    fn after_members(&self, place: &Place, decoded: &Decoded) -> Result<Option<Place>, Fault> {
        let size = self.first_size(Stage::Members);
        let offset = place.offset.saturating_add(u32::try_from(decoded.envelope.count).unwrap_or(u32::MAX));
        if let Some(after) = decoded.last.as_ref().filter(|_| decoded.is_full()) {
            if place.keyset && place.after.as_ref() == Some(after) {
                let message = format!("GET /product-selections gave the same page again after product {}", after.id);
                return Err(Fault::protocol("C0217", message).hint("set selection_paging = \"offset\""));
            }
            if !place.keyset && offset > LAST_OFFSET {
                let message = format!("it has more than {offset} products, too many for paging by offset");
                return Ok(Some(self.by_keyset(place, Fault::config("C0211", message))?));
            }
            let after = place.keyset.then(|| after.clone());
            return Ok(Some(Place { after, size, offset, ..place.clone() }));
        }
        if let Some(Assortment { id, count: Some(count) }) = place.selections.first()
            && place.keyset
            && u64::from(offset) * 100 < count * WHOLE_PERCENT
        {
            let message = format!("paging by product id gave {offset} of {count} products of product selection {id}");
            let fault = Fault::protocol("C0217", message);
            return Err(fault.hint("the server does not keep to the sort parameter: set selection_paging = \"offset\""));
        }
        let selections: Vec<Assortment> = place.selections.iter().skip(1).cloned().collect();
        if !selections.is_empty() {
            return Ok(Some(Place {
                selections,
                more_after: place.more_after.clone(),
                ..place.stage(Stage::Members, size)
            }));
        }
        let more = place.more_after.clone().map(|id| Place {
            after: Some(After { id, at: None }),
            ..place.stage(Stage::Selections, self.first_size(Stage::Selections))
        });
        Ok(Some(more.unwrap_or_else(|| self.stores(place))))
    }

    /// Chooses how the products of a selection are paged. The two ways have different positions: if the setting changed
    /// within the selection, it is read from its first product.
    fn choose_paging(&self, place: &mut Place) {
        let is_large = |it: &Assortment| it.count.is_some_and(|count| count > LAST_OFFSET.into());
        let keyset = match self.config.selection_paging {
            SelectionPaging::Auto => place.keyset || place.selections.first().is_some_and(is_large),
            SelectionPaging::Offset => false,
            SelectionPaging::Keyset => true,
        };
        if place.stage == Stage::Members && keyset != place.keyset {
            *place = Place { keyset, offset: 0, after: None, ..place.clone() };
        }
    }

    /// The current selection from its first product, paged by id, because paging by offset ended with this fault.
    fn by_keyset(&self, place: &Place, fault: Fault) -> Result<Place, Fault> {
        let selection = place.selections.first().map_or("", |selection| &selection.id);
        let message = format!("the products of product selection {selection} can't be paged: {}", fault.message);
        let fault = Fault { code: "C0211".into(), message, ..fault };
        match self.config.selection_paging {
            SelectionPaging::Offset => Err(fault.hint("set selection_paging = \"auto\"")),
            _ if place.keyset => {
                Err(fault.hint("the server takes no paging by product id, which more than 10,500 products need"))
            }
            _ => Ok(Place { keyset: true, offset: 0, after: None, ..place.clone() }),
        }
    }

    fn stores(&self, place: &Place) -> Place {
        place.stage(Stage::Stores, self.first_size(Stage::Stores))
    }

    // ── page sizes ──────────────────────────────────────────────────────────────────────────────────────────────────

    fn size(&self, stage: Stage) -> Size<'_> {
        static NONE: AtomicU16 = AtomicU16::new(0);
        Size(self.sizes.get(stage.index()).unwrap_or(&NONE))
    }

    fn first_size(&self, stage: Stage) -> u16 {
        let configured = match stage {
            stage if are_large(stage) => self.config.page_size.first_products,
            _ => self.most(stage),
        };
        self.size(stage).get().unwrap_or(configured).min(self.most(stage))
    }

    fn most(&self, stage: Stage) -> u16 {
        match stage {
            stage if are_large(stage) => self.config.page_size.products,
            Stage::Selections => self.config.page_size.others.min(SELECTIONS),
            _ => self.config.page_size.others,
        }
    }
}

/// Whether its records may be as large as products are.
const fn are_large(stage: Stage) -> bool {
    matches!(stage, Stage::Projections | Stage::Unpublished | Stage::Products | Stage::Variants | Stage::Orders)
}

fn members_query(place: &Place) -> Vec<(&'static str, String)> {
    if !place.keyset {
        return vec![("offset", place.offset.to_string())];
    }
    let after = place.after.iter().map(|after| ("where", format!("product(id > {})", quoted(&after.id))));
    std::iter::once(("sort", "product.id asc".to_owned())).chain(after).collect()
}

/// The page size that worked last in this process.
struct Size<'a>(&'a AtomicU16);

impl Size<'_> {
    fn get(&self) -> Option<u16> {
        Some(self.0.load(Ordering::Relaxed)).filter(|size| *size > 0)
    }

    fn set(&self, size: u16) {
        self.0.store(size, Ordering::Relaxed);
    }
}

/// Whether the record changed since that instant.
fn is_after(change: &Change, began: Option<Timestamp>) -> bool {
    matches!(change, Change::Is { modified_at, .. } if *modified_at >= began)
}

/// The size of the next page, from the time and bytes of this one.
fn next_size(size: u16, most: u16, count: usize, response: &Response) -> u16 {
    if response.took > SLOW {
        return (size / 2).max(1);
    }
    if response.took > FAST || response.body.len() > LARGE || count < usize::from(size) {
        return size;
    }
    let per_record = response.body.len().div_ceil(count.max(1)).max(1);
    let by_weight = u16::try_from(LARGE / per_record).unwrap_or(u16::MAX);
    // At most eightfold at once: the next records may be larger.
    by_weight.max(size).min(size.saturating_mul(8)).min(most)
}
