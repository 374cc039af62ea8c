//! Reads the destination back and compares it with what should be there: what the ledger says it acknowledged, and what it
//! never got.

use std::{collections::BTreeMap, time::Duration};

use contract::{
    Clock, Fault, Store,
    store::{Held, HeldItem, Leased, Number, Settled, State, Step, Work},
};
use model::{Kind, RecordId, RemoteId, Window};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::{
    compose::Target,
    flow::{Flow, Prepared},
    forget::{digest, items_of},
    plan::planned,
    prepare::OUTRANKED,
};

/// Records read back at once.
const PAGE: usize = 100;
/// Records that are written in one transaction.
const STEP: usize = 500;
/// How often a page is asked for before verifying ends without the rest.
const TRIES: u32 = 6;
/// The pause before the second try.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A destination that wants quiet for longer is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// The result of verifying a flow.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Verified {
    /// Items that should be there: those that the destination acknowledged, and those that it never got.
    pub expected: u64,
    /// Those of them that the destination holds as acknowledged.
    pub right: u64,
    /// Items that differ, are missing or should not be there.
    pub drift: Vec<Drift>,
    /// Items that should be there and that the destination did not acknowledge, by how their records are counted.
    pub unacknowledged: BTreeMap<&'static str, u64>,
    /// Kinds that can't be read back from the destination.
    pub unreadable: Vec<Kind>,
    /// Items of these kinds that the destination acknowledged: more is not known of them.
    pub acknowledged: u64,
    /// Items that are there and that no record owns, where that was asked for.
    pub orphans: Vec<Orphan>,
    /// Kinds that the destination does not list, so that items that no record owns can't be found.
    pub unlisted: Vec<Kind>,
    /// Why it ended before the end, if it did: what is said above is only of what was read until then.
    pub stopped: Option<Fault>,
}

/// An item that no record owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Orphan {
    /// Its kind.
    pub kind: Kind,
    /// Its id at the destination.
    pub item: RemoteId,
}

/// An item that differs from what was acknowledged.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Drift {
    /// The record.
    pub number: Number,
    /// Its kind.
    pub kind: Kind,
    /// The record's id.
    pub id: RecordId,
    /// The item's id at the destination.
    pub item: RemoteId,
    /// Whether the destination does not have it.
    pub missing: bool,
    /// Whether the destination has it and should not: its record is deleted or filtered.
    pub extra: bool,
    /// Whether the record could not be understood when it was read last, so that it is not sent again.
    pub unread: bool,
    /// Fields that differ.
    pub fields: Vec<String>,
}

/// Reads every item back that the ledger says the destination holds, looks for items of records that are gone or filtered,
/// and counts what should be there and was never acknowledged. `orphans`: looks for items that no record owns, too. A
/// destination that fails is asked again, as a push would.
///
/// # Errors
/// The store's, or that a market's settings name what the source does not have. The destination's is in
/// [`Verified::stopped`].
pub async fn verify(flow: &Flow, store: &dyn Store, clock: &dyn Clock, orphans: bool) -> Result<Verified, Fault> {
    let mut verifier = Verifier { flow, store, clock, prepared: None, verified: Verified::default() };
    for kind in Kind::CARRIED.into_iter().filter(|kind| flow.carry(*kind).is_some()) {
        verifier.verify(kind).await?;
        if orphans && verifier.verified.stopped.is_none() {
            verifier.find_orphans(kind).await?;
        }
    }
    Ok(verifier.verified)
}

struct Verifier<'a> {
    flow: &'a Flow,
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    /// What records are mapped with, once it was needed.
    prepared: Option<Prepared>,
    verified: Verified,
}

/// The destination has, as far as is known, what it acknowledged of a record in this state. What is on its way out need not be
/// there, and of what it imports nobody knows yet.
fn holds_acknowledged(state: &State) -> bool {
    match state {
        State::InSync | State::Dead | State::Retry(_) | State::Held(contract::store::Hold::UnknownOutcome) => true,
        // Of a record whose items others own in part, the rest exists.
        State::Filtered(rule) => rule == OUTRANKED,
        State::Gone | State::AwaitsFeed | State::AwaitsImport | State::Held(contract::store::Hold::Removal) => false,
    }
}

