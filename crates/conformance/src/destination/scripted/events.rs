//! A destination with calls that may not be repeated: it keeps a profile of each product, and one event per product
//! says that the product exists. Changes of consent that people make there come back as records.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Change, Destination, DestinationDescriptor, Facet, FacetSpec, Fault, Item, Lane, Limits,
    Next, Op, Outcome, Page, Payload, Position, Receipt, Source, SourceDescriptor, Subject, Token, Writer,
    destination::{Made, Mapped, Markets, Repeat, Resolution, Verdict},
    source::{Finding, Urgency},
};
use model::{Brand, Kind, Localized, Market, PricePolicy, Record, RemoteId};
use serde_json::{Value as Json, json};

use super::{locked, lost, receipt};

static DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "events",
    title: "Events",
    mapping: 1,
    fields: |_| &[],
    facets: |_| &FacetSpec::WHOLE,
    extra_name: None,
};

static SIGNALS: SourceDescriptor = SourceDescriptor {
    name: "events",
    title: "Events",
    price_policy: PricePolicy::FirstScope(&[]),
    lacks: &[],
    lacks_with: &[],
    leaves_out: &[],
};

/// Prefix of the ids of events.
const EVENT: &str = "launch:";

/// The vendor's side.
#[derive(Debug, Default)]
pub struct Service(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    profiles: BTreeMap<String, Json>,
    /// The events that it received, each as often as it was sent.
    events: Vec<String>,
    loses: Option<Loses>,
    /// Whether it can't list the events that it received.
    is_mute: bool,
    /// Signals of people, by number.
    signals: Vec<String>,
    /// Profiles with this name are refused.
    refused: Option<String>,
    /// How the next reads fail.
    failing: VecDeque<Fault>,
    calls: u64,
}

/// How the next call with an event fails: the answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loses {
    /// Before the call has its effect.
    Before,
    /// After the call had its effect.
    After,
}

impl Service {
    /// The next call with an event fails like this.
    pub fn lose(&self, loses: Loses) {
        locked(&self.0).loses = Some(loses);
    }

    /// From now on it can't list the events that it received.
    pub fn be_mute(&self) {
        locked(&self.0).is_mute = true;
    }

    /// A person gives a signal, which comes back as a record of this id.
    pub fn signal(&self, id: &str) {
        locked(&self.0).signals.push(id.to_owned());
    }

    /// Profiles with this name are refused from now on; none: no profile is.
    pub fn refuse(&self, name: Option<&str>) {
        locked(&self.0).refused = name.map(str::to_owned);
    }

    /// The next reads fail like this, one after the other.
    pub fn fail_reads(&self, faults: impl IntoIterator<Item = Fault>) {
        locked(&self.0).failing.extend(faults);
    }

    /// It loses a profile.
    pub fn lose_profile(&self, id: &str) {
        locked(&self.0).profiles.remove(id);
    }

    /// Somebody else makes a profile.
    pub fn add_profile(&self, id: &str) {
        locked(&self.0).profiles.insert(id.to_owned(), json!({}));
    }

    /// How many events of this product it received.
    pub fn events(&self, product: &str) -> usize {
        locked(&self.0).events.iter().filter(|id| id.strip_prefix(EVENT) == Some(product)).count()
    }

    /// Its profile of this product.
    pub fn profile(&self, product: &str) -> Option<Json> {
        locked(&self.0).profiles.get(product).cloned()
    }
}

/// A connector to a [`Service`].
#[derive(Debug)]
pub struct Events {
    service: Arc<Service>,
    carries: [Carry; 1],
    /// Profiles are kept by market.
    by_market: bool,
}

impl Events {
    /// A new connector, as after a start. `report`: what is done when it is unknown whether an event was received.
    pub fn new(service: &Arc<Service>, report: Repeat) -> Self {
        // Like a contact, a profile belongs to the account and not to a market.
        let carry = Carry { report, markets: Markets::Many, ..Carry::of(Kind::Product) };
        Self { service: Arc::clone(service), carries: [carry], by_market: false }
    }

    /// Keeps the profiles of each market in a collection of its own; ids begin with the market's key.
    #[must_use]
    pub fn by_market(self) -> Self {
        let [carry] = self.carries;
        Self { by_market: true, carries: [Carry { markets: Markets::One, ..carry }], ..self }
    }
}

fn item(id: &str, name: &str) -> Result<Item, serde_json::Error> {
    let mut writer = Writer::resume(Payload::default());
    writer.put(Facet::CONTENT, "name", name)?;
    Ok(Item { id: id.into(), payload: writer.finish() })
}

