//! Checks of storing pages, touching, sweeping and finding.

use contract::{
    Fault, Store,
    source::Urgency,
    store::{Count, Intake, LaneState, Swept, Taken},
};
use model::{Kind, Notice, Product, Record};

use super::{
    Push, Verdict, checks, must, same,
    samples::{
        self, assignment, category, full, gone, is, kind, page, plain, product, selection, source, stock, sweep, unread,
    },
    some,
};

checks![
    a_record_read_twice_changes_nothing,
    a_lane_keeps_its_state,
    a_change_gives_a_later_revision,
    a_record_that_is_back_keeps_its_number,
    an_older_version_is_stale,
    a_full_walk_is_believed,
    a_long_first_walk_takes_in_each_record_once,
    an_ended_version_does_not_come_back,
    what_was_swept_comes_back_with_the_same_version,
    a_deletion_of_an_older_version_is_stale,
    a_deletion_of_something_unknown_is_ignored,
    a_category_touches_its_products_and_nothing_else,
    a_category_touches_the_tree,
    what_changed_is_not_touched_once_more,
    stock_touches_its_product_as_urgent,
    stock_that_moves_touches_both_products,
    an_assignment_touches_its_product,
    parts_read_before_any_product_are_joined_to_it,
    the_offer_touches_all_products_by_spreading,
    a_wide_fan_out_is_spread_as_backfill,
    a_sweep_removes_what_was_not_seen,
    a_lane_that_sweeps_nothing_marks_nothing_as_seen,
    a_sweep_beyond_the_guard_is_held,
    a_sweep_spares_what_could_not_be_understood,
    what_could_not_be_understood_is_kept_until_it_can_be,
    records_are_found_by_id_key_and_sku,
    reference_records_have_a_revision_of_their_own,
    records_are_counted_by_kind,
    records_with_details_left_out_are_reported,
];

async fn a_record_read_twice_changes_nothing(store: &dyn Store) -> Verdict {
    let first = store.intake(page(vec![is(plain("a", "A"), 1), is(category("c", "C", None), 1)])).await?;
    same("the first time", first, Taken { new: 2, ..Taken::default() })?;
    let revision = store.revision(&source()).await?;
    let again = store.intake(page(vec![is(plain("a", "A"), 2), is(category("c", "C", None), 1)])).await?;
    same("the second time", again, Taken { unchanged: 2, ..Taken::default() })?;
    same("the revision", store.revision(&source()).await?, revision)?;
    let walked = store.intake(full(1, vec![is(plain("a", "A"), 2)])).await?;
    same("in a full walk", walked, Taken { unchanged: 1, ..Taken::default() })?;
    same("the revision after it", store.revision(&source()).await?, revision)
}

async fn a_lane_keeps_its_state(store: &dyn Store) -> Verdict {
    same("a lane never read", store.lane(&source(), "catalogue").await?, LaneState::default())?;
    let intake = page(Vec::new());
    let state = LaneState { version: 1, ..intake.state.clone() };
    store.intake(intake).await?;
    same("the lane", store.lane(&source(), "catalogue").await?, state.clone())?;
    let lanes = store.lanes(&source()).await?;
    same("all lanes", lanes, [("catalogue".to_owned(), state)].into())?;
    same("lanes of another source", store.lanes(&"other".into()).await?.len(), 0)
}

async fn a_change_gives_a_later_revision(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let first = push.settle_all().await?;
    let taken = store.intake(page(vec![is(plain("a", "A2"), 2)])).await?;
    same("taken", taken, Taken { changed: 1, ..Taken::default() })?;
    let second = push.workload().await?;
    let work = some("the changed record", second.work.first())?;
    same("how much there is to do", second.work.len(), 1)?;
    same("the record", work.record().cloned(), Some(plain("a", "A2")))?;
    must("its revision is beyond all others", first.work.iter().all(|old| old.revision < work.revision))?;
    same("its number", Some(work.number), first.work.iter().find(|old| old.id == work.id).map(|old| old.number))?;
    push.stands("the states", (1, 1, 0, 0, 0)).await
}

