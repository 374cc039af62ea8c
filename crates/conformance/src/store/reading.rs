//! Checks of walks in parts, unstable walks, hints that race walks, and which of two forms of a record is older.

use contract::{
    Store,
    source::Scope,
    store::{Hint, HookState, Intake, LaneState, Lease, Registration, Revision, Sweep, Swept, Taken},
};
use model::{Kind, Record};

use super::{
    Push, Verdict, checks, must, same,
    samples::{self, at, category, full, gone, is, kind, page, plain, product, source, stock, sweep},
    some,
};

checks![
    a_kind_is_swept_scope_by_scope,
    the_guard_counts_each_kind_and_scope_by_itself,
    a_record_may_move_to_another_scope,
    what_an_unstable_walk_misses_once_stays,
    what_is_reported_while_a_walk_goes_on_is_not_swept,
    without_versions_the_later_request_is_right,
    where_both_have_versions_they_decide,
    a_record_that_was_fetched_is_believed,
    an_instant_of_a_source_is_kept,
    lane_states_are_compared_before_they_are_set,
    two_records_with_one_natural_key_are_both_kept,
    hints_are_kept_once_each_until_they_are_answered,
    a_hint_given_again_is_not_answered_by_an_earlier_page,
    deliveries_and_registrations_are_kept_beside_each_other,
    records_are_read_by_kind_without_a_flow,
    revisions_grow_per_source,
    a_touched_category_does_not_change_the_reference,
];

fn scope(name: &str) -> Scope {
    Scope(name.to_owned())
}

/// A page of a full walk over the products of one scope.
fn part(name: &str, pass: u64, ids: &[&str]) -> Intake {
    let changes = ids.iter().map(|id| is(plain(id, id), 1)).collect();
    Intake { scopes: vec![(kind(), scope(name))], ..full(pass, changes) }
}

fn swept(name: &str, pass: u64, guard: Option<f64>) -> Sweep {
    Sweep { sweeps: vec![(kind(), Some(scope(name)))], ..sweep(pass, guard) }
}

async fn live(store: &dyn Store) -> Result<u64, super::Failed> {
    let counts = store.counts(&source()).await?;
    Ok(counts.iter().map(|count| count.live).sum())
}

async fn a_kind_is_swept_scope_by_scope(store: &dyn Store) -> Verdict {
    store.intake(part("eur", 1, &["a", "b", "c"])).await?;
    store.intake(part("gbp", 7, &["x", "y"])).await?;
    store.intake(page(vec![is(plain("loose", "no scope"), 1)])).await?;
    let wanted = vec![(kind(), None), (kind(), Some(scope("eur"))), (kind(), Some(scope("gbp")))];
    same("the scopes", store.scopes(&source()).await?, wanted)?;
    store.intake(part("eur", 2, &["a", "b"])).await?;
    let done = store.sweep(swept("eur", 2, Some(0.4))).await?;
    same("only what is missing of it", done, Swept { live: 3, missing: 1, held: false })?;
    same("the others are there", live(store).await?, 5)?;
    let done = store.sweep(sweep(9, None)).await?;
    same("what has no scope", done, Swept { live: 1, missing: 1, held: false })
}

async fn the_guard_counts_each_kind_and_scope_by_itself(store: &dyn Store) -> Verdict {
    let mut changes: Vec<_> = (0..40).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect();
    changes.extend((0..3).map(|n| is(category(&format!("c{n}"), "C", None), 1)));
    store.intake(full(1, changes.clone())).await?;
    changes.truncate(40);
    store.intake(full(2, changes)).await?;
    let both = Sweep { sweeps: vec![(kind(), None), (Kind::Category, None)], ..sweep(2, Some(0.1)) };
    let wanted = Swept { live: 43, missing: 3, held: true };
    same("all categories, though few of all records", store.sweep(both).await?, wanted)?;
    same("nothing went", live(store).await?, 43)
}

