//! Checks of what is deleted and what is kept: tombstones, flows and sources that are no longer declared.

use std::{slice::from_ref, time::Duration};

use contract::{
    Store,
    destination::Ids,
    source::Urgency,
    store::{Declared, Former, Intake, Leftover, Number, Pruned, Retention, Settled, State},
};
use model::Kind;

use super::{
    Failed, Push, Verdict, checks, must, same,
    samples::{self, at, category, full, gone, in_sync, is, kind, page, plain, settled, source, step, stock, until},
    some,
};

checks![
    tombstones_go_once_every_flow_has_settled_them,
    tombstones_that_a_destination_still_holds_stay,
    tombstones_that_stay_do_not_hide_others,
    a_flow_that_is_not_declared_holds_up_no_priority,
    a_flow_that_is_not_declared_wakes_nobody,
    what_a_former_flow_holds_is_reported_until_it_is_forgotten,
    a_flow_with_another_source_is_another_flow,
    a_flow_into_another_account_is_another_flow,
    a_former_flow_that_is_declared_again_knows_what_it_holds,
    a_kind_that_is_carried_no_more_is_reported_until_it_is_forgotten,
    sources_that_are_not_declared_go,
];

/// Nothing is kept for longer than a minute.
const KEPT: Retention = Retention { calls: Duration::from_mins(1), tombstones: Duration::from_mins(1) };

async fn tombstones_go_once_every_flow_has_settled_them(store: &dyn Store) -> Verdict {
    let (one, two) = (Push::new(store, "one").await?, Push::new(store, "two").await?);
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1), is(stock("s", "x", 1), 1)])).await?;
    one.settle_all().await?;
    two.settle_all().await?;
    store.intake(page(vec![gone(kind(), "a", None), gone(Kind::Stock, "s", None)])).await?;
    one.settle_all().await?;
    same("too early", store.prune(at(160), &KEPT, 10).await?, Pruned::default())?;
    let pruned = store.prune(at(161), &KEPT, 10).await?;
    same("one flow has not settled it", pruned, Pruned { tombstones: 1, ..Pruned::default() })?;
    two.settle_all().await?;
    let pruned = store.prune(at(161), &KEPT, 10).await?;
    same("both have", pruned, Pruned { tombstones: 1, ..Pruned::default() })?;
    for push in [&one, &two] {
        push.stands("it does not count", (1, 0, 0, 0, 0)).await?;
    }
    same("it is not found", store.find(&source(), "a").await?.len(), 0)?;
    let counts = store.counts(&source()).await?;
    same("nor counted", counts.iter().map(|count| (count.live, count.tombstones)).collect(), vec![(1, 0), (0, 0)])?;
    store.intake(page(vec![is(plain("a", "A"), 9)])).await?;
    one.stands("it may come again", (1, 1, 0, 0, 0)).await
}

async fn tombstones_that_a_destination_still_holds_stay(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(["a", "b", "c"].map(|id| is(plain(id, id), 1)).to_vec())).await?;
    push.settle_all().await?;
    store.intake(page(["a", "b", "c"].map(|id| gone(kind(), id, None)).to_vec())).await?;
    let workload = push.workload().await?;
    let states = [State::AwaitsFeed, State::Dead, State::Retry(at(999))];
    let settled: Vec<Settled> = workload
        .work
        .iter()
        .zip(states)
        .map(|(work, state)| settled(work, state, contract::store::Held::Same))
        .collect();
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    same("all stay", store.prune(at(9999), &KEPT, 10).await?.tombstones, 0)
}

async fn tombstones_that_stay_do_not_hide_others(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let ids: Vec<String> = (0..7).map(|n| format!("id-{n}")).collect();
    store.intake(page(ids.iter().map(|id| is(plain(id, id), 1)).collect())).await?;
    push.settle_all().await?;
    store.intake(page(ids.iter().map(|id| gone(kind(), id, None)).collect())).await?;
    let workload = push.workload().await?;
    let (last, rest) = some("deletions", workload.work.split_last())?;
    let dead = |work| settled(work, State::Dead, contract::store::Held::Same);
    let settled = rest.iter().map(dead).chain([in_sync(last)]).collect();
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    same("the last one goes", store.prune(at(9999), &KEPT, 2).await?.tombstones, 1)?;
    same("the others stay", store.prune(at(9999), &KEPT, 2).await?, Pruned::default())
}

