//! Bodies of a product's parts: they are stored under the hub by which the product finds them, so that all stock and
//! prices of a product are read from few pages.
//!
//! While a source has no product, no parts are looked up, and new ones wait in `unjoined`, which is divided into slices
//! of neighbouring hubs. Before the first product is stored, they are moved into `joins` slice by slice, each sorted in
//! memory, so that each page is written once: entries in any other order would each change another page.
//!
//! **Invariant:** once a source has a live product, all of its parts are in `joins`.

use model::{Kind, Record};
use rusqlite::Connection;

use super::{
    codec::{Codec, Place},
    links::{Links, live},
    rows::Insert,
    trouble::{Outcome, unless_forgotten},
    writer::Tx,
};

/// So many parts, or a slice more, are moved into `joins` in one transaction.
pub(super) const JOINED_AT_ONCE: usize = 64_000;

/// No record has a number of more bits.
const NUMBER_BITS: u32 = 40;

/// The place of a part in `unjoined`: its slice, which is the first six bits of its hub, and its number.
macro_rules! place {
    ($hub:literal, $n:literal) => {
        concat!("((", $hub, " >> 58) + 32 << 40) + ", $n)
    };
}

/// As the macro, for values.
pub(super) fn place(hub: i64, n: u64) -> u64 {
    let slice = u64::try_from((hub >> 58) + 32).unwrap_or(0);
    (slice << NUMBER_BITS) + n
}

/// Bodies of the parts under a hub, in the order of their numbers.
pub(super) const JOINED: &str =
    "SELECT coalesce(bytes, (SELECT bytes FROM body WHERE n = joins.n)), n FROM joins WHERE hub = ?1 ORDER BY n";

const BODY: &str = concat!(
    "SELECT coalesce(
        (SELECT bytes FROM body WHERE n = ?1),
        (SELECT j.bytes FROM record r JOIN joins j ON j.hub = r.hub AND j.n = r.n WHERE r.n = ?1),
        (SELECT u.bytes FROM record r JOIN unjoined u ON u.place = ",
    place!("r.hub", "r.n"),
    " WHERE r.n = ?1))"
);

static JOINS: Insert = Insert::new("INSERT INTO joins (hub, n, bytes) VALUES", "(?, ?, ?)", "");
static UNJOINED: Insert = Insert::new("INSERT INTO unjoined (hub, place, bytes) VALUES", "(?, ?, ?)", "");

/// A record by its number; `None` if it has no body that can be read.
pub(super) fn record(db: &Connection, codec: &Codec, n: u64) -> Outcome<Option<Record>> {
    let mut query = db.prepare_cached(BODY)?;
    let mut rows = query.query([n])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let Some(blob) = row.get_ref(0)?.as_blob_or_null().unwrap_or_default() else { return Ok(None) };
    unless_forgotten(codec.unpack_value(db, Place::Body(n), blob).map(Some), None)
}

impl Tx<'_> {
    /// Writes the body of a part that was stored under the hub `before`.
    pub(super) fn write_part(
        &mut self,
        source: i64,
        n: u64,
        hub: i64,
        before: Option<i64>,
        body: &[u8],
    ) -> Outcome<()> {
        if let Some(before) = before {
            self.delete_part(n, before)?;
            // An earlier edition stored it there.
            self.db.prepare_cached("DELETE FROM body WHERE n = ?1")?.execute([n])?;
        }
        self.insert_parts(source, vec![(hub, n, body)])
    }

    /// Writes the bodies of new parts, each with its hub and number.
    pub(super) fn insert_parts(&mut self, source: i64, mut parts: Vec<(i64, u64, &[u8])>) -> Outcome<()> {
        if parts.is_empty() {
            return Ok(());
        }
        parts.sort_unstable();
        let is_joined = self.has_products(source)?;
        let into = if is_joined { &JOINS } else { &UNJOINED };
        into.insert(self.db, &[], &parts, |row, (hub, n, body)| {
            row.put(hub)?;
            row.put(if is_joined { *n } else { place(*hub, *n) })?;
            row.put(body)
        })?;
        Ok(())
    }

    fn delete_part(&self, n: u64, hub: i64) -> Outcome<()> {
        self.db.prepare_cached("DELETE FROM joins WHERE hub = ?1 AND n = ?2")?.execute((hub, n))?;
        self.db.prepare_cached("DELETE FROM unjoined WHERE place = ?1")?.execute([place(hub, n)])?;
        Ok(())
    }

    /// Deletes the body of a record that had these links.
    pub(super) fn delete_body(&self, n: u64, links: &Links) -> Outcome<()> {
        self.db.prepare_cached("DELETE FROM body WHERE n = ?1")?.execute([n])?;
        links.part.map_or(Ok(()), |hub| self.delete_part(n, hub))
    }

    /// Whether the source had a live product when the transaction began.
    pub(super) fn has_products(&mut self, source: i64) -> Outcome<bool> {
        if let Some(has) = self.has_products.get(&source) {
            return Ok(*has);
        }
        let has = live(self.db, source, Kind::Product)? > 0;
        self.has_products.insert(source, has);
        Ok(has)
    }

    /// Moves so many waiting parts into `joins`, or a slice more; returns whether there may be more.
    pub(super) fn join_parts(&self, enough: usize) -> Outcome<bool> {
        let mut joined = 0;
        while joined < enough {
            let first = "SELECT min(place) FROM unjoined";
            let first: Option<u64> = self.db.prepare_cached(first)?.query_row([], |row| row.get(0))?;
            let Some(first) = first else { return Ok(false) };
            let end = ((first >> NUMBER_BITS) + 1) << NUMBER_BITS;
            joined += self
                .db
                .prepare_cached(
                    "INSERT INTO joins (hub, n, bytes) SELECT hub, place & 1099511627775, bytes FROM unjoined
                     WHERE place < ?1 ORDER BY hub, place",
                )?
                .execute([end])?;
            self.db.prepare_cached("DELETE FROM unjoined WHERE place < ?1")?.execute([end])?;
        }
        Ok(true)
    }
}
