//! Checks of which record owns an item, where ids are shared.

use contract::{
    Store,
    destination::Ids,
    store::{Claim, Claimed, Held, Lease, Leased, Number, Settled, State, Step, Which, Work},
};
use model::{Kind, RemoteId};

use super::{
    Failed, Push, Verdict, checks, must, same,
    samples::{self, at, category, gone, held, in_sync, is, kind, open, page, plain, settled, source, step},
    some,
};

checks![
    where_ids_are_records_own_an_item_is_the_record_s_with_its_id,
    the_record_created_last_owns_an_item_whoever_claims_first,
    an_item_passes_to_a_new_owner_in_doubt_and_both_are_due,
    the_next_owns_what_its_owner_gives_up,
    of_many_only_the_next_is_due,
    what_is_held_and_not_claimed_is_the_record_s_until_another_claims_it,
    a_settlement_from_before_an_item_was_lost_keeps_nothing_of_it,
    a_settlement_from_before_an_item_was_gained_keeps_it,
    a_first_settlement_of_what_was_lost_meanwhile_holds_nothing_of_it,
    an_older_settlement_changes_nothing_whatever_was_claimed,
    what_is_held_again_is_claimed_or_left_to_its_owner,
    flows_and_kinds_have_owners_of_their_own,
    what_a_call_cut_off_carried_is_its_owner_s,
    a_feed_that_was_imported_leaves_what_waited_for_it_to_nobody,
    who_is_dropped_claims_nothing,
    who_was_taken_over_claims_nothing_more,
    items_are_counted_as_they_are_held,
    ids_that_become_shared_stay_with_who_holds_them_until_it_is_looked_at,
];

/// A flow with shared ids, and the records `a`, `b` and `c` as they are processed.
struct Shared<'a> {
    push: Push<'a>,
    a: Work,
    b: Work,
    c: Work,
}

impl<'a> Shared<'a> {
    async fn new(store: &'a dyn Store) -> Result<Self, Failed> {
        Self::with(store, Ids::Shared).await
    }

    async fn with(store: &'a dyn Store, ids: Ids) -> Result<Self, Failed> {
        let push = Push::with(store, "to", ids).await?;
        store.intake(page(["a", "b", "c"].map(|id| is(plain(id, id), 1)).to_vec())).await?;
        let workload = push.workload().await?;
        must("it is told whether ids are shared", workload.shared == (ids == Ids::Shared))?;
        let [a, b, c] = workload.work.as_slice() else {
            return Err(Failed(format!("{} records", workload.work.len())));
        };
        let (a, b, c) = (a.clone(), b.clone(), c.clone());
        store.advance(step(&push.flow, Vec::new(), Some(workload.cursor))).await?;
        Ok(Self { push, a, b, c })
    }

    /// The record as it is now.
    async fn now(&self, of: &Work) -> Result<Work, Failed> {
        some("the record", self.push.store.work(&self.push.flow, of.number).await?)
    }

    /// The record claims these items, and was created then.
    async fn claims(&self, work: &Work, created_at: i64, items: &[&str]) -> Result<Claimed, Failed> {
        self.push.claims(vec![claim(work, created_at, items)]).await
    }

    /// Settles the record as holding these items.
    async fn holds(&self, work: &Work, items: &[&str]) -> Verdict {
        let now = self.now(work).await?;
        self.push.settle(vec![holds(&now, items)]).await
    }

    /// Items of the rows, those in doubt marked.
    async fn held(&self, what: &str, wanted: [&[&str]; 3]) -> Verdict {
        for (work, wanted) in [&self.a, &self.b, &self.c].into_iter().zip(wanted) {
            let items = self.now(work).await?.entry.map(|entry| entry.items).unwrap_or_default();
            let named = |item: contract::store::ItemEntry| {
                format!("{}{}", item.id, if item.digests.is_none() { "?" } else { "" })
            };
            let items: Vec<_> = items.into_iter().map(named).collect();
            let stored = self.push.store.entry(&self.push.flow, work.number).await?;
            let stored = stored.map(|view| view.items).unwrap_or_default();
            same(&format!("{what}: {}", work.id), items, wanted.iter().map(|id| (*id).to_owned()).collect())?;
            let known = |id: &RemoteId| wanted.iter().any(|it| it.trim_end_matches('?') == id.as_str());
            must("payloads are of what is held", stored.iter().all(|item| known(&item.id)))?;
        }
        Ok(())
    }

