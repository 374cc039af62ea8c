//! Changes to the shop that a test or the living shop makes without HTTP. Each goes the way of an update action, so that
//! versions, timestamps, messages and background effects are those of the API.

use serde::Deserialize;
use serde_json::{Value, json};

use super::draft::find_inventory;
use super::error::ApiError;
use super::order::Id;
use super::people::{add_customer, edit_order, order_id, place_order, return_pieces};
use super::render::{self, discounted, money};
use super::state::{Effect, Kind, Object, State, View, reference, variants};
use super::table::Term;
use super::time;
use super::update::update;
use super::write::{Edit, Writer, with_term};
use crate::catalogue;
use crate::shared::people;

/// One change to the shop. Products, categories, channels, selections and stores are named by key, variants by SKU.
///
/// As JSON (admin endpoint): `{"change":"set-stock","sku":"A-1","quantity":4}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case", rename_all_fields = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Sets the price of a SKU in a scope and publishes it; adds the price when the scope has none. Goes to the
    /// standalone price when the product has that price mode.
    SetPrice {
        /// SKU of the variant.
        sku: String,
        /// Scope of the price.
        scope: PriceScope,
        /// Minor units.
        minor: i64,
        /// Reduced amount in minor units.
        #[serde(default)]
        discounted: Option<i64>,
    },
    /// Removes the price of a SKU in a scope, whichever the price mode.
    RemovePrice {
        /// SKU of the variant.
        sku: String,
        /// Scope of the price.
        scope: PriceScope,
    },
    /// Sets a standalone price; adds it when there is none in the scope. The SKU need not exist.
    SetStandalonePrice {
        /// SKU.
        sku: String,
        /// Scope of the price.
        scope: PriceScope,
        /// Minor units.
        minor: i64,
        /// Reduced amount in minor units.
        #[serde(default)]
        discounted: Option<i64>,
    },
    /// Switches a standalone price on or off.
    SetStandalonePriceActive {
        /// SKU.
        sku: String,
        /// Scope of the price.
        scope: PriceScope,
        /// On or off.
        active: bool,
    },
    /// Deletes a standalone price.
    DeleteStandalonePrice {
        /// SKU.
        sku: String,
        /// Scope of the price.
        scope: PriceScope,
    },
    /// Sets the stock of a SKU; adds the inventory entry when there is none.
    SetStock {
        /// SKU.
        sku: String,
        /// Supply channel, none for the unassigned stock.
        #[serde(default)]
        channel: Option<String>,
        /// Pieces on stock.
        quantity: i64,
    },
    /// Takes pieces out of the stock as an order does: without a message.
    Sell {
        /// SKU.
        sku: String,
        /// Supply channel, none for the unassigned stock.
        #[serde(default)]
        channel: Option<String>,
        /// Pieces sold.
        quantity: i64,
    },
    /// Deletes an inventory entry: the stock is no longer tracked.
    DeleteInventory {
        /// SKU.
        sku: String,
        /// Supply channel, none for the unassigned stock.
        #[serde(default)]
        channel: Option<String>,
    },
    /// Sets or removes the name in one locale and publishes it.
    SetName {
        /// Product.
        product: String,
        /// Locale.
        locale: String,
        /// The name, none to remove it.
        text: Option<String>,
    },
    /// Sets or removes the description in one locale and publishes it.
    SetDescription {
        /// Product.
        product: String,
        /// Locale.
        locale: String,
        /// The description, none to remove it.
        text: Option<String>,
    },
    /// Sets the name in one locale in the staged data only: what shoppers see stays, `lastModifiedAt` moves.
    StageName {
        /// Product.
        product: String,
        /// Locale.
        locale: String,
        /// The name.
        text: String,
    },
    /// Sets (or with null removes) an attribute of a variant, in the form of the platform's JSON, and publishes it.
    SetAttribute {
        /// SKU of the variant.
        sku: String,
        /// Name of the attribute.
        name: String,
        /// The value.
        value: Value,
    },
    /// Adds a variant with nothing but a SKU to a product and publishes it.
    AddVariant {
        /// Product.
        product: String,
        /// SKU of the variant.
        sku: String,
    },
    /// Removes a variant and publishes that. In a Classic project not the master.
    RemoveVariant {
        /// SKU of the variant.
        sku: String,
    },
    /// Gives a variant another SKU and publishes it. No inventory entry may have the old one.
    SetSku {
        /// SKU of the variant.
        sku: String,
        /// Its new SKU.
        to: String,
    },
    /// Makes a variant the one that is shown first: the master, or the default of a Modular project.
    SetMainVariant {
        /// SKU of the variant.
        sku: String,
    },
    /// Shows a variant of a Modular project to shoppers, or hides it. A Classic one has no such switch.
    SetVariantPublished {
        /// SKU of the variant.
        sku: String,
        /// Shown or hidden.
        published: bool,
    },
    /// Puts a product into a category and publishes that.
    AddToCategory {
        /// Product.
        product: String,
        /// Category.
        category: String,
    },
    /// Takes a product out of a category and publishes that.
    RemoveFromCategory {
        /// Product.
        product: String,
        /// Category.
        category: String,
    },
    /// Publishes a product.
    Publish {
        /// Product.
        product: String,
    },
    /// Hides a product from shoppers.
    Unpublish {
        /// Product.
        product: String,
    },
    /// Deletes a product. Its inventory entries and standalone prices stay, as on the platform.
    DeleteProduct {
        /// Product.
        product: String,
    },
    /// Adds a product with its stock and standalone prices. Not available as JSON.
    #[serde(skip)]
    AddProduct(Box<catalogue::Product>),
    /// Sets the name of a category in one locale. Products do not move.
    RenameCategory {
        /// Category.
        category: String,
        /// Locale.
        locale: String,
        /// The name.
        name: String,
    },
    /// Moves a category below another.
    MoveCategory {
        /// Category.
        category: String,
        /// New parent.
        parent: String,
    },
    /// Deletes a category, those below it, and in the background every reference to them.
    DeleteCategory {
        /// Category.
        category: String,
    },
    /// Sets the selections a store uses.
    SetStoreSelections {
        /// Store.
        store: String,
        /// Selections and whether each is active.
        selections: Vec<(String, bool)>,
    },
    /// Names a product in a selection.
    AddToSelection {
        /// Selection.
        selection: String,
        /// Product.
        product: String,
    },
    /// Takes a product out of a selection.
    RemoveFromSelection {
        /// Selection.
        selection: String,
        /// Product.
        product: String,
    },
    /// Has a store show other values of a product than its own (Product Tailoring), in the form of the platform's JSON;
    /// null removes them.
    Tailor {
        /// Product.
        product: String,
        /// Store.
        store: String,
        /// The data, such as `{"name":{"en":"Shirt"},"variants":[{"id":1,"images":[]}]}`.
        data: Value,
        /// Whether shoppers see them.
        published: bool,
    },
    /// Adds a customer. Not available as JSON.
    #[serde(skip)]
    AddCustomer(Box<people::Customer>),
    /// Gives a customer another e-mail address.
    ChangeEmail {
        /// Key of the customer.
        customer: String,
        /// The address.
        email: String,
    },
    /// Gives a customer another given name.
    SetGivenName {
        /// Key of the customer.
        customer: String,
        /// The name, none to remove it.
        name: Option<String>,
    },
    /// Sets, or with null removes, a custom field of a customer who has one already.
    SetCustomerField {
        /// Key of the customer.
        customer: String,
        /// Name of the field.
        field: String,
        /// The value.
        value: Value,
    },
    /// Deletes a customer. The orders stay.
    DeleteCustomer {
        /// Key of the customer.
        customer: String,
    },
    /// Adds an order. Not available as JSON.
    #[serde(skip)]
    PlaceOrder(Box<people::Order>),
    /// Gives the order with this order's key the contents of this one. Not available as JSON.
    #[serde(skip)]
    EditOrder(Box<people::Order>),
    /// Sets the state of an order: `Open`, `Confirmed`, `Complete` or `Cancelled`.
    SetOrderState {
        /// Key that the order was generated with.
        order: String,
        /// The state.
        state: String,
    },
    /// Sets the state of the shipment of an order, such as `Shipped`.
    SetShipmentState {
        /// Key that the order was generated with.
        order: String,
        /// The state.
        state: String,
    },
    /// Pieces of an order come back.
    ReturnPieces {
        /// Key that the order was generated with.
        order: String,
        /// Index of the line.
        line: usize,
        /// Pieces.
        quantity: i64,
        /// Whether they are paid back at once.
        #[serde(default)]
        refunded: bool,
    },
    /// Says whose order it is: a guest has registered.
    SetCustomerOfOrder {
        /// Key that the order was generated with.
        order: String,
        /// Key of the customer.
        customer: String,
    },
    /// Deletes an order.
    DeleteOrder {
        /// Key that the order was generated with.
        order: String,
    },
    /// Switches messages on or off.
    SetMessages {
        /// On or off.
        enabled: bool,
    },
}

