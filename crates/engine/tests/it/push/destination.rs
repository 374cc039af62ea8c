//! A destination that fails in every way a real one may, and records every call that should not have been made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Facet, FacetSpec, Facets, Fault, Item, Limits, Op,
    Outcome, Payload, Receipt, Subject, Writer,
    destination::{Ids, Made, Mapped, Parcel, Ticket, Verdict},
    source::Finding,
};
use model::{CategoryListing, Kind, Listing, RemoteId};
use serde_json::{Map, Value};
use tokio::task::yield_now;

use super::{
    script::{Dice, Script},
    shop::Held,
};

static DESCRIPTOR: DestinationDescriptor = DestinationDescriptor {
    name: "fake",
    title: "Fake",
    mapping: 1,
    fields: |_| &[],
    facets: |kind| if kind == Kind::Product { &FacetSpec::CATALOGUE } else { &FacetSpec::WHOLE },
    extra_name: None,
};

/// A destination in memory.
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    script: Script,
    limits: Limits,
    carries: [Carry; 2],
    calls: AtomicU64,
    /// Listings that were mapped.
    pub(super) prepared: AtomicU64,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a way to behave of its own")]
struct State {
    held: Held,
    /// Items in calls under way.
    under_way: BTreeSet<(Kind, String)>,
    calls: usize,
    most_items: usize,
    /// Listings that were mapped before the first call.
    prepared_first: Option<u64>,
    /// What should not have happened.
    wrongs: Vec<String>,
    dice: Dice,
    /// How many calls of a hundred fail.
    faults: u32,
    /// Answers for each item, rather than for the call as a whole.
    granular: bool,
    mapping: u32,
    refuses_all: bool,
    /// Changes of what it does not have are refused.
    strict: bool,
    fails_next: bool,
    /// A price of an item that exists is never changed.
    fixes_prices: bool,
    /// Outcomes of asynchronous calls, each with the number of polls that still find no outcome; `None`: calls are
    /// synchronous.
    imports: Option<BTreeMap<String, (u32, Verdict)>>,
}

/// The fate of a call.
enum Fate {
    Delivered,
    /// Without effect.
    Deferred(Fault),
    /// So many of its items have their effect; there is no answer.
    Unknown(u32),
    /// Each item has a fate of its own.
    Mixed,
    /// All have their effect, but the answer covers fewer.
    Short,
}

impl Fake {
    pub(super) fn new(script: Script, limits: Limits, granular: bool, ids: Ids) -> Self {
        let state = State {
            held: Held::new(),
            under_way: BTreeSet::new(),
            calls: 0,
            most_items: 0,
            prepared_first: None,
            wrongs: Vec::new(),
            dice: Dice::new(0),
            faults: 0,
            granular,
            mapping: 0,
            refuses_all: false,
            strict: false,
            fails_next: false,
            fixes_prices: false,
            imports: None,
        };
        let state = Arc::new(Mutex::new(state));
        let products = Carry { ids, ..Carry::of(Kind::Product) };
        let categories = Carry::of(Kind::Category);
        Self {
            state,
            script,
            limits,
            carries: [products, categories],
            calls: AtomicU64::new(0),
            prepared: AtomicU64::new(0),
        }
    }

    /// Prices can't be changed once an item exists.
    pub(super) fn fixing_prices(mut self) -> Self {
        self.carries[0].fixed = Facets::NONE.with(Facet::PRICE);
        self.state().fixes_prices = true;
        self
    }

