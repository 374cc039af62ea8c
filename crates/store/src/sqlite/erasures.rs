//! Persons who are to be erased, or are.
//!
//! An erasure makes tombstones of the person's records, so that every flow removes what its destination holds of them, as of
//! whatever else is gone. What stands for the person's addresses, accounts and orders is kept, as hashes with a key of this
//! database, and no page brings a record with one of them in again. Once every flow has settled every removal, the rows are
//! deleted with the keys that sealed them.
//!
//! **Invariants:** whatever is in `erasing` is a tombstone; an erasure ends in one transaction, in which nothing of its records
//! is left; nothing that an ended erasure keeps can be turned back into an address or an id.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    source::Urgency,
    store::{Acknowledged, ErasedFrom, Erasing, Erasure, Found, Number, ReadBack, Taken, Who},
};
use model::{CustomerId, Email, Kind, Record, RecordId, RemoteId, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    codec::Codec,
    ledger::{base, key},
    links::{Touches, key_hub, users},
    mirror::{BY_NUMBER, Context, LIVE, Stored},
    report::found_record,
    seal::hex,
    trouble::{Outcome, Trouble},
    upkeep::{Tombstone, flows_of, is_settled_by_all, mark_of},
    workload::kind,
    writer::Tx,
};

/// What stands for an address, an account or an order that is kept out.
pub(super) type Erased = [u8; 32];

/// Records read at once.
const PAGE: usize = 1_000;

/// What is kept out: an address in every source, an account and an order in theirs.
fn of_address(email: &str) -> String {
    format!("email/{email}")
}

fn of_id(source: &SourceName, kind: Kind, id: &str) -> String {
    format!("{kind}/{source}/{id}")
}

/// What stands for the persons of a record.
pub(super) fn marks(codec: &Codec, source: &SourceName, record: &Record) -> Outcome<Vec<Erased>> {
    let (customer, email) = match record {
        Record::Customer(it) => (None, &it.email),
        Record::Order(it) => (it.customer.as_ref(), &it.email),
        _ => return Ok(Vec::new()),
    };
    let names = codec.people.names()?;
    let own = of_id(source, record.kind(), record.id().as_str());
    let customer = customer.map(|id| of_id(source, Kind::Customer, id.as_str()));
    let email = email.as_ref().map(|email| of_address(&email.key()));
    Ok([Some(own), customer, email].into_iter().flatten().map(|identifier| names.erased(&identifier)).collect())
}

/// What stands for a record of which only the id is known.
pub(super) fn marks_of_id(
    codec: &Codec,
    source: &SourceName,
    kind: Kind,
    id: Option<&RecordId>,
) -> Outcome<Vec<Erased>> {
    let Some(id) = id.filter(|_| kind.is_personal()) else { return Ok(Vec::new()) };
    Ok(vec![codec.people.names()?.erased(&of_id(source, kind, id.as_str()))])
}

/// Whether the person of a record is being erased.
pub(super) fn is_erasing(db: &Connection, n: u64) -> Outcome<bool> {
    Ok(db.prepare_cached("SELECT 1 FROM erasing WHERE n = ?1")?.exists([n])?)
}

/// What is known of a person in one source.
struct Known {
    source: i64,
    name: SourceName,
    accounts: BTreeSet<CustomerId>,
    emails: BTreeSet<String>,
    /// Their records.
    found: BTreeMap<Number, Found>,
}

/// What is known of a person, source by source.
fn known(db: &Connection, codec: &Codec, who: &Who) -> Outcome<Vec<Known>> {
    if !codec.people.is_ready() {
        return Ok(Vec::new());
    }
    let mut query = db.prepare_cached("SELECT key, name FROM source ORDER BY key")?;
    let sources = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut sources: Vec<(i64, String)> = sources.collect::<Result<_, _>>()?;
    if let Who::Customer { source: Some(only), .. } = who {
        sources.retain(|(_, name)| only.as_str() == name);
    }
    sources.into_iter().map(|(source, name)| Search { db, codec, source, name: name.into() }.person(who)).collect()
}

/// Looks for a person in a source.
struct Search<'s> {
    db: &'s Connection,
    codec: &'s Codec,
    source: i64,
    name: SourceName,
}

