//! Checks of leases, calls that wait for their outcome, and removals.

use contract::{
    Fault, Store,
    store::{Declared, Held, Hold, Intake, Leased, Removals, State, Step, Sweep, Ticket, Touch},
};
use model::Kind;

use super::{
    Failed, Push, Verdict, checks, must, same,
    samples::{self, at, category, closed, gone, held, is, kind, open, page, plain, settled, source, step, sweep},
    some,
};

checks![
    whoever_holds_an_older_lease_of_a_source_is_refused,
    whoever_holds_an_older_lease_of_a_flow_is_refused,
    a_lease_is_held_until_it_is_taken_over,
    calls_with_tickets_outlive_a_start,
    what_a_ticket_is_for_is_in_doubt_after_a_start_until_it_is_settled,
    a_ticket_wakes_its_flow,
    removals_of_the_last_day_are_counted,
    an_approval_allows_what_is_held,
    held_removals_are_due_once_they_are_approved,
    a_flow_sees_only_kinds_that_it_carries,
    a_kind_that_a_flow_newly_carries_is_walked_for_that_flow_and_no_other,
    a_kind_that_is_carried_later_is_looked_at,
];

fn fenced<T>(what: &str, done: Result<T, Fault>) -> Verdict {
    same(what, done.err().map(|fault| fault.code.into_owned()), Some("C0112".to_owned()))
}

async fn whoever_holds_an_older_lease_of_a_source_is_refused(store: &dyn Store) -> Verdict {
    let of = Leased::Source(source());
    let older = store.take_over(&of).await?;
    let newer = store.take_over(&of).await?;
    must("it is newer", newer > older)?;
    fenced("an intake", store.intake(Intake { lease: older, ..page(vec![is(plain("a", "A"), 1)]) }).await)?;
    fenced("a sweep", store.sweep(Sweep { lease: older, ..sweep(1, None) }).await)?;
    let touch = Touch { lease: older, ..samples::touch(at(100)) };
    fenced("spreading", store.spread(&touch, 10).await)?;
    fenced("waking", store.wake(&touch, 10).await)?;
    fenced("answering hints", store.done(&source(), older, &[]).await)?;
    same("nothing was taken in", store.counts(&source()).await?.len(), 0)?;
    store.intake(Intake { lease: newer, ..page(vec![is(plain("a", "A"), 1)]) }).await?;
    Ok(())
}

async fn whoever_holds_an_older_lease_of_a_flow_is_refused(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let older = store.recover(&push.flow).await?.lease;
    let newer = store.recover(&push.flow).await?.lease;
    let workload = push.workload().await?;
    let settled = || workload.work.iter().map(samples::in_sync).collect();
    let late = Step { lease: older, ..step(&push.flow, settled(), Some(workload.cursor)) };
    fenced("a step", store.advance(late).await)?;
    push.stands("nothing happened", (0, 1, 0, 0, 0)).await?;
    store.advance(Step { lease: newer, ..step(&push.flow, settled(), Some(workload.cursor)) }).await?;
    push.stands("the newer one may", (1, 0, 0, 0, 0)).await
}

async fn a_lease_is_held_until_it_is_taken_over(store: &dyn Store) -> Verdict {
    let of = Leased::Source(source());
    let (lease, other, third) = tokio::try_join!(store.lease(&of), store.lease(&of), store.lease(&of))?;
    same("the same for all who ask at once", [other, third], [lease; 2])?;
    same("it stays", store.lease(&of).await?, lease)?;
    let newer = store.take_over(&of).await?;
    same("the newer one is held", store.lease(&of).await?, newer)
}

async fn calls_with_tickets_outlive_a_start(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let workload = push.workload().await?;
    let [a, b] = workload.work.as_slice() else { return same("how much there is", workload.work.len(), 2) };
    let calls = vec![open(&[(a.number, "a")]), open(&[(b.number, "b")])];
    let calls = store.advance(Step { open: calls, ..step(&push.flow, Vec::new(), None) }).await?;
    let [first, second] = calls.as_slice() else { return same("calls", calls.len(), 2) };
    let ticket = Ticket { call: *first, ticket: "import 7".to_owned(), ask_at: at(900) };
    let waits = settled(a, State::AwaitsImport, Held::Items(vec![held("a", "A")]));
    store.advance(Step { tickets: vec![ticket], ..step(&push.flow, vec![waits], None) }).await?;
    same("only the other is cut off", store.recover(&push.flow).await?.in_doubt, 1)?;
    let tickets = store.tickets(&push.flow).await?;
    let ticket = some("the ticket", tickets.first())?;
    let got = (ticket.call, ticket.op.as_str(), ticket.ticket.as_str(), ticket.ask_at, ticket.items.clone());
    same("what it was", got, (*first, "put", "import 7", at(900), vec![(a.number, "a".into())]))?;
    let done = Step { close: vec![closed(*first)], ..step(&push.flow, vec![samples::in_sync(a)], None) };
    store.advance(done).await?;
    same("no ticket is left", store.tickets(&push.flow).await?.len(), 0)?;
    must("the other was another call", first != second)
}