    async fn due(&self, what: &str, wanted: &[&str]) -> Verdict {
        let mut due = self.push.ids().await?;
        due.sort_unstable();
        same(what, due, wanted.iter().map(|id| (*id).to_owned()).collect())
    }
}

fn claim(work: &Work, created_at: i64, items: &[&str]) -> Claim {
    let created_at = (created_at > 0).then(|| at(created_at));
    Claim { number: work.number, created_at, items: items.iter().map(|id| RemoteId::from(*id)).collect() }
}

/// A settlement as in sync, holding these items.
fn holds(work: &Work, items: &[&str]) -> Settled {
    settled(work, State::InSync, Held::Items(items.iter().map(|id| held(id, work.id.as_str())).collect()))
}

impl Push<'_> {
    async fn settle(&self, settled: Vec<Settled>) -> Verdict {
        self.store.advance(step(&self.flow, settled, None)).await?;
        Ok(())
    }

    async fn claims(&self, claims: Vec<Claim>) -> Result<Claimed, Failed> {
        let lease = self.store.lease(&Leased::Flow(self.flow.clone())).await?;
        Ok(self.store.claim(&self.flow, lease, claims).await?)
    }

    /// The owners of the items x and y.
    async fn owners(&self, kind: Kind) -> Result<Vec<(String, String)>, Failed> {
        let items = ["x", "y", "nobody's"].map(RemoteId::from);
        let owners = self.store.owners(&self.flow, kind, &items).await?;
        Ok(owners.into_iter().map(|owner| (owner.item.to_string(), owner.id.into_string())).collect())
    }

    async fn owned(&self, what: &str, wanted: &[(&str, &str)]) -> Verdict {
        let wanted = wanted.iter().map(|(item, id)| ((*item).to_owned(), (*id).to_owned())).collect();
        same(what, self.owners(kind()).await?, wanted)
    }
}

/// Numbers of the contested records, with the owners of the items that they don't own.
fn met(claimed: &Claimed) -> Vec<(Number, Vec<(&str, &str)>)> {
    claimed
        .contested
        .iter()
        .map(|it| (it.number, it.owners.iter().map(|owner| (owner.item.as_str(), owner.id.as_str())).collect()))
        .collect()
}

fn taken(claimed: &Claimed) -> Vec<(&str, &str)> {
    claimed.taken.iter().map(|owner| (owner.item.as_str(), owner.id.as_str())).collect()
}

async fn where_ids_are_records_own_an_item_is_the_record_s_with_its_id(store: &dyn Store) -> Verdict {
    let push = Push::new(store, "to").await?;
    store.intake(page(vec![is(plain("x", "X"), 1), is(plain("z", "Z"), 1)])).await?;
    let workload = push.workload().await?;
    must("it is told that none is contested", !workload.shared)?;
    push.owned("before it is sent", &[("x", "x")]).await?;
    let z = some("z", workload.work.last())?;
    same("nothing comes of a claim", push.claims(vec![claim(z, 9, &["x"])]).await?, Claimed::default())?;
    push.settle_all().await?;
    push.owned("and after", &[("x", "x")]).await?;
    store.intake(page(vec![gone(kind(), "x", None)])).await?;
    push.settle_all().await?;
    push.owned("and when it is gone", &[("x", "x")]).await
}