impl Search<'_> {
    fn person(self, who: &Who) -> Outcome<Known> {
        let (mut accounts, mut emails) = (BTreeSet::new(), BTreeSet::new());
        match who {
            Who::Customer { id, .. } => drop(accounts.insert(id.clone())),
            Who::Email(email) => {
                accounts.extend(self.with_address(&email.key())?.iter().filter_map(account));
                emails.insert(email.key());
            }
        }
        let mut found: BTreeMap<Number, Found> = BTreeMap::new();
        let mut theirs = BTreeSet::new();
        for id in &accounts {
            for record in self.of_account(id)? {
                // Who orders may give the address of somebody else.
                theirs.extend(account(&record).and_then(|_| address(&record)));
                found.insert(record.number, record);
            }
        }
        for email in theirs {
            // Accounts may share an address.
            let is_other = |record: &Found| account(record).is_some_and(|id| !accounts.contains(&id));
            if !emails.contains(&email) && !self.with_address(&email)?.iter().any(is_other) {
                emails.insert(email);
            }
        }
        for email in &emails {
            let of_person = |record: &Found| account(record).is_none_or(|id| accounts.contains(&id));
            let records = self.with_address(email)?.into_iter().filter(of_person);
            found.extend(records.map(|record| (record.number, record)));
        }
        Ok(Known { source: self.source, name: self.name, accounts, emails, found })
    }

    /// Customers and orders that have this address now.
    fn with_address(&self, email: &str) -> Outcome<Vec<Found>> {
        let mut found = Vec::new();
        // Both kinds are found by the same hash.
        let hub = key_hub(self.codec, &self.name, Kind::Customer, email)?;
        let mut after = 0;
        loop {
            let numbers = users(self.db, hub, after, PAGE)?;
            let Some(last) = numbers.last() else { return Ok(found) };
            after = *last;
            for n in numbers {
                let record = found_record(self.db, self.codec, n)?;
                found.extend(record.filter(|record| address(record).as_deref() == Some(email)));
            }
        }
    }

    /// An account and its orders, also those that are gone.
    fn of_account(&self, id: &CustomerId) -> Outcome<Vec<Found>> {
        let mark = self.codec.people.names()?.mark(&format!("customer/{id}"));
        let mut query = self.db.prepare_cached(
            "SELECT r.n FROM data_key k JOIN about a ON a.person = k.id JOIN record r ON r.n = a.n
             WHERE k.owner = ?1 AND r.source = ?2",
        )?;
        let numbers = query.query_map((mark, self.source), |row| row.get(0))?;
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
        numbers.into_iter().filter_map(|n| found_record(self.db, self.codec, n).transpose()).collect()
    }
}

fn address(found: &Found) -> Option<String> {
    match &found.record {
        Some(Record::Customer(it)) => it.email.as_ref().map(Email::key),
        Some(Record::Order(it)) => it.email.as_ref().map(Email::key),
        _ => None,
    }
}

fn account(found: &Found) -> Option<CustomerId> {
    match &found.record {
        Some(Record::Customer(it)) => Some(it.id.clone()),
        _ => None,
    }
}

/// The records of a person, of all sources.
pub(super) fn of_person(db: &Connection, codec: &Codec, who: &Who) -> Outcome<Vec<(SourceName, Found)>> {
    let known = known(db, codec, who)?.into_iter();
    Ok(known.flat_map(|it| it.found.into_values().map(move |found| (it.name.clone(), found))).collect())
}

/// What flows hold of a person.
pub(super) fn to_erase(db: &Connection, codec: &Codec, who: &Who) -> Outcome<Vec<ErasedFrom>> {
    let numbers = known(db, codec, who)?.into_iter().flat_map(|it| it.found.into_keys()).collect();
    held(db, &numbers)
}

