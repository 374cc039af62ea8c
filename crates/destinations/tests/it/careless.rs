//! The suite itself: a destination that breaks the rules does not pass it.

use async_trait::async_trait;
use contract::{
    Call, Destination, DestinationDescriptor, Facets, Fault, Limits, Op, Outcome, Receipt, Removal,
    destination::{Mapped, Verdict},
    source::Finding,
};
use destinations::clerk::Connector;
use model::{CategoryListing, Kind, Listing, RemoteId};

/// Takes every call for delivered, sends twice, writes what is taken, and finds nothing wrong.
pub(crate) struct Careless(pub(crate) Connector);

#[async_trait]
impl Destination for Careless {
    fn descriptor(&self) -> &'static DestinationDescriptor {
        self.0.descriptor()
    }

    fn fingerprint(&self) -> String {
        self.0.fingerprint()
    }

    fn limits(&self, kind: Kind, op: Op) -> Limits {
        Limits { items: 0, ..self.0.limits(kind, op) }
    }

    fn removal(&self, kind: Kind) -> Removal {
        self.0.removal(kind)
    }

    fn can_patch(&self, _: Kind, _: Facets) -> bool {
        true
    }

    fn listing(&self, listing: &Listing<'_>, _: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        self.0.listing(listing, &|_| false)
    }

    fn category(&self, category: &CategoryListing<'_>, taken: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        self.0.category(category, taken)
    }

    async fn send(&self, call: &Call) -> Receipt {
        self.0.send(call).await;
        Receipt { verdict: Verdict::Whole(Outcome::Delivered), ..self.0.send(call).await }
    }

    async fn read(&self, kind: Kind, ids: &[RemoteId]) -> Option<Result<Vec<(RemoteId, serde_json::Value)>, Fault>> {
        Some(self.0.read(kind, ids).await?.or(Ok(Vec::new())))
    }

    async fn check(&self) -> Vec<Finding> {
        vec![Finding { what: "nothing".to_owned(), result: Ok("all is well".to_owned()) }]
    }

    fn calls(&self) -> u64 {
        self.0.calls()
    }
}
