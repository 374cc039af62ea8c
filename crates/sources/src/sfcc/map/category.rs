//! Categories, and products in them.

use std::collections::{BTreeMap, BTreeSet};

use model::{Assignment, Category, Kind, Notice, Online, Placement, Record, Sku, storefront::Members};

use super::{
    Mapped, Shop, category_id,
    text::{localized, truth, window},
};
use crate::sfcc::{contents::Row, xml::Element};

/// Maps a page of categories.
pub fn categories(shop: &Shop, rows: Vec<Row>) -> Mapped {
    let mut mapped = Mapped::default();
    for row in rows {
        match row {
            Row::Is { of, element, unfit } => match element.attribute("category-id") {
                None => mapped.unread(Kind::Category, None, "it has no category-id"),
                Some(id) if element.is_deletion() => mapped.gone(Kind::Category, category_id(&of, id)),
                Some(id) => match category(shop, &of, id, &element, unfit) {
                    Ok(category) => mapped.is(Record::Category(category)),
                    Err(why) => mapped.unread(Kind::Category, Some(category_id(&of, id)), &why),
                },
            },
            Row::Unread { kind, id, why } => mapped.unread(kind, id, &why),
            Row::Variant { .. } | Row::Assigned { .. } => {}
        }
    }
    mapped
}

fn category(shop: &Shop, catalog: &str, id: &str, element: &Element, unfit: u32) -> Result<Category, String> {
    let mut notices = Vec::new();
    if unfit > 0 {
        notices.push(Notice::new("texts", format!("{unfit} characters or references that no XML may hold")));
    }
    // The root is never shown itself, so it hides nothing.
    let is_root = shop.facts.catalogs.get(catalog).and_then(|it| it.root.as_deref()).unwrap_or("root") == id;
    let on = truth(element, "online-flag")?.unwrap_or(false);
    let online = Online { on, window: window(element)? };
    let image = element.value_of("image").or_else(|| element.value_of("thumbnail"));
    Ok(Category {
        key: Some(id.to_owned()),
        tree: Some(catalog.into()),
        parent: element.value_of("parent").map(|parent| category_id(catalog, parent).into()),
        name: localized(element.all("display-name"), &mut notices),
        slug: localized(element.list("page-attributes", "page-url"), &mut notices),
        description: localized(element.all("description"), &mut notices),
        // The root has no siblings.
        order: element.value_of("position").filter(|_| !is_root).and_then(|text| text.parse().ok()).filter(|it: &f64| it.is_finite()),
        online: if is_root { Online::ALWAYS } else { online },
        image: image.and_then(|path| Some(shop.images.get(catalog)?.url(path))),
        notices,
        ..Category::new(category_id(catalog, id))
    })
}

/// What a page says of a product in a catalogue.
#[derive(Default)]
struct Held {
    /// Categories, each with its position and whether it is the main one.
    categories: BTreeMap<String, (Option<i64>, bool)>,
    /// The product itself is assigned, and so all its variants.
    whole: bool,
    /// Variants that are assigned.
    variants: BTreeSet<String>,
}

/// Maps a page of assignments: it has all those of its products. A product belongs to a catalogue, and so to the sites that
/// show it, by being in a category of it; a variant as well by being in one itself.
pub fn assignments(rows: Vec<Row>) -> Mapped {
    let mut mapped = Mapped::default();
    let mut held: BTreeMap<(String, String), Held> = BTreeMap::new();
    for row in rows {
        match row {
            Row::Assigned { of, product, variant, element } => {
                let Some(category) = element.attribute("category-id") else { continue };
                let id = category_id(&of, category);
                if element.is_deletion() {
                    mapped.gone(Kind::Placement, format!("{id}/{product}"));
                    continue;
                }
                let held = held.entry((of, product)).or_default();
                held.whole |= variant.is_none();
                held.variants.extend(variant);
                let (position, primary) = held.categories.entry(id).or_default();
                *position = position.or(place(&element));
                *primary |= element.value_of("primary-flag") == Some("true");
            }
            Row::Unread { kind, id, why } => mapped.unread(kind, id, &why),
            Row::Is { .. } | Row::Variant { .. } => {}
        }
    }
    for ((catalog, product), held) in held {
        for (category, (position, primary)) in held.categories {
            mapped.is(Record::Placement(Placement {
                category: category.into(),
                product: product.as_str().into(),
                position,
                primary,
            }));
        }
        let members = if held.whole {
            Members::All
        } else {
            Members::Only(held.variants.into_iter().map(Sku::new).collect())
        };
        mapped.is(Record::Assignment(Assignment { selection: catalog.into(), product: product.into(), members }));
    }
    mapped
}

/// The platform knows no numbers: first, in its own order, last.
fn place(element: &Element) -> Option<i64> {
    match element.value_of("position")? {
        "top" => Some(-1),
        "auto" => Some(0),
        "bottom" => Some(1),
        _ => None,
    }
}
