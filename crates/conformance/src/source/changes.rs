//! Changes are seen by the walk under way or by the next delta, whether or not the clocks agree.

use std::{collections::BTreeMap, time::Duration};

use contract::{Change, Position, Source as _, Token};
use model::{Kind, RecordId};

use super::{
    Clock, Found, LONG, Shop, checks, ensure,
    reader::{Reader, Walk, key, pages},
};

checks! {
    "with no change, a delta brings nothing" => calm,
    "a delta brings what is new and what changed" => changed,
    "a change that a delta brought long ago does not come again" => not_again,
    "a change that is made during a full walk comes with it or with the next delta" => during_full,
    "a delta ends though the shop goes on changing, and the next one brings the rest" => during_delta,
    "records that changed in the same instant are all read" => same_instant,
    "of two changes to one record the later one counts" => two_changes,
    "versions grow with every change" => versions,
    "a deletion is reported, or the next full walk is without it" => removed,
    "what is removed and added again is there" => renewed,
    "a change that becomes visible late is read by the next delta" => late,
    "nothing is lost where the source's clock is ahead of ours" => ahead,
    "nothing is lost or read for ever where the source's clock is behind ours" => behind,
}

/// Time between two pages of a slow walk: longer than any source reads back.
const SLOW: Duration = Duration::from_hours(2);

async fn calm<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    for _ in 0..3 {
        shop.wait(LONG).await;
        let came = reader.delta().await?;
        let unasked = if reader.lane.delta { came.first().map(key) } else { None };
        ensure(unasked.is_none(), || format!("{unasked:?} came, and nothing had changed"))?;
    }
    Ok(())
}

async fn changed<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    let renamed = reader.id(3)?;
    shop.wait(LONG).await;
    shop.rename(&renamed, "Has another name").await;
    let added = shop.add("Has just come").await;
    reader.delta().await?;
    reader.mirror.shows(&renamed, "Has another name")?;
    reader.mirror.shows(&added, "Has just come")
}

async fn not_again<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    let renamed = reader.id(0)?;
    shop.rename(&renamed, "Changes once").await;
    reader.delta().await?;
    // This delta may read back to the change.
    shop.wait(LONG).await;
    reader.delta().await?;
    shop.wait(LONG).await;
    let came = reader.delta().await?;
    let again = reader.lane.delta && came.iter().any(|change| key(change).1 == renamed);
    ensure(!again, || format!("product {renamed} comes again and again"))?;
    reader.mirror.shows(&renamed, "Changes once")
}

/// Renames `count` products after each page of a walk, one after the other; returns their final names.
async fn busy<S: Shop>(
    reader: &mut Reader<'_, S>,
    from: Position,
    count: usize,
) -> Result<BTreeMap<RecordId, String>, String> {
    let ids = reader.ids();
    let mut turn = ids.iter().cycle();
    let mut names = BTreeMap::new();
    let mut walk = Walk::new(&reader.lane, from);
    for step in 0.. {
        let Some(page) = walk.next(&reader.source).await? else { break };
        reader.mirror.take(&page)?;
        reader.shop.wait(SLOW).await;
        for id in turn.by_ref().take(count) {
            let name = format!("Changed after page {step}");
            reader.shop.rename(id, &name).await;
            names.insert(id.clone(), name);
        }
    }
    reader.ended(walk)?;
    Ok(names)
}

/// Lets more time pass at the source than an answer takes on a busy machine: a walk over changes goes up to the instant
/// at which its first page was asked for, and the clock of the source does not move meanwhile.
async fn settle<S: Shop>(shop: &S) {
    shop.wait(Duration::from_mins(10)).await;
}

fn all_shown<S: Shop>(reader: &Reader<'_, S>, names: &BTreeMap<RecordId, String>) -> Found {
    names.iter().try_for_each(|(id, name)| reader.mirror.shows(id, name))
}

async fn during_full<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, Some(2)).await?;
    let names = busy(&mut reader, Position::Full, 1).await?;
    settle(shop).await;
    reader.delta().await?;
    all_shown(&reader, &names)
}

async fn during_delta<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, Some(2)).await?;
    for id in reader.ids() {
        shop.wait(Duration::from_mins(1)).await;
        shop.rename(&id, "Changed before").await;
    }
    let since = reader.since();
    // As many as a page holds: a source that reads up to the latest change never ends.
    let names = busy(&mut reader, since, 2).await?;
    settle(shop).await;
    reader.delta().await?;
    all_shown(&reader, &names)
}

async fn same_instant<S: Shop>(shop: &S) -> Found {
    for size in [Some(1), Some(2), None] {
        let mut reader = Reader::new(shop, size).await?;
        let ids: Vec<_> = reader.ids().into_iter().take(7).collect();
        shop.wait(LONG).await;
        for id in &ids {
            shop.rename(id, &format!("At once {size:?}")).await;
        }
        settle(shop).await;
        reader.delta().await?;
        for id in &ids {
            reader.mirror.shows(id, &format!("At once {size:?}"))?;
        }
    }
    Ok(())
}

async fn two_changes<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, Some(1)).await?;
    let ids = reader.ids();
    shop.wait(LONG).await;
    for id in &ids {
        shop.rename(id, "First").await;
    }
    // The second change is made when the first changes of some products were read, and those of others were not.
    let mut walk = Walk::new(&reader.lane, reader.since());
    for step in 0..=ids.len() / 2 {
        let page = walk.next(&reader.source).await?;
        let page = page.ok_or_else(|| format!("a delta of {} changes ended after page {step}", ids.len()))?;
        reader.mirror.take(&page)?;
    }
    shop.wait(Duration::from_millis(1)).await;
    for id in &ids {
        shop.rename(id, "Second").await;
    }
    while let Some(page) = walk.next(&reader.source).await? {
        reader.mirror.take(&page)?;
    }
    reader.ended(walk)?;
    settle(shop).await;
    reader.delta().await?;
    ids.iter().try_for_each(|id| reader.mirror.shows(id, "Second"))
}

