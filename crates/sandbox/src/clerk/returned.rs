//! `log/returned`: pieces of an order that came back.
//!
//! Nothing tells two calls for one return apart, so each counts: a call that is made twice is seen twice.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::Emulator;
use super::arguments::Arguments;
use super::envelope::{Problem, Reply, ok};
use super::resource::Resource;
use super::store::Store;

/// Pieces of a product that came back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Returned {
    /// The order.
    pub order: String,
    /// The product.
    pub product: String,
    /// Pieces, at least one.
    pub quantity: usize,
}

impl Emulator {
    /// One product for each call. `body` is kept in the journal.
    pub(super) fn returned(&self, arguments: &Arguments, name: String, body: &Bytes) -> Reply {
        let store = self.private(arguments.text("key")?, arguments.text("private_key")?)?;
        let outcome = taken(store, arguments);
        let refused = outcome.as_ref().err().map(|problem| format!("{:?}: {}", problem.kind, problem.message));
        store.journal().note(name, 1, refused, body.clone());
        outcome.map(|()| ok())
    }
}

fn taken(store: &Arc<Store>, arguments: &Arguments) -> Result<(), Problem> {
    let (order, product) = (arguments.id("order")?, arguments.id("product")?);
    let quantity = arguments.count("quantity")?.ok_or_else(|| Problem::missing("quantity"))?;
    if quantity == 0 {
        return Err(Problem::invalid("quantity"));
    }
    let mut state = store.write();
    // What the real one says to an order that it does not know is not published.
    if state.entry(Resource::Orders, &order).is_none() {
        return Err(Problem::logical("Unknown order in argument: order"));
    }
    state.returns.push(Returned { order, product, quantity });
    Ok(())
}
