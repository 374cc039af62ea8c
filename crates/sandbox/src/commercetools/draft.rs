//! What clients send (drafts) as what the platform keeps.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::order::Id;
use super::render;
use super::state::{Effect, Kind, Object, State, reference, variants};
use super::table::Term;
use super::time;
use super::write::{Edit, Writer, publish, with_term};
use crate::catalogue::fraction_digits;

/// A required member.
pub(super) fn need<'a>(object: &'a Object, name: &str) -> Result<&'a Value, ApiError> {
    object.get(name).filter(|value| !value.is_null()).ok_or_else(|| ApiError::required(name))
}

/// A required string.
pub(super) fn need_text<'a>(object: &'a Object, name: &str) -> Result<&'a str, ApiError> {
    need(object, name)?.as_str().ok_or_else(|| wrong(name, "a string"))
}

/// A required whole number.
pub(super) fn need_number(object: &Object, name: &str) -> Result<i64, ApiError> {
    need(object, name)?.as_i64().ok_or_else(|| wrong(name, "a whole number"))
}

/// A required localised text.
pub(super) fn need_localized<'a>(object: &'a Object, name: &str) -> Result<&'a Value, ApiError> {
    let value = need(object, name)?;
    let fits = value.as_object().is_some_and(|texts| texts.values().all(Value::is_string));
    if fits { Ok(value) } else { Err(wrong(name, "an object of strings by locale")) }
}

/// An optional string.
pub(super) fn text(object: &Object, name: &str) -> Option<String> {
    object.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The elements of an optional list.
pub(super) fn list<'a>(object: &'a Object, name: &str) -> impl Iterator<Item = &'a Value> {
    object.get(name).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn wrong(field: &str, wanted: &str) -> ApiError {
    ApiError::json(format!("{field}: expected {wanted}"))
}

pub(super) fn object<'a>(value: &'a Value, field: &str) -> Result<&'a Object, ApiError> {
    value.as_object().ok_or_else(|| wrong(field, "an object"))
}

/// The reference that a resource identifier stands for.
pub(super) fn resolve(state: &State, kind: Kind, identifier: &Value) -> Result<Value, ApiError> {
    if let Some(row) = state.identified(kind, identifier) {
        return Ok(reference(kind, row.id));
    }
    let named = |how: &str| identifier.get(how).and_then(Value::as_str).map(|what| (how.to_owned(), what.to_owned()));
    match named("id").or_else(|| named("key")) {
        Some((how, what)) => Err(ApiError::dangling(kind.type_id(), &how, &what)),
        None => Err(wrong(kind.type_id(), "an object with 'id' or 'key'")),
    }
}

/// Money as kept, from money as sent.
pub(super) fn money(given: &Value) -> Result<Value, ApiError> {
    let given = object(given, "value")?;
    let currency = need_text(given, "currencyCode")?;
    if given.get("type").and_then(Value::as_str) == Some("highPrecision") {
        let precise = need_number(given, "preciseAmount")?;
        let digits = u32::try_from(need_number(given, "fractionDigits")?).unwrap_or(u32::MAX);
        let whole = fraction_digits(currency);
        if digits <= whole || digits > 20 {
            return Err(ApiError::invalid(
                "fractionDigits of highPrecision money must be above the currency's and at most 20.",
            ));
        }
        let divisor = 10_i128.pow(digits - whole);
        let half = divisor / 2 * i128::from(precise.signum());
        let cents = i64::try_from((i128::from(precise) + half) / divisor).unwrap_or(i64::MAX);
        return Ok(json!({
            "type": "highPrecision",
            "currencyCode": currency,
            "centAmount": given.get("centAmount").and_then(Value::as_i64).unwrap_or(cents),
            "preciseAmount": precise,
            "fractionDigits": digits,
        }));
    }
    Ok(render::money(need_number(given, "centAmount")?, currency))
}

/// An instant in the platform's form.
pub(super) fn instant(given: &Value, field: &str) -> Result<Value, ApiError> {
    let text = given.as_str().ok_or_else(|| wrong(field, "a date and time"))?;
    time::milliseconds(text).map(|at| json!(time::print(at))).ok_or_else(|| wrong(field, "a date and time"))
}