async fn a_record_that_is_back_keeps_its_number(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let first = push.settle_all().await?;
    let taken = store.intake(page(vec![gone(kind(), "a", None)])).await?;
    same("taken", taken, Taken { gone: 1, ..Taken::default() })?;
    push.stands("deleted", (0, 1, 0, 0, 0)).await?;
    let tombstone = push.settle_all().await?;
    must("a tombstone has no record", tombstone.work.iter().all(|work| work.record().is_none()))?;
    push.stands("deleted and acknowledged", (0, 0, 0, 0, 1)).await?;
    let taken = store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    same("taken again", taken, Taken { new: 1, ..Taken::default() })?;
    let back = push.settle_all().await?;
    same("numbers", back.work.first().map(|work| work.number), first.work.first().map(|work| work.number))?;
    push.stands("back", (1, 0, 0, 0, 0)).await
}

async fn an_older_version_is_stale(store: &dyn Store) -> Verdict {
    store.intake(page(vec![is(plain("a", "A5"), 5)])).await?;
    let taken = store.intake(page(vec![is(plain("a", "A4"), 4)])).await?;
    same("an older version", taken, Taken { stale: 1, ..Taken::default() })?;
    let taken = store.intake(page(vec![is(plain("a", "A5b"), 5)])).await?;
    same("the same version with other content", taken, Taken { changed: 1, ..Taken::default() })?;
    let taken = store.intake(page(vec![is(plain("a", "A0"), 0)])).await?;
    same("no version at all", taken, Taken { changed: 1, ..Taken::default() })
}

async fn a_full_walk_is_believed(store: &dyn Store) -> Verdict {
    store.intake(page(vec![is(plain("a", "A5"), 5)])).await?;
    let taken = store.intake(full(1, vec![is(plain("a", "A4"), 4)])).await?;
    same("an older version in a full walk", taken, Taken { changed: 1, ..Taken::default() })
}

async fn a_long_first_walk_takes_in_each_record_once(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let id = |n: u32| format!("p{n:03}");
    let named = |n: u32, name: &str, version| is(product(&id(n), name, &[], &[&format!("sku-{n}")]), version);
    store.intake(page(vec![named(70, "as it was", 1), named(71, "same", 1)])).await?;
    // One of them was stored in another form, one in the same form, one comes twice, and one is deleted meanwhile.
    let mut changes: Vec<_> = (0..100).filter(|n| *n != 71).map(|n| named(n, "new", 2)).collect();
    changes.extend([named(71, "same", 1), named(30, "newer", 3), gone(kind(), &id(40), None)]);
    let taken = store.intake(full(1, changes)).await?;
    let wanted = Taken { new: 98, changed: 2, unchanged: 1, gone: 1, ..Taken::default() };
    same("taken", taken, wanted)?;
    same("the revision", store.revision(&source()).await?.0, 2 + 98 + 2 + 1)?;
    let entries = vec![is(stock("s", "sku-30", 1), 1), is(stock("t", "sku-99", 2), 1)];
    same("products that are touched", store.intake(page(entries)).await?.touched, 2)?;
    let work = push.settle_all().await?.work;
    same("how many there are to look at", work.len(), 100)?;
    let name = |n: u32| work.iter().find(|work| work.id.as_str() == id(n)).and_then(|work| work.record().cloned());
    for (n, wanted) in [(29, "new"), (30, "newer"), (70, "new"), (71, "same"), (99, "new")] {
        same("what it is like", name(n), Some(product(&id(n), wanted, &[], &[&format!("sku-{n}")])))?;
    }
    same("what is gone", name(40), None)?;
    let walked = (0..100).filter(|n| *n != 40).map(|n| named(n, "new", 2)).collect();
    let taken = store.intake(full(1, walked)).await?;
    same("once more", taken, Taken { changed: 2, unchanged: 97, ..Taken::default() })
}