async fn the_record_created_last_owns_an_item_whoever_claims_first(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    same("none is contested", it.claims(&it.b, 5, &["x", "y"]).await?, Claimed::default())?;
    it.push.owned("the only one", &[("x", "b"), ("y", "b")]).await?;
    let claimed = it.claims(&it.a, 4, &["x"]).await?;
    same("an older one", met(&claimed), vec![(it.a.number, vec![("x", "b")])])?;
    same("takes nothing", taken(&claimed), vec![])?;
    let claimed = it.claims(&it.c, 5, &["x"]).await?;
    same("of equals the higher number", taken(&claimed), vec![("x", "b")])?;
    it.push.owned("has it", &[("x", "c"), ("y", "b")]).await?;
    let claimed = it.claims(&it.a, 6, &["x", "y"]).await?;
    same("a later one", taken(&claimed), vec![("x", "c"), ("y", "b")])?;
    it.push.owned("has both", &[("x", "a"), ("y", "a")]).await?;
    it.claims(&it.a, 0, &["x", "y"]).await?;
    it.push.owned("of which is not known when", &[("x", "c"), ("y", "b")]).await?;
    let all = [claim(&it.b, 2, &["x"]), claim(&it.a, 3, &["x"]), claim(&it.c, 1, &["x"])];
    let claimed = it.push.claims(all.to_vec()).await?;
    let lost = |work: &Work| (work.number, vec![("x", "a")]);
    let lost: Vec<_> = met(&claimed).into_iter().filter(|met| [lost(&it.b), lost(&it.c)].contains(met)).collect();
    same("claimed at once", lost.len(), 2)?;
    it.push.owned("it is the same", &[("x", "a"), ("y", "b")]).await
}

async fn an_item_passes_to_a_new_owner_in_doubt_and_both_are_due(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.a, 1, &["x", "y"]).await?;
    it.holds(&it.a, &["x", "y"]).await?;
    it.due("nothing is", &[]).await?;
    let claimed = it.claims(&it.b, 2, &["x"]).await?;
    same("it is told", taken(&claimed), vec![("x", "a")])?;
    same("of whom", met(&claimed), vec![(it.b.number, vec![])])?;
    let entry = some("the entry that it has now", claimed.contested.into_iter().next().and_then(|it| it.entry))?;
    same("with the item", entry.items.iter().map(|item| item.id.as_str()).collect(), vec!["x"])?;
    it.held("one passed", [&["y"], &["x?"], &[]]).await?;
    it.due("both are", &["a", "b"]).await?;
    it.holds(&it.b, &["x"]).await?;
    it.holds(&it.a, &["y"]).await?;
    it.held("each has its own", [&["y"], &["x"], &[]]).await?;
    it.due("nothing is left", &[]).await?;
    same("the same claims change nothing", it.claims(&it.b, 2, &["x"]).await?, Claimed::default())?;
    it.due("nor make anything due", &[]).await
}

async fn the_next_owns_what_its_owner_gives_up(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    let all = [claim(&it.a, 1, &["x"]), claim(&it.b, 3, &["x"]), claim(&it.c, 2, &["x"])];
    it.push.claims(all.to_vec()).await?;
    it.holds(&it.b, &["x"]).await?;
    let filtered = |work: &Work| settled(work, State::Filtered("theirs".to_owned()), Held::Items(Vec::new()));
    it.push.settle(vec![filtered(&it.a), filtered(&it.c)]).await?;
    it.due("nothing is", &[]).await?;
    let claimed = it.claims(&it.b, 3, &[]).await?;
    same("it is taken from the owner", taken(&claimed), vec![("x", "b")])?;
    it.held("not removed", [&[], &[], &["x?"]]).await?;
    it.due("the next and the owner", &["b", "c"]).await?;
    it.push.owned("c", &[("x", "c")]).await?;
    it.claims(&it.c, 2, &["y"]).await?;
    it.held("and on", [&["x?"], &[], &[]]).await?;
    it.claims(&it.a, 1, &[]).await?;
    it.push.owned("who holds it last", &[("x", "a"), ("y", "c")]).await?;
    it.holds(&it.a, &[]).await?;
    it.push.owned("nobody", &[("y", "c")]).await
}

