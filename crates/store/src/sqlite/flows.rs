//! Declares flows of the configuration, and takes them over after a start.
//!
//! **Invariants:** a flow is told by its name, its source and its account, and of those with one name one is current; a flow that is
//! not current is neither read nor woken, and keeps what its destination holds until it is forgotten.

use std::collections::BTreeMap;

use contract::{
    Fault,
    destination::Ids,
    store::{Declaration, Declared, Leased, Number, Recovered, Ticketed},
};
use model::{FlowName, Kind, RemoteId, SourceName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _};

use super::{
    codec::{Codec, Place},
    ledger::{self, Flow, base, flow_unknown},
    trouble::{Outcome, Trouble, fault_text},
    workload::kind,
    writer::{Tx, kind_bit},
};

/// Items of calls, by record.
type Carried = BTreeMap<Number, Vec<RemoteId>>;

impl Tx<'_> {
    /// Pauses a flow since this instant, or has it go on; tells whether that changed anything.
    pub(super) fn pause(&self, flow: i64, since: Option<Timestamp>) -> Outcome<bool> {
        let since = since.map(Timestamp::millis);
        let pause = "UPDATE flow SET paused = ?2 WHERE key = ?1 AND (paused IS NULL) <> (?2 IS NULL)";
        Ok(self.db.prepare_cached(pause)?.execute((flow, since))? > 0)
    }

    pub(super) fn declare(&mut self, declared: &Declared) -> Outcome<Declaration> {
        let source = self.source(&declared.source)?;
        let name = declared.flow.as_str();
        let kinds = declared.carries.iter().fold(0, |kinds, kind| kinds | kind_bit(*kind));
        let markets = serde_json::to_string(&declared.markets)
            .map_err(|error| Trouble::unreadable("a flow's markets on their way", error))?;
        let account = declared.account.as_str();
        let (shared, prices) = (declared.ids == Ids::Shared, declared.price_history);
        self.db
            .prepare_cached(
                "UPDATE flow SET current = 0 WHERE name = ?1 AND (source <> ?2 OR account NOT IN (?3, ''))",
            )?
            .execute((name, source, account))?;
        self.db.prepare_cached("UPDATE source SET current = 1 WHERE key = ?1")?.execute([source])?;
        // Kinds that a flow carried before are walked already: a check would read all their records.
        let newly = kinds & !self.carried(source)?;
        self.carried.remove(&source);
        let known: Option<(i64, String, u64, bool)> = self
            .db
            .prepare_cached(
                "SELECT key, fingerprint, kinds, shared FROM flow WHERE name = ?1 AND source = ?2 AND account IN (?3, '')
                 ORDER BY account = '' LIMIT 1",
            )?
            .query_row((name, source, account), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?;
        let Some((key, fingerprint, carried, has_claims)) = known else {
            self.db
                .prepare_cached(
                    "INSERT INTO flow (name, source, account, current, fingerprint, kinds, markets, urgent, live, backfill,
                     token, shared, prices) VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, 0, 0, 0, 0, ?7, ?8)",
                )?
                .execute((name, source, account, &declared.fingerprint, kinds, markets, shared, prices))?;
            self.carry(source, newly)?;
            return Ok(Declaration::default());
        };
        // Under later settings the destination may still hold items from earlier ones.
        self.db
            .prepare_cached(
                "UPDATE flow SET current = 1, fingerprint = ?2, kinds = ?3, markets = ?4, shared = max(shared, ?5),
                 account = ?6, prices = ?7 WHERE key = ?1",
            )?
            .execute((key, &declared.fingerprint, kinds, markets, shared, account, prices))?;
        if !prices {
            // What it would miss from now on would make them wrong.
            let forget = "DELETE FROM prices WHERE key >= ?1 AND key < ?2";
            self.db.prepare_cached(forget)?.execute((base(key), base(key + 1)))?;
        }
        self.carry(source, newly)?;
        let claims_begin = !has_claims && shared;
        let restarted = fingerprint != declared.fingerprint || kinds & !carried != 0 || claims_begin;
        if restarted {
            self.db
                .prepare_cached("UPDATE flow SET urgent = 0, live = 0, backfill = 0 WHERE key = ?1")?
                .execute([key])?;
        }
        if claims_begin {
            let flow = ledger::flow(self.db, &declared.flow)?.ok_or_else(|| flow_unknown(&declared.flow))?;
            self.claim_all_held(&flow)?;
        }
        Ok(Declaration { restarted })
    }

    /// Records of these kinds are walked from now on.
    fn carry(&mut self, source: i64, kinds: u64) -> Outcome<()> {
        for kind in Kind::ALL.into_iter().filter(|kind| kinds & kind_bit(*kind) != 0) {
            self.db
                .prepare_cached("UPDATE record SET urgency = 2 WHERE source = ?1 AND kind = ?2 AND urgency = 3")?
                .execute((source, kind.number()))?;
        }
        Ok(())
    }

    pub(super) fn note_stop(&self, name: &FlowName, fault: Option<&Fault>, at: Timestamp) -> Outcome<()> {
        let flow = ledger::flow(self.db, name)?.ok_or_else(|| flow_unknown(name))?;
        // A call of a kind that the flow no longer carries may have stopped it.
        let key = self.codec.people.is_ready().then(|| self.codec.people.general()).transpose()?;
        let fault = fault.map(fault_text).transpose()?;
        let place = Place::Stop(flow.key);
        let fault = fault.as_ref().map(|fault| Codec::text(key.as_deref(), place, fault)).transpose()?;
        let since = fault.as_ref().map(|_| at.millis());
        self.db
            .prepare_cached(
                "UPDATE flow SET stopped_at = iif(?2 IS NULL, NULL, coalesce(stopped_at, ?3)), stopped_by = ?2
                 WHERE key = ?1 AND (stopped_by IS NOT NULL OR ?2 IS NOT NULL)",
            )?
            .execute((flow.key, fault, since))?;
        Ok(())
    }

    pub(super) fn retire_others(&self, sources: &[SourceName], flows: &[FlowName]) -> Outcome<()> {
        for (table, current) in [
            ("source", sources.iter().map(SourceName::as_str).collect::<Vec<_>>()),
            ("flow", flows.iter().map(FlowName::as_str).collect()),
        ] {
            let names: Vec<String> = {
                let mut query = self.db.prepare(&format!("SELECT name FROM {table} WHERE current = 1"))?;
                query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
            };
            for name in names.iter().filter(|name| !current.contains(&name.as_str())) {
                self.db.execute(&format!("UPDATE {table} SET current = 0 WHERE name = ?1"), [name])?;
            }
        }
        Ok(())
    }

    pub(super) fn recover(&self, name: &FlowName) -> Outcome<Recovered> {
        let flow = ledger::flow(self.db, name)?.ok_or_else(|| flow_unknown(name))?;
        let lease = self.take_over(&Leased::Flow(name.clone()))?;
        let (cut_off, going_on) = self.open_calls(&flow)?;
        self.end_open_calls(&flow, &cut_off)?;
        for (number, ids) in &going_on {
            self.doubt_unsettled(&flow, *number, ids)?;
        }
        Ok(Recovered { lease, in_doubt: cut_off.len() as u64 })
    }

    /// Items of open calls, by record: those without a ticket, and asynchronous ones.
    fn open_calls(&self, flow: &Flow) -> Outcome<(Carried, Carried)> {
        let (mut cut_off, mut going_on) = (Carried::new(), Carried::new());
        let mut query =
            self.db.prepare_cached("SELECT items, ticket IS NULL FROM call WHERE flow = ?1 AND ended_at IS NULL")?;
        let mut rows = query.query([flow.key])?;
        while let Some(row) = rows.next()? {
            let blob = row.get_ref(0)?.as_blob_or_null().ok().flatten().unwrap_or_default();
            let carried = if row.get(1)? { &mut cut_off } else { &mut going_on };
            for (number, id) in
                self.codec.unpack_list::<Vec<(Number, RemoteId)>>(self.db, Place::Call(flow.key), blob)?
            {
                carried.entry(number).or_default().push(id);
            }
        }
        Ok((cut_off, going_on))
    }

    /// Ends the calls that were opened under older leases and have no ticket.
    fn end_open_calls(&self, flow: &Flow, cut_off: &Carried) -> Outcome<()> {
        if cut_off.is_empty() {
            return Ok(());
        }
        let fault = Fault::transient("C0110", "the process ended before the answer was there")
            .hint("nothing to do: what the call carried is sent again");
        self.db
            .prepare_cached(
                "UPDATE call SET ended_at = opened_at, items = NULL, fault = ?2
                 WHERE flow = ?1 AND ended_at IS NULL AND ticket IS NULL",
            )?
            .execute((flow.key, fault_text(&fault)?))?;
        for (number, ids) in cut_off {
            self.cut_off(flow, *number, ids)?;
        }
        Ok(())
    }

    /// Deletes a flow with its ledger and calls.
    pub(super) fn delete_flow(&self, key: i64) -> Outcome<()> {
        for table in ["ledger", "payload", "refused", "prices"] {
            let delete = format!("DELETE FROM {table} WHERE key >= ?1 AND key < ?2");
            self.db.execute(&delete, (base(key), base(key + 1)))?;
        }
        for table in ["claim", "removal", "standing", "call"] {
            self.db.execute(&format!("DELETE FROM {table} WHERE flow = ?1"), [key])?;
        }
        self.db.execute("DELETE FROM dictionary WHERE purpose LIKE 'payload/' || ?1 || '/%'", [key])?;
        self.db.execute("DELETE FROM dictionary WHERE purpose = 'payload/' || ?1", [key])?;
        self.db.execute("DELETE FROM flow WHERE key = ?1", [key])?;
        Ok(())
    }
}

pub(super) fn tickets(db: &Connection, codec: &Codec, name: &FlowName) -> Outcome<Vec<Ticketed>> {
    let flow = ledger::flow(db, name)?.ok_or_else(|| flow_unknown(name))?;
    let mut query = db.prepare_cached(
        "SELECT id, kind, op, ticket, ask_at, items FROM call
         WHERE flow = ?1 AND ended_at IS NULL AND ticket IS NOT NULL ORDER BY ask_at, id",
    )?;
    let mut rows = query.query([flow.key])?;
    let mut tickets = Vec::new();
    while let Some(row) = rows.next()? {
        tickets.push(Ticketed {
            call: row.get(0)?,
            kind: kind(row.get(1)?)?,
            op: row.get(2)?,
            ticket: row.get(3)?,
            ask_at: Timestamp::from_millis(row.get(4)?),
            items: {
                let blob = row.get_ref(5)?.as_blob_or_null().ok().flatten().unwrap_or_default();
                codec.unpack_list(db, Place::Call(flow.key), blob)?
            },
        });
    }
    Ok(tickets)
}