async fn an_ended_version_does_not_come_back(store: &dyn Store) -> Verdict {
    store.intake(page(vec![is(plain("a", "A"), 4)])).await?;
    store.intake(page(vec![gone(kind(), "a", Some(5))])).await?;
    let again = store.intake(page(vec![gone(kind(), "a", Some(5))])).await?;
    same("deleted twice", again, Taken { unchanged: 1, ..Taken::default() })?;
    for intake in [page as fn(_) -> _, |changes| full(1, changes)] {
        let taken: Taken = store.intake(intake(vec![is(plain("a", "A"), 5)])).await?;
        same("the version that ended it", taken, Taken { stale: 1, ..Taken::default() })?;
    }
    let taken = store.intake(page(vec![is(plain("a", "A"), 6)])).await?;
    same("a later version", taken, Taken { new: 1, ..Taken::default() })
}

async fn what_was_swept_comes_back_with_the_same_version(store: &dyn Store) -> Verdict {
    store.intake(full(1, vec![is(plain("a", "A"), 4), is(plain("b", "B"), 4)])).await?;
    store.intake(full(2, vec![is(plain("b", "B"), 4)])).await?;
    let swept = store.sweep(sweep(2, Some(0.1))).await?;
    same("the sweep", swept, Swept { live: 2, missing: 1, held: false })?;
    let taken = store.intake(page(vec![is(plain("a", "A"), 3)])).await?;
    same("an older version", taken, Taken { stale: 1, ..Taken::default() })?;
    let taken = store.intake(page(vec![is(plain("a", "A"), 4)])).await?;
    same("the same version", taken, Taken { new: 1, ..Taken::default() })
}

async fn a_deletion_of_an_older_version_is_stale(store: &dyn Store) -> Verdict {
    store.intake(page(vec![is(plain("a", "A"), 4)])).await?;
    let taken = store.intake(page(vec![gone(kind(), "a", Some(3))])).await?;
    same("an older deletion", taken, Taken { stale: 1, ..Taken::default() })?;
    let taken = store.intake(page(vec![gone(kind(), "a", Some(4))])).await?;
    same("its own deletion", taken, Taken { gone: 1, ..Taken::default() })
}

async fn a_deletion_of_something_unknown_is_ignored(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let taken = store.intake(page(vec![gone(kind(), "a", Some(3))])).await?;
    same("taken", taken, Taken { unchanged: 1, ..Taken::default() })?;
    push.stands("nothing is there", (0, 0, 0, 0, 0)).await
}

async fn a_category_touches_its_products_and_nothing_else(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let records = [
        category("c", "C", None),
        category("d", "D", None),
        product("in-c", "1", &["c"], &[]),
        product("in-both", "2", &["c", "d"], &[]),
        product("in-d", "3", &["d"], &[]),
    ];
    store.intake(page(records.into_iter().map(|record| is(record, 1)).collect())).await?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![is(category("c", "renamed", None), 2)])).await?;
    // The other category is touched through the tree; the product that is only in it is not.
    same("taken", taken, Taken { changed: 1, touched: 3, ..Taken::default() })?;
    same("the workload", push.ids().await?, ["c", "d", "in-c", "in-both"].map(str::to_owned).to_vec())?;
    push.stands("the states", (1, 4, 0, 0, 0)).await?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![gone(Kind::Category, "c", None)])).await?;
    same("deleted", taken, Taken { gone: 1, touched: 3, ..Taken::default() })
}

async fn a_category_touches_the_tree(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let records = [category("old", "Old", None), category("new", "New", None), category("child", "Child", Some("old"))];
    store.intake(page(records.into_iter().map(|record| is(record, 1)).collect())).await?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![is(category("child", "Child", Some("new")), 2)])).await?;
    same("moved", taken, Taken { changed: 1, touched: 2, ..Taken::default() })?;
    push.stands("all of them are looked at", (0, 3, 0, 0, 0)).await
}