impl Verifier<'_> {
    async fn verify(&mut self, kind: Kind) -> Result<(), Fault> {
        let (mut after, mut readable) = (Number(0), true);
        while self.verified.stopped.is_none() {
            let page = self.store.scan(&self.flow.name, kind, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            readable = readable && self.look_for_extra(kind, &page).await;
            let holds = |work: &&Work| {
                let holds =
                    |entry: &contract::store::Entry| holds_acknowledged(&entry.state) && !entry.items.is_empty();
                work.record().is_some() && work.entry.as_ref().is_some_and(holds)
            };
            let (held, rest): (Vec<&Work>, Vec<&Work>) = page.iter().partition(holds);
            for (work, compared) in
                held.iter().map(|work| (*work, true)).chain(rest.into_iter().map(|work| (work, false)))
            {
                self.count_unacknowledged(work, compared).await?;
            }
            readable = readable && (held.is_empty() || self.compare(kind, &held).await?);
            if !readable {
                let items = held.iter().filter_map(|work| work.entry.as_ref()).flat_map(|entry| &entry.items);
                self.verified.acknowledged += items.filter(|item| item.digests.is_some()).count() as u64;
            }
        }
        if !readable {
            self.verified.unreadable.push(kind);
        }
        Ok(())
    }

    /// Counts the items of a record that should be there and that the destination has not acknowledged. `compared`: those
    /// that the ledger knows of are compared.
    async fn count_unacknowledged(&mut self, work: &Work, compared: bool) -> Result<(), Fault> {
        let state = work.counted_as();
        if !matches!(state, "pending" | "waiting" | "held" | "dead") || work.record().is_none() {
            return Ok(());
        }
        let prepared = match self.prepared.take() {
            Some(prepared) => prepared,
            None => self.flow.prepared(self.store).await?,
        };
        let job = planned(self.flow, self.store, self.clock, &prepared, work).await?;
        self.prepared = Some(prepared);
        let known = work.entry.as_ref().filter(|_| compared).map_or(&[][..], |entry| &entry.items);
        let is_unknown = |item: &&RemoteId| {
            !self.flow.destination.is_event(work.kind, item) && !known.iter().any(|known| known.id == **item)
        };
        let items = job.items().filter(is_unknown).count() as u64;
        self.note_unacknowledged(
            state,
            match job.target {
                Target::InSync => items,
                Target::Dead(_) if compared => 0,
                Target::Dead(_) => items.max(1),
                Target::Filtered(_) | Target::Gone => 0,
            },
        );
        Ok(())
    }

    fn note_unacknowledged(&mut self, state: &'static str, items: u64) {
        if items > 0 {
            self.verified.expected += items;
            *self.verified.unacknowledged.entry(state).or_default() += items;
        }
    }

    /// Reads items back. None: the destination can't be read back; an error: it is not worth waiting for, and is noted.
    async fn read(&mut self, kind: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, Json)>, ()>> {
        let backoff = self.flow.gate.backoff(FIRST_PAUSE);
        for attempt in 1.. {
            let fault = match self.flow.destination.read(kind, ids).await? {
                Ok(there) => return Some(Ok(there)),
                Err(fault) => fault,
            };
            let pause = fault.retry_after.unwrap_or_default().max(backoff.after(attempt - 1));
            if attempt >= TRIES || !fault.class.is_passing() || pause > LONGEST_PAUSE {
                self.verified.stopped = Some(fault);
                break;
            }
            self.clock.sleep_until(self.clock.now().plus(pause)).await;
        }
        Some(Err(()))
    }

    /// Looks for items of records that are deleted or filtered, if their ids follow from the records'. False if the
    /// destination can't be read back.
    async fn look_for_extra(&mut self, kind: Kind, page: &[Work]) -> bool {
        let is_off = |work: &&Work| {
            work.entry.as_ref().is_some_and(|entry| {
                matches!(entry.state, State::Gone | State::Filtered(_)) && entry.items.is_empty() && !work.unread
            })
        };
        let candidates: Vec<(&Work, RemoteId)> = page
            .iter()
            .filter(is_off)
            .flat_map(|work| self.flow.destination.ids_of(kind, &work.id).into_iter().map(move |id| (work, id)))
            .collect();
        if candidates.is_empty() {
            return true;
        }
        let ids: Vec<RemoteId> = candidates.iter().map(|(_, id)| id.clone()).collect();
        let Some(there) = self.read(kind, &ids).await else { return false };
        let there = there.unwrap_or_default();
        for (work, item) in candidates.into_iter().filter(|(_, id)| there.iter().any(|(found, _)| found == id)) {
            let (number, id) = (work.number, work.id.clone());
            let (missing, extra, unread, fields) = (false, true, false, Vec::new());
            self.verified.drift.push(Drift { number, kind, id, item, missing, extra, unread, fields });
        }
        true
    }

    /// False if the destination can't be read back.
    async fn compare(&mut self, kind: Kind, page: &[&Work]) -> Result<bool, Fault> {
        // A reported event is not kept up to date, and can't be read back.
        let is_kept = |item: &RemoteId| !self.flow.destination.is_event(kind, item);
        let items = |work: &&Work| work.entry.iter().flat_map(|entry| entry.items.clone()).collect::<Vec<_>>();
        let wanted = page.iter().flat_map(items).map(|item| item.id).filter(is_kept).collect::<Vec<RemoteId>>();
        if wanted.is_empty() {
            return Ok(true);
        }
        let Some(there) = self.read(kind, &wanted).await else { return Ok(false) };
        let Ok(there) = there else { return Ok(true) };
        for work in page {
            let Some(view) = self.store.entry(&self.flow.name, work.number).await? else { continue };
            for ledger in items(work).into_iter().filter(|item| !self.flow.destination.is_event(kind, &item.id)) {
                let acknowledged = view.items.iter().find(|item| item.id == ledger.id);
                let Some(acknowledged) = acknowledged.filter(|_| ledger.digests.is_some()) else {
                    // It may be there, and nobody knows how.
                    self.note_unacknowledged(work.counted_as(), 1);
                    continue;
                };
                self.verified.expected += 1;
                let found = there.iter().find(|(id, _)| *id == ledger.id).map(|(_, json)| json);
                let fields = found.map(|json| differing(&acknowledged.payload.object(), json)).unwrap_or_default();
                if found.is_some() && fields.is_empty() {
                    self.verified.right += 1;
                    continue;
                }
                let (number, id, item) = (work.number, work.id.clone(), ledger.id);
                let (missing, extra, unread) = (found.is_none(), false, work.unread);
                self.verified.drift.push(Drift { number, kind, id, item, missing, extra, unread, fields });
            }
        }
        Ok(true)
    }

    /// Looks for items that no record owns.
    async fn find_orphans(&mut self, kind: Kind) -> Result<(), Fault> {
        let owned = items_of(&[self.flow.declared()], self.store).await?;
        let mut after: Option<RemoteId> = None;
        loop {
            match self.flow.destination.list(kind, &self.flow.markets, after.as_ref()).await {
                None => self.verified.unlisted.push(kind),
                Some(Err(fault)) => self.verified.stopped = Some(fault),
                Some(Ok(page)) if page.is_empty() || page.last() == after.as_ref() => {}
                Some(Ok(page)) => {
                    let is_orphan = |item: &&RemoteId| {
                        !owned.contains(&digest(kind, item)) && !self.verified.drift.iter().any(|it| it.item == **item)
                    };
                    let orphans: Vec<Orphan> =
                        page.iter().filter(is_orphan).map(|item| Orphan { kind, item: item.clone() }).collect();
                    self.verified.orphans.extend(orphans);
                    after = page.last().cloned();
                    continue;
                }
            }
            return Ok(());
        }
    }
}