async fn a_record_may_move_to_another_scope(store: &dyn Store) -> Verdict {
    store.intake(part("eur", 1, &["a", "b", "c"])).await?;
    store.intake(part("gbp", 1, &["c"])).await?;
    let done = store.sweep(swept("eur", 1, Some(0.1))).await?;
    same("it is not missed where it was", done, Swept { live: 2, missing: 0, held: false })?;
    let done = store.sweep(swept("gbp", 2, None)).await?;
    same("but where it is", done, Swept { live: 1, missing: 1, held: false })
}

async fn what_an_unstable_walk_misses_once_stays(store: &dyn Store) -> Verdict {
    let pages = |pass: u64, ids: &[&str]| full(pass, ids.iter().map(|id| is(plain(id, id), 1)).collect());
    store.intake(pages(1, &["a", "b", "c"])).await?;
    store.sweep(sweep(1, None)).await?;
    store.intake(pages(2, &["a", "b"])).await?;
    let twice = |pass, before| Sweep { before: Some(before), ..sweep(pass, Some(0.9)) };
    same("missed once", store.sweep(twice(2, 1)).await?.missing, 0)?;
    // A walk that was abandoned in between does not count.
    store.intake(pages(4, &["a", "c"])).await?;
    same("met again, the other missed once", store.sweep(twice(4, 2)).await?.missing, 0)?;
    store.intake(pages(5, &["a", "c"])).await?;
    same("missed twice", store.sweep(twice(5, 4)).await?.missing, 1)?;
    must("it is gone", store.find(&source(), "b").await?.iter().all(|found| found.record.is_none()))
}

async fn what_is_reported_while_a_walk_goes_on_is_not_swept(store: &dyn Store) -> Verdict {
    let walk = |pass, as_of, ids: &[&str]| {
        let changes = ids.iter().map(|id| is(plain(id, id), 1)).collect();
        Intake { as_of: at(as_of), ..full(pass, changes) }
    };
    store.intake(walk(1, 10, &["a", "b"])).await?;
    store.intake(walk(2, 100, &["a"])).await?;
    // It was created after the walk had passed its position.
    let hint = Intake { as_of: at(101), fetched: true, ..page(vec![is(plain("new", "new"), 1)]) };
    store.intake(hint).await?;
    let done = store.sweep(Sweep { since: Some(at(100)), ..sweep(2, None) }).await?;
    same("only what was known before", done.missing, 1)?;
    same("the new one is there", live(store).await?, 2)?;
    store.intake(walk(3, 200, &["a"])).await?;
    let done = store.sweep(Sweep { since: Some(at(200)), ..sweep(3, None) }).await?;
    same("the next walk would have met it", done.missing, 1)
}

async fn without_versions_the_later_request_is_right(store: &dyn Store) -> Verdict {
    let asked = |as_of, name: &str| Intake { as_of: at(as_of), ..page(vec![is(plain("a", name), 0)]) };
    store.intake(asked(10, "first")).await?;
    store.intake(asked(30, "third")).await?;
    same("an older one", store.intake(asked(20, "second")).await?, Taken { stale: 1, ..Taken::default() })?;
    let older = Intake { as_of: at(20), ..full(1, vec![is(plain("a", "second"), 0)]) };
    same("whatever walk brought it", store.intake(older).await?, Taken { stale: 1, ..Taken::default() })?;
    store.intake(asked(50, "third")).await?;
    same("seen again later", store.intake(asked(40, "x")).await?, Taken { stale: 1, ..Taken::default() })?;
    let ended = |as_of| Intake { as_of: at(as_of), ..page(vec![gone(kind(), "a", None)]) };
    same("gone before", store.intake(ended(45)).await?, Taken { stale: 1, ..Taken::default() })?;
    same("gone since", store.intake(ended(60)).await?, Taken { gone: 1, ..Taken::default() })?;
    same("there before that", store.intake(asked(55, "x")).await?, Taken { stale: 1, ..Taken::default() })?;
    same("back", store.intake(asked(70, "back")).await?, Taken { new: 1, ..Taken::default() })
}

