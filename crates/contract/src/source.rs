//! Where records come from.

use std::{borrow::Cow, collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use model::{Currency, Kind, Locale, Market, Record, RecordId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Fault, store::Hint};

/// What a kind of source is, for the registry, the documentation and the engine.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescriptor {
    /// Name in the configuration, such as `commercetools`.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// How one of several prices is chosen (vendor's rule).
    pub price_policy: model::PricePolicy,
    /// Names of expressions that stay empty, whatever the shop holds.
    pub lacks: &'static [Lack],
    /// Names that stay empty with a setting, such as `route = "api"`.
    pub lacks_with: &'static [(&'static str, Lack)],
    /// What the platform has beside its records, such as promotions, and its source does not read.
    pub leaves_out: &'static [Lack],
}

/// A name of expressions, such as `product.brand`, that a source never fills; or what else it does not read.
#[derive(Clone, Copy, Debug)]
pub struct Lack {
    /// The name.
    pub name: &'static str,
    /// Why, in a few words: what the platform does not have, or what is not read.
    pub why: &'static str,
}

/// A stream of records that is read at a pace of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Name in the configuration and in `status`.
    pub name: Cow<'static, str>,
    /// What a full walk of this lane reads completely, so that a record it does not meet is deleted: all records of a
    /// kind, or those of one scope. Each kind is listed at most once. Empty for lanes that only report deletions.
    pub sweeps: Vec<(Kind, Option<Scope>)>,
    /// Whether a full walk meets every record that exists throughout it. Where it may miss some (paging by offset), a
    /// record counts as deleted once two full walks in a row have missed it.
    pub stable: bool,
    /// Urgency of the lane's changes: decides what is sent first.
    pub urgency: Urgency,
    /// Whether it can be read from where the last walk ended; otherwise every walk is a full one.
    pub delta: bool,
    /// Whether products must not be projected before this lane was read once, because they would be sent wrong.
    pub needed: bool,
    /// Bounds of the interval between two reads while `run`, in seconds: (floor, ceiling). They may change with what a source
    /// learns; those of a source that has read nothing are the widest.
    pub interval_seconds: (u32, u32),
    /// The lane whose full walks read all that one of this lane reads: each counts as a full walk of this lane, too. It comes
    /// earlier among [`Source::lanes`]. Then this lane sweeps nothing, has no deltas, and covers no other.
    pub covered_by: Option<Cow<'static, str>>,
}

impl Lane {
    /// Whether its full walks read this kind, or a part of it.
    pub fn reads(&self, kind: Kind) -> bool {
        self.sweeps.iter().any(|(of, _)| *of == kind)
    }
}

/// A part of a kind that is walked and swept by itself, such as one price list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(pub String);

/// What is sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Urgency {
    /// Stock and prices.
    Urgent = 0,
    /// Changes that happen now.
    Live = 1,
    /// First syncs, full reads, wide fan-outs.
    Backfill = 2,
}

impl Urgency {
    /// All, most urgent first.
    pub const ALL: [Self; 3] = [Self::Urgent, Self::Live, Self::Backfill];
}

/// A place in a walk, owned by the source; the engine only keeps and returns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Token(pub String);

/// Where the next page starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// The beginning of a walk over everything.
    Full,
    /// The beginning of a walk over what changed since the walk that ended with this token.
    Delta(Token),
    /// The next page of the walk under way.
    Within(Token),
}

/// One page of a walk.
#[derive(Clone, Debug)]
pub struct Page {
    /// The changes that were read.
    pub changes: Vec<Change>,
    /// Records that could not be understood: which, and why. They are reported and kept as they were.
    pub unread: Vec<Unread>,
    /// Where the walk goes on.
    pub next: Next,
    /// Age of the content at the time of the request: zero, unless it was exported before it is read. A change that is
    /// older than what the mirror holds is stale.
    pub age: Duration,
}

/// A record that could not be understood.
#[derive(Clone, Debug)]
pub struct Unread {
    /// What it is.
    pub kind: Kind,
    /// Its id, if that could be read.
    pub id: Option<RecordId>,
    /// Why.
    pub fault: Fault,
}

/// Where a walk goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// There are more pages.
    Within(Token),
    /// The walk is over; a later delta starts from this token.
    End(Token),
    /// There will be more pages, but not before this time has passed: the source prepares them, as an export that runs
    /// for minutes.
    Later(Token, Duration),
    /// What changed can't be told apart from the rest: everything has to be read. Only of walks over what changed; the engine
    /// begins one over everything in its place.
    Everything,
}

