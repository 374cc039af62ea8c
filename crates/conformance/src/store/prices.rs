//! Checks of the prices that flows have seen.

use std::time::Duration;

use contract::{
    Fault, Store,
    destination::Ids,
    store::{Declared, Held, Retention, Settled, State, Work},
};
use model::{FlowName, Kind, PriceHistory};

use super::{
    Failed, Push, Verdict, checks, must, same,
    samples::{self, at, gone, in_sync, is, page, plain, prices, settled, source, step, wide},
    some,
};

checks![
    prices_come_with_the_settlement_that_they_were_seen_in,
    an_older_settlement_does_not_bring_back_its_prices,
    a_flow_that_keeps_no_prices_has_none,
    prices_go_with_their_record_and_their_flow,
];

/// Declares the flow as one that keeps prices, or does not.
async fn keeps(store: &dyn Store, flow: &str, price_history: bool) -> Result<FlowName, Fault> {
    let flow = FlowName::from(flow);
    let declared = samples::declared(&flow, &source(), "1", Ids::Own);
    store.declare(&Declared { price_history, ..declared }).await?;
    store.recover(&flow).await?;
    Ok(flow)
}

async fn only(store: &dyn Store, flow: &FlowName) -> Result<Work, Failed> {
    let mut work = store.scan(flow, Kind::Product, contract::store::Number(0), 10).await?;
    some("the record", work.pop())
}

fn with(work: &Work, seen: Option<PriceHistory>) -> Settled {
    Settled { prices: seen, ..in_sync(work) }
}

async fn prices_come_with_the_settlement_that_they_were_seen_in(store: &dyn Store) -> Verdict {
    let flow = keeps(store, "to", true).await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let workload = store.workload(&flow, wide(at(300))).await?;
    let work = some("the work", workload.work.first())?;
    same("at first there are none", work.prices.clone(), None)?;
    store.advance(step(&flow, vec![with(work, prices(100))], Some(workload.cursor))).await?;
    same("they are kept", only(store, &flow).await?.prices, prices(100))?;
    let retry = settled(work, State::Retry(at(300)), Held::Same);
    store.advance(step(&flow, vec![retry], None)).await?;
    let workload = store.workload(&flow, wide(at(300))).await?;
    let work = some("the retry", workload.work.first())?;
    same("a settlement without any leaves them", work.prices.clone(), prices(100))?;
    store.advance(step(&flow, vec![with(work, prices(90))], None)).await?;
    same("others replace them", only(store, &flow).await?.prices, prices(90))?;
    let one = some("it", store.work(&flow, work.number).await?)?;
    same("also of a single record", one.prices, prices(90))
}

async fn an_older_settlement_does_not_bring_back_its_prices(store: &dyn Store) -> Verdict {
    let flow = keeps(store, "to", true).await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let older = only(store, &flow).await?;
    store.intake(page(vec![is(plain("a", "B"), 2)])).await?;
    let newer = only(store, &flow).await?;
    store.advance(step(&flow, vec![with(&newer, prices(90))], None)).await?;
    store.advance(step(&flow, vec![with(&older, prices(100))], None)).await?;
    same("the newer ones stay", only(store, &flow).await?.prices, prices(90))
}

async fn a_flow_that_keeps_no_prices_has_none(store: &dyn Store) -> Verdict {
    let flow = keeps(store, "to", false).await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let work = only(store, &flow).await?;
    store.advance(step(&flow, vec![with(&work, prices(100))], None)).await?;
    keeps(store, "to", true).await?;
    same("none were kept", only(store, &flow).await?.prices, None)?;
    store.advance(step(&flow, vec![with(&work, prices(90))], None)).await?;
    same("now they are", only(store, &flow).await?.prices, prices(90))?;
    keeps(store, "to", false).await?;
    keeps(store, "to", true).await?;
    same("a flow that stops forgets them", only(store, &flow).await?.prices, None)
}

async fn prices_go_with_their_record_and_their_flow(store: &dyn Store) -> Verdict {
    let flow = keeps(store, "to", true).await?;
    let settle = async |cents| {
        let push = Push { store, flow: flow.clone() };
        let workload = push.workload().await?;
        let settled = workload.work.iter().map(|work| with(work, prices(cents))).collect();
        store.advance(step(&flow, settled, Some(workload.cursor))).await?;
        Ok::<_, Failed>(())
    };
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    settle(100).await?;
    store.intake(page(vec![gone(Kind::Product, "a", None)])).await?;
    settle(90).await?;
    same("a tombstone has them", only(store, &flow).await?.prices, prices(90))?;
    let retention = Retention { tombstones: Duration::ZERO, ..Retention::default() };
    let pruned = store.prune(at(1_000_000), &retention, 100).await?;
    same("the tombstone is deleted", pruned.tombstones, 1)?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    same("a record of that id begins anew", only(store, &flow).await?.prices, None)?;
    settle(80).await?;
    let id = samples::id(&flow, &source());
    store.retire_others(&[source()], &[]).await?;
    while store.forget_flow(&id, 10).await? > 0 {}
    keeps(store, "to", true).await?;
    let work = only(store, &flow).await?;
    must("a flow that was forgotten knows nothing", work.prices.is_none() && work.entry.is_none())
}
