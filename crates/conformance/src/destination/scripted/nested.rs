//! One record with all markets of an account, asynchronous imports, hiding instead of deleting, warnings, and products
//! that are blocked until their category exists.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Facet, FacetSpec, Fault, Item, Limits, Op, Outcome,
    Parcel, Payload, Receipt, Ref, Removal, Subject, Writer,
    destination::{Made, Mapped, Markets, Need, Remarks, Shown, Ticket, Verdict},
    payload::OWN_FIELDS,
    source::Finding,
};
use model::{CategoryListing, Kind, Listing, RemoteId};
use serde_json::{Map, Value as Json, json};

use super::{locked, receipt};

static DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "nested",
    title: "Nested",
    mapping: 1,
    fields: |_| &[],
    facets: |kind| if kind == Kind::Product { &FacetSpec::CATALOGUE } else { &FacetSpec::WHOLE },
    extra_name: Some(|_| true),
};

/// When an import is to be asked for again.
pub const ASK_IN: Duration = Duration::from_secs(30);
/// Items that a call carries at most.
pub const ITEMS: usize = 50;
/// Imports that may be under way at once.
pub const IMPORTS_AT_ONCE: usize = 2;

/// The vendor's side.
#[derive(Debug, Default)]
pub struct Service(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Its records, by kind and id: an object per market.
    records: BTreeMap<(Kind, String), Map<String, Json>>,
    markets: BTreeSet<String>,
    imports: BTreeMap<String, Import>,
    begun: usize,
    /// How often a poll of an import answers that it goes on.
    patience: u32,
    calls: u64,
    polls: u64,
    wrongs: Vec<String>,
}

#[derive(Debug)]
struct Import {
    bodies: Vec<(String, Map<String, Json>)>,
    asked: u32,
}

impl Service {
    /// From now on so many polls of an import answer that it goes on.
    pub fn takes(&self, polls: u32) {
        locked(&self.0).patience = polls;
    }

    /// Drops all imports under way, as if they had never begun.
    pub fn forget_imports(&self) {
        locked(&self.0).imports.clear();
    }

    /// Imports under way.
    pub fn importing(&self) -> usize {
        locked(&self.0).imports.len()
    }

    /// How many imports were begun so far.
    pub fn begun(&self) -> usize {
        locked(&self.0).begun
    }

    /// How often imports were asked for so far.
    pub fn polls(&self) -> u64 {
        locked(&self.0).polls
    }

    /// Its record of this id, if it has one.
    pub fn record(&self, kind: Kind, id: &str) -> Option<Json> {
        locked(&self.0).records.get(&(kind, id.to_owned())).cloned().map(Json::Object)
    }

    /// The markets in which a record can be seen.
    pub fn seen_in(&self, kind: Kind, id: &str) -> Vec<String> {
        let state = locked(&self.0);
        let markets = state.records.get(&(kind, id.to_owned())).into_iter().flatten();
        markets.filter(|(_, shown)| shown["hidden"] != true).map(|(market, _)| market.clone()).collect()
    }

    /// Calls that should not have been made.
    pub fn wrongs(&self) -> Vec<String> {
        locked(&self.0).wrongs.clone()
    }
}

impl State {
    fn begin(&mut self, bodies: Vec<(String, Map<String, Json>)>) -> Ticket {
        for (id, _) in &bodies {
            if self.imports.values().any(|import| import.bodies.iter().any(|(other, _)| other == id)) {
                self.wrongs.push(format!("product {id} is in two imports at once"));
            }
        }
        if self.imports.len() >= IMPORTS_AT_ONCE || bodies.len() > ITEMS {
            self.wrongs.push(format!("{} imports, and another one of {} products", self.imports.len(), bodies.len()));
        }
        self.begun += 1;
        let ticket = format!("import-{}", self.begun);
        self.imports.insert(ticket.clone(), Import { bodies, asked: 0 });
        Ticket(ticket)
    }

    /// The outcome of an import; `None` while it goes on.
    fn ask(&mut self, ticket: &str) -> Option<Vec<(String, Outcome)>> {
        self.polls += 1;
        let import = self.imports.get_mut(ticket)?;
        import.asked += 1;
        if import.asked <= self.patience {
            return None;
        }
        let Import { bodies, .. } = self.imports.remove(ticket)?;
        Some(bodies.into_iter().map(|(id, body)| (id.clone(), self.take_in(&id, body))).collect())
    }