    /// Its flows keep a history of prices.
    pub(super) fn keeping_prices(mut self) -> Self {
        self.carries[0].price_history = true;
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on so many calls of a hundred fail.
    pub(super) fn behave(&self, seed: u64, faults: u32) {
        let mut state = self.state();
        state.dice = Dice::new(seed);
        state.faults = faults;
    }

    /// From now on every item is refused, or none.
    pub(super) fn refuse_all(&self, refuses: bool) {
        self.state().refuses_all = refuses;
    }

    /// It has lost everything, and refuses changes of what it does not have.
    pub(super) fn lose_all(&self) {
        let mut state = self.state();
        state.held.clear();
        state.strict = true;
    }

    /// From now on many calls are asynchronous.
    pub(super) fn be_lazy(&self) {
        self.state().imports = Some(BTreeMap::new());
    }

    /// The next call fails.
    pub(super) fn fail_next(&self) {
        self.state().fails_next = true;
    }

    pub(super) fn remap(&self, mapping: u32) {
        self.state().mapping = mapping;
    }

    pub(super) fn held(&self) -> Held {
        self.state().held.clone()
    }

    /// The largest call so far.
    pub(super) fn most_items(&self) -> usize {
        self.state().most_items
    }

    /// Listings that were mapped before the first call.
    pub(super) fn prepared_first(&self) -> u64 {
        self.state().prepared_first.unwrap_or_default()
    }

    /// What should not have happened.
    pub(super) fn wrongs(&self) -> Vec<String> {
        self.state().wrongs.clone()
    }

    fn product(&self, listing: &Listing<'_>) -> Result<Mapped, Fault> {
        self.prepared.fetch_add(1, Ordering::SeqCst);
        if listing.name.starts_with("unmakeable") {
            return Err(Fault::record("C0998", "it can't be made"));
        }
        let mapping = self.state().mapping;
        let item = |offer: &model::Offer<'_>| {
            let mut writer = Writer::resume(Payload::default());
            let category = listing.categories.first().and_then(|category| category.name);
            member(&mut writer, Facet::CONTENT, "name", listing.name);
            member(&mut writer, Facet::CONTENT, "category", category);
            member(&mut writer, Facet::CONTENT, "mapping", mapping);
            member(&mut writer, Facet::CONTENT, "first", offer.id.as_str() == "0");
            member(&mut writer, Facet::PRICE, "price", offer.price.minor);
            if self.carries[0].price_history {
                let lowest = offer.lowest_price_30d.map(|lowest| lowest.to_string());
                member(&mut writer, Facet::PRICE, "lowest", lowest);
            }
            member(&mut writer, Facet::AVAILABILITY, "stock", offer.stock);
            let id = RemoteId::new(offer.sku.unwrap().as_str());
            Made::of_variant(Item { id, payload: writer.finish() }, offer.id.clone())
        };
        Ok(Mapped::Items(listing.variants.iter().map(item).collect()))
    }

    fn category(&self, category: &CategoryListing<'_>) -> Mapped {
        let mut writer = Writer::resume(Payload::default());
        member(&mut writer, Facet::CONTENT, "name", category.name);
        member(&mut writer, Facet::CONTENT, "mapping", self.state().mapping);
        Mapped::Items(vec![Made::whole(Item { id: category.id.as_str().into(), payload: writer.finish() })])
    }

    fn begin(&self, call: &Call) -> UnderWay {
        let mut state = self.state();
        let ids: Vec<(Kind, String)> = call.parcels.iter().map(|parcel| (call.kind, parcel.id.to_string())).collect();
        for id in &ids {
            if !state.under_way.insert(id.clone()) {
                state.wrongs.push(format!("{} {} is in two calls at once", id.0, id.1));
            }
        }
        state.calls += 1;
        state.most_items = state.most_items.max(ids.len());
        state.prepared_first.get_or_insert(self.prepared.load(Ordering::SeqCst));
        if ids.is_empty() || ids.len() > self.limits.items {
            state.wrongs.push(format!("a call of {} items", ids.len()));
        }
        if state.calls > self.limits.concurrency {
            let calls = state.calls;
            state.wrongs.push(format!("{calls} calls at once"));
        }
        UnderWay { state: Arc::clone(&self.state), ids }
    }

    fn fate(&self) -> Fate {
        let mut state = self.state();
        let faults = state.faults;
        if std::mem::take(&mut state.fails_next) {
            return Fate::Unknown(0);
        }
        if !state.dice.percent(faults) {
            return Fate::Delivered;
        }
        match state.dice.below(11) {
            0 => {
                let wait = [None, Some(Duration::from_secs(2)), Some(Duration::from_hours(1))];
                let wait = wait[state.dice.below(3) as usize];
                Fate::Deferred(Fault::throttled("C0998", "too many calls").after(wait))
            }
            1 | 2 => Fate::Deferred(Fault::transient("C0998", "it is down")),
            3 => Fate::Deferred(Fault::credentials("C0998", "it refuses the key")),
            4 | 5 => Fate::Unknown(0),
            6 | 7 => Fate::Unknown(u32::MAX),
            8 => Fate::Unknown(state.dice.below(4)),
            9 => Fate::Mixed,
            _ => Fate::Short,
        }
    }

    /// Keeps the outcome of a call until it is polled.
    fn later(&self, verdict: Verdict) -> Verdict {
        let mut state = self.state();
        // A call that was not accepted has no ticket.
        let taken = !matches!(verdict, Verdict::Whole(Outcome::Deferred(_)));
        let (later, asks) = (taken && state.dice.percent(60), state.dice.below(3));
        let Some(imports) = state.imports.as_mut().filter(|_| later) else { return verdict };
        let ticket = Ticket(format!("import {}", imports.len()));
        imports.insert(ticket.0.clone(), (asks, verdict));
        Verdict::Pending { ticket, ask_in: Duration::from_secs(u64::from(asks)) }
    }

