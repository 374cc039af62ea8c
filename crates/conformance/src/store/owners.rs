//! Checks of whose the items are, where ids are shared.

use contract::{
    Fault, Store,
    destination::Ids,
    store::{Held, Number, Settled, State, Step, Which, Work},
};
use model::{Kind, RemoteId};

use super::{
    Failed, Push, Verdict, checks, must, same,
    samples::{self, at, category, held, in_sync, is, open, page, plain, settled, source, step},
    some,
};

checks![
    where_ids_are_records_own_items_have_owners_too,
    what_a_call_is_about_to_carry_is_owned,
    what_a_record_holds_is_its_own,
    flows_and_kinds_have_owners_of_their_own,
    who_wants_an_item_is_tried_again_once_it_is_nobodys,
    who_wants_what_was_let_go_in_the_same_step_is_tried_again,
    who_did_not_take_an_item_leaves_it_to_the_next,
    of_many_that_want_an_item_none_is_forgotten,
    who_is_dropped_wants_nothing,
    what_is_settled_under_another_record_is_taken_from_the_first,
    what_a_call_cut_off_carried_is_owned,
    a_feed_lets_go_of_what_waited_for_it,
    what_was_held_before_ids_were_shared_is_owned,
];

/// Two records, `a` and `b`, in a flow whose ids are shared; and what there is to do.
async fn two(store: &dyn Store) -> Result<(Push<'_>, Work, Work), Failed> {
    let push = Push::with(store, "to", Ids::Shared).await?;
    store.intake(page(vec![is(plain("a", "A"), 1), is(plain("b", "B"), 1)])).await?;
    let window = push.window().await?;
    must("it is told that ids are shared", window.shared)?;
    let [a, b] = window.work.as_slice() else { return Err(Failed(format!("two records, not {}", window.work.len()))) };
    let (a, b) = (a.clone(), b.clone());
    store.advance(step(&push.flow, Vec::new(), Some(window.cursor))).await?;
    Ok((push, a, b))
}

/// In sync, holding these items.
fn holds(work: &Work, items: &[&str]) -> Settled {
    settled(work, State::InSync, Held::Items(items.iter().map(|id| held(id, work.id.as_str())).collect()))
}

/// Dead, because these items are another's.
fn wants(work: &Work, items: &[&str]) -> Settled {
    Settled {
        wants: items.iter().map(|id| RemoteId::from(*id)).collect(),
        fault: Some(Fault::record("C0999", "it is another's")),
        ..settled(work, State::Dead, Held::Same)
    }
}

impl Push<'_> {
    async fn settle(&self, settled: Vec<Settled>) -> Verdict {
        self.store.advance(step(&self.flow, settled, None)).await?;
        Ok(())
    }

    /// Whose the items x and y are.
    async fn owners(&self, kind: Kind) -> Result<Vec<(String, String)>, Failed> {
        let items = ["x", "y", "nobody's"].map(RemoteId::from);
        let owners = self.store.owners(&self.flow, kind, &items).await?;
        Ok(owners.into_iter().map(|owner| (owner.item.to_string(), owner.id.into_string())).collect())
    }

    async fn owned(&self, what: &str, wanted: &[(&str, &str)]) -> Verdict {
        let wanted = wanted.iter().map(|(item, id)| ((*item).to_owned(), (*id).to_owned())).collect();
        same(what, self.owners(Kind::Product).await?, wanted)
    }

    async fn state(&self, number: Number) -> Result<State, Failed> {
        Ok(some("the entry", self.store.entry(&self.flow, number).await?)?.state)
    }
}

async fn where_ids_are_records_own_items_have_owners_too(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("x", "X"), 1)])).await?;
    must("it is told that none is contested", !push.window().await?.shared)?;
    push.settle_all().await?;
    push.owned("it is its own", &[("x", "x")]).await
}

async fn what_a_call_is_about_to_carry_is_owned(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    let opening = |work: &Work, items: &[&str]| {
        let items: Vec<_> = items.iter().map(|item| (work.number, *item)).collect();
        Step { open: vec![open(&items)], ..step(&push.flow, Vec::new(), None) }
    };
    let first = store.advance(opening(&a, &["x", "y"])).await?;
    push.owned("before it is sent", &[("x", "a"), ("y", "a")]).await?;
    let close = first.iter().copied().map(samples::closed).collect();
    store.advance(Step { close, ..step(&push.flow, vec![holds(&a, &["x"])], None) }).await?;
    push.owned("what it did not take is nobody's", &[("x", "a")]).await?;
    let second = store.advance(opening(&b, &["x"])).await?;
    push.owned("what is held stays where it is", &[("x", "a")]).await?;
    let close = second.iter().copied().map(samples::closed).collect();
    store.advance(Step { close, ..step(&push.flow, vec![holds(&b, &["x"])], None) }).await?;
    push.owned("until it has arrived for another", &[("x", "b")]).await
}

