//! Products with their variants.
//!
//! A variant has what its master has, unless it has a value of its own: in the model what belongs to a product belongs to
//! its variants. Flags without a value: a product is not online and can't be found, as the platform takes a flag that is not
//! set (assumed); a variant is as its master.

use std::collections::BTreeMap;

use model::{
    Attribute, Keywords, Kind, Localized, Notice, Online, PerStorefront, PriceHome, Product, Record, Sku, Value,
    Variant,
};

use super::{
    Mapped, Shop,
    attribute::{PRODUCT_TYPE, attributes, labelled},
    text::{flag, localized, online},
};
use crate::sfcc::{contents::Row, xml::Element};

/// A product that is no variant.
struct Head {
    catalog: String,
    element: Element,
    unfit: u32,
}

/// What a master says of a variant, and the variant.
struct Member {
    id: String,
    place: u32,
    element: Option<Element>,
    lost: Option<String>,
    unfit: u32,
}

/// An attribute by which variants differ.
struct Axis<'e> {
    /// The attribute of the variants that has the value.
    attribute: &'e str,
    /// Id of the axis, by which images may name it.
    id: &'e str,
    /// Values with their labels.
    values: Vec<(&'e str, Localized)>,
}

/// Maps a page: it has all variants of its products.
pub fn page(shop: &Shop, rows: Vec<Row>) -> Mapped {
    let mut mapped = Mapped::default();
    let mut heads: BTreeMap<String, Head> = BTreeMap::new();
    let mut members: BTreeMap<String, Vec<Member>> = BTreeMap::new();
    for row in rows {
        match row {
            Row::Is { of, element, unfit } => {
                let id = element.attribute("product-id").unwrap_or_default().to_owned();
                heads.insert(id, Head { catalog: of, element, unfit });
            }
            Row::Variant { master, id, place, element, lost, unfit } => {
                members.entry(master).or_default().push(Member { id, place, element, lost, unfit });
            }
            Row::Unread { kind, id, why } => mapped.unread(kind, id, &why),
            Row::Assigned { .. } => {}
        }
    }
    for (id, head) in heads {
        let mut variants = members.remove(&id).unwrap_or_default();
        variants.sort_by(|left, right| (left.place, &left.id).cmp(&(right.place, &right.id)));
        if head.element.is_deletion() {
            mapped.gone(Kind::Product, id);
        } else {
            match product(shop, &id, &head, &variants) {
                Ok(product) => mapped.is(Record::Product(Box::new(product))),
                Err(why) => mapped.unread(Kind::Product, Some(id), &why),
            }
        }
    }
    for (master, orphans) in members {
        let named: Vec<&str> = orphans.iter().map(|it| it.id.as_str()).collect();
        let why = format!("it has variants ({}) and is itself a variant of another product", named.join(", "));
        mapped.unread(Kind::Product, Some(master), &why);
    }
    mapped
}

fn product(shop: &Shop, id: &str, head: &Head, members: &[Member]) -> Result<Product, String> {
    let element = &head.element;
    let mut notices = Vec::new();
    left_out(&mut notices, id, head.unfit);
    let page = |name| element.list("page-attributes", name);
    let (attributes, tailored) = attributes(element, &shop.definitions, &mut notices);
    let variations = element.child("variations");
    let variants = match variations {
        None => vec![single(shop, id, head)],
        Some(variations) => {
            let axes = axes(shop, &head.catalog, variations);
            let of = |member| variant(shop, head, &axes, member, &mut notices).transpose();
            members.iter().filter_map(of).collect::<Result<_, _>>()?
        }
    };
    let long = localized(element.all("long-description"), &mut notices);
    let keywords = localized(page("page-keywords"), &mut notices);
    let words = |text: &str| text.split([',', ';']).map(|word| word.trim().to_owned()).collect::<Vec<_>>();
    Ok(Product {
        product_type: shop.definitions.product_type().map(|_| PRODUCT_TYPE.into()),
        // Prices of a master hold for variants without their own.
        sku: variations.map(|_| Sku::new(id)),
        online: online(element, false)?,
        searchable: flag(element, "searchable-flag", false)?,
        name: localized(element.all("display-name"), &mut notices),
        slug: localized(page("page-url"), &mut notices),
        description: if long.is_empty() { localized(element.all("short-description"), &mut notices) } else { long },
        meta_title: localized(page("page-title"), &mut notices),
        meta_description: localized(page("page-description"), &mut notices),
        keywords: keywords.iter().map(|(locale, text)| (locale.clone(), words(text))).collect::<Keywords>(),
        attributes,
        tailored,
        variants,
        price_home: PriceHome::Entries,
        notices,
        ..Product::new(id)
    })
}

