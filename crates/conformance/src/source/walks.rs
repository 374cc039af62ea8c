//! Lanes, and walks over everything.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Change, Next, Page, Position, Ref, Source as _, Token, source::MOST_REFS};
use model::{Kind, RecordId};

use super::{
    Found, Shop, checks, ensure,
    reader::{Mirror, Reader, Walk, key, pages, products},
};

checks! {
    "its lanes can be told apart and read at a pace" => lanes,
    "a lane that covers another reads and sweeps all that it would" => covered,
    "a full walk of every lane sees each record exactly once, whatever the page size" => exactly_once,
    "a page holds no more records than were asked for" => bounded,
    "a walk goes on from its token alone, in an instance that knows nothing of it" => other_instance,
    "a record that exists throughout a walk is seen once though others are added and deleted" => come_and_go,
    "records that are asked for by id come as they are now, or as deleted" => fetched,
    "lanes that are read at once do not disturb each other" => at_once,
    "a token that it did not write is refused" => foreign_token,
    "calls are counted" => counted,
}

async fn lanes<S: Shop>(shop: &S) -> Found {
    let source = shop.source(None);
    let lanes = source.lanes();
    let mut names = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    let mut others = false;
    for lane in &lanes {
        ensure(names.insert(&lane.name), || format!("two lanes are called {}", lane.name))?;
        let (floor, ceiling) = lane.interval_seconds;
        ensure(floor > 0 && floor <= ceiling, || format!("lane {} is read every {floor} to {ceiling} s", lane.name))?;
        for (kind, scope) in &lane.sweeps {
            ensure(kinds.insert((*kind, scope.clone())), || format!("two lanes report deletions of {kind} {scope:?}"))?;
        }
        ensure(!(lane.needed && others), || format!("lane {} is needed and not among the first", lane.name))?;
        others |= !lane.needed;
        let first = source.page(lane, &Position::Full).await;
        first.map_err(|fault| format!("lane {} can't be read: {fault:?}", lane.name))?;
    }
    products(&source).map(drop)
}

async fn covered<S: Shop>(shop: &S) -> Found {
    let source = shop.source(None);
    let lanes = source.lanes();
    for (place, lane) in lanes.iter().enumerate() {
        let Some(by) = &lane.covered_by else { continue };
        let what = |wrong: &str| format!("lane {} is covered by {by}, {wrong}", lane.name);
        let by = lanes.iter().take(place).find(|other| other.name == *by);
        let by = by.ok_or_else(|| what("which is not among the lanes before it"))?;
        ensure(by.covered_by.is_none(), || what("which is covered itself"))?;
        // Deletions are found by the other's walk, and where that ended is no position of this lane.
        ensure(lane.sweeps.is_empty() && !lane.delta, || what("and sweeps or has deltas of its own"))?;
        let read = |walked: Vec<Page>| -> BTreeMap<_, _> {
            let changes = walked.iter().flat_map(|page| &page.changes);
            changes.map(|change| (key(change), told(change))).collect()
        };
        let all = read(pages(&source, by, Position::Full).await?.0);
        let own = read(pages(&source, lane, Position::Full).await?.0);
        ensure(!own.is_empty(), || what("and reads nothing"))?;
        let missing = own.iter().find(|(record, told)| all.get(*record) != Some(*told));
        ensure(missing.is_none(), || what(&format!("which does not show {missing:?}")))?;
        let unswept = own.keys().find(|(kind, _)| !by.reads(*kind));
        ensure(unswept.is_none(), || what(&format!("which does not sweep {unswept:?}")))?;
    }
    Ok(())
}

/// Every record of every lane, each seen once.
async fn everything<S: Shop>(shop: &S, page: Option<u16>) -> Result<Mirror, String> {
    let source = shop.source(page);
    let mut mirror = Mirror::default();
    for lane in source.lanes() {
        let mut seen = BTreeSet::new();
        for page in pages(&source, &lane, Position::Full).await?.0 {
            mirror.take(&page)?;
            for change in &page.changes {
                let (kind, id) = key(change);
                ensure(seen.insert((kind, id.clone())), || format!("lane {}: {kind} {id} came twice", lane.name))?;
            }
        }
    }
    Ok(mirror)
}

async fn exactly_once<S: Shop>(shop: &S) -> Found {
    let whole = everything(shop, None).await?;
    for kind in Kind::ALL {
        if let Some(there) = shop.ids(kind).await {
            let read = whole.ids(kind);
            ensure(read == there, || {
                let differing: Vec<_> = read.symmetric_difference(&there).take(3).collect();
                format!("{} of {} of kind {kind} were read; see {differing:?}", read.len(), there.len())
            })?;
        }
    }
    for size in [1, 2] {
        let read = everything(shop, Some(size)).await?;
        whole.same(&read).map_err(|what| format!("with {size} records per page {what}"))?;
    }
    Ok(())
}

