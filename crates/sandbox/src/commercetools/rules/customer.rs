//! Customers: whose e-mail address it is, their addresses and stores.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{country, need, object, text, wrong};
use super::super::order::Id;
use super::super::state::{Kind, Object, State};
use super::super::table::{Term, term};

/// Refuses an address without an `@`, and one that another customer has whose account is for one of the same stores: those
/// for all stores share with each other only. `own` is the customer's id when it is known.
pub(in super::super) fn check_email(state: &State, own: Option<Id>, customer: &Object) -> Result<(), ApiError> {
    let email = customer.get("email").and_then(Value::as_str).unwrap_or_default();
    if !email.contains('@') {
        return Err(ApiError::field("email", &Value::from(email)));
    }
    let table = state.table(Kind::Customer);
    let known = table.with_term(term(Term::Email, &email.to_lowercase())).filter_map(|slot| table.row(slot));
    for row in known.filter(|row| Some(row.id) != own) {
        let other = State::members_of(&row.body);
        let is_same = other.get("email").and_then(Value::as_str).is_some_and(|it| it.eq_ignore_ascii_case(email));
        if is_same && share_a_place(customer, &other) {
            return Err(ApiError::duplicate("email", email));
        }
    }
    Ok(())
}

fn share_a_place(one: &Object, other: &Object) -> bool {
    let stores = |customer: &Object| -> Vec<Value> {
        customer.get("stores").and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (one, other) = (stores(one), stores(other));
    one.is_empty() && other.is_empty() || one.iter().any(|store| other.contains(store))
}

/// Members of text that an address may have.
const ADDRESS: [&str; 23] = [
    "key",
    "title",
    "salutation",
    "firstName",
    "lastName",
    "streetName",
    "streetNumber",
    "additionalStreetInfo",
    "postalCode",
    "city",
    "region",
    "state",
    "company",
    "department",
    "building",
    "apartment",
    "pOBox",
    "phone",
    "mobile",
    "email",
    "fax",
    "additionalAddressInfo",
    "externalId",
];

/// An address of a body as kept, with an id that follows from its owner and its place there.
pub(in super::super) fn address(given: &Value, owner: &str, place: usize) -> Result<Value, ApiError> {
    let given = object(given, "address")?;
    need(given, "country")?;
    country(given, "country")?;
    if let Some(unknown) = given.keys().find(|name| !ADDRESS.contains(&name.as_str()) && *name != "country") {
        return Err(wrong("address", &format!("known members, of which '{unknown}' is none")));
    }
    for name in ADDRESS {
        text(given, name)?;
    }
    let id = Id::of("address", &format!("{owner}\0{place}")).to_string();
    let mut kept = given.clone();
    kept.insert("id".to_owned(), json!(id.get(..8)));
    Ok(Value::Object(kept))
}

/// A store that an identifier names, as a reference by key.
pub(in super::super) fn store(state: &State, identifier: &Value) -> Result<Value, ApiError> {
    let reference = super::super::input::resolve(state, Kind::Store, identifier)?;
    let row = state.identified(Kind::Store, &reference);
    Ok(json!({ "typeId": "store", "key": row.and_then(|row| row.key.as_deref()) }))
}
