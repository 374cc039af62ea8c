//! Checks of workloads, settlements, calls, retries and dead letters.

use std::{collections::BTreeSet, time::Duration};

use contract::{
    Fault, Item, Store,
    destination::Ids,
    source::Urgency,
    store::{
        Cursor, Held, HeldItem, Hold, Intake, KeptBy, Number, Pruned, Retention, Revision, Settled, State, States,
        Step, Take, Taken, Tally, Wake, Which,
    },
};
use model::{FlowName, Kind, Window};

use super::{
    Failed, Push, Verdict, checks, must, same,
    samples::{
        self, at, category, closed, full, gone, held, in_sync, is, kind, open, page, payload, plain, product, settled,
        source, step, stock, sweep, unread, until, wide,
    },
    some,
};

checks![
    what_is_new_is_pending_until_it_is_settled,
    states_are_counted_by_kind,
    a_window_holds_no_more_than_asked_and_loses_nothing,
    a_window_can_be_read_ahead,
    a_change_under_way_stays_pending,
    a_record_still_to_do_keeps_its_more_urgent_place,
    flows_stand_apart,
    another_fingerprint_starts_over,
    a_call_cut_off_leaves_what_it_carried_in_doubt,
    a_call_cut_off_may_have_made_what_was_never_settled,
    a_retry_comes_back_when_it_is_due,
    what_is_refused_is_a_dead_letter,
    a_later_version_clears_a_dead_letter,
    a_dropped_letter_is_filtered_until_it_changes,
    an_older_settlement_does_not_replace_a_newer_one,
    what_is_held_can_stay_as_it_is,
    a_payload_that_is_not_given_stays,
    a_due_time_touches_its_record,
    a_clock_that_was_set_back_touches_what_held_only_later,
    due_times_are_taken_a_few_at_once,
    a_feed_releases_what_waited_for_it,
    what_is_doubted_is_sent_again,
    what_needs_a_person_is_held_with_its_reason,
    what_waits_for_an_import_is_waiting,
    unread_records_are_passed_over_until_they_can_be_read,
    unread_records_that_are_gone_are_looked_at,
    a_retry_of_an_unread_record_wakes_nobody,
    records_that_were_never_understood_count,
    a_scan_goes_in_the_order_of_numbers,
    old_calls_are_pruned_unless_a_dead_letter_refers_to_them,
    a_flow_that_is_not_known_is_refused,
    what_is_kept_back_is_listed_by_its_rule_or_reason,
    a_flow_that_is_paused_has_no_work_and_forgets_none,
];

async fn what_is_new_is_pending_until_it_is_settled(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    push.stands("nothing yet", (0, 0, 0, 0, 0)).await?;
    store
        .intake(page(vec![is(plain("a", "A"), 1), is(category("c", "C", None), 1), is(stock("s", "x", 1), 1)]))
        .await?;
    push.stands("only products and categories are carried", (0, 2, 0, 0, 0)).await?;
    let workload = push.workload().await?;
    must("none has an entry", workload.work.iter().all(|work| work.entry.is_none()))?;
    same("reading changes nothing", push.workload().await?.cursor, workload.cursor)?;
    let [first, second] = workload.work.as_slice() else { return same("how much there is", workload.work.len(), 2) };
    let rule = State::Filtered("no_price".to_owned());
    let settled = vec![in_sync(first), settled(second, rule.clone(), Held::Items(Vec::new()))];
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    push.stands("settled", (1, 0, 1, 0, 0)).await?;
    same("the rule", store.tally(&push.flow).await?.all.rules, [("no_price".to_owned(), 1)].into())?;
    let entry = some("the entry", store.entry(&push.flow, first.number).await?)?;
    let wanted = vec![Item { id: "a".into(), payload: payload("a") }];
    same("the entry", (entry.state, entry.items, entry.revision), (State::InSync, wanted, first.revision))?;
    let work = some("the work", store.work(&push.flow, second.number).await?)?;
    same("the other's state", work.entry.map(|entry| entry.state), Some(rule))?;
    same("nothing is left", push.ids().await?.len(), 0)
}

async fn states_are_counted_by_kind(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let kinds = |of_plain, of_category| [(kind(), of_plain), (Kind::Category, of_category)].into();
    let none = States::default();
    same("nothing yet", store.tally(&push.flow).await?, Tally::of(kinds(none.clone(), none)))?;
    let records = ["a", "b", "c", "d"].map(|id| is(plain(id, id), 1)).into_iter();
    store
        .intake(page(records.chain([is(category("x", "X", None), 1), is(category("y", "Y", None), 1)]).collect()))
        .await?;
    let workload = push.workload().await?;
    let rule = || State::Filtered("no_price".to_owned());
    let state = |id: &str| match id {
        "a" => State::InSync,
        "b" | "x" => rule(),
        "c" => State::Held(Hold::Removal),
        _ => State::Retry(at(999)),
    };
    let settled = workload.work.iter().map(|work| settled(work, state(work.id.as_str()), Held::Same));
    store.advance(step(&push.flow, settled.collect(), Some(workload.cursor))).await?;
    // One changed since, one is gone, and one can't be understood any more.
    store.intake(page(vec![is(plain("a", "A2"), 2), gone(Kind::Category, "x", None)])).await?;
    store.intake(Intake { unread: vec![unread(Some("b"), "broken")], ..page(Vec::new()) }).await?;
    let of_plain = States {
        mirror: 4,
        pending: 2,
        held: 1,
        holds: [("removal".to_owned(), 1)].into(),
        unread: 1,
        ..States::default()
    };
    let of_category = States { mirror: 2, pending: 2, ..States::default() };
    let tally = store.tally(&push.flow).await?;
    same("each kind", tally.kinds.clone(), kinds(of_plain, of_category))?;
    same("all of them", tally.all.clone(), Tally::of(tally.kinds).all)
}

