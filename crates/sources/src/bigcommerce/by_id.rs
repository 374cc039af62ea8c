//! Reads stock and assignments by id: what webhooks name.
//!
//! Stock is asked for by product, because only the product says whether its stock is counted, and where.

use std::collections::BTreeSet;

use contract::{Change, Fault, Fetched, Ref, source::Unread};
use model::{Kind, RecordId};
use wire::retry;

use super::{
    api,
    decode::{self, Decoded},
    map::{Settings, offer, product},
    read::{Reader, joined},
};

/// Rows per page.
const ROWS: &str = "250";
/// Rows of stock per page.
const ITEMS: &str = "1000";
/// Pages read at most: more than 100 products with 600 variants each have.
const MOST_PAGES: u64 = 100;
/// What the id of stock that is counted for a product as a whole begins with.
const WHOLE: &str = "product-";

/// The id of the stock of a product, wherever it is counted.
pub(super) fn stock_of(product: u64) -> RecordId {
    format!("{WHOLE}{product}").into()
}

/// The id of an assignment.
pub(super) fn assignment_of(channel: u64, product: u64) -> RecordId {
    format!("{channel}/{product}").into()
}

fn wanted(refs: &[Ref], kind: Kind) -> BTreeSet<&RecordId> {
    refs.iter().filter(|it| it.kind == kind).map(|it| &it.id).collect()
}

/// What was wanted and is not there is gone.
fn finish(kind: Kind, wanted: BTreeSet<&RecordId>, found: Vec<Change>, unread: Vec<Unread>, fetched: &mut Fetched) {
    let there: BTreeSet<RecordId> = found
        .iter()
        .filter_map(|change| match change {
            Change::Is { record, .. } => Some(record.id()),
            Change::Gone { .. } => None,
        })
        .chain(unread.iter().filter_map(|unread| unread.id.clone()))
        .collect();
    let gone = wanted.into_iter().filter(|id| !there.contains(*id));
    fetched.changes.extend(gone.map(|id| Change::Gone { kind, id: id.clone(), version: None }));
    fetched.changes.extend(found);
    fetched.unread.extend(unread);
}

/// The stock of variants, by their ids, and of products as [`stock_of`] names it: all that is counted of them.
///
/// # Errors
/// The fault that remains after all attempts.
pub(super) async fn stock(
    reader: &Reader,
    settings: &Settings,
    refs: &[Ref],
    fetched: &mut Fetched,
) -> Result<(), Fault> {
    let wanted = wanted(refs, Kind::Stock);
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let numbers =
        |ids: &BTreeSet<&RecordId>| -> BTreeSet<u64> { ids.iter().filter_map(|id| id.as_str().parse().ok()).collect() };
    let products = wanted.iter().filter_map(|id| id.as_str().strip_prefix(WHOLE)?.parse().ok());
    let products: BTreeSet<u64> = products.collect();
    let of_variants = items(reader, settings, "variant_id:in", &numbers(&wanted), &mut unread).await?;
    let all: BTreeSet<u64> = of_variants.iter().map(|(product, _)| *product).chain(products.iter().copied()).collect();
    let mut by_variant = BTreeSet::new();
    let query = |page: &str| {
        vec![
            ("id:in", joined(all.iter().copied())),
            ("include_fields", "inventory_tracking,inventory_level,base_variant_id".to_owned()),
            ("limit", ROWS.to_owned()),
            ("page", page.to_owned()),
        ]
    };
    let tracked = |body: &[u8]| {
        decode::v3(body, Kind::Stock, |it: api::Tracked| {
            Ok(match (it.inventory_tracking.as_str(), it.base_variant_id) {
                ("variant", _) | ("product", Some(_)) => {
                    by_variant.insert(it.id);
                    None
                }
                ("product", None) if products.contains(&it.id) => Some(product::whole(&it)),
                _ => None,
            })
        })
    };
    if !all.is_empty() {
        pages(reader, "v3/catalog/products", query, tracked, |page| {
            found.extend(page.changes);
            unread.extend(page.unread);
        })
        .await?;
    }
    found.extend(of_variants.into_iter().filter(|(product, _)| by_variant.contains(product)).map(|(_, change)| change));
    let counted: BTreeSet<u64> = products.intersection(&by_variant).copied().collect();
    let of_products = items(reader, settings, "product_id:in", &counted, &mut unread).await?;
    found.extend(of_products.into_iter().map(|(_, change)| change));
    finish(Kind::Stock, wanted, found, unread, fetched);
    Ok(())
}

