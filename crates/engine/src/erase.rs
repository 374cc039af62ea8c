//! Ends the erasure of persons: once every flow has settled every removal, destinations that can be read are asked whether
//! anything is left, and what is kept of the person is deleted.
//!
//! **Invariant:** an erasure never ends while a destination that can be asked still shows an item of the person.

use std::collections::BTreeMap;

use contract::{
    Fault,
    store::{Erasing, Erasure, ReadBack},
};
use model::{FlowName, Kind, RemoteId};

use crate::{flow::Flow, run::Engine};

/// Ids that are asked for at once.
const ASKED_AT_ONCE: usize = 100;

impl Engine {
    /// Has every flow look for work: an erasure has begun.
    pub fn ring(&self) {
        for origin in &self.origins {
            origin.pull.ring();
        }
    }

    /// Ends the erasures whose removals are all settled; returns why others of them could not be ended: their destinations are
    /// asked again the next time.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_erasures(&self) -> Result<Vec<Fault>, Fault> {
        let mut left = Vec::new();
        let open = self.store.open_erasures().await?.into_iter();
        for erasure in open.filter(|erasure| erasure.flows.iter().all(|from| from.left == 0)) {
            match self.read_back(&erasure).await? {
                Ok(read_back) => {
                    let number = erasure.erasure;
                    if self.store.end_erasure(number, &read_back, self.clock.now()).await? {
                        tracing::info!(erasure = number, "a person was erased");
                    }
                }
                Err(fault) => {
                    tracing::warn!(erasure = erasure.erasure, %fault, "an erasure can't be ended yet");
                    left.push(fault);
                }
            }
        }
        Ok(left)
    }

    /// What destinations say of what they removed. The inner error: one can't be asked, or still has something.
    async fn read_back(&self, erasure: &Erasure) -> Result<Result<Vec<ReadBack>, Fault>, Fault> {
        let records = self.store.erasing(erasure.erasure).await?;
        let mut all = Vec::new();
        for from in erasure.flows.iter().filter(|from| from.items > 0) {
            let Some(flow) = self.flows.iter().find(|flow| flow.id() == from.id()) else { continue };
            match asked(flow, from.kind, &records).await {
                Ok(Some((asked, found))) => {
                    all.push(ReadBack { flow: flow.name.clone(), kind: from.kind, asked, found, at: self.clock.now() });
                }
                Ok(None) => {}
                Err(fault) => return Ok(Err(fault)),
            }
        }
        let left: BTreeMap<&FlowName, u64> =
            all.iter().filter(|it| it.found > 0).map(|it| (&it.flow, it.found)).collect();
        Ok(match left.first_key_value() {
            None => Ok(all),
            Some((flow, found)) => Err(Fault::transient(
                "C0651",
                format!("the destination of flow {flow} still shows {found} items of a person who is being erased"),
            )
            .hint("it may take a while to delete them; where that stays so, delete them there by hand")),
        })
    }
}

/// How many items of these records a destination was asked for, and how many it has; `None`: it can't be asked.
async fn asked(flow: &Flow, kind: Kind, records: &[Erasing]) -> Result<Option<(u64, u64)>, Fault> {
    let of_flow = records.iter().filter(|it| it.source == flow.source && it.found.kind == kind);
    let ids: Vec<RemoteId> = of_flow.flat_map(|it| flow.destination.ids_of(kind, &it.found.id)).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let mut found = 0;
    for ids in ids.chunks(ASKED_AT_ONCE) {
        let Some(read) = flow.destination.read(kind, ids).await else { return Ok(None) };
        found += read?.len() as u64;
    }
    Ok(Some((ids.len() as u64, found)))
}