/// One change of a record, as a page reports it.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "pages are nearly all `Is`; a box per record would cost more than it saves"
)]
pub enum Change {
    /// The record exists in this form.
    Is {
        /// The record.
        record: Record,
        /// The source's own version of it; 0 where there is none.
        version: u64,
        /// When the source last changed it.
        modified_at: Option<Timestamp>,
    },
    /// The record no longer exists (or is no longer published).
    Gone {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: RecordId,
        /// The version at which it was deleted: a record with a later version stays. `None`: deleted whatever its
        /// version.
        version: Option<u64>,
    },
}

/// Names a record of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: RecordId,
}

/// A source's answer to a request for records by id.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Their present form, or their deletion. Nothing about records of which the source knows neither.
    pub changes: Vec<Change>,
    /// Those that could not be understood.
    pub unread: Vec<Unread>,
}

/// What all flows of a source need from it together, for sources that must be asked market by market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Keys of stores of the shop.
    pub stores: BTreeSet<String>,
    /// Currencies of prices.
    pub currencies: BTreeSet<Currency>,
    /// Customer groups, as the markets name them.
    pub groups: BTreeSet<String>,
    /// Locales of texts, fallbacks included.
    pub locales: BTreeSet<Locale>,
    /// Kinds that flows carry, apart from the catalogue, which is always read: what no flow carries is not read.
    pub kinds: BTreeSet<Kind>,
}

impl Demand {
    /// Adds the needs of a market.
    pub fn add(&mut self, market: &Market) {
        self.stores.extend(market.store.iter().map(ToString::to_string));
        self.currencies.insert(market.currency);
        self.groups.extend(market.customer_group.clone());
        self.locales.extend(market.locales.iter().cloned());
    }
}

/// A request that arrived at the address of a source's webhook.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Method, such as `POST`.
    pub method: &'a str,
    /// Path and query below the source's address.
    pub path: &'a str,
    /// Headers, names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body as it was sent: signatures cover its bytes.
    pub body: &'a [u8],
    /// When it arrived.
    pub at: Timestamp,
}

/// What a verified delivery says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Records that may have changed; none where the delivery is about something else.
    pub hints: Vec<Hint>,
    /// Tells this delivery from others; `None`: it can't be told.
    pub mark: Option<Mark>,
    /// What the sender waits for besides a success; `None`: nothing.
    pub reply: Option<Reply>,
}

/// The place of a delivery in a series, by which repeated, late and lost ones are recognised. A delivery whose number is
/// not higher than the highest one of its series so far is repeated or late: what it says was read since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The series, such as the messages of one resource.
    pub series: String,
    /// Its number.
    pub number: u64,
    /// Whether numbers of a series grow by one, so that a missing one is a lost delivery.
    pub consecutive: bool,
}

/// What a sender waits for, such as the answer to a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// A body of JSON.
    pub body: Option<String>,
}

/// How a source's webhooks stand at the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Given to the source at the next registration, such as the ids of its webhooks.
    pub kept: Option<Token>,
    /// How they stand, for people, such as `active`.
    pub state: String,
    /// Whether the platform delivers everything that it is to deliver.
    pub is_whole: bool,
    /// Whether deliveries may have been lost, so that everything must be read now.
    pub missed: bool,
    /// When the registration has to be renewed; `None`: never.
    pub renew_at: Option<Timestamp>,
    /// What was changed at the platform, or would be, a line each.
    pub steps: Vec<String>,
}

/// What a registration may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Look and say what would be changed.
    Look,
    /// Change what is not as it should be.
    Apply,
}

/// Webhooks of a source.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Verifies a delivery and names the records it is about. Makes no call but for keys and certificates that deliveries are
    /// signed with, a few times a minute at most whatever comes, and to confirm a subscription that is verified; keeps
    /// nothing else. A delivery that can't be verified is a fault, also
    /// when the verification itself fails. One that is verified and about something else has no hints.
    async fn receive(&self, delivery: &Delivery<'_>) -> Result<Received, Fault>;

    /// Why the platform can't deliver to this address; `None`: it can.
    fn objection(&self, address: &str) -> Option<String>;

    /// Whether `run` keeps the registration up by itself; otherwise only a person changes it.
    fn is_kept_up(&self) -> bool;

    /// Makes sure that the platform delivers to this address: registers, renews, switches on again; or says what it would
    /// do. May be called at any time; `kept` is what the last call returned.
    async fn ensure(&self, address: &str, kept: Option<&Token>, reach: Reach) -> Result<Registered, Fault>;
}

