//! Update actions of orders.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{instant, list, need_number, need_text, object, one_of, text};
use super::super::order::Id;
use super::super::state::{Kind, Object, reference};
use super::super::table::{Term, term};
use super::super::time;
use super::super::write::{Edit, Writer};
use super::custom::{self, Told};
use super::unknown;

const TOLD: Told = Told {
    type_set: "OrderCustomTypeSet",
    type_removed: "OrderCustomTypeRemoved",
    added: "OrderCustomFieldAdded",
    changed: "OrderCustomFieldChanged",
    removed: "OrderCustomFieldRemoved",
};

const ORDER: [&str; 4] = ["Open", "Confirmed", "Complete", "Cancelled"];
const SHIPMENT: [&str; 8] = ["Shipped", "Delivered", "Ready", "Pending", "Delayed", "Partial", "Backorder", "Canceled"];
const PAYMENT: [&str; 5] = ["BalanceDue", "Failed", "Pending", "CreditOwed", "Paid"];
const RETURN_SHIPMENT: [&str; 4] = ["Advised", "Returned", "BackInStock", "Unusable"];
const RETURN_PAYMENT: [&str; 4] = ["NonRefundable", "Initial", "Refunded", "NotRefunded"];

pub(super) fn apply(writer: &mut Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeOrderState" => set_state(edit, action, "orderState", &ORDER, ("OrderStateChanged", "oldOrderState"))?,
        "changeShipmentState" => {
            set_state(edit, action, "shipmentState", &SHIPMENT, ("OrderShipmentStateChanged", "oldShipmentState"))?;
        }
        "changePaymentState" => {
            set_state(edit, action, "paymentState", &PAYMENT, ("OrderPaymentStateChanged", "oldPaymentState"))?;
        }
        "addReturnInfo" => {
            let info = return_info(writer, edit, action)?;
            edit.message("ReturnInfoAdded", json!({ "returnInfo": info }));
            let infos = edit.members.entry("returnInfo").or_insert_with(|| json!([]));
            infos.as_array_mut().into_iter().for_each(|infos| infos.push(info.clone()));
        }
        "setReturnShipmentState" => {
            let state = need_one_of(action, "shipmentState", &RETURN_SHIPMENT)?;
            let id = need_text(action, "returnItemId")?.to_owned();
            let item = return_item(edit, &id, writer.now)?;
            item.insert("shipmentState".to_owned(), json!(state));
            if state != "Advised" && item.get("paymentState") == Some(&json!("NonRefundable")) {
                item.insert("paymentState".to_owned(), json!("Initial"));
            }
            let message = json!({ "returnItemId": id, "returnShipmentState": state });
            edit.message("OrderReturnShipmentStateChanged", message);
        }
        "setReturnPaymentState" => {
            let state = need_one_of(action, "paymentState", &RETURN_PAYMENT)?;
            let id = need_text(action, "returnItemId")?.to_owned();
            let item = return_item(edit, &id, writer.now)?;
            if item.get("paymentState") == Some(&json!("NonRefundable")) {
                return Err(ApiError::operation("The payment of the return item can't be refunded."));
            }
            item.insert("paymentState".to_owned(), json!(state));
        }
        "setCustomerEmail" => {
            let (new, old) =
                (text(action, "email")?.map(|text| json!(text)), edit.members.get("customerEmail").cloned());
            edit.set("customerEmail", new.as_ref());
            edit.message("OrderCustomerEmailSet", json!({ "email": new, "oldEmail": old }));
        }
        "setCustomerId" => {
            let id = text(action, "customerId")?;
            let row = id.map(|id| {
                let row = Id::parse(id).and_then(|id| writer.state.table(Kind::Customer).find(id));
                row.ok_or_else(|| ApiError::dangling("customer", "id", id))
            });
            let id = row.transpose()?.map(|row| row.id);
            edit.set("customerId", id.map(|id| json!(id.to_string())).as_ref());
            let customer = id.map(|id| reference(Kind::Customer, id));
            edit.message("OrderCustomerSet", json!({ "customer": customer }));
        }
        "setOrderNumber" => {
            if edit.members.contains_key("orderNumber") {
                return Err(ApiError::operation("The order has a number already."));
            }
            let number = text(action, "orderNumber")?;
            let table = writer.state.table(Kind::Order);
            if let Some(number) = number
                && table.with_term(term(Term::Number, number)).next().is_some()
            {
                return Err(ApiError::duplicate("orderNumber", number));
            }
            edit.set("orderNumber", number.map(|number| json!(number)).as_ref());
        }
        "setCustomType" => custom::set_type(writer.state, edit, action, "order", &TOLD)?,
        "setCustomField" => custom::set_field(writer.state, edit, action, "order", &TOLD)?,
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn need_one_of<'a>(action: &'a Object, name: &str, allowed: &[&str]) -> Result<&'a str, ApiError> {
    one_of(action, name, allowed)?.ok_or_else(|| ApiError::required(name))
}

