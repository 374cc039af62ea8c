//! Renders catalogue records as the platform's JSON.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::Body;
use super::order::Id;
use super::state::{Kind, Object, Types, members_text, reference, terms};
use super::table::{ProductPart, Row};
use super::{CatalogModel, SeedError, time};
use crate::catalogue::{self, AttributeKind, fraction_digits};

/// Stock of SKUs that is not part of a product.
pub(super) type LooseStock = HashMap<String, Vec<catalogue::Stock>>;

/// What products are rendered by.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) types: &'a Types,
    pub(super) loose: &'a LooseStock,
    pub(super) model: CatalogModel,
}

/// A product with its stock and prices.
pub(super) struct Rendered {
    pub(super) product: Row,
    /// Its variants, in a Modular project.
    pub(super) variants: Vec<Row>,
    /// Inventory entries and standalone prices.
    pub(super) others: Vec<(Kind, Row)>,
}

/// Money in minor units.
pub(super) fn money(minor: i64, currency: &str) -> Value {
    json!({
        "type": "centPrecision",
        "currencyCode": currency,
        "centAmount": minor,
        "fractionDigits": fraction_digits(currency),
    })
}

/// The amount of a price, in full where it is finer than minor units.
fn amount(given: &catalogue::Price) -> Value {
    let Some((precise, digits)) = given.precise else { return money(given.minor, &given.currency) };
    json!({
        "type": "highPrecision",
        "currencyCode": given.currency,
        "centAmount": given.minor,
        "preciseAmount": precise,
        "fractionDigits": digits,
    })
}

