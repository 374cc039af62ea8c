//! Where records go.

use async_trait::async_trait;
use model::{CategoryListing, Kind, Listing, RecordId, RemoteId};

use crate::{Facets, Fault, FieldSpec, Item, source::Finding};

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
}

impl Op {
    /// The operation's name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Patch(_) => "patch",
            Self::Remove => "remove",
        }
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
    /// JSON members without braces; empty for a removal.
    pub members: String,
}

/// What became of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has it.
    Delivered,
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
        matches!(self, Self::Delivered)
    }

    /// It is tried again.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Deferred(_) | Self::Unknown(_))
    }

    /// What was wrong, if anything.
    pub const fn fault(&self) -> Option<&Fault> {
        match self {
            Self::Delivered => None,
            Self::Rejected(fault) | Self::Deferred(fault) | Self::Unknown(fault) => Some(fault),
        }
    }
}

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
}

/// How a destination gets rid of a kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// [`Op::Remove`] does it.
    Call,
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

/// A record as a flow's market shows it: what is mapped to items.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A product that the market sells.
    Product(&'a Listing<'a>),
    /// A category that the market shows.
    Category(&'a CategoryListing<'a>),
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
            Self::Product(listing) => listing.id.as_str(),
            Self::Category(listing) => listing.id.as_str(),
        }
    }
}

/// How a destination takes a kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carry {
    /// The kind.
    pub kind: Kind,
    /// Facets that [`Op::Patch`] can change while the rest stays as it is.
    pub patchable: Facets,
    /// How it gets rid of an item.
    pub removal: Removal,
    /// Whether an item may ever be another record's.
    pub ids: Ids,
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

    /// The space of the account that a flow into it fills, such as one store, as text without secrets: two flows that fill one
    /// would overwrite and remove each other's items. None: it can't be told.
    fn space(&self) -> Option<String> {
        None
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
        !facets.is_empty() && self.carry(kind).is_some_and(|carry| carry.patchable.contains(facets))
    }

    /// The items of a record, without the members whose names are `taken` by the user's mapping.
    ///
    /// # Errors
    /// [`Mapped::Filtered`] is no error; a [`Fault`] of class `Record` makes the record a dead letter.
    fn map(&self, subject: &Subject<'_>, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault>;

    /// Sends one call.
    async fn send(&self, call: &Call) -> Receipt;

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

/// What a destination makes of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// These items, at least one. The index names the variant an item stands for, where it stands for one.
    Items(Vec<(Item, Option<usize>)>),
    /// The flow's settings keep it out.
    Filtered(model::Filtered),
}