/// The members that embedded and standalone prices share.
fn price_members(state: &State, given: &Object) -> Result<Object, ApiError> {
    let mut price = Map::new();
    price.insert("value".to_owned(), money(need(given, "value")?)?);
    for (name, kind) in [("customerGroup", Kind::CustomerGroup), ("channel", Kind::Channel)] {
        if let Some(identifier) = given.get(name) {
            price.insert(name.to_owned(), resolve(state, kind, identifier)?);
        }
    }
    for name in ["validFrom", "validUntil"] {
        if let Some(at) = given.get(name) {
            price.insert(name.to_owned(), instant(at, name)?);
        }
    }
    if let Some(given) = given.get("discounted") {
        price.insert("discounted".to_owned(), discounted(given)?);
    }
    let tiers = list(given, "tiers").map(tier).collect::<Result<Vec<_>, _>>()?;
    if !tiers.is_empty() {
        price.insert("tiers".to_owned(), json!(tiers));
    }
    for name in ["key", "country", "custom", "recurrencePolicy"] {
        if let Some(value) = given.get(name) {
            price.insert(name.to_owned(), value.clone());
        }
    }
    Ok(price)
}

/// A discounted price as kept.
pub(super) fn discounted(given: &Value) -> Result<Value, ApiError> {
    let given = object(given, "discounted")?;
    Ok(json!({ "value": money(need(given, "value")?)?, "discount": need(given, "discount")? }))
}

/// A tier as kept.
pub(super) fn tier(given: &Value) -> Result<Value, ApiError> {
    let given = object(given, "tiers")?;
    let quantity = need_number(given, "minimumQuantity")?;
    if quantity < 2 {
        return Err(ApiError::invalid("minimumQuantity of a price tier must be at least 2."));
    }
    Ok(json!({ "minimumQuantity": quantity, "value": money(need(given, "value")?)? }))
}

/// An embedded price as kept; `id` when it replaces one.
pub(super) fn price(state: &mut State, given: &Value, id: Option<&str>) -> Result<Value, ApiError> {
    let mut price = price_members(state, object(given, "price")?)?;
    let id = id.map_or_else(|| Id::of("price", &format!("\u{1}{}", state.next_number())).to_string(), str::to_owned);
    price.insert("id".to_owned(), json!(id));
    Ok(Value::Object(price))
}

/// Refuses two prices of one scope that could hold at the same time.
pub(super) fn check_price_scopes(prices: &[Value]) -> Result<(), ApiError> {
    let scope = |price: &Value| {
        let text = |pointer: &str| price.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        [
            text("/value/currencyCode"),
            text("/country"),
            text("/customerGroup/id"),
            text("/channel/id"),
            text("/recurrencePolicy/id"),
            text("/validFrom"),
            text("/validUntil"),
        ]
    };
    for (place, price) in prices.iter().enumerate() {
        let wanted = scope(price);
        if prices.iter().take(place).any(|other| scope(other) == wanted) {
            return Err(ApiError::new(
                400,
                "DuplicatePriceScope",
                "Duplicate price scope: a variant can't have two prices of one scope.",
            ));
        }
    }
    Ok(())
}

/// An attribute value as kept: the key of an enum becomes key and label.
pub(super) fn attribute(state: &State, fixed: &Object, name: &str, value: &Value) -> Result<Value, ApiError> {
    let product_type = fixed.get("productType").and_then(|kind| state.identified(Kind::ProductType, kind));
    let members = product_type.map(|row| State::members_of(&row.body)).unwrap_or_default();
    let definition = list(&members, "attributes").find(|known| known.get("name").and_then(Value::as_str) == Some(name));
    let Some(kind) = definition.and_then(|definition| definition.get("type")) else {
        return Err(ApiError::new(
            400,
            "AttributeNameDoesNotExist",
            format!("Attribute definition for '{name}' does not exist on the product type."),
        )
        .with("invalidAttributeName", name));
    };
    enum_value(kind, name, value)
}

