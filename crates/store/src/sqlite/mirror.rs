//! Taking in what a source says: new, changed, gone, unread; and the end of a full walk.
//!
//! **Invariants:** an unchanged record gets no revision and no touch; an older version never replaces a newer one,
//! except that a full walk is believed; a sweep removes nothing that the walk saw, even if it could not be understood.

use contract::{
    Change, Digest, Fault,
    source::{Unread, Urgency},
    store::{Intake, LaneState, Sweep, Swept, Taken},
};
use model::{Kind, Record, RecordId, SourceName, Timestamp};
use rusqlite::{OptionalExtension as _, Row};

use super::{
    codec::{Codec, Purpose},
    links::{Links, Touches},
    trouble::{Outcome, Trouble},
    writer::Tx,
};

const LIVE: u8 = 0;
/// Gone whatever the version: any version but an older one brings it back.
const GONE: u8 = 1;
/// Ended by its version: only a later one brings it back.
const ENDED: u8 = 2;

/// Records that could not be understood and have no id: so many are kept per lane.
const NAMELESS: u64 = 100;

/// A page with all the work done that needs no database.
pub(super) struct Prepared {
    source: SourceName,
    lane: String,
    state: String,
    changes: Vec<Ready>,
    unread: Vec<Unread>,
    pass: Option<u64>,
    urgency: Urgency,
    at: Timestamp,
}

enum Ready {
    Is(Is),
    Gone { kind: Kind, id: RecordId, version: Option<u64> },
}

struct Is {
    kind: Kind,
    id: RecordId,
    version: u64,
    modified_at: Option<Timestamp>,
    digest: Digest,
    body: Body,
    links: Links,
}

enum Body {
    Plain(Vec<u8>),
    Packed(Vec<u8>),
}

impl Prepared {
    /// Encodes, hashes and, where most of it will be new, compresses.
    pub(super) fn new(codec: &Codec, intake: Intake) -> Outcome<Self> {
        let likely_known = intake.pass.is_some() && intake.state.full_at.is_some();
        let source = intake.source;
        let mut scratch = Vec::with_capacity(8 * 1024);
        let ready = |change| ready(codec, &source, change, likely_known, &mut scratch);
        let changes = intake.changes.into_iter().map(ready);
        let changes = changes.collect::<Outcome<_>>()?;
        Ok(Self {
            changes,
            source,
            lane: intake.lane,
            state: lane_text(&intake.state)?,
            unread: intake.unread,
            pass: intake.pass,
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
    let digest = Digest::of(&plain);
    let kind = record.kind();
    let body = if likely_known {
        Body::Plain(plain)
    } else {
        let packed = codec.pack(Purpose::Body(kind), &plain);
        *scratch = plain;
        Body::Packed(packed)
    };
    let links = Links::of(source, &record);
    Ok(Ready::Is(Is { kind, id: record.id(), version, modified_at, digest, body, links }))
}

pub(super) fn lane_text(state: &LaneState) -> Outcome<String> {
    serde_json::to_string(state).map_err(|error| Trouble::unreadable("a lane's state on its way", error))
}

/// What is stored of a record, without its body.
struct Stored {
    n: u64,
    revision: u64,
    urgency: u8,
    ended: u8,
    version: u64,
    modified_at: Option<i64>,
    seen: u64,
    digest: Option<[u8; 16]>,
    /// What was said of it last could not be understood.
    unread: bool,
}

const BY_ID: &str = "SELECT n, revision, urgency, ended, version, modified_at, seen, digest, unread FROM record
    WHERE source = ?1 AND kind = ?2 AND id = ?3";
const BY_NUMBER: &str =
    "SELECT n, revision, urgency, ended, version, modified_at, seen, digest, unread FROM record WHERE n = ?1";

impl Stored {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
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
        })
    }
}

/// Where a change comes from.
struct Context<'a> {
    source: i64,
    name: &'a SourceName,
    pass: Option<u64>,
    urgency: Urgency,
    at: Timestamp,
    touches: Touches,
    taken: Taken,
    /// Some records of the source could not be understood before.
    was_unread: bool,
}

