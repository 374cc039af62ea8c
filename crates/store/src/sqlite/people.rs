//! The keys of data about people.
//!
//! Each person has a data key, by which everything is sealed that is about this person alone: bodies, what destinations
//! hold, dead letters, faults. A general key seals what is about several persons at once: open calls, answers, faults of
//! flows. Another one makes the keys of names and hashes. All of them are kept wrapped by a key of the operator, and are
//! made when a database first takes data about people; one without such data has none, and needs no operator's key.
//!
//! **Invariants:** what is kept of a record is sealed by the key of the person that `about` names for it; a key is deleted
//! with the last record of its person; no number of a key is given twice, so that data whose key was deleted is known
//! from data that was damaged.

use std::{
    borrow::Cow,
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use model::Kind;
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, TransactionBehavior};

use super::{
    codec::{Codec, Place},
    ledger::base,
    lock,
    seal::{DataKey, Mark, Names, OperatorKeys, Secret, random},
    trouble::{Outcome, Trouble, unless_forgotten},
    writer::{Tx, kind_bit},
};

/// The kinds of data about people, as bits.
pub(super) const PERSONAL: u64 = {
    let (mut kinds, mut at) = (0, 0);
    while at < Kind::ALL.len() {
        #[expect(clippy::indexing_slicing, reason = "it is computed when this is compiled")]
        let kind = Kind::ALL[at];
        if kind.is_personal() {
            kinds |= kind_bit(kind);
        }
        at += 1;
    }
    kinds
};

/// The owner of the general key.
const GENERAL: &[u8] = &[0];
/// The owner of the key of names and hashes.
const NAMES: &[u8] = &[1];
/// The most keys that are kept unwrapped; they take some 100 bytes each.
const MOST_KEYS: usize = 10_000;
/// So many keys are wrapped anew in one transaction.
const WRAPPED_AT_ONCE: u64 = 500;

/// Opens the keys of a database.
pub(super) struct People {
    operator: OperatorKeys,
    common: OnceLock<Common>,
    keys: Mutex<HashMap<i64, Arc<DataKey>>>,
}

/// The keys that are not of one person.
struct Common {
    general: Arc<DataKey>,
    names: Names,
}

/// A wrapped key.
struct Wrapped {
    id: i64,
    owner: Vec<u8>,
    bytes: Vec<u8>,
    /// The fingerprint of the operator's key.
    operator: i64,
}

macro_rules! keys {
    ($which:literal) => {
        concat!("SELECT id, owner, wrapped, operator FROM data_key WHERE ", $which)
    };
}
const BY_ID: &str = keys!("id = ?1");
const BY_OWNER: &str = keys!("owner = ?1");
// An index serves either side of a key, but not both in one condition.
const OF_OTHERS: [&str; 2] = [keys!("operator < ?1 LIMIT ?2"), keys!("operator > ?1 LIMIT ?2")];

impl Wrapped {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id: row.get(0)?, owner: row.get(1)?, bytes: row.get(2)?, operator: row.get(3)? })
    }

    fn find(db: &Connection, query: &str, key: impl ToSql) -> Outcome<Option<Self>> {
        Ok(db.prepare_cached(query)?.query_row([key], Self::read).optional()?)
    }
}

impl People {
    pub(super) fn new(operator: OperatorKeys) -> Self {
        Self { operator, common: OnceLock::new(), keys: Mutex::default() }
    }

    /// Whether data about people can be sealed and opened.
    pub(super) fn is_ready(&self) -> bool {
        self.common.get().is_some()
    }

    fn common(&self) -> Outcome<&Common> {
        self.common.get().ok_or(Trouble::NoKey)
    }

    /// The key of what is about several persons.
    pub(super) fn general(&self) -> Outcome<Arc<DataKey>> {
        Ok(Arc::clone(&self.common()?.general))
    }

    /// Seals names and hashes.
    pub(super) fn names(&self) -> Outcome<&Names> {
        Ok(&self.common()?.names)
    }

    /// Refuses a database with data about people to which no key was given, or another one.
    pub(super) fn check(&self, db: &Connection) -> Outcome<()> {
        if !db.table_exists(None, "data_key")? {
            return Ok(());
        }
        if self.operator.first().is_some() {
            return self.load(db);
        }
        let sealed = db.prepare_cached("SELECT 1 FROM data_key")?.exists([])?;
        if sealed { Err(Trouble::Locked) } else { Ok(()) }
    }