fn enum_value(kind: &Value, name: &str, value: &Value) -> Result<Value, ApiError> {
    match kind.get("name").and_then(Value::as_str) {
        Some("enum" | "lenum") => {
            let key = value.as_str().or_else(|| value.get("key").and_then(Value::as_str));
            let known = kind.get("values").and_then(Value::as_array).into_iter().flatten();
            known.into_iter().find(|known| known.get("key").and_then(Value::as_str) == key).cloned().ok_or_else(|| {
                ApiError::new(400, "InvalidField", format!("The value '{value}' is not valid for field '{name}'."))
                    .with("field", name)
                    .with("invalidValue", value.clone())
            })
        }
        Some("set") => {
            let element = kind.get("elementType").unwrap_or(&Value::Null);
            let values = value.as_array().ok_or_else(|| wrong(name, "a list"))?;
            values.iter().map(|value| enum_value(element, name, value)).collect::<Result<_, _>>().map(Value::Array)
        }
        _ => Ok(value.clone()),
    }
}

/// A variant as kept.
pub(super) fn variant(writer: &mut Writer<'_>, fixed: &Object, given: &Value, id: i64) -> Result<Value, ApiError> {
    let given = object(given, "variant")?;
    let mut prices = Vec::new();
    for draft in list(given, "prices") {
        prices.push(price(writer.state, draft, None)?);
    }
    check_price_scopes(&prices)?;
    let mut attributes = Vec::new();
    for draft in list(given, "attributes") {
        attributes.push(named_attribute(writer.state, fixed, draft)?);
    }
    let images: Vec<&Value> = list(given, "images").collect();
    let mut variant = json!({ "id": id, "prices": prices, "attributes": attributes, "images": images, "assets": [] });
    if let Some(variant) = variant.as_object_mut() {
        if let Some(sku) = text(given, "sku") {
            if !with_term(writer.state.table(Kind::Product), Term::Sku, &sku).is_empty() {
                return Err(ApiError::duplicate("sku", &sku));
            }
            if let Some(availability) = writer.availability(&sku) {
                variant.insert("availability".to_owned(), availability);
            }
            variant.insert("sku".to_owned(), json!(sku));
        }
        if let Some(key) = given.get("key") {
            variant.insert("key".to_owned(), key.clone());
        }
    }
    Ok(variant)
}

fn named_attribute(state: &State, fixed: &Object, draft: &Value) -> Result<Value, ApiError> {
    let draft = object(draft, "attributes")?;
    let name = need_text(draft, "name")?;
    Ok(json!({ "name": name, "value": attribute(state, fixed, name, need(draft, "value")?)? }))
}

/// Creates a resource from its draft.
pub(super) fn create(writer: &mut Writer<'_>, kind: Kind, draft: &Object) -> Result<Id, ApiError> {
    let edit = match kind {
        Kind::Product => product(writer, draft)?,
        Kind::Category => category(writer, draft)?,
        Kind::InventoryEntry => inventory(writer, draft)?,
        Kind::StandalonePrice => standalone_price(writer, draft)?,
        Kind::Store => store(writer, draft)?,
        Kind::Channel => channel(writer, draft)?,
        Kind::CustomerGroup => {
            let name = need_text(draft, "groupName").or_else(|_| need_text(draft, "name"))?.to_owned();
            writer.create(kind, text(draft, "key"), members(json!({ "name": name })))?
        }
        Kind::ProductSelection => {
            let mode = text(draft, "mode").unwrap_or_else(|| "Individual".to_owned());
            let name = need_localized(draft, "name")?;
            let given = members(json!({ "name": name, "mode": mode, "productCount": 0 }));
            let mut edit = writer.create(kind, text(draft, "key"), given)?;
            edit.message("ProductSelectionCreated", json!({}));
            edit
        }
        Kind::ProductType | Kind::Message => {
            return Err(ApiError::new(405, "InvalidOperation", "This server can't create resources of this type."));
        }
    };
    Ok(writer.commit(edit))
}

