//! The journey of one record: what the source said, what each market made of it and why, what was sent and answered.

use contract::{
    Clock, Fault, Store,
    store::{EntryView, Found, Number, Revision},
};
use model::{Kind, RecordId, Timestamp};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{
    flow::Flow,
    plan::{FieldChange, differences},
    prepare::{Part, Target, job},
};

/// The journey of one record.
#[derive(Clone, Debug, Serialize)]
pub struct Journey {
    /// What it is.
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
    /// The record as the mirror holds it; none when it is gone.
    pub record: Option<Json>,
    /// What each flow made of it.
    pub flows: Vec<Stop>,
}

/// What a flow made of a record.
#[derive(Clone, Debug, Serialize)]
pub struct Stop {
    /// The flow.
    pub flow: String,
    /// Its market.
    pub market: String,
    /// What the destination should hold: `in_sync`, `filtered`, `gone`, `dead`.
    pub verdict: &'static str,
    /// Why, in words.
    pub why: String,
    /// The items it should hold.
    pub items: Vec<Json>,
    /// Fields in which that differs from what was acknowledged last.
    pub pending: Vec<FieldChange>,
    /// When the projection may change by time alone.
    pub next: Option<Timestamp>,
    /// What the ledger holds.
    pub ledger: Option<EntryView>,
}

/// The journey of a found record through these flows.
///
/// # Errors
/// The store's, or that a market's settings name what the source does not have.
pub async fn explain(found: &Found, flows: &[&Flow], store: &dyn Store, clock: &dyn Clock) -> Result<Journey, Fault> {
    let mut stops = Vec::new();
    if Kind::CARRIED.contains(&found.kind) {
        for flow in flows {
            stops.extend(stop(found.number, flow, store, clock).await?);
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
        record: found.record.as_ref().and_then(|record| serde_json::to_value(record).ok()),
        flows: stops,
    })
}

async fn stop(number: Number, flow: &Flow, store: &dyn Store, clock: &dyn Clock) -> Result<Option<Stop>, Fault> {
    let Some(work) = store.work(&flow.name, number).await? else { return Ok(None) };
    let view = flow.view(store).await?;
    let job = job(flow, &view, &work, clock.now());
    let ledger = store.entry(&flow.name, number).await?;
    let (verdict, why) = match &job.target {
        Target::InSync => ("in_sync", "the market sells it".to_owned()),
        Target::Filtered(rule) => ("filtered", format!("rule {rule} keeps it out")),
        Target::Gone => ("gone", "the source no longer has it".to_owned()),
        Target::Dead(fault) => ("dead", fault.to_string()),
    };
    let next = job.due;
    let items: Vec<_> = job.parts.into_iter().filter_map(Part::item).collect();
    let acknowledged = ledger.as_ref().map(|entry| entry.items.as_slice()).unwrap_or_default();
    let pending = differences(acknowledged, &items);
    let object = |item: &contract::Item| {
        let mut object: serde_json::Map<String, Json> =
            serde_json::from_str(&item.payload.object()).unwrap_or_default();
        object.insert("id".to_owned(), Json::String(item.id.as_str().to_owned()));
        Json::Object(object)
    };
    Ok(Some(Stop {
        flow: flow.name.to_string(),
        market: flow.market.key.clone(),
        verdict,
        why,
        items: items.iter().map(object).collect(),
        pending,
        next,
        ledger,
    }))
}