fn set_state(
    edit: &mut Edit,
    action: &Object,
    name: &str,
    allowed: &[&str],
    (message, old_name): (&'static str, &str),
) -> Result<(), ApiError> {
    let (new, old) = (json!(need_one_of(action, name, allowed)?), edit.members.get(name).cloned());
    edit.set(name, Some(&new));
    edit.message(message, json!({ name: new, old_name: old }));
    Ok(())
}

/// A new `ReturnInfo`: of each line at most the pieces that were bought and have not come back before.
fn return_info(writer: &mut Writer<'_>, edit: &Edit, action: &Object) -> Result<Value, ApiError> {
    let mut items = Vec::new();
    for draft in list(action, "items")? {
        let draft = object(draft, "items")?;
        let (quantity, state) =
            (need_number(draft, "quantity")?, need_one_of(draft, "shipmentState", &["Advised", "Returned"])?);
        let (field, kind, lines) = match (text(draft, "lineItemId")?, text(draft, "customLineItemId")?) {
            (Some(_), None) => ("lineItemId", "LineItemReturnItem", "lineItems"),
            (None, Some(_)) => ("customLineItemId", "CustomLineItemReturnItem", "customLineItems"),
            _ => return Err(ApiError::required("lineItemId")),
        };
        let line = need_text(draft, field)?;
        if quantity < 1 || quantity > left(edit, lines, field, line) {
            return Err(ApiError::field("quantity", &json!(quantity)));
        }
        let number = writer.state.next_number();
        let at = time::print(writer.now);
        items.push(json!({
            "id": Id::of("return-item", &format!("{}\0{number}", edit.id)).to_string(),
            "type": kind, field: line, "quantity": quantity, "shipmentState": state,
            "paymentState": if state == "Returned" { "Initial" } else { "NonRefundable" },
            "createdAt": at, "lastModifiedAt": at,
        }));
    }
    if items.is_empty() {
        return Err(ApiError::required("items"));
    }
    let mut info = Object::new();
    info.insert("items".to_owned(), json!(items));
    if let Some(date) = instant(action, "returnDate")? {
        info.insert("returnDate".to_owned(), date);
    }
    if let Some(id) = text(action, "returnTrackingId")? {
        info.insert("returnTrackingId".to_owned(), json!(id));
    }
    Ok(Value::Object(info))
}

/// Pieces of a line that no return names yet.
fn left(edit: &Edit, lines: &str, field: &str, line: &str) -> i64 {
    let quantity = |it: &Value| it.get("quantity").and_then(Value::as_i64);
    let all = |name: &str| edit.members.get(name).and_then(Value::as_array).into_iter().flatten();
    let bought = all(lines).find(|it| it.get("id").and_then(Value::as_str) == Some(line)).and_then(quantity);
    let items = all("returnInfo").filter_map(|info| info.get("items")?.as_array()).flatten();
    let back = items.filter(|it| it.get(field).and_then(Value::as_str) == Some(line)).filter_map(quantity);
    bought.unwrap_or(0) - back.sum::<i64>()
}

/// The return item with this id, which changes now.
fn return_item<'a>(edit: &'a mut Edit, id: &str, now: i64) -> Result<&'a mut Object, ApiError> {
    let infos = edit.members.get_mut("returnInfo").and_then(Value::as_array_mut).into_iter().flatten();
    let mut items = infos.filter_map(|info| info.get_mut("items")?.as_array_mut()).flatten();
    let item = items.find(|it| it.get("id").and_then(Value::as_str) == Some(id)).and_then(Value::as_object_mut);
    let item = item.ok_or_else(|| ApiError::operation(format!("The order has no return item with id '{id}'.")))?;
    item.insert("lastModifiedAt".to_owned(), json!(time::print(now)));
    Ok(item)
}