async fn what_changed_is_not_touched_once_more(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let all = |version| {
        let name = format!("C{version}");
        vec![is(product("a", &name, &["c"], &["x"]), version), is(category("c", &name, None), version)]
    };
    same("new together", store.intake(page(all(1))).await?, Taken { new: 2, ..Taken::default() })?;
    push.settle_all().await?;
    same("changed together", store.intake(page(all(2))).await?, Taken { changed: 2, ..Taken::default() })?;
    same("two revisions", store.revision(&source()).await?.0, 4)?;
    push.settle_all().await?;
    let mut more_urgent = all(3);
    more_urgent.push(is(stock("s", "x", 1), 1));
    let taken = store.intake(page(more_urgent)).await?;
    same("unless it becomes more urgent", taken, Taken { new: 1, changed: 2, touched: 1, ..Taken::default() })?;
    let places: Vec<_> = push.workload().await?.work.iter().map(|work| work.urgency).collect();
    same("the places", places, vec![Some(Urgency::Urgent), Some(Urgency::Live)])
}

async fn stock_touches_its_product_as_urgent(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let products = vec![is(product("a", "A", &[], &["sku-1", "sku-2"]), 1), is(product("b", "B", &[], &["sku-3"]), 1)];
    store.intake(page(products)).await?;
    push.settle_all().await?;
    store.intake(page(vec![is(plain("live", "Live"), 1)])).await?;
    let taken = store.intake(page(vec![is(stock("s", "sku-2", 7), 1), is(stock("t", "elsewhere", 1), 1)])).await?;
    same("taken", taken, Taken { new: 2, touched: 1, ..Taken::default() })?;
    let workload = push.workload().await?;
    let first = some("what is first", workload.work.first())?;
    same("its id", first.id.as_str(), "a")?;
    same("its place", first.urgency, Some(Urgency::Urgent))?;
    same("what hangs on it", first.joined().to_vec(), vec![stock("s", "sku-2", 7)])?;
    same("how much there is to do", workload.work.len(), 2)
}

async fn stock_that_moves_touches_both_products(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let products = vec![is(product("a", "A", &[], &["x"]), 1), is(product("b", "B", &[], &["y"]), 1)];
    store.intake(page(products)).await?;
    store.intake(page(vec![is(stock("s", "x", 7), 1)])).await?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![is(stock("s", "y", 7), 2)])).await?;
    same("moved", taken, Taken { changed: 1, touched: 2, ..Taken::default() })?;
    let joined: Vec<_> = push.workload().await?.work.into_iter().map(|work| work.joined().len()).collect();
    same("what hangs on them", joined, vec![0, 1])?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![gone(Kind::Stock, "s", None)])).await?;
    same("deleted", taken, Taken { gone: 1, touched: 1, ..Taken::default() })?;
    same("the workload", push.ids().await?, vec!["b".to_owned()])
}

async fn parts_read_before_any_product_are_joined_to_it(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let first = vec![is(stock("s", "x", 1), 1), is(stock("t", "x", 2), 1), is(stock("u", "x", 3), 1)];
    same("new", store.intake(full(1, first)).await?.new, 3)?;
    same("once more", store.intake(full(1, vec![is(stock("s", "x", 1), 1)])).await?.unchanged, 1)?;
    let changes = vec![is(stock("s", "y", 4), 2), is(stock("t", "x", 5), 2), gone(Kind::Stock, "u", None)];
    store.intake(page(changes)).await?;
    same(
        "found by its id",
        store.find(&source(), "t").await?.pop().and_then(|it| it.record),
        Some(stock("t", "x", 5)),
    )?;
    store.intake(page(vec![is(product("a", "A", &[], &["x", "y"]), 1)])).await?;
    let joined = |workload: contract::store::Workload| {
        workload.work.into_iter().flat_map(|work| work.joined().to_vec()).collect::<Vec<_>>()
    };
    let wanted = vec![stock("t", "x", 5), stock("s", "y", 4)];
    same("what hangs on the product", joined(push.settle_all().await?), wanted)?;
    store.intake(page(vec![gone(kind(), "a", None)])).await?;
    push.settle_all().await?;
    store.intake(page(vec![is(stock("t", "x", 6), 3)])).await?;
    store.intake(page(vec![is(product("a", "A", &[], &["x"]), 2)])).await?;
    same("when it is back", joined(push.workload().await?), vec![stock("t", "x", 6)])
}

