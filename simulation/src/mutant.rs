//! Promises broken on purpose: the seeds that guard a change must catch each of them.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Context as _;
use rusqlite::Connection;

use crate::{Arguments, meta, run};

/// A broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A call that never reached its host counts as acknowledged.
    AckWithoutCall,
    /// A batch of which half was carried out counts as acknowledged.
    HalfAcknowledged,
    /// An acknowledged call counts as failed.
    ForgottenAck,
    /// A removal counts as acknowledged and does not happen.
    ForgottenDelete,
    /// An older call is carried out after a newer one.
    LateEffect,
    /// `Retry-After` is ignored.
    Impatient,
    /// A page of products is read without its last record.
    ShortPage,
    /// Removals are not guarded.
    NoGuard,
    /// A crash loses the last transactions.
    LostCommits,
    /// Calls that a crash cut off leave no item in doubt.
    NoDoubt,
    /// A crash loses hints that webhooks brought.
    LostHints,
    /// The ledger loses a row at a restart.
    LostRow,
    /// A state is counted once too often.
    Miscount,
    /// An item is noted as held by a second record.
    TwoOwners,
    /// A flow's cursor passes records that are not settled.
    SkippedRecords,
    /// A record is not projected again when a price window opens or closes.
    NoDue,
    /// A changed part of a product does not touch it.
    LostLinks,
    /// A read of changes starts at the source's time, without the lag.
    NoLag,
    /// An unchanged record is sent again in a further pass.
    Unstable,
    /// A task runs on after its hub was killed.
    StrayTask,
    /// A credential is logged.
    LoggedSecret,
    /// Hash order reaches the network.
    HashOrder,
    /// The machine's time reaches a log line.
    RealTime,
}

impl Mutant {
    pub(crate) const ALL: [Self; 23] = [
        Self::AckWithoutCall,
        Self::HalfAcknowledged,
        Self::ForgottenAck,
        Self::ForgottenDelete,
        Self::LateEffect,
        Self::Impatient,
        Self::ShortPage,
        Self::NoGuard,
        Self::LostCommits,
        Self::NoDoubt,
        Self::LostHints,
        Self::LostRow,
        Self::Miscount,
        Self::TwoOwners,
        Self::SkippedRecords,
        Self::NoDue,
        Self::LostLinks,
        Self::NoLag,
        Self::Unstable,
        Self::StrayTask,
        Self::LoggedSecret,
        Self::HashOrder,
        Self::RealTime,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AckWithoutCall => "ack_without_call",
            Self::HalfAcknowledged => "half_acknowledged",
            Self::ForgottenAck => "forgotten_ack",
            Self::ForgottenDelete => "forgotten_delete",
            Self::LateEffect => "late_effect",
            Self::Impatient => "impatient",
            Self::ShortPage => "short_page",
            Self::NoGuard => "no_guard",
            Self::LostCommits => "lost_commits",
            Self::NoDoubt => "no_doubt",
            Self::LostHints => "lost_hints",
            Self::LostRow => "lost_row",
            Self::Miscount => "miscount",
            Self::TwoOwners => "two_owners",
            Self::SkippedRecords => "skipped_records",
            Self::NoDue => "no_due",
            Self::LostLinks => "lost_links",
            Self::NoLag => "no_lag",
            Self::Unstable => "unstable",
            Self::StrayTask => "stray_task",
            Self::LoggedSecret => "logged_secret",
            Self::HashOrder => "hash_order",
            Self::RealTime => "real_time",
        }
    }

    pub(crate) fn named(name: &str) -> anyhow::Result<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name).with_context(|| format!("{name:?} is no mutant"))
    }

    /// SQL that damages the database of a hub that was killed.
    const fn damage(self) -> Option<&'static str> {
        match self {
            Self::NoDoubt => Some("DELETE FROM call WHERE ended_at IS NULL"),
            Self::LostHints => Some("DELETE FROM hint"),
            Self::LostRow => {
                Some("DELETE FROM ledger WHERE key = (SELECT max(key) FROM ledger WHERE items IS NOT NULL)")
            }
            Self::Miscount => Some("UPDATE standing SET total = total + 1"),
            Self::TwoOwners => Some(
                "UPDATE ledger SET items = (SELECT items FROM ledger l WHERE l.flow = ledger.flow ORDER BY key LIMIT 1)
                 WHERE key IN (SELECT max(key) FROM ledger GROUP BY flow)",
            ),
            Self::SkippedRecords => Some(
                "UPDATE flow SET (urgent, live, backfill) = (SELECT s.revision, s.revision, s.revision FROM source s
                 WHERE s.key = flow.source)",
            ),
            Self::NoDue => Some("UPDATE ledger SET due = NULL"),
            Self::LostLinks => Some("DELETE FROM uses"),
            _ => None,
        }
    }

    /// Damages the database of a hub that was killed.
    pub(crate) fn damages(self, database: &Path) -> anyhow::Result<()> {
        if let Some(damage) = self.damage().filter(|_| database.exists()) {
            let db = Connection::open(database)?;
            let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'standing'";
            if db.query_row(tables, [], |row| row.get::<_, u32>(0))? > 0 {
                db.execute_batch(damage)?;
            }
        }
        Ok(())
    }

    /// Whether only the comparison of two processes catches it, and no single run.
    const fn differs_by_process(self) -> bool {
        matches!(self, Self::HashOrder | Self::RealTime)
    }
}

/// Runs every mutant until a seed catches it; true where all are caught.
pub(crate) fn each_is_caught(arguments: &Arguments) -> bool {
    let mutants = || Mutant::ALL.into_iter().filter(|it| arguments.mutant.is_none_or(|only| only == *it));
    let (next, missed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                while let Some(mutant) = mutants().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = mutant.name();
                    match caught(mutant, arguments) {
                        Some((seed, why)) => println!("{name}: caught by seed {seed}: {why}"),
                        None => {
                            missed.fetch_add(1, Ordering::Relaxed);
                            println!("{name}: NOT caught by seeds {:?}", arguments.seeds);
                        }
                    }
                }
            });
        }
    });
    let missed = missed.into_inner();
    println!("{} mutants, {missed} not caught", mutants().count());
    missed == 0
}

/// The first seed that catches it, and how.
fn caught(mutant: Mutant, arguments: &Arguments) -> Option<(u64, String)> {
    arguments.seeds.clone().find_map(|seed| {
        let with = Arguments { mutant: Some(mutant), seeds: seed..seed + 1, ..arguments.clone() };
        if mutant.differs_by_process() {
            let (same, told) = meta::compare(&with).ok()?;
            return (!same).then_some((seed, told));
        }
        let why = run::run(&with.order(seed)).err()?;
        Some((seed, why.chars().take(200).collect()))
    })
}