    fn carry_out(&self, call: &Call, fate: Fate) -> Verdict {
        let mut state = self.state();
        let unknown = || Fault::transient("C0998", "the answer was lost");
        if call.op != Op::Remove && call.parcels.iter().any(|parcel| names(parcel, "toxic")) {
            return Verdict::Whole(Outcome::Unknown(Fault::transient("C0997", "internal error")));
        }
        if state.refuses_all {
            return Verdict::Each(vec![Outcome::Rejected(Fault::record("C0998", "no such field")); call.parcels.len()]);
        }
        if matches!(fate, Fate::Mixed) {
            let outcomes = call.parcels.iter().map(|parcel| match state.dice.below(4) {
                0 => Outcome::Deferred(Fault::transient("C0998", "not this one")),
                1 => Outcome::Unknown(unknown()),
                2 => {
                    let _refused = state.apply(call, parcel);
                    Outcome::Unknown(unknown())
                }
                _ => state.apply(call, parcel),
            });
            return Verdict::Each(outcomes.collect());
        }
        // A destination that answers for the whole call carries it out completely or not at all.
        if !state.granular
            && !matches!(fate, Fate::Deferred(_))
            && let Some(refused) =
                call.parcels.iter().find_map(|it| refusal(call, it).or_else(|| state.strange(call, it)))
        {
            return Verdict::Whole(Outcome::Rejected(refused));
        }
        match fate {
            Fate::Deferred(fault) => Verdict::Whole(Outcome::Deferred(fault)),
            Fate::Unknown(most) => {
                for parcel in call.parcels.iter().take(most as usize) {
                    let _refused = state.apply(call, parcel);
                }
                Verdict::Whole(Outcome::Unknown(unknown()))
            }
            Fate::Delivered | Fate::Short | Fate::Mixed => {
                let mut outcomes: Vec<Outcome> = call.parcels.iter().map(|it| state.apply(call, it)).collect();
                if matches!(fate, Fate::Short) {
                    outcomes.pop();
                    return Verdict::Each(outcomes);
                }
                if state.granular { Verdict::Each(outcomes) } else { Verdict::Whole(Outcome::Delivered) }
            }
        }
    }
}

fn refusal(call: &Call, parcel: &Parcel) -> Option<Fault> {
    let refused = call.op != Op::Remove && members(parcel).is_some_and(|it| is_poison(&it));
    refused.then(|| Fault::record("C0998", "poison"))
}

fn members(parcel: &Parcel) -> Option<Map<String, Value>> {
    serde_json::from_str(&parcel.payload.object()).ok()
}

/// The item's name begins with this.
fn names(parcel: &Parcel, beginning: &str) -> bool {
    let name = members(parcel).and_then(|it| Some(it.get("name")?.as_str()?.starts_with(beginning)));
    name.unwrap_or(false)
}

fn is_poison(members: &Map<String, Value>) -> bool {
    let text = |name| members.get(name).and_then(Value::as_str).unwrap_or_default();
    text("name").starts_with("poison") && members.get("first") == Some(&Value::Bool(true))
}

impl State {
    /// Why a change of what it does not have is refused.
    fn strange(&self, call: &Call, parcel: &Parcel) -> Option<Fault> {
        let is_there = self.held.contains_key(&(call.kind, parcel.id.to_string()));
        let refused = self.strict && matches!(call.op, Op::Patch(_)) && !is_there;
        refused.then(|| Fault::record("C0998", "there is no such item"))
    }

    fn apply(&mut self, call: &Call, parcel: &Parcel) -> Outcome {
        if let Some(fault) = refusal(call, parcel).or_else(|| self.strange(call, parcel)) {
            return Outcome::Rejected(fault);
        }
        let key = (call.kind, parcel.id.to_string());
        let Some(members) = members(parcel) else {
            self.wrongs.push(format!("members that are no JSON: {}", parcel.payload.object()));
            return Outcome::Delivered;
        };
        let differs = |held: &Value| members.get("price").is_some_and(|price| held.get("price") != Some(price));
        if self.fixes_prices && call.kind == Kind::Product && self.held.get(&key).is_some_and(differs) {
            self.wrongs.push(format!("{} {}: its price was changed by {}", key.0, key.1, call.op.name()));
        }
        match call.op {
            Op::Put => drop(self.held.insert(key, Value::Object(members))),
            Op::Remove => drop(self.held.remove(&key)),
            Op::Hide | Op::Report => self.wrongs.push(format!("{} {}: there is no {}", key.0, key.1, call.op.name())),
            Op::Patch(_) => match self.held.get_mut(&key).and_then(Value::as_object_mut) {
                Some(held) => held.extend(members),
                None => self.wrongs.push(format!("a patch of {} {}, which is not there", key.0, key.1)),
            },
        }
        Outcome::Delivered
    }
}