async fn an_assignment_touches_its_product(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![is(assignment("s", "b"), 1)])).await?;
    same("assigned", taken, Taken { new: 1, touched: 1, ..Taken::default() })?;
    let workload = push.workload().await?;
    let work = some("the product", workload.work.first())?;
    same("its id and what hangs on it", (work.id.as_str(), work.joined()), ("b", &[assignment("s", "b")][..]))?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![gone(Kind::Assignment, "s/b", None)])).await?;
    same("taken out", taken, Taken { gone: 1, touched: 1, ..Taken::default() })?;
    same("what hangs on it then", push.workload().await?.work.first().map(|work| work.joined().len()), Some(0))
}

async fn the_offer_touches_all_products_by_spreading(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let products = (0..5).map(|n| is(plain(&format!("p{n}"), "P"), 1));
    store.intake(page(products.collect())).await?;
    store.intake(page(vec![gone(kind(), "p4", None)])).await?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![is(selection("s"), 1)])).await?;
    same("taken", taken, Taken { new: 1, ..Taken::default() })?;
    same("what waits", store.tally(&push.flow).await?.spreading, 4)?;
    push.stands("nothing is touched yet", (4, 0, 0, 0, 1)).await?;
    must("some wait still", store.spread(&samples::touch(samples::at(150)), 3).await? > 0)?;
    push.stands("some are touched", (1, 3, 0, 0, 1)).await?;
    same("none waits", store.spread(&samples::touch(samples::at(150)), 1000).await?, 0)?;
    push.stands("all are touched", (0, 4, 0, 0, 1)).await
}

async fn a_wide_fan_out_is_spread_as_backfill(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let mut records = vec![is(category("c", "C", None), 1)];
    records.extend((0..900).map(|n| is(product(&format!("p{n}"), "P", &["c"], &[]), 1)));
    store.intake(page(records)).await?;
    push.settle_all().await?;
    let taken = store.intake(page(vec![is(category("c", "renamed", None), 2)])).await?;
    let mut touched = taken.touched;
    while store.spread(&samples::touch(samples::at(150)), 100).await? > 0 {}
    same("nothing waits", store.tally(&push.flow).await?.spreading, 0)?;
    let workload = push.workload().await?;
    touched = touched.max(workload.work.iter().filter(|work| work.kind == kind()).count() as u64);
    same("touched in the end", touched, 900)?;
    let first = some("what is first", workload.work.first())?;
    same("the category itself", (first.kind, first.urgency), (Kind::Category, Some(Urgency::Live)))?;
    same("the last of them", workload.work.last().map(|work| work.urgency), Some(Some(Urgency::Backfill)))
}

async fn a_sweep_removes_what_was_not_seen(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let all = |pass| full(pass, (0..20).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect());
    store.intake(all(1)).await?;
    same("a whole walk", store.sweep(sweep(1, Some(0.1))).await?, Swept { live: 20, missing: 0, held: false })?;
    push.settle_all().await?;
    let mut short = all(2);
    short.changes.truncate(18);
    store.intake(short).await?;
    same("two are gone", store.sweep(sweep(2, Some(0.1))).await?, Swept { live: 20, missing: 2, held: false })?;
    same("the lane", LaneState { version: 0, ..store.lane(&source(), "catalogue").await? }, sweep(2, None).state)?;
    push.stands("the states", (18, 2, 0, 0, 0)).await?;
    push.settle_all().await?;
    push.stands("and settled", (18, 0, 0, 0, 2)).await
}

