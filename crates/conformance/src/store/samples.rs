//! Small records, pages and steps for the checks.

use std::time::Duration;

use contract::{
    Change, Facet, Fault, Ledger, Payload, Writer,
    destination::Ids,
    source::{Token, Unread, Urgency},
    store::{
        Closed, Cursor, Declared, FlowId, Held, HeldItem, Intake, LaneState, Lease, Number, Open, Settled, State, Step,
        Sweep, Take, Touch, Work,
    },
};
use model::{
    Assignment, Category, Customer, Email, FlowName, Kind, Localized, Members, Money, Order, OrderStatus, PersonName,
    PriceHistory, Product, Record, RecordId, Selection, SourceName, Stock, StockLevel, Timestamp, Totals, Variant,
    Window, history::Asked,
};

/// The source of all samples.
pub fn source() -> SourceName {
    "shop".into()
}

/// An instant, in seconds since the epoch.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

/// The span that ends at second `end`, as the time in which a projection holds.
pub fn until(end: i64) -> Window {
    Window { from: None, until: Some(at(end)) }
}

/// A text in English.
fn english(text: &str) -> Localized {
    model::Locale::parse("en").into_iter().map(|locale| (locale, text.to_owned())).collect()
}

/// The newest possible lease.
pub const NEWEST: Lease = Lease(u64::MAX);

/// A touch of records of the source, at this time.
pub fn touch(at: Timestamp) -> Touch {
    Touch { source: source(), lease: NEWEST, at }
}

/// A flow as a configuration declares it: it carries plain records and categories.
pub fn declared(flow: &FlowName, source: &SourceName, fingerprint: &str, ids: Ids) -> Declared {
    Declared {
        flow: flow.clone(),
        source: source.clone(),
        account: String::new(),
        fingerprint: fingerprint.to_owned(),
        carries: vec![kind(), Kind::Category],
        markets: vec!["de".to_owned()],
        ids,
        price_history: false,
    }
}

/// What tells such a flow from others.
pub fn id(flow: &FlowName, source: &SourceName) -> FlowId {
    declared(flow, source, "", Ids::Own).id()
}

/// The result of registering a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    /// Whether every record is processed again.
    pub restarted: bool,
    /// Records whose last call was cut off.
    pub in_doubt: u64,
}

/// Declares a flow and takes it over, as a start does.
///
/// # Errors
/// The store's.
pub async fn register(
    store: &(impl Ledger + ?Sized),
    flow: &FlowName,
    source: &SourceName,
    fingerprint: &str,
    ids: Ids,
) -> Result<Registered, Fault> {
    let declaration = store.declare(&declared(flow, source, fingerprint, ids)).await?;
    let recovered = store.recover(flow).await?;
    Ok(Registered { restarted: declaration.restarted, in_doubt: recovered.in_doubt })
}

/// A product in these categories with a variant for each SKU.
pub fn product(id: &str, name: &str, categories: &[&str], skus: &[&str]) -> Record {
    let variants = skus.iter().map(|sku| Variant { sku: Some((*sku).into()), ..Variant::new(*sku) });
    Record::Product(Box::new(Product {
        key: Some(format!("key-{id}")),
        name: english(name),
        categories: categories.iter().map(|category| (*category).into()).collect(),
        variants: variants.collect(),
        ..Product::new(id)
    }))
}

tokio::task_local! {
    /// The kind of plain records.
    pub(super) static PLAIN: Kind;
}

/// The kind of plain records: products, unless a suite runs its checks with others.
pub fn kind() -> Kind {
    PLAIN.try_with(|kind| *kind).unwrap_or(Kind::Product)
}

/// A record without parts: a product, or a customer.
pub fn plain(id: &str, name: &str) -> Record {
    if kind() == Kind::Customer { customer(id, name, "ann@example.com") } else { product(id, name, &[], &[]) }
}

/// A category below `parent`.
pub fn category(id: &str, name: &str, parent: Option<&str>) -> Record {
    Record::Category(Category { parent: parent.map(Into::into), name: english(name), ..Category::new(id) })
}

/// A customer with this name and e-mail address.
pub fn customer(id: &str, name: &str, email: &str) -> Record {
    let name = PersonName { family: Some(name.to_owned()), ..PersonName::default() };
    Record::Customer(Box::new(Customer { name, email: Email::parse(email).ok(), ..Customer::new(id.into()) }))
}

/// An order of a customer, or of a guest with an e-mail address.
///
/// # Panics
/// Never: euros are a currency.
#[expect(clippy::expect_used, reason = "euros are a currency")]
pub fn order(id: &str, customer: Option<&str>, email: &str) -> Record {
    let total = Money::new(100, "EUR".parse().expect("a currency"));
    Record::Order(Box::new(Order {
        id: id.into(),
        number: Some(format!("number-{id}")),
        customer: customer.map(Into::into),
        email: Email::parse(email).ok(),
        placed_at: at(1),
        currency: total.currency,
        store: None,
        country: None,
        locale: None,
        status: OrderStatus::Open,
        states: Vec::new(),
        lines: Vec::new(),
        totals: Totals { total, gross: None, net: None, tax: None, shipping: None, discount: None },
        coupons: Vec::new(),
        shipping: None,
        billing: None,
        returns: Vec::new(),
        attributes: Vec::new(),
        notices: Vec::new(),
    }))
}