/// A row without product part.
pub(super) fn row(id: Id, key: Option<&str>, at: i64, members: &Object) -> Row {
    Row {
        id,
        version: 1,
        created: at,
        modified: at,
        key: key.map(Into::into),
        body: Body::new(&members_text(members)),
        product: None,
        terms: terms(key, [members]),
    }
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn id(kind: Kind, key: &str) -> Id {
    Id::of(kind.type_id(), key)
}

fn reference_to(kind: Kind, key: &str) -> Value {
    reference(kind, id(kind, key))
}

/// An instant in the platform's form; a text that is none is left as it is.
fn instant(text: &str) -> String {
    time::milliseconds(text).map_or_else(|| text.to_owned(), time::print)
}

/// A product type.
pub(super) fn product_type(given: &catalogue::ProductType, at: i64) -> Row {
    let attributes: Vec<Value> = given
        .attributes
        .iter()
        .map(|attribute| {
            json!({
                "name": attribute.name,
                "label": attribute.label,
                "type": attribute_type(&attribute.kind),
                "isRequired": false,
                "isSearchable": true,
                "level": if attribute.product_level { "Product" } else { "Variant" },
                "attributeConstraint": if attribute.option { "CombinationUnique" } else { "None" },
                "inputHint": "SingleLine",
            })
        })
        .collect();
    let members = json!({ "name": given.name, "description": given.name, "attributes": attributes });
    row(id(Kind::ProductType, &given.key), Some(&given.key), at, &object(members))
}

fn attribute_type(kind: &AttributeKind) -> Value {
    match kind {
        AttributeKind::Text => json!({"name": "text"}),
        AttributeKind::LocalizedText => json!({"name": "ltext"}),
        AttributeKind::Enum(values) => {
            let values: Vec<Value> = values.iter().map(|(key, label)| json!({"key": key, "label": label})).collect();
            json!({"name": "enum", "values": values})
        }
        AttributeKind::LocalizedEnum(values) => {
            let values: Vec<Value> = values.iter().map(|(key, label)| json!({"key": key, "label": label})).collect();
            json!({"name": "lenum", "values": values})
        }
        AttributeKind::Number => json!({"name": "number"}),
        AttributeKind::Money => json!({"name": "money"}),
        AttributeKind::Date => json!({"name": "date"}),
        AttributeKind::Time => json!({"name": "time"}),
        AttributeKind::DateTime => json!({"name": "datetime"}),
        AttributeKind::Boolean => json!({"name": "boolean"}),
        AttributeKind::ProductReference => json!({"name": "reference", "referenceTypeId": "product"}),
        AttributeKind::Nested(key) => {
            json!({"name": "nested", "typeReference": reference_to(Kind::ProductType, key)})
        }
        AttributeKind::Set(element) => json!({"name": "set", "elementType": attribute_type(element)}),
    }
}

/// A category. `parents` maps each key to its parent's; a cycle is cut where it closes.
pub(super) fn category(
    given: &catalogue::Category,
    parents: &HashMap<&str, Option<&str>>,
    at: i64,
) -> Result<Row, SeedError> {
    let mut ancestors = Vec::new();
    let mut seen = vec![given.key.as_str()];
    let mut parent = given.parent.as_deref();
    while let Some(key) = parent {
        let Some(next) = parents.get(key) else {
            return Err(SeedError::unknown("category", &given.key, "category", key));
        };
        ancestors.push(reference_to(Kind::Category, key));
        if seen.contains(&key) {
            break;
        }
        seen.push(key);
        parent = *next;
    }
    ancestors.reverse();
    let mut members = object(json!({
        "name": given.name,
        "slug": given.slug,
        "ancestors": ancestors,
        "orderHint": given.order_hint,
        "assets": [],
    }));
    if let Some(parent) = &given.parent {
        members.insert("parent".to_owned(), reference_to(Kind::Category, parent));
    }
    Ok(row(id(Kind::Category, &given.key), Some(&given.key), at, &members))
}

/// A channel.
pub(super) fn channel(given: &catalogue::Channel, at: i64) -> Row {
    let roles: Vec<&str> = [(given.supply, "InventorySupply"), (given.distribution, "ProductDistribution")]
        .into_iter()
        .filter_map(|(has, role)| has.then_some(role))
        .collect();
    let members = json!({ "roles": roles, "name": given.name });
    row(id(Kind::Channel, &given.key), Some(&given.key), at, &object(members))
}

/// A customer group.
pub(super) fn customer_group(key: &str, at: i64) -> Row {
    row(id(Kind::CustomerGroup, key), Some(key), at, &object(json!({ "name": key })))
}

/// A product selection.
pub(super) fn selection(given: &catalogue::Selection, at: i64) -> Row {
    let members = json!({
        "name": given.name,
        "mode": if given.excludes { "IndividualExclusion" } else { "Individual" },
        "productCount": given.products.len(),
    });
    row(id(Kind::ProductSelection, &given.key), Some(&given.key), at, &object(members))
}

/// A store.
pub(super) fn store(given: &catalogue::Store, at: i64) -> Row {
    let channels =
        |keys: &[String]| -> Vec<Value> { keys.iter().map(|key| reference_to(Kind::Channel, key)).collect() };
    let selections: Vec<Value> = given
        .selections
        .iter()
        .map(|(key, active)| json!({ "productSelection": reference_to(Kind::ProductSelection, key), "active": active }))
        .collect();
    let countries: Vec<Value> = given.countries.iter().map(|code| json!({ "code": code })).collect();
    let members = json!({
        "name": given.name,
        "languages": given.languages,
        "countries": countries,
        "distributionChannels": channels(&given.distribution_channels),
        "supplyChannels": channels(&given.supply_channels),
        "productSelections": selections,
    });
    row(id(Kind::Store, &given.key), Some(&given.key), at, &object(members))
}

/// The id of the inventory entry of a SKU in a channel.
pub(super) fn inventory_id(sku: &str, channel: Option<&str>) -> Id {
    id(Kind::InventoryEntry, &format!("{sku}\0{}", channel.unwrap_or_default()))
}

/// An inventory entry.
pub(super) fn inventory(sku: &str, stock: &catalogue::Stock, at: i64) -> Row {
    let mut members = object(json!({
        "sku": sku,
        "quantityOnStock": stock.quantity,
        "availableQuantity": stock.quantity,
    }));
    if let Some(channel) = &stock.channel {
        members.insert("supplyChannel".to_owned(), reference_to(Kind::Channel, channel));
    }
    row(inventory_id(sku, stock.channel.as_deref()), None, at, &members)
}

/// The `availability` of a variant with these entries (channel id, quantity, entry id, entry version).
pub(super) fn availability(entries: &[(Option<String>, i64, String, u32)]) -> Option<Value> {
    if entries.is_empty() {
        return None;
    }
    let (mut whole, mut channels) = (Map::new(), Map::new());
    for (channel, quantity, id, version) in entries {
        let entry = object(json!({
            "isOnStock": *quantity > 0,
            "availableQuantity": quantity,
            "id": id,
            "version": version,
        }));
        match channel {
            Some(channel) => {
                channels.insert(channel.clone(), Value::Object(entry));
            }
            None => whole = entry,
        }
    }
    if !channels.is_empty() {
        whole.insert("channels".to_owned(), Value::Object(channels));
    }
    Some(Value::Object(whole))
}

/// The members of a price that embedded and standalone prices share.
fn price_members(given: &catalogue::Price) -> Object {
    let mut members = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            members.insert(name.to_owned(), value);
        }
    };
    set("value", Some(amount(given)));
    set("country", given.country.as_ref().map(|country| json!(country)));
    set("customerGroup", given.customer_group.as_ref().map(|key| reference_to(Kind::CustomerGroup, key)));
    set("channel", given.channel.as_ref().map(|key| reference_to(Kind::Channel, key)));
    set("validFrom", given.valid_from.as_deref().map(|from| json!(instant(from))));
    set("validUntil", given.valid_until.as_deref().map(|until| json!(instant(until))));
    set("discounted", given.discounted.map(|minor| discounted(minor, &given.currency)));
    let tiers: Vec<Value> = given
        .tiers
        .iter()
        .map(|(quantity, minor)| json!({ "minimumQuantity": quantity, "value": money(*minor, &given.currency) }))
        .collect();
    set("tiers", (!tiers.is_empty()).then(|| json!(tiers)));
    members
}

