//! Channels: their roles, and the role that whoever uses a channel asks of it.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{object, texts, wrong};
use super::super::state::{Kind, Object, State};

/// The roles that a channel may have.
const ROLES: [&str; 5] = ["InventorySupply", "ProductDistribution", "OrderExport", "OrderImport", "Primary"];

/// The role a channel needs to supply.
pub(in super::super) const SUPPLY: &str = "InventorySupply";
/// The role a channel needs to be sold in.
pub(in super::super) const DISTRIBUTION: &str = "ProductDistribution";

/// The `roles` of a body: known ones.
pub(in super::super) fn roles(body: &Object) -> Result<Vec<&str>, ApiError> {
    let roles = texts(body, "roles")?;
    match roles.iter().find(|role| !ROLES.contains(role)) {
        Some(_) => Err(wrong("roles", &format!("a list of {}", ROLES.join(", ")))),
        None => Ok(roles),
    }
}

/// Refuses to leave a channel without a role.
pub(in super::super) fn check_roles(roles: &[&str]) -> Result<(), ApiError> {
    if roles.is_empty() { Err(ApiError::operation("A channel must have at least one role.")) } else { Ok(()) }
}

/// Refuses a key that says nothing.
pub(in super::super) fn check_key(key: &str) -> Result<(), ApiError> {
    if key.is_empty() { Err(ApiError::operation("The key of a channel can't be empty.")) } else { Ok(()) }
}

/// Refuses a channel (as a reference) that lacks a role.
pub(in super::super) fn need_role(state: &State, channel: &Value, role: &'static str) -> Result<(), ApiError> {
    let row = state.identified(Kind::Channel, channel);
    let members = row.map(|row| State::members_of(&row.body)).unwrap_or_default();
    let has = members.get("roles").and_then(Value::as_array).is_some_and(|roles| roles.contains(&json!(role)));
    if has {
        return Ok(());
    }
    let id = channel.get("id").and_then(Value::as_str).unwrap_or_default();
    let message = format!("Given channel with {id} does not have the required role {role}.");
    Err(ApiError::new(400, "MissingRoleOnChannel", message).with("channel", channel.clone()).with("missingRole", role))
}

/// An address: one needs its country.
pub(in super::super) fn check_address(address: &Value) -> Result<(), ApiError> {
    let address = object(address, "address")?;
    match super::super::input::country(address, "country")? {
        Some(_) => Ok(()),
        None => Err(ApiError::required("country")),
    }
}

/// A place: a point of longitude and latitude.
pub(in super::super) fn check_place(place: &Value) -> Result<(), ApiError> {
    let point = place.get("type").and_then(Value::as_str) == Some("Point");
    let coordinates = place.get("coordinates").and_then(Value::as_array);
    let pair = coordinates.is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_number));
    if point && pair { Ok(()) } else { Err(wrong("geoLocation", "a Point with longitude and latitude")) }
}