/// Of the calls of one record, one may have a ticket while another was cut off, and the record is not settled.
async fn what_a_ticket_is_for_is_in_doubt_after_a_start_until_it_is_settled(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let workload = push.workload().await?;
    let [a, b] = workload.work.as_slice() else { return same("how much there is", workload.work.len(), 2) };
    store.advance(step(&push.flow, vec![samples::in_sync(a), samples::in_sync(b)], None)).await?;
    let calls = vec![open(&[(a.number, "a"), (b.number, "b")])];
    let calls = store.advance(Step { open: calls, ..step(&push.flow, Vec::new(), None) }).await?;
    let ticket = Ticket { call: *some("the call", calls.first())?, ticket: "import 7".to_owned(), ask_at: at(900) };
    let waits = settled(b, State::AwaitsImport, Held::Items(vec![held("b", "B2")]));
    store.advance(Step { tickets: vec![ticket], ..step(&push.flow, vec![waits], None) }).await?;
    same("no call is cut off", store.recover(&push.flow).await?.in_doubt, 0)?;
    let mut certain = Vec::new();
    for number in [a.number, b.number] {
        let work = some("the record", store.work(&push.flow, number).await?)?;
        let entry = some("its row", work.entry)?;
        certain.extend(entry.items.iter().map(|item| (item.id.as_str().to_owned(), item.digests.is_some())));
    }
    same("what is certain", certain, vec![("a".to_owned(), false), ("b".to_owned(), true)])?;
    same("the ticket is there", store.tickets(&push.flow).await?.len(), 1)
}

async fn a_ticket_wakes_its_flow(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1)])).await?;
    let number = some("a", push.workload().await?.work.first())?.number;
    let calls =
        store.advance(Step { open: vec![open(&[(number, "a")])], ..step(&push.flow, Vec::new(), None) }).await?;
    let ticket = |ask_at| Ticket { call: calls.first().copied().unwrap_or(0), ticket: "7".to_owned(), ask_at };
    for ask_at in [at(900), at(1000)] {
        store.advance(Step { tickets: vec![ticket(ask_at)], ..step(&push.flow, Vec::new(), None) }).await?;
        same("when to ask", store.next_wake(&push.flow).await?.ask, Some(ask_at))?;
    }
    store
        .advance(Step { close: calls.into_iter().map(closed).collect(), ..step(&push.flow, Vec::new(), None) })
        .await?;
    same("nothing is to be asked", store.next_wake(&push.flow).await?.ask, None)
}

async fn removals_of_the_last_day_are_counted(store: &dyn Store) -> Verdict {
    const HOUR: i64 = 3600;
    let push = Push::new(store, "to").await?;
    store.intake(page((0..5).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect())).await?;
    let work = push.settle_all().await?.work;
    let count = async |hours: i64| store.removals(&push.flow, at(hours * HOUR)).await;
    same("what it holds", count(0).await?, Removals { items: 5, held: 0, removed: 0 })?;
    let gone = |work| settled(work, State::Gone, Held::Items(Vec::new()));
    for (work, hours) in work.iter().zip([1, 20]) {
        let step = step(&push.flow, vec![gone(work)], None);
        store.advance(Step { at: at(hours * HOUR), removed: 1, ..step }).await?;
    }
    same("both", count(21).await?, Removals { items: 3, held: 0, removed: 2 })?;
    same("a day later", count(26).await?, Removals { items: 3, held: 0, removed: 1 })?;
    store.approve_removals(&push.flow, at(27 * HOUR)).await?;
    same("approved", count(27).await?, Removals { items: 3, held: 0, removed: 0 })
}

async fn an_approval_allows_what_is_held(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let work = push.settle_all().await?.work;
    let holds = |work| settled(work, State::Held(Hold::Removal), Held::Same);
    store.advance(step(&push.flow, work.iter().take(1).map(holds).collect(), None)).await?;
    same("one", store.removals(&push.flow, at(400)).await?, Removals { items: 2, held: 1, removed: 0 })?;
    store.approve_removals(&push.flow, at(400)).await?;
    same("one may go", store.removals(&push.flow, at(400)).await?, Removals { items: 2, held: 0, removed: -1 })
}

