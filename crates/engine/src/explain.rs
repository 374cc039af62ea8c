//! Explains one record: what the source has, what each market shows of it and why, what was sent and answered.

use contract::{
    Clock, Fault, Store,
    destination::LEFT_TO_IMPORT,
    store::{EntryView, Found, Hold, Number, Revision, State, Stopped, UnreadRow, Work},
};
use model::{Kind, Notice, Record, RecordId, Timestamp};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    compose::Target,
    flow::Flow,
    hidden::{HIDDEN, hidden, hide},
    market::{Origin, View},
    plan::{FieldChange, differences, planned},
    prepare::Part,
};

/// Everything known about one record, from source to destinations.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Journey {
    /// Its kind.
    pub kind: Kind,
    /// Its id at the source.
    pub id: RecordId,
    /// Its number in the mirror.
    pub number: Number,
    /// Its revision.
    pub revision: Revision,
    /// The source's version.
    pub version: u64,
    /// When the source last changed it.
    pub modified_at: Option<Timestamp>,
    /// When its content last changed in the mirror.
    pub changed_at: Timestamp,
    /// Set if its latest form at the source could not be understood: when it was seen last, and why. `record` is then
    /// the last form that was understood.
    pub unread: Option<UnreadRow>,
    /// Details of it and of its parts (prices, variants) that were left out; the rest is carried.
    pub notices: Vec<Notice>,
    /// The record as the mirror holds it; `None` when it is deleted.
    pub record: Option<Json>,
    /// The record in each flow that carries its kind.
    pub flows: Vec<Stop>,
}

/// A record in one flow.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
pub struct Stop {
    /// The flow.
    pub flow: String,
    /// Its market.
    pub market: String,
    /// The state in which `status` counts it: `in_sync`, `pending`, `waiting`, `held`, `filtered`, `dead`, `unread` or `gone`.
    pub verdict: &'static str,
    /// The reason for the state, as text.
    pub why: String,
    /// Whether the market sells it now, as text.
    pub wanted: String,
    /// Where the values come from, in each of its markets.
    pub origins: Vec<Origin>,
    /// The items the destination should hold.
    pub items: Vec<Json>,
    /// If something has to be sent: the fields that differ from the payload acknowledged last.
    pub pending: Vec<FieldChange>,
    /// When the projection may change by time alone.
    pub next: Option<Timestamp>,
    /// Its entry in the ledger.
    pub ledger: Option<EntryView>,
    /// Since when a person has paused the flow.
    pub paused_since: Option<Timestamp>,
    /// The flow has stopped by a fault.
    pub stopped: Option<Stopped>,
}

impl Journey {
    /// Hides the values of a record about a person; of any other record nothing is hidden.
    pub fn hide(&mut self) {
        if !self.kind.is_personal() {
            return;
        }
        self.record.iter_mut().for_each(hide);
        for stop in &mut self.flows {
            stop.items.iter_mut().for_each(hide);
            for change in &mut stop.pending {
                change.hide();
            }
            if let Some(entry) = &mut stop.ledger {
                entry.items = entry.items.iter().map(hidden).collect();
                let of_fault = entry.fault.as_mut().and_then(|fault| fault.response.as_mut());
                let of_call = entry.call.as_mut().map(|call| &mut call.response);
                of_fault.into_iter().chain(of_call).for_each(|response| HIDDEN.clone_into(response));
            }
        }
    }
}

/// Explains a found record in these flows. `unread`: why its latest form could not be understood, if so.
///
/// # Errors
/// The store's, or that a market's settings name what the source does not have.
pub async fn explain(
    found: &Found,
    unread: Option<&UnreadRow>,
    flows: &[&Flow],
    store: &dyn Store,
    clock: &dyn Clock,
) -> Result<Journey, Fault> {
    let mut stops = Vec::new();
    let mut notices = found.record.as_ref().map(|record| record.notices().to_vec()).unwrap_or_default();
    if Kind::CARRIED.contains(&found.kind) {
        for flow in flows.iter().filter(|flow| flow.carry(found.kind).is_some()) {
            let Some(work) = store.work(&flow.name, found.number).await? else { continue };
            let of_parts = work.joined().iter().flat_map(Record::notices);
            let unknown: Vec<Notice> = of_parts.filter(|notice| !notices.contains(notice)).cloned().collect();
            notices.extend(unknown);
            stops.push(stop(&work, unread, flow, store, clock).await?);
        }
    }
    Ok(Journey {
        kind: found.kind,
        id: found.id.clone(),
        number: found.number,
        revision: found.revision,
        version: found.version,
        modified_at: found.modified_at,
        changed_at: found.changed_at,
        unread: unread.cloned(),
        notices,
        record: found.record.as_ref().and_then(|record| serde_json::to_value(record).ok()),
        flows: stops,
    })
}