/// Which of a SKU's prices is meant: all members must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceScope {
    /// ISO 4217 code.
    pub currency: String,
    /// Country code.
    #[serde(default)]
    pub country: Option<String>,
    /// Key of the customer group.
    #[serde(default)]
    pub customer_group: Option<String>,
    /// Key of the distribution channel.
    #[serde(default)]
    pub channel: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub valid_from: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub valid_until: Option<String>,
}

impl PriceScope {
    /// The price for everybody in a currency.
    pub fn of(currency: impl Into<String>) -> Self {
        Self { currency: currency.into(), ..Self::default() }
    }

    fn is_of(&self, price: &Value) -> bool {
        let text = |pointer: &str| price.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let id = |kind: Kind, key: &Option<String>| key.as_deref().map(|key| Id::of(kind.type_id(), key).to_string());
        text("/value/currencyCode").as_deref() == Some(&self.currency)
            && text("/country") == self.country
            && text("/customerGroup/id") == id(Kind::CustomerGroup, &self.customer_group)
            && text("/channel/id") == id(Kind::Channel, &self.channel)
            && instant(text("/validFrom").as_deref()) == instant(self.valid_from.as_deref())
            && instant(text("/validUntil").as_deref()) == instant(self.valid_until.as_deref())
    }

