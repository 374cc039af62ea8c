//! Resources made of the drafts that clients send.

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::input::{
    flag, given, instant, key, list, localized, need, need_localized, need_number, need_text, number, number_in,
    object, one_of, referenced, refuse_custom, refuse_reference, resolve, resolve_given, text,
};
use super::order::Id;
use super::rules::attribute::{Level, attributes};
use super::rules::selection::Mode;
use super::rules::{self, channel, modular, price, product, slug, store};
use super::state::{Effect, Kind, Object, State, variants};
use super::table::Term;
use super::write::{Edit, Writer, publish, set, with_term};

/// Minutes that a reservation may last.
pub(super) const RESERVATION_MINUTES: std::ops::RangeInclusive<i64> = 1..=44_640;

/// Creates a resource from its draft.
pub(super) fn create(writer: &mut Writer<'_>, kind: Kind, draft: &Object) -> Result<Id, ApiError> {
    if kind != Kind::Customer {
        refuse_custom(draft)?;
    }
    let edit = match kind {
        Kind::Product => new_product(writer, draft)?,
        Kind::Variant => new_variant(writer, draft)?,
        Kind::Category => new_category(writer, draft)?,
        Kind::InventoryEntry => new_inventory(writer, draft)?,
        Kind::StandalonePrice => new_standalone_price(writer, draft)?,
        Kind::Store => new_store(writer, draft)?,
        Kind::Channel => new_channel(writer, draft)?,
        Kind::CustomerGroup => {
            let name = need_text(draft, "groupName")?;
            check_group_name(writer.state, None, name)?;
            writer.create(kind, key(draft)?, members(json!({ "name": name })))?
        }
        Kind::ProductSelection => {
            let mode = Mode::of(draft)?.name();
            let name = need_localized(draft, "name")?;
            let given = members(json!({ "name": name, "mode": mode, "productCount": 0 }));
            let mut edit = writer.create(kind, text(draft, "key")?.map(str::to_owned), given)?;
            edit.message("ProductSelectionCreated", json!({}));
            edit
        }
        Kind::Customer => new_customer(writer, draft)?,
        Kind::ProductType | Kind::ProductTailoring | Kind::Order | Kind::DiscountCode | Kind::Type | Kind::Message => {
            return Err(ApiError::new(405, "InvalidOperation", "This server can't create resources of this type."));
        }
    };
    Ok(writer.commit(edit))
}

fn members(value: Value) -> Object {
    if let Value::Object(members) = value { members } else { Map::new() }
}

/// Copies localised texts of a draft.
fn copy_localized(into: &mut Object, draft: &Object, names: &[&str]) -> Result<(), ApiError> {
    for name in names {
        set(into, name, localized(draft, name)?);
    }
    Ok(())
}

/// Refuses a name that another customer group has. `own` is the group's id when it is known.
pub(super) fn check_group_name(state: &State, own: Option<Id>, name: &str) -> Result<(), ApiError> {
    let table = state.table(Kind::CustomerGroup);
    let mut others = table.slots().filter_map(|slot| table.row(slot)).filter(|row| Some(row.id) != own);
    let taken = others.any(|row| State::members_of(&row.body).get("name").and_then(Value::as_str) == Some(name));
    if taken { Err(ApiError::duplicate("name", name)) } else { Ok(()) }
}

