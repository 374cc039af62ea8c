//! Reads a source as the engine does, into a minimal mirror.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Change, Lane, Next, Page, Position, Source, Token};
use model::{Kind, Record, RecordId};

use super::{Found, Shop, ensure};

/// A walk of more pages than this does not end.
const MOST_PAGES: usize = 2_000;

/// A walk under way. Its position goes through JSON before each page, as it does through the store.
pub(super) struct Walk {
    lane: Lane,
    position: Result<Position, Token>,
    pages: usize,
}

impl Walk {
    pub(super) fn new(lane: &Lane, from: Position) -> Self {
        Self { lane: lane.clone(), position: Ok(from), pages: 0 }
    }

    /// Where the next page starts.
    pub(super) fn position(&self) -> Result<Position, String> {
        let position = self.position.as_ref().map_err(|_| "the walk is over".to_owned())?;
        let kept = serde_json::to_string(position).map_err(|error| format!("a position can't be kept: {error}"))?;
        serde_json::from_str(&kept).map_err(|error| format!("a position can't be read again: {error}: {kept}"))
    }

    /// The next page; none when the walk is over.
    pub(super) async fn next(&mut self, source: &impl Source) -> Result<Option<Page>, String> {
        if self.position.is_err() {
            return Ok(None);
        }
        let page = source.page(&self.lane, &self.position()?).await;
        let page = page.map_err(|fault| format!("lane {}: {fault:?}", self.lane.name))?;
        self.pages += 1;
        ensure(self.pages <= MOST_PAGES, || format!("a walk of lane {} does not end", self.lane.name))?;
        self.position = match page.next.clone() {
            Next::Within(token) | Next::Later(token, _) => Ok(Position::Within(token)),
            Next::End(token) => Err(token),
            Next::Everything => {
                // As the engine: in place of a walk over what changed.
                ensure(self.pages == 1, || {
                    format!("a walk of lane {} asks for everything in its middle", self.lane.name)
                })?;
                Ok(Position::Full)
            }
        };
        Ok(Some(page))
    }

    /// Where a later delta starts.
    pub(super) fn end(self) -> Result<Token, String> {
        self.position.err().ok_or_else(|| "the walk is not over".to_owned())
    }
}

/// All pages of a walk, and where a later delta starts.
pub(super) async fn pages(source: &impl Source, lane: &Lane, from: Position) -> Result<(Vec<Page>, Token), String> {
    let mut walk = Walk::new(lane, from);
    let mut pages = Vec::new();
    while let Some(page) = walk.next(source).await? {
        pages.push(page);
    }
    Ok((pages, walk.end()?))
}

/// The lane that products come by.
pub(super) fn products(source: &impl Source) -> Result<Lane, String> {
    let lane = source.lanes().into_iter().find(|lane| lane.reads(Kind::Product));
    lane.ok_or_else(|| "no lane brings products".to_owned())
}

/// Kind and id of a change's record.
pub(super) fn key(change: &Change) -> (Kind, RecordId) {
    match change {
        Change::Is { record, .. } => (record.kind(), record.id()),
        Change::Gone { kind, id, .. } => (*kind, id.clone()),
    }
}

/// Records by kind and id, each with its version.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Mirror(BTreeMap<(Kind, RecordId), (u64, Record)>);

impl Mirror {
    /// Stores the changes of a page. As in the store, an older version does not overwrite a later one.
    pub(super) fn take(&mut self, page: &Page) -> Found {
        if let Some(unread) = page.unread.first() {
            return Err(format!("{} {:?} was not understood: {:?}", unread.kind, unread.id, unread.fault));
        }
        for change in &page.changes {
            let key = key(change);
            let held = self.0.get(&key).map_or(0, |(version, _)| *version);
            match change {
                Change::Is { record, version, .. } if *version >= held => {
                    self.0.insert(key, (*version, record.clone()));
                }
                Change::Gone { version, .. } if version.is_none_or(|version| version >= held) => {
                    self.0.remove(&key);
                }
                Change::Is { .. } | Change::Gone { .. } => {}
            }
        }
        Ok(())
    }

    pub(super) fn ids(&self, kind: Kind) -> BTreeSet<RecordId> {
        self.0.keys().filter(|(of, _)| *of == kind).map(|(_, id)| id.clone()).collect()
    }

    pub(super) fn version(&self, product: &RecordId) -> Option<u64> {
        self.0.get(&(Kind::Product, product.clone())).map(|(version, _)| *version)
    }

    /// The product has this name, in whichever language.
    pub(super) fn shows(&self, product: &RecordId, name: &str) -> Found {
        match self.0.get(&(Kind::Product, product.clone())) {
            Some((_, Record::Product(it))) if it.name.iter().any(|(_, text)| text == name) => Ok(()),
            Some((version, Record::Product(it))) => {
                Err(format!("product {product} is {:?} in version {version}, not {name:?}", it.name))
            }
            _ => Err(format!("product {product}, which should be {name:?}, is not there")),
        }
    }

    /// The two hold the same.
    pub(super) fn same(&self, other: &Self) -> Found {
        let differing = |one: &Self, other: &Self| {
            let differs = one.0.iter().find(|(key, held)| other.0.get(*key) != Some(held));
            differs.map(|((kind, id), _)| format!("{kind} {id}"))
        };
        match differing(self, other).or_else(|| differing(other, self)) {
            Some(what) => Err(format!("{what} is not the same, or not there")),
            None => Ok(()),
        }
    }
}

/// Reads the products of a shop again and again.
pub(super) struct Reader<'s, S: Shop> {
    pub(super) shop: &'s S,
    pub(super) source: S::Source,
    pub(super) lane: Lane,
    pub(super) mirror: Mirror,
    end: Token,
}

impl<'s, S: Shop> Reader<'s, S> {
    /// Reads everything, long after the last change.
    pub(super) async fn new(shop: &'s S, page: Option<u16>) -> Result<Self, String> {
        shop.wait(super::LONG).await;
        let source = shop.source(page);
        let lane = products(&source)?;
        let mut mirror = Mirror::default();
        let (pages, end) = pages(&source, &lane, Position::Full).await?;
        pages.iter().try_for_each(|page| mirror.take(page))?;
        Ok(Self { shop, source, lane, mirror, end })
    }

    /// The products in the mirror, in an order that is independent of the source's.
    pub(super) fn ids(&self) -> Vec<RecordId> {
        let mut ids: Vec<_> = self.mirror.ids(Kind::Product).into_iter().collect();
        ids.sort_by_key(|id| id.as_str().bytes().rev().collect::<Vec<_>>());
        ids
    }

    /// A product in the mirror.
    pub(super) fn id(&self, place: usize) -> Result<RecordId, String> {
        self.ids().get(place).cloned().ok_or_else(|| "the shop has too few products".to_owned())
    }

    /// The token from which a delta starts; a lane without one is read as a whole.
    pub(super) fn since(&self) -> Position {
        if self.lane.delta { Position::Delta(self.end.clone()) } else { Position::Full }
    }

    /// The walk that was begun at [`Reader::since`] is over.
    pub(super) fn ended(&mut self, walk: Walk) -> Found {
        self.end = walk.end()?;
        Ok(())
    }

    /// Reads a delta; returns its changes.
    pub(super) async fn delta(&mut self) -> Result<Vec<Change>, String> {
        let (pages, end) = pages(&self.source, &self.lane, self.since()).await?;
        pages.iter().try_for_each(|page| self.mirror.take(page))?;
        self.end = end;
        Ok(pages.into_iter().flat_map(|page| page.changes).collect())
    }
}