    fn draft(&self, minor: i64, reduced: Option<i64>) -> Value {
        let mut draft = Object::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                draft.insert(name.to_owned(), value);
            }
        };
        let named = |key: &String| json!({ "key": key });
        set("value", Some(money(minor, &self.currency)));
        set("country", self.country.as_ref().map(|country| json!(country)));
        set("customerGroup", self.customer_group.as_ref().map(named));
        set("channel", self.channel.as_ref().map(named));
        set("validFrom", self.valid_from.as_ref().map(|from| json!(from)));
        set("validUntil", self.valid_until.as_ref().map(|until| json!(until)));
        set("discounted", reduced.map(|reduced| discounted(reduced, &self.currency)));
        Value::Object(draft)
    }
}

fn instant(text: Option<&str>) -> Option<i64> {
    text.and_then(time::milliseconds)
}

/// Makes a change.
#[expect(clippy::too_many_lines, reason = "a list: a few lines for each change")]
pub(super) fn apply(writer: &mut Writer<'_>, change: Change) -> Result<(), ApiError> {
    match change {
        Change::SetPrice { sku, scope, minor, discounted } => set_price(writer, &sku, &scope, minor, discounted),
        Change::RemovePrice { sku, scope } => remove_price(writer, &sku, &scope),
        Change::SetStandalonePrice { sku, scope, minor, discounted } => {
            set_standalone(writer, &sku, &scope, minor, discounted)
        }
        Change::SetStandalonePriceActive { sku, scope, active } => {
            let id = standalone(writer.state, &sku, &scope)?;
            act(writer, Kind::StandalonePrice, id, json!({ "action": "changeActive", "active": active }))
        }
        Change::DeleteStandalonePrice { sku, scope } => {
            let id = standalone(writer.state, &sku, &scope)?;
            writer.delete(Kind::StandalonePrice, id).map(drop)
        }
        Change::SetStock { sku, channel, quantity } => set_stock(writer, &sku, channel.as_deref(), quantity),
        Change::Sell { sku, channel, quantity } => sell(writer, &sku, channel.as_deref(), quantity),
        Change::DeleteInventory { sku, channel } => {
            let id = inventory(writer.state, &sku, channel.as_deref())?;
            writer.delete(Kind::InventoryEntry, id).map(drop)
        }
        Change::SetName { product, locale, text } => set_text(writer, &product, "name", &locale, text, false),
        Change::SetDescription { product, locale, text } => {
            set_text(writer, &product, "description", &locale, text, false)
        }
        Change::StageName { product, locale, text } => set_text(writer, &product, "name", &locale, Some(text), true),
        Change::SetAttribute { sku, name, value } => {
            let action = json!({ "action": "setAttribute", "name": name, "value": value, "staged": false });
            act_on_variant(writer, &sku, action)
        }
        Change::AddVariant { product, sku } => add_variant(writer, &product, &sku),
        Change::RemoveVariant { sku } if writer.state.is_modular() => {
            let id = variant_of(writer.state, &sku)?;
            writer.delete(Kind::Variant, id).map(drop)
        }
        Change::RemoveVariant { sku } => {
            act_on_variant(writer, &sku, json!({ "action": "removeVariant", "staged": false }))
        }
        Change::SetSku { sku, to } => set_sku(writer, &sku, &to),
        Change::SetMainVariant { sku } => set_main_variant(writer, &sku),
        Change::SetVariantPublished { sku, published } => {
            let id = variant_of(writer.state, &sku)?;
            act(writer, Kind::Variant, id, json!({ "action": if published { "publish" } else { "unpublish" } }))
        }
        Change::AddToCategory { product, category } => {
            let action = json!({ "action": "addToCategory", "category": { "key": category }, "staged": false });
            act_on(writer, Kind::Product, &product, action)
        }
        Change::RemoveFromCategory { product, category } => {
            let action = json!({ "action": "removeFromCategory", "category": { "key": category }, "staged": false });
            act_on(writer, Kind::Product, &product, action)
        }
        Change::Publish { product } => {
            act_on(writer, Kind::Product, &product, json!({ "action": "publish" }))?;
            act_on_variants(writer, &product, &json!({ "action": "publish" }))
        }
        Change::Unpublish { product } => {
            act_on_variants(writer, &product, &json!({ "action": "unpublish" }))?;
            act_on(writer, Kind::Product, &product, json!({ "action": "unpublish" }))
        }
        Change::DeleteProduct { product } => {
            let id = keyed(writer.state, Kind::Product, &product)?;
            for variant in variants_of(writer.state, id) {
                writer.delete(Kind::Variant, variant)?;
            }
            writer.delete(Kind::Product, id).map(drop)
        }
        Change::AddProduct(product) => add_product(writer, &product),
        Change::RenameCategory { category, locale, name } => rename_category(writer, &category, &locale, &name),
        Change::MoveCategory { category, parent } => {
            let action = json!({ "action": "changeParent", "parent": { "key": parent } });
            act_on(writer, Kind::Category, &category, action)
        }
        Change::DeleteCategory { category } => delete(writer, Kind::Category, &category),
        Change::SetStoreSelections { store, selections } => {
            let settings: Vec<Value> = selections
                .iter()
                .map(|(key, active)| json!({ "productSelection": { "key": key }, "active": active }))
                .collect();
            let action = json!({ "action": "setProductSelections", "productSelections": settings });
            act_on(writer, Kind::Store, &store, action)
        }
        Change::AddToSelection { selection, product } => {
            let row = keyed(writer.state, Kind::ProductSelection, &selection)?;
            let excludes =
                writer.load(Kind::ProductSelection, row)?.members.get("mode") == Some(&json!("IndividualExclusion"));
            let name = if excludes { "excludeProduct" } else { "addProduct" };
            act(writer, Kind::ProductSelection, row, json!({ "action": name, "product": { "key": product } }))
        }
        Change::RemoveFromSelection { selection, product } => {
            let action = json!({ "action": "removeProduct", "product": { "key": product } });
            act_on(writer, Kind::ProductSelection, &selection, action)
        }
        Change::Tailor { product, store, data, published } => tailor(writer, &product, &store, data, published),
        Change::AddCustomer(customer) => add_customer(writer, &customer),
        Change::ChangeEmail { customer, email } => {
            act_on(writer, Kind::Customer, &customer, json!({ "action": "changeEmail", "email": email }))
        }
        Change::SetGivenName { customer, name } => {
            act_on(writer, Kind::Customer, &customer, json!({ "action": "setFirstName", "firstName": name }))
        }
        Change::SetCustomerField { customer, field, value } => {
            let action = json!({ "action": "setCustomField", "name": field, "value": value });
            act_on(writer, Kind::Customer, &customer, action)
        }
        Change::DeleteCustomer { customer } => delete(writer, Kind::Customer, &customer),
        Change::PlaceOrder(order) => place_order(writer, &order),
        Change::EditOrder(order) => edit_order(writer, &order),
        Change::SetOrderState { order, state } => {
            let id = order_id(writer.state, &order)?;
            act(writer, Kind::Order, id, json!({ "action": "changeOrderState", "orderState": state }))
        }
        Change::SetShipmentState { order, state } => {
            let id = order_id(writer.state, &order)?;
            act(writer, Kind::Order, id, json!({ "action": "changeShipmentState", "shipmentState": state }))
        }
        Change::ReturnPieces { order, line, quantity, refunded } => {
            return_pieces(writer, &order, line, quantity, refunded)
        }
        Change::SetCustomerOfOrder { order, customer } => {
            let (id, customer) = (order_id(writer.state, &order)?, keyed(writer.state, Kind::Customer, &customer)?);
            act(writer, Kind::Order, id, json!({ "action": "setCustomerId", "customerId": customer.to_string() }))
        }
        Change::DeleteOrder { order } => {
            let id = order_id(writer.state, &order)?;
            writer.delete(Kind::Order, id).map(drop)
        }
        Change::SetMessages { enabled } => {
            writer.state.project.messages_enabled = enabled;
            Ok(())
        }
    }
}

