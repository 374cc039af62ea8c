//! Records that can't be understood, calls that fail, and the faults for them.

use std::time::Duration;

use contract::{Fault, FaultClass, Lane, Page, Position, Source as _};
use model::{Kind, RecordId};
use tokio::time::timeout;

use super::{
    Failure, Found, LONG, Shop, checks, ensure,
    reader::{Mirror, Reader, Walk, key, pages, products},
};

checks! {
    "a record that can't be understood is reported with its id, and the others arrive" => unread,
    "a grant that is refused is renewed, and the page is read" => renewed,
    "refused credentials are reported with a hint, after one renewal" => refused,
    "a missing right is reported with a hint, and not retried" => no_right,
    "a throttled call is reported with the wait that was asked for" => throttled,
    "faults of the server and of the network are transient" => passing,
    "an answer that is no page is never read as one" => no_page,
    "after any fault the walk goes on from where it was to the same result" => goes_on,
    "after any fault a delta misses nothing" => delta_goes_on,
    "a dropped read has no effect on later ones" => dropped,
    "nothing that can be seen holds a secret" => secrets,
    "its check passes with good keys and reports bad ones" => check,
}

async fn unread<S: Shop>(shop: &S) -> Found {
    let reader = Reader::new(shop, None).await?;
    let (ids, bad) = (reader.ids(), reader.id(4)?);
    shop.spoil(Some(&bad)).await;
    for size in [None, Some(1), Some(2)] {
        let source = shop.source(size);
        let (pages, _) = pages(&source, &reader.lane, Position::Full).await?;
        only_unread(&pages, &bad)?;
        // A lane may bring parts of products as well.
        let read = pages.iter().flat_map(|page| &page.changes).filter(|change| key(change).0 == Kind::Product).count();
        ensure(read + 1 == ids.len(), || format!("{read} of {} neighbours arrived", ids.len() - 1))?;
    }
    shop.wait(LONG).await;
    let neighbour = reader.id(0)?;
    shop.rename(&bad, "Can't be understood").await;
    shop.rename(&neighbour, "Neighbour").await;
    let (pages, _) = pages(&reader.source, &reader.lane, reader.since()).await?;
    only_unread(&pages, &bad)?;
    let arrived = pages.iter().flat_map(|page| &page.changes).any(|change| key(change).1 == neighbour);
    ensure(arrived, || "another record did not come with a delta".to_owned())
}

/// The one record is reported as unread, and no other.
fn only_unread(pages: &[Page], id: &RecordId) -> Found {
    let told: Vec<_> = pages.iter().flat_map(|page| &page.unread).collect();
    let [unread] = told.as_slice() else { return Err(format!("{} records were reported as unread", told.len())) };
    let right = unread.kind == Kind::Product && unread.id.as_ref() == Some(id);
    ensure(right, || format!("{} {:?} was reported instead of {id}", unread.kind, unread.id))?;
    let fault = &unread.fault;
    ensure(fault.class == FaultClass::Record && !fault.message.is_empty(), || format!("it was reported as {fault:?}"))?;
    let taken = pages.iter().flat_map(|page| &page.changes).any(|change| key(change).1 == *id);
    ensure(!taken, || format!("product {id} came as well"))
}

/// Reads the first page, makes calls fail, and returns the result of the next page that needs a call.
async fn failing<S: Shop>(shop: &S, failure: Failure) -> Result<(Walk, S::Source, Result<Page, Fault>), String> {
    let source = shop.source(Some(2));
    let lane = products(&source)?;
    let mut walk = Walk::new(&lane, Position::Full);
    walk.next(&source).await?;
    shop.fail(Some(failure)).await;
    loop {
        let (calls, position) = (source.calls(), walk.position()?);
        let read = source.page(&lane, &position).await;
        if read.is_err() || source.calls() > calls {
            return Ok((walk, source, read));
        }
        walk.next(&source).await?;
    }
}

/// Reads a page while calls fail: it fails, unless it needs none, as a page of an export that was fetched before.
async fn fails<S: Shop>(source: &S::Source, lane: &Lane, position: &Position, failure: Failure) -> Found {
    let calls = source.calls();
    let read = source.page(lane, position).await;
    ensure(read.is_err() || source.calls() == calls, || format!("a page was read under {failure:?}"))
}