async fn a_window_holds_no_more_than_asked_and_loses_nothing(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(full(1, (0..10).map(|n| is(plain(&format!("old{n}"), "P"), 1)).collect())).await?;
    store.intake(page((0..3).map(|n| is(plain(&format!("live{n}"), "P"), 1)).collect())).await?;
    let take = Take { now: at(0), fresh: [2, 2, 4], retries: 0, after: None };
    let mut done = Vec::new();
    for _ in 0..4 {
        let workload = store.workload(&push.flow, take).await?;
        must("at most as asked", workload.work.len() <= 6)?;
        done.push(workload.work.iter().map(|work| work.id.as_str().to_owned()).collect::<Vec<_>>());
        let settled = workload.work.iter().map(in_sync).collect();
        store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    }
    let wanted = [
        vec!["live0", "live1", "old0", "old1", "old2", "old3"],
        vec!["live2", "old4", "old5", "old6", "old7"],
        vec!["old8", "old9"],
        vec![],
    ];
    same("the workloads", done, wanted.iter().map(|ids| ids.iter().map(|id| (*id).to_owned()).collect()).collect())?;
    push.stands("all of them", (13, 0, 0, 0, 0)).await
}

async fn a_window_can_be_read_ahead(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page((0..5).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect())).await?;
    let take = Take { now: at(0), fresh: [2; 3], retries: 0, after: None };
    let first = store.workload(&push.flow, take).await?;
    let second = store.workload(&push.flow, Take { after: Some(first.cursor), ..take }).await?;
    same("the second", second.work.iter().map(|work| work.id.as_str()).collect::<Vec<_>>(), vec!["p2", "p3"])?;
    let settled = first.work.iter().map(in_sync).collect();
    store.advance(step(&push.flow, settled, Some(first.cursor))).await?;
    let again = store.workload(&push.flow, take).await?;
    same("what the cursor has not passed", again.work.first().map(|work| work.id.clone()), Some("p2".into()))
}

async fn a_change_under_way_stays_pending(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let workload = push.workload().await?;
    store.intake(page(vec![is(plain("a", "A2"), 2), is(plain("b", "B"), 1)])).await?;
    let settled = workload.work.iter().map(in_sync).collect();
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    push.stands("both are to be done", (0, 2, 0, 0, 0)).await?;
    let again = push.settle_all().await?;
    same("the newer one", again.work.first().and_then(|work| work.record().cloned()), Some(plain("a", "A2")))?;
    push.stands("both are done", (2, 0, 0, 0, 0)).await
}

async fn a_record_still_to_do_keeps_its_more_urgent_place(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    store.intake(full(1, vec![is(plain("a", "A2"), 2), is(plain("b", "B"), 1)])).await?;
    let places =
        |workload: contract::store::Workload| workload.work.into_iter().map(|work| work.urgency).collect::<Vec<_>>();
    let wanted = vec![Some(Urgency::Live), Some(Urgency::Backfill)];
    same("the places", places(push.settle_all().await?), wanted)?;
    store.intake(full(1, vec![is(plain("a", "A3"), 3)])).await?;
    same("once it was done", places(push.workload().await?), vec![Some(Urgency::Backfill)])?;
    store.intake(page(vec![is(plain("a", "A4"), 4)])).await?;
    same("more urgent", places(push.workload().await?), vec![Some(Urgency::Live)])
}

async fn flows_stand_apart(store: &dyn Store) -> Verdict {
    let (one, two) = (Push::new(store, "one").await?, Push::new(store, "two").await?);
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    one.settle_all().await?;
    one.stands("the first", (2, 0, 0, 0, 0)).await?;
    two.stands("the second", (0, 2, 0, 0, 0)).await?;
    let other = FlowName::from("three");
    samples::register(store, &other, &"another shop".into(), "1", Ids::Own).await?;
    same("another source", store.tally(&other).await?.mirror, 0)
}

async fn another_fingerprint_starts_over(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    push.settle_all().await?;
    let same_again = samples::register(store, &push.flow, &source(), "1", Ids::Own).await?;
    same("the same", same_again, samples::Registered::default())?;
    push.stands("nothing changed", (1, 0, 0, 0, 0)).await?;
    let other = samples::register(store, &push.flow, &source(), "2", Ids::Own).await?;
    same("another", other, samples::Registered { restarted: true, in_doubt: 0 })?;
    push.stands("it is looked at again", (0, 1, 0, 0, 0)).await?;
    let workload = push.workload().await?;
    let entry = workload.work.first().and_then(|work| work.entry.clone());
    let digests = entry.and_then(|entry| entry.items.first().and_then(|item| item.digests));
    same("what is held is still known", digests, Some(payload("a").digests()))
}