/// What each flow has in its ledger of these records.
fn held(db: &Connection, numbers: &BTreeSet<Number>) -> Outcome<Vec<ErasedFrom>> {
    let mut query = db.prepare_cached(
        "SELECT f.key, f.name, s.name, f.account, f.markets FROM flow f JOIN source s ON s.key = f.source ORDER BY f.key",
    )?;
    let flows = query.query_map([], |row| {
        let (name, source): (String, String) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, name, source, row.get(3)?, row.get::<_, String>(4)?))
    })?;
    let mut all = Vec::new();
    for flow in flows {
        let (flow, name, source, account, markets): (i64, String, String, String, String) = flow?;
        let markets: Vec<String> = serde_json::from_str(&markets).unwrap_or_default();
        let mut kinds: BTreeMap<Kind, (u64, u64)> = BTreeMap::new();
        let mut entry = db
            .prepare_cached("SELECT r.kind, l.held FROM ledger l JOIN record r ON r.n = l.key - ?1 WHERE l.key = ?2")?;
        for number in numbers {
            let keys = (base(flow), key(flow, *number));
            let found: Option<(u8, u64)> = entry.query_row(keys, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            let Some((of, items)) = found else { continue };
            let sums = kinds.entry(kind(of)?).or_default();
            *sums = (sums.0 + 1, sums.1 + items);
        }
        all.extend(kinds.into_iter().map(|(kind, (records, items))| ErasedFrom {
            flow: name.as_str().into(),
            source: source.as_str().into(),
            account: account.clone(),
            markets: markets.clone(),
            kind,
            records,
            items,
            left: records,
            forgotten: false,
            calls: Vec::new(),
            read_back: None,
        }));
    }
    Ok(all)
}

/// What stands for whom an erasure was asked for, in each source that it may be in.
fn asked_for(db: &Connection, codec: &Codec, who: &Who) -> Outcome<Vec<Erased>> {
    let names = codec.people.names()?;
    match who {
        Who::Email(email) => Ok(vec![names.erased(&of_address(&email.key()))]),
        Who::Customer { source: Some(source), id } => {
            Ok(vec![names.erased(&of_id(source, Kind::Customer, id.as_str()))])
        }
        Who::Customer { source: None, id } => {
            let mut query = db.prepare_cached("SELECT name FROM source ORDER BY key")?;
            let sources = query.query_map([], |row| row.get::<_, String>(0))?;
            sources.map(|name| Ok(names.erased(&of_id(&name?.into(), Kind::Customer, id.as_str())))).collect()
        }
    }
}

/// The erasure that keeps this person out.
fn number_of(db: &Connection, codec: &Codec, who: &Who) -> Outcome<Option<u64>> {
    if !codec.people.is_ready() {
        return Ok(None);
    }
    for mark in asked_for(db, codec, who)? {
        let read = "SELECT erasure FROM erased WHERE mark = ?1";
        let found = db.prepare_cached(read)?.query_row([mark], |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

const ERASURE: &str = "SELECT id, person, asked_at, done_at, records, flows, kept_out FROM erasure";

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| Trouble::unreadable("an erasure", error))
}

fn text<T: serde::Serialize>(value: &T) -> Outcome<String> {
    serde_json::to_string(value).map_err(|error| Trouble::unreadable("an erasure on its way", error))
}

fn erasure(db: &Connection, row: &Row<'_>) -> Outcome<Erasure> {
    let number: u64 = row.get(0)?;
    let done_at = row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis);
    let lifted = !db.prepare_cached("SELECT 1 FROM erased WHERE erasure = ?1")?.exists([number])?;
    let mut flows: Vec<ErasedFrom> = json(&row.get::<_, String>(5)?)?;
    if done_at.is_none() {
        progress(db, number, &mut flows)?;
    }
    Ok(Erasure {
        erasure: number,
        person: hex(&row.get::<_, Erased>(1)?),
        kept_out: json(&row.get::<_, String>(6)?)?,
        lifted,
        asked_at: Timestamp::from_millis(row.get(2)?),
        done_at,
        records: json(&row.get::<_, String>(4)?)?,
        flows,
    })
}

