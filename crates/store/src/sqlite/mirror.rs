//! Stores the pages of a source: new, changed and deleted records.
//!
//! **Invariants:** an unchanged record gets no revision and no touch; an older version never replaces a newer one,
//! except in a full walk.

use std::borrow::Cow;

use contract::{
    Change, Digest, Fault,
    source::{Scope, Unread, Urgency},
    store::{Hint, Intake, LaneState, Lease, Revision, Taken},
};
use model::{Kind, RecordId, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    codec::{Codec, Place},
    erasures::{self, Erased},
    links::{Links, Touches},
    parts,
    rows::Insert,
    seal::Mark,
    trouble::{Outcome, Trouble},
    writer::{Tx, kind_bit},
};

pub(super) const LIVE: u8 = 0;
/// Deleted whatever its version: any version but an older one restores it.
const GONE: u8 = 1;
/// Deleted at a version: only a later one restores it.
const ENDED: u8 = 2;

/// Stands for no scope.
pub(super) const NO_SCOPE: i64 = 0;

/// So many new records are inserted together, after sorting their rows.
const TOGETHER: usize = 1_000;

/// A page after all work that needs no database.
pub(super) struct Prepared {
    source: SourceName,
    lane: String,
    lease: Lease,
    state: String,
    expected: Option<u64>,
    as_of: Timestamp,
    fetched: bool,
    confirm: Vec<Kind>,
    scopes: Vec<(Kind, Scope)>,
    hints: Vec<u64>,
    changes: Vec<Ready>,
    /// Whether some of the changes are products.
    pub(super) has_products: bool,
    is_first: bool,
    unread: Vec<Unread>,
    pass: Option<u64>,
    mark: Option<u64>,
    urgency: Urgency,
    at: Timestamp,
}

enum Ready {
    Is(Is),
    Gone { kind: Kind, id: RecordId, version: Option<u64> },
}

impl Ready {
    const fn is(&self) -> Option<&Is> {
        match self {
            Self::Is(is) => Some(is),
            Self::Gone { .. } => None,
        }
    }
}

struct Is {
    kind: Kind,
    id: RecordId,
    version: u64,
    modified_at: Option<Timestamp>,
    digest: Digest,
    body: Body,
    links: Links,
    /// Whether details of it were left out.
    noticed: bool,
    /// Whom it is about, if it is about a person.
    person: Option<Mark>,
    /// What stands for its person where persons are kept out.
    marks: Vec<Erased>,
}

/// A record that gets this number and revision.
struct New<'i> {
    is: &'i Is,
    /// Its id as it is stored.
    id: Cow<'i, str>,
    n: u64,
    revision: u64,
}

enum Body {
    Plain(Vec<u8>),
    Packed(Vec<u8>),
}

impl Prepared {
    /// Encodes, hashes and, if most records will be new, compresses.
    pub(super) fn new(codec: &Codec, intake: Intake) -> Outcome<Self> {
        let likely_known = intake.pass.is_some() && intake.state.full_at.is_some();
        let source = intake.source;
        let mut scratch = Vec::with_capacity(8 * 1024);
        let ready = |change| ready(codec, &source, change, likely_known, &mut scratch);
        let changes = intake.changes.into_iter().map(ready);
        let changes = changes.collect::<Outcome<Vec<_>>>()?;
        let is_first = intake.pass.is_some() && intake.state.full_at.is_none();
        let is_product = |change: &Ready| matches!(change, Ready::Is(is) if is.kind == Kind::Product);
        Ok(Self {
            has_products: changes.iter().any(is_product),
            is_first,
            changes,
            source,
            lane: intake.lane,
            lease: intake.lease,
            expected: intake.expected,
            as_of: intake.as_of,
            fetched: intake.fetched,
            confirm: intake.confirm,
            scopes: intake.scopes,
            hints: intake.hints,
            state: lane_text(&intake.state)?,
            unread: intake.unread,
            pass: intake.pass,
            mark: intake.pass.filter(|_| intake.marks),
            urgency: intake.urgency,
            at: intake.at,
        })
    }
}