async fn a_call_cut_off_leaves_what_it_carried_in_doubt(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    push.settle_all().await?;
    store.intake(page(vec![is(plain("a", "A2"), 2), is(plain("c", "C"), 1)])).await?;
    let work = push.workload().await?.work;
    let items: Vec<(Number, &str)> = work.iter().map(|work| (work.number, work.id.as_str())).collect();
    let calls = store.advance(Step { open: vec![open(&items)], ..step(&push.flow, Vec::new(), None) }).await?;
    same("calls", calls.len(), 1)?;
    let found = samples::register(store, &push.flow, &source(), "1", Ids::Own).await?;
    same("registered", found, samples::Registered { restarted: false, in_doubt: 2 })?;
    let entry = some("the entry of a", store.entry(&push.flow, some("a", items.first())?.0).await?)?;
    must("it is in doubt", entry.in_doubt)?;
    let workload = push.workload().await?;
    same("what is to be done", workload.work.len(), 2)?;
    let doubtful = some("a", workload.work.first())?;
    let entry = some("its entry", doubtful.entry.clone())?;
    must("its digests are unknown", entry.items.iter().all(|item| item.digests.is_none()))?;
    push.stands("the states", (1, 2, 0, 0, 0)).await?;
    same(
        "nothing is left open",
        samples::register(store, &push.flow, &source(), "1", Ids::Own).await?,
        samples::Registered::default(),
    )?;
    push.settle_all().await?;
    push.stands("and settled", (3, 0, 0, 0, 0)).await
}

async fn a_call_cut_off_may_have_made_what_was_never_settled(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let work = push.workload().await?.work;
    let [a, b] = work.as_slice() else { return same("how much there is", work.len(), 2) };
    let both = vec![held("b", "b"), held("b2", "b2")];
    store.advance(step(&push.flow, vec![settled(b, State::InSync, Held::Items(both))], None)).await?;
    let calls = vec![open(&[(a.number, "a"), (a.number, "a2")]), open(&[(b.number, "b2"), (b.number, "b3")])];
    store.advance(Step { open: calls, ..step(&push.flow, Vec::new(), None) }).await?;
    same("registered", samples::register(store, &push.flow, &source(), "1", Ids::Own).await?.in_doubt, 2)?;
    store.intake(page(vec![gone(kind(), "a", None), gone(kind(), "b", None)])).await?;
    let workload = push.workload().await?;
    for (number, wanted) in [
        (a.number, [("a", false), ("a2", false)].as_slice()),
        (b.number, [("b", true), ("b2", false), ("b3", false)].as_slice()),
    ] {
        let work = some("the work", workload.work.iter().find(|work| work.number == number))?;
        let entry = some("its entry", work.entry.as_ref())?;
        let items: Vec<_> = entry.items.iter().map(|item| (item.id.as_str(), item.digests.is_some())).collect();
        same("what may be held, and whether that is sure", items.as_slice(), wanted)?;
    }
    push.stands("both are pending", (0, 2, 0, 0, 0)).await?;
    push.settle_all().await?;
    push.stands("and settled", (0, 0, 0, 0, 2)).await?;
    let entry = some("the entry of a", store.entry(&push.flow, a.number).await?)?;
    same("nothing is held", (entry.items.len(), entry.in_doubt), (0, false))
}

async fn a_retry_comes_back_when_it_is_due(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let fault = Fault::transient("C0999", "it is down");
    let mut workload = push.workload().await?;
    for attempts in 1..=3 {
        let work = some("the work", workload.work.first())?;
        let settled = Settled { fault: Some(fault.clone()), ..settled(work, State::Retry(at(400)), Held::Same) };
        store.advance(step(&push.flow, vec![settled], Some(workload.cursor))).await?;
        push.stands("it is pending", (0, 1, 0, 0, 0)).await?;
        same("it is not due", push.ids().await?.len(), 0)?;
        let wake = store.next_wake(&push.flow).await?;
        same("when it is", wake, Wake { retry: Some(at(400)), ..Wake::default() })?;
        workload = store.workload(&push.flow, wide(at(400))).await?;
        let entry = some("its entry", workload.work.first().and_then(|work| work.entry.clone()))?;
        same("attempts", (entry.attempts, entry.state), (attempts, State::Retry(at(400))))?;
    }
    let view = some("the entry", store.entry(&push.flow, some("it", workload.work.first())?.number).await?)?;
    same("why", view.fault, Some(fault))?;
    same("a retry is no place in the walk", workload.work.first().map(|work| work.urgency), Some(None))?;
    let done = workload.work.iter().map(in_sync).collect();
    store.advance(step(&push.flow, done, Some(workload.cursor))).await?;
    push.stands("it is settled", (1, 0, 0, 0, 0)).await?;
    same("nothing wakes", store.next_wake(&push.flow).await?, Wake::default())?;
    let entry = some("the entry", store.entry(&push.flow, some("it", workload.work.first())?.number).await?)?;
    same("the count starts again", (entry.attempts, entry.fault), (0, None))
}