impl Tx<'_> {
    /// Takes in a page.
    pub(super) fn intake(&mut self, page: Prepared) -> Outcome<Taken> {
        let source = self.source(&page.source)?;
        let mut context = Context {
            source,
            name: &page.source,
            pass: page.pass,
            urgency: page.urgency,
            at: page.at,
            touches: Touches::default(),
            taken: Taken::default(),
            was_unread: self.has_unread(source)?,
        };
        for change in page.changes {
            match change {
                Ready::Is(is) => self.is(&mut context, &is)?,
                Ready::Gone { kind, id, version } => self.gone(&mut context, kind, &id, version)?,
            }
        }
        for unread in &page.unread {
            self.keep_unread(&mut context, &page.lane, unread)?;
        }
        context.taken.touched = self.touch_all(source, &context.touches)?;
        self.write_lane(source, &page.lane, &page.state)?;
        Ok(context.taken)
    }

    fn stored(&self, source: i64, kind: Kind, id: &RecordId) -> Outcome<Option<Stored>> {
        let mut query = self.db.prepare_cached(BY_ID)?;
        Ok(query.query_row((source, kind.number(), id.as_str()), Stored::read).optional()?)
    }

    fn is(&mut self, context: &mut Context<'_>, is: &Is) -> Outcome<()> {
        let Some(stored) = self.stored(context.source, is.kind, &is.id)? else {
            context.taken.new += 1;
            self.forget_unread(context, is.kind, &is.id)?;
            return self.insert(context, is);
        };
        if is_stale(&stored, is.version, context.pass.is_some()) {
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

    fn insert(&mut self, context: &mut Context<'_>, is: &Is) -> Outcome<()> {
        let revision = self.changed(context.source, is.kind);
        self.count(context.source, is.kind, 1, 0);
        self.db
            .prepare_cached(
                "INSERT INTO record
                 (source, kind, id, revision, urgency, ended, version, modified_at, changed_at, seen, digest)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(rusqlite::params![
                context.source,
                is.kind.number(),
                is.id.as_str(),
                revision.0,
                context.urgency as u8,
                is.version,
                is.modified_at.map(Timestamp::millis),
                context.at.millis(),
                context.pass.unwrap_or(0),
                is.digest.bytes(),
            ])?;
        let n = u64::try_from(self.db.last_insert_rowid()).unwrap_or(0);
        self.write_body(n, is)?;
        self.relink(n, &Links::default(), &is.links)?;
        context.touches.add(is.kind, context.urgency, is.links.reaches.iter().cloned());
        Ok(())
    }

    fn write_body(&self, n: u64, is: &Is) -> Outcome<()> {
        let packed;
        let body = match &is.body {
            Body::Packed(body) => body,
            Body::Plain(plain) => {
                packed = self.codec.pack(Purpose::Body(is.kind), plain);
                &packed
            }
        };
        self.db.prepare_cached("INSERT OR REPLACE INTO body VALUES (?1, ?2)")?.execute((n, body))?;
        Ok(())
    }

    /// A record that is as it was: the version and the walk may still be news.
    fn note_unchanged(&self, context: &Context<'_>, stored: &Stored, is: &Is) -> Outcome<()> {
        let seen = context.pass.unwrap_or(stored.seen);
        let modified_at = is.modified_at.map(Timestamp::millis);
        if (seen, is.version, modified_at) != (stored.seen, stored.version, stored.modified_at) {
            self.db
                .prepare_cached("UPDATE record SET seen = ?2, version = ?3, modified_at = ?4 WHERE n = ?1")?
                .execute((stored.n, seen, is.version, modified_at))?;
        }
        Ok(())
    }

    fn update(&mut self, context: &mut Context<'_>, stored: &Stored, is: &Is) -> Outcome<()> {
        let before = self.links_before(context.name, stored.n)?;
        let urgency = self.place(context.source, (stored.revision, stored.urgency), context.urgency)?;
        let revision = self.changed(context.source, is.kind);
        self.db
            .prepare_cached(
                "UPDATE record SET revision = ?2, urgency = ?3, ended = 0, version = ?4, modified_at = ?5,
                 changed_at = ?6, seen = ?7, digest = ?8, unread = 0 WHERE n = ?1",
            )?
            .execute(rusqlite::params![
                stored.n,
                revision.0,
                urgency,
                is.version,
                is.modified_at.map(Timestamp::millis),
                context.at.millis(),
                context.pass.unwrap_or(stored.seen),
                is.digest.bytes(),
            ])?;
        self.write_body(stored.n, is)?;
        self.relink(stored.n, &before, &is.links)?;
        context.touches.add(is.kind, context.urgency, before.reaches);
        context.touches.add(is.kind, context.urgency, is.links.reaches.iter().cloned());
        Ok(())
    }

    /// The links of what is stored now; none where nothing is.
    fn links_before(&self, source: &SourceName, n: u64) -> Outcome<Links> {
        let mut query = self.db.prepare_cached("SELECT bytes FROM body WHERE n = ?1")?;
        let mut rows = query.query([n])?;
        let Some(row) = rows.next()? else { return Ok(Links::default()) };
        let blob = row.get_ref(0)?.as_blob().unwrap_or_default();
        let record: Record = self.codec.unpack_value(self.db, "a record", blob)?;
        Ok(Links::of(source, &record))
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
        } else if version.is_some_and(|version| stored.version > version) {
            context.taken.stale += 1;
        } else {
            context.taken.gone += 1;
            self.end(context, &stored, kind, version)?;
        }
        Ok(())
    }

    /// Makes a tombstone of a live record.
    fn end(&mut self, context: &mut Context<'_>, stored: &Stored, kind: Kind, version: Option<u64>) -> Outcome<()> {
        let before = self.links_before(context.name, stored.n)?;
        let urgency = self.place(context.source, (stored.revision, stored.urgency), context.urgency)?;
        let revision = self.changed(context.source, kind);
        self.count(context.source, kind, -1, 1);
        self.db
            .prepare_cached(
                "UPDATE record SET revision = ?2, urgency = ?3, ended = ?4, version = ?5, changed_at = ?6,
                 digest = NULL, unread = 0 WHERE n = ?1",
            )?
            .execute(rusqlite::params![
                stored.n,
                revision.0,
                urgency,
                if version.is_some() { ENDED } else { GONE },
                version.unwrap_or(stored.version),
                context.at.millis(),
            ])?;
        self.db.prepare_cached("DELETE FROM body WHERE n = ?1")?.execute([stored.n])?;
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

    pub(super) fn write_lane(&self, source: i64, lane: &str, state: &str) -> Outcome<()> {
        self.db.prepare_cached("INSERT OR REPLACE INTO lane VALUES (?1, ?2, ?3)")?.execute((source, lane, state))?;
        Ok(())
    }

    // ── what could not be understood ────────────────────────────────────────────────────────────────────────────────

    fn has_unread(&self, source: i64) -> Outcome<bool> {
        Ok(self.db.prepare_cached("SELECT 1 FROM unread WHERE source = ?1")?.exists([source])?)
    }

    fn forget_unread(&self, context: &Context<'_>, kind: Kind, id: &RecordId) -> Outcome<()> {
        if context.was_unread {
            self.db.prepare_cached("DELETE FROM unread WHERE source = ?1 AND kind = ?2 AND id = ?3")?.execute((
                context.source,
                kind.number(),
                id.as_str(),
            ))?;
        }
        Ok(())
    }

    /// Flows passed over the record while it could not be understood; now they look at it again.
    fn reconsider(&mut self, context: &Context<'_>, stored: &Stored) -> Outcome<()> {
        let urgency = self.place(context.source, (stored.revision, stored.urgency), context.urgency)?;
        let revision = self.next_revision(context.source);
        self.db
            .prepare_cached("UPDATE record SET revision = ?2, urgency = ?3, unread = 0 WHERE n = ?1")?
            .execute((stored.n, revision.0, urgency))?;
        Ok(())
    }

    fn keep_unread(&self, context: &mut Context<'_>, lane: &str, unread: &Unread) -> Outcome<()> {
        context.taken.unread += 1;
        let kind = unread.kind.number();
        let id = unread.id.as_ref().map(RecordId::as_str);
        let mark = id.map_or_else(|| format!("? {}", unread.fault.message), |id| format!("= {id}"));
        let pass = context.pass.unwrap_or(0);
        let known: Option<(u64, u64)> = self
            .db
            .prepare_cached(
                "SELECT pass, times FROM unread WHERE source = ?1 AND lane = ?2 AND kind = ?3 AND mark = ?4",
            )?
            .query_row((context.source, lane, kind, &mark), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        // Without an id, only one full walk tells how many there are: deltas overlap.
        let (pass, times) = match known {
            Some((before, times)) if id.is_none() && before == pass && pass > 0 => (pass, times + 1),
            Some((before, times)) if before >= pass => (before, times),
            _ => (pass, 1),
        };
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO unread (source, lane, kind, mark, id, at, pass, fault, times)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(rusqlite::params![
                context.source,
                lane,
                kind,
                mark,
                id,
                context.at.millis(),
                pass,
                fault_text(&unread.fault)?,
                times,
            ])?;
        match id {
            Some(id) => {
                self.db
                    .prepare_cached(
                        "UPDATE record SET unread = 1, seen = coalesce(?4, seen)
                         WHERE source = ?1 AND kind = ?2 AND id = ?3",
                    )?
                    .execute((context.source, kind, id, context.pass))?;
            }
            None => {
                self.db
                    .prepare_cached(
                        "DELETE FROM unread WHERE source = ?1 AND lane = ?2 AND id IS NULL AND rowid NOT IN
                         (SELECT rowid FROM unread WHERE source = ?1 AND lane = ?2 AND id IS NULL
                          ORDER BY rowid DESC LIMIT ?3)",
                    )?
                    .execute((context.source, lane, NAMELESS))?;
            }
        }
        Ok(())
    }

    // ── the end of a full walk ──────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn sweep(&mut self, sweep: Sweep) -> Outcome<Swept> {
        let source = self.source(&sweep.source)?;
        let mut swept = Swept::default();
        let mut missing = Vec::new();
        let mut nameless = false;
        for kind in &sweep.kinds {
            swept.live += self.live(source, *kind)?;
            missing.push((*kind, self.missing(source, *kind, sweep.pass)?));
            nameless |= self.has_nameless(source, &sweep.lane, *kind, sweep.pass)?;
        }
        swept.missing = missing.iter().map(|(_, numbers)| numbers.len() as u64).sum();
        swept.held = swept.missing > 0
            && sweep.guard.is_some_and(|guard| nameless || is_too_much(swept.missing, swept.live, guard));
        let mut state = sweep.state;
        state.held = swept.held.then_some((swept.missing, swept.live));
        if !swept.held {
            let mut context = Context {
                source,
                name: &sweep.source,
                pass: Some(sweep.pass),
                urgency: Urgency::Live,
                at: sweep.at,
                touches: Touches::default(),
                taken: Taken::default(),
                was_unread: false,
            };
            for (kind, numbers) in missing {
                self.remove(&mut context, kind, &numbers)?;
            }
            self.touch_all(source, &context.touches)?;
            self.sweep_unread(&mut context, &sweep.lane)?;
        }
        self.write_lane(source, &sweep.lane, &lane_text(&state)?)?;
        Ok(swept)
    }

    /// Forgets what could not be understood and was not met again.
    fn sweep_unread(&mut self, context: &mut Context<'_>, lane: &str) -> Outcome<()> {
        let key = (context.source, lane, context.pass);
        let named: Vec<(u8, String)> = {
            let mut query = self.db.prepare_cached(
                "SELECT kind, id FROM unread WHERE source = ?1 AND lane = ?2 AND pass < ?3 AND id IS NOT NULL",
            )?;
            query.query_map(key, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
        };
        self.db.prepare_cached("DELETE FROM unread WHERE source = ?1 AND lane = ?2 AND pass < ?3")?.execute(key)?;
        for (kind, id) in named {
            let mut still =
                self.db.prepare_cached("SELECT 1 FROM unread WHERE source = ?1 AND kind = ?2 AND id = ?3")?;
            if still.exists((context.source, kind, &id))? {
                continue;
            }
            let stored = self.db.prepare_cached(BY_ID)?.query_row((context.source, kind, &id), Stored::read);
            if let Some(stored) = stored.optional()?.filter(|stored| stored.unread) {
                self.reconsider(context, &stored)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, context: &mut Context<'_>, kind: Kind, numbers: &[u64]) -> Outcome<()> {
        for n in numbers {
            let stored = self.db.prepare_cached(BY_NUMBER)?.query_row([n], Stored::read)?;
            self.end(context, &stored, kind, None)?;
        }
        Ok(())
    }

    fn live(&self, source: i64, kind: Kind) -> Outcome<u64> {
        super::links::live(self.db, source, kind)
    }

    fn missing(&self, source: i64, kind: Kind, pass: u64) -> Outcome<Vec<u64>> {
        let mut query = self.db.prepare_cached(
            "SELECT n FROM record WHERE source = ?1 AND kind = ?2 AND ended = 0 AND seen <> ?3 ORDER BY n",
        )?;
        let numbers = query.query_map((source, kind.number(), pass), |row| row.get(0))?;
        Ok(numbers.collect::<Result<_, _>>()?)
    }

    /// The walk met records of this kind that it could not even name: any of the missing may be one of them.
    fn has_nameless(&self, source: i64, lane: &str, kind: Kind, pass: u64) -> Outcome<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT 1 FROM unread WHERE source = ?1 AND lane = ?2 AND kind = ?3 AND id IS NULL AND pass = ?4",
            )?
            .exists((source, lane, kind.number(), pass))?)
    }
}

/// What is said of a record is older than what is known.
fn is_stale(stored: &Stored, version: u64, full: bool) -> bool {
    if version == 0 {
        return false;
    }
    match stored.ended {
        ENDED => version <= stored.version,
        _ => !full && version < stored.version,
    }
}

/// One record may always go, all never, and no larger share than the guard.
#[expect(clippy::cast_precision_loss, reason = "a share of a catalogue needs no 53 bits")]
fn is_too_much(missing: u64, live: u64, guard: f64) -> bool {
    missing >= live || (missing > 1 && missing as f64 > guard * live as f64)
}

pub(super) fn fault_text(fault: &Fault) -> Outcome<String> {
    serde_json::to_string(fault).map_err(|error| Trouble::unreadable("a fault on its way", error))
}
