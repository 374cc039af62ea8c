//! The suite itself: a destination that breaks the rules fails it.

use async_trait::async_trait;
use contract::{
    Account, Call, Carry, Destination, DestinationDescriptor, Facets, Fault, Limits, Op, Outcome, Receipt, Subject,
    destination::{Mapped, Verdict},
    source::Finding,
};
use destinations::clerk::Connector;
use model::{Kind, RemoteId};

/// Treats every call as delivered, sends twice, writes taken members, and its check finds no fault.
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

    fn carries(&self) -> &[Carry] {
        self.0.carries()
    }

    fn can_patch(&self, _: Kind, _: Facets) -> bool {
        true
    }

    fn map(&self, subject: &Subject<'_>, account: &Account, _: &dyn Fn(&str) -> bool) -> Result<Mapped, Fault> {
        self.0.map(subject, account, &|_| false)
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
