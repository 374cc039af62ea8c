//! Where records go.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use model::{CategoryListing, Customer, Kind, Listing, Market, Order, RecordId, RemoteId, VariantId};

use crate::{FacetSpec, Facets, Fault, FieldSpec, Item, Payload, Ref, Source, source::Finding};

/// What a kind of destination is, for the registry, the documentation and the engine.
#[derive(Clone, Copy, Debug)]
pub struct DestinationDescriptor {
    /// Name in the configuration, such as `clerk`.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Version of the built-in mapping: raise it when the same listing maps to another payload, so that flows look at
    /// every record again.
    pub mapping: u32,
    /// Fields of a kind of record.
    pub fields: fn(Kind) -> &'static [FieldSpec],
    /// Facets of the payloads of a kind of record, at most [`MOST_FACETS`](crate::payload::MOST_FACETS).
    pub facets: fn(Kind) -> &'static [FacetSpec],
    /// Names of fields that a user may add: none for a closed schema.
    pub extra_name: Option<fn(&str) -> bool>,
}

/// What a destination can use items for only if they have fields that it does not require.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// Its name for people, such as `product recommendations`.
    pub name: &'static str,
    /// What a payload lacks for it, a few words each, such as `no image`; empty: nothing.
    pub lacks: fn(&Payload) -> Vec<&'static str>,
}

/// What is done with the items of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Create or replace.
    Put,
    /// Change these facets of what exists.
    Patch(Facets),
    /// Remove.
    Remove,
    /// Hide the item instead of removing it: for destinations that can't remove items ([`Removal::Hide`]).
    Hide,
    /// Report an event, such as a purchase ([`Destination::is_event`]).
    Report,
}

impl Op {
    /// The names of all operations.
    pub const NAMES: [&str; 5] = ["put", "patch", "remove", "hide", "report"];

    /// The operation's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Patch(_) => "patch",
            Self::Remove => "remove",
            Self::Hide => "hide",
            Self::Report => "report",
        }
    }

    /// Whether the destination no longer shows the items after this.
    pub const fn takes_away(self) -> bool {
        matches!(self, Self::Remove | Self::Hide)
    }
}

/// How much one call may carry, and how many calls may be under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Items per call, at least 1.
    pub items: usize,
    /// Bytes of members per call; one item alone may exceed it.
    pub bytes: usize,
    /// Calls under way at once, at least 1.
    pub concurrency: usize,
}

/// Items of one kind, for one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What [`Destination::prepare`] gave for the flow.
    pub account: Account,
    /// The kind of their records.
    pub kind: Kind,
    /// The operation.
    pub op: Op,
    /// The items.
    pub parcels: Vec<Parcel>,
}

/// One item of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Id at the destination.
    pub id: RemoteId,
    /// The payload: all facets for [`Op::Put`] and [`Op::Report`], those that change for [`Op::Patch`], none otherwise.
    pub payload: Payload,
    /// The payload that the destination acknowledged last, where there is one and [`Carry::needs_before`] asks for it.
    pub before: Option<Payload>,
}

impl Parcel {
    /// An item with this payload.
    pub const fn new(id: RemoteId, payload: Payload) -> Self {
        Self { id, payload, before: None }
    }

    /// An item without a payload.
    pub fn named(id: RemoteId) -> Self {
        Self::new(id, Payload::default())
    }
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination accepted it.
    Delivered,
    /// The destination accepted it, with these remarks.
    DeliveredWith(Box<Remarks>),
    /// The destination refuses it until another record of the source is there: the call had no effect on it, and it
    /// waits for that record. If that record is filtered or dead, so is this one.
    Blocked(Ref),
    /// The destination refused it and would refuse it again: it becomes a dead letter until it changes.
    Rejected(Fault),
    /// The call certainly had no effect on it; it is retried, or the flow pauses, as the fault's class says.
    Deferred(Fault),
    /// The call may or may not have had its effect: what the destination holds is unknown until the item is sent again.
    Unknown(Fault),
}