/// Makes the only record a dead letter; returns its number.
async fn kill(push: &Push<'_>) -> Result<Number, Failed> {
    let workload = push.workload().await?;
    let work = some("the work", workload.work.first())?;
    let open = Step { open: vec![open(&[(work.number, work.id.as_str())])], ..step(&push.flow, Vec::new(), None) };
    let call = push.store.advance(open).await?.first().copied();
    let dead = Settled {
        fault: Some(Fault::record("C0999", "it has no price")),
        refused: vec![Item { id: work.id.as_str().into(), payload: payload("refused") }],
        call,
        ..settled(work, State::Dead, Held::Same)
    };
    let close = call.map(closed).into_iter().collect();
    push.store.advance(Step { close, ..step(&push.flow, vec![dead], Some(workload.cursor)) }).await?;
    Ok(work.number)
}

async fn what_is_refused_is_a_dead_letter(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let number = kill(&push).await?;
    push.stands("it is dead", (0, 0, 0, 1, 0)).await?;
    let letters = store.dead(&push.flow, 10).await?;
    let letter = some("the letter", letters.first())?;
    same("which", (letter.number, letter.kind, letter.id.as_str()), (number, kind(), "a"))?;
    same("why", letter.fault.message.as_str(), "it has no price")?;
    same("what was sent", letter.items.clone(), vec![Item { id: "a".into(), payload: payload("refused") }])?;
    let own: Vec<_> = store.dead_of(&push.flow, &"a".into()).await?.iter().map(|letter| letter.number).collect();
    same("the record's own", own, vec![number])?;
    same("another's", store.dead_of(&push.flow, &"b".into()).await?.len(), 0)?;
    let entry = some("the entry", store.entry(&push.flow, number).await?)?;
    let call = some("the call", entry.call)?;
    same("the call", (call.status, call.records, call.op.as_str()), (Some(200), 1, "put"))?;
    same("its answer", call.response.as_str(), "{\"status\":\"ok\"}")?;
    same("replayed", store.replay(&push.flow, Which::These(&[number, Number(9999)])).await?, 1)?;
    push.stands("it is tried again", (0, 1, 0, 0, 0)).await?;
    same("no letter is left", store.dead(&push.flow, 10).await?.len(), 0)?;
    same("nor by its id", store.dead_of(&push.flow, &"a".into()).await?.len(), 0)?;
    same("it is due", push.settle_all().await?.work.len(), 1)?;
    push.stands("it arrives", (1, 0, 0, 0, 0)).await?;
    same("there is nothing to replay", store.replay(&push.flow, Which::All).await?, 0)
}

async fn a_later_version_clears_a_dead_letter(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    kill(&push).await?;
    store.intake(page(vec![is(plain("a", "A2"), 2)])).await?;
    push.stands("it is pending", (0, 1, 0, 0, 0)).await?;
    push.settle_all().await?;
    push.stands("it is in sync", (1, 0, 0, 0, 0)).await?;
    same("no letter is left", store.dead(&push.flow, 10).await?.len(), 0)
}

async fn a_dropped_letter_is_filtered_until_it_changes(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let number = kill(&push).await?;
    same("dropped", store.discard(&push.flow, Which::These(&[number])).await?, 1)?;
    push.stands("it is filtered", (0, 0, 1, 0, 0)).await?;
    same("the rule", store.tally(&push.flow).await?.all.rules, [("dropped".to_owned(), 1)].into())?;
    same("nothing is to be done", push.ids().await?.len(), 0)?;
    store.intake(page(vec![is(plain("a", "A2"), 2)])).await?;
    push.stands("it is pending", (0, 1, 0, 0, 0)).await
}

async fn an_older_settlement_does_not_replace_a_newer_one(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let older = push.workload().await?;
    store.intake(page(vec![is(plain("a", "A2"), 2)])).await?;
    let newer = push.settle_all().await?;
    let work = some("the work", older.work.first())?;
    store
        .advance(step(&push.flow, vec![settled(work, State::Dead, Held::Items(vec![held("a", "older")]))], None))
        .await?;
    push.stands("the newer one stands", (1, 0, 0, 0, 0)).await?;
    let entry = some("the entry", store.entry(&push.flow, work.number).await?)?;
    same("its revision", Some(entry.revision), newer.work.first().map(|work| work.revision))?;
    same("its payload", entry.items.first().map(|item| item.payload.clone()), Some(payload("a")))
}