/// Has what drifted sent again in full, and what should not be there removed; tells how many records. Records that could
/// not be understood are left alone, and so are reported events.
///
/// # Errors
/// The store's.
pub async fn repair(flow: &Flow, store: &dyn Store, clock: &dyn Clock, verified: &Verified) -> Result<u64, Fault> {
    let at = clock.now();
    let mut by_record: BTreeMap<Number, Vec<&Drift>> = BTreeMap::new();
    for drift in verified.drift.iter().filter(|drift| !drift.unread) {
        by_record.entry(drift.number).or_default().push(drift);
    }
    let mut settled: Vec<Settled> = Vec::with_capacity(by_record.len());
    for (number, drifts) in by_record {
        let Some(entry) = store.work(&flow.name, number).await?.and_then(|work| work.entry) else { continue };
        let drift_of = |item: &RemoteId| drifts.iter().find(|drift| drift.item == *item);
        // What is missing is not held; what differs is, and nobody knows how.
        let known = entry.items.into_iter().filter(|item| drift_of(&item.id).is_none_or(|drift| !drift.missing));
        let known = known.map(|item| {
            let digests = item.digests.filter(|_| drift_of(&item.id).is_none());
            HeldItem { id: item.id, digests, payload: None }
        });
        // The next push removes what its record should not be.
        let extra = drifts.iter().filter(|drift| drift.extra).map(|drift| drift.item.clone());
        let extra = extra.map(|id| HeldItem { id, digests: None, payload: None });
        settled.push(Settled {
            number,
            revision: entry.revision,
            state: State::Retry(at),
            items: Held::Items(known.chain(extra).collect()),
            holds: Window::OPEN,
            call: None,
            fault: None,
            refused: Vec::new(),
            trial: None,
            turn: entry.turn,
            prices: None,
        });
    }
    let records = settled.len() as u64;
    while !settled.is_empty() {
        let rest = settled.split_off(settled.len().min(STEP));
        let lease = store.lease(&Leased::Flow(flow.name.clone())).await?;
        let (name, close, open, tickets) = (flow.name.clone(), Vec::new(), Vec::new(), Vec::new());
        store.advance(Step { flow: name, lease, close, settled, cursor: None, open, tickets, removed: 0, at }).await?;
        settled = rest;
    }
    Ok(records)
}