async fn a_lane_that_sweeps_nothing_marks_nothing_as_seen(store: &dyn Store) -> Verdict {
    let unmarked = |pass, changes, unread| {
        let lane = "again".to_owned();
        Intake { lane, marks: false, unread, ..full(pass, changes) }
    };
    store.intake(full(1, vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1), is(plain("c", "C"), 1)])).await?;
    store.sweep(sweep(1, None)).await?;
    // Walks of the other lane meet all of them, changed and unchanged, in passes of the same numbers, and one that is new.
    store.intake(unmarked(2, vec![is(plain("a", "A"), 1), is(plain("b", "B2"), 2)], Vec::new())).await?;
    store.intake(unmarked(2, vec![is(plain("d", "D"), 1)], vec![unread(Some("c"), "odd")])).await?;
    store.intake(full(2, vec![is(plain("d", "D"), 1)])).await?;
    same("what its own walk missed", store.sweep(sweep(2, None)).await?, Swept { live: 4, missing: 3, held: false })?;
    store.intake(unmarked(3, vec![is(plain("d", "D"), 1)], Vec::new())).await?;
    same("a later one", store.sweep(sweep(3, None)).await?, Swept { live: 1, missing: 1, held: false })
}

async fn a_sweep_beyond_the_guard_is_held(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let all: Vec<_> = (0..20).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect();
    store.intake(full(1, all.clone())).await?;
    store.intake(full(2, all.get(..17).unwrap_or_default().to_vec())).await?;
    same("too many", store.sweep(sweep(2, Some(0.1))).await?, Swept { live: 20, missing: 3, held: true })?;
    same("the lane notes it", store.lane(&source(), "catalogue").await?.held, Some((3, 20)))?;
    push.stands("nothing went", (0, 20, 0, 0, 0)).await?;
    same("all, by the guard", store.sweep(sweep(3, Some(1.0))).await?, Swept { live: 20, missing: 20, held: true })?;
    same("all, allowed", store.sweep(sweep(3, None)).await?, Swept { live: 20, missing: 20, held: false })?;
    same("the lane forgets it", store.lane(&source(), "catalogue").await?.held, None)?;
    let live = store.counts(&source()).await?.iter().map(|count| count.live).sum();
    same("what is left", live, 0)
}

async fn a_sweep_spares_what_could_not_be_understood(store: &dyn Store) -> Verdict {
    store.intake(full(1, (0..20).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect())).await?;
    let seen = (2..20).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect();
    let broken = Intake { unread: vec![unread(Some("p0"), "broken")], ..full(2, seen) };
    store.intake(broken.clone()).await?;
    same("one is spared", store.sweep(sweep(2, Some(0.1))).await?, Swept { live: 20, missing: 1, held: false })?;
    let nameless = Intake { unread: vec![unread(None, "no id")], pass: Some(3), ..broken };
    let nameless = Intake { changes: nameless.changes.get(1..).unwrap_or_default().to_vec(), ..nameless };
    store.intake(nameless).await?;
    let swept = store.sweep(sweep(3, Some(0.5))).await?;
    same("one without an id may be any of the missing", swept, Swept { live: 19, missing: 2, held: true })
}

async fn what_could_not_be_understood_is_kept_until_it_can_be(store: &dyn Store) -> Verdict {
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let broken = Intake { unread: vec![unread(Some("a"), "broken"), unread(None, "no id")], ..page(Vec::new()) };
    same("taken", store.intake(broken).await?, Taken { unread: 2, ..Taken::default() })?;
    let rows = store.unread(&source(), 10).await?;
    same("rows", rows.len(), 2)?;
    must("why", rows.iter().any(|row| row.fault.message == "broken"))?;
    let found = store.find(&source(), "a").await?;
    same("the record is as it was", found.first().and_then(|it| it.record.clone()), Some(plain("a", "A")))?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    same("rows then", store.unread(&source(), 10).await?.len(), 1)?;
    same("at most", store.unread(&source(), 0).await?.len(), 0)
}

