//! Where records go.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use model::{CategoryListing, Kind, Listing, Market, RecordId, RemoteId};

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
    /// What payloads of a kind of record are cut into, at most [`MOST_FACETS`](crate::payload::MOST_FACETS).
    pub facets: fn(Kind) -> &'static [FacetSpec],
    /// Names of fields that a user may add: none for a closed schema.
    pub extra_name: Option<fn(&str) -> bool>,
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
    /// Tell what happened: an event, such as a purchase ([`Destination::is_told`]).
    Tell,
}

impl Op {
    /// The operation's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Patch(_) => "patch",
            Self::Remove => "remove",
            Self::Hide => "hide",
            Self::Tell => "tell",
        }
    }

    /// The items are no longer to be seen at the destination after this.
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
    /// What they are.
    pub kind: Kind,
    /// What is done with them.
    pub op: Op,
    /// The items.
    pub parcels: Vec<Parcel>,
}

/// One item of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Id at the destination.
    pub id: RemoteId,
    /// What it should be: all facets for [`Op::Put`] and [`Op::Tell`], those that change for [`Op::Patch`], none otherwise.
    pub payload: Payload,
    /// What the destination acknowledged last, where there is something and [`Carry::needs_before`] asks for it.
    pub before: Option<Payload>,
}

impl Parcel {
    /// An item that should be this.
    pub const fn new(id: RemoteId, payload: Payload) -> Self {
        Self { id, payload, before: None }
    }

    /// An item that is only named.
    pub fn named(id: RemoteId) -> Self {
        Self::new(id, Payload::default())
    }
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has it.
    Delivered,
    /// The destination has it, and says something of it.
    DeliveredWith(Box<Remarks>),
    /// The destination refuses it as long as another record of the source is not there: it had no effect, and waits for that
    /// one. If that one is kept out, so is this one; if that one is dead, so is this one.
    Blocked(Ref),
    /// The destination refused it and will again: it is set aside until it changes.
    Rejected(Fault),
    /// It certainly had no effect; it is tried again, or the flow pauses, as the fault's class says.
    Deferred(Fault),
    /// It may or may not have had its effect: what the destination holds is unknown until it is sent again.
    Unknown(Fault),
}

impl Outcome {
    /// The destination has it.
    pub const fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered | Self::DeliveredWith(_))
    }

    /// It is tried again.
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

/// What a destination says of an item that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// What it left out or could not use.
    pub warnings: Vec<Fault>,
}

/// What a destination gives for a call that it carries out in its own time, to ask with: also after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub String);

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What became of its items.
    pub verdict: Verdict,
    /// HTTP status, 0 where there was none.
    pub status: u16,
    /// The beginning of the answer, redacted, at most 4 KB.
    pub response: String,
}

/// What became of the items of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One outcome for all: a rejected call of several items is bisected by the engine.
    Whole(Outcome),
    /// One outcome per item, in the order of the call.
    Each(Vec<Outcome>),
    /// It was taken, and is carried out in the destination's own time: what became of it is to be asked
    /// ([`Destination::poll`]).
    Pending {
        /// What to ask with.
        ticket: Ticket,
        /// When to ask.
        ask_in: Duration,
    },
}

/// How a destination gets rid of a kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// [`Op::Remove`] does it.
    Call,
    /// [`Op::Hide`] hides the item: the destination keeps it and no longer shows it.
    Hide,
    /// It goes when the destination next imports the hosted feed without it.
    Feed,
}

/// Whose the ids are by which a destination knows items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// Made of the record's own id, so that no item is ever another record's.
    Own,
    /// Made of something that may move from one record to another, or stand in two at once, such as a SKU.
    Shared,
}

/// What markets of a flow show of a record: one market for a kind that is carried as [`Markets::One`], otherwise all that
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
}

impl Subject<'_> {
    /// What kind of record it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Product(_) => Kind::Product,
            Self::Category(_) => Kind::Category,
        }
    }

    /// The record's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Product(shown) => shown.first.1.id.as_str(),
            Self::Category(shown) => shown.first.1.id.as_str(),
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

/// What is done with an item where nobody knows whether the call for it had its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It is sent again: a call that creates or replaces, or one under a key that the same item gives again.
    Safe,
    /// The destination is asked first ([`Destination::resolve`]).
    Lookup,
    /// Nothing, until a person decides.
    AtMostOnce,
}

/// What an unknown outcome was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The call had its effect.
    Arrived,
    /// It certainly had none, and will have none: it may be made again.
    Absent,
    /// That can't be told: a person has to decide.
    Unsure,
}

/// How a destination takes a kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carry {
    /// The kind.
    pub kind: Kind,
    /// How many markets an item is for.
    pub markets: Markets,
    /// Whether an item may ever be another record's.
    pub ids: Ids,
    /// How it gets rid of an item.
    pub removal: Removal,
    /// Whether an item that may have arrived may be put again.
    pub put: Repeat,
    /// Whether what may have been told may be told again.
    pub tell: Repeat,
    /// Its calls are given what was acknowledged before.
    pub needs_before: bool,
}

