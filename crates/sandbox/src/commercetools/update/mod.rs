//! Update actions.
//!
//! An update carries the version it was made against and a list of actions; either all of them are applied or none.

mod category;
mod channel;
mod custom;
mod customer;
mod customer_group;
mod inventory;
mod modular_variant;
mod order;
mod price;
mod product;
mod project;
mod selection;
mod standalone_price;
mod store;
mod variant;

use serde_json::Value;

use super::error::ApiError;
use super::input::{need_text, object};
use super::order::Id;
use super::state::Kind;
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
            Kind::InventoryEntry => inventory::apply(writer, &mut edit, name, action)?,
            Kind::StandalonePrice => standalone_price::apply(writer, &mut edit, name, action)?,
            Kind::ProductSelection => selection::apply(writer, &mut edit, name, action)?,
            Kind::Store => store::apply(writer.state, &mut edit, name, action)?,
            Kind::Channel => channel::apply(writer, &mut edit, name, action)?,
            Kind::CustomerGroup => customer_group::apply(writer, &mut edit, name, action)?,
            Kind::Variant => modular_variant::apply(writer, &mut edit, name, action)?,
            Kind::Customer => customer::apply(writer, &mut edit, name, action)?,
            Kind::Order => order::apply(writer, &mut edit, name, action)?,
            Kind::ProductType | Kind::ProductTailoring | Kind::DiscountCode | Kind::Type | Kind::Message => {
                return Err(unknown(name));
            }
        }
    }
    Ok(writer.commit(edit))
}

pub(super) use modular_variant::owner as owner_of_variant;
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

/// Sets the key of a resource, or removes it.
fn set_key(writer: &Writer<'_>, edit: &mut Edit, key: Option<String>) -> Result<(), ApiError> {
    if let Some(key) = &key
        && writer.state.table(edit.kind).find_key(key).is_some_and(|row| row.id != edit.id)
    {
        return Err(ApiError::duplicate("key", key.as_str()));
    }
    edit.key = key;
    Ok(())
}
