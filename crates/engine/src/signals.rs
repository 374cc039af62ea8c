//! Signals from destinations, read as lanes of the source whose flows go there.
//!
//! Joins between records are made within one source, so a signal is a record of the flow's source. Its lanes are named after the
//! destination (`newsletter/suppressions`), so that no two have one name.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use contract::{
    Fault, Fetched, Lane, Page, Position, Profile, Ref, Source, SourceDescriptor,
    source::{Finding, Hooks},
};
use model::Kind;

/// A source with the signals of the destinations that it flows to.
pub struct WithSignals {
    shop: Arc<dyn Source>,
    signals: Vec<(String, Arc<dyn Source>)>,
}

impl WithSignals {
    /// The shop with the signals of these destinations, by name; the shop alone if there are none.
    pub fn of(shop: Arc<dyn Source>, signals: Vec<(String, Arc<dyn Source>)>) -> Arc<dyn Source> {
        if signals.is_empty() { shop } else { Arc::new(Self { shop, signals }) }
    }

    /// The signals to which a lane belongs, and the lane as they name it; `None`: it is the shop's.
    fn signals_of(&self, lane: &Lane) -> Option<(&dyn Source, Lane)> {
        self.signals.iter().find_map(|(name, source)| {
            let own = lane.name.strip_prefix(name.as_str())?.strip_prefix('/')?;
            let lane = Lane { name: Cow::Owned(own.to_owned()), ..lane.clone() };
            Some((source.as_ref(), lane))
        })
    }
}

#[async_trait]
impl Source for WithSignals {
    fn descriptor(&self) -> &'static SourceDescriptor {
        self.shop.descriptor()
    }

    fn lanes(&self) -> Vec<Lane> {
        let signals = self.signals.iter().flat_map(|(name, source)| {
            let of = move |lane: Lane| Lane { name: Cow::Owned(format!("{name}/{}", lane.name)), ..lane };
            source.lanes().into_iter().map(of)
        });
        self.shop.lanes().into_iter().chain(signals).collect()
    }

    async fn page(&self, lane: &Lane, position: &Position) -> Result<Page, Fault> {
        match self.signals_of(lane) {
            Some((source, lane)) => source.page(&lane, position).await,
            None => self.shop.page(lane, position).await,
        }
    }

    fn is_sampled(&self) -> bool {
        self.shop.is_sampled()
    }

    fn fetches(&self) -> &[Kind] {
        self.shop.fetches()
    }

    async fn fetch(&self, refs: &[Ref]) -> Result<Fetched, Fault> {
        self.shop.fetch(refs).await
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        self.shop.hooks()
    }

    async fn check(&self) -> Vec<Finding> {
        self.shop.check().await
    }

    async fn profile(&self) -> Result<Profile, Fault> {
        self.shop.profile().await
    }

    fn calls(&self) -> u64 {
        self.shop.calls()
    }
}
