//! Delta exports: archives of what was changed, numbered in the order in which the instance wrote them.
//!
//! Only that there is a new one is used, and nothing that is in it. Whether an element of a delta holds all of a product is
//! published nowhere, a variant in it does not name its master, and a change of a master is none of its variants: the public
//! readers of deltas take ids from them and ask for the rest. An export is what can be asked for here. So a new archive
//! leads to a walk over everything, which finds deletions too; what was lost between two archives can't matter.
//!
//! Which catalogues or price books a delta export holds can't be seen from outside, nor whether it still runs: what it does
//! not tell is found when everything is read.

use std::collections::BTreeMap;

use contract::{Fault, FaultClass, source::Finding};
use wire::{Retry, retry};

use super::{
    classify::Refusal,
    client::{Api, OUTBOX, OUTBOX_RIGHT},
    config::Deltas,
    place::{Place, Unit},
    xml::{Bounds, Broken, Piece, Reader},
};

/// Most consumers whose delta exports `check` names.
const MOST_CONSUMERS: usize = 10;

/// Number of the last archive of the delta export that watches each of these data; none, where it has no archive.
pub(super) type Last = BTreeMap<Unit, Option<u64>>;

/// What the delta exports of these data have. One that can't be listed is left out, and so watches nothing: it only tells when
/// to read, and what is read must not wait for it.
///
/// # Errors
/// The fault that remains after all attempts, where it is not about the outbox alone: the instance asks for a pause, or knows
/// neither client nor token.
pub(super) async fn last(api: &Api, attempts: Retry, deltas: &Deltas, units: &[Unit]) -> Result<Last, Fault> {
    let mut last = BTreeMap::new();
    for unit in units {
        let Some((consumer, name)) = deltas.of(*unit) else { continue };
        let names = retry(attempts, api.random(), |_| async {
            api.outbox(&[consumer, name]).await.map_err(|refusal| refusal.fault)
        });
        match names.await {
            Ok(names) => {
                last.insert(*unit, names.and_then(|names| archives(&names).max()));
            }
            Err(fault) if fault.class == FaultClass::Throttled => return Err(fault),
            Err(fault) if fault.class == FaultClass::Credentials && fault.code != "C0202" => return Err(fault),
            Err(fault) => {
                let hint = fault.hint.as_deref().unwrap_or_default();
                tracing::warn!(export = %format_args!("{consumer}/{name}"), %fault, hint, "a delta export can't be listed");
            }
        }
    }
    Ok(last)
}

/// Whether what a walk has read of this data may have changed since, going by the delta export that watches it. One that has
/// no archive watches nothing: what was changed before it was switched on is in none.
pub(super) fn is_behind(place: &Place, unit: Unit, last: &Last) -> bool {
    match (place.job.deltas.get(&unit), last.get(&unit).copied().flatten()) {
        // A lower number: the delta export was set up anew.
        (Some(before), Some(now)) => *before != now,
        _ => true,
    }
}

/// Numbers of the archives among these files, `000001.zip`.
fn archives(names: &[String]) -> impl Iterator<Item = u64> {
    names.iter().filter_map(|name| name.strip_suffix(".zip")?.parse().ok())
}

/// Names of what is in this folder, by the answer to a listing, which names the folder itself too.
///
/// # Errors
/// It is no listing.
pub(super) fn names(listing: &[u8], folder: &str) -> Result<Vec<String>, Broken> {
    let mut reader = Reader::new(listing, Bounds::default())?;
    if reader.root().name != "multistatus" {
        return Err(Broken { at: 0, why: format!("it is <{}>", reader.root().name), damaged: false });
    }
    let mut names = Vec::new();
    while let Some(piece) = reader.piece()? {
        let Piece::Is { element, .. } = piece else { continue };
        let href = element.value_of("href").unwrap_or_default().trim_end_matches('/');
        // What is before the folder is the server's matter, and that of proxies.
        names.extend(href.rsplit_once('/').filter(|(parent, _)| parent.ends_with(folder)).map(|(_, name)| name.to_owned()));
    }
    Ok(names)
}

/// What `check` says of delta exports.
pub(super) async fn check(api: &Api, deltas: &Deltas) -> Finding {
    let said = match found(api).await {
        Ok(found) => Ok(describe(found.as_ref(), deltas)),
        Err(refusal) if deltas.of(Unit::Catalogs).or(deltas.of(Unit::PriceBooks)).is_some() => Err(refusal.fault),
        Err(refusal) if refusal.fault.code == "C0202" => {
            Ok(format!("are not looked for, and everything is exported at intervals; to look, {OUTBOX_RIGHT}"))
        }
        Err(refusal) => Err(refusal.fault),
    };
    Finding::new("delta exports", said)
}

/// Delta exports, as `CONSUMER/NAME`, with how many archives each has; `None`: the instance has no folder of them.
async fn found(api: &Api) -> Result<Option<BTreeMap<String, usize>>, Refusal> {
    let Some(consumers) = api.outbox(&[]).await? else { return Ok(None) };
    let mut found = BTreeMap::new();
    for consumer in consumers.iter().take(MOST_CONSUMERS) {
        for name in api.outbox(&[consumer.as_str()]).await?.unwrap_or_default() {
            let files = api.outbox(&[consumer.as_str(), name.as_str()]).await?.unwrap_or_default();
            found.insert(format!("{consumer}/{name}"), archives(&files).count());
        }
    }
    Ok(Some(found))
}

fn describe(found: Option<&BTreeMap<String, usize>>, deltas: &Deltas) -> String {
    let Some(found) = found else {
        return format!(
            "there are none: {OUTBOX} does not exist, because Support has not switched them on or nothing was changed since; \
             everything is exported at intervals"
        );
    };
    let listed: Vec<String> = found.iter().map(|(named, archives)| format!("{named} ({archives} archives)")).collect();
    let of = |(what, named): (&str, &Option<String>)| match named {
        None => format!("{what} are exported at intervals (export.deltas.{what} is not set)"),
        Some(named) if found.get(named).is_some_and(|archives| *archives > 0) => {
            format!("{what} are exported once {named} has a new archive")
        }
        Some(named) => format!(
            "{what} are exported at intervals, because {named} has no archive: nothing was changed since it was made, or the \
             name is another"
        ),
    };
    let uses = [("catalogs", &deltas.catalogs), ("price_books", &deltas.price_books)].map(of);
    format!("the instance has {}; {}", if listed.is_empty() { "none".to_owned() } else { listed.join(", ") }, uses.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_names_what_is_in_the_folder_and_not_the_folder() {
        let row = |href: &str| format!("<D:response><D:href>{href}</D:href><D:propstat/></D:response>");
        let listing = |rows: &[&str]| {
            let rows: String = rows.iter().map(|href| row(href)).collect();
            format!("<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\">{rows}</D:multistatus>")
        };
        let rows = ["/a/out/", "/a/out/000002.zip", "https://host/p/a/out/000010.zip", "/a/out/000010.meta", "/a/out/x.zip"];
        let found = names(listing(&rows).as_bytes(), "a/out").unwrap();
        assert_eq!(found, ["000002.zip", "000010.zip", "000010.meta", "x.zip"]);
        assert_eq!(archives(&found).max(), Some(10));
        assert_eq!(names(listing(&["/a/out/"]).as_bytes(), "a/out").unwrap(), Vec::<String>::new());
        assert!(names(b"<html", "a/out").is_err() && names(b"<html><body/></html>", "a/out").is_err());
        assert!(names(listing(&rows).get(..60).unwrap().as_bytes(), "a/out").is_err());
    }
}