impl Carry {
    /// The usual: an item for one market, under an id of the record's own, that can be put again and removed.
    pub const fn of(kind: Kind) -> Self {
        Self {
            kind,
            markets: Markets::One,
            ids: Ids::Own,
            removal: Removal::Call,
            put: Repeat::Safe,
            tell: Repeat::AtMostOnce,
            needs_before: false,
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
}

/// What a destination found or made in an account, in a form of its own: its region, fields that are defined there, ids of
/// collections and lists.
#[derive(Clone, Default)]
pub struct Account(Option<Arc<dyn Any + Send + Sync>>);

impl Account {
    /// An account of which this is known.
    pub fn new<F: Any + Send + Sync>(facts: F) -> Self {
        Self(Some(Arc::new(facts)))
    }

    /// What is known, as the destination gave it.
    pub fn facts<F: Any + Send + Sync>(&self) -> Option<&F> {
        self.0.as_ref()?.downcast_ref()
    }
}

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
    /// What kind of destination it is.
    fn descriptor(&self) -> &'static DestinationDescriptor;

    /// What this configuration changes about payloads, as text: when it changes, flows look at every record again.
    fn fingerprint(&self) -> String;

    /// The spaces of the account that a flow of these markets into it fills, such as one store, or one collection per market,
    /// as text without secrets: two flows that fill one would overwrite and remove each other's items. None where they
    /// can't be told.
    fn spaces(&self, _: &[Market]) -> Vec<String> {
        Vec::new()
    }

    /// The kinds of records that it takes, one row each.
    fn carries(&self) -> &[Carry];

    /// How it takes records of this kind; none: it does not.
    fn carry(&self, kind: Kind) -> Option<&Carry> {
        self.carries().iter().find(|carry| carry.kind == kind)
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

    /// Finds out what has to be known of the account, and makes what a flow needs there. Called again and again: what is
    /// there already is left as it is.
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

    /// Sends one call.
    async fn send(&self, call: &Call) -> Receipt;

    /// Asks what became of a call that had these items; for a call that goes on, [`Verdict::Pending`] again. A deferred call
    /// as a whole means that it could not be asked now, and is asked again.
    async fn poll(&self, ticket: &Ticket, _: &[RemoteId]) -> Receipt {
        let fault = Fault::protocol("C0604", format!("the destination knows nothing of {}", ticket.0));
        Receipt { verdict: Verdict::Whole(Outcome::Unknown(fault)), status: 0, response: String::new() }
    }

    /// Whether an item of this id is told once ([`Op::Tell`]), whatever becomes of its record afterwards, instead of being kept
    /// up to date.
    fn is_told(&self, _: Kind, _: &RemoteId) -> bool {
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

    /// Ids of the items that a record of this id is or would be, where they are made of nothing else: for finding items that
    /// should not be there. Empty where they can't be told.
    fn ids_of(&self, _: Kind, _: &RecordId) -> Vec<RemoteId> {
        Vec::new()
    }

    /// Reads items back, for `verify`: those that exist, with their JSON, in any order. `None`: it can't be read back.
    async fn read(&self, kind: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, serde_json::Value)>, Fault>>;

    /// Looks at credentials and settings; one line per finding.
    async fn check(&self) -> Vec<Finding>;

    /// Calls made so far, for reports.
    fn calls(&self) -> u64;

    /// What people say there, such as that they don't want mail any more, as records that are read into the source of each
    /// flow; none: nothing comes back. Its lanes are named after the destination.
    fn signals(&self) -> Option<Arc<dyn Source>> {
        None
    }

    /// The side of it that imports feeds hosted here; none where it does not.
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

    /// Name of the request header that carries the bearer token.
    fn header(&self) -> &'static str;

    /// Whether the text has the form of a token. Pure: what has not is refused without a call.
    fn is_token(&self, _: &str) -> bool {
        true
    }

    /// Whether the token was issued by this destination's account. Any doubt is a no.
    ///
    /// # Errors
    /// It could not be asked; the request is then refused as well.
    async fn admits(&self, token: &str) -> Result<bool, Fault>;

    /// The item as the feed holds it: one JSON object without line breaks.
    ///
    /// # Errors
    /// An id that the destination can't take.
    fn object(&self, item: &Item) -> Result<String, Fault>;
}

/// What a destination makes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// These items, at least one.
    Items(Vec<Made>),
    /// The flow's settings keep it out.
    Filtered(model::Filtered),
}

/// An item that a destination made of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The item.
    pub item: Item,
    /// The place of the variant that it stands for, where it stands for one: among those of the first market.
    pub variant: Option<usize>,
}

impl Made {
    /// An item that stands for the whole record.
    pub const fn whole(item: Item) -> Self {
        Self { item, variant: None }
    }

    /// An item that stands for the variant at this place.
    pub const fn of_variant(item: Item, place: usize) -> Self {
        Self { item, variant: Some(place) }
    }
}