async fn held_removals_are_due_once_they_are_approved(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let workload = push.settle_all().await?;
    let [a, b] = workload.work.as_slice() else { return same("how much there is", workload.work.len(), 2) };
    let holds = vec![
        settled(a, State::Held(Hold::Removal), Held::Same),
        settled(b, State::Held(Hold::UnknownOutcome), Held::Same),
    ];
    store.advance(step(&push.flow, holds, None)).await?;
    same("approved", store.approve_removals(&push.flow, at(400)).await?, 1)?;
    same("due", push.ids().await?, vec!["a".to_owned()])?;
    same("the other needs a person still", store.tally(&push.flow).await?.held, 1)
}

async fn a_flow_sees_only_kinds_that_it_carries(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    let declared = samples::declared(&"products".into(), &source(), "1", contract::destination::Ids::Own);
    store.declare(&Declared { carries: vec![kind()], ..declared }).await?;
    let narrow = Push { store, flow: "products".into() };
    store.intake(page(vec![is(plain("a", "A"), 1), is(category("c", "C", None), 1)])).await?;
    same("this one both", push.ids().await?.len(), 2)?;
    same("that one products", narrow.settle_all().await?.work.len(), 1)?;
    narrow.stands("nothing else counts", (1, 0, 0, 0, 0)).await?;
    store.intake(page(vec![gone(Kind::Category, "c", None)])).await?;
    narrow.stands("nor changes it", (1, 0, 0, 0, 0)).await
}

async fn a_kind_that_a_flow_newly_carries_is_walked_for_that_flow_and_no_other(store: &dyn Store) -> Verdict {
    let carrying = async |flow: &'static str, carries: &[Kind]| {
        let declared = samples::declared(&flow.into(), &source(), "1", contract::destination::Ids::Own);
        let declaration = store.declare(&Declared { carries: carries.to_vec(), ..declared }).await?;
        Ok::<_, Failed>((Push { store, flow: flow.into() }, declaration.restarted))
    };
    let (products, _) = carrying("products", &[kind()]).await?;
    let records = vec![is(plain("a", "A"), 1), is(category("c", "C", None), 1), is(category("d", "D", None), 1)];
    store.intake(page(records)).await?;
    store.intake(page(vec![gone(Kind::Category, "d", None)])).await?;
    products.settle_all().await?;
    let revision = store.revision(&source()).await?;
    let (both, _) = carrying("both", &[kind(), Kind::Category]).await?;
    let mut seen = both.ids().await?;
    seen.sort_unstable();
    same("what was read before is walked, what is gone too", seen, ["a", "c", "d"].map(str::to_owned).to_vec())?;
    both.settle_all().await?;
    both.stands("and settled", (2, 0, 0, 0, 1)).await?;
    // A kind that is carried by then.
    let (categories, _) = carrying("categories", &[Kind::Category]).await?;
    same("walked for another flow", categories.settle_all().await?.work.len(), 2)?;
    // A start declares all flows again.
    for (flow, carries) in [("products", &[kind()][..]), ("both", &[kind(), Kind::Category])] {
        let (push, restarted) = carrying(flow, carries).await?;
        must("it does not start over", !restarted)?;
        same("what was carried before is not walked again", push.ids().await?.len(), 0)?;
    }
    same("no record changed", store.revision(&source()).await?, revision)?;
    store.intake(page(vec![is(plain("b", "B"), 1)])).await?;
    let newest = [both.ids().await?, categories.ids().await?, products.ids().await?].concat();
    same("what is read later is walked by who carries it", newest, vec!["b".to_owned(), "b".to_owned()])
}

async fn a_kind_that_is_carried_later_is_looked_at(store: &dyn Store) -> Verdict {
    let declared = samples::declared(&"to".into(), &source(), "1", contract::destination::Ids::Own);
    let narrow = Declared { carries: vec![kind()], ..declared.clone() };
    store.declare(&narrow).await?;
    let push = Push { store, flow: "to".into() };
    store.intake(page(vec![is(plain("a", "A"), 1), is(category("c", "C", None), 1)])).await?;
    push.settle_all().await?;
    must("it starts over", store.declare(&declared).await?.restarted)?;
    same("both", push.settle_all().await?.work.len(), 2)?;
    push.stands("both are settled", (2, 0, 0, 0, 0)).await?;
    must("not again", !store.declare(&declared).await?.restarted)?;
    store.declare(&narrow).await?;
    push.stands("what is carried no more does not count", (1, 0, 0, 0, 0)).await
}
