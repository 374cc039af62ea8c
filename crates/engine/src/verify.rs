//! Reads the destination back and compares it with what the ledger says it acknowledged.

use contract::{
    Clock, Fault, Store,
    store::{Held, HeldItem, Leased, Number, Settled, State, Step, Work},
};
use model::{Kind, RecordId, RemoteId};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::{flow::Flow, prepare::OUTRANKED};

/// Records read back at once.
const PAGE: usize = 100;

/// The result of verifying a flow.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// Items the ledger says the destination holds.
    pub expected: u64,
    /// Those of them that the destination holds as acknowledged.
    pub right: u64,
    /// Items that differ, are missing or should not be there.
    pub drift: Vec<Drift>,
    /// Kinds that the destination does not let be read back.
    pub unreadable: Vec<Kind>,
}

/// An item that differs from what was acknowledged.
#[derive(Clone, Debug, Serialize)]
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

/// Reads every item back that the ledger says is in sync, and looks for items of records that are gone or filtered.
///
/// # Errors
/// The store's or the destination's.
pub async fn verify(flow: &Flow, store: &dyn Store) -> Result<Verified, Fault> {
    let mut verified = Verified::default();
    for kind in Kind::CARRIED {
        let mut after = Number(0);
        loop {
            let page = store.scan(&flow.name, kind, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            if !look_for_extra(flow, kind, &page, &mut verified).await? {
                verified.unreadable.push(kind);
                break;
            }
            // Of what others own in part, the rest is there.
            let is_there = |state: &State| match state {
                State::InSync => true,
                State::Filtered(rule) => rule == OUTRANKED,
                _ => false,
            };
            let settled = |work: &&Work| work.entry.as_ref().is_some_and(|entry| is_there(&entry.state));
            let page: Vec<&Work> = page.iter().filter(settled).collect();
            if !page.is_empty() && !compare(flow, store, kind, &page, &mut verified).await? {
                verified.unreadable.push(kind);
                break;
            }
        }
    }
    Ok(verified)
}

/// Has what drifted sent again in full, and what should not be there removed; tells how many records. Records that could
/// not be understood are left alone.
///
/// # Errors
/// The store's.
pub async fn repair(flow: &Flow, store: &dyn Store, clock: &dyn Clock, verified: &Verified) -> Result<u64, Fault> {
    let at = clock.now();
    let mut settled: Vec<Settled> = Vec::new();
    for drift in verified.drift.iter().filter(|drift| drift.extra) {
        let item = HeldItem { id: drift.item.clone(), digests: None, payload: None };
        let same = settled.last_mut().filter(|settled| settled.number == drift.number);
        if let Some(Settled { items: Held::Items(items), .. }) = same {
            items.push(item);
            continue;
        }
        let entry = store.work(&flow.name, drift.number).await?.and_then(|work| work.entry);
        // Held again, and not known how: the next push removes what its record should not be.
        settled.extend(entry.map(|entry| Settled {
            number: drift.number,
            revision: entry.revision,
            state: State::Retry(at),
            items: Held::Items(vec![item]),
            due: None,
            call: None,
            fault: None,
            refused: Vec::new(),
            trial: None,
            turn: entry.turn,
        }));
    }
    let extra = settled.len() as u64;
    if extra > 0 {
        let lease = store.lease(&Leased::Flow(flow.name.clone())).await?;
        let (flow, close, open, tickets) = (flow.name.clone(), Vec::new(), Vec::new(), Vec::new());
        store.advance(Step { flow, lease, close, settled, cursor: None, open, tickets, removed: 0, at }).await?;
    }
    let numbers = numbers(verified.drift.iter().filter(|drift| !drift.unread && !drift.extra));
    let again = if numbers.is_empty() { 0 } else { store.doubt(&flow.name, &numbers).await? };
    Ok(extra + again)
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

/// Looks for items of records that are gone or filtered, where their ids can be told from the records'. False where the
/// destination can't be read back.
async fn look_for_extra(flow: &Flow, kind: Kind, page: &[Work], verified: &mut Verified) -> Result<bool, Fault> {
    let is_off = |work: &&Work| {
        work.entry.as_ref().is_some_and(|entry| {
            matches!(entry.state, State::Gone | State::Filtered(_)) && entry.items.is_empty() && !work.unread
        })
    };
    let candidates: Vec<(&Work, RemoteId)> = page
        .iter()
        .filter(is_off)
        .flat_map(|work| flow.destination.ids_of(kind, &work.id).into_iter().map(move |id| (work, id)))
        .collect();
    if candidates.is_empty() {
        return Ok(true);
    }
    let ids: Vec<RemoteId> = candidates.iter().map(|(_, id)| id.clone()).collect();
    let Some(there) = flow.destination.read(kind, &ids).await else { return Ok(false) };
    let there = there?;
    for (work, item) in candidates.into_iter().filter(|(_, id)| there.iter().any(|(found, _)| found == id)) {
        let (number, id) = (work.number, work.id.clone());
        let (missing, extra, unread, fields) = (false, true, false, Vec::new());
        verified.drift.push(Drift { number, kind, id, item, missing, extra, unread, fields });
    }
    Ok(true)
}

/// False where the destination can't be read back.
async fn compare(
    flow: &Flow,
    store: &dyn Store,
    kind: Kind,
    page: &[&Work],
    verified: &mut Verified,
) -> Result<bool, Fault> {
    let ids = |work: &&&Work| work.entry.iter().flat_map(|entry| entry.items.clone()).map(|item| item.id).collect();
    let wanted: Vec<RemoteId> = page.iter().flat_map(|work| -> Vec<RemoteId> { ids(&work) }).collect();
    let Some(there) = flow.destination.read(kind, &wanted).await else { return Ok(false) };
    let there = there?;
    for work in page {
        let Some(entry) = store.entry(&flow.name, work.number).await? else { continue };
        for item in entry.items {
            verified.expected += 1;
            let found = there.iter().find(|(id, _)| *id == item.id).map(|(_, json)| json);
            let fields = match found {
                Some(json) => differing(&item.payload.object(), json),
                None => Vec::new(),
            };
            if found.is_some() && fields.is_empty() {
                verified.right += 1;
            } else {
                let (number, id, missing) = (work.number, work.id.clone(), found.is_none());
                let unread = work.unread;
                verified.drift.push(Drift { number, kind, id, item: item.id, missing, extra: false, unread, fields });
            }
        }
    }
    Ok(true)
}

/// Names of the fields we sent that are otherwise there. What the destination adds on its own is its own.
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