/// Retires all flows but these.
async fn retire_others(store: &dyn Store, flows: &[&str]) -> Verdict {
    let flows: Vec<_> = flows.iter().map(|flow| (*flow).into()).collect();
    store.retire_others(&[source()], &flows).await?;
    Ok(())
}

async fn a_flow_that_is_not_declared_holds_up_no_priority(store: &dyn Store) -> Verdict {
    let (push, _former) = (Push::new(store, "to").await?, Push::new(store, "former").await?);
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    push.settle_all().await?;
    retire_others(store, &["to"]).await?;
    store.intake(full(1, vec![is(plain("a", "A2"), 2)])).await?;
    let urgency = push.workload().await?.work.first().map(|work| work.urgency);
    same("a full read is backfill", urgency, Some(Some(Urgency::Backfill)))
}

async fn a_flow_that_is_not_declared_wakes_nobody(store: &dyn Store) -> Verdict {
    let (push, former) = (Push::new(store, "to").await?, Push::new(store, "former").await?);
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    push.settle_all().await?;
    let workload = former.workload().await?;
    let due = |work| Settled { holds: until(200), ..in_sync(work) };
    store.advance(step(&former.flow, workload.work.iter().map(due).collect(), Some(workload.cursor))).await?;
    retire_others(store, &["to"]).await?;
    same("nothing is due", store.wake(&samples::touch(at(300)), 10).await?, 0)?;
    push.stands("nothing is to be done", (1, 0, 0, 0, 0)).await
}

async fn what_a_former_flow_holds_is_reported_until_it_is_forgotten(store: &dyn Store) -> Verdict {
    let (push, former) = (Push::new(store, "to").await?, Push::new(store, "former").await?);
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    push.settle_all().await?;
    former.settle_all().await?;
    retire_others(store, &["to"]).await?;
    let configured = [samples::declared(&push.flow, &source(), "1", Ids::Own)];
    let id = samples::id(&former.flow, &source());
    let told = Leftover { id: id.clone(), former: Former::Flow, kind: None, records: 2, items: 2 };
    same("what it holds", store.left_behind(&configured).await?, vec![told])?;
    same("it stays", store.prune(at(9_999_999), &KEPT, 10).await?, Pruned::default())?;
    let first = store.held_items(&id, Number(0), 1).await?;
    let first = some("the first record", first.first())?;
    same("its items", first.items.clone(), vec!["a".into()])?;
    same("the next", store.held_items(&id, first.number, 9).await?.len(), 1)?;
    same("forgotten", store.forget_entries(&id, &[first.number]).await?, 1)?;
    while store.forget_flow(&id, 1).await? > 0 {}
    same("all of it", store.left_behind(&configured).await?, Vec::new())?;
    push.stands("the other is as it was", (2, 0, 0, 0, 0)).await?;
    must("it is not known any more", store.workload(&former.flow, samples::wide(at(1))).await.is_err())
}

async fn a_flow_with_another_source_is_another_flow(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let workload = push.workload().await?;
    let retry = workload.work.iter().map(|work| settled(work, State::Retry(at(0)), contract::store::Held::Same));
    let held: Vec<Settled> = workload.work.iter().map(in_sync).collect();
    store.advance(step(&push.flow, held, Some(workload.cursor))).await?;
    store.advance(step(&push.flow, retry.collect(), None)).await?;
    let renamed = "renamed".into();
    samples::register(store, &push.flow, &renamed, "1", Ids::Own).await?;
    push.stands("it has nothing yet", (0, 0, 0, 0, 0)).await?;
    same("nothing wakes it", store.next_wake(&push.flow).await?, contract::store::Wake::default())?;
    let told = store.left_behind(&[samples::declared(&push.flow, &renamed, "1", Ids::Own)]).await?;
    let id = samples::id(&push.flow, &source());
    same(
        "what the former one holds",
        told,
        vec![Leftover { id, former: Former::Source, kind: None, records: 2, items: 2 }],
    )
}