/// One tailoring for each store and product, with a key made of theirs.
fn tailor(writer: &mut Writer<'_>, product: &str, store: &str, data: Value, published: bool) -> Result<(), ApiError> {
    let of = keyed(writer.state, Kind::Product, product)?;
    keyed(writer.state, Kind::Store, store)?;
    let key = format!("{store}-{product}");
    let known = writer.state.table(Kind::ProductTailoring).find_key(&key).map(|row| row.id);
    let mut edit = match known {
        Some(id) if data.is_null() => return writer.delete(Kind::ProductTailoring, id).map(drop),
        Some(id) => writer.load(Kind::ProductTailoring, id)?,
        None => writer.create(Kind::ProductTailoring, Some(key), Object::new())?,
    };
    let members = [
        ("store", json!({ "typeId": "store", "key": store })),
        ("product", reference(Kind::Product, of)),
        ("published", json!(published)),
        ("current", data.clone()),
        ("staged", data),
        ("hasStagedChanges", json!(false)),
    ];
    for (name, value) in members {
        edit.set(name, Some(&value));
    }
    writer.commit(edit);
    Ok(())
}

fn keyed(state: &State, kind: Kind, key: &str) -> Result<Id, ApiError> {
    state.table(kind).find_key(key).map(|row| row.id).ok_or_else(|| ApiError::dangling(kind.type_id(), "key", key))
}