/// Rows of stock, each with its product.
async fn items(
    reader: &Reader,
    settings: &Settings,
    filter: &'static str,
    ids: &BTreeSet<u64>,
    unread: &mut Vec<Unread>,
) -> Result<Vec<(u64, Change)>, Fault> {
    let (mut products, mut changes) = (Vec::new(), Vec::new());
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = |page: &str| {
        vec![(filter, joined(ids.iter().copied())), ("limit", ITEMS.to_owned()), ("page", page.to_owned())]
    };
    let decoded = |body: &[u8]| {
        decode::v3(body, Kind::Stock, |it: api::Item| {
            products.push(it.identity.product_id);
            Ok(Some(product::item(settings, &it)))
        })
    };
    pages(reader, "v3/inventory/items", query, decoded, |page| {
        changes.extend(page.changes);
        unread.extend(page.unread);
    })
    .await?;
    Ok(products.into_iter().zip(changes).collect())
}

/// Assignments, by channel and product.
///
/// # Errors
/// The fault that remains after all attempts.
pub(super) async fn assignments(reader: &Reader, refs: &[Ref], fetched: &mut Fetched) -> Result<(), Fault> {
    let wanted = wanted(refs, Kind::Assignment);
    let pairs: Vec<(u64, u64)> = wanted
        .iter()
        .filter_map(|id| {
            let (channel, product) = id.as_str().split_once('/')?;
            Some((channel.parse().ok()?, product.parse().ok()?))
        })
        .collect();
    let channels: BTreeSet<u64> = pairs.iter().map(|(channel, _)| *channel).collect();
    let products: BTreeSet<u64> = pairs.iter().map(|(_, product)| *product).collect();
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    if !pairs.is_empty() {
        let query = |page: &str| {
            vec![
                ("product_id:in", joined(products.iter().copied())),
                ("channel_id:in", joined(channels.iter().copied())),
                ("limit", ROWS.to_owned()),
                ("page", page.to_owned()),
            ]
        };
        let decoded =
            |body: &[u8]| decode::v3(body, Kind::Assignment, |it: api::Assignment| Ok(Some(offer::assignment(&it))));
        pages(reader, "v3/catalog/products/channel-assignments", query, decoded, |page| {
            found.extend(page.changes);
            unread.extend(page.unread);
        })
        .await?;
    }
    // Every one of the products in every one of the channels was asked for.
    found.retain(|change| matches!(change, Change::Is { record, .. } if wanted.contains(&record.id())));
    finish(Kind::Assignment, wanted, found, unread, fetched);
    Ok(())
}

/// Reads all pages of a query.
async fn pages(
    reader: &Reader,
    path: &str,
    query: impl Fn(&str) -> Vec<(&'static str, String)>,
    mut decoded: impl FnMut(&[u8]) -> Result<Decoded, Fault>,
    mut take: impl FnMut(Decoded),
) -> Result<(), Fault> {
    for page in 1..=MOST_PAGES {
        let query = query(&page.to_string());
        let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let ask = async || reader.api.get(path, &query).await.map_err(|refusal| refusal.fault);
        let response = retry(reader.retry, reader.api.random(), |_| ask()).await?;
        let read = decoded(&response.body).map_err(|fault| fault.response(reader.api.excerpt(&response)))?;
        let is_last = read.meta.pagination.is_none_or(|it| it.current_page >= it.total_pages);
        take(read);
        if is_last {
            return Ok(());
        }
    }
    Err(Fault::protocol("C0217", format!("the pages of GET /{path} have no end")))
}