/// How many of the records that differed the destination has acknowledged meanwhile.
///
/// # Errors
/// The store's.
pub async fn repaired(flow: &Flow, store: &dyn Store, verified: &Verified) -> Result<u64, Fault> {
    let mut repaired = 0;
    for number in verified.repairable() {
        let entry = store.work(&flow.name, number).await?.and_then(|work| work.entry);
        repaired += u64::from(entry.is_none_or(|entry| {
            !matches!(entry.state, State::Dead | State::Retry(_) | State::AwaitsFeed | State::AwaitsImport)
        }));
    }
    Ok(repaired)
}

impl Verified {
    /// The records that differ.
    pub fn drifted(&self) -> Vec<Number> {
        numbers(self.drift.iter())
    }

    /// Those of them that can be sent again.
    pub fn repairable(&self) -> Vec<Number> {
        numbers(self.drift.iter().filter(|drift| !drift.unread))
    }
}

fn numbers<'a>(drift: impl Iterator<Item = &'a Drift>) -> Vec<Number> {
    let mut numbers: Vec<Number> = drift.map(|drift| drift.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Names of sent fields with another value at the destination. Fields that the destination adds are ignored.
fn differing(sent: &str, there: &Json) -> Vec<String> {
    let sent: Map<String, Json> = serde_json::from_str(sent).unwrap_or_default();
    sent.into_iter().filter(|(name, value)| !same(value, there.get(name))).map(|(name, _)| name).collect()
}

/// 20 and 20.0 are the same number in JSON.
fn same(sent: &Json, there: Option<&Json>) -> bool {
    match (sent, there) {
        (Json::Number(sent), Some(Json::Number(there))) => sent.as_f64() == there.as_f64(),
        (Json::Array(sent), Some(Json::Array(there))) => {
            sent.len() == there.len() && sent.iter().zip(there).all(|(sent, there)| same(sent, Some(there)))
        }
        (Json::Object(sent), Some(Json::Object(there))) => {
            sent.len() == there.len() && sent.iter().all(|(name, sent)| same(sent, there.get(name)))
        }
        (sent, there) => there == Some(sent),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written_and_wherever_it_stands() {
        let there = json!({"a": 20, "b": [1.0], "c": {"x": {"y": 3}, "z": [2]}, "more": 1});
        let differs = |sent: &str| differing(sent, &there);
        assert!(differs(r#"{"a":20.0,"b":[1],"c":{"x":{"y":3.0},"z":[2.0]}}"#).is_empty());
        for sent in [r#"{"c":{"x":{"y":4},"z":[2]}}"#, r#"{"c":{"z":[2]}}"#, r#"{"c":{"x":{"y":3},"z":[2],"w":1}}"#] {
            assert_eq!(differs(sent), ["c"], "{sent}");
        }
    }
}
