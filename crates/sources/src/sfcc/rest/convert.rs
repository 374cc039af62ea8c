//! Documents of the APIs as the elements that an export has of the same things: what becomes of them is said once, in
//! [`crate::sfcc::map`], for both routes.

use serde_json::{Number, Value};

use super::documents::{
    Category, Definition, ImageGroup, List, Media, Part, Product, Stock, Text, Texts, ValueDefinition,
};
use crate::sfcc::xml::Element;

/// An element with a text.
fn leaf(name: &str, text: impl Into<String>) -> Element {
    Element { name: name.to_owned(), text: text.into(), ..Element::default() }
}

/// An element with attributes and elements.
fn node(name: &str, attributes: &[(&str, &str)], children: Vec<Element>) -> Element {
    let attributes = attributes.iter().map(|(of, value)| ((*of).to_owned(), (*value).to_owned())).collect();
    Element { name: name.to_owned(), attributes, text: String::new(), children }
}

impl Element {
    fn with(mut self, attribute: &str, value: &str) -> Self {
        self.attributes.push((attribute.to_owned(), value.to_owned()));
        self
    }
}

/// Elements that are not empty lists.
fn filled(element: Element) -> Option<Element> {
    (!element.children.is_empty()).then_some(element)
}

fn texts<'t>(name: &'t str, texts: &'t Texts) -> impl Iterator<Item = Element> + 't {
    texts.iter().map(move |(locale, text)| leaf(name, text).with("lang", locale))
}

fn marked<'t>(
    name: &'t str,
    texts: impl IntoIterator<Item = (&'t String, &'t Text)> + 't,
) -> impl Iterator<Item = Element> + 't {
    texts.into_iter().map(move |(locale, text)| leaf(name, text.text()).with("lang", locale))
}

/// Values by `default` and `default@{siteId}`. Some answers name the site alone.
fn per_site<'t, T: ToString + 't>(
    name: &'t str,
    values: impl IntoIterator<Item = (&'t String, &'t T)> + 't,
) -> impl Iterator<Item = Element> + 't {
    values.into_iter().map(move |(key, value)| {
        let element = leaf(name, value.to_string());
        match site_of(key) {
            Some(site) => element.with("site-id", site),
            None => element,
        }
    })
}

fn site_of(key: &str) -> Option<&str> {
    match key.split_once('@') {
        Some((_, site)) => Some(site),
        None => (key != "default").then_some(key),
    }
}

fn optional<'t>(
    pairs: impl IntoIterator<Item = (&'t str, Option<String>)> + 't,
) -> impl Iterator<Item = Element> + 't {
    pairs.into_iter().filter_map(|(name, text)| Some(leaf(name, text?)))
}

fn number(number: Option<&Number>) -> Option<String> {
    number.map(Number::to_string)
}

/// A product. `master` is that of a variant.
pub(super) fn product(it: &Product, master: Option<&Product>) -> Element {
    let mut all: Vec<Element> = texts("display-name", &it.name).collect();
    all.extend(marked("short-description", &it.short_description));
    all.extend(marked("long-description", &it.long_description));
    all.extend(per_site("online-flag", &it.online_flag));
    all.extend(per_site("online-from", &it.valid_from));
    all.extend(per_site("online-to", &it.valid_to));
    all.extend(per_site("searchable-flag", &it.searchable));
    all.extend(optional([
        ("ean", it.ean.clone()),
        ("upc", it.upc.clone()),
        ("brand", it.brand.clone()),
        ("manufacturer-name", it.manufacturer_name.clone()),
        ("manufacturer-sku", it.manufacturer_sku.clone()),
        ("unit", it.unit.clone()),
        ("unit-measure", it.unit_measure.clone()),
        ("unit-quantity", number(it.unit_quantity.as_ref())),
        ("tax-class-id", it.tax_class_id.clone()),
        ("classification-category", it.classification_category.as_ref().map(|it| it.category_id.clone())),
    ]));
    let page = [("page-title", &it.page_title), ("page-description", &it.page_description), ("page-keywords", &it.page_keywords)];
    let page: Vec<Element> = page.into_iter().flat_map(|(name, of)| texts(name, of)).collect();
    all.extend(filled(node("page-attributes", &[], page)));
    let images: Vec<Element> = it.image_groups.iter().map(image_group).collect();
    // What is shown of a variant without images of its own is its master's.
    let image = it.image.as_ref().filter(|_| images.is_empty() && master.is_none());
    all.extend(image.and_then(address).map(|address| leaf("image", address)));
    all.extend(filled(node("images", &[], images)));
    all.extend(filled(node("custom-attributes", &[], custom(it, master))));
    for (list, each, parts) in [
        ("bundled-products", "bundled-product", &it.bundled_products),
        ("product-set-products", "product-set-product", &it.set_products),
    ] {
        let ids = parts.iter().filter_map(part);
        all.extend(filled(node(list, &[], ids.map(|id| node(each, &[("product-id", id)], Vec::new())).collect())));
    }
    if it.of.master {
        all.push(variations(it));
    }
    node("product", &[("product-id", &it.id)], all)
}

