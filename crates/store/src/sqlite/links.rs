//! Links between records on disk, and touches of records that depend on a change.
//!
//! A hub is kept as a hash of source, kind of hub and name. `uses` holds the records that are projected again when a
//! hub changes (and finds products by SKU and records by key); `joins` holds the stock entries, prices and assignments
//! of a product. Names with the same beginning get neighbouring hashes, so that the SKUs of one product fall on one
//! page. parts.rs says where the body of a part is.

use std::{borrow::Cow, collections::BTreeMap};

use contract::{source::Urgency, store::Touch};
use model::{Hub, Kind, ProductId, Record, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::Codec,
    parts,
    rows::Insert,
    trouble::Outcome,
    writer::{NOT_CARRIED, Tx},
};

/// Most touches of one transaction; further ones are spread.
const INLINE: usize = 500;
/// A hub with no more users than this is never spread: a stock entry has one product.
const NARROW: usize = 8;

/// Tells the hubs of records' own keys from other hubs.
const OWN_KEY: u8 = 6;

/// The records that a change touches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// The records that use this hub.
    Users(i64),
    /// This product.
    Product(ProductId),
    /// All products of the source.
    Offer,
}

/// The links of a record, sorted.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Hubs it uses.
    pub(super) uses: Vec<i64>,
    /// Hubs under which a product finds it, if its body lies in `body`.
    pub(super) joins: Vec<i64>,
    /// The hub under which a product finds it and its body.
    pub(super) part: Option<i64>,
    /// The records that its change touches.
    pub(super) reaches: Vec<Reach>,
}

impl Links {
    pub(super) fn of(codec: &Codec, source: &SourceName, record: &Record) -> Outcome<Self> {
        let mut uses: Vec<i64> = record.uses().iter().filter_map(|hub| hub_key(source, hub)).collect();
        for key in record_keys(record).into_iter().flatten() {
            uses.push(key_hub(codec, source, record.kind(), &key)?);
        }
        let provides = record.provides();
        let mut joins = Vec::new();
        let mut part = None;
        if Kind::PARTS.contains(&record.kind()) {
            joins.extend(provides.iter().filter_map(|hub| hub_key(source, hub)));
            if Kind::SMALL_PARTS.contains(&record.kind()) {
                part = joins.pop();
            }
        }
        let mut reaches: Vec<Reach> = provides
            .into_iter()
            .filter_map(|hub| match hub {
                Hub::Product(id) => Some(Reach::Product(id)),
                Hub::Offer => Some(Reach::Offer),
                other => hub_key(source, &other).map(Reach::Users),
            })
            .collect();
        uses.sort_unstable();
        uses.dedup();
        joins.sort_unstable();
        joins.dedup();
        reaches.sort_unstable();
        reaches.dedup();
        Ok(Self { uses, joins, part, reaches })
    }
}

/// The keys of a record beside its id: the shop's own one; of people, what the shop's staff knows them by.
pub(super) fn record_keys(record: &Record) -> [Option<Cow<'_, str>>; 2] {
    fn one(key: Option<&str>) -> [Option<Cow<'_, str>>; 2] {
        [key.map(Cow::Borrowed), None]
    }
    match record {
        Record::Product(it) => one(it.key.as_deref()),
        Record::Category(it) => one(it.key.as_deref()),
        Record::ProductType(it) => one(it.key.as_deref()),
        Record::Channel(it) => one(Some(&it.key)),
        Record::CustomerGroup(it) => one(it.key.as_deref()),
        Record::Selection(it) => one(it.key.as_deref()),
        Record::Variant(it) => one(it.variant.key.as_deref()),
        Record::Customer(it) => {
            [it.number.as_deref().map(Into::into), it.email.as_ref().map(|email| email.key().into())]
        }
        Record::Order(it) => [it.number.as_deref().map(Into::into), it.email.as_ref().map(|email| email.key().into())],
        Record::Stock(_)
        | Record::Price(_)
        | Record::Storefront(_)
        | Record::Assignment(_)
        | Record::Placement(_)
        | Record::Tree(_)
        | Record::Book(_)
        | Record::Brand(_)
        | Record::Rate(_)
        | Record::Tailoring(_) => [None, None],
    }
}