impl Outcome {
    /// Whether the destination accepted it.
    pub const fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered | Self::DeliveredWith(_))
    }

    /// Whether it is retried.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Deferred(_) | Self::Unknown(_))
    }

    /// What was wrong, if anything.
    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Delivered | Self::DeliveredWith(_) | Self::Blocked(_) => None,
            Self::Rejected(fault) | Self::Deferred(fault) | Self::Unknown(fault) => Some(fault),
        }
    }
}

/// Remarks of a destination about an item that it accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Parts of the item that it left out or could not use.
    pub warnings: Vec<Fault>,
}

/// Given by a destination for a call that it carries out later; asks for the outcome, also after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub String);

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The outcomes of its items.
    pub verdict: Verdict,
    /// HTTP status, 0 where there was none.
    pub status: u16,
    /// The beginning of the answer, redacted, at most 4 KB.
    pub response: String,
}

/// The outcomes of the items of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One outcome for all: a rejected call of several items is bisected by the engine.
    Whole(Outcome),
    /// One outcome per item, in the order of the call.
    Each(Vec<Outcome>),
    /// The destination accepted the call and carries it out later: the outcome has to be asked for
    /// ([`Destination::poll`]).
    Pending {
        /// The ticket to ask with.
        ticket: Ticket,
        /// When to ask.
        ask_in: Duration,
    },
}

/// How a destination removes items of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// [`Op::Remove`] does it.
    Call,
    /// [`Op::Hide`] hides the item: the destination keeps it and no longer shows it.
    Hide,
    /// The destination removes the item when it next imports the hosted feed without it; the record waits for that.
    Feed,
    /// The same, but nobody waits: the record is filtered by [`LEFT_TO_IMPORT`], because there may never be an import.
    Leave,
}

/// The rule that filters a record whose items no call removes: they stay until the destination imports the hosted feed.
pub const LEFT_TO_IMPORT: &str = "left_to_import";

/// What the ids of items at a destination are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Made of the record's own id, so that no item is ever another record's.
    Own,
    /// Made of something that may move from one record to another, or stand in two at once, such as a SKU.
    Shared,
}

/// A record as markets of a flow show it: one market for a kind that is carried as [`Markets::One`], otherwise all that
/// show it, in the order of the configuration.
#[derive(Debug)]
pub struct Shown<'a, L> {
    /// The first market, with what it shows.
    pub first: (&'a Market, &'a L),
    /// The others.
    pub others: Vec<(&'a Market, &'a L)>,
}

impl<'a, L> Shown<'a, L> {
    /// What one market shows.
    pub const fn in_one(market: &'a Market, listing: &'a L) -> Self {
        Self { first: (market, listing), others: Vec::new() }
    }

    /// All markets, with what each shows.
    pub fn iter(&self) -> impl Iterator<Item = (&'a Market, &'a L)> + '_ {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

/// A record as the markets of a flow show it: what is mapped to items.
#[derive(Debug)]
pub enum Subject<'a> {
    /// A product that a market sells.
    Product(Shown<'a, Listing<'a>>),
    /// A category that a market shows.
    Category(Shown<'a, CategoryListing<'a>>),
    /// A customer of a market.
    Customer(Shown<'a, &'a Customer>),
    /// An order that was placed in a market.
    Order(Shown<'a, &'a Order>),
}

impl Subject<'_> {
    /// The record's kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Product(_) => Kind::Product,
            Self::Category(_) => Kind::Category,
            Self::Customer(_) => Kind::Customer,
            Self::Order(_) => Kind::Order,
        }
    }

    /// The record's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Product(shown) => shown.first.1.id.as_str(),
            Self::Category(shown) => shown.first.1.id.as_str(),
            Self::Customer(shown) => shown.first.1.id.as_str(),
            Self::Order(shown) => shown.first.1.id.as_str(),
        }
    }
}

/// How many markets an item of a kind is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markets {
    /// One: a flow with several has items for each, and their ids differ.
    One,
    /// All of the flow: one item holds what each shows.
    Many,
}

/// What is done with an item when it is unknown whether its call had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It is sent again: the call creates or replaces, or carries an idempotency key that the item always gives.
    Safe,
    /// The destination is asked first ([`Destination::resolve`]).
    Lookup,
    /// It is held until a person decides.
    AtMostOnce,
}