/// Adds how far each flow is: what is left, and the calls that were acknowledged.
fn progress(db: &Connection, erasure: u64, flows: &mut [ErasedFrom]) -> Outcome<()> {
    let find = "SELECT f.key FROM flow f JOIN source s ON s.key = f.source WHERE f.name = ?1 AND s.name = ?2 AND f.account = ?3";
    let calls = "SELECT c.id, c.op, c.status, c.ended_at FROM erasing_call e JOIN call c ON c.id = e.call
        WHERE e.erasure = ?1 AND c.flow = ?2 AND c.kind = ?3 AND c.ended_at IS NOT NULL ORDER BY c.id";
    let rows = erasing_rows(db, erasure)?;
    for from in flows {
        let keys = (from.flow.as_str(), from.source.as_str(), &from.account);
        let flow: Option<i64> = db.prepare_cached(find)?.query_row(keys, |row| row.get(0)).optional()?;
        let Some(flow) = flow else {
            (from.left, from.forgotten) = (0, true);
            continue;
        };
        let Some(mark) = mark_of(db, flow)? else { continue };
        let mut entries = 0;
        from.left = 0;
        for row in rows.iter().filter(|row| row.kind == from.kind.number()) {
            from.left += u64::from(!mark.has_settled(db, row)?);
            let entry = "SELECT 1 FROM ledger WHERE key = ?1";
            entries += u64::from(db.prepare_cached(entry)?.exists([key(flow, Number(row.n))])?);
        }
        from.forgotten = entries < from.records;
        let mut query = db.prepare_cached(calls)?;
        let calls = query.query_map((erasure, flow, from.kind.number()), |row| {
            let at = Timestamp::from_millis(row.get(3)?);
            Ok(Acknowledged { call: row.get(0)?, op: row.get(1)?, status: row.get(2)?, at })
        })?;
        from.calls = calls.collect::<Result<_, _>>()?;
    }
    Ok(())
}

/// The records of an erasure that has not ended.
fn erasing_rows(db: &Connection, erasure: u64) -> Outcome<Vec<Tombstone>> {
    let mut query = db.prepare_cached(
        "SELECT r.n, r.source, r.kind, r.urgency, r.revision FROM erasing e JOIN record r ON r.n = e.n WHERE e.erasure = ?1",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Tombstone {
            n: row.get(0)?,
            source: row.get(1)?,
            kind: row.get(2)?,
            urgency: row.get(3)?,
            revision: row.get(4)?,
        })
    };
    Ok(query.query_map([erasure], read)?.collect::<Result<_, _>>()?)
}

pub(super) fn open(db: &Connection) -> Outcome<Vec<Erasure>> {
    let mut query = db.prepare_cached(&format!("{ERASURE} WHERE done_at IS NULL ORDER BY id"))?;
    let mut rows = query.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(erasure(db, row)?);
    }
    Ok(all)
}

pub(super) fn ended(db: &Connection) -> Outcome<u64> {
    let count = "SELECT count(*) FROM erasure e WHERE e.done_at IS NOT NULL AND e.id IN (SELECT erasure FROM erased)";
    Ok(db.prepare_cached(count)?.query_row([], |row| row.get(0))?)
}

/// The erasure that keeps this person out.
pub(super) fn erasure_of(db: &Connection, codec: &Codec, who: &Who) -> Outcome<Option<Erasure>> {
    let Some(number) = number_of(db, codec, who)? else { return Ok(None) };
    by_number(db, number)
}

fn by_number(db: &Connection, number: u64) -> Outcome<Option<Erasure>> {
    let mut query = db.prepare_cached(&format!("{ERASURE} WHERE id = ?1"))?;
    let mut rows = query.query([number])?;
    rows.next()?.map(|row| erasure(db, row)).transpose()
}