async fn where_both_have_versions_they_decide(store: &dyn Store) -> Verdict {
    let asked =
        |as_of, version: u64| Intake { as_of: at(as_of), ..page(vec![is(plain("a", &version.to_string()), version)]) };
    store.intake(asked(50, 3)).await?;
    same("a later version", store.intake(asked(10, 4)).await?, Taken { changed: 1, ..Taken::default() })?;
    same("an earlier one", store.intake(asked(90, 2)).await?, Taken { stale: 1, ..Taken::default() })
}

async fn a_record_that_was_fetched_is_believed(store: &dyn Store) -> Verdict {
    let asked =
        |as_of, version: u64| Intake { as_of: at(as_of), ..page(vec![is(plain("a", &version.to_string()), version)]) };
    store.intake(asked(50, 3)).await?;
    let fetched = |as_of| Intake { fetched: true, ..asked(as_of, 2) };
    same("asked for before", store.intake(fetched(40)).await?, Taken { stale: 1, ..Taken::default() })?;
    same("asked for since", store.intake(fetched(60)).await?, Taken { changed: 1, ..Taken::default() })
}

async fn an_instant_of_a_source_is_kept(store: &dyn Store) -> Verdict {
    same("at first", store.as_of(&source()).await?, at(0))?;
    store.intake(Intake { as_of: at(500), ..page(Vec::new()) }).await?;
    store.intake(Intake { as_of: at(400), ..page(Vec::new()) }).await?;
    same("it never goes back", store.as_of(&source()).await?, at(500))
}

async fn lane_states_are_compared_before_they_are_set(store: &dyn Store) -> Verdict {
    let write = |expected: u64, passes: u64| Intake {
        expected: Some(expected),
        state: LaneState { passes, ..LaneState::default() },
        ..page(vec![is(plain(&passes.to_string(), "P"), 1)])
    };
    store.intake(write(0, 1)).await?;
    let state = store.lane(&source(), "catalogue").await?;
    same("written once", (state.passes, state.version), (1, 1))?;
    let refused = store.intake(write(0, 2)).await;
    same("another wrote meanwhile", refused.err().map(|fault| fault.code.into_owned()), Some("C0113".to_owned()))?;
    same("nothing was taken in", live(store).await?, 1)?;
    store.intake(write(1, 3)).await?;
    let states = store.lanes(&source()).await?;
    same("written twice", states.get("catalogue").map(|state| (state.passes, state.version)), Some((3, 2)))
}

async fn two_records_with_one_natural_key_are_both_kept(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let records = vec![is(product("a", "A", &[], &["x"]), 1), is(stock("old", "x", 1), 1), is(stock("new", "x", 2), 1)];
    store.intake(page(records)).await?;
    let joined = |workload: contract::store::Workload| -> Vec<Record> {
        workload.work.into_iter().flat_map(|work| work.joined().to_vec()).collect()
    };
    let wanted = vec![stock("old", "x", 1), stock("new", "x", 2)];
    same("in the order in which they were met", joined(push.settle_all().await?), wanted)?;
    store.intake(page(vec![gone(Kind::Stock, "old", None)])).await?;
    same("until one goes", joined(push.workload().await?), vec![stock("new", "x", 2)])
}

async fn hints_are_kept_once_each_until_they_are_answered(store: &dyn Store) -> Verdict {
    let hint = |id: Option<&str>| Hint { kind: kind(), id: id.map(Into::into) };
    store.hint(&source(), &[hint(Some("a")), hint(Some("b")), hint(Some("a"))], at(10)).await?;
    store.hint(&source(), &[hint(None), hint(Some("b"))], at(20)).await?;
    store.hint(&"another shop".into(), &[hint(Some("a"))], at(20)).await?;
    let waiting = store.hints(&source(), 10).await?;
    let got: Vec<_> = waiting.iter().map(|it| (it.hint.clone(), it.at)).collect();
    let wanted = vec![(hint(Some("a")), at(10)), (hint(None), at(20)), (hint(Some("b")), at(20))];
    same("each once, the oldest first", got, wanted)?;
    same("at most", store.hints(&source(), 1).await?.len(), 1)?;
    let numbers: Vec<u64> = waiting.iter().take(2).map(|it| it.number).collect();
    store.intake(Intake { hints: numbers, fetched: true, ..page(vec![is(plain("a", "A"), 1)]) }).await?;
    let left = store.hints(&source(), 10).await?;
    same("answered by a page", left.len(), 1)?;
    store.done(&source(), samples::NEWEST, &left.iter().map(|it| it.number).collect::<Vec<_>>()).await?;
    same("or set done", store.hints(&source(), 10).await?.len(), 0)?;
    same("of this source", store.hints(&"another shop".into(), 10).await?.len(), 1)
}

