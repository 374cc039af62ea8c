//! Products with their variants and assignments: a page of products, with what else belongs to them.

use std::collections::{BTreeMap, BTreeSet};

use contract::Fault;
use model::Kind;
use serde_json::Value;

use super::{
    client::Api,
    convert,
    documents::{Kind as Which, Product},
    search::named,
};
use crate::sfcc::{
    contents::{Part, Row},
    join::{Met, join},
    map::{self, Mapped, Shop},
};

/// Products by id, and those that can't be read, with the reason.
#[derive(Default)]
struct Read {
    products: BTreeMap<String, Product>,
    unread: BTreeMap<String, String>,
    nameless: Vec<String>,
}

impl Read {
    fn add(&mut self, hits: Vec<Value>) {
        for hit in hits {
            let id = hit.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            match serde_json::from_value::<Product>(hit) {
                Ok(product) if !product.id.is_empty() => {
                    self.products.insert(id, product);
                }
                Ok(_) => self.nameless.push("it has no id".to_owned()),
                Err(error) if id.is_empty() => self.nameless.push(error.to_string()),
                Err(error) => {
                    self.unread.insert(id, error.to_string());
                }
            }
        }
    }

    async fn fetch(&mut self, api: &Api, ids: BTreeSet<String>) -> Result<(), Fault> {
        let missing: Vec<String> =
            ids.into_iter().filter(|id| !self.products.contains_key(id) && !self.unread.contains_key(id)).collect();
        self.add(named(api, &missing).await?);
        Ok(())
    }
}

/// Which products a page is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Those on it: each variant is met with its master.
    Met,
    /// Those on it, and the masters of the variants on it: what changed may be a variant alone.
    Masters,
}

/// Reads what belongs to the products of a page, and maps one part of it: the products, or their assignments.
///
/// # Errors
/// A search's.
pub(super) async fn page(
    api: &Api,
    shop: &Shop,
    hits: Vec<Value>,
    reach: Reach,
    part: Part,
) -> Result<Mapped, Fault> {
    let mut read = Read::default();
    // A product that can't be read may still say that it is a variant; it is then reported with its master.
    let which: Vec<Which> = hits.iter().filter_map(|hit| serde_json::from_value(hit.clone()).ok()).collect();
    read.add(hits);
    let mut heads: BTreeSet<String> = read.products.values().filter(|it| !it.of.is_member()).map(|it| it.id.clone()).collect();
    if reach == Reach::Masters {
        let masters = read.products.values().filter(|it| it.of.is_member()).filter_map(|it| it.master.as_ref());
        heads.extend(masters.map(|master| master.master_id.clone()));
        read.fetch(api, heads.clone()).await?;
        heads.retain(|id| read.products.contains_key(id));
    }
    let of = |id: &String| read.products.get(id);
    let members = heads.iter().filter_map(of).flat_map(|it| it.variants.iter().chain(&it.variation_groups));
    let members: BTreeSet<String> = members.map(|it| it.product_id.clone()).collect();
    read.fetch(api, members).await?;
    let of_members: BTreeSet<String> =
        which.into_iter().filter(|it| it.of.is_member()).map(|it| it.id).collect();
    Ok(mapped(shop, &heads, &of_members, read, part))
}

fn mapped(shop: &Shop, heads: &BTreeSet<String>, of_members: &BTreeSet<String>, read: Read, part: Part) -> Mapped {
    let Read { products, unread, nameless } = read;
    let mut met = Vec::new();
    let mut whole = Vec::new();
    for head in heads.iter().filter_map(|id| products.get(id)) {
        let members = || head.variants.iter().chain(&head.variation_groups).map(|it| &it.product_id);
        if let Some((id, why)) = members().find_map(|id| unread.get_key_value(id)) {
            // It would be shown without this variant.
            whole.push((head.id.clone(), format!("its variant {id} can't be read: {why}")));
            continue;
        }
        meet(&mut met, head, None);
        let default = head.default_variant_id.as_ref();
        for (place, member) in (1..).zip(&head.variants) {
            let id = &member.product_id;
            let is_first = member.default_product_variation || default == Some(id);
            let place = if is_first { 0 } else { place };
            met.push(Met::Link { master: head.id.clone(), id: id.clone(), place: Some(place) });
        }
        for group in &head.variation_groups {
            met.push(Met::Link { master: head.id.clone(), id: group.product_id.clone(), place: None });
        }
        for member in members().filter_map(|id| products.get(id)) {
            meet(&mut met, member, Some(head));
        }
    }
    let rows = join(met, &BTreeSet::new(), None).into_iter().filter(|(of, ..)| *of == part);
    let mut rows: Vec<Row> = rows.map(|(_, _, row)| row).collect();
    // A variant that can't be read is reported with its master.
    let unread = unread.into_iter().filter(|(id, _)| !of_members.contains(id));
    let lost = unread.chain(whole).map(|(id, why)| (Some(id), why));
    for (id, why) in lost.chain(nameless.into_iter().map(|why| (None, why))) {
        if part == Part::Products {
            rows.push(Row::Unread { kind: Kind::Product, id, why });
        } else {
            // Where it is assigned is not known, so that no assignment is taken as deleted.
            let why = format!("those of product {}: {why}", id.unwrap_or_default());
            let of = |kind| Row::Unread { kind, id: None, why: why.clone() };
            rows.extend([of(Kind::Placement), of(Kind::Assignment)]);
        }
    }
    if part == Part::Products { map::product::page(shop, rows) } else { map::category::assignments(rows) }
}

fn meet(met: &mut Vec<Met>, product: &Product, master: Option<&Product>) {
    let of = product.owning_catalog_id.clone().unwrap_or_default();
    met.push(Met::Product { of, element: convert::product(product, master), unfit: 0 });
    for place in &product.assigned_categories {
        let primary = product.primary_categories.contains(place);
        let element = convert::assignment(&product.id, &place.category_id, primary);
        met.push(Met::Assigned { of: place.catalog_id.clone(), element });
    }
}