fn members(value: Value) -> Object {
    if let Value::Object(members) = value { members } else { Map::new() }
}

fn product(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let mut fixed = Map::new();
    let product_type = resolve(writer.state, Kind::ProductType, need(draft, "productType")?)?;
    fixed.insert("productType".to_owned(), product_type);
    for name in ["priceMode", "taxCategory", "state"] {
        if let Some(value) = draft.get(name) {
            fixed.insert(name.to_owned(), value.clone());
        }
    }
    let mut skus: Vec<&str> = draft
        .get("masterVariant")
        .into_iter()
        .chain(list(draft, "variants"))
        .filter_map(|variant| variant.get("sku")?.as_str())
        .collect();
    skus.sort_unstable();
    if let Some(twice) = skus.windows(2).find_map(|pair| if let [a, b] = pair { (a == b).then_some(*a) } else { None })
    {
        return Err(ApiError::duplicate("sku", twice));
    }
    let empty = json!({});
    let master = variant(writer, &fixed, draft.get("masterVariant").unwrap_or(&empty), 1)?;
    let mut others = Vec::new();
    for (draft, id) in list(draft, "variants").zip(2..) {
        others.push(variant(writer, &fixed, draft, id)?);
    }
    let mut categories = Vec::new();
    for identifier in list(draft, "categories") {
        categories.push(resolve(writer.state, Kind::Category, identifier)?);
    }
    let mut attributes = Vec::new();
    for given in list(draft, "attributes") {
        attributes.push(named_attribute(writer.state, &fixed, given)?);
    }
    let mut side = members(json!({
        "name": need_localized(draft, "name")?,
        "slug": need_localized(draft, "slug")?,
        "categories": categories,
        "categoryOrderHints": draft.get("categoryOrderHints").cloned().unwrap_or(json!({})),
        "searchKeywords": draft.get("searchKeywords").cloned().unwrap_or(json!({})),
        "attributes": attributes,
        "masterVariant": master,
        "variants": others,
    }));
    for name in ["description", "metaTitle", "metaDescription", "metaKeywords"] {
        if let Some(value) = draft.get(name) {
            side.insert(name.to_owned(), value.clone());
        }
    }
    let mut edit = writer.create_product(text(draft, "key"), fixed, side)?;
    if draft.get("publish") == Some(&Value::Bool(true)) {
        publish(&mut edit, "All");
    }
    Ok(edit)
}

fn category(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let parent = draft.get("parent").map(|parent| resolve(writer.state, Kind::Category, parent)).transpose()?;
    let number = writer.state.next_number();
    let mut given = members(json!({
        "name": need_localized(draft, "name")?,
        "slug": need_localized(draft, "slug")?,
        "ancestors": writer.ancestors(parent.as_ref()),
        "orderHint": text(draft, "orderHint").unwrap_or_else(|| format!("0.00001{number:08}1")),
        "assets": [],
    }));
    if let Some(parent) = parent {
        given.insert("parent".to_owned(), parent);
    }
    for name in ["description", "externalId", "metaTitle", "metaDescription", "metaKeywords", "custom"] {
        if let Some(value) = draft.get(name) {
            given.insert(name.to_owned(), value.clone());
        }
    }
    let mut edit = writer.create(Kind::Category, text(draft, "key"), given)?;
    edit.message("CategoryCreated", json!({}));
    Ok(edit)
}

