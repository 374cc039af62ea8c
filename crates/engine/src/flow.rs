//! A flow: one source into one destination, in one market or several.

use std::{fmt, sync::Arc};

use contract::{
    Account, Destination, Digest, Fault, Store,
    destination::{Carry, Markets, Need},
    store::{Declared, FlowId},
};
use model::{FlowName, Kind, Market, PricePolicy, SourceName};

use tokio::sync::OnceCell;

use crate::{
    mapping::Mapping,
    market::{CachedReference, Reference, Views},
    push::{gate::Gate, guard::Guard},
    turns::Turns,
};

/// Version of the projection: raise it when the same records give another listing, so that flows process every record
/// again.
const PROJECTION: u32 = 1;

/// One source into one destination, in one market or several.
#[derive(Clone)]
pub struct Flow {
    /// Its name.
    pub name: FlowName,
    /// The source of its records.
    pub source: SourceName,
    /// The markets they are projected into, at least one.
    pub markets: Vec<Market>,
    /// How one of several prices is chosen.
    pub price_policy: PricePolicy,
    /// The kinds of records that it carries, as far as its destination takes them.
    pub kinds: Vec<Kind>,
    /// Its destination.
    pub destination: Arc<dyn Destination>,
    /// The destination's account, shared by all flows into it.
    pub gate: Arc<Gate>,
    /// One push at a time.
    pub turns: Turns,
    /// The reference records of its source, shared by all flows of the source.
    pub reference: Arc<CachedReference>,
    /// The result of [`Destination::prepare`], once it was called to create what is missing.
    pub account: OnceCell<Account>,
    /// The same, once it was called to look.
    pub seen: OnceCell<Account>,
    /// How much it may remove without approval; `None`: anything.
    pub guard: Option<Guard>,
    /// The user's own product fields.
    pub products: Mapping,
    /// The user's own category fields.
    pub categories: Mapping,
}

impl Flow {
    /// Text of everything that payloads depend on, except the records: if it differs from that of the last run, every
    /// record is processed again (and sent only if its payload really differs).
    pub fn fingerprint(&self) -> String {
        let descriptor = self.destination.descriptor();
        let markets = match self.markets.as_slice() {
            [market] => format!("{market:?}"),
            markets => format!("{markets:?}"),
        };
        let text = format!(
            "{PROJECTION}|{}|{markets}|{}|{}|{}|{}|{}",
            self.source,
            descriptor.name,
            descriptor.mapping,
            self.destination.fingerprint(),
            self.products.fingerprint(),
            self.categories.fingerprint(),
        );
        format!("{:?}", Digest::of(text.as_bytes()))
    }
}

impl Flow {
    /// The user's own fields of a kind of record; `None` for kinds that have none.
    pub const fn mapping(&self, kind: Kind) -> Option<&Mapping> {
        match kind {
            Kind::Product => Some(&self.products),
            Kind::Category => Some(&self.categories),
            _ => None,
        }
    }

    /// How it carries each kind that it carries.
    pub fn carries(&self) -> impl Iterator<Item = &Carry> {
        self.destination.carries().iter().filter(|carry| self.kinds.contains(&carry.kind))
    }

    /// How it carries records of this kind; `None`: it does not.
    pub fn carry(&self, kind: Kind) -> Option<&Carry> {
        self.carries().find(|carry| carry.kind == kind)
    }

    /// How many of the flow's markets an item of this kind is for.
    pub fn markets_of(&self, kind: Kind) -> Markets {
        self.carry(kind).map_or(Markets::One, |carry| carry.markets)
    }

    /// Whether it keeps a history of prices: its destination's own mapping uses it, or the user's.
    pub fn keeps_prices(&self) -> bool {
        let built_in = self.carry(Kind::Product).is_some_and(|carry| carry.price_history);
        built_in || self.products.uses_price_history()
    }