async fn what_is_held_can_stay_as_it_is(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    push.settle_all().await?;
    store.intake(page(vec![is(plain("a", "A2"), 2)])).await?;
    let workload = push.workload().await?;
    let work = some("the work", workload.work.first())?;
    store.advance(step(&push.flow, vec![settled(work, State::InSync, Held::Same)], Some(workload.cursor))).await?;
    let entry = some("the entry", store.entry(&push.flow, work.number).await?)?;
    same("the payload", entry.items, vec![Item { id: "a".into(), payload: payload("a") }])?;
    let again = some("the work", store.work(&push.flow, work.number).await?)?;
    let digests = again.entry.and_then(|entry| entry.items.first().and_then(|item| item.digests));
    same("the digests", digests, Some(payload("a").digests()))
}

async fn a_payload_that_is_not_given_stays(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let workload = push.workload().await?;
    let work = some("the work", workload.work.first())?;
    let first = vec![held("x", "X"), held("y", "Y"), held("z", "Z")];
    store
        .advance(step(&push.flow, vec![settled(work, State::InSync, Held::Items(first))], Some(workload.cursor)))
        .await?;
    let second = vec![
        HeldItem { payload: None, ..held("x", "X") },
        held("y", "Y2"),
        HeldItem { digests: None, payload: None, id: "new".into() },
    ];
    store.advance(step(&push.flow, vec![settled(work, State::InSync, Held::Items(second))], None)).await?;
    let entry = some("the entry", store.entry(&push.flow, work.number).await?)?;
    let mut items = entry.items;
    items.retain(|item| !item.payload.is_empty());
    let wanted = [("x", "X"), ("y", "Y2")].map(|(id, name)| Item { id: id.into(), payload: payload(name) });
    same("the payloads", items, wanted.to_vec())?;
    must("one is in doubt", entry.in_doubt)?;
    store.advance(step(&push.flow, vec![settled(work, State::Gone, Held::Items(Vec::new()))], None)).await?;
    let entry = some("the entry", store.entry(&push.flow, work.number).await?)?;
    same("nothing is held", (entry.items.len(), entry.in_doubt), (0, false))
}

async fn a_due_time_touches_its_record(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let workload = push.workload().await?;
    let due = |work, due| Settled { holds: until(due), ..in_sync(work) };
    let settled = workload.work.iter().zip([500, 600]).map(|(work, at)| due(work, at)).collect();
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    same("when", store.next_wake(&push.flow).await?, Wake { due: Some(at(500)), ..Wake::default() })?;
    same("too early", store.wake(&samples::touch(at(499)), 10).await?, 0)?;
    same("on time", store.wake(&samples::touch(at(500)), 10).await?, 1)?;
    push.stands("it is pending", (1, 1, 0, 0, 0)).await?;
    let workload = push.workload().await?;
    let places: Vec<_> = workload.work.iter().map(|work| (work.id.as_str(), work.urgency)).collect();
    same("the workload", places, vec![("a", Some(Urgency::Urgent))])?;
    same("once only", store.wake(&samples::touch(at(500)), 10).await?, 0)?;
    same("when next", store.next_wake(&push.flow).await?, Wake { due: Some(at(600)), ..Wake::default() })
}

async fn a_clock_that_was_set_back_touches_what_held_only_later(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(["a", "b", "c"].map(|id| is(plain(id, "it"), 1)).into())).await?;
    let workload = push.workload().await?;
    let spans = [(Some(400), Some(500)), (Some(300), None), (None, Some(900))];
    let settled = workload.work.iter().zip(spans).map(|(work, (from, until))| {
        let holds = Window { from: from.map(at), until: until.map(at) };
        Settled { holds, ..in_sync(work) }
    });
    store.advance(step(&push.flow, settled.collect(), Some(workload.cursor))).await?;
    same("it holds", store.wake(&samples::touch(at(400)), 10).await?, 0)?;
    same("nothing is due", store.next_wake(&push.flow).await?.due, Some(at(500)))?;
    same("it held only later", store.wake(&samples::touch(at(399)), 10).await?, 1)?;
    let woken = push.workload().await?;
    same("it is urgent", woken.work.iter().map(|work| work.id.as_str()).collect::<Vec<_>>(), vec!["a"])?;
    same("once only", store.wake(&samples::touch(at(300)), 10).await?, 0)?;
    same("so did the other", store.wake(&samples::touch(at(200)), 10).await?, 1)?;
    same("the third holds", store.wake(&samples::touch(at(0)), 10).await?, 0)
}

async fn due_times_are_taken_a_few_at_once(store: &dyn Store) -> Verdict {
    let pushes = [Push::new(store, "to").await?, Push::new(store, "other").await?];
    let ids = ["a", "b", "c", "d", "e"];
    store.intake(page(ids.iter().map(|id| is(plain(id, "it"), 1)).collect())).await?;
    for push in &pushes {
        let workload = push.workload().await?;
        // The last record has the earliest due time.
        let dues = [500, 400, 300, 200, 100];
        let settled = workload.work.iter().zip(dues).map(|(work, due)| Settled { holds: until(due), ..in_sync(work) });
        store.advance(step(&push.flow, settled.collect(), Some(workload.cursor))).await?;
    }
    let [push, _] = &pushes;
    same("some", store.wake(&samples::touch(at(400)), 3).await?, 3)?;
    let workload = push.workload().await?;
    let woken: BTreeSet<_> = workload.work.iter().map(|work| work.id.as_str()).collect();
    same("the earliest", woken, BTreeSet::from(["c", "d", "e"]))?;
    same("for every flow", store.next_wake(&pushes[1].flow).await?.due, Some(at(400)))?;
    same("the others", store.wake(&samples::touch(at(400)), 3).await?, 1)?;
    same("none", store.wake(&samples::touch(at(400)), 3).await?, 0)?;
    same("not yet", store.next_wake(&push.flow).await?.due, Some(at(500)))
}

