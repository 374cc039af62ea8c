//! People in the platform's JSON: the generated ones, and changes to them that a test or the living shop makes.

mod customer;
mod order;

use serde_json::{Value, json};

use super::change::{act, object_of};
use super::error::ApiError;
use super::order::Id;
use super::render::row;
use super::state::{Kind, Object, State, reference};
use super::table::Row;
use super::write::Writer;
use super::{Emulator, SeedError, time};
use crate::shared::people::{Customer, Order, People};

/// Key of the type of customers' custom fields.
const CUSTOMER_FIELDS: &str = "customer-fields";
/// Key of the type of orders' custom fields.
const ORDER_FIELDS: &str = "order-fields";
/// Key of the discount that all coupons grant.
const COUPON_DISCOUNT: &str = "coupon";

/// Counts of [`Emulator::seed_people`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeededPeople {
    /// Customers.
    pub customers: usize,
    /// Orders.
    pub orders: usize,
}

impl Emulator {
    /// Adds people to the project, as resources of a day ago and without messages. The catalogue is seeded before, and
    /// names its groups, stores and products.
    ///
    /// Custom fields of customers: `newsletterOptIn` (Boolean), `newsletterSince` (DateTime), `smsConsent` (Enum with `YES`
    /// and `NO`), `loyaltyTier` (String); of orders: `source` (Enum).
    ///
    /// # Errors
    /// A customer or an order comes twice, or names what is not there.
    pub fn seed_people(&self, people: &People) -> Result<SeededPeople, SeedError> {
        let at = self.now() - super::seed::AGE_MS;
        self.write(self.now(), |writer| {
            let state = &mut *writer.state;
            add_types(state, at);
            for code in &people.coupons {
                state.table_mut(Kind::DiscountCode).put(discount_code(code, at));
            }
            for (customer, at) in people.customers.iter().zip(at..) {
                let members = customer::members(state, customer)?;
                put(state, Kind::Customer, &customer.key, true, &members, at)?;
            }
            for (order, at) in people.orders.iter().zip(at..) {
                let members = order::members(state, order, at)?;
                put(state, Kind::Order, &order.key, false, &members, at)?;
            }
            Ok(SeededPeople { customers: people.customers.len(), orders: people.orders.len() })
        })
    }

    /// The customer with this key as the API shows it.
    pub fn customer(&self, key: &str) -> Option<Value> {
        self.resource(Kind::Customer, key)
    }

    /// The order that was generated with this key as the API shows it.
    pub fn order(&self, key: &str) -> Option<Value> {
        self.resource(Kind::Order, key)
    }

    /// All customers as the API shows them, oldest first.
    pub fn customers(&self) -> Vec<Value> {
        self.resources(Kind::Customer)
    }

    /// All orders as the API shows them, oldest first.
    pub fn orders(&self) -> Vec<Value> {
        self.resources(Kind::Order)
    }

    /// Ids of all customers, oldest first.
    pub fn customer_ids(&self) -> Vec<String> {
        self.ids(Kind::Customer)
    }

    /// Ids of all orders, oldest first.
    pub fn order_ids(&self) -> Vec<String> {
        self.ids(Kind::Order)
    }

    fn resource(&self, kind: Kind, key: &str) -> Option<Value> {
        let state = self.read();
        let row = state.table(kind).find(Id::of(kind.type_id(), key))?;
        Some(state.value(row, super::state::View::Resource(kind)))
    }

    fn resources(&self, kind: Kind) -> Vec<Value> {
        let state = self.read();
        let table = state.table(kind);
        let rows = table.slots().filter_map(|slot| table.row(slot));
        rows.map(|row| state.value(row, super::state::View::Resource(kind))).collect()
    }

    fn ids(&self, kind: Kind) -> Vec<String> {
        let state = self.read();
        let table = state.table(kind);
        table.slots().filter_map(|slot| Some(table.row(slot)?.id.to_string())).collect()
    }
}

fn put(state: &mut State, kind: Kind, key: &str, has_key: bool, members: &Object, at: i64) -> Result<(), SeedError> {
    let id = Id::of(kind.type_id(), key);
    if state.table(kind).slot(id).is_some() {
        return Err(SeedError::TwiceOf { kind: kind.type_id(), key: key.to_owned() });
    }
    state.table_mut(kind).put(row(id, has_key.then_some(key), at, members));
    Ok(())
}

fn discount_code(code: &str, at: i64) -> Row {
    let discount = json!({ "typeId": "cart-discount", "id": Id::of("cart-discount", COUPON_DISCOUNT).to_string() });
    let members = json!({
        "code": code, "name": { "en": code }, "cartDiscounts": [&discount], "stores": [], "isActive": true,
        "references": [&discount], "groups": [], "applicationVersion": 1,
    });
    row(discount_code_id(code), None, at, &object_of(members))
}

/// The id of the discount code with this code.
fn discount_code_id(code: &str) -> Id {
    Id::of(Kind::DiscountCode.type_id(), code)
}