/// A reference to the one product discount that the emulated project has.
pub(super) fn product_discount() -> Value {
    json!({ "typeId": "product-discount", "id": Id::of("product-discount", "sale").to_string() })
}

/// A discounted price.
pub(super) fn discounted(minor: i64, currency: &str) -> Value {
    json!({ "value": money(minor, currency), "discount": product_discount() })
}

fn embedded_price(product: &str, variant: usize, place: usize, given: &catalogue::Price) -> Value {
    let mut members = price_members(given);
    members.insert("id".to_owned(), json!(Id::of("price", &format!("{product}\0{variant}\0{place}")).to_string()));
    Value::Object(members)
}

fn standalone_price(sku: &str, place: usize, given: &catalogue::Price, at: i64) -> Row {
    let mut members = price_members(given);
    members.insert("sku".to_owned(), json!(sku));
    members.insert("active".to_owned(), json!(true));
    row(id(Kind::StandalonePrice, &format!("{sku}\0{place}")), None, at, &members)
}

/// An attribute value of `kind`. A key that the enum does not list gets itself as label.
fn attribute_value(value: &catalogue::Value, kind: Option<&AttributeKind>, types: &Types) -> Value {
    match value {
        catalogue::Value::Text(text)
        | catalogue::Value::Date(text)
        | catalogue::Value::Time(text)
        | catalogue::Value::DateTime(text) => json!(text),
        catalogue::Value::Localized(texts) => json!(texts),
        catalogue::Value::Key(key) => match kind {
            Some(AttributeKind::LocalizedEnum(values)) => {
                let label = values.iter().find(|(known, _)| known == key).map(|(_, label)| label);
                json!({ "key": key, "label": label.cloned().unwrap_or_default() })
            }
            Some(AttributeKind::Enum(values)) => {
                let label = values.iter().find(|(known, _)| known == key).map(|(_, label)| label);
                json!({ "key": key, "label": label.unwrap_or(key) })
            }
            _ => json!({ "key": key, "label": key }),
        },
        catalogue::Value::Number(number) => number_value(*number),
        catalogue::Value::Money { minor, currency } => money(*minor, currency),
        catalogue::Value::Boolean(flag) => json!(flag),
        catalogue::Value::Product(key) => reference_to(Kind::Product, key),
        catalogue::Value::Nested(attributes) => {
            let inner = match kind {
                Some(AttributeKind::Nested(key)) => types.get(key),
                _ => None,
            };
            json!(attribute_list(attributes, inner, types))
        }
        catalogue::Value::Set(values) => {
            let element = match kind {
                Some(AttributeKind::Set(element)) => Some(element.as_ref()),
                _ => None,
            };
            json!(values.iter().map(|value| attribute_value(value, element, types)).collect::<Vec<_>>())
        }
    }
}

