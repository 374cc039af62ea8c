//! Composes the items that the destination should hold for a record: projected into the flow's markets, mapped by the
//! destination, with the user's own fields. Pure: no call, no clock, no store.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    Facet, Facets, Fault, Item, Payload, Subject, Writer,
    destination::{Made, Mapped, Markets, Shown},
    payload::OWN_FIELDS,
    store::Work,
};
use model::{Filtered, Kind, Listing, Market, PriceHistory, Record, Timestamp, VariantId, Window};
use serde_json::{Map, Value as Json};

use crate::{
    defect::defect,
    flow::{Flow, Prepared},
    mapping::Mapping,
    market::Projections,
    prices,
};

/// The state that a record will have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// It is in sync.
    InSync,
    /// The market does not show it, so the destination must not hold it.
    Filtered(&'static str),
    /// The source has deleted it.
    Gone,
    /// It can't be mapped to a payload; its items at the destination stay.
    Dead(Fault),
}

/// What a record should be at the destination.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The state that it will have.
    pub target: Target,
    /// The items that the destination should hold for it.
    pub items: Vec<Item>,
    /// The span around the instant in which that does not change.
    pub holds: Window,
    /// The prices that were seen of it until then, if the flow keeps a history of them.
    pub prices: Option<PriceHistory>,
}

/// What a record should be at the destination at `now`.
pub fn desired(flow: &Flow, prepared: &Prepared, work: &Work, now: Timestamp) -> Desired {
    let keeps_prices = work.kind == Kind::Product && flow.keeps_prices();
    let mut prices = None;
    let (target, items, holds) = match work.record() {
        _ if work.erased => (Target::Gone, Vec::new(), Window::OPEN),
        None => {
            prices = keeps_prices.then(|| prices::gone(prepared.views.each(), work, now));
            (Target::Gone, Vec::new(), Window::OPEN)
        }
        Some(Record::Product(product)) => {
            let mut projections = prepared.views.product(product, work.joined(), now);
            if keeps_prices {
                prices = Some(prices::observe(&prepared.views, product, work, &mut projections, now));
            }
            finish(flow, prepared, work.kind, &projections, Subject::Product)
        }
        Some(Record::Category(category)) => {
            let projections = prepared.views.category(category, now);
            finish(flow, prepared, work.kind, &projections, Subject::Category)
        }
        Some(Record::Customer(customer)) => {
            let projections = prepared.views.customer(customer);
            finish(flow, prepared, work.kind, &projections, Subject::Customer)
        }
        Some(Record::Order(order)) => {
            let projections = prepared.views.order(order);
            finish(flow, prepared, work.kind, &projections, Subject::Order)
        }
        Some(other) => {
            let fault = defect("C0602", format!("a {} can't be carried by a flow", other.kind()));
            (Target::Dead(fault), Vec::new(), Window::OPEN)
        }
    };
    Desired { target, items, holds, prices }
}

/// A composed record, in some of the flow's markets or all.
enum Composed {
    Items(Vec<Item>),
    Filtered(Filtered),
    Refused(Fault, Vec<Item>),
}