    /// Loads the keys that are not of one person, once there are any. Only what is committed may be loaded.
    pub(super) fn load(&self, db: &Connection) -> Outcome<()> {
        if self.is_ready() || self.operator.first().is_none() {
            return Ok(());
        }
        let read = |owner: &[u8]| -> Outcome<Option<(i64, Secret)>> {
            let found = Wrapped::find(db, BY_OWNER, owner)?;
            found.map(|wrapped| Ok((wrapped.id, self.unwrap(&wrapped)?))).transpose()
        };
        if let (Some((id, general)), Some((_, names))) = (read(GENERAL)?, read(NAMES)?) {
            let general = Arc::new(DataKey::new(id, general));
            // Another thread may have been faster, with the same.
            self.common.get_or_init(|| Common { general, names: Names::new(&names) });
        }
        Ok(())
    }

    fn unwrap(&self, wrapped: &Wrapped) -> Outcome<Secret> {
        let Some(operator) = self.operator.get(wrapped.operator) else {
            return Err(Trouble::OtherKey { wrapped_by: wrapped.operator, given: self.operator.fingerprints() });
        };
        let damaged = || Trouble::unreadable("a key of data about people", "it was changed since it was wrapped");
        operator.unwrap(&wrapped.owner, &wrapped.bytes).ok_or_else(damaged)
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<i64, Arc<DataKey>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, id: i64, key: Secret) -> Arc<DataKey> {
        let key = Arc::new(DataKey::new(id, key));
        let mut kept = self.kept();
        if kept.len() >= MOST_KEYS {
            kept.clear();
        }
        kept.insert(id, Arc::clone(&key));
        key
    }

    /// A key by its id; `None`: it was deleted.
    pub(super) fn key(&self, db: &Connection, id: i64) -> Outcome<Option<Arc<DataKey>>> {
        let common = self.common()?;
        if common.general.id == id {
            return Ok(Some(Arc::clone(&common.general)));
        }
        if let Some(key) = self.kept().get(&id) {
            return Ok(Some(Arc::clone(key)));
        }
        let found = Wrapped::find(db, BY_ID, id)?;
        found.map(|wrapped| Ok(self.keep(id, self.unwrap(&wrapped)?))).transpose()
    }

    /// The key of a person, made if there is none.
    fn of_person(&self, db: &Connection, person: &Mark) -> Outcome<Arc<DataKey>> {
        let Some(wrapped) = Wrapped::find(db, BY_OWNER, person)? else {
            // It replaces a kept one of this number whose transaction was not committed.
            let (id, key) = self.make(db, person)?;
            return Ok(self.keep(id, key));
        };
        if let Some(key) = self.kept().get(&wrapped.id) {
            return Ok(Arc::clone(key));
        }
        Ok(self.keep(wrapped.id, self.unwrap(&wrapped)?))
    }

    /// Drops the unwrapped form of a key that is deleted.
    fn drop_kept(&self, id: i64) {
        self.kept().remove(&id);
    }

    fn make(&self, db: &Connection, owner: &[u8]) -> Outcome<(i64, Secret)> {
        let operator = self.operator.first().ok_or(Trouble::NoKey)?;
        let key = random()?;
        db.prepare_cached("INSERT INTO data_key (owner, wrapped, operator) VALUES (?1, ?2, ?3)")?.execute((
            owner,
            operator.wrap(owner, &key)?,
            operator.fingerprint,
        ))?;
        Ok((db.last_insert_rowid(), key))
    }

    /// Wraps keys by the operator's first key that another one wrapped. What a crash leaves is wrapped at the next start.
    pub(super) fn rotate(&self, db: &mut Connection, writer: u64, path: &Path) -> Outcome<()> {
        let Some(first) = self.operator.first() else { return Ok(()) };
        let mut rotated = 0;
        loop {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            lock::fence(&tx, writer, path)?;
            let mut others: Vec<Wrapped> = Vec::new();
            for query in OF_OTHERS {
                let mut query = tx.prepare_cached(query)?;
                let rows = query.query_map((first.fingerprint, WRAPPED_AT_ONCE), Wrapped::read)?;
                others.extend(rows.collect::<Result<Vec<_>, _>>()?);
            }
            for wrapped in &others {
                let again = first.wrap(&wrapped.owner, &self.unwrap(wrapped)?)?;
                let write = "UPDATE data_key SET wrapped = ?2, operator = ?3 WHERE id = ?1";
                tx.prepare_cached(write)?.execute((wrapped.id, again, first.fingerprint))?;
            }
            tx.commit()?;
            if others.is_empty() {
                break;
            }
            rotated += others.len();
        }
        if rotated > 0 {
            tracing::info!(keys = rotated, "the keys of data about people are wrapped by the operator's new key");
        }
        Ok(())
    }
}