async fn fault<S: Shop>(shop: &S, failure: Failure) -> Result<Fault, String> {
    let read = failing(shop, failure).await?.2;
    shop.fail(None).await;
    read.err().ok_or_else(|| format!("a page was read under {failure:?}"))
}

async fn renewed<S: Shop>(shop: &S) -> Found {
    let read = failing(shop, Failure::Expired).await?.2;
    read.map(drop).map_err(|fault| format!("{fault:?}"))
}

async fn refused<S: Shop>(shop: &S) -> Found {
    for failure in [Failure::Refused, Failure::KeysRefused] {
        let (_, source, read) = failing(shop, failure).await?;
        let fault = read.err().ok_or_else(|| format!("a page was read under {failure:?}"))?;
        let right = fault.class == FaultClass::Credentials && fault.hint.is_some();
        ensure(right, || format!("{failure:?} was reported as {fault:?}"))?;
        // The refused call, a renewal, and the call again; the source may also read the shop's settings.
        let calls = {
            let before = source.calls();
            let again = source.page(&products(&source)?, &Position::Full).await;
            ensure(again.is_err(), || format!("a page was read under {failure:?}"))?;
            source.calls() - before
        };
        ensure(calls <= 4, || format!("{failure:?} was tried with {calls} calls"))?;
        shop.fail(None).await;
    }
    Ok(())
}

async fn no_right<S: Shop>(shop: &S) -> Found {
    let (_, source, read) = failing(shop, Failure::NoRight).await?;
    let fault = read.err().ok_or("a page was read without the right to")?;
    let right = fault.class == FaultClass::Credentials && fault.hint.is_some();
    ensure(right, || format!("{fault:?}"))?;
    let before = source.calls();
    let again = source.page(&products(&source)?, &Position::Full).await;
    let calls = source.calls() - before;
    ensure(again.is_err() && calls <= 2, || format!("it was tried with {calls} calls"))
}

async fn throttled<S: Shop>(shop: &S) -> Found {
    for wait in [Some(LONG), None] {
        let fault = fault(shop, Failure::Throttled(wait)).await?;
        let right = fault.class == FaultClass::Throttled && fault.retry_after == wait;
        ensure(right, || format!("{wait:?} was reported as {fault:?}"))?;
    }
    Ok(())
}

async fn passing<S: Shop>(shop: &S) -> Found {
    for failure in [Failure::ServerError, Failure::Reset, Failure::Truncated, Failure::ErrorPage] {
        let fault = fault(shop, failure).await?;
        let right = matches!(fault.class, FaultClass::Transient | FaultClass::Protocol);
        ensure(right, || format!("{failure:?} was reported as {fault:?}"))?;
    }
    Ok(())
}

async fn no_page<S: Shop>(shop: &S) -> Found {
    for failure in [Failure::OtherPage, Failure::HalfBody] {
        let fault = fault(shop, failure).await?;
        let right = matches!(fault.class, FaultClass::Transient | FaultClass::Protocol);
        ensure(right, || format!("{failure:?} was reported as {fault:?}"))?;
        // The same for a first call.
        let source = shop.source(None);
        shop.fail(Some(failure)).await;
        let read = source.page(&products(&source)?, &Position::Full).await;
        shop.fail(None).await;
        ensure(read.is_err(), || format!("{failure:?} was read as a first page: {read:?}"))?;
    }
    Ok(())
}

async fn goes_on<S: Shop>(shop: &S) -> Found {
    let calm = Reader::new(shop, Some(5)).await?.mirror;
    for failure in Failure::FAULTS {
        let source = shop.source(Some(5));
        let mut walk = Walk::new(&products(&source)?, Position::Full);
        let mut mirror = Mirror::default();
        loop {
            // Every page fails once before it is read.
            shop.fail(Some(failure)).await;
            let Ok(position) = walk.position() else { break };
            fails::<S>(&source, &products(&source)?, &position, failure).await?;
            shop.fail(None).await;
            let page = walk.next(&source).await.map_err(|what| format!("after {failure:?}: {what}"))?;
            page.iter().try_for_each(|page| mirror.take(page))?;
        }
        shop.fail(None).await;
        calm.same(&mirror).map_err(|what| format!("after {failure:?} {what}"))?;
    }
    Ok(())
}

