//! Update actions of customers.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{list, need, need_text, resolve_given, text};
use super::super::rules;
use super::super::state::{Kind, Object};
use super::super::write::{Edit, Writer};
use super::custom::{self, Told};
use super::{set_key, unknown};

const TOLD: Told = Told {
    type_set: "CustomerCustomTypeSet",
    type_removed: "CustomerCustomTypeRemoved",
    added: "CustomerCustomFieldAdded",
    changed: "CustomerCustomFieldChanged",
    removed: "CustomerCustomFieldRemoved",
};

/// Actions that set a member of text, or remove it: with the member, and the message that tells of it.
const TEXTS: [(&str, &str, Option<&str>); 11] = [
    ("setFirstName", "firstName", Some("CustomerFirstNameSet")),
    ("setLastName", "lastName", Some("CustomerLastNameSet")),
    ("setTitle", "title", Some("CustomerTitleSet")),
    ("setCompanyName", "companyName", Some("CustomerCompanyNameSet")),
    ("setDateOfBirth", "dateOfBirth", Some("CustomerDateOfBirthSet")),
    ("setExternalId", "externalId", Some("CustomerExternalIdSet")),
    ("setMiddleName", "middleName", None),
    ("setSalutation", "salutation", None),
    ("setLocale", "locale", None),
    ("setVatId", "vatId", None),
    ("setCustomerNumber", "customerNumber", None),
];

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    if let Some((_, member, message)) = TEXTS.iter().find(|(of, ..)| *of == name) {
        let new = text(action, member)?.map(|text| json!(text));
        edit.set(member, new.as_ref());
        if let Some(message) = message {
            edit.message(message, json!({ *member: new }));
        }
        return Ok(());
    }
    match name {
        "changeEmail" => {
            let (new, old) = (json!(need_text(action, "email")?), edit.members.get("email").cloned());
            edit.set("email", Some(&new));
            edit.set("isEmailVerified", Some(&json!(false)));
            rules::customer::check_email(writer.state, Some(edit.id), &edit.members)?;
            edit.message("CustomerEmailChanged", json!({ "email": new, "oldEmail": old }));
        }
        "setCustomType" => custom::set_type(writer.state, edit, action, "customer", &TOLD)?,
        "setCustomField" => custom::set_field(writer.state, edit, action, "customer", &TOLD)?,
        "setCustomerGroup" => {
            let group = resolve_given(writer.state, Kind::CustomerGroup, action, "customerGroup")?;
            edit.set("customerGroup", group.as_ref());
            edit.message("CustomerGroupSet", json!({ "customerGroup": group }));
        }
        "setStores" => {
            let old = edit.members.get("stores").cloned().unwrap_or_default();
            let mut stores = Vec::new();
            for store in list(action, "stores")? {
                stores.push(rules::customer::store(writer.state, store)?);
            }
            edit.set("stores", Some(&json!(stores)));
            rules::customer::check_email(writer.state, Some(edit.id), &edit.members)?;
            edit.message("CustomerStoresSet", json!({ "stores": stores, "oldStores": old }));
        }
        "addAddress" => {
            let mut all = addresses(edit);
            let address = rules::customer::address(
                need(action, "address")?,
                &format!("{}\0{}", edit.id, edit.version),
                all.len(),
            )?;
            all.push(address.clone());
            edit.set("addresses", Some(&json!(all)));
            edit.message("CustomerAddressAdded", json!({ "address": address }));
        }
        "removeAddress" => {
            let id = need_text(action, "addressId")?;
            let (all, mut kept) = (addresses(edit), addresses(edit));
            kept.retain(|address| address.get("id").and_then(Value::as_str) != Some(id));
            if kept.len() == all.len() {
                return Err(ApiError::operation(format!("The customer has no address with id '{id}'.")));
            }
            edit.set("addresses", Some(&json!(kept)));
            for member in ["shippingAddressIds", "billingAddressIds"] {
                if let Some(ids) = edit.members.get_mut(member).and_then(Value::as_array_mut) {
                    ids.retain(|known| known != id);
                }
            }
            for member in ["defaultShippingAddressId", "defaultBillingAddressId"] {
                if edit.members.get(member).is_some_and(|known| known == id) {
                    edit.set(member, None);
                }
            }
        }
        "setKey" => set_key(writer, edit, super::super::input::key(action)?)?,
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn addresses(edit: &Edit) -> Vec<Value> {
    edit.members.get("addresses").and_then(Value::as_array).cloned().unwrap_or_default()
}