    /// Keys of its markets, in words.
    pub fn market_names(&self) -> String {
        self.markets.iter().map(|market| market.key.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// What tells it from other flows.
    pub fn id(&self) -> FlowId {
        let account = self.destination.account_id();
        FlowId { flow: self.name.clone(), source: self.source.clone(), account }
    }

    /// The flow as it is declared to the store.
    pub fn declared(&self) -> Declared {
        Declared {
            flow: self.name.clone(),
            source: self.source.clone(),
            account: self.destination.account_id(),
            fingerprint: self.fingerprint(),
            carries: self.carries().map(|carry| carry.kind).collect(),
            markets: self.markets.iter().map(|market| market.key.clone()).collect(),
            ids: self.destination.ids(),
            price_history: self.keeps_prices(),
        }
    }

    /// The destination's account, as [`Destination::prepare`] found or created it at its first call.
    ///
    /// # Errors
    /// The destination's.
    pub async fn account(&self) -> Result<&Account, Fault> {
        let need = self.need(true);
        self.account.get_or_try_init(|| self.destination.prepare(&need)).await
    }

    /// The destination's account, without creating anything there.
    async fn seen(&self) -> Result<&Account, Fault> {
        if let Some(account) = self.account.get() {
            return Ok(account);
        }
        let need = self.need(false);
        self.seen.get_or_try_init(|| self.destination.prepare(&need)).await
    }

    fn need(&self, creates: bool) -> Need {
        let fields = |kind| (kind, self.mapping(kind).map(Mapping::names).unwrap_or_default());
        let kinds = self.carries().map(|carry| carry.kind);
        Need { markets: self.markets.clone(), fields: kinds.map(fields).collect(), creates }
    }

    /// Everything that its records are mapped with: its markets, with all names in their settings looked up in the
    /// mirror, and the destination's account, in which nothing is created.
    ///
    /// # Errors
    /// The store's, the destination's, or that a market's settings name what the source does not have.
    pub async fn prepared(&self, store: &dyn Store) -> Result<Prepared, Fault> {
        let (_, reference) = self.reference.current(&self.source, store).await?;
        let account = self.seen().await?.clone();
        Ok(Prepared { views: Views::new(&self.markets, &reference, self.price_policy)?, account })
    }

    /// As [`Flow::prepared`], with these reference records; what is missing in the account is created.
    pub(crate) async fn prepared_with(&self, reference: &Reference) -> Result<Prepared, Fault> {
        let account = self.account().await?.clone();
        Ok(Prepared { views: Views::new(&self.markets, reference, self.price_policy)?, account })
    }
}

/// Everything that records are mapped with.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The flow's markets.
    pub views: Views,
    /// The destination's account.
    pub account: Account,
}

/// Two flows that would overwrite and remove each other's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The one that stands first.
    pub first: FlowName,
    /// The other.
    pub second: FlowName,
    /// Both name the same destination; otherwise their destinations come to the same account.
    pub one_destination: bool,
}

/// The flows that fill a space which another one before them fills ([`Destination::spaces`]), each with the first of these.
pub fn clashes(flows: &[Arc<Flow>]) -> Vec<Clash> {
    let spaces: Vec<Vec<String>> =
        flows.iter().map(|flow| flow.destination.spaces(&flow.markets, &flow.kinds)).collect();
    let mut clashes = Vec::new();
    for (at, (second, fills)) in flows.iter().zip(&spaces).enumerate() {
        let mut earlier = flows.iter().zip(&spaces).take(at);
        clashes.extend(earlier.find_map(|(first, theirs)| {
            let one_destination = Arc::ptr_eq(&first.destination, &second.destination);
            let unknown = one_destination && (fills.is_empty() || theirs.is_empty());
            let (first, second) = (first.name.clone(), second.name.clone());
            let shared = unknown || fills.iter().any(|space| theirs.contains(space));
            shared.then_some(Clash { first, second, one_destination })
        }));
    }
    clashes
}

impl fmt::Debug for Flow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Flow").field("name", &self.name).finish_non_exhaustive()
    }
}