fn part(part: &Part) -> Option<&str> {
    part.id.as_deref().or_else(|| part.product.as_ref().map(|it| it.id.as_str()))
}

fn address(media: &Media) -> Option<&String> {
    media.abs_url.as_ref().or(media.path.as_ref())
}

fn image_group(group: &ImageGroup) -> Element {
    let axes = group.variation_attributes.iter().filter_map(|axis| Some((axis.names()?.0, &axis.values)));
    let values = axes.flat_map(|(id, values)| values.iter().map(move |it| (id, it.value.as_str())));
    let mut all: Vec<Element> =
        values.map(|(id, value)| node("variation", &[("attribute-id", id), ("value", value)], Vec::new())).collect();
    let image = |media: &Media| Some(node("image", &[("path", address(media)?)], texts("alt", &media.alt).collect()));
    all.extend(group.images.iter().filter_map(image));
    node("image-group", &[("view-type", &group.view_type)], all)
}

fn variations(it: &Product) -> Element {
    let axes = it.variation_attributes.iter().filter_map(|axis| {
        let (id, attribute) = axis.names()?;
        let value = |it: &super::documents::AxisValue| {
            node("variation-attribute-value", &[("value", &it.value)], texts("display-value", &it.name).collect())
        };
        let values = node("variation-attribute-values", &[], axis.values.iter().map(value).collect());
        let names = [("attribute-id", attribute), ("variation-attribute-id", id)];
        Some(node("variation-attribute", &names, vec![values]))
    });
    node("variations", &[], vec![node("attributes", &[], axes.collect())])
}

/// Custom attributes. The values of a variant's axes are texts, whatever the type of the attribute.
fn custom(it: &Product, master: Option<&Product>) -> Vec<Element> {
    let axes = master.into_iter().flat_map(|master| &master.variation_attributes).filter_map(super::documents::Axis::names);
    let axes: Vec<(&str, &String)> =
        axes.filter_map(|(axis, attribute)| Some((attribute, it.variation_values.get(axis)?))).collect();
    let own = it.more.iter().filter_map(|(name, value)| Some((name.strip_prefix("c_")?, value)));
    let own = own.filter(|(id, _)| axes.iter().all(|(attribute, _)| attribute != id));
    let of_axes = axes.iter().map(|(attribute, value)| leaf("custom-attribute", *value).with("attribute-id", attribute));
    own.flat_map(|(id, value)| custom_values(id, value)).chain(of_axes).collect()
}

/// The elements of one attribute: one, or one for each locale and site.
fn custom_values(id: &str, value: &Value) -> Vec<Element> {
    let one = |value: &Value| -> Option<Element> {
        let element = match value {
            Value::Array(values) => {
                let values: Vec<Element> = values.iter().filter_map(scalar).map(|text| leaf("value", text)).collect();
                filled(node("custom-attribute", &[], values))?
            }
            other => leaf("custom-attribute", scalar(other)?),
        };
        Some(element.with("attribute-id", id))
    };
    match value {
        Value::Object(members) if scalar(value).is_none() => {
            let of = |(key, value): (&String, &Value)| {
                let (locale, site) = key.split_once('@').map_or((key.as_str(), None), |(locale, site)| (locale, Some(site)));
                let element = one(value)?.with("lang", locale);
                Some(if let Some(site) = site { element.with("site-id", site) } else { element })
            };
            members.iter().filter_map(of).collect()
        }
        other => one(other).into_iter().collect(),
    }
}