/// An object's members.
pub(super) fn object_of(value: Value) -> Object {
    if let Value::Object(members) = value { members } else { Object::new() }
}

pub(super) fn act(writer: &mut Writer<'_>, kind: Kind, id: Id, action: Value) -> Result<(), ApiError> {
    update(writer, kind, id, None, &[action]).map(drop)
}

fn act_on(writer: &mut Writer<'_>, kind: Kind, key: &str, action: Value) -> Result<(), ApiError> {
    let id = keyed(writer.state, kind, key)?;
    act(writer, kind, id, action)
}

fn delete(writer: &mut Writer<'_>, kind: Kind, key: &str) -> Result<(), ApiError> {
    let id = keyed(writer.state, kind, key)?;
    writer.delete(kind, id).map(drop)
}

fn product_of(state: &State, sku: &str) -> Result<Id, ApiError> {
    with_term(state.table(Kind::Product), Term::Sku, sku)
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::operation(format!("no product has a variant with SKU '{sku}'")))
}

/// The variant of a Modular project with this SKU.
pub(super) fn variant_of(state: &State, sku: &str) -> Result<Id, ApiError> {
    with_term(state.table(Kind::Variant), Term::Sku, sku)
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::operation(format!("no variant is a resource of its own with SKU '{sku}'")))
}

