//! A customer as the API shows it.

use serde_json::{Value, json};

use super::super::order::Id;
use super::super::state::{Kind, Object, State, reference};
use super::super::write::set;
use super::super::{SeedError, change::object_of};
use super::{CUSTOMER_FIELDS, custom};
use crate::shared::people::{Address, Customer};

/// The members of a customer but the common ones.
pub(super) fn members(state: &State, given: &Customer) -> Result<Object, SeedError> {
    let addresses: Vec<Value> =
        given.addresses.iter().enumerate().map(|(place, it)| address(&given.key, place, it)).collect();
    let ids: Vec<&Value> = addresses.iter().filter_map(|address| address.get("id")).collect();
    let mut groups = Vec::new();
    for key in &given.groups {
        let id = Id::of(Kind::CustomerGroup.type_id(), key);
        if state.table(Kind::CustomerGroup).slot(id).is_none() {
            return Err(SeedError::unknown("customer", &given.key, "customer group", key));
        }
        groups.push(reference(Kind::CustomerGroup, id));
    }
    for key in &given.stores {
        if state.table(Kind::Store).find_key(key).is_none() {
            return Err(SeedError::unknown("customer", &given.key, "store", key));
        }
    }
    let stores: Vec<Value> = given.stores.iter().map(|key| json!({ "typeId": "store", "key": key })).collect();
    let assignments: Vec<Value> = groups.iter().skip(1).map(|group| json!({ "customerGroup": group })).collect();
    let mut members = object_of(json!({
        "email": given.email,
        // As the platform shows it: that there is one.
        "password": "****aGg=",
        "addresses": addresses,
        "shippingAddressIds": ids,
        "billingAddressIds": ids,
        "isEmailVerified": true,
        "customerGroupAssignments": assignments,
        "stores": stores,
        "authenticationMode": "Password",
    }));
    let first = ids.first().copied().cloned();
    let mut fields = Object::new();
    let sms = given.agrees_to_sms.map(|agrees| if agrees { "YES" } else { "NO" });
    set(&mut fields, "newsletterOptIn", given.agrees_to_email.map(|it| json!(it)).as_ref());
    set(&mut fields, "newsletterSince", given.said_at.as_ref().map(|it| json!(it)).as_ref());
    set(&mut fields, "smsConsent", sms.map(|it| json!(it)).as_ref());
    let text = |value: &Option<String>| value.as_ref().map(|it| json!(it));
    for (name, value) in [
        ("customerNumber", text(&given.number)),
        ("title", text(&given.title)),
        ("firstName", text(&given.given)),
        ("lastName", text(&given.family)),
        ("dateOfBirth", text(&given.birth_date)),
        ("companyName", text(&given.company)),
        ("locale", text(&given.locale)),
        ("defaultShippingAddressId", first.clone()),
        ("defaultBillingAddressId", first),
        ("customerGroup", groups.into_iter().next()),
        ("custom", custom(CUSTOMER_FIELDS, &fields)),
    ] {
        set(&mut members, name, value.as_ref());
    }
    Ok(members)
}

/// An address with an id that follows from its owner.
pub(super) fn address(owner: &str, place: usize, given: &Address) -> Value {
    let id = Id::of("address", &format!("{owner}\0{place}")).to_string();
    let mut address = object_of(json!({
        "id": id.get(..8),
        "firstName": given.given,
        "lastName": given.family,
        "streetName": given.street,
        "streetNumber": given.number,
        "postalCode": given.postal_code,
        "city": given.city,
        "country": given.country,
    }));
    set(&mut address, "phone", given.phone.as_ref().map(|it| json!(it)).as_ref());
    set(&mut address, "mobile", given.mobile.as_ref().map(|it| json!(it)).as_ref());
    Value::Object(address)
}