/// Whole numbers are written without a fraction.
fn number_value(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and far below 2^53")]
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

fn attribute_list(
    given: &[(String, catalogue::Value)],
    product_type: Option<&catalogue::ProductType>,
    types: &Types,
) -> Vec<Value> {
    given
        .iter()
        .map(|(name, value)| {
            let definition = product_type.and_then(|known| known.attributes.iter().find(|known| known.name == *name));
            json!({ "name": name, "value": attribute_value(value, definition.map(|known| &known.kind), types) })
        })
        .collect()
}

/// A product with its stock and standalone prices. In a Modular project all prices are standalone ones, so that a variant
/// without a SKU has none.
pub(super) fn product(given: &catalogue::Product, by: Given<'_>, at: i64) -> Result<Rendered, SeedError> {
    let Given { types, loose, model } = by;
    let is_standalone = given.standalone_prices || model == CatalogModel::Modular;
    let Some(product_type) = types.get(&given.product_type) else {
        return Err(SeedError::unknown("product", &given.key, "product type", &given.product_type));
    };
    if given.variants.is_empty() {
        return Err(SeedError::NoVariant { product: given.key.clone() });
    }
    let mut others = Vec::new();
    let mut variants = Vec::with_capacity(given.variants.len());
    for (place, variant) in given.variants.iter().enumerate() {
        let mut members = object(json!({
            "id": place + 1,
            "prices": [],
            "images": variant
                .images
                .iter()
                .map(|url| json!({ "url": url, "dimensions": { "w": 800, "h": 1200 } }))
                .collect::<Vec<_>>(),
            "attributes": attribute_list(&variant.attributes, Some(product_type), types),
            "assets": [],
        }));
        if is_standalone {
            let sku = variant.sku.as_deref();
            let prices = variant.prices.iter().enumerate();
            others.extend(
                prices.filter_map(|(place, price)| {
                    Some((Kind::StandalonePrice, standalone_price(sku?, place, price, at)))
                }),
            );
        } else {
            let prices = variant.prices.iter().enumerate();
            let prices: Vec<Value> =
                prices.map(|(number, price)| embedded_price(&given.key, place, number, price)).collect();
            members.insert("prices".to_owned(), json!(prices));
        }
        if let Some(sku) = &variant.sku {
            members.insert("sku".to_owned(), json!(sku));
            let stock = stock(sku, variant, loose);
            others.extend(stock.iter().map(|stock| (Kind::InventoryEntry, inventory(sku, stock, at))));
            if let Some(availability) = seeded_availability(sku, &stock) {
                members.insert("availability".to_owned(), availability);
            }
        }
        variants.push(Value::Object(members));
    }
    let mut side = side(given, product_type, types);
    let variants = match model {
        CatalogModel::Classic => {
            side.insert("masterVariant".to_owned(), variants.remove(0));
            side.insert("variants".to_owned(), json!(variants));
            Vec::new()
        }
        CatalogModel::Modular => {
            side.insert("variants".to_owned(), json!([]));
            variants.into_iter().map(|members| variant(given, object(members), at)).collect()
        }
    };
    let mut fixed = object(json!({ "productType": reference_to(Kind::ProductType, &given.product_type) }));
    fixed.insert("priceMode".to_owned(), json!(if is_standalone { "Standalone" } else { "Embedded" }));
    let fixed = String::from_utf8(members_text(&fixed)).unwrap_or_default();
    let mut product = row(id(Kind::Product, &given.key), Some(&given.key), at, &side);
    product.product = Some(Box::new(ProductPart { fixed: Arc::from(fixed), published: given.published, staged: None }));
    Ok(Rendered { product, variants, others })
}

/// A variant of a Modular project, from the members that a Classic one would have.
fn variant(of: &catalogue::Product, mut members: Object, at: i64) -> Row {
    let number = members.remove("id").unwrap_or_default();
    for name in ["prices", "availability"] {
        members.remove(name);
    }
    let id = id(Kind::Variant, &format!("{}\0{number}", of.key));
    let members = json!({
        "variantId": number,
        "product": reference_to(Kind::Product, &of.key),
        "published": of.published,
        "current": members,
    });
    row(id, None, at, &object(members))
}

/// The members that current and staged data have.
/// A side of a product without its variants.
fn side(given: &catalogue::Product, product_type: &catalogue::ProductType, types: &Types) -> Object {
    let categories: Vec<Value> = given.categories.iter().map(|key| reference_to(Kind::Category, key)).collect();
    let mut side = object(json!({
        "name": given.name,
        "slug": given.slug,
        "categories": categories,
        "categoryOrderHints": {},
        "searchKeywords": {},
        "attributes": attribute_list(&given.attributes, Some(product_type), types),
    }));
    if !given.description.is_empty() {
        side.insert("description".to_owned(), json!(given.description));
    }
    side
}

/// Stock of a variant: its own entries first, then loose ones for channels it does not name.
fn stock(sku: &str, variant: &catalogue::Variant, loose: &LooseStock) -> Vec<catalogue::Stock> {
    let mut stock: Vec<catalogue::Stock> = Vec::new();
    for entry in variant.stock.iter().chain(loose.get(sku).into_iter().flatten()) {
        if !stock.iter().any(|known| known.channel == entry.channel) {
            stock.push(entry.clone());
        }
    }
    stock
}

fn seeded_availability(sku: &str, stock: &[catalogue::Stock]) -> Option<Value> {
    let entries: Vec<(Option<String>, i64, String, u32)> = stock
        .iter()
        .map(|entry| {
            let channel = entry.channel.as_deref().map(|key| id(Kind::Channel, key).to_string());
            (channel, entry.quantity, inventory_id(sku, entry.channel.as_deref()).to_string(), 1)
        })
        .collect();
    availability(&entries)
}