/// The variants of a product that are resources of their own: none in a Classic project.
fn variants_of(state: &State, product: Id) -> Vec<Id> {
    state.variants_of(product).map(|row| row.id).collect()
}

fn act_on_variants(writer: &mut Writer<'_>, product: &str, action: &Value) -> Result<(), ApiError> {
    let product = keyed(writer.state, Kind::Product, product)?;
    variants_of(writer.state, product).into_iter().try_for_each(|id| act(writer, Kind::Variant, id, action.clone()))
}

/// Applies an action to the variant with a SKU, wherever it is.
fn act_on_variant(writer: &mut Writer<'_>, sku: &str, mut action: Value) -> Result<(), ApiError> {
    if writer.state.is_modular() {
        let id = variant_of(writer.state, sku)?;
        return act(writer, Kind::Variant, id, action);
    }
    let id = product_of(writer.state, sku)?;
    if let Some(action) = action.as_object_mut() {
        action.insert("sku".to_owned(), json!(sku));
    }
    act(writer, Kind::Product, id, action)
}

fn add_variant(writer: &mut Writer<'_>, product: &str, sku: &str) -> Result<(), ApiError> {
    if !writer.state.is_modular() {
        let action = json!({ "action": "addVariant", "sku": sku, "staged": false });
        return act_on(writer, Kind::Product, product, action);
    }
    let draft = json!({ "product": { "key": product }, "sku": sku, "publish": true });
    let draft = draft.as_object().cloned().unwrap_or_default();
    super::draft::create(writer, Kind::Variant, &draft).map(drop)
}

fn set_sku(writer: &mut Writer<'_>, sku: &str, to: &str) -> Result<(), ApiError> {
    if writer.state.is_modular() {
        let id = variant_of(writer.state, sku)?;
        return act(writer, Kind::Variant, id, json!({ "action": "setSku", "sku": to, "staged": false }));
    }
    let id = product_of(writer.state, sku)?;
    let number = variants(&writer.load(Kind::Product, id)?.members)
        .find(|variant| variant.get("sku").and_then(Value::as_str) == Some(sku))
        .and_then(|variant| variant.get("id").cloned());
    act(writer, Kind::Product, id, json!({ "action": "setSku", "variantId": number, "sku": to, "staged": false }))
}