/// The one variant of a product that has no variations.
fn single(shop: &Shop, id: &str, head: &Head) -> Variant {
    let images = shop.images.get(&head.catalog);
    Variant {
        sku: Some(Sku::new(id)),
        gtin: gtin(&head.element),
        images: images.map(|it| it.of_product(&head.element, &shop.image_views)).unwrap_or_default(),
        ..Variant::new(id)
    }
}

fn variant(shop: &Shop, head: &Head, axes: &[Axis<'_>], member: &Member, notices: &mut Vec<Notice>) -> Result<Option<Variant>, String> {
    let id = member.id.as_str();
    if let Some(why) = &member.lost {
        return Err(format!("variant {id}: {why}"));
    }
    let Some(element) = member.element.as_ref().filter(|element| !element.is_deletion()) else {
        notices.push(Notice::new("variants", format!("variant {id}: it is named and does not exist")));
        return Ok(None);
    };
    left_out(notices, id, member.unfit);
    let custom = |name: &str| {
        let mut all = element.list("custom-attributes", "custom-attribute");
        all.find(|it| it.attribute("attribute-id") == Some(name)).and_then(Element::value)
    };
    let (mut own, tailored) = attributes(element, &shop.definitions, notices);
    if !tailored.is_empty() {
        let names: Vec<&str> = tailored.iter().flat_map(|it| &it.attributes).map(|it| it.name.as_str()).collect();
        let what = format!("variant {id}: values of single sites ({}); those of all sites are kept", names.join(", "));
        notices.push(Notice::new("custom-attributes", what));
    }
    let mut chosen = Vec::new();
    let mut values = Vec::new();
    for axis in axes {
        let Some(key) = custom(axis.attribute) else { continue };
        let label = axis.values.iter().find(|(value, _)| *value == key).map(|(_, label)| label.clone());
        if let Some(label) = label.filter(|label| !label.is_empty()) {
            own.retain(|it| it.name != axis.attribute);
            chosen.push(Attribute { name: axis.attribute.to_owned(), value: labelled(key, label) });
        } else if let Some(at) = own.iter().position(|it| it.name == axis.attribute) {
            chosen.push(own.remove(at));
        }
        values.extend([(axis.attribute.to_owned(), key.to_owned()), (axis.id.to_owned(), key.to_owned())]);
    }
    chosen.extend(own);
    // Texts that are not those of the master.
    for (name, of) in [("display_name", "display-name"), ("long_description", "long-description")] {
        let text = localized(element.all(of), notices);
        if !text.is_empty() && text != localized(head.element.all(of), &mut Vec::new()) {
            chosen.push(Attribute { name: name.to_owned(), value: Value::Localized(text) });
        }
    }
    let images = shop.images.get(&head.catalog);
    let images = images.map(|it| it.of_variant(element, &head.element, &shop.image_views, &values));
    let online = online(element, true).map_err(|why| format!("variant {id}: {why}"))?;
    Ok(Some(Variant {
        sku: Some(Sku::new(id)),
        gtin: gtin(element),
        online: of_variant(online),
        attributes: chosen,
        axes: axes.iter().map(|axis| axis.attribute.to_owned()).collect(),
        images: images.unwrap_or_default(),
        ..Variant::new(id)
    }))
}

/// Nothing but the default where no site differs from it.
fn of_variant(online: PerStorefront<Online>) -> PerStorefront<Online> {
    let PerStorefront { default, own } = online;
    PerStorefront { default, own: own.into_iter().filter(|(_, it)| *it != default).collect() }
}

fn axes<'e>(shop: &'e Shop, catalog: &str, variations: &'e Element) -> Vec<Axis<'e>> {
    let listed = variations.child("attributes").map(|it| it.children.as_slice()).unwrap_or_default();
    let axis = |it: &'e Element| {
        let attribute = it.attribute("attribute-id")?;
        let id = it.attribute("variation-attribute-id").unwrap_or(attribute);
        let shared = || shop.facts.catalogs.get(catalog)?.variations.get(id);
        let defined = if it.name == "shared-variation-attribute" { shared().unwrap_or(it) } else { it };
        let new = defined.all("variation-attribute-values").flat_map(|it| it.all("variation-attribute-value"));
        let values = new.map(|it| (it, "value")).chain(defined.list("values", "value").map(|it| (it, "value-id")));
        let labelled = values.filter_map(|(value, key)| {
            Some((value.attribute(key)?, localized(value.all("display-value"), &mut Vec::new())))
        });
        Some(Axis { attribute, id, values: labelled.collect() })
    };
    listed.iter().filter_map(axis).collect()
}

fn gtin(element: &Element) -> Option<String> {
    element.value_of("ean").or_else(|| element.value_of("upc")).map(str::to_owned)
}

fn left_out(notices: &mut Vec<Notice>, id: &str, unfit: u32) {
    if unfit > 0 {
        let what = format!("{id}: {unfit} characters or references that no XML may hold");
        notices.push(Notice::new("texts", what));
    }
}