async fn a_feed_releases_what_waited_for_it(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let records = ["gone", "kept", "later"].map(|id| is(plain(id, id), 1));
    store.intake(page(records.to_vec())).await?;
    push.settle_all().await?;
    store.intake(page(vec![gone(kind(), "gone", None), is(plain("kept", "hidden"), 2)])).await?;
    let workload = push.workload().await?;
    let waits = |work| settled(work, State::AwaitsFeed, Held::Same);
    store.advance(step(&push.flow, workload.work.iter().map(waits).collect(), Some(workload.cursor))).await?;
    let up_to = store.revision(&source()).await?;
    store.intake(page(vec![gone(kind(), "later", None)])).await?;
    let later = push.workload().await?;
    store.advance(step(&push.flow, later.work.iter().map(waits).collect(), Some(later.cursor))).await?;
    push.stands("none is anything else", (0, 0, 0, 0, 0)).await?;
    same("all wait", store.tally(&push.flow).await?.waiting, 3)?;
    same("what waits is not due", push.ids().await?.len(), 0)?;
    same("another kind", store.release(&push.flow, Kind::Category, up_to).await?, 0)?;
    same("up to the first", store.release(&push.flow, kind(), up_to).await?, 2)?;
    push.stands("one is gone, one is due", (0, 1, 0, 0, 1)).await?;
    same("one waits", store.tally(&push.flow).await?.waiting, 1)?;
    let due = push.workload().await?;
    let due = some("what is due", due.work.first())?;
    let items = due.entry.as_ref().map(|entry| entry.items.len());
    same("it, and what is held of it", (due.id.as_str(), items), ("kept", Some(0)))
}

async fn what_is_doubted_is_sent_again(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let workload = push.settle_all().await?;
    let number = some("a", workload.work.first())?.number;
    same("doubted", store.doubt(&push.flow, &[number, Number(9999)]).await?, 1)?;
    push.stands("it is pending", (1, 1, 0, 0, 0)).await?;
    let again = push.workload().await?;
    let entry = some("its entry", again.work.first().and_then(|work| work.entry.clone()))?;
    must("nothing is known of it", entry.items.iter().all(|item| item.digests.is_none()))?;
    same("how much there is", (again.work.len(), entry.items.len()), (1, 1))?;
    push.settle_all().await?;
    push.stands("it is settled", (2, 0, 0, 0, 0)).await
}

async fn what_needs_a_person_is_held_with_its_reason(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let workload = push.workload().await?;
    let holds = Hold::ALL.into_iter().zip(&workload.work);
    let settled = holds.map(|(hold, work)| settled(work, State::Held(hold), Held::Same)).collect();
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    push.stands("none is anything else", (0, 0, 0, 0, 0)).await?;
    let tally = store.tally(&push.flow).await?;
    same("held", tally.held, 2)?;
    let wanted = Hold::ALL.map(|hold| (hold.name().to_owned(), 1));
    same("the reasons", tally.all.holds, wanted.into())?;
    same("nothing is to be done", push.ids().await?.len(), 0)?;
    same("nothing wakes", store.next_wake(&push.flow).await?, Wake::default())?;
    let work = some("the work", store.work(&push.flow, some("a", workload.work.first())?.number).await?)?;
    same("its state", work.entry.map(|entry| entry.state), Some(State::Held(Hold::Removal)))?;
    store.intake(page(vec![is(plain("a", "A2"), 2)])).await?;
    push.stands("a later version is pending", (0, 1, 0, 0, 0)).await
}

async fn what_waits_for_an_import_is_waiting(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let workload = push.workload().await?;
    let settled = workload.work.iter().map(|work| settled(work, State::AwaitsImport, Held::Same)).collect();
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    push.stands("it is nothing else", (0, 0, 0, 0, 0)).await?;
    same("waiting", store.tally(&push.flow).await?.waiting, 1)?;
    let released = store.release(&push.flow, kind(), store.revision(&source()).await?).await?;
    same("a feed does not end that", released, 0)
}

/// A page of unread records of which only the ids could be read.
fn broken(ids: &[&str]) -> Intake {
    Intake { unread: ids.iter().map(|id| unread(Some(id), "broken")).collect(), ..page(Vec::new()) }
}