async fn of_many_only_the_next_is_due(store: &dyn Store) -> Verdict {
    const MANY: usize = 40;
    let push = Push::with(store, "to", Ids::Shared).await?;
    store.intake(page((0..MANY).map(|n| is(plain(&format!("p{n:02}"), "P"), 1)).collect())).await?;
    let workload = push.workload().await?;
    push.claims(workload.work.iter().map(|work| claim(work, 0, &["x"])).collect()).await?;
    let settled = workload.work.iter().map(|work| holds(work, &[]));
    store.advance(step(&push.flow, settled.collect(), Some(workload.cursor))).await?;
    // Records that claimed before the highest one may be due from the first claims.
    for work in push.workload().await?.work {
        push.settle(vec![holds(&work, &[])]).await?;
    }
    for (last, work) in workload.work.iter().enumerate().skip(1).rev() {
        let work = some("the owner", store.work(&push.flow, work.number).await?)?;
        push.claims(vec![claim(&work, 0, &[])]).await?;
        let due = push.workload().await?.work;
        let mut ids: Vec<_> = due.iter().map(|work| work.id.to_string()).collect();
        ids.sort_unstable();
        same("the next and who was it", ids, vec![format!("p{:02}", last - 1), format!("p{last:02}")])?;
        push.settle(due.iter().map(|work| holds(work, &[])).collect()).await?;
    }
    Ok(())
}

async fn what_is_held_and_not_claimed_is_the_record_s_until_another_claims_it(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.c, 9, &["x", "y"]).await?;
    it.holds(&it.c, &["x", "y"]).await?;
    same("it is given up", it.claims(&it.c, 9, &["y"]).await?, Claimed::default())?;
    it.push.owned("and still its own", &[("x", "c"), ("y", "c")]).await?;
    it.claims(&it.a, 1, &["x"]).await?;
    it.held("whatever the rank of another", [&["x?"], &[], &["y"]]).await?;
    it.claims(&it.a, 1, &[]).await?;
    it.push.owned("it does not come back", &[("x", "a"), ("y", "c")]).await?;
    it.holds(&it.a, &[]).await?;
    it.push.owned("it was removed", &[("y", "c")]).await
}

async fn a_settlement_from_before_an_item_was_lost_keeps_nothing_of_it(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.a, 1, &["x", "y"]).await?;
    it.holds(&it.a, &["x", "y"]).await?;
    for late in [Held::Items(vec![held("x", "late"), held("y", "late")]), Held::Same] {
        let looked_at = it.now(&it.a).await?;
        it.claims(&it.b, 2, &["x"]).await?;
        it.push.settle(vec![settled(&looked_at, State::InSync, late)]).await?;
        it.held("it is the other's", [&["y?"], &["x?"], &[]]).await?;
        it.due("and it is looked at again", &["a", "b"]).await?;
        // The item changes back.
        it.claims(&it.b, 2, &[]).await?;
        it.holds(&it.b, &[]).await?;
        it.holds(&it.a, &["y", "x"]).await?;
        it.held("as before", [&["y", "x"], &[], &[]]).await?;
    }
    Ok(())
}

async fn a_settlement_from_before_an_item_was_gained_keeps_it(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.push.claims(vec![claim(&it.a, 1, &["x", "y"]), claim(&it.b, 2, &["x"])]).await?;
    it.holds(&it.b, &["x"]).await?;
    it.holds(&it.a, &["y"]).await?;
    let looked_at = it.now(&it.a).await?;
    it.claims(&it.b, 2, &[]).await?;
    it.push.settle(vec![holds(&looked_at, &["y"])]).await?;
    it.held("nothing is lost", [&["y?", "x?"], &[], &[]]).await?;
    it.due("and it is looked at again", &["a", "b"]).await?;
    // The record lost the item and gained it again, so the settlement is outdated.
    it.holds(&it.b, &[]).await?;
    it.holds(&it.a, &["y", "x"]).await?;
    let looked_at = it.now(&it.a).await?;
    it.claims(&it.b, 2, &["x"]).await?;
    it.holds(&it.b, &["x"]).await?;
    it.claims(&it.b, 2, &[]).await?;
    it.push.settle(vec![settled(&looked_at, State::InSync, Held::Same)]).await?;
    it.held("in doubt", [&["y?", "x?"], &[], &[]]).await
}

async fn a_first_settlement_of_what_was_lost_meanwhile_holds_nothing_of_it(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.a, 1, &["x"]).await?;
    it.claims(&it.b, 2, &["x"]).await?;
    it.push.settle(vec![holds(&it.a, &["x"])]).await?;
    it.held("it may be there", [&[], &["x?"], &[]]).await?;
    it.due("both are looked at", &["a", "b"]).await
}