    fn take_in(&mut self, id: &str, body: Map<String, Json>) -> Outcome {
        let shown = |name: &str| body.values().filter_map(|shown| shown[name].as_str()).collect::<Vec<_>>();
        if shown("name").iter().any(|name| name.starts_with("poison")) {
            return Outcome::Rejected(Fault::record("C0998", format!("product {id} is refused")));
        }
        let missing = |category: &&&str| !self.records.contains_key(&(Kind::Category, (**category).to_owned()));
        if let Some(category) = shown("category").iter().find(missing) {
            return Outcome::Blocked(Ref { kind: Kind::Category, id: (*category).into() });
        }
        let warnings = if shown("image").is_empty() {
            vec![Fault::record("C0998", format!("product {id} has no image"))]
        } else {
            Vec::new()
        };
        self.records.insert((Kind::Product, id.to_owned()), body);
        Outcome::DeliveredWith(Box::new(Remarks { warnings }))
    }

    fn patch(&mut self, kind: Kind, id: &str, body: Map<String, Json>) {
        let Some(record) = self.records.get_mut(&(kind, id.to_owned())) else {
            // A record that does not exist need not be hidden.
            if body.values().any(|members| members["hidden"] != true) {
                self.wrongs.push(format!("a patch of {kind} {id}, which is not there"));
            }
            return;
        };
        for (market, members) in body {
            match (record.get_mut(&market).and_then(Json::as_object_mut), members) {
                (Some(shown), Json::Object(members)) => shown.extend(members),
                _ => self.wrongs.push(format!("a patch of {kind} {id} in {market}, where it is not")),
            }
        }
    }
}

/// A connector to a [`Service`].
#[derive(Debug)]
pub struct Nested {
    service: Arc<Service>,
    carries: [Carry; 2],
}

/// [`Nested`]'s facts about an account: its markets.
struct Registered(BTreeSet<String>);

impl Nested {
    /// A new connector, as after a start.
    pub fn new(service: &Arc<Service>) -> Self {
        let of = |kind| Carry { markets: Markets::Many, removal: Removal::Hide, needs_before: true, ..Carry::of(kind) };
        Self { service: Arc::clone(service), carries: [of(Kind::Product), of(Kind::Category)] }
    }

    fn product(shown: &Shown<'_, Listing<'_>>, markets: &BTreeSet<String>) -> Result<Mapped, serde_json::Error> {
        let mut writer = Writer::resume(Payload::default());
        for (market, listing) in shown.iter().filter(|(market, _)| markets.contains(&market.key)) {
            let offers = || listing.variants.iter();
            let category = listing.product.categories.first().map(model::CategoryId::as_str);
            let image = listing.images.first();
            let content = json!({ "name": listing.name, "category": category, "image": image });
            let price = offers().map(|offer| offer.price.minor).min();
            writer.put(Facet::CONTENT, &market.key, &content)?;
            writer.put(Facet::PRICE, &market.key, &json!({ "price": { market.currency.to_string(): price } }))?;
            let stock: i64 = offers().filter_map(|offer| offer.stock).sum();
            writer.put(Facet::AVAILABILITY, &market.key, &json!({ "stock": stock }))?;
        }
        let id = shown.first.1.id.as_str();
        Ok(Mapped::Items(vec![Made::whole(Item { id: id.into(), payload: writer.finish() })]))
    }

    fn category(shown: &Shown<'_, CategoryListing<'_>>) -> Result<Mapped, serde_json::Error> {
        let mut writer = Writer::resume(Payload::default());
        for (market, listing) in shown.iter() {
            writer.put(Facet::CONTENT, &market.key, &json!({ "name": listing.name }))?;
        }
        let id = shown.first.1.id.as_str();
        Ok(Mapped::Items(vec![Made::whole(Item { id: id.into(), payload: writer.finish() })]))
    }
}

/// The record of an item: an object per market, with the members of each facet and the user's own fields.
fn composed(payload: &Payload) -> Map<String, Json> {
    let mut body: Map<String, Json> = Map::new();
    for facet in Facet::ALL {
        let facet: Map<String, Json> =
            serde_json::from_str(&format!("{{{}}}", payload.members(facet))).unwrap_or_default();
        for (name, members) in facet {
            let by_market = match members {
                Json::Object(own) if name == OWN_FIELDS => own,
                members => Map::from_iter([(name, members)]),
            };
            for (market, members) in by_market {
                let shown = body.entry(market).or_insert_with(|| Json::Object(Map::new()));
                if let (Json::Object(shown), Json::Object(members)) = (shown, members) {
                    shown.extend(members);
                }
            }
        }
    }
    body
}

