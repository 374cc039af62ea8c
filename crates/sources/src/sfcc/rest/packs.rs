//! Calls of the Shopper APIs about some products each, several of them at once.

use contract::Fault;
use serde_json::Value;
use tokio::task::JoinSet;

use super::{
    client::{CONCURRENCY, PACK},
    documents::Kind,
};

/// Products of a page: whole packs.
pub(super) const PRODUCTS: usize = 4 * PACK;

/// Each of these with each pack of the products that were found and can be sold by themselves.
pub(super) fn packs<W: Clone>(of: &[W], hits: Vec<Value>) -> Vec<(W, Vec<String>)> {
    let which = hits.into_iter().filter_map(|hit| serde_json::from_value::<Kind>(hit).ok());
    let ids: Vec<String> = which.filter(|it| it.of.is_priced()).map(|it| it.id).collect();
    of.iter().flat_map(|it| ids.chunks(PACK).map(|pack| (it.clone(), pack.to_vec()))).collect()
}

/// Makes a call for each that is wanted, some of them at once, and passes on each answer.
///
/// # Errors
/// That of `take`.
pub(super) async fn ask<W, T, F>(
    wanted: Vec<W>,
    call: impl Fn(W) -> F,
    mut take: impl FnMut(T) -> Result<(), Fault>,
) -> Result<(), Fault>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (mut wanted, mut asked) = (wanted.into_iter(), JoinSet::new());
    for one in wanted.by_ref().take(CONCURRENCY) {
        asked.spawn(call(one));
    }
    while let Some(answer) = asked.join_next().await {
        if let Some(one) = wanted.next() {
            asked.spawn(call(one));
        }
        take(answer.map_err(|error| Fault::protocol("C0207", format!("a call was not made: {error}")))?)?;
    }
    Ok(())
}