async fn an_older_settlement_changes_nothing_whatever_was_claimed(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.a, 1, &["x", "y"]).await?;
    let older = holds(&it.a, &["x"]);
    store.intake(page(vec![is(plain("a", "another"), 2)])).await?;
    it.holds(&it.a, &["x", "y"]).await?;
    it.claims(&it.b, 2, &["x"]).await?;
    it.holds(&it.a, &["y"]).await?;
    it.push.settle(vec![older]).await?;
    it.held("as it was", [&["y"], &["x?"], &[]]).await
}

async fn what_is_held_again_is_claimed_or_left_to_its_owner(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.b, 2, &["y"]).await?;
    it.holds(&it.b, &["y"]).await?;
    // As when `verify` finds an item at the destination that should not be there.
    it.push.settle(vec![holds(&it.a, &["x", "y"])]).await?;
    it.push.owned("what was nobody's is its own", &[("x", "a"), ("y", "b")]).await?;
    it.held("and only that", [&["x?"], &["y"], &[]]).await
}

async fn flows_and_kinds_have_owners_of_their_own(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    let other = Push::with(store, "other", Ids::Shared).await?;
    it.claims(&it.a, 1, &["x"]).await?;
    same("no other meets it", other.claims(vec![claim(&it.b, 1, &["x"])]).await?, Claimed::default())?;
    it.push.owned("here", &[("x", "a")]).await?;
    other.owned("there", &[("x", "b")]).await?;
    store.intake(page(vec![is(category("c", "C", None), 1)])).await?;
    let workload = it.push.workload().await?;
    let category = some("the category", workload.work.first())?;
    same("nor a category", it.claims(category, 2, &["x"]).await?, Claimed::default())?;
    it.push.owned("of products", &[("x", "a")]).await?;
    same("of categories", it.push.owners(Kind::Category).await?, vec![("x".to_owned(), "c".to_owned())])
}

async fn what_a_call_cut_off_carried_is_its_owner_s(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.a, 1, &["x", "y"]).await?;
    let call = open(&[(it.a.number, "x"), (it.a.number, "y")]);
    store.advance(Step { open: vec![call], ..step(&it.push.flow, Vec::new(), None) }).await?;
    it.claims(&it.b, 2, &["x"]).await?;
    let found = samples::register(store, &it.push.flow, &source(), "1", Ids::Shared).await?;
    same("registered", found, samples::Registered { restarted: false, in_doubt: 1 })?;
    it.held("in doubt", [&["y?"], &["x?"], &[]]).await?;
    it.push.owned("whose they are", &[("x", "b"), ("y", "a")]).await
}

async fn a_feed_that_was_imported_leaves_what_waited_for_it_to_nobody(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.claims(&it.a, 1, &["x"]).await?;
    it.holds(&it.a, &["x"]).await?;
    it.claims(&it.a, 1, &[]).await?;
    let now = it.now(&it.a).await?;
    it.push.settle(vec![settled(&now, State::AwaitsFeed, Held::Same)]).await?;
    it.push.owned("until the feed is imported", &[("x", "a")]).await?;
    store.release(&it.push.flow, kind(), store.revision(&source()).await?).await?;
    it.push.owned("then no more", &[]).await
}

async fn who_is_dropped_claims_nothing(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    it.push.claims(vec![claim(&it.a, 1, &["x"]), claim(&it.b, 2, &["x"])]).await?;
    it.holds(&it.b, &["x"]).await?;
    let now = it.now(&it.b).await?;
    it.push.settle(vec![settled(&now, State::Dead, Held::Same), holds(&it.a, &[])]).await?;
    it.push.owned("what is dead keeps what it is to be", &[("x", "b")]).await?;
    same("dropped", store.discard(&it.push.flow, Which::These(&[it.b.number])).await?, 1)?;
    it.held("the next has it", [&["x?"], &[], &[]]).await?;
    it.due("and is due", &["a"]).await?;
    it.push.stands("the other stays dropped", (0, 2, 1, 0, 0)).await
}