impl Tx<'_> {
    /// Makes the keys that are not of one person, before the first data about people is taken.
    pub(super) fn make_common_keys(&self) -> Outcome<()> {
        for owner in [GENERAL, NAMES] {
            if Wrapped::find(self.db, BY_OWNER, owner)?.is_none() {
                self.codec.people.make(self.db, owner)?;
            }
        }
        Ok(())
    }

    /// The key that seals what is kept of a record; `None`: it is not about a person. Where the person's key was deleted,
    /// the general one serves: what a destination holds must be known until it holds nothing.
    ///
    /// What a flow carries does not count: what it carried before is settled, too.
    pub(super) fn key_of(&self, n: u64) -> Outcome<Option<Arc<DataKey>>> {
        if !self.codec.people.is_ready() {
            return Ok(None);
        }
        let Some(person) = self.about(n)? else { return Ok(None) };
        match self.codec.people.key(self.db, person)? {
            Some(key) => Ok(Some(key)),
            None => self.codec.people.general().map(Some),
        }
    }

    fn about(&self, n: u64) -> Outcome<Option<i64>> {
        let read = "SELECT person FROM about WHERE n = ?1";
        Ok(self.db.prepare_cached(read)?.query_row([n], |row| row.get(0)).optional()?)
    }

    /// Notes whom a record is about; the person's key.
    pub(super) fn note_person(&self, n: u64, person: &Mark) -> Outcome<Arc<DataKey>> {
        let key = self.codec.people.of_person(self.db, person)?;
        let before = self.about(n)?;
        if before != Some(key.id) {
            self.db.prepare_cached("INSERT OR REPLACE INTO about (n, person) VALUES (?1, ?2)")?.execute((n, key.id))?;
        }
        if let Some(before) = before.filter(|before| *before != key.id) {
            self.seal_again(n, &key)?;
            self.delete_unused(before)?;
        }
        Ok(key)
    }

    /// Forgets whom a record was about, once the record is deleted.
    pub(super) fn forget_about(&self, n: u64) -> Outcome<()> {
        let Some(person) = self.about(n)? else { return Ok(()) };
        self.db.prepare_cached("DELETE FROM about WHERE n = ?1")?.execute([n])?;
        self.delete_unused(person)
    }

    /// Deletes the key of a person of whom there is no record. It is overwritten first: the bytes of deleted rows stay in
    /// the file until their place is used again.
    fn delete_unused(&self, person: i64) -> Outcome<()> {
        if self.db.prepare_cached("SELECT 1 FROM about WHERE person = ?1")?.exists([person])? {
            return Ok(());
        }
        let overwrite = "UPDATE data_key SET wrapped = zeroblob(length(wrapped)) WHERE id = ?1";
        self.db.prepare_cached(overwrite)?.execute([person])?;
        self.db.prepare_cached("DELETE FROM data_key WHERE id = ?1")?.execute([person])?;
        self.codec.people.drop_kept(person);
        Ok(())
    }

    /// Seals by this key what ledgers keep of a record that was about another person before.
    fn seal_again(&self, n: u64, key: &DataKey) -> Outcome<()> {
        let flows: Vec<i64> = {
            let mut query = self.db.prepare_cached("SELECT key FROM flow")?;
            query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        for flow in flows {
            let row = base(flow).saturating_add(i64::try_from(n).unwrap_or(i64::MAX));
            for (place, read, write) in [
                (
                    Place::Items(row),
                    "SELECT items FROM ledger WHERE key = ?1 AND items IS NOT NULL",
                    "UPDATE ledger SET items = ?2 WHERE key = ?1",
                ),
                (
                    Place::Payload(row),
                    "SELECT bytes FROM payload WHERE key = ?1",
                    "UPDATE payload SET bytes = ?2 WHERE key = ?1",
                ),
                (
                    Place::Refused(row),
                    "SELECT bytes FROM refused WHERE key = ?1",
                    "UPDATE refused SET bytes = ?2 WHERE key = ?1",
                ),
            ] {
                let blob: Option<Vec<u8>> =
                    self.db.prepare_cached(read)?.query_row([row], |row| row.get(0)).optional()?;
                let opened = blob.map(|blob| self.codec.opened(self.db, place, &blob).map(Cow::into_owned));
                if let Some(plain) = unless_forgotten(opened.transpose(), None)? {
                    self.db.prepare_cached(write)?.execute((row, Codec::sealed(Some(key), place, &plain)?))?;
                }
            }
            let read = "SELECT fault FROM ledger WHERE key = ?1 AND fault IS NOT NULL";
            let fault: Option<String> = self.db.prepare_cached(read)?.query_row([row], |row| row.get(0)).optional()?;
            let place = Place::Fault(row);
            let opened = fault.map(|fault| self.codec.text_of(self.db, place, fault)).transpose();
            if let Some(fault) = unless_forgotten(opened, None)? {
                let fault = Codec::text(Some(key), place, &fault)?;
                self.db.prepare_cached("UPDATE ledger SET fault = ?2 WHERE key = ?1")?.execute((row, fault))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_data_about_people_are_known() {
        let personal: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| PERSONAL & kind_bit(*kind) != 0).collect();
        assert_eq!(personal, [Kind::Customer, Kind::Order]);
    }
}