async fn unread_records_are_passed_over_until_they_can_be_read(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let product = |stock: i64| vec![is(product("a", "A", &[], &["x"]), 1), is(samples::stock("s", "x", stock), 1)];
    store.intake(page(product(1))).await?;
    store.intake(page(vec![is(plain("b", "B"), 1)])).await?;
    push.settle_all().await?;
    store.intake(broken(&["a"])).await?;
    push.stands("one is left", (1, 0, 0, 0, 0)).await?;
    same("the other is unread", store.tally(&push.flow).await?.unread, 1)?;
    store.intake(page(product(2).into_iter().skip(1).collect())).await?;
    same("its stock changes nothing", push.settle_all().await?.work.len(), 0)?;
    let scanned = store.scan(&push.flow, kind(), Number(0), 10).await?;
    let scanned: Vec<_> = scanned.iter().map(|work| (work.id.as_str(), work.unread, work.record().is_some())).collect();
    same("a scan tells it", scanned, vec![("a", true, true), ("b", false, true)])?;
    let counts = store.counts(&source()).await?;
    let products = some("the count", counts.iter().find(|count| count.kind == kind()))?;
    same("it is counted", (products.live, products.unread), (2, 1))?;
    store.intake(page(vec![is(plain("a", "older"), 0), is(plain("b", "B"), 1)])).await?;
    store.intake(broken(&["a"])).await?;
    store.intake(page(product(2).into_iter().take(1).collect())).await?;
    push.stands("understood again", (1, 1, 0, 0, 0)).await?;
    let workload = push.settle_all().await?;
    same("it is looked at", workload.work.first().map(|work| work.id.clone()), Some("a".into()))?;
    push.stands("all is well", (2, 0, 0, 0, 0)).await?;
    store.intake(broken(&["a"])).await?;
    store.intake(page(product(2).into_iter().take(1).collect())).await?;
    same("also where it is as it was", push.ids().await?, vec!["a".to_owned()])
}

async fn unread_records_that_are_gone_are_looked_at(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(["a", "b", "c"].map(|id| is(plain(id, id), 1)).to_vec())).await?;
    push.settle_all().await?;
    store.intake(page(vec![gone(kind(), "c", None)])).await?;
    store.intake(broken(&["a", "b", "c"])).await?;
    same("nothing is to be done", push.settle_all().await?.work.len(), 0)?;
    same("all are unread", store.tally(&push.flow).await?.unread, 3)?;
    store.intake(page(vec![gone(kind(), "a", None), gone(kind(), "c", None)])).await?;
    same("what is gone", push.ids().await?, vec!["a".to_owned(), "c".to_owned()])?;
    store.sweep(sweep(1, None)).await?;
    same("what a full walk did not meet", push.ids().await?, vec!["a".to_owned(), "c".to_owned(), "b".to_owned()])?;
    push.settle_all().await?;
    push.stands("all are gone", (0, 0, 0, 0, 3)).await?;
    same("none is unread", store.unread(&source(), 10).await?.len(), 0)
}

async fn a_retry_of_an_unread_record_wakes_nobody(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let workload = push.workload().await?;
    let settled = workload.work.iter().map(|work| settled(work, State::Retry(at(0)), Held::Same)).collect();
    store.advance(step(&push.flow, settled, Some(workload.cursor))).await?;
    store.intake(broken(&["a"])).await?;
    same("no workload shows it", push.ids().await?.len(), 0)?;
    same("it wakes nobody", store.next_wake(&push.flow).await?, Wake::default())
}

async fn records_that_were_never_understood_count(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let nameless = |pass: u64, times: usize| {
        let unread = std::iter::repeat_n(unread(None, "no id"), times).chain([unread(Some("x"), "broken")]);
        Intake { unread: unread.collect(), pass: Some(pass), ..page(Vec::new()) }
    };
    store.intake(nameless(1, 3)).await?;
    let tally = store.tally(&push.flow).await?;
    same("all that were met", (tally.unread, tally.mirror), (4, 4))?;
    store.sweep(sweep(1, None)).await?;
    store.intake(nameless(2, 2)).await?;
    store.intake(Intake { pass: None, ..nameless(2, 1) }).await?;
    same("the last full walk counts", store.tally(&push.flow).await?.unread, 3)?;
    store.sweep(sweep(2, None)).await?;
    same("as long as they are met", store.tally(&push.flow).await?.unread, 3)?;
    store.intake(page(vec![is(plain("x", "X"), 1)])).await?;
    store.sweep(sweep(3, None)).await?;
    let tally = store.tally(&push.flow).await?;
    same("none is left", (tally.unread, tally.sum()), (0, tally.mirror))
}

async fn a_scan_goes_in_the_order_of_numbers(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let mut records: Vec<_> = (0..7).map(|n| is(product(&format!("p{n}"), "P", &["c"], &["x"]), 1)).collect();
    records.insert(3, is(category("c", "C", None), 1));
    records.push(is(stock("s", "x", 4), 1));
    store.intake(page(records)).await?;
    store.intake(page(vec![is(plain("p1", "changed"), 2), gone(kind(), "p2", None)])).await?;
    push.settle_all().await?;
    let mut ids = Vec::new();
    let mut after = Number(0);
    loop {
        let part = store.scan(&push.flow, kind(), after, 3).await?;
        let Some(last) = part.last() else { break };
        must("numbers grow", last.number > after)?;
        after = last.number;
        ids.extend(part.iter().map(|work| (work.id.as_str().to_owned(), work.record().is_some(), work.joined().len())));
    }
    let wanted = (0..7).map(|n| (format!("p{n}"), n != 2, usize::from(n != 1 && n != 2))).collect();
    same("the scan", ids, wanted)
}