/// The hash of a hub; `None` for the whole offer, which every product uses.
pub(super) fn hub_key(source: &SourceName, hub: &Hub) -> Option<i64> {
    let (tag, name) = match hub {
        Hub::Category(id) => (1, id.as_str()),
        Hub::Tree => (2, ""),
        Hub::ProductType(id) => (3, id.as_str()),
        Hub::Sku(sku) => (4, sku.as_str()),
        Hub::Product(id) => (5, id.as_str()),
        Hub::Brand(id) => (7, id.as_str()),
        Hub::Offer => return None,
    };
    Some(hash(source, tag, name))
}

/// The hash under which a record of this kind is found by its key.
pub(super) fn key_hub(codec: &Codec, source: &SourceName, kind: Kind, key: &str) -> Outcome<i64> {
    if !kind.is_personal() {
        return Ok(hash(source, OWN_KEY, key));
    }
    // People with similar names are no neighbours: that would tell of them.
    let whole = codec.people.names()?.hash(&hashed(source, OWN_KEY, key));
    Ok(short(whole.as_bytes()))
}

/// What a hub's hash is made of.
fn hashed(source: &SourceName, tag: u8, name: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(128);
    text.extend_from_slice(source.as_str().as_bytes());
    text.extend_from_slice(&[0, tag]);
    text.extend_from_slice(name.as_bytes());
    text
}

fn hash(source: &SourceName, tag: u8, name: &str) -> i64 {
    let text = hashed(source, tag, name);
    let whole = blake3::hash(&text);
    let from = text.len() - name.len();
    let begins = text.get(..from + beginning(name).len()).map_or(whole, blake3::hash);
    short(begins.as_bytes().iter().take(4).chain(whole.as_bytes()))
}

fn short<'b>(bytes: impl IntoIterator<Item = &'b u8>) -> i64 {
    let mut short = [0; 8];
    for (to, from) in short.iter_mut().zip(bytes) {
        *to = *from;
    }
    i64::from_be_bytes(short)
}

/// The common prefix of related names: `MH01-XS` of `MH01-XS-Black`, else all but two characters.
fn beginning(name: &str) -> &str {
    let separated = name.rfind(['-', '_', '.', '/', ' ']).filter(|at| *at > 0);
    let shorter = name.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
    name.get(..separated.unwrap_or(shorter)).unwrap_or(name)
}

/// Touches of a transaction, with their urgency.
#[derive(Default)]
pub(super) struct Touches(BTreeMap<Reach, Urgency>);

impl Touches {
    /// Notes the touches of a change of this kind.
    pub(super) fn add(&mut self, kind: Kind, urgency: Urgency, reaches: impl IntoIterator<Item = Reach>) {
        // Stock and prices come before other live work, but a first sync stays backfill.
        let urgency = match kind {
            Kind::Stock | Kind::Price if urgency != Urgency::Backfill => Urgency::Urgent,
            _ => urgency,
        };
        for reach in reaches {
            let place = self.0.entry(reach).or_insert(urgency);
            *place = urgency.min(*place);
        }
    }
}

static USES: Insert = Insert::new("INSERT OR IGNORE INTO uses (hub, n) VALUES", "(?, ?)", "");
static JOINS: Insert = Insert::new("INSERT OR IGNORE INTO joins (hub, n) VALUES", "(?, ?)", "");