fn finish<'p, L>(
    flow: &Flow,
    prepared: &Prepared,
    kind: Kind,
    projections: &'p Projections<'p, L>,
    subject: impl Fn(Shown<'p, L>) -> Subject<'p>,
) -> (Target, Vec<Item>, Window) {
    let holds = projections.holds;
    if let Some(filtered) = projections.filtered() {
        return (Target::Filtered(filtered.name()), Vec::new(), holds);
    }
    let shown: Vec<(&Market, &L)> = projections.shown().collect();
    let at_once = match flow.markets_of(kind) {
        Markets::One => 1,
        Markets::Many => shown.len(),
    };
    let (mut all, mut filtered, mut refused) = (Vec::new(), None, None);
    let mut rest = shown.into_iter();
    while let Some(first) = rest.next() {
        let others: Vec<_> = rest.by_ref().take(at_once - 1).collect();
        match items(flow, prepared, &subject(Shown { first, others })) {
            Composed::Items(items) => all.extend(items),
            Composed::Filtered(rule) => drop(filtered.get_or_insert(rule)),
            Composed::Refused(fault, items) => {
                refused.get_or_insert(fault);
                all.extend(items);
            }
        }
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = all.iter().find(|item| !ids.insert(&item.id)) {
        let fault = defect("C0634", format!("two of its items would both be {:?}", twice.id.as_str()));
        return (Target::Dead(fault), Vec::new(), holds);
    }
    match (refused, filtered) {
        (Some(fault), _) => (Target::Dead(fault), all, holds),
        (None, Some(rule)) if all.is_empty() => (Target::Filtered(rule.name()), all, holds),
        (None, _) => (Target::InSync, all, holds),
    }
}

/// The destination's own items, with the user's fields laid over them, as they can be sent.
fn items(flow: &Flow, prepared: &Prepared, subject: &Subject<'_>) -> Composed {
    let mapping = flow.mapping(subject.kind()).filter(|mapping| !mapping.is_empty());
    let taken = |name: &str| mapping.is_some_and(|mapping| mapping.taken(name));
    let made = match flow.destination.map(subject, &prepared.account, &taken) {
        Ok(Mapped::Items(made)) => made,
        Ok(Mapped::Filtered(filtered)) => return Composed::Filtered(filtered),
        Err(fault) => return Composed::Refused(fault, Vec::new()),
    };
    let many = flow.markets_of(subject.kind()) == Markets::Many;
    let mut whole = Vec::with_capacity(made.len());
    let mut first_fault = None;
    for Made { mut item, variant } in made {
        if let Some(mapping) = mapping {
            let mut writer = Writer::resume(item.payload);
            let added = if many {
                add_to_all(mapping, subject, variant.as_ref(), &mut writer)
            } else {
                add_to_one(mapping, subject, variant.as_ref(), &mut writer)
            };
            item.payload = writer.finish();
            if let Err(fault) = added {
                first_fault.get_or_insert(fault);
            }
        }
        if let Err(fault) = flow.destination.fit(&mut item, &prepared.account) {
            first_fault.get_or_insert(fault);
        }
        whole.push(item);
    }
    match first_fault {
        None => Composed::Items(whole),
        Some(fault) => Composed::Refused(fault, whole),
    }
}

/// The index of this variant among those that a market sells.
fn place(listing: &Listing<'_>, variant: &VariantId) -> Option<usize> {
    listing.variants.iter().position(|offer| offer.id == variant)
}

/// Lays the user's fields over an item of one market.
fn add_to_one(
    mapping: &Mapping,
    subject: &Subject<'_>,
    variant: Option<&VariantId>,
    writer: &mut Writer<'_>,
) -> Result<(), Fault> {
    match subject {
        Subject::Product(Shown { first: (market, listing), .. }) => {
            mapping.apply_product(listing, variant.and_then(|id| place(listing, id)), market, writer)
        }
        Subject::Category(Shown { first: (market, listing), .. }) => mapping.apply_category(listing, market, writer),
        // They have no fields of the user's own.
        Subject::Customer(_) | Subject::Order(_) => Ok(()),
    }
}

/// Adds the user's fields to an item of several markets, as evaluated for each market ([`OWN_FIELDS`]).
fn add_to_all(
    mapping: &Mapping,
    subject: &Subject<'_>,
    variant: Option<&VariantId>,
    writer: &mut Writer<'_>,
) -> Result<(), Fault> {
    let mut own: BTreeMap<Facet, Map<String, Json>> = BTreeMap::new();
    let mut add = |market: &Market, fields: &Payload| {
        for facet in Facet::ALL.into_iter().filter(|facet| !fields.members(*facet).is_empty()) {
            let object = serde_json::from_str(&fields.only(Facets::NONE.with(facet)).object()).unwrap_or_default();
            own.entry(facet).or_default().insert(market.key.clone(), object);
        }
    };
    match subject {
        Subject::Product(shown) => {
            for (market, listing) in shown.iter() {
                let place = variant.and_then(|id| place(listing, id));
                // This market does not sell the variant.
                if variant.is_some() && place.is_none() {
                    continue;
                }
                let mut fields = Writer::resume(Payload::default());
                mapping.apply_product(listing, place, market, &mut fields)?;
                add(market, &fields.finish());
            }
        }
        Subject::Category(shown) => {
            for (market, listing) in shown.iter() {
                let mut fields = Writer::resume(Payload::default());
                mapping.apply_category(listing, market, &mut fields)?;
                add(market, &fields.finish());
            }
        }
        Subject::Customer(_) | Subject::Order(_) => {}
    }
    own.iter().try_for_each(|(facet, fields)| writer.force(*facet, OWN_FIELDS, fields)).map_err(|wrong| {
        Fault::record("C0522", format!("{} {}: its own fields are no JSON: {wrong}", subject.kind(), subject.id()))
    })
}