/// The whole record. It is hidden in markets that showed it and no longer do.
fn whole(parcel: &Parcel) -> Map<String, Json> {
    let mut body = composed(&parcel.payload);
    for (market, _) in parcel.before.iter().flat_map(composed) {
        body.entry(market).or_insert_with(|| json!({ "hidden": true }));
    }
    body
}

#[async_trait]
impl Destination for Nested {
    fn descriptor(&self) -> &'static DestinationDescriptor {
        &DESCRIPTOR
    }

    fn fingerprint(&self) -> String {
        "nested".to_owned()
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, _: Op) -> Limits {
        Limits { items: ITEMS, bytes: 1 << 20, concurrency: IMPORTS_AT_ONCE }
    }

    async fn prepare(&self, need: &Need) -> Result<Account, Fault> {
        let mut state = locked(&self.service.0);
        state.markets.extend(need.markets.iter().map(|market| market.key.clone()));
        Ok(Account::new(Registered(state.markets.clone())))
    }

    fn map(&self, subject: &Subject<'_>, account: &Account, _: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        let Some(Registered(markets)) = account.facts() else {
            return Err(Fault::config("C0998", "the account was not prepared"));
        };
        let mapped = match subject {
            Subject::Product(shown) => Self::product(shown, markets),
            Subject::Category(shown) => Self::category(shown),
            Subject::Customer(_) | Subject::Order(_) => return Err(Fault::config("C0998", "it takes no people")),
        };
        mapped.map_err(|wrong| Fault::record("C0998", wrong.to_string()))
    }

    async fn send(&self, call: &Call) -> Receipt {
        let mut state = locked(&self.service.0);
        state.calls += 1;
        if (call.op, call.kind) == (Op::Put, Kind::Product) {
            let bodies = call.parcels.iter().map(|parcel| (parcel.id.to_string(), whole(parcel))).collect();
            return receipt(Verdict::Pending { ticket: state.begin(bodies), ask_in: ASK_IN }, 202);
        }
        let mut outcomes = Vec::with_capacity(call.parcels.len());
        for parcel in &call.parcels {
            let id = parcel.id.to_string();
            let body = whole(parcel);
            if body.values().any(|shown| shown["name"] == "poison") {
                outcomes.push(Outcome::Rejected(Fault::record("C0998", format!("{} {id} is refused", call.kind))));
                continue;
            }
            outcomes.push(Outcome::Delivered);
            match call.op {
                Op::Put => drop(state.records.insert((call.kind, id), body)),
                Op::Patch(_) => state.patch(call.kind, &id, composed(&parcel.payload)),
                Op::Hide => {
                    // It can only be hidden in markets that are known to have shown it.
                    let shown = parcel.before.iter().flat_map(composed).map(|(market, _)| market);
                    state.patch(call.kind, &id, shown.map(|market| (market, json!({ "hidden": true }))).collect());
                }
                Op::Remove | Op::Report => {
                    state.wrongs.push(format!("{} {id}: there is no {}", call.kind, call.op.name()));
                }
            }
        }
        receipt(Verdict::Each(outcomes), 200)
    }

    async fn poll(&self, ticket: &Ticket, items: &[RemoteId]) -> Receipt {
        let mut state = locked(&self.service.0);
        state.calls += 1;
        if !state.imports.contains_key(&ticket.0) {
            let fault = Fault::transient("C0998", format!("there is no {}", ticket.0));
            return receipt(Verdict::Whole(Outcome::Unknown(fault)), 404);
        }
        let Some(report) = state.ask(&ticket.0) else {
            return receipt(Verdict::Pending { ticket: ticket.clone(), ask_in: ASK_IN }, 200);
        };
        let of =
            |item: &RemoteId| report.iter().find(|(id, _)| id == item.as_str()).map(|(_, outcome)| outcome.clone());
        let unknown = || Outcome::Unknown(Fault::protocol("C0998", "the report does not name it"));
        receipt(Verdict::Each(items.iter().map(|item| of(item).unwrap_or_else(unknown)).collect()), 200)
    }

    async fn read(&self, _: Kind, _: &[RemoteId]) -> Option<Result<Vec<(RemoteId, Json)>, Fault>> {
        None
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn calls(&self) -> u64 {
        locked(&self.service.0).calls
    }
}
