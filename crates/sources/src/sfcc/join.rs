//! Puts products together with what their masters say of them.

use std::collections::{BTreeMap, BTreeSet};

use model::Kind;
use serde::{Deserialize, Serialize};

use super::{
    contents::{Part, Row},
    xml::Element,
};

/// A row of the pages on which products meet their masters.
#[derive(Serialize, Deserialize)]
pub(super) enum Met {
    Product { of: String, element: Element, unfit: u32 },
    Assigned { of: String, element: Element },
    /// A master says that the product is one of its variants; without a place, one of its variation groups.
    Link { master: String, id: String, place: Option<u32> },
}

/// Joins products with what their masters say of them, given all rows of each: every row with its part and the product by
/// which it is put on a page.
pub(super) fn join(met: Vec<Met>, unread: &BTreeSet<String>, doubt: Option<&str>) -> Vec<(Part, String, Row)> {
    let mut links: BTreeMap<String, Vec<(String, Option<u32>)>> = BTreeMap::new();
    let mut there: BTreeMap<String, (String, Element, u32)> = BTreeMap::new();
    let mut assigned = Vec::new();
    for row in met {
        match row {
            Met::Link { master, id, place } => links.entry(id).or_default().push((master, place)),
            Met::Assigned { of, element } => assigned.push((of, element)),
            // Only the catalogue that owns a product describes it; of two the one read later counts.
            Met::Product { of, element, unfit } => {
                if let Some(id) = element.attribute("product-id") {
                    there.insert(id.to_owned(), (of, element, unfit));
                }
            }
        }
    }
    let mut rows = Vec::new();
    for (of, element) in assigned {
        let id = element.attribute("product-id").unwrap_or_default().to_owned();
        let row = |product: &String, variant: Option<&String>| {
            let (variant, element) = (variant.cloned(), element.clone());
            let row = Row::Assigned { of: of.clone(), product: product.clone(), variant, element };
            (Part::Assignments, product.clone(), row)
        };
        match links.get(&id) {
            None => rows.push(row(&id, None)),
            // A variation group has no place, and stands for its product.
            Some(masters) => rows.extend(masters.iter().map(|(master, place)| row(master, place.map(|_| &id)))),
        }
    }
    let variant = |master: String, id: &str, place, element, lost, unfit| {
        let row = Row::Variant { master: master.clone(), id: id.to_owned(), place, element, lost, unfit };
        (Part::Products, master, row)
    };
    for (id, (of, element, unfit)) in there {
        match (links.remove(&id), doubt) {
            // Variation groups are parts of a product and no products.
            (Some(masters), _) => rows.extend(masters.into_iter().filter_map(|(master, place)| {
                Some(variant(master, &id, place?, Some(element.clone()), None, unfit))
            })),
            (None, Some(why)) if element.child("variations").is_none() && !element.is_deletion() => {
                let why = format!("whether it is a variant is not known: {why}");
                rows.push((Part::Products, id.clone(), Row::Unread { kind: Kind::Product, id: Some(id), why }));
            }
            (None, _) => rows.push((Part::Products, id, Row::Is { of, element, unfit })),
        }
    }
    // What is left has no element that could be read.
    for (id, masters) in links {
        let lost = if unread.contains(&id) { Some("its element can't be read") } else { doubt };
        let lost = || lost.map(str::to_owned);
        rows.extend(masters.into_iter().filter_map(|(master, place)| Some(variant(master, &id, place?, None, lost(), 0))));
    }
    rows
}

