//! Reading: lanes, walks and pages.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use contract::{Fault, Lane, Next, Page, Position, Token, source::Urgency};
use model::Kind;
use wire::{Retry, retry};

use super::{
    client::Api,
    config::{Config, Deltas, Intervals},
    deltas::{self, Last},
    export::{Exports, Ready, Step},
    map::{self, Mapped},
    place::{self, About, Place, Unit},
    contents::Part,
};

/// Pages that are mapped from rows, and what is said once before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    Sites,
    Categories,
    Books,
    Assignments,
    Prices,
    Inventory,
    Products,
}

impl Walk {
    const ALL: [Self; 7] =
        [Self::Sites, Self::Categories, Self::Books, Self::Assignments, Self::Prices, Self::Inventory, Self::Products];

    const fn name(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Categories => "categories",
            Self::Books => "price_books",
            Self::Assignments => "assignments",
            Self::Prices => "prices",
            Self::Inventory => "inventory",
            Self::Products => "products",
        }
    }

    const fn unit(self) -> Unit {
        match self {
            Self::Sites | Self::Categories | Self::Assignments | Self::Products => Unit::Catalogs,
            Self::Books | Self::Prices => Unit::PriceBooks,
            Self::Inventory => Unit::InventoryLists,
        }
    }

    const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Sites => &[Kind::Storefront, Kind::Selection, Kind::ProductType],
            Self::Categories => &[Kind::Tree, Kind::Category],
            Self::Books => &[Kind::Book],
            Self::Assignments => &[Kind::Placement, Kind::Assignment],
            Self::Prices => &[Kind::Price],
            Self::Inventory => &[Kind::Channel, Kind::Stock],
            Self::Products => &[Kind::Product],
        }
    }

    const fn part(self) -> Option<Part> {
        match self {
            Self::Sites | Self::Books => None,
            Self::Categories => Some(Part::Categories),
            Self::Assignments => Some(Part::Assignments),
            Self::Prices => Some(Part::Prices),
            Self::Inventory => Some(Part::Inventory),
            Self::Products => Some(Part::Products),
        }
    }

    /// A page of rows; what is said once comes with the first.
    fn page(self, ready: &Ready, page: usize) -> Result<Mapped, Fault> {
        let shop = &ready.shop;
        let mut mapped = match self {
            Self::Sites if page == 0 => map::site::page(shop),
            Self::Categories if page == 0 => map::site::trees(shop),
            Self::Books if page == 0 => map::site::books(shop),
            Self::Inventory if page == 0 => map::site::lists(shop),
            _ => Mapped::default(),
        };
        let Some(part) = self.part() else { return Ok(mapped) };
        ready.contents.each(part, page, &mut |rows| {
            let more = match part {
                Part::Categories => map::category::categories(shop, rows),
                Part::Assignments => map::category::assignments(rows),
                Part::Prices => map::price::page(shop, rows),
                Part::Inventory => map::stock::page(rows),
                Part::Products => map::product::page(shop, rows),
            };
            mapped.changes.extend(more.changes);
            mapped.unread.extend(more.unread);
            Ok(())
        })?;
        Ok(mapped)
    }
}

/// Reads the lanes of one instance.
#[derive(Debug)]
pub(super) struct Reader {
    /// The instance.
    pub(super) api: Api,
    pub(super) exports: Exports,
    pub(super) retry: Retry,
    page_size: usize,
    intervals: Intervals,
    deltas: Deltas,
    /// Data whose delta export had an archive when it was listed last.
    watched: Mutex<BTreeSet<Unit>>,
}

impl Reader {
    /// A reader that has read nothing.
    pub(super) fn new(api: Api, config: Config, folder: &Path) -> Self {
        let retry = Retry {
            attempts: config.attempts.into(),
            first: Duration::from_millis(config.retry_wait_milliseconds.into()),
            ..Retry::default()
        };
        let (page_size, intervals) = (config.page_size.into(), config.export.shortest_interval);
        let (deltas, watched) = (config.export.deltas.clone(), Mutex::default());
        Self { api, exports: Exports::new(config, folder), retry, page_size, intervals, deltas, watched }
    }