async fn what_a_record_holds_is_its_own(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    push.owned("at first", &[]).await?;
    push.settle(vec![holds(&a, &["x", "y"])]).await?;
    push.owned("both are a's", &[("x", "a"), ("y", "a")]).await?;
    push.settle(vec![settled(&a, State::Retry(at(900)), Held::Same)]).await?;
    push.owned("as long as it holds them", &[("x", "a"), ("y", "a")]).await?;
    store.doubt(&push.flow, &[a.number]).await?;
    push.owned("also in doubt", &[("x", "a"), ("y", "a")]).await?;
    push.settle(vec![holds(&a, &["y"]), holds(&b, &["x"])]).await?;
    push.owned("one moves", &[("x", "b"), ("y", "a")]).await?;
    push.settle(vec![settled(&a, State::Gone, Held::Items(Vec::new()))]).await?;
    push.owned("one goes", &[("x", "b")]).await
}

async fn flows_and_kinds_have_owners_of_their_own(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    let other = Push::with(store, "other", Ids::Shared).await?;
    push.settle(vec![holds(&a, &["x"])]).await?;
    other.settle(vec![holds(&b, &["x"])]).await?;
    push.owned("here", &[("x", "a")]).await?;
    other.owned("there", &[("x", "b")]).await?;
    store.intake(page(vec![is(category("c", "C", None), 1)])).await?;
    let window = push.window().await?;
    push.settle(vec![holds(some("the category", window.work.first())?, &["x"])]).await?;
    push.owned("of products", &[("x", "a")]).await?;
    same("of categories", push.owners(Kind::Category).await?, vec![("x".to_owned(), "c".to_owned())])
}

async fn who_wants_an_item_is_tried_again_once_it_is_nobodys(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    push.settle(vec![holds(&a, &["x", "y"])]).await?;
    push.settle(vec![wants(&b, &["x", "y"])]).await?;
    push.stands("it is set aside", (1, 0, 0, 1, 0)).await?;
    push.settle(vec![holds(&a, &["x", "y"])]).await?;
    push.stands("as long as they are a's", (1, 0, 0, 1, 0)).await?;
    push.settle(vec![holds(&a, &["y"])]).await?;
    push.stands("one is nobody's", (1, 1, 0, 0, 0)).await?;
    same("it is due", push.ids().await?, vec!["b".to_owned()])?;
    same("no letter is left", store.dead(&push.flow, 10).await?.len(), 0)?;
    push.settle(vec![wants(&b, &["y"])]).await?;
    push.settle(vec![settled(&a, State::Filtered("no_price".to_owned()), Held::Items(Vec::new()))]).await?;
    push.stands("so is the other", (0, 1, 1, 0, 0)).await?;
    push.settle(vec![holds(&b, &["x", "y"])]).await?;
    push.owned("it has both", &[("x", "b"), ("y", "b")]).await?;
    push.settle(vec![settled(&b, State::Gone, Held::Items(Vec::new()))]).await?;
    push.stands("nobody waits any more", (0, 0, 1, 0, 1)).await
}

async fn who_wants_what_was_let_go_in_the_same_step_is_tried_again(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    push.settle(vec![holds(&a, &["x"])]).await?;
    push.settle(vec![holds(&a, &[]), wants(&b, &["x"])]).await?;
    push.stands("let go before", (1, 1, 0, 0, 0)).await?;
    push.settle(vec![holds(&a, &["x"]), wants(&b, &["x"])]).await?;
    push.stands("taken", (1, 0, 0, 1, 0)).await?;
    push.settle(vec![wants(&b, &["x"]), holds(&a, &[])]).await?;
    push.stands("let go after", (1, 1, 0, 0, 0)).await?;
    push.settle(vec![wants(&b, &["y"])]).await?;
    push.stands("it never was anybody's", (1, 1, 0, 0, 0)).await
}

async fn who_did_not_take_an_item_leaves_it_to_the_next(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    store.intake(page(vec![is(plain("c", "C"), 1)])).await?;
    let c = some("c", push.window().await?.work.into_iter().next())?;
    push.settle(vec![holds(&a, &["x"])]).await?;
    push.settle(vec![wants(&b, &["x"]), wants(&c, &["x"])]).await?;
    push.settle(vec![holds(&a, &[])]).await?;
    push.settle(vec![holds(&b, &["x"]), wants(&c, &["x"])]).await?;
    same("b took it", push.state(c.number).await?, State::Dead)?;
    push.settle(vec![settled(&b, State::Dead, Held::Items(Vec::new()))]).await?;
    must("c is due", push.state(c.number).await? != State::Dead)?;
    push.settle(vec![settled(&c, State::Retry(at(900)), Held::Same)]).await?;
    same("b wants nothing", push.state(b.number).await?, State::Dead)
}

