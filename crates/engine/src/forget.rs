//! Deletes the ledger entries of flows and sources that are no longer configured, and of kinds that a flow no longer carries, on
//! request with their items at the destination.
//!
//! **Invariants:** an item that a configured flow into the same destination holds is never removed; the entry of an
//! item that could not be removed stays in the ledger, so that the command can be run again.

use std::{collections::HashSet, time::Duration};

use contract::{
    Call, Clock, Destination, Digest, Fault, Op, Outcome, Parcel, Removal, Store,
    destination::Verdict,
    store::{Declared, HeldItems, Leftover, Number},
};
use model::{Kind, RemoteId};
use serde::Serialize;

/// Records read, and ledger entries deleted, at once.
const PAGE: usize = 1000;
/// How long a call is waited for that the destination carries out in its own time.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// The result of forgetting a leftover.
#[derive(Clone, Debug, Default, Serialize, schemars::JsonSchema)]
pub struct Forgotten {
    /// Ledger entries that were deleted.
    pub records: u64,
    /// Items that were removed at the destination.
    pub removed: u64,
    /// Items that a configured flow holds as well, and that were left in place.
    pub shared: u64,
    /// Items that could not be removed, whose ledger entries are kept.
    pub left: u64,
    /// Why they could not be removed.
    pub fault: Option<Fault>,
}

/// Deletes the ledger entries of a leftover and leaves its items at the destination.
///
/// # Errors
/// The store's.
pub async fn forget(leftover: &Leftover, store: &dyn Store) -> Result<u64, Fault> {
    let mut records = 0;
    if leftover.kind.is_some() {
        // The flow itself goes on.
        let mut pages = Pages::of(leftover);
        while let Some(page) = pages.next(store).await? {
            let numbers: Vec<Number> = page.iter().map(|held| held.number).collect();
            records += store.forget_entries(&leftover.id, &numbers).await?;
        }
        return Ok(records);
    }
    loop {
        match store.forget_flow(&leftover.id, PAGE).await? {
            0 => break,
            forgotten => records += forgotten,
        }
    }
    while store.forget_source(&leftover.id.source, PAGE).await? > 0 {}
    Ok(records)
}

/// Removes the items of a leftover at the destination, and deletes the ledger entries of those that were removed.
/// `configured`: the configured flows into the same account, that of a leftover that is only a kind among them.
///
/// # Errors
/// The store's. A refusal of the destination is in the result.
pub async fn remove(
    leftover: &Leftover,
    destination: &dyn Destination,
    configured: &[Declared],
    store: &dyn Store,
    clock: &dyn Clock,
) -> Result<Forgotten, Fault> {
    let theirs = items_of(configured, store).await?;
    let mut forgotten = Forgotten::default();
    let mut pages = Pages::of(leftover);
    while let Some(page) = pages.next(store).await? {
        let mut done: Vec<Number> = Vec::new();
        for kind in Kind::CARRIED {
            let of_kind: Vec<&HeldItems> = page.iter().filter(|held| held.kind == kind).collect();
            let place = Place { leftover, destination, store, clock, theirs: &theirs };
            let removed = remove_items(kind, &of_kind, &place, &mut forgotten).await?;
            let is_done = |held: &&&HeldItems| held.items.iter().all(|item| removed.contains(item));
            done.extend(of_kind.iter().filter(is_done).map(|held| held.number));
        }
        forgotten.records += store.forget_entries(&leftover.id, &done).await?;
        // A destination that can't be reached is not asked for every page.
        if forgotten.fault.as_ref().is_some_and(|fault| fault.class != contract::FaultClass::Record) {
            while let Some(page) = pages.next(store).await? {
                forgotten.left += page.iter().map(|held| held.items.len() as u64).sum::<u64>();
            }
            break;
        }
    }
    if forgotten.left == 0 {
        forgotten.records += forget(leftover, store).await?;
    }
    Ok(forgotten)
}