fn add_types(state: &mut State, at: i64) {
    let field = |name: &str, of: Value| json!({ "name": name, "type": of, "label": { "en": name }, "required": false, "inputHint": "SingleLine" });
    let choice = |keys: &[&str]| {
        let values: Vec<Value> = keys.iter().map(|key| json!({ "key": key, "label": key })).collect();
        json!({ "name": "Enum", "values": values })
    };
    let of_customers = vec![
        field("newsletterOptIn", json!({ "name": "Boolean" })),
        field("newsletterSince", json!({ "name": "DateTime" })),
        field("smsConsent", choice(&["YES", "NO"])),
        field("loyaltyTier", json!({ "name": "String" })),
    ];
    let of_orders = vec![field("source", choice(&["web", "app"]))];
    for (key, of, fields) in [(CUSTOMER_FIELDS, "customer", of_customers), (ORDER_FIELDS, "order", of_orders)] {
        let members = json!({ "name": { "en": key }, "resourceTypeIds": [of], "fieldDefinitions": fields });
        let row = row(Id::of(Kind::Type.type_id(), key), Some(key), at, &object_of(members));
        state.table_mut(Kind::Type).put(row);
    }
}

/// `custom` with fields of a type.
fn custom(type_key: &str, fields: &Object) -> Option<Value> {
    let of = json!({ "typeId": "type", "id": Id::of(Kind::Type.type_id(), type_key).to_string() });
    (!fields.is_empty()).then(|| json!({ "type": of, "fields": fields }))
}

/// A customer of now. An address of a customer that another one has is refused, as by the API.
pub(super) fn add_customer(writer: &mut Writer<'_>, customer: &Customer) -> Result<(), ApiError> {
    let members = customer::members(writer.state, customer).map_err(refused)?;
    super::rules::customer::check_email(writer.state, None, &members)?;
    let mut edit = writer.create(Kind::Customer, Some(customer.key.clone()), members)?;
    edit.message("CustomerCreated", json!({}));
    writer.commit(edit);
    Ok(())
}

/// An order of now.
pub(super) fn place_order(writer: &mut Writer<'_>, order: &Order) -> Result<(), ApiError> {
    let members = order::members(writer.state, order, writer.now).map_err(refused)?;
    let mut edit = writer.create(Kind::Order, None, members)?;
    let id = Id::of(Kind::Order.type_id(), &order.key);
    if writer.state.table(Kind::Order).slot(id).is_some() {
        return Err(ApiError::duplicate("orderNumber", order.key.as_str()));
    }
    edit.id = id;
    edit.message("OrderCreated", json!({}));
    writer.commit(edit);
    Ok(())
}

/// An order with other contents, as an order edit makes it: a message tells of it, and no notification of a change. The edit
/// itself is not there afterwards.
pub(super) fn edit_order(writer: &mut Writer<'_>, order: &Order) -> Result<(), ApiError> {
    let mut edit = writer.load(Kind::Order, order_id(writer.state, &order.key)?)?;
    let excerpt = |members: &Object, version: u32| json!({ "totalPrice": members.get("totalPrice"), "taxedPrice": members.get("taxedPrice"), "version": version });
    let before = excerpt(&edit.members, edit.version);
    edit.members = order::members(writer.state, order, writer.now).map_err(refused)?;
    let id = Id::of("order-edit", &format!("{}\0{}", order.key, edit.version)).to_string();
    let mut result = json!({
        "type": "Applied",
        "appliedAt": time::print(writer.now),
        "excerptBeforeEdit": before,
        "excerptAfterEdit": excerpt(&edit.members, edit.version + 1),
    });
    for excerpt in ["excerptBeforeEdit", "excerptAfterEdit"] {
        if let Some(Value::Object(excerpt)) = result.get_mut(excerpt) {
            excerpt.retain(|_, value| !value.is_null());
        }
    }
    let made = json!({
        "id": id, "version": 2, "createdAt": time::print(writer.now), "lastModifiedAt": time::print(writer.now),
        "resource": reference(Kind::Order, edit.id), "stagedActions": [], "result": result,
    });
    edit.message("OrderEditApplied", json!({ "edit": made, "result": result }));
    edit.is_told_by_message = true;
    writer.commit(edit);
    Ok(())
}

/// Announces pieces of a line of an order as returned, or says that they are back.
pub(super) fn return_pieces(
    writer: &mut Writer<'_>,
    order: &str,
    line: usize,
    quantity: i64,
    refunded: bool,
) -> Result<(), ApiError> {
    let id = order_id(writer.state, order)?;
    let edit = writer.load(Kind::Order, id)?;
    let line = edit.members.get("lineItems").and_then(|lines| lines.get(line)?.get("id").cloned());
    let items = json!([{ "quantity": quantity, "lineItemId": line, "shipmentState": "Returned" }]);
    act(writer, Kind::Order, id, json!({ "action": "addReturnInfo", "items": items }))?;
    if !refunded {
        return Ok(());
    }
    let edit = writer.load(Kind::Order, id)?;
    let infos = edit.members.get("returnInfo").and_then(Value::as_array);
    let item = infos.and_then(|infos| infos.last()?.pointer("/items/0/id").cloned());
    act(
        writer,
        Kind::Order,
        id,
        json!({ "action": "setReturnPaymentState", "returnItemId": item, "paymentState": "Refunded" }),
    )
}

/// The id of the order that was generated with this key.
pub(super) fn order_id(state: &State, key: &str) -> Result<Id, ApiError> {
    let id = Id::of(Kind::Order.type_id(), key);
    state.table(Kind::Order).find(id).map(|row| row.id).ok_or_else(|| ApiError::dangling("order", "key", key))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn refused(error: SeedError) -> ApiError {
    ApiError::operation(error.to_string())
}