/// What was found out about an unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The call had its effect.
    Arrived,
    /// The call had no effect and never will: it may be repeated.
    Absent,
    /// This can't be found out: a person has to decide.
    Unsure,
}

/// How a destination takes a kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carry {
    /// The kind.
    pub kind: Kind,
    /// How many markets an item is for.
    pub markets: Markets,
    /// Whether an item may come to belong to another record.
    pub ids: Ids,
    /// How it removes an item.
    pub removal: Removal,
    /// What is done with an item when it is unknown whether [`Op::Put`] had its effect.
    pub put: Repeat,
    /// What is done with an item when it is unknown whether [`Op::Report`] had its effect.
    pub report: Repeat,
    /// Facets that no call changes once the item exists: it is removed for that, and put again once its removal was
    /// acknowledged.
    pub fixed: Facets,
    /// Whether a record's events are reported before its items are put, because an item needs what the event creates. Otherwise
    /// events are reported after the items that they refer to.
    pub events_first: bool,
    /// Whether its calls need the payload that was acknowledged before.
    pub needs_before: bool,
    /// Whether its own mapping uses the history of prices ([`model::Offer::lowest_price_30d`]).
    pub price_history: bool,
}

impl Carry {
    /// The usual case: an item for one market, with an id of the record's own, that can be put again and removed.
    pub const fn of(kind: Kind) -> Self {
        Self {
            kind,
            markets: Markets::One,
            ids: Ids::Own,
            removal: Removal::Call,
            put: Repeat::Safe,
            report: Repeat::AtMostOnce,
            fixed: Facets::NONE,
            events_first: false,
            needs_before: false,
            price_history: false,
        }
    }
}

/// What a flow needs of an account.
#[derive(Clone, Debug, Default)]
pub struct Need {
    /// The flow's markets.
    pub markets: Vec<Market>,
    /// Names of fields that the user maps, by kind.
    pub fields: BTreeMap<Kind, Vec<String>>,
    /// Whether what is missing may be created: not by commands that only look.
    pub creates: bool,
}

/// What a destination found or created in an account, in a form of its own: region, defined fields, ids of collections
/// and lists.
#[derive(Clone, Default)]
pub struct Account(Option<Arc<dyn Any + Send + Sync>>);

impl Account {
    /// An account with these facts.
    pub fn new<F: Any + Send + Sync>(facts: F) -> Self {
        Self(Some(Arc::new(facts)))
    }

    /// The facts, as the destination gave them.
    pub fn facts<F: Any + Send + Sync>(&self) -> Option<&F> {
        self.0.as_ref()?.downcast_ref()
    }
}

/// The same facts, not equal ones.
impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(own), Some(theirs)) => Arc::ptr_eq(own, theirs),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

impl Eq for Account {}

impl fmt::Debug for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Account").finish_non_exhaustive()
    }
}

/// A marketing or discovery service that can be written to.
///
/// `map` is pure. `send` makes exactly one call, repeats nothing, and never panics.
#[async_trait]
pub trait Destination: Send + Sync {
    /// Describes the platform.
    fn descriptor(&self) -> &'static DestinationDescriptor;

    /// The settings that change payloads, as text: when the text changes, flows process every record again.
    fn fingerprint(&self) -> String;

    /// The account that it writes to, as text without secrets. Another text is another account: the ledger of the former
    /// one says nothing about it, and a flow into it begins anew. Empty where the destination can't name it.
    fn account_id(&self) -> String {
        String::new()
    }

    /// The spaces that a flow of these markets and kinds of records into it fills, such as one store, or one collection per market, as text
    /// without secrets that contains the account: two flows that fill one space would overwrite and remove each other's
    /// items, so they are refused. Empty where the destination can't name them: then it takes one flow.
    fn spaces(&self, _: &[Market], _: &[Kind]) -> Vec<String> {
        Vec::new()
    }

    /// The kinds of records that it takes, one row each.
    fn carries(&self) -> &[Carry];

    /// How it takes records of this kind; `None`: it does not.
    fn carry(&self, kind: Kind) -> Option<&Carry> {
        self.carries().iter().find(|carry| carry.kind == kind)
    }