async fn stop(
    work: &Work,
    unread: Option<&UnreadRow>,
    flow: &Flow,
    store: &dyn Store,
    clock: &dyn Clock,
) -> Result<Stop, Fault> {
    let prepared = flow.prepared(store).await?;
    let job = planned(flow, store, clock, &prepared, work).await?;
    let ledger = store.entry(&flow.name, work.number).await?;
    let wanted = match &job.target {
        Target::InSync => "the market sells it".to_owned(),
        Target::Filtered(rule) => format!("rule {rule} keeps it out"),
        Target::Gone => "the source no longer has it".to_owned(),
        Target::Dead(fault) => format!("it can't be made into a payload: {fault}"),
    };
    let (verdict, why) = if work.unread {
        ("unread", unread.map_or_else(|| "it could not be understood".to_owned(), |row| row.fault.to_string()))
    } else {
        stands(work, ledger.as_ref())
    };
    let next = job.holds.until;
    let prices = job.prices.as_ref().or(work.prices.as_ref());
    let of = |view: &View| work.record().map(|record| view.origins(record, work.joined(), prices, clock.now()));
    let origins = prepared.views.each().iter().filter_map(of).flatten().collect();
    let items: Vec<_> = job.parts.into_iter().filter_map(Part::item).collect();
    let acknowledged = ledger.as_ref().map(|entry| entry.items.as_slice()).unwrap_or_default();
    let pending = if verdict == "pending" { differences(acknowledged, &items) } else { Vec::new() };
    Ok(Stop {
        flow: flow.name.to_string(),
        market: flow.market_names(),
        verdict,
        why,
        wanted,
        origins,
        items: items.iter().map(contract::Item::json).collect(),
        pending,
        next,
        ledger,
        paused_since: store.tally(&flow.name).await?.paused_since,
        stopped: store.trouble(&flow.name).await?.stopped,
    })
}

/// The state of the record in the flow, and the reason.
fn stands(work: &Work, ledger: Option<&EntryView>) -> (&'static str, String) {
    let Some(entry) = ledger else { return ("pending", "it was never sent".to_owned()) };
    let reason = || entry.fault.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
    if entry.revision < work.revision {
        return ("pending", format!("it changed since it was settled at {}", entry.settled_at));
    }
    if work.ahead {
        let at = entry.settled_at;
        return ("pending", format!("the flow's settings changed since it was settled at {at}; it is looked at again"));
    }
    match &entry.state {
        State::InSync => {
            let warning = entry.fault.as_ref().map(|fault| format!(", and warns: {fault}")).unwrap_or_default();
            ("in_sync", format!("the destination acknowledged it at {}{warning}", entry.settled_at))
        }
        State::Filtered(rule) if rule == "dropped" => {
            ("filtered", "it was dropped with `cartage dead drop` until it changes".to_owned())
        }
        State::Filtered(rule) if rule == LEFT_TO_IMPORT => (
            "filtered",
            "no call removes it at the destination: it stays there until the hosted feed is imported".to_owned(),
        ),
        State::Filtered(rule) => ("filtered", format!("rule {rule} keeps it out{}", reason())),
        State::Dead => ("dead", format!("it became dead at {}{}", entry.settled_at, reason())),
        State::Gone => ("gone", "the source no longer has it, and the destination knows".to_owned()),
        State::Retry(at) => {
            ("pending", format!("it is tried again at {at}, after {} attempts{}", entry.attempts, reason()))
        }
        State::AwaitsFeed => ("waiting", "it goes with the destination's next import of the hosted feed".to_owned()),
        State::AwaitsImport => ("waiting", "the destination is still importing it".to_owned()),
        State::Held(Hold::Removal) => (
            "held",
            "it is to be removed, and the flow's guard stopped removals; `cartage sync --allow-deletes`".to_owned(),
        ),
        State::Held(Hold::UnknownOutcome) => {
            ("held", "the outcome of a call that may not be repeated is not known".to_owned())
        }
    }
}