async fn who_was_taken_over_claims_nothing_more(store: &dyn Store) -> Verdict {
    let it = Shared::new(store).await?;
    let older = store.lease(&Leased::Flow(it.push.flow.clone())).await?;
    store.recover(&it.push.flow).await?;
    let refused = store.claim(&it.push.flow, older, vec![claim(&it.a, 1, &["x"])]).await;
    same("refused", refused.err().map(|fault| fault.code.into_owned()), Some("C0112".to_owned()))?;
    must("leases grow", older < store.lease(&Leased::Flow(it.push.flow.clone())).await?)?;
    must("the highest is none", older != Lease(u64::MAX))?;
    it.push.owned("nobody", &[]).await
}

async fn items_are_counted_as_they_are_held(store: &dyn Store) -> Verdict {
    for ids in [Ids::Own, Ids::Shared] {
        let flow = if ids == Ids::Own { "own" } else { "shared" };
        let push = Push::with(store, flow, ids).await?;
        store.intake(page(["a", "b"].map(|id| is(plain(id, id), 1)).to_vec())).await?;
        let workload = push.workload().await?;
        let [a, b] = workload.work.as_slice() else { return same("how much there is", workload.work.len(), 2) };
        let items = async || Ok::<_, Failed>(store.removals(&push.flow, at(300)).await?.items);
        push.claims(vec![claim(a, 1, &["x", "y"]), claim(b, 2, &["z"])]).await?;
        same("claims are nothing", items().await?, 0)?;
        push.settle(vec![holds(a, &["x", "y"]), holds(b, &["z"])]).await?;
        same("all", items().await?, 3)?;
        let now = some("a", store.work(&push.flow, a.number).await?)?;
        push.settle(vec![settled(&now, State::Retry(at(900)), Held::Same)]).await?;
        same("as long as they are held", items().await?, 3)?;
        store.doubt(&push.flow, &[a.number]).await?;
        same("also in doubt", items().await?, 3)?;
        let now = some("a", store.work(&push.flow, a.number).await?)?;
        push.settle(vec![holds(&now, &["y"])]).await?;
        same("one goes", items().await?, 2)?;
        store.forget_entries(&samples::id(&push.flow, &source()), &[b.number]).await?;
        same("one is forgotten", items().await?, 1)?;
    }
    Ok(())
}

async fn ids_that_become_shared_stay_with_who_holds_them_until_it_is_looked_at(store: &dyn Store) -> Verdict {
    let it = Shared::with(store, Ids::Own).await?;
    it.push.settle(vec![in_sync(&it.a), holds(&it.b, &["b", "x"]), in_sync(&it.c)]).await?;
    let found = samples::register(store, &it.push.flow, &source(), "1", Ids::Shared).await?;
    same("every record is looked at again", found, samples::Registered { restarted: true, in_doubt: 0 })?;
    it.due("all", &["a", "b", "c"]).await?;
    must("it is told", it.push.workload().await?.shared)?;
    // c claims x by now, and is processed first.
    let claimed = it.claims(&it.c, 9, &["x"]).await?;
    same("it does not get it", met(&claimed), vec![(it.c.number, vec![("x", "b")])])?;
    let claimed = it.claims(&it.b, 1, &["y"]).await?;
    same("before b is looked at", taken(&claimed), vec![("x", "b")])?;
    it.held("and then it does", [&["a"], &["b"], &["c", "x?"]]).await?;
    it.push.owned("so it is", &[("x", "c"), ("y", "b")]).await?;
    // Back to ids of the records' own: items under other ids still have to be removed.
    let found = samples::register(store, &it.push.flow, &source(), "2", Ids::Own).await?;
    same("looked at again", found, samples::Registered { restarted: true, in_doubt: 0 })?;
    must("records may still meet", it.push.workload().await?.shared)?;
    it.claims(&it.c, 9, &["c"]).await?;
    it.push.owned("c holds x, which it is not to be", &[("x", "c"), ("y", "b")]).await?;
    it.holds(&it.c, &["c"]).await?;
    it.claims(&it.b, 1, &["b"]).await?;
    it.push.owned("nobody has what nobody is to be", &[]).await?;
    // With another source it is another flow.
    samples::register(store, &it.push.flow, &"another shop".into(), "2", Ids::Own).await?;
    must("of that source none meet", !it.push.workload().await?.shared)?;
    samples::register(store, &it.push.flow, &source(), "2", Ids::Own).await?;
    must("of this one they do", it.push.workload().await?.shared)
}