/// Stock of a SKU.
pub fn stock(id: &str, sku: &str, available: i64) -> Record {
    Record::Stock(Stock {
        id: id.into(),
        item: sku.into(),
        level: StockLevel::limited(None, available),
        created_at: None,
    })
}

/// An assortment.
pub fn selection(id: &str) -> Record {
    Record::Selection(Selection { id: id.into(), key: None, excludes: false })
}

/// A product's place in an assortment.
pub fn assignment(selection: &str, product: &str) -> Record {
    Record::Assignment(Assignment { selection: selection.into(), product: product.into(), members: Members::All })
}

/// A change: the record exists in this form.
pub fn is(record: Record, version: u64) -> Change {
    Change::Is { record, version, modified_at: None }
}

/// A change: the record is deleted.
pub fn gone(kind: Kind, id: &str, version: Option<u64>) -> Change {
    Change::Gone { kind, id: id.into(), version }
}

/// A page of a delta in the lane `catalogue`.
pub fn page(changes: Vec<Change>) -> Intake {
    Intake {
        source: source(),
        lane: "catalogue".to_owned(),
        lease: NEWEST,
        state: LaneState { watermark: Some(Token("next".to_owned())), ..LaneState::default() },
        expected: None,
        as_of: at(100),
        fetched: false,
        confirm: Vec::new(),
        scopes: Vec::new(),
        hints: Vec::new(),
        changes,
        unread: Vec::new(),
        pass: None,
        marks: true,
        urgency: Urgency::Live,
        at: at(100),
    }
}

/// A page of a full walk.
pub fn full(pass: u64, changes: Vec<Change>) -> Intake {
    Intake { pass: Some(pass), urgency: Urgency::Backfill, ..page(changes) }
}

/// The end of a full walk over plain records.
pub fn sweep(pass: u64, guard: Option<f64>) -> Sweep {
    Sweep {
        source: source(),
        lane: "catalogue".to_owned(),
        lease: NEWEST,
        state: LaneState { passes: pass, full_at: Some(at(200)), ..LaneState::default() },
        sweeps: vec![(kind(), None)],
        pass,
        before: None,
        since: None,
        guard,
        at: at(200),
    }
}

/// A record that could not be understood.
pub fn unread(id: Option<&str>, message: &str) -> Unread {
    Unread { kind: kind(), id: id.map(RecordId::from), fault: Fault::record("C0999", message) }
}

/// A workload large enough for everything.
pub fn wide(now: Timestamp) -> Take {
    Take { now, fresh: [1000; 3], retries: 1000, after: None }
}

/// A payload with this name.
pub fn payload(name: &str) -> Payload {
    let mut writer = Writer::resume(Payload::default());
    // A string is always JSON.
    writer.force(Facet::CONTENT, "name", name).map_or_else(|_| Payload::default(), |()| writer.finish())
}

/// An item that is held as `name`.
pub fn held(id: &str, name: &str) -> HeldItem {
    let payload = payload(name);
    HeldItem { id: id.into(), digests: Some(payload.digests()), payload: Some(payload) }
}

/// A settlement of a record in this state.
pub fn settled(work: &Work, state: State, items: Held) -> Settled {
    Settled {
        number: work.number,
        revision: work.revision,
        state,
        items,
        holds: Window::OPEN,
        call: None,
        fault: None,
        refused: Vec::new(),
        trial: None,
        turn: work.entry.as_ref().map_or(0, |entry| entry.turn),
        prices: None,
    }
}

/// The history of a variant that costs so many cents since second 1.
pub fn prices(cents: i64) -> Option<PriceHistory> {
    let mut history = PriceHistory::default();
    let price = Money::new(cents, "EUR".parse().ok()?);
    history.note("de", std::iter::once((&"v".into(), Asked { price, reduced: false })), at(1));
    Some(history)
}

/// A settlement as in sync under the record's own id.
pub fn in_sync(work: &Work) -> Settled {
    let items = if work.record().is_some() { vec![held(work.id.as_str(), work.id.as_str())] } else { Vec::new() };
    let state = if work.record().is_some() { State::InSync } else { State::Gone };
    settled(work, state, Held::Items(items))
}

/// A step that settles.
pub fn step(flow: &FlowName, settled: Vec<Settled>, cursor: Option<Cursor>) -> Step {
    Step {
        flow: flow.clone(),
        lease: NEWEST,
        close: Vec::new(),
        settled,
        cursor,
        open: Vec::new(),
        tickets: Vec::new(),
        removed: 0,
        at: at(300),
    }
}

/// A call that carries these items.
pub fn open(items: &[(Number, &str)]) -> Open {
    Open { kind: kind(), op: "put", items: items.iter().map(|(number, id)| (*number, (*id).into())).collect() }
}

/// A call that succeeded.
pub fn closed(id: u64) -> Closed {
    Closed { id, status: 200, took: Duration::from_millis(12), response: "{\"status\":\"ok\"}".to_owned(), fault: None }
}