/// The records of an erasure that has not ended.
pub(super) fn erasing(db: &Connection, codec: &Codec, erasure: u64) -> Outcome<Vec<Erasing>> {
    let mut query = db.prepare_cached(
        "SELECT e.n, s.name FROM erasing e JOIN record r ON r.n = e.n JOIN source s ON s.key = r.source
         WHERE e.erasure = ?1 ORDER BY e.n",
    )?;
    let rows = query.query_map([erasure], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let rows: Vec<(u64, String)> = rows.collect::<Result<_, _>>()?;
    let mut all = Vec::new();
    for (n, source) in rows {
        let found = found_record(db, codec, n)?;
        all.extend(found.map(|found| Erasing { source: source.as_str().into(), found }));
    }
    Ok(all)
}

impl Tx<'_> {
    /// Whether anybody is kept out.
    pub(super) fn keeps_out(&self) -> Outcome<bool> {
        Ok(self.db.prepare_cached("SELECT 1 FROM erased LIMIT 1")?.exists([])?)
    }

    /// Whether one of these is kept out.
    pub(super) fn is_erased(&self, marks: &[Erased]) -> Outcome<bool> {
        let mut find = self.db.prepare_cached("SELECT 1 FROM erased WHERE mark = ?1")?;
        for mark in marks {
            if find.exists([mark])? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Begins an erasure.
    pub(super) fn erase(&mut self, who: &Who, at: Timestamp) -> Outcome<Option<u64>> {
        let mut known = known(self.db, self.codec, who)?;
        for it in &mut known {
            let mut others = BTreeMap::new();
            for (number, found) in std::mem::take(&mut it.found) {
                if !is_erasing(self.db, number.0)? {
                    others.insert(number, found);
                }
            }
            it.found = others;
        }
        known.retain(|it| !it.found.is_empty());
        let Some(first) = known.first() else { return Ok(None) };
        let who = match who {
            Who::Customer { source: None, id } => Who::Customer { source: Some(first.name.clone()), id: id.clone() },
            who => who.clone(),
        };
        let Some(person) = asked_for(self.db, self.codec, &who)?.first().copied() else { return Ok(None) };
        let numbers = known.iter().flat_map(|it| it.found.keys().copied()).collect();
        let mut records: BTreeMap<Kind, u64> = BTreeMap::new();
        for found in known.iter().flat_map(|it| it.found.values()) {
            *records.entry(found.kind).or_default() += 1;
        }
        let flows = held(self.db, &numbers)?;
        let write = "INSERT INTO erasure (person, asked_at, kept_out, records, flows) VALUES (?1, ?2, '[]', ?3, ?4)";
        self.db.prepare_cached(write)?.execute((person, at.millis(), text(&records)?, text(&flows)?))?;
        let erasure = u64::try_from(self.db.last_insert_rowid()).unwrap_or_default();
        self.keep_out_person(erasure, person)?;
        for it in known {
            self.erase_in(erasure, it, at)?;
        }
        let kept_out: Vec<String> = {
            let mut marks = self.db.prepare_cached("SELECT mark FROM erased WHERE erasure = ?1")?;
            let marks = marks.query_map([erasure], |row| Ok(hex(&row.get::<_, Erased>(0)?)))?;
            marks.collect::<Result<_, _>>()?
        };
        let write = "UPDATE erasure SET kept_out = ?2 WHERE id = ?1";
        self.db.prepare_cached(write)?.execute((erasure, text(&kept_out)?))?;
        Ok(Some(erasure))
    }

    fn keep_out_person(&self, erasure: u64, mark: Erased) -> Outcome<()> {
        self.db.prepare_cached("INSERT OR REPLACE INTO erased VALUES (?1, ?2)")?.execute((mark, erasure))?;
        Ok(())
    }

    fn erase_in(&mut self, erasure: u64, known: Known, at: Timestamp) -> Outcome<()> {
        let Known { source, name, accounts, emails, found } = known;
        let accounts = accounts.iter().map(|id| of_id(&name, Kind::Customer, id.as_str()));
        let records = found.values().map(|it| of_id(&name, it.kind, it.id.as_str()));
        let emails = emails.iter().map(|email| of_address(email));
        for identifier in accounts.chain(records).chain(emails) {
            self.keep_out_person(erasure, self.codec.people.names()?.erased(&identifier))?;
        }
        let as_of = self.db.prepare_cached("SELECT as_of FROM source WHERE key = ?1")?;
        let as_of: i64 = { as_of }.query_row([source], |row| row.get(0))?;
        let mut context = Context {
            source,
            name: &name,
            pass: None,
            mark: None,
            urgency: Urgency::Urgent,
            at,
            as_of,
            fetched: true,
            confirm: Vec::new(),
            scopes: Vec::new(),
            touches: Touches::default(),
            taken: Taken::default(),
            was_unread: true,
            is_first: false,
        };
        for (number, found) in found {
            let write = "INSERT OR REPLACE INTO erasing VALUES (?1, ?2)";
            self.db.prepare_cached(write)?.execute((number.0, erasure))?;
            let stored = self.db.prepare_cached(BY_NUMBER)?.query_row([number.0], Stored::read)?;
            if stored.ended == LIVE {
                self.end(&mut context, &stored, found.kind, None)?;
            } else {
                self.look_again(source, &stored)?;
            }
        }
        self.touch_all(source, &context.touches, at)?;
        Ok(())
    }

    /// Has flows process a tombstone again.
    fn look_again(&mut self, source: i64, stored: &Stored) -> Outcome<()> {
        let urgency = self.place(source, (stored.revision, stored.urgency), Urgency::Urgent)?;
        let revision = self.next_revision(source)?;
        self.db
            .prepare_cached("UPDATE record SET revision = ?2, urgency = ?3 WHERE n = ?1")?
            .execute((stored.n, revision.0, urgency))?;
        Ok(())
    }

    /// Ends an erasure whose removals are all settled.
    pub(super) fn end_erasure(&mut self, erasure: u64, read_back: &[ReadBack], at: Timestamp) -> Outcome<bool> {
        let rows = erasing_rows(self.db, erasure)?;
        for row in &rows {
            if !is_settled_by_all(self.db, &flows_of(self.db, row.source)?, row)? {
                return Ok(false);
            }
        }
        let Some(mut view) = by_number(self.db, erasure)?.filter(|it| it.done_at.is_none()) else { return Ok(false) };
        for from in &mut view.flows {
            let is_it = |it: &&ReadBack| it.flow == from.flow && it.kind == from.kind;
            from.read_back = read_back.iter().find(is_it).cloned();
        }
        for Tombstone { n, source, kind, .. } in rows {
            for flow in flows_of(self.db, source)? {
                self.delete_entry(key(flow.key, Number(n)))?;
            }
            self.forget_hint(source, n)?;
            self.delete_record(source, n, kind, 0, 1)?;
        }
        for delete in ["DELETE FROM erasing WHERE erasure = ?1", "DELETE FROM erasing_call WHERE erasure = ?1"] {
            self.db.prepare_cached(delete)?.execute([erasure])?;
        }
        // They may name the person, and do not say whom they name.
        for kind in Kind::ALL.into_iter().filter(|kind| kind.is_personal()) {
            let clear = "UPDATE call SET response = NULL, fault = NULL
                WHERE kind = ?1 AND ended_at IS NOT NULL AND (response IS NOT NULL OR fault IS NOT NULL)";
            self.db.prepare_cached(clear)?.execute([kind.number()])?;
        }
        let write = "UPDATE erasure SET done_at = ?2, flows = ?3 WHERE id = ?1";
        self.db.prepare_cached(write)?.execute((erasure, at.millis(), text(&view.flows)?))?;
        Ok(true)
    }

    /// Notes a call that is made for records of erasures.
    pub(super) fn note_erasing_call(&self, call: u64, items: &[(Number, RemoteId)]) -> Outcome<()> {
        let write = "INSERT OR IGNORE INTO erasing_call SELECT erasure, ?2 FROM erasing WHERE n = ?1";
        let mut write = self.db.prepare_cached(write)?;
        for (number, _) in items {
            write.execute((number.0, call))?;
        }
        Ok(())
    }

    /// Deletes the hint to read a record.
    fn forget_hint(&self, source: i64, n: u64) -> Outcome<()> {
        let delete = "DELETE FROM hint WHERE source = ?1 AND (kind, id) = (SELECT kind, id FROM record WHERE n = ?2)";
        self.db.prepare_cached(delete)?.execute((source, n))?;
        Ok(())
    }

    /// Lets a person in again.
    pub(super) fn lift(&self, who: &Who) -> Outcome<bool> {
        let Some(erasure) = number_of(self.db, self.codec, who)? else { return Ok(false) };
        if by_number(self.db, erasure)?.is_none_or(|it| it.done_at.is_none()) {
            return Ok(false);
        }
        self.db.prepare_cached("DELETE FROM erased WHERE erasure = ?1")?.execute([erasure])?;
        Ok(true)
    }
}