    /// What a person has to decide before it takes records of this kind, which it does not take under its settings; `None`:
    /// nothing helps.
    fn lacks(&self, _: Kind) -> Option<&'static str> {
        None
    }

    /// Whether several records may want one item, whatever their kind.
    fn ids(&self) -> Ids {
        if self.carries().iter().any(|carry| carry.ids == Ids::Shared) { Ids::Shared } else { Ids::Own }
    }

    /// What a call may carry.
    fn limits(&self, kind: Kind, op: Op) -> Limits;

    /// Whether [`Op::Patch`] exists for this kind and these facets.
    fn can_patch(&self, kind: Kind, facets: Facets) -> bool {
        let specs = (self.descriptor().facets)(kind);
        !facets.is_empty() && facets.among(specs).all(|spec| spec.patchable)
    }

    /// Reads what is needed from the account, and creates what a flow needs there, if it may ([`Need::creates`]). Called
    /// repeatedly: what exists already is left as it is.
    ///
    /// # Errors
    /// The flow pauses, as the fault's class says.
    async fn prepare(&self, _: &Need) -> Result<Account, Fault> {
        Ok(Account::default())
    }

    /// The items of a record, without the members whose names are `taken` by the user's mapping. `account` is what
    /// [`Destination::prepare`] gave.
    ///
    /// # Errors
    /// [`Mapped::Filtered`] is no error; a [`Fault`] of class `Record` makes the record a dead letter.
    fn map(&self, subject: &Subject<'_>, account: &Account, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault>;

    /// Brings an item into the form in which it can be sent, once the user's own fields are in it: for a destination whose
    /// account decides the types of values. Pure, as [`Destination::map`].
    ///
    /// # Errors
    /// A [`Fault`] of class `Record` makes the record a dead letter.
    fn fit(&self, _: &mut Item, _: &Account) -> Result<(), Fault> {
        Ok(())
    }

    /// Items share a call only where this is the same for them, such as the collection that they are in. Part of the id.
    fn call_group<'i>(&self, _: &'i RemoteId) -> &'i str {
        ""
    }

    /// Sends one call.
    async fn send(&self, call: &Call) -> Receipt;

    /// Asks for the outcome of a call that carried these items; [`Verdict::Pending`] again for a call that goes on.
    /// Deferred as a whole: the destination could not be asked now, and is asked again.
    async fn poll(&self, ticket: &Ticket, _: &[RemoteId]) -> Receipt {
        let fault = Fault::protocol("C0604", format!("the destination knows nothing of {}", ticket.0));
        Receipt { verdict: Verdict::Whole(Outcome::Unknown(fault)), status: 0, response: String::new() }
    }

    /// Whether an item of this id is an event: reported once ([`Op::Report`]), whatever happens to its record afterwards,
    /// instead of being kept up to date.
    fn is_event(&self, _: Kind, _: &RemoteId) -> bool {
        false
    }

    /// Whether [`Op::Remove`] takes back what an event of this id made there, as the erasure of its person asks for. The call
    /// gets the payload that was acknowledged.
    fn takes_back(&self, _: Kind, _: &RemoteId) -> bool {
        false
    }

    /// Finds out whether calls of unknown outcome had their effect on these items, where [`Repeat::Lookup`] says that it
    /// can: one answer per item, in their order.
    ///
    /// # Errors
    /// It could not be asked now; it is asked again later.
    async fn resolve(&self, _: Kind, items: &[RemoteId]) -> Result<Vec<Resolution>, Fault> {
        Ok(vec![Resolution::Unsure; items.len()])
    }

    /// Ids of the items that a record of this id is or would be, where they are made of nothing else: for finding items
    /// that should not be there. Empty where the destination can't name them.
    fn ids_of(&self, _: Kind, _: &RecordId) -> Vec<RemoteId> {
        Vec::new()
    }

    /// Reads items back, for `verify`: those that exist, with their JSON, in any order. `None`: it can't be read back.
    async fn read(&self, kind: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, serde_json::Value)>, Fault>>;

    /// Ids of the items that are in the spaces of a flow of these markets, whoever put them there, in pages in an order of the
    /// destination's own after `after`; an empty page is the end. None: it does not list what it holds.
    async fn list(
        &self,
        _kind: Kind,
        _markets: &[Market],
        _after: Option<&RemoteId>,
    ) -> Option<Result<Vec<RemoteId>, Fault>> {
        None
    }

    /// Looks at credentials and settings; one line per finding.
    async fn check(&self) -> Vec<Finding>;

    /// Addresses of some products that it holds, whoever put them there, to see whose they are. None: it can't tell.
    async fn addresses(&self) -> Option<Result<Vec<String>, Fault>> {
        None
    }

    /// What it can use items for only if they have fields that it does not require.
    fn use_of_items(&self) -> Option<Use> {
        None
    }

    /// The least time between two calls to the account in the long run, where it allows only so many in a span of time.
    fn pace(&self) -> Option<Duration> {
        None
    }

    /// Calls made so far, for reports.
    fn calls(&self) -> u64;

    /// Signals of people, such as a withdrawn consent to e-mail, as records that are read into the source of each flow;
    /// `None`: nothing comes back. Its lanes are named after the destination.
    fn signals(&self) -> Option<Arc<dyn Source>> {
        None
    }

    /// Its import of feeds hosted here; `None` where it imports none.
    fn importer(&self) -> Option<&dyn Importer> {
        None
    }
}