fn ready(
    codec: &Codec,
    source: &SourceName,
    change: Change,
    likely_known: bool,
    scratch: &mut Vec<u8>,
) -> Outcome<Ready> {
    let (record, version, modified_at) = match change {
        Change::Gone { kind, id, version } => return Ok(Ready::Gone { kind, id, version }),
        Change::Is { record, version, modified_at } => (record, version, modified_at),
    };
    let plain = Codec::encode_into(std::mem::take(scratch), &record)?;
    let kind = record.kind();
    let digest = codec.digest(kind, &plain)?;
    let body = if likely_known {
        Body::Plain(plain)
    } else {
        let packed = codec.pack(Codec::body(kind), &plain);
        *scratch = plain;
        Body::Packed(packed)
    };
    let links = Links::of(codec, source, &record)?;
    let noticed = !record.notices().is_empty();
    let id = record.id();
    // A record of these kinds that says nothing of whom it is about is about a person of its own.
    let person = kind.is_personal().then(|| record.person().unwrap_or_else(|| format!("{kind}/{id}")));
    let person = person.map(|person| Ok::<_, Trouble>(codec.people.names()?.mark(&person))).transpose()?;
    let marks = erasures::marks(codec, source, &record)?;
    Ok(Ready::Is(Is { kind, id, version, modified_at, digest, body, links, noticed, person, marks }))
}

/// The kinds of the records on a page, as bits.
pub(super) fn kinds(intake: &Intake) -> u64 {
    let changes = intake.changes.iter().map(|change| match change {
        Change::Is { record, .. } => record.kind(),
        Change::Gone { kind, .. } => *kind,
    });
    changes.chain(intake.unread.iter().map(|unread| unread.kind)).fold(0, |kinds, kind| kinds | kind_bit(kind))
}

pub(super) fn lane_text(state: &LaneState) -> Outcome<String> {
    serde_json::to_string(state).map_err(|error| Trouble::unreadable("a lane's state on its way", error))
}

/// The stored record, without its body.
pub(super) struct Stored {
    pub(super) n: u64,
    pub(super) revision: u64,
    pub(super) urgency: u8,
    pub(super) ended: u8,
    version: u64,
    modified_at: Option<i64>,
    seen: u64,
    digest: Option<[u8; 16]>,
    /// When its page was requested.
    as_of: i64,
    scope: i64,
    /// Whether its latest form could not be understood.
    pub(super) unread: bool,
}

pub(super) const BY_ID: &str =
    "SELECT n, revision, urgency, ended, version, modified_at, seen, digest, unread, as_of, scope
    FROM record WHERE source = ?1 AND kind = ?2 AND id = ?3";
pub(super) const BY_NUMBER: &str =
    "SELECT n, revision, urgency, ended, version, modified_at, seen, digest, unread, as_of, scope
    FROM record WHERE n = ?1";

static RECORDS: Insert = Insert::new(
    "INSERT INTO record (source, kind, urgency, changed_at, seen, as_of, scope, ended,
        n, id, revision, version, modified_at, digest, hub, noticed) VALUES",
    "(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?, ?, ?, ?, ?, ?, ?, ?)",
    "ON CONFLICT (source, kind, id) DO NOTHING",
);
static BODIES: Insert = Insert::new("INSERT OR REPLACE INTO body (n, bytes) VALUES", "(?, ?)", "");

impl Stored {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            n: row.get(0)?,
            revision: row.get(1)?,
            urgency: row.get(2)?,
            ended: row.get(3)?,
            version: row.get(4)?,
            modified_at: row.get(5)?,
            seen: row.get(6)?,
            digest: row.get(7)?,
            unread: row.get(8)?,
            as_of: row.get(9)?,
            scope: row.get(10)?,
        })
    }
}

/// The origin of a change.
pub(super) struct Context<'a> {
    pub(super) source: i64,
    pub(super) name: &'a SourceName,
    pub(super) pass: Option<u64>,
    /// The same if its records are marked as seen by it.
    pub(super) mark: Option<u64>,
    pub(super) urgency: Urgency,
    pub(super) at: Timestamp,
    pub(super) as_of: i64,
    pub(super) fetched: bool,
    pub(super) confirm: Vec<Kind>,
    /// The scopes of kinds that are read in parts.
    pub(super) scopes: Vec<(Kind, i64)>,
    pub(super) touches: Touches,
    pub(super) taken: Taken,
    /// Whether the source has unread records.
    pub(super) was_unread: bool,
    /// Whether the lane was never read completely, so that nearly all records are new.
    pub(super) is_first: bool,
}