async fn a_hint_given_again_is_not_answered_by_an_earlier_page(store: &dyn Store) -> Verdict {
    let hint = Hint { kind: kind(), id: Some("a".into()) };
    store.hint(&source(), std::slice::from_ref(&hint), at(10)).await?;
    let first = some("the hint", store.hints(&source(), 10).await?.into_iter().next())?;
    // It changes again while the page is transferred.
    store.hint(&source(), &[hint], at(11)).await?;
    store.done(&source(), samples::NEWEST, &[first.number]).await?;
    let second = some("the later hint", store.hints(&source(), 10).await?.into_iter().next())?;
    must("it has another number", second.number > first.number)
}

async fn records_are_read_by_kind_without_a_flow(store: &dyn Store) -> Verdict {
    let ids = ["d", "b", "a", "c"];
    store.intake(page(ids.iter().map(|id| is(stock(id, "x", 1), 1)).collect())).await?;
    store.intake(page(vec![is(plain("p", "P"), 1), gone(Kind::Stock, "c", None)])).await?;
    let first = store.read(&source(), Kind::Stock, None, 3).await?;
    let got: Vec<_> = first.iter().map(|found| (found.id.as_str(), found.record.is_some())).collect();
    same("in the order of their ids, tombstones too", got, vec![("a", true), ("b", true), ("c", false)])?;
    let after = some("the last", first.last())?.id.clone();
    let rest = store.read(&source(), Kind::Stock, Some(&after), 3).await?;
    same("the rest", rest.iter().map(|found| found.id.as_str()).collect::<Vec<_>>(), vec!["d"])
}

async fn revisions_grow_per_source(store: &dyn Store) -> Verdict {
    let other = |changes| Intake { source: "another shop".into(), lease: Lease(u64::MAX), ..page(changes) };
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    store.intake(other(vec![is(plain("a", "A"), 1)])).await?;
    same("here", store.revision(&source()).await?, Revision(2))?;
    same("there", store.revision(&"another shop".into()).await?, Revision(1))
}

async fn a_touched_category_does_not_change_the_reference(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(category("c", "C", None), 1), is(category("d", "D", Some("c")), 1)])).await?;
    push.settle_all().await?;
    store.intake(page(vec![is(category("c", "renamed", None), 2)])).await?;
    let revision = store.reference_revision(&source()).await?;
    while store.spread(&samples::touch(at(150)), 1).await? > 0 {}
    same("both are looked at", push.ids().await?.len(), 2)?;
    same("the reference is the same", store.reference_revision(&source()).await?, revision)?;
    let touched: Vec<_> = push.workload().await?.work.iter().map(|work| work.touched_at >= at(100)).collect();
    same("when that was is known", touched, vec![true, true])
}

async fn deliveries_and_registrations_are_kept_beside_each_other(store: &dyn Store) -> Verdict {
    same("never any", store.hook(&source()).await?, None)?;
    let hint = Hint { kind: kind(), id: Some("a".into()) };
    store.deliver(&source(), std::slice::from_ref(&hint), true, at(10)).await?;
    let registration = Registration { state: "active".to_owned(), missed_at: Some(at(11)), ..Registration::default() };
    store.register(&source(), &registration).await?;
    store.deliver(&source(), &[], false, at(20)).await?;
    let wanted = HookState { delivered_at: Some(at(20)), gap_at: Some(at(10)), registration };
    same("both", store.hook(&source()).await?, Some(wanted))?;
    let waiting: Vec<_> = store.hints(&source(), 10).await?.into_iter().map(|it| (it.hint, it.at)).collect();
    same("the hint", waiting, vec![(hint, at(10))])?;
    same("of this source", store.hook(&"another shop".into()).await?, None)
}
