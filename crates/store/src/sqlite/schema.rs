//! The tables, and migrations from older releases.
//!
//! **Invariants:** a migration that was released is never edited, only followed by another; a database that is newer
//! than this release, or not Cartage's, is left alone.

use std::path::Path;

use contract::Fault;
use rusqlite::Connection;

use super::trouble::{Outcome, Trouble, not_ours};

/// Marks the file as ours: `Cart` in ASCII.
const APPLICATION: i32 = 0x4361_7274;

/// Migrations in order; the database's `user_version` counts the applied ones.
const MIGRATIONS: &[&str] = &[
    FIRST,
    OWNERS,
    SECOND_EDITION,
    TRIALS,
    REMOVALS,
    LEASES,
    PARTS,
    NOTICES,
    CLAIMS,
    SLICES,
    ACCOUNTS,
    PAUSES,
    STOPS,
    ACKNOWLEDGED,
    SINCE,
    HOOKS,
    PRICES,
    PEOPLE,
    ERASURES,
];

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

// See owners.rs.
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

// Which kinds are carried is said by flows, as bits by the kinds' numbers. Records that no flow carries have the urgency
// 3, and are in no index of walks.
const LEASES: &str = "
-- Revisions are given per source, under its lease. `as_of` never goes back.
ALTER TABLE source ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN as_of INTEGER NOT NULL DEFAULT 0;
ALTER TABLE source ADD COLUMN current INTEGER NOT NULL DEFAULT 1;
UPDATE source SET revision = (SELECT value FROM meta WHERE name = 'revision');
DELETE FROM meta WHERE name = 'revision';

ALTER TABLE lane ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE scope (
    key INTEGER PRIMARY KEY, source INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (source, name)
) STRICT;

DROP INDEX record_walk;
DROP INDEX record_scan;
ALTER TABLE record ADD COLUMN touched_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN as_of INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN scope INTEGER NOT NULL DEFAULT 0;     -- 0: none
UPDATE record SET urgency = 3 WHERE kind NOT IN (1, 2);
CREATE INDEX record_walk ON record (source, urgency, revision) WHERE urgency < 3;
CREATE INDEX record_scan ON record (source, kind) WHERE urgency < 3;
CREATE INDEX record_gone ON record (source, changed_at) WHERE ended <> 0;

CREATE TABLE hint (
    number INTEGER PRIMARY KEY AUTOINCREMENT, source INTEGER NOT NULL, kind INTEGER NOT NULL,
    id TEXT NOT NULL,               -- empty: any of the kind
    at INTEGER NOT NULL, UNIQUE (source, kind, id)
) STRICT;

-- A flow is told by its name and its source. One that is not current was declared once, and is not any more.
ALTER TABLE flow RENAME TO flow_before;
CREATE TABLE flow (
    key INTEGER PRIMARY KEY, name TEXT NOT NULL, source INTEGER NOT NULL, current INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, kinds INTEGER NOT NULL, markets TEXT NOT NULL,
    urgent INTEGER NOT NULL, live INTEGER NOT NULL, backfill INTEGER NOT NULL,
    token INTEGER NOT NULL,
    shared INTEGER NOT NULL,        -- several records may come to the same item
    indexed INTEGER NOT NULL,       -- `owner` is complete for it
    UNIQUE (name, source)
) STRICT;
INSERT INTO flow SELECT key, name, source, 1, fingerprint, 6, '[]', urgent, live, backfill, 0, shared, shared
    FROM flow_before;
DROP TABLE flow_before;
-- What it holds of records of a source that it had before belongs to a flow of its own, which is not current.
CREATE TEMP TABLE former AS SELECT l.key, f.name, r.source, f.shared FROM ledger l
    JOIN record r ON r.n = l.key & 1099511627775 JOIN flow f ON f.key = l.flow WHERE r.source <> f.source;
INSERT INTO flow (name, source, current, fingerprint, kinds, markets, urgent, live, backfill, token, shared, indexed)
    SELECT name, source, 0, '', 6, '[]', 0, 0, 0, 0, shared, 0 FROM former GROUP BY name, source;
CREATE TEMP TABLE moved AS SELECT m.key AS before, f.key AS flow, (f.key << 40) + (m.key & 1099511627775) AS key
    FROM former m JOIN flow f ON f.name = m.name AND f.source = m.source;