#[async_trait]
impl Destination for Events {
    fn descriptor(&self) -> &'static DestinationDescriptor {
        &DESCRIPTOR
    }

    fn fingerprint(&self) -> String {
        "events".to_owned()
    }

    fn account_id(&self) -> String {
        "events".to_owned()
    }

    fn spaces(&self, markets: &[Market], _: &[Kind]) -> Vec<String> {
        let of = |market: &Market| format!("events {}", market.key);
        if self.by_market { markets.iter().map(of).collect() } else { vec!["events".to_owned()] }
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, op: Op) -> Limits {
        Limits { items: if op == Op::Report { 1 } else { 50 }, bytes: 1 << 20, concurrency: 2 }
    }

    fn map(&self, subject: &Subject<'_>, _: &Account, _: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        let Subject::Product(shown) = subject else {
            return Err(Fault::config("C0998", format!("a {} has no place here", subject.kind())));
        };
        let (market, listing) = shown.first;
        let (id, name) = (listing.id.as_str(), listing.name);
        let id = if self.by_market { format!("{}/{id}", market.key) } else { id.to_owned() };
        let items = [id.clone(), format!("{EVENT}{id}")].map(|id| item(&id, name).map(Made::whole));
        let items = items.into_iter().collect::<Result<_, _>>();
        items.map(Mapped::Items).map_err(|wrong| Fault::record("C0998", wrong.to_string()))
    }

    fn is_event(&self, _: Kind, item: &RemoteId) -> bool {
        item.as_str().starts_with(EVENT)
    }

    async fn send(&self, call: &Call) -> Receipt {
        let mut state = locked(&self.service.0);
        state.calls += 1;
        let loses = if call.op == Op::Report { state.loses.take() } else { None };
        if loses == Some(Loses::Before) {
            return receipt(Verdict::Whole(lost()), 0);
        }
        let outcomes = call.parcels.iter().map(|parcel| {
            let id = parcel.id.to_string();
            match call.op {
                Op::Report => state.events.push(id),
                Op::Put => {
                    let profile: Json = serde_json::from_str(&parcel.payload.object()).unwrap_or_default();
                    let name = profile.get("name").and_then(Json::as_str);
                    if state.refused.is_some() && name == state.refused.as_deref() {
                        return Outcome::Rejected(Fault::record("C0998", format!("profile {id} is refused")));
                    }
                    drop(state.profiles.insert(id, profile));
                }
                Op::Remove => drop(state.profiles.remove(&id)),
                Op::Patch(_) | Op::Hide => {
                    return Outcome::Rejected(Fault::config("C0998", format!("there is no {}", call.op.name())));
                }
            }
            Outcome::Delivered
        });
        let outcomes = outcomes.collect();
        if loses == Some(Loses::After) {
            return receipt(Verdict::Whole(lost()), 0);
        }
        receipt(Verdict::Each(outcomes), 200)
    }

    async fn resolve(&self, _: Kind, items: &[RemoteId]) -> Result<Vec<Resolution>, Fault> {
        let mut state = locked(&self.service.0);
        state.calls += 1;
        let state = &*state;
        let known = |item: &RemoteId| match state.events.iter().any(|event| event == item.as_str()) {
            _ if state.is_mute => Resolution::Unsure,
            true => Resolution::Arrived,
            false => Resolution::Absent,
        };
        Ok(items.iter().map(known).collect())
    }

    async fn read(&self, _: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, Json)>, Fault>> {
        let mut state = locked(&self.service.0);
        state.calls += 1;
        if let Some(fault) = state.failing.pop_front() {
            return Some(Err(fault));
        }
        let there = ids.iter().filter_map(|id| Some((id.clone(), state.profiles.get(id.as_str())?.clone())));
        Some(Ok(there.collect()))
    }

    /// Two at a time.
    async fn list(&self, _: Kind, _: &[Market], after: Option<&RemoteId>) -> Option<Result<Vec<RemoteId>, Fault>> {
        let state = locked(&self.service.0);
        let after = |id: &&String| after.is_none_or(|after| id.as_str() > after.as_str());
        Some(Ok(state.profiles.keys().filter(after).take(2).map(|id| id.as_str().into()).collect()))
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn calls(&self) -> u64 {
        locked(&self.service.0).calls
    }

    fn signals(&self) -> Option<Arc<dyn Source>> {
        Some(Arc::new(Signals(Arc::clone(&self.service))))
    }
}

/// The signals of people at a [`Service`], as records.
struct Signals(Arc<Service>);

#[async_trait]
impl Source for Signals {
    fn descriptor(&self) -> &'static SourceDescriptor {
        &SIGNALS
    }

    fn lanes(&self) -> Vec<Lane> {
        vec![Lane {
            name: "suppressions".into(),
            sweeps: vec![(Kind::Brand, None)],
            stable: true,
            urgency: Urgency::Live,
            delta: true,
            needed: false,
            interval_seconds: (30, 300),
            covered_by: None,
        }]
    }

    async fn page(&self, _: &Lane, position: &Position) -> Result<Page, Fault> {
        let state = locked(&self.0.0);
        let after = match position {
            Position::Full => 0,
            Position::Delta(token) | Position::Within(token) => token.0.parse().unwrap_or(0),
        };
        let said = state.signals.iter().skip(after);
        let changes = said.map(|id| {
            let record = Record::Brand(Brand { id: id.as_str().into(), name: Localized::default() });
            Change::Is { record, version: 0, modified_at: None }
        });
        let next = Next::End(Token(state.signals.len().to_string()));
        Ok(Page { changes: changes.collect(), unread: Vec::new(), next, age: Duration::ZERO })
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn calls(&self) -> u64 {
        locked(&self.0.0).calls
    }
}