/// A call under way, also if it is abandoned.
struct UnderWay {
    state: Arc<Mutex<State>>,
    ids: Vec<(Kind, String)>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &self.ids {
            state.under_way.remove(id);
        }
        state.calls -= 1;
    }
}

fn member<T: serde::Serialize>(writer: &mut Writer<'_>, facet: Facet, name: &str, value: T) {
    writer.force(facet, name, &value).unwrap();
}

#[async_trait]
impl Destination for Fake {
    fn descriptor(&self) -> &'static DestinationDescriptor {
        &DESCRIPTOR
    }

    fn fingerprint(&self) -> String {
        self.state().mapping.to_string()
    }

    fn carries(&self) -> &[Carry] {
        &self.carries
    }

    fn limits(&self, _: Kind, _: Op) -> Limits {
        self.limits
    }

    fn map(&self, subject: &Subject<'_>, _: &Account, _: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        match subject {
            Subject::Product(shown) => self.product(shown.first.1),
            Subject::Category(shown) => Ok(self.category(shown.first.1)),
            Subject::Customer(_) | Subject::Order(_) => Err(Fault::config("T", "it takes no people")),
        }
    }

    async fn send(&self, call: &Call) -> Receipt {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let _under_way = self.begin(call);
        let (before, after) = {
            let mut state = self.state();
            (state.dice.below(4), state.dice.below(4))
        };
        for _ in 0..before {
            yield_now().await;
        }
        self.script.point().await;
        let fate = self.fate();
        let verdict = self.later(self.carry_out(call, fate));
        self.script.point().await;
        for _ in 0..after {
            yield_now().await;
        }
        Receipt { verdict, status: 200, response: String::new() }
    }

    async fn poll(&self, ticket: &Ticket, items: &[RemoteId]) -> Receipt {
        self.script.point().await;
        let verdict = {
            let mut state = self.state();
            let faults = state.faults;
            let (again, fails) = (state.dice.below(3) == 0, state.dice.percent(faults / 2));
            match state.imports.as_mut().and_then(|imports| imports.get_mut(&ticket.0)) {
                Some((asks, _)) if *asks > 0 => {
                    *asks -= u32::from(again);
                    Verdict::Pending { ticket: ticket.clone(), ask_in: Duration::from_secs(2) }
                }
                // The answer can be read again if it is lost.
                Some((_, verdict)) if !fails => verdict.clone(),
                Some(_) => Verdict::Whole(Outcome::Deferred(Fault::transient("C0998", "it can't be asked now"))),
                None => {
                    let wrong = format!("{} of {} items was never given", ticket.0, items.len());
                    state.wrongs.push(wrong);
                    Verdict::Whole(Outcome::Unknown(Fault::transient("C0998", "no such import")))
                }
            }
        };
        self.script.point().await;
        Receipt { verdict, status: 200, response: String::new() }
    }

    async fn read(&self, _: Kind, _: &[RemoteId]) -> Option<Result<Vec<(RemoteId, Value)>, Fault>> {
        None
    }

    async fn check(&self) -> Vec<Finding> {
        Vec::new()
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

/// The items according to the ledger, in the same form.
pub(super) fn object(payload: &Payload) -> Value {
    serde_json::from_str(&payload.object()).unwrap_or(Value::Null)
}

/// The differences of two sets of items, as text.
pub(super) fn difference(got: &Held, wanted: &Held) -> String {
    let keys: BTreeSet<_> = got.keys().chain(wanted.keys()).collect();
    let differing: BTreeMap<_, _> = keys
        .into_iter()
        .filter(|key| got.get(*key) != wanted.get(*key))
        .map(|key| (key, (got.get(key), wanted.get(key))))
        .collect();
    let lines = differing.iter().map(|((kind, id), (got, wanted))| {
        let shown = |value: Option<&&Value>| value.map_or("nothing".to_owned(), ToString::to_string);
        format!("{kind} {id}: holds {}, should hold {}", shown(got.as_ref()), shown(wanted.as_ref()))
    });
    lines.collect::<Vec<_>>().join("\n")
}
