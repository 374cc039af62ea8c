//! Records whose latest form could not be understood: kept for `status`, and processed again once they are understood.

use contract::source::Unread;
use model::{Kind, RecordId};
use rusqlite::OptionalExtension as _;

use super::{
    codec::{Codec, Place},
    mirror::{BY_ID, Context, Stored},
    trouble::{Outcome, fault_text},
    writer::{Tx, kind_bit},
};

/// Most unread records without id that are kept per lane.
const NAMELESS: u64 = 100;

impl Tx<'_> {
    pub(super) fn has_unread(&self, source: i64) -> Outcome<bool> {
        Ok(self.db.prepare_cached("SELECT 1 FROM unread WHERE source = ?1")?.exists([source])?)
    }

    pub(super) fn forget_unread(&self, context: &Context<'_>, kind: Kind, id: &RecordId) -> Outcome<()> {
        if context.was_unread {
            self.db.prepare_cached("DELETE FROM unread WHERE source = ?1 AND kind = ?2 AND id = ?3")?.execute((
                context.source,
                kind.number(),
                self.codec.name(kind, id.as_str())?,
            ))?;
        }
        Ok(())
    }

    /// Flows skipped the record while it was unread; now they process it again.
    pub(super) fn reconsider(&mut self, context: &Context<'_>, stored: &Stored) -> Outcome<()> {
        let urgency = self.place(context.source, (stored.revision, stored.urgency), context.urgency)?;
        let revision = self.next_revision(context.source)?;
        self.db
            .prepare_cached("UPDATE record SET revision = ?2, urgency = ?3, touched_at = ?4, unread = 0 WHERE n = ?1")?
            .execute((stored.n, revision.0, urgency, context.at.millis()))?;
        Ok(())
    }

    pub(super) fn keep_unread(&self, context: &mut Context<'_>, lane: &str, unread: &Unread) -> Outcome<()> {
        context.taken.unread += 1;
        let kind = unread.kind.number();
        let id = unread.id.as_ref().map(|id| self.codec.name(unread.kind, id.as_str())).transpose()?;
        let mark = match &id {
            Some(id) => format!("= {id}"),
            None => format!("? {}", self.codec.name(unread.kind, &unread.fault.message)?),
        };
        let key = self.codec.general(kind_bit(unread.kind))?;
        let place = Place::Unread(context.source);
        let pass = context.pass.unwrap_or(0);
        let known: Option<(u64, u64)> = self
            .db
            .prepare_cached(
                "SELECT pass, times FROM unread WHERE source = ?1 AND lane = ?2 AND kind = ?3 AND mark = ?4",
            )?
            .query_row((context.source, lane, kind, &mark), |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        // Records without id can only be counted in one full walk: deltas overlap.
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
                Codec::text(key.as_deref(), place, &fault_text(&unread.fault)?)?,
                times,
            ])?;
        match id {
            Some(id) => {
                self.db
                    .prepare_cached(
                        "UPDATE record SET unread = 1, seen = coalesce(?4, seen)
                         WHERE source = ?1 AND kind = ?2 AND id = ?3",
                    )?
                    .execute((context.source, kind, id, context.mark))?;
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

    /// Deletes unread records that the walk did not meet again.
    pub(super) fn sweep_unread(&mut self, context: &mut Context<'_>, lane: &str) -> Outcome<()> {
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

    /// Whether the walk met records of this kind whose id could not be read: any missing record may be one of them.
    pub(super) fn has_nameless(&self, source: i64, lane: &str, kind: Kind, pass: u64) -> Outcome<bool> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT 1 FROM unread WHERE source = ?1 AND lane = ?2 AND kind = ?3 AND id IS NULL AND pass = ?4",
            )?
            .exists((source, lane, kind.number(), pass))?)
    }
}