/// A customer. The password of the draft is kept by nobody: what is shown is that there is one.
fn new_customer(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let mode = one_of(draft, "authenticationMode", &["Password", "ExternalAuth"])?.unwrap_or("Password");
    let password = text(draft, "password")?;
    if mode == "Password" && password.is_none() {
        return Err(ApiError::required("password"));
    }
    let mut customer = members(json!({
        "email": need_text(draft, "email")?,
        "isEmailVerified": flag(draft, "isEmailVerified")?.unwrap_or(false),
        "authenticationMode": mode,
        "customerGroupAssignments": [],
    }));
    set(&mut customer, "password", password.map(|_| json!("****aGg=")).as_ref());
    let owner = writer.state.next_number().to_string();
    let addresses = list(draft, "addresses")?.iter().enumerate();
    let addresses: Vec<Value> =
        addresses.map(|(place, given)| rules::customer::address(given, &owner, place)).collect::<Result<_, _>>()?;
    for (name, one, all) in [
        ("defaultShippingAddress", "defaultShippingAddressId", "shippingAddressIds"),
        ("defaultBillingAddress", "defaultBillingAddressId", "billingAddressIds"),
    ] {
        let id = match number(draft, name)? {
            None => None,
            Some(place) => {
                let at = usize::try_from(place).ok().and_then(|place| addresses.get(place));
                Some(at.and_then(|at| at.get("id").cloned()).ok_or_else(|| ApiError::field(name, &json!(place)))?)
            }
        };
        customer.insert(all.to_owned(), json!(id.iter().collect::<Vec<_>>()));
        set(&mut customer, one, id.as_ref());
    }
    customer.insert("addresses".to_owned(), json!(addresses));
    let texts = [
        "customerNumber",
        "externalId",
        "firstName",
        "lastName",
        "middleName",
        "title",
        "salutation",
        "dateOfBirth",
        "companyName",
        "vatId",
        "locale",
    ];
    for name in texts {
        set(&mut customer, name, text(draft, name)?.map(|text| json!(text)).as_ref());
    }
    let stores = list(draft, "stores")?.iter().map(|store| rules::customer::store(writer.state, store));
    customer.insert("stores".to_owned(), Value::Array(stores.collect::<Result<_, _>>()?));
    let group = resolve_given(writer.state, Kind::CustomerGroup, draft, "customerGroup")?;
    set(&mut customer, "customerGroup", group.as_ref());
    set(&mut customer, "custom", rules::custom::custom(writer.state, draft, "customer")?.as_ref());
    rules::customer::check_email(writer.state, None, &customer)?;
    let mut edit = writer.create(Kind::Customer, key(draft)?, customer)?;
    edit.message("CustomerCreated", json!({}));
    Ok(edit)
}

/// A variant as kept.
pub(super) fn variant(writer: &mut Writer<'_>, fixed: &Object, given: &Value, id: i64) -> Result<Value, ApiError> {
    let given = object(given, "variant")?;
    let mut prices = Vec::new();
    for draft in list(given, "prices")? {
        prices.push(price::embedded(writer.state, draft, None)?);
    }
    price::check_embedded(&prices, |_| true)?;
    let attributes = attributes(writer.state, fixed, Level::Variant, list(given, "attributes")?)?;
    let images = product::images(list(given, "images")?)?;
    let mut variant =
        members(json!({ "id": id, "prices": prices, "attributes": attributes, "images": images, "assets": [] }));
    if let Some(sku) = text(given, "sku")? {
        product::check_sku(writer.state, None, sku)?;
        set(&mut variant, "availability", writer.availability(sku).as_ref());
        variant.insert("sku".to_owned(), json!(sku));
    }
    if let Some(key) = text(given, "key")? {
        variant.insert("key".to_owned(), json!(key));
    }
    Ok(Value::Object(variant))
}

/// A variant of a Modular project: current data only.
fn new_variant(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let product = resolve(writer.state, Kind::Product, need(draft, "product")?)?;
    let of = writer.load(Kind::Product, referenced(&product)?)?;
    let fixed = of.product.as_ref().map(|part| part.fixed.clone()).unwrap_or_default();
    let publish = flag(draft, "publish")?.unwrap_or(false);
    modular::check_publishable(&of, publish)?;
    let mut current = members(json!({
        "images": product::images(list(draft, "images")?)?,
        "attributes": attributes(writer.state, &fixed, Level::Variant, list(draft, "attributes")?)?,
        "assets": [],
    }));
    if let Some(sku) = text(draft, "sku")? {
        product::check_sku(writer.state, None, sku)?;
        current.insert("sku".to_owned(), json!(sku));
    }
    let number = modular::next_number(writer.state, of.id);
    let given = members(json!({
        "variantId": number, "product": product, "published": publish, "current": current,
    }));
    let mut edit = writer.create(Kind::Variant, key(draft)?, given)?;
    created(&mut edit);
    Ok(edit)
}

/// The message of a new variant of a Modular project.
pub(super) fn created(edit: &mut Edit) {
    let member = |name: &str| edit.members.get(name).cloned().unwrap_or_default();
    let mut message = member("current");
    if let Some(message) = message.as_object_mut() {
        let product = edit.members.get("product").and_then(|product| product.get("id"));
        set(message, "productId", product);
        set(message, "variantId", Some(&member("variantId")));
        set(message, "publish", Some(&member("published")));
        set(message, "key", edit.key.as_ref().map(|key| json!(key)).as_ref());
    }
    edit.message("VariantCreated", message);
}