async fn bounded<S: Shop>(shop: &S) -> Found {
    for size in [1, 2, 3] {
        let source = shop.source(Some(size));
        for lane in source.lanes() {
            for page in pages(&source, &lane, Position::Full).await?.0 {
                let held = page.changes.len() + page.unread.len();
                ensure(held <= usize::from(size), || format!("a page of lane {} holds {held}, not {size}", lane.name))?;
            }
        }
    }
    Ok(())
}

async fn other_instance<S: Shop>(shop: &S) -> Found {
    let source = shop.source(Some(2));
    let keys = |page: &Page| page.changes.iter().map(key).collect::<Vec<_>>();
    for lane in source.lanes() {
        // How often an export is looked at before it is there is no part of the walk.
        let waits = |page: &Page| matches!(page.next, Next::Later(..));
        let mut whole = pages(&source, &lane, Position::Full).await?.0.into_iter().filter(|page| !waits(page));
        let mut walk = Walk::new(&lane, Position::Full);
        let mut again = Walk::new(&lane, walk.position()?);
        // Two instances take turns, so that neither has read the page before; of products each page is the first one of
        // a new instance.
        let (mut other, mut next) = (shop.source(Some(2)), shop.source(Some(2)));
        loop {
            std::mem::swap(&mut other, &mut next);
            if lane.reads(Kind::Product) {
                other = shop.source(Some(2));
            }
            let Some(page) = walk.next(&other).await? else { break };
            if waits(&page) {
                again = Walk::new(&lane, walk.position()?);
                continue;
            }
            let expected = whole.next().map(|page| keys(&page));
            let same = expected.as_ref() == Some(&keys(&page));
            ensure(same, || format!("lane {}: {expected:?} became {:?} in another instance", lane.name, keys(&page)))?;
            // The process ended before the page was kept: it is read once more.
            let repeated = again.next(&other).await?;
            let same = repeated.is_some_and(|repeated| keys(&repeated) == keys(&page));
            ensure(same, || format!("lane {}: a page that is read again is another", lane.name))?;
            if let Ok(position) = walk.position() {
                again = Walk::new(&lane, position);
            }
        }
        ensure(whole.next().is_none(), || format!("lane {}: another instance ends too early", lane.name))?;
    }
    Ok(())
}

async fn come_and_go<S: Shop>(shop: &S) -> Found {
    let Reader { source, lane, mirror, .. } = Reader::new(shop, Some(2)).await?;
    let mut throughout = mirror.ids(Kind::Product);
    let mut seen: BTreeMap<RecordId, usize> = BTreeMap::new();
    let mut walk = Walk::new(&lane, Position::Full);
    for step in 0.. {
        let Some(page) = walk.next(&source).await? else { break };
        for change in &page.changes {
            *seen.entry(key(change).1).or_default() += 1;
        }
        if step % 3 == 0 && throughout.len() > 4 {
            // One product that was read and one that was not are deleted, and one is added.
            let read = throughout.iter().find(|id| seen.contains_key(*id)).cloned();
            let unread = throughout.iter().find(|id| !seen.contains_key(*id)).cloned();
            for gone in [read, unread].into_iter().flatten() {
                shop.remove(&gone).await;
                throughout.remove(&gone);
            }
            shop.add(&format!("Comes during a walk {step}")).await;
        }
    }
    if !lane.stable {
        // Such a lane may miss or repeat records, but not in a walk during which nothing changes.
        let calm = pages(&source, &lane, Position::Full).await?.0;
        seen = calm.iter().flat_map(|page| &page.changes).map(|change| (key(change).1, 1)).collect();
    }
    for id in &throughout {
        let times = seen.get(id).copied().unwrap_or_default();
        ensure(times == 1, || format!("product {id} came {times} times"))?;
    }
    Ok(())
}

/// A change of a record as text, for comparing.
fn told(change: &Change) -> String {
    match change {
        Change::Is { record, version, .. } => format!("{record:?} in version {version}"),
        Change::Gone { .. } => "gone".to_owned(),
    }
}