async fn delta_goes_on<S: Shop>(shop: &S) -> Found {
    let mut reader = Reader::new(shop, Some(5)).await?;
    let ids = reader.ids();
    for failure in Failure::FAULTS {
        shop.wait(LONG).await;
        for id in &ids {
            shop.rename(id, &format!("Changed before {failure:?}")).await;
        }
        // An answer may take long on a busy machine, and the clock of the source does not move meanwhile.
        shop.wait(Duration::from_mins(10)).await;
        let mut walk = Walk::new(&reader.lane, reader.since());
        while let Ok(position) = walk.position() {
            shop.fail(Some(failure)).await;
            fails::<S>(&reader.source, &reader.lane, &position, failure).await?;
            shop.fail(None).await;
            let page = walk.next(&reader.source).await.map_err(|what| format!("after {failure:?}: {what}"))?;
            page.iter().try_for_each(|page| reader.mirror.take(page))?;
        }
        reader.ended(walk)?;
        for id in &ids {
            reader.mirror.shows(id, &format!("Changed before {failure:?}"))?;
        }
    }
    Ok(())
}

/// More than any source has calls under way at once.
const DROPPED: u64 = 60;

async fn dropped<S: Shop>(shop: &S) -> Found {
    let calm = Reader::new(shop, Some(2)).await?.mirror;
    for begun in [false, true] {
        let source = shop.source(Some(2));
        let lane = products(&source)?;
        let mut walk = Walk::new(&lane, Position::Full);
        let mut mirror = Mirror::default();
        if begun {
            let page = walk.next(&source).await?;
            page.iter().try_for_each(|page| mirror.take(page))?;
        }
        let position = walk.position()?;
        shop.fail(Some(Failure::Silence)).await;
        for turn in 0..DROPPED {
            let given_up = timeout(Duration::from_millis(turn % 7), source.page(&lane, &position)).await;
            ensure(given_up.is_err(), || format!("a read that nobody answers ended with {given_up:?}"))?;
        }
        shop.fail(None).await;
        while let Some(page) = walk.next(&source).await? {
            mirror.take(&page)?;
        }
        calm.same(&mirror)?;
    }
    Ok(())
}

async fn secrets<S: Shop>(shop: &S) -> Found {
    let mut shown = Vec::new();
    for failure in Failure::FAULTS {
        let (walk, source, read) = failing(shop, failure).await?;
        let fault = read.err().ok_or_else(|| format!("a page was read under {failure:?}"))?;
        shown.push((format!("a fault under {failure:?}"), format!("{fault} {fault:?}")));
        shown.push(("a position".to_owned(), format!("{:?}", walk.position()?)));
        let unused = shop.source(None);
        let first = unused.page(&products(&unused)?, &Position::Full).await;
        let first = first.err().ok_or_else(|| format!("a first page was read under {failure:?}"))?;
        shown.push((format!("a first fault under {failure:?}"), format!("{first} {first:?}")));
        shown.push(("a finding".to_owned(), format!("{:?}", unused.check().await)));
        shop.fail(None).await;
        shown.push(("the source".to_owned(), format!("{source:?} {unused:?}")));
        shown.push(("a finding".to_owned(), format!("{:?}", source.check().await)));
    }
    let secrets = shop.secrets();
    ensure(!secrets.is_empty(), || "the shop names no secret".to_owned())?;
    for (what, text) in shown {
        let seen = secrets.iter().any(|secret| text.contains(secret.as_str()));
        ensure(!seen, || format!("{what} holds a secret"))?;
    }
    Ok(())
}

async fn check<S: Shop>(shop: &S) -> Found {
    let source = shop.source(None);
    let findings = source.check().await;
    ensure(!findings.is_empty(), || "it finds nothing".to_owned())?;
    let wrong = findings.iter().find(|finding| finding.result.is_err());
    ensure(wrong.is_none(), || format!("with good keys it finds {wrong:?}"))?;
    shop.fail(Some(Failure::KeysRefused)).await;
    let findings = shop.source(None).check().await;
    shop.fail(None).await;
    let mut faults = findings.iter().filter_map(|finding| finding.result.as_ref().err());
    let told = faults.any(|fault| fault.class == FaultClass::Credentials && fault.hint.is_some());
    ensure(told, || format!("with refused keys it finds {findings:?}"))
}
