//! The tables, and how a database of an older release becomes one of this release.
//!
//! **Invariants:** a migration that was released is never edited, only followed by another; a database that is newer
//! than this release, or not Cartage's, is left alone.

use std::path::Path;

use contract::Fault;
use rusqlite::Connection;

use super::trouble::{Outcome, Trouble, not_ours};

/// Marks the file as ours: `Cart` in ASCII.
const APPLICATION: i32 = 0x4361_7274;

/// In order; the database's `user_version` counts those that were applied.
const MIGRATIONS: &[&str] = &[FIRST, OWNERS, SECOND_EDITION, TRIALS, REMOVALS];

// `record` is narrow and is scanned, walked and touched; bodies are wide and only fetched, so they lie elsewhere. The
// same holds for `ledger` and `payload`. Ledger keys are `flow << 40 | n`: one integer is the cheapest key there is.
const FIRST: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('revision', 0);

CREATE TABLE dictionary (id INTEGER PRIMARY KEY, purpose TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;

CREATE TABLE source (key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE lane (
    source INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, PRIMARY KEY (source, name)
) STRICT, WITHOUT ROWID;

-- Per kind: how many, and the highest revision given.
CREATE TABLE census (
    source INTEGER NOT NULL, kind INTEGER NOT NULL,
    live INTEGER NOT NULL, tombstones INTEGER NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (source, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
    n INTEGER PRIMARY KEY,
    source INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    urgency INTEGER NOT NULL,
    ended INTEGER NOT NULL,         -- 0: live; 1: gone, whatever the version; 2: ended by `version`
    version INTEGER NOT NULL,
    modified_at INTEGER,
    changed_at INTEGER NOT NULL,
    seen INTEGER NOT NULL,          -- the last full walk that saw it
    digest BLOB                     -- none: gone, or forgotten and to be read again
) STRICT;
CREATE UNIQUE INDEX record_id ON record (source, kind, id);
CREATE INDEX record_walk ON record (source, urgency, revision) WHERE kind IN (1, 2);
CREATE INDEX record_scan ON record (source, kind) WHERE kind IN (1, 2);

CREATE TABLE body (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

-- Hubs are hashes, see links.rs.
CREATE TABLE uses (hub INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (hub, n)) STRICT, WITHOUT ROWID;
CREATE TABLE joins (hub INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (hub, n)) STRICT, WITHOUT ROWID;

-- Touches that wait: users of `hub` (none: all products of the source) with numbers `beyond` this one.
CREATE TABLE spreading (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, hub INTEGER, beyond INTEGER NOT NULL, remain INTEGER NOT NULL
) STRICT;

CREATE TABLE unread (
    source INTEGER NOT NULL, lane TEXT NOT NULL, kind INTEGER NOT NULL,
    mark TEXT NOT NULL,             -- the id, or what was wrong where there is none
    id TEXT, at INTEGER NOT NULL, pass INTEGER NOT NULL, fault TEXT NOT NULL,
    PRIMARY KEY (source, lane, kind, mark)
) STRICT;

CREATE TABLE flow (
    key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, source INTEGER NOT NULL, fingerprint TEXT NOT NULL,
    urgent INTEGER NOT NULL, live INTEGER NOT NULL, backfill INTEGER NOT NULL
) STRICT;

CREATE TABLE ledger (
    key INTEGER PRIMARY KEY,
    flow INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    state INTEGER NOT NULL,
    waits INTEGER,                  -- retry: until when; dead: since when; awaiting the feed: its revision
    attempts INTEGER NOT NULL,
    settled_at INTEGER NOT NULL,
    due INTEGER,
    call INTEGER,
    items BLOB,
    rule TEXT,
    fault TEXT
) STRICT;
CREATE INDEX ledger_waits ON ledger (flow, state, waits) WHERE waits IS NOT NULL;
CREATE INDEX ledger_due ON ledger (flow, due) WHERE due IS NOT NULL;

CREATE TABLE payload (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE refused (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

CREATE TABLE call (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    flow INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    op TEXT NOT NULL,
    records INTEGER NOT NULL,
    items BLOB,                     -- record and id of each, only while it is open
    ended_at INTEGER,
    status INTEGER,
    took INTEGER,                   -- microseconds
    response TEXT,
    fault TEXT
) STRICT;
CREATE INDEX call_open ON call (flow) WHERE ended_at IS NULL;
";

// Only for flows whose ids are shared, see owners.rs.
const OWNERS: &str = "
ALTER TABLE flow ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;

-- Which ledger row holds an item.
CREATE TABLE owner (
    flow INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (flow, kind, id)
) STRICT, WITHOUT ROWID;

-- Which ledger rows want an item that another holds.
CREATE TABLE contender (
    flow INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, key INTEGER NOT NULL,
    PRIMARY KEY (flow, kind, id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX contender_key ON contender (key);
";

const SECOND_EDITION: &str = "
-- The latest form of the record at its source could not be understood: there is a row of `unread` for it.
ALTER TABLE record ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
-- How many records one row stands for; more than 1 only where there is no id.
ALTER TABLE unread ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
UPDATE record SET unread = 1 WHERE EXISTS
    (SELECT 1 FROM unread u WHERE u.source = record.source AND u.kind = record.kind AND u.id = record.id);
";

const TRIALS: &str = "
-- Failures of calls that carried nothing but this record.
ALTER TABLE ledger ADD COLUMN trial BLOB;
";

const REMOVALS: &str = "
-- Items that a flow removed, by the hour; below zero: so many removals were approved.
CREATE TABLE removal (
    flow INTEGER NOT NULL, hour INTEGER NOT NULL, items INTEGER NOT NULL, PRIMARY KEY (flow, hour)
) STRICT, WITHOUT ROWID;
";

/// What was found when a database was opened.
pub(super) enum Standing {
    /// It is of this release.
    Current,
    /// An older release made it, or it is new: it has to be written before it can be used.
    Behind,
}

/// Looks at a database without changing it.
pub(super) fn standing(db: &Connection, path: &Path) -> Outcome<Standing> {
    let application: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: usize = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: u64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && (application != 0 || version != 0 || tables != 0) {
        return Err(not_ours(path, "another program made it").into());
    }
    if version > MIGRATIONS.len() {
        let known = MIGRATIONS.len();
        return Err(Fault::config(
            "C0101",
            format!("{} was written by a newer release (its version is {version}, known is {known})", path.display()),
        )
        .hint("run that release or a later one, or restore the backup made before the upgrade")
        .into());
    }
    let format = if version == 0 { None } else { format(db)? };
    let current = version == MIGRATIONS.len() && format == Some(model::FORMAT);
    Ok(if current { Standing::Current } else { Standing::Behind })
}

fn format(db: &Connection) -> Outcome<Option<u32>> {
    use rusqlite::OptionalExtension as _;
    Ok(db.query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| row.get(0)).optional()?)
}

/// Brings a database to this release, all or nothing.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Outcome<()> {
    if matches!(standing(db, path)?, Standing::Current) {
        return Ok(());
    }
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: usize = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for migration in MIGRATIONS.iter().skip(version) {
        tx.execute_batch(migration)?;
    }
    if format(&tx)?.is_some_and(|format| format != model::FORMAT) {
        forget_bodies(&tx)?;
    }
    tx.execute("INSERT OR REPLACE INTO meta VALUES ('format', ?1)", [model::FORMAT])?;
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", MIGRATIONS.len())?;
    tx.commit().map_err(Trouble::from)
}

/// Forgets what records were like, but neither that they exist nor what destinations hold: the source is read again, and
/// what it says is compared with the ledger. Lanes are read from the beginning, so their passes are counted from 1 again,
/// and no record was seen by any of them.
fn forget_bodies(db: &Connection) -> Outcome<()> {
    db.execute_batch(
        "DELETE FROM body; DELETE FROM uses; DELETE FROM joins; DELETE FROM spreading; DELETE FROM lane;
         DELETE FROM unread; DELETE FROM dictionary WHERE purpose LIKE 'body/%';
         UPDATE record SET digest = NULL, unread = 0, seen = 0;",
    )?;
    Ok(())
}