/// Asks for records by id; returns the answer for each.
async fn by_id<S: Shop>(source: &S::Source, refs: &[Ref]) -> Result<BTreeMap<Ref, String>, String> {
    let mut all = BTreeMap::new();
    for refs in refs.chunks(MOST_REFS) {
        let fetched = source.fetch(refs).await.map_err(|fault| format!("{fault:?}"))?;
        let read = fetched.changes.iter().map(|change| (key(change), told(change)));
        let unread = fetched.unread.iter().filter_map(|it| Some(((it.kind, it.id.clone()?), "unread".to_owned())));
        for ((kind, id), what) in read.chain(unread) {
            let it = Ref { kind, id };
            ensure(refs.contains(&it), || format!("{kind} {} came and was not asked for", it.id))?;
            ensure(all.insert(it, what).is_none(), || "a record came twice".to_owned())?;
        }
    }
    let missing = refs.iter().find(|it| !all.contains_key(*it));
    ensure(missing.is_none(), || format!("no answer about {missing:?}"))?;
    Ok(all)
}

async fn fetched<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    // All records, as a walk shows them.
    let mut walked = BTreeMap::new();
    for lane in reader.source.lanes() {
        for page in pages(&reader.source, &lane, Position::Full).await?.0 {
            let tells = |change: &&Change| reader.source.fetches().contains(&key(change).0);
            walked.extend(page.changes.iter().filter(tells).map(|change| {
                let (kind, id) = key(change);
                (Ref { kind, id }, told(change))
            }));
        }
    }
    for kind in reader.source.fetches() {
        let any = walked.keys().any(|it| it.kind == *kind) || shop.ids(*kind).await.is_none_or(|ids| ids.is_empty());
        ensure(any, || format!("a walk meets no {kind}, which it claims to read by id"))?;
        let never = Ref { kind: *kind, id: "00000000-0000-0000-0000-000000000000".into() };
        walked.insert(never, "gone".to_owned());
    }
    let refs: Vec<Ref> = walked.keys().cloned().collect();
    ensure(by_id::<S>(&reader.source, &refs).await? == walked, || "a record is not as in a walk".to_owned())?;
    if !reader.source.fetches().contains(&Kind::Product) {
        return Ok(());
    }
    let product = |place| Ok::<_, String>(Ref { kind: Kind::Product, id: reader.id(place)? });
    let (renamed, removed, bad) = (product(0)?, product(1)?, product(2)?);
    shop.rename(&renamed.id, "Changed just now").await;
    shop.remove(&removed.id).await;
    shop.spoil(Some(&bad.id)).await;
    let now = by_id::<S>(&reader.source, &[renamed.clone(), removed.clone(), bad.clone()]).await?;
    shop.spoil(None).await;
    let shown = |it: &Ref| now.get(it).cloned().unwrap_or_default();
    ensure(shown(&renamed).contains("Changed just now"), || format!("a renamed record is {}", shown(&renamed)))?;
    ensure(shown(&removed) == "gone", || format!("a record that was removed is {}", shown(&removed)))?;
    ensure(shown(&bad) == "unread", || format!("a record that can't be understood is {}", shown(&bad)))?;
    reader.delta().await?;
    reader.mirror.shows(&renamed.id, "Changed just now")
}

async fn at_once<S: Shop>(shop: &S) -> Found {
    let source = shop.source(Some(2));
    let lane = products(&source)?;
    let walk = || async {
        let mut mirror = Mirror::default();
        for page in pages(&source, &lane, Position::Full).await?.0 {
            mirror.take(&page)?;
        }
        Ok::<_, String>(mirror)
    };
    let rest = async {
        for lane in source.lanes() {
            pages(&source, &lane, Position::Full).await?;
        }
        Ok::<_, String>(())
    };
    let calm = walk().await?;
    let (one, other, rest) = tokio::join!(walk(), walk(), rest);
    rest?;
    calm.same(&one?)?;
    calm.same(&other?)
}

async fn foreign_token<S: Shop>(shop: &S) -> Found {
    let source = shop.source(None);
    for lane in source.lanes() {
        for text in ["", "{}", "page=7", "\u{0}"] {
            let read = source.page(&lane, &Position::Within(Token(text.to_owned()))).await;
            ensure(read.is_err(), || format!("lane {}: {text:?} was accepted as a token", lane.name))?;
        }
    }
    Ok(())
}

async fn counted<S: Shop>(shop: &S) -> Found {
    let source = shop.source(Some(2));
    let before = source.calls();
    let pages = pages(&source, &products(&source)?, Position::Full).await?.0;
    // An export is fetched with few calls, however many pages it has.
    let is_export = pages.iter().any(|page| matches!(page.next, Next::Later(..)));
    let read = if is_export { 3 } else { pages.len() as u64 };
    let counted = source.calls().saturating_sub(before);
    ensure(counted >= read, || format!("{counted} calls were counted for {read} pages"))
}