impl Tx<'_> {
    /// Stores a page.
    pub(super) fn intake(&mut self, mut page: Prepared) -> Outcome<Taken> {
        let source = self.source(&page.source)?;
        self.fence_source(source, page.lease)?;
        self.expect_lane(source, &page.lane, page.expected)?;
        let erased = self.keep_out(&mut page)?;
        let scopes = page.scopes.iter().map(|(kind, scope)| Ok((*kind, self.scope(source, scope)?)));
        let mut context = Context {
            source,
            name: &page.source,
            pass: page.pass,
            mark: page.mark,
            urgency: page.urgency,
            at: page.at,
            as_of: page.as_of.millis(),
            fetched: page.fetched,
            confirm: page.confirm,
            scopes: scopes.collect::<Outcome<_>>()?,
            touches: Touches::default(),
            taken: Taken { erased, ..Taken::default() },
            was_unread: self.has_unread(source)?,
            is_first: page.is_first,
        };
        if page.has_products {
            self.join_parts(usize::MAX)?;
            self.has_products.insert(source, true);
        }
        // A single change may be of any kind; together they are new records of one kind.
        let most = if context.is_first { TOGETHER } else { 1 };
        let alike = |a: &Ready, b: &Ready| a.is().zip(b.is()).is_some_and(|(a, b)| a.kind == b.kind);
        for changes in page.changes.chunk_by(alike).flat_map(|alike| alike.chunks(most)) {
            match changes {
                [Ready::Gone { kind, id, version }] => self.gone(&mut context, *kind, id, *version)?,
                [Ready::Is(is)] if !context.is_first => self.is(&mut context, is)?,
                records => self.are_new(&mut context, &records.iter().filter_map(Ready::is).collect::<Vec<_>>())?,
            }
        }
        for unread in &page.unread {
            self.keep_unread(&mut context, &page.lane, unread)?;
        }
        context.taken.touched = self.touch_all(source, &context.touches, context.at)?;
        self.forget_hints(source, &page.hints)?;
        self.db
            .prepare_cached("UPDATE source SET as_of = ?2 WHERE key = ?1 AND as_of < ?2")?
            .execute((source, context.as_of))?;
        if !page.fetched {
            self.write_lane(source, &page.lane, &page.state)?;
        }
        Ok(context.taken)
    }

    /// Leaves out records of persons who were erased; returns how many.
    fn keep_out(&self, page: &mut Prepared) -> Outcome<u64> {
        if !self.codec.people.is_ready() || !self.keeps_out()? {
            return Ok(0);
        }
        let before = page.changes.len() + page.unread.len();
        let changes = std::mem::take(&mut page.changes).into_iter().filter_map(|change| {
            let marks = change.is().map_or(&[][..], |is| &is.marks);
            self.is_erased(marks).map(|erased| (!erased).then_some(change)).transpose()
        });
        page.changes = changes.collect::<Outcome<_>>()?;
        let unread = std::mem::take(&mut page.unread).into_iter().filter_map(|unread| {
            let marks = erasures::marks_of_id(self.codec, &page.source, unread.kind, unread.id.as_ref());
            marks.and_then(|marks| Ok((!self.is_erased(&marks)?).then_some(unread))).transpose()
        });
        page.unread = unread.collect::<Outcome<_>>()?;
        Ok((before - page.changes.len() - page.unread.len()) as u64)
    }

    pub(super) fn stored(&self, source: i64, kind: Kind, id: &RecordId) -> Outcome<Option<Stored>> {
        let mut query = self.db.prepare_cached(BY_ID)?;
        let id = self.codec.name(kind, id.as_str())?;
        Ok(query.query_row((source, kind.number(), id), Stored::read).optional()?)
    }

    fn is(&mut self, context: &mut Context<'_>, is: &Is) -> Outcome<()> {
        let Some(stored) = self.stored(context.source, is.kind, &is.id)? else {
            self.insert(context, &[is])?;
            return Ok(());
        };
        let asks = context.pass.is_some() && context.confirm.contains(&is.kind);
        if asks && stored.ended == LIVE && is.version > 0 && is.version < stored.version {
            self.ask_for(context, &stored, is)?;
            context.taken.stale += 1;
            return Ok(());
        }
        if is_stale(&stored, is.version, context.as_of, context.pass.is_some() || context.fetched) {
            context.taken.stale += 1;
            return Ok(());
        }
        self.forget_unread(context, is.kind, &is.id)?;
        if stored.digest.as_ref() == Some(is.digest.bytes()) {
            context.taken.unchanged += 1;
            self.note_unchanged(context, &stored, is)?;
            if stored.unread {
                self.reconsider(context, &stored)?;
            }
        } else {
            if stored.ended == LIVE {
                context.taken.changed += 1;
            } else {
                context.taken.new += 1;
                self.count(context.source, is.kind, 1, -1);
            }
            self.update(context, &stored, is)?;
        }
        Ok(())
    }

    /// A full walk shows a lower version than the stored one: either may be right. The record exists, and is asked for
    /// by id.
    fn ask_for(&self, context: &Context<'_>, stored: &Stored, is: &Is) -> Outcome<()> {
        let hint = Hint { kind: is.kind, id: Some(is.id.clone()) };
        self.hint(context.name, &[hint], context.at)?;
        self.db
            .prepare_cached("UPDATE record SET seen = ?2 WHERE n = ?1")?
            .execute((stored.n, context.mark.unwrap_or(stored.seen)))?;
        Ok(())
    }

    /// Stores records of one kind that are most likely new.
    fn are_new(&mut self, context: &mut Context<'_>, records: &[&Is]) -> Outcome<()> {
        if self.insert(context, records)? {
            return Ok(());
        }
        for is in records {
            if !self.insert(context, &[is])? {
                self.is(context, is)?;
            }
        }
        Ok(())
    }

    /// Stores new records of one kind; false without effect if one of them is not new.
    fn insert(&mut self, context: &mut Context<'_>, records: &[&Is]) -> Outcome<bool> {
        let Some(kind) = records.first().map(|is| is.kind) else { return Ok(true) };
        let source = context.source;
        let urgency = self.urgency(source, kind, context.urgency)?;
        let (number, revision) = (self.upcoming_number()?, self.upcoming_revision(source)?.0);
        let rows = records
            .iter()
            .zip(number..)
            .zip(revision..)
            .map(|((is, n), revision)| Ok(New { is, id: self.codec.name(kind, is.id.as_str())?, n, revision }));
        let new: Vec<New<'_>> = rows.collect::<Outcome<_>>()?;
        let inserted = RECORDS.insert(
            self.db,
            rusqlite::params![
                source,
                kind.number(),
                urgency,
                context.at.millis(),
                context.mark.unwrap_or(0),
                context.as_of,
                context.scope(kind),
            ],
            &new,
            |row, New { is, id, n, revision }| {
                row.put(n)?;
                row.put(id)?;
                row.put(revision)?;
                row.put(is.version)?;
                row.put(is.modified_at.map(Timestamp::millis))?;
                row.put(is.digest.bytes())?;
                row.put(is.links.part)?;
                row.put(is.noticed)
            },
        )?;
        if inserted < new.len() {
            self.db.prepare_cached("DELETE FROM record WHERE n >= ?1")?.execute([number])?;
            return Ok(false);
        }
        if let Some(New { n, revision, .. }) = new.last() {
            self.given(source, kind, *n, Revision(*revision));
        }
        let count = new.len() as u64;
        context.taken.new += count;
        self.count(source, kind, i64::try_from(count).unwrap_or(i64::MAX), 0);
        for New { is, .. } in &new {
            self.forget_unread(context, kind, &is.id)?;
        }
        self.insert_bodies(source, &new)?;
        self.link(&new.iter().map(|New { is, n, .. }| (*n, &is.links)).collect::<Vec<_>>())?;
        if !Kind::PARTS.contains(&kind) || self.has_products(source)? {
            let reaches = new.iter().flat_map(|New { is, .. }| is.links.reaches.iter().cloned());
            context.touches.add(kind, context.urgency, reaches);
        }
        Ok(true)
    }

    fn insert_bodies(&mut self, source: i64, records: &[New<'_>]) -> Outcome<()> {
        let bodies = records.iter().map(|New { is, n, .. }| Ok((*n, is.links.part, self.packed(*n, is)?)));
        let bodies: Vec<_> = bodies.collect::<Outcome<_>>()?;
        let parts: Vec<_> = bodies.iter().filter_map(|(n, hub, body)| Some(((*hub)?, *n, &**body))).collect();
        let others: Vec<_> = bodies.iter().filter(|(_, hub, _)| hub.is_none()).collect();
        self.insert_parts(source, parts)?;
        BODIES.insert(self.db, &[], &others, |row, (n, _, body)| {
            row.put(n)?;
            row.put(&**body)
        })?;
        Ok(())
    }

    /// The body as it is stored under this number.
    fn packed<'i>(&self, n: u64, is: &'i Is) -> Outcome<Cow<'i, [u8]>> {
        let packed: Cow<'_, [u8]> = match &is.body {
            Body::Packed(body) => body.into(),
            Body::Plain(plain) => self.codec.pack(Codec::body(is.kind), plain).into(),
        };
        let Some(person) = &is.person else { return Ok(packed) };
        let key = self.note_person(n, person)?;
        Ok(Codec::sealed(Some(&key), Place::Body(n), &packed)?.into_owned().into())
    }

    fn write_body(&mut self, source: i64, n: u64, is: &Is, before: &Links) -> Outcome<()> {
        let body = self.packed(n, is)?;
        if let Some(hub) = is.links.part {
            return self.write_part(source, n, hub, before.part, &body);
        }
        self.db.prepare_cached("INSERT OR REPLACE INTO body VALUES (?1, ?2)")?.execute((n, body))?;
        Ok(())
    }

    /// Notes version and walk of an unchanged record.
    fn note_unchanged(&self, context: &Context<'_>, stored: &Stored, is: &Is) -> Outcome<()> {
        let seen = context.mark.unwrap_or(stored.seen);
        let modified_at = is.modified_at.map(Timestamp::millis);
        let scope = context.scope(is.kind);
        // If versions decide, it does not matter when an unchanged record was requested.
        let as_of = if is.version == 0 || context.fetched { context.as_of } else { stored.as_of };
        let known = (stored.seen, stored.version, stored.modified_at, stored.scope, stored.as_of);
        if (seen, is.version, modified_at, scope, as_of) != known {
            self.db
                .prepare_cached(
                    "UPDATE record SET seen = ?2, version = ?3, modified_at = ?4, scope = ?5, as_of = ?6 WHERE n = ?1",
                )?
                .execute((stored.n, seen, is.version, modified_at, scope, as_of))?;
        }
        Ok(())
    }

    fn update(&mut self, context: &mut Context<'_>, stored: &Stored, is: &Is) -> Outcome<()> {
        let before = self.links_before(context.name, stored.n)?;
        let urgency = self.place(context.source, (stored.revision, stored.urgency), context.urgency)?;
        let revision = self.changed(context.source, is.kind)?;
        self.db
            .prepare_cached(
                "UPDATE record SET revision = ?2, urgency = ?3, ended = 0, version = ?4, modified_at = ?5,
                 changed_at = ?6, seen = ?7, digest = ?8, as_of = ?9, scope = ?10, unread = 0, hub = ?11, noticed = ?12
                 WHERE n = ?1",
            )?
            .execute(rusqlite::params![
                stored.n,
                revision.0,
                urgency,
                is.version,
                is.modified_at.map(Timestamp::millis),
                context.at.millis(),
                context.mark.unwrap_or(stored.seen),
                is.digest.bytes(),
                context.as_of,
                context.scope(is.kind),
                is.links.part,
                is.noticed,
            ])?;
        self.write_body(context.source, stored.n, is, &before)?;
        self.relink(stored.n, &before, &is.links)?;
        context.touches.add(is.kind, context.urgency, before.reaches);
        context.touches.add(is.kind, context.urgency, is.links.reaches.iter().cloned());
        Ok(())
    }

    /// The links of the stored record; empty if there is none.
    pub(super) fn links_before(&self, source: &SourceName, n: u64) -> Outcome<Links> {
        let record = parts::record(self.db, self.codec, n)?;
        record.map_or_else(|| Ok(Links::default()), |record| Links::of(self.codec, source, &record))
    }

    fn gone(&mut self, context: &mut Context<'_>, kind: Kind, id: &RecordId, version: Option<u64>) -> Outcome<()> {
        let Some(stored) = self.stored(context.source, kind, id)? else {
            context.taken.unchanged += 1;
            return self.forget_unread(context, kind, id);
        };
        if stored.ended != LIVE {
            context.taken.unchanged += 1;
            self.forget_unread(context, kind, id)?;
            if stored.unread {
                self.reconsider(context, &stored)?;
            }
            if version.is_some_and(|version| (version, ENDED) > (stored.version, stored.ended)) {
                self.db
                    .prepare_cached("UPDATE record SET version = ?2, ended = ?3 WHERE n = ?1")?
                    .execute((stored.n, version, ENDED))?;
            }
        } else if is_late(&stored, version, context.as_of) {
            context.taken.stale += 1;
        } else {
            context.taken.gone += 1;
            self.end(context, &stored, kind, version)?;
        }
        Ok(())
    }

    /// Makes a tombstone of a live record.
    pub(super) fn end(
        &mut self,
        context: &mut Context<'_>,
        stored: &Stored,
        kind: Kind,
        version: Option<u64>,
    ) -> Outcome<()> {
        let before = self.links_before(context.name, stored.n)?;
        let urgency = self.place(context.source, (stored.revision, stored.urgency), context.urgency)?;
        let revision = self.changed(context.source, kind)?;
        self.count(context.source, kind, -1, 1);
        self.db
            .prepare_cached(
                "UPDATE record SET revision = ?2, urgency = ?3, ended = ?4, version = ?5, changed_at = ?6,
                 as_of = max(as_of, ?7), digest = NULL, unread = 0, noticed = 0 WHERE n = ?1",
            )?
            .execute(rusqlite::params![
                stored.n,
                revision.0,
                urgency,
                if version.is_some() { ENDED } else { GONE },
                version.unwrap_or(stored.version),
                context.at.millis(),
                context.as_of,
            ])?;
        self.delete_body(stored.n, &before)?;
        if stored.unread {
            self.db
                .prepare_cached(
                    "DELETE FROM unread WHERE source = ?1 AND kind = ?2 AND id = (SELECT id FROM record WHERE n = ?3)",
                )?
                .execute((context.source, kind.number(), stored.n))?;
        }
        self.relink(stored.n, &before, &Links::default())?;
        context.touches.add(kind, context.urgency, before.reaches);
        Ok(())
    }

    /// Writes how far a lane was read, which may name the record where that is: it is sealed in a database with data about
    /// people, because a lane that brought nothing yet may be about them, too.
    pub(super) fn write_lane(&self, source: i64, lane: &str, state: &str) -> Outcome<()> {
        let key = self.codec.people.is_ready().then(|| self.codec.people.general()).transpose()?;
        let state = Codec::text(key.as_deref(), Place::Lane(source), state)?;
        self.db
            .prepare_cached(
                "INSERT INTO lane (source, name, state, version) VALUES (?1, ?2, ?3, 1)
                 ON CONFLICT DO UPDATE SET state = excluded.state, version = version + 1",
            )?
            .execute((source, lane, state))?;
        Ok(())
    }

    fn expect_lane(&self, source: i64, lane: &str, expected: Option<u64>) -> Outcome<()> {
        let Some(expected) = expected else { return Ok(()) };
        let read = "SELECT version FROM lane WHERE source = ?1 AND name = ?2";
        let stands: Option<u64> =
            self.db.prepare_cached(read)?.query_row((source, lane), |row| row.get(0)).optional()?;
        if stands.unwrap_or(0) == expected {
            return Ok(());
        }
        Err(Fault::transient("C0113", format!("lane {lane} was read by another worker meanwhile"))
            .hint("nothing to do: the next read goes on from where that one is")
            .into())
    }

    /// The key of a scope, created if necessary.
    pub(super) fn scope(&self, source: i64, scope: &Scope) -> Outcome<i64> {
        if let Some(key) = scope_key(self.db, source, scope)? {
            return Ok(key);
        }
        self.db.prepare_cached("INSERT INTO scope (source, name) VALUES (?1, ?2)")?.execute((source, &scope.0))?;
        Ok(self.db.last_insert_rowid())
    }
}