/// A value as an export writes it: texts with markup by their source, images by their address.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Object(members) => {
            let text = ["source", "absUrl", "path"].into_iter().find_map(|name| members.get(name))?;
            text.as_str().map(str::to_owned)
        }
        Value::Null | Value::Array(_) => None,
    }
}

/// A product in a category of a catalogue.
pub(super) fn assignment(product: &str, category: &str, primary: bool) -> Element {
    let flag = primary.then(|| leaf("primary-flag", "true")).into_iter().collect();
    node("category-assignment", &[("category-id", category), ("product-id", product)], flag)
}

/// A category.
pub(super) fn category(it: &Category) -> Element {
    let mut all: Vec<Element> = texts("display-name", &it.name).collect();
    all.extend(texts("description", &it.description));
    all.extend(optional([
        ("online-flag", Some(it.online.to_string())),
        ("parent", it.parent_category_id.clone()),
        ("position", number(it.position.as_ref())),
        ("image", it.image.clone()),
        ("thumbnail", it.thumbnail.clone()),
    ]));
    node("category", &[("category-id", &it.id)], all)
}

/// The header of an inventory list.
pub(super) fn list(it: &List) -> Element {
    let all = optional([("default-instock", it.default_in_stock.map(|it| it.to_string()))]).collect();
    node("header", &[("list-id", &it.id)], all)
}

/// An inventory record.
pub(super) fn stock(it: &Stock) -> Element {
    let all = optional([
        ("allocation", number(it.allocation.as_ref().and_then(|it| it.amount.as_ref()))),
        ("perpetual", it.perpetual_flag.map(|it| it.to_string())),
        ("preorder-backorder-handling", it.pre_order_back_order_handling.clone()),
        ("preorder-backorder-allocation", number(it.pre_order_back_order_allocation.as_ref())),
        ("in-stock-datetime", it.in_stock_date.clone()),
        ("ats", number(it.ats.as_ref())),
        ("on-order", number(it.quantity_on_order.as_ref())),
        ("turnover", number(it.inventory_turnover.as_ref())),
    ]);
    node("record", &[("product-id", &it.product_id)], all.collect())
}

/// The header of a price book.
pub(super) fn book(id: &str, currency: &str, parent: Option<&str>) -> Element {
    let all = optional([("currency", Some(currency.to_owned())), ("parent", parent.map(str::to_owned))]);
    node("header", &[("pricebook-id", id)], all.collect())
}

/// A price table without a time: amounts by the quantity from which each holds.
pub(super) fn table(product: &str, amounts: &[(String, String)]) -> Element {
    let amount = |(quantity, amount): &(String, String)| leaf("amount", amount).with("quantity", quantity);
    node("price-table", &[("product-id", product)], amounts.iter().map(amount).collect())
}

/// The definition of a custom attribute.
pub(super) fn definition(it: &Definition) -> Element {
    let mut all: Vec<Element> = texts("display-name", &it.display_name).collect();
    all.extend(optional([
        ("type", Some(it.value_type.replace('_', "-"))),
        ("localizable-flag", Some(it.localizable.to_string())),
        ("select-multiple-flag", Some(it.multi_value_type.to_string())),
    ]));
    let values: Vec<Element> = it.value_definitions.iter().filter_map(value_definition).collect();
    all.extend(filled(node("value-definitions", &[], values)));
    node("attribute-definition", &[("attribute-id", &it.id)], all)
}

fn value_definition(it: &ValueDefinition) -> Option<Element> {
    let by_locale = |value: &Value| value.get("default").or_else(|| value.as_object()?.values().next()).and_then(scalar);
    let value = it.value.as_ref().and_then(|value| by_locale(value).or_else(|| scalar(value)));
    let value = value.or_else(|| Some(it.id.clone()).filter(|id| !id.is_empty()))?;
    let mut all: Vec<Element> = texts("display", &it.display_value).collect();
    all.push(leaf("value", value));
    Some(node("value-definition", &[], all))
}