async fn records_are_found_by_id_key_and_sku(store: &dyn Store) -> Verdict {
    let records = vec![
        is(product("a", "A", &[], &["red", "blue"]), 3),
        is(product("b", "B", &[], &["green"]), 1),
        is(stock("s", "red", 1), 1),
    ];
    store.intake(page(records)).await?;
    for (text, wanted) in [("a", "a"), ("key-b", "b"), ("blue", "a"), ("green", "b"), ("s", "s")] {
        let found = store.find(&source(), text).await?;
        same(text, found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), vec![wanted])?;
    }
    same("nothing", store.find(&source(), "yellow").await?.len(), 0)?;
    let found = store.find(&source(), "a").await?;
    let found = some("a", found.first())?;
    same("its version", found.version, 3)?;
    store.intake(page(vec![gone(kind(), "a", None), is(product("b", "B", &[], &["red"]), 2)])).await?;
    same("a tombstone by id", store.find(&source(), "a").await?.first().map(|it| it.record.is_none()), Some(true))?;
    same("a SKU that moved", store.find(&source(), "red").await?.first().map(|it| it.id.clone()), Some("b".into()))?;
    same("a SKU that went", store.find(&source(), "green").await?.len(), 0)
}

async fn reference_records_have_a_revision_of_their_own(store: &dyn Store) -> Verdict {
    store.intake(page(vec![is(category("c", "C", None), 1), is(selection("s"), 1), is(plain("a", "A"), 1)])).await?;
    let first = store.reference_revision(&source()).await?;
    let mut kinds: Vec<_> = store.reference(&source()).await?.iter().map(Record::kind).collect();
    kinds.sort_unstable();
    same("what is held", kinds, vec![Kind::Category, Kind::Selection])?;
    store.intake(page(vec![is(plain("a", "A2"), 2), is(stock("s", "x", 1), 1)])).await?;
    same("nothing of it changed", store.reference_revision(&source()).await?, first)?;
    store.intake(page(vec![gone(Kind::Category, "c", None)])).await?;
    must("it changed", store.reference_revision(&source()).await? > first)?;
    same("what is held then", store.reference(&source()).await?, vec![selection("s")])
}

async fn records_with_details_left_out_are_reported(store: &dyn Store) -> Verdict {
    let noticed = |id: &str, notices: &[&str]| {
        let notices = notices.iter().map(|what| Notice::new("prices", *what)).collect();
        Record::Product(Box::new(Product { notices, ..Product::new(id) }))
    };
    let counted =
        async || Ok::<_, Fault>(store.counts(&source()).await?.iter().map(|count| count.noticed).sum::<u64>());
    store
        .intake(page(vec![is(noticed("a", &["one"]), 1), is(noticed("b", &[]), 1), is(noticed("c", &["two"]), 1)]))
        .await?;
    same("how many", counted().await?, 2)?;
    let told = store.noticed(&source(), 10).await?;
    let told: Vec<_> =
        told.iter().map(|it| (it.id.as_str(), it.record.as_ref().map(|it| it.notices().len()))).collect();
    same("which", told, vec![("a", Some(1)), ("c", Some(1))])?;
    same("the first", store.noticed(&source(), 1).await?.len(), 1)?;
    store.intake(page(vec![is(noticed("a", &[]), 2), gone(kind(), "c", None)])).await?;
    same("once nothing is left out", (counted().await?, store.noticed(&source(), 10).await?.len()), (0, 0))
}

async fn records_are_counted_by_kind(store: &dyn Store) -> Verdict {
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1), is(stock("s", "x", 1), 1)])).await?;
    store.intake(page(vec![gone(kind(), "a", None)])).await?;
    let wanted = vec![
        Count { kind: kind(), live: 1, tombstones: 1, unread: 0, noticed: 0 },
        Count { kind: Kind::Stock, live: 1, tombstones: 0, unread: 0, noticed: 0 },
    ];
    let mut counts = store.counts(&source()).await?;
    counts.retain(|count| count.live + count.tombstones > 0);
    counts.sort_unstable_by_key(|count| count.kind);
    same("counts", counts, wanted)
}