/// The items of these flows of the kinds that they carry, as digests of kind and id: a few bytes for each.
pub(crate) async fn items_of(flows: &[Declared], store: &dyn Store) -> Result<HashSet<Digest>, Fault> {
    let mut items = HashSet::new();
    for flow in flows {
        let mut after = Number(0);
        loop {
            let page = store.held_items(&flow.id(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.number;
            let carried = page.iter().filter(|held| flow.carries.contains(&held.kind));
            items.extend(carried.flat_map(|held| held.items.iter().map(|item| digest(held.kind, item))));
        }
    }
    Ok(items)
}

pub(crate) fn digest(kind: Kind, item: &RemoteId) -> Digest {
    Digest::of(format!("{kind} {}", item.as_str()).as_bytes())
}

/// The items of a leftover, page by page.
struct Pages<'l> {
    leftover: &'l Leftover,
    after: Number,
}

impl<'l> Pages<'l> {
    const fn of(leftover: &'l Leftover) -> Self {
        Self { leftover, after: Number(0) }
    }

    /// The next page; `None`: there is nothing more. A page that has only other kinds is returned empty.
    async fn next(&mut self, store: &dyn Store) -> Result<Option<Vec<HeldItems>>, Fault> {
        let mut page = store.held_items(&self.leftover.id, self.after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.number;
        page.retain(|held| self.leftover.kind.is_none_or(|kind| kind == held.kind));
        Ok(Some(page))
    }
}

/// Where items are removed.
struct Place<'f> {
    leftover: &'f Leftover,
    destination: &'f dyn Destination,
    store: &'f dyn Store,
    clock: &'f dyn Clock,
    /// The items of other flows into the same account.
    theirs: &'f HashSet<Digest>,
}

/// Removes items of one kind; returns those that were removed or that another flow holds.
async fn remove_items(
    kind: Kind,
    held: &[&HeldItems],
    place: &Place<'_>,
    forgotten: &mut Forgotten,
) -> Result<HashSet<RemoteId>, Fault> {
    let Place { leftover, destination, store, clock, theirs } = place;
    let carry = destination.carry(kind).copied();
    let needs_before = carry.is_some_and(|carry| carry.needs_before);
    let mut done = HashSet::new();
    let mut to_remove: Vec<Parcel> = Vec::new();
    for held in held {
        let mut own = Vec::new();
        for item in &held.items {
            if theirs.contains(&digest(kind, item)) {
                forgotten.shared += 1;
                done.insert(item.clone());
            } else if destination.is_event(kind, item) {
                // What was reported can't be taken back.
                done.insert(item.clone());
            } else {
                own.push(item);
            }
        }
        let known = if needs_before && !own.is_empty() {
            store.held_payloads(&leftover.id, held.number).await?
        } else {
            Vec::new()
        };
        to_remove.extend(own.into_iter().map(|id| {
            let before = known.iter().find(|item| item.id == *id).map(|item| item.payload.clone());
            Parcel { before, ..Parcel::named(id.clone()) }
        }));
    }
    if to_remove.is_empty() {
        return Ok(done);
    }
    let op = match carry.map(|carry| carry.removal) {
        Some(Removal::Call) => Some(Op::Remove),
        Some(Removal::Hide) => Some(Op::Hide),
        Some(Removal::Feed | Removal::Leave) | None => None,
    };
    let Some(op) = op else {
        forgotten.left += to_remove.len() as u64;
        let message = format!("the destination removes no {kind} by a call");
        forgotten.fault.get_or_insert_with(|| {
            Fault::record("C0611", message).hint(
                "remove them there by hand, or let it import a hosted feed without them; then run `cartage forget` \
                       without --remove-items",
            )
        });
        return Ok(done);
    };
    let most = destination.limits(kind, op).items.max(1);
    // Items of different groups share no call.
    to_remove.sort_by(|one, other| destination.call_group(&one.id).cmp(destination.call_group(&other.id)));
    let groups = to_remove.chunk_by(|one, other| destination.call_group(&one.id) == destination.call_group(&other.id));
    for items in groups.flat_map(|group| group.chunks(most)) {
        if forgotten.fault.as_ref().is_some_and(|fault| fault.class != contract::FaultClass::Record) {
            forgotten.left += items.len() as u64;
            continue;
        }
        let parcels = items.to_vec();
        let receipt = destination.send(&Call { account: contract::Account::default(), kind, op, parcels }).await;
        let ids: Vec<RemoteId> = items.iter().map(|parcel| parcel.id.clone()).collect();
        let outcomes = match ended(receipt.verdict, &ids, *destination, *clock).await {
            Verdict::Whole(outcome) => vec![outcome; items.len()],
            Verdict::Each(outcomes) => outcomes,
            Verdict::Pending { .. } => {
                let message = "the destination has not removed them within an hour of being asked to";
                let fault = Fault::transient("C0611", message)
                    .hint("run `cartage forget` again once it has carried out what it was asked for; that removes what is left");
                vec![Outcome::Deferred(fault); items.len()]
            }
        };
        for (at, item) in items.iter().enumerate() {
            match outcomes.get(at) {
                Some(outcome) if outcome.is_delivered() => {
                    forgotten.removed += 1;
                    done.insert(item.id.clone());
                }
                outcome => {
                    forgotten.left += 1;
                    if let Some(fault) = outcome.and_then(Outcome::fault) {
                        forgotten.fault.get_or_insert_with(|| fault.clone());
                    }
                }
            }
        }
    }
    Ok(done)
}

/// The verdict of a call once the destination has carried it out; still pending if that takes too long.
async fn ended(mut verdict: Verdict, ids: &[RemoteId], destination: &dyn Destination, clock: &dyn Clock) -> Verdict {
    let until = clock.now().plus(LONGEST_WAIT);
    while let Verdict::Pending { ticket, ask_in } = verdict {
        if clock.now() >= until {
            return Verdict::Pending { ticket, ask_in };
        }
        clock.sleep_until(clock.now().plus(ask_in)).await;
        verdict = match destination.poll(&ticket, ids).await.verdict {
            // It could not be asked, and is asked again.
            Verdict::Whole(Outcome::Deferred(_)) => Verdict::Pending { ticket, ask_in },
            verdict => verdict,
        };
    }
    verdict
}