/// A destination that imports feeds hosted here. What is absent from a whole feed is deleted there.
#[async_trait]
pub trait Importer: Send + Sync {
    /// Names of the feeds that it imports, such as `products`.
    fn feeds(&self) -> &'static [&'static str];

    /// The kind of record that a feed of this name holds.
    fn kind(&self, feed: &str) -> Option<Kind>;

    /// Name of the request header that carries the token.
    fn header(&self) -> &'static str;

    /// What stands before the token in that header.
    fn scheme(&self) -> Scheme {
        Scheme::Bearer
    }

    /// Whether the text has the form of a token. Pure: what has not is refused without a call.
    fn is_token(&self, _: &str) -> bool {
        true
    }

    /// Whether the token was issued by this destination's account. In doubt, the answer is no.
    ///
    /// # Errors
    /// It could not be asked; the request is then refused as well.
    async fn admits(&self, token: &str) -> Result<bool, Fault>;

    /// How a feed of this name is written.
    fn form(&self, _feed: &str) -> Form {
        Form::json()
    }

    /// The item as the feed of this name holds it; in JSON, one object without line breaks.
    ///
    /// # Errors
    /// An id that the destination can't take.
    fn object(&self, feed: &str, item: &Item) -> Result<String, Fault>;
}

/// How an importer shows that it may fetch a feed (RFC 9110, 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A token that its account issued.
    Bearer,
    /// User and password; the token is both, in Base64 (RFC 7617).
    Basic,
}

impl Scheme {
    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Basic => "Basic",
        }
    }
}

/// What stands around the items of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Media type of the whole.
    pub media_type: &'static str,
    /// Before the first item.
    pub head: String,
    /// Between two items.
    pub between: &'static str,
    /// After each item.
    pub end: &'static str,
    /// After the last item.
    pub tail: &'static str,
}

impl Form {
    /// A list of JSON objects. The importer may ask for one object per line instead.
    pub fn json() -> Self {
        Self { media_type: "application/json", head: "[".to_owned(), between: ",", end: "", tail: "]" }
    }

    /// A JSON object per line.
    pub fn lines() -> Self {
        Self { media_type: "application/x-ndjson", head: String::new(), between: "", end: "\n", tail: "" }
    }
}

/// A record as a destination maps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// These items, at least one.
    Items(Vec<Made>),
    /// The destination's settings filter the record.
    Filtered(model::Filtered),
}

/// An item that a destination made of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The item.
    pub item: Item,
    /// For an item of one variant: that variant, which some market need not sell.
    pub variant: Option<VariantId>,
}

impl Made {
    /// An item of the whole record.
    pub const fn whole(item: Item) -> Self {
        Self { item, variant: None }
    }

    /// An item of this variant.
    pub const fn of_variant(item: Item, variant: VariantId) -> Self {
        Self { item, variant: Some(variant) }
    }
}