/// Most records that [`Source::fetch`] is asked for at once.
pub const MOST_REFS: usize = 100;

/// A shop that can be read.
#[async_trait]
pub trait Source: Send + Sync {
    /// Describes the platform.
    fn descriptor(&self) -> &'static SourceDescriptor;

    /// The lanes that this configuration reads, needed ones first.
    fn lanes(&self) -> Vec<Lane>;

    /// Reads one page. Repeats what may be repeated within the call (renewed token, short backoff); what remains is a
    /// fault, and the engine decides.
    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault>;

    /// Whether a lane may be read for a few seconds only to look at it. False where the platform has to make something
    /// first, such as an export, which would be left there.
    fn is_sampled(&self) -> bool {
        true
    }

    /// Kinds that [`Source::fetch`] can read.
    fn fetches(&self) -> &[Kind] {
        &[]
    }

    /// Reads these records as they are now, whatever lane they belong to: at most [`MOST_REFS`], of kinds in
    /// [`Source::fetches`]. Repeats what may be repeated, as [`Source::page`].
    async fn fetch(&self, _refs: &[Ref]) -> Result<Fetched, Fault> {
        Ok(Fetched::default())
    }

    /// Its webhooks; `None`: its changes are read at intervals.
    fn hooks(&self) -> Option<&dyn Hooks> {
        None
    }

    /// Looks at credentials, rights and settings without reading the catalogue; one line per finding.
    async fn check(&self) -> Vec<Finding>;

    /// What the shop is set up with, against which markets are held before anything is read. Makes few calls.
    async fn profile(&self) -> Result<Profile, Fault> {
        Ok(Profile::default())
    }

    /// Calls made so far, for reports.
    fn calls(&self) -> u64;
}

/// What a shop is set up with, as far as its source can tell without reading the catalogue. None: it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Languages of its texts, as it writes them.
    pub languages: Option<Vec<String>>,
    /// ISO 4217 codes of its prices.
    pub currencies: Option<Vec<String>>,
    /// ISO 3166-1 codes of the countries it sells to.
    pub countries: Option<Vec<String>>,
    /// Its stores.
    pub stores: Option<Vec<StoreProfile>>,
    /// Keys of its channels.
    pub channels: Option<Vec<String>>,
    /// Keys of its customer groups.
    pub groups: Option<Vec<String>>,
    /// Names of the attributes that its products may have.
    pub attributes: Option<Vec<String>>,
}

/// A store of a shop, as far as its source can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreProfile {
    /// Its key, as a market names it.
    pub key: String,
    /// Its name, where it is another than the key.
    pub name: Option<String>,
    /// Languages of its texts, as the shop writes them. Empty: it does not say.
    pub languages: Vec<String>,
    /// ISO 3166-1 codes of the countries it sells to. Empty: it does not say.
    pub countries: Vec<String>,
    /// Keys of the channels whose prices it shows.
    pub price_channels: Vec<String>,
}

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
#[serde(into = "Shown")]
pub struct Finding {
    /// The subject, such as `scopes`.
    pub what: String,
    /// What was found, or what is wrong.
    pub result: Result<String, Fault>,
}

/// A finding in JSON.
#[derive(Serialize, schemars::JsonSchema)]
#[schemars(rename = "Finding")]
struct Shown {
    /// What was checked.
    what: String,
    /// Whether it is right.
    ok: bool,
    /// What was found, if it is right.
    found: Option<String>,
    /// What is wrong otherwise.
    fault: Option<Fault>,
}

impl From<Finding> for Shown {
    fn from(Finding { what, result }: Finding) -> Self {
        let (found, fault) = match result {
            Ok(found) => (Some(found), None),
            Err(fault) => (None, Some(fault)),
        };
        Self { what, ok: fault.is_none(), found, fault }
    }
}

impl schemars::JsonSchema for Finding {
    fn schema_name() -> Cow<'static, str> {
        Shown::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Shown::json_schema(generator)
    }
}

impl Finding {
    /// A finding about this subject.
    pub fn new(what: impl Into<String>, result: Result<String, Fault>) -> Self {
        Self { what: what.into(), result }
    }
}
