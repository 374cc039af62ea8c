//! `catalog.xml` of either catalogue, in the order of the schema `catalog/2006-10-31`.

use std::io::{self, Write};

use super::super::state::{
    Assignment, Category, Custom, ImageGroup, MASTER_CATALOG, Master, Product, ROOT, Role, STOREFRONT_CATALOG, State,
};
use super::xml::{Xml, by_locale};
use super::{Changed, Goods};

const NAMESPACE: &str = "http://www.demandware.com/xml/impex/catalog/2006-10-31";

/// Writes a catalogue with these products.
pub(super) fn write(out: &mut dyn Write, state: &State, goods: Goods<'_>, catalog: &str) -> io::Result<()> {
    let mut xml = Xml::begin(out, "catalog", NAMESPACE, &[("catalog-id", catalog)])?;
    header(&mut xml, state, catalog)?;
    match catalog {
        MASTER_CATALOG => goods(&mut |some| some.products.values().try_for_each(|it| product(&mut xml, some, it)))?,
        STOREFRONT_CATALOG => {
            state.categories.get(ROOT).into_iter().try_for_each(|root| category(&mut xml, root))?;
            let mut others = state.categories.values().filter(|it| it.parent.is_some());
            others.try_for_each(|it| category(&mut xml, it))?;
            goods(&mut |some| {
                let mut all =
                    some.assignments.iter().flat_map(|(product, all)| all.iter().map(move |it| (product, it)));
                all.try_for_each(|(product, (category, it))| assignment(&mut xml, category, product, *it))
            })?;
        }
        _ => {}
    }
    xml.end()
}

/// Writes the parts of a catalogue that a delta is about.
pub(super) fn write_changed(out: &mut dyn Write, state: &State, catalog: &str, changed: &Changed) -> io::Result<()> {
    let mut xml = Xml::begin(out, "catalog", NAMESPACE, &[("catalog-id", catalog)])?;
    match catalog {
        MASTER_CATALOG => changed.products.iter().try_for_each(|id| match state.products.get(id) {
            Some(known) => product(&mut xml, state, known),
            None => xml.leaf("product", &[("mode", "delete"), ("product-id", id)], ""),
        })?,
        STOREFRONT_CATALOG => storefront(&mut xml, state, changed)?,
        _ => {}
    }
    xml.end()
}

fn header(xml: &mut Xml, state: &State, catalog: &str) -> io::Result<()> {
    xml.open("header", &[])?;
    xml.open("image-settings", &[])?;
    if catalog == MASTER_CATALOG {
        xml.open("external-location", &[])?;
        xml.text("http-url", &state.image_base)?;
        xml.text("https-url", &state.image_base)?;
        xml.close()?;
    } else {
        xml.leaf("internal-location", &[("base-path", "/")], "")?;
    }
    xml.open("view-types", &[])?;
    xml.text("view-type", "large")?;
    xml.close()?;
    xml.close()?;
    xml.close()
}

fn product(xml: &mut Xml, state: &State, it: &Product) -> io::Result<()> {
    xml.open("product", &[("product-id", &it.id)])?;
    xml.text("ean", &it.ean)?;
    xml.text("upc", "")?;
    xml.text("unit", "")?;
    xml.text("min-order-quantity", "1")?;
    xml.text("step-quantity", "1")?;
    xml.texts("display-name", &it.name)?;
    xml.texts("long-description", &it.description)?;
    xml.text("online-flag", flag(it.online))?;
    for site in it.offline_on.iter().filter(|_| it.online) {
        xml.leaf("online-flag", &[("site-id", site)], "false")?;
    }
    xml.text("available-flag", "true")?;
    xml.text("searchable-flag", "true")?;
    images(xml, &it.images)?;
    xml.text("tax-class-id", "standard")?;
    xml.filled("brand", &it.brand)?;
    if it.page_url.is_empty() {
        xml.text("page-attributes", "")?;
    } else {
        xml.open("page-attributes", &[])?;
        xml.texts("page-url", &it.page_url)?;
        xml.close()?;
    }
    custom(xml, it)?;
    if let Role::Master(master) = &it.role {
        variations(xml, master)?;
    }
    let primary = state.assignments.get(&it.id).and_then(|all| all.iter().find(|(_, assignment)| assignment.primary));
    if let Some((category, _)) = primary {
        xml.leaf("classification-category", &[("catalog-id", STOREFRONT_CATALOG)], category)?;
    }
    xml.close()
}

