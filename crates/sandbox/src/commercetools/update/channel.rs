//! Update actions of channels. An action that changes nothing is refused.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::input::{given, need, need_localized, need_text};
use super::super::rules::channel::{check_address, check_key, check_place, check_roles, roles};
use super::super::state::Object;
use super::super::write::{Edit, Writer};
use super::{set_key, unknown};

pub(super) fn apply(writer: &Writer<'_>, edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeKey" => {
            let key = need_text(action, "key")?;
            check_key(key)?;
            set_key(writer, edit, Some(key.to_owned()))?;
        }
        "changeName" => change_text(edit, action, "name")?,
        "changeDescription" => change_text(edit, action, "description")?,
        "setRoles" | "addRoles" | "removeRoles" => change_roles(edit, name, action)?,
        "setAddress" => set_checked(edit, action, "address", check_address)?,
        "setGeoLocation" => set_checked(edit, action, "geoLocation", check_place)?,
        _ => return Err(unknown(name)),
    }
    Ok(())
}

fn no_change(field: &str) -> ApiError {
    ApiError::operation(format!("The new value of '{field}' is the same as the current one."))
}

fn change_text(edit: &mut Edit, action: &Object, field: &str) -> Result<(), ApiError> {
    let new = need_localized(action, field)?;
    if new.as_object().is_some_and(Object::is_empty) {
        return Err(ApiError::operation(format!("'{field}' can't be empty.")));
    }
    if edit.members.get(field) == Some(new) {
        return Err(no_change(field));
    }
    edit.set(field, Some(new));
    Ok(())
}

fn change_roles(edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    need(action, "roles")?;
    let named = roles(action)?;
    let old = edit.members.clone();
    let old = roles(&old)?;
    let mut new = old.clone();
    match name {
        "setRoles" => new = named,
        "addRoles" => new.extend(named.into_iter().filter(|role| !old.contains(role))),
        _ => new.retain(|role| !named.contains(role)),
    }
    check_roles(&new)?;
    if new == old {
        return Err(no_change("roles"));
    }
    edit.set("roles", Some(&json!(new)));
    Ok(())
}

fn set_checked(
    edit: &mut Edit,
    action: &Object,
    field: &str,
    check: impl Fn(&Value) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let value = given(action, field);
    value.map_or(Ok(()), check)?;
    edit.set(field, value);
    Ok(())
}