fn new_product(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let mut fixed = Map::new();
    let product_type = resolve(writer.state, Kind::ProductType, need(draft, "productType")?)?;
    fixed.insert("productType".to_owned(), product_type);
    let is_modular = writer.state.is_modular();
    if is_modular {
        modular::check_product(draft)?;
        fixed.insert("priceMode".to_owned(), json!("Standalone"));
    } else if let Some(mode) = one_of(draft, "priceMode", &["Embedded", "Standalone"])? {
        fixed.insert("priceMode".to_owned(), json!(mode));
    }
    refuse_reference(draft, "taxCategory", "tax-category")?;
    refuse_reference(draft, "state", "state")?;
    let (name, slug) = (need_localized(draft, "name")?, need_localized(draft, "slug")?);
    slug::check(writer.state, Kind::Product, None, slug)?;
    product::check_master(draft)?;
    let empty = json!({});
    let master = variant(writer, &fixed, given(draft, "masterVariant").unwrap_or(&empty), 1)?;
    let mut others = Vec::new();
    for (draft, id) in list(draft, "variants")?.iter().zip(2..) {
        others.push(variant(writer, &fixed, draft, id)?);
    }
    let mut categories = Vec::new();
    for identifier in list(draft, "categories")? {
        categories.push(resolve(writer.state, Kind::Category, identifier)?);
    }
    let mut side = members(json!({
        "name": name,
        "slug": slug,
        "categories": categories,
        "categoryOrderHints": {},
        "searchKeywords": given(draft, "searchKeywords").unwrap_or(&empty),
        "attributes": attributes(writer.state, &fixed, Level::Product, list(draft, "attributes")?)?,
        "variants": others,
    }));
    if !is_modular {
        side.insert("masterVariant".to_owned(), master);
    }
    for field in ["sku", "key"] {
        product::check_variants(&side, field)?;
    }
    if let Some(hints) = given(draft, "categoryOrderHints") {
        for (category, hint) in object(hints, "categoryOrderHints")? {
            product::check_in_category(&side, category)?;
            product::check_order_hint(hint)?;
        }
        side.insert("categoryOrderHints".to_owned(), hints.clone());
    }
    copy_localized(&mut side, draft, &["description", "metaTitle", "metaDescription", "metaKeywords"])?;
    let mut edit = writer.create_product(text(draft, "key")?.map(str::to_owned), fixed, side)?;
    if flag(draft, "publish")? == Some(true) {
        publish(&mut edit, "All");
    }
    Ok(edit)
}

fn new_category(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let parent = resolve_given(writer.state, Kind::Category, draft, "parent")?;
    let slug = need_localized(draft, "slug")?;
    slug::check(writer.state, Kind::Category, None, slug)?;
    let number = writer.state.next_number();
    let hint = match given(draft, "orderHint") {
        Some(hint) => hint.clone(),
        None => json!(format!("0.00001{number:08}1")),
    };
    product::check_order_hint(&hint)?;
    let mut given = members(json!({
        "name": need_localized(draft, "name")?,
        "slug": slug,
        "ancestors": writer.ancestors(parent.as_ref()),
        "orderHint": hint,
        "assets": [],
    }));
    set(&mut given, "parent", parent.as_ref());
    set(&mut given, "externalId", text(draft, "externalId")?.map(|id| json!(id)).as_ref());
    copy_localized(&mut given, draft, &["description", "metaTitle", "metaDescription", "metaKeywords"])?;
    let mut edit = writer.create(Kind::Category, key(draft)?, given)?;
    edit.message("CategoryCreated", json!({}));
    Ok(edit)
}

