//! A flow: one source into one destination, in one market.

use std::{fmt, sync::Arc};

use contract::{Destination, Digest, Fault, Store};
use model::{FlowName, Kind, Market, PricePolicy, SourceName};

use crate::{
    mapping::Mapping,
    market::{Reference, View},
    push::{gate::Gate, guard::Guard},
};

/// Raise it when the projection makes another listing of the same records, so that flows look at every record again.
const PROJECTION: u32 = 1;

/// One source into one destination, in one market.
#[derive(Clone)]
pub struct Flow {
    /// Its name.
    pub name: FlowName,
    /// Where records come from.
    pub source: SourceName,
    /// The market they are projected into.
    pub market: Market,
    /// How one of several prices is chosen.
    pub price_policy: PricePolicy,
    /// Where they go.
    pub destination: Arc<dyn Destination>,
    /// The destination's account, shared by all flows into it.
    pub gate: Arc<Gate>,
    /// How much it may remove by itself; none: anything.
    pub guard: Option<Guard>,
    /// The user's own product fields.
    pub products: Mapping,
    /// The user's own category fields.
    pub categories: Mapping,
}

impl Flow {
    /// Everything but the records that payloads depend on: where it differs from the last run's, every record is
    /// looked at again (and sent only where its payload really differs).
    pub fn fingerprint(&self) -> String {
        let descriptor = self.destination.descriptor();
        let text = format!(
            "{PROJECTION}|{}|{:?}|{}|{}|{}|{}|{}",
            self.source,
            self.market,
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
    /// The user's own fields of a kind of record; none where there can be none.
    pub const fn mapping(&self, kind: Kind) -> Option<&Mapping> {
        match kind {
            Kind::Product => Some(&self.products),
            Kind::Category => Some(&self.categories),
            _ => None,
        }
    }

    /// The flow's market, with everything that its settings name looked up in the mirror.
    ///
    /// # Errors
    /// The store's, or that the market's settings name what the source does not have.
    pub async fn view(&self, store: &dyn Store) -> Result<View, Fault> {
        let reference = Reference::new(store.reference(&self.source).await?);
        View::new(&self.market, &reference, self.price_policy)
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Flow").field("name", &self.name).finish_non_exhaustive()
    }
}