impl Context<'_> {
    fn scope(&self, kind: Kind) -> i64 {
        self.scopes.iter().find(|(of, _)| *of == kind).map_or(NO_SCOPE, |(_, scope)| *scope)
    }
}

/// Whether a form of a record is older than the stored one. If both have a version, versions decide; a lower one is
/// accepted from a full walk or a request by id that is later than the stored form.
fn is_stale(stored: &Stored, version: u64, as_of: i64, asked: bool) -> bool {
    if version == 0 || stored.version == 0 {
        return as_of < stored.as_of;
    }
    match stored.ended {
        ENDED => version <= stored.version,
        _ => version < stored.version && !(asked && as_of >= stored.as_of),
    }
}

/// Whether a deletion is older than the stored record.
fn is_late(stored: &Stored, version: Option<u64>, as_of: i64) -> bool {
    match version {
        Some(version) if stored.version > 0 => stored.version > version,
        _ => as_of < stored.as_of,
    }
}

/// The key of a scope, if it has records.
pub(super) fn scope_key(db: &Connection, source: i64, scope: &Scope) -> Outcome<Option<i64>> {
    let read = "SELECT key FROM scope WHERE source = ?1 AND name = ?2";
    Ok(db.prepare_cached(read)?.query_row((source, &scope.0), |row| row.get(0)).optional()?)
}