CREATE UNIQUE INDEX temp.moved_before ON moved (before);
UPDATE ledger SET key = m.key, flow = m.flow FROM moved m WHERE ledger.key = m.before;
UPDATE payload SET key = m.key FROM moved m WHERE payload.key = m.before;
UPDATE refused SET key = m.key FROM moved m WHERE refused.key = m.before;
UPDATE owner SET key = m.key, flow = m.flow FROM moved m WHERE owner.key = m.before;
DELETE FROM contender WHERE key IN (SELECT before FROM moved);
DROP TABLE moved;
DROP TABLE former;

-- How many ledger rows there are in each state. Kept by triggers, so that no way of writing a row is forgotten.
CREATE TABLE standing (
    flow INTEGER NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL, rule TEXT NOT NULL, total INTEGER NOT NULL,
    PRIMARY KEY (flow, kind, state, rule)
) STRICT, WITHOUT ROWID;
INSERT INTO standing SELECT l.flow, r.kind, l.state, coalesce(l.rule, ''), count(*)
    FROM ledger l JOIN record r ON r.n = l.key & 1099511627775 GROUP BY 1, 2, 3, 4;
CREATE TRIGGER standing_insert AFTER INSERT ON ledger BEGIN
    INSERT INTO standing SELECT NEW.flow, kind, NEW.state, coalesce(NEW.rule, ''), 1
        FROM record WHERE n = NEW.key & 1099511627775
        ON CONFLICT DO UPDATE SET total = total + 1;
END;
CREATE TRIGGER standing_update AFTER UPDATE ON ledger
WHEN OLD.state <> NEW.state OR OLD.rule IS NOT NEW.rule BEGIN
    UPDATE standing SET total = total - 1 WHERE flow = OLD.flow AND state = OLD.state AND rule = coalesce(OLD.rule, '')
        AND kind = (SELECT kind FROM record WHERE n = OLD.key & 1099511627775);
    INSERT INTO standing SELECT NEW.flow, kind, NEW.state, coalesce(NEW.rule, ''), 1
        FROM record WHERE n = NEW.key & 1099511627775
        ON CONFLICT DO UPDATE SET total = total + 1;
END;
CREATE TRIGGER standing_delete BEFORE DELETE ON ledger BEGIN
    UPDATE standing SET total = total - 1 WHERE flow = OLD.flow AND state = OLD.state AND rule = coalesce(OLD.rule, '')
        AND kind = (SELECT kind FROM record WHERE n = OLD.key & 1099511627775);
END;
CREATE INDEX record_unread ON record (source) WHERE unread <> 0;

ALTER TABLE call ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
ALTER TABLE call ADD COLUMN ticket TEXT;
ALTER TABLE call ADD COLUMN ask_at INTEGER;
CREATE INDEX call_ended ON call (ended_at) WHERE ended_at IS NOT NULL;
";