fn new_inventory(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let sku = need_text(draft, "sku")?;
    let quantity = need_number(draft, "quantityOnStock")?;
    let mut entry = members(json!({ "sku": sku, "quantityOnStock": quantity, "availableQuantity": quantity }));
    let channel = resolve_given(writer.state, Kind::Channel, draft, "supplyChannel")?;
    check_new_entry(writer.state, sku, channel.as_ref())?;
    set(&mut entry, "supplyChannel", channel.as_ref());
    for (name, value) in [
        ("minCartQuantity", number_in(draft, "minCartQuantity", 1..=i64::MAX)?),
        ("maxCartQuantity", number_in(draft, "maxCartQuantity", 1..=i64::MAX)?),
        ("restockableInDays", number(draft, "restockableInDays")?),
        ("reservationExpirationInMinutes", number_in(draft, "reservationExpirationInMinutes", RESERVATION_MINUTES)?),
    ] {
        set(&mut entry, name, value.map(|value| json!(value)).as_ref());
    }
    set(&mut entry, "expectedDelivery", instant(draft, "expectedDelivery")?.as_ref());
    if let Some(levels) = given(draft, "stockLevels") {
        let levels = object(levels, "stockLevels")?;
        let mut kept = Object::new();
        for name in ["reorderPoint", "safetyStock"] {
            set(&mut kept, name, number(levels, name)?.map(|level| json!(level)).as_ref());
        }
        entry.insert("stockLevels".to_owned(), Value::Object(kept));
    }
    let mut edit = writer.create(Kind::InventoryEntry, key(draft)?, entry)?;
    edit.message("InventoryEntryCreated", json!({}));
    edit.effects.push(Effect::Availability(sku.to_owned()));
    Ok(edit)
}

/// Refuses a second inventory entry of a SKU in a channel (reference), or without one.
pub(super) fn check_new_entry(state: &State, sku: &str, channel: Option<&Value>) -> Result<(), ApiError> {
    if find_inventory(state, sku, channel).is_none() {
        return Ok(());
    }
    Err(match channel {
        Some(channel) => ApiError::duplicate("supplyChannel", channel.clone()),
        None => ApiError::duplicate("sku", sku),
    })
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

fn new_standalone_price(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let sku = need_text(draft, "sku")?;
    let mut price = price::members(writer.state, draft)?;
    if let Some(channel) = price.get("channel") {
        channel::need_role(writer.state, channel, channel::DISTRIBUTION)?;
    }
    price.insert("sku".to_owned(), json!(sku));
    price.insert("active".to_owned(), json!(flag(draft, "active")?.unwrap_or(true)));
    if let Some(staged) = given(draft, "staged") {
        let value = rules::money::money(need(object(staged, "staged")?, "value")?)?;
        price.insert("staged".to_owned(), json!({ "value": value }));
    }
    price::check_standalone(writer.state, &price, None)?;
    let mut edit = writer.create(Kind::StandalonePrice, key(draft)?, price)?;
    edit.message("StandalonePriceCreated", json!({}));
    Ok(edit)
}

fn new_store(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let key = key(draft)?.ok_or_else(|| ApiError::required("key"))?;
    let mut given = Map::new();
    for name in ["distributionChannels", "supplyChannels"] {
        given.insert(name.to_owned(), store::channels(writer.state, draft, name)?);
    }
    given.insert("productSelections".to_owned(), store::selections(writer.state, draft)?);
    given.insert("languages".to_owned(), store::languages(writer.state, draft)?);
    given.insert("countries".to_owned(), store::countries(draft)?);
    set(&mut given, "name", localized(draft, "name")?);
    set(&mut given, "storefront", store::storefront(draft)?.as_ref());
    let mut edit = writer.create(Kind::Store, Some(key), given)?;
    edit.message("StoreCreated", json!({}));
    Ok(edit)
}

fn new_channel(writer: &mut Writer<'_>, draft: &Object) -> Result<Edit, ApiError> {
    let key = need_text(draft, "key")?;
    channel::check_key(key)?;
    let roles = if given(draft, "roles").is_some() { channel::roles(draft)? } else { vec![channel::SUPPLY] };
    channel::check_roles(&roles)?;
    let mut made = members(json!({ "roles": roles }));
    copy_localized(&mut made, draft, &["name", "description"])?;
    for (name, check) in [
        ("address", channel::check_address as fn(&Value) -> Result<(), ApiError>),
        ("geoLocation", channel::check_place),
    ] {
        if let Some(value) = given(draft, name) {
            check(value)?;
            made.insert(name.to_owned(), value.clone());
        }
    }
    writer.create(Kind::Channel, Some(key.to_owned()), made)
}

/// The highest variant id of a side of a product.
pub(super) fn highest_variant(side: &Object) -> i64 {
    variants(side).filter_map(|variant| variant.get("id")?.as_i64()).max().unwrap_or(0)
}