async fn a_flow_into_another_account_is_another_flow(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    push.settle_all().await?;
    let unknown = samples::declared(&push.flow, &source(), "1", Ids::Own);
    let into = |account: &str| Declared { account: account.to_owned(), ..unknown.clone() };
    let declare = async |account| Ok::<_, Failed>(store.declare(&into(account)).await?.restarted);
    same("it is the account that was not known before", declare("x").await?, false)?;
    push.stands("nothing is sent again", (2, 0, 0, 0, 0)).await?;
    same("nothing is left", store.left_behind(&[into("x")]).await?, Vec::new())?;
    declare("y").await?;
    push.stands("the other account has nothing", (0, 2, 0, 0, 0)).await?;
    let told = Leftover { id: into("x").id(), former: Former::Account, kind: None, records: 2, items: 2 };
    same("what the former one holds", store.left_behind(&[into("y")]).await?, vec![told])?;
    let held = store.held_items(&into("x").id(), Number(0), 9).await?;
    same("its items", held.iter().map(|held| held.items.len()).sum(), 2)?;
    same("the other has none", store.held_items(&into("y").id(), Number(0), 9).await?.len(), 0)?;
    same("back again", declare("x").await?, false)?;
    push.stands("as it was", (2, 0, 0, 0, 0)).await?;
    declare("y").await?;
    while store.forget_flow(&into("x").id(), 1).await? > 0 {}
    same("all of it", store.left_behind(&[into("y")]).await?, Vec::new())?;
    push.stands("the other is as it was", (0, 2, 0, 0, 0)).await
}

async fn a_former_flow_that_is_declared_again_knows_what_it_holds(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    push.settle_all().await?;
    retire_others(store, &[]).await?;
    same("it is a former one", store.left_behind(&[]).await?.len(), 1)?;
    samples::register(store, &push.flow, &source(), "1", Ids::Own).await?;
    push.stands("as it was", (1, 0, 0, 0, 0)).await
}

async fn a_kind_that_is_carried_no_more_is_reported_until_it_is_forgotten(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let categories = ["c", "d"].map(|id| is(category(id, id, None), 1)).into_iter();
    store.intake(page(categories.chain([is(plain("a", "A"), 1), is(plain("b", "B"), 1)]).collect())).await?;
    let workload = push.workload().await?;
    // What is filtered has no item there.
    let is_filtered = |work: &&contract::store::Work| work.id.as_str() == "d";
    let rule = |work| settled(work, State::Filtered("no_text".to_owned()), contract::store::Held::Items(Vec::new()));
    let all = workload.work.iter().map(|work| if is_filtered(&work) { rule(work) } else { in_sync(work) });
    store.advance(step(&push.flow, all.collect(), Some(workload.cursor))).await?;
    let both = samples::declared(&push.flow, &source(), "1", Ids::Own);
    let one = Declared { carries: vec![kind()], ..both.clone() };
    let told = Leftover { id: both.id(), former: Former::Kind, kind: Some(Kind::Category), records: 1, items: 1 };
    same("all is carried", store.left_behind(from_ref(&both)).await?, Vec::new())?;
    same("it is known before it is declared", store.left_behind(from_ref(&one)).await?, vec![told.clone()])?;
    same("nothing begins anew", store.declare(&one).await?.restarted, false)?;
    same("and after", store.left_behind(from_ref(&one)).await?, vec![told])?;
    push.stands("it is not counted", (2, 0, 0, 0, 0)).await?;
    // Deleted or not, and however long ago: the destination has it.
    store.intake(page(vec![gone(Kind::Category, "c", None)])).await?;
    push.settle_all().await?;
    store.prune(at(9_999_999), &KEPT, 10).await?;
    same("it stays", store.left_behind(from_ref(&one)).await?.len(), 1)?;
    let held = store.held_items(&both.id(), Number(0), 9).await?;
    let of_kind: Vec<Number> = held.iter().filter(|it| it.kind == Kind::Category).map(|it| it.number).collect();
    same("forgotten", store.forget_entries(&both.id(), &of_kind).await?, 1)?;
    same("nothing is left", store.left_behind(&[one]).await?, Vec::new())?;
    push.stands("the rest is as it was", (2, 0, 0, 0, 0)).await?;
    same("it is carried again", store.declare(&both).await?.restarted, true)
}

async fn sources_that_are_not_declared_go(store: &dyn Store) -> Verdict {
    let other = || Intake {
        source: "another shop".into(),
        ..page(vec![is(plain("a", "A"), 1), is(stock("s", "x", 1), 1), gone(kind(), "b", None)])
    };
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    push.settle_all().await?;
    store.intake(other()).await?;
    retire_others(store, &["to"]).await?;
    let mut pruned = 0;
    for _ in 0..10 {
        let now = store.prune(at(9_999_999), &KEPT, 1).await?;
        pruned += now.former;
        if !now.more {
            break;
        }
    }
    same("both records", pruned, 2)?;
    same("nothing is counted", store.counts(&"another shop".into()).await?.len(), 0)?;
    push.stands("the other is as it was", (1, 0, 0, 0, 0)).await?;
    same("it may come again", store.intake(other()).await?.new, 2)
}
