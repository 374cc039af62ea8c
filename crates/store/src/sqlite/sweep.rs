//! Ends a full walk: deletes the records that it did not see.
//!
//! **Invariant:** a sweep deletes no record that the walk saw, even if the record could not be understood.

use contract::{
    source::Urgency,
    store::{Sweep, Swept, Taken},
};
use model::{Kind, Timestamp};

use super::{
    links::{Touches, live},
    mirror::{BY_NUMBER, Context, NO_SCOPE, Stored, lane_text},
    trouble::Outcome,
    writer::Tx,
};

/// Rows of `record` per page.
const RECORDS_PER_PAGE: u64 = 32;

impl Tx<'_> {
    /// Makes tombstones of what the walk did not see, unless that is too much.
    pub(super) fn sweep(&mut self, sweep: Sweep) -> Outcome<Swept> {
        let source = self.source(&sweep.source)?;
        self.fence_source(source, sweep.lease)?;
        let mut swept = Swept::default();
        let mut missing = Vec::new();
        for (kind, scope) in &sweep.sweeps {
            let scope = match scope {
                None => NO_SCOPE,
                Some(scope) => self.scope(source, scope)?,
            };
            let (live, numbers) = self.missing(source, *kind, scope, &sweep)?;
            let count = numbers.len() as u64;
            let nameless = self.has_nameless(source, &sweep.lane, *kind, sweep.pass)?;
            swept.live += live;
            swept.missing += count;
            swept.held |= count > 0 && sweep.guard.is_some_and(|guard| nameless || is_too_much(count, live, guard));
            missing.push((*kind, numbers));
        }
        let mut state = sweep.state;
        state.held = swept.held.then_some((swept.missing, swept.live));
        if !swept.held {
            let mut context = Context {
                source,
                name: &sweep.source,
                pass: Some(sweep.pass),
                mark: None,
                urgency: Urgency::Live,
                at: sweep.at,
                as_of: 0,
                fetched: false,
                confirm: Vec::new(),
                scopes: Vec::new(),
                touches: Touches::default(),
                taken: Taken::default(),
                was_unread: false,
                is_first: false,
            };
            for (kind, numbers) in missing {
                self.remove(&mut context, kind, &numbers)?;
            }
            self.touch_all(source, &context.touches, sweep.at)?;
            self.sweep_unread(&mut context, &sweep.lane)?;
        }
        self.write_lane(source, &sweep.lane, &lane_text(&state)?)?;
        Ok(swept)
    }

    fn remove(&mut self, context: &mut Context<'_>, kind: Kind, numbers: &[u64]) -> Outcome<()> {
        for n in numbers {
            let stored = self.db.prepare_cached(BY_NUMBER)?.query_row([n], Stored::read)?;
            self.end(context, &stored, kind, None)?;
        }
        Ok(())
    }

    /// How many live records of a kind and scope there are, and which of them the walk missed.
    fn missing(&self, source: i64, kind: Kind, scope: i64, sweep: &Sweep) -> Outcome<(u64, Vec<u64>)> {
        let mut query = self.db.prepare_cached(if self.is_most(source, kind)? {
            // In the order of the table; by the index, each row would be read from another page.
            "SELECT n, seen <> ?4 AND seen <> ?5 AND as_of < ?6 FROM record NOT INDEXED
             WHERE source = ?1 AND kind = ?2 AND ended = 0 AND scope = ?3"
        } else {
            "SELECT n, seen <> ?4 AND seen <> ?5 AND as_of < ?6 FROM record INDEXED BY record_id
             WHERE source = ?1 AND kind = ?2 AND ended = 0 AND scope = ?3"
        })?;
        let before = sweep.before.unwrap_or(sweep.pass);
        let since = sweep.since.map_or(i64::MAX, Timestamp::millis);
        let mut rows = query.query((source, kind.number(), scope, sweep.pass, before, since))?;
        let (mut live, mut missing) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            live += 1;
            if row.get(1)? {
                missing.push(row.get(0)?);
            }
        }
        missing.sort_unstable();
        Ok((live, missing))
    }

    /// Whether about every page of records holds at least one of this kind.
    fn is_most(&self, source: i64, kind: Kind) -> Outcome<bool> {
        let all: u64 =
            self.db.prepare_cached("SELECT coalesce(max(n), 0) FROM record")?.query_row([], |row| row.get(0))?;
        Ok(live(self.db, source, kind)?.saturating_mul(RECORDS_PER_PAGE) >= all)
    }
}

/// Whether more records would be deleted than allowed: one is always allowed, all never, and otherwise the share of the
/// guard.
#[expect(clippy::cast_precision_loss, reason = "a share of a catalogue needs no 53 bits")]
fn is_too_much(missing: u64, live: u64, guard: f64) -> bool {
    missing >= live || (missing > 1 && missing as f64 > guard * live as f64)
}