fn set_main_variant(writer: &mut Writer<'_>, sku: &str) -> Result<(), ApiError> {
    if !writer.state.is_modular() {
        return act_on_variant(writer, sku, json!({ "action": "changeMasterVariant", "staged": false }));
    }
    let id = variant_of(writer.state, sku)?;
    let product = super::update::owner_of_variant(&writer.load(Kind::Variant, id)?)?;
    let variant = reference(Kind::Variant, id);
    act(writer, Kind::Product, product, json!({ "action": "setDefaultVariant", "variant": variant, "staged": false }))
}

fn set_price(
    writer: &mut Writer<'_>,
    sku: &str,
    scope: &PriceScope,
    minor: i64,
    reduced: Option<i64>,
) -> Result<(), ApiError> {
    if writer.state.is_modular() {
        variant_of(writer.state, sku)?;
        return set_standalone(writer, sku, scope, minor, reduced);
    }
    let id = product_of(writer.state, sku)?;
    let edit = writer.load(Kind::Product, id)?;
    if is_standalone(&edit) {
        return set_standalone(writer, sku, scope, minor, reduced);
    }
    let draft = scope.draft(minor, reduced);
    let action = match embedded(&edit, sku, scope) {
        Some(price) => json!({ "action": "changePrice", "priceId": price, "price": draft, "staged": false }),
        None => json!({ "action": "addPrice", "sku": sku, "price": draft, "staged": false }),
    };
    act(writer, Kind::Product, id, action)
}

fn remove_price(writer: &mut Writer<'_>, sku: &str, scope: &PriceScope) -> Result<(), ApiError> {
    if writer.state.is_modular() {
        let id = standalone(writer.state, sku, scope)?;
        return writer.delete(Kind::StandalonePrice, id).map(drop);
    }
    let id = product_of(writer.state, sku)?;
    let edit = writer.load(Kind::Product, id)?;
    if is_standalone(&edit) {
        let id = standalone(writer.state, sku, scope)?;
        return writer.delete(Kind::StandalonePrice, id).map(drop);
    }
    let price = embedded(&edit, sku, scope)
        .ok_or_else(|| ApiError::operation(format!("the SKU '{sku}' has no price in this scope")))?;
    act(writer, Kind::Product, id, json!({ "action": "removePrice", "priceId": price, "staged": false }))
}

fn is_standalone(edit: &Edit) -> bool {
    edit.product.as_ref().is_some_and(|product| product.fixed.get("priceMode") == Some(&json!("Standalone")))
}

/// The id of the embedded price of a SKU in a scope.
fn embedded(edit: &Edit, sku: &str, scope: &PriceScope) -> Option<String> {
    let staged = &edit.product.as_ref()?.staged;
    let variant = variants(staged).find(|variant| variant.get("sku").and_then(Value::as_str) == Some(sku))?;
    let price = variant.get("prices")?.as_array()?.iter().find(|price| scope.is_of(price))?;
    Some(price.get("id")?.as_str()?.to_owned())
}

fn standalone(state: &State, sku: &str, scope: &PriceScope) -> Result<Id, ApiError> {
    let table = state.table(Kind::StandalonePrice);
    with_term(table, Term::Sku, sku)
        .into_iter()
        .find(|id| {
            table.find(*id).is_some_and(|row| {
                let price = state.value(row, View::Resource(Kind::StandalonePrice));
                price.get("sku").and_then(Value::as_str) == Some(sku) && scope.is_of(&price)
            })
        })
        .ok_or_else(|| ApiError::operation(format!("the SKU '{sku}' has no standalone price in this scope")))
}

fn set_standalone(
    writer: &mut Writer<'_>,
    sku: &str,
    scope: &PriceScope,
    minor: i64,
    reduced: Option<i64>,
) -> Result<(), ApiError> {
    let draft = scope.draft(minor, reduced);
    let Ok(id) = standalone(writer.state, sku, scope) else {
        let mut draft = draft;
        if let Some(draft) = draft.as_object_mut() {
            draft.insert("sku".to_owned(), json!(sku));
        }
        let draft = draft.as_object().cloned().unwrap_or_default();
        return super::draft::create(writer, Kind::StandalonePrice, &draft).map(drop);
    };
    let before = writer.load(Kind::StandalonePrice, id)?;
    let mut actions = vec![json!({ "action": "changeValue", "value": draft.get("value") })];
    if before.members.get("discounted") != draft.get("discounted") {
        actions.push(json!({ "action": "setDiscountedPrice", "discounted": draft.get("discounted") }));
    }
    update(writer, Kind::StandalonePrice, id, None, &actions).map(drop)
}