// See parts.rs.
const PARTS: &str = "
-- Of a part whose body lies with its hub.
ALTER TABLE record ADD COLUMN hub INTEGER;
ALTER TABLE joins ADD COLUMN bytes BLOB;
CREATE TABLE unjoined (n INTEGER PRIMARY KEY, hub INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
";

const NOTICES: &str = "
-- Details of the record were left out.
ALTER TABLE record ADD COLUMN noticed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX record_noticed ON record (source) WHERE noticed <> 0;
";

// See owners.rs. What a record is to be, and with which rank, is known when it is looked at: until then what it holds
// where ids are shared stays its own.
const CLAIMS: &str = "
CREATE TABLE claim (
    flow INTEGER NOT NULL, kind INTEGER NOT NULL, id TEXT NOT NULL, rank INTEGER NOT NULL, key INTEGER NOT NULL,
    PRIMARY KEY (flow, kind, id, rank, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_key ON claim (key);
INSERT INTO claim SELECT o.flow, o.kind, o.id, 9223372036854775807, o.key
    FROM owner o JOIN flow f ON f.key = o.flow WHERE f.shared <> 0;
UPDATE flow SET urgent = 0, live = 0, backfill = 0 WHERE shared <> 0;

DROP TRIGGER standing_insert;
DROP TRIGGER standing_update;
DROP TRIGGER standing_delete;
-- Kept like the totals.
ALTER TABLE standing ADD COLUMN items INTEGER NOT NULL DEFAULT 0;
-- How many `items` there are, and how often claims changed them.
ALTER TABLE ledger ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
CREATE TEMP TABLE counted AS SELECT key, count(*) AS items FROM owner GROUP BY key;
CREATE UNIQUE INDEX temp.counted_key ON counted (key);
UPDATE ledger SET held = coalesce((SELECT items FROM counted WHERE counted.key = ledger.key), 1) WHERE items IS NOT NULL;
DROP TABLE counted;
DROP TABLE owner;
DROP TABLE contender;
ALTER TABLE flow DROP COLUMN indexed;
DELETE FROM standing;
INSERT INTO standing SELECT l.flow, r.kind, l.state, coalesce(l.rule, ''), count(*), sum(l.held)
    FROM ledger l JOIN record r ON r.n = l.key & 1099511627775 GROUP BY 1, 2, 3, 4;
CREATE TRIGGER standing_insert AFTER INSERT ON ledger BEGIN
    INSERT INTO standing SELECT NEW.flow, kind, NEW.state, coalesce(NEW.rule, ''), 1, NEW.held
        FROM record WHERE n = NEW.key & 1099511627775
        ON CONFLICT DO UPDATE SET total = total + 1, items = items + excluded.items;
END;
CREATE TRIGGER standing_update AFTER UPDATE ON ledger
WHEN OLD.state <> NEW.state OR OLD.rule IS NOT NEW.rule OR OLD.held <> NEW.held BEGIN
    UPDATE standing SET total = total - 1, items = items - OLD.held
        WHERE flow = OLD.flow AND state = OLD.state AND rule = coalesce(OLD.rule, '')
        AND kind = (SELECT kind FROM record WHERE n = OLD.key & 1099511627775);
    INSERT INTO standing SELECT NEW.flow, kind, NEW.state, coalesce(NEW.rule, ''), 1, NEW.held
        FROM record WHERE n = NEW.key & 1099511627775
        ON CONFLICT DO UPDATE SET total = total + 1, items = items + excluded.items;
END;
CREATE TRIGGER standing_delete BEFORE DELETE ON ledger BEGIN
    UPDATE standing SET total = total - 1, items = items - OLD.held
        WHERE flow = OLD.flow AND state = OLD.state AND rule = coalesce(OLD.rule, '')
        AND kind = (SELECT kind FROM record WHERE n = OLD.key & 1099511627775);
END;
";

// See parts.rs.
const SLICES: &str = "
ALTER TABLE unjoined RENAME TO unjoined_before;
CREATE TABLE unjoined (place INTEGER PRIMARY KEY, hub INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
INSERT INTO unjoined SELECT ((hub >> 58) + 32 << 40) + n, hub, bytes FROM unjoined_before;
DROP TABLE unjoined_before;
";

const ACCOUNTS: &str = "
-- A flow is told by its account too; an empty one is not known yet.
ALTER TABLE flow RENAME TO flow_before;
CREATE TABLE flow (
    key INTEGER PRIMARY KEY, name TEXT NOT NULL, source INTEGER NOT NULL, account TEXT NOT NULL, current INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, kinds INTEGER NOT NULL, markets TEXT NOT NULL,
    urgent INTEGER NOT NULL, live INTEGER NOT NULL, backfill INTEGER NOT NULL,
    token INTEGER NOT NULL,
    shared INTEGER NOT NULL,
    UNIQUE (name, source, account)
) STRICT;
INSERT INTO flow SELECT key, name, source, '', current, fingerprint, kinds, markets, urgent, live, backfill, token, shared
    FROM flow_before;
DROP TABLE flow_before;
";

const PAUSES: &str = "
-- Since when a person has paused the flow.
ALTER TABLE flow ADD COLUMN paused INTEGER;
";

const STOPS: &str = "
-- Since when the flow has stopped by a fault, and the fault.
ALTER TABLE flow ADD COLUMN stopped_at INTEGER;
ALTER TABLE flow ADD COLUMN stopped_by TEXT;
";

const ACKNOWLEDGED: &str = "
-- When the destination acknowledged a call last.
ALTER TABLE flow ADD COLUMN acknowledged_at INTEGER;
";

const SINCE: &str = "
-- From when on the projection has been as it is: the other end of `due`.
ALTER TABLE ledger ADD COLUMN since INTEGER;
CREATE INDEX ledger_since ON ledger (flow, since) WHERE since IS NOT NULL;
";

// See hints.rs.
const HOOKS: &str = "
CREATE TABLE hook (
    source INTEGER PRIMARY KEY, delivered_at INTEGER, gap_at INTEGER,
    registration TEXT               -- JSON; none: never registered
) STRICT;
";

// See ledger.rs.
const PRICES: &str = "
-- Whether the flow keeps a history of prices.
ALTER TABLE flow ADD COLUMN prices INTEGER NOT NULL DEFAULT 0;
-- The prices that a flow has seen of a record, by ledger key.
CREATE TABLE prices (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
";

// See people.rs.
const PEOPLE: &str = "
-- Keys of data about people.
CREATE TABLE data_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner BLOB NOT NULL UNIQUE,     -- a keyed hash of the person; one byte: not of one person
    wrapped BLOB NOT NULL,
    operator INTEGER NOT NULL       -- the fingerprint of the operator's key that wrapped it
) STRICT;
CREATE INDEX data_key_operator ON data_key (operator);
-- Whom a record is about: the person's key.
CREATE TABLE about (n INTEGER PRIMARY KEY, person INTEGER NOT NULL) STRICT;
CREATE INDEX about_person ON about (person);
";

// See erasures.rs.
const ERASURES: &str = "
CREATE TABLE erasure (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person BLOB NOT NULL,           -- a keyed hash of the address or account that was asked for
    asked_at INTEGER NOT NULL, done_at INTEGER,
    kept_out TEXT NOT NULL,         -- JSON: what stands for all that was kept out, also once it is let in again
    records TEXT NOT NULL,          -- JSON: how many of each kind
    flows TEXT NOT NULL             -- JSON: what each flow had to remove, and once it is done how it was acknowledged
) STRICT;
CREATE INDEX erasure_open ON erasure (id) WHERE done_at IS NULL;
-- Keyed hashes of the addresses, accounts and orders that are kept out.
CREATE TABLE erased (mark BLOB PRIMARY KEY, erasure INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX erased_erasure ON erased (erasure);
-- The records of erasures that have not ended.
CREATE TABLE erasing (n INTEGER PRIMARY KEY, erasure INTEGER NOT NULL) STRICT;
CREATE INDEX erasing_erasure ON erasing (erasure);
-- The calls that were made for them.
CREATE TABLE erasing_call (erasure INTEGER NOT NULL, call INTEGER NOT NULL, PRIMARY KEY (erasure, call)) STRICT, WITHOUT ROWID;
";

/// The state of a database when it is opened.
pub(super) enum Standing {
    /// It is of this release.
    Current,
    /// An older release made it, or it is new: it has to be written before it can be used.
    Behind,
}

/// Checks a database without changing it.
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

/// Deletes the bodies of records, but neither the records nor the ledger: the source is read again, and its records are
/// compared with the ledger. Lanes are read from the beginning, so their passes are counted from 1 again, and no record
/// was seen by any of them.
fn forget_bodies(db: &Connection) -> Outcome<()> {
    db.execute_batch(
        "DELETE FROM body; DELETE FROM uses; DELETE FROM joins; DELETE FROM unjoined; DELETE FROM spreading; DELETE FROM lane;
         DELETE FROM unread; DELETE FROM dictionary WHERE purpose LIKE 'body/%';
         UPDATE record SET digest = NULL, unread = 0, noticed = 0, seen = 0;",
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use contract::{
        Admin as _, Digests, Ledger as _, Leftovers as _, Mirror as _,
        destination::Ids,
        store::{Declared, FlowId, Former, ItemEntry, Leftover, Retention, Revision},
    };
    use model::{Kind, RemoteId, Timestamp};

    use super::{
        super::{codec::Codec, parts},
        *,
    };
    use crate::{Options, Sqlite};

    /// How many migrations a database had whose waiting parts were in no slices.
    const BEFORE_SLICES: usize = 9;

    #[test]
    fn parts_that_wait_come_to_their_slices() {
        let db = Connection::open_in_memory().unwrap();
        for migration in &MIGRATIONS[..BEFORE_SLICES] {
            db.execute_batch(migration).unwrap();
        }
        let hubs = [i64::MIN, -(1 << 58), -1, 0, 1 << 58, i64::MAX];
        for (n, hub) in (1_u64..).zip(hubs) {
            db.execute("INSERT INTO unjoined (n, hub, bytes) VALUES (?1, ?2, x'00')", (n, hub)).unwrap();
        }
        db.execute_batch(MIGRATIONS[BEFORE_SLICES]).unwrap();
        let mut query = db.prepare("SELECT place FROM unjoined ORDER BY hub").unwrap();
        let places: Vec<u64> = query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let wanted: Vec<u64> = (1..).zip(hubs).map(|(n, hub)| parts::place(hub, n)).collect();
        assert_eq!(places, wanted);
        assert!(places.is_sorted(), "slices are in the order of hubs");
    }

    /// How many migrations a database had whose flows could get another source.
    const BEFORE_LEASES: usize = 5;

    /// A database of that release: the flow `to` holds `of_a` of its source and `of_b` of the source that it had before.
    fn older(path: &Path) {
        let db = Connection::open(path).unwrap();
        for migration in &MIGRATIONS[..BEFORE_LEASES] {
            db.execute_batch(migration).unwrap();
        }
        db.execute_batch(&format!(
            "INSERT INTO meta VALUES ('format', {}); UPDATE meta SET value = 9 WHERE name = 'revision';
             INSERT INTO source VALUES (1, 'b'), (2, 'a');
             INSERT INTO flow VALUES (1, 'to', 2, 'f', 0, 9, 9, 0), (2, 'removed', 2, 'f', 0, 9, 9, 0);
             INSERT INTO record VALUES (1, 1, 1, 'of_b', 4, 1, 0, 1, NULL, 5, 1, x'00', 0),
                 (2, 2, 1, 'of_a', 9, 1, 0, 1, NULL, 7, 1, x'00', 0), (3, 2, 9, 's', 8, 1, 0, 1, NULL, 7, 1, x'00', 0);
             PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {BEFORE_LEASES}",
            model::FORMAT
        ))
        .unwrap();
        for (flow, n, item) in [(1_i64, 1_i64, "of_b"), (1, 2, "of_a"), (2, 2, "of_a")] {
            let entry = ItemEntry { id: RemoteId::new(item), digests: Some(Digests::default()) };
            let key = (flow << 40) + n;
            db.execute(
                "INSERT INTO ledger (key, flow, revision, state, attempts, settled_at, items)
                 VALUES (?1, ?2, 9, 0, 0, 1, ?3)",
                (key, flow, Codec::encode(&vec![entry]).unwrap()),
            )
            .unwrap();
        }
    }

    #[tokio::test]
    async fn what_a_flow_holds_of_the_source_it_had_before_is_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cartage.db");
        older(&path);
        let store = Arc::new(Sqlite::with_options(&path, Options::default()).unwrap());
        assert_eq!(store.revision(&"a".into()).await.unwrap(), Revision(9), "revisions go on");
        let declared = Declared {
            flow: "to".into(),
            source: "a".into(),
            account: "x".to_owned(),
            fingerprint: "f".to_owned(),
            carries: vec![Kind::Product, Kind::Category],
            markets: Vec::new(),
            ids: Ids::Own,
            price_history: false,
        };
        assert!(!store.declare(&declared).await.unwrap().restarted);
        store.retire_others(&["a".into()], &["to".into()]).await.unwrap();
        let tally = store.tally(&"to".into()).await.unwrap();
        assert_eq!((tally.mirror, tally.in_sync, tally.pending), (1, 1, 0));
        let id = |flow: &str, source: &str| FlowId { flow: flow.into(), source: source.into(), account: String::new() };
        let of = |flow, source, former| Leftover { id: id(flow, source), former, kind: None, records: 1, items: 1 };
        let configured = [declared];
        let told = vec![of("removed", "a", Former::Flow), of("to", "b", Former::Source)];
        assert_eq!(store.left_behind(&configured).await.unwrap(), told);
        // What is held stays, although no index of items was made for flows that are not declared.
        let later = Timestamp::from_millis(i64::MAX);
        store.prune(later, &Retention::default(), 100).await.unwrap();
        assert_eq!(store.left_behind(&configured).await.unwrap(), told);
        let owners = store.owners(&"to".into(), Kind::Product, &["of_a".into(), "of_b".into()]).await.unwrap();
        assert_eq!(owners.iter().map(|owner| owner.item.as_str()).collect::<Vec<_>>(), ["of_a"]);
        while store.forget_flow(&id("to", "b"), 10).await.unwrap() > 0 {}
        while store.forget_source(&"b".into(), 10).await.unwrap() > 0 {}
        assert_eq!(store.left_behind(&configured).await.unwrap(), [of("removed", "a", Former::Flow)]);
        assert_eq!(store.tally(&"to".into()).await.unwrap().in_sync, 1);
    }
}