fn images(xml: &mut Xml, groups: &[ImageGroup]) -> io::Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    xml.open("images", &[])?;
    for group in groups {
        xml.open("image-group", &[("view-type", "large")])?;
        for (attribute, value) in &group.values {
            xml.leaf("variation", &[("attribute-id", attribute), ("value", value)], "")?;
        }
        for path in &group.paths {
            xml.leaf("image", &[("path", path)], "")?;
        }
        xml.close()?;
    }
    xml.close()
}

fn custom(xml: &mut Xml, it: &Product) -> io::Result<()> {
    if it.custom.is_empty() {
        return Ok(());
    }
    xml.open("custom-attributes", &[])?;
    for (name, value) in &it.custom {
        match value {
            Custom::One(text) => xml.leaf("custom-attribute", &[("attribute-id", name)], text)?,
            Custom::Localized(texts) => {
                for (locale, text) in by_locale(texts) {
                    xml.leaf("custom-attribute", &[("attribute-id", name), ("xml:lang", locale)], text)?;
                }
            }
            Custom::Many(values) => {
                xml.open("custom-attribute", &[("attribute-id", name)])?;
                for value in values {
                    xml.text("value", value)?;
                }
                xml.close()?;
            }
        }
    }
    xml.close()
}

fn variations(xml: &mut Xml, master: &Master) -> io::Result<()> {
    xml.open("variations", &[])?;
    xml.open("attributes", &[])?;
    for it in &master.variations {
        xml.open("variation-attribute", &[("attribute-id", &it.id), ("variation-attribute-id", &it.id)])?;
        xml.texts("display-name", &it.name)?;
        xml.open("variation-attribute-values", &[])?;
        for (value, shown) in &it.values {
            xml.open("variation-attribute-value", &[("value", value)])?;
            xml.texts("display-value", shown)?;
            xml.close()?;
        }
        xml.close()?;
        xml.close()?;
    }
    xml.close()?;
    xml.open("variants", &[])?;
    for (place, variant) in master.variants.iter().enumerate() {
        let all = [("product-id", variant.as_str()), ("default", "true")];
        let attributes = if place == 0 { &all[..] } else { all.get(..1).unwrap_or_default() };
        xml.leaf("variant", attributes, "")?;
    }
    xml.close()?;
    xml.close()
}

fn storefront(xml: &mut Xml, state: &State, changed: &Changed) -> io::Result<()> {
    for it in changed.categories.iter().filter_map(|id| state.categories.get(id)) {
        category(xml, it)?;
    }
    for product in &changed.products {
        let mut assigned = state.assignments.get(product).into_iter().flatten();
        assigned.try_for_each(|(category, it)| assignment(xml, category, product, *it))?;
        for category in changed.unassigned.get(product).into_iter().flatten() {
            let attributes = [("mode", "delete"), ("category-id", category.as_str()), ("product-id", product.as_str())];
            xml.leaf("category-assignment", &attributes, "")?;
        }
    }
    Ok(())
}

fn category(xml: &mut Xml, it: &Category) -> io::Result<()> {
    xml.open("category", &[("category-id", &it.id)])?;
    xml.texts("display-name", &it.name)?;
    xml.text("online-flag", flag(it.online))?;
    if let Some(parent) = &it.parent {
        xml.text("parent", parent)?;
        xml.text("position", &format!("{}.0", it.position))?;
    }
    xml.text("template", "")?;
    if it.page_url.is_empty() {
        xml.text("page-attributes", "")?;
    } else {
        xml.open("page-attributes", &[])?;
        xml.texts("page-url", &it.page_url)?;
        xml.close()?;
    }
    xml.close()
}

fn assignment(xml: &mut Xml, category: &str, product: &str, it: Assignment) -> io::Result<()> {
    let attributes = [("category-id", category), ("product-id", product)];
    if !it.primary {
        return xml.leaf("category-assignment", &attributes, "");
    }
    xml.open("category-assignment", &attributes)?;
    xml.text("primary-flag", "true")?;
    xml.close()
}

fn flag(truth: bool) -> &'static str {
    if truth { "true" } else { "false" }
}