async fn versions<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    let id = reader.id(1)?;
    let mut before = reader.mirror.version(&id).unwrap_or_default();
    if before == 0 {
        // The source has no versions.
        return Ok(());
    }
    for name in ["One", "Two", "Three"] {
        shop.wait(LONG).await;
        shop.rename(&id, name).await;
        reader.delta().await?;
        reader.mirror.shows(&id, name)?;
        let now = reader.mirror.version(&id).unwrap_or_default();
        ensure(now > before, || format!("version {now} of product {id} came after version {before}"))?;
        before = now;
    }
    Ok(())
}

/// Reads every lane: as a whole, or its changes since it was last read.
async fn every_lane<S: Shop>(
    reader: &mut Reader<'_, S>,
    ends: &mut BTreeMap<String, Token>,
) -> Result<Vec<Change>, String> {
    let mut changes = Vec::new();
    for lane in reader.source.lanes() {
        let from = ends.get(&*lane.name).cloned().filter(|_| lane.delta).map_or(Position::Full, Position::Delta);
        let (pages, end) = pages(&reader.source, &lane, from).await?;
        for page in pages {
            reader.mirror.take(&page)?;
            changes.extend(page.changes);
        }
        ends.insert(lane.name.into_owned(), end);
    }
    Ok(changes)
}

async fn removed<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    let mut ends = BTreeMap::new();
    every_lane(&mut reader, &mut ends).await?;
    let (renamed, removed) = (reader.id(0)?, reader.id(2)?);
    let held = reader.mirror.version(&removed).unwrap_or_default();
    shop.wait(LONG).await;
    shop.rename(&renamed, "Stays").await;
    shop.remove(&removed).await;
    shop.wait(SLOW).await;
    for change in every_lane(&mut reader, &mut ends).await? {
        match change {
            Change::Gone { kind: Kind::Product, id, version } => {
                ensure(id == removed, || format!("product {id} is reported as deleted, and exists"))?;
                let ends_it = version.is_none_or(|version| version >= held);
                ensure(ends_it, || format!("version {version:?} ends product {id}, which was read in version {held}"))?;
            }
            Change::Is { record, .. } => {
                ensure(record.kind() != Kind::Product || record.id() != removed, || {
                    format!("product {removed} is deleted and reported as existing")
                })?;
            }
            Change::Gone { .. } => {}
        }
    }
    reader.mirror.shows(&renamed, "Stays")?;
    let full = Reader::new(shop, None).await?;
    ensure(full.mirror.version(&removed).is_none(), || format!("product {removed} is gone, and a full walk has it"))?;
    full.mirror.shows(&renamed, "Stays")
}

async fn renewed<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    let mut ends = BTreeMap::new();
    every_lane(&mut reader, &mut ends).await?;
    let removed = reader.id(2)?;
    shop.wait(LONG).await;
    shop.remove(&removed).await;
    let added = shop.add("Comes in its place").await;
    shop.wait(SLOW).await;
    every_lane(&mut reader, &mut ends).await?;
    reader.mirror.shows(&added, "Comes in its place")
}

/// Changes that become visible as late as the source allows for, right after a delta that could not see them.
async fn visible_late<S: Shop>(reader: &mut Reader<'_, S>) -> Found {
    let (shop, lag) = (reader.shop, reader.shop.lag());
    for (step, id) in reader.ids().into_iter().take(5).enumerate() {
        let name = format!("Visible late {step}");
        shop.rename_late(&id, &name, lag).await;
        reader.delta().await?;
        reader.mirror.shows(&id, &name)?;
        shop.wait(lag / 3 + Duration::from_millis(1)).await;
        reader.delta().await?;
    }
    Ok(())
}

async fn late<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, None).await?;
    visible_late(&mut reader).await?;
    let mut reader = Reader::new(shop, Some(2)).await?;
    visible_late(&mut reader).await
}

/// Far longer than any source reads back, and longer than the checks wait.
const FAR: Duration = Duration::from_hours(100 * 24);

async fn ahead<S: Shop>(shop: &S) -> Found {
    shop.set_clock(Clock::Ahead(FAR)).await;
    wrong_clock(shop).await?;
    ahead_between(shop).await
}

/// A clock that was ahead during one walk, as a proxy's may be, hides nothing that changes after it.
async fn ahead_between<S: Shop>(shop: &S) -> Found {
    let ours = Clock::Ahead(Duration::ZERO);
    shop.set_clock(ours).await;
    let mut reader = Reader::new(shop, None).await?;
    shop.wait(LONG).await;
    let renamed = reader.id(0)?;
    shop.set_clock(Clock::Ahead(FAR)).await;
    reader.delta().await?;
    shop.set_clock(ours).await;
    shop.rename(&renamed, "Changed when the clock was right again").await;
    settle(shop).await;
    reader.delta().await?;
    reader.mirror.shows(&renamed, "Changed when the clock was right again")
}

async fn behind<S: Shop>(shop: &S) -> Found {
    shop.set_clock(Clock::Behind(FAR)).await;
    not_again(shop).await?;
    wrong_clock(shop).await
}

async fn wrong_clock<S: Shop>(shop: &S) -> Found {
    calm(shop).await?;
    changed(shop).await?;
    during_full(shop).await?;
    late(shop).await
}