    /// The lanes of this configuration. Products come last: they must not be shown without their prices.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lane = |walk: Walk| {
            let shortest = self.intervals.of(walk.unit());
            // Delta exports tell nothing of sites.
            let delta = walk != Walk::Sites && self.deltas.of(walk.unit()).is_some();
            // A look at what is watched costs next to nothing; what is not is exported at each look.
            let is_watched = delta && watched.contains(&walk.unit());
            let longest = if is_watched { shortest } else { shortest.saturating_mul(8).max(3_600) };
            Lane {
                name: walk.name().into(),
                sweeps: walk.kinds().iter().map(|kind| (*kind, None)).collect(),
                // An export is of one instant.
                stable: true,
                urgency: if walk.unit() == Unit::Catalogs { Urgency::Live } else { Urgency::Urgent },
                delta,
                needed: walk != Walk::Products,
                interval_seconds: (shortest, longest),
                covered_by: None,
            }
        };
        Walk::ALL.into_iter().map(lane).collect()
    }

    /// What the delta exports of these data have.
    async fn last(&self, units: &[Unit]) -> Result<Last, Fault> {
        let last = deltas::last(&self.api, self.retry, &self.deltas, units).await?;
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        for unit in units {
            if last.get(unit).copied().flatten().is_some() {
                watched.insert(*unit);
            } else {
                watched.remove(unit);
            }
        }
        drop(watched);
        Ok(last)
    }

    /// Ids of the sites that are exported.
    async fn sites(&self) -> Result<Vec<String>, Fault> {
        retry(self.retry, self.api.random(), |_| self.exports.sites(&self.api)).await
    }

    /// Reads one page.
    ///
    /// # Errors
    /// The fault that remains after all attempts.
    pub(super) async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        let walk = Walk::ALL.into_iter().find(|walk| walk.name() == lane.name);
        let walk = walk.ok_or_else(|| Fault::config("C0205", format!("an SFCC source has no lane {}", lane.name)))?;
        let place = match position {
            // The position is kept before anything is started.
            Position::Full => {
                let sites = self.sites().await?;
                let last = self.last(&self.exports.wanted(walk.unit())).await?;
                let job = self.exports.join(&self.api, walk.name(), walk.unit(), (sites, last));
                return later(&Place { job, page: 0, at: 0, about: About::default() }, Duration::ZERO);
            }
            Position::Delta(token) => {
                let is_behind = self.is_behind(walk.unit(), token).await?;
                let next = if is_behind { Next::Everything } else { Next::End(token.clone()) };
                return Ok(empty(next));
            }
            Position::Within(token) => place::read(token)?,
        };
        let ready = match self.exports.advance(&self.api, self.retry, &place.job).await? {
            Step::Wait(job, wait) => return later(&Place { job, ..place }, wait),
            Step::Ready(ready) => ready,
        };
        let age = place.job.began.until(self.api.environment().now());
        let (pages, page, at) = (walk.part().map_or(1, |part| ready.contents.pages(part)), place.page, place.at);
        let (about, breaks_off) = (ready.about, ready.contents.facts.breaks_off(walk.unit()));
        let mapped = self.api.environment().blocking(move || walk.page(&ready, page)).await;
        let mapped = mapped.unwrap_or_else(|| Err(Fault::protocol("C0207", "a page was not mapped: a defect ended that")))?;
        let (mapped, is_over) = part_of(mapped, at, self.page_size);
        let next = match (is_over, page + 1 < pages) {
            (false, _) => Next::Within(place::write(&Place { at: at.saturating_add(self.page_size), ..place })?),
            (true, true) => Next::Within(place::write(&Place { page: page + 1, at: 0, ..place })?),
            (true, false) => {
                let mut job = place.job;
                self.exports.done(walk.name(), &job);
                if breaks_off {
                    // What was not read may be what that archive is about.
                    job.deltas.remove(&walk.unit());
                }
                Next::End(place::write(&Place { job, page: 0, at: 0, about })?)
            }
        };
        Ok(Page { changes: mapped.changes, unread: mapped.unread, next, age })
    }

    /// Whether what a walk has read may have changed since.
    async fn is_behind(&self, unit: Unit, token: &Token) -> Result<bool, Fault> {
        // A position of another release says nothing.
        let Ok(place) = place::read(token) else { return Ok(true) };
        if self.exports.is_behind(unit, &place.about) {
            return Ok(true);
        }
        let last = self.last(&[unit]).await?;
        if !last.contains_key(&unit) {
            // The outbox did not answer. If the instance does not answer either, this fails, and no export is started.
            self.sites().await?;
        }
        Ok(deltas::is_behind(&place, unit, &last))
    }
}

/// So many records from here on, and whether they are the last.
pub(super) fn part_of(mapped: Mapped, at: usize, count: usize) -> (Mapped, bool) {
    let Mapped { changes, unread } = mapped;
    let sum = changes.len() + unread.len();
    let (from, left) = (at.saturating_sub(changes.len()), count.saturating_sub(changes.len().saturating_sub(at)));
    let changes = changes.into_iter().skip(at).take(count).collect();
    let unread = unread.into_iter().skip(from).take(left).collect();
    (Mapped { changes, unread }, at.saturating_add(count) >= sum)
}

fn later(place: &Place, wait: Duration) -> Result<Page, Fault> {
    Ok(empty(Next::Later(place::write(place)?, wait)))
}

fn empty(next: Next) -> Page {
    Page { changes: Vec::new(), unread: Vec::new(), next, age: Duration::ZERO }
}