async fn old_calls_are_pruned_unless_a_dead_letter_refers_to_them(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let number = kill(&push).await?;
    let open = Step { open: vec![open(&[(number, "a")]); 3], ..step(&push.flow, Vec::new(), None) };
    let calls = store.advance(open).await?;
    let close = calls.iter().take(2).copied().map(closed).collect();
    store.advance(Step { close, ..step(&push.flow, Vec::new(), None) }).await?;
    let kept = Retention { calls: Duration::from_secs(100), ..Retention::default() };
    same("nothing is that old", store.prune(at(400), &kept, 10).await?, Pruned::default())?;
    let pruned = store.prune(at(401), &kept, 1).await?;
    same("a few at once", pruned, Pruned { calls: 1, more: true, ..Pruned::default() })?;
    let pruned = store.prune(at(401), &kept, 10).await?;
    same("only what is finished and not referred to", pruned, Pruned { calls: 1, ..Pruned::default() })?;
    let entry = some("the entry", store.entry(&push.flow, number).await?)?;
    must("its call is still there", entry.call.is_some())?;
    store.replay(&push.flow, Which::All).await?;
    same("until it is tried again", store.prune(at(401), &kept, 10).await?.calls, 1)
}

async fn a_flow_that_is_not_known_is_refused(store: &dyn Store) -> Verdict {
    let flow = FlowName::from("nobody");
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    must("a workload", store.workload(&flow, wide(at(0))).await.is_err())?;
    let cursor = Cursor([Revision(1); 3]);
    must("a step", store.advance(step(&flow, Vec::new(), Some(cursor))).await.is_err())?;
    same("its tally", store.tally(&flow).await?.mirror, 0)?;
    let taken = store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    same("the store goes on", taken, Taken { unchanged: 1, ..Taken::default() })
}

async fn what_is_kept_back_is_listed_by_its_rule_or_reason(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let ids = ["a", "b", "c", "d"];
    store.intake(page(ids.map(|id| is(plain(id, id), 1)).into())).await?;
    let workload = push.workload().await?;
    let states = [
        State::Filtered("no_price".to_owned()),
        State::Filtered("no_text".to_owned()),
        State::Held(Hold::UnknownOutcome),
        State::Held(Hold::Removal),
    ];
    let rows = workload.work.iter().zip(states).map(|(work, state)| settled(work, state, Held::Same));
    store.advance(step(&push.flow, rows.collect(), Some(workload.cursor))).await?;
    let kept = async |by: KeptBy| {
        let kept = store.kept(&push.flow, by, 10).await?;
        Ok::<_, Failed>(kept.into_iter().map(|kept| kept.id.to_string()).collect::<Vec<_>>())
    };
    let rule = |rule: &str| KeptBy::Rule(rule.to_owned());
    same("by a rule", kept(rule("no_text")).await?, vec!["b".to_owned()])?;
    same("by none", kept(rule("removal")).await?, Vec::new())?;
    same("by a person", kept(KeptBy::Hold(Hold::UnknownOutcome)).await?, vec!["c".to_owned()])?;
    store.intake(page(vec![is(plain("b", "B"), 2)])).await?;
    same("not what changed since", kept(rule("no_text")).await?, Vec::new())
}

async fn a_flow_that_is_paused_has_no_work_and_forgets_none(store: &dyn Store) -> Verdict {
    let (push, other) = (Push::new(store, "to").await?, Push::new(store, "other").await?);
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let work = some("the work", push.workload().await?.work.into_iter().next())?;
    store.advance(step(&push.flow, vec![settled(&work, State::Retry(at(250)), Held::Same)], None)).await?;
    must("it is paused", store.pause(&push.flow, Some(at(100))).await?)?;
    must("it was paused already", !store.pause(&push.flow, Some(at(200))).await?)?;
    let before = store.workload(&push.flow, wide(at(300))).await?;
    same("work", before.work.len(), 0)?;
    same("nothing wakes it", store.next_wake(&push.flow).await?, Wake::default())?;
    same("since when", store.tally(&push.flow).await?.paused_since, Some(at(100)))?;
    push.stands("all of it is pending", (0, 2, 0, 0, 0)).await?;
    same("other flows have theirs", other.ids().await?.len(), 2)?;
    // Neither a new start nor a cursor that was read meanwhile passes over anything.
    store.recover(&push.flow).await?;
    store.advance(step(&push.flow, Vec::new(), Some(before.cursor))).await?;
    same("work after a start", push.ids().await?.len(), 0)?;
    must("it goes on", store.pause(&push.flow, None).await?)?;
    must("it went on already", !store.pause(&push.flow, None).await?)?;
    same("since when, now", store.tally(&push.flow).await?.paused_since, None)?;
    same("what waited", push.ids().await?.len(), 2)
}
