//! Update actions.
//!
//! An update carries the version it was made against and a list of actions; either all of them are applied or none.

mod assortment;
mod category;
mod product;
mod project;
mod stock;

use serde_json::Value;

use super::draft::{need_text, object, text};
use super::error::ApiError;
use super::order::Id;
use super::state::{Kind, Object};
use super::write::{Edit, Writer};

/// Applies `actions` to a resource when its version is `expected` (no check without one).
pub(super) fn update(
    writer: &mut Writer<'_>,
    kind: Kind,
    id: Id,
    expected: Option<u64>,
    actions: &[Value],
) -> Result<Id, ApiError> {
    let mut edit = writer.load(kind, id)?;
    check_version(id, edit.version, expected)?;
    for action in actions {
        let action = object(action, "actions")?;
        let name = need_text(action, "action")?;
        match kind {
            Kind::Product => product::apply(writer, &mut edit, name, action)?,
            Kind::Category => category::apply(writer, &mut edit, name, action)?,
            Kind::InventoryEntry => stock::apply_inventory(writer, &mut edit, name, action)?,
            Kind::StandalonePrice => stock::apply_price(&mut edit, name, action)?,
            Kind::ProductSelection => assortment::apply_selection(writer, &mut edit, name, action)?,
            Kind::Store => assortment::apply_store(writer, &mut edit, name, action)?,
            Kind::Channel | Kind::CustomerGroup => apply_simple(&mut edit, name, action)?,
            Kind::ProductType | Kind::Message => return Err(unknown(name)),
        }
    }
    Ok(writer.commit(edit))
}

pub(super) use project::update as update_project;

/// 409 when a resource has moved on.
pub(super) fn check_version(id: Id, actual: u32, expected: Option<u64>) -> Result<(), ApiError> {
    match expected {
        Some(expected) if expected != u64::from(actual) => Err(ApiError::conflict(&id.to_string(), expected, actual)),
        _ => Ok(()),
    }
}

/// An action this server does not know for a resource.
fn unknown(name: &str) -> ApiError {
    ApiError::json(format!("actions: Invalid type value '{name}' for field 'action'"))
}

/// `setKey` for every resource that has one.
fn set_key(writer: &Writer<'_>, edit: &mut Edit, action: &Object) -> Result<(), ApiError> {
    let key = text(action, "key");
    if let Some(key) = &key
        && writer.state.table(edit.kind).find_key(key).is_some_and(|row| row.id != edit.id)
    {
        return Err(ApiError::duplicate("key", key));
    }
    edit.key = key;
    Ok(())
}

fn apply_simple(edit: &mut Edit, name: &str, action: &Object) -> Result<(), ApiError> {
    match name {
        "changeName" | "setName" => edit.set("name", action.get("name")),
        "changeDescription" | "setDescription" => edit.set("description", action.get("description")),
        "setRoles" => edit.set("roles", action.get("roles")),
        "changeKey" | "setKey" => edit.key = text(action, "key"),
        _ => return Err(unknown(name)),
    }
    Ok(())
}