fn inventory(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let sku = need_text(draft, "sku")?;
    let quantity = need_number(draft, "quantityOnStock")?;
    let mut given = members(json!({ "sku": sku, "quantityOnStock": quantity, "availableQuantity": quantity }));
    let channel =
        draft.get("supplyChannel").map(|channel| resolve(writer.state, Kind::Channel, channel)).transpose()?;
    if find_inventory(writer.state, sku, channel.as_ref()).is_some() {
        return Err(ApiError::new(
            400,
            "DuplicateField",
            "An inventory entry for this SKU and supply channel already exists.",
        )
        .with("field", "supplyChannel")
        .with("duplicateValue", channel.unwrap_or(Value::Null)));
    }
    if let Some(channel) = channel {
        given.insert("supplyChannel".to_owned(), channel);
    }
    for name in ["minCartQuantity", "maxCartQuantity", "restockableInDays", "expectedDelivery", "stockLevels", "custom"]
    {
        if let Some(value) = draft.get(name) {
            given.insert(name.to_owned(), value.clone());
        }
    }
    let mut edit = writer.create(Kind::InventoryEntry, text(draft, "key"), given)?;
    edit.message("InventoryEntryCreated", json!({}));
    edit.effects.push(Effect::Availability(sku.to_owned()));
    Ok(edit)
}

/// The inventory entry of a SKU in a channel (reference), or without one.
pub(super) fn find_inventory(state: &State, sku: &str, channel: Option<&Value>) -> Option<Id> {
    let table = state.table(Kind::InventoryEntry);
    with_term(table, Term::Sku, sku).into_iter().find(|id| {
        table.find(*id).is_some_and(|row| {
            let members = State::members_of(&row.body);
            members.get("sku").and_then(Value::as_str) == Some(sku) && members.get("supplyChannel") == channel
        })
    })
}

fn standalone_price(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let sku = need_text(draft, "sku")?;
    let mut price = price_members(writer.state, draft)?;
    price.remove("key");
    price.insert("sku".to_owned(), json!(sku));
    price.insert("active".to_owned(), draft.get("active").cloned().unwrap_or(json!(true)));
    let known = super::price::standalone_prices(writer.state, sku);
    let mut all = known;
    all.push(Value::Object(price.clone()));
    check_price_scopes(&all).map_err(|error| ApiError { code: "DuplicateStandalonePriceScope", ..error })?;
    let mut edit = writer.create(Kind::StandalonePrice, text(draft, "key"), price)?;
    edit.message("StandalonePriceCreated", json!({}));
    Ok(edit)
}

fn store(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let key = need_text(draft, "key")?.to_owned();
    let mut given = Map::new();
    for name in ["distributionChannels", "supplyChannels"] {
        let channels = list(draft, name).map(|channel| resolve(writer.state, Kind::Channel, channel));
        given.insert(name.to_owned(), Value::Array(channels.collect::<Result<_, _>>()?));
    }
    given.insert("productSelections".to_owned(), store_selections(writer.state, draft)?);
    for name in ["languages", "countries"] {
        given.insert(name.to_owned(), draft.get(name).cloned().unwrap_or(json!([])));
    }
    if let Some(name) = draft.get("name") {
        given.insert("name".to_owned(), name.clone());
    }
    let mut edit = writer.create(Kind::Store, Some(key), given)?;
    edit.message("StoreCreated", json!({}));
    Ok(edit)
}

/// The `productSelections` of a store as kept.
pub(super) fn store_selections(state: &State, draft: &Object) -> Result<Value, ApiError> {
    let selections = list(draft, "productSelections").map(|setting| {
        let setting = object(setting, "productSelections")?;
        let selection = resolve(state, Kind::ProductSelection, need(setting, "productSelection")?)?;
        let active = setting.get("active").and_then(Value::as_bool).unwrap_or(false);
        Ok(json!({ "productSelection": selection, "active": active }))
    });
    Ok(Value::Array(selections.collect::<Result<_, ApiError>>()?))
}

fn channel(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let key = need_text(draft, "key")?.to_owned();
    let mut given = members(json!({ "roles": draft.get("roles").cloned().unwrap_or(json!(["InventorySupply"])) }));
    for name in ["name", "description", "address", "geoLocation", "custom"] {
        if let Some(value) = draft.get(name) {
            given.insert(name.to_owned(), value.clone());
        }
    }
    writer.create(Kind::Channel, Some(key), given)
}

/// The highest variant id of a side of a product.
pub(super) fn highest_variant(side: &Object) -> i64 {
    variants(side).filter_map(|variant| variant.get("id")?.as_i64()).max().unwrap_or(0)
}