impl Tx<'_> {
    /// Stores the links of new records, each with its number.
    pub(super) fn link(&self, records: &[(u64, &Links)]) -> Outcome<()> {
        let each = |of: fn(&Links) -> &Vec<i64>| {
            let mut pairs: Vec<(i64, u64)> =
                records.iter().flat_map(|(n, links)| of(links).iter().map(|hub| (*hub, *n))).collect();
            pairs.sort_unstable();
            pairs
        };
        for (into, pairs) in [(&USES, each(|links| &links.uses)), (&JOINS, each(|links| &links.joins))] {
            into.insert(self.db, &[], &pairs, |row, (hub, n)| {
                row.put(hub)?;
                row.put(n)
            })?;
        }
        Ok(())
    }

    /// Replaces the stored links `old` of a record by `new`.
    pub(super) fn relink(&self, n: u64, old: &Links, new: &Links) -> Outcome<()> {
        let tables = [
            (
                "INSERT OR IGNORE INTO uses VALUES (?1, ?2)",
                "DELETE FROM uses WHERE hub = ?1 AND n = ?2",
                &old.uses,
                &new.uses,
            ),
            (
                "INSERT OR IGNORE INTO joins (hub, n) VALUES (?1, ?2)",
                "DELETE FROM joins WHERE hub = ?1 AND n = ?2",
                &old.joins,
                &new.joins,
            ),
        ];
        for (insert, delete, old, new) in tables {
            if old == new {
                continue;
            }
            let mut write = self.db.prepare_cached(insert)?;
            for hub in new.iter().filter(|hub| old.binary_search(hub).is_err()) {
                write.execute((hub, n))?;
            }
            let mut write = self.db.prepare_cached(delete)?;
            for hub in old.iter().filter(|hub| new.binary_search(hub).is_err()) {
                write.execute((hub, n))?;
            }
        }
        Ok(())
    }

    /// Carries out touches, or queues wide ones to be spread; returns how many were carried out.
    pub(super) fn touch_all(&mut self, source: i64, touches: &Touches, at: Timestamp) -> Outcome<u64> {
        let mut numbers = BTreeMap::new();
        for (reach, urgency) in &touches.0 {
            for n in self.within_reach(source, reach, numbers.len())? {
                let place = numbers.entry(n).or_insert(*urgency);
                *place = (*urgency).min(*place);
            }
        }
        numbers.into_iter().try_fold(0, |sum, (n, urgency)| Ok(sum + u64::from(self.touch(n, urgency, at)?)))
    }

    /// The records to be touched now; none if the touch is queued.
    fn within_reach(&self, source: i64, reach: &Reach, taken: usize) -> Outcome<Vec<u64>> {
        match reach {
            Reach::Product(id) => Ok(self.product(source, id)?.into_iter().collect()),
            Reach::Users(hub) => {
                let most = INLINE.saturating_sub(taken).max(NARROW);
                let users = users(self.db, *hub, 0, most + 1)?;
                if users.len() <= most {
                    return Ok(users);
                }
                let count = "SELECT count(*) FROM uses WHERE hub = ?1";
                let left = self.db.prepare_cached(count)?.query_row([hub], |row| row.get(0))?;
                self.put_off(source, Some(*hub), left)?;
                Ok(Vec::new())
            }
            Reach::Offer => {
                let live = live(self.db, source, Kind::Product)?;
                if live > 0 {
                    self.put_off(source, None, live)?;
                }
                Ok(Vec::new())
            }
        }
    }

    /// Queues touches, unless the same ones wait already and have not begun.
    fn put_off(&self, source: i64, hub: Option<i64>, left: u64) -> Outcome<()> {
        self.db
            .prepare_cached(
                "INSERT INTO spreading (source, hub, beyond, remain) SELECT ?1, ?2, 0, ?3 WHERE NOT EXISTS
                 (SELECT 1 FROM spreading WHERE source = ?1 AND hub IS ?2 AND beyond = 0)",
            )?
            .execute((source, hub, left))?;
        Ok(())
    }

    /// Gives a live, carried record a new revision; for a part of a product, gives it to the product.
    pub(super) fn touch(&mut self, n: u64, urgency: Urgency, at: Timestamp) -> Outcome<bool> {
        let stands = self
            .db
            .prepare_cached("SELECT source, kind, revision, urgency FROM record WHERE n = ?1 AND ended = 0")?
            .query_row([n], |row| Ok((row.get(0)?, row.get::<_, u8>(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let Some((source, kind, revision, stood)) = stands else { return Ok(false) };
        if Kind::from_number(kind).is_some_and(|kind| Kind::PARTS.contains(&kind)) {
            return match self.product_of(source, n)? {
                Some(product) => self.touch(product, urgency, at),
                None => Ok(false),
            };
        }
        if stood == NOT_CARRIED {
            return Ok(false);
        }
        if stood <= urgency as u8 && self.is_new(source, revision)? {
            // It got a revision in this transaction already, which covers this change.
            return Ok(false);
        }
        let urgency = self.place(source, (revision, stood), urgency)?;
        let revision = self.next_revision(source)?;
        self.db
            .prepare_cached("UPDATE record SET revision = ?2, urgency = ?3, touched_at = ?4 WHERE n = ?1")?
            .execute((n, revision.0, urgency, at.millis()))?;
        Ok(true)
    }

    /// The product that a part names; `None` if it names none, or the product does not exist.
    fn product_of(&self, source: i64, part: u64) -> Outcome<Option<u64>> {
        let Some(record) = parts::record(self.db, self.codec, part)? else { return Ok(None) };
        let product = record.provides().into_iter().find_map(|hub| match hub {
            Hub::Product(id) => Some(id),
            _ => None,
        });
        product.map_or(Ok(None), |id| self.product(source, &id))
    }

    fn product(&self, source: i64, id: &ProductId) -> Outcome<Option<u64>> {
        let find = "SELECT n FROM record WHERE source = ?1 AND kind = ?2 AND id = ?3";
        let key = (source, Kind::Product.number(), id.as_str());
        Ok(self.db.prepare_cached(find)?.query_row(key, |row| row.get(0)).optional()?)
    }

    /// Carries out waiting touches, in their order; returns how many are left.
    pub(super) fn spread(&mut self, touch: &Touch, limit: usize) -> Outcome<u64> {
        let source = self.source(&touch.source)?;
        self.fence_source(source, touch.lease)?;
        let mut room = limit;
        while room > 0 {
            let first = self
                .db
                .prepare_cached("SELECT id, hub, beyond, remain FROM spreading WHERE source = ?1 ORDER BY id LIMIT 1")?
                .query_row([source], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()?;
            let Some((id, hub, after, left)): Option<(i64, Option<i64>, u64, u64)> = first else { break };
            let numbers = match hub {
                Some(hub) => users(self.db, hub, after, room)?,
                None => products(self.db, source, after, room)?,
            };
            for n in &numbers {
                self.touch(*n, Urgency::Backfill, touch.at)?;
            }
            match numbers.last() {
                Some(last) if numbers.len() == room => {
                    let left = left.saturating_sub(room as u64).max(1);
                    self.db
                        .prepare_cached("UPDATE spreading SET beyond = ?2, remain = ?3 WHERE id = ?1")?
                        .execute((id, last, left))?;
                }
                _ => {
                    self.db.prepare_cached("DELETE FROM spreading WHERE id = ?1")?.execute([id])?;
                }
            }
            room -= numbers.len();
        }
        waiting(self.db, Some(source))
    }
}

/// How many touches wait, of a source or of all; exact as of when they were put off.
pub(super) fn waiting(db: &Connection, source: Option<i64>) -> Outcome<u64> {
    let sum = "SELECT coalesce(sum(remain), 0) FROM spreading WHERE ?1 IS NULL OR source = ?1";
    Ok(db.prepare_cached(sum)?.query_row([source], |row| row.get(0))?)
}

/// The records that use a hub, in the order of their numbers.
pub(super) fn users(db: &Connection, hub: i64, after: u64, limit: usize) -> Outcome<Vec<u64>> {
    let mut query = db.prepare_cached("SELECT n FROM uses WHERE hub = ?1 AND n > ?2 ORDER BY n LIMIT ?3")?;
    let numbers = query.query_map((hub, after, limit as u64), |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

fn products(db: &Connection, source: i64, after: u64, limit: usize) -> Outcome<Vec<u64>> {
    let mut query = db.prepare_cached(
        "SELECT n FROM record INDEXED BY record_scan
         WHERE urgency < 3 AND source = ?1 AND kind = ?2 AND n > ?3 ORDER BY n LIMIT ?4",
    )?;
    let numbers = query.query_map((source, Kind::Product.number(), after, limit as u64), |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// How many live records of a kind there were when the transaction began.
pub(super) fn live(db: &Connection, source: i64, kind: Kind) -> Outcome<u64> {
    Ok(db
        .prepare_cached("SELECT live FROM census WHERE source = ?1 AND kind = ?2")?
        .query_row((source, kind.number()), |row| row.get(0))
        .optional()?
        .unwrap_or(0))
}