fn channel_reference(channel: Option<&str>) -> Option<Value> {
    channel.map(|key| reference(Kind::Channel, Id::of(Kind::Channel.type_id(), key)))
}

fn inventory(state: &State, sku: &str, channel: Option<&str>) -> Result<Id, ApiError> {
    find_inventory(state, sku, channel_reference(channel).as_ref())
        .ok_or_else(|| ApiError::operation(format!("there is no inventory entry for SKU '{sku}' in this channel")))
}

fn set_stock(writer: &mut Writer<'_>, sku: &str, channel: Option<&str>, quantity: i64) -> Result<(), ApiError> {
    if let Ok(id) = inventory(writer.state, sku, channel) {
        return act(writer, Kind::InventoryEntry, id, json!({ "action": "changeQuantity", "quantity": quantity }));
    }
    let mut draft = Object::new();
    draft.insert("sku".to_owned(), json!(sku));
    draft.insert("quantityOnStock".to_owned(), json!(quantity));
    if let Some(channel) = channel {
        draft.insert("supplyChannel".to_owned(), json!({ "key": channel }));
    }
    super::draft::create(writer, Kind::InventoryEntry, &draft).map(drop)
}

fn sell(writer: &mut Writer<'_>, sku: &str, channel: Option<&str>, quantity: i64) -> Result<(), ApiError> {
    let id = inventory(writer.state, sku, channel)?;
    let mut edit = writer.load(Kind::InventoryEntry, id)?;
    for name in ["quantityOnStock", "availableQuantity"] {
        let before = edit.members.get(name).and_then(Value::as_i64).unwrap_or(0);
        edit.set(name, Some(&json!(before - quantity)));
    }
    edit.effects.push(Effect::Availability(sku.to_owned()));
    writer.commit(edit);
    Ok(())
}

fn set_text(
    writer: &mut Writer<'_>,
    product: &str,
    field: &str,
    locale: &str,
    text: Option<String>,
    staged: bool,
) -> Result<(), ApiError> {
    let id = keyed(writer.state, Kind::Product, product)?;
    let edit = writer.load(Kind::Product, id)?;
    let side = edit.product.as_ref().map_or(&edit.members, |product| &product.staged);
    let mut texts = side.get(field).and_then(Value::as_object).cloned().unwrap_or_default();
    match text {
        Some(text) => {
            texts.insert(locale.to_owned(), json!(text));
        }
        None => {
            texts.remove(locale);
        }
    }
    let action = if field == "name" { "changeName" } else { "setDescription" };
    act(writer, Kind::Product, id, json!({ "action": action, field: texts, "staged": staged }))
}

fn rename_category(writer: &mut Writer<'_>, key: &str, locale: &str, name: &str) -> Result<(), ApiError> {
    let id = keyed(writer.state, Kind::Category, key)?;
    let edit = writer.load(Kind::Category, id)?;
    let mut names = edit.members.get("name").and_then(Value::as_object).cloned().unwrap_or_default();
    names.insert(locale.to_owned(), json!(name));
    act(writer, Kind::Category, id, json!({ "action": "changeName", "name": names }))
}

fn add_product(writer: &mut Writer<'_>, product: &catalogue::Product) -> Result<(), ApiError> {
    let loose = render::LooseStock::new();
    let given = render::Given { types: &writer.state.types, loose: &loose, model: writer.state.project.model };
    let rendered =
        render::product(product, given, writer.now).map_err(|error| ApiError::operation(error.to_string()))?;
    writer.add_rendered(rendered)
}
