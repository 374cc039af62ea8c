//! Finds out whether a hosted feed that was served whole was imported: whether the importer removed the items that it
//! does not hold.
//!
//! That the last byte was handed to the connection does not mean that it arrived, nor that it was imported. So the
//! destination is read back, and a record waits until its items are no longer there.

use contract::{
    Clock, Fault, Store,
    store::{Held, Leased, Number, Revision, Settled, State, Step, Work},
};
use model::{Kind, RemoteId, Window};

use crate::flow::Flow;

/// Records read, and read back, at once.
const PAGE: usize = 200;

/// Settles the records of a kind that wait for an import of a feed up to this revision and of which the destination
/// holds no item any more; returns how many still wait. A destination that can't be read back is assumed to have
/// imported it.
///
/// # Errors
/// The store's, or the destination's where it can't be read back now.
pub async fn settle(
    flow: &Flow,
    store: &dyn Store,
    clock: &dyn Clock,
    kind: Kind,
    up_to: Revision,
) -> Result<u64, Fault> {
    let (mut after, mut left) = (Number(0), 0);
    loop {
        let page = store.scan(&flow.name, kind, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(left) };
        after = last.number;
        let waits = |work: &&Work| {
            work.entry.as_ref().is_some_and(|entry| entry.state.is_left_to_import() && entry.revision <= up_to)
        };
        let waiting: Vec<&Work> = page.iter().filter(waits).collect();
        if waiting.is_empty() {
            continue;
        }
        let asked: Vec<RemoteId> = waiting.iter().flat_map(|work| ids(work)).collect();
        let there: Vec<RemoteId> = match flow.destination.read(kind, &asked).await {
            Some(there) => there?.into_iter().map(|(id, _)| id).collect(),
            None => Vec::new(),
        };
        let (still, gone): (Vec<&Work>, Vec<&Work>) =
            waiting.into_iter().partition(|work| ids(work).any(|id| there.contains(&id)));
        left += still.len() as u64;
        let at = clock.now();
        let settled: Vec<Settled> = gone
            .into_iter()
            .filter_map(|work| Some((work, work.entry.as_ref()?)))
            .map(|(work, entry)| Settled {
                number: work.number,
                revision: entry.revision,
                // A record that is not deleted may be sold again by now.
                state: if work.record().is_none() { State::Gone } else { State::Retry(at) },
                items: Held::Items(Vec::new()),
                holds: Window::OPEN,
                call: None,
                fault: None,
                refused: Vec::new(),
                trial: None,
                turn: entry.turn,
                prices: None,
            })
            .collect();
        if !settled.is_empty() {
            let lease = store.lease(&Leased::Flow(flow.name.clone())).await?;
            let (flow, close, open, tickets) = (flow.name.clone(), Vec::new(), Vec::new(), Vec::new());
            store.advance(Step { flow, lease, close, settled, cursor: None, open, tickets, removed: 0, at }).await?;
        }
    }
}

/// The items of a record that the destination holds according to the ledger.
fn ids(work: &Work) -> impl Iterator<Item = RemoteId> + '_ {
    work.entry.iter().flat_map(|entry| &entry.items).map(|item| item.id.clone())
}