async fn of_many_that_want_an_item_none_is_forgotten(store: &dyn Store) -> Verdict {
    const MANY: usize = 40;
    let push = Push::with(store, "to", Ids::Shared).await?;
    store.intake(page((0..=MANY).map(|n| is(plain(&format!("p{n}"), "P"), 1)).collect())).await?;
    let window = push.window().await?;
    let mut work = window.work.iter();
    let first = some("the first", work.next())?;
    let mut step = step(&push.flow, vec![holds(first, &["x"])], Some(window.cursor));
    step.settled.extend(work.map(|work| wants(work, &["x"])));
    store.advance(step).await?;
    push.settle(vec![holds(first, &[])]).await?;
    // None of those that are tried takes it.
    for _ in 0..=MANY {
        let due = push.window().await?.work;
        if due.is_empty() {
            return push.stands("all were tried", (1 + MANY as u64, 0, 0, 0, 0)).await;
        }
        push.settle(due.iter().map(|work| holds(work, &[])).collect()).await?;
    }
    must("it comes to an end", false)
}

async fn who_is_dropped_wants_nothing(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    push.settle(vec![holds(&a, &["x"])]).await?;
    push.settle(vec![wants(&b, &["x"])]).await?;
    store.discard(&push.flow, Which::These(&[b.number])).await?;
    push.settle(vec![holds(&a, &[])]).await?;
    push.stands("it stays where it is", (1, 0, 1, 0, 0)).await
}

async fn what_is_settled_under_another_record_is_taken_from_the_first(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    push.settle(vec![holds(&a, &["x", "y"])]).await?;
    push.settle(vec![holds(&b, &["x"])]).await?;
    push.owned("the later one has it", &[("x", "b"), ("y", "a")]).await?;
    push.stands("the first is looked at again", (1, 1, 0, 0, 0)).await?;
    let work = some("a", push.window().await?.work.into_iter().next())?;
    let items = work.entry.map(|entry| entry.items).unwrap_or_default();
    same("without it", items.into_iter().map(|item| item.id.to_string()).collect(), vec!["y".to_owned()])
}

async fn what_a_call_cut_off_carried_is_owned(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    push.settle(vec![holds(&b, &["y"])]).await?;
    let call = open(&[(a.number, "x"), (b.number, "y")]);
    store.advance(Step { open: vec![call], ..step(&push.flow, Vec::new(), None) }).await?;
    let found = samples::register(store, &push.flow, &source(), "1", Ids::Shared).await?;
    same("registered", found, samples::Registered { restarted: false, in_doubt: 2 })?;
    push.owned("in doubt", &[("x", "a"), ("y", "b")]).await
}

async fn a_feed_lets_go_of_what_waited_for_it(store: &dyn Store) -> Verdict {
    let (push, a, b) = two(store).await?;
    push.settle(vec![holds(&a, &["x"])]).await?;
    push.settle(vec![settled(&a, State::AwaitsFeed, Held::Same), wants(&b, &["x"])]).await?;
    push.owned("until the feed is imported", &[("x", "a")]).await?;
    store.release(&push.flow, Kind::Product, store.revision(&source()).await?).await?;
    push.owned("then no more", &[]).await?;
    push.stands("both are due", (0, 2, 0, 0, 0)).await
}

async fn what_was_held_before_ids_were_shared_is_owned(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(["a", "b", "c"].map(|id| is(plain(id, id), 1)).to_vec())).await?;
    let window = push.window().await?;
    let [a, b, c] = window.work.as_slice() else { return same("how much there is", window.work.len(), 3) };
    store.advance(step(&push.flow, vec![in_sync(a), holds(b, &["x"])], Some(window.cursor))).await?;
    let later = Step { at: at(301), ..step(&push.flow, vec![holds(a, &["x", "y"]), in_sync(c)], None) };
    store.advance(later).await?;
    samples::register(store, &push.flow, &source(), "1", Ids::Shared).await?;
    push.owned("the later one has what two held", &[("x", "a"), ("y", "a")]).await?;
    push.stands("the other is looked at again", (2, 1, 0, 0, 0)).await?;
    for work in push.window().await?.work {
        let items = work.entry.map(|entry| entry.items).unwrap_or_default();
        same("nothing is held of it", (work.number, items.len()), (b.number, 0))?;
    }
    push.settle(vec![holds(a, &["x"])]).await?;
    samples::register(store, &push.flow, &source(), "2", Ids::Own).await?;
    push.owned("for good", &[("x", "a")]).await?;
    // With another source it is another flow.
    samples::register(store, &push.flow, &"another shop".into(), "2", Ids::Own).await?;
    push.owned("of this source", &[]).await?;
    samples::register(store, &push.flow, &source(), "2", Ids::Own).await?;
    push.owned("back again", &[("x", "a")]).await
}
